"""What several tests share: runs of the suite, and the published data where it is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.suite_run import ROOT, Suite, WholeRuns


def pytest_addoption(parser: pytest.Parser) -> None:
    """Whether what takes minutes is tested too."""
    parser.addoption("--slow", action="store_true", help="run the tests that evaluate real networks as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is slow, unless it is asked for, by ``--slow`` or by its file."""
    if config.getoption("--slow"):
        return
    asked = {(config.invocation_params.dir / argument.split("::")[0]).resolve() for argument in config.args}
    slow = [item for item in items if item.get_closest_marker("slow") and item.path not in asked]
    if slow:
        items[:] = [item for item in items if item not in slow]
        config.hook.pytest_deselected(items=slow)


def shared_folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """A folder of this run that pytest's workers share."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of verdicts that were drawn in this run; most tests' runs show the same ones."""
    return shared_folder(tmp_path_factory, "pictures")


@pytest.fixture
def suite(tmp_path: Path, pictures: Path) -> Suite:
    """Run the suite."""
    return Suite(tmp_path, pictures)


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> WholeRuns:
    """Runs of whole casts, which several tests look at."""
    return WholeRuns(shared_folder(tmp_path_factory, "whole-runs"))


@pytest.fixture(scope="session")
def published() -> Path:
    """The folder of published data; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("DEMEANOUR_PUBLISHED") or ROOT.parent / "shared" / "real").resolve()
    if not (folder / "imagenet-x").is_dir():
        pytest.skip("the published predictions are not here (DEMEANOUR_PUBLISHED)")
    return folder
