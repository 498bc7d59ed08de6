"""A loaded network as evaluation uses it, whatever library it comes from."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from demeanour.models.description import Description


class Network(Protocol):
    """A network in evaluation mode; calls run without gradients.

    Attributes:
        description: What it is.
    """

    description: Description

    @property
    def module(self) -> nn.Module | None:
        """The image tower with all that logits need, for hooks and for moving to a device; None for ONNX."""
        ...

    def logits(self, pixels: Tensor) -> Tensor:
        """The scores of all classes, (n, classes), float32, from normalised pixels (n, 3, side, side)."""
        ...

    def features(self, pixels: Tensor) -> dict[str, Tensor]:
        """Pooled features: ``pooled`` is what the head is fed with; of CLIP models ``projected`` too, unit length."""
        ...

    def answers(self, pixels: Tensor, features: bool = False) -> dict[str, Tensor]:
        """``logits`` where it has a classifier, with ``features`` these as well where they are known: in one pass."""
        ...

    def at(self, side: int) -> Network:
        """The same weights for another input side, position embeddings interpolated; itself where nothing changes."""
        ...

    def to(self, device: str, precision: str, channels_last: bool = False, compiled: bool = False) -> Network:
        """Itself, on a device (``cpu``, ``cuda:1``), computing in ``fp32``, ``bf16`` or ``fp16`` (autocast)."""
        ...
