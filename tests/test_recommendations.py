"""Which model for which use, and which err alike: against models whose truth is known, and in a run's reports."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import Store
from demeanour.findings.load import load_cast
from demeanour.measures.registry import MEASURES
from demeanour.reporting import recommendations as page
from demeanour.reporting.run import carried
from demeanour.statistics.proportions import paired_difference
from demeanour.verdicts import agreement, recommendation
from demeanour.verdicts.recommendation import USES, Recommendation, Use, recommend, recommendations
from demeanour.verdicts.shifts import accuracy_lines
from tests.small_cast import write_small
from tests.suite_run import Suite

N = 2000
ACCURATE = Use("Tiny pictures", "top1", "tiny")
CALIBRATED = Use("Honest confidence", "calibration_error", "tiny")


def write_cast(folder: Path, accuracies: dict[str, float], context: tuple[str, ...] = (), seed: int = 0) -> Evidence:
    """Models of these accuracies whose luck is shared by half; confidences are right but for names with ``sure``."""
    rng = np.random.default_rng(seed)
    labels, luck = rng.integers(10, size=N), rng.random(N)
    rows = [f"{i:05d},{y}\n" for i, y in enumerate(labels)]
    (folder / "labels.csv").write_text("file_name,label\n" + "".join(rows))
    models: dict[str, Any] = {}
    for name, accuracy in accuracies.items():
        chance = np.clip(accuracy + 0.1 * rng.normal(size=N), 0.12, 0.95)
        right = np.where(rng.random(N) < 0.5, luck, rng.random(N)) < chance
        predicted = np.where(right, labels, (labels + 1) % 10)
        confidence = np.minimum(chance + (0.2 if "sure" in name else 0), 1)
        lines = [f"{i:05d},{p},{c:.4f}\n" for i, (p, c) in enumerate(zip(predicted, confidence, strict=True))]
        (folder / f"{name}.csv").write_text("id,prediction,confidence\n" + "".join(lines))
        models[name] = {"source": f"predictions:{name}.csv", "architecture": "a", "paradigm": "p", "data": "tiny",
                        "context": name in context}   # fmt: skip
    cast = {"about": "made up", "protocol": "none", "models": models,
            "data": {"tiny": {"reader": "labels", "root": "labels.csv", "images": N, "classes": 10}}}   # fmt: skip
    (folder / "cast.yaml").write_text(yaml.safe_dump(cast, sort_keys=False))
    return evidence_of(folder)


def evidence_of(folder: Path) -> Evidence:
    loaded, _, problems = load_cast(folder / "cast.yaml")
    assert loaded is not None, problems
    return Evidence(loaded, Store(folder / "store"))


def found(evidence: Evidence, use: Use = ACCURATE) -> Recommendation:
    one = recommend(evidence, use)
    assert one is not None
    return one


# --- who is named ---------------------------------------------------------------------------------------------------


def test_a_model_that_is_better_than_each_other_one_stands_alone_with_its_lead(tmp_path: Path) -> None:
    evidence = write_cast(tmp_path, {"low": 0.5, "high": 0.8, "middle": 0.65})
    one = found(evidence)
    assert one.best == ("high",)
    assert list(one.values) == ["high", "middle", "low"]
    right = {name: evidence.observations(name, "tiny").column("correct") for name in one.values}
    for name, estimate in one.values.items():
        assert (estimate.value, estimate.n) == (pytest.approx(right[name].mean()), N)
    by_hand = paired_difference(right["high"], right["middle"])   # two others, so the level is shared by two
    assert one.lead is not None
    assert (one.lead.over, one.lead.value) == ("middle", pytest.approx(by_hand.value))
    assert one.lead.interval == pytest.approx((by_hand.lower(0.025), by_hand.upper(0.025)))
    assert one.level == pytest.approx(0.95)


def test_models_that_these_images_do_not_tell_apart_stand_together(tmp_path: Path) -> None:
    one = found(write_cast(tmp_path, {"low": 0.5, "one": 0.8, "other": 0.8}))
    assert set(one.best) == {"one", "other"}
    assert one.best == tuple(one.values)[:2]
    assert one.lead is None


def test_of_a_measure_that_is_better_low_the_lowest_is_best(tmp_path: Path) -> None:
    one = found(write_cast(tmp_path, {"sure": 0.7, "honest": 0.6, "very-sure": 0.5}), CALIBRATED)
    assert one.best == ("honest",)
    assert next(iter(one.values)) == "honest"
    assert one.lead is not None
    assert 0 < one.lead.interval[0] < one.lead.value   # ahead is a positive number, whichever direction is better


def test_where_more_models_compete_a_lead_has_to_be_larger(tmp_path: Path) -> None:
    """The level is shared among the others: α = .05 for one of them, a quarter of it for four."""
    (tmp_path / "two").mkdir()
    (tmp_path / "five").mkdir()
    few = found(write_cast(tmp_path / "two", {"high": 0.8, "low": 0.6}))
    many = found(write_cast(tmp_path / "five", {"high": 0.8, "low": 0.6, "a": 0.3, "b": 0.3, "c": 0.3}))
    assert (few.level, many.level) == (pytest.approx(0.9), pytest.approx(0.975))
    assert few.lead is not None
    assert many.lead is not None
    assert np.ptp(many.lead.interval) > np.ptp(few.lead.interval)


def test_the_best_model_is_hardly_ever_left_out(tmp_path: Path) -> None:
    """Of four equal models each may be the best one: any that is left out is an error, of 5 % at most."""
    wrong = 0
    for seed in range(40):
        folder = tmp_path / str(seed)
        folder.mkdir()
        evidence = write_cast(folder, dict.fromkeys("abcd", 0.7), seed=seed)
        wrong += "a" not in found(evidence).best
    assert wrong <= 6   # 5 % of 40 are 2; more than 6 have a chance below 1 %


def test_references_do_not_play_and_one_model_alone_is_no_choice(tmp_path: Path) -> None:
    evidence = write_cast(tmp_path, {"person": 0.9, "one": 0.8, "other": 0.5}, context=("person",))
    assert found(evidence).best == ("one",)
    assert list(found(evidence).values) == ["one", "other"]
    (tmp_path / "few").mkdir()
    assert recommend(write_cast(tmp_path / "few", {"person": 0.9, "one": 0.8}, context=("person",)), ACCURATE) is None
    assert recommend(evidence, Use("Elsewhere", "top1", "imagenet-val")) is None


# --- what is missing or wrong ---------------------------------------------------------------------------------------


def test_a_model_without_evidence_is_told_and_the_level_stays_that_of_all(tmp_path: Path) -> None:
    write_cast(tmp_path, {"high": 0.8, "low": 0.6, "gone": 0.7})
    (tmp_path / "gone.csv").unlink()
    one = found(evidence_of(tmp_path))
    assert one.best == ("high",)
    assert "gone.csv" in one.lacking["gone"]
    assert one.level == pytest.approx(0.95)
    assert any("gone not measured (" in cell for cell in page.table_of_recommendations([one]).rows[0])


def test_wrong_evidence_is_told_and_names_nobody(tmp_path: Path) -> None:
    write_cast(tmp_path, {"high": 0.8, "low": 0.6})
    text = (tmp_path / "high.csv").read_text().splitlines()
    (tmp_path / "high.csv").write_text("\n".join([text[0], "00000,1,nan", *text[2:]]))
    one = found(evidence_of(tmp_path))
    assert (one.best, one.lead, list(one.values)) == ((), None, ["low"])
    assert "nan" in one.lacking["high"].lower()
    assert page.table_of_recommendations([one]).rows[0][1] == "not measured"


def test_it_is_remembered_until_evidence_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = found(write_cast(tmp_path, {"high": 0.8, "low": 0.6}))

    def never(*_: Any) -> None:
        raise AssertionError("it was computed again")

    with monkeypatch.context() as patch:
        patch.setattr(recommendation, "contrast", never)
        assert found(evidence_of(tmp_path)) == first
        (tmp_path / "low.csv").write_text((tmp_path / "high.csv").read_text().replace("0.8", "0.7"))
        with pytest.raises(AssertionError, match="computed again"):
            found(evidence_of(tmp_path))
    assert found(evidence_of(tmp_path)) != first


# --- the uses -------------------------------------------------------------------------------------------------------


def test_every_use_is_decided_by_a_measure_that_may_decide_and_no_two_are_one() -> None:
    assert all(MEASURES[use.measure].decides for use in USES)
    assert len({use.name for use in USES}) == len({(use.measure, use.data) for use in USES}) == len(USES)
    assert {use.measure for use in USES if use.sign < 0} == {"calibration_error", "error_ratio", "view_drop"}


def test_only_uses_of_the_data_sets_that_were_judged_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recommendation, "USES", (ACCURATE, CALIBRATED))
    evidence = write_cast(tmp_path, {"high": 0.8, "low": 0.6})
    assert [one.use for one in recommendations(evidence, ["tiny", "other"])] == [ACCURATE, CALIBRATED]
    assert recommendations(evidence, ["other"]) == []


# --- who errs alike -------------------------------------------------------------------------------------------------


def test_kappa_of_all_pairs_is_that_of_their_answers_and_references_are_among_them(tmp_path: Path) -> None:
    evidence = write_cast(tmp_path, {"a": 0.8, "b": 0.6, "person": 0.9}, context=("person",))
    pairs = agreement.agreements(evidence, "tiny")
    assert [one.pair for one in pairs] == list(combinations(("a", "b", "person"), 2))
    sklearn = pytest.importorskip("sklearn.metrics")
    for one in pairs:
        assert one.kappa is not None
        left, right = (evidence.observations(name, "tiny").column("correct") for name in one.pair)
        assert one.kappa.value == pytest.approx(sklearn.cohen_kappa_score(left, right))
        assert one.kappa.interval[0] < one.kappa.value < one.kappa.interval[1]
        assert one.kappa.n == N
    table = page.table_of_agreement(evidence, "tiny")
    assert [row[0] for row in table.rows] == ["a and b", "a and person (reference)", "b and person (reference)"]
    assert agreement.agreements(evidence_of(tmp_path), "tiny") == pairs


def test_a_model_without_evidence_has_no_pair_and_a_pair_without_a_value_says_why(tmp_path: Path) -> None:
    write_cast(tmp_path, {"a": 0.8, "b": 0.6, "gone": 0.7})
    (tmp_path / "gone.csv").unlink()
    assert [one.pair for one in agreement.agreements(evidence_of(tmp_path), "tiny")] == [("a", "b")]
    (tmp_path / "b.csv").write_text((tmp_path / "a.csv").read_text())
    (same,) = agreement.agreements(evidence_of(tmp_path), "tiny")
    assert same.kappa is None
    assert "error_consistency needs 10 images" in same.why
    (tmp_path / "b.csv").unlink()
    assert agreement.agreements(evidence_of(tmp_path), "tiny") == []


# --- in reports -----------------------------------------------------------------------------------------------------

ON_TINY = """
from demeanour.reporting import recommendations as page
from demeanour.reporting.run import carried
from demeanour.verdicts import recommendation
tiny = recommendation.Use("Tiny <pictures> | all", "top1", "tiny")
recommendation.USES = page.USES = (tiny, recommendation.Use("Elsewhere", "top1", "imagenet-val"))
page.AGREE_ON = ("tiny",)
"""
BREAKS = """
from demeanour.reporting import recommendations as page
from demeanour.reporting.run import carried
def broken(*_):
    raise RuntimeError("no table today")
