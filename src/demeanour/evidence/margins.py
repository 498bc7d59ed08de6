"""How much of what networks are shown lies beyond the picture: from the sizes of pictures, which are looked up once."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.pictures.decode import size_of_picture
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.evidence.store import Store, evidence_key
from demeanour.views.geometry import Geometry
from demeanour.views.placing import Size, padding


def padding_of(geometry: Geometry, pictures: Pictures, store: Store) -> NDArray[np.float64]:
    """How much of each prepared square is black, because it lies beyond the picture.

    Args:
        geometry: What is done to the pictures.
        pictures: The pictures.
        store: Where their sizes are kept.

    Returns:
        Shares of area in [0, 1], (pictures,).

    Raises:
        EvidenceError: A picture cannot be read.
    """
    if _never_pads(geometry):
        return np.zeros(len(pictures))
    sizes = picture_sizes(pictures, store)
    shares = {size: padding(size, geometry) for size in set(sizes)}
    return np.asarray([shares[size] for size in sizes])


def picture_sizes(pictures: Pictures, store: Store) -> list[Size]:
    """Width and height of each picture, read from the head of its file once, and kept by the content of all.

    Raises:
        EvidenceError: A picture cannot be read.
    """

    def look() -> str:
        names = pictures.frame.ids.tolist()
        return json.dumps([size_of_picture(pictures.read(row), name) for row, name in enumerate(names)])

    found = json.loads(store.text("sizes", evidence_key(sizes=pictures.manifest), look))
    return [(int(width), int(height)) for width, height in found]


def _never_pads(geometry: Geometry) -> bool:
    """Whether the square lies within every picture: none is cut out, or from what was resized to be no smaller."""
    if geometry.crop is None:
        return True
    return geometry.shift is None and geometry.resize is not None and geometry.resize >= geometry.crop
