"""The gate as a whole: what it says of candidates, with which exit code, and what it refuses."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from demeanour.errors import EvidenceError, ThresholdsError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import check_paired
from demeanour.evidence.store import Store
from demeanour.findings.candidates import Trial
from demeanour.findings.thresholds import Thresholds, load_thresholds, with_trial
from demeanour.statistics.multiplicity import holm
from demeanour.statistics.proportions import paired_difference
from demeanour.verdicts.gate import judge_case
from demeanour.verdicts.outcome import contradicts
from demeanour.verdicts.self_check import AGAIN, BLIND, SHUFFLED, Planted, self_checks
from demeanour.verdicts.verdict import Verdict
from tests.small_gate import ACCURACY, FLOOR, LIKELIHOOD, TOLERANT, requirement, write_gate
from tests.suite_run import ROOT, Suite

DAY = datetime.date(2026, 6, 1)


def table(folder: Path, name: str, lost: int, gained: int = 0) -> None:
    """A candidate with the baseline's answers, but for so many of the 320 right ones, and of the 80 others."""
    labels = dict(line.split(",") for line in (folder / "labels.csv").read_text().splitlines()[1:])
    answers = [line.split(",") for line in (folder / "sup.csv").read_text().splitlines()[1:]]
    rows, left = [], {True: lost, False: gained}
    for one, answer, confidence in answers:
        right = answer == labels[one]
        left[right] -= 1
        flipped = (int(labels[one]) + 1) % 10 if right else labels[one]
        rows.append(f"{one},{flipped if left[right] >= 0 else answer},{float(confidence) * 0.99:.4f}\n")
    (folder / f"{name}.csv").write_text("id,prediction,confidence\n" + "".join(rows))


def trial(folder: Path, *specs: str, strict: bool = False) -> Thresholds:
    loaded = load_thresholds(str(folder / "small.yaml"), folder / "findings", ROOT / "thresholds")
    specs = tuple(spec if "=" in spec or ":" in spec else str(folder / spec) for spec in specs)
    return with_trial(loaded, Trial("sup", specs), folder / "policy.yaml", ROOT / "thresholds", strict)


def judged(folder: Path, *specs: str, day: datetime.date = DAY, strict: bool = False) -> dict[str, Verdict]:
    found = trial(folder, *specs, strict=strict)
    evidence = Evidence(found.cast, Store(folder / "store"))
    return {name: judge_case(case, evidence, day) for name, case in found.cases.items()}


def policy(folder: Path, **changes: Any) -> None:
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


def test_a_copy_is_the_baseline_however_few_the_images(tmp_path: Path) -> None:
    write_gate(tmp_path, requirement("accuracy", margin=0.0001), FLOOR)
    shutil.copy(tmp_path / "sup.csv", tmp_path / "copy.csv")
    found = judged(tmp_path, "copy.csv")["gate.accuracy"]
    assert (found.verdict, found.same, found.p_harm) == ("holds", True, 1.0)
    assert "the same" in found.reason
    low, high = found.difference.interval if found.difference else (0, 0)
    assert low < -0.0001 < 0.0001 < high   # it is not the interval that decides: that is never of no width


def test_equal_answers_without_confidences_prove_nothing(tmp_path: Path) -> None:
    write_gate(tmp_path, requirement("accuracy", margin=0.0001), requirement("wide", margin=0.05))
    rows = [line.rsplit(",", 1)[0] + "\n" for line in (tmp_path / "sup.csv").read_text().splitlines()]
    for name in ("sup", "copy"):
        (tmp_path / f"{name}.csv").write_text("".join(rows))
    found = judged(tmp_path, "copy.csv")
    assert found["gate.accuracy"].verdict == "undecided", found["gate.accuracy"].reason
    assert found["gate.wide"].verdict == "holds"


