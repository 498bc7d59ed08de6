"""What is said of a curve as weights of its points: area, steps, drop and slope.

A weighted sum of the points of a curve has limits as soon as the points do: over the same images by resampling them
together, over different images by `strata.independent_sum`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def area_weights(x: ArrayLike) -> Floats:
    """Weights of the mean height of a curve: its area by the trapezoid rule, divided by the range of x.

    Args:
        x: Positions of the points, (n,), strictly increasing, n at least 2.

    Returns:
        (n,), of sum 1: a constant curve has its own value.

    Raises:
        ValueError: Fewer than two positions, or they are not finite and increasing.
    """
    positions = _positions(x)
    half = np.diff(positions) / (2 * (positions[-1] - positions[0]))
    return np.asarray(np.append(half, 0.0) + np.append(0.0, half))


def slope_weights(x: ArrayLike) -> Floats:
    """Weights of the slope of the least-squares line through a curve, per unit of x.

    Args:
        x: Positions of the points, (n,), strictly increasing, n at least 2.

    Returns:
        (n,), of sum 0.

    Raises:
        ValueError: Fewer than two positions, or they are not finite and increasing.
    """
    positions = _positions(x)
    centred = positions - positions.mean()
    return np.asarray(centred / (centred @ centred))


def step_weights(n: int) -> Floats:
    """Weights of the steps of a curve: each point minus the one before it.

    Args:
        n: The number of points, at least 2.

    Returns:
        (n − 1, n), a row for each step.

    Raises:
        ValueError: Fewer than two points.
    """
    if n < 2:
        raise ValueError(f"a curve of {n} points has no steps")
    return np.diff(np.eye(n), axis=0)


def drop_weights(n: int, base: int = 0, at: int = -1) -> Floats:
    """Weights of how far a curve falls: the point at the base minus another.

    Args:
        n: The number of points, at least 2.
        base: The index of the point to fall from; negative ones count from the end.
        at: The index of the other point.

    Returns:
        (n,), of sum 0.

    Raises:
        ValueError: Fewer than two points, an index outside the curve, or the same point twice.
    """
    if n < 2 or not all(-n <= index < n for index in (base, at)) or (base - at) % n == 0:
        raise ValueError(f"no drop from point {base} to point {at} of {n}")
    weights = np.zeros(n)
    weights[[base, at]] = 1, -1
    return weights


def _positions(x: ArrayLike) -> Floats:
    positions = np.asarray(x, dtype=np.float64)
    if positions.ndim != 1 or len(positions) < 2:
        raise ValueError(f"a curve needs a list of two positions at least, not shape {positions.shape}")
    if not np.isfinite(positions).all() or not (np.diff(positions) > 0).all():
        raise ValueError("the positions of a curve must be finite and strictly increasing")
    return positions
