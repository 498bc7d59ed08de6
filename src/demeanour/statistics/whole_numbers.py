"""Limits for means of small whole numbers, such as how many answers to an image are gained or lost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demeanour.errors import NotMeasuredError
from demeanour.statistics.limits import Limits
from demeanour.statistics.means import mean_limits
from demeanour.statistics.proportions import MANY_DISCORDANT, clopper_pearson, paired_difference
from demeanour.statistics.strata import worst_case_sum

FEW = 20   # with fewer images than this that are unlike the others, nothing but whole numbers has limits


def source_limits(rows: NDArray[np.float64], share: bool) -> Limits:
    """Limits for the mean of one number for each source image: exact for whole numbers, else Student's t.

    Args:
        rows: (n,).
        share: Whether it is a share of the images, if the numbers are 0 and 1; else it is a difference.

    Raises:
        NotMeasuredError: The numbers are not whole, and fewer than 20 differ from the most frequent one.
    """
    if (rows == np.round(rows)).all():
        return clopper_pearson(int(rows.sum()), len(rows)) if share else whole_number_limits(rows)
    _, alike = np.unique(np.round(rows, 12), return_counts=True)
    if len(rows) - int(alike.max()) < FEW:
        raise NotMeasuredError(f"fewer than {FEW} source images differ from the others: the error cannot be told")
    return mean_limits(rows)


def whole_number_limits(rows: NDArray[np.float64]) -> Limits:
    """Limits for the mean of a whole number that each image has, most often 0.

    Numbers of −1, 0 and 1 are differences of two answers, and get the limits of a paired difference of proportions,
    which are exact where few images differ. Of larger ones, 200 or more that differ from 0 get Student's t; fewer are
    taken apart into their first, second, … unit, each a paired difference, whose half-widths are added. The limits
    have a width even where no image differs.

    Args:
        rows: (n,), whole numbers.

    Raises:
        ValueError: A number is not whole.
    """
    if not (rows == np.round(rows)).all():
        raise ValueError("numbers that are not whole have no exact limits")
    largest = max(1, int(np.abs(rows).max(initial=0)))
    if largest > 1 and int((rows != 0).sum()) >= MANY_DISCORDANT:
        return mean_limits(rows)
    units = [paired_difference(rows >= unit, rows <= -unit) for unit in range(1, largest + 1)]
    if largest == 1:
        return units[0]
    return worst_case_sum([(1, unit) for unit in units], f"{units[0].method}, unit by unit, half-widths added")
