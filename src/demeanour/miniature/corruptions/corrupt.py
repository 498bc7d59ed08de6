"""The fifteen corruptions of ImageNet-C (Hendrycks and Dietterich, 2019), each at five severities, for 64×64 images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.corruptions import SEVERITIES
from demeanour.errors import did_you_mean
from demeanour.miniature.corruptions import blur, digital, noise, weather
from demeanour.miniature.corruptions.digital import as_bytes, as_floats
from demeanour.miniature.names import SIDE
from demeanour.statistics import seeds

BLOCK = 8   # images at a time: what is made of them on the way stays in the processor's cache

Floats = NDArray[np.float32]
FIXED: dict[str, Callable[[Floats, int], Floats]] = {
    "defocus_blur": blur.defocus_blur,
    "zoom_blur": blur.zoom_blur,
    "brightness": digital.brightness,
    "contrast": digital.contrast,
    "pixelate": digital.pixelate,
    "jpeg_compression": digital.jpeg_compression,
}
RANDOM: dict[str, Callable[[Floats, int, Sequence[np.random.Generator]], Floats]] = {
    "gaussian_noise": noise.gaussian_noise,
    "shot_noise": noise.shot_noise,
    "impulse_noise": noise.impulse_noise,
    "glass_blur": blur.glass_blur,
    "motion_blur": blur.motion_blur,
    "snow": weather.snow,
    "frost": weather.frost,
    "fog": weather.fog,
    "elastic_transform": digital.elastic_transform,
}


def corrupt(images: NDArray[np.uint8], corruption: str, severity: int, ids: Sequence[str]) -> NDArray[np.uint8]:
    """Images, corrupted.

    What is random depends on corruption and id only: not on the other images, nor on their order; and severities share
    it, so that they differ by their strength. Values are computed in [0, 1], clipped, and rounded to the nearest byte.

    Args:
        images: RGB, (n, 64, 64, 3).
        corruption: One of ``CORRUPTIONS``.
        severity: 1 … 5.
        ids: The images' names, (n,).

    Returns:
        RGB, (n, 64, 64, 3).

    Raises:
        ValueError: There is no such corruption or severity, or images are not of this type and shape, or not as many
            as ids.
    """
    if corruption not in FIXED and corruption not in RANDOM:
        raise ValueError(f"no corruption is called '{corruption}'; {did_you_mean(corruption, [*FIXED, *RANDOM])}")
    if severity not in SEVERITIES:
        raise ValueError(f"there is no severity {severity!r}; known: {SEVERITIES[0]} … {SEVERITIES[-1]}")
    if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE, 3):
        raise ValueError(f"images of {images.dtype}, {images.shape}: not of uint8, (n, {SIDE}, {SIDE}, 3)")
    if len(images) != len(ids):
        raise ValueError(f"{len(images)} images, but {len(ids)} ids")
    corrupted = np.empty_like(images)
    for start in range(0, len(images), BLOCK):
        block = slice(start, start + BLOCK)
        x = as_floats(images[block])
        if corruption in FIXED:
            y = FIXED[corruption](x, severity)
        else:
            generators = [seeds.generator("corruption", corruption, name) for name in ids[block]]
            y = RANDOM[corruption](x, severity, generators)
        corrupted[block] = as_bytes(y)
    return corrupted