def test_harm_is_proved_over_all_requirements_and_by_its_own_interval(tmp_path: Path) -> None:
    """Each p-value is the α of the exact limits by bisection; three requirements make Holm's factors 3, 2, 1."""
    margins = {"strict": 0.01, "middle": 0.045, "wide": 0.2}
    write_gate(tmp_path, *(requirement(name, margin=margin) for name, margin in margins.items()))
    table(tmp_path, "new", 40, 12)
    found = judged(tmp_path, "new.csv")
    evidence = Evidence(trial(tmp_path, "new.csv").cast, Store(tmp_path / "store"))
    right = [evidence.observations(name, "tiny").column("correct").astype(bool) for name in ("candidate", "sup")]
    limits = paired_difference(*right)
    raw = []
    for margin in margins.values():
        low, high = 1e-12, 0.4999
        for _ in range(200):
            middle = (low * high) ** 0.5
            low, high = (low, middle) if limits.upper(middle) < -margin else (middle, high)
        raw.append(high if limits.upper(0.4999) < -margin else 1.0)
    adjusted = holm(raw)
    for (name, margin), p, q in zip(margins.items(), raw, adjusted, strict=True):
        verdict = found[f"gate.{name}"]
        assert verdict.p_harm == pytest.approx(p, rel=1e-6)
        assert verdict.p_harm_adjusted == pytest.approx(q, rel=1e-6)
        expected = "holds" if limits.lower(0.05) > -margin else "violated" if q <= 0.05 else "undecided"
        assert verdict.verdict == expected
    assert {verdict.verdict for name, verdict in found.items() if name.startswith("gate.")} >= {"violated", "undecided"}


def test_what_is_a_loss_alone_may_be_chance_among_many(tmp_path: Path) -> None:
    write_gate(tmp_path, requirement("accuracy", margin=0.03))
    table(tmp_path, "new", 34, 3)
    alone = judged(tmp_path, "new.csv")["gate.accuracy"]
    assert alone.verdict == "violated"
    assert alone.p_harm
    assert 0.05 / 6 < alone.p_harm <= 0.05
    others = [requirement(f"floor-{n}", bound={"at_least": 0.1}) for n in range(6)]
    write_gate(tmp_path, requirement("accuracy", margin=0.03), *others)
    among = judged(tmp_path, "new.csv")["gate.accuracy"]
    assert (among.verdict, among.p_harm) == ("undecided", alone.p_harm)
    assert "of 7 requirements one may look like this by chance" in among.reason


@pytest.mark.parametrize(
    ("waiver", "expected", "blocks"),
    [
        (None, "holds", True),
        ({"expect": "violated", "reason": "the old head", "owner": "vision", "until": "2026-06-01"}, "violated", False),
        ({"expect": "violated", "reason": "the old head", "until": "2026-05-31"}, "holds", True),
        ({"expect": "undecided", "reason": "being looked at"}, "undecided", False),
    ],
)
def test_a_waiver_lets_pass_until_its_last_day(
    tmp_path: Path, waiver: dict[str, Any] | None, expected: str, blocks: bool
) -> None:
    write_gate(tmp_path, ACCURACY)
    if waiver:
        until = {"until": datetime.date.fromisoformat(waiver["until"])} if "until" in waiver else {}
        policy(tmp_path, expect={"gate.accuracy": {**waiver, **until}})
    found = judged(tmp_path, "clip.csv")["gate.accuracy"]
    assert (found.verdict, found.expected, contradicts(found.record())) == ("violated", expected, blocks)
    if waiver:
        assert waiver["reason"] in (found.expected_because or "")


def test_who_must_prove(tmp_path: Path) -> None:
    write_gate(tmp_path, {**TOLERANT, "burden": "harm"}, {**ACCURACY, "burden": "harm"})
    found = judged(tmp_path, "clip.csv")
    assert (found["gate.tolerant"].verdict, found["gate.tolerant"].expected) == ("undecided", "not violated")
    assert found["gate.accuracy"].verdict == "violated"
    assert [contradicts(found[f"gate.{name}"].record()) for name in ("tolerant", "accuracy")] == [False, True]


def test_bounds_speak_of_the_candidate_alone(tmp_path: Path) -> None:
    write_gate(tmp_path, requirement("least", bound={"at_least": 0.7}), requirement("most", bound={"at_most": 0.7}))
    found = judged(tmp_path, "clip.csv")   # right on .65
    assert (found["gate.least"].verdict, found["gate.most"].verdict) == ("violated", "holds")
    assert list(found["gate.most"].estimates) == ["candidate"]


def test_findings_are_expected_to_be_as_with_the_baseline(tmp_path: Path) -> None:
    write_gate(tmp_path, FLOOR)
    table(tmp_path, "new", 170)
    found = judged(tmp_path, "new.csv")
    better = found["small.better[vit]"]   # holds with the baseline
    assert (better.before, better.verdict, better.expected, better.told) == ("holds", "violated", "holds", True)
    assert not contradicts(better.record())
    assert better.changed
    strict = judged(tmp_path, "new.csv", strict=True)["small.better[vit]"]
    assert contradicts(strict.record())


