"""What a network of unknown make says of two pictures: whether it answers as a classifier does."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from demeanour.errors import EvidenceError


def pictures(side: int) -> Tensor:
    """A grey one and noise, (2, 3, side, side), float32, the same at every call."""
    noise = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    return torch.cat([torch.zeros_like(noise), noise])


def classes_of(answer: Any, classes: int | None, where: str) -> int:
    """How many classes two pictures were scored for.

    Args:
        answer: What the network said of them.
        classes: How many there must be; None accepts any.
        where: Begins messages.

    Raises:
        EvidenceError: It is not (2, classes) of finite numbers.
    """
    if not isinstance(answer, Tensor):
        raise EvidenceError(f"{where}: it answers with a {type(answer).__name__}; expected a tensor of logits")
    if answer.ndim != 2 or len(answer) != 2:
        raise EvidenceError(f"{where}: it answers {tuple(answer.shape)} to two pictures; expected (2, classes)")
    if not answer.isfinite().all():
        raise EvidenceError(f"{where}: it answers NaN or infinite to a grey picture or to noise")
    if classes not in (None, answer.shape[1]):
        raise EvidenceError(f"{where}: it has {answer.shape[1]} classes, not {classes}")
    return int(answer.shape[1])


def are_probabilities(answer: Tensor) -> bool:
    """Whether answers (2, classes) have been through a softmax already: another would blur every confidence."""
    sums = answer.double().sum(dim=1)
    return bool((answer >= 0).all() and torch.allclose(sums, torch.ones_like(sums), atol=1e-3))
