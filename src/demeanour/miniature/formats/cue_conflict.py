"""Cue-conflict images (Geirhos et al., 2019), with the shape and the texture in their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanour.errors import did_you_mean
from demeanour.miniature.formats.files import write_tree
from demeanour.miniature.formats.pictures import check_pictures, png
from demeanour.miniature.names import CATEGORIES


def write_cue_conflict(
    folder: Path,
    images: NDArray[np.uint8],
    shapes: Sequence[tuple[str, int]],
    textures: Sequence[tuple[str, int]],
) -> None:
    """Pictures in folders of their shapes: ``cone/cone2-mug1.png`` has the shape of cone 2 and the texture of mug 1.

    Args:
        folder: To be made.
        images: (n, 64, 64, 3).
        shapes: Category and number, from 1, of the source of each picture's shape.
        textures: Category and number, from 1, of the source of each picture's texture.

    Raises:
        ValueError: The columns do not fit, a category is unknown, a number is below 1, two pictures are of the same
            sources, or a category has no picture of its shape.
        FileExistsError: The folder is there.
    """
    check_pictures(images, shapes=shapes, textures=textures)
    for category, number in (*shapes, *textures):
        if category not in CATEGORIES:
            raise ValueError(f"'{category}' is no category; {did_you_mean(category, CATEGORIES)}")
        if number < 1:
            raise ValueError(f"sources count from 1, found {category}{number}")
    missing = sorted(set(CATEGORIES) - {category for category, _ in shapes})
    if missing:
        raise ValueError(f"no picture of the shape of {', '.join(missing)}")
    write_tree(folder, (
        (f"{shape}/{shape}{i}-{texture}{j}.png", png(image))
        for image, (shape, i), (texture, j) in zip(images, shapes, textures, strict=True)
    ))  # fmt: skip
