"""Limits for means of one number for each image, and for gaps within confidence bins."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from demeanour.errors import NotMeasuredError
from demeanour.statistics.limits import NO_WIDTH, Limits
from demeanour.statistics.proportions import clopper_pearson


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


def gap_limits(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> Limits:
    """Limits for mean confidence − accuracy within one bin, where confidence hardly varies: exact in the accuracy.

    Args:
        confidence: Of the images of the bin, (n,), n at least 1.
        correct: (n,) of bool.
    """
    accuracy = clopper_pearson(int(correct.sum()), len(correct))
    return accuracy.scaled(-1).shifted(float(confidence.mean()))
