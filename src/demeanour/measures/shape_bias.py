"""Shape or texture? Sources: Geirhos et al. (2018), Vishniakov et al. (2024, §3.4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.measures.weighting import Floats, as_weights, ratio
from demeanour.vocabulary import CATEGORIES

Codes = NDArray[np.integer]


def _groups(shape: Codes) -> tuple[list[str], Floats]:
    """The names of the groups that have images, and who belongs to each: (n, groups)."""
    present = [code for code in range(len(CATEGORIES)) if (shape == code).any()]
    member = np.column_stack([np.ones(len(shape)), np.equal.outer(shape, present)])
    return ["all", *(CATEGORIES[code] for code in present)], member.astype(np.float64)


def shape_bias(
    prediction: Codes, shape: Codes, texture: Codes, *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Shape decisions over shape and texture decisions; other decisions do not count.

    Args:
        prediction: Decided category, (n,) of int; −1 for no answer.
        shape: Category of the shape, (n,) of int.
        texture: Category of the texture, different from the shape's, (n,) of int.
        weights: (..., n).

    Returns:
        ``all``, pooled over the images, and each shape category: fraction in [0, 1], NaN without any such
        decision; (...).
    """
    w = as_weights(weights, len(prediction))
    names, member = _groups(shape)
    by_shape = w @ (member * (prediction == shape)[:, None])
    by_texture = w @ (member * (prediction == texture)[:, None])
    values = ratio(by_shape, by_shape + by_texture)
    return {name: values[..., index] for index, name in enumerate(names)}


def cue_coverage(
    prediction: Codes, shape: Codes, texture: Codes, *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """The share of images that were decided by shape or by texture: how much a shape bias speaks of.

    Args:
        prediction: Decided category, (n,) of int; −1 for no answer.
        shape: Category of the shape, (n,) of int.
        texture: Category of the texture, (n,) of int.
        weights: (..., n).

    Returns:
        ``all`` and each shape category: fraction in [0, 1], (...).
    """
    w = as_weights(weights, len(prediction))
    names, member = _groups(shape)
    decided = (prediction == shape) | (prediction == texture)
    values = ratio(w @ (member * decided[:, None]), w @ member)
    return {name: values[..., index] for index, name in enumerate(names)}
