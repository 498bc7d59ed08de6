"""What all networks of torch have in common: a device, a precision, and calls without gradients."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.models.description import Description
from demeanour.models.numerics import check_precision, classifier_in_full, inference


class TorchNetwork:
    """See `demeanour.models.network.Network`; how features are taken and sides are changed is told by subclasses.

    Attributes:
        description: What it is.
        module: The network, in evaluation mode.
        side: Of the pictures that it takes; None where it takes any.
    """

    def __init__(self, description: Description, module: nn.Module, side: int | None) -> None:
        self.description = description
        self.module = module.eval()
        self.side = side
        self._mode: dict[str, Any] = {"device": "cpu", "precision": "fp32", "channels_last": False, "compiled": False}
        self._forward: Callable[[Tensor], Tensor] = module

    def logits(self, pixels: Tensor) -> Tensor:
        """The scores of all classes, (n, classes), float32, from normalised pixels (n, 3, side, side).

        Raises:
            NotMeasuredError: It has no classifier.
        """
        if self.description.classes is None:
            raise NotMeasuredError(f"{type(self.module).__name__} has no classifier: there are features, but no logits")
        return self.computed(self._forward, pixels)

    def features(self, pixels: Tensor) -> dict[str, Tensor]:
        """``pooled``: what the classifier is fed with, (n, width), float32."""
        raise NotImplementedError

    def answers(self, pixels: Tensor, features: bool = False) -> dict[str, Tensor]:  # noqa: ARG002
        """``logits``; subclasses add features, in the same pass."""
        return {"logits": self.logits(pixels)}

    def at(self, side: int) -> Self:
        """The same weights for another input side; itself where nothing changes."""
        raise NotImplementedError

    def to(self, device: str, precision: str, channels_last: bool = False, compiled: bool = False) -> Self:
        """Itself, on a device, computing in ``fp32`` (never TF32), or in ``bf16`` or ``fp16`` by autocast.

        Raises:
            ThresholdsError: There is no such precision.
        """
        check_precision(precision)
        self._mode = {"device": device, "precision": precision, "channels_last": channels_last, "compiled": compiled}
        self.module.to(torch.device(device)).to(memory_format=self._format)
        classifier_in_full(self.module, self.description.classes)
        self._forward = torch.compile(self.module) if compiled else self.module
        return self

    def computed(self, call: Callable[[Tensor], Tensor], pixels: Tensor) -> Tensor:
        """What a call says of pixels in the network's precision, float32."""
        return self.computed_all(lambda x: {"answer": call(x)}, pixels)["answer"]

    def computed_all(self, call: Callable[[Tensor], dict[str, Tensor]], pixels: Tensor) -> dict[str, Tensor]:
        """The same for a call that answers with several tensors."""
        with inference(pixels.device.type, self._mode["precision"]):
            answers = call(pixels.contiguous(memory_format=self._format))
        return {name: answer.float() for name, answer in answers.items()}

    def another(self, module: nn.Module, side: int) -> Self:
        """A network for another side, on the same device and in the same precision."""
        other = copy.copy(self)
        other.module, other.side = module.eval(), side
        return other.to(**self._mode)

    @property
    def _format(self) -> torch.memory_format:
        return torch.channels_last if self._mode["channels_last"] else torch.contiguous_format


def resized(module: nn.Module, side: int) -> nn.Module:
    """The same weights for another input side, position embeddings interpolated by timm's ``set_input_size``.

    Raises:
        EvidenceError: The module cannot be made for that side.
    """
    other = copy.deepcopy(module)
    try:
        other.set_input_size(img_size=(side, side))  # type: ignore[operator]
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise EvidenceError(f"{type(module).__name__} cannot be made for pictures of {side}×{side}: {error}") from error
    return other
