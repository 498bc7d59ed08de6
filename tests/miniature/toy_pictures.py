"""Pictures that any network learns in a few steps: each class has a colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demeanour.miniature.names import CLASSES, COLOURS

COUNT = 64


class ToyPictures:
    def __init__(self, count: int = COUNT, captions: bool = True) -> None:
        self.labels: NDArray[np.int64] = np.arange(count, dtype=np.int64) % 4
        self.captions = [f"a photo of a {CLASSES[label]}" for label in self.labels]
        colours = np.array(list(COLOURS.values()))[[0, 4, 7, 12]]
        noise = np.random.default_rng(0).integers(-20, 21, (count, 64, 64, 3))
        pixels = 255 * colours[self.labels][:, None, None] + noise
        self._images = np.clip(pixels, 0, 255).astype(np.uint8)

    def __len__(self) -> int:
        return len(self.labels)

    def images(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        return self._images[indices]
