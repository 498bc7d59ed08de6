"""Models of open_clip give open_clip's own answers, or an error that says what contradicts what."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from open_clip import factory
from open_clip.constants import IMAGENET_MEAN, IMAGENET_STD, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from open_clip.pretrained import _PRETRAINED, _pcfg
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import v2

from demeanour.errors import EvidenceError, NotMeasuredError, ThresholdsError
from demeanour.models.description import Description, Head, Request
from demeanour.models.heads import Workshop
from demeanour.models.load import load
from demeanour.models.open_clip_network import OpenClipNetwork
from demeanour.models.open_clip_source import load_open_clip
from demeanour.models.source import parse_source
from demeanour.statistics.seeds import generator
from demeanour.views.geometry import Preprocessing

NAMES = ["ball", "cube", "cone"]
SIDE = 32
TEXT = {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
VISION = {"image_size": SIDE, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8}
TIMM_VIT = {"timm_model_name": "test_vit", "timm_pool": "", "timm_proj": "linear", "image_size": 160}
TINY: dict[str, dict[str, Any]] = {
    "tiny": {"vision_cfg": VISION},
    "tiny-quickgelu": {"vision_cfg": VISION, "quick_gelu": True},
    "tiny-averaging": {"vision_cfg": {**VISION, "pool_type": "avg", "final_ln_after_pool": True}, "custom_text": True},
    "tiny-coca": {
        "vision_cfg": {**VISION, "attentional_pool": True, "attn_pooler_heads": 2, "output_tokens": True},
        "text_cfg": {**TEXT, "embed_cls": True, "output_tokens": True},
        "multimodal_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
        "custom_text": True,
    },
    "tiny-resnet": {"vision_cfg": {"image_size": SIDE, "layers": [1, 1, 1, 1], "width": 8, "head_width": 32}},
    "tiny-convnext": {"vision_cfg": {"timm_model_name": "test_convnext", "timm_pool": "", "timm_proj": "mlp"}},
    "tiny-classifier": {"vision_cfg": {"timm_model_name": "test_convnext", "timm_pool": "avg", "timm_proj": ""}},
    "tiny-attention": {"vision_cfg": {"timm_model_name": "test_convnext", "timm_pool": "rot_attn", "timm_proj": ""}},
    "tiny-timm-vit": {"vision_cfg": TIMM_VIT},
    "tiny-oblong": {"vision_cfg": {**VISION, "image_size": [32, 64]}},
}
TAG = {"tiny": {"here": _pcfg(hf_hub="org/tiny/")}, "tiny-quickgelu": {"there": _pcfg(hf_hub="org/quick/")}}


one_tokenizer = functools.cache(open_clip.SimpleTokenizer)   # to make one takes longer than all that is tested here


@pytest.fixture(scope="module", autouse=True)
def architectures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("configs")
    for name, config in TINY.items():
        (folder / f"{name}.json").write_text(json.dumps({"embed_dim": 16, "text_cfg": TEXT, **config}))
    open_clip.add_model_config(folder)
    yield
    factory._MODEL_CONFIG_PATHS.remove(folder)
    for name in TINY:
        factory._MODEL_CONFIGS.pop(name)


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of heads and one of the hub, both empty, and no downloads."""
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DEMEANOUR_DOWNLOAD", raising=False)
    monkeypatch.setattr(factory, "SimpleTokenizer", one_tokenizer)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    for name, tags in TAG.items():
        monkeypatch.setitem(_PRETRAINED, name, tags)
    return tmp_path


def made(name: str, **more: Any) -> Any:
    torch.manual_seed(7)
    return open_clip.create_model(name, load_weights=False, **more).eval()


def saved(model: Any, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, path)
    return path


def on_hub(folder: Path, repository: str, name: str = "open_clip_model.safetensors") -> Path:
    """Where huggingface_hub keeps a file of a repository."""
    root = folder / "hub" / f"models--{repository.replace('/', '--')}"
    (root / "refs").mkdir(parents=True, exist_ok=True)
    (root / "refs" / "main").write_text("a" * 40)
    path = root / "snapshots" / ("a" * 40) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def loaded(source: str, head: Head | None = None, workshop: Workshop | None = None, **more: Any) -> OpenClipNetwork:
    return load_open_clip(parse_source(source), Request(source, head=head, **more), workshop)


