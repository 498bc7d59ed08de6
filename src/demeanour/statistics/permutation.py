"""Randomisation tests: what a statistic would be if the null hypothesis had dealt the data again."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from demeanour.errors import NotMeasuredError
from demeanour.statistics.resampling import DRAWS

Floats = NDArray[np.float64]
Permuted = TypeVar("Permuted")

_ROUNDING = 1e-12   # relative: values that differ by less are the same
_CHUNK = 2**21      # signs held at once: 16 MB as numbers


def sign_flip_p(
    differences: Floats,
    rng: np.random.Generator,
    draws: int = DRAWS,
    clusters: NDArray[Any] | None = None,
) -> float:
    """One-sided p-value that the mean of paired differences is above 0, by flipping their signs at random.

    Under the null hypothesis a difference is as likely as its negative. What was seen counts as one of the draws, so
    that p is never 0 and the test keeps its level for any number of draws (Phipson and Smyth, 2010).

    Args:
        differences: Of each image, (n,), n at least 1.
        rng: Where the signs come from.
        draws: How many, at least 1.
        clusters: The cluster of every image, (n,), if the images of a cluster are not independent: then whole
            clusters change sign.

    Returns:
        In [1 / (draws + 1), 1].

    Raises:
        NotMeasuredError: No differences, or one that is not finite.
        ValueError: Clusters of other images, or no draws.
    """
    if not len(differences) or not np.isfinite(differences).all():
        raise NotMeasuredError("the test needs a finite difference of each image")
    if draws < 1:
        raise ValueError(f"{draws} draws")
    terms: Floats = np.asarray(differences, dtype=np.float64)
    at_least = -_ROUNDING * float(np.abs(terms).sum())
    if clusters is not None:
        if clusters.shape != terms.shape:
            raise ValueError(f"{len(clusters)} clusters for {len(terms)} differences")
        terms = np.bincount(np.unique(clusters, return_inverse=True)[1], weights=terms).astype(np.float64)
    terms = terms[terms != 0]
    as_large = 0
    size = max(1, _CHUNK // max(len(terms), 1))
    for start in range(0, draws, size):
        flipped = rng.integers(0, 2, size=(min(size, draws - start), len(terms)), dtype=np.int8)
        as_large += int((-2 * (flipped @ terms) >= at_least).sum())   # a flip takes twice its term from the sum
    return (1 + as_large) / (draws + 1)


def permutation_p(
    statistic: Callable[[Permuted], float],
    permute: Callable[[np.random.Generator], Permuted],
    value: float,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> float:
    """One-sided p-value of a statistic: how often it is at least as large after a permutation.

    What was seen counts as one of the draws (Phipson and Smyth, 2010).

    Args:
        statistic: From permuted data to a number.
        permute: Deals the data again as the null hypothesis would.
        value: The statistic of the data as they are.
        rng: Handed to ``permute``.
        draws: How many, at least 1.

    Returns:
        In [1 / (draws + 1), 1].

    Raises:
        NotMeasuredError: The statistic is not finite, of the data or of a permutation.
        ValueError: No draws.
    """
    if draws < 1:
        raise ValueError(f"{draws} draws")
    if not isfinite(value):
        raise NotMeasuredError(f"a statistic of {value} cannot be tested")
    as_large = 0
    for _ in range(draws):
        drawn = float(statistic(permute(rng)))
        if not isfinite(drawn):
            raise NotMeasuredError(f"the statistic of a permutation is {drawn}")
        as_large += drawn >= value - _ROUNDING * abs(value)
    return (1 + as_large) / (draws + 1)
