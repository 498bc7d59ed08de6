"""Weights of images: how often each counts, for one sample or for many resamples at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def as_weights(weights: ArrayLike | None, n: int) -> Floats:
    """Weights in double precision; ones where none are given.

    Args:
        weights: (..., n), at least 0: how often each image counts. Leading axes are resamples.
        n: The number of images.

    Raises:
        ValueError: The last axis is not n, or a weight is negative or not finite.
    """
    if weights is None:
        return np.ones(n)
    array = np.asarray(weights, dtype=np.float64)
    if array.shape[-1:] != (n,):
        raise ValueError(f"weights of shape {array.shape} for {n} images")
    if not np.isfinite(array).all() or (array < 0).any():
        raise ValueError("weights must be finite and at least 0")
    return array


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, NaN where the denominator is 0: what is undefined is never a number."""
    out = np.full(np.broadcast_shapes(np.shape(numerator), np.shape(denominator)), np.nan)
    np.divide(numerator, denominator, out=out, where=np.asarray(denominator) != 0)
    return out
