"""p-values of claims, and what is left of them where many are asked at once."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, isfinite, isnan, log

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.errors import NotMeasuredError
from demeanour.statistics.limits import Limits
from demeanour.statistics.zones import Claim

Floats = NDArray[np.float64]

SMALLEST_P = 1e-12        # below, 1 − α has too few digits for upper limits
_LARGEST_P = 0.5 - 1e-9   # limits have an α below .5
_HALVINGS = 40            # of log α: leaves ten digits


def holm(p: ArrayLike) -> Floats:
    """Adjusted p-values that bound the chance of a single false rejection (Holm, 1979), whatever the dependence.

    Args:
        p: (n,) in [0, 1], n at least 1, in any order.

    Returns:
        (n,), in the order of ``p``; rejecting those ≤ α keeps the familywise error at α.

    Raises:
        ValueError: No p-value, or one that is NaN or outside [0, 1].
    """
    values = _p_values(p)
    order = np.argsort(values, kind="stable")
    steps = np.arange(len(values), 0, -1) * values[order]
    return _back(np.maximum.accumulate(steps), order)


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Adjusted p-values that bound the share of false rejections among all (Benjamini and Hochberg, 1995).

    Valid where the tests are independent or go together (positive regression dependence).

    Args:
        p: (n,) in [0, 1], n at least 1, in any order.

    Returns:
        (n,), in the order of ``p``; rejecting those ≤ α keeps the false discovery rate at α.

    Raises:
        ValueError: No p-value, or one that is NaN or outside [0, 1].
    """
    values = _p_values(p)
    order = np.argsort(values, kind="stable")
    steps = len(values) / np.arange(1, len(values) + 1) * values[order]
    return _back(np.minimum.accumulate(steps[::-1])[::-1], order)


def p_value(claim: Claim, limits: Limits) -> float:
    """The smallest α at which the claim holds, in [1e-12, .5) or 1.

    It is 1.0 where the claim does not hold at any α below .5, for limits say nothing beyond; and never smaller than
    the α at which the limits cease to move, so that a bootstrap of B draws has no p below about 1 / B.

    Raises:
        NotMeasuredError: The estimate or a limit is not a number.
    """
    return _smallest_level(lambda alpha: claim.holds(limits, alpha), limits)


def p_violated(claim: Claim, limits: Limits) -> float:
    """The smallest α at which the claim is violated; conventions and errors are those of `p_value`."""
    return _smallest_level(lambda alpha: claim.violated(limits, alpha), limits)


def _p_values(p: ArrayLike) -> Floats:
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"p-values must be a list of at least one, not of shape {values.shape}")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("a p-value is NaN or outside [0, 1]")
    return values


def _back(in_order: Floats, order: NDArray[np.intp]) -> Floats:
    adjusted = np.empty_like(in_order)
    adjusted[order] = np.minimum(in_order, 1)
    return adjusted


def _smallest_level(shown: Callable[[float], bool], limits: Limits) -> float:
    def ends(alpha: float) -> tuple[float, float]:
        return limits.lower(alpha), limits.upper(alpha)

    widest = ends(SMALLEST_P)
    if not isfinite(limits.value) or any(map(isnan, widest + ends(_LARGEST_P))):
        raise NotMeasuredError("an estimate whose value or limits are not numbers has no p-value")
    if not shown(_LARGEST_P):
        return 1.0
    if not shown(SMALLEST_P):
        return _where_true_begins(shown)
    if not limits.has_width:   # known exactly
        return SMALLEST_P
    return _where_true_begins(lambda alpha: ends(alpha) != widest)


def _where_true_begins(is_true: Callable[[float], bool]) -> float:
    """The α from which on something is true, by bisection on log α; the end returned is one where it is true."""
    low, high = log(SMALLEST_P), log(_LARGEST_P)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if is_true(exp(middle)):
            high = middle
        else:
            low = middle
    return exp(high)
