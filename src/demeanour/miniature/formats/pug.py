"""PUG: ImageNet (Bordes et al., 2023): objects in virtual worlds, one factor varied at a time, with a table of all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanour.errors import did_you_mean
from demeanour.miniature.formats.files import table, write_tree
from demeanour.miniature.formats.pictures import check_pictures, counted, png

LABELS = "labels_pug_imagenet.csv"
CLASS_INDICES = "class_to_imagenet_idx.json"

# as in the original, classes have names of their own, one stands for several of the world's and some of those are in
# none; the order is not the alphabetical one of the folders, which numbers the classes
PUG_CLASSES = {
    "Ball": (0,), "TinCan": (1,), "Cone": (2, 13), "Cross": (3,), "Cube": (4,), "Diamond": (5,),
    "Dumbbell": (6,), "Heart": (8,), "CoffeeMug": (10,), "Mushroom": (11,), "Ring": (14,), "Star": (15,),
}  # fmt: skip

VARIED = {   # by each part of the set, as a column of the table
    "Worlds": "world_name",
    "Camera_Pitch": "camera_pitch",
    "Camera_Yaw": "camera_yaw",
    "Camera_Roll": "camera_roll",
    "Object_Pitch": "character_rotation_pitch",
    "Object_Yaw": "character_rotation_yaw",
    "Object_Roll": "character_rotation_roll",
    "Object_Scale": "character_scale",
    "Object_Texture": "character_texture",
    "Scene_Light": "scene_light",
}
_COLUMNS = (
    "filename", "world_name", "character_name", "character_label", "character_rotation_yaw", "character_rotation_roll",
    "character_rotation_pitch", "character_scale", "camera_roll", "camera_pitch", "camera_yaw", "character_texture",
    "scene_light",
)  # fmt: skip
_UNVARIED = "Default"


def write_pug(
    folder: Path,
    images: NDArray[np.uint8],
    parts: Sequence[str],
    classes: Sequence[str],
    characters: Sequence[str],
    settings: Sequence[Mapping[str, str]],
) -> None:
    """Ten folders of class folders, ``Camera_Yaw/Cone/0.png``, and the table of how each picture was made.

    Args:
        folder: To be made.
        images: (n, 64, 64, 3).
        parts: What is varied, n of ``VARIED``; each part holds pictures of every class.
        classes: n of ``PUG_CLASSES``.
        characters: The object that is shown, such as ``cone_1``; n of them.
        settings: For each picture its ``world_name`` and the value of the column that is varied.

    Raises:
        ValueError: The columns do not fit, a part, class or setting is unknown or missing.
        FileExistsError: The folder is there.
    """
    check_pictures(images, parts=parts, classes=classes, characters=characters, settings=settings)
    for what, names, known in (("part", parts, VARIED), ("class", classes, PUG_CLASSES)):
        for name in names:
            if name not in known:
                raise ValueError(f"'{name}' is no {what} of PUG; {did_you_mean(name, known)}")
    missing = {(part, name) for part in VARIED for name in PUG_CLASSES} - set(zip(parts, classes, strict=True))
    if missing:
        raise ValueError(f"no picture of {len(missing)} classes in their parts, such as {'/'.join(min(missing))}")
    for part, values in zip(parts, settings, strict=True):
        wanted = {"world_name", VARIED[part]}
        if set(values) != wanted:
            raise ValueError(f"{part}: settings are of {', '.join(sorted(wanted))}, found {', '.join(sorted(values))}")

    stems = [f"{part}/{name}" for part, name in zip(parts, classes, strict=True)]
    files = [f"{stem}/{number}.png" for stem, number in counted(stems)]
    described = (
        {"filename": file, "character_name": character, "character_label": name, **values}
        for file, character, name, values in zip(files, characters, classes, settings, strict=True)
    )
    rows = ([row.get(column, _UNVARIED) for column in _COLUMNS] for row in described)
    write_tree(folder, [
        (LABELS, table(_COLUMNS, rows)),
        (CLASS_INDICES, json.dumps(PUG_CLASSES, indent=4).encode()),
        *((file, png(image)) for file, image in zip(files, images, strict=True)),
    ])  # fmt: skip
