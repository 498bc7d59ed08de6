"""Training learns, and goes on after any interruption as if there had been none."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from demeanour.errors import EvidenceError
from demeanour.miniature import train
from demeanour.miniature.learning import networks, training
from demeanour.miniature.learning.cast import card, load
from demeanour.miniature.learning.precision import fast_on_cpu, numerics
from demeanour.miniature.learning.recipe import Recipe, augmented, batch_of
from demeanour.miniature.learning.training import Trainer, accuracy
from demeanour.miniature.names import CLASSES
from tests.miniature.toy_pictures import ToyPictures

QUICK = Recipe(96, batch=16, learning_rate=2e-3, warm_up=0.2)


@pytest.fixture(autouse=True)
def few_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "POINTS", 3)


def trainer(name: str, folder: Path, recipe: Recipe = QUICK, **changes: Any) -> Trainer:
    parts: dict[str, Any] = {
        "seed": 3, "pictures": ToyPictures(), "selection": ToyPictures(16), "device": "cpu", "tell": lambda _: None,
    }  # fmt: skip
    return Trainer(name, recipe, folder=folder, **{**parts, **changes})


def largest_difference(one: nn.Module, other: nn.Module) -> float:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return max(float((a.float() - b.float()).abs().max()) for a, b in pairs)


def test_learning_rates_are_those_of_warm_up_and_cosine() -> None:
    recipe = Recipe(1000, batch=10, learning_rate=1.0, warm_up=0.1)
    assert recipe.steps == 100
    assert [recipe.rate(step) for step in (0, 4, 9, 10)] == pytest.approx([0.1, 0.5, 1.0, 1.0])
    assert recipe.rate(55) == pytest.approx(0.5)
    assert recipe.rate(99) == pytest.approx(0.5 * (1 + math.cos(math.pi * 89 / 90)))
    assert Recipe(1001, batch=10).steps == 101


def test_every_epoch_shows_every_picture_once_and_batches_run_on() -> None:
    shown = np.concatenate([batch_of(step, 16, 24, 0) for step in range(6)])
    for epoch in range(4):
        assert sorted(shown[epoch * 24 : (epoch + 1) * 24]) == list(range(24))
    assert not np.array_equal(shown[:24], shown[24:48])
    assert not np.array_equal(shown, np.concatenate([batch_of(step, 16, 24, 1) for step in range(6)]))


def test_augmentation_is_a_flip_and_a_shift_with_repeated_edges() -> None:
    images = np.random.default_rng(0).integers(0, 256, (64, 64, 64, 3), dtype=np.uint8)
    changed = augmented(images, 5, 0)
    found = set()
    for before, after in zip(images, changed, strict=True):
        padded = np.pad(before, ((4, 4), (4, 4), (0, 0)), mode="edge")
        matches = [
            (flip, down, right)
            for flip in (False, True)
            for down in range(9)
            for right in range(9)
            if np.array_equal(after, (padded[:, ::-1] if flip else padded)[down : down + 64, right : right + 64])
        ]
        assert len(matches) == 1
        found.add(matches[0])
    assert {flip for flip, _, _ in found} == {False, True}
    assert {down for _, down, _ in found} == {right for _, _, right in found} == set(range(9))
    assert np.array_equal(changed, augmented(images, 5, 0))
    assert not np.array_equal(changed, augmented(images, 6, 0))


@pytest.mark.parametrize(("name", "accuracy"), [("ViT-sup", 0.9), ("ConvNeXt-sup", 0.9), ("ConvNeXt-clip", 0.6)])
def test_training_learns_what_can_be_learned(name: str, accuracy: float, tmp_path: Path) -> None:
    done = trainer(name, tmp_path, replace(QUICK, presentations=240, batch=8)).run()
    losses = [point["loss"] for point in done.curve]
    assert losses[-1] < 0.8 * losses[0]
    assert done.curve[-1]["accuracy"] > accuracy
    assert not done.model.training


def test_the_learning_curve_has_its_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "POINTS", 20)
    recipe = Recipe(80, batch=2)
    curve = trainer("reference", tmp_path, recipe).run().curve
    assert [point["step"] for point in curve] == list(range(2, 41, 2))
    assert [point["presentations"] for point in curve] == list(range(4, 81, 4))
    assert all(math.isfinite(point["loss"]) for point in curve)
    assert curve[-1]["learning_rate"] == recipe.rate(39)
    seconds = [point["seconds"] for point in curve]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize("name", ["ViT-sup", "ConvNeXt-clip", "reference"])
def test_training_in_pieces_equals_training_in_one_go(name: str, tmp_path: Path) -> None:
    whole = trainer(name, tmp_path / "whole").run()
    trainer(name, tmp_path / "pieces").run(until=1)
    trainer(name, tmp_path / "pieces").run(until=4)
    pieces = trainer(name, tmp_path / "pieces").run()
    assert largest_difference(whole.model, pieces.model) < 1e-6
    assert largest_difference(whole.model, networks.untrained(name, 3)) > 1e-4
    for one, other in zip(whole.curve, pieces.curve, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-6)
        assert one["accuracy"] == other["accuracy"]


def test_a_finished_run_is_not_run_again(tmp_path: Path) -> None:
    done = trainer("reference", tmp_path).run()
    again = trainer("reference", tmp_path).run()
    assert largest_difference(done.model, again.model) == 0
    assert again.curve == done.curve
    assert again.seconds == done.seconds


def test_another_recipe_seed_or_number_of_pictures_has_another_checkpoint(tmp_path: Path) -> None:
    base = trainer("ViT-sup", tmp_path)
    others = [
        trainer("ViT-clip", tmp_path), trainer("ViT-sup", tmp_path, replace(QUICK, batch=8)),
        trainer("ViT-sup", tmp_path, seed=4), trainer("ViT-sup", tmp_path, pictures=ToyPictures(32)),
    ]  # fmt: skip
    assert len({one.checkpoint for one in [base, *others]}) == 5
    assert base.checkpoint == trainer("ViT-sup", tmp_path).checkpoint


KILLED_WHILE_WRITING = """
    import os, signal, sys
    from pathlib import Path
    sys.path.insert(0, {root!r})
    from demeanour.miniature.learning import training
    from tests.miniature.test_training import trainer

    training.KEEP_EVERY = 0.0
    replace, writes = os.fsync, []

    def fsync(number):
        writes.append(number)
        if len(writes) == 3:
            os.truncate(number, 1000)
            os.kill(os.getpid(), signal.SIGKILL)
        replace(number)

    os.fsync = fsync
    trainer("reference", Path({folder!r})).run()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_kill_in_the_midst_of_writing_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    code = textwrap.dedent(KILLED_WHILE_WRITING.format(root=root, folder=str(tmp_path)))
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    again = trainer("reference", tmp_path)
    assert torch.load(again.checkpoint, weights_only=True)["step"] == 2
    assert len(list(tmp_path.iterdir())) == 2   # the checkpoint, and what was being written
    whole = trainer("reference", tmp_path / "whole").run()
    assert largest_difference(again.run().model, whole.model) < 1e-6


