"""Features come with the logits in one pass, bit by bit those that are asked for alone, and are read as they were."""

from __future__ import annotations

import json
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torchvision import transforms

from demeanour.errors import NotMeasuredError
from demeanour.evaluation.evaluator import Evaluator
from demeanour.evidence.gather import Evidence
from demeanour.evidence.live import Live
from demeanour.evidence.plan import FEATURES, LOGITS, TABLE, Unit
from demeanour.miniature.learning import networks  # noqa: F401
from demeanour.models.description import Head, Request
from demeanour.models.load import load
from demeanour.models.network import Network
from demeanour.statistics.seeds import generator
from tests.evaluation.live_cast import CLASSES, EACH, open_live

IMAGES = CLASSES * EACH
IMPORTS = "demeanour.miniature.learning.networks"
OWN = """
from torch import nn

PIXELS = {"resize": 64, "crop": 64, "mean": [0.5] * 3, "std": [0.5] * 3}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 6, 3, stride=2)
        self.head = nn.Linear(6, 16)

    def forward(self, pixels):
        return self.head(self.body(pixels).relu().mean(dim=(2, 3)))


def make():
    return Net(), PIXELS


def headless():
    return nn.Sequential(nn.Conv2d(3, 16, 8, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()), PIXELS
"""


def of_timm(name: str, folder: Path) -> str:
    torch.manual_seed(1)
    save_file(timm.create_model(name).state_dict(), folder / f"{name}.safetensors")
    return f"timm:{name}@{folder / f'{name}.safetensors'}"


def of_open_clip(name: str, folder: Path) -> str:
    torch.manual_seed(1)
    state = open_clip.create_model(name, load_weights=False).state_dict()
    save_file({key: value.contiguous() for key, value in state.items()}, folder / f"{name}.safetensors")
    return f"open_clip:{name}@{folder / f'{name}.safetensors'}"


def of_ones_own(factory: str, folder: Path) -> str:
    (folder / "own.py").write_text(OWN)
    return f"python:{folder / 'own.py'}:{factory}"


SOURCES: dict[str, Callable[[Path], str]] = {
    **{name: lambda folder, name=name: of_timm(f"miniature_{name}", folder) for name in ("vit", "convnext", "resnet")},
    **{name: lambda folder, name=name: of_open_clip(name, folder) for name in ("miniature-vit", "miniature-convnext")},
    "own": lambda folder: of_ones_own("make", folder),
}


@pytest.fixture(autouse=True)
def heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "cache"))


def asked(name: str, folder: Path) -> Network:
    head = None
    if name.startswith("miniature-"):
        (folder / "names.json").write_text(json.dumps([f"shape {number}" for number in range(CLASSES)]))
        head = Head(str(folder / "names.json"), "simple")
    return load(Request(SOURCES[name](folder), imports=IMPORTS, head=head))


@pytest.mark.parametrize("name", SOURCES)
def test_one_pass_says_bit_by_bit_what_two_would(name: str, tmp_path: Path) -> None:
    network = asked(name, tmp_path)
    pixels = torch.from_numpy(generator("pixels").standard_normal((5, 3, 64, 64), dtype=np.float32))
    logits, features = network.logits(pixels), network.features(pixels)
    module = network.module
    assert module is not None
    first = next(part for part in module.modules() if isinstance(part, nn.Conv2d))
    passes: list[Tensor] = []
    handle = first.register_forward_hook(lambda _, __, output: passes.append(output))
    both = network.answers(pixels, features=True)
    handle.remove()
    assert len(passes) == 1
    clip = name.startswith("miniature-")
    assert both.keys() == {"logits", "pooled", *(["projected"] if clip else [])}
    for key, expected in {"logits": logits, **features}.items():
        assert both[key].dtype == torch.float32
        assert torch.equal(both[key], expected), key
        assert both[key].std() > 0
    assert network.answers(pixels).keys() == {"logits"}
    assert torch.equal(network.answers(pixels)["logits"], logits)
    if clip:
        torch.testing.assert_close(both["projected"].norm(dim=1), torch.ones(5))


@pytest.mark.parametrize("name", ["vit", "miniature-vit", "own"])
def test_half_precision_too(name: str, tmp_path: Path) -> None:
    network = asked(name, tmp_path)
    pixels = torch.from_numpy(generator("pixels").standard_normal((5, 3, 64, 64), dtype=np.float32))
    exact = network.answers(pixels, features=True)
    rough = network.to("cpu", "bf16").answers(pixels, features=True)
    for key, value in rough.items():
        assert value.dtype == torch.float32
        assert not torch.equal(value, exact[key])
        torch.testing.assert_close(value, exact[key], rtol=0.05, atol=0.05 * float(exact[key].abs().max()))
    assert torch.equal(rough["logits"], network.logits(pixels))


# --- evidence


def card(source: str, paradigm: str = "supervised") -> dict[str, Any]:
    return {"source": source, "imports": IMPORTS, "architecture": "vit", "paradigm": paradigm}


def evaluated(live: Live, units: list[Unit]) -> tuple[int, dict[str, str]]:
    """How many pictures were passed, and what failed."""
    events: list[dict[str, Any]] = []
    Evaluator(live, "cpu", lambda event: events.append(dict(event))).run(units)
    passes = sum(event["passes"] for event in events if event["event"] == "passed")
    return passes, {event["unit"]: event["reason"] for event in events if event["event"] == "failed"}


