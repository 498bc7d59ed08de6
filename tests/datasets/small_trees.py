"""Small folders of pictures for tests of readers."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demeanour.datasets.pictures.pictures import Pictures


def coloured(number: int, side: int = 4) -> NDArray[np.uint8]:
    """A picture like no other number's."""
    return np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)


def encoded(pixels: NDArray[Any] | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Pixels as a file's bytes."""
    buffer = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(buffer, kind, **options)
    return buffer.getvalue()


def plant(root: Path, names: Iterable[str]) -> Path:
    """A folder of pictures, all different; they are PNG whatever their names end with."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(coloured(number)))
    return root


def labels_of(pictures: Pictures) -> dict[str, int]:
    """The label of each id."""
    return dict(zip(pictures.frame.ids.tolist(), pictures.frame.columns["label"].tolist(), strict=True))


def bytes_are_those_of(pictures: Pictures, root: Path, paths: Iterable[str]) -> bool:
    """Whether reading row by row gives the bytes of these files."""
    return [pictures.read(row) for row in range(len(pictures))] == [(root / path).read_bytes() for path in paths]


def set_back(path: Path, times: os.stat_result) -> None:
    """Give a file another's times."""
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
