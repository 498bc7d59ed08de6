"""Kills, damage and full disks: detected, named and survived; nothing is computed twice but what was in hand."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evaluation import drain as draining
from demeanour.evaluation import evaluator as evaluating
from demeanour.evaluation.drain import drain
from demeanour.evaluation.evaluator import Evaluator
from demeanour.evaluation.networks import Networks
from demeanour.evaluation.passes import Passes
from demeanour.evidence.gather import Evidence
from demeanour.evidence.live import Live
from demeanour.evidence.plan import LOGITS, Unit
from demeanour.evidence.shards import Shards
from demeanour.miniature.learning.cast import WEIGHTS
from demeanour.statistics.seeds import generator
from tests.evaluation.live_cast import all_units, open_live

KILLS = 20


def run_to_its_end(live: Live, units: list[Unit]) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    Evaluator(live, "cpu", lambda event: events.append(dict(event))).run(units)
    return events


def failures(events: list[dict[str, Any]]) -> dict[str, str]:
    return {event["unit"]: event["reason"] for event in events if event["event"] == "failed"}


def in_a_process(live: Live, units: list[Unit]) -> int:
    """Evaluate in a child; torch is there already, so that it begins at once."""
    pid = os.fork()
    if pid == 0:
        try:
            Evaluator(live, "cpu", lambda _: None).run(units)
        finally:
            os._exit(0)
    return pid


def test_killed_again_and_again_it_ends_with_the_same_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(evaluating.SHARD, "cpu", 8)
    torch.set_num_threads(1)   # a fork of a process that has computed with several threads may wait for them for ever
    whole = open_live(tmp_path, "uninterrupted")
    units = all_units(whole.cast, LOGITS)
    begun = time.monotonic()
    os.waitpid(in_a_process(whole, units), 0)
    length = time.monotonic() - begun
    dice, live = generator("kills"), open_live(tmp_path, "killed")
    known: dict[str, tuple[int, int]] = {}
    for _ in range(KILLS):
        pid = in_a_process(live, units)
        time.sleep(dice.random() * length / 4)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        partial = {str(path): _look(path) for path in live.store.root.glob("partial/*/*.shard")}
        for path, look in known.items():
            assert partial.get(path, look) == look, f"{path} was computed twice"
        known = partial
    run_to_its_end(live, units)
    for unit in units:
        if unit.kind == LOGITS:
            continue
        one, other = whole.table(unit), live.table(unit)
        assert one.ids.tolist() == other.ids.tolist()
        for name in one.columns:
            assert (one.columns[name] == other.columns[name]).all()
    assert not list(live.store.root.glob("partial/*/*.shard"))


def _look(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def test_shards_that_are_done_are_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(evaluating.SHARD, "cpu", 8)
    live, unit = open_live(tmp_path), Unit("vit", "pictures")
    put, kept = Shards.put, []

    def put_three(self: Shards, shard: int, arrays: Mapping[str, Any]) -> None:
        if len(kept) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        kept.append(shard)
        put(self, shard, arrays)

    monkeypatch.setattr(Shards, "put", put_three)
    events = run_to_its_end(live, [unit])
    assert "No space left on device" in failures(events)["vit on pictures"]
    with pytest.raises(NotMeasuredError, match="No space left"):
        Evidence(live.cast, live.store).observations("vit", "pictures")
    monkeypatch.setattr(Shards, "put", put)
    events = run_to_its_end(live, [unit])
    assert sum(event.get("passes", 0) for event in events if event["event"] == "passed") == 5 * 8
    assert len(Evidence(live.cast, live.store).observations("vit", "pictures")) == 64


@pytest.mark.parametrize("damage", ["truncated", "flipped", "foreign"])
def test_damaged_evidence_is_made_anew(tmp_path: Path, damage: str) -> None:
    notices: list[str] = []
    live, unit = open_live(tmp_path), Unit("vit", "pictures")
    run_to_its_end(live, [unit])
    before, path = live.table(unit), live.store.path(live.key(unit))
    content = bytearray(path.read_bytes())
    for place in range(200, len(content) - 1000, 97):
        content[place] ^= 1
    path.write_bytes({"truncated": bytes(content[:500]), "flipped": bytes(content), "foreign": b"hello"}[damage])
    again = Live(live.cast, type(live.store)(live.store.root, notices.append))
    run_to_its_end(again, [unit])
    assert any("damaged" in text for text in notices)
    assert (again.table(unit).columns["confidence"] == before.columns["confidence"]).all()


@pytest.mark.parametrize("content", [b"", b"no picture", None], ids=["empty", "foreign", "cut"])
def test_a_corrupt_picture_is_named(tmp_path: Path, content: bytes | None) -> None:
    live = open_live(tmp_path)
    path = tmp_path / "pictures" / "3" / "3-0.png"
    path.write_bytes(path.read_bytes()[:900] if content is None else content)
    units = [Unit("vit", "pictures"), Unit("resnet", "pictures")]
    failed = failures(run_to_its_end(live, units))
    assert failed.keys() == {"vit on pictures", "resnet on pictures"}
    assert all("3-0.png" in text for text in failed.values())


def broken_network(folder: Path, kind: str) -> dict[str, Any]:
    weights = {name: value.float() for name, value in load_file(WEIGHTS / "reference.safetensors").items()}
    if kind == "NaN weights":
        weights["fc.bias"][3] = float("nan")
    elif kind == "NaN logits":
        weights["layer1.0.bn1.running_var"][:] = -1e6   # whose root is no number
    elif kind == "another head":
        weights["fc.weight"], weights["fc.bias"] = weights["fc.weight"][:7].clone(), weights["fc.bias"][:7].clone()
    save_file(weights, folder / "broken.safetensors")
    return {
        "source": "timm:miniature_resnet@broken.safetensors", "imports": "demeanour.miniature.learning.networks",
        "architecture": "resnet", "paradigm": "supervised",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("NaN weights", "fc.bias"), ("NaN logits", "not finite"), ("another head", "fc.weight"), ("missing", "missing")],
)
def test_a_network_that_fails_fails_alone(tmp_path: Path, kind: str, reason: str) -> None:
    models = open_live(tmp_path).cast.models
    card = broken_network(tmp_path, kind)
    if kind == "missing":
        (tmp_path / "broken.safetensors").unlink()
    whole = {name: one.model_dump(exclude_none=True, exclude_defaults=True) for name, one in models.items()}
    live = open_live(tmp_path, models={**whole, "broken": card})
    failed = failures(run_to_its_end(live, [Unit(name, "pictures") for name in ("broken", "vit")]))
    assert failed.keys() == {"broken on pictures"}
    assert reason in failed["broken on pictures"]
    evidence = Evidence(live.cast, live.store)
    assert len(evidence.observations("vit", "pictures")) == 64
    with pytest.raises(NotMeasuredError, match=reason):
        evidence.observations("broken", "pictures")


def test_a_network_with_another_number_of_classes_than_the_data_set(tmp_path: Path) -> None:
    dice = generator("few classes")
    for label in range(7):
        folder = tmp_path / "seven" / str(label)
        folder.mkdir(parents=True)
        Image.fromarray(dice.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(folder / "one.png")
    live = open_live(tmp_path, data={"seven": {"reader": "folder", "root": "seven", "classes": 7}})
    failed = failures(run_to_its_end(live, [Unit("vit", "seven")]))
    assert "the network has 16 classes, the data set 7" in failed["vit on seven"]


def test_missing_pictures_cost_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = open_live(tmp_path, data={"elsewhere": {"reader": "folder", "root": "elsewhere", "classes": 16}})

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(draining.subprocess, "Popen", refuse)
    found = drain(live, [Unit("vit", "elsewhere")], lambda _: None, "cpu")
    assert "elsewhere" in found.failed["vit on elsewhere"]


def test_an_evaluator_that_dies_is_told_with_its_last_words(tmp_path: Path) -> None:
    program = "import os, sys\nprint('last words', file=sys.stderr, flush=True)\nos._exit(7)\n"
    (tmp_path / "dying.py").write_text(program)
    models = {
        "dying": {"source": "python:dying.py:factory", "architecture": "vit", "paradigm": "supervised",
                  "preprocessing": {"resize": 64, "crop": 64, "mean": [0.5] * 3, "std": [0.5] * 3}},
    }  # fmt: skip
    live = open_live(tmp_path, models=models)
    found = drain(live, [Unit("dying", "pictures")], lambda _: None, "cpu")
    assert "exit 7" in found.failed["dying on pictures"]
    assert "last words" in found.failed["dying on pictures"]


def test_an_evaluator_that_dies_before_it_is_asked_is_told_and_leaves_no_pipe_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []

    class Stillborn(subprocess.Popen[str]):
        def __init__(self, _: object, **options: Any) -> None:
            super().__init__([sys.executable, "-c", "exit('last words')"], **options)
            self.wait()
            begun.append(self)

    monkeypatch.setattr(draining.subprocess, "Popen", Stillborn)
    found = drain(open_live(tmp_path), [Unit("vit", "pictures")], lambda _: None, "cpu")
    assert found.failed == {"vit on pictures": "the evaluating process died (exit 1): last words"}
    (one,) = begun
    assert all(pipe.closed for pipe in (one.stdin, one.stdout, one.stderr))


def test_a_data_set_of_the_hub_is_fetched_when_that_is_allowed_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEMEANOUR_DOWNLOAD", raising=False)
    card = {"reader": "parquet", "root": "hf-datasets:me/mine", "split": "validation", "classes": 16}
    live = open_live(tmp_path, data={"mine": card})
    found = drain(live, [Unit("vit", "mine")], lambda _: None, "cpu")
    assert "me/mine is not here; get it with the option `--download`" in found.failed["vit on mine"]
    assert "--include '**/*validation*.parquet'" in found.failed["vit on mine"]


def test_a_pass_that_does_not_fit_the_memory_is_halved(tmp_path: Path) -> None:
    live = open_live(tmp_path)
    network = Networks(live, "cpu").of("vit")
    answers, sizes = network.answers, []

    def greedy(pixels: torch.Tensor, features: bool = False) -> dict[str, torch.Tensor]:
        sizes.append(len(pixels))
        if len(pixels) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return answers(pixels, features)

    network.answers = greedy  # type: ignore[method-assign]
    pixels = generator("pixels").integers(0, 256, (23, 64, 64, 3), dtype=np.uint8)
    with ThreadPoolExecutor(1) as pool:
        limit, passes = 5, Passes("cpu", pool)
        said = passes.answers(network, live.steps(Unit("vit", "pictures")), pixels, False)
        assert (passes.size, passes.made, set(sizes)) == (4, 23, {32, 16, 8, 4})
        whole = Passes("cpu", pool, 4)
        limit = 16
        again = whole.answers(network, live.steps(Unit("vit", "pictures")), pixels, False)
        assert (said["logits"] == again["logits"]).all()
        limit = 0
        with pytest.raises(EvidenceError, match="does not suffice for one picture"):
            passes.answers(network, live.steps(Unit("vit", "pictures")), pixels, False)


def test_a_network_of_python_is_described_anew_in_every_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(
        "import torch\n\n\ndef network():\n    torch.manual_seed(0)\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64 * 64, 16))\n"
    )
    card = {"source": "python:mine.py:network", "architecture": "mlp", "paradigm": "supervised",
            "preprocessing": {"resize": 64, "crop": 64, "mean": [0.5] * 3, "std": [0.5] * 3}}  # fmt: skip
    unit = Unit("mine", "pictures")
    monkeypatch.setenv("DEMEANOUR_RUN", "first")
    live = open_live(tmp_path, models={"mine": card})
    assert not failures(run_to_its_end(live, [unit]))
    judging = Evidence(open_live(tmp_path, models={"mine": card}).cast, live.store)
    assert len(judging.observations("mine", "pictures")) == 64
    monkeypatch.setenv("DEMEANOUR_RUN", "second")
    again = open_live(tmp_path, models={"mine": card})
    with pytest.raises(NotMeasuredError, match="was not evaluated yet"):
        Evidence(again.cast, again.store).observations("mine", "pictures")
    events = run_to_its_end(again, [unit])
    assert not any(event["event"] == "passed" for event in events)
    assert len(Evidence(again.cast, again.store).observations("mine", "pictures")) == 64
