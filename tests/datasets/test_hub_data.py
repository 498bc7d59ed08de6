"""Nothing is downloaded unasked; what is allowed is asked of the hub as its library wants it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from demeanour.datasets.pictures.hub import at_hand, fetch
from demeanour.errors import EvidenceError, NotMeasuredError

SIGNATURE = inspect.signature(huggingface_hub.snapshot_download)


class Hub:
    """In place of ``snapshot_download``: notes what it is asked for, and writes some files."""

    def __init__(self, *files: str, error: Exception | None = None) -> None:
        self.files, self.error = files, error
        self.asked: list[dict[str, Any]] = []

    def __call__(self, *repo: str, **options: Any) -> str:
        self.asked.append(SIGNATURE.bind(*repo, **options).arguments)
        if self.error:
            raise self.error
        for name in self.files:
            path = Path(options["local_dir"]) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"a file")
        return str(options["local_dir"])


def test_what_is_not_allowed_is_not_asked_for(tmp_path: Path) -> None:
    hub = Hub("data/train-00000-of-00059.parquet")
    with pytest.raises(NotMeasuredError) as caught:
        fetch("facebook/PUG_ImageNet", "data/train-*", tmp_path / "pug", False, hub)
    assert not isinstance(caught.value, EvidenceError)
    assert hub.asked == []
    assert list(tmp_path.iterdir()) == []
    told = str(caught.value)
    assert "facebook/PUG_ImageNet (29.4 GB) is not here" in told
    command = "hf download facebook/PUG_ImageNet --repo-type dataset --include 'data/train-*' --local-dir"
    assert told.endswith(f"get it with the option `--download`, or run: {command} '{tmp_path}/pug'")


def test_the_size_is_told_where_it_is_known_only(tmp_path: Path) -> None:
    with pytest.raises(NotMeasuredError, match=r"^me/mine is not here"):
        fetch("me/mine", "*", tmp_path, False, Hub())


def test_what_is_allowed_is_downloaded_into_the_folder(tmp_path: Path) -> None:
    hub = Hub("test/nshards.txt", "test/0.tar", "classnames.txt")
    assert fetch("clip-benchmark/wds_vtab-dtd", "test/*", tmp_path / "dtd", True, hub) == tmp_path / "dtd"
    assert hub.asked == [{
        "repo_id": "clip-benchmark/wds_vtab-dtd", "repo_type": "dataset", "allow_patterns": "test/*",
        "local_dir": tmp_path / "dtd",
    }]  # fmt: skip
    assert (tmp_path / "dtd" / "test" / "0.tar").is_file()


def test_the_library_of_the_hub_is_what_downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub("a.parquet")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub)
    fetch("me/mine", "*.parquet", tmp_path, True)
    assert [asked["repo_id"] for asked in hub.asked] == ["me/mine"]


@pytest.mark.parametrize("error", [OSError("no route to host"), ValueError("no such thing"), RuntimeError("what?")])
def test_a_download_that_fails_is_not_measured(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(NotMeasuredError, match=f"me/mine could not be downloaded .*: {error.args[0][:7]}") as caught:
        fetch("me/mine", "*", tmp_path, True, Hub(error=error))
    assert caught.value.__cause__ is error


def test_a_pattern_that_fits_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"me/mine has no files data/val-\*; see https://.*/datasets/me/mine"):
        fetch("me/mine", "data/val-*", tmp_path, True, Hub("data/test.parquet"))


def test_the_library_of_the_hub_is_imported_only_for_a_download() -> None:
    code = "import sys, demeanour.datasets.pictures.hub; print('huggingface_hub' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_was_downloaded_to_its_end_is_not_asked_for_again(tmp_path: Path) -> None:
    hub = Hub("test/0.tar", error=OSError("the line is dead"))
    with pytest.raises(NotMeasuredError, match="the line is dead"):
        at_hand("me/mine", "test/*", tmp_path, True, hub)
    hub.error = None
    at_hand("me/mine", "test/*", tmp_path, True, hub)
    at_hand("me/mine", "test/*", tmp_path, False, hub)
    assert len(hub.asked) == 2
    with pytest.raises(NotMeasuredError, match="is not here"):
        at_hand("me/mine", "train/*", tmp_path, False, hub)
