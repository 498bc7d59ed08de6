"""The weights in the repository: timm and open_clip load them strictly, and they do what their cards say."""

from __future__ import annotations

import json

import numpy as np
import open_clip
import pytest
import timm
import torch
from safetensors.torch import load_file

from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.render import render
from demeanour.miniature.learning import networks
from demeanour.miniature.learning.cast import WEIGHTS, card, load, logits, preprocess, zero_shot_head
from demeanour.miniature.train import PICTURES, RECIPES
from demeanour.miniature.worlds import labels_of, narrow, scenes

PRESENT = sorted(path.stem for path in WEIGHTS.glob("*.safetensors"))
CLIP = [name for name in PRESENT if networks.role_of(name).paradigm == "clip"]


@pytest.fixture(scope="module")
def selection() -> tuple[np.ndarray, np.ndarray]:
    """The first pictures of the set that accuracy was watched on."""
    dice = Dice("selection", range(192))
    draft = narrow(dice)
    return render(scenes(dice, draft)), labels_of(draft)


@pytest.mark.parametrize("name", PRESENT)
def test_accuracy_is_what_the_card_says(name: str, selection: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = selection
    model = load(name)
    with torch.inference_mode():
        head = zero_shot_head(model, name) if name in CLIP else None
        right = logits(model, preprocess(images, name), head).argmax(dim=1).numpy() == labels
    told = card(name)["selection_accuracy"]
    assert isinstance(told, float)
    assert right.mean() == pytest.approx(told, abs=3.5 * np.sqrt(told * (1 - told) / len(labels)))


def test_the_whole_cast_is_here() -> None:
    assert set(PRESENT) == set(networks.ROLES)


@pytest.mark.parametrize("name", PRESENT)
def test_timm_and_open_clip_load_them_strictly(name: str) -> None:
    network, weights = networks.role_of(name).network, str(WEIGHTS / f"{name}.safetensors")
    told = card(name)["parameters"]
    model = timm.create_model(network, checkpoint_path=weights) if name not in CLIP else None
    if model is None:
        model = open_clip.create_model(network, pretrained=weights)
    image, text = networks.parameters(model)
    assert {"image_tower": image, "text_tower": text} == told
    kept = load_file(weights)
    assert model.state_dict().keys() == kept.keys()
    for key, value in model.state_dict().items():
        assert torch.equal(value, kept[key].to(value.dtype)), key


@pytest.mark.parametrize("name", PRESENT)
def test_the_card_tells_the_recipe_of_the_repository(name: str) -> None:
    told = json.loads((WEIGHTS / f"{name}.json").read_text())
    world, count = PICTURES[networks.role_of(name).paradigm]
    assert told["data"] == {"world": world, "pictures": count}
    assert told["recipe"]["presentations"] == RECIPES[name].presentations
    curve = json.loads((WEIGHTS / f"{name}.curve.json").read_text())
    assert curve[-1]["accuracy"] == told["selection_accuracy"]


@pytest.mark.parametrize("paradigm", ["sup", "clip"])
def test_pairs_are_matched_in_accuracy_and_parameters(paradigm: str) -> None:
    pair = [card(f"{architecture}-{paradigm}") for architecture in ("ViT", "ConvNeXt")]
    accuracy = [told["selection_accuracy"] for told in pair]
    assert abs(accuracy[0] - accuracy[1]) < 0.02
    size = [told["parameters"]["image_tower"] for told in pair]
    assert abs(size[0] - size[1]) < 0.03 * size[0]


def test_all_of_them_are_small() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 25_000_000
