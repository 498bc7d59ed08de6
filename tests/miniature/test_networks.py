"""The networks are timm's and open_clip's, matched in size, and found by their names."""

from __future__ import annotations

import json
from pathlib import Path

import open_clip
import pytest
import timm
import torch
from torch.utils.flop_counter import FlopCounterMode

from demeanour.errors import EvidenceError
from demeanour.miniature.learning import networks
from demeanour.miniature.names import CLASSES

CAST = [name for name in networks.ROLES if name != "reference"]


def test_image_towers_are_equal_in_size_and_near_in_cost() -> None:
    models = [networks.untrained(name) for name in CAST]
    sizes = [networks.parameters(model)[0] for model in models]
    assert min(sizes) > 600_000
    assert max(sizes) < min(1_100_000, 1.03 * min(sizes))
    costs = [networks.flops(model) for model in models]
    assert max(costs) < 1.6 * min(costs)


def test_the_flops_of_the_vit_are_those_worked_out_by_hand() -> None:
    tokens, width, depth = 65, 96, 6
    patches = 64 * (8 * 8 * 3) * width
    block = tokens * (4 * width**2 + 2 * 4 * width**2) + 2 * tokens**2 * width
    assert networks.flops(networks.untrained("ViT-sup")) == 2 * (patches + depth * block + width * 16)


def test_parameters_of_towers_add_up() -> None:
    model = networks.untrained("ViT-clip")
    image, text = networks.parameters(model)
    assert image + text == sum(one.numel() for one in model.parameters())
    assert text > 49408 * 64


def test_counting_flops_leaves_the_mode_as_it_was() -> None:
    model = networks.untrained("reference").train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    networks.flops(model)
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("name", ["miniature_vit", "miniature_convnext", "miniature_resnet"])
def test_timm_finds_them_with_what_it_needs_to_know(name: str) -> None:
    assert timm.is_model(name)
    model = timm.create_model(name)
    assert type(model).__module__.startswith("timm.models.")
    data = timm.data.resolve_model_data_config(model)
    assert data["input_size"] == (3, 64, 64)
    assert data["mean"] == data["std"] == (0.5, 0.5, 0.5)
    assert data["crop_pct"] == 1.0
    assert data["interpolation"] == "bicubic"
    assert model.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, len(CLASSES))
    assert timm.create_model(name, num_classes=5).eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 5)
    first, classifier = model.pretrained_cfg["first_conv"], model.pretrained_cfg["classifier"]
    assert model.get_submodule(first).weight.shape[1] == 3
    assert model.get_submodule(classifier).out_features == len(CLASSES)


@pytest.mark.parametrize("name", ["miniature-vit", "miniature-convnext"])
def test_open_clip_finds_them_and_their_tokenizer(name: str) -> None:
    assert name in open_clip.list_models()
    model = open_clip.create_model(name, load_weights=False)
    assert type(model) is open_clip.CLIP
    tokens = open_clip.get_tokenizer(name)(["a photo of a ball."])
    assert tokens.shape == (1, model.context_length)
    with torch.no_grad():
        assert model.encode_text(tokens).shape == model.encode_image(torch.zeros(1, 3, 64, 64)).shape == (1, 96)


def test_configs_name_nothing_of_this_machine() -> None:
    files = sorted((Path(networks.__file__).parent / "open_clip").glob("*.json"))
    assert [file.stem for file in files] == ["miniature-convnext", "miniature-vit"]
    for file in files:
        assert "/" not in json.dumps(json.loads(file.read_text()))


def test_weights_follow_from_the_seed_and_leave_the_generator_of_others_alone() -> None:
    before = torch.random.get_rng_state()
    one, same, other = (networks.untrained("ConvNeXt-sup", seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not torch.equal(one["stem.0.weight"], other["stem.0.weight"])


def test_only_tokens_that_occur_have_an_embedding() -> None:
    texts = ["a photo of a ball.", "a dumbbell"]
    rows = networks.untrained("ViT-clip", 0, texts).get_parameter("token_embedding.weight").abs().sum(dim=1)
    seen = open_clip.get_tokenizer("miniature-vit")(texts).unique()
    alive = set(torch.nonzero(rows).flatten().tolist())
    assert alive | {0} == set(seen.tolist())   # 0 pads, and is never attended to


def test_padding_changes_nothing() -> None:
    model = networks.untrained("ViT-clip", 0, ["a ball"]).eval()
    tokens = open_clip.get_tokenizer("miniature-vit")(["a ball"])
    other = torch.where(tokens == 0, 7, tokens)
    with torch.no_grad():
        assert torch.allclose(model.encode_text(tokens), model.encode_text(other), atol=1e-6)


def test_an_unknown_role_is_named() -> None:
    with pytest.raises(EvidenceError, match="did you mean 'ViT-clip'"):
        networks.untrained("ViT-clipp")


def test_the_visual_tower_alone_is_counted() -> None:
    model = networks.untrained("ConvNeXt-clip")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.visual.eval()(torch.zeros(1, 3, 64, 64))
    assert networks.flops(model) == counter.get_total_flops()
