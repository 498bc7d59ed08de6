"""Limits of sums of proportions over strata: each has images of its own, in a number that nobody draws."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from demeanour.statistics.limits import Limits
from demeanour.statistics.means import mean_limits
from demeanour.statistics.proportions import clopper_pearson, paired_difference
from demeanour.statistics.strata import independent_sum, worst_case_sum

ENOUGH = 100   # images that tell something, all strata together: from here on their sum is as good as normal
VARIED = 20    # with fewer of them, the spread of a sum over one stratum tells too little

Part = tuple[float, NDArray[np.bool_]]   # a weight, and which of a stratum's images are hits


def stratified_limits(strata: Sequence[Sequence[Part]]) -> Limits:
    """Limits of a weighted sum of proportions, over strata that share no image.

    Over several strata with images enough that tell something (on which a difference is not 0, or hits where misses are
    the rule), the sum is normal, and its variance the sum of the strata's own, each as if it had one image more that is
    half at either extreme, so that none is 0. With fewer, distances from exact estimates to their limits are added as
    standard errors are, which is wide. That each stratum has so many images is taken as given: none of it is chance.

    Args:
        strata: For each stratum its proportions: the weight of each, and which of the stratum's images are hits, (n,)
            of bool, of the same images for all of them. Weights of 0 drop out.

    Raises:
        ValueError: A stratum has no image, its proportions are of different images, or nothing is left to sum up.
    """
    kept = [[part for part in stratum if part[0]] for stratum in strata]
    kept = [_checked(stratum) for stratum in kept if stratum]
    if not kept:
        raise ValueError("no stratum has a weight other than 0")
    if len(kept) == 1:
        return _exact(kept[0])
    found = [_moments(stratum) for stratum in kept]
    variance = sum(of_one for _, of_one, _ in found)
    telling = variance**2 / sum(of_one**2 / max(count, 1) for _, of_one, count in found)
    if telling < ENOUGH:
        sums = [_exact(stratum) for stratum in kept]
        return independent_sum([(1.0, one) for one in sums], f"{sums[0].method}, over {len(sums)} strata")
    value, se = sum(mean for mean, _, _ in found), sqrt(variance)
    return Limits(
        value,
        lambda alpha: value + float(ndtri(alpha)) * se,
        lambda alpha: value - float(ndtri(alpha)) * se,
        f"normal, over {len(kept)} strata",
    )


def _checked(parts: list[Part]) -> list[Part]:
    sizes = {len(hits) for _, hits in parts}
    if len(sizes) > 1 or not min(sizes):
        raise ValueError(f"a stratum's proportions are of {sorted(sizes)} images; all must be of the same")
    return parts


def _moments(parts: Sequence[Part]) -> tuple[float, float, int]:
    """The mean of a stratum's sum over its images, the variance of that mean, and how many images tell something."""
    rows, n = _rows(parts), len(parts[0][1])
    ends = [sum(weight for weight, _ in parts if weight > 0), sum(weight for weight, _ in parts if weight < 0)]
    first = (rows.sum() + sum(ends) / 2) / (n + 1)
    second = ((rows**2).sum() + sum(end**2 for end in ends) / 2) / (n + 1)
    return float(rows.mean()), float(second - first**2) / n, _telling(rows)


def _rows(parts: Sequence[Part]) -> NDArray[np.float64]:
    return np.asarray(np.sum([weight * hits for weight, hits in parts], axis=0).round(12))


def _telling(rows: NDArray[np.float64]) -> int:
    return len(rows) - int(np.unique(rows, return_counts=True)[1].max())


def _exact(parts: Sequence[Part]) -> Limits:
    weights = [weight for weight, _ in parts]
    if len(parts) == 1:
        return clopper_pearson(int(parts[0][1].sum()), len(parts[0][1])).scaled(weights[0])
    if len(parts) == 2 and weights[0] == -weights[1]:
        return paired_difference(parts[0][1], parts[1][1]).scaled(weights[0])
    rows = _rows(parts)
    if _telling(rows) >= VARIED:
        return mean_limits(rows)
    exact = [(weight, clopper_pearson(int(hits.sum()), len(hits))) for weight, hits in parts]
    return worst_case_sum(exact, "exact, half-widths added")
