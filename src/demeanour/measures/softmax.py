"""Logits in double precision, a few rows at a time: what 50,000 × 1,000 half-precision numbers need to stay small."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from demeanour.measures.weighting import Floats

CHUNK = 2**20   # numbers at a time: 8 MiB in double precision


def shifted_rows(logits: NDArray[np.floating]) -> Iterator[tuple[slice, Floats]]:
    """Runs of rows, each row less its largest logit: the exponential of what comes out never overflows.

    Args:
        logits: (n, classes), any floating type.

    Raises:
        ValueError: A logit is NaN or infinite.
    """
    step = max(1, CHUNK // logits.shape[1])
    for start in range(0, len(logits), step):
        rows = slice(start, start + step)
        scores = logits[rows].astype(np.float64)
        if not np.isfinite(scores).all():
            raise ValueError("logits must be finite")
        scores -= scores.max(axis=1, keepdims=True)
        yield rows, scores


def check_labels(label: NDArray[np.integer], logits: NDArray[np.floating]) -> None:
    """Make sure that every row of logits has a label and every label a column.

    Raises:
        ValueError: The numbers of rows differ, or a label is no class index.
    """
    if len(label) != len(logits):
        raise ValueError(f"{len(label)} labels for {len(logits)} rows of logits")
    if len(label) and (label.min() < 0 or label.max() >= logits.shape[1]):
        raise ValueError(f"labels must be class indices in 0 … {logits.shape[1] - 1}")
