"""How often the answer is right: the most probable class, one of the five most probable, one of several labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.measures.weighting import Floats, as_weights, ratio


def top1(correct: NDArray[np.bool_], *, weights: ArrayLike | None = None) -> dict[str, Floats]:
    """Top-1 accuracy: the share of images whose prediction is the label.

    Args:
        correct: (n,) of bool.
        weights: (..., n).

    Returns:
        ``all``: fraction in [0, 1], (...).
    """
    w = as_weights(weights, len(correct))
    return {"all": ratio(w @ correct.astype(np.float64), w.sum(axis=-1))}


def top5(correct5: NDArray[np.bool_], *, weights: ArrayLike | None = None) -> dict[str, Floats]:
    """Top-5 accuracy: the share of images whose label is among the five most probable classes.

    Args:
        correct5: Whether it is, (n,) of bool.
        weights: (..., n).

    Returns:
        ``all``: fraction in [0, 1], (...).
    """
    return top1(correct5, weights=weights)


def multilabel_top1(
    prediction: NDArray[np.integer], label_set: NDArray[np.integer], *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """The share of images whose prediction is one of their labels (ReaL: Beyer et al., 2020; ImageNet-Hard).

    Args:
        prediction: Predicted class, (n,) of int; −1, no answer, is never right.
        label_set: The labels of each image, (n, width) of int, filled up with −1.
        weights: (..., n).

    Returns:
        ``all``: fraction in [0, 1], (...).

    Raises:
        ValueError: An image has no label: nothing can be right there, and who reads the labels leaves it out.
    """
    empty = ~(label_set >= 0).any(axis=1)
    if empty.any():
        raise ValueError(f"{int(empty.sum())} images have no label, first row {int(np.argmax(empty))}; leave them out")
    return top1(in_label_set(prediction, label_set), weights=weights)


def in_label_set(prediction: NDArray[np.integer], label_set: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Whether each prediction is one of its image's labels, which are filled up with −1; (n,)."""
    return np.asarray(((label_set == prediction[:, None]) & (label_set >= 0)).any(axis=1))
