"""Does confidence match accuracy?

Sources: Guo et al. (2017), Kumar et al. (2019), Vishniakov et al. (2024, §3.3).

Confidence is the largest probability. Bins are equally wide and closed on the right: (0, 1/15], …, (14/15, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.measures.weighting import Floats, as_weights, ratio

BINS = 15
BIN_NAMES = tuple(f"bin-{number:02d}" for number in range(1, BINS + 1))
SHOWN_SHARE = 0.01   # a bin with less than this share of the images is too thin to be judged


def bin_of(confidence: Floats, bins: int = BINS) -> NDArray[np.intp]:
    """The bin of each confidence, from 0; a confidence of 0 counts with the first bin.

    Args:
        confidence: (n,) in [0, 1].
        bins: How many bins.
    """
    edges = np.linspace(0, 1, bins + 1)
    near = np.clip(np.ceil(confidence * bins).astype(np.intp) - 1, 0, bins - 1)   # but for rounding at the edges
    near -= (confidence <= edges[near]) & (near > 0)
    near += (confidence > edges[near + 1]) & (near < bins - 1)
    return near


def _membership(confidence: Floats, bins: int) -> Floats:
    return np.equal.outer(bin_of(confidence, bins), np.arange(bins)).astype(np.float64)


def ece(
    confidence: Floats, correct: NDArray[np.bool_], *, weights: ArrayLike | None = None, bins: int = BINS
) -> dict[str, Floats]:
    """Expected calibration error (Guo et al., 2017, eq. 3; Vishniakov et al., 2024, eq. 1).

    Biased upwards: a perfectly calibrated model shows about 0.004 on 50,000 images and 0.02 on 2,000. It is shown
    because it is what is published, and never decides.

    Args:
        confidence: (n,) in [0, 1].
        correct: (n,) of bool.
        weights: (..., n).
        bins: How many bins of equal width.

    Returns:
        ``all``: Σ (|B| / n) · |acc(B) − conf(B)|, a probability in [0, 1], (...).
    """
    return ece_of_sums(_weighted_sums(confidence, correct, weights, bins))


def ece_of_sums(sums: Floats) -> dict[str, Floats]:
    """ECE from what ``gap_sums`` counts; (..., 3 · bins) → (...)."""
    n, total, _ = np.moveaxis(_by_bin(sums), -2, 0)
    return {"all": ratio(np.abs(total).sum(axis=-1), n.sum(axis=-1))}


def calibration_error(
    confidence: Floats, correct: NDArray[np.bool_], *, weights: ArrayLike | None = None, bins: int = BINS
) -> dict[str, Floats]:
    """Debiased squared calibration error: the squared gap of each bin without what chance adds to it.

    Of all pairs of different images in a bin, the mean product of their gaps (confidence − correct) is an unbiased
    estimate of the bin's squared gap; compare the debiased estimator of Kumar et al. (2019, §4.1), whose correction
    takes confidence for constant within a bin. May be slightly negative for a calibrated model.

    Args:
        confidence: (n,) in [0, 1].
        correct: (n,) of bool.
        weights: (..., n), whole numbers: how often each image counts.
        bins: How many bins of equal width. A bin with fewer than two images adds nothing.

    Returns:
        ``all``: Σ (|B| / n) · gap(B)², a squared probability, (...).
    """
    return debiased_of_sums(_weighted_sums(confidence, correct, weights, bins))


def debiased_of_sums(sums: Floats) -> dict[str, Floats]:
    """Debiased squared calibration error from what ``gap_sums`` counts; (..., 3 · bins) → (...)."""
    n, total, squares = np.moveaxis(_by_bin(sums), -2, 0)
    pairs = np.where(n > 1, total**2 - squares, 0.0) / np.where(n > 1, n - 1, 1.0)
    return {"all": ratio(pairs.sum(axis=-1), n.sum(axis=-1))}


def gap_sums(
    confidence: Floats, correct: NDArray[np.bool_], part: NDArray[np.integer], parts: int, bins: int = BINS
) -> Floats:
    """Of each bin and each part of the images: how many, the sum of their gaps, and the sum of the squared gaps.

    Args:
        confidence: (n,) in [0, 1].
        correct: (n,) of bool.
        part: The part of every image, (n,) of int in 0 … parts − 1.
        parts: How many parts there are.
        bins: How many bins of equal width.

    Returns:
        (parts, 3 · bins).
    """
    gap = confidence - correct
    cell = part * bins + bin_of(confidence, bins)
    sums = [np.bincount(cell, weights, parts * bins).reshape(parts, bins) for weights in (None, gap, gap**2)]
    return np.concatenate(sums, axis=1).astype(np.float64)


def _weighted_sums(
    confidence: Floats, correct: NDArray[np.bool_], weights: ArrayLike | None, bins: int
) -> Floats:
    """What ``gap_sums`` counts, over all images with their weights; (..., 3 · bins)."""
    if weights is None:
        return np.asarray(gap_sums(confidence, correct, np.zeros(len(confidence), np.intp), 1, bins).sum(axis=0))
    member, gap = _membership(confidence, bins), (confidence - correct)[:, None]
    return np.asarray(as_weights(weights, len(confidence)) @ np.hstack([member, gap * member, gap**2 * member]))


def _by_bin(sums: Floats) -> Floats:
    return sums.reshape(*sums.shape[:-1], 3, -1)


def signed_gap(
    confidence: Floats, correct: NDArray[np.bool_], *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Mean confidence − accuracy: above 0 the model is overconfident, below 0 underconfident.

    Args:
        confidence: (n,) in [0, 1].
        correct: (n,) of bool.
        weights: (..., n).

    Returns:
        ``all``: in [−1, 1], (...).
    """
    w = as_weights(weights, len(confidence))
    return {"all": ratio(w @ (confidence - correct), w.sum(axis=-1))}


