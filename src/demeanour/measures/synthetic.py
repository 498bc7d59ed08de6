"""Accuracy on rendered images of which one factor varies at a time (PUG: ImageNet; Bordes et al., 2023)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.measures.weighting import Floats, as_weights, ratio
from demeanour.vocabulary import PUG_FACTORS

Codes = NDArray[np.integer]


def factor_accuracy(
    correct: NDArray[np.bool_], factor: Codes, *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Top-1 accuracy where one factor varies, and the mean over factors (Vishniakov et al., 2024, §3.2, Figure 3).

    Args:
        correct: (n,) of bool.
        factor: Position in ``PUG_FACTORS`` of the factor that varies, (n,) of int.
        weights: (..., n).

    Returns:
        For each factor a fraction in [0, 1], NaN where it has no image, and ``all``, their unweighted mean; (...).

    Raises:
        ValueError: A factor is out of range.
    """
    w, member = as_weights(weights, len(correct)), members(factor).astype(np.float64)
    accuracy = ratio((w * correct) @ member, w @ member)
    return {"all": accuracy.mean(axis=-1), **{name: accuracy[..., i] for i, name in enumerate(PUG_FACTORS)}}


def members(factor: Codes) -> NDArray[np.bool_]:
    """Which images vary which factor, (n, 10); a ``ValueError`` where a code is no factor."""
    if len(factor) and not 0 <= factor.min() <= factor.max() < len(PUG_FACTORS):
        raise ValueError(f"factors must lie in 0 … {len(PUG_FACTORS) - 1}")
    return np.asarray(factor[:, None] == np.arange(len(PUG_FACTORS)))


def relabelled_accuracy(prediction: Codes, label: Codes, fitted_on: NDArray[np.bool_]) -> float:
    """Accuracy if every label is another one: the best one-to-one naming of some images, tried on the others.

    Of a model that sees what is there, it is far above the accuracy where labels are not those of the images, as where
    the folders of classes are numbered without one that is missing. The naming takes the most frequent pair of
    prediction and label first, so that it need not be the best of all; as it is tried on other images, it gains
    nothing by chance.

    Args:
        prediction: (n,) of int; what is no label of any image counts as wrong.
        label: (n,) of int.
        fitted_on: Which images the naming is made from, (n,) of bool.

    Returns:
        A fraction in [0, 1] of the other images; NaN where there are none, or none to fit on.
    """
    if fitted_on.all() or not fitted_on.any():
        return float("nan")
    kinds, labels = np.unique(label, return_inverse=True)
    known = np.isin(prediction, kinds)
    predictions = np.searchsorted(kinds, prediction)
    pairs = np.zeros((len(kinds), len(kinds)), dtype=np.int64)
    use = fitted_on & known
    np.add.at(pairs, (labels[use], predictions[use]), 1)
    name = np.full(len(kinds), -1)   # of each label, the prediction that stands for it
    for pair in np.argsort(-pairs, axis=None, kind="stable")[: int((pairs > 0).sum())].tolist():
        row, column = divmod(pair, len(kinds))
        if name[row] < 0 and column not in name:
            name[row] = column
    right = known & (name[labels] == np.where(known, predictions, -2))
    return float(right[~fitted_on].mean())
