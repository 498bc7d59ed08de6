"""Parquet with the pictures inside, as Hugging Face's data sets have it: ImageNet-Hard, PUG: ImageNet, others."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.pictures.labelled import Annotations, Labels, agreed_classes, labelled_frame
from demeanour.datasets.pictures.manifest import manifest_of
from demeanour.datasets.pictures.parquet_files import parquet_files
from demeanour.datasets.pictures.parquet_rows import Rows, open_parquet
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.errors import EvidenceError, did_you_mean

_IDS = ("file_name", "id")
_LABEL = "label"
_NAMED = "character_label"   # PUG's: a class by its name
_OBJECT = "character_name"   # PUG's: which of the class's objects was rendered, many times
_ANNOTATIONS = (
    "origin", "world_name", _OBJECT, "character_rotation_yaw", "character_rotation_roll", "character_rotation_pitch",
    "character_scale", "camera_roll", "camera_pitch", "camera_yaw", "character_texture", "scene_light",
)  # fmt: skip


@dataclass(frozen=True)
class _Content:
    """What a file holds.

    Attributes:
        pictures: The path of the column that holds the bytes of pictures.
        known: What is known of them.
        classes: How many names of classes it gives; None where it gives none.
        groups: How many rows each row group has.
    """

    pictures: str
    known: pa.Table
    classes: int | None
    groups: list[int]


def read_parquet(
    root: Path,
    data: str,
    *,
    split: str | None,
    classes: int | None,
    images: int | None,
    label_space: LabelSpace | None,
    memo_root: Path,
) -> Pictures:
    """Open a data set of Parquet files with a column of encoded pictures, as bytes or as ``{bytes, path}``.

    Labels are the column ``label``, a class index or a list of them (ImageNet-Hard), or PUG's ``character_label``, the
    name of a class of the label space. Ids are the column ``file_name``, else ``id``, else FILE/ROW, such as
    ``validation-00000-of-00009/000042``: the ``path`` beside the bytes is empty or not unique. What ImageNet-Hard and
    PUG tell of a picture's origin and making becomes columns of codes; PUG's objects are its clusters.

    Args:
        root: A Parquet file, or a folder that holds them; there may be those of several splits.
        data: The name of the data set in the cast.
        split: The split, as `parquet_files` finds it.
        classes: How many classes the labels count; where it is None, the label space or the names of classes that
            the ``datasets`` library wrote into the files tell.
        images: How many pictures there must be; None where that is not known.
        label_space: How a model's classes become the data set's; the labels count the latter.
        memo_root: Where hashes of contents are remembered.

    Raises:
        NotMeasuredError: The folder, the split or all files are missing.
        EvidenceError: Files of the split are missing or of two editions, one cannot be read, columns are missing, of
            another type or differ between files, a label is no class, an id stands twice, or counts differ.
    """
    paths = parquet_files(root, data, split)
    folder = paths[0].parent
    where = str(folder if len(paths) > 1 else paths[0])
    contents = [_content(path) for path in paths]
    for path, content in zip(paths, contents, strict=True):
        if (content.pictures, content.classes, content.known.schema) != (
            contents[0].pictures, contents[0].classes, contents[0].known.schema
        ):  # fmt: skip
            raise EvidenceError(f"{path}: other columns than those of {paths[0].name}; keep the files of one edition")
    known = pa.concat_tables([content.known for content in contents])
    file = np.repeat(np.arange(len(paths)), [len(content.known) for content in contents])
    group = np.concatenate([np.repeat(np.arange(len(content.groups)), content.groups) for content in contents])
    row = np.concatenate([np.arange(rows) for content in contents for rows in [0, *content.groups]])
    frame, order, notes = labelled_frame(
        data,
        where,
        _ids(known, paths, contents, where),
        _labels(known, label_space, where),
        agreed_classes(where, {"the card": classes, "the names in the files": contents[0].classes}, label_space),
        images,
        _annotations(known),
    )
    places = Rows(tuple(paths), contents[0].pictures, file[order], group[order], row[order])
    manifest = manifest_of(frame, folder, [path.name for path in paths], memo_root)
    return Pictures(data, frame, places, manifest, (*(label_space.notes if label_space else ()), *notes))


def _content(path: Path) -> _Content:
    with open_parquet(path) as file:
        schema = file.schema_arrow
        if len(set(schema.names)) < len(schema.names):
            raise EvidenceError(f"{path}: two columns share a name, of {', '.join(schema.names)}")
        pictures = [column for column in map(_column_of_pictures, schema) if column]
        if len(pictures) != 1:
            found = f"several: {', '.join(pictures)}" if pictures else f"none: {', '.join(schema.names)}"
            raise EvidenceError(f"{path}: expected one column of pictures, as bytes or {{bytes, path}}; found {found}")
        if not {_LABEL, _NAMED} & set(schema.names):
            raise EvidenceError(f"{path}: no column '{_LABEL}'; {did_you_mean(_LABEL, schema.names)}")
        wanted = [name for name in (*_IDS, _LABEL, _NAMED, *_ANNOTATIONS) if name in schema.names]
        try:
            known = file.read(columns=wanted).select(wanted).replace_schema_metadata()
        except (OSError, pa.ArrowException) as error:
            raise EvidenceError(f"{path}: damaged ({error}); obtain it again") from error
        metadata = file.metadata
        groups = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    return _Content(pictures[0], known, _class_names(schema), groups)


def _column_of_pictures(field: pa.Field) -> str | None:
    """The path of the bytes, if it is a column of them."""
    if pa.types.is_struct(field.type):
        index = field.type.get_field_index("bytes")
        return f"{field.name}.bytes" if index >= 0 and _is_binary(field.type.field(index).type) else None
    return str(field.name) if _is_binary(field.type) else None


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _class_names(schema: pa.Schema) -> int | None:
    """How many classes the ``datasets`` library has names of, in what it writes beside the schema."""
    try:
        feature: Any = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][_LABEL]
        return len(feature.get("feature", feature)["names"])
    except (KeyError, TypeError, ValueError, AttributeError):   # not written by it, or without names
        return None


def _ids(known: pa.Table, paths: list[Path], contents: list[_Content], where: str) -> NDArray[np.str_]:
    name = next((name for name in _IDS if name in known.column_names), None)
    if name is None:
        counts = [len(content.known) for content in contents]
        ids = [f"{path.stem}/{row:06d}" for path, count in zip(paths, counts, strict=True) for row in range(count)]
        return np.asarray(ids, dtype=np.str_)
    column = known[name]
    if not (pa.types.is_string(column.type) or pa.types.is_integer(column.type)) or column.null_count:
        found = f"{column.null_count} without a name" if column.null_count else str(column.type)
        raise EvidenceError(f"{where}: '{name}' must name every picture, found {found}")
    return np.asarray(pc.cast(column, pa.string()).to_pylist(), dtype=np.str_)


def _labels(known: pa.Table, space: LabelSpace | None, where: str) -> Labels:
    if _LABEL not in known.column_names:
        return _named_labels(known[_NAMED], space, where)
    column = known[_LABEL]
    several = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
    values = pc.list_flatten(column) if several else column
    if not pa.types.is_integer(values.type):
        raise EvidenceError(f"{where}: '{_LABEL}' must be a class index or a list of them, found {column.type}")
    missing = column.null_count + (values.null_count if several else 0)
    if missing:
        raise EvidenceError(f"{where}: {missing} labels are missing; a picture without any has an empty list")
    counts = pc.list_value_length(column).to_numpy() if several else np.ones(len(column))
    return Labels(values.to_numpy().astype(np.int64), counts.astype(np.int64), several)


def _named_labels(column: pa.ChunkedArray, space: LabelSpace | None, where: str) -> Labels:
    if space is None or not space.names:
        raise EvidenceError(f"{where}: '{_NAMED}' names classes; say whose, such as `label_space: pug-imagenet`")
    position = {name: index for index, name in enumerate(space.names)}
    unknown = sorted({str(name) for name in pc.unique(column).to_pylist()} - set(position))
    if unknown:
        hint = did_you_mean(unknown[0], position)
        raise EvidenceError(f"{where}: '{unknown[0]}' is no class of the label space '{space.name}'; {hint}")
    values = np.asarray([position[name] for name in column.to_pylist()], dtype=np.int64)
    return Labels(values, np.ones(len(values), dtype=np.int64), several=False)


def _annotations(known: pa.Table) -> Annotations:
    """Columns of codes; an empty name stands for what is not told."""
    columns: dict[str, NDArray[np.int64]] = {}
    names: dict[str, tuple[str, ...]] = {}
    for name in _ANNOTATIONS:
        if name in known.column_names:
            texts = pc.fill_null(pc.cast(known[name], pa.string()), "").to_pylist()
            kinds, columns[name] = np.unique(np.asarray(texts, dtype=np.str_), return_inverse=True)
            names[name] = tuple(kinds.tolist())
    return Annotations(columns, (_OBJECT,) if _OBJECT in columns else (), names)
