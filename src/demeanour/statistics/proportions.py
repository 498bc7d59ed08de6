"""Limits for proportions: exact where counts are small, never of zero width."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri

from demeanour.statistics.limits import Limits

LARGE_N = 2000            # from here on, and with this many discordant pairs,
MANY_DISCORDANT = 200     # a paired difference of proportions is as good as normal
_DISCORDANCE_SHARE = 0.1  # of α: spent on how many pairs are discordant at all


def clopper_pearson(hits: int, n: int) -> Limits:
    """Exact limits of a binomial proportion (Clopper and Pearson, 1934).

    Args:
        hits: 0 … n.
        n: At least 1.
    """
    if not 0 <= hits <= n or n < 1:
        raise ValueError(f"{hits} hits of {n}")
    return Limits(
        hits / n,
        lambda alpha: float(betaincinv(hits, n - hits + 1, alpha)) if hits else 0.0,
        lambda alpha: float(betaincinv(hits + 1, n - hits, 1 - alpha)) if hits < n else 1.0,
        "exact (Clopper-Pearson)",
    )


def paired_difference(left: NDArray[np.bool_], right: NDArray[np.bool_]) -> Limits:
    """Limits for the difference of two proportions over the same images.

    With 2,000 images and 200 discordant pairs or more (and 200 that fall otherwise), a normal interval of the paired
    differences. With fewer, exact: given that a pair is discordant, on which side it falls is binomial, so that the
    sign test decides about equality; how often pairs are discordant gets a tenth of α. Without a discordant pair on
    one side, that side's limit is the exact binomial one, about 3 / n at α = .05: never a zero-width interval.

    Args:
        left: (n,) of bool.
        right: (n,) of bool, for the same images.
    """
    return difference_of_counts(int((left & ~right).sum()), int((~left & right).sum()), len(left))


def difference_of_counts(gained: int, lost: int, n: int) -> Limits:
    """What `paired_difference` says of counts.

    Args:
        gained: Pairs of which only the left is a hit.
        lost: Pairs of which only the right is.
        n: All pairs, at least 1.
    """
    value = (gained - lost) / n
    if n >= LARGE_N and min(gained + lost, n - gained, n - lost) >= MANY_DISCORDANT:
        se = sqrt((gained + lost) / n - value**2) / sqrt(n)
        return Limits(
            value,
            lambda alpha: value + float(ndtri(alpha)) * se,
            lambda alpha: value - float(ndtri(alpha)) * se,
            "paired, normal",
        )
    return Limits(
        value,
        lambda alpha: _exact_lower(gained, lost, n, alpha),
        lambda alpha: -_exact_lower(lost, gained, n, alpha),
        "paired, exact on discordant pairs",
    )


def _exact_lower(gained: int, lost: int, n: int, alpha: float) -> float:
    discordant = gained + lost
    if gained == 0:
        return -clopper_pearson(lost, n).upper(alpha)
    for_rate = alpha * _DISCORDANCE_SHARE
    lean = 2 * clopper_pearson(gained, discordant).lower(alpha - for_rate) - 1
    rate = clopper_pearson(discordant, n)
    return lean * (rate.lower(for_rate) if lean > 0 else rate.upper(for_rate))


def independent_difference(left: Limits, right: Limits) -> Limits:
    """Limits for a difference from the limits of its two sides (MOVER; Zou and Donner, 2008).

    Takes the sides for independent: for two models on the same images, whose errors go together, it is wider than
    need be. Two groups of one histogram go against each other, and there it is somewhat too narrow.
    """
    value = left.value - right.value

    def lower(alpha: float) -> float:
        return value - sqrt((left.value - left.lower(alpha)) ** 2 + (right.upper(alpha) - right.value) ** 2)

    def upper(alpha: float) -> float:
        return value + sqrt((left.upper(alpha) - left.value) ** 2 + (right.value - right.lower(alpha)) ** 2)

    return Limits(value, lower, upper, f"{left.method}, sides combined as if independent")
