"""Weights come out of every container as they went in, and whatever does not fit is told by name."""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.models.checkpoints import content_hash, fit, read_state_dict


class Net(nn.Module):
    """A classifier of four classes."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU())
        self.head = nn.Linear(5, classes)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(self.body(pixels).mean(dim=(2, 3)))


class Wrapper(nn.Module):
    """A network whose own names begin like a wrapper's."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Net()


def net(seed: int = 0, classes: int = 4) -> Net:
    torch.manual_seed(seed)
    made = Net(classes).eval()
    made.body[1].running_mean.uniform_()
    return made


def logits(module: nn.Module) -> Tensor:
    with torch.no_grad():
        return module(torch.linspace(-1, 1, 2 * 3 * 8 * 8).view(2, 3, 8, 8))


def prefixed(prefix: str) -> dict[str, Tensor]:
    return {prefix + key: value for key, value in net().state_dict().items()}


def averaged() -> dict[str, Tensor]:
    return AveragedModel(net()).state_dict()


OTHER = net(1).state_dict
CONTAINERS: dict[str, Callable[[], dict[str, Any]]] = {
    "plain": lambda: net().state_dict(),
    "state_dict": lambda: {"state_dict": net().state_dict(), "epoch": 3, "args": argparse.Namespace(lr=1.0)},
    "model": lambda: {"model": net().state_dict(), "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}},
    "model_state_dict": lambda: {"model_state_dict": net().state_dict()},
    "net": lambda: {"net": net().state_dict(), "acc": 0.5},
    "within": lambda: {"model": {"state_dict": net().state_dict()}},
    "ema-timm": lambda: {"state_dict_ema": net().state_dict(), "state_dict": OTHER(), "arch": "x"},
    "ema-model": lambda: {"model": OTHER(), "model_ema": net().state_dict()},
    "ema-within": lambda: {"model": OTHER(), "ema": {"model": net().state_dict(), "decay": 0.9}},
    "ddp": lambda: prefixed("module."),
    "compiled": lambda: prefixed("_orig_mod."),
    "lightning": lambda: {"state_dict": prefixed("model.")},
    "compiled-ddp": lambda: prefixed("module._orig_mod."),
    "averaged": averaged,
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_gives_the_same_network(container: str, tmp_path: Path) -> None:
    torch.save(CONTAINERS[container](), tmp_path / "weights.pth")
    state, notes = read_state_dict(tmp_path / "weights.pth")
    other = net(7)
    assert not torch.equal(logits(other), logits(net()))
    assert fit(state, other, "weights.pth") == ()
    torch.testing.assert_close(logits(other), logits(net()), rtol=0, atol=0)
    assert content_hash(state) == content_hash(net().state_dict())
    assert any("averaged weights (EMA)" in note for note in notes) == container.startswith("ema")


def test_safetensors_and_shards_have_the_same_hash(tmp_path: Path) -> None:
    state = net().state_dict()
    save_file(state, tmp_path / "one.safetensors", metadata={"format": "pt"})
    shards = {key: f"{'a' if 'head' in key else 'b'}.safetensors" for key in state}
    for shard in ("a.safetensors", "b.safetensors"):
        save_file({key: state[key] for key in state if shards[key] == shard}, tmp_path / shard)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    for name in ("one.safetensors", "model.safetensors.index.json"):
        assert content_hash(read_state_dict(tmp_path / name)[0]) == content_hash(state)


def test_one_weight_one_name_one_shape_and_one_type_are_another_hash() -> None:
    state = {"a": torch.zeros(2, 3), "b": torch.ones(2)}
    first = content_hash(state)
    assert content_hash(dict(reversed(state.items()))) == first
    assert content_hash({**state, "a": state["a"].t().contiguous().t()}) == first
    assert content_hash({**state, "body.num_batches_tracked": torch.tensor(3)}) == first
    changed = torch.zeros(2, 3)
    changed[1, 2] = 1e-30
    others = [
        {**state, "a": changed}, {**state, "a": torch.zeros(3, 2)}, {"c": state["a"], "b": state["b"]},
        {**state, "b": torch.ones(2, dtype=torch.bfloat16)}, {**state, "d": torch.zeros(0)},
    ]  # fmt: skip
    assert len({first, *map(content_hash, others)}) == 6


def test_the_weights_that_are_asked_for_are_read(tmp_path: Path) -> None:
    torch.save({"model": OTHER(), "model_ema": net().state_dict(), "teacher": net(5).state_dict()}, tmp_path / "w.pth")
    for weights, seed in ((None, 0), ("model_ema", 0), ("model", 1), ("teacher", 5)):
        assert content_hash(read_state_dict(tmp_path / "w.pth", weights)[0]) == content_hash(net(seed).state_dict())
    assert read_state_dict(tmp_path / "w.pth")[1] == (
        "w.pth: the averaged weights (EMA) 'model_ema' were read; 'model' is there, too (`weights: model` reads it)",
    )
    assert "the weights 'model' were read; 'model_ema'" in read_state_dict(tmp_path / "w.pth", "model")[1][0]
    with pytest.raises(EvidenceError, match="no weights 'modl'; did you mean 'model'"):
        read_state_dict(tmp_path / "w.pth", "modl")


def test_weights_asked_of_a_file_that_holds_one_set(tmp_path: Path) -> None:
    save_file(net().state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(EvidenceError, match="leave `weights` out"):
        read_state_dict(tmp_path / "w.safetensors", "ema")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": OTHER(), "net": OTHER()}, "holds model and net; say with `weights`"),
        ({"model_ema": OTHER(), "ema": OTHER()}, "holds model_ema and ema; say with `weights`"),
        ({"epoch": 3, "loss": [1.0]}, "its keys are: epoch, loss"),
        ({}, "its keys are: none"),
        ([1, 2], "no dictionary of weights, but a list"),
        (torch.zeros(3), "no dictionary of weights, but a Tensor"),
    ],
)
def test_files_without_weights_or_with_too_many(content: Any, message: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(EvidenceError) as error:
        read_state_dict(tmp_path / "w.pth")
    assert message in str(error.value)


def test_a_file_that_needs_pickle_is_not_run(tmp_path: Path) -> None:
    torch.save({"model": net()}, tmp_path / "w.pth")   # a whole module, not its weights
    with pytest.raises(EvidenceError, match=r"needs pickle.*torch\.nn\.modules\.activation\.ReLU.*save_file"):
        read_state_dict(tmp_path / "w.pth")


def test_an_archive_of_torchscript_is_told(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(net(), torch.zeros(1, 3, 8, 8)).save(str(tmp_path / "w.pt"))
        with pytest.raises(EvidenceError, match="is a TorchScript archive"):
            read_state_dict(tmp_path / "w.pt")


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors", "w.safetensors.index.json"])
@pytest.mark.parametrize("damage", ["truncated", "text", "empty"])
def test_damaged_files_are_told(name: str, damage: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name.endswith(".json"):
        path.write_text('{"weight_map": {"a": "missing.safetensors"}}')
    elif name.endswith(".safetensors"):
        save_file(net().state_dict(), path)
    else:
        torch.save(net().state_dict(), path)
    whole = path.read_bytes()
    pointer = b"version https://git-lfs.github.com/spec/v1"
    changed = {"truncated": whole[: len(whole) // 2], "text": pointer, "empty": b""}
    path.write_bytes(changed[damage])
    with pytest.raises(EvidenceError, match="is damaged or no checkpoint"):
        read_state_dict(path)


def test_a_missing_file_and_a_missing_shard(tmp_path: Path) -> None:
    with pytest.raises(NotMeasuredError, match="is missing"):
        read_state_dict(tmp_path / "w.pth")
    (tmp_path / "w.index.json").write_text('{"weight_map": {"a": "missing.safetensors"}}')
    with pytest.raises(EvidenceError, match=r"w\.index\.json is damaged"):
        read_state_dict(tmp_path / "w.index.json")


def refused(state: dict[str, Tensor], module: nn.Module | None = None) -> str:
    with pytest.raises(EvidenceError) as error:
        fit(state, module or net(3), "w.pth")
    return str(error.value)


def test_missing_unexpected_and_misshapen_weights_are_one_message() -> None:
    state = net(classes=7).state_dict()
    del state["body.1.running_var"], state["body.1.running_mean"], state["body.1.bias"], state["body.0.bias"]
    state["extra"] = torch.zeros(1)
    assert refused(state) == (
        "w.pth: the weights do not fit Net: 4 missing (body.0.bias, body.1.bias, body.1.running_mean, …), "
        "1 unexpected (extra), 2 of another shape (head.weight is (7, 5), the network's (4, 5), "
        "head.bias is (7,), the network's (4,)); "
        "head.weight is (7, 5) but the model has 4 classes: a checkpoint for other classes"
    )


@pytest.mark.parametrize(
    ("names", "guess"),
    [
        (lambda key: "backbone." + key, "the prefix 'backbone.'"),
        (lambda key: "encoder.visual." + key, "the prefix 'encoder.visual.'"),
        (lambda key: "visual." + key.replace("body", "b").replace("head", "h"), "a CLIP model: open_clip:NAME@FILE"),
        (lambda key: "vit.embeddings.patch_embeddings." + key.replace(".", "_"), "Hugging Face transformers"),
        (lambda key: "encoder.layers.encoder_layer_0." + key.replace(".", "_"), "torchvision"),
    ],
)
def test_what_the_names_look_like_is_guessed(names: Callable[[str], str], guess: str) -> None:
    assert guess in refused({names(key): value for key, value in net().state_dict().items()})


def test_openais_own_checkpoint_and_a_backbone_without_a_head_are_guessed() -> None:
    assert "QuickGELU" in refused({**net().state_dict(), "input_resolution": torch.tensor(224)})
    state = net().state_dict()
    del state["head.weight"], state["head.bias"]
    assert "it has no classifier: a backbone before fine-tuning" in refused(state)


def test_positions_of_another_side_are_guessed() -> None:
    class Embedded(nn.Module):
        def __init__(self, tokens: int) -> None:
            super().__init__()
            self.pos_embed = nn.Parameter(torch.zeros(1, tokens, 2))

    assert "pos_embed was made for another input side" in refused(Embedded(10).state_dict(), Embedded(5))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("key", ["body.0.weight", "body.1.running_mean"])
def test_weights_that_are_no_numbers_are_told_by_name(key: str, value: float) -> None:
    state = net().state_dict()
    state[key].view(-1)[1] = value
    assert f"{key} holds NaN or infinite values" in refused(state)


def test_a_mask_of_minus_infinity_is_no_damage() -> None:
    module = net()
    module.register_buffer("mask", torch.full((2, 2), -torch.inf).triu(1))
    assert fit({key: value.clone() for key, value in module.state_dict().items()}, module, "w.pth") == ()


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_in_other_precisions_are_computed_with_in_float32(kind: torch.dtype) -> None:
    state = {key: value.to(kind) if value.is_floating_point() else value for key, value in net().state_dict().items()}
    module = net(2)
    (note,) = fit(state, module, "w.pth")
    assert note == f"weights are stored as {str(kind)[6:]} and computed with in float32"
    assert {value.dtype for value in module.state_dict().values()} == {torch.float32, torch.int64}
    torch.testing.assert_close(module.head.weight, net().head.weight.to(kind).float(), rtol=0, atol=0)


def test_quantised_weights_are_refused() -> None:
    state = net().state_dict()
    state["head.weight"] = (state["head.weight"] * 100).to(torch.int8)
    assert "head.weight is int8; quantised weights cannot be read" in refused(state)


def test_counters_of_batches_may_be_missing() -> None:
    state = {key: value for key, value in net().state_dict().items() if "num_batches" not in key}
    module = net(2)
    assert fit(state, module, "w.pth") == ()
    torch.testing.assert_close(logits(module), logits(net()), rtol=0, atol=0)


@pytest.mark.parametrize("kept", [True, False])
def test_a_prefix_that_is_the_networks_own_is_put_back(kept: bool, tmp_path: Path) -> None:
    torch.save({"state_dict": prefixed("model." if kept else "")}, tmp_path / "w.pth")
    module = Wrapper()
    fit(read_state_dict(tmp_path / "w.pth")[0], module, "w.pth")
    torch.testing.assert_close(logits(module.model.eval()), logits(net()), rtol=0, atol=0)


def test_a_module_is_left_alone_by_weights_that_do_not_fit() -> None:
    module = net(3)
    before = content_hash(module.state_dict())
    refused({**net().state_dict(), "head.weight": torch.full((4, 5), torch.nan)}, module)
    assert content_hash(module.state_dict()) == before
