"""Readers of per-image predictions as others publish them: six formats, one prediction table."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from demeanour.datasets.frame import distinct_columns
from demeanour.datasets.json_file import read_json
from demeanour.datasets.label_space import LabelSpace
from demeanour.errors import EvidenceError, NotMeasuredError, did_you_mean
from demeanour.evidence.logits import columns_of_logits
from demeanour.evidence.table import COLUMNS, NO_ANSWER
from demeanour.vocabulary import CATEGORIES

Columns = dict[str, NDArray[np.generic]]
# truncated, damaged, pickled, or another kind of file under the name
_UNREADABLE = (ValueError, OSError, EOFError, TypeError, AttributeError, zipfile.BadZipFile)


@dataclass(frozen=True)
class Order:
    """Whose rows stand for which images, for files without ids.

    Attributes:
        ids: The JSON file with the images in the order of the rows, or None.
        name: The name of the order that the rows of several tables share, or None.
    """

    ids: Path | None = None
    name: str | None = None


@dataclass(frozen=True)
class Format:
    """One way in which predictions lie on disk.

    Attributes:
        name: How a card names it.
        version: Changes whenever the same file would give another table; part of the evidence's key.
        header: The columns that tell a CSV of this format, or none for binary files.
        read: From the file, the order of its rows and the number of classes: ids and columns. The reader of logits
            also takes the label space that they are to be put into.
    """

    name: str
    version: int
    header: tuple[str, ...]
    read: Callable[..., tuple[NDArray[np.str_], Columns]]


def find_format(path: Path, name: str | None) -> Format:
    """The format of a file: as its card says, else as its ending and header tell.

    Raises:
        NotMeasuredError: The file is missing.
        EvidenceError: The format is unknown or cannot be told.
    """
    if not path.is_file():
        raise NotMeasuredError(f"{path} is missing")
    if name is not None:
        if name not in FORMATS:
            raise EvidenceError(f"{path}: no format '{name}'; {did_you_mean(name, FORMATS)}")
        return FORMATS[name]
    if path.suffix == ".parquet":
        return FORMATS["table"]
    if path.suffix == ".npz":
        return FORMATS["logits"]
    if path.suffix == ".npy":
        integers = np.issubdtype(_load_array(path, memory_map=True).dtype, np.integer)
        return FORMATS["top5" if integers else "logits"]
    if path.suffix == ".csv":
        header = _header(path)
        for known in FORMATS.values():
            if known.header and set(known.header) <= set(header):
                return known
        expected = "; ".join(f"{f.name}: {', '.join(f.header)}" for f in FORMATS.values() if f.header)
        raise EvidenceError(f"{path}: the columns {', '.join(header)} are of no known format; known are {expected}")
    raise EvidenceError(f"{path}: '{path.suffix}' tells no format; known: {', '.join(FORMATS)}")


def _read_table(path: Path, _order: Order, _classes: int) -> tuple[NDArray[np.str_], Columns]:
    if path.suffix == ".parquet":
        try:
            table = distinct_columns(pa.parquet.read_table(path), path)
        except (pa.ArrowException, OSError) as error:
            raise EvidenceError(f"{path}: no valid Parquet file: {error}") from error
    else:
        table = _read_csv(path)
    unknown = [name for name in table.column_names if name not in ("id", *COLUMNS)]
    if unknown:
        raise EvidenceError(f"{path}: unknown column '{unknown[0]}'; {did_you_mean(unknown[0], ('id', *COLUMNS))}")
    columns = {name: _column(table, name, path) for name in table.column_names if name != "id"}
    return _ids(table, "id", path), columns


def _read_imagenet_x(path: Path, _order: Order, _classes: int) -> tuple[NDArray[np.str_], Columns]:
    table = _read_csv(path)
    columns = {
        "prediction": _column(table, "predicted_class", path),
        "confidence": _column(table, "predicted_probability", path),
    }
    return _ids(table, "file_name", path), columns


def _read_responses(path: Path, _order: Order, _classes: int) -> tuple[NDArray[np.str_], Columns]:
    table = _read_csv(path)
    code = {**{name: index for index, name in enumerate(CATEGORIES)}, "na": NO_ANSWER}
    answers = _present(table, "object_response", path).to_pylist()
    unknown = sorted({str(answer) for answer in answers if answer not in code})
    if unknown:
        hint = did_you_mean(unknown[0], code)
        raise EvidenceError(f"{path}: the response '{unknown[0]}' is none of the 16 categories; {hint}")
    # people's trials carry a prefix: 0001_s5n_s01_0_bird_00_bird3-bird2.png
    names = [str(name).rsplit("_", 1)[-1] for name in _present(table, "imagename", path).to_pylist()]
    ids = np.asarray(names, dtype=np.str_)
    return ids, {"prediction": np.asarray([code[answer] for answer in answers])}


def _read_quartet(path: Path, order: Order, _classes: int) -> tuple[NDArray[np.str_], Columns]:
    table = _read_csv(path)
    columns = {
        "prediction": _column(table, "predictions", path),
        "label": _column(table, "true_label", path),
        "confidence": _column(table, "probabilities", path),
    }
    return _row_ids(path, order, len(table)), columns


def _read_logits(
    path: Path, order: Order, classes: int, space: LabelSpace | None = None
) -> tuple[NDArray[np.str_], Columns]:
    ids, logits, labels = load_logits(path, order, classes, space)
    return ids, columns_of_logits(logits, labels, str(path))


def load_logits(
    path: Path, order: Order, classes: int, space: LabelSpace | None = None
) -> tuple[NDArray[np.str_], NDArray[np.floating], NDArray[np.generic] | None]:
    """Ids, logits (n, classes) and labels, if there are any, of a file of logits.

    Args:
        path: ``.npz``, or ``.npy`` with its labels beside it.
        order: Whose rows stand for which images, where the file has no ids.
        classes: How many classes the data set has.
        space: How the model's classes become the data set's, where they are others.

    Raises:
        EvidenceError: Another shape or type, or the file cannot be read.
    """
    if path.suffix == ".npz":
        arrays = _load_archive(path)
        logits, labels, found = arrays["logits"], arrays.get("labels"), arrays.get("ids")
    else:
        logits = _load_array(path)
        beside = path.with_name(f"{path.stem}.labels.npy")
        labels, found = (_load_array(beside) if beside.is_file() else None), None
    if not np.issubdtype(logits.dtype, np.floating):
        raise EvidenceError(f"{path}: logits hold {logits.dtype}, expected floating point numbers")
    scores = cast("NDArray[np.floating]", logits)
    if scores.ndim == 2 and space is not None:
        scores, classes = space.apply(scores), space.columns
    if scores.ndim != 2 or scores.shape[1] != classes:
        raise EvidenceError(f"{path}: logits of shape {scores.shape}, expected (images, {classes})")
    if found is not None and found.dtype.kind != "U":
        raise EvidenceError(f"{path}: 'ids' hold {found.dtype}, expected text (numpy's <U type)")
    ids = _row_ids(path, order, len(logits)) if found is None else found.astype(np.str_)
    for what, array in (("ids", ids), ("labels", labels)):
        if array is not None and array.shape != (len(logits),):
            raise EvidenceError(f"{path}: {len(logits)} rows of logits, but {what} of shape {array.shape}")
    return ids, scores, labels


def _read_top5(path: Path, order: Order, _classes: int) -> tuple[NDArray[np.str_], Columns]:
    top5 = _load_array(path)
    if top5.ndim != 2 or top5.shape[1] != 5:
        raise EvidenceError(f"{path}: shape {top5.shape}, expected (images, 5)")
    return _row_ids(path, order, len(top5)), {"prediction": top5[:, 0], "top5": top5}


FORMATS = {
    known.name: known
    for known in (
        Format("imagenet-x", 1, ("file_name", "predicted_class", "predicted_probability"), _read_imagenet_x),
        Format("responses", 1, ("object_response", "category", "imagename"), _read_responses),
        Format("quartet", 1, ("predictions", "true_label", "probabilities"), _read_quartet),
        Format("table", 1, ("id", "prediction"), _read_table),
        Format("logits", 1, (), _read_logits),
        Format("top5", 1, (), _read_top5),
    )
}  # fmt: skip


def _row_ids(path: Path, order: Order, rows: int) -> NDArray[np.str_]:
    """Ids for rows that have none: from the card's JSON file, or from the name of a shared order."""
    if order.ids is not None:
        ids = _ordered_ids(order.ids)
        if len(ids) != rows:
            raise EvidenceError(f"{path}: {rows} rows, but {order.ids} orders {len(ids)} images")
        return ids
    if order.name is not None:
        return np.asarray([f"{order.name}:{row:08d}" for row in range(rows)], dtype=np.str_)
    raise EvidenceError(
        f"{path}: its rows have no ids; the card must name the file that orders them (ids: order.json), "
        "or say `ids: row-order` with the name of the order that its tables share (order: NAME)"
    )