@pytest.mark.parametrize("damage", [b"", b"no checkpoint", None])
def test_a_damaged_checkpoint_is_named_with_a_remedy(damage: bytes | None, tmp_path: Path) -> None:
    run = trainer("reference", tmp_path)
    run.run(until=1)
    run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:5000] if damage is None else damage)
    with pytest.raises(EvidenceError, match="remove it to start this model anew"):
        run.run()


def test_a_checkpoint_executes_no_code(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    run = trainer("reference", tmp_path)
    torch.save({"model": Trap()}, run.checkpoint)
    with pytest.raises(EvidenceError):
        run.run()
    assert not (tmp_path / "sprung").exists()


def test_a_loss_that_is_no_number_stops_training(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"the loss of step \d+ is (nan|inf)"):
        trainer("ConvNeXt-sup", tmp_path, replace(QUICK, learning_rate=1e30)).run()


def test_pictures_that_cannot_be_learned_from_are_refused(tmp_path: Path) -> None:
    nameless = ToyPictures()
    nameless.labels[5] = -1
    with pytest.raises(EvidenceError, match="have no label"):
        trainer("ViT-sup", tmp_path, pictures=nameless).run(until=0)
    with pytest.raises(EvidenceError, match="there are no training pictures"):
        trainer("ViT-sup", tmp_path, pictures=ToyPictures(0)).run(until=0)
    with pytest.raises(EvidenceError, match="there are no labelled selection pictures"):
        trainer("ViT-sup", tmp_path, selection=ToyPictures(0)).run(until=0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_device_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="there is no 'cuda' here; use --device cpu"):
        trainer("reference", tmp_path, device="cuda").run(until=0)


def test_embeddings_of_tokens_that_never_occur_stay_zero(tmp_path: Path) -> None:
    model = trainer("ViT-clip", tmp_path).run(until=3).model
    rows = model.get_parameter("token_embedding.weight").abs().sum(dim=1) > 0
    seen = networks.tokens_of("ViT-clip", [*ToyPictures().captions, *training.PROMPTS])
    assert torch.equal(rows, seen)
    assert 30 < int(rows.sum()) < 80


def test_the_scale_of_logits_is_clamped(tmp_path: Path) -> None:
    steep = trainer("ConvNeXt-clip", tmp_path, replace(QUICK, learning_rate=5.0, warm_up=0.0))
    steep.run(until=2)
    scale = torch.load(steep.checkpoint, weights_only=True)["model"]["logit_scale"]
    assert float(scale) <= math.log(100) + 1e-6
    assert networks.untrained("ConvNeXt-clip").logit_scale.item() == pytest.approx(math.log(1 / 0.07))


def test_norms_biases_and_positions_do_not_decay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[dict[str, Any]] = []

    class Watched(torch.optim.AdamW):
        def __init__(self, parameters: Any, **options: Any) -> None:
            groups.extend(parameters)
            super().__init__(parameters, **options)

    monkeypatch.setattr(torch.optim, "AdamW", Watched)
    trainer("ViT-sup", tmp_path).run(until=0)
    model = networks.untrained("ViT-sup", 3)
    by_decay = {group["weight_decay"]: [tuple(one.shape) for one in group["params"]] for group in groups}
    assert set(by_decay) == {0.0, 0.05}
    kept = [
        tuple(one.shape) for name, one in model.named_parameters() if one.ndim < 2 or name in ("pos_embed", "cls_token")
    ]
    assert sorted(by_decay[0.0]) == sorted(kept)


def test_accuracy_leaves_out_pictures_of_no_class() -> None:
    class Red(nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return nn.functional.one_hot(torch.zeros(len(pixels), dtype=torch.long), len(CLASSES)).float()

    pictures = ToyPictures(16)
    assert accuracy(Red(), "ViT-sup", pictures, "cpu") == 0.25
    pictures.labels[[1, 2, 3, 5]] = -1
    assert accuracy(Red(), "ViT-sup", pictures, "cpu") == 4 / 12


def test_what_is_done_for_speed_does_not_change_the_network() -> None:
    pixels = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for name in ("ViT-sup", "ConvNeXt-sup"):
        plain, fast = networks.untrained(name, 1).eval(), networks.untrained(name, 1).eval()
        fast_on_cpu(fast, "cpu")
        with torch.no_grad():
            expected = plain(pixels)
            with numerics("cpu", "fp32"):
                assert torch.allclose(fast(pixels), expected, atol=1e-5)
            with numerics("cpu", "bf16"):
                halved = fast(pixels)
        assert halved.dtype == torch.bfloat16
        assert torch.allclose(halved.float(), expected, atol=0.05 * float(expected.abs().max()) + 0.01)


class Rendered(ToyPictures):
    asked: list[tuple[str, int]] = []   # noqa: RUF012

    @classmethod
    def pictures(cls, world: str, count: int, folder: Path, tell: Callable[[str], None]) -> ToyPictures:
        cls.asked.append((world, count))
        return cls()


def test_the_command_leaves_weights_cards_and_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "training_pictures", Rendered.pictures)
    Rendered.asked.clear()
    options = ["--presentations", "40", "--folder", str(tmp_path), "--out", str(tmp_path / "out"), "--pictures", "64"]
    assert train.main(["--models", "reference", "ConvNeXt-clip", *options]) == 0
    selection = ("selection", train.SELECTION)
    assert Rendered.asked == [("narrow", 64), selection, ("wide", 64), selection]
    kinds = ("safetensors", "json", "curve.json")
    names = {f"{name}.{kind}" for name in ("reference", "ConvNeXt-clip") for kind in kinds}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    told = card("ConvNeXt-clip", tmp_path / "out")
    assert told["presentations"] == 256   # a whole batch
    assert told["paradigm"] == "clip"
    assert not load("ConvNeXt-clip", tmp_path / "out").training
    assert "selection accuracy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"), [(["--models", "ViT"], "did you mean"), (["--presentations", "0"], "at least 1")]
)
def test_the_command_says_what_is_wrong(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main([*options, "--folder", str(tmp_path), "--out", str(tmp_path)]) == 12
    assert words in capsys.readouterr().err


def test_every_role_has_a_recipe() -> None:
    assert set(train.RECIPES) == set(networks.ROLES)
