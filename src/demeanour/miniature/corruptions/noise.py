"""Noises of ImageNet-C: Gaussian, shot and impulse noise, with the parameters of its authors' 64×64 versions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

GAUSSIAN = (0.04, 0.08, 0.12, 0.15, 0.18)   # standard deviation, of values in [0, 1]
SHOT = (250, 100, 50, 30, 15)               # photons that a value of 1 stands for
IMPULSE = (0.01, 0.02, 0.05, 0.08, 0.14)    # share of values that become 0 or 1

Floats = NDArray[np.float32]
Generators = Sequence[np.random.Generator]


def gaussian_noise(x: Floats, severity: int, generators: Generators) -> Floats:
    """Normal noise, independent for each pixel and channel; all severities scale the same noise."""
    noise = np.stack([generator.standard_normal(x.shape[1:], dtype=np.float32) for generator in generators])
    return x + np.float32(GAUSSIAN[severity - 1]) * noise


def shot_noise(x: Floats, severity: int, generators: Generators) -> Floats:
    """Poisson counts of as many photons as the value stands for, over the photons of a value of 1."""
    photons = SHOT[severity - 1]
    counts = np.stack([generator.poisson(image * photons) for generator, image in zip(generators, x, strict=True)])
    return (counts / photons).astype(np.float32)


def impulse_noise(x: Floats, severity: int, generators: Generators) -> Floats:
    """Salt and pepper, in halves, for each pixel and channel alone; what is hit stays hit at higher severities."""
    chance = np.stack([generator.random(x.shape[1:], dtype=np.float32) for generator in generators])
    half = np.float32(IMPULSE[severity - 1] / 2)
    return np.where(chance < half, np.float32(0), np.where(chance >= 1 - half, np.float32(1), x))
