"""In which numbers a network computes: float32 that is float32, or half precision by autocast."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn

from demeanour.errors import ThresholdsError, did_you_mean

PRECISIONS = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def check_precision(precision: str) -> None:
    """Raises a `ThresholdsError` unless it is ``fp32``, ``bf16`` or ``fp16``."""
    if precision not in PRECISIONS:
        raise ThresholdsError(f"no precision '{precision}'; {did_you_mean(precision, PRECISIONS)}")


@contextmanager
def inference(device_type: str, precision: str) -> Iterator[None]:
    """Without gradients, in a precision.

    Products of float32 are never rounded to TF32, whose ten bits move logits in their third digit; half precision
    leaves the weights in float32, and computes the classifier in it: see `classifier_in_full`.

    Args:
        device_type: ``cpu``, ``cuda``, ``mps``.
        precision: As `check_precision` knows it.
    """
    dtype = PRECISIONS[precision]
    products = _without_tf32() if device_type == "cuda" else nullcontext()
    with torch.inference_mode(), products, torch.autocast(device_type, dtype, enabled=dtype is not None):
        yield


def classifier_in_full(module: nn.Module, classes: int | None) -> None:
    """Let the layers that give as many scores as there are classes compute in float32, whatever autocast says.

    Logits of eight bits tie: of 650 photographs, three had two largest logits for an EfficientNet-Lite0 in bf16, and
    none with the classifier in float32.
    """
    for layer in module.modules():
        if classes is not None and classes in (getattr(layer, "out_features", None), _channels(layer)):
            layer.forward = _in_full(layer)


def _channels(layer: nn.Module) -> int | None:
    return layer.out_channels if isinstance(layer, nn.Conv2d) else None


def _in_full(layer: nn.Module) -> Callable[[Tensor], Tensor]:
    compute: Callable[[nn.Module, Tensor], Tensor] = type(layer).forward

    def forward(x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return compute(layer, x.float())

    return forward


@contextmanager
def _without_tf32() -> Iterator[None]:
    """The settings belong to the process, not to a thread: on CPUs, where several may compute at once, they stay."""
    cudnn, before = torch.backends.cudnn, torch.get_float32_matmul_precision()
    exact = cudnn.flags(   # by default it would switch cudnn off
        enabled=cudnn.enabled, benchmark=cudnn.benchmark, deterministic=cudnn.deterministic, allow_tf32=False
    )
    torch.set_float32_matmul_precision("highest")
    try:
        with exact:
            yield
    finally:
        torch.set_float32_matmul_precision(before)
