"""A miniature world that cannot be drawn: what is told of it, and of the data sets that would lie in it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from demeanour.datasets.catalogue import PUBLISHED
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evaluation import world
from demeanour.evaluation.display import evaluate
from demeanour.evidence.gather import Evidence
from demeanour.evidence.live import Live
from demeanour.evidence.plan import Unit
from demeanour.evidence.sources import miniature_folder
from tests.evaluation.live_cast import open_live

AGAIN = "it was not drawn to its end; `demeanour miniature` tries it again and says what hinders it"
SETS = {
    "imagenetv2": {"reader": "folder", "root": "miniature:imagenetv2", "classes": 16},
    "imagenet-real": {"reader": "label-sets", "root": "miniature:annotations/real.json", "classes": 16},
}


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Live:
    """A cast whose data lie in a world for which there is no place: its cache is a file."""
    (tmp_path / "full").write_text("no folder")
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "full"))
    return open_live(tmp_path, data=SETS)


def test_that_drawing_failed_is_told_with_the_reason_and_how_to_try_again(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []

    class Watched(subprocess.Popen[str]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            begun.append(self)

    monkeypatch.setattr(world.subprocess, "Popen", Watched)
    told: list[str] = []
    found = evaluate(live, [Unit("vit", "imagenetv2")], told.append, "cpu")
    (drawing,) = begun   # and no evaluator
    assert drawing.stderr.closed
    assert str(miniature_folder().parents[1]) in told[1]
    assert told[2] == "the miniature world could not be drawn to its end (exit 12); to try again: `demeanour miniature`"
    assert found.failed == {"vit on imagenetv2": f"'miniature:imagenetv2' is not there: a run draws the miniature "
                                                 f"world first, and {AGAIN}"}   # fmt: skip


def test_verdicts_are_told_that_drawing_failed_and_not_where_the_original_is_to_be_had(live: Live) -> None:
    evidence = Evidence(live.cast, live.store)
    for ask in (lambda: evidence.live.pictures("imagenetv2"), lambda: evidence.frame("imagenet-real")):
        with pytest.raises(NotMeasuredError) as caught:
            ask()
        assert not isinstance(caught.value, EvidenceError)
        assert str(caught.value).endswith(AGAIN)
        assert "github.com" not in str(caught.value)


def test_elsewhere_or_in_a_world_that_is_drawn_what_is_missing_is_told_as_it_is(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    elsewhere = open_live(tmp_path / "other", data={"imagenetv2": {**SETS["imagenetv2"], "root": "nowhere"}})
    with pytest.raises(NotMeasuredError, match=r"nowhere is missing") as caught:
        elsewhere.pictures("imagenetv2")
    assert PUBLISHED["imagenetv2"].obtain in str(caught.value)
    monkeypatch.setattr("demeanour.miniature.cache.parts.is_complete", lambda *_: True)
    with pytest.raises(NotMeasuredError, match=r"imagenetv2 is missing"):
        live.pictures("imagenetv2")


def test_what_is_there_and_wrong_is_told_as_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "cache"))
    live = open_live(tmp_path, data=SETS)
    file = miniature_folder() / "annotations" / "real.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    with pytest.raises(EvidenceError, match=r"real.json"):
        Evidence(live.cast, live.store).frame("imagenet-real")
