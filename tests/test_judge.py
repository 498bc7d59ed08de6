"""Each kind of relation, judged on models whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import Store
from demeanour.findings.thresholds import load_thresholds
from demeanour.reporting.card import card
from demeanour.verdicts.judge import judge
from demeanour.verdicts.verdict import Verdict
from demeanour.verdicts.words import explanation, number
from tests.small_cast import SOURCE
from tests.suite_run import ROOT

N = 4000
ACCURACY = {"vit-sup": 0.80, "cnx-sup": 0.75, "vit-clip": 0.60, "cnx-clip": 0.59}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four models on 4,000 images, with confidences that are .1 too high for the CLIP models and right otherwise."""
    path = tmp_path_factory.mktemp("four")
    rng = np.random.default_rng(1)
    labels = rng.integers(10, size=N)
    luck = rng.random(N)
    (path / "labels.csv").write_text("file_name,label\n" + "".join(f"{i:05d},{y}\n" for i, y in enumerate(labels)))
    for name, accuracy in ACCURACY.items():
        chance = np.clip(accuracy + 0.15 * rng.normal(size=N), 0.1, 0.9)
        right = np.where(rng.random(N) < 0.7, luck, rng.random(N)) < chance
        predicted = np.where(right, labels, (labels + 1) % 10)
        confidence = chance + (0.1 if "clip" in name else 0)
        rows = [f"{i:05d},{p},{c:.4f}\n" for i, (p, c) in enumerate(zip(predicted, confidence, strict=True))]
        (path / f"{name}.csv").write_text("id,prediction,confidence\n" + "".join(rows))
    return path


def decide(folder: Path, tmp_path: Path, case: str = "", **finding: Any) -> Verdict:
    entry = {
        "id": "four.claim", "label": "T1", "claim": "A claim.", "source": SOURCE, "strength": "A", "measure": "top1",
        "data": "set", "margin": 0, **finding,
    }  # fmt: skip
    names = {"vit": "vit", "cnx": "convnext", "sup": "supervised", "clip": "clip"}
    models = {
        name: {
            "source": f"predictions:{folder / name}.csv", "architecture": names[name.split("-")[0]],
            "paradigm": names[name.split("-")[1]], "data": "set",
        }
        for name in ACCURACY
    }  # fmt: skip
    cast = {
        "about": "four", "protocol": "none", "models": models,
        "data": {"set": {"reader": "labels", "root": str(folder / "labels.csv"), "images": N, "classes": 10}},
    }  # fmt: skip
    (tmp_path / "findings").mkdir(exist_ok=True)
    (tmp_path / "findings" / "four.yaml").write_text(yaml.safe_dump([entry]))
    (tmp_path / "four.yaml").write_text(yaml.safe_dump(cast, sort_keys=False))
    loaded = load_thresholds(str(tmp_path / "four.yaml"), tmp_path / "findings", ROOT / "thresholds")
    cases = [one for one in loaded.cases.values() if case in one.id]
    assert len(cases) == 1, list(loaded.cases)
    return judge(cases[0], Evidence(loaded.cast, Store(folder / "store")))


PAIR = {"left": {"paradigm": "supervised"}, "right": {"paradigm": "clip"}, "pair_on": "architecture"}


@pytest.mark.parametrize(
    ("relation", "margin", "expected"),
    [
        ("left > right", 0, "holds"),
        ("left > right", 0.1, "holds"),
        ("left > right", 0.3, "violated"),
        ("left > right", 0.2, "undecided"),
        ("left < right", 0, "violated"),
        ("left < right", 0.1, "violated"),
        ("left >= right", 0.05, "holds"),
        ("left <= right", 0.05, "violated"),
        ("left <= right", 0.3, "holds"),
        ("left ~ right", 0.3, "holds"),
        ("left ~ right", 0.1, "violated"),
    ],
)
def test_paired_relations(folder: Path, tmp_path: Path, relation: str, margin: float, expected: str) -> None:
    """vit-sup is .2 more accurate than vit-clip."""
    found = decide(folder, tmp_path, "[vit]", compare=PAIR, relation=relation, margin=margin)
    assert found.verdict == expected, found.reason
    assert found.difference is not None
    assert found.difference.value == pytest.approx(0.2, abs=0.02)
    assert found.difference.value == pytest.approx(
        found.estimates["vit-sup"].value - found.estimates["vit-clip"].value, abs=1e-12
    )


def test_a_paired_interval_is_narrower_than_that_of_independent_models(folder: Path, tmp_path: Path) -> None:
    found = decide(folder, tmp_path, "[vit]", compare=PAIR, relation="left > right")
    assert found.difference is not None
    low, high = found.difference.interval
    sides = [estimate.interval[1] - estimate.interval[0] for estimate in found.estimates.values()]
    assert high - low < 0.95 * np.hypot(*sides)


def test_an_offset_moves_what_counts_as_equal(folder: Path, tmp_path: Path) -> None:
    found = decide(folder, tmp_path, "[vit]", compare=PAIR, relation="left ~ right", offset=0.2, margin=0.05)
    assert found.verdict == "holds"
    assert "vit-sup − vit-clip − 0.2 = " in found.reason


@pytest.mark.parametrize(
    ("model", "relation", "bound", "expected"),
    [
        ("vit-sup", "value > bound", 0.7, "holds"),
        ("vit-sup", "value < bound", 0.7, "violated"),
        ("vit-sup", "value > bound", 0.9, "violated"),
        ("vit-sup", "value < bound", 0.9, "holds"),
    ],
)
def test_bounds(folder: Path, tmp_path: Path, model: str, relation: str, bound: float, expected: str) -> None:
    found = decide(folder, tmp_path, models={"model": model}, relation=relation, bound=bound)
    assert found.verdict == expected
    assert found.difference is not None
    assert found.difference.value == pytest.approx(found.estimates[model].value - bound)


