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
PARTS = 100
LEAST_MINIBATCHES = 10   # each sums up over many pictures, so that fewer of them will do
UNDEFINED_SHARE = 0.01
_CHUNK = 2**21   # weights held at once: 16 MB


def distinct_rows(columns: Sequence[NDArray[Any]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where a row of each distinct kind stands first, (kinds,), and the kind of every row, (n,).

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
    _, first, kind = np.unique(codes, return_index=True, return_inverse=True)
    return first, kind


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
            weights *= _times_drawn(rng, size, int(inverse.max()) + 1)[:, inverse]
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


def counts_within(cluster: NDArray[np.integer], kind: NDArray[np.intp], kinds: int) -> Floats:
    """How many rows of each kind a cluster holds: resampling clusters then costs as little as there are kinds.

    Args:
        cluster: The cluster of every row, (n,).
        kind: The kind of every row, (n,), in 0 … kinds − 1.
        kinds: How many kinds there are.

    Returns:
        (clusters, kinds), clusters in ascending order.
    """
    names, code = np.unique(cluster, return_inverse=True)
    counts = np.bincount(code * kinds + kind, minlength=len(names) * kinds)
    return counts.reshape(len(names), kinds).astype(np.float64)


def jackknife_parts(
    n: int, rng: np.random.Generator, clusters: NDArray[np.integer] | None = None
) -> NDArray[np.intp]:
    """Up to 100 random parts of the images, equally large: the part of every image, from 0; (n,).

    Args:
        n: The number of images.
        rng: Who goes into which part.
        clusters: The cluster of every image, (n,): whole clusters go into a part. Without it, each image on its own.

    Raises:
        NotMeasuredError: Fewer than 20 images or clusters.
    """
    cluster = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    m = int(cluster.max()) + 1
    if m < 20:
        what = "images" if clusters is None else "source images"
        raise NotMeasuredError(f"{m} {what} are too few for a jackknife; 20 are the least")
    return np.asarray((rng.permutation(m) % min(PARTS, m // 2))[cluster])


def minibatch_parts(n: int) -> NDArray[np.intp]:
    """The part of each of n minibatches, which were drawn at random: its own, or of more than 100 one of 100; (n,).

    Raises:
        NotMeasuredError: Fewer than 10 minibatches.
    """
    if n < LEAST_MINIBATCHES:
        raise NotMeasuredError(f"{n} minibatches are too few for a jackknife; {LEAST_MINIBATCHES} are the least")
    return np.arange(n) % PARTS


def left_out_values(statistic: Statistic, part: NDArray[np.intp]) -> Floats:
    """Values of a statistic without one part of the images at a time.

    Args:
        statistic: From weights, (draws, n), to values, (draws, …).
        part: The part of every image, from 0; (n,).
    """
    parts = int(part.max()) + 1
    return np.concatenate([
        statistic((part[None, :] != some[:, None]).astype(np.float64))
        for some in np.array_split(np.arange(parts), -(-parts * len(part) // _CHUNK))
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


def _times_drawn(rng: np.random.Generator, draws: int, m: int) -> NDArray[np.intp]:
    """How often each of m is drawn when m are drawn with replacement; (draws, m)."""
    drawn = rng.integers(m, size=(draws, m)) + m * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * m).reshape(draws, m)


def _chunks(draws: int, width: int) -> list[int]:
    size = max(1, min(draws, _CHUNK // max(width, 1)))
    return [min(size, draws - start) for start in range(0, draws, size)]
