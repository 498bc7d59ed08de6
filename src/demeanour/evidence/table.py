"""The prediction table: one row for each image, what one model said of it. The interchange of evidence.

As a Parquet or CSV file it has the columns below; ``id`` and ``prediction`` are required, the others are what
some measures need. Where a table lacks one, those measures are *not measured*; nothing is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.frame import sorted_unique
from demeanour.errors import EvidenceError

SCHEMA = 1
NO_ANSWER = -1


@dataclass(frozen=True)
class Column:
    """One column of a prediction table: its type, the range of its values, its meaning.

    ``upper`` of None means no upper bound; ``classes`` puts values in 0 … classes − 1.
    """

    dtype: type[np.generic]
    meaning: str
    lower: float | None = None
    upper: float | None = None
    classes: bool = False
    width: int | None = None


COLUMNS = {
    "prediction": Column(np.int64, "index of the class with the largest probability; −1: gave no answer", classes=True),
    "label": Column(np.int64, "index of the true class", classes=True),
    "confidence": Column(np.float64, "largest probability", 0, 1),
    "probability_of_label": Column(np.float64, "probability of the true class", 0, 1),
    "rank_of_label": Column(np.int64, "how many classes are at least as probable as the true one, itself included", 1),
    "sum_p2": Column(np.float64, "sum of the squared probabilities", 0, 1),
    "log_sum_exp": Column(np.float64, "log of the sum of the exponentials of the logits"),
    "top5": Column(np.int64, "the five most probable classes, best first", classes=True, width=5),
}


@dataclass(frozen=True)
class PredictionTable:
    """What one model said of the images of one data set.

    Attributes:
        ids: Image ids, unique, in ascending order; (n,) of str.
        columns: Some of ``COLUMNS``, each with n rows (``top5``: (n, 5)); ``prediction`` always.
    """

    ids: NDArray[np.str_]
    columns: dict[str, NDArray[np.generic]]

    def __len__(self) -> int:
        return len(self.ids)


def prediction_table(
    ids: NDArray[np.str_],
    columns: dict[str, NDArray[np.generic]],
    classes: int,
    where: str,
    no_answer: bool = False,
) -> PredictionTable:
    """Check and sort what a reader found.

    Args:
        ids: Image ids in the file's order; (n,).
        columns: Columns by name, in the same order.
        classes: How many classes the data set has.
        where: The file, for messages.
        no_answer: Whether a prediction may be −1, as where people did not respond.

    Raises:
        EvidenceError: No rows, duplicate ids, an unknown or missing column, values that are no numbers, not finite
            or out of range (classes, probabilities).
    """
    if len(ids) == 0:
        raise EvidenceError(f"{where}: holds no rows")
    if "prediction" not in columns:
        raise EvidenceError(f"{where}: no column 'prediction'; found {', '.join(columns) or 'none'}")
    order = sorted_unique(ids, where)
    checked = {}
    for name, values in columns.items():
        if name not in COLUMNS:
            raise EvidenceError(f"{where}: '{name}' is no column of a prediction table; known: {', '.join(COLUMNS)}")
        checked[name] = _checked(name, values, ids, classes, where, no_answer)[order]
    return PredictionTable(ids[order], checked)


def answers_of(table: PredictionTable) -> PredictionTable:
    """The answers alone: where a label space maps them, what else follows from its scores is no probability."""
    kept = {name: values for name, values in table.columns.items() if name in ("prediction", "label")}
    return PredictionTable(table.ids, kept)


def _checked(
    name: str, values: NDArray[np.generic], ids: NDArray[np.str_], classes: int, where: str, no_answer: bool
) -> NDArray[np.generic]:
    column = COLUMNS[name]
    shape = (len(ids),) if column.width is None else (len(ids), column.width)
    if values.shape != shape:
        raise EvidenceError(f"{where}: '{name}' has the shape {values.shape}, expected {shape}")
    if values.dtype.kind not in ("iu" if column.dtype is np.int64 else "iuf"):
        raise EvidenceError(f"{where}: '{name}' holds {values.dtype}, expected {np.dtype(column.dtype).name}")
    typed = values.astype(column.dtype)
    lower, upper = column.lower, column.upper
    if column.classes:
        lower, upper = (NO_ANSWER if no_answer and name == "prediction" else 0), classes - 1
    wrong = ~np.isfinite(typed)
    if wrong.any():
        raise EvidenceError(f"{where}: '{name}' is not finite {_at(wrong, typed, ids)}")
    if lower is not None:
        wrong |= typed < lower
    if upper is not None:
        wrong |= typed > upper
    if wrong.any():
        limits = f"{lower:g} … {upper:g}" if upper is not None else f"{lower:g} upwards"
        raise EvidenceError(f"{where}: '{name}' out of range {limits} {_at(wrong, typed, ids)}")
    return typed


def _at(wrong: NDArray[np.bool_], values: NDArray[np.generic], ids: NDArray[np.str_]) -> str:
    rows = wrong.reshape(len(ids), -1).any(axis=1)
    first = int(np.argmax(rows))
    return f"in {int(rows.sum())} rows, such as '{ids[first]}': {values[first]}"
