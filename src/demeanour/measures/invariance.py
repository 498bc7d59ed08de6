"""Transformation invariance (Beyond-INet, §3.7): how accuracy changes over the views of the same pictures.

Levels are the views of a set in their order: ``level-1`` is the first. Each picture is seen once in each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.measures.groups import ALL, Columns
from demeanour.measures.weighting import Floats, as_weights, ratio
from demeanour.vocabulary import LEVELS

Codes = NDArray[np.integer]


def view_accuracy(
    correct: NDArray[np.bool_], view: Codes, source: Codes, *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Top-1 accuracy in each view.

    Args:
        correct: (n,) of bool.
        view: Position of the view among the set's, from 0; (n,) of int.
        source: Which picture is seen, (n,) of int.
        weights: (..., n).

    Returns:
        A level for each view and ``all``, their unweighted mean: fractions in [0, 1], (...).

    Raises:
        ValueError: Not every picture is seen exactly once in every view, or there are more views than ``LEVELS``.
    """
    return _levels(correct.astype(np.float64), seen(view, source), weights)


def view_probability(
    probability_of_label: Floats, view: Codes, source: Codes, *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Mean probability of the true class in each view, the paper's second metric.

    Args:
        probability_of_label: In [0, 1], (n,).
        view: Position of the view among the set's, from 0; (n,) of int.
        source: Which picture is seen, (n,) of int.
        weights: (..., n).

    Returns:
        A level for each view and ``all``, their unweighted mean: in [0, 1], (...).

    Raises:
        ValueError: As of `view_accuracy`.
    """
    return _levels(probability_of_label, seen(view, source), weights)


def view_padding(padded: Floats, view: Codes, source: Codes, *, weights: ArrayLike | None = None) -> dict[str, Floats]:
    """How much of what the network is shown lies beyond the picture and is black, in each view.

    Args:
        padded: Share of the area of the prepared square, in [0, 1], (n,).
        view: Position of the view among the set's, from 0; (n,) of int.
        source: Which picture is seen, (n,) of int.
        weights: (..., n).

    Returns:
        A level for each view, the mean over pictures, and ``all``, the unweighted mean of the levels; (...).

    Raises:
        ValueError: As of `view_accuracy`.
    """
    return _levels(padded, seen(view, source), weights)


def view_drop(
    correct: NDArray[np.bool_], view: Codes, source: Codes, base: NDArray[np.bool_], *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """How far accuracy falls from the base view to each view: the measure of invariance, whatever the accuracy.

    Args:
        correct: (n,) of bool.
        view: Position of the view among the set's, from 0; (n,) of int.
        source: Which picture is seen, (n,) of int.
        base: Whether the row shows the view that others are compared with, (n,) of bool.
        weights: (..., n).

    Returns:
        Accuracy in the base view − accuracy in each level (0 in the level of the base), and ``all``, the unweighted
        mean of the levels: fractions in [−1, 1], positive where accuracy is lost; (...).

    Raises:
        ValueError: As of `view_accuracy`, or the base is not exactly one view.
    """
    rows = seen(view, source)
    levels = _levels(correct.astype(np.float64), rows, weights)
    from_base = levels[LEVELS[_base(base, rows)]]
    return {name: from_base - value for name, value in levels.items()}


def view_area(
    correct: NDArray[np.bool_], view: Codes, source: Codes, at: Floats, *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Mean height of the accuracy curve over its axis: its area by the trapezoid rule, over the range of the axis.

    Args:
        correct: (n,) of bool.
        view: Position of the view among the set's, from 0; (n,) of int.
        source: Which picture is seen, (n,) of int.
        at: Where on the axis the row's view lies (factor, shift or side in pixels); one number for each view, (n,).
        weights: (..., n).

    Returns:
        ``all``: fraction in [0, 1], NaN of a single view; (...).

    Raises:
        ValueError: As of `view_accuracy`.
    """
    rows = seen(view, source)
    levels = _levels(correct.astype(np.float64), rows, weights)
    place = at[rows[0]]
    order = np.argsort(place).tolist()
    heights = np.stack([levels[LEVELS[level]] for level in order], axis=-1)
    steps = np.diff(place[order])
    area = np.asarray((heights[..., 1:] + heights[..., :-1]) / 2 @ steps)
    return {ALL: ratio(area, np.asarray(steps.sum()))}


def seen(view: Codes, source: Codes) -> NDArray[np.intp]:
    """The row in which each picture is seen in each view.

    Args:
        view: Position of the view among the set's, from 0; (n,) of int.
        source: Which picture is seen, (n,) of int.

    Returns:
        (pictures, views).

    Raises:
        ValueError: Not every picture is seen exactly once in every view, or there are more views than ``LEVELS``.
    """
    views = int(view.max()) + 1
    if views > len(LEVELS) or view.min() < 0 or source.min() < 0:
        found = f"{int(view.min())} … {views - 1}"
        raise ValueError(f"views must lie in 0 … {len(LEVELS) - 1}, not {found}, and sources must not be negative")
    rows = np.full((int(source.max()) + 1, views), -1, dtype=np.intp)
    rows[source, view] = np.arange(len(view))
    rows = rows[(rows >= 0).any(axis=1)]   # of a sample, some pictures are left out
    if rows.size != len(view) or (rows < 0).any():
        raise ValueError(f"{len(view):,} rows do not show each of {len(rows):,} pictures once in each of {views} views")
    return rows


def of_level(group: str, columns: Columns) -> Floats:
    """For each picture what accuracy or probability averages: its value at a level, or the mean of all; (pictures,)."""
    value, view, source = columns
    return _at(value.astype(np.float64), seen(view, source), group)


def lost_at_level(group: str, columns: Columns) -> Floats:
    """For each picture 1 where it is lost from the base view to a level, −1 where it is gained, else 0; (pictures,)."""
    correct, view, source, base = columns
    rows, right = seen(view, source), correct.astype(np.float64)
    return _at(right, rows, LEVELS[_base(base, rows)]) - _at(right, rows, group)


def level_support(_value: Floats, view: Codes, *_: object) -> dict[str, int]:
    """How many pictures are seen in each view: as many in all as in the first."""
    names: tuple[str, ...] = (ALL, *LEVELS[: int(view.max()) + 1])
    return dict.fromkeys(names, int((view == 0).sum()))


def _levels(values: Floats, rows: NDArray[np.intp], weights: ArrayLike | None) -> dict[str, Floats]:
    """Mean of the values in each view, and the unweighted mean of these."""
    w = as_weights(weights, len(values))
    means = [ratio((w[..., row] * values[row]).sum(axis=-1), w[..., row].sum(axis=-1)) for row in rows.T]
    return {ALL: np.mean(means, axis=0), **dict(zip(LEVELS, means, strict=False))}


def _at(values: Floats, rows: NDArray[np.intp], group: str) -> Floats:
    """The value of each picture at a level, or the mean of all its views; (pictures,)."""
    return values[rows].mean(axis=1) if group == ALL else values[rows[:, LEVELS.index(group)]]


def _base(base: NDArray[np.bool_], rows: NDArray[np.intp]) -> int:
    """The position of the base view."""
    shows = base[rows]
    places = np.flatnonzero(shows[0])
    if len(places) != 1 or (shows != shows[0]).any():
        raise ValueError("the base must be exactly one of the views")
    return int(places[0])
