"""From logits to the columns of a prediction table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demeanour.errors import EvidenceError


def columns_of_logits(
    logits: NDArray[np.generic], labels: NDArray[np.generic] | None, where: str
) -> dict[str, NDArray[np.generic]]:
    """Everything that a table keeps of logits, in double precision.

    Args:
        logits: (n, classes), any floating type, natural logarithms up to a constant of each row.
        labels: True classes, (n,) of int, or None: then the columns that speak of the label are left out.
        where: The file, for messages.

    Raises:
        EvidenceError: A logit is NaN or infinite, the largest logit of a row is not unique, or a label is no
            class index.
    """
    if len(logits) == 0:
        raise EvidenceError(f"{where}: holds no rows")
    scores = logits.astype(np.float64)
    wrong = ~np.isfinite(scores).all(axis=1)
    if wrong.any():
        raise EvidenceError(f"{where}: logits are not finite in {int(wrong.sum())} rows, first row {np.argmax(wrong)}")
    if scores.shape[1] > 1 and scores.min() >= 0 and np.allclose(scores.sum(axis=1), 1, atol=1e-2):
        raise EvidenceError(f"{where}: holds probabilities (every row adds up to 1), expected logits")
    rows = np.arange(len(scores))
    first = _largest(scores, min(5, scores.shape[1]))
    best = scores[rows, first[:, 0]]
    tied = scores[rows, first[:, 1]] == best if scores.shape[1] > 1 else np.zeros(len(scores), bool)
    if tied.any():
        raise EvidenceError(
            f"{where}: two classes share the largest logit in {int(tied.sum())} rows, first row {np.argmax(tied)}; "
            "store logits in a type that tells them apart"
        )
    probabilities = np.exp(scores - best[:, None])
    total = probabilities.sum(axis=1)
    probabilities /= total[:, None]
    columns: dict[str, NDArray[np.generic]] = {
        "prediction": first[:, 0],
        "confidence": probabilities[rows, first[:, 0]],
        "sum_p2": np.minimum((probabilities**2).sum(axis=1), 1.0),
        "log_sum_exp": np.log(total) + best,
    }
    if scores.shape[1] >= 5:
        columns["top5"] = first
    if labels is not None:
        if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= scores.shape[1]:
            raise EvidenceError(f"{where}: labels must be class indices in 0 … {scores.shape[1] - 1}")
        own = scores[rows, labels.astype(np.int64)]
        columns["label"] = labels
        columns["probability_of_label"] = probabilities[rows, labels.astype(np.int64)]
        columns["rank_of_label"] = (scores >= own[:, None]).sum(axis=1)
    return columns


def _largest(scores: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """The columns of each row's largest values, largest first and of equal ones the first; (n, count).

    The maximum again and again: of a thousand classes twenty times as fast as a stable sort, which takes as long as a
    GPU needs for a picture.
    """
    left, rows = scores.copy(), np.arange(len(scores))
    found = np.empty((len(scores), count), np.intp)
    for place in range(count):
        found[:, place] = left.argmax(axis=1)
        left[rows, found[:, place]] = -np.inf
    return found