def _ordered_ids(path: Path) -> NDArray[np.str_]:
    """Image names in a JSON list, or ImageNetV2's ``image_filenames`` (pairs of name and synset)."""
    content = read_json(path, "orders the rows of a table")
    if isinstance(content, dict):
        content = content.get("image_filenames")
    items = content if isinstance(content, list) else []
    names = [item[0] if isinstance(item, list) and item else item for item in items]
    if not names or not all(isinstance(name, str) for name in names):
        raise EvidenceError(f"{path}: expected a list of image names, or 'image_filenames' with them")
    return np.asarray(names, dtype=np.str_)


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        line = file.readline().strip()
    if not line:
        raise EvidenceError(f"{path}: is empty; the first line must name the columns")
    return [name.strip().strip('"') for name in line.split(",")]


def _read_csv(path: Path) -> pa.Table:
    text = {name: pa.string() for name in ("id", "file_name", "imagename", "object_response")}
    convert = pyarrow.csv.ConvertOptions(column_types=text, null_values=[""])
    parse = pyarrow.csv.ParseOptions(ignore_empty_lines=True)
    try:
        table = pyarrow.csv.read_csv(path, convert_options=convert, parse_options=parse)
    except pa.ArrowInvalid as error:
        raise EvidenceError(f"{path}: no valid CSV: {error}") from error
    if len(table) == 0:
        raise EvidenceError(f"{path}: holds no rows")
    return distinct_columns(table, path)


