"""Candidates as files and as functions before the gate, from pictures to exit code, on a few pictures of two kinds."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from filelock import FileLock
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from benchmarks.gate import BEGIN, END, PAGE, RESULTS, images, page, table
from benchmarks.gate_candidates import BASELINE, CANDIDATES, DROPPED, LOST, PRUNED, SHARPER, copied, specs
from benchmarks.gate_networks import ROLE, Crushed, LowerHalf, as_int8, int8
from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.render import render
from demeanour.miniature.learning.cast import load
from demeanour.miniature.names import CLASSES, SIDE
from demeanour.miniature.worlds import scenes, usual
from tests.small_cast import finding
from tests.suite_run import ROOT, Suite

EACH = 5   # pictures of each class, of either kind
EXPOSURES = {"light": 1.0, "dark": 0.2}
POLICY = {
    "about": "As accurate by day and by night.",
    "requirements": [{"id": "gate.accuracy", "claim": "As accurate.", "measure": "top1", "data": list(EXPOSURES),
                      "margin": 0.15}],
}  # fmt: skip


def write_cast(folder: Path) -> list[str]:
    """Write pictures by day and by night, a cast, a policy and a finding; returns the options that name them."""
    labels = np.repeat(np.arange(len(CLASSES)), EACH)
    for name, exposure in EXPOSURES.items():
        dice = Dice(f"gate test, {name}", range(len(labels)))
        pictures = render(scenes(dice, usual(dice, labels).but(exposure=exposure)))
        for index, (label, picture) in enumerate(zip(labels, pictures, strict=True)):
            path = folder / name / str(label) / f"{index:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
    cast = {
        "about": "one network", "protocol": "native", "data": {
            name: {"reader": "folder", "root": name, "classes": len(CLASSES)} for name in EXPOSURES
        },
        "models": {ROLE: {"source": f"timm:miniature_convnext@{BASELINE}", "architecture": "convnext",
                          "imports": "demeanour.miniature.learning.networks", "paradigm": "supervised"}},
    }  # fmt: skip
    sure = {key: value for key, value in finding("sure", data="light").items() if key != "compare"}
    sure |= {"models": {"model": ROLE}, "relation": "value > bound", "bound": 0.5}
    (folder / "findings").mkdir()
    for path, content in (("findings/small.yaml", [sure]), ("cast.yaml", cast), ("gate.yaml", POLICY)):
        (folder / path).write_text(yaml.safe_dump(content))
    named = {"--cast": "cast.yaml", "--findings": "findings", "--gate": "gate.yaml"}
    return ["--as", ROLE, *(part for option, path in named.items() for part in (option, str(folder / path)))]


@pytest.fixture
def tried(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Any:
    """Runs the gate; pictures are drawn, and the baseline evaluated, once among pytest's workers."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "gate-candidates"
    shared.mkdir(exist_ok=True)
    with FileLock(shared / "lock"):
        if not (shared / "options").exists():
            (shared / "options").write_text(json.dumps(write_cast(shared)))
    options = json.loads((shared / "options").read_text())

    def run(spec: str) -> Any:
        return Suite(tmp_path)(*options, "--candidate", spec, DEMEANOUR_CACHE=str(shared / "cache"))

    return run


def requirements(run: Any) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in run.verdicts["verdicts"] if one["kind"] == "requirement"}


# --- from a checkpoint to an exit code --------------------------------------------------------------------------------


def test_the_same_checkpoint_under_another_name_is_released(tried: Any, tmp_path: Path) -> None:
    run = tried(copied(tmp_path))
    assert run.code == 0, run.output
    found = requirements(run)
    assert [one["verdict"] for one in found.values()] == ["holds", "holds"]
    assert {one["difference"]["value"] for one in found.values()} == {0}


def test_a_candidate_that_sees_nothing_in_the_dark_is_blocked_by_the_dark_pictures_alone(tried: Any) -> None:
    run = tried(specs(Path(), ["blind-in-the-dark"])["blind-in-the-dark"])
    assert run.code == 1, run.output
    found = requirements(run)
    words = {name: one["verdict"] for name, one in found.items()}
    assert words["gate.accuracy[dark]"] == "violated"
    assert words["gate.accuracy[light]"] != "violated"
    assert found["gate.accuracy[dark]"]["p_harm_adjusted"] <= 0.05


