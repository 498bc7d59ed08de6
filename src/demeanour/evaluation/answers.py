"""From a network's numbers for some pictures to what evidence keeps of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.frame import Frame
from demeanour.datasets.label_space import LabelSpace
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.logits import columns_of_logits

Arrays = dict[str, NDArray[np.generic]]
FORWARD = {"cpu": 32, "cuda": 128}   # pictures in a pass: rounding depends on it, so it follows nobody's wish


def table_columns(
    logits: NDArray[np.float32], frame: Frame, rows: NDArray[np.intp], space: LabelSpace | None, where: str
) -> Arrays:
    """The columns of a prediction table.

    Args:
        logits: (n, classes of the network).
        frame: What is known of the data set's pictures.
        rows: Which of them these are, (n,).
        space: Of the data set.
        where: The model and data set, for messages.

    Raises:
        EvidenceError: A logit is NaN or infinite, the largest one is not unique, or the network has another number of
            classes than the data set.
    """
    scores = logits if space is None else space.apply(logits)
    if space is None and scores.shape[1] != frame.classes:
        raise EvidenceError(
            f"{where}: the network has {scores.shape[1]:,} classes, the data set {frame.classes:,}; give the data card "
            "a `label_space`, or the CLIP model a head with the data set's class names"
        )
    labels = frame.columns["label"][rows] if "label" in frame.columns else None
    return columns_of_logits(scores, labels, where)


def features_of(said: Mapping[str, NDArray[np.float32]], where: str) -> Arrays:
    """The features among what a network said; a `NotMeasuredError` where there are none, or they are not finite."""
    found: Arrays = {name: value for name, value in said.items() if name != "logits"}
    if not found:
        raise NotMeasuredError(f"{where}: where its features are is not known, only its logits are")
    for name, value in found.items():
        if not np.isfinite(value).all():
            raise EvidenceError(f"{where}: NaN or infinite among what is {name}")
    return found


def half(logits: NDArray[np.float32], space: LabelSpace | None, where: str) -> NDArray[np.float16]:
    """Logits as they are kept; an `EvidenceError` where one is too large for half precision."""
    scores = np.asarray(logits if space is None else space.apply(logits), dtype=np.float32)
    kept = scores.astype(np.float16)
    if not np.isfinite(kept).all():
        raise EvidenceError(f"{where}: logits up to {np.abs(scores).max():.3g} do not fit half precision")
    return kept
