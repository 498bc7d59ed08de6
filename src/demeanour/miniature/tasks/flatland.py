"""Pictures that lie in the plane, many at once: strokes, polygons, blobs, noise, and how they are coloured.

Places are in half sides of the picture from its centre, x right and y up; planes are (n, 64, 64), colours are
(n, 3, 64, 64) until ``pictures_of`` makes pictures of them. All is computed pixel by pixel: what is drawn beside a
picture is of no influence.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.scenes import Codes
from demeanour.miniature.names import COLOURS, SIDE
from demeanour.statistics.seeds import generator

PALETTE = np.asarray(list(COLOURS.values()), dtype=np.float32)
PIXEL = np.float32(2 / SIDE)   # in half sides
X = ((np.arange(SIDE, dtype=np.float32) + 0.5) * PIXEL - 1)[None, None, :]
Y = -X.transpose(0, 2, 1)
PERIOD, SPREAD = 256, 40503   # of the table of random numbers; how far apart two seeds start in it
TABLE = np.pad(generator("flatland", "noise").random((PERIOD, PERIOD), dtype=np.float32), (0, 1), mode="wrap").ravel()
STANDING_OUT = 6   # colours of the palette, of those that are farthest from given ones

Images = NDArray[np.uint8]
Drawn = tuple[Images, Codes]   # pictures (n, 64, 64, 3) and their labels (n,)
Reals = NDArray[np.floating[Any]]   # of 32 bits where there is one for each pixel
Numbers = NDArray[np.float64]


def planes(values: ArrayLike) -> Reals:
    """A value for each picture, to be used with planes: (n,) → (n, 1, 1)."""
    return np.asarray(values, dtype=np.float32)[:, None, None]


def colour(values: ArrayLike) -> Reals:
    """A colour for each picture, to be used with colours: (n, 3) → (n, 3, 1, 1)."""
    return np.asarray(values, dtype=np.float32)[:, :, None, None]


def seed(dice: Dice) -> Codes:
    """A seed for each picture, (n,)."""
    return (dice.throw() * 2**31).astype(np.int64)


def contrasting(dice: Dice, *given: Codes) -> Codes:
    """A colour that stands out from all given ones, (n,); colours are positions in ``COLOURS``."""
    away = np.linalg.norm(PALETTE[:, None] - PALETTE[None], axis=-1)
    nearest = np.min([away[codes] for codes in given], axis=0)
    best = np.argsort(-nearest, axis=1, kind="stable")[:, :STANDING_OUT]
    found: Codes = best[np.arange(len(best)), dice.pick(STANDING_OUT)]
    return found


def turned(centre: ArrayLike, angle: ArrayLike, scale: ArrayLike) -> tuple[Reals, Reals]:
    """Coordinates of each pixel in a frame of one's own, two planes.

    Args:
        centre: (n, 2) of the frame.
        angle: (n,) radians by which it is turned counter-clockwise.
        scale: (n,) half sides per unit of the frame.
    """
    cx, cy = (planes(column) for column in np.asarray(centre).T)
    cos, sin = (planes(part(angle) / np.asarray(scale)) for part in (np.cos, np.sin))
    x, y = X - cx, Y - cy
    return x * cos + y * sin, y * cos - x * sin


def moved(points: ArrayLike, centre: ArrayLike, angle: ArrayLike, scale: ArrayLike) -> Reals:
    """Points of a frame, (n, …, 2), where they are in the picture; the inverse of ``turned``."""
    points = np.asarray(points, dtype=np.float32)
    shape = (-1, *[1] * (points.ndim - 2))
    cos, sin = ((part(angle) * np.asarray(scale)).astype(np.float32).reshape(shape) for part in (np.cos, np.sin))
    x, y = points[..., 0], points[..., 1]
    cx, cy = (column.astype(np.float32).reshape(shape) for column in np.asarray(centre).T)
    return np.stack([x * cos - y * sin + cx, x * sin + y * cos + cy], axis=-1)


def to_segments(segments: Reals) -> Reals:
    """Distance of each pixel to the nearest of some segments, (n, 64, 64).

    Args:
        segments: Their two ends, (n, k, 2, 2); both may be the same.
    """
    least = np.full((len(segments), SIDE, SIDE), 1e4, dtype=np.float32)
    for start, end in segments.transpose(1, 2, 0, 3):
        length = np.sqrt(((end - start) ** 2).sum(axis=1))
        known = (end - start) / np.maximum(length, np.float32(1e-9))[:, None]
        unit = np.where(length[:, None] > 0, known, np.asarray([1, 0], np.float32))
        (x, y), (ux, uy) = (planes(column) for column in start.T), (planes(column) for column in unit.T)
        along = (X - x) * ux + (Y - y) * uy
        aside = (Y - y) * ux - (X - x) * uy
        along -= np.minimum(np.maximum(along, 0), planes(length))
        along *= along
        aside *= aside
        along += aside
        np.minimum(least, along, out=least)
    result: Reals = np.sqrt(least)
    return result


def to_polygon(corners: Reals) -> Reals:
    """Distance of each pixel to a polygon's outline, negative inside, (n, 64, 64).

    Args:
        corners: One after the other, (n, k, 2); the same corner may be given twice.
    """
    after = np.roll(corners, -1, axis=1)
    inside = np.zeros((len(corners), SIDE, SIDE), dtype=bool)
    for (x, y), (next_x, next_y) in zip(corners.transpose(1, 2, 0), after.transpose(1, 2, 0), strict=True):
        rise = np.where(next_y == y, np.float32(1), next_y - y)
        crossed = planes(x) + planes((next_x - x) / rise) * (Y - planes(y))
        inside ^= ((planes(y) > Y) != (planes(next_y) > Y)) & (crossed > X)
    away = to_segments(np.stack([corners, after], axis=2))
    return np.where(inside, -away, away)


def covered(distance: Reals, softness: Reals | np.float32 = PIXEL) -> Reals:
    """How much of each pixel is inside, from 0 to 1, when the edge is so soft."""
    result: Reals = np.clip(np.float32(0.5) - distance / softness, 0, 1)
    return result


def blobs(
    count: int, reach: int, picture: Codes, centre: Reals, radius: Reals, stretch: Reals, angle: Reals,
    wobble: Reals, value: Reals,
) -> Reals:  # fmt: skip
    """Round things on empty planes; where they lie on each other, the larger value is seen.

    Args:
        count: Of planes.
        reach: Pixels from a centre that are drawn.
        picture: (m,) the plane of each.
        centre: (m, 2) in pixels from the top left corner, x right and y down.
        radius: (m,) pixels.
        stretch: (m,) of its length; its width is divided by it.
        angle: (m,) radians by which it is turned.
        wobble: (m,) how far its outline is from round: 0 is round.
        value: (m,) in its middle.
    """
    middle = np.floor(centre).astype(np.int64)
    offset = np.arange(-reach, reach + 1)
    columns, rows = (middle[:, axis, None] + offset for axis in (0, 1))
    x = (columns + np.float32(0.5) - centre[:, :1]).astype(np.float32)[:, None, :]
    y = (rows + np.float32(0.5) - centre[:, 1:]).astype(np.float32)[:, :, None]
    cos, sin, longer = planes(np.cos(angle)), planes(np.sin(angle)), planes(stretch)
    along, across = (x * cos + y * sin) / longer, (y * cos - x * sin) * longer
    away = np.sqrt(along * along + across * across) + np.float32(1e-6)
    c = along / away
    three, two = 4 * c * c * c - 3 * c, 2 * c * c - 1   # cosines of so many times the angle
    uneven = 1 + planes(wobble) * (three + 0.6 * two)
    patches = covered(away - planes(radius) * uneven, np.float32(1.2)) * planes(value)
    seen = ((rows >= 0) & (rows < SIDE))[:, :, None] & ((columns >= 0) & (columns < SIDE))[:, None, :]
    place = picture[:, None, None] * SIDE * SIDE + rows[:, :, None] * SIDE + columns[:, None, :]
    result = np.zeros(count * SIDE * SIDE, dtype=np.float32)
    np.maximum.at(result, place[seen], patches[seen])
    return result.reshape(count, SIDE, SIDE)


def noise(x: Reals, y: Reals, seeds: Codes) -> Reals:
    """Value noise from 0 to 1 with features of about one unit of the coordinates, each picture its own."""
    x, y = np.broadcast_arrays(x, y)
    i, j = np.floor(x), np.floor(y)
    a, b = x - i, y - j
    a, b = a * a * (3 - 2 * a), b * b * (3 - 2 * b)
    place = _place(i, j, seeds)
    corners = [TABLE.take(place + step, mode="clip") for step in (0, 1, PERIOD + 1, PERIOD + 2)]
    below = corners[0] + (corners[1] - corners[0]) * a
    above = corners[2] + (corners[3] - corners[2]) * a
    result: Reals = below + (above - below) * b
    return result


def cell_numbers(i: Reals, j: Reals, channel: int, seeds: Codes) -> Reals:
    """A random number in [0, 1) for each pair of whole numbers, of each picture and channel its own."""
    return TABLE.take(_place(i, j, seeds + 1000 * channel), mode="clip")


def table_of_numbers(seeds: Codes, rows: int, columns: int) -> Reals:
    """Random numbers in [0, 1) for things of which there are many, (n, rows, columns); by SplitMix64 (Steele, 2014)."""
    index = np.arange(1, rows * columns + 1, dtype=np.uint64).reshape(rows, columns)
    bits = (seeds.astype(np.uint64)[:, None, None] << np.uint64(32)) + index * np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    numbers: Reals = (bits >> np.uint64(40)).astype(np.float32) / np.float32(2**24)
    return numbers


def _place(i: Reals, j: Reals, seeds: Codes) -> NDArray[np.int32]:
    """Where the number of a pair is in the table: each seed starts elsewhere."""
    start = seeds * SPREAD % PERIOD**2
    row, column = (part.astype(np.int32)[:, None, None] for part in np.divmod(start, PERIOD))
    row, column = (j.astype(np.int32) + row) & (PERIOD - 1), (i.astype(np.int32) + column) & (PERIOD - 1)
    place: NDArray[np.int32] = row * (PERIOD + 1) + column
    return place


def mixed(first: Reals, second: Reals | float, share: Reals) -> Reals:
    """Colours between two, by planes of the second one's share."""
    result: Reals = first + (second - first) * share[:, None]
    return result


def pictures_of(colours: Reals, seeds: Codes, grain: float = 0.04) -> Images:
    """Pictures, with the grain of a camera, RGB (n, 64, 64, 3).

    Args:
        colours: (n, 3, 64, 64), cut off at 0 and 1.
        seeds: Of the grain.
        grain: Its width.
    """
    i, j = np.arange(SIDE, dtype=np.float32)[None, :, None], np.arange(SIDE, dtype=np.float32)[None, None, :]
    grains = np.float32(grain) * (cell_numbers(i, j, 0, seeds + 17) - np.float32(0.5))
    values = np.clip(colours + grains[:, None], 0, 1) * np.float32(255) + np.float32(0.5)
    return np.ascontiguousarray(values.astype(np.uint8).transpose(0, 2, 3, 1))
