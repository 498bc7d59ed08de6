"""Tasks of scenes: how many things there are, how near the nearest is, and from where one is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.render import render
from demeanour.miniature.drawing.scenes import Codes, Objects, Scenes, rotation
from demeanour.miniature.names import SOLIDS, TEXTURES
from demeanour.miniature.tasks.flatland import Drawn, Numbers
from demeanour.miniature.tasks.natural import varied
from demeanour.miniature.worlds import PALETTE, Draft, scenes

MOST = 6   # things to be counted
GRID = 3   # places along a side where they may stand
DISTANCES = 5
FARTHEST, NEAREST = 0.15, 0.75   # scales
AZIMUTHS, ELEVATIONS = 8, 6
POINTING = ("arrow", "crescent", "mug", "stairs")   # to where their own x axis does
STANDING = (
    "can", "cone", "cube", "hourglass", "mug", "mushroom", "pyramid", "bowl", "snowman", "stairs", "table",
)  # fmt: skip


def count_scenes(dice: Dice) -> tuple[Scenes, Codes]:
    """Scenes of one to six solids, and how many they are, less one."""
    label = dice.pick(MOST)
    draft = varied(dice, np.zeros_like(label))
    cells = np.argsort(np.stack([dice.throw() for _ in range(GRID**2)], axis=1), axis=1)[:, :MOST]
    row, column = np.divmod(cells, GRID)
    centre = (np.stack([column, row], axis=-1) - 1) * 0.58 + _each(dice, MOST, 2, -0.1, 0.1)
    scale = dice.uniform(0.19, 0.3)[:, None] * _each(dice, MOST, 1, 0.85, 1.1)[..., 0]
    return _standing(dice, draft, centre, scale, -centre[..., 1], np.arange(MOST) <= label[:, None]), label


def distance_scenes(dice: Dice) -> tuple[Scenes, Codes]:
    """Scenes of two or three solids, and in which of five steps the nearest is near; each step is as much larger."""
    label = dice.pick(DISTANCES)
    draft = varied(dice, np.zeros_like(label))
    nearest = FARTHEST * (NEAREST / FARTHEST) ** ((label + dice.throw()) / DISTANCES)
    one = np.ones(len(dice))
    scale = np.stack([one, dice.uniform(0.45, 0.85), dice.uniform(0.45, 0.85)], axis=1) * nearest[:, None]
    side = np.where(dice.chance(0.5), 1.0, -1.0)[:, None]
    across = [dice.uniform(0.0, 0.45), dice.uniform(-0.7, -0.35), dice.uniform(-0.2, 0.7)]
    up = 0.45 - 0.8 * np.sqrt(scale / NEAREST) + _each(dice, 3, 1, -0.12, 0.12)[..., 0]   # what is near stands low
    there = np.stack([one, one, dice.chance(0.5)], axis=1) > 0
    return _standing(dice, draft, np.stack([side * np.stack(across, axis=1), up], axis=-1), scale, scale, there), label


def _each(dice: Dice, things: int, numbers: int, low: float, high: float) -> Numbers:
    """Numbers for each thing of each picture, (n, things, numbers)."""
    return np.stack([dice.uniform(low, high) for _ in range(things * numbers)], axis=1).reshape(-1, things, numbers)


def _standing(
    dice: Dice, draft: Draft, centre: Numbers, scale: Numbers, nearness: Numbers, there: NDArray[np.bool_]
) -> Scenes:
    """The draft's scenes with any solids at these places instead of its own; (n, k, 2) and (n, k)."""
    things = there.shape[1]
    solid, texture, first, second = (
        np.stack([dice.pick(count) for _ in range(things)], axis=1)[there]
        for count in (len(SOLIDS), len(TEXTURES), len(PALETTE), len(PALETTE))
    )
    yaw, seed = (_each(dice, things, 1, 0, high)[..., 0][there] for high in (2 * np.pi, 2**20))
    colours = PALETTE[np.stack([first, second], axis=1)].astype(np.float32)
    scene = np.nonzero(there)[0]
    camera = rotation(draft.camera_yaw, draft.camera_pitch, draft.camera_roll)
    one = np.ones(len(scene), dtype=np.float32)
    objects = Objects(
        scene=scene, solid=solid, texture=texture, colours=colours,
        rotation=camera[scene] @ rotation(yaw, 0 * yaw, 0 * yaw), centre=centre[there].astype(np.float32),
        scale=scale[there].astype(np.float32), stretch=one, nearness=nearness[there].astype(np.float32),
        gloss=draft.gloss[scene].astype(np.float32), fineness=0.8 * one, seed=seed.astype(np.int64),
    )  # fmt: skip
    return replace(scenes(dice, draft), objects=objects)


def count(dice: Dice) -> Drawn:
    """Pictures of ``count_scenes``."""
    shown, label = count_scenes(dice)
    return render(shown), label


def distance(dice: Dice) -> Drawn:
    """Pictures of ``distance_scenes``."""
    shown, label = distance_scenes(dice)
    return render(shown), label


def azimuth(dice: Dice) -> Drawn:
    """A solid that points somewhere, seen from somewhat above, and in which eighth of a circle it points.

    The first one starts at the right; it goes on to the back.
    """
    label = dice.pick(AZIMUTHS)
    draft = varied(dice, _one_of(dice, POINTING)).but(
        yaw=(label + dice.throw()) * 2 * np.pi / AZIMUTHS, camera_pitch=dice.uniform(0.4, 0.75),
        scale=dice.uniform(0.45, 0.75), roll=0.0,
    )  # fmt: skip
    return render(scenes(dice, draft)), label


def elevation(dice: Dice) -> Drawn:
    """A solid that stands upright, turned anyhow, and in which sixth between level and straight above the camera is."""
    label = dice.pick(ELEVATIONS)
    draft = varied(dice, _one_of(dice, STANDING)).but(
        yaw=dice.uniform(0, 2 * np.pi), camera_pitch=(label + dice.throw()) * np.pi / 2 / ELEVATIONS,
        scale=dice.uniform(0.45, 0.75), roll=0.0,
    )  # fmt: skip
    return render(scenes(dice, draft)), label


def _one_of(dice: Dice, names: tuple[str, ...]) -> Codes:
    """Any of these solids, for each picture."""
    return np.asarray([SOLIDS.index(name) for name in names])[dice.pick(len(names))]
