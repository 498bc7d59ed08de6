"""How timm builds a network, converts weights for it, and changes the side of its input."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any, NoReturn, Self

import timm
import torch
from timm.models import model_entrypoint
from torch import Tensor, nn

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.models.checkpoints import StateDict, fit
from demeanour.models.description import Description
from demeanour.models.torch_network import TorchNetwork, resized

Filter = Callable[[StateDict, nn.Module], StateDict]
_BUILDS = "build_model_with_cfg"
_FAILURES = (AssertionError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True)
class Blueprint:
    """How timm builds a network.

    Attributes:
        name: What `timm.create_model` takes.
        options: Its other arguments.
    """

    name: str
    options: dict[str, Any]

    def build(self, **more: Any) -> nn.Module:
        """The network with random weights.

        Raises:
            EvidenceError: timm cannot.
        """
        options = {**self.options, **more}
        try:
            module: nn.Module = timm.create_model(self.name, **{"pretrained": False, **options})
        except _FAILURES as error:
            asked = ", ".join(f"{key}={value}" for key, value in options.items()) or "no options"
            raise EvidenceError(f"timm cannot build {self.name} ({asked}): {error}") from error
        return module


class TimmNetwork(TorchNetwork):
    """A network of timm; see `demeanour.models.network.Network`."""

    def __init__(self, description: Description, module: nn.Module, side: int | None, blueprint: Blueprint) -> None:
        super().__init__(description, module, side)
        self.blueprint = blueprint
        self._halves: Callable[[Tensor], dict[str, Tensor]] = self._in_halves

    def features(self, pixels: Tensor) -> dict[str, Tensor]:
        """``pooled``: timm's ``forward_head(…, pre_logits=True)`` of ``forward_features``, (n, width), float32."""
        return {"pooled": self.answers(pixels, features=True)["pooled"]}

    def answers(self, pixels: Tensor, features: bool = False) -> dict[str, Tensor]:
        """``logits`` where it has a classifier, and with ``features`` these as well, in one pass."""
        return self.computed_all(self._halves, pixels) if features else super().answers(pixels)

    def to(self, device: str, precision: str, channels_last: bool = False, compiled: bool = False) -> Self:
        """See `TorchNetwork.to`."""
        super().to(device, precision, channels_last, compiled)
        self._halves = torch.compile(self._in_halves) if compiled else self._in_halves
        return self

    def at(self, side: int) -> Self:
        """The same weights for another input side, as timm's ``create_model(…, img_size=side)`` loads them.

        Raises:
            NotMeasuredError: timm cannot build the network for that side.
        """
        if self.side in (side, None):
            return self
        patch = getattr(getattr(self.module, "patch_embed", None), "patch_size", 1)
        if side % (patch[0] if isinstance(patch, tuple) else patch):
            raise NotMeasuredError(f"{self.blueprint.name}: {side} pixels are no whole number of patches of {patch}")
        change = conversion(self.blueprint, self.module)
        if change is None and hasattr(self.module, "set_input_size"):
            return self.another(resized(self.module, side), side)
        try:
            module = self.blueprint.build(img_size=side)
            state = {key: value.cpu() for key, value in self.module.state_dict().items()}
            fit(change(state, module) if change else state, module, self.blueprint.name)
        except (EvidenceError, *_FAILURES) as error:
            raise NotMeasuredError(f"timm cannot interpolate a network for {side} pixels: {error}") from error
        return self.another(module, side)

    def _in_halves(self, pixels: Tensor) -> dict[str, Tensor]:
        module: Any = self.module
        features = module.forward_features(pixels)
        logits = {} if self.description.classes is None else {"logits": module.forward_head(features)}
        return {**logits, "pooled": module.forward_head(features, pre_logits=True)}


def architecture_of(blueprint: Blueprint, module: nn.Module) -> str:
    """What timm's registry knows a network by, without a tag."""
    cfg: dict[str, Any] = getattr(module, "pretrained_cfg", {})
    return str(cfg.get("architecture") or blueprint.name.partition(".")[0])


def conversion(blueprint: Blueprint, module: nn.Module) -> Filter | None:
    """The conversion of others' weights that timm has for an architecture, if it has one.

    Each of timm's modules hands it to the function that builds its networks, and to nothing else; so that function is
    called with another in its place, which only tells what it was handed.
    """
    home: Any = sys.modules[model_entrypoint(architecture_of(blueprint, module)).__module__]
    build = getattr(home, _BUILDS, None)
    if build is None:
        return None
    change: Callable[..., StateDict] | None = None
    setattr(home, _BUILDS, _handed)
    try:
        blueprint.build()
    except _Handed as handed:
        change = handed.change
    finally:
        setattr(home, _BUILDS, build)
    if change is not None and len(signature(change).parameters) == 1:   # timm takes both kinds
        return lambda state, _: change(state)
    return change


class _Handed(Exception):  # noqa: N818
    def __init__(self, change: Callable[..., StateDict] | None) -> None:
        super().__init__()
        self.change = change


def _handed(*_: object, pretrained_filter_fn: Callable[..., StateDict] | None = None, **__: object) -> NoReturn:
    raise _Handed(pretrained_filter_fn)


def convert(state: StateDict, blueprint: Blueprint, module: nn.Module) -> tuple[StateDict, tuple[str, ...]]:
    """Weights under timm's names, and notes; as they are where they fit already or timm does not know them, either.

    What timm would interpolate for another input side stays as it is, so that it does not fit.
    """
    expected = {key: value.shape for key, value in module.state_dict().items()}
    if {key: value.shape for key, value in state.items()} == expected:
        return state, ()
    change = conversion(blueprint, module)
    try:
        changed = change(dict(state), module) if change else state
    except _FAILURES:   # it met names that it does not expect: what does not fit is told by `fit`
        return state, ()
    if changed.keys() == state.keys() and all(changed[key] is state[key] for key in state):
        return state, ()
    notes = [f"names were converted by timm's own rules for {architecture_of(blueprint, module)}"]
    before, after = (sum(value.numel() for value in one.values()) for one in (state, changed))
    if after < before:
        notes.append(f"timm's conversion leaves out {before - after:,} of {before:,} values")
    interpolated = {key for key in changed.keys() & state.keys() if changed[key].numel() != state[key].numel()}
    return {key: state[key] if key in interpolated else value for key, value in changed.items()}, (*notes,)
