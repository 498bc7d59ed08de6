"""The image tower of an open_clip model and its zero-shot head, as evaluation uses them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Self

import torch
from open_clip.model import resize_pos_embed
from open_clip.timm_model import TimmModel
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional

from demeanour.errors import NotMeasuredError
from demeanour.models.description import Description
from demeanour.models.numerics import inference
from demeanour.models.torch_network import TorchNetwork


class Projection(nn.Module):
    """Features times a matrix, as open_clip's own towers end."""

    def __init__(self, weight: nn.Parameter) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, features: Tensor) -> Tensor:
        """(n, width) to (n, embedding)."""
        return features @ self.weight


class ImageTower(nn.Module):
    """A tower of open_clip in two, so that one pass gives the features on both sides of the projection.

    Attributes:
        trunk: open_clip's own tower; what it ends with are pooled features, (n, width).
        projection: What maps them to the space of the texts; None where attention pools and projects in one, and
            ``trunk`` does both.
        head: (embedding, classes), columns of unit length; None where the card asks for none.
    """

    projection: nn.Module | None
    head: Tensor | None

    def __init__(self, visual: nn.Module, head: Tensor | None) -> None:
        super().__init__()
        self.projection = _taken_off(visual)
        self.trunk = visual
        self.register_buffer("head", head)

    def forward(self, pixels: Tensor) -> Tensor:
        """Projected features, (n, embedding), of any length."""
        features: Tensor = self.trunk(pixels)
        return features if self.projection is None else self.projection(features)


def _taken_off(visual: nn.Module) -> nn.Module | None:
    """The projection of a tower, which goes on without it."""
    if isinstance(visual, VisionTransformer):
        visual.output_tokens = False   # CoCa's tower would give its tokens, too
        weight, visual.proj = visual.proj, None
        return nn.Identity() if weight is None else Projection(weight)
    if not isinstance(visual, TimmModel) or "pool" in visual.head._modules:
        return None
    if len(visual.head):
        layer, visual.head = visual.head, nn.Identity()
        assert isinstance(layer, nn.Module)
        return layer
    for name, part in visual.trunk.named_modules():   # timm's classifier projects
        if part is visual.trunk.get_classifier() and isinstance(part, nn.Linear):
            visual.trunk.set_submodule(name, nn.Identity())
            return part
    return nn.Identity()


class OpenClipNetwork(TorchNetwork):
    """See `demeanour.models.network.Network`.

    Attributes:
        scale: Cosines are multiplied by it.
    """

    module: ImageTower

    def __init__(self, description: Description, module: ImageTower, side: int, scale: float) -> None:
        super().__init__(description, module, side)
        self.scale = scale
        self._sides: Callable[[Tensor], dict[str, Tensor]] = self._both_sides

    def logits(self, pixels: Tensor) -> Tensor:
        """Scaled cosines of pictures and class names.

        Args:
            pixels: (n, 3, side, side), float32, normalised, on the module's device.

        Returns:
            (n, classes), float32: scale · unit features @ head, computed in float32 whatever the tower's precision.

        Raises:
            NotMeasuredError: The card asks for no head.
        """
        if self.module.head is None:
            raise NotMeasuredError("without a zero-shot head there are features, but no logits: say `head` in the card")
        return self._cosines(self.computed(self._forward, pixels), self.module.head)

    def features(self, pixels: Tensor) -> dict[str, Tensor]:
        """Features on both sides of the projection, float32.

        Args:
            pixels: As for `logits`.

        Returns:
            ``pooled`` (n, width) is what the projection is fed with, ``projected`` (n, embedding) of unit length.

        Raises:
            NotMeasuredError: Attention pools and projects in one.
        """
        if self.module.projection is None:
            kind = type(self.module.trunk).__name__
            raise NotMeasuredError(f"the attention of {kind} pools and projects in one: nothing is pooled before it")
        answers = self.answers(pixels, features=True)
        return {name: answers[name] for name in ("pooled", "projected")}

    def answers(self, pixels: Tensor, features: bool = False) -> dict[str, Tensor]:
        """``logits`` where it has a head, and with ``features`` these as well where they are known, in one pass."""
        if not features or self.module.projection is None:
            return super().answers(pixels)
        said = self.computed_all(self._sides, pixels)
        logits = {} if self.module.head is None else {"logits": self._cosines(said["projected"], self.module.head)}
        return {**logits, "pooled": said["pooled"], "projected": functional.normalize(said["projected"], dim=-1)}

    def to(self, device: str, precision: str, channels_last: bool = False, compiled: bool = False) -> Self:
        """See `TorchNetwork.to`."""
        super().to(device, precision, channels_last, compiled)
        self._sides = torch.compile(self._both_sides) if compiled else self._both_sides
        return self

    def at(self, side: int) -> Self:
        """The same weights and head for another input side, as open_clip's ``force_image_size`` does it.

        Raises:
            NotMeasuredError: The tower takes pictures of one side only.
        """
        if side == self.side:
            return self
        module = copy.deepcopy(self.module)
        _resize(module.trunk, side)
        return self.another(module, side)

    def _both_sides(self, pixels: Tensor) -> dict[str, Tensor]:
        pooled: Tensor = self.module.trunk(pixels)
        assert self.module.projection is not None
        return {"pooled": pooled, "projected": self.module.projection(pooled)}

    def _cosines(self, projected: Tensor, head: Tensor) -> Tensor:
        with inference(projected.device.type, "fp32"):
            return self.scale * functional.normalize(projected, dim=-1) @ head


def _resize(trunk: nn.Module, side: int) -> None:
    """Position embeddings interpolated by open_clip's own function, or by timm's where the tower is timm's."""
    if isinstance(trunk, VisionTransformer):
        height, width = trunk.patch_size
        if side < max(height, width):
            raise NotMeasuredError(f"pictures of {side} pixels hold no patch of {height}×{width}")
        trunk.image_size, trunk.grid_size = (side, side), (side // height, side // width)
        state = {"visual.positional_embedding": trunk.positional_embedding.detach()}
        resize_pos_embed(state, SimpleNamespace(visual=trunk))
        trunk.positional_embedding = nn.Parameter(state["visual.positional_embedding"], requires_grad=False)
    elif isinstance(trunk, TimmModel) and "pool" not in trunk.head._modules:
        try:
            trunk.set_input_size(side)
        except (AssertionError, RuntimeError, TypeError, ValueError) as error:
            raise NotMeasuredError(f"timm cannot make the tower for pictures of {side} pixels: {error}") from error
    else:
        raise NotMeasuredError(f"{type(trunk).__name__} with its attention pool takes pictures of one side only")
