"""Networks of timm answer as timm's own do, and a file that is not theirs, or not quite, is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from timm.data import create_transform, resolve_data_config
from timm.models._hub import save_for_hf
from torch import Tensor, nn
from torchvision.transforms import CenterCrop, Normalize, Resize

from demeanour.errors import EvidenceError, NotMeasuredError, ThresholdsError
from demeanour.miniature.learning import networks as miniature_networks
from demeanour.models import hub
from demeanour.models.description import Request
from demeanour.models.load import load
from demeanour.models.network import Network
from demeanour.models.timm_preprocessing import native
from demeanour.views.geometry import Preprocessing
from tests.models import tiny_networks

TINY = "tests.models.tiny_networks"
VIT, CONVNEXT = tiny_networks.default_cfgs   # of 32×32 pictures, 10 classes
MINIATURE = Path(miniature_networks.__file__).parent / "weights"
LITE0 = "weights/tf_efficientnet_lite0.safetensors"


def made(name: str, seed: int = 0, **options: Any) -> nn.Module:
    torch.manual_seed(seed)
    module = timm.create_model(name, **options).eval()
    for weight in module.parameters():   # biases and scales start as zeros and ones, and would hide what is not loaded
        nn.init.normal_(weight, std=0.1)
    return module


def saved(module: nn.Module, path: Path) -> Path:
    save_file(module.state_dict(), path)
    return path


def pixels(side: int, n: int = 2) -> Tensor:
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def said(module: nn.Module, of: Tensor) -> Tensor:
    return module(of)


def exactly(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def refused(source: str, kind: type[Exception] = EvidenceError, **asked: Any) -> str:
    with pytest.raises(kind) as error:
        load(Request(source, **asked))
    return str(error.value)


@pytest.fixture
def vit(tmp_path: Path) -> Path:
    return saved(made(VIT), tmp_path / "vit.safetensors")


@pytest.mark.parametrize("name", [VIT, CONVNEXT])
def test_a_registered_network_is_loaded_and_described(name: str, tmp_path: Path) -> None:
    module = made(name)
    file = saved(module, tmp_path / "w.safetensors")
    network = load(Request(f"timm:{name}@{file}", imports=TINY))
    answer = network.logits(pixels(32))
    exactly(answer, said(module, pixels(32)))
    assert answer.dtype == torch.float32
    assert not answer.requires_grad
    found = network.description
    assert (found.family, found.classes) == ("supervised", 10)
    assert found.native == Preprocessing(40, "bilinear", 32, (0.5, 0.4, 0.3), (0.2, 0.2, 0.3))
    assert found.parameters == sum(one.numel() for one in module.parameters())
    assert [Path(path).name for path, _, _ in found.files] == ["w.safetensors", "tiny_networks.py"]
    (note,) = found.notes
    assert note == (
        "w.safetensors does not say how its pictures were prepared: resize 40 bilinear, crop 32, "
        "mean (0.5, 0.4, 0.3) and std (0.2, 0.2, 0.3) are assumed"
    )


@pytest.mark.parametrize("role", ["ViT-sup", "ConvNeXt-sup", "reference"])
def test_the_miniature_networks_are_loaded_by_name(role: str) -> None:
    imports, name = miniature_networks.__name__, miniature_networks.ROLES[role].network
    file = MINIATURE / f"{role}.safetensors"
    module = timm.create_model(name).eval()
    try:
        module.load_state_dict(load_file(file))
    except RuntimeError:
        pytest.skip(f"{name} is being trained anew: its weights are of an earlier edition")
    network = load(Request(f"timm:{name}@{file}", imports=imports))
    exactly(network.logits(pixels(64)), said(module, pixels(64)))
    assert network.description.native == Preprocessing(64, "bicubic", 64, (0.5,) * 3, (0.5,) * 3)
    assert "weights are stored as float16 and computed with in float32" in network.description.notes


def test_features_are_those_before_the_classifier_and_come_in_the_same_pass(vit: Path) -> None:
    network = load(Request(f"timm:{VIT}@{vit}", imports=TINY))
    passes: list[int] = []
    network.module.blocks[0].register_forward_hook(lambda *_: passes.append(1))  # type: ignore[union-attr, operator]
    both = network.answers(pixels(32), features=True)
    assert sum(passes) == 1
    exactly(both["logits"], network.logits(pixels(32)))
    exactly(both["pooled"], network.features(pixels(32))["pooled"])
    module = made(VIT)
    exactly(said(module.head, both["pooled"]), both["logits"])
    assert network.answers(pixels(32)).keys() == {"logits"}
    assert both["pooled"].shape == (2, 24)


def test_a_network_without_a_classifier_has_features_and_no_logits(tmp_path: Path) -> None:
    file = saved(made("test_vit", num_classes=0), tmp_path / "w.safetensors")
    network = load(Request(f"timm:test_vit@{file}", classes=0))
    assert network.description.classes is None
    assert network.answers(pixels(160), features=True)["pooled"].shape == (2, 64)
    with pytest.raises(NotMeasuredError, match="no classifier: there are features, but no logits"):
        network.logits(pixels(160))


def test_identity_follows_the_weights_and_the_architecture_and_nothing_else(tmp_path: Path) -> None:
    module = made(VIT)
    state = module.state_dict()
    torch.save({"model": {"module." + key: value for key, value in state.items()}}, tmp_path / "wrapped.pth")
    saved(module, tmp_path / "plain.safetensors")
    changed = {key: value.clone() for key, value in state.items()}
    changed["blocks.1.mlp.fc1.weight"][3, 5] += 1e-3
    save_file(changed, tmp_path / "changed.safetensors")
    own = Preprocessing(None, "bicubic", 32, (0.1,) * 3, (0.2,) * 3)

    def identity(file: str, **asked: Any) -> str:
        return load(Request(f"timm:{VIT}@{tmp_path / file}", imports=TINY, **asked)).description.identity

    plain = identity("plain.safetensors")
    assert identity("wrapped.pth") == plain
    assert identity("plain.safetensors", preprocessing=own) == plain   # it stands beside it in every key
    assert identity("plain.safetensors", classes=10) == plain
    assert identity("changed.safetensors") != plain


def test_equal_weights_in_another_architecture_are_another_network(published: Path) -> None:
    names = ("tf_efficientnet_lite0", "efficientnet_lite0")
    assert len({load(Request(f"timm:{name}@{published / LITE0}")).description.identity for name in names}) == 2


def test_the_native_preprocessing_is_timms_over_all_that_it_publishes() -> None:
    done, refusals = 0, set()
    for name in timm.list_pretrained():
        cfg = timm.get_pretrained_cfg(name).to_dict()
        expected = resolve_data_config({}, pretrained_cfg=cfg)
        try:
            found = native(cfg, name)
        except EvidenceError as error:
            refusals.add(str(error).partition("timm's ")[2].partition(" ")[0])
            _, height, width = expected["input_size"]
            assert expected["crop_mode"] != "center" or height != width
            continue
        resize, crop, *_, normalise = create_transform(**expected, is_training=False).transforms
        assert isinstance(resize, Resize)
        assert isinstance(crop, CenterCrop)
        assert isinstance(normalise, Normalize)
        assert (found.resize, found.interpolation) == (resize.size, resize.interpolation.value)
        assert (found.crop, found.crop) == crop.size
        assert found.mean == pytest.approx(normalise.mean.tolist(), abs=1e-7)
        assert found.std == pytest.approx(normalise.std.tolist(), abs=1e-7)
        done += 1
    assert done > 1000
    assert refusals == {"crop_mode", "input_size"}


@pytest.mark.parametrize(
    ("cfg", "resize"),
    [({"crop_pct": 0.875}, 256), ({"crop_pct": 0.95}, 235), ({"crop_pct": 1.0}, 224), ({"crop_pct": 0.9}, 248),
     ({"input_size": (3, 288, 288), "crop_pct": 0.95}, 303), ({}, 256)],
)  # fmt: skip
def test_the_resize_is_rounded_down(cfg: dict[str, Any], resize: int) -> None:
    assert native({"input_size": (3, 224, 224), **cfg}, "x").resize == resize


@pytest.mark.parametrize(
    ("cfg", "told"),
    [({"crop_mode": "squash"}, "crop_mode squash"), ({"interpolation": "lanczos"}, "interpolation lanczos"),
     ({"input_size": (3, 224, 192)}, "input_size (3, 224, 192)"), ({"input_size": (1, 28, 28)}, "input_size (1, 28")],
)  # fmt: skip
def test_pictures_that_cannot_be_prepared_so_here(cfg: dict[str, Any], told: str) -> None:
    with pytest.raises(EvidenceError) as error:
        native(cfg, "timm:x")
    assert f"timm:x: timm's {told}" in str(error.value)
    assert "say `preprocessing`" in str(error.value)


def timms_own(name: str, module: nn.Module, side: int) -> nn.Module:
    """As timm loads published weights for another side."""
    overlay = {"state_dict": module.state_dict(), "custom_load": False}
    return timm.create_model(name, pretrained=True, img_size=side, pretrained_cfg_overlay=overlay).eval()


def test_another_side_is_as_timm_would_build_it(tmp_path: Path) -> None:
    name = "vit_tiny_patch16_224"
    module = made(name)
    network = load(Request(f"timm:{name}@{saved(module, tmp_path / 'w.safetensors')}"))
    assert network.at(224) is network
    for side in (112, 240):
        other = network.at(side)
        exactly(other.logits(pixels(side, 1)), said(timms_own(name, module, side), pixels(side, 1)))
        assert other.at(side) is other
        assert other.description == network.description
    with pytest.raises(NotMeasuredError, match="100 pixels are no whole number of patches"):
        network.at(100)


def test_another_side_of_a_network_that_is_registered_elsewhere(vit: Path) -> None:
    network = load(Request(f"timm:{VIT}@{vit}", imports=TINY))
    module = made(VIT)
    positions = timm.layers.resample_abs_pos_embed(module.pos_embed, new_size=[6, 6], num_prefix_tokens=1)
    expected = timm.create_model(VIT, img_size=48).eval()
    expected.load_state_dict({**module.state_dict(), "pos_embed": positions})
    exactly(network.at(48).logits(pixels(48)), said(expected, pixels(48)))
    exactly(network.logits(pixels(32)), said(module, pixels(32)))   # which is as it was


def test_a_convnet_takes_any_side_as_it_is(tmp_path: Path) -> None:
    module = made(CONVNEXT)
    network = load(Request(f"timm:{CONVNEXT}@{saved(module, tmp_path / 'w.safetensors')}", imports=TINY))
    assert network.at(96) is network
    exactly(network.logits(pixels(96)), said(module, pixels(96)))


def test_a_vit_that_interpolates_by_itself_is_left_to_it(tmp_path: Path) -> None:
    module = made("test_vit")
    network = load(Request(f"timm:test_vit@{saved(module, tmp_path / 'w.safetensors')}"))
    assert module.dynamic_img_size
    assert network.at(112) is network
    exactly(network.logits(pixels(112)), said(timms_own("test_vit", module, 112), pixels(112)))


def test_a_side_that_timm_cannot_interpolate_to(tmp_path: Path) -> None:
    network = load(Request(f"timm:convit_tiny@{saved(made('convit_tiny'), tmp_path / 'w.safetensors')}"))
    with pytest.raises(NotMeasuredError, match="timm cannot interpolate a network for 256 pixels: convit_tiny"):
        network.at(256)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_near_and_its_answers_are_float32(precision: str, vit: Path) -> None:
    network = load(Request(f"timm:{VIT}@{vit}", imports=TINY))
    exact = network.answers(pixels(32), features=True)
    half = network.to("cpu", precision).answers(pixels(32), features=True)
    for name, values in half.items():
        assert values.dtype == torch.float32
        assert not torch.equal(values, exact[name])
        torch.testing.assert_close(values, exact[name], rtol=0.1, atol=0.1)
    assert {weight.dtype for weight in network.module.parameters()} == {torch.float32}  # type: ignore[union-attr]
    other = network.at(48)
    assert not torch.equal(other.logits(pixels(48)), network.to("cpu", "fp32").at(48).logits(pixels(48)))


def test_logits_of_half_precision_are_computed_in_single_precision(vit: Path) -> None:
    """In eight bits the two largest of many logits tie now and then."""
    network = load(Request(f"timm:{VIT}@{vit}", imports=TINY)).to("cpu", "bf16")
    half = network.answers(pixels(32), features=True)
    head: Any = network.module.head  # type: ignore[union-attr]
    with torch.inference_mode():
        expected = torch.nn.functional.linear(half["pooled"], head.weight, head.bias)
    torch.testing.assert_close(half["logits"], expected, rtol=1e-6, atol=1e-6)
    assert not torch.equal(half["logits"], half["logits"].bfloat16().float())
    other = network.at(48)
    before = other.logits(pixels(48))
    with torch.no_grad():
        head.bias.add_(1)
    assert torch.equal(other.logits(pixels(48)), before)   # its classifier is its own


def test_channels_last_and_compiled_are_as_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = made(CONVNEXT)
    network = load(Request(f"timm:{CONVNEXT}@{saved(module, tmp_path / 'w.safetensors')}", imports=TINY))
    compiled: list[Any] = []
    monkeypatch.setattr(torch, "compile", lambda call: compiled.append(call) or call)
    assert network.to("cpu", "fp32", channels_last=True, compiled=True) is network
    assert compiled[0] is network.module
    stem = network.module.stem[0].weight  # type: ignore[union-attr, index]
    assert stem.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(network.logits(pixels(32)), said(module, pixels(32)), rtol=1e-4, atol=1e-5)
    with pytest.raises(ThresholdsError, match="no precision 'fp61'; did you mean 'fp16'"):
        network.to("cpu", "fp61")


def test_tf32_is_off_on_gpus_and_then_as_before() -> None:
    from demeanour.models.numerics import _without_tf32

    cudnn = torch.backends.cudnn
    before = (cudnn.enabled, cudnn.allow_tf32, torch.get_float32_matmul_precision())
    torch.set_float32_matmul_precision("high")
    try:
        with _without_tf32():
            assert (cudnn.enabled, cudnn.allow_tf32) == (before[0], False)
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(before[2])
    assert (cudnn.enabled, cudnn.allow_tf32, torch.get_float32_matmul_precision()) == before


def facebooks_deit(key: str) -> str:
    for ours, theirs in (("ls1.gamma", "gamma_1"), ("ls2.gamma", "gamma_2")):
        key = key.replace(ours, theirs)
    return key


def facebooks_convnext(key: str) -> str:
    parts = key.split(".")
    if parts[0] == "stem":
        return "downsample_layers.0." + ".".join(parts[1:])
    if parts[0] == "head":
        return ".".join(parts[1:]).replace("fc.", "head.")
    if parts[2] == "downsample":
        return f"downsample_layers.{parts[1]}." + ".".join(parts[3:])
    rest = ".".join(parts[4:]).replace("conv_dw", "dwconv").replace("mlp.fc", "pwconv")
    return f"stages.{parts[1]}.{parts[3]}.{rest}"


@pytest.mark.parametrize(
    ("name", "original"), [("deit3_base_patch16_224", facebooks_deit), ("convnext_base", facebooks_convnext)]
)
def test_the_papers_architectures_as_their_authors_save_them(name: str, original: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = timm.create_model(name).eval()
    torch.save({"model": {original(key): value for key, value in module.state_dict().items()}}, tmp_path / "w.pth")
    expected = said(module, pixels(224))
    del module
    network = load(Request(f"timm:{name}@{tmp_path / 'w.pth'}"))
    exactly(network.logits(pixels(224)), expected)
    assert f"names were converted by timm's own rules for {name}" in network.description.notes


def test_the_tag_says_how_pictures_are_prepared(tmp_path: Path) -> None:
    file = saved(made("deit3_small_patch16_224"), tmp_path / "w.safetensors")
    found = load(Request(f"timm:deit3_small_patch16_224@{file}")).description
    assert found.native.resize == 248
    (note,) = found.notes
    assert note.endswith(
        ", as for deit3_small_patch16_224.fb_in1k, not as for deit3_small_patch16_224.fb_in22k_ft_in1k: "
        "name the right one (timm:NAME.TAG@FILE)"
    )
    tagged = load(Request(f"timm:deit3_small_patch16_224.fb_in22k_ft_in1k@{file}")).description
    assert (tagged.native.resize, tagged.notes, tagged.identity) == (224, (), found.identity)


def test_a_conversion_that_leaves_weights_out_is_told(tmp_path: Path) -> None:
    module = made("test_vit")
    state = {**module.state_dict(), "pre_logits.fc.weight": torch.zeros(64, 64)}
    save_file(state, tmp_path / "w.safetensors")
    network = load(Request(f"timm:test_vit@{tmp_path / 'w.safetensors'}"))
    exactly(network.logits(pixels(160, 1)), said(module, pixels(160, 1)))
    assert any("conversion leaves out 4,096 of" in note for note in network.description.notes)


def test_weights_for_another_side_are_not_interpolated_in_silence(tmp_path: Path) -> None:
    file = saved(made("test_vit", img_size=224), tmp_path / "w.safetensors")
    message = refused(f"timm:test_vit@{file}")
    assert "pos_embed is (1, 197, 64), the network's (1, 101, 64)" in message
    assert "pos_embed was made for another input side" in message


def test_weights_of_another_network_and_of_other_classes(vit: Path) -> None:
    message = refused(f"timm:{CONVNEXT}@{vit}", imports=TINY)
    assert str(vit) in message
    assert "missing (stem.0.weight" in message
    assert "unexpected (" in message
    assert "head.weight is (10, 24) but the model has 12 classes" in refused(
        f"timm:{VIT}@{vit}", imports=TINY, classes=12
    )


def test_a_checkpoint_of_other_classes_is_loaded_where_the_card_says_so(tmp_path: Path) -> None:
    module = made(VIT, num_classes=12)
    file = saved(module, tmp_path / "w.safetensors")
    assert "head.weight is (12, 24) but the model has 10 classes" in refused(f"timm:{VIT}@{file}", imports=TINY)
    network = load(Request(f"timm:{VIT}@{file}", imports=TINY, classes=12))
    assert network.description.classes == 12
    exactly(network.logits(pixels(32)), said(module, pixels(32)))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("timm:resnt50@w.pth", "timm knows no 'resnt50'; did you mean 'resnet50'?"),
        ("timm:resnet50.a1_in1", "timm has no tag 'a1_in1' of resnet50; did you mean 'a1_in1k'?"),
        (f"timm:{VIT}", f"timm publishes no weights of {VIT}; name a file: timm:{VIT}@FILE"),
    ],
)
def test_names_that_timm_does_not_know(source: str, message: str) -> None:
    assert message in refused(source)


def test_a_network_that_timm_knows_nothing_of_asks_for_its_preprocessing(vit: Path, monkeypatch: Any) -> None:
    from timm.models import _registry

    monkeypatch.delitem(_registry._model_default_cfgs, VIT)
    monkeypatch.delitem(_registry._model_pretrained_cfgs, VIT)
    assert f"how pictures are prepared for {VIT}: say `preprocessing`" in refused(f"timm:{VIT}@{vit}")
    own = Preprocessing(None, "bicubic", 32, (0.1,) * 3, (0.2,) * 3)
    assert load(Request(f"timm:{VIT}@{vit}", preprocessing=own, classes=10)).description.native == own


def test_imports_that_fail_say_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "'no.such.module' cannot be imported" in refused("timm:resnet50", imports="no.such.module")
    (tmp_path / "broken_networks_of_tests.py").write_text("import torch\n\n\ntorch.no_such_name\n")
    monkeypatch.syspath_prepend(tmp_path)
    message = refused("timm:resnet50", imports="broken_networks_of_tests")
    assert "broken_networks_of_tests.py:4: AttributeError" in message


def config(**values: Any) -> str:
    return json.dumps({"architecture": VIT, "num_classes": 10, "pretrained_cfg": values})


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (config(mean=[0.485, 0.456, 0.406]), "says mean (0.485, 0.456, 0.406), timm:tiny_vit_of_tests (0.5, 0.4, 0.3)"),
        (config(std=[0.5, 0.5, 0.5]), "says std (0.5, 0.5, 0.5), timm:tiny_vit_of_tests (0.2, 0.2, 0.3)"),
        (config(input_size=[3, 64, 64]), "says input_size (3, 64, 64), timm:tiny_vit_of_tests (3, 32, 32)"),
        (config(num_classes=11).replace('"num_classes": 10, ', ""), "says num_classes 11, timm:tiny_vit_of_tests 10"),
        (config().replace(VIT, "vit_other"), "says architecture vit_other, timm:tiny_vit_of_tests tiny_vit_of_tests"),
        ('{"mean": [0.5, 0.5, 0.5], "about": "trained here"}', "says mean (0.5, 0.5, 0.5)"),
    ],
)
@pytest.mark.parametrize("place", ["config.json", "vit.json", "metadata"])
def test_what_lies_beside_the_weights_must_agree(record: str, told: str, place: str, vit: Path) -> None:
    if place == "metadata":
        metadata = {key: json.dumps(value) for key, value in json.loads(record).items()}
        save_file(made(VIT).state_dict(), vit, metadata=metadata)
    else:
        vit.with_name(place).write_text(record)
    message = refused(f"timm:{VIT}@{vit}", imports=TINY)
    assert told in message
    assert "name the architecture or tag" in message


def test_what_lies_beside_the_weights_and_agrees_or_speaks_of_something_else(vit: Path) -> None:
    agreeing = config(mean=[0.5, 0.4, 0.3], std=[0.2, 0.2, 0.3], input_size=[3, 32, 32])
    for record, notes in ((agreeing, 0), ('{"architectures": ["ViT"], "architecture": "vit"}', 1), ("no JSON", 1)):
        vit.with_name("config.json").write_text(record)
        found = load(Request(f"timm:{VIT}@{vit}", imports=TINY)).description
        assert len(found.notes) == notes
        assert (str(vit.with_name("config.json")) in {path for path, *_ in found.files}) == (notes == 0)


def test_a_cards_own_preprocessing_decides_and_the_contradiction_is_noted(vit: Path) -> None:
    vit.with_name("config.json").write_text(config(mean=[0.485, 0.456, 0.406]))
    own = Preprocessing(None, "bicubic", 32, (0.485, 0.456, 0.406), (0.2, 0.2, 0.3))
    found = load(Request(f"timm:{VIT}@{vit}", imports=TINY, preprocessing=own)).description
    assert found.native == own
    assert len(found.notes) == 1
    assert found.notes[0].endswith("the card's preprocessing is used")
    vit.with_name("config.json").write_text(config(num_classes=11).replace('"num_classes": 10, ', ""))
    assert "says num_classes 11" in refused(f"timm:{VIT}@{vit}", imports=TINY, preprocessing=own)


def photographs(published: Path, network: Network, mean: Any, std: Any, n: int = 16) -> Tensor:
    transform = create_transform((3, 224, 224), interpolation="bicubic", mean=mean, std=std, crop_pct=0.875)
    files = sorted((published / "imagenet-val").glob("*.JPEG"))[:n]
    return network.logits(torch.stack([transform(Image.open(file).convert("RGB")) for file in files]))


def test_real_weights_answer_as_timms_own_and_their_twin_does_not_and_says_so(published: Path) -> None:
    file = published / LITE0
    half, imagenet = ((0.5,) * 3, (0.5,) * 3), ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    network = load(Request(f"timm:tf_efficientnet_lite0@{file}"))
    assert network.description.native == Preprocessing(256, "bicubic", 224, *half)
    assert network.description.parameters == 4_652_008
    right = photographs(published, network, *half)
    reference = timm.create_model("tf_efficientnet_lite0", checkpoint_path=str(file)).eval()
    reference_network = load(Request(f"timm:tf_efficientnet_lite0@{file}"))
    reference_network.module.load_state_dict(reference.state_dict())  # type: ignore[union-attr]
    exactly(right, photographs(published, reference_network, *half))

    twin = load(Request(f"timm:efficientnet_lite0@{file}"))
    assert any(note.startswith("tf_efficientnet_lite0 takes the same weights") for note in twin.description.notes)
    assert any("mean (0.485, 0.456, 0.406)" in note for note in twin.description.notes)
    other = photographs(published, twin, *imagenet)
    confidence = [np.median(scores.softmax(1).max(1).values) for scores in (right, other)]
    assert confidence[1] < confidence[0] - 0.05


def test_imagenets_mean_and_std_beside_weights_of_others(published: Path, tmp_path: Path) -> None:
    file = shutil.copy(published / LITE0, tmp_path / "w.safetensors")
    beside = {"architecture": "tf_efficientnet_lite0", "pretrained_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    (tmp_path / "config.json").write_text(json.dumps(beside))
    assert load(Request(f"timm:tf_efficientnet_lite0@{file}")).description.notes == ()
    assert "says architecture tf_efficientnet_lite0" in refused(f"timm:efficientnet_lite0@{file}")
    del beside["architecture"]
    (tmp_path / "config.json").write_text(json.dumps(beside))
    assert "says mean (0.5, 0.5, 0.5), timm:efficientnet_lite0 (0.485, 0.456, 0.406)" in refused(
        f"timm:efficientnet_lite0@{file}"
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub; nothing may be downloaded."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "torch"))
    monkeypatch.delenv(hub.DOWNLOAD, raising=False)
    return tmp_path


def repository(cache: Path, name: str, revision: str = "main") -> Path:
    folder = cache / "hub" / ("models--" + name.replace("/", "--"))
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    commit = revision.encode().hex().ljust(40, "0")
    (folder / "refs" / revision).write_text(commit)
    (folder / "snapshots" / commit).mkdir(parents=True)
    return folder / "snapshots" / commit


def test_published_weights_are_read_from_the_hubs_cache(cache: Path) -> None:
    missing = refused("timm:test_vit.r160_in1k", NotMeasuredError)
    assert "model.safetensors or pytorch_model.bin of hf-hub:timm/test_vit.r160_in1k is not in" in missing
    assert missing.endswith("get it with the option `--download`")
    module = made("test_vit")
    saved(module, repository(cache, "timm/test_vit.r160_in1k") / "model.safetensors")
    for name in ("test_vit.r160_in1k", "test_vit"):   # it is the default tag
        network = load(Request(f"timm:{name}"))
        exactly(network.logits(pixels(160, 1)), said(module, pixels(160, 1)))
        assert network.description.notes == ()


def test_published_weights_are_read_from_torchs_cache(cache: Path) -> None:
    missing = refused("timm:legacy_seresnet18", NotMeasuredError)
    file = cache / "torch" / "checkpoints" / "seresnet18-4bb0ce65.pth"
    assert missing == f"{file} is missing; get it with the option `--download`"
    file.parent.mkdir(parents=True)
    module = timm.create_model("legacy_seresnet18").eval()
    torch.save(module.state_dict(), file)
    exactly(load(Request("timm:legacy_seresnet18")).logits(pixels(64, 1)), said(module, pixels(64, 1)))


def test_a_repository_of_the_hub_is_built_as_its_config_says(cache: Path) -> None:
    module = made("test_vit", num_classes=7, img_size=96, act_layer="relu")
    folder = repository(cache, "me/mine")
    save_for_hf(module, folder, model_args={"act_layer": "relu", "img_size": 96})
    network = load(Request("hf-hub:me/mine"))
    exactly(network.logits(pixels(96)), said(module, pixels(96)))
    assert network.description.classes == 7
    assert {Path(path).name for path, *_ in network.description.files} == {"pytorch_model.bin", "config.json"}
    plain = made("test_vit", num_classes=7, img_size=96)
    save_for_hf(plain, repository(cache, "me/plain"), model_args={"img_size": 96})
    assert load(Request("hf-hub:me/plain")).description.identity != network.description.identity   # another activation


def test_a_revision_of_a_repository(cache: Path) -> None:
    save_for_hf(made("test_vit"), repository(cache, "me/mine", "v2"))
    assert load(Request("hf-hub:me/mine@v2")).description.classes == 1000
    assert "of hf-hub:me/mine is not in" in refused("hf-hub:me/mine", NotMeasuredError)


def test_a_repository_that_is_neither_timms_nor_open_clips(cache: Path) -> None:
    folder = repository(cache, "me/other")
    (folder / "config.json").write_text('{"architectures": ["ViTForImageClassification"]}')
    saved(made("test_vit"), folder / "model.safetensors")
    assert "hf-hub:me/other has no config.json of timm or open_clip" in refused("hf-hub:me/other")


def test_a_repository_of_open_clip_is_loaded_as_such(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from demeanour.models import open_clip_source

    folder = repository(cache, "me/clip")
    for name in ("config.json", "open_clip_config.json"):
        (folder / name).write_text("{}")
    asked: list[str] = []
    monkeypatch.setattr(open_clip_source, "load_open_clip", lambda source, *_: asked.append(str(source)))
    load(Request("hf-hub:me/clip"))
    assert asked == ["hf-hub:me/clip"]


@pytest.mark.parametrize(
    ("download", "offline", "allowed"),
    [("", "", False), ("1", "", True), ("1", "1", False), ("0", "", False), ("1", "0", True), ("", "1", False)],
)
def test_downloads_only_where_they_are_allowed(
    download: str, offline: str, allowed: bool, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(hub.DOWNLOAD, download)
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    asked: list[bool] = []

    def fetch(repository: str, name: str, revision: str | None, local_files_only: bool) -> str:
        asked.append(not local_files_only)
        return f"{repository}/{name}"

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fetch)
    assert hub.hub_file("me/mine", ["config.json"]) == Path("me/mine/config.json")
    assert asked == [allowed]


def test_predictions_are_no_network() -> None:
    with pytest.raises(ThresholdsError, match="names predictions, not a network"):
        load(Request("predictions:tables/may"))