page.tables_beside = broken
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_says_which_model_for_which_use_in_both_summaries(
    suite: Suite, tmp_path: Path, workers: int
) -> None:
    (tmp_path / "uses.py").write_text(ON_TINY)
    run = suite(*write_small(tmp_path), "-p", "uses", workers=workers, PYTHONPATH=str(tmp_path))
    assert run.code == 0, run.output
    text = (run.reports / "summary.md").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("| Tiny &lt;pictures>")]
    assert line.startswith("| Tiny &lt;pictures> \\| all | sup | +0.1500 [")
    assert "of clip | top1 on tiny (fraction; more is better) | sup 0.8000 [" in line
    assert "## Which model for which use" in text
    assert "<details><summary>Which models err alike on tiny</summary>" in text
    assert "| sup and clip | not measured | error_consistency needs 10 images" in text   # only one errs alone
    html = (run.reports / "summary.html").read_text(encoding="utf-8")
    assert '<th scope="row">Tiny &lt;pictures&gt; | all</th><td>sup</td>' in html
    assert "<h2>Which models err alike on tiny</h2>" in html
    assert "Elsewhere" not in text + html


def test_a_run_without_such_data_has_no_table(suite: Suite, tmp_path: Path) -> None:
    run = suite(*write_small(tmp_path))
    assert "Which model" not in (run.reports / "summary.md").read_text(encoding="utf-8")


