"""Weather of ImageNet-C: snow, frost and fog."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from demeanour.miniature.corruptions.blur import motion_blurred, zoomed
from demeanour.miniature.corruptions.ice import ICE, ice
from demeanour.miniature.names import SIDE

# parameters of the authors' 64×64 versions
# snow: mean and spread of noise, its zoom, from where on it is a flake, trail and its σ (as of motion blur), and what
# is left of the image where it turns white
SNOW = (
    (0.10, 0.2, 1.00, 0.60, 8, 3, 0.80), (0.10, 0.2, 1.00, 0.50, 10, 4, 0.80), (0.15, 0.3, 1.75, 0.55, 10, 4, 0.70),
    (0.25, 0.3, 2.25, 0.60, 12, 6, 0.65), (0.30, 0.3, 1.25, 0.65, 14, 12, 0.60),
)  # fmt: skip
FROST = ((1, 0.2), (0.9, 0.35), (0.8, 0.5), (0.7, 0.65), (0.6, 0.8))   # parts of image and ice: the authors' end at
# (0.7, 0.55), and are for photographs of frost, which are brighter and hide more
FOG = ((0.4, 3), (0.7, 3), (1, 2.5), (1.5, 2), (2, 1.75))   # its strength, how fast its detail fades

Floats = NDArray[np.float32]
Generators = Sequence[np.random.Generator]


def snow(x: Floats, severity: int, generators: Generators) -> Floats:
    """Flakes that fall, twice, over an image that is whitened."""
    mean, spread, zoom, flake, trail, sigma, kept = SNOW[severity - 1]
    noise = np.stack([generator.standard_normal((SIDE, SIDE, 1), dtype=np.float32) for generator in generators])
    angles = np.array([generator.uniform(-3 * np.pi / 4, -np.pi / 4) for generator in generators])
    layer = zoomed(np.float32(mean) + np.float32(spread) * noise, zoom)
    flakes = np.where(layer < flake, np.float32(0), np.minimum(layer, 1))
    flakes = motion_blurred(flakes, int(trail), sigma, angles)
    grey = np.float32(0.299) * x[..., :1] + np.float32(0.587) * x[..., 1:2] + np.float32(0.114) * x[..., 2:]
    whitened = np.float32(kept) * x + np.float32(1 - kept) * np.maximum(x, grey * np.float32(1.5) + np.float32(0.5))
    snowed: Floats = whitened + flakes + flakes[:, ::-1, ::-1]
    return snowed


def frost(x: Floats, severity: int, generators: Generators) -> Floats:
    """A part of a sheet of ice over the image. The authors' are photographs; these sheets are grown."""
    image_part, ice_part = FROST[severity - 1]
    sheets = ice()
    crops = []
    for generator in generators:
        sheet, top, left = generator.integers((len(sheets), ICE - SIDE + 1, ICE - SIDE + 1))
        crops.append(sheets[sheet, top : top + SIDE, left : left + SIDE])
    return np.float32(image_part) * x + np.float32(ice_part) * np.stack(crops)


def plasma(noise: NDArray[np.float64], fading: float) -> NDArray[np.float64]:
    """Fractal clouds by the diamond-square algorithm on a torus.

    Args:
        noise: What displaces each point from the mean of its neighbours, in −1 … 1; (n, 2ᵏ, 2ᵏ).
        fading: Noise is divided by its square from each scale to the next finer one.

    Returns:
        Heights from 0 to 1, of the noise's shape.
    """
    height = np.zeros_like(noise)
    step, amplitude = noise.shape[1], 1.0
    while step > 1:
        half = step // 2
        corners = height[:, ::step, ::step]
        above = corners + np.roll(corners, -1, axis=2)
        beside = corners + np.roll(corners, -1, axis=1)
        centres = (above + np.roll(above, -1, axis=1)) / 4 + amplitude * noise[:, half::step, half::step]
        height[:, half::step, half::step] = centres
        horizontal = above + centres + np.roll(centres, 1, axis=1)
        height[:, ::step, half::step] = horizontal / 4 + amplitude * noise[:, ::step, half::step]
        vertical = beside + centres + np.roll(centres, 1, axis=2)
        height[:, half::step, ::step] = vertical / 4 + amplitude * noise[:, half::step, ::step]
        step, amplitude = half, amplitude / fading**2
    height -= height.min(axis=(1, 2), keepdims=True)
    scaled: NDArray[np.float64] = height / height.max(axis=(1, 2), keepdims=True)
    return scaled


def fog(x: Floats, severity: int, generators: Generators) -> Floats:
    """Clouds are added, and all is scaled to where the image's brightest value was."""
    strength, fading = FOG[severity - 1]
    noise = np.stack([generator.uniform(-1, 1, (SIDE, SIDE)) for generator in generators])
    brightest = x.max(axis=(1, 2, 3), keepdims=True)
    clouds = plasma(noise, fading).astype(np.float32)[..., None]
    fogged: Floats = (x + np.float32(strength) * clouds) * (brightest / (brightest + np.float32(strength)))
    return fogged