# --- what candidates are ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def baseline() -> dict[str, torch.Tensor]:
    return {key: value.float() for key, value in load_file(BASELINE).items()}


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    """Noise, lighter below: halves of a picture must not be alike."""
    noise = torch.rand(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    return (noise + torch.linspace(0, 1, SIDE).view(1, 1, SIDE, 1)) - 1


def weights(folder: Path, name: str) -> dict[str, torch.Tensor]:
    return {key: value.float() for key, value in load_file(specs(folder, [name])[name]).items()}


def test_of_pruned_weights_the_smallest_are_zero(baseline: dict[str, torch.Tensor], tmp_path: Path) -> None:
    found = weights(tmp_path, "pruned")
    keys = [key for key, value in baseline.items() if value.ndim > 1]
    before, after = (torch.cat([state[key].flatten() for key in keys]) for state in (baseline, found))
    gone = after == 0
    assert gone.float().mean().item() == pytest.approx(PRUNED, abs=0.005)
    assert torch.equal(after[~gone], before[~gone])
    assert before[gone].abs().max() <= before[~gone].abs().min()
    assert all(torch.equal(found[key], baseline[key]) for key in baseline if key not in keys)


def test_an_overconfident_candidate_answers_alike(baseline: dict[str, torch.Tensor], tmp_path: Path) -> None:
    found = weights(tmp_path, "overconfident")
    assert {key for key in baseline if not torch.equal(found[key], baseline[key])} == {"head.fc.weight", "head.fc.bias"}
    assert torch.allclose(found["head.fc.weight"], SHARPER * baseline["head.fc.weight"])


def test_of_a_dropped_class_only_the_bias_is_changed(baseline: dict[str, torch.Tensor], tmp_path: Path) -> None:
    found = weights(tmp_path, "class-dropped")
    assert [key for key in baseline if not torch.equal(found[key], baseline[key])] == ["head.fc.bias"]
    assert found["head.fc.bias"][CLASSES.index(DROPPED)] == LOST


def test_shadows_are_crushed_and_nothing_else_is(pixels: torch.Tensor) -> None:
    network, seen = Crushed().eval(), load(ROLE)
    with torch.inference_mode():
        dark, light = torch.full_like(pixels, -0.7), pixels.clamp(min=-0.5)
        assert torch.equal(network(dark), seen(torch.full_like(pixels, -1.0)))
        assert torch.equal(network(light), seen(light))


def test_a_network_that_looks_below_does_not_see_what_is_above(pixels: torch.Tensor) -> None:
    network = LowerHalf().eval()
    network.network.forward_features = lambda x: x.repeat(1, 43, 1, 1)[:, :128]
    other = pixels.clone()
    other[:, :, : SIDE // 2] = 0.3
    with torch.inference_mode():
        assert torch.equal(network(pixels), network(other))
        assert not torch.allclose(network(pixels), network(pixels.flip(2)))
        assert torch.isfinite(LowerHalf().eval()(pixels[..., :32, :32])).all()   # whose last map has one place


def test_int8_is_near_what_it_was_made_from(pixels: torch.Tensor, tmp_path: Path) -> None:
    path = tmp_path / "int8.safetensors"
    assert specs(tmp_path, ["int8"])["int8"].endswith(f":int8@{path}")
    state = load_file(path)
    assert {value.dtype for value in state.values() if value.ndim > 1} == {torch.int8}
    network, _ = int8()
    network.load_state_dict(state)
    with torch.inference_mode():
        quantised, whole = network.eval()(pixels), load(ROLE)(pixels)
    assert not torch.equal(quantised, whole)
    assert (quantised - whole).abs().max() < 0.1 * whole.std()


def test_a_layer_in_int8_by_hand() -> None:
    """Weights of 0.5 and −1 are 64 and −127 steps of 1/127; 0.3 of a range of [0, 2.55] is 30 steps of 0.01."""
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.5, -1.0]]))
        layer.bias.zero_()
    made = as_int8(nn.Sequential(layer), {"0": (0.0, 2.55)})
    assert layer.weight.tolist() == [[64, -127]]
    with torch.inference_mode():
        assert made(torch.tensor([[0.304, 9.0]])).item() == pytest.approx(0.30 * 64 / 127 - 2.55, abs=1e-5)


# --- what was measured ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return content


def test_nothing_planted_was_released_and_the_same_always_is(kept: dict[str, Any]) -> None:
    assert list(kept) == [one.name for one in CANDIDATES]
    for one in CANDIDATES:
        if one.expected is not None:
            assert kept[one.name]["outcome"] == one.expected, one.name


def test_it_was_measured_by_the_policy_that_is_in_force(kept: dict[str, Any]) -> None:
    content = yaml.safe_load((ROOT / "thresholds" / "gate-miniature.yaml").read_text(encoding="utf-8"))
    margins = {}
    for one in content["requirements"]:
        for data in one["data"]:
            name = f"{one['id']}[{data}]" if len(one["data"]) > 1 else one["id"]
            margins[name] = one["margin"] if isinstance(one["margin"], float) else one["margin"][data]
    for name, row in kept.items():
        measured = {one["id"]: one["margin"] for one in row["requirements"]}
        assert measured == margins, f"{name}: run benchmarks/gate.py measure, then page"


def test_the_page_says_what_was_measured(kept: dict[str, Any]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page(kept, text) == text, "run benchmarks/gate.py page"
    with pytest.raises(ValueError, match="gate: begin"):
        page(kept, "a page without marks")
    assert page(kept, f"a{BEGIN}b{END}c") == f"a{BEGIN}\n\n{table(kept)}\n\n{END}c"


@pytest.mark.parametrize(
    ("verdict", "relation", "value", "half", "expected"),
    [
        ("violated", "left >= right", -0.15, 0.02, 160),   # the width may be two and a half times as large
        ("violated", "left <= right", 0.15, 0.02, 160),
        ("holds", "left >= right", 0.05, 0.05, 111),       # a gain is further from the margin: three times as large
        ("holds", "left ~ right", 0.05, 0.05, 1000),
        ("holds", "left >= right", 0.0, 0.0, None),
        ("undecided", "left >= right", -0.09, 0.05, 4000),
    ],
)
def test_images_that_decide(verdict: str, relation: str, value: float, half: float, expected: int | None) -> None:
    row = {"verdict": verdict, "value": value, "interval": (value - half, value + half), "margin": 0.1, "n": 1000,
           "needed": 4000, "relation": relation}   # fmt: skip
    assert images(row) == expected
