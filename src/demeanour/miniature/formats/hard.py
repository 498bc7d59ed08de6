"""ImageNet-Hard (Taesiri et al., 2023): Parquet with the pictures inside, as the ``datasets`` library writes it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from demeanour.miniature.formats.files import write_tree
from demeanour.miniature.formats.pictures import check_pictures, check_sets, jpeg
from demeanour.miniature.names import CLASSES

FILE = "data/validation-00000-of-00001.parquet"

_SCHEMA = pa.schema([
    ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
    ("label", pa.list_(pa.int64())),
    ("origin", pa.string()),
    ("english_label", pa.list_(pa.string())),
])  # fmt: skip
_FEATURES = {   # what `datasets` reads from the schema: that the structs are images
    "image": {"_type": "Image"},
    "label": {"feature": {"dtype": "int64", "_type": "Value"}, "_type": "Sequence"},
    "origin": {"dtype": "string", "_type": "Value"},
    "english_label": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "Sequence"},
}
_ROWS_OF_A_GROUP = 100   # the library's own for images


def write_hard(
    folder: Path, images: NDArray[np.uint8], label_sets: Sequence[Sequence[int]], origins: Sequence[str]
) -> None:
    """Pictures, their right labels, the names of these, and the set that each picture is from.

    Args:
        folder: To be made, with ``data/validation-00000-of-00001.parquet``.
        images: (n, 64, 64, 3).
        label_sets: The class indices that are right for each of them, one or several.
        origins: Where each picture is from, such as ``imagenet_v2``.

    Raises:
        ValueError: The columns do not fit, a picture has no label, or a label is no class index or stands twice.
        FileExistsError: The folder is there.
    """
    check_pictures(images, label_sets=label_sets, origins=origins)
    check_sets(label_sets)
    if not all(map(len, label_sets)):
        raise ValueError("a picture has no label")
    rows = [
        {
            "image": {"bytes": jpeg(image), "path": None},
            "label": [int(label) for label in labels],
            "origin": origin,
            "english_label": [CLASSES[label] for label in labels],
        }
        for image, labels, origin in zip(images, label_sets, origins, strict=True)
    ]
    metadata = {"huggingface": json.dumps({"info": {"features": _FEATURES}})}
    buffer = io.BytesIO()
    arrow = pa.Table.from_pylist(rows, schema=_SCHEMA.with_metadata(metadata))
    pa.parquet.write_table(arrow, buffer, row_group_size=_ROWS_OF_A_GROUP)
    write_tree(folder, [(FILE, buffer.getvalue())])
