"""Proper scoring rules: what a model's probabilities are worth, the lower the better (Gneiting and Raftery, 2007)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from demeanour.measures.weighting import Floats, as_weights, ratio


def nll_rows(probability_of_label: Floats) -> Floats:
    """The negative log-likelihood of each image, in nats.

    Args:
        probability_of_label: Probability of the true class, (n,) in [0, 1].

    Returns:
        −log p, at least 0; NaN where p is 0, (n,).
    """
    rows = np.full(len(probability_of_label), np.nan)
    np.log(probability_of_label, out=rows, where=probability_of_label > 0)
    return -rows


def nll(probability_of_label: Floats, *, weights: ArrayLike | None = None) -> dict[str, Floats]:
    """Mean negative log-likelihood (Guo et al., 2017, §2).

    Args:
        probability_of_label: Probability of the true class, (n,) in [0, 1].
        weights: (..., n).

    Returns:
        ``all``: in nats, at least 0; NaN where an image that counts has the probability 0, (...).
    """
    w = as_weights(weights, len(probability_of_label))
    rows = nll_rows(probability_of_label)
    impossible = np.isnan(rows)
    mean = ratio(w @ np.where(impossible, 0.0, rows), w.sum(axis=-1))
    return {"all": np.where((w[..., impossible] > 0).any(axis=-1), np.nan, mean)}


def brier_rows(probability_of_label: Floats, sum_p2: Floats) -> Floats:
    """The Brier score of each image: Σ_k (p_k − y_k)² = Σ_k p_k² − 2 · p_label + 1.

    Args:
        probability_of_label: Probability of the true class, (n,) in [0, 1].
        sum_p2: Sum of the squared probabilities, (n,) in [0, 1].

    Returns:
        In [0, 2], (n,).
    """
    return sum_p2 - 2 * probability_of_label + 1


def brier(
    probability_of_label: Floats, sum_p2: Floats, *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Mean Brier score over all classes (Brier, 1950): not divided by their number.

    Args:
        probability_of_label: Probability of the true class, (n,) in [0, 1].
        sum_p2: Sum of the squared probabilities, (n,) in [0, 1].
        weights: (..., n).

    Returns:
        ``all``: in [0, 2], (...).
    """
    w = as_weights(weights, len(probability_of_label))
    return {"all": ratio(w @ brier_rows(probability_of_label, sum_p2), w.sum(axis=-1))}
