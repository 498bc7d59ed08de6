"""Corruptions of ImageNet-C by cameras and files: brightness, contrast, elastic, pixelate, JPEG."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demeanour.miniature.corruptions.blur import gaussian_blurred, picked
from demeanour.miniature.names import SIDE

# parameters of the authors' 64×64 versions, but for ELASTIC
BRIGHTNESS = (0.1, 0.2, 0.3, 0.4, 0.5)   # what is added to the value, in [0, 1]
CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)    # what is left of it
PIXELATE = (57, 51, 44, 38, 32)          # pixels of the side that are left: 64 × 0.9 … 0.5, rounded down
JPEG = (65, 58, 50, 40, 25)              # quality

# what displaces pixels: the factor of noise in −1 … 1 that is smoothed by ELASTIC_SIGMA; and how far, at most, corners
# of the square that spans the affine part move; in pixels. The authors' take turns, one falls where the other rises,
# and higher severities can be the milder ones: here both rise, until noise moves a pixel by 1.1 (r.m.s., each way; 0.9)
ELASTIC = ((5, 0.8), (8, 1.2), (11, 1.6), (14, 2.0), (17, 2.4))
ELASTIC_SIGMA = 0.04 * SIDE
ELASTIC_SQUARE = SIDE // 3   # half its side

Floats = NDArray[np.float32]
Generators = Sequence[np.random.Generator]


def as_bytes(x: Floats) -> NDArray[np.uint8]:
    """Values as bytes: clipped to [0, 1] and rounded to the nearest of 0 … 255."""
    return np.rint(np.clip(x, 0, 1) * 255).astype(np.uint8)


def as_floats(images: NDArray[np.uint8]) -> Floats:
    """Bytes as values in [0, 1]."""
    return images.astype(np.float32) / np.float32(255)


def brightness(x: Floats, severity: int) -> Floats:
    """The value of HSV is raised; hue and saturation stay."""
    value = np.maximum(np.maximum(x[..., :1], x[..., 1:2]), x[..., 2:])
    raised = np.minimum(value + np.float32(BRIGHTNESS[severity - 1]), 1)
    black = value == 0   # has no hue, and becomes grey
    brighter: Floats = x * (raised / np.where(black, 1, value)) + black * raised
    return brighter


def contrast(x: Floats, severity: int) -> Floats:
    """Values move towards the mean of their image and channel."""
    total = np.rint(x * 255).sum(axis=(1, 2), keepdims=True, dtype=np.float64)   # of whole numbers: exact in any order
    mean = (total / (255 * SIDE**2)).astype(np.float32)
    flat: Floats = (x - mean) * np.float32(CONTRAST[severity - 1]) + mean
    return flat


def _bilinear(x: Floats, row: NDArray[np.float64], column: NDArray[np.float64]) -> Floats:
    """Images at places between pixels, (n, 64, 64) each; beyond the borders they are mirrored."""
    result = np.zeros_like(x)
    row, column = (np.clip(SIDE - 1 - abs(SIDE - 1 - abs(place)), 0, SIDE - 1) for place in (row, column))
    top, left = (np.minimum(place.astype(np.intp), SIDE - 2) for place in (row, column))
    down, right = (row - top).astype(np.float32)[..., None], (column - left).astype(np.float32)[..., None]
    for below, vertical in ((0, 1 - down), (1, down)):
        for beside, horizontal in ((0, 1 - right), (1, right)):
            result += vertical * horizontal * picked(x, top + below, left + beside)
    return result


def elastic_transform(x: Floats, severity: int, generators: Generators) -> Floats:
    """A random affine map and smooth random displacements; all severities scale the same ones."""
    strength, reach = ELASTIC[severity - 1]
    corners = np.stack([generator.uniform(-1, 1, (3, 2)) for generator in generators]) * reach
    noise = np.stack([generator.uniform(-1, 1, (SIDE, SIDE, 2)) for generator in generators]).astype(np.float32)
    local = gaussian_blurred(noise, ELASTIC_SIGMA).astype(np.float64) * strength
    place = np.arange(SIDE, dtype=np.float64)
    within = (place - SIDE // 2) / (2 * ELASTIC_SQUARE) + 0.5   # 0 … 1 in the square
    moved = []
    for axis, here in enumerate((place[:, None], place)):
        low_right, low_left, top_left = (corners[:, corner, axis, None, None] for corner in range(3))
        affine = low_left + (low_right - low_left) * within + (top_left - low_left) * (1 - within[:, None])
        moved.append(here + affine + local[..., axis])
    return _bilinear(x, *moved)


def pixelate(x: Floats, severity: int) -> Floats:
    """Fewer pixels: box down, and up again."""
    small = (PIXELATE[severity - 1],) * 2
    images = [Image.fromarray(image) for image in as_bytes(x)]
    coarse = [image.resize(small, Image.Resampling.BOX).resize((SIDE, SIDE), Image.Resampling.BOX) for image in images]
    return as_floats(np.stack([np.asarray(image) for image in coarse]))


def jpeg_compression(x: Floats, severity: int) -> Floats:
    """JPEG, colours at half the resolution; the same wherever the same JPEG library is."""
    decoded = []
    for image in as_bytes(x):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=JPEG[severity - 1])
        decoded.append(np.asarray(Image.open(file)))
    return as_floats(np.stack(decoded))
