"""Sheets of ice that grow like frost on a window: feathers of needles, each with needles of its own."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from demeanour.statistics import seeds

SHEETS = 4
ICE = 256        # pixels of a sheet's side
FEATHERS = 40    # of a sheet
BRANCHING = np.pi / 3   # ice is hexagonal
SPACING = 5.0    # pixels between needles on one side of a stem
TINT = (0.80, 0.92, 1.0)

Needles = NDArray[np.float64]   # (n, 5): row, column, angle, length, brightness
Floats = NDArray[np.float32]


def _steps(lengths: NDArray[np.float64], step: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Points along needles, every so many pixels from their start: whose they are, and how far along."""
    counts = np.ceil(lengths / step).astype(int)
    whose = np.repeat(np.arange(len(lengths)), counts)
    return whose, step * (np.arange(len(whose)) - (np.cumsum(counts) - counts)[whose])


def _branches(stems: Needles, rng: np.random.Generator) -> Needles:
    """The needles on both sides of stems, shorter towards their tips."""
    whose, along = _steps(stems[:, 3], SPACING)
    row, column, angle, length, bright = stems[whose].T
    sides = []
    for side in (-1, 1):
        lengths = (length - along) * rng.uniform(0.2, 0.6, len(along))
        brights = bright * rng.uniform(0.5, 0.95, len(along))
        angles = angle + side * BRANCHING
        needles = [row + along * np.sin(angle), column + along * np.cos(angle), angles, lengths, brights]
        sides.append(np.stack(needles, axis=1))
    return np.concatenate(sides)


def _drawn(needles: Needles) -> NDArray[np.float64]:
    """Needles that fade towards their tips, on a torus; where they cross, the brighter one is seen."""
    whose, along = _steps(needles[:, 3], 0.5)
    row, column, angle, length, bright = needles[whose].T
    rows = np.rint(row + along * np.sin(angle)).astype(int) % ICE
    columns = np.rint(column + along * np.cos(angle)).astype(int) % ICE
    canvas = np.zeros((ICE, ICE))
    np.maximum.at(canvas, (rows, columns), bright * (1 - 0.6 * along / length))
    return canvas


@cache
def ice() -> Floats:
    """Sheets of ice, the same ones each time.

    Returns:
        RGB in [0, 1], (4, 256, 256, 3).
    """
    sheets = []
    for number in range(SHEETS):
        rng = seeds.generator("ice", str(number))
        place = rng.uniform(0, ICE, (FEATHERS, 2))
        angle = rng.uniform(-np.pi, np.pi, FEATHERS)
        stems = np.column_stack([place, angle, rng.uniform(50, 140, FEATHERS), rng.uniform(0.7, 1, FEATHERS)])
        barbs = _branches(stems, rng)
        needles = _drawn(np.concatenate([stems, barbs, _branches(barbs, rng)]))
        haze = gaussian_filter(needles, 8, mode="wrap")
        frozen = 0.05 + 0.45 * haze / haze.max() + 0.9 * gaussian_filter(needles, 0.5, mode="wrap")
        sheets.append(np.clip(frozen[..., None] * TINT, 0, 1))
    return np.stack(sheets).astype(np.float32)