def test_tables_that_cannot_be_made_are_no_green_run(suite: Suite, tmp_path: Path) -> None:
    (tmp_path / "breaks.py").write_text(BREAKS)
    run = suite(*write_small(tmp_path), "-p", "breaks", PYTHONPATH=str(tmp_path))
    assert run.code == 13
    assert any("no table today" in broken for broken in run.verdicts["run"]["broken"])
    assert json.loads((run.reports / "verdicts.json").read_text())["exit"] == 13


def shifted(folder: Path, accuracies: dict[str, tuple[float, float]]) -> Evidence:
    """Models whose answers to validation images and to V2's are right in these shares, to the image."""
    models: dict[str, Any] = {}
    for data in ("imagenet-val", "imagenetv2"):
        (folder / f"{data}.labels.csv").write_text("file_name,label\n" + "".join(f"{i:05d},1\n" for i in range(N)))
    for name, shares in accuracies.items():
        (folder / name).mkdir()
        for data, share in zip(("imagenet-val", "imagenetv2"), shares, strict=True):
            rows = [f"{i:05d},{int(i < share * N)}\n" for i in range(N)]
            (folder / name / f"{data}.csv").write_text("id,prediction\n" + "".join(rows))
        models[name] = {"source": f"predictions:{name}", "architecture": "a",
                        "paradigm": "clip" if "clip" in name else "supervised",
                        "data": ["imagenet-val", "imagenetv2"]}   # fmt: skip
    data = {one: {"reader": "labels", "root": f"{one}.labels.csv", "images": N, "classes": 10}
            for one in ("imagenet-val", "imagenetv2")}   # fmt: skip
    cast = {"about": "made up", "protocol": "none", "models": models, "data": data}
    (folder / "cast.yaml").write_text(yaml.safe_dump(cast, sort_keys=False))
    return evidence_of(folder)


