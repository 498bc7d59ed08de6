"""The true labels of a data set, one row for each image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from demeanour.datasets.frame import Frame, distinct_columns, sorted_unique
from demeanour.errors import EvidenceError, NotMeasuredError


def read_labels(path: Path, data: str, classes: int) -> Frame:
    """Read a CSV with the columns ``file_name`` (or ``id``) and ``label``, a class index from 0.

    Raises:
        NotMeasuredError: The file is missing.
        EvidenceError: Columns are missing, a label is no class index, or an id stands twice.
    """
    if not path.is_file():
        raise NotMeasuredError(f"{path} is missing; it holds the labels of {data}")
    try:
        as_text = pyarrow.csv.ConvertOptions(column_types={"id": pa.string(), "file_name": pa.string()})
        table = pyarrow.csv.read_csv(path, convert_options=as_text)
    except pa.ArrowInvalid as error:
        raise EvidenceError(f"{path}: no valid CSV: {error}") from error
    distinct_columns(table, path)
    name = next((column for column in ("id", "file_name") if column in table.column_names), None)
    if name is None or "label" not in table.column_names:
        raise EvidenceError(f"{path}: expected the columns 'file_name' and 'label', found {table.column_names}")
    if len(table) == 0:
        raise EvidenceError(f"{path}: holds no rows")
    if not pa.types.is_integer(table["label"].type):
        raise EvidenceError(f"{path}: 'label' must be a class index, found {table['label'].type}")
    if table["label"].null_count:
        raise EvidenceError(f"{path}: {table['label'].null_count} rows have no label")
    labels = table["label"].to_numpy().astype(np.int64)
    if labels.min() < 0 or labels.max() >= classes:
        raise EvidenceError(f"{path}: labels must lie in 0 … {classes - 1}")
    ids = np.asarray(table[name].to_pylist(), dtype=np.str_)
    order = sorted_unique(ids, str(path))
    return Frame(data, ids[order], {"label": labels[order]}, classes)
