"""What lint says of curves, averages and pairs: each key is read by its relation, or is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from demeanour.findings.thresholds import examine
from tests.small_cast import finding, write_small
from tests.suite_run import ROOT, Suite

LEVELS = [f"severity-{level}" for level in range(1, 6)]
ONE = {"compare": None, "models": {"paradigm": "clip"}, "measure": "corruption_accuracy", "groups": LEVELS}
TWO = {"measure": "corruption_accuracy", "groups": LEVELS}
KAPPA = {"measure": "error_consistency", "relation": "value > bound", "bound": 0}


def problems_of(folder: Path, keys: dict[str, Any]) -> list[str]:
    entry = {key: value for key, value in finding("new", **keys).items() if value is not None}
    write_small(folder, expect={}, findings=[entry])
    _, _, problems = examine(str(folder / "small.yaml"), folder / "findings", ROOT / "thresholds")
    return list(map(str, problems))


@pytest.mark.parametrize(
    "keys",
    [
        {**ONE, "relation": "groups fall"}, {**ONE, "relation": "groups rise", "margin": 0.1, "at_least": 3},
        {**TWO, "relation": "left flatter than right"}, {**TWO, "relation": "left area > right"},
        {**TWO, "relation": "left area > right", "at": [1, 1.25, 1.5, 2, 3]}, KAPPA,
    ],
    ids=["fall", "rise", "flatter", "area", "area at", "pair"],
)  # fmt: skip
def test_well_formed_relations_have_no_problem(tmp_path: Path, keys: dict[str, Any]) -> None:
    assert problems_of(tmp_path, keys) == []


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({**ONE, "relation": "groups fall", "groups": None}, "needs the points of the curve"),
        ({**ONE, "relation": "groups fall", "groups": "every"}, "needs the points of the curve"),
        ({**ONE, "relation": "groups fall", "groups": LEVELS[:1]}, "name two or more"),
        ({**ONE, "relation": "groups fall", "groups": [*LEVELS, LEVELS[0]]}, "a group stands twice"),
        ({**ONE, "relation": "groups fall", "groups": [*LEVELS, "severity-6"]}, "no group 'severity-6'; did you mean"),
        ({**ONE, "relation": "groups fall", "at": [1, 2, 3, 4, 5]}, "does not read 'at'"),
        ({**TWO, "relation": "left area > right", "at": [1, 2, 3]}, "3 places for 5 points"),
        ({**TWO, "relation": "left area > right", "at": [1, 2, 2, 3, 4]}, "the places do not increase"),
        ({**TWO, "relation": "left area > right", "at_least": 2}, "there is one comparison only"),
        ({**TWO, "relation": "groups fall"}, "does not read 'compare'"),
        ({**ONE, "relation": "groups fall", "at_least": 5}, "at least 5 of 4 steps"),
        ({**TWO, "groups": ["fog", "fog", "snow"]}, "a group stands twice"),
        ({**TWO, "groups": ["every", "fog"]}, "'every' stands for all groups"),
        ({**TWO, "groups": "every", "except_groups": ["fog"], "at_least": 20}, "at least 20 of 19 groups"),
        ({**TWO, "groups": ["fog", "snow"], "at_least": 1,
          "compare": {"left": {"paradigm": "clip"}, "right": {"paradigm": "supervised"}, "against": "every"}},
         "of groups, or of the models compared with?"),
        ({**KAPPA, "compare": None, "models": {"paradigm": "clip"}}, "needs the key 'compare'"),
        ({"measure": "error_consistency"}, "is a number of two models"),
        ({"average": True}, "there is one data set only"),
        ({"average": True, "data": ["tiny", "tiny"]}, "a data set stands twice"),
        ({"average": True, "data": ["tiny", "imagenet-val"], "strength": {"tiny": "A", "imagenet-val": "B"}},
         "an average has one strength"),
        ({"measure": "temperature"}, "'temperature' is fitted, not measured: it is shown, never decides"),
        ({"measure": "adaptive_ece"}, "decide by calibration_error"),
    ],
)  # fmt: skip
def test_what_a_relation_does_not_read_or_lacks_is_told(tmp_path: Path, keys: dict[str, Any], told: str) -> None:
    found = problems_of(tmp_path, keys)
    assert any(told in problem for problem in found), found


def test_a_pair_is_judged_in_a_run(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path, expect={}, findings=[finding("alike", **KAPPA)])
    lines = (tmp_path / "clip.csv").read_text().splitlines()
    for row in range(1, 200):   # what was wrong is right, and what was right is wrong
        name, predicted, confidence = lines[row].split(",")
        lines[row] = f"{name},{(int(predicted) + 9 * (row % 2)) % 10},{confidence}"
    (tmp_path / "clip.csv").write_text("\n".join(lines) + "\n")
    run = suite(*options)
    assert run.code == 0
    (verdict,) = run.verdicts["verdicts"]
    assert verdict["id"] == "small.alike[vit]"
    assert list(verdict["estimates"]) == ["sup and clip"]
    low, high = verdict["difference"]["interval"]
    assert -1 < low < verdict["difference"]["value"] < high < 1
    html = next((run.reports / "allure-results").glob("*-result.json")).read_text()
    assert "sup and clip" in html
