"""The layers of a network by name and kind, and listening to what each of them says in a forward pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

ATTENTION, CONVOLUTION, LINEAR, NORM, OTHER = "attention", "convolution", "linear", "norm", "other"
_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, _NormBase)
_NORM = re.compile(r"Norm(\dd)?$")
_KINDS = ((_ConvNd, CONVOLUTION), (nn.Linear, LINEAR), (_NORMS, NORM))


def layers(module: nn.Module) -> dict[str, str]:
    """The layers of a network and their kinds, as CKA compares them.

    A layer is a module that no other modules make up and that does something to what it gets, which dropout does only
    in training. Besides:

    - ``attention`` is attention with its projection, under the name of the whole. What is inside it is ``other``, so
      that a ViT's ``linear`` layers are those of its MLPs, and a head.
    - ``norm`` is normalisation; where a library makes it one with its activation, with that.

    ``convolution`` and ``linear`` go by type. So a ViT-B of timm or open_clip has 12 layers of attention, a ConvNeXt-B
    40 convolutions, 73 linear layers and 41 of normalisation, as in the maps of the paper (arXiv 2311.09215, §3.8).

    Args:
        module: In evaluation mode.

    Returns:
        Kinds by name, in the order in which the modules were made.
    """
    return dict(_layers(module, "", False, set()))


def _layers(part: nn.Module, name: str, inside: bool, seen: set[nn.Module]) -> Iterator[tuple[str, str]]:
    if part in seen or _is_idle(part):
        return
    seen.add(part)
    attends = not inside and _attends(part)
    alone = not any(part.children()) or isinstance(part, _NORMS)
    if attends:
        yield name, ATTENTION
    elif alone:
        yield name, OTHER if inside else _kind(part)
    if alone or isinstance(part, nn.MultiheadAttention):   # which computes without its modules
        return
    for own, child in part.named_children():
        if not (attends and own == "proj"):   # with which attention ends
            yield from _layers(child, f"{name}.{own}" if name else own, inside or attends, seen)


def _attends(part: nn.Module) -> bool:
    """Whether it is attention, not a block around it."""
    return sum("Attention" in type(one).__name__ for one in part.modules()) == 1 and "Attention" in type(part).__name__


def _is_idle(part: nn.Module) -> bool:
    """Whether its output is its input, at most in another shape."""
    empty = isinstance(part, nn.Sequential) and not len(part)
    return empty or isinstance(part, nn.Identity | nn.Flatten | nn.Unflatten) or "Drop" in type(part).__name__


def _kind(part: nn.Module) -> str:
    by_type = next((kind for types, kind in _KINDS if isinstance(part, types)), OTHER)
    return NORM if by_type == OTHER and _NORM.search(type(part).__name__) else by_type


@contextmanager
def listening(module: nn.Module, hear: Callable[[str, Tensor], None]) -> Iterator[None]:
    """Within, every pass tells the output of every layer as soon as it is there.

    Args:
        module: The network.
        hear: Called in the thread of the pass with a layer's name and its output, where it is a tensor; of attention
            that answers with weights, too, without them.
    """

    def told(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            first = output[0] if isinstance(output, tuple) and output else output
            if isinstance(first, Tensor):
                hear(name, first)

        return hook

    with ExitStack() as hooks:
        for name in layers(module):
            hooks.callback(module.get_submodule(name).register_forward_hook(told(name)).remove)
        yield
