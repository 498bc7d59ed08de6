"""Pictures as files, the same bytes every time, and the checks of what comes with them."""

from __future__ import annotations

import io
import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence, Sized

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demeanour.miniature.formats.files import refuse_duplicates
from demeanour.miniature.names import CLASSES, SIDE

_QUALITY = 95


def jpeg(picture: NDArray[np.uint8], quality: int = _QUALITY) -> bytes:
    """A picture as JPEG, its colours at full resolution (4:4:4), without metadata.

    Args:
        picture: RGB, (side, side, 3).
        quality: 1 … 100.
    """
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def png(picture: NDArray[np.uint8]) -> bytes:
    """A picture as PNG, without compression or metadata.

    Compressing a picture of 64 × 64 pixels makes it a quarter smaller and takes 20 times as long.

    Args:
        picture: RGB, (side, side, 3).
    """
    height, width, _ = picture.shape
    rows = np.zeros((height, 1 + 3 * width), dtype=np.uint8)   # each row begins with its filter: 0, none
    rows[:, 1:] = picture.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)   # 8 bits, RGB, not interlaced
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), level=0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def counted(keys: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Each key with how often it came before."""
    before: Counter[str] = Counter()
    for key in keys:
        yield key, before[key]
        before[key] += 1


def check_pictures(images: NDArray[np.uint8], **columns: Sized) -> None:
    """Check pictures, and that every column holds one value for each.

    Raises:
        ValueError: They are no uint8 RGB pictures of the world's size, there are none, or a column does not fit.
    """
    if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE, 3):
        raise ValueError(f"pictures are uint8 (n, {SIDE}, {SIDE}, 3), found {images.dtype} {images.shape}")
    if not len(images):
        raise ValueError("no pictures")
    for name, values in columns.items():
        if len(values) != len(images):
            raise ValueError(f"{len(values)} {name} for {len(images)} pictures")


def check_labels(labels: NDArray[np.integer], classes: int) -> None:
    """Raise a ValueError where labels are no class indices in 0 … classes − 1."""
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels are class indices (n,), found {labels.dtype} {labels.shape}")
    if len(labels) and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(f"labels must lie in 0 … {classes - 1}, found {labels.min()} … {labels.max()}")


def check_classes(labels: NDArray[np.integer], classes: Sequence[str]) -> None:
    """Check labels of a set in which the number of a class is the rank of its folder.

    Raises:
        ValueError: Labels are no indices of the world's classes, one is of none of the set's, or one of the set's
            has no picture, whose folder would be missing and shift the ranks.
    """
    check_labels(labels, len(CLASSES))
    found = {CLASSES[label] for label in labels.tolist()}
    missing, foreign = sorted(set(classes) - found), sorted(found - set(classes))
    if missing or foreign:
        what = f"no picture of {', '.join(missing)}" if missing else f"pictures of {', '.join(foreign)}"
        raise ValueError(f"{what}; the classes of the set are {', '.join(classes)}")


def check_ids(ids: NDArray[np.integer], whole: bool = True) -> None:
    """Check numbers of validation images, which count from 1.

    Args:
        ids: The numbers, (n,).
        whole: Whether they are of all images, and so 1 … n.

    Raises:
        ValueError: They are no such numbers, or one stands twice.
    """
    if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer) or (len(ids) and ids.min() < 1):
        raise ValueError(f"numbers of validation images are whole and count from 1, found {ids.dtype} {ids}")
    refuse_duplicates(ids.tolist(), "numbers of validation images")
    if whole and len(ids) and ids.max() > len(ids):
        raise ValueError(f"numbers of {len(ids)} validation images are 1 … {len(ids)}, found {ids.max()}")


def check_sets(label_sets: Sequence[Sequence[int]]) -> None:
    """Raise a ValueError where a picture's labels are no indices of the world's classes, or one stands twice."""
    for row, labels in enumerate(label_sets):
        if len(labels):
            check_labels(np.asarray(labels), len(CLASSES))
        refuse_duplicates(labels, f"labels of picture {row}")