def bin_gap(
    confidence: Floats, correct: NDArray[np.bool_], *, weights: ArrayLike | None = None, bins: int = BINS
) -> dict[str, Floats]:
    """Confidence − accuracy within each bin that holds at least 1 % of the images: bars below the diagonal are > 0.

    Args:
        confidence: (n,) in [0, 1].
        correct: (n,) of bool.
        weights: (..., n).
        bins: How many bins of equal width.

    Returns:
        ``bin-01`` … ``bin-15`` as far as they hold enough images: in [−1, 1], (...).
    """
    w = as_weights(weights, len(confidence))
    member = _membership(confidence, bins)
    gaps = ratio(w @ ((confidence - correct)[:, None] * member), w @ member)
    shown = np.flatnonzero(member.sum(axis=0) >= max(1.0, SHOWN_SHARE * len(confidence)))
    return {f"bin-{index + 1:02d}": gaps[..., index] for index in shown}


def confidence_histogram(
    confidence: Floats, *, weights: ArrayLike | None = None, bins: int = BINS
) -> dict[str, Floats]:
    """The share of images in each confidence bin.

    Args:
        confidence: (n,) in [0, 1].
        weights: (..., n).
        bins: How many bins of equal width.

    Returns:
        ``bin-01`` … ``bin-15``: fractions that add up to 1, (...).
    """
    w = as_weights(weights, len(confidence))
    share = ratio(w @ _membership(confidence, bins), w.sum(axis=-1)[..., None])
    return {f"bin-{index + 1:02d}": share[..., index] for index in range(bins)}


def low_confidence(confidence: Floats, *, weights: ArrayLike | None = None) -> dict[str, Floats]:
    """The share of images whose confidence is at most 0.2: the mass of the three lowest of 15 bins.

    Args:
        confidence: (n,) in [0, 1].
        weights: (..., n).

    Returns:
        ``all``: fraction in [0, 1], (...).
    """
    w = as_weights(weights, len(confidence))
    return {"all": ratio(w @ (confidence <= 0.2).astype(np.float64), w.sum(axis=-1))}


@dataclass(frozen=True)
class ReliabilityCurve:
    """What a reliability diagram shows, one entry for each bin; NaN where a bin is empty.

    Attributes:
        edges: Bin edges, (bins + 1,).
        confidence: Mean confidence, (bins,).
        accuracy: Share of correct predictions, (bins,).
        share: Share of the images, (bins,).
    """

    edges: Floats
    confidence: Floats
    accuracy: Floats
    share: Floats


def reliability_curve(
    confidence: Floats, correct: NDArray[np.bool_], *, weights: ArrayLike | None = None, bins: int = BINS
) -> ReliabilityCurve:
    """Mean confidence and accuracy of each bin, and the confidence histogram.

    Args:
        confidence: (n,) in [0, 1].
        correct: (n,) of bool.
        weights: (n,).
        bins: How many bins of equal width.
    """
    w = as_weights(weights, len(confidence))
    member = _membership(confidence, bins)
    n = w @ member
    return ReliabilityCurve(
        np.linspace(0, 1, bins + 1),
        ratio((w * confidence) @ member, n),
        ratio((w * correct) @ member, n),
        ratio(n, w.sum()),
    )
