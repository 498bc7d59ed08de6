"""A cold run evaluates and judges; a warm one judges the same, and imports torch in no process."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.evaluation.live_cast import CLASSES, EACH, write_live_cast
from tests.small_cast import finding
from tests.suite_run import Finished, Suite

IMAGES = CLASSES * EACH
VIEWS = 3
MODELS = {"paradigm": "supervised"}
FINDINGS = [
    finding("guesses", data=["pictures", "zoomed"], compare=None, models=MODELS, relation="value < bound", bound=0.5),
    finding("overconfident", measure="signed_gap", data="pictures", compare=None, models=MODELS,
            relation="value > bound", bound=0),   # beside which logits are needed
    finding("apart", data="pictures", relation="left ~ right", margin=0.5, compare={
        "left": {"architecture": "vit"}, "right": {"architecture": "resnet"}, "pair_on": "paradigm"}),
]  # fmt: skip


def options(folder: Path) -> list[str]:
    cast = write_live_cast(folder)
    (folder / "findings").mkdir()
    found = [{key: value for key, value in one.items() if value is not None} for one in FINDINGS]
    (folder / "findings" / "small.yaml").write_text(yaml.safe_dump(found))
    return ["--cast", str(cast), "--findings", str(folder / "findings")]


@pytest.fixture
def poison(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """What is left behind where any process imports torch, and the environment in which it does so and fails."""
    folder, mark = tmp_path / "poison", tmp_path / "imported"
    folder.mkdir()
    lines = [f"open({str(mark)!r}, 'a').write('x')", "raise ImportError('torch was imported')"]
    (folder / "torch.py").write_text("\n".join(lines))
    first = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return mark, {"PYTHONPATH": first}


def verdicts(run: Finished) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run.verdicts["verdicts"]
    return found


def test_a_warm_run_judges_the_same_and_imports_torch_nowhere(
    suite: Suite, tmp_path: Path, poison: tuple[Path, dict[str, str]]
) -> None:
    mark, poisoned = poison
    cast, cache = options(tmp_path), tmp_path / "warm"
    cold = suite(*cast, name="cold", DEMEANOUR_CACHE=str(cache))
    passes = 2 * VIEWS * IMAGES   # one of the views is the plain one
    assert f"evaluated: {IMAGES} pictures decoded, {passes} passes through networks" in cold.output
    assert cold.code == 0, cold.output
    assert len(cold.words) == 7
    assert set(cold.words.values()) == {"holds"}
    shown = next(one["shown"] for one in verdicts(cold) if one["id"].startswith("small.overconfident"))
    assert "ece_temperature_scaled" in shown   # so the logits were read
    for name, workers in (("remembered", 0), ("judged again", 2)):
        if name == "judged again":
            shutil.rmtree(cache / "decisions")
        warm = suite(*cast, workers=workers, name=name, DEMEANOUR_CACHE=str(cache), **poisoned)
        assert warm.code == 0, warm.output
        assert "evaluated:" not in warm.output
        assert verdicts(warm) == verdicts(cold)
        assert not mark.exists()


def test_where_something_is_missing_the_poison_works(
    suite: Suite, tmp_path: Path, poison: tuple[Path, dict[str, str]]
) -> None:
    """Or the test above could not fail."""
    mark, poisoned = poison
    run = suite(*options(tmp_path), DEMEANOUR_CACHE=str(tmp_path / "empty"), **poisoned)
    assert mark.exists()
    assert run.code == 11
    assert set(run.words.values()) == {"not measured"}
    assert "torch was imported" in run.output
