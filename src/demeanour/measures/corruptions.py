"""Corrupted images (ImageNet-C; Hendrycks and Dietterich, 2019, §3-4)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.measures.weighting import Floats, as_weights, ratio
from demeanour.vocabulary import CORRUPTIONS

SEVERITIES = 5
ALEXNET_ERROR = {
    "gaussian_noise": 0.886, "shot_noise": 0.894, "impulse_noise": 0.923, "defocus_blur": 0.820, "glass_blur": 0.826,
    "motion_blur": 0.786, "zoom_blur": 0.798, "snow": 0.867, "frost": 0.827, "fog": 0.819, "brightness": 0.565,
    "contrast": 0.853, "elastic_transform": 0.646, "pixelate": 0.718, "jpeg_compression": 0.607,
}  # fmt: skip
ALEXNET_CLEAN_ERROR = 0.4348
_ALEXNET = np.array([ALEXNET_ERROR[name] for name in CORRUPTIONS])

Codes = NDArray[np.integer]


def _cell_sums(w: Floats, corruption: Codes, severity: Codes, columns: Floats) -> Floats:
    """Weighted sums of columns (n, k) over the images of each corruption and severity: (..., 15, 5, k)."""
    known = (corruption >= 0) & (corruption < len(CORRUPTIONS)) & (severity >= 1) & (severity <= SEVERITIES)
    if not known.all():
        raise ValueError(f"corruptions must lie in 0 … {len(CORRUPTIONS) - 1}, severities in 1 … {SEVERITIES}")
    cells = len(CORRUPTIONS) * SEVERITIES
    cell = corruption.astype(np.intp) * SEVERITIES + severity - 1
    order = np.argsort(cell, kind="stable")
    ends = np.searchsorted(cell[order], np.arange(cells + 1))
    sums = [w[..., order[start:end]] @ columns[order[start:end]] for start, end in pairwise(ends)]
    return np.stack(sums, axis=-2).reshape(*w.shape[:-1], len(CORRUPTIONS), SEVERITIES, columns.shape[1])


def _accuracy(correct: NDArray[np.bool_], corruption: Codes, severity: Codes, weights: ArrayLike | None) -> Floats:
    """Top-1 accuracy of each corruption and severity, NaN where there is no image: (..., 15, 5)."""
    w = as_weights(weights, len(correct))
    columns = np.stack([correct, np.ones(len(correct))], axis=1)
    sums = _cell_sums(w, corruption, severity, columns)
    return ratio(sums[..., 0], sums[..., 1])


def _named(values: Floats) -> dict[str, Floats]:
    return {"all": values.mean(axis=-1), **{name: values[..., i] for i, name in enumerate(CORRUPTIONS)}}


def corruption_accuracy(
    correct: NDArray[np.bool_], corruption: Codes, severity: Codes, *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Top-1 accuracy, every corruption and every severity counting the same however many images it has.

    Args:
        correct: (n,) of bool.
        corruption: Position in ``CORRUPTIONS``, (n,) of int.
        severity: 1 … 5, (n,) of int.
        weights: (..., n).

    Returns:
        Each corruption (mean over severities), ``severity-1`` … ``severity-5`` (mean over corruptions) and ``all``,
        the mean over both: fractions in [0, 1], NaN where a corruption lacks a severity; (...).

    Raises:
        ValueError: A corruption or severity is out of range.
    """
    accuracy = _accuracy(correct, corruption, severity, weights)
    by_severity = accuracy.mean(axis=-2)
    return {
        **_named(accuracy.mean(axis=-1)),
        **{f"severity-{level + 1}": by_severity[..., level] for level in range(SEVERITIES)},
    }


def mce(
    correct: NDArray[np.bool_], corruption: Codes, severity: Codes, *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Corruption error: the mean error over severities over AlexNet's (§4.1), published in per cent.

    Args:
        correct: (n,) of bool.
        corruption: Position in ``CORRUPTIONS``, (n,) of int.
        severity: 1 … 5, (n,) of int.
        weights: (..., n).

    Returns:
        Each corruption's CE and ``all``, their mean, the mCE: ratios ≥ 0 (1: as bad as AlexNet), NaN where a
        corruption lacks a severity; (...).

    Raises:
        ValueError: A corruption or severity is out of range.
    """
    error = 1 - _accuracy(correct, corruption, severity, weights).mean(axis=-1)
    return _named(error / _ALEXNET)


def relative_mce(
    correct: NDArray[np.bool_],
    corruption: Codes,
    severity: Codes,
    clean_correct: NDArray[np.bool_],
    *,
    weights: ArrayLike | None = None,
) -> dict[str, Floats]:
    """Relative corruption error: how much corruption adds to the error, over what it adds to AlexNet's (§4.1).

    Args:
        correct: (n,) of bool.
        corruption: Position in ``CORRUPTIONS``, (n,) of int.
        severity: 1 … 5, (n,) of int.
        clean_correct: Whether the model is right on the image that was corrupted, (n,) of bool.
        weights: (..., n).

    Returns:
        Each corruption's relative CE and ``all``, their mean: ratios (1: degrades like AlexNet; below 0: better on
        corrupted images), NaN where a corruption lacks a severity; (...).

    Raises:
        ValueError: A corruption or severity is out of range.
    """
    w = as_weights(weights, len(correct))
    columns = np.stack([correct, clean_correct, np.ones(len(correct))], axis=1)
    sums = _cell_sums(w, corruption, severity, columns)
    accuracy = ratio(sums[..., 0], sums[..., 2]).mean(axis=-1)
    clean = sums[..., 1:].sum(axis=-2)
    return _named((ratio(clean[..., 0], clean[..., 1]) - accuracy) / (_ALEXNET - ALEXNET_CLEAN_ERROR))
