"""ImageNet-X (Idrissi et al., 2022): 16 factors, annotated by people, of ImageNet's validation images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
from numpy.typing import NDArray

from demeanour.datasets.frame import Frame, sorted_unique
from demeanour.errors import EvidenceError, NotMeasuredError, did_you_mean
from demeanour.vocabulary import FACTORS

ANNOTATIONS = "imagenet_x_val_top_factor.jsonl"
PROTOTYPES = "prototypical_paths.csv"


def read_imagenet_x(root: Path, data: str, classes: int) -> Frame:
    """Read the top-factor annotations of the images that are no prototypes (46,110 in the published set).

    Args:
        root: The folder that holds ``imagenet_x_val_top_factor.jsonl`` and ``prototypical_paths.csv``.
        data: The name of the data set in the cast.
        classes: How many classes the labels count.

    Raises:
        NotMeasuredError: A file is missing.
        EvidenceError: A file is not in the published format.
    """
    for file in (ANNOTATIONS, PROTOTYPES):
        if not (root / file).is_file():
            raise NotMeasuredError(f"{root / file} is missing; it belongs to the ImageNet-X annotations")
    try:
        annotated = pyarrow.json.read_json(root / ANNOTATIONS)
        prototypes = pyarrow.csv.read_csv(root / PROTOTYPES)
    except pa.ArrowInvalid as error:
        raise EvidenceError(f"{root}: not in ImageNet-X's format: {error}") from error
    for column in ("file_name", "class", *FACTORS):
        if column not in annotated.column_names:
            hint = did_you_mean(column, annotated.column_names)
            raise EvidenceError(f"{root / ANNOTATIONS}: no field '{column}'; {hint}")
    if prototypes.column_names != ["file_name"]:
        raise EvidenceError(f"{root / PROTOTYPES}: expected one column 'file_name', found {prototypes.column_names}")

    names = annotated["file_name"].to_pylist()
    if not all(isinstance(name, str) for name in names):
        raise EvidenceError(f"{root / ANNOTATIONS}: a row has no id ('file_name')")
    ids = np.asarray(names, dtype=np.str_)
    flags = np.stack([_integers(annotated, name, 0, 1, root) for name in FACTORS], axis=1).astype(bool)
    labels = _integers(annotated, "class", 0, classes - 1, root)
    keep = ~np.isin(ids, np.asarray(prototypes["file_name"].to_pylist(), dtype=np.str_))
    ids, flags, labels = ids[keep], flags[keep], labels[keep]
    order = sorted_unique(ids, str(root / ANNOTATIONS))
    columns: dict[str, NDArray[np.generic]] = {"label": labels[order], "factors": flags[order]}
    return Frame(data, ids[order], columns, classes, names={"factors": FACTORS})


def _integers(annotated: pa.Table, name: str, lower: int, upper: int, root: Path) -> NDArray[np.int64]:
    column = annotated[name]
    wanted = f"{lower} or {upper}" if upper == lower + 1 else f"a whole number in {lower} … {upper}"
    if not pa.types.is_integer(column.type) or column.null_count:
        raise EvidenceError(f"{root / ANNOTATIONS}: '{name}' must be {wanted} in every row, found {column.type}")
    values = np.asarray(column.to_numpy()).astype(np.int64)
    if len(values) and (values.min() < lower or values.max() > upper):
        raise EvidenceError(f"{root / ANNOTATIONS}: '{name}' must be {wanted} in every row")
    return values
