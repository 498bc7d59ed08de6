"""Blurs of ImageNet-C: out of focus, behind frosted glass, in motion and zooming."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from demeanour.miniature.names import SIDE

# parameters of the authors' 64×64 versions; lengths in pixels
DEFOCUS = ((0.5, 0.6), (1, 0.1), (1.5, 0.1), (2.5, 0.01), (3, 0.1))   # radius of the disc, σ that softens its edge
GLASS = ((0.5, 0.7, 1), (0.5, 1, 1), (0.6, 1, 2), (0.7, 2, 1), (0.9, 2, 2))   # σ, farthest jump, rounds of jumps: the
# authors' first is (0.1, 1, 1), which is harsher than their second
MOTION = ((10, 1.0), (10, 1.5), (10, 2.0), (10, 2.5), (12, 3.0))   # half the longest trail, σ of its fading
MOTION_ANGLE = np.pi / 4   # a trail leaves the horizontal by as much, either way
ZOOM = (1.05, 1.10, 1.15, 1.20, 1.25)   # the strongest zoom; 1 … this, in steps of 0.01

Floats = NDArray[np.float32]
Generators = Sequence[np.random.Generator]


def convolved(x: Floats, kernel: NDArray[np.float64]) -> Floats:
    """Images convolved with a small symmetric kernel of odd sides; beyond the borders they are mirrored."""
    height, width = kernel.shape
    padded = np.pad(x, ((0, 0), (height // 2, height // 2), (width // 2, width // 2), (0, 0)), mode="reflect")
    result = np.zeros_like(x)
    for row, column in np.argwhere(kernel):
        result += np.float32(kernel[row, column]) * padded[:, row : row + SIDE, column : column + SIDE]
    return result


def gaussian_kernel(sigma: float, reach: int) -> NDArray[np.float64]:
    """A Gaussian at −reach … reach, with sum 1; (2 · reach + 1,)."""
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights[weights < 1e-6] = 0
    kernel: NDArray[np.float64] = weights / weights.sum()
    return kernel


def gaussian_blurred(x: Floats, sigma: float) -> Floats:
    """Images convolved with a Gaussian that is cut at 4 σ."""
    kernel = gaussian_kernel(sigma, int(4 * sigma + 0.5))
    return convolved(convolved(x, kernel[:, None]), kernel[None, :])


def disc_kernel(radius: float, softness: float) -> NDArray[np.float64]:
    """The pixels within a radius, softened by a Gaussian of 3×3 pixels, with sum 1."""
    reach = int(radius) + 1
    place = np.arange(-reach, reach + 1)
    disc = np.pad((place[:, None] ** 2 + place**2 <= radius**2).astype(np.float64), 1)
    soft = gaussian_kernel(softness, 1)
    for axis in (0, 1):
        disc = soft[0] * np.roll(disc, -1, axis) + soft[1] * disc + soft[2] * np.roll(disc, 1, axis)
    kernel: NDArray[np.float64] = disc / disc.sum()
    return kernel


def defocus_blur(x: Floats, severity: int) -> Floats:
    """Each point becomes a disc."""
    return convolved(x, disc_kernel(*DEFOCUS[severity - 1]))


def picked(x: Floats, row: NDArray[np.intp], column: NDArray[np.intp]) -> Floats:
    """The pixels of each image at the rows and columns given for it, (n, 64, 64) each."""
    first = np.arange(len(x))[:, None, None] * SIDE**2
    return np.take(x.reshape(-1, x.shape[3]), first + row * SIDE + column, axis=0)


def glass_blur(x: Floats, severity: int, generators: Generators) -> Floats:
    """Between two Gaussian blurs, each pixel takes the colour of a neighbour, some rounds over.

    The authors' code means to swap pixels, but copies, as both sides of its swap are views; its neighbours are −jump …
    jump − 1 pixels away. Here they are as far on average (root mean square), but evenly on all sides.
    """
    sigma, jump, rounds = GLASS[severity - 1]
    x = gaussian_blurred(x, sigma)
    chance = np.stack([generator.random((rounds, 2, SIDE, SIDE)) for generator in generators])
    jumps = np.rint((2 * chance - 1) * jump).astype(np.intp)
    place = np.arange(SIDE)
    for turn in range(rounds):
        row = np.clip(place[:, None] + jumps[:, turn, 0], 0, SIDE - 1)
        column = np.clip(place + jumps[:, turn, 1], 0, SIDE - 1)
        x = picked(x, row, column)
    return gaussian_blurred(x, sigma)


def trail_weights(radius: int, sigma: float) -> NDArray[np.float64]:
    """Half a Gaussian: how much the points of a trail count, from its start; sum 1, (2 · radius + 1,) or fewer."""
    weights = np.exp(-0.5 * (np.arange(2 * radius + 1) / sigma) ** 2)
    seen: NDArray[np.float64] = weights[weights > 1e-4] / weights[weights > 1e-4].sum()
    return seen


def motion_blurred(x: Floats, radius: int, sigma: float, angles: NDArray[np.float64]) -> Floats:
    """Images that leave a fading trail, each at its own angle (radians); what is beyond the borders is like them."""
    weights = trail_weights(radius, sigma)
    steps = np.arange(len(weights))
    rows = np.rint(np.sin(angles)[:, None] * steps).astype(int) + len(weights)
    columns = np.rint(np.cos(angles)[:, None] * steps).astype(int) + len(weights)
    padded = np.pad(x, ((0, 0), (len(weights),) * 2, (len(weights),) * 2, (0, 0)), mode="edge")
    result = np.zeros_like(x)
    for image, blurred, row, column in zip(padded, result, rows, columns, strict=True):
        for weight, top, left in zip(weights.astype(np.float32), row, column, strict=True):
            blurred += weight * image[top : top + SIDE, left : left + SIDE]
    return result


def motion_blur(x: Floats, severity: int, generators: Generators) -> Floats:
    """Each image leaves a trail at an angle of −45° … 45°."""
    angles = np.array([generator.uniform(-MOTION_ANGLE, MOTION_ANGLE) for generator in generators])
    radius, sigma = MOTION[severity - 1]
    return motion_blurred(x, radius, sigma, angles)


@cache
def _zooms(factors: tuple[float, ...]) -> scipy.sparse.csr_array:
    """The mean of zooms about the centre, bilinear, as a matrix over pixels; (4096, 4096)."""
    total = scipy.sparse.csr_array((SIDE**2, SIDE**2), dtype=np.float64)
    centre = (SIDE - 1) / 2
    for factor in factors:
        source = centre + (np.arange(SIDE) - centre) / factor
        left = np.minimum(source.astype(int), SIDE - 2)
        along = np.zeros((SIDE, SIDE))
        along[np.arange(SIDE), left] = left + 1 - source
        along[np.arange(SIDE), left + 1] = source - left
        total = total + scipy.sparse.kron(along, along, format="csr")
    return scipy.sparse.csr_array(total / len(factors), dtype=np.float32)


def zoomed(x: Floats, *factors: float) -> Floats:
    """The mean of an image zoomed by factors of 1 and more."""
    pixels = x.transpose(1, 2, 0, 3).reshape(SIDE**2, -1)
    mixed: Floats = _zooms(factors) @ pixels
    return mixed.reshape(SIDE, SIDE, len(x), -1).transpose(2, 0, 1, 3)


def zoom_blur(x: Floats, severity: int) -> Floats:
    """The mean of ever stronger zooms, in which the image itself counts twice."""
    steps = round((ZOOM[severity - 1] - 1) * 100)
    return zoomed(x, 1.0, *(1 + step / 100 for step in range(steps + 1)))
