"""A network that was pinned: its weights and all that the store had of it are gone, and the gate decides the same."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from demeanour.cli import main
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evaluation.evaluator import Evaluator
from demeanour.evidence.arrays import Arrays
from demeanour.evidence.gather import Evidence
from demeanour.evidence.live import Live
from demeanour.evidence.plan import TABLE, Unit, units_of
from demeanour.evidence.store import Store
from demeanour.findings.baseline import Baseline, read_baseline
from demeanour.findings.cast import Cast
from demeanour.findings.load import load_cast
from demeanour.findings.pairing import Case, Comparison
from demeanour.findings.policy import Requirement, load_policy
from demeanour.miniature.formats.shards import write_task
from demeanour.statistics.seeds import generator
from demeanour.verdicts.pinning import Asked, record
from tests.evaluation.live_cast import NETWORKS, WEIGHTS, open_live, write_live_cast
from tests.small_cast import finding
from tests.suite_run import Suite

ROLE, OTHER = "vit", "resnet"
POLICY = {
    "about": "small networks that guess",
    "requirements": [
        {"id": "gate.accuracy", "claim": "Right as often.", "measure": "top1", "data": ["pictures"], "margin": 0.3},
        {"id": "gate.scale", "claim": "Loses no more.", "measure": "view_accuracy", "data": ["zoomed"], "margin": 0.3,
         "better": "higher"},
        {"id": "gate.alike", "claim": "Layers as alike.", "measure": "layer_similarity", "data": ["layers"],
         "better": "same", "margin": 0.5},
    ],
}  # fmt: skip
FINDINGS = [{
    **{key: value for key, value in finding("overconfident").items() if key != "compare"}, "measure": "signed_gap",
    "data": "pictures", "models": {"architecture": ROLE}, "relation": "value > bound", "bound": 0,
}]   # beside which logits are needed  # fmt: skip


@pytest.fixture(scope="module")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cast whose two networks are evaluated, and one of them recorded and then removed; what the gate said before."""
    folder = tmp_path_factory.mktemp("pinned")
    shutil.copy(NETWORKS[ROLE].format(WEIGHTS).partition("@")[2], folder / "production.safetensors")
    cast = yaml.safe_load(write_live_cast(folder).read_text())
    cast["models"][ROLE]["source"] = f"timm:miniature_vit@{folder / 'production.safetensors'}"
    cast["data"]["layers"] = {"reader": "similarity", "of": "pictures"}
    cast["data"]["zoomed"]["views"] = ["scale/1", "scale/1.5"]
    (folder / "cast.yaml").write_text(yaml.safe_dump(cast))
    (folder / "policy.yaml").write_text(yaml.safe_dump(POLICY))
    (folder / "findings").mkdir()
    (folder / "findings" / "small.yaml").write_text(yaml.safe_dump(FINDINGS))
    _evaluate(folder)
    return folder


def _cast(folder: Path) -> Cast:
    cast, _, problems = load_cast(folder / "cast.yaml")
    assert cast is not None, problems
    return cast


def _evaluate(folder: Path) -> None:
    cast = _cast(folder)
    policy = load_policy(folder / "policy.yaml", [cast])
    claims = [one.assertion(one.data[0], "G") for one in policy.requirements]
    both = (Comparison("", ((1, (ROLE,)), (-1, (OTHER,)))),)
    units = units_of(cast, [Case(one.id, one, tuple(one.data), "", both) for one in claims])
    units += [Unit(name, "pictures", kind="logits") for name in (ROLE, OTHER)]
    live = Live(cast, Store(folder / "cache", print))
    failed: list[object] = []
    Evaluator(live, "cpu", lambda event: failed.append(event) if event["event"] == "failed" else None).run(units)
    assert not failed


def _options(folder: Path) -> list[str]:
    return ["--cast", str(folder / "cast.yaml"), "--findings", str(folder / "findings"),
            "--gate", str(folder / "policy.yaml"), "--as", ROLE]   # fmt: skip


def _verdicts(suite: Suite, folder: Path, name: str, *more: str, **environment: str) -> Any:
    cards = yaml.safe_load((folder / "cast.yaml").read_text())["models"]
    run = suite(*_options(folder), "--candidate", cards[OTHER]["source"], *more, name=name,
                **{"DEMEANOUR_CACHE": str(folder / "cache"), **environment})   # fmt: skip
    assert set(run.words) == {"gate.accuracy", "gate.scale", "gate.alike", "small.overconfident[vit]"}, run.output
    assert "evaluated:" not in run.output
    return run


def _forget(folder: Path, baseline: Baseline) -> None:
    """Remove the weights, and what the store has of them."""
    (folder / "production.safetensors").unlink()
    store = Store(folder / "cache", print)
    for piece in baseline.pieces:
        if piece.kind == TABLE:
            store.path(piece.key).unlink(missing_ok=True)   # two names of a view have one
        else:
            shutil.rmtree(Arrays(store.root).folder(piece.key))
    shutil.rmtree(store.root / "decisions")


