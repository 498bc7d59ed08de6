"""What kinds of images a model gets wrong (ImageNet-X; Idrissi et al., 2022; Vishniakov et al., 2024, §3.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.measures.weighting import Floats, as_weights, ratio
from demeanour.vocabulary import FACTORS


def _error_rates(
    correct: NDArray[np.bool_], factors: NDArray[np.bool_], weights: ArrayLike | None
) -> tuple[Floats, Floats]:
    w = as_weights(weights, len(correct))
    wrong = w * ~correct
    member = factors.astype(np.float64)
    return ratio(wrong @ member, w @ member), ratio(wrong.sum(axis=-1), w.sum(axis=-1))


def _named(values: Floats) -> dict[str, Floats]:
    groups = {name: values[..., index] for index, name in enumerate(FACTORS)}
    return {"all": values.mean(axis=-1), **groups}


def error_ratio(
    correct: NDArray[np.bool_], factors: NDArray[np.bool_], *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Error rate on a factor's images over the error rate on all annotated images (§3.1, the unnumbered equation).

    The denominator is the error over the annotated images that are no prototypes (46,110 of ImageNet-X), as the
    published code has it, not over the whole validation set, as the text says. It cannot exceed 1 / error, which
    favours weak models: read the odds ratio beside it.

    Args:
        correct: (n,) of bool.
        factors: (n, 16) of bool, columns in the order of ``FACTORS``.
        weights: (..., n).

    Returns:
        For each factor a ratio ≥ 0 (1: as hard as the average image), and ``all``, their unweighted mean; (...).
    """
    of_factor, overall = _error_rates(correct, factors, weights)
    return _named(ratio(of_factor, overall[..., None]))


def error_odds_ratio(
    correct: NDArray[np.bool_], factors: NDArray[np.bool_], *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Odds of an error on a factor's images over the odds on all annotated images: not capped by the error rate.

    Args:
        correct: (n,) of bool.
        factors: (n, 16) of bool, columns in the order of ``FACTORS``.
        weights: (..., n).

    Returns:
        For each factor a ratio ≥ 0, NaN where every image of the factor is wrong, and ``all``, their mean; (...).
    """
    of_factor, overall = _error_rates(correct, factors, weights)
    return _named(ratio(ratio(of_factor, 1 - of_factor), ratio(overall, 1 - overall)[..., None]))
