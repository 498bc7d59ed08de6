"""CLIP_benchmark's probe, for comparison with values that were published with it.

A linear layer on features of unit length, trained by AdamW with a learning rate of 0.1 that falls along a cosine to 0,
in ten epochs of batches of 64, in an order that follows from the seed 0. Without a validation split nothing is decayed;
with one, the decay is sought among 97 from 1e-6 to 100: the best of seven, then of its neighbours at ever smaller
distances (Radford et al., 2021, A.3), and training is repeated on both splits. Here it is trained in single precision,
there in mixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from demeanour.evaluation.probes.examples import Examples, Learned

RATE, EPOCHS, BATCH, SEED = 0.1, 10, 64, 0
DECAYS = np.logspace(-6, 2, 97)
FIRST, STEPS = range(0, 97, 16), (8, 4, 2, 1)

Predict = Callable[[NDArray[np.float32]], NDArray[np.int64]]


def learn(train: Examples, validation: Examples | None, device: str, where: str) -> Learned:   # noqa: ARG001
    """A probe by CLIP_benchmark's recipe.

    Args:
        train: The training pictures.
        validation: Those that the decay is sought on; None decays nothing.
        device: As torch names it.
        where: The task; nothing is wrong with it here.
    """
    if validation is None:
        return Learned(trained(train, 0.0, device), 0.0, np.zeros(1), np.full(1, np.nan))
    held, tried = validation, dict[int, float]()

    def best(places: list[int]) -> int:
        for place in places:
            if place not in tried:
                answers = trained(train, float(DECAYS[place]), device)(held.features)
                tried[place] = float((answers == held.labels).mean())
        return max(places, key=lambda place: tried[place])

    peak = best(list(FIRST))
    for step in STEPS:
        peak = best([max(peak - step, 0), peak, min(peak + step, len(DECAYS) - 1)])
    penalty, order = float(DECAYS[peak]), list(tried)
    accuracies = np.asarray([tried[place] for place in order])
    return Learned(trained(train.with_those_of(validation), penalty, device), penalty, DECAYS[order], accuracies)


def trained(examples: Examples, decay: float, device: str) -> Predict:
    """Train a linear layer; returns what predicts class indices (n,) from features (n, d)."""
    classes, codes = examples.coded()
    x, y = _normalised(examples.features, device), torch.from_numpy(codes).to(device)
    dice = torch.Generator().manual_seed(SEED)
    layer = nn.Linear(x.shape[1], len(classes))
    bound = 1 / math.sqrt(x.shape[1])
    with torch.no_grad():   # as torch begins, but by these dice
        for weight in (layer.weight, layer.bias):
            weight.uniform_(-bound, bound, generator=dice)
    layer.to(device)
    steps = EPOCHS * -(-len(y) // BATCH)
    optimiser = torch.optim.AdamW(layer.parameters(), lr=RATE, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: (1 + math.cos(math.pi * step / steps)) / 2)
    for _ in range(EPOCHS):
        order = torch.randperm(len(y), generator=dice).to(device)
        for start in range(0, len(y), BATCH):
            batch = order[start : start + BATCH]
            optimiser.zero_grad()
            nn.functional.cross_entropy(layer(x[batch]), y[batch]).backward()   # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()

    @torch.no_grad()
    def predict(features: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.asarray(classes[layer(_normalised(features, device)).argmax(dim=1).cpu().numpy()])

    return predict


def _normalised(features: NDArray[np.float32], device: str) -> torch.Tensor:
    return nn.functional.normalize(torch.from_numpy(np.array(features)).to(device), dim=1)
