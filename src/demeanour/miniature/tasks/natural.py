"""Tasks of solids as such: which one it is, though no class of the world's, and what is on its surface."""

from __future__ import annotations

import numpy as np

from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.render import render
from demeanour.miniature.drawing.scenes import BACKGROUNDS, Codes
from demeanour.miniature.names import CLASSES, NEW_SOLIDS, SOLIDS, TEXTURES
from demeanour.miniature.tasks.flatland import Drawn, contrasting
from demeanour.miniature.worlds import PALETTE, Draft, scenes, usual

LARGE = ("ball", "can", "cone", "cube", "diamond", "egg", "pill", "snowman")   # solids with room for a texture


def varied(dice: Dice, solid: Codes) -> Draft:
    """Solids that stand in the middle, of any texture and colours, under any light, before any background.

    Args:
        dice: Of the pictures.
        solid: Positions in ``SOLIDS``, (n,).
    """
    base = usual(dice, np.minimum(solid, len(CLASSES) - 1))
    azimuth = dice.uniform(-1.2, 1.2)
    return base.but(
        solid=solid, texture=np.where(dice.chance(0.1), -1, dice.pick(len(TEXTURES))),
        colours=np.stack([dice.pick(len(PALETTE)), dice.pick(len(PALETTE))], axis=1), fineness=np.exp(dice.normal(0.2)),
        gloss=dice.uniform(0, 0.6), stretch=np.exp(dice.normal(0.08)), background=dice.pick(len(BACKGROUNDS)),
        light=np.stack([np.sin(azimuth), dice.uniform(0.2, 0.9), np.cos(azimuth)], axis=1),
        ambient=dice.uniform(0.3, 0.55), exposure=dice.uniform(0.7, 1.25),
    )  # fmt: skip


def new_solids(dice: Dice) -> Drawn:
    """Solids that are in no class, and which they are."""
    label = dice.pick(len(NEW_SOLIDS))
    draft = varied(dice, len(CLASSES) + label).but(
        yaw=dice.uniform(-1.0, 1.0), pitch=dice.normal(0.15), roll=dice.normal(0.2),
        camera_pitch=dice.uniform(0.0, 0.7), scale=dice.uniform(0.38, 0.75),
        centre=np.stack([dice.normal(0.13), dice.normal(0.12)], axis=1),
    )  # fmt: skip
    return render(scenes(dice, draft)), label


def textures(dice: Dice) -> Drawn:
    """Surfaces from near by, in two colours, and their textures."""
    label, first = dice.pick(len(TEXTURES)), dice.pick(len(PALETTE))
    solid = np.asarray([SOLIDS.index(name) for name in LARGE])[dice.pick(len(LARGE))]
    draft = varied(dice, solid).but(
        texture=label, colours=np.stack([first, contrasting(dice, first)], axis=1),
        fineness=np.exp(dice.uniform(-0.2, 0.5)), yaw=dice.uniform(-1.2, 1.2), pitch=dice.normal(0.3),
        roll=dice.normal(0.3), scale=dice.uniform(0.72, 1.05),
        centre=np.stack([dice.normal(0.15), dice.normal(0.15)], axis=1),
    )  # fmt: skip
    return render(scenes(dice, draft)), label