def test_what_lies_beyond_the_line_of_supervised_models_is_shown(tmp_path: Path) -> None:
    clean = {"one": 0.6, "two": 0.7, "three": 0.8}
    line = {name: 1 / (1 + np.exp(-(1.2 * np.log(share / (1 - share)) - 0.5))) for name, share in clean.items()}
    there = {name: round(share * N) / N for name, share in line.items()}
    evidence = shifted(tmp_path, {**{name: (clean[name], there[name]) for name in clean}, "clip": (0.7, 0.75)})
    (row,) = page.table_of_shifts(accuracy_lines(evidence, ["imagenet-val", "imagenetv2"])).rows
    assert row[0] == "imagenetv2"
    assert float(row[1]) == pytest.approx(1.2, abs=0.01)
    assert row[2] == "one, two, three"
    beyond = dict(part.rsplit(" ", 1) for part in row[3].split("; "))
    assert float(beyond["clip"]) == pytest.approx(0.75 - line["two"], abs=0.001)
    assert all(abs(float(beyond[name].replace("−", "-"))) < 0.001 for name in clean)
    assert page.table_of_shifts(accuracy_lines(evidence, ["imagenetv2"])).rows == ()
    again = accuracy_lines(evidence_of(tmp_path), ["imagenet-val", "imagenetv2"])
    assert again == accuracy_lines(evidence, ["imagenet-val", "imagenetv2"])


def test_findings_are_counted_by_all_of_their_verdicts() -> None:
    said = [("a", "holds"), ("a", "holds"), ("b", "holds"), ("b", "violated"), ("c", "undecided")]
    said += [("d", "out of scope")]
    records = [{"finding": finding, "verdict": verdict} for finding, verdict in said]
    told = "of 3 findings, by all of their verdicts: 1 holds, 1 undecided, 1 differ between models or data sets"
    assert carried(records) == told
    assert carried(records[-1:]) == ""
