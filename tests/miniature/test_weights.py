"""The weights in the repository: timm and open_clip load them strictly, and they do what their cards say."""

from __future__ import annotations

import json

import numpy as np
import pytest
import timm
import torch

from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.render import render
from demeanour.miniature.learning import networks
from demeanour.miniature.learning.cast import WEIGHTS, card, load, logits, preprocess
from demeanour.miniature.train import PICTURES, RECIPES
from demeanour.miniature.worlds import labels_of, narrow, scenes

PRESENT = sorted(path.stem for path in WEIGHTS.glob("*.safetensors"))


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
        right = logits(model, preprocess(images, name)).argmax(dim=1).numpy() == labels
    told = card(name)["selection_accuracy"]
    assert isinstance(told, float)
    assert right.mean() == pytest.approx(told, abs=3.5 * np.sqrt(told * (1 - told) / len(labels)))


@pytest.mark.parametrize("name", PRESENT)
def test_timm_loads_them_strictly(name: str) -> None:
    role = networks.role_of(name)
    model = timm.create_model(role.network, checkpoint_path=str(WEIGHTS / f"{name}.safetensors"))
    assert sum(one.numel() for one in model.parameters()) == card(name)["parameters"]["image_tower"]


@pytest.mark.parametrize("name", PRESENT)
def test_the_card_tells_the_recipe_of_the_repository(name: str) -> None:
    told = json.loads((WEIGHTS / f"{name}.json").read_text())
    world, count = PICTURES[networks.role_of(name).paradigm]
    assert told["data"] == {"world": world, "pictures": count}
    assert told["recipe"]["presentations"] == RECIPES[name].presentations
    curve = json.loads((WEIGHTS / f"{name}.curve.json").read_text())
    assert curve[-1]["accuracy"] == told["selection_accuracy"]


def test_supervised_models_are_matched() -> None:
    accuracy = [card(name)["selection_accuracy"] for name in ("ViT-sup", "ConvNeXt-sup")]
    assert abs(accuracy[0] - accuracy[1]) < 0.02


def test_all_of_them_are_small() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 25_000_000
