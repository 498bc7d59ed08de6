"""Textbook inference for paired differences, written out with scipy and none of the project's code."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import binomtest, norm, t

ALPHA = 0.05
PValues = tuple[dict[str, float], dict[str, float]]   # that a loss is within a margin, and that it is beyond it


def tango_z(gained: int, lost: int, n: int, difference: float) -> float:
    """Tango's (1998) score statistic that the difference of two paired proportions is some number.

    Args:
        gained: Pairs in which only the first is a hit.
        lost: Pairs in which only the second is.
        n: All pairs.
        difference: In (−1, 1), not 0 where no pair is discordant.
    """
    a = 2 * n
    b = -gained - lost + (2 * n - gained + lost) * difference
    c = -lost * difference * (1 - difference)
    restricted = (sqrt(b * b - 4 * a * c) - b) / (2 * a)   # how often only the second is a hit, most probably
    return (gained - lost - n * difference) / sqrt(n * (2 * restricted + difference * (1 - difference)))


def tango_interval(gained: int, lost: int, n: int, alpha: float = ALPHA) -> tuple[float, float]:
    """Limits that the score test does not reject, each with one-sided α."""
    quantile, value, near = float(norm.isf(alpha)), (gained - lost) / n, 1 - 1e-9

    def low(difference: float) -> float:
        return tango_z(gained, lost, n, difference) - quantile

    def high(difference: float) -> float:
        return tango_z(gained, lost, n, difference) + quantile

    return (brentq(low, -near, value - 1e-12) if value > -near else -1.0,
            brentq(high, value + 1e-12, near) if value < near else 1.0)   # fmt: skip


def tango_p(gained: int, lost: int, n: int, margins: Mapping[str, float]) -> PValues:
    """Of each margin, that the loss is within it and that it is beyond, by the score test."""
    z = {name: tango_z(gained, lost, n, -margin) for name, margin in margins.items()}
    return ({name: float(norm.sf(one)) for name, one in z.items()},
            {name: float(norm.cdf(one)) for name, one in z.items()})   # fmt: skip


def exact_upper(gained: int, lost: int, n: int, alpha: float = ALPHA) -> float:
    """The exact limit of a paired difference: of how discordant pairs fall, nine tenths of α, and of how many are, one.

    As the share of pairs that fall one way is at most so large, and the share that is discordant is at most, or where
    the difference is below 0 at least, so large; by Clopper's and Pearson's limits of each.
    """
    if lost == 0:
        return float(binomtest(gained, n).proportion_ci(1 - 2 * alpha, "exact").high)
    fall = binomtest(gained, gained + lost).proportion_ci(1 - 2 * 0.9 * alpha, "exact").high
    rate = binomtest(gained + lost, n).proportion_ci(1 - 2 * 0.1 * alpha, "exact")
    lean = 2 * fall - 1
    return float(lean * (rate.low if lean < 0 else rate.high))


def exact_p(gained: int, lost: int, n: int, margins: Mapping[str, float]) -> PValues:
    """Likewise by exact limits: the least α with which they would exclude the margin."""

    def least(margin: float, gained: int, lost: int) -> float:
        def off(alpha: float) -> float:
            return exact_upper(gained, lost, n, alpha) - margin

        low, high = 1e-9, 0.4999
        return 1.0 if off(high) >= 0 else low if off(low) < 0 else float(brentq(off, low, high, xtol=1e-10))

    return ({name: least(margin, lost, gained) for name, margin in margins.items()},
            {name: least(-margin, gained, lost) for name, margin in margins.items()})   # fmt: skip


def mean_p(rows: NDArray[np.float64], margins: Mapping[str, float]) -> PValues:
    """Likewise for the mean of numbers of which more is better, by Student's t."""
    return t_p(float(rows.mean()), float(rows.std(ddof=1)) / sqrt(len(rows)), len(rows) - 1, margins)


def t_p(value: float, se: float, df: int, margins: Mapping[str, float]) -> PValues:
    """Likewise for a value with its standard error."""
    found = {name: (value + margin) / se for name, margin in margins.items()}
    return ({name: float(t.sf(one, df)) for name, one in found.items()},
            {name: float(t.cdf(one, df)) for name, one in found.items()})   # fmt: skip


def words(*found: PValues) -> dict[str, str]:
    """The three answers of one policy: losses within a margin each alone, those beyond by Holm's method over all."""
    within = {name: p for one, _ in found for name, p in one.items()}
    beyond = {name: p for _, one in found for name, p in one.items()}
    harmed, left = set[str](), sorted(beyond, key=lambda name: beyond[name])
    for place, name in enumerate(left):
        if beyond[name] * (len(left) - place) > ALPHA:
            break
        harmed.add(name)
    return {name: "holds" if p <= ALPHA else "violated" if name in harmed else "undecided"
            for name, p in within.items()}   # fmt: skip


def shape_bias_difference(
    candidate: NDArray[np.str_], baseline: NDArray[np.str_], shape: NDArray[np.str_], texture: NDArray[np.str_],
    source: NDArray[np.str_],
) -> tuple[float, float, int]:
    """A difference of two shape biases, its standard error and degrees of freedom: linearised, summed by source.

    Args:
        candidate: Its answers, (n,).
        baseline: Likewise.
        shape: The category of each shape, (n,).
        texture: Of each texture, another one, (n,).
        source: The image that each shape is of, (n,).
    """
    value, influence = 0.0, np.zeros(len(shape))
    for sign, answers in ((1, candidate), (-1, baseline)):
        by_shape, decided = answers == shape, (answers == shape) | (answers == texture)
        bias = by_shape.sum() / decided.sum()
        value += sign * bias
        influence += sign * (by_shape - bias * decided) / decided.sum()
    _, code = np.unique(source, return_inverse=True)
    sums = np.bincount(code, influence)
    count = len(sums)
    return value, float(sqrt(count / (count - 1) * (sums**2).sum())), count - 1