def test_several_candidates_each_have_their_requirements(tmp_path: Path) -> None:
    write_gate(tmp_path, ACCURACY, FLOOR)
    table(tmp_path, "new", 170)
    found = judged(tmp_path, f"old={tmp_path / 'clip.csv'}", "new.csv")
    assert {name for name in found if name.startswith("gate.")} == {
        "gate.accuracy[old]", "gate.floor[old]", "gate.accuracy[new]", "gate.floor[new]",
    }  # fmt: skip
    assert (found["gate.floor[old]"].verdict, found["gate.floor[new]"].verdict) == ("holds", "violated")
    assert found["gate.accuracy[new]"].p_harm_adjusted is not None
    assert "small.better[vit]@old" in found


def test_candidates_play_no_other_role(tmp_path: Path) -> None:
    write_gate(tmp_path, FLOOR)
    shutil.copy(tmp_path / "sup.csv", tmp_path / "copy.csv")
    cases = trial(tmp_path, "copy.csv").cases
    assert cases["small.better[vit]"].models == ("candidate", "clip")
    assert cases["small.better[vit]"].beside[0].models == ("sup", "clip")


def test_missing_evidence_is_not_measured_and_counts_among_the_others(tmp_path: Path) -> None:
    write_gate(tmp_path, ACCURACY, LIKELIHOOD)
    found = judged(tmp_path, "clip.csv")
    assert found["gate.likelihood"].verdict == "not measured"
    assert found["gate.accuracy"].p_harm_adjusted == pytest.approx(2 * (found["gate.accuracy"].p_harm or 0), rel=1e-9)


