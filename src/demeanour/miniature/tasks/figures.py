"""Flat figures without any symmetry that turns them into themselves: where they are, and how they are turned."""

from __future__ import annotations

import numpy as np

from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.scenes import Codes
from demeanour.miniature.tasks.flatland import (
    PALETTE,
    Drawn,
    Images,
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
    to_polygon,
)  # fmt: skip

BINS = 8   # of a place along an axis, and of a full turn
RANGE = 0.72   # half sides: from there to there is a figure's centre


def _upright() -> dict[str, list[tuple[float, float]]]:
    round_part = [(np.cos(a), np.sin(a)) for a in np.radians(np.linspace(-25, 205, 11))]
    half = [(0.5 + 0.5 * np.cos(a), 0.45 + 0.5 * np.sin(a)) for a in np.radians(np.linspace(-15, 165, 6))]
    return {
        "arrow": [(0, 1), (0.62, 0.2), (0.24, 0.2), (0.24, -0.9), (-0.24, -0.9), (-0.24, 0.2), (-0.62, 0.2)],
        "boot": [(-0.45, 0.9), (0.0, 0.9), (0.0, -0.35), (0.65, -0.35), (0.65, -0.85), (-0.45, -0.85)],
        "drop": [(0, 1.0), *[(0.62 * x, -0.62 * y - 0.35) for x, y in round_part]],
        "flag": [(-0.5, -1), (-0.5, 1), (0.65, 0.55), (-0.25, 0.1), (-0.25, -1)],
        "heart": [(0, -0.95), *half, (0.0, 0.55), *[(-x, y) for x, y in reversed(half)]],
        "wedge": [(0, 1), (0.6, -0.8), (-0.6, -0.8)],
    }


def _centred(figures: dict[str, list[tuple[float, float]]]) -> Reals:
    """Corners about the centre of mass, the farthest at distance 1, (figures, corners, 2)."""
    most, found = max(len(corners) for corners in figures.values()), []
    for corners in figures.values():
        first = np.asarray(corners)
        second = np.roll(first, -1, axis=0)
        area = first[:, 0] * second[:, 1] - second[:, 0] * first[:, 1]
        about = first - ((first + second) * area[:, None]).sum(axis=0) / (3 * area.sum())
        about /= np.linalg.norm(about, axis=1).max()
        found.append(np.concatenate([about, np.repeat(about[-1:], most - len(about), axis=0)]))
    return np.asarray(found, dtype=np.float32)


FIGURES = _centred(_upright())


def x_position(dice: Dice) -> Drawn:
    """Figures anywhere, and in which of eight columns, from the left, their centre of mass is."""
    label = dice.pick(BINS)
    return _drawn(dice, _place(dice, label), dice.uniform(-RANGE, RANGE), dice.uniform(0, 2 * np.pi)), label


def y_position(dice: Dice) -> Drawn:
    """Figures anywhere, and in which of eight rows, from the bottom, their centre of mass is."""
    label = dice.pick(BINS)
    return _drawn(dice, dice.uniform(-RANGE, RANGE), _place(dice, label), dice.uniform(0, 2 * np.pi)), label


def orientation(dice: Dice) -> Drawn:
    """Figures anywhere, and by which eighth of a turn, counter-clockwise, they are turned."""
    label = dice.pick(BINS)
    angle = (label + dice.throw()) * 2 * np.pi / BINS
    return _drawn(dice, dice.uniform(-0.4, 0.4), dice.uniform(-0.4, 0.4), angle, larger=1.6), label


def _place(dice: Dice, label: Codes) -> Numbers:
    return ((label + dice.throw()) / BINS * 2 - 1) * RANGE


def _drawn(dice: Dice, x: Numbers, y: Numbers, angle: Numbers, larger: float = 1.0) -> Images:
    """Figures in one colour on a ground of two."""
    figure, scale = dice.pick(len(FIGURES)), larger * dice.uniform(0.16, 0.34)
    wide = FIGURES[figure] * np.stack([np.exp(dice.normal(0.12)), np.ones(len(dice))], axis=1)[:, None]
    inside = covered(to_polygon(moved(wide, np.stack([x, y], axis=1), angle, scale)))
    one, two = dice.pick(len(PALETTE)), dice.pick(len(PALETTE))
    ground_seed, fine = seed(dice), planes(dice.uniform(1.0, 3.0))
    clouds = noise(X * fine, Y * fine, ground_seed) * planes(dice.uniform(0.0, 0.5))
    ground = mixed(colour(PALETTE[one]), colour(PALETTE[two]), clouds)
    drawn = mixed(ground, colour(PALETTE[contrasting(dice, one, one, two)]), inside)
    return pictures_of(drawn, ground_seed, grain=0.06)
