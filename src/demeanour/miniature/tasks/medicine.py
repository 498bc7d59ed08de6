"""What physicians look at: stained tissue under the microscope, and scans of the back of the eye."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.scenes import Codes
from demeanour.miniature.names import SIDE
from demeanour.miniature.tasks.flatland import (
    PIXEL,
    Drawn,
    Numbers,
    Reals,
    X,
    Y,
    blobs,
    colour,
    covered,
    mixed,
    moved,
    noise,
    pictures_of,
    planes,
    seed,
    table_of_numbers,
    to_segments,
    turned,
)  # fmt: skip

MIDDLE = 24   # pixels of the side of the square that is judged
LATTICE = 9   # nuclei along a side, at most
ABNORMAL = 3   # nuclei in the middle, at most, and as many around it
HAEMATOXYLIN = np.asarray([1.5, 1.6, 0.7])   # optical densities of red, green, blue; Ruifrok and Johnston (2001)
EOSIN = np.asarray([0.15, 1.1, 0.35])

LESIONS = ((0, 0), (1, 2), (3, 5), (6, 9), (10, 14))   # of each grade: the fewest and the most
LARGEST = np.asarray([1.2, 1.3, 1.7, 2.2, 3.0])   # pixels of their radius
YELLOW = np.asarray([0.0, 0.0, 0.3, 0.4, 0.4])   # share of them that are exudates: bright instead of dark
NERVE, EXUDATE = np.asarray([0.1, 0.3, 0.25]), np.asarray([0.15, 0.45, 0.3])   # brighter than what is around
BLOOD = np.asarray([0.42, 0.15, 0.3])   # darker, as a factor
ARCS = (   # of vessels: bends and ends, towards the middle of the eye and up, from where they leave
    ((0.10, 0.75), (1.25, 0.42)), ((0.10, -0.75), (1.25, -0.42)),
    ((-0.10, 0.45), (-0.38, 0.62)), ((-0.10, -0.45), (-0.38, -0.62)),
)  # fmt: skip
BRANCHES = (   # from which arc, where along it, and to where
    (0, 0.45, (0.55, 0.95)), (0, 0.6, (0.75, 0.1)), (0, 0.8, (1.1, 0.75)),
    (1, 0.45, (0.55, -0.95)), (1, 0.6, (0.75, -0.1)), (1, 0.8, (1.1, -0.75)),
)  # fmt: skip
PIECES = 6   # straight ones of an arc

Span = tuple[float, float]   # the least, and how much more it may be


def cells(dice: Dice) -> Drawn:
    """Tissue, and whether any of the nuclei whose centres are in the middle is abnormal; others may be around it."""
    n, label, seeds = len(dice), dice.pick(2), seed(dice)
    size = dice.uniform(1.8, 2.5)[:, None]
    random = table_of_numbers(seeds, LATTICE**2 + 2 * ABNORMAL, 8)
    usual, odd = random[:, : LATTICE**2], random[:, LATTICE**2 :]
    row, column = np.divmod(np.arange(LATTICE**2), LATTICE)
    place = (np.stack([column, row], axis=1) + 0.1 + 0.8 * usual[..., :2]) * SIDE / LATTICE
    there = usual[..., 2] < dice.uniform(0.4, 0.85)[:, None]
    odd_place, odd_there = _abnormal(dice, label)
    stain = np.maximum(
        _nuclei(place, there, size, usual, ((0.75, 0.5), (1, 0.35), (0, 0.08), (0.42, 0.33)), reach=6),
        _nuclei(odd_place, odd_there, size, odd, ((1.45, 0.6), (1, 0.25), (0.08, 0.22), (0.72, 0.33)), reach=9),
    )
    stain *= 0.75 + 0.5 * noise(X * 16, Y * 16, seeds + 1)
    along, across = turned(np.zeros((n, 2)), dice.uniform(0, np.pi), 1 / dice.uniform(1.5, 4.0))
    fibres = 0.75 * noise(along, across * 2.5, seeds + 2) + 0.35 * noise(X * 9, Y * 9, seeds + 3)
    gaps = covered(fibres - planes(dice.uniform(0.15, 0.42)), np.float32(0.08))
    pink = planes(dice.uniform(0.3, 0.75)) * (0.4 + 0.7 * fibres) * (1 - 0.9 * gaps)
    blue = planes(dice.uniform(0.75, 1.15)) * stain + planes(dice.uniform(0.0, 0.12))
    dyes = np.exp(np.stack([dice.normal(0.12), dice.normal(0.06), dice.normal(0.12)], axis=1))
    density = colour(HAEMATOXYLIN * dyes) * blue[:, None] + colour(EOSIN * dyes) * pink[:, None]
    return pictures_of(planes(dice.uniform(0.85, 1.0))[:, None] * np.exp(-density), seeds, 0.05), label


def _nuclei(
    place: Numbers, there: NDArray[np.bool_], size: Numbers, random: Reals, spans: tuple[Span, Span, Span, Span],
    reach: int,
) -> Reals:  # fmt: skip
    """How much of the stain nuclei take up.

    Args:
        place: (n, k, 2) in pixels.
        there: (n, k) which of them are there.
        size: (n, 1) of a nucleus, pixels.
        random: (n, k, 8), of which the last five are used.
        spans: Of their radius in sizes, stretch, wobble and depth of colour.
        reach: Pixels from a centre that are drawn.
    """
    radius, stretch, wobble, value = (
        least + more * random[..., column] for column, (least, more) in enumerate(spans, start=3)
    )
    parts = (place, size * radius, stretch, 2 * np.pi * random[..., 7], wobble, value)
    return blobs(len(place), reach, np.nonzero(there)[0], *(part[there].astype(np.float32) for part in parts))


def _abnormal(dice: Dice, label: Codes) -> tuple[Numbers, NDArray[np.bool_]]:
    """Places of abnormal nuclei in pixels, (n, 6, 2), and which of them are there: those in the middle by the label."""
    n, half, clear = len(dice), MIDDLE / 2, MIDDLE / 2 + 7
    inner = half - 1
    within = [
        np.stack([dice.uniform(-inner, inner), dice.uniform(-inner, inner)], axis=1) for _ in range(ABNORMAL)
    ]
    around = []
    for _ in range(ABNORMAL):
        away = dice.uniform(clear, SIDE / 2) * np.where(dice.chance(0.5), 1, -1)
        pair = np.stack([away, dice.uniform(-SIDE / 2, SIDE / 2)], axis=1)
        around.append(np.where(dice.chance(0.5)[:, None], pair, pair[:, ::-1]))
    order = np.arange(ABNORMAL)
    number = np.stack([label * (1 + dice.pick(ABNORMAL)), dice.pick(ABNORMAL + 1)], axis=1)
    there = (order[None, None] < number[:, :, None]).reshape(n, -1)
    return np.stack(within + around, axis=1) + SIDE / 2, there


def scans(dice: Dice) -> Drawn:
    """Scans of the back of an eye, and their grades: the higher, the more lesions, and the larger."""
    n, grade, seeds = len(dice), dice.pick(len(LESIONS)), seed(dice)
    side = np.where(dice.chance(0.5), 1.0, -1.0)
    nerve = np.stack([side * dice.uniform(0.42, 0.58), dice.normal(0.05)], axis=1)
    tone = np.stack([dice.uniform(0.62, 0.92), dice.uniform(0.26, 0.46), dice.uniform(0.08, 0.22)], axis=1)
    to_middle, to_nerve, to_fovea = (
        np.sqrt((X - planes(x)) ** 2 + (Y - planes(y)) ** 2)
        for x, y in ((np.zeros(n), np.zeros(n)), nerve.T, (-0.08 * side, nerve[:, 1]))
    )
    light = 0.78 - 0.35 * to_middle**2 + 0.25 * noise(X * 3, Y * 3, seeds)
    light += 0.25 * np.maximum(1 - to_nerve, 0) - 0.28 * np.maximum(1 - to_fovea * 3.5, 0)
    disc = covered(to_nerve - planes(dice.uniform(0.12, 0.17)), np.float32(0.07))
    eye = mixed(colour(tone) * light[:, None], colour(np.minimum(tone * 1.3 + NERVE, 1)), disc)
    arcs, branches = _vessels(dice, nerve, side, seeds)
    soft = planes(dice.uniform(1.0, 1.8) * PIXEL)
    large, small = covered(to_segments(arcs) - 0.022, soft), covered(to_segments(branches) - 0.010, soft)
    vessels = np.maximum(0.6 * large, 0.45 * small) * planes(dice.uniform(0.6, 1.0))
    eye = eye * (1 - vessels[:, None] * colour([[0.8, 1.1, 1.0]]))
    dark, bright = _lesions(dice, grade, nerve, seeds)
    eye = mixed(eye, colour(tone * BLOOD), dark)
    eye = mixed(eye, colour(np.minimum(tone + EXUDATE, 1)), bright)
    seen = covered(to_middle - planes(dice.uniform(0.86, 0.98)), np.float32(0.05)) * planes(dice.uniform(0.75, 1.15))
    return pictures_of(eye * seen[:, None] + 0.02, seeds, 0.05), grade


def _vessels(dice: Dice, nerve: Numbers, side: Numbers, seeds: Codes) -> tuple[Reals, Reals]:
    """Segments of the large and of the small vessels, (n, k, 2, 2)."""
    random = table_of_numbers(seeds + 5, len(ARCS) + len(BRANCHES), 4) - np.float32(0.5)
    t = np.linspace(0, 1, PIECES + 1)[:, None]
    arcs = []
    for k, (bend, end) in enumerate(ARCS):   # parabolas from the nerve
        middle, last = (bend + 0.25 * random[:, k, :2])[:, None], (end + 0.25 * random[:, k, 2:])[:, None]
        arcs.append(2 * t * (1 - t) * middle + t**2 * last)
    branches = []
    for k, (arc, along, end) in enumerate(BRANCHES, start=len(ARCS)):
        root, tip = arcs[arc][:, round(along * PIECES)], end + 0.3 * random[:, k, :2]
        branches.append(np.stack([root, (root + tip) / 2 + 0.2 * random[:, k, 2:], tip], axis=1))
    roll = dice.normal(0.08)

    def placed(curves: list[Numbers]) -> Reals:
        pairs = np.concatenate([np.stack([curve[:, :-1], curve[:, 1:]], axis=2) for curve in curves], axis=1)
        outwards = np.stack([-side, np.ones_like(side)], axis=1)[:, None, None]
        return moved(pairs * outwards, nerve, roll, np.ones_like(side))

    return placed(arcs), placed(branches)


def _lesions(dice: Dice, grade: Codes, nerve: Numbers, seeds: Codes) -> tuple[Reals, Reals]:
    """How much of each pixel is bled into, and how much is yellow."""
    fewest, most = np.asarray(LESIONS)[grade].T
    number = fewest + (dice.throw() * (most - fewest + 1)).astype(np.int64)
    random = table_of_numbers(seeds + 9, max(most for _, most in LESIONS), 8)
    away, around = 0.8 * np.sqrt(random[..., 0]), 2 * np.pi * random[..., 1]
    place = np.stack([away * np.cos(around), away * np.sin(around)], axis=-1)
    hidden = np.linalg.norm(place - nerve[:, None], axis=-1) < 0.25
    place = np.where(hidden[..., None], -place, place)
    pixels = ((place * (1, -1) + 1) * SIDE / 2).astype(np.float32)
    radius = 1.0 + (LARGEST[grade][:, None] - 1.0) * random[..., 2]
    yellow = random[..., 7] < YELLOW[grade][:, None]
    seen = np.arange(random.shape[1]) < number[:, None]
    strength = dice.uniform(0.65, 1.0)[:, None] * (0.8 + 0.2 * random[..., 3])
    parts = (pixels, radius, 1 + 0.3 * random[..., 4], 2 * np.pi * random[..., 5], 0.2 * random[..., 6], strength)
    dark, bright = (
        blobs(len(grade), 5, np.nonzero(chosen)[0], *(part[chosen].astype(np.float32) for part in parts))
        for chosen in (seen & ~yellow, seen & yellow)
    )
    return dark, bright