def _column(table: pa.Table, name: str, path: Path) -> NDArray[np.generic]:
    column = _present(table, name, path)
    if column.null_count:
        raise EvidenceError(f"{path}: '{name}' is empty in {column.null_count} rows")
    if pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type):
        lengths = {len(item) for item in column.to_pylist()}
        if name not in COLUMNS or COLUMNS[name].width is None:
            raise EvidenceError(f"{path}: '{name}' holds lists, expected one number in every row")
        if lengths != {COLUMNS[name].width}:
            raise EvidenceError(f"{path}: '{name}' must hold {COLUMNS[name].width} values in every row")
        return np.asarray(column.to_pylist())
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise EvidenceError(f"{path}: '{name}' holds {column.type}, expected numbers")
    return np.asarray(column.to_numpy())


def _ids(table: pa.Table, name: str, path: Path) -> NDArray[np.str_]:
    column = _present(table, name, path)
    if not any(is_kind(column.type) for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer)):
        raise EvidenceError(f"{path}: '{name}' holds {column.type}, expected text")
    if column.null_count:
        raise EvidenceError(f"{path}: {column.null_count} rows have no id")
    return np.asarray(column.cast(pa.string()).to_pylist(), dtype=np.str_)


def _present(table: pa.Table, name: str, path: Path) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise EvidenceError(f"{path}: no column '{name}'; found {', '.join(table.column_names)}")
    return table[name]


def _load_array(path: Path, memory_map: bool = False) -> NDArray[np.generic]:
    try:
        return np.asarray(np.load(path, allow_pickle=False, mmap_mode="r" if memory_map else None))
    except _UNREADABLE as error:
        raise EvidenceError(f"{path}: no readable array: {error}") from error


def _load_archive(path: Path) -> Columns:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name]) for name in archive.files}
    except _UNREADABLE as error:
        raise EvidenceError(f"{path}: no readable .npz archive of arrays: {error}") from error
    if "logits" not in arrays:
        raise EvidenceError(f"{path}: no array 'logits'; found {', '.join(arrays) or 'none'}")
    return arrays
