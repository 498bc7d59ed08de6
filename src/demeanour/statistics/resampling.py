"""Resampling by weights: bootstrap over distinct rows or over clusters, and the grouped jackknife."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanour.errors import NotMeasuredError
from demeanour.statistics.limits import NO_WIDTH, Limits
from demeanour.statistics.means import student

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]   # weights (draws, rows) → values (draws,) or (draws, several)

DRAWS = 10_000
CLUSTER_DRAWS = 4_000   # whole clusters need the weights of every image
GROUPS = 100
UNDEFINED_SHARE = 0.01
_CHUNK = 2**21   # weights held at once: 16 MB


def distinct_rows(columns: Sequence[NDArray[Any]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where a row of each distinct kind stands, and how many rows are of that kind.

    Images that are alike in all that a statistic sees can be resampled together: the multinomial over kinds is
    the bootstrap over images, and costs as little as there are kinds.
    """
    codes = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        for part in column.reshape(len(column), -1).T:
            if part.dtype == np.bool_ and codes.max(initial=0) < 2**60:
                codes = 2 * codes + part
                continue
            _, inverse = np.unique(part, return_inverse=True)
            _, codes = np.unique(codes, return_inverse=True)
            codes = codes * (int(inverse.max()) + 1) + inverse
    _, first, counts = np.unique(codes, return_index=True, return_counts=True)
    return first, counts


def bootstrap_draws(
    statistic: Statistic, counts: NDArray[np.intp], rng: np.random.Generator, draws: int = DRAWS
) -> Floats:
    """Values of a statistic over bootstrap samples of images.

    Args:
        statistic: From weights of the kinds of rows, (draws, kinds), to values, (draws, …).
        counts: How many images are of each kind, (kinds,).
        rng: Where the draws come from.
        draws: How many.
    """
    n = int(counts.sum())
    values = []
    for size in _chunks(draws, len(counts)):
        values.append(statistic(rng.multinomial(n, counts / n, size=size).astype(np.float64)))
    return np.concatenate(values)


def cluster_draws(
    statistic: Statistic, clusters: Sequence[NDArray[np.integer]], rng: np.random.Generator, draws: int = CLUSTER_DRAWS
) -> Floats:
    """Values of a statistic over samples of whole clusters.

    With two clusterings, each is resampled on its own and an image counts by the product (the pigeonhole bootstrap
    of Owen, 2007, which errs on the wide side).

    Args:
        statistic: From weights of the images, (draws, n), to values, (draws, …).
        clusters: For each clustering the cluster of every image, (n,) of int.
        rng: Where the draws come from.
        draws: How many.
    """
    inverses = [np.unique(cluster, return_inverse=True)[1] for cluster in clusters]
    values = []
    for size in _chunks(draws, len(clusters[0])):
        weights = np.ones((size, len(clusters[0])))
        for inverse in inverses:
            m = int(inverse.max()) + 1
            weights *= rng.multinomial(m, np.full(m, 1 / m), size=size)[:, inverse]
        values.append(statistic(weights))
    return np.concatenate(values)


def percentile_limits(value: float, draws: Floats, method: str) -> Limits:
    """Limits at the quantiles of bootstrap draws.

    A draw in which the statistic is undefined counts as infinitely low for the lower limit and as infinitely high
    for the upper one.

    Raises:
        NotMeasuredError: The statistic is undefined in more than 1 % of the draws.
    """
    undefined = ~np.isfinite(draws)
    if undefined.mean() > UNDEFINED_SHARE:
        raise NotMeasuredError(f"undefined on {undefined.mean():.1%} of the samples: too few images to tell its error")
    low, high = np.where(undefined, -np.inf, draws), np.where(undefined, np.inf, draws)
    return Limits(
        value,
        lambda alpha: float(np.quantile(low, alpha, method="lower")),
        lambda alpha: float(np.quantile(high, 1 - alpha, method="higher")),
        method,
    )


def left_out_values(statistic: Statistic, n: int, rng: np.random.Generator) -> Floats:
    """Values of a statistic without one of up to 100 random groups of equal size at a time.

    Args:
        statistic: From weights, (groups, n), to values, (groups, …).
        n: The number of images, at least 20.
        rng: Who goes into which group.

    Raises:
        NotMeasuredError: Fewer than 20 images.
    """
    if n < 20:
        raise NotMeasuredError(f"{n} images are too few for a jackknife; 20 are the least")
    groups = min(GROUPS, n // 2)
    member = rng.permutation(n) % groups
    return np.concatenate([
        statistic((member[None, :] != part[:, None]).astype(np.float64))
        for part in np.array_split(np.arange(groups), -(-groups * n // _CHUNK))
    ])  # fmt: skip


def jackknife_limits(value: float, left_out: Floats) -> Limits:
    """Limits of Student's t from the values without one group each.

    Args:
        value: Of all images.
        left_out: (groups,).

    Raises:
        NotMeasuredError: The value never varies.
    """
    groups = len(left_out)
    se = sqrt((groups - 1) / groups * float(((left_out - left_out.mean()) ** 2).sum()))
    if not se > NO_WIDTH:
        raise NotMeasuredError("leaving images out never changes the value: its error cannot be told")
    return student(value, se, groups - 1, f"grouped jackknife, {groups} groups")


def _chunks(draws: int, width: int) -> list[int]:
    size = max(1, min(draws, _CHUNK // max(width, 1)))
    return [min(size, draws - start) for start in range(0, draws, size)]