def test_against_every_other_model(folder: Path, tmp_path: Path) -> None:
    best = {"left": {"model": "vit-sup"}, "right": {"paradigm": ["supervised", "clip"]}, "against": "every"}
    found = decide(folder, tmp_path, compare=best, relation="left > right")
    assert found.verdict == "holds"
    assert {part.group for part in found.parts} == {"over cnx-sup", "over vit-clip", "over cnx-clip"}
    assert found.difference is not None
    assert found.difference.group == "over cnx-sup"   # the nearest one tips the scale


def test_gap_of_gaps(folder: Path, tmp_path: Path) -> None:
    compare = {
        "left": {"paradigm": "supervised"}, "right": {"paradigm": "clip"},
        "gap": [{"architecture": "vit"}, {"architecture": "convnext"}],
    }  # fmt: skip
    found = decide(folder, tmp_path, compare=compare, relation="left > right")
    assert found.id == "four.claim"
    assert found.difference is not None
    values = {name: found.estimates[name].value for name in ACCURACY}
    gap = (values["vit-sup"] - values["cnx-sup"]) - (values["vit-clip"] - values["cnx-clip"])
    assert found.difference.value == pytest.approx(gap, abs=1e-12)
    assert "(vit-sup − cnx-sup) − (vit-clip − cnx-clip)" in found.reason


def test_every_group_and_at_least(folder: Path, tmp_path: Path) -> None:
    claims = {"measure": "bin_gap", "models": {"model": "vit-clip"}, "relation": "value > bound", "bound": -0.15}
    every = decide(folder, tmp_path, groups="every", **claims)
    assert every.verdict == "holds"
    assert len(every.parts) > 8
    assert all(part.group.startswith("bin-") for part in every.parts)
    some = decide(folder, tmp_path, groups="every", at_least=3, **{**claims, "bound": 0.02})
    assert some.verdict == "holds"
    assert "at least 3 of" in some.reason


def test_the_top_group(folder: Path, tmp_path: Path) -> None:
    claim = {"measure": "confidence_histogram", "models": {"model": "vit-sup"}, "relation": "group in top", "top": 2}
    high = decide(folder, tmp_path, group="bin-14", **claim)
    low = decide(folder, tmp_path, group="bin-05", **claim)
    assert (high.verdict, low.verdict) == ("holds", "violated")
    assert len(high.parts) == 14


def test_groups_that_are_too_small_never_decide(folder: Path, tmp_path: Path) -> None:
    claims = {"measure": "bin_gap", "models": {"model": "vit-clip"}, "relation": "value > bound", "bound": 0}
    found = decide(folder, tmp_path, groups="every", min_n=10**6, **claims)
    assert found.verdict == "undecided"
    assert not any(part.counts for part in found.parts)
    assert "no group has 1000000 images or more" in found.reason


def test_calibration_is_decided_by_the_debiased_error_and_shows_ece(folder: Path, tmp_path: Path) -> None:
    found = decide(folder, tmp_path, "[vit]", compare=PAIR, measure="calibration_error", relation="left < right")
    assert found.verdict == "holds"
    assert found.estimates["vit-clip"].value == pytest.approx(0.01, abs=0.003)
    assert abs(found.estimates["vit-sup"].value) < 0.001
    assert found.shown["ece"]["vit-clip"] == pytest.approx(0.1, abs=0.02)
    assert found.shown["signed_gap"]["vit-clip"] == pytest.approx(0.1, abs=0.02)


def test_an_undecided_verdict_says_how_many_images_would_decide(folder: Path, tmp_path: Path) -> None:
    clip = {"left": {"model": "vit-clip"}, "right": {"model": "cnx-clip"}}
    found = decide(folder, tmp_path, compare=clip, relation="left > right", margin=0.005)
    assert found.verdict == "undecided"
    assert "images would decide, if the estimate stayed" in found.reason


def test_a_verdict_explains_itself_in_three_lines(folder: Path, tmp_path: Path) -> None:
    found = decide(folder, tmp_path, "[vit]", compare=PAIR, relation="left > right")
    lines = explanation(found, "pytest behaviours/").splitlines()
    assert len(lines) == 3
    assert lines[0] == "four.claim[vit] [T1, strength A] HOLDS, AS EXPECTED: A claim. [vit]"
    assert "vit-sup − vit-clip = +0." in lines[1]
    assert lines[2] == "reproduce: pytest behaviours/"


def test_the_same_question_gets_the_same_answer(folder: Path, tmp_path: Path) -> None:
    claims = {"compare": PAIR, "measure": "calibration_error", "relation": "left < right"}
    assert decide(folder, tmp_path, "[vit]", **claims).record() == decide(folder, tmp_path, "[vit]", **claims).record()


def test_words_of_others_are_escaped_in_a_card(folder: Path, tmp_path: Path) -> None:
    found = decide(folder, tmp_path, "[vit]", compare=PAIR, relation="left > right", claim="<script>alert(1)</script>")
    loaded = load_thresholds(str(tmp_path / "four.yaml"), tmp_path / "findings", ROOT / "thresholds")
    paper = loaded.findings.papers["vishniakov2024"]
    html = card(found, loaded.findings.findings["four.claim"], paper, loaded.cast, None, "pytest")
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_numbers_are_short_and_never_hide_a_small_one() -> None:
    assert number(0.12345) == "0.1235"
    assert number(-0.00012345) == "−1.23e−04"
    assert number(0.5, signed=True) == "+0.5000"
    assert number(0) == "0.0000"
