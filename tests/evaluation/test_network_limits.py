"""How large a network is and how long it takes: requirements on the network itself, beside those on its answers."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file

from demeanour.cli import main
from demeanour.errors import ThresholdsError
from demeanour.evaluation.drain import drain
from demeanour.evaluation.evaluator import Evaluator
from demeanour.evaluation.timing import in_turns
from demeanour.evidence.arrays import MANIFEST, Arrays
from demeanour.evidence.gather import Evidence
from demeanour.evidence.health import Health
from demeanour.evidence.live import Live
from demeanour.evidence.network import ROUNDS
from demeanour.evidence.plan import SIZE, TIMES, Unit, units_of
from demeanour.evidence.store import Store
from demeanour.evidence.workload import standings, workload
from demeanour.findings.baseline import read_baseline
from demeanour.findings.candidates import Trial, joined_by, with_candidates
from demeanour.findings.cast import Cast
from demeanour.findings.load import load_cast
from demeanour.findings.pairing import Case, OutOfScope
from demeanour.findings.policy import load_policy
from demeanour.findings.trial import requirements
from demeanour.models.description import Description
from demeanour.verdicts.flips import plain_sets
from demeanour.verdicts.gate import judge_case
from demeanour.verdicts.gate_power import UNFORETOLD, prospect
from demeanour.verdicts.self_check import self_checks
from demeanour.verdicts.slices import sliced_sets
from demeanour.verdicts.verdict import Verdict
from demeanour.views.geometry import Preprocessing
from tests.evaluation.live_cast import NETWORKS, WEIGHTS, write_live_cast
from tests.small_cast import finding
from tests.suite_run import Suite

ROLE, OTHER, QUICK = "vit", "resnet", "quick"
CANDIDATE = "timm:" + NETWORKS[OTHER].format(WEIGHTS)
SAME = "timm:" + NETWORKS[ROLE].format(WEIGHTS)
KEPT_BESIDE = ("running_mean", "running_var", "num_batches_tracked")   # of batches: in the file, and no parameters
COUNTS = {
    name: sum(array.size for key, array in load_file(text.format(WEIGHTS).partition("@")[2]).items()
              if not key.endswith(KEPT_BESIDE))
    for name, text in NETWORKS.items()
}   # fmt: skip
SLEEPING = '''
import time
from torch import nn


class Sleeping(nn.Module):
    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds
        self.head = nn.Linear(3, 16)

    def forward(self, pixels):
        time.sleep(self.seconds)
        return self.head(pixels.mean(dim=(2, 3)))


PIXELS = {"resize": 20, "crop": 16, "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]}


def slow():
    return Sleeping(0.05), PIXELS


def quick():
    return Sleeping(0), PIXELS
'''
SIZED = {"id": "gate.size", "claim": "As large.", "measure": "parameters", "data": ["network"]}
TIMED = {"id": "gate.latency", "claim": "As fast.", "measure": "milliseconds", "data": ["network"]}
ACCURACY = {"id": "gate.accuracy", "claim": "As right.", "measure": "top1", "data": ["pictures"], "margin": 0.9}
SCORED = {**ACCURACY, "id": "gate.score", "measure": "brier", "margin": 0.3}   # by which guessers can be made worse
FINDINGS = [{
    **{key: value for key, value in finding("right").items() if key != "compare"}, "data": "pictures",
    "models": {"architecture": ROLE}, "relation": "value > bound", "bound": 0,
}]   # fmt: skip


@dataclass(frozen=True)
class World:
    """Two small networks, and one that sleeps."""

    folder: Path

    @property
    def cast(self) -> Cast:
        cast, _, problems = load_cast(self.folder / "cast.yaml")
        assert cast is not None, problems
        return cast

    @property
    def slow(self) -> str:
        return f"python:{self.folder / 'sleeping.py'}:slow"

    def on_trial(self, *candidates: str, role: str = ROLE, noise: tuple[str, ...] = ()) -> Cast:
        return with_candidates(self.cast, Trial(role, candidates or (CANDIDATE,)), {}, self.folder, noise)

    def policy(self, *required: dict[str, Any], name: str = "policy.yaml") -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump({"about": "small", "requirements": list(required)}))
        return path

    def cases(self, cast: Cast, *required: dict[str, Any]) -> list[Case]:
        found = list(requirements(load_policy(self.policy(*required), [cast]), cast))
        assert all(isinstance(one, Case) for one in found), found
        return [one for one in found if isinstance(one, Case)]

    def evaluated(self, cast: Cast, cases: list[Case], cache: str = "cache") -> Evidence:
        live = Live(cast, Store(self.folder / cache, lambda _: None))
        failed: list[object] = []
        tell = lambda event: failed.append(event) if event["event"] == "failed" else None   # noqa: E731
        asked = [unit for unit in units_of(cast, cases) if cast.pinned(unit.model) is None]
        Evaluator(live, "cpu", tell).run(asked)
        assert not failed
        return Evidence(cast, live.store)

    def judged(self, *required: dict[str, Any], candidate: str = CANDIDATE, role: str = ROLE) -> dict[str, Verdict]:
        cast = self.on_trial(candidate, role=role)
        cases = self.cases(cast, *required)
        evidence = self.evaluated(cast, cases)
        return {case.id: judge_case(case, evidence) for case in cases}

    def times(self, evidence: Evidence, model: str) -> list[float]:
        return [float(one) for one in evidence.observations(model, "network").column("milliseconds")]

    def options(self, policy: Path, role: str = ROLE) -> list[str]:
        return ["--cast", str(self.folder / "cast.yaml"), "--findings", str(self.folder / "findings"), "--gate",
                str(policy), "--as", role]   # fmt: skip


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("demeanour.evaluation.timing.LEAST", 0.002)   # rounds that tell enough here
    monkeypatch.setenv("DEMEANOUR_RUN", "a run")   # by whose name functions of files are remembered
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings" / "small.yaml").write_text(yaml.safe_dump(FINDINGS))
    (tmp_path / "sleeping.py").write_text(SLEEPING)
    cast = yaml.safe_load(write_live_cast(tmp_path).read_text())
    card = {"source": f"python:{tmp_path / 'sleeping.py'}:quick", "architecture": "none", "paradigm": "untrained"}
    cast["models"][QUICK] = card
    (tmp_path / "cast.yaml").write_text(yaml.safe_dump(cast))
    return World(tmp_path)


def test_parameters_are_counted_and_a_count_leaves_no_doubt(world: World) -> None:
    more = COUNTS[OTHER] - COUNTS[ROLE]
    found = world.judged({**SIZED, "margin": abs(more) + 1})["gate.size"]
    counted = {name: one.value for name, one in found.estimates.items()}
    assert counted == {ROLE: COUNTS[ROLE], "candidate": COUNTS[OTHER]}
    assert found.difference is not None
    assert (found.difference.value, found.difference.interval) == (more, (more, more))
    assert found.difference.method == "counted"
    assert found.verdict == "holds"


@pytest.mark.parametrize(
    ("candidate", "role", "limit", "verdict"),
    [
        (100, 90, {"margin": 9}, "violated"), (100, 90, {"margin": 10}, "holds"), (100, 90, {"margin": 11}, "holds"),
        (90, 100, {"margin": 9}, "holds"), (90, 100, {"margin": 9, "better": "same"}, "violated"),
        (90, 100, {"margin": 10, "better": "same"}, "holds"), (100, 90, {"bound": {"at_most": 99}}, "violated"),
        (100, 90, {"bound": {"at_most": 100}}, "holds"), (100, 90, {"bound": {"at_least": 101}}, "violated"),
    ],
)  # fmt: skip
def test_a_limit_of_a_count_may_be_reached_and_not_passed(
    world: World, monkeypatch: pytest.MonkeyPatch, candidate: int, role: int, limit: dict[str, Any], verdict: str
) -> None:
    cast = world.on_trial()
    case = world.cases(cast, {**SIZED, **limit})[0]
    evidence = Evidence(cast, Store(world.folder / "cache", print))
    described = {ROLE: role, "candidate": candidate}
    monkeypatch.setattr(Live, "description", lambda _, model: _described(described[model]))
    found = judge_case(case, evidence)
    assert found.verdict == verdict
    assert found.p_harm == (1.0 if verdict == "holds" else pytest.approx(0, abs=1e-9))


def _described(parameters: int) -> Description:
    native = Preprocessing(73, "bicubic", 64, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
    return Description(str(parameters), "supervised", native, 16, parameters, ())


def test_a_network_that_sleeps_is_blocked_and_one_that_need_not_hurry_is_not(world: World) -> None:
    found = world.judged({**TIMED, "margin": 10}, {**TIMED, "id": "gate.bound", "bound": {"at_most": 12}},
                         {**TIMED, "id": "gate.room", "margin": 10_000}, candidate=world.slow, role=QUICK)   # fmt: skip
    assert {name: one.verdict for name, one in found.items()} == {
        "gate.latency": "violated", "gate.bound": "violated", "gate.room": "holds",
    }  # fmt: skip
    latency = found["gate.latency"]
    assert latency.estimates["candidate"].value > 50 > latency.estimates[QUICK].value > 0
    assert latency.estimates["candidate"].n == ROUNDS


def test_rounds_are_paired_and_their_mean_is_what_is_decided(world: World) -> None:
    cast = world.on_trial()
    cases = world.cases(cast, {**TIMED, "margin": 1000}, {**SIZED, "margin": 10**9})
    evidence = world.evaluated(cast, cases)
    before, after = (np.asarray(world.times(evidence, model)) for model in (ROLE, "candidate"))
    assert before.shape == after.shape == (ROUNDS,)
    found = judge_case(cases[0], evidence)
    assert found.difference is not None
    assert found.difference.value == pytest.approx((after - before).mean())
    half = 1.699127 * (after - before).std(ddof=1) / np.sqrt(ROUNDS)   # t of 29 degrees of freedom at .95
    assert found.difference.interval[1] == pytest.approx((after - before).mean() + half, rel=1e-4)
    manifests = [Arrays(evidence.store.root).read(evidence.live.key(Unit(model, "network", kind=TIMES)))
                 for model in (ROLE, "candidate")]   # fmt: skip
    assert [one[1]["device"] for one in manifests if one] == ["CPU", "CPU"]
    assert len({one[1]["when"] for one in manifests if one}) == 1


class _Counts:
    """Whoever is asked writes it down, and says how long it took by its own clock."""

    def __init__(self, name: str, asked: list[str]) -> None:
        self.name = name
        self.asked = asked

    def seconds(self, answers: int) -> float:
        self.asked.append(f"{self.name}{answers}")
        return answers * len(self.asked) / 1000


def test_who_begins_changes_with_each_round() -> None:
    asked: list[str] = []
    runners: list[Any] = [(_Counts(name, asked), answers) for name, answers in (("a", 1), ("b", 2), ("c", 3))]
    found = in_turns(runners, 4)
    assert asked == ["a1", "b2", "c3", "b2", "c3", "a1", "c3", "a1", "b2", "a1", "b2", "c3"]
    np.testing.assert_allclose(found, [[1, 2, 3], [6, 4, 5], [8, 9, 7], [10, 11, 12]])


def test_equal_networks_are_one(world: World) -> None:
    found = world.judged({**TIMED, "margin": 1e-9}, {**SIZED, "margin": 1}, candidate=SAME)
    assert {name: (one.verdict, one.same) for name, one in found.items()} == {
        "gate.latency": ("holds", True), "gate.size": ("holds", True),
    }  # fmt: skip


def test_equal_weights_that_see_larger_pictures_are_not_one(world: World) -> None:
    card = {"preprocessing": {"resize": 73, "crop": 64, "mean": [0.4, 0.5, 0.5], "std": [0.2, 0.2, 0.2]}}
    (world.folder / "prepared.yaml").write_text(yaml.safe_dump(card))
    found = world.judged({**TIMED, "margin": 10_000}, candidate="prepared.yaml")
    assert (found["gate.latency"].verdict, found["gate.latency"].same) == ("holds", False)


def test_tables_of_predictions_are_out_of_scope(world: World) -> None:
    cast = world.on_trial()
    table = cast.models["candidate"].model_copy(update={"source": "predictions:told.csv", "data": ["pictures"]})
    told = cast.model_copy(update={"models": {**cast.models, "candidate": table}})
    policy = load_policy(world.policy({**SIZED, "bound": {"at_most": 10**9}}, {**TIMED, "margin": 1}), [cast])
    found = list(requirements(policy, told))
    assert [(type(one), one.reason) for one in found if isinstance(one, OutOfScope)] == [
        (OutOfScope, "candidate has no evidence on network")
    ] * 2


def test_who_answers_again_is_not_asked_how_large_it_is(world: World) -> None:
    cast = world.on_trial(noise=("bf16",))
    cases = world.cases(cast, {**SIZED, "margin": 10**9}, {**TIMED, "margin": 10_000})
    assert {(unit.model, unit.kind) for unit in units_of(cast, cases)} == {
        (model, kind) for model in (ROLE, "candidate") for kind in (SIZE, TIMES)
    }  # fmt: skip
    evidence = world.evaluated(cast, cases)
    assert [judge_case(case, evidence).verdict for case in cases] == ["holds", "holds"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"network": {"reader": "folder", "root": "pictures", "classes": 16}}, "the data set 'network' is built in"),
        ({"mine": {"reader": "network", "images": 1, "classes": 2}}, "the reader 'network' is built in"),
    ],
)  # fmt: skip
def test_a_cast_has_no_such_data_set_of_its_own(
    world: World, capsys: pytest.CaptureFixture[str], data: dict[str, Any], said: str
) -> None:
    cast = yaml.safe_load((world.folder / "cast.yaml").read_text())
    (world.folder / "cast.yaml").write_text(yaml.safe_dump({**cast, "data": {**cast["data"], **data}}))
    options = ["--cast", str(world.folder / "cast.yaml"), "--findings", str(world.folder / "findings")]
    assert main(["lint", *options]) == 12
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({**SIZED, "data": ["pictures"]}, "the measure parameters is about the network itself"),
        ({**TIMED, "data": ["network", "pictures"]}, "the measure milliseconds is about the network itself"),
        ({**SIZED, "measure": "top1"}, "'network' is the network itself, of which there is no top1"),
    ],
)  # fmt: skip
def test_answers_and_the_network_itself_are_not_mixed_up(world: World, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ThresholdsError, match=said):
        load_policy(world.policy({**changes, "margin": 1}), [world.cast])


def test_a_finding_cannot_be_about_the_network_itself(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    entry = {**FINDINGS[0], "measure": "parameters", "data": "network"}
    (world.folder / "findings" / "small.yaml").write_text(yaml.safe_dump([entry]))
    assert main(["lint", *world.options(world.policy(SIZED))[:4]]) == 12
    assert "no cast has a data set 'network'" in capsys.readouterr().out


def test_what_was_never_loaded_or_timed_is_not_measured(world: World) -> None:
    cast = world.on_trial()
    cases = world.cases(cast, {**SIZED, "margin": 10**9}, {**TIMED, "margin": 10_000})
    never = Evidence(cast, Store(world.folder / "cache", print))
    found = [judge_case(case, never) for case in cases]
    assert [one.verdict for one in found] == ["not measured"] * 2
    assert all("candidate was not loaded yet" in one.reason for one in found)
    sized = world.evaluated(cast, cases[:1])
    assert [judge_case(case, sized).verdict for case in cases] == ["holds", "not measured"]


def test_a_network_that_fails_says_why_and_takes_no_other_with_it(world: World) -> None:
    (world.folder / "broken.py").write_text("def make():\n    raise ValueError('no such thing')\n")
    cast = world.on_trial(f"broken=python:{world.folder / 'broken.py'}:make", f"slow={world.slow}")
    cases = world.cases(cast, {**TIMED, "margin": 10_000}, {**SIZED, "margin": 10**9})
    live = Live(cast, Store(world.folder / "cache", lambda _: None))
    Evaluator(live, "cpu", lambda _: None).run(units_of(cast, cases))
    evidence = Evidence(cast, live.store)
    found = {case.id: judge_case(case, evidence) for case in cases}
    for name in ("latency", "size"):
        assert found[f"gate.{name}[slow]"].verdict == "holds"
        assert found[f"gate.{name}[broken]"].verdict == "not measured"
        assert "no such thing" in found[f"gate.{name}[broken]"].reason


def test_all_are_timed_again_when_one_is_missing_and_decisions_follow(world: World) -> None:
    cast = world.on_trial()
    cases = world.cases(cast, {**TIMED, "margin": 10_000})
    first = world.evaluated(cast, cases)
    times = {model: world.times(first, model) for model in (ROLE, "candidate")}
    identities = {model: first.identity(model, "network") for model in times}
    again = world.evaluated(cast, cases)
    assert {model: world.times(again, model) for model in times} == times
    assert {model: again.identity(model, "network") for model in times} == identities
    shutil.rmtree(Arrays(first.store.root).folder(first.live.key(Unit("candidate", "network", kind=TIMES))))
    anew = world.evaluated(cast, cases)
    for model, taken in times.items():
        assert world.times(anew, model) != taken
        assert anew.identity(model, "network") != identities[model]


def test_rounds_of_two_measurements_never_stand_beside_each_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = world.on_trial()
    cases = world.cases(cast, {**TIMED, "margin": 10_000})
    first = world.evaluated(cast, cases)
    units = [Unit(model, "network", kind=TIMES) for model in (ROLE, "candidate")]
    shutil.rmtree(Arrays(first.store.root).folder(first.live.key(units[1])))
    written: list[str] = []

    def full(*_: object) -> None:
        written.append("once")
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Arrays, "write", full)
        Evaluator(Live(cast, first.store), "cpu", lambda _: None).run(units)
    assert written
    left = Evidence(cast, first.store)
    assert not any(left.live.has(unit) for unit in units)   # also of the one that was there
    found = judge_case(cases[0], left)
    assert found.verdict == "not measured"
    assert "the disk is full" in found.reason


def test_where_several_devices_evaluate_one_of_them_times_when_the_others_have_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = world.on_trial()
    units = units_of(cast, world.cases(cast, {**TIMED, "margin": 1}, {**SIZED, "margin": 1}, ACCURACY))
    asked: list[tuple[str, set[str]]] = []
    monkeypatch.setattr("demeanour.evaluation.drain.devices", lambda _: ["cuda:0", "cuda:1"])
    monkeypatch.setattr("demeanour.evaluation.drain._one", lambda _, units, device, *__: asked.append(
        (device, {unit.kind for unit in units})))   # fmt: skip
    drain(Live(cast, Store(world.folder / "cache", print)), units, lambda _: None)
    assert sorted(asked[:2]) == [("cuda:0", {SIZE, "table"}), ("cuda:1", {SIZE, "table"})]
    assert asked[2:] == [("cuda:0", {TIMES})]


def test_others_beside_it_are_another_measurement(world: World) -> None:
    one, two = world.on_trial(f"a={CANDIDATE}"), world.on_trial(f"a={CANDIDATE}", f"b={world.slow}")
    evidence = world.evaluated(one, world.cases(one, {**TIMED, "margin": 10_000}))
    other = world.evaluated(two, world.cases(two, {**TIMED, "margin": 10_000}))
    unit = Unit("a", "network", kind=TIMES)
    assert evidence.live.key(unit) != other.live.key(unit)
    assert len({*world.times(other, "a"), *world.times(evidence, "a")}) > ROUNDS


def test_a_pinned_baseline_has_a_size_and_no_times(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE", str(world.folder / "cache"))
    required = [{**SIZED, "margin": 10**9}, {**TIMED, "margin": 10_000},
                {**TIMED, "id": "gate.bound", "bound": {"at_most": 10_000}}, ACCURACY]   # fmt: skip
    cast = world.on_trial()
    world.evaluated(cast, world.cases(cast, *required))
    record = ["baseline", "record", *world.options(world.policy(*required))]
    assert main([*record, "--out", str(world.folder / "base")]) == 0
    pinned = read_baseline(world.folder / "base")
    assert {value.requirement for value in pinned.values} == {"gate.size", "gate.accuracy"}
    assert next(one.value for one in pinned.values if one.requirement == "gate.size") == COUNTS[ROLE]
    assert not {piece.kind for piece in pinned.pieces} & {SIZE, TIMES}
    assert pinned.missing == {}
    assert "network" not in pinned.sets

    trial = Trial(ROLE, (CANDIDATE,), world.folder / "base")
    kept = with_candidates(world.cast, trial, {}, world.folder)
    cases = world.cases(kept, *required)
    evidence = world.evaluated(kept, cases)
    found = {case.id: judge_case(case, evidence) for case in cases}
    assert {name: one.verdict for name, one in found.items()} == {
        "gate.size": "holds", "gate.latency": "not measured", "gate.bound": "holds",
        "gate.accuracy": found["gate.accuracy"].verdict,
    }  # fmt: skip
    assert "pins no times of vit" in found["gate.latency"].reason
    assert "require a `bound`" in found["gate.latency"].reason


def test_what_is_about_answers_leaves_it_alone(world: World) -> None:
    cast = world.on_trial()
    required = [{**SIZED, "margin": 10**9}, {**TIMED, "margin": 10_000},
                ACCURACY]  # fmt: skip
    cases = world.cases(cast, *required)
    evidence = world.evaluated(cast, cases)
    assert list(plain_sets(cast, ["network", "pictures"])) == ["pictures"]
    assert sliced_sets(cast, ["network", "pictures"]) == ["pictures"]
    checks = self_checks(cases, evidence)
    assert [check.said for check in checks[:1]] == ["no difference in 1 requirements"]
    assert self_checks(cases[:2], evidence) == []
    assert [prospect(case, evidence, 0.99).basis == UNFORETOLD for case in cases] == [True, True, False]


def test_no_margin_is_suggested_for_it_and_none_is_missing(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE", str(world.folder / "cache"))
    limits = world.policy({**SIZED, "margin": 5}, {**TIMED, "margin": 2})
    assert main(["baseline", "suggest", *world.options(limits)]) == 0
    assert capsys.readouterr().out.count("not foretold") == 3
    assert main(["baseline", "suggest", *world.options(world.policy({**SIZED, "margin": 5}, SCORED))]) == 11


def test_no_picture_is_counted_for_it(world: World) -> None:
    cast = world.on_trial()
    cases = world.cases(cast, {**SIZED, "margin": 10**9}, {**TIMED, "margin": 10_000})
    before = Health(Evidence(cast, Store(world.folder / "cache", print)))
    units = units_of(cast, cases)
    found = standings(before, units)
    assert {str(one) for one in found} == {"to load", "to time"}
    work = workload(before, found)
    assert (work.decoded, work.passes, work.disk) == ({}, {}, 0)
    after = Health(world.evaluated(cast, cases))
    assert {str(one) for one in standings(after, units)} == {"evaluated"}


def test_another_process_knows_the_data_set(world: World) -> None:
    here = world.on_trial()
    cards = {name: here.models[name].model_dump(exclude_unset=True) for name in here.candidates}
    assert joined_by(world.cast, ROLE, cards).data == here.data


def test_a_whole_run_times_once(world: World, suite: Suite) -> None:
    shared = {"DEMEANOUR_CACHE": str(world.folder / "cache")}
    policy = world.policy({**TIMED, "margin": 10}, {**SIZED, "margin": 10**9}, SCORED)
    options = [*world.options(policy, QUICK), "--candidate", world.slow]
    first = suite(*options, name="first", **shared)
    assert first.code == 1, first.output
    assert first.words["gate.latency"] == "violated"
    assert first.words["gate.size"] == "holds"
    assert "timed in 30 rounds, one picture at a time: quick on CPU, candidate on CPU" in first.output
    warm = suite(*options, name="warm", **shared)
    assert "evaluated:" not in warm.output
    assert "timed in" not in warm.output
    assert warm.code == first.code
    assert _numbers(warm.verdicts) == _numbers(first.verdicts)
    manifests = list((world.folder / "cache" / "arrays").glob(f"*/{MANIFEST}"))
    assert len(manifests) == 2
    manifests[0].unlink()
    gone = suite(*options, "--no-evaluate", name="gone", **shared)
    assert gone.words["gate.latency"] == "not measured"


def _numbers(verdicts: dict[str, Any]) -> dict[str, list[float]]:
    return {one["id"]: [each["value"] for each in one["estimates"].values()] for one in verdicts["verdicts"]}
