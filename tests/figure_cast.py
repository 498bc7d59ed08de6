"""A cast whose four models and one person answer by chance on every data set of the paper's figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml

from demeanour.errors import NotMeasuredError
from demeanour.evidence.observations import Observations
from demeanour.findings.cast import Cast
from demeanour.findings.load import load_cast
from demeanour.vocabulary import CATEGORIES, FACTORS, PUG_FACTORS

MODELS = ("ViT-sup", "ConvNeXt-sup", "ViT-clip", "ConvNeXt-clip")
PERSON = "subject-01"
ROBUST = ("imagenetv2", "imagenet-a", "imagenet-c", "imagenet-hard", "imagenet-r", "imagenet-sketch", "imagenet-real")
VIEWS = {
    "imagenet-val-scale": ["scale/1", "scale/1.25", "scale/2"],
    "imagenet-val-shift": ["shift/0", "shift/2", "shift/28"],
    "imagenet-val-resolution": ["resolution/32", "resolution/64", "resolution/184"],
}
TASKS = {"natural": ["pets", "dtd"], "structured": ["vtab-dmlab"]}
LAYERS = ("normalisation", "attention", "linear", "linear", "normalisation", "other")
IMAGES = 600


def cast_of_figures(folder: Path, **changes: object) -> Cast:
    """The cast, read from a file."""
    card = {"source": "predictions:nowhere.csv", "architecture": "vit", "paradigm": "supervised"}
    cards = {
        name: {**card, "architecture": name.split("-")[0].lower(),
               "paradigm": "supervised" if name.endswith("sup") else "clip"}
        for name in MODELS
    }  # fmt: skip
    sets: dict[str, object] = {name: {"reader": "tables", "images": IMAGES, "classes": 5} for name in (
        "imagenet-val", "imagenet-x", "cue-conflict", "pug-imagenet", *ROBUST)}  # fmt: skip
    sets |= {name: {"reader": "views", "of": "imagenet-val", "views": views} for name, views in VIEWS.items()}
    sets["imagenet-val-layers"] = {"reader": "similarity", "of": "imagenet-val"}
    sets["vtab"] = {"reader": "probe", "root": "nowhere", "tasks": TASKS}
    every = [*sets]
    content = {
        "about": "made up", "protocol": "none", "data": sets,
        "models": {PERSON: {**card, "architecture": "person", "paradigm": "person", "context": True, "data": every},
                   **{name: {**one, "data": every} for name, one in cards.items()}},
        **changes,
    }  # fmt: skip
    path = folder / "figures.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    cast, _, problems = load_cast(path)
    assert cast is not None, problems
    return cast


class MadeUp:
    """Evidence that comes from no file: what each model says of each data set, by chance, the same every time."""

    def __init__(self, cast: Cast, missing: tuple[tuple[str, str], ...] = ()) -> None:
        self.cast = cast
        self.missing = missing
        self.said: dict[tuple[str, str], Observations] = {}

    def observations(self, model: str, data: str) -> Observations:
        """What a model said."""
        if (model, data) in self.missing:
            raise NotMeasuredError("lost")
        if (model, data) not in self.said:
            self.said[model, data] = _layers(model, data) if data.endswith("layers") else _answers(model, data)
        return self.said[model, data]


def features(model: str) -> Iterator[np.ndarray]:
    """Answers of a network's layers to eight pictures, each like the one before."""
    rng = np.random.default_rng(MODELS.index(model))
    x = rng.normal(size=(8, 20))
    for _ in LAYERS:
        x = x + 0.7 * rng.normal(size=x.shape)
        yield x


def _answers(model: str, data: str) -> Observations:
    rng = np.random.default_rng([len(model), len(data), *map(ord, model + data)])
    n = IMAGES
    factors = np.zeros((n, len(FACTORS)), bool)
    factors[np.arange(n), np.arange(n) % len(FACTORS)] = True
    factors[: 2 * n // 3, 0] = True   # one factor is not rare
    shape = np.arange(n) % len(CATEGORIES)
    texture = (shape + 1 + np.arange(n) % 15) % len(CATEGORIES)
    luck = rng.random(n)
    columns = {
        "confidence": rng.beta(4, 1.5, n), "correct": rng.random(n) < 0.7, "factors": factors, "shape": shape,
        "texture": texture, "prediction": np.where(luck < 0.4, shape, np.where(luck < 0.8, texture, (shape + 8) % 16)),
        "factor": np.arange(n) % len(PUG_FACTORS), "view": np.arange(n) % 3, "source": np.arange(n) // 3,
        "task": np.array(["pets", "dtd", "vtab-dmlab"])[np.arange(n) % 3],
        "task_group": np.array(["natural", "natural", "structured"])[np.arange(n) % 3],
    }  # fmt: skip
    names = {"factor": PUG_FACTORS, "view": tuple(VIEWS.get(data, ()))}
    return Observations(model, data, np.array([f"{i:04d}" for i in range(n)]), columns, (), names)


def _layers(model: str, data: str) -> Observations:
    from demeanour.measures.similarity import hsic

    kernels = [x @ x.T for x in features(model)]
    rows, columns = np.triu_indices(len(LAYERS))
    sums = np.array([hsic(kernels[i], kernels[j]) for i, j in zip(rows, columns, strict=True)])
    codes = [("attention", "convolution", "linear", "normalisation", "other").index(kind) for kind in LAYERS]
    told = {"layers": tuple(f"layer-{i}" for i in range(len(LAYERS))), "kinds": LAYERS}
    found = {"hsic": sums[None], "kind": np.array([codes]), "size": np.array([8])}
    return Observations(model, data, np.array(["batch-000"]), found, (), told)
