"""How a network of the miniature cast is trained: the numbers, and what each step sees."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from demeanour.miniature.names import SIDE
from demeanour.statistics.seeds import generator

SHIFT = 4   # pixels


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: AdamW, warm-up and cosine.

    Attributes:
        presentations: Pictures shown in all; rounded up to whole batches.
        batch: Pictures in a step.
        learning_rate: The highest.
        weight_decay: Not of norms, biases and position embeddings.
        warm_up: Share of the steps in which the learning rate rises.
        label_smoothing: Of supervised training.
        gradient_norm: Gradients are clipped to it.
        averaging: Decay of the moving average of weights, which is what is kept.
        precision: ``bf16``, with autocast, or ``fp32``.
    """

    presentations: int
    batch: int = 128
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05
    warm_up: float = 0.05
    label_smoothing: float = 0.1
    gradient_norm: float = 1.0
    averaging: float = 0.998
    precision: str = "bf16"

    @property
    def steps(self) -> int:
        """How many updates there are."""
        return -(-self.presentations // self.batch)

    def rate(self, step: int) -> float:
        """The learning rate of a step, from 0 on: a linear rise, then half a cosine down to zero."""
        rise = max(1, round(self.warm_up * self.steps))
        if step < rise:
            return self.learning_rate * (step + 1) / rise
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, self.steps - rise)))


def batch_of(step: int, size: int, count: int, seed: int) -> NDArray[np.int64]:
    """Which pictures a step sees, (size,): every epoch is a permutation of all, and batches run on across epochs."""
    epoch, place = np.divmod(np.arange(step * size, (step + 1) * size), count)
    indices = np.empty(size, dtype=np.int64)
    for one in np.unique(epoch):
        indices[epoch == one] = _order(count, seed, int(one))[place[epoch == one]]
    return indices


@lru_cache(maxsize=2)
def _order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return generator("miniature order", str(seed), str(epoch)).permutation(count)


def augmented(images: NDArray[np.uint8], step: int, seed: int) -> NDArray[np.uint8]:
    """Pictures of a step, each flipped or not and shifted by up to 4 pixels, (n, 64, 64, 3); edges are repeated."""
    dice = generator("miniature augmentation", str(seed), str(step))
    n, pixels = len(images), np.arange(SIDE)
    flip = dice.random(n) < 0.5
    down, right = dice.integers(-SHIFT, SHIFT + 1, (2, n))
    rows = np.clip(pixels + down[:, None], 0, SIDE - 1)
    columns = np.clip(np.where(flip[:, None], pixels[::-1], pixels) + right[:, None], 0, SIDE - 1)
    moved: NDArray[np.uint8] = images[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved
