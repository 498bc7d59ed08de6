"""Weights on disk: what was trained is what is loaded, by us, by timm and by open_clip."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from demeanour.errors import EvidenceError
from demeanour.miniature.learning import networks
from demeanour.miniature.learning.cast import card, load, logits, preprocess, put, zero_shot_head
from demeanour.miniature.names import CLASSES, TEMPLATES
from tests.miniature.toy_pictures import ToyPictures

TEXTS = [template.format(name) for name in CLASSES for template in TEMPLATES]
IMAGES = ToyPictures().images(np.arange(6))


def put_untrained(name: str, folder: Path) -> torch.nn.Module:
    model = networks.untrained(name, 5, TEXTS).eval()
    put(model, name, folder, {"role": name}, [{"step": 1.0, "loss": 2.5}])
    return model


@pytest.mark.parametrize("name", networks.ROLES)
def test_loaded_weights_are_the_saved_ones_in_half_precision(name: str, tmp_path: Path) -> None:
    model, loaded = put_untrained(name, tmp_path), load(name, tmp_path)
    assert not loaded.training
    for (key, value), (other, found) in zip(model.state_dict().items(), loaded.state_dict().items(), strict=True):
        assert key == other
        assert found.dtype == value.dtype
        assert torch.equal(found, value.half().to(value.dtype) if value.is_floating_point() else value)


@pytest.mark.parametrize("name", ["ViT-sup", "ConvNeXt-sup", "reference"])
def test_plain_timm_loads_the_file_strictly_and_says_the_same(name: str, tmp_path: Path) -> None:
    put_untrained(name, tmp_path)
    path = tmp_path / f"{name}.safetensors"
    plain = timm.create_model(networks.ROLES[name].network, checkpoint_path=str(path)).eval()
    options = timm.data.resolve_model_data_config(plain)
    transform = timm.data.create_transform(**options, is_training=False)
    pixels = torch.stack([transform(Image.fromarray(image)) for image in IMAGES])
    with torch.no_grad():
        ours = logits(load(name, tmp_path), preprocess(IMAGES, name))
        assert torch.allclose(ours, plain(pixels), atol=1e-5)


@pytest.mark.parametrize("name", ["ViT-clip", "ConvNeXt-clip"])
def test_plain_open_clip_loads_the_file_and_says_the_same(name: str, tmp_path: Path) -> None:
    put_untrained(name, tmp_path)
    network = networks.ROLES[name].network
    plain, _, transform = open_clip.create_model_and_transforms(
        network, pretrained=str(tmp_path / f"{name}.safetensors")
    )
    plain.eval()
    tokenizer = open_clip.get_tokenizer(network)
    pixels = torch.stack([transform(Image.fromarray(image)) for image in IMAGES])
    with torch.no_grad():
        columns = []
        for kind in CLASSES:
            told = plain.encode_text(tokenizer([template.format(kind) for template in TEMPLATES]), normalize=True)
            mean = told.mean(dim=0)
            columns.append(mean / mean.norm())
        expected = plain.logit_scale.exp() * plain.encode_image(pixels, normalize=True) @ torch.stack(columns, dim=1)
        model = load(name, tmp_path)
        head = zero_shot_head(model, name)
        ours = logits(model, preprocess(IMAGES, name), head)
    assert head.shape == (96, len(CLASSES))
    assert torch.allclose(ours, expected, atol=1e-3)
    assert float(expected.std()) > 0.01


def test_what_is_written_beside_the_weights(tmp_path: Path) -> None:
    put_untrained("reference", tmp_path)
    assert card("reference", tmp_path)["role"] == "reference"
    assert json.loads((tmp_path / "reference.curve.json").read_text()) == [{"step": 1.0, "loss": 2.5}]
    stored = load_file(tmp_path / "reference.safetensors")
    assert {value.dtype for value in stored.values()} == {torch.float16, torch.int64}   # int64: a batch norm's counter


def test_all_weights_together_are_small(tmp_path: Path) -> None:
    for name in networks.ROLES:
        put_untrained(name, tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 25_000_000


def test_weights_that_half_precision_cannot_hold_are_not_kept(tmp_path: Path) -> None:
    model = networks.untrained("reference")
    with torch.no_grad():
        model.get_parameter("fc.weight")[0, 0] = 1e6
    with pytest.raises(EvidenceError, match=r"'fc.weight' is not finite in half precision"):
        put(model, "reference", tmp_path, {}, [])
    assert not list(tmp_path.iterdir())


def test_missing_files_are_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"ViT-sup.json is missing; .*train --models ViT-sup"):
        load("ViT-sup", tmp_path)
    put_untrained("reference", tmp_path)
    (tmp_path / "reference.safetensors").unlink()
    with pytest.raises(EvidenceError, match=r"reference.safetensors is missing; .*train --models reference"):
        load("reference", tmp_path)


def test_a_role_that_is_not_in_the_cast_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="did you mean 'ViT-sup'"):
        load("ViT-supp", tmp_path)


def test_a_file_that_was_altered_is_refused(tmp_path: Path) -> None:
    put_untrained("reference", tmp_path)
    path = tmp_path / "reference.safetensors"
    path.write_bytes(path.read_bytes()[:-2] + b"xx")
    with pytest.raises(EvidenceError, match="is not the file that its card speaks of"):
        load("reference", tmp_path)


def test_a_card_that_is_no_card_is_refused(tmp_path: Path) -> None:
    put_untrained("reference", tmp_path)
    (tmp_path / "reference.json").write_text("{")
    with pytest.raises(EvidenceError, match="is no JSON"):
        load("reference", tmp_path)


def damaged(name: str, folder: Path, change: str) -> None:
    """A file with its card in order, but one weight missing, too many, or of another shape."""
    put_untrained(name, folder)
    path = folder / f"{name}.safetensors"
    weights = load_file(path)
    key = "fc.bias" if name == "reference" else "ln_final.bias"
    if change == "missing":
        del weights[key]
    elif change == "unknown":
        weights["unknown"] = torch.zeros(1)
    else:
        weights[key] = torch.zeros(3)
    save_file(weights, path)
    told = card(name, folder)
    told["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / f"{name}.json").write_text(json.dumps(told))


@pytest.mark.parametrize("name", ["reference", "ConvNeXt-clip"])
@pytest.mark.parametrize("change", ["missing", "unknown", "shape"])
def test_weights_that_do_not_fit_are_refused(name: str, change: str, tmp_path: Path) -> None:
    damaged(name, tmp_path, change)
    with pytest.raises(EvidenceError, match="does not fit miniature"):
        load(name, tmp_path)


def test_pixels_are_those_of_the_formula() -> None:
    images = np.zeros((1, 64, 64, 3), dtype=np.uint8)
    images[0, 2, 3] = (255, 51, 102)
    assert preprocess(images, "ViT-sup").shape == (1, 3, 64, 64)
    assert preprocess(images, "ViT-sup")[0, :, 2, 3].tolist() == pytest.approx([1.0, -0.6, -0.2])
    clip = [(1 - 0.48145466) / 0.26862954, (0.2 - 0.4578275) / 0.26130258, (0.4 - 0.40821073) / 0.27577711]
    assert preprocess(images, "ViT-clip")[0, :, 2, 3].tolist() == pytest.approx(clip, abs=1e-6)
    assert images[0, 2, 3].tolist() == [255, 51, 102]
