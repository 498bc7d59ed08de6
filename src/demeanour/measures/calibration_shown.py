"""Calibration errors with other bins: biased upwards like the ECE, shown because they are published, never deciding.

Sources: Nixon et al. (2019), Nguyen and O'Connor (2015).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.measures.calibration import BINS, bin_of
from demeanour.measures.softmax import check_labels, shifted_rows
from demeanour.measures.weighting import Floats, as_weights, ratio


def equal_mass_bin_of(confidence: Floats, bins: int = BINS) -> NDArray[np.intp]:
    """The bin of each confidence, from 0, where all bins hold as equally many images as their number allows.

    Equal confidences share a bin, that of the first of them, so that the order of the images does not matter.

    Args:
        confidence: (n,) in [0, 1].
        bins: How many bins; fewer are filled where confidences repeat or images are fewer.
    """
    lower = np.searchsorted(np.sort(confidence), confidence, side="left")
    return lower * bins // max(1, len(confidence))


def adaptive_ece(
    confidence: Floats, correct: NDArray[np.bool_], *, weights: ArrayLike | None = None, bins: int = BINS
) -> dict[str, Floats]:
    """Expected calibration error in bins of equal mass (Nguyen and O'Connor, 2015; Nixon et al., 2019, §3).

    The bins are those of the sample without weights: a resample changes how much each bin counts, not its edges.

    Args:
        confidence: (n,) in [0, 1].
        correct: (n,) of bool.
        weights: (..., n).
        bins: How many bins of equal mass.

    Returns:
        ``all``: Σ (|B| / n) · |acc(B) − conf(B)|, a probability in [0, 1], (...).
    """
    w = as_weights(weights, len(confidence))
    member = np.equal.outer(equal_mass_bin_of(confidence, bins), np.arange(bins)).astype(np.float64)
    gaps = (w * (confidence - correct)) @ member
    return {"all": ratio(np.abs(gaps).sum(axis=-1), w.sum(axis=-1))}


def classwise_ece(
    logits: NDArray[np.floating],
    label: NDArray[np.integer],
    *,
    weights: ArrayLike | None = None,
    bins: int = BINS,
) -> dict[str, Floats]:
    """Static calibration error (Nixon et al., 2019, §3): of every class's probability, not of the largest alone.

    The mean over classes of the ECE of the class's probability against whether it is the label. With many classes
    nearly all probabilities lie in the first bin, and the value is small for any model.

    Args:
        logits: (n, classes), any floating type.
        label: (n,) of int.
        weights: (n,): of one sample.
        bins: How many bins of equal width, closed on the right.

    Returns:
        ``all``: a probability in [0, 1], ().

    Raises:
        ValueError: A logit is not finite, a label is no class index, or weights are of many samples.
    """
    check_labels(label, logits)
    w = as_weights(weights, len(label))
    if w.ndim > 1:
        raise ValueError(f"weights of shape {w.shape}: the class-wise error is of one sample only")
    classes = logits.shape[1]
    gaps = np.zeros(classes * bins)
    for rows, scores in shifted_rows(logits):
        gap = np.exp(scores)
        gap /= gap.sum(axis=1, keepdims=True)
        cell = bin_of(gap, bins) + bins * np.arange(classes)
        gap[np.arange(len(gap)), label[rows]] -= 1
        gap *= w[rows, None]
        gaps += np.bincount(cell.ravel(), weights=gap.ravel(), minlength=len(gaps))
    return {"all": ratio(np.abs(gaps).sum(), classes * w.sum())}
