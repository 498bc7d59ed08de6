"""A network of a user's that takes its features too early: what is probed has gone through its stem and no further."""

from __future__ import annotations

from typing import Any

from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch import Tensor, nn

from demeanour.miniature.learning.cast import load
from demeanour.miniature.names import CLASSES, SIDE

PIXELS = {"crop": SIDE, "mean": OPENAI_DATASET_MEAN, "std": OPENAI_DATASET_STD}


class Early(nn.Module):
    """The stem of CLIP's ConvNeXt, and a classifier that nobody trained and no probe sees."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = load("ConvNeXt-clip").get_submodule("visual.trunk.stem")
        self.head = nn.Linear(48, len(CLASSES))

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits, (n, classes), from what is probed: the mean over all places."""
        logits: Tensor = self.head(self.stem(pixels).mean(dim=(2, 3)))
        return logits


def early() -> tuple[nn.Module, dict[str, Any]]:
    """The network with its preprocessing."""
    return Early(), PIXELS
