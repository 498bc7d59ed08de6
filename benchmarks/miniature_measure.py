"""What models say of a miniature world's data sets, in numbers: each by the library's own measure and interval."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.miniature_sets import PARTS_OF_PUG, DataSet, Images, Task, batches, data_sets, tasks
from demeanour.datasets.frame import Frame
from demeanour.errors import NotMeasuredError
from demeanour.evidence.logits import columns_of_logits
from demeanour.evidence.observations import Observations, observe
from demeanour.evidence.table import PredictionTable, prediction_table
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES, Measure
from demeanour.statistics.means import cluster_mean_limits
from demeanour.verdicts.contrast import Term, contrast
from demeanour.verdicts.replicates import columns_of

LEVEL = 0.95
BATCH = 250   # pictures that a network sees at a time
ASKED = {   # of each set; of all others the accuracy
    "imagenet-val": ("top1", "signed_gap", "ece"),
    "imagenet-r": ("top1", "signed_gap", "ece"),
    "imagenet-real": ("multilabel_top1",),
    "imagenet-x": ("error_ratio",),
    "imagenet-hard": ("multilabel_top1",),
    "imagenet-c": ("corruption_accuracy",),
    "cue-conflict": ("shape_bias", "cue_coverage"),
    **{f"pug-imagenet/{part}": ("multilabel_top1",) for part in PARTS_OF_PUG},
}
SHOWN_GROUPS = ("error_ratio", "corruption_accuracy")   # of the others, the value of all images

Row = dict[str, Any]
Observed = dict[str, Observations]   # by model
Answers = Callable[[Images], NDArray[np.floating]]


@dataclass(frozen=True)
class Model:
    """What can be asked about pictures.

    Attributes:
        name: In the cast.
        paradigm: ``supervised`` or ``clip``.
        logits: From pictures (n, 64, 64, 3) to the scores of the world's classes, (n, 16).
        features: From pictures to what a linear probe learns from, (n, width).
    """

    name: str
    paradigm: str
    logits: Answers
    features: Answers


def of_cast(name: str, folder: Path, device: str) -> Model:
    """A trained model of the cast.

    Supervised models are asked for their own logits and what their head sees. CLIP models for the scaled cosines of
    open_clip's zero-shot classifier with their own logit scale, and their image embeddings.
    """
    import torch

    from demeanour.miniature.learning import cast
    from demeanour.miniature.learning.networks import role_of

    paradigm = role_of(name).paradigm
    with torch.inference_mode():
        network: Any = cast.load(name, folder).to(device)
        head = cast.zero_shot_head(network, name) if paradigm == "clip" else None

        def features_of(pixels: torch.Tensor) -> torch.Tensor:
            if paradigm == "clip":
                return network.encode_image(pixels)
            return network.forward_head(network.forward_features(pixels), pre_logits=True)

    def of_pictures(function: Callable[[Any], Any]) -> Answers:
        def answers(images: Images) -> NDArray[np.floating]:
            with torch.inference_mode():
                return function(cast.preprocess(images, name).to(device)).float().cpu().numpy()

        return answers

    scores = of_pictures(lambda pixels: cast.logits(network, pixels, head))
    return Model(name, paradigm, scores, of_pictures(features_of))


def measured(world: Path, models: Sequence[Model], tell: Callable[[str], None]) -> dict[str, Any]:
    """All numbers of a world: ``values``, ``differences``, the tasks' numbers of ``classes``, and how long it took.

    Args:
        world: Its folder.
        models: Who is asked.
        tell: Is told of each set that is done.
    """
    seconds: dict[str, float] = defaultdict(float)
    values: list[Row] = []
    differences: list[Row] = []
    of_pug: list[Observed] = []
    classes: dict[str, int] = {}
    pictures = 0
    begun = time.monotonic()
    for found in data_sets(world):
        for observed in answered(found, models, seconds):
            values += rows(observed)
            data = next(iter(observed.values())).data
            if data == "imagenet-val":
                differences += within_paradigms(observed, {model.name: model.paradigm for model in models})
            if data.startswith("pug-imagenet/"):
                of_pug.append(observed)
        pictures += len(found)
        tell(f"{found.frames[0].data}: {len(found):,} pictures, {time.monotonic() - begun:.0f} s so far")
    values += [mean_of_parts([part[model.name] for part in of_pug]) for model in models]
    for task in tasks(world):
        values += rows({model.name: probed(task, model, seconds) for model in models})
        pictures += len(task.train[0]) + len(task.test[0])
        tell(f"{task.name}, {time.monotonic() - begun:.0f} s so far")
        classes[task.name] = len(task.classes)
    spent = {"all": time.monotonic() - begun, **seconds}
    return {
        "values": values, "differences": differences, "classes": classes, "pictures": pictures,
        "seconds": {name: round(value, 1) for name, value in spent.items()},
    }  # fmt: skip


def answered(found: DataSet, models: Sequence[Model], seconds: dict[str, float]) -> Iterator[Observed]:
    """What models say of a set: for each of its frames the observations of every model.

    Args:
        found: The set.
        models: Who is asked.
        seconds: Counts how long each model took, by its name.
    """
    scores: dict[str, list[NDArray[np.floating]]] = {model.name: [] for model in models}
    for images in batches(found, BATCH):
        for model in models:
            scores[model.name].append(_timed(model.logits, images, model.name, seconds))
    tables = {name: _table(found, np.concatenate(parts)) for name, parts in scores.items()}
    for frame in found.frames:
        yield {name: observe(name, table, frame) for name, table in tables.items()}


def _table(found: DataSet, logits: NDArray[np.floating]) -> PredictionTable:
    own = found.space.apply(logits) if found.space else logits
    frame = found.frames[0]
    labels = frame.columns.get("label") if frame.data != "cue-conflict" else None   # which of two cues is no mistake
    return PredictionTable(found.ids, columns_of_logits(own, labels, frame.data))


def _timed(function: Answers, images: Images, name: str, seconds: dict[str, float]) -> NDArray[np.floating]:
    begun = time.monotonic()
    found = function(images)
    seconds[name] += time.monotonic() - begun
    return found


def rows(observed: Observed) -> Iterator[Row]:
    """What is asked of a set, of every model."""
    for one in observed.values():
        for name in ASKED.get(one.data, ("top1",)):
            groups = MEASURES[name].values(columns_of(MEASURES[name], (one,))) if name in SHOWN_GROUPS else (ALL,)
            yield from (_row(MEASURES[name], one, group) for group in groups)


def _row(measure: Measure, one: Observations, group: str) -> Row:
    columns = columns_of(measure, (one,))
    value = float(measure.values(columns)[group])
    try:
        bounds = contrast(measure, (Term(1, one, group),)).limits.interval(LEVEL) if measure.decides else None
    except NotMeasuredError:   # too few for an interval; the value is what it is
        bounds = None
    return {
        "model": one.model, "data": one.data, "measure": measure.name, "group": group,
        "value": value if np.isfinite(value) else None, "interval": bounds, "n": measure.n(columns)[group],
        "sources": len(np.unique(one.column(one.clusters[0]))) if one.clusters else None,
    }  # fmt: skip


def within_paradigms(observed: Observed, paradigms: dict[str, str]) -> Iterator[Row]:
    """Differences in accuracy between models that learned alike, over the same images."""
    for left, right in combinations(observed, 2):
        if paradigms[left] == paradigms[right]:
            found = contrast(MEASURES["top1"], (Term(1, observed[left], ALL), Term(-1, observed[right], ALL)))
            yield {
                "left": left, "right": right, "paradigm": paradigms[left], "data": observed[left].data,
                "measure": "top1", "value": found.limits.value, "interval": found.limits.interval(LEVEL), "n": found.n,
            }  # fmt: skip


def mean_of_parts(parts: Sequence[Observations]) -> Row:
    """The mean accuracy over PUG's parts, each counting the same; characters, who come back in all, go together."""
    measure = MEASURES["multilabel_top1"]
    assert measure.rows is not None
    whole = sum(map(len, parts))
    weighted = [
        whole / len(parts) / len(part) * measure.rows(ALL, columns_of(measure, (part,))) for part in parts
    ]
    right, characters = np.concatenate(weighted), np.concatenate([part.column("character") for part in parts])
    try:
        bounds = cluster_mean_limits(right, characters.astype(np.int64), None).interval(LEVEL)
    except NotMeasuredError:
        bounds = None
    return {
        "model": parts[0].model, "data": "pug-imagenet", "measure": measure.name, "group": ALL,
        "value": float(right.mean()), "interval": bounds, "n": whole, "sources": len(np.unique(characters)),
    }  # fmt: skip


def probed(task: Task, model: Model, seconds: dict[str, float]) -> Observations:
    """What a linear probe on a model's features says of a task's test pictures."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    learned, seen = (_features(images, model, seconds) for images in (task.train[0], task.test[0]))
    begun = time.monotonic()
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000)).fit(learned, task.train[1])
    prediction = np.asarray(probe.predict(seen))
    seconds["probes"] += time.monotonic() - begun
    ids = np.asarray([f"{row:07d}" for row in range(len(seen))])
    frame = Frame(f"vtab/{task.name}", ids, {"label": task.test[1]}, len(task.classes))
    table = prediction_table(ids, {"prediction": prediction}, len(task.classes), frame.data)
    return observe(model.name, table, frame)


def _features(images: Images, model: Model, seconds: dict[str, float]) -> NDArray[np.floating]:
    parts: Iterable[Images] = np.array_split(images, -(-len(images) // BATCH))
    return np.concatenate([_timed(model.features, part, model.name, seconds) for part in parts])
