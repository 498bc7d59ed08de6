"""Do two models fail on the same images? Source: Geirhos et al. (2020)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.measures.weighting import Floats, as_weights, ratio


def error_consistency(
    correct: NDArray[np.bool_], other_correct: NDArray[np.bool_], *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Cohen's κ of being right: agreement beyond what the two accuracies bring (Geirhos et al., 2020, eq. 1–3).

    κ = (c_obs − c_exp) / (1 − c_exp) with c_exp = p₁ · p₂ + (1 − p₁) · (1 − p₂). It is computed as
    1 − (1 − c_obs) / (1 − c_exp), whose parts are sums of weights and exactly 0 where they should be.

    Args:
        correct: Whether the model is right, (n,) of bool.
        other_correct: Whether the other model is, on the same images; (n,) of bool.
        weights: (..., n).

    Returns:
        ``all``: in [−1, 1], 0 for independent errors; NaN where c_exp is 1: both always right, or both always
        wrong; (...).
    """
    w = as_weights(weights, len(correct))
    cells = (correct & other_correct, correct & ~other_correct, ~correct & other_correct, ~correct & ~other_correct)
    both, first, second, neither = (w @ cell.astype(np.float64) for cell in cells)
    expected = (both + first) * (first + neither) + (second + neither) * (both + second)
    return {"all": 1 - ratio((first + second) * (both + first + second + neither), expected)}
