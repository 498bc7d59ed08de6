"""Uniform random numbers of each picture of its own: which others are drawn beside it is of no influence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from demeanour.statistics.seeds import generator

Floats = NDArray[np.float64]
COLUMNS = 160   # throws that a picture may ask for


class Dice:
    """Throws for many pictures at once; each call takes the next throw of every picture.

    Args:
        world: The name of what is drawn; another name gives other pictures.
        numbers: Of the pictures, (n,).
    """

    def __init__(self, world: str, numbers: Sequence[int] | NDArray[np.int64]) -> None:
        self._throws = np.stack([generator("miniature", world, str(int(k))).random(COLUMNS) for k in numbers])
        self._next = 0

    def __len__(self) -> int:
        return len(self._throws)

    def throw(self) -> Floats:
        """Uniform in [0, 1), (n,)."""
        if self._next == COLUMNS:
            raise IndexError(f"a picture has {COLUMNS} throws")
        self._next += 1
        column: Floats = self._throws[:, self._next - 1]
        return column

    def uniform(self, low: float, high: float) -> Floats:
        """Uniform between two bounds."""
        return low + (high - low) * self.throw()

    def normal(self, spread: float) -> Floats:
        """Normal about 0, cut at three standard deviations."""
        result: Floats = np.clip(ndtri(self.throw()), -3, 3) * spread
        return result

    def chance(self, probability: float | Floats) -> NDArray[np.bool_]:
        """Whether a thing of this probability happens."""
        result: NDArray[np.bool_] = self.throw() < probability
        return result

    def choice(self, weights: Sequence[float] | Floats) -> NDArray[np.int64]:
        """A position in the weights, in proportion to them."""
        edges = np.cumsum(np.asarray(weights, dtype=float))
        found = np.searchsorted(edges / edges[-1], self.throw(), side="right")
        return np.minimum(found, len(edges) - 1)

    def pick(self, count: int) -> NDArray[np.int64]:
        """A position among so many, each as likely."""
        return (self.throw() * count).astype(np.int64)

    def other(self, position: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """A position among so many that is not the given one."""
        return (position + 1 + self.pick(count - 1)) % count
