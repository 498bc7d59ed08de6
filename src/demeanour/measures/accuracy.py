"""How often the most probable class is the true one."""

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
