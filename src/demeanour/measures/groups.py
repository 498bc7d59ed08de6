"""The groups of measures: how many images speak of each, and which values are shares of counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanour.measures import accuracy, calibration
from demeanour.measures.weighting import Floats
from demeanour.vocabulary import CATEGORIES, CORRUPTIONS, FACTORS, PUG_FACTORS

Columns = tuple[NDArray[Any], ...]
ALL = "all"
SEVERITIES = tuple(f"severity-{level}" for level in range(1, 6))


@dataclass(frozen=True)
class Counted:
    """A group's value as a share of counts, scaled: what an exact interval needs where counts are small.

    Attributes:
        hits: How many images count as hits.
        n: Of how many.
        scale: The value is scale · hits / n.
        member: Which images are counted, (images,) of bool, where images may share a source.
        hit: Which of all images are hits, likewise.
    """

    hits: int
    n: int
    scale: float = 1.0
    member: NDArray[np.bool_] | None = None
    hit: NDArray[np.bool_] | None = None


def factor_support(correct: NDArray[np.bool_], factors: NDArray[np.bool_]) -> dict[str, int]:
    """How many images each factor has."""
    counts = factors.sum(axis=0)
    return {ALL: len(correct), **{name: int(counts[i]) for i, name in enumerate(FACTORS)}}


def factor_counts(group: str, columns: Columns) -> Counted | None:
    """Wrong answers among a factor's images, over the error rate of all."""
    if group == ALL:
        return None
    correct, factors = columns
    wrong = ~correct[factors[:, FACTORS.index(group)]]
    overall = float((~correct).mean())
    return Counted(int(wrong.sum()), len(wrong), 1 / overall) if overall and len(wrong) else None


def shape_support(
    _prediction: NDArray[Any], shape: NDArray[Any], _texture: NDArray[Any], *, names: Sequence[str] = CATEGORIES
) -> dict[str, int]:
    """How many images each category of shape has."""
    classes = {name: int((shape == code).sum()) for code, name in enumerate(names)}
    return {ALL: len(shape), **{name: n for name, n in classes.items() if n}}


def shape_counts(group: str, columns: Columns, *, names: Sequence[str] = CATEGORIES) -> Counted | None:
    """Shape decisions among shape and texture decisions."""
    prediction, shape, texture = columns
    mask = np.ones(len(shape), bool) if group == ALL else shape == names.index(group)
    by_shape = prediction == shape
    decided = mask & (by_shape | (prediction == texture))
    hits, n = int((by_shape & mask).sum()), int(decided.sum())
    return Counted(hits, n, member=decided, hit=by_shape) if n else None


def coverage_counts(group: str, columns: Columns, *, names: Sequence[str] = CATEGORIES) -> Counted | None:
    """Decisions by shape or by texture among all."""
    prediction, shape, texture = columns
    mask = np.ones(len(shape), bool) if group == ALL else shape == names.index(group)
    decided = (prediction == shape) | (prediction == texture)
    return Counted(int(decided[mask].sum()), int(mask.sum()), member=mask, hit=decided)


def bin_support(confidence: Floats, *_: Any) -> dict[str, int]:
    """How many images each confidence bin has."""
    counts = np.bincount(calibration.bin_of(confidence), minlength=calibration.BINS)
    return {name: int(counts[i]) for i, name in enumerate(calibration.BIN_NAMES)}


def of_category(group: str, columns: Columns, *, names: Sequence[str] = CATEGORIES) -> NDArray[np.bool_]:
    """Which images have a shape of the category; (n,)."""
    return np.asarray(columns[1] == names.index(group)) if group != ALL else np.ones(len(columns[1]), np.bool_)


def corruption_support(
    correct: NDArray[np.bool_], corruption: NDArray[Any], severity: NDArray[Any], *_: Any
) -> dict[str, int]:
    """How many images each corruption and each severity has."""
    of_each = np.bincount(corruption, minlength=len(CORRUPTIONS))
    sizes = {ALL: len(correct), **{name: int(of_each[code]) for code, name in enumerate(CORRUPTIONS)}}
    return sizes | {name: int((severity == level).sum()) for level, name in enumerate(SEVERITIES, start=1)}


def pug_support(correct: NDArray[np.bool_], factor: NDArray[Any]) -> dict[str, int]:
    """How many images vary each of PUG's factors."""
    of_each = np.bincount(factor, minlength=len(PUG_FACTORS))
    return {ALL: len(correct), **{name: int(of_each[code]) for code, name in enumerate(PUG_FACTORS)}}


def of_pug_factor(group: str, columns: Columns) -> NDArray[np.bool_]:
    """Which images vary one of PUG's factors; (n,)."""
    code = columns[1]
    return np.asarray(code == PUG_FACTORS.index(group)) if group != ALL else np.ones(len(code), np.bool_)


def first_column(_group: str, columns: Columns) -> Floats:
    """1 for the images that the first column is true of, else 0; (n,)."""
    return np.asarray(columns[0], dtype=np.float64)


def in_label_set(_group: str, columns: Columns) -> Floats:
    """1 for the images whose prediction is one of their labels, else 0; (n,)."""
    prediction, label_set = columns
    return np.asarray(accuracy.in_label_set(prediction, label_set), dtype=np.float64)


def in_bin(group: str, columns: Columns) -> Floats:
    """1 for the images whose confidence is in a bin, else 0; (n,)."""
    return np.asarray(calibration.bin_of(columns[0]) == calibration.BIN_NAMES.index(group), dtype=np.float64)
