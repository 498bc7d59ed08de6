"""Pictures in which one thing is varied and all else is held: PUG's ten parts, and cue conflicts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.scenes import BACKGROUNDS, Scenes
from demeanour.miniature.formats.pug import PUG_CLASSES, VARIED
from demeanour.miniature.names import CATEGORIES, CLASSES, TEXTURES
from demeanour.miniature.worlds import COLOURS_OF, PALETTE, TEXTURE_OF, Draft, scenes, usual

DEGREES = np.pi / 180
LIGHTS = {   # exposure, ambient, tint
    "Noon": (1.25, 0.5, (1, 1, 1)), "Morning": (0.95, 0.4, (1.05, 1, 0.9)), "Sunset": (0.75, 0.3, (1.25, 0.85, 0.6)),
    "Dusk": (0.45, 0.4, (0.8, 0.85, 1.2)), "Night": (0.2, 0.5, (0.75, 0.85, 1.25)),
    "Neon": (0.8, 0.4, (1.2, 0.6, 1.25)), "Forest": (0.6, 0.5, (0.8, 1.15, 0.75)),
}  # fmt: skip
LEVELS: dict[str, tuple[Any, ...]] = {   # of each part, in the order of ``VARIED``
    "Worlds": tuple(name.title().replace(" ", "") for name in BACKGROUNDS),
    "Camera_Pitch": (-30, 0, 30, 50, 70, 90),
    "Camera_Yaw": (-120, -75, -30, 30, 75, 120),
    "Camera_Roll": (-90, -45, -20, 20, 45, 90),
    "Object_Pitch": (-90, -45, -20, 20, 45, 90),
    "Object_Yaw": (-150, -90, -45, 45, 90, 150),
    "Object_Roll": (-135, -90, -45, 45, 90, 135),
    "Object_Scale": (0.15, 0.25, 0.4, 0.6, 0.9, 1.2),
    "Object_Texture": ("Default", *(name.title() for name in TEXTURES[1:14:2])),
    "Scene_Light": tuple(LIGHTS),
}
USUAL_WORLDS = ("Gradient", "Room", "ChequeredFloor")


class Rendered(NamedTuple):
    """PUG pictures that are to be drawn, and what is known of each."""

    scenes: Scenes
    parts: list[str]
    classes: list[str]
    characters: list[str]
    settings: list[dict[str, str]]


def pug_size(characters: int) -> int:
    """How many pictures PUG has."""
    return len(PUG_CLASSES) * characters * sum(map(len, LEVELS.values()))


def pug(characters: int) -> Rendered:
    """All pictures of PUG: each class by some characters, in each part at each of its levels.

    Args:
        characters: Of each class: they differ in proportions, and in their solid where a class has several.
    """
    rows = [
        (part, level, name, number)
        for part in VARIED
        for name in PUG_CLASSES
        for number in range(1, characters + 1)
        for level in range(len(LEVELS[part]))
    ]
    who = {name: k for k, name in enumerate(PUG_CLASSES)}
    # a character looks the same in all its pictures: its dice are its own
    dice = Dice("pug", np.asarray([who[name] * 1000 + number for _, _, name, number in rows]))
    solid = np.asarray([PUG_CLASSES[name][number % len(PUG_CLASSES[name])] for _, _, name, number in rows])
    draft = usual(dice, solid)
    standing, world = dice.pick(len(USUAL_WORLDS)), [name.title().replace(" ", "") for name in BACKGROUNDS]
    draft = draft.but(
        camera_pitch=0.3, yaw=0.25, roll=0.0, stretch=np.exp(dice.normal(0.12)), centre=0.0, scale=0.62,
        background=[world.index(USUAL_WORLDS[k]) for k in standing],
        background_colours=PALETTE[np.stack([dice.pick(len(PALETTE)), dice.pick(len(PALETTE))], axis=1)],
    )  # fmt: skip
    settings = []
    for row, (part, level, _, _) in enumerate(rows):
        value = LEVELS[part][level]
        _vary(draft, row, part, value)
        varied = {} if part == "Worlds" else {VARIED[part]: str(value)}
        settings.append({"world_name": world[draft.background[row]], **varied})
    return Rendered(
        scenes(dice, draft), [row[0] for row in rows], [row[2] for row in rows],
        [f"{name}_{number}" for _, _, name, number in rows], settings,
    )  # fmt: skip


def _vary(draft: Draft, row: int, part: str, value: Any) -> None:
    angles = {
        "Camera_Pitch": draft.camera_pitch, "Camera_Yaw": draft.camera_yaw, "Camera_Roll": draft.camera_roll,
        "Object_Pitch": draft.pitch, "Object_Yaw": draft.yaw, "Object_Roll": draft.roll,
    }  # fmt: skip
    if part in angles:
        angles[part][row] = value * DEGREES
    elif part == "Worlds":
        draft.background[row] = LEVELS[part].index(value)
    elif part == "Object_Scale":
        draft.scale[row] = value
    elif part == "Object_Texture":
        if value != "Default":
            draft.texture[row] = TEXTURES.index(value.lower())
    else:
        draft.exposure[row], draft.ambient[row], draft.tint[row] = LIGHTS[value]


class Conflicts(NamedTuple):
    """Cue conflicts that are to be drawn: the sources of shapes and textures, as category and number."""

    scenes: Scenes
    shapes: list[tuple[str, int]]
    textures: list[tuple[str, int]]


TEXTURE_SOURCES = 3   # of each category


def cue_conflicts(sources: int) -> Conflicts:
    """Every shape with the texture and colours of every category, its own included.

    Args:
        sources: How many objects lend their shape to each category; their pose, size and light are the same whatever
            texture they are given, as the original's source images are.
    """
    names = list(CATEGORIES)
    categories = range(len(names))
    rows = [(shape, i, other) for shape in categories for i in range(1, sources + 1) for other in categories]
    dice = Dice("cue-conflict", np.asarray([shape * 1000 + i for shape, i, _ in rows]))
    members = [[CLASSES.index(name) for name in CATEGORIES[category]] for category in names]
    solid = np.asarray([members[shape][i % len(members[shape])] for shape, i, _ in rows])
    number = np.asarray([1 + (i + shape + other) % TEXTURE_SOURCES for shape, i, other in rows])
    lender = np.asarray([members[other][0] for _, _, other in rows])
    draft = usual(dice, solid)
    looks = Dice("cue-conflict textures", lender * 1000 + number)
    draft = draft.but(
        texture=TEXTURE_OF[lender], colours=COLOURS_OF[lender], fineness=np.exp(looks.normal(0.2)), gloss=0.1,
        scale=dice.uniform(0.66, 0.8), yaw=dice.normal(0.3),
    )  # fmt: skip
    return Conflicts(
        scenes(dice, draft), [(names[shape], i) for shape, i, _ in rows],
        [(names[other], int(k)) for (_, _, other), k in zip(rows, number, strict=True)],
    )  # fmt: skip
