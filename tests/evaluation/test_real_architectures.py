"""The paper's architectures, with random weights saved to disk, end to end: what their libraries' own pipelines say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
import yaml
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from scipy.special import softmax
from timm.data import create_transform, resolve_data_config
from torch import Tensor, nn

from demeanour.evaluation.answers import FORWARD
from demeanour.evaluation.evaluator import Evaluator
from demeanour.evidence.gather import Evidence
from demeanour.evidence.live import Live
from demeanour.evidence.observations import Observations
from demeanour.evidence.plan import LOGITS, Unit
from demeanour.evidence.store import Store
from demeanour.findings.load import load_cast
from tests.evaluation.live_cast import write_pictures

NAMES = ["sea snail", "traffic light", "wooden spoon"]
TEMPLATES = ["a photo of a {}.", "a sketch of a {}."]
PICTURES = len(NAMES)   # one of each class


@pytest.fixture(autouse=True)
def _small_passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(FORWARD, "cpu", 4)
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "cache"))


def shaken(module: nn.Module) -> nn.Module:
    """With weights that make pictures differ: the scales of fresh blocks are nearly zero, their biases zero."""
    dice = torch.Generator().manual_seed(5)
    for weight in module.parameters():
        if weight.ndim <= 1:
            weight.data += 0.1 * torch.randn(weight.shape, generator=dice)
    return module.eval()


def saved(module: nn.Module, path: Path) -> Path:
    save_file({name: value.contiguous() for name, value in module.state_dict().items()}, path)
    return path


def prepared(folder: Path, transform: Callable[[Image.Image], Tensor]) -> Tensor:
    files = sorted(folder.glob("pictures/*/*.png"))
    assert len(files) == PICTURES
    return torch.stack([transform(Image.open(file).convert("RGB")) for file in files])


def observed(folder: Path, classes: int, **card: Any) -> Observations:
    """From a cast and a file of weights to evidence; the file, of hundreds of megabytes, is removed."""
    data = {"reader": "folder", "root": "pictures", "classes": classes, "images": PICTURES}
    cast = {"about": "a network", "protocol": "native", "data": {"pictures": data},
            "models": {"network": {"architecture": "any", "paradigm": "any", **card}}}  # fmt: skip
    (folder / "cast.yaml").write_text(yaml.safe_dump(cast))
    found, _, problems = load_cast(folder / "cast.yaml")
    assert found is not None, problems
    live = Live(found, Store(folder / "cache", print))
    heard: list[Any] = []
    threads = torch.get_num_threads()
    try:
        units = [Unit("network", "pictures"), Unit("network", "pictures", kind=LOGITS)]
        Evaluator(live, "cpu", heard.append).run(units)
        assert [event for event in heard if event["event"] == "failed"] == []
        assert sum(event["pictures"] for event in heard if event["event"] == "decoded") == PICTURES
        assert sum(event["passes"] for event in heard if event["event"] == "passed") == PICTURES
        answers = Evidence(found, live.store).observations("network", "pictures")
        answers.column("logits")
    finally:
        torch.set_num_threads(threads)
        (folder / "w.safetensors").unlink()
    return answers


def agree(answers: Observations, expected: NDArray[np.float32]) -> None:
    chances = softmax(expected.astype(np.float64), axis=1)
    assert np.ptp(chances, axis=0).max() > 1e-3   # pictures differ by more than what is asked for below
    first, second = np.sort(chances, axis=1)[:, ::-1][:, :2].T
    assert (first - second).min() > 1e-4
    assert answers.column("label").tolist() == list(range(PICTURES))
    assert answers.column("prediction").tolist() == chances.argmax(axis=1).tolist()
    np.testing.assert_allclose(answers.column("confidence"), first, rtol=0, atol=1e-5)
    own = chances[np.arange(PICTURES), np.arange(PICTURES)]
    np.testing.assert_allclose(answers.column("probability_of_label"), own, rtol=0, atol=1e-5)
    np.testing.assert_allclose(answers.column("logits"), expected, rtol=2**-11, atol=1e-3)
    far = np.abs(answers.column("probability_of_label") - own).max()
    print(f"probabilities from {chances.min():.1e} to {chances.max():.3f}, those of labels differ by at most {far:.1e}")


@pytest.mark.parametrize("name", [pytest.param("deit3_base_patch16_224", marks=pytest.mark.slow), "convnext_base"])
def test_timms(name: str, tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", PICTURES, 1)
    torch.manual_seed(3)
    model = shaken(timm.create_model(name))
    pixels = prepared(tmp_path, create_transform(**resolve_data_config({}, model=model)))
    with torch.inference_mode():
        expected = model(pixels).numpy()
    path = saved(model, tmp_path / "w.safetensors")
    del model
    agree(observed(tmp_path, 1000, source=f"timm:{name}@{path}"), expected)


@pytest.mark.parametrize("name", ["ViT-B-16", pytest.param("convnext_base", marks=pytest.mark.slow)])
def test_open_clips(name: str, tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", PICTURES, 1)
    (tmp_path / "names.json").write_text(json.dumps(NAMES))
    (tmp_path / "templates.txt").write_text("\n".join(TEMPLATES))
    torch.manual_seed(3)
    model, _, transform = open_clip.create_model_and_transforms(name, load_weights=False)
    shaken(model)
    pixels = prepared(tmp_path, transform)
    patterns = [template.format for template in TEMPLATES]
    with torch.inference_mode():
        head = open_clip.build_zero_shot_classifier(model, open_clip.get_tokenizer(name), NAMES, patterns)
        expected = (100 * model.encode_image(pixels, normalize=True) @ head).numpy()
    path = saved(model, tmp_path / "w.safetensors")
    del model
    head_card = {"names": "names.json", "templates": "templates.txt"}
    agree(observed(tmp_path, len(NAMES), source=f"open_clip:{name}@{path}", head=head_card), expected)