def test_what_a_cast_has_no_data_for_is_out_of_scope(tmp_path: Path) -> None:
    write_gate(tmp_path, ACCURACY, requirement("sketch", data=["imagenet-sketch"], margin=0.1))
    outside = trial(tmp_path, "clip.csv").out_of_scope
    assert [(one.id, one.reason) for one in outside] == [("gate.sketch", "the cast has no data set imagenet-sketch")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"requirements": [requirement("x", margin=0)]}, "requirements[0](gate.x).margin"),
        ({"requirements": [requirement("x")]}, "needs either the key 'margin' or the key 'bound'"),
        ({"requirements": [requirement("x", margin=0.1, bound={"at_least": 0.1})]}, "needs either the key"),
        ({"requirements": [requirement("x", bound={})]}, "needs one of the keys 'at_least' and 'at_most'"),
        ({"requirements": [requirement("x", bound={"at_most": 1}, better="lower")]}, "a bound does not read 'better'"),
        ({"requirements": [requirement("x", margn=0.1)]}, "unknown key 'margn'; did you mean 'margin'?"),
        ({"requirements": [requirement("x", margin=0.1, measure="top-1")]}, "no measure 'top-1'; did you mean 'top1'?"),
        ({"requirements": [requirement("x", margin=0.1, measure="ece")]}, "decide by calibration_error"),
        ({"requirements": [requirement("x", margin=0.1, measure="signed_gap")]}, "no direction of signed_gap is"),
        ({"requirements": [requirement("x", margin=0.1, measure="error_consistency")]}, "a number of two models"),
        ({"requirements": [requirement("x", margin=0.1, data=["tinny"])]}, "did you mean 'tiny'?"),
        ({"requirements": [requirement("x", margin={"imagenet-r": 0.1})]}, "says nothing of tiny"),
        ({"requirements": [requirement("x", margin={"tiny": 0.1, "imagenet-r": 0.1})]}, "does not speak of"),
        ({"requirements": [requirement("x", margin=0.1, average=True)]}, "there is one data set only"),
        ({"requirements": [requirement("x", margin=0.1, burden="nobody")]}, "burden"),
        ({"requirements": [requirement("x", margin=0.1)] * 2}, "'gate.x' stands twice"),
        ({"requirements": []}, "requirements"),
        ({"expect": {"gate.acuracy": {"expect": "violated", "reason": "x"}}}, "did you mean 'gate.accuracy'?"),
        ({"expect": {"gate.accuracy": {"expect": "holds", "reason": "x"}}}, "every requirement is expected to hold"),
        ({"expect": {"gate.accuracy[x]": {"expect": "violated", "reason": "x"}}}, "there is no such verdict"),
        ({"power": 1.0}, "power"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write_gate(tmp_path, ACCURACY)
    policy(tmp_path, **changes)
    with pytest.raises(ThresholdsError) as error:
        trial(tmp_path, "clip.csv")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("role", "specs", "message"),
    [
        ("sub", ("clip.csv",), "did you mean 'sup'?"),
        ("sup", ("nothing.csv",), "is no file"),
        ("sup", ("tim:vit",), "did you mean 'timm'?"),
        ("sup", ("sup=clip.csv",), "the name is taken"),
        ("sup", ("a=clip.csv", "a=sup.csv"), "the name is taken"),
    ],
)
def test_a_trial_that_cannot_be_meant_is_refused(
    tmp_path: Path, role: str, specs: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_gate(tmp_path, ACCURACY)
    monkeypatch.chdir(tmp_path)
    loaded = load_thresholds(str(tmp_path / "small.yaml"), tmp_path / "findings", ROOT / "thresholds")
    with pytest.raises(ThresholdsError, match=message.replace("?", r"\?")):
        with_trial(loaded, Trial(role, specs), tmp_path / "policy.yaml", ROOT / "thresholds")


def test_the_gate_knows_its_baseline_a_defect_and_answers_mixed_up(tmp_path: Path) -> None:
    write_gate(tmp_path, ACCURACY, FLOOR)
    found = trial(tmp_path, "clip.csv")
    evidence = Evidence(found.cast, Store(tmp_path / "store"))
    checks = self_checks(found.requirements, evidence)
    assert [(one.planted, one.passed) for one in checks] == [(AGAIN, True), (BLIND, True), (SHUFFLED, True)]
    with pytest.raises(EvidenceError):
        check_paired([evidence.observations("sup", "tiny"), Planted(evidence, SHUFFLED).observations(SHUFFLED, "tiny")])


def test_a_gate_that_can_block_nothing_fails_its_own_test(tmp_path: Path) -> None:
    """With a margin of 1 even a model that is wrong on half of the images loses too little."""
    write_gate(tmp_path, requirement("accuracy", margin=1.0))
    found = trial(tmp_path, "clip.csv")
    checks = self_checks(found.requirements, Evidence(found.cast, Store(tmp_path / "store")))
    assert [one.passed for one in checks] == [True, False, True]
    assert checks[1].said == "blocked by 0 of 1 requirements, 1 hold"


@pytest.mark.parametrize(
    ("requirements", "candidate", "more", "code", "word"),
    [
        ((ACCURACY, FLOOR), "sup.csv", (), 0, "released (exit 0)"),
        ((ACCURACY, FLOOR), "clip.csv", ("-n", "2"), 1, "blocked (exit 1)"),
        ((TOLERANT, ACCURACY), "middle.csv", (), 10, "undecided (exit 10)"),
        ((LIKELIHOOD, FLOOR), "sup.csv", (), 11, "not measured (exit 11)"),
        ((ACCURACY,), "sup.csv", ("--as", "nobody"), 12, "has no such model to replace"),
        ((requirement("accuracy", margin=1.0),), "clip.csv", (), 13, "the gate's own test failed"),
        ((FLOOR,), "poor.csv", (), 0, "released (exit 0)"),
        ((FLOOR,), "poor.csv", ("--strict",), 1, "blocked (exit 1)"),
    ],
)
def test_exit_codes(
    tmp_path: Path, requirements: tuple[dict[str, Any], ...], candidate: str, more: tuple[str, ...], code: int,
    word: str,
) -> None:
    options = [str(tmp_path / one) if (tmp_path / one).exists() else one for one in write_gate(tmp_path, *requirements)]
    table(tmp_path, "middle", 30, 16)
    table(tmp_path, "poor", 80)   # above the floor of .5, but no longer better than CLIP
    run = Suite(tmp_path)(*options, "--candidate", str(tmp_path / candidate), *more)
    assert run.code == code, run.output
    assert word in run.output
    if code not in (12, 13):
        assert run.verdicts["baseline"] == "sup"
        assert list(run.verdicts["candidate"]) == ["candidate"]
        assert {one["kind"] for one in run.verdicts["verdicts"]} == {"requirement", "characteristic"}


def test_options_of_a_gate_belong_together(tmp_path: Path) -> None:
    for options, message in ((("--as", "ViT-sup"), "--as needs --candidate"), (("--gate", "x"), "--gate needs")):
        run = Suite(tmp_path)(*options)
        assert (run.code, message in run.output) == (12, True), run.output
