"""From the features of a task's splits to what a probe says of its test pictures, whose labels it never sees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from demeanour.errors import EvidenceError
from demeanour.evaluation.probes import clip_benchmark, lbfgs
from demeanour.evaluation.probes.examples import Examples, Learned
from demeanour.evidence.arrays import Array
from demeanour.evidence.live import Live
from demeanour.evidence.plan import FEATURES, Unit
from demeanour.findings.cards import LBFGS, POOLED

RECIPES: dict[str, Callable[[Examples, Examples | None, str, str], Learned]] = {
    LBFGS: lbfgs.learn, "clip-benchmark": clip_benchmark.learn,
}  # fmt: skip


def probed(live: Live, unit: Unit, device: str, notice: Callable[[str], None]) -> dict[str, Array]:
    """Fit a task's probe and ask it about the test pictures.

    Args:
        live: The cast; the features of all splits are there.
        unit: Of the kind ``probes``.
        device: As torch names it.
        notice: Told of what a reader should know.

    Returns:
        As `Live.probe` gives it.

    Raises:
        NotMeasuredError: Features are not there; with the reason.
        EvidenceError: The training pictures show fewer than two classes, have several labels each, or none can be held
            out.
    """
    task = live.cast.task(unit.data)
    card = live.cast.data[task.data]
    layer = card.features or POOLED
    train = _examples(live, unit.model, task.train, layer)
    validation = _examples(live, unit.model, task.validation, layer) if task.validation else None
    known = np.unique(train.labels)
    if len(known) < 2:
        raise EvidenceError(f"{task.train}: all pictures are of one class; there is nothing to learn")
    _tell_of_unknown(live, task.test, known, notice)
    learned = RECIPES[card.recipe or LBFGS](train, validation, device, task.train)
    return {
        "prediction": learned.predict(_features(live, unit.model, task.test, layer)),
        "penalty": np.asarray(learned.penalty),
        "penalties": learned.penalties,
        "accuracies": learned.accuracies,
    }


def _examples(live: Live, model: str, split: str, layer: str) -> Examples:
    frame = live.pictures(split).frame
    if "label" not in frame.columns:
        raise EvidenceError(f"{split}: pictures have several labels each; a probe learns one")
    return Examples(frame.ids, _features(live, model, split, layer), frame.columns["label"].astype(np.int64))


def _features(live: Live, model: str, split: str, layer: str) -> np.ndarray:
    """What is probed, (n, d) of float32: of networks without a projection always what the classifier is fed with."""
    found = live.features(Unit(model, split, kind=FEATURES))
    return np.asarray(found.get(layer, found[POOLED]), dtype=np.float32)


def _tell_of_unknown(live: Live, test: str, known: np.ndarray, notice: Callable[[str], None]) -> None:
    """Test pictures of classes that are not in training cannot be told, whatever the features; they count as wrong."""
    unknown = ~np.isin(live.pictures(test).frame.columns["label"], known)
    if unknown.any():
        wrong = "are of classes that no training picture shows, and count as wrong"
        notice(f"{test}: {int(unknown.sum()):,} pictures {wrong}")
