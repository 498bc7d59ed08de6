"""Land seen from above, of six uses; every picture has a corner of another use, as maps of squares have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.scenes import Codes
from demeanour.miniature.tasks.flatland import (
    Drawn,
    Reals,
    cell_numbers,
    colour,
    covered,
    mixed,
    noise,
    pictures_of,
    planes,
    seed,
    table_of_numbers,
    turned,
)  # fmt: skip

USES = ("fields", "forest", "houses", "orchard", "roads", "water")

SOILS = ((0.45, 0.36, 0.24), (0.36, 0.42, 0.20), (0.62, 0.56, 0.34), (0.30, 0.46, 0.22))
CROPS = ((0.35, 0.48, 0.20), (0.66, 0.60, 0.33), (0.48, 0.36, 0.24), (0.50, 0.58, 0.28), (0.26, 0.38, 0.20))
ROOFS = ((0.62, 0.30, 0.22), (0.45, 0.42, 0.42), (0.72, 0.68, 0.62), (0.40, 0.28, 0.22))
TREES = ((0.10, 0.24, 0.10), (0.14, 0.30, 0.14), (0.24, 0.28, 0.10), (0.10, 0.26, 0.20))
WATERS = ((0.08, 0.16, 0.28), (0.12, 0.28, 0.34), (0.18, 0.30, 0.28), (0.16, 0.26, 0.44))
ASPHALTS = ((0.36, 0.36, 0.38), (0.52, 0.51, 0.50), (0.60, 0.54, 0.44))

Colours = tuple[tuple[float, float, float], ...]


def land_use(dice: Dice) -> Drawn:
    """Land of one use for the most part, and which use it is."""
    n, label = len(dice), dice.pick(len(USES))
    uses = np.concatenate([label, dice.other(label, len(USES))])
    seeds = np.concatenate([seed(dice), seed(dice)])
    centre = np.stack([dice.uniform(-0.4, 0.4), dice.uniform(-0.4, 0.4)], axis=1)
    u, v = turned(np.tile(centre, (2, 1)), np.tile(dice.uniform(0, 2 * np.pi), 2), np.tile(dice.uniform(0.75, 1.3), 2))
    seen = np.empty((2 * n, 3, *u.shape[1:]), dtype=np.float32)
    for use, drawn in enumerate(DRAWN):
        rows = np.flatnonzero(uses == use)
        if len(rows):
            seen[rows] = drawn(u[rows], v[rows], seeds[rows])
    across, along = turned(np.zeros((n, 2)), dice.uniform(0, 2 * np.pi), np.ones(n))
    border = across - planes(dice.uniform(0.25, 1.1)) + 0.5 * (noise(along * 2, across * 2, seeds[:n] + 3) - 0.5)
    land = mixed(seen[:n], seen[n:], covered(-border))
    haze = planes(dice.uniform(0.0, 0.3))[:, None]
    tint = colour(1 + np.stack([dice.normal(0.07), dice.normal(0.05), dice.normal(0.09)], axis=1))
    seen_from_far = (land * (1 - haze) + 0.62 * haze) * tint * planes(dice.uniform(0.75, 1.3))[:, None]
    return pictures_of(seen_from_far, seeds[:n], 0.07), label


def _one_of(colours: Colours, seeds: Codes) -> Reals:
    """One of the colours for each picture."""
    return colour(_chosen(colours, table_of_numbers(seeds + 29, 1, 1)[:, 0, 0]))


def _chosen(colours: Colours, share: Reals) -> Reals:
    """Colours by numbers in [0, 1), (…, 3)."""
    return np.asarray(colours, dtype=np.float32)[(share * len(colours)).astype(np.int64)]


def _ground(u: Reals, v: Reals, seeds: Codes) -> Reals:
    rough = 0.6 * noise(u * 5, v * 5, seeds + 1) + 0.4 * noise(u * 14, v * 14, seeds + 2)
    return _one_of(SOILS, seeds) * (0.75 + 0.5 * rough)[:, None]


def _fields(u: Reals, v: Reals, seeds: Codes) -> Reals:
    """Parcels, each with its crop and the furrows along one of its sides."""
    strip = np.floor(u * 1.5)
    along = v * 1.1 + 3 * cell_numbers(strip, np.zeros_like(strip), 1, seeds)
    parcel = np.floor(along)
    crop = _chosen(CROPS, cell_numbers(strip, parcel, 2, seeds)).transpose(0, 3, 1, 2)
    upright = cell_numbers(strip, parcel, 3, seeds) < 0.5
    wave = np.where(upright, u, v) * (18 + 16 * cell_numbers(strip, parcel, 4, seeds))
    furrows = np.abs(wave - np.floor(wave) - 0.5) * cell_numbers(strip, parcel, 5, seeds)
    track = np.maximum(np.abs(u * 1.5 - strip - 0.5), np.abs(along - parcel - 0.5)) > 0.465
    light: Reals = 0.85 + 0.45 * furrows + 0.15 * noise(u * 9, v * 9, seeds) - 0.3 * track
    return crop * light[:, None]


def _forest(u: Reals, v: Reals, seeds: Codes) -> Reals:
    """Crowns that are lit from one side, with gaps."""
    crowns = noise(u * 11, v * 11, seeds)
    lit = crowns - noise(u * 11 + 0.3, v * 11 + 0.2, seeds)
    rough = noise(u * 2.5, v * 2.5, seeds + 5)
    return _one_of(TREES, seeds) * (0.55 + 0.7 * crowns + 0.9 * lit + 0.6 * rough)[:, None]


def _houses(u: Reals, v: Reals, seeds: Codes) -> Reals:
    """Roofs with a ridge and a shadow on lots along streets."""
    size = np.float32(2.6)
    row = np.floor(v * size)
    column = np.floor(u * size)
    built = cell_numbers(column, row, 1, seeds) < 0.85
    x = (u * size - column - 0.5) - 0.16 * (cell_numbers(column, row, 2, seeds) - 0.5)
    y = (v * size - row - 0.5) - 0.16 * (cell_numbers(column, row, 3, seeds) - 0.5)
    half_x = 0.24 + 0.14 * cell_numbers(column, row, 4, seeds)
    half_y = 0.22 + 0.10 * cell_numbers(column, row, 5, seeds)
    soft = np.float32(0.09)
    roof = covered(np.maximum(np.abs(x) - half_x, np.abs(y) - half_y), soft) * built
    shadow = covered(np.maximum(np.abs(x - 0.10) - half_x, np.abs(y + 0.10) - half_y), soft) * built
    tile = _chosen(ROOFS, cell_numbers(column, row, 6, seeds)).transpose(0, 3, 1, 2)
    street = covered(np.abs(v * size / 3 - np.floor(v * size / 3) - 0.5) - 0.06, np.float32(0.04))
    lot = mixed(_ground(u, v, seeds), colour(np.asarray(ASPHALTS[:1])), street) * (1 - 0.5 * shadow)[:, None]
    return mixed(lot, tile * np.where(y > 0, 1.12, 0.82)[:, None], roof)


def _orchard(u: Reals, v: Reals, seeds: Codes) -> Reals:
    """Trees in rows."""
    i, j = np.floor(u * 5.2), np.floor(v * 4.0)
    x = u * 5.2 - i - 0.5 - 0.12 * (cell_numbers(i, j, 1, seeds) - 0.5)
    y = v * 4.0 - j - 0.5 - 0.12 * (cell_numbers(i, j, 2, seeds) - 0.5)
    radius = (0.24 + 0.1 * cell_numbers(i, j, 3, seeds)) * (cell_numbers(i, j, 4, seeds) < 0.93)
    tree = covered(np.sqrt(x * x + 1.4 * y * y) - radius, np.float32(0.2))
    shadow = covered(np.sqrt((x - 0.14) ** 2 + 1.4 * (y + 0.14) ** 2) - radius, np.float32(0.2))
    crown = _one_of(TREES, seeds + 1) * (1.25 + 0.8 * (y - x))[:, None]
    return mixed(1.1 * _ground(u, v, seeds) * (1 - 0.45 * shadow)[:, None], crown, tree)


def _roads(u: Reals, v: Reals, seeds: Codes) -> Reals:
    """One or two roads with lines and cars, across open land."""
    number = table_of_numbers(seeds + 11, 1, 6)[:, 0]
    bend, offset, width, second, angle, lined = (planes(column) for column in number.T)
    first = v - 0.5 * (bend - 0.5) * u * u - 0.7 * (offset - 0.5)
    other = u + (angle - 0.5) * v - 0.4 * (offset - 0.5)
    half = 0.07 + 0.10 * width
    away = np.minimum(np.abs(first), np.where(second < 0.5, np.abs(other), np.float32(9)))
    surface = _one_of(ASPHALTS, seeds)
    road = mixed(_ground(u, v, seeds), surface, covered(away - half, np.float32(0.05)))
    dashes = (np.abs(u * 3 - np.floor(u * 3) - 0.5) < 0.3) & (lined < 0.6)
    line = covered(np.abs(first) - 0.012, np.float32(0.04)) * dashes
    spot = np.floor(u * 6)
    car = np.maximum(np.abs(np.abs(first) - half / 2) - 0.035, np.abs(u - (spot + 0.5) / 6) - 0.055)
    driven = covered(car, np.float32(0.03)) * (cell_numbers(spot, np.sign(first), 7, seeds) < 0.16)
    painted = cell_numbers(spot, np.sign(first), 8, seeds)[:, None]
    return mixed(mixed(road, 0.85, line), painted, driven)


def _water(u: Reals, v: Reals, seeds: Codes) -> Reals:
    """A river between its banks, or the greater part of a lake."""
    number = table_of_numbers(seeds + 13, 1, 3)[:, 0]
    lake, width, level = (planes(column) for column in number.T)
    shore = noise(u * 1.6, v * 1.6, seeds + 7) - 0.5 + 0.25 * (noise(u * 5, v * 5, seeds + 8) - 0.5)
    river = np.abs(v + 0.9 * shore) - 0.24 - 0.3 * width
    wet = covered(np.where(lake < 0.5, river, shore - 0.12 - 0.15 * level), np.float32(0.06))
    deep = _one_of(WATERS, seeds) * (0.92 + 0.2 * noise(u * 3, v * 12, seeds))[:, None]
    return mixed(_ground(u, v, seeds), deep, wet)


DRAWN: tuple[Callable[[Reals, Reals, Codes], Reals], ...] = (_fields, _forest, _houses, _orchard, _roads, _water)
