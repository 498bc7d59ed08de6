"""Networks that answer once more in other ways: by as much as that moves a comparison, its limits are wider."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from demeanour.cli import main
from demeanour.errors import ThresholdsError
from demeanour.evaluation.evaluator import Evaluator
from demeanour.evaluation.passes import Passes
from demeanour.evidence.gather import Evidence
from demeanour.evidence.live import Live
from demeanour.evidence.plan import Unit, units_of
from demeanour.evidence.store import Store, manifest_of
from demeanour.findings.baseline import read_baseline
from demeanour.findings.candidates import Trial, asked_again, joined_by, with_candidates
from demeanour.findings.cast import Cast
from demeanour.findings.load import load_cast
from demeanour.findings.pairing import Case
from demeanour.findings.policy import load_policy
from demeanour.findings.trial import requirements
from demeanour.reporting.figures.looks import looks
from demeanour.verdicts.gate import judge_case
from demeanour.verdicts.verdict import Verdict
from tests.evaluation.live_cast import CLASSES, NETWORKS, WEIGHTS, write_live_cast, write_pictures
from tests.small_cast import finding
from tests.suite_run import Suite

ROLE, OTHER = "vit", "resnet"
CANDIDATE = "timm:" + NETWORKS[OTHER].format(WEIGHTS)
FINDINGS = [{
    **{key: value for key, value in finding("right").items() if key != "compare"}, "data": "pictures",
    "models": {"architecture": ROLE}, "relation": "value > bound", "bound": 0,
}]   # fmt: skip


@dataclass(frozen=True)
class World:
    """A cast whose networks are each right about a third of the pictures, by what they were asked before."""

    folder: Path

    @property
    def cast(self) -> Cast:
        cast, _, problems = load_cast(self.folder / "cast.yaml")
        assert cast is not None, problems
        return cast

    def on_trial(self, *noise: str) -> Cast:
        return with_candidates(self.cast, Trial(ROLE, (CANDIDATE,)), {}, self.folder, noise)

    def policy(self, margin: float, *noise: str) -> Path:
        required = {"id": "gate.calibration", "claim": "As calibrated.", "measure": "brier", "data": ["pictures"]}
        path = self.folder / "policy.yaml"
        content = {"about": "small", "noise": list(noise), "requirements": [{**required, "margin": margin}]}
        path.write_text(yaml.safe_dump(content))
        return path

    def case(self, cast: Cast, margin: float) -> Case:
        found = next(requirements(load_policy(self.policy(margin), [cast]), cast))
        assert isinstance(found, Case)
        return found

    def evaluated(self, cast: Cast) -> Evidence:
        live = Live(cast, Store(self.folder / "cache", print))
        failed: list[object] = []
        tell = lambda event: failed.append(event) if event["event"] == "failed" else None   # noqa: E731
        Evaluator(live, "cpu", tell).run(units_of(cast, [self.case(cast, 1.0)]))
        assert not failed
        return Evidence(cast, live.store)

    def judged(self, margin: float, *noise: str) -> Verdict:
        cast = self.on_trial(*noise)
        return judge_case(self.case(cast, margin), self.evaluated(cast))

    def brier(self, evidence: Evidence, model: str) -> float:
        """By hand, of what was answered."""
        columns = evidence.table(model, "pictures").columns
        return float(np.mean(1 - 2 * columns["probability_of_label"] + columns["sum_p2"]))

    def options(self, policy: Path) -> list[str]:
        return ["--cast", str(self.folder / "cast.yaml"), "--findings", str(self.folder / "findings"), "--gate",
                str(policy), "--as", ROLE]   # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("noise")
    (folder / "findings").mkdir()
    (folder / "findings" / "small.yaml").write_text(yaml.safe_dump(FINDINGS))
    write_pictures(folder / "pictures", each=12)
    cast = yaml.safe_load(write_live_cast(folder).read_text())
    names = sorted(path.name for path in (folder / "pictures").rglob("*.*"))
    for path in list((folder / "pictures").rglob("*.*")):
        path.rename(folder / "pictures" / path.name)
    cast["data"] = {"pictures": {"reader": "imagenet", "root": "pictures", "labels": "labels.csv", "classes": CLASSES,
                                 "images": len(names)}}   # fmt: skip
    (folder / "cast.yaml").write_text(yaml.safe_dump(cast))
    made = World(folder)
    _label(folder, dict.fromkeys(names, 0))
    found = made.evaluated(made.on_trial())
    said = [found.table(model, "pictures").columns["prediction"].astype(int) for model in (ROLE, "candidate")]
    files = _files(names, found.table(ROLE, "pictures").ids)
    # of three pictures one is as the one says, one as the other says, and one as neither is likely to
    answers = np.choose(np.arange(len(files)) % 3, [*said, (sum(said) + 5) % CLASSES]).tolist()
    _label(folder, dict(zip(files, answers, strict=True)))
    shutil.rmtree(folder / "cache")
    return made


def _files(names: list[str], ids: Any) -> list[str]:
    """The file of each id, whose suffix ids may lack."""
    return [next(name for name in names if Path(name).stem == Path(one).stem) for one in ids.tolist()]


def _label(folder: Path, labels: dict[str, int]) -> None:
    lines = ["file_name,label", *(f"{name},{label}" for name, label in labels.items())]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


def test_limits_are_wider_by_what_other_answers_move(world: World) -> None:
    without = world.judged(0.5)
    evidence = world.evaluated(world.on_trial("bf16"))
    floor = sum(
        abs(world.brier(evidence, model) - world.brier(evidence, f"{model}, bf16")) for model in (ROLE, "candidate")
    )
    assert floor > 1e-5
    found = world.judged(0.5, "bf16")
    assert without.difference is not None
    assert found.difference is not None
    assert found.difference.value == without.difference.value
    low, high = without.difference.interval
    assert found.difference.interval == pytest.approx((low - floor, high + floor), abs=1e-9)
    assert "widened by the numeric noise of" in found.difference.method
    margin = high + floor / 2   # which only rounding would decide
    assert world.judged(margin).verdict == "holds"
    assert world.judged(margin, "bf16").verdict == "undecided"


def test_several_ways_count_by_the_one_that_is_furthest(world: World) -> None:
    evidence = world.evaluated(world.on_trial("bf16", "batch/4", "cpu"))
    widest = 0.0
    for model in (ROLE, "candidate"):
        repeats = evidence.observations(model, "pictures").repeats
        assert [one.model for one in repeats] == [f"{model}, {way}" for way in ("bf16", "batch/4", "cpu")]
        values = [world.brier(evidence, name) for name in (model, *(one.model for one in repeats))]
        widest += max(values) - min(values)
    bare, wide = world.judged(0.5).difference, world.judged(0.5, "bf16", "batch/4", "cpu").difference
    assert bare is not None
    assert wide is not None
    assert wide.interval[1] - bare.interval[1] == pytest.approx(widest, abs=1e-9)


def test_each_way_is_how_the_network_was_asked(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[str, int]] = []
    begin = Passes.begin

    def seen(self: Passes, *arguments: Any) -> Any:
        asked.append((self.device, self.size))
        return begin(self, *arguments)

    monkeypatch.setattr(Passes, "begin", seen)
    cast = world.on_trial("batch/4", "bf16", "cpu")
    live = Live(cast, Store(tmp_path / "cache", print))
    units = {way: Unit(f"{ROLE}, {way}", "pictures") for way in ("batch/4", "bf16", "cpu")}
    for way, unit in units.items():
        asked.clear()
        Evaluator(live, "cpu", lambda _: None).run([unit])
        assert set(asked) == {("cpu", 4 if way == "batch/4" else 32)}
    keys = [live.key(unit) for unit in (Unit(ROLE, "pictures"), *units.values())]
    assert len(set(keys)) == 4
    about = {way: manifest_of(live.store.path(live.key(unit))) for way, unit in units.items()}
    assert about["batch/4"]["batch"] == "4"
    assert about["batch/4"]["numerics"] == "fp32"
    assert about["bf16"]["numerics"] == "bf16"
    assert all(one["device"] == "CPU" for one in about.values())


def test_who_answers_again_plays_in_no_finding_and_stands_beside_none(world: World) -> None:
    cast = world.on_trial("bf16")
    assert f"{ROLE}, bf16" in cast.models
    assert f"{ROLE}, bf16" not in cast.references
    assert looks(cast)[f"{ROLE}, bf16"].marker == "."
    units = units_of(cast, [world.case(cast, 0.5)])
    assert {unit.model for unit in units} == {ROLE, "candidate", f"{ROLE}, bf16", "candidate, bf16"}


def test_a_way_that_a_network_answers_in_anyway_is_none_of_its_others(world: World) -> None:
    assert world.on_trial("fp32").repeats == {}
    cast = world.cast
    card = cast.models[ROLE].model_copy(update={"numerics": "bf16", "batch": 4})
    half = cast.model_copy(update={"models": {**cast.models, ROLE: card}, "role": ROLE})
    assert list(asked_again(half, ["bf16", "fp32", "batch/4"]).repeats[ROLE]) == ["fp32"]


def test_another_process_asks_the_same(world: World) -> None:
    here = world.on_trial("bf16", "batch/2")
    cards = {name: here.models[name].model_dump(exclude_unset=True) for name in here.candidates}
    there = joined_by(world.cast, ROLE, cards, ["bf16", "batch/2"])
    assert there.repeats == here.repeats
    assert there.models == here.models


@pytest.mark.parametrize("way", ["bf8", "batch/0", "batch", "cuda", "BF16"])
def test_what_is_no_way_is_refused_where_it_stands(world: World, way: str) -> None:
    with pytest.raises(ThresholdsError, match=rf"noise\[1\]: '{way}' is no way to answer again; "):
        load_policy(world.policy(0.5, "bf16", way), [world.cast])


def test_a_way_that_stands_twice_is_refused(world: World) -> None:
    with pytest.raises(ThresholdsError, match="a way stands twice"):
        load_policy(world.policy(0.5, "bf16", "bf16"), [world.cast])


def test_how_tables_were_computed_is_not_for_a_card_to_say(world: World, tmp_path: Path) -> None:
    cast = yaml.safe_load((world.folder / "cast.yaml").read_text())
    cast["models"]["told"] = {"source": "predictions:told.csv", "architecture": "a", "paradigm": "b",
                              "data": ["pictures"], "numerics": "bf16"}   # fmt: skip
    path = tmp_path / "cast.yaml"
    path.write_text(yaml.safe_dump(cast))
    assert main(["lint", "--cast", str(path), "--findings", str(world.folder / "findings")]) == 12


def test_a_run_asks_again_and_a_pinned_baseline_keeps_what_it_said(
    world: World, suite: Suite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = {"DEMEANOUR_CACHE": str(world.folder / "cache")}
    monkeypatch.setenv(*next(iter(shared.items())))
    quiet, noisy = world.folder / "quiet.yaml", world.folder / "noisy.yaml"
    shutil.copy(world.policy(0.5), quiet)
    shutil.copy(world.policy(0.5, "bf16"), noisy)
    first = suite(*world.options(noisy), "--candidate", CANDIDATE, name="noisy", **shared)
    verdict = next(one for one in first.verdicts["verdicts"] if one["id"] == "gate.calibration")
    assert verdict["verdict"] != "not measured", first.output
    assert "numeric noise" in verdict["difference"]["method"]
    again = suite(*world.options(noisy), "--candidate", CANDIDATE, name="warm", **shared)
    assert "evaluated:" not in again.output

    record = ["baseline", "record", *world.options(quiet), "--out", str(world.folder / "without")]
    assert main(record) == 0
    assert main(["baseline", "record", *world.options(noisy), "--out", str(world.folder / "with")]) == 0
    assert read_baseline(world.folder / "with").noise == ["bf16"]
    lacking = suite(*world.options(noisy), "--candidate", CANDIDATE, "--baseline", str(world.folder / "without"),
                    name="lacking", **shared)   # fmt: skip
    assert lacking.code == 12
    assert "pins no answers of vit in bf16" in lacking.output
    assert "record it again" in lacking.output
    pinned = suite(*world.options(noisy), "--candidate", CANDIDATE, "--baseline", str(world.folder / "with"),
                   name="pinned", **shared)   # fmt: skip
    kept = next(one for one in pinned.verdicts["verdicts"] if one["id"] == "gate.calibration")
    assert kept["difference"] == verdict["difference"]

    compared = ["baseline", "diff", str(world.folder / "without"), str(world.folder / "with")]
    assert main([*compared, *world.options(noisy)[:-2]]) == 0   # whichever of them keeps other answers

    cast = world.on_trial("bf16")
    live = Live(cast, Store(world.folder / "cache", print))
    live.store.path(live.key(Unit("candidate, bf16", "pictures"))).unlink()
    shutil.rmtree(live.store.root / "decisions", ignore_errors=True)
    gone = suite(*world.options(noisy), "--candidate", CANDIDATE, "--no-evaluate", name="gone", **shared)
    assert gone.words["gate.calibration"] == "not measured"
    capsys.readouterr()