def test_a_gate_decides_the_same_without_the_weights(
    pinned: Path, suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE", str(pinned / "cache"))
    assert main(["baseline", "record", *_options(pinned), "--out", str(pinned / "base"), "--reason", "May"]) == 0
    found = read_baseline(pinned / "base")
    assert found.description is not None
    assert found.weights == found.description["identity"]
    assert found.missing == {}
    by_name = {value.requirement: value for value in found.values}
    assert by_name["gate.accuracy"].interval is not None
    assert by_name["gate.alike"].interval is None   # one minibatch says nothing of its error
    assert {piece.kind for piece in found.pieces} == {"table", "logits", "grams"}
    assert {piece.view for piece in found.pieces} == {"plain", "scale/1", "scale/1.5"}
    assert {"torch", "timm"} <= set(found.packages)
    before = _verdicts(suite, pinned, "before")
    _forget(pinned, found)
    gone = _verdicts(suite, pinned, "gone", "--no-evaluate")
    assert gone.words["gate.accuracy"] == "not measured"   # so that the next run proves something
    poison = tmp_path / "poison"
    poison.mkdir()
    (poison / "torch.py").write_text("raise ImportError('torch was imported')")
    path = os.pathsep.join([str(poison), *filter(None, [os.environ.get("PYTHONPATH")])])
    after = _verdicts(suite, pinned, "after", "--baseline", str(pinned / "base"), PYTHONPATH=path)
    assert after.code == before.code, after.output
    assert after.verdicts["verdicts"] == before.verdicts["verdicts"]
    assert "not measured" not in (after.words["gate.accuracy"], after.words["small.overconfident[vit]"])
    _other_numerics_and_other_steps(pinned, found)


def _other_numerics_and_other_steps(folder: Path, baseline: Baseline) -> None:
    unit = Unit(ROLE, "pictures")
    here = _cast(folder).model_copy(update={"role": ROLE, "baseline": baseline})
    store = Store(folder / "cache", print)
    assert Live(here, store).key(unit) in {piece.key for piece in baseline.pieces}
    with pytest.raises(EvidenceError, match="pins vit with numerics 'fp32', this run has 'bf16'"):
        Live(here.model_copy(update={"numerics": "bf16"}), store).key(unit)
    with pytest.raises(EvidenceError, match="pins vit with compiled 'False', this run has 'True'"):
        Evidence(here.model_copy(update={"compiled": True}), store).observations(ROLE, "pictures")
    steps = {**(baseline.pieces[0].steps or {}), "mean": [0.1, 0.2, 0.3]}
    pieces = [piece.model_copy(update={"steps": steps}) for piece in baseline.pieces]
    prepared = here.model_copy(update={"baseline": baseline.model_copy(update={"pieces": pieces})})
    with pytest.raises(EvidenceError, match="with the preprocessing"):
        Live(prepared, store).key(unit)
    with pytest.raises(NotMeasuredError, match="pins nothing of vit on pictures \\(resolution/96\\)"):
        Live(here, store).key(Unit(ROLE, "pictures", "resolution/96"))
    picture = next((folder / "pictures" / "0").glob("*.png"))
    picture.write_bytes((folder / "pictures" / "1" / picture.name.replace("0-", "1-")).read_bytes())
    with pytest.raises(EvidenceError, match="of another pictures: its images, labels or label space were"):
        Evidence(here, store).observations(ROLE, "pictures")


def _write_task(folder: Path, name: str) -> None:
    """Two classes, one of them brighter."""
    dice = generator("pictures of a pinned task", name)
    splits = []
    for count in (40, 30):
        labels = np.arange(count) % 2
        images = dice.integers(0, 120, (count, 64, 64, 3)) + 80 * labels[:, None, None, None]
        splits.append((images.astype(np.uint8), labels))
    shutil.rmtree(folder / "vtab" / "light", ignore_errors=True)
    write_task(folder / "vtab" / "light", *splits, ["dark", "bright"], ["a {} photo."])


def test_probes_are_pinned_and_know_their_training_pictures(tmp_path: Path) -> None:
    _write_task(tmp_path, "before")
    vtab = {"reader": "probe", "root": "vtab/{task}", "tasks": {"natural": ["light"]}}
    live = open_live(tmp_path, data={"vtab": vtab})
    Evaluator(live, "cpu", lambda _: None).run([Unit(OTHER, "vtab/light:test", kind="probes")])
    evidence = Evidence(live.cast, live.store)
    before = evidence.observations(OTHER, "vtab")
    content = {"id": "gate.probes", "claim": "As useful.", "measure": "probe_accuracy", "data": ["vtab"], "margin": 0.1}
    claim = Requirement.model_validate(content).assertion("vtab", "G1")
    case = Case("gate.probes", claim, ("vtab",), "", (Comparison("", ((1, (OTHER,)),)),))
    given = {"cast": "cast.yaml", "gate": None, "findings": None}
    found = record(Asked(evidence, OTHER, [], [case], given, {}), tmp_path / "base")
    assert [(piece.data, piece.kind) for piece in found.pieces] == [("vtab/light:test", "probes")]
    assert set(found.sets) == {"vtab", "vtab/light:train", "vtab/light:test"}
    assert found.values[0].value == np.mean(before.column("correct"))
    cast = live.cast.model_copy(update={"role": OTHER, "baseline": found})
    after = Evidence(cast, Store(tmp_path / "empty", print))
    assert (after.observations(OTHER, "vtab").column("prediction") == before.column("prediction")).all()
    _write_task(tmp_path, "after")
    with pytest.raises(EvidenceError, match="of another vtab/light:t"):
        Evidence(cast, Store(tmp_path / "empty", print)).observations(OTHER, "vtab")
