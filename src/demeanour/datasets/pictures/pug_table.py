"""The table of PUG: ImageNet: how each picture was made."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from demeanour.datasets.frame import distinct_columns, sorted_unique
from demeanour.datasets.pictures.labelled import Annotations
from demeanour.datasets.pictures.listing import shown
from demeanour.errors import EvidenceError

TABLE = "labels_pug_imagenet.csv"
_FILE = "filename"
_CLASS = "character_label"
_CHARACTER = "character_name"   # which of a class's objects was rendered, many times
_ANNOTATIONS = (
    "world_name", _CHARACTER, "character_rotation_yaw", "character_rotation_roll", "character_rotation_pitch",
    "character_scale", "camera_roll", "camera_pitch", "camera_yaw", "character_texture", "scene_light",
)  # fmt: skip


def read_pug_table(path: Path, ids: NDArray[np.str_]) -> tuple[Annotations, tuple[str, ...]]:
    """What the table says of pictures, as codes; pictures of one object are one cluster.

    Args:
        path: ``labels_pug_imagenet.csv``.
        ids: The pictures, PART/CLASS/NAME; (n,).

    Returns:
        The columns that it has, row by row as ``ids``; and notes, where it is missing, and where it says another class
        than a picture's folder: one of both must be wrong, and which cannot be told without looking.

    Raises:
        EvidenceError: It is no such CSV, a row stands twice, or a picture has none.
    """
    if not path.is_file():
        return Annotations(), (f"{path.name} is missing: nothing is known of the pictures but part and class",)
    table = _read(path)
    files = np.asarray([name.removeprefix("./") for name in table[_FILE].to_pylist()], dtype=np.str_)
    order = sorted_unique(files, str(path))
    rows = order[np.minimum(np.searchsorted(files, ids, sorter=order), len(files) - 1)]
    unknown = ids[files[rows] != ids].tolist()
    if unknown:
        raise EvidenceError(f"{path}: no row has the `{_FILE}` {shown(unknown)}; obtain the table of these pictures")
    table = table.take(rows)
    columns: dict[str, NDArray[np.int64]] = {}
    names: dict[str, tuple[str, ...]] = {}
    for column in _ANNOTATIONS:
        if column in table.column_names:
            kinds, columns[column] = np.unique(np.asarray(table[column].to_pylist(), np.str_), return_inverse=True)
            names[column] = tuple(kinds.tolist())
    clusters = (_CHARACTER,) if _CHARACTER in columns else ()
    return Annotations(columns, clusters, names), _misplaced(ids, table)


def _read(path: Path) -> pa.Table:
    try:
        header = pyarrow.csv.open_csv(path).schema.names
        as_text = pyarrow.csv.ConvertOptions(column_types={name: pa.string() for name in header})
        table = distinct_columns(pyarrow.csv.read_csv(path, convert_options=as_text), path)
    except pa.ArrowInvalid as error:
        raise EvidenceError(f"{path}: no valid CSV: {error}") from error
    if _FILE not in table.column_names:
        raise EvidenceError(f"{path}: no column '{_FILE}'; found {', '.join(table.column_names)}")
    if not len(table):
        raise EvidenceError(f"{path}: holds no rows")
    return table


def _misplaced(ids: NDArray[np.str_], table: pa.Table) -> tuple[str, ...]:
    """Parts of which pictures lie in the folder of another class than the table says."""
    if _CLASS not in table.column_names:
        return ()
    wrong: Counter[str] = Counter()
    such: dict[str, str] = {}
    for name, told in zip(ids.tolist(), table[_CLASS].to_pylist(), strict=True):
        part, folder, _ = name.split("/")
        if folder != told:
            wrong[part] += 1
            such.setdefault(part, f"{name} is told to show '{told}'")
    return tuple(
        f"{part}: {count:,} pictures lie in the folder of another class than {TABLE} says: {such[part]}"
        for part, count in wrong.items()
    )
