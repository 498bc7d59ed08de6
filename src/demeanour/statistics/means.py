"""Limits for means of one number for each image, and for gaps within confidence bins."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from demeanour.errors import NotMeasuredError
from demeanour.statistics.limits import NO_WIDTH, Limits
from demeanour.statistics.proportions import clopper_pearson
from demeanour.statistics.strata import worst_case_sum

SKEWED = 150        # so few clusters that differ from 0, of twice as many or more, have a skewed mean
FEW_CLUSTERS = 10   # fewer clusters that differ from 0 than this have no spread to speak of


def student(value: float, se: float, df: int, method: str) -> Limits:
    """Limits of Student's t around a value."""
    return Limits(
        value,
        lambda alpha: value + float(stdtrit(df, alpha)) * se,
        lambda alpha: value - float(stdtrit(df, alpha)) * se,
        method,
    )


def mean_limits(rows: NDArray[np.float64]) -> Limits:
    """Limits for the mean of a number that each image has; a paired difference is one.

    Args:
        rows: (n,), n at least 2.

    Raises:
        NotMeasuredError: Fewer than two images, or no spread at all: then nothing is known of the mean's error.
    """
    if len(rows) < 2:
        raise NotMeasuredError("a mean of fewer than two images has no interval")
    spread = float(rows.std(ddof=1))
    if spread <= NO_WIDTH:
        raise NotMeasuredError("all images have the same value: the spread of their mean cannot be told")
    return student(float(rows.mean()), spread / sqrt(len(rows)), len(rows) - 1, "t of paired rows")


def cluster_mean_limits(rows: NDArray[np.float64], clusters: NDArray[np.integer], lowest: float | None) -> Limits:
    """Limits for the mean of a number that each image has, where images of one cluster go together.

    The mean is a ratio of cluster sums to cluster sizes, linearised; Student's t with one degree of freedom less
    than there are clusters. Where few clusters have anything but 0 (fewer than 150, and than half of them), as with
    two models that hardly differ, numbers in [−1, 1] get the exact limit of the share of such clusters instead,
    which bounds their mean: t is too narrow on the long side. Likewise shares of which few clusters have anything
    but 1.

    Args:
        rows: (n,).
        clusters: The cluster of every image, (n,), at least 20 different ones.
        lowest: The least that a row can be, whatever the sample: 0 for a share, −1 for a difference of two; the most
            is 1. None where rows are not bounded.

    Raises:
        NotMeasuredError: Fewer than 20 clusters, no spread at all, or unbounded numbers that few clusters have.
    """
    cluster = np.unique(clusters, return_inverse=True)[1]
    sums, sizes = np.bincount(cluster, rows), np.bincount(cluster)
    m, value = len(sizes), float(rows.mean())
    if m < 20:
        raise NotMeasuredError(f"{m} source images are too few to tell how they differ; 20 are the least")
    filled = int((np.bincount(cluster, np.abs(rows)) > 0).sum())
    few = max(FEW_CLUSTERS, min(SKEWED, m // 2)) if lowest is not None else FEW_CLUSTERS
    if lowest == 0 and filled >= few and int((sums < sizes).sum()) < few:
        return cluster_mean_limits(1 - rows, clusters, lowest).scaled(-1).shifted(1)
    if filled < few:
        if lowest is None:
            raise NotMeasuredError(f"only {filled} of {m} source images tell anything; {FEW_CLUSTERS} are the least")
        bound = clopper_pearson(filled, m)
        most = float(sizes.max() / sizes.mean())   # clusters of unequal sizes: the filled ones may be the largest
        return Limits(
            value,
            lambda alpha: max(lowest, -most * bound.upper(alpha)),
            lambda alpha: min(1.0, most * bound.upper(alpha)),
            f"exact bound, {filled} of {m} source images differ",
        )
    residual = sums - value * sizes
    spread = float(np.sqrt(m / (m - 1) * (residual**2).sum())) / len(rows)
    if spread <= NO_WIDTH:
        raise NotMeasuredError("all images have the same value: the spread of their mean cannot be told")
    return student(value, spread, m - 1, f"t of {m} source images")


def few_error_gap_limits(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> Limits:
    """Limits for mean confidence − accuracy where nearly all answers are right, or nearly all wrong.

    Exact in the accuracy, t in the confidence; as both come from the same images, their half-widths are added.

    Args:
        confidence: (n,), n at least 1.
        correct: (n,) of bool.
    """
    accuracy = clopper_pearson(int(correct.sum()), len(correct))
    if len(confidence) < 2 or confidence.std() <= NO_WIDTH:
        return gap_limits(confidence, correct)
    return worst_case_sum([(1, mean_limits(confidence)), (-1, accuracy)], "exact in the accuracy, t in the confidence")


def gap_limits(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> Limits:
    """Limits for mean confidence − accuracy within one bin, where confidence hardly varies: exact in the accuracy.

    Args:
        confidence: Of the images of the bin, (n,), n at least 1.
        correct: (n,) of bool.
    """
    accuracy = clopper_pearson(int(correct.sum()), len(correct))
    return accuracy.scaled(-1).shifted(float(confidence.mean()))
