"""What several tests share: runs of the suite, and the published data where it is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.suite_run import ROOT, Suite


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """Run the suite."""
    return Suite(tmp_path)


@pytest.fixture(scope="session")
def published() -> Path:
    """The folder of published data; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("DEMEANOUR_PUBLISHED") or ROOT.parent / "shared" / "real").resolve()
    if not (folder / "imagenet-x").is_dir():
        pytest.skip("the published predictions are not here (DEMEANOUR_PUBLISHED)")
    return folder
