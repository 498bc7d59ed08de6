"""What changes from one model's answers to another's: flips, and how much of two models' answers agrees.

Two models of one accuracy may be right on different images: what was right and is wrong is felt by whoever relied on
it, whatever is gained elsewhere (negative flips: Yan et al., 2021).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.measures.weighting import Floats, as_weights, ratio


def negative_flips(was_right: NDArray[np.bool_], is_right: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The images that the first model gets right and the second wrong; (n,)."""
    return was_right & ~is_right


def positive_flips(was_right: NDArray[np.bool_], is_right: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The images that the first model gets wrong and the second right; (n,)."""
    return ~was_right & is_right


def flip_rates(
    was_right: NDArray[np.bool_], is_right: NDArray[np.bool_], *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Shares of all images that flip (Yan et al., 2021, eq. 1); their difference is that of the two accuracies.

    Args:
        was_right: Whether the first model is right, (n,) of bool.
        is_right: Whether the second is, on the same images; (n,) of bool.
        weights: (..., n).

    Returns:
        ``negative`` (right before, wrong now) and ``positive`` (the other way round): fractions in [0, 1], NaN without
        images; (...).
    """
    w = as_weights(weights, len(was_right))
    total = w.sum(axis=-1)
    flips = {"negative": negative_flips(was_right, is_right), "positive": positive_flips(was_right, is_right)}
    return {name: ratio(w @ flipped.astype(np.float64), total) for name, flipped in flips.items()}


def answer_agreement(
    prediction: NDArray[np.integer], other: NDArray[np.integer], *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """The share of images to which both models give the same answer, right or wrong.

    Args:
        prediction: Of the first model, (n,) of int; −1, no answer, agrees with −1.
        other: Of the second, on the same images; (n,) of int.
        weights: (..., n).

    Returns:
        ``all``: fraction in [0, 1], NaN without images; (...).
    """
    w = as_weights(weights, len(prediction))
    return {"all": ratio(w @ (prediction == other).astype(np.float64), w.sum(axis=-1))}


def answer_kappa(
    prediction: NDArray[np.integer], other: NDArray[np.integer], *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Cohen's κ of two models' answers: agreement beyond what their classes' frequencies bring (Cohen, 1960).

    κ = 1 − (1 − p_obs) / (1 − p_exp), where p_exp is the sum over classes of the product of the shares with which the
    two give that answer.

    Args:
        prediction: Of the first model, (n,) of int.
        other: Of the second, on the same images; (n,) of int.
        weights: (..., n).

    Returns:
        ``all``: in [−1, 1]; NaN where both give one and the same answer to every image; (...).
    """
    w = as_weights(weights, len(prediction))
    classes, codes = np.unique(np.concatenate([prediction, other]), return_inverse=True)
    first, second = (_by_class(w, part, len(classes)) for part in np.split(codes, 2))
    disagreeing, total = w @ (prediction != other).astype(np.float64), w.sum(axis=-1)
    return {"all": 1 - ratio(disagreeing * total, np.asarray(total**2 - (first * second).sum(axis=-1)))}


def _by_class(w: Floats, codes: NDArray[np.integer], classes: int) -> Floats:
    """How often each class is the answer; (..., classes)."""
    samples = w.reshape(-1, w.shape[-1])
    counts = [np.bincount(codes, weights=sample, minlength=classes) for sample in samples]
    return np.asarray(counts, dtype=np.float64).reshape(*w.shape[:-1], classes)
