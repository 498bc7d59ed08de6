"""One direction: each part of the library imports only what comes before it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "demeanour"

# findings → plan → evidence → measures → statistics → verdict → report, as imports see it: from the ground up
LAYERS = [
    "errors", "files", "progress", "vocabulary", "statistics", "measures", "datasets", "views", "miniature", "models",
    "findings", "evidence", "evaluation", "verdicts", "reporting", "commands", "cli",
]  # fmt: skip
FILES = sorted(SOURCE.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            if node.module == "demeanour":
                yield from (f"demeanour.{alias.name}" for alias in node.names if alias.name != "__version__")


def layer(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def test_the_layers_are_those_that_exist() -> None:
    assert {layer(path) for path in FILES} - {"__init__"} == set(LAYERS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_downwards(path: Path) -> None:
    for name in imports(path):
        if name.startswith("demeanour.") and layer(path) != "__init__":
            other = name.split(".")[1]
            assert LAYERS.index(other) <= LAYERS.index(layer(path)), f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_library_knows_neither_pytest_nor_allure_nor_more_than_it_needs(path: Path) -> None:
    packages = {name.split(".")[0] for name in imports(path)}
    assert not packages & {"pytest", "_pytest", "xdist", "fixtures", "behaviours", "tests"}
    if not (layer(path) == "reporting" and path.stem.startswith("allure")):
        assert not packages & {"allure", "allure_commons", "allure_pytest"}
    if layer(path) in ("measures", "statistics"):
        assert packages <= {*sys.stdlib_module_names, "numpy", "scipy", "demeanour"}, packages
    if layer(path) == "measures":
        assert "scipy" not in packages


def test_measures_and_statistics_do_not_know_each_other() -> None:
    for path in FILES:
        if layer(path) == "statistics":
            assert not any(name.startswith("demeanour.measures") for name in imports(path))
        if layer(path) == "measures":
            assert not any(name.startswith("demeanour.statistics") for name in imports(path))


def test_a_run_on_predictions_imports_no_torch() -> None:
    code = "import sys, demeanour.cli, demeanour.reporting.plots; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_files_are_short_enough_to_know() -> None:
    long = {str(path.relative_to(ROOT)): n for path in FILES if (n := len(path.read_text().splitlines())) > 350}
    assert not long
