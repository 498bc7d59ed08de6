"""Half precision that is fast: bf16 by autocast, with what is slow in it on CPUs done otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel


@contextmanager
def numerics(device: str, precision: str) -> Iterator[None]:
    """Autocast; and on a CPU attention as plain matrix products: the fused kernel's gradients are slow in bf16."""
    with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
        if device != "cpu":
            yield
            return
        before = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()  # type: ignore[no-untyped-call]
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)   # whatever its name, it holds for CPUs too
        try:
            with sdpa_kernel(SDPBackend.MATH):
                yield
        finally:
            torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(before)


def fast_on_cpu(model: nn.Module, device: str) -> None:
    """Depthwise convolutions in fp32 and channels last: their gradients in bf16 are several times slower on CPUs."""
    convolutions = [one for one in model.modules() if isinstance(one, nn.Conv2d) and one.groups > 1]
    if device != "cpu" or not convolutions:
        return
    model.to(memory_format=torch.channels_last)
    for convolution in convolutions:
        convolution.forward = _in_fp32(convolution.forward)  # type: ignore[method-assign, assignment]


def _in_fp32(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def call(x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return forward(x.float())

    return call
