"""House numbers: digits of strokes, slanted, bent, blurred, between the neighbours that a crop cuts off."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.scenes import Codes
from demeanour.miniature.tasks.flatland import (
    PALETTE,
    PIXEL,
    Drawn,
    Numbers,
    Reals,
    X,
    Y,
    colour,
    contrasting,
    covered,
    mixed,
    moved,
    noise,
    pictures_of,
    planes,
    seed,
    to_segments,
)  # fmt: skip

Points = list[tuple[float, float]]

WALLS = ("plain", "plaster", "bricks", "planks")


def _arc(x: float, y: float, width: float, height: float, start: float, end: float, steps: int) -> Points:
    """Part of an ellipse about (x, y), in degrees, counter-clockwise from the right."""
    angles = np.radians(np.linspace(start, end, steps + 1))
    return [(x + width * float(np.cos(a)), y + height * float(np.sin(a))) for a in angles]


# in a box from −.5 to .5 and −1 to 1; each digit as it is written in two ways
STROKES: tuple[tuple[list[Points], list[Points]], ...] = (
    ([_arc(0, 0, 0.5, 1, 0, 360, 12)], [_arc(0, 0, 0.42, 1, 0, 360, 12)]),
    ([[(-0.25, 0.65), (0.1, 1), (0.1, -1)]], [[(-0.3, 0.7), (0.0, 1), (0.0, -1)], [(-0.35, -1), (0.35, -1)]]),
    ([[*_arc(0, 0.48, 0.48, 0.52, 165, -40, 7), (-0.5, -1), (0.5, -1)]],
     [[*_arc(0, 0.5, 0.45, 0.5, 180, 0, 6), (0.35, 0.1), (-0.48, -1), (0.5, -1)]]),
    ([_arc(-0.02, 0.5, 0.45, 0.5, 150, -80, 6), _arc(-0.02, -0.5, 0.5, 0.52, 80, -150, 6)],
     [[(-0.45, 1), (0.42, 1), (-0.05, 0.2), *_arc(-0.02, -0.42, 0.5, 0.58, 80, -150, 6)]]),
    ([[(0.2, -1), (0.2, 1), (-0.5, -0.4), (0.5, -0.4)]],
     [[(-0.35, 1), (-0.45, -0.1), (0.5, -0.1)], [(0.2, 0.7), (0.2, -1)]]),
    ([[(0.42, 1), (-0.4, 1), (-0.45, 0.15), *_arc(-0.02, -0.4, 0.5, 0.6, 115, -150, 7)]],
     [[(-0.35, 1), (-0.42, 0.2), *_arc(-0.02, -0.42, 0.5, 0.58, 100, -155, 7)], [(-0.35, 1), (0.45, 1)]]),
    ([[*_arc(0.1, 0, 0.6, 1, 75, 190, 5), *_arc(0, -0.42, 0.5, 0.58, 180, -180, 9)]],
     [[(0.25, 1), (-0.35, 0.1), *_arc(0, -0.45, 0.48, 0.55, 150, -210, 10)]]),
    ([[(-0.48, 1), (0.48, 1), (-0.15, -1)]],
     [[(-0.48, 0.75), (-0.48, 1), (0.48, 1), (-0.05, -1)], [(-0.25, 0.05), (0.4, 0.05)]]),
    ([_arc(0, 0.52, 0.4, 0.48, 0, 360, 8), _arc(0, -0.48, 0.5, 0.52, 0, 360, 8)],
     [_arc(0, 0.5, 0.45, 0.5, 0, 360, 8), _arc(0, -0.5, 0.45, 0.5, 0, 360, 8)]),
    ([[*_arc(-0.1, 0, 0.6, 1, -105, 10, 5), *_arc(0, 0.42, 0.5, 0.58, 0, 360, 9)]],
     [[(-0.25, -1), (0.35, -0.1), *_arc(0, 0.45, 0.48, 0.55, -30, 330, 10)]]),
)  # fmt: skip


def _segments() -> Reals:
    """The strokes as pairs of points, (10, 2, k, 2, 2); the last one is repeated where a digit has fewer."""
    found = [
        [[pair for stroke in strokes for pair in pairwise(stroke)] for strokes in ways]
        for ways in STROKES
    ]
    most = max(len(pairs) for ways in found for pairs in ways)
    return np.asarray([[pairs + pairs[-1:] * (most - len(pairs)) for pairs in ways] for ways in found], np.float32)


SEGMENTS = _segments()


def digits(dice: Dice) -> Drawn:
    """Digits in the middle of house numbers, and which they are."""
    n = len(dice)
    shown = np.stack([dice.pick(10), dice.pick(10), dice.pick(10)], axis=1)
    beside = np.stack([np.zeros(n), -1.0 * dice.chance(0.65), 1.0 * dice.chance(0.65)], axis=1)
    there = np.stack([np.ones(n, dtype=bool), beside[:, 1] < 0, beside[:, 2] > 0], axis=1)
    height = dice.uniform(0.42, 0.8)
    width, thickness = dice.uniform(0.75, 1.15), dice.uniform(0.07, 0.19)
    apart = (width + thickness * 2) * dice.uniform(1.0, 1.3)
    slant, bend, waist = dice.normal(0.14), dice.normal(0.12), dice.normal(0.08)
    way = np.stack([dice.pick(2), dice.pick(2), dice.pick(2)], axis=1)
    points = SEGMENTS[shown, way]   # (n, 3, k, 2, 2)
    x, y = points[..., 0], points[..., 1]
    shape = (-1, 1, 1, 1)
    y = y + waist.reshape(shape) * (1 - y * y)
    x = width.reshape(shape) * x + slant.reshape(shape) * y + bend.reshape(shape) * (y * y - 0.4)
    x = x + np.where(there, beside * apart[:, None], 99.0)[:, :, None, None]
    centre = np.stack([dice.normal(0.07), dice.normal(0.07)], axis=1)
    placed = moved(np.stack([x, y], axis=-1).reshape(n, -1, 2, 2), centre, dice.normal(0.1), height)
    ink = covered(to_segments(placed) - planes(height * thickness), planes(dice.uniform(1.0, 4.5) * PIXEL))
    wall, plate = dice.pick(len(PALETTE)), dice.pick(len(PALETTE))
    behind = _wall(dice, wall, plate, height)
    written = PALETTE[contrasting(dice, wall, np.where(dice.chance(0.5), plate, wall))]
    light = 1 + planes(dice.normal(0.15)) * X + planes(dice.normal(0.15)) * Y
    lit = mixed(behind, colour(written), ink * planes(dice.uniform(0.6, 1.0))) * light[:, None]
    return pictures_of(lit * planes(dice.uniform(0.55, 1.15))[:, None], seed(dice), grain=0.08), shown[:, 0]


def _wall(dice: Dice, wall: Codes, plate: Codes, height: Numbers) -> Reals:
    """What the digits are on: a wall of some kind, and on some walls a plate."""
    seeds, turn = seed(dice), planes(dice.normal(0.05))
    y, kind = (Y + turn * X) * planes(dice.uniform(2.5, 4.5)), planes(dice.pick(len(WALLS)))
    row = np.floor(y)
    along = X * 2.2 + np.float32(0.5) * (row % 2)
    joint = np.abs(y - row - 0.5) > 0.42
    butt = np.abs(along - np.floor(along) - 0.5) > 0.46
    pattern = np.where(kind == WALLS.index("plaster"), noise(X * 6, y * 2, seeds), np.float32(0))
    pattern[(kind == WALLS.index("bricks")) & (joint | butt) | (kind == WALLS.index("planks")) & joint] = 1
    bare = PALETTE[wall]
    behind = mixed(colour(bare), colour(0.7 * bare + 0.08), pattern)
    edge = np.maximum(np.abs(X) - planes(dice.uniform(0.6, 1.3)), np.abs(Y) - planes(height * dice.uniform(1.15, 1.4)))
    return mixed(behind, colour(PALETTE[plate]), covered(edge) * planes(dice.chance(0.35)))