def pictures(live: Live, folder: Path) -> Tensor:
    """As networks of the miniature see them, in the order of the ids."""
    seen = transforms.Compose([
        transforms.Resize(64, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(64), transforms.ToTensor(),
        transforms.Normalize((0.5,) * 3, (0.5,) * 3),
    ])  # fmt: skip
    ids = live.pictures("pictures").frame.ids
    return torch.stack([seen(Image.open(folder / "pictures" / name).convert("RGB")) for name in ids])


def test_features_are_read_back_in_the_order_of_the_pictures(tmp_path: Path) -> None:
    live, unit = open_live(tmp_path), Unit("vit", "pictures", kind=FEATURES)
    passes, failed = evaluated(live, [unit, Unit("vit", "pictures"), Unit("vit", "pictures", kind=LOGITS)])
    assert (passes, failed) == (IMAGES, {})
    found = open_live(tmp_path).features(unit)
    assert found.keys() == {"pooled"}
    pooled = found["pooled"]
    assert (pooled.shape, pooled.dtype) == ((IMAGES, 96), np.float32)
    assert isinstance(pooled.base.obj if isinstance(pooled.base, memoryview) else pooled.base, mmap.mmap)
    assert not pooled.flags.writeable
    module = timm.create_model("miniature_vit", checkpoint_path=live.request("vit").source.partition("@")[2]).eval()
    with torch.inference_mode():
        expected = module.forward_head(module.forward_features(pictures(live, tmp_path)), pre_logits=True)
        scores = module.head(torch.from_numpy(pooled.copy()))
    np.testing.assert_allclose(pooled, expected.numpy(), atol=1e-4)
    observed = Evidence(live.cast, live.store).observations("vit", "pictures")
    assert observed.column("prediction").tolist() == scores.argmax(dim=1).tolist()
    np.testing.assert_allclose(observed.column("confidence"), scores.softmax(dim=1).amax(dim=1), atol=1e-6)


def test_features_of_clip_on_both_sides_of_the_projection_without_a_head(tmp_path: Path) -> None:
    source = of_open_clip("miniature-vit", tmp_path)
    live = open_live(tmp_path, models={"clip": card(source, "clip")})
    features, table = Unit("clip", "pictures", kind=FEATURES), Unit("clip", "pictures")
    passes, failed = evaluated(live, [features, table])
    assert passes == IMAGES
    assert failed == {"clip on pictures": "clip on pictures: it has no classifier"}
    found = live.features(features)
    assert {name: (value.shape, value.dtype.name) for name, value in found.items()} == {
        "pooled": ((IMAGES, 96), "float32"), "projected": ((IMAGES, 96), "float32"),
    }  # fmt: skip
    model = open_clip.create_model("miniature-vit", pretrained=source.partition("@")[2]).eval()
    found_out = live.description("clip")
    assert found_out is not None
    mean, std = (torch.tensor(values)[:, None, None] for values in (found_out.native.mean, found_out.native.std))
    with torch.inference_mode():
        own = model.encode_image((pictures(live, tmp_path) / 2 + 0.5 - mean) / std, normalize=True)
    np.testing.assert_allclose(found["projected"], own.numpy(), atol=1e-4)
    projected = found["pooled"] @ model.visual.proj.detach().numpy()
    np.testing.assert_allclose(
        found["projected"], projected / np.linalg.norm(projected, axis=1, keepdims=True), atol=1e-5
    )


def test_features_that_are_not_known_take_nothing_else_with_them(tmp_path: Path) -> None:
    live = open_live(tmp_path, models={"own": card(of_ones_own("headless", tmp_path))})
    units = [Unit("own", "pictures", kind=kind) for kind in (TABLE, LOGITS, FEATURES)]
    passes, failed = evaluated(live, units)
    assert passes == IMAGES
    reason = "own on pictures, features: where its features are is not known, only its logits are"
    assert failed == {"own on pictures, features": reason}
    assert len(live.table(units[0])) == IMAGES
    with pytest.raises(NotMeasuredError, match="where its features are is not known"):
        live.features(units[2])
    assert evaluated(live, units[:2]) == (0, {})


def test_features_that_are_no_numbers(tmp_path: Path) -> None:
    source = of_timm("miniature_resnet", tmp_path)
    state = load_file(source.partition("@")[2])
    state["layer1.0.bn1.running_var"][:] = -1e6   # whose root is no number
    save_file(state, source.partition("@")[2])
    live, unit = open_live(tmp_path, models={"broken": card(source)}), Unit("broken", "pictures", kind=FEATURES)
    _, failed = evaluated(live, [unit])
    assert failed == {str(unit): "broken on pictures, features: NaN or infinite among what is pooled"}


def test_features_that_were_not_evaluated_or_are_damaged(tmp_path: Path) -> None:
    live, unit = open_live(tmp_path), Unit("vit", "pictures", kind=FEATURES)
    with pytest.raises(NotMeasuredError, match="vit was not evaluated yet"):
        live.features(unit)
    evaluated(live, [unit])
    before = live.features(unit)["pooled"].copy()
    file = next((live.store.root / "arrays" / live.key(unit)).glob("pooled-*.npy"))
    content = bytearray(file.read_bytes())
    content[-7] ^= 1
    file.write_bytes(content)
    with pytest.raises(NotMeasuredError, match="vit was not evaluated yet"):
        open_live(tmp_path).features(unit)
    passes, failed = evaluated(open_live(tmp_path), [unit])
    assert (passes, failed) == (IMAGES, {})
    assert (open_live(tmp_path).features(unit)["pooled"] == before).all()
