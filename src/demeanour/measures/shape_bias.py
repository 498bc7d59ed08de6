"""Shape or texture? Sources: Geirhos et al. (2018), Vishniakov et al. (2024, §3.4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.measures.weighting import Floats, as_weights, ratio
from demeanour.vocabulary import CATEGORIES

Codes = NDArray[np.integer]


def shape_bias(
    prediction: Codes,
    shape: Codes,
    texture: Codes,
    *,
    weights: ArrayLike | None = None,
    names: Sequence[str] = CATEGORIES,
) -> dict[str, Floats]:
    """Shape decisions over shape and texture decisions; other decisions do not count.

    Args:
        prediction: Decided category, (n,) of int; −1 for no answer.
        shape: Category of the shape, (n,) of int.
        texture: Category of the texture, different from the shape's, (n,) of int.
        weights: (..., n).
        names: Of the categories, in the order of their codes; k of them.

    Returns:
        ``all``, pooled over the images, and each shape category that has images: fraction in [0, 1], NaN without any
        such decision; (...).
    """
    sums = _weighted_sums(prediction, shape, texture, weights, len(names))
    return _present(bias_of_sums(sums, names=names), shape, names)


def cue_coverage(
    prediction: Codes,
    shape: Codes,
    texture: Codes,
    *,
    weights: ArrayLike | None = None,
    names: Sequence[str] = CATEGORIES,
) -> dict[str, Floats]:
    """The share of images that were decided by shape or by texture: how much a shape bias speaks of.

    Args:
        prediction: Decided category, (n,) of int; −1 for no answer.
        shape: Category of the shape, (n,) of int.
        texture: Category of the texture, (n,) of int.
        weights: (..., n).
        names: Of the categories, in the order of their codes; k of them.

    Returns:
        ``all`` and each shape category that has images: fraction in [0, 1], (...).
    """
    sums = _weighted_sums(prediction, shape, texture, weights, len(names))
    return _present(coverage_of_sums(sums, names=names), shape, names)


def decision_sums(
    prediction: Codes, shape: Codes, texture: Codes, part: Codes, parts: int, *, names: Sequence[str] = CATEGORIES
) -> Floats:
    """Of each category and each part of the images: decisions by shape, by texture, and images.

    Args:
        prediction: Decided category, (n,) of int; −1 for no answer.
        shape: Category of the shape, (n,) of int.
        texture: Category of the texture, (n,) of int.
        part: The part of every image, (n,) of int in 0 … parts − 1.
        parts: How many parts there are.
        names: Of the k categories.

    Returns:
        (parts, 3 · k).
    """
    cell, size = part * len(names) + shape, parts * len(names)
    counted = (prediction == shape, prediction == texture, None)
    sums = [np.bincount(cell, which, size).reshape(parts, len(names)) for which in counted]
    return np.concatenate(sums, axis=1).astype(np.float64)


def bias_of_sums(sums: Floats, *, names: Sequence[str] = CATEGORIES) -> dict[str, Floats]:
    """Shape bias from what ``decision_sums`` counts of k categories; (..., 3 · k) → (...)."""
    by_shape, by_texture, _ = _with_pooled(sums)
    return _named(ratio(by_shape, by_shape + by_texture), names)


def coverage_of_sums(sums: Floats, *, names: Sequence[str] = CATEGORIES) -> dict[str, Floats]:
    """Cue coverage from what ``decision_sums`` counts of k categories; (..., 3 · k) → (...)."""
    by_shape, by_texture, n = _with_pooled(sums)
    return _named(ratio(by_shape + by_texture, n), names)


def _weighted_sums(
    prediction: Codes, shape: Codes, texture: Codes, weights: ArrayLike | None, categories: int
) -> Floats:
    member = np.equal.outer(shape, np.arange(categories)).astype(np.float64)
    decided = [(prediction == cue)[:, None] * member for cue in (shape, texture)]
    return np.asarray(as_weights(weights, len(prediction)) @ np.hstack([*decided, member]))


def _with_pooled(sums: Floats) -> Floats:
    """The three counts, (3, ..., k + 1): of all images first, then of each category."""
    counts = np.moveaxis(sums.reshape(*sums.shape[:-1], 3, -1), -2, 0)
    return np.concatenate([counts.sum(axis=-1, keepdims=True), counts], axis=-1)


def _named(values: Floats, names: Sequence[str]) -> dict[str, Floats]:
    return {name: values[..., index] for index, name in enumerate(("all", *names))}


def _present(values: dict[str, Floats], shape: Codes, names: Sequence[str]) -> dict[str, Floats]:
    present = {"all", *(names[code] for code in np.unique(shape))}
    return {name: value for name, value in values.items() if name in present}
