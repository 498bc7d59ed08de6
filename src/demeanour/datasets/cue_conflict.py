"""Cue-conflict images (Geirhos et al., 2018): the shape of one class in the texture of another."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.frame import Frame
from demeanour.errors import EvidenceError
from demeanour.vocabulary import CATEGORIES

_NAME = re.compile(r"^([a-z]+)(\d+)-([a-z]+)(\d+)\.png$")


def cue_conflict_frame(ids: NDArray[np.str_], data: str, categories: Sequence[str] | None = None) -> Frame:
    """What the images' names tell: ``airplane1-bicycle2.png`` has the shape of airplane1 and bicycle2's texture.

    Images whose shape and texture are of one class hold no conflict and are left out (80 of the 1,280).

    Args:
        ids: The images' names, sorted; (n,).
        data: The name of the data set in the cast.
        categories: The classes of shapes and textures, in the order of the labels; None for the published 16.

    Returns:
        A frame with ``label`` and ``shape`` (the class of the shape), ``texture``, and the clusters
        ``shape_source`` and ``texture_source``.

    Raises:
        EvidenceError: A name is not of this form, or no image holds a conflict.
    """
    classes = tuple(categories or CATEGORIES)
    code = {name: index for index, name in enumerate(classes)}
    shape, texture, sources = [], [], []
    for name in ids:
        match = _NAME.match(str(name))
        if match is None or match[1] not in code or match[3] not in code:
            raise EvidenceError(
                f"{data}: '{name}' is no name of a cue-conflict image; expected SHAPE<n>-TEXTURE<n>.png "
                f"with two of {', '.join(classes)}"
            )
        shape.append(code[match[1]])
        texture.append(code[match[3]])
        sources.append((match[1] + match[2], match[3] + match[4]))
    keep = np.asarray(shape) != np.asarray(texture)
    if not keep.any():
        raise EvidenceError(f"{data}: no image in which shape and texture are of different classes")
    by_shape, by_texture = (np.unique(column, return_inverse=True)[1] for column in np.asarray(sources).T)
    columns: dict[str, NDArray[np.generic]] = {
        "label": np.asarray(shape)[keep],
        "shape": np.asarray(shape)[keep],
        "texture": np.asarray(texture)[keep],
        "shape_source": by_shape[keep],
        "texture_source": by_texture[keep],
    }
    names: dict[str, tuple[str, ...]] = {"shape": classes, "texture": classes}
    return Frame(data, ids[keep], columns, len(classes), ("shape_source", "texture_source"), names)