def random_pixels(side: int, count: int = 3) -> Tensor:
    return torch.from_numpy(generator("pixels", str(side)).standard_normal((count, 3, side, side), dtype=np.float32))


def own_logits(model: Any, name: str, pixels: Tensor, scale: float = 100.0) -> Tensor:
    """open_clip's answer, as the paper computes it."""
    tokenizer = open_clip.get_tokenizer(name)
    head = open_clip.build_zero_shot_classifier(model, tokenizer, NAMES, open_clip.SIMPLE_IMAGENET_TEMPLATES)
    with torch.no_grad():
        logits: Tensor = scale * model.encode_image(pixels, normalize=True) @ head
    return logits


@pytest.fixture
def head(tmp_path: Path) -> Head:
    (tmp_path / "names.json").write_text(json.dumps(NAMES))
    return Head(str(tmp_path / "names.json"), "simple")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many prompts each pass of a text tower reads."""
    passes: list[int] = []
    own = open_clip.CLIP.encode_text

    def counted(self: Any, text: Tensor, normalize: bool = False) -> Tensor:
        passes.append(len(text))
        answer: Tensor = own(self, text, normalize)
        return answer

    monkeypatch.setattr(open_clip.CLIP, "encode_text", counted)
    return passes


def close(one: Tensor, other: Tensor, within: float = 1e-5) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=within)


# --- answers


@pytest.mark.parametrize("name", [name for name in TINY if name != "tiny-oblong"])
def test_logits_are_open_clips(name: str, tmp_path: Path, head: Head) -> None:
    model = made(name)
    side = model.visual.image_size[0] if isinstance(model.visual.image_size, tuple) else model.visual.image_size
    pixels = random_pixels(side)
    expected = own_logits(model, name, pixels)
    count = sum(one.numel() for one in model.visual.parameters())
    network = loaded(f"open_clip:{name}@{saved(model, tmp_path / 'model.safetensors')}", head)
    answer = network.logits(pixels)
    assert answer.dtype == torch.float32
    assert answer.shape == (3, 3)
    assert expected.std() > 0.01
    close(answer, expected)
    described = network.description
    assert (described.family, described.classes, described.parameters) == ("clip", 3, count)
    assert Description.of(json.loads(json.dumps(described.record()))) == described


def test_a_training_checkpoint_in_its_wrappers(tmp_path: Path, head: Head) -> None:
    model, pixels = made("tiny"), random_pixels(SIDE)
    wrapped = {f"module.{key}": value.half() for key, value in model.state_dict().items()}
    torch.save({"epoch": 3, "name": "run", "state_dict": wrapped, "optimizer": {}}, tmp_path / "epoch_3.pt")
    own = open_clip.create_model("tiny", pretrained=str(tmp_path / "epoch_3.pt")).eval()
    network = loaded(f"open_clip:tiny@{tmp_path / 'epoch_3.pt'}", head)
    close(network.logits(pixels), own_logits(own, "tiny", pixels))
    assert any("float16" in note for note in network.description.notes)


def test_a_checkpoint_from_before_text_towers_had_their_own_names(tmp_path: Path, head: Head) -> None:
    model, pixels = made("tiny-averaging"), random_pixels(SIDE)
    old = {key.removeprefix("text."): value.contiguous() for key, value in model.state_dict().items()}
    old["logit_scale"] = old["logit_scale"].reshape(1)
    save_file(old, tmp_path / "old.safetensors")
    network = loaded(f"open_clip:tiny-averaging@{tmp_path / 'old.safetensors'}", head)
    close(network.logits(pixels), own_logits(model, "tiny-averaging", pixels))


def test_features_before_and_after_open_clips_projection(tmp_path: Path) -> None:
    for name, projected in (
        ("tiny", lambda visual, pooled: pooled @ visual.proj),
        ("tiny-averaging", lambda visual, pooled: pooled @ visual.proj),
        ("tiny-coca", lambda visual, pooled: pooled @ visual.proj),
        ("tiny-convnext", lambda visual, pooled: visual.head(pooled)),
        ("tiny-classifier", lambda visual, pooled: visual.trunk.head.fc(pooled)),
    ):
        model = made(name)
        source = f"open_clip:{name}@{saved(model, tmp_path / f'{name}.safetensors')}"
        pixels = random_pixels(loaded(source).side or 0)
        features = loaded(source).features(pixels)
        with torch.no_grad():
            close(features["projected"], model.encode_image(pixels, normalize=True))
            close(features["projected"], functional.normalize(projected(model.visual, features["pooled"]), dim=-1))


def test_pooled_features_of_a_vit_are_its_normalised_class_token(tmp_path: Path) -> None:
    model, pixels, seen = made("tiny"), random_pixels(SIDE), []
    source = f"open_clip:tiny@{saved(model, tmp_path / 'model.safetensors')}"
    model.visual.ln_post.register_forward_hook(lambda _module, _inputs, output: seen.append(output[:, 0]))
    with torch.no_grad():
        model.encode_image(pixels)
    close(loaded(source).features(pixels)["pooled"], seen[0])


@pytest.mark.parametrize("name", ["tiny-resnet", "tiny-attention"])
def test_attention_that_pools_and_projects_in_one_has_no_pooled_features(name: str, tmp_path: Path) -> None:
    network = loaded(f"open_clip:{name}@{saved(made(name), tmp_path / 'model.safetensors')}")
    with pytest.raises(NotMeasuredError, match="pools and projects in one"):
        network.features(random_pixels(network.side or 0))
    with pytest.raises(NotMeasuredError, match="takes pictures of one side only"):
        network.at(64)


def test_the_scale_is_the_papers_or_the_models_own_and_part_of_the_identity(tmp_path: Path, head: Head) -> None:
    model, pixels = made("tiny"), random_pixels(SIDE)
    source = f"open_clip:tiny@{saved(model, tmp_path / 'model.safetensors')}"
    networks = [loaded(source, replace(head, logit_scale=scale)) for scale in (100.0, None, 50.0)]
    own = float(model.logit_scale.detach().exp())
    assert own == pytest.approx(1 / 0.07, rel=1e-5)
    for network, scale in zip(networks, (100.0, own, 50.0), strict=True):
        close(network.logits(pixels), own_logits(model, "tiny", pixels, scale))
    assert len({network.description.identity for network in networks}) == 3


def test_without_a_head_there_are_features_but_no_logits(tmp_path: Path, reads: list[int]) -> None:
    network = loaded(f"open_clip:tiny@{saved(made('tiny'), tmp_path / 'model.safetensors')}")
    assert network.description.classes is None
    assert network.features(random_pixels(SIDE))["projected"].shape == (3, 16)
    assert not reads
    with pytest.raises(NotMeasuredError, match="say `head` in the card"):
        network.logits(random_pixels(SIDE))


@pytest.mark.parametrize(
    ("name", "sides"), [("tiny", (16, 64)), ("tiny-convnext", (96,)), ("tiny-timm-vit", (96, 224))]
)
def test_another_side_is_what_open_clip_forces(name: str, sides: tuple[int, ...], tmp_path: Path, head: Head) -> None:
    model = made(name)
    path = saved(model, tmp_path / "model.safetensors")
    network = loaded(f"open_clip:{name}@{path}", head)
    assert network.side is not None
    assert network.at(network.side) is network
    for side in sides:
        pixels = random_pixels(side)
        forced = open_clip.create_model(name, pretrained=str(path), force_image_size=side).eval()
        close(network.at(side).logits(pixels), own_logits(forced, name, pixels))
    pixels = random_pixels(network.side)
    close(network.logits(pixels), own_logits(model, name, pixels))   # it stays what it was


def test_pictures_without_a_patch_are_refused(tmp_path: Path) -> None:
    network = loaded(f"open_clip:tiny@{saved(made('tiny'), tmp_path / 'model.safetensors')}")
    with pytest.raises(NotMeasuredError, match="pictures of 7 pixels hold no patch of 8×8"):
        network.at(7)


def test_precisions_and_formats(tmp_path: Path, head: Head) -> None:
    model, pixels = made("tiny"), random_pixels(SIDE)
    network = loaded(f"open_clip:tiny@{saved(model, tmp_path / 'model.safetensors')}", head)
    exact = network.logits(pixels)
    close(network.to("cpu", "fp32", channels_last=True).logits(pixels), exact)
    for precision, dtype in (("bf16", torch.bfloat16), ("fp16", torch.float16)):
        with torch.no_grad(), torch.autocast("cpu", dtype):
            half = model.encode_image(pixels)
        answer = network.to("cpu", precision).logits(pixels)
        assert not torch.equal(answer, exact)
        assert network.module.head is not None
        close(answer, 100 * functional.normalize(half.float(), dim=-1) @ network.module.head)
        close(network.features(pixels)["projected"], functional.normalize(half.float(), dim=-1))
        wide = random_pixels(64)   # the other side computes likewise
        assert not torch.equal(network.at(64).logits(wide), network.to("cpu", "fp32").at(64).logits(wide))
    assert torch.equal(network.to("cpu", "fp32").logits(pixels), exact)
    with pytest.raises(ThresholdsError, match="did you mean 'bf16'"):
        network.to("cpu", "b16")


# --- preprocessing and identity


def test_native_pixels_are_those_of_open_clips_transform(tmp_path: Path) -> None:
    path = saved(made("tiny"), tmp_path / "model.safetensors")
    _, _, transform = open_clip.create_model_and_transforms("tiny", pretrained=str(path))
    native = loaded(f"open_clip:tiny@{path}").description.native
    assert native == Preprocessing(SIDE, "bicubic", SIDE, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD)
    assert native.resize is not None
    assert native.crop is not None
    picture = Image.fromarray(generator("picture").integers(0, 256, (47, 61, 3), dtype=np.uint8))
    ours = v2.Compose([
        v2.Resize(native.resize, v2.InterpolationMode.BICUBIC), v2.CenterCrop(native.crop), v2.PILToTensor(),
        v2.ToDtype(torch.float32, scale=True), v2.Normalize(native.mean, native.std),
    ])  # fmt: skip
    close(ours(picture), transform(picture), 1e-6)


def test_the_identity_is_of_the_content(tmp_path: Path, head: Head) -> None:
    model = made("tiny")
    path = saved(model, tmp_path / "a" / "model.safetensors")
    torch.save({"state_dict": model.state_dict()}, tmp_path / "model.pt")
    first = loaded(f"open_clip:tiny@{path}", head).description
    assert loaded(f"open_clip:tiny@{tmp_path / 'model.pt'}", head).description.identity == first.identity
    assert [(file[0], file[1]) for file in first.files] == [
        (str(one), one.stat().st_size) for one in (path, tmp_path / "names.json")
    ]
    others = [loaded(f"open_clip:tiny@{path}"), loaded(f"open_clip:tiny@{path}", replace(head, templates="imagenet"))]
    for key in ("visual.conv1.weight", "ln_final.bias"):   # a weight of the image tower, one of the text tower
        model.get_parameter(key).data.flatten()[0] += 0.001
        others.append(loaded(f"open_clip:tiny@{saved(model, tmp_path / 'changed.safetensors')}", head))
    quick = loaded(f"open_clip:tiny-quickgelu@{path}", head)
    assert len({one.description.identity for one in (*others, quick)} | {first.identity}) == 6


def test_a_module_that_registers_networks_is_imported_first(tmp_path: Path, head: Head) -> None:
    from demeanour.miniature.learning import networks

    path = saved(networks.untrained("ConvNeXt-clip"), tmp_path / "model.safetensors")
    network = load(Request(f"open_clip:miniature-convnext@{path}", imports=networks.__name__, head=head))
    assert network.logits(random_pixels(64)).shape == (3, 3)
    assert str(Path(networks.__file__)) in [file[0] for file in network.description.files]


# --- heads that are kept


def test_a_kept_head_needs_no_text_tower(tmp_path: Path, head: Head, reads: list[int]) -> None:
    source = f"open_clip:tiny@{saved(made('tiny'), tmp_path / 'model.safetensors')}"
    first = loaded(source, head)
    assert sum(reads) == 21
    second = loaded(source, replace(head, logit_scale=None))
    assert sum(reads) == 21
    assert first.module.head is not None
    assert second.module.head is not None
    assert torch.equal(first.module.head, second.module.head)
    assert not [name for name, _ in first.module.named_parameters() if "token_embedding" in name]
    (tmp_path / "one.txt").write_text("a photo of a {}.\n")
    changed = loaded(source, replace(head, templates=str(tmp_path / "one.txt")))
    assert sum(reads) == 24
    assert changed.module.head is not None
    assert not torch.equal(changed.module.head, first.module.head)


def test_whoever_waits_for_a_head_hears_of_it_and_says_where_it_is_kept(tmp_path: Path, head: Head) -> None:
    told: list[tuple[int, int]] = []
    workshop = Workshop(tmp_path / "elsewhere", progress=lambda *counts: told.append(counts), notice=lambda _: None)
    source = f"open_clip:tiny@{saved(made('tiny'), tmp_path / 'model.safetensors')}"
    for _ in range(2):
        loaded(source, head, workshop)
    assert told == [(21, 21)]
    assert len(list((tmp_path / "elsewhere" / "heads").glob("*.npy"))) == 1
    assert not (tmp_path / "cache").exists()


def test_a_head_is_shared_by_image_towers_with_one_text_tower(tmp_path: Path, head: Head, reads: list[int]) -> None:
    model = made("tiny")
    loaded(f"open_clip:tiny@{saved(model, tmp_path / 'a.safetensors')}", head)
    model.visual.conv1.weight.data += 1
    loaded(f"open_clip:tiny@{saved(model, tmp_path / 'b.safetensors')}", head)
    assert sum(reads) == 21
    loaded(f"open_clip:tiny-quickgelu@{tmp_path / 'b.safetensors'}", head)   # the same weights in another text tower
    assert sum(reads) == 42


def test_a_damaged_head_is_made_anew_and_said_so(tmp_path: Path, head: Head, reads: list[int]) -> None:
    source = f"open_clip:tiny@{saved(made('tiny'), tmp_path / 'model.safetensors')}"
    before = loaded(source, head).module.head
    (kept,) = (tmp_path / "cache" / "heads").glob("*.npy")
    kept.write_bytes(kept.read_bytes()[:-4] + b"\0\0\0\0")
    said: list[str] = []
    after = loaded(source, head, Workshop(notice=said.append)).module.head
    assert before is not None
    assert after is not None
    assert torch.equal(before, after)
    assert sum(reads) == 42
    assert said == [
        f"{kept} was damaged; the zero-shot head is made anew",
        "a zero-shot head of 3 names in 7 templates is made, and kept",
    ]


def test_the_number_of_classes(tmp_path: Path, head: Head, reads: list[int]) -> None:
    source = f"open_clip:tiny@{saved(made('tiny'), tmp_path / 'model.safetensors')}"
    assert loaded(source, head, classes=3).description.classes == 3
    with pytest.raises(EvidenceError, match=r"4 classes are wanted, but .*names\.json names 3 classes"):
        loaded(source, head, classes=4)
    with pytest.raises(EvidenceError, match="3 classes are wanted, but there is no zero-shot head"):
        loaded(source, classes=3)


def test_repeated_names_are_noted(tmp_path: Path, head: Head) -> None:
    Path(head.names).write_text('["ball", "cube", "ball"]')
    network = loaded(f"open_clip:tiny@{saved(made('tiny'), tmp_path / 'model.safetensors')}", head)
    assert "classes 0, 2 have the same name 'ball' and so the same logits" in network.description.notes
    logits = network.logits(random_pixels(SIDE))
    close(logits[:, 0], logits[:, 2])


# --- what does not fit


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("ViT-B-61@x.pt", "open_clip knows no 'ViT-B-61'; did you mean 'ViT-B-16'"),
        ("ViT-B-16@laion400m_e33", "no weights 'laion400m_e33' of ViT-B-16; did you mean 'laion400m_e3"),
        ("tiny@laion400m_e31", "'laion400m_e31' is one of ViT-B-32"),
        ("tiny-convnext@nothing", "name a file: open_clip:tiny-convnext@FILE"),
        ("ViT-B-32@openai", "False, open_clip's list .* True; name open_clip:ViT-B-32-quickgelu@openai"),
        ("ViT-B-16-SigLIP@webli", "resize_mode 'squash' has no counterpart here"),
        ("tiny-oblong@x.pt", "takes pictures of 32×64; only squares"),
    ],
)
def test_names_and_tags_that_cannot_be_right(source: str, message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        loaded(f"open_clip:{source}")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("open_clip:tiny@/no/such.safetensors", r"/no/such\.safetensors is missing; it holds the weights"),
        ("open_clip:tiny@here", r"open_clip_model\.safetensors .* of hf-hub:org/tiny is not in .*--download"),
        ("hf-hub:org/tiny", r"open_clip_config\.json of hf-hub:org/tiny is not in .*--download"),
    ],
)
def test_files_that_are_missing(source: str, message: str) -> None:
    with pytest.raises(NotMeasuredError, match=message) as caught:
        loaded(source)
    assert not isinstance(caught.value, EvidenceError)


def test_weights_must_fit_both_towers(tmp_path: Path) -> None:
    path = saved(made("tiny"), tmp_path / "model.safetensors")
    state = {key: value.contiguous() for key, value in made("tiny").state_dict().items()}
    for change, message in (
        ({"visual.conv1.weight": None}, "1 missing .visual.conv1.weight."),
        ({"ln_final.bias": None}, "1 missing .ln_final.bias."),
        ({"visual.extra": torch.ones(1)}, "1 unexpected .visual.extra."),
        ({"positional_embedding": torch.ones(77, 16)}, r"positional_embedding is \(77, 16\)"),
        ({"visual.proj": torch.full((32, 16), torch.nan)}, "visual.proj holds NaN"),
    ):
        save_file({key: value for key, value in {**state, **change}.items() if value is not None}, path)
        with pytest.raises(EvidenceError, match=message):
            loaded(f"open_clip:tiny@{path}")


def test_weights_of_another_side_do_not_fit(tmp_path: Path) -> None:
    path = saved(made("tiny", force_image_size=64), tmp_path / "model.safetensors")
    with pytest.raises(EvidenceError, match=r"visual\.positional_embedding is \(65, 32\), the network's \(17, 32\)"):
        loaded(f"open_clip:tiny@{path}")


def quick(path: Path) -> None:
    path.with_name("open_clip_config.json").write_text(json.dumps({"model_cfg": {"quick_gelu": True}}))


@pytest.mark.parametrize(
    ("name", "prepare", "where"),
    [
        ("model.safetensors", quick, "open_clip_config.json"),
        ("vit_b_32-quickgelu-laion400m_e32-46683a32.pt", None, r"open_clip's list \(ViT-B-32, laion400m_e32\)"),
        ("models--timm--vit_base_patch32_clip_224.openai/snapshots/a/model.safetensors", None, r"\(ViT-B-32, openai\)"),
        ("my-ViT-quickgelu.pt", None, "the name of my-ViT-quickgelu.pt"),
    ],
)
def test_quick_gelu_must_be_the_architectures(
    name: str, prepare: Callable[[Path], None] | None, where: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(made("tiny").state_dict(), path) if path.suffix == ".pt" else saved(made("tiny"), path)
    if prepare:
        prepare(path)
    message = f"architecture tiny says quick_gelu False, .*{where}.* says True; name open_clip:tiny-quickgelu@{path}"
    with pytest.raises(EvidenceError, match=message):
        loaded(f"open_clip:tiny@{path}")
    loaded(f"open_clip:tiny-quickgelu@{path}")


def test_openais_own_weights_need_quick_gelu(tmp_path: Path) -> None:
    numbers = {"input_resolution": torch.tensor(32), "context_length": torch.tensor(24), "vocab_size": torch.tensor(1)}
    torch.save({**made("tiny").state_dict(), **numbers}, tmp_path / "ViT.pt")
    with pytest.raises(EvidenceError, match=r"quick_gelu False, ViT\.pt, OpenAI's own, says True"):
        loaded(f"open_clip:tiny@{tmp_path / 'ViT.pt'}")
    loaded(f"open_clip:tiny-quickgelu@{tmp_path / 'ViT.pt'}")


def test_what_nobody_says_is_noted(tmp_path: Path) -> None:
    path = saved(made("tiny"), tmp_path / "model.safetensors")
    assert loaded(f"open_clip:tiny@{path}").description.notes == (
        "nothing says whether the weights were trained with QuickGELU; tiny does not use it",
        "nothing says how pictures were prepared for these weights; open_clip's default is taken",
    )


# --- tags, repositories, and what they say


def config(path: Path, **prepared: Any) -> None:
    model = {"embed_dim": 16, "text_cfg": TEXT, **TINY["tiny"]}
    pixels = {"mean": OPENAI_DATASET_MEAN, "std": OPENAI_DATASET_STD, **prepared}
    path.with_name("open_clip_config.json").write_text(json.dumps({"model_cfg": model, "preprocess_cfg": pixels}))


def test_a_tag_is_taken_from_the_hubs_cache(tmp_path: Path, head: Head) -> None:
    model, pixels = made("tiny"), random_pixels(SIDE)
    config(saved(model, on_hub(tmp_path, "org/tiny")))
    network = loaded("open_clip:tiny@here", head)
    close(network.logits(pixels), own_logits(model, "tiny", pixels))
    assert network.description.notes == ()


def test_a_repository_of_open_clip(tmp_path: Path, head: Head) -> None:
    model, pixels = made("tiny"), random_pixels(SIDE)
    config(saved(model, on_hub(tmp_path, "org/tiny")), mean=IMAGENET_MEAN, std=IMAGENET_STD, interpolation="bilinear")
    network = loaded("hf-hub:org/tiny", head)
    close(network.logits(pixels), own_logits(model, "tiny", pixels))
    assert network.description.native == Preprocessing(SIDE, "bilinear", SIDE, IMAGENET_MEAN, IMAGENET_STD)
    close(loaded(f"hf-hub:org/tiny@{'a' * 40}", head).logits(pixels), network.logits(pixels))
    with pytest.raises(NotMeasuredError, match="is not in"):
        loaded(f"hf-hub:org/tiny@{'b' * 40}")
    tiny = loaded(f"open_clip:tiny@{saved(model, tmp_path / 'model.safetensors')}", head)
    assert tiny.description.classes == network.description.classes


def test_a_repository_without_open_clips_configuration(tmp_path: Path) -> None:
    on_hub(tmp_path, "org/tiny", "open_clip_config.json").write_text('{"architecture": "resnet50"}')
    with pytest.raises(EvidenceError, match="expected an object with 'model_cfg'"):
        loaded("hf-hub:org/tiny")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"mean": [0.5, 0.5, 0.5]}, r"says mean \(0.481455, 0.457827, 0.408211\), .* says \(0.5, 0.5, 0.5\); correct"),
        ({"std": 0.5}, r"says std \(0.26863, 0.261303, 0.275777\), .* says \(0.5, 0.5, 0.5\); correct"),
        ({"size": 64}, "the architecture tiny says size 32, .* says 64; name the architecture of the side"),
        ({"size": [32, 64]}, r"the architecture tiny says size 32, .* says \(32, 64\)"),
        ({"interpolation": "bilinear"}, "says interpolation bicubic, .* says bilinear"),
        ({"resize_mode": "squash"}, "says resize_mode shortest, .* says squash"),
    ],
)
def test_the_list_and_the_file_beside_must_agree(said: dict[str, Any], message: str, tmp_path: Path) -> None:
    config(saved(made("tiny"), on_hub(tmp_path, "org/tiny")), **said)
    with pytest.raises(EvidenceError, match=message):
        loaded("open_clip:tiny@here")


def test_the_cards_own_preprocessing_decides(tmp_path: Path) -> None:
    own = Preprocessing(40, "bicubic", SIDE, OPENAI_DATASET_MEAN, (0.5, 0.5, 0.5))
    config(saved(made("tiny"), on_hub(tmp_path, "org/tiny")), resize_mode="squash")
    described = loaded("hf-hub:org/tiny", preprocessing=own).description
    assert described.native == own
    assert [note.partition("/")[0] for note in described.notes] == [
        "the card says std (0.5, 0.5, 0.5), ", "the card says resize_mode shortest, ",
    ]  # fmt: skip
    assert all(note.endswith("; the card's is used") for note in described.notes)


# --- real architectures


@pytest.mark.parametrize("name", ["ViT-B-16", "convnext_base"])
def test_the_papers_architectures_end_to_end(name: str, tmp_path: Path, head: Head) -> None:
    torch.manual_seed(7)
    model, _, transform = open_clip.create_model_and_transforms(name, load_weights=False)
    model.eval()
    path = saved(model, tmp_path / "model.safetensors")
    digits = [hashlib.sha256(bytes([one])).digest() for one in range(2)]
    pictures = [Image.frombytes("RGB", (5, 2), digit[:30]).resize((300, 250)) for digit in digits]
    pixels = torch.stack([transform(picture) for picture in pictures])
    expected = own_logits(model, name, pixels)
    del model
    try:
        network = loaded(f"open_clip:{name}@{path}", head)
    finally:
        path.unlink()   # 600 MB
    answer = network.logits(pixels)
    close(answer, expected, 1e-4)
    widths = {key: value.shape[1] for key, value in network.features(pixels).items()}
    assert widths == {"pooled": 768 if name == "ViT-B-16" else 1024, "projected": 512}
    assert round(network.description.parameters / 1e6, 2) == (86.19 if name == "ViT-B-16" else 88.09)   # its profile's
