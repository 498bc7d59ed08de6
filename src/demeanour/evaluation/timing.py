"""How long networks take for one picture: in rounds, in each of which all of them take turns.

What a machine does besides, and how warm it is, changes from second to second: networks that are compared are timed
beside each other, in an order that moves on with each round, and the difference within a round is what tells. The time
is that of the forward pass alone, of one picture of the network's own side, on one core of a CPU or on one GPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from demeanour.evaluation.networks import Networks
from demeanour.evaluation.passes import describe_device
from demeanour.evidence.arrays import Arrays
from demeanour.evidence.network import ROUNDS
from demeanour.evidence.plan import TIMES, Unit
from demeanour.findings.cards import NETWORK
from demeanour.models.network import Network
from demeanour.views.prepare import normalise

LEAST = 0.05   # seconds that a network computes in a round: a clock's own error is a millionth of it
MOST = 200     # answers in a round, however fast it is
WARM = 3       # answers before any is timed: memory is fetched, kernels are compiled
SIDE = 224     # of the picture where a network takes any
_GREY = 128

Failing = Callable[[Sequence[Unit]], AbstractContextManager[None]]


@dataclass(frozen=True)
class Runner:
    """A network that is timed, with the picture that it sees.

    Attributes:
        network: On its device.
        pixels: Normalised, (1, 3, side, side), on the same device.
    """

    network: Network
    pixels: Tensor

    def seconds(self, answers: int) -> float:
        """How long it takes for some answers, one after the other."""
        self._wait()
        begin = time.perf_counter()
        for _ in range(answers):
            self.network.answers(self.pixels)
        self._wait()
        return time.perf_counter() - begin

    def warmed(self) -> int:
        """Warm it up; returns how many answers make a round."""
        self.seconds(WARM)
        return min(MOST, ceil(LEAST / max(self.seconds(1), LEAST / MOST)))

    def _wait(self) -> None:
        """A GPU answers long before it has computed."""
        if self.pixels.device.type == "cuda":
            torch.cuda.synchronize(self.pixels.device)
        elif self.pixels.device.type == "mps":
            torch.mps.synchronize()


def take_times(networks: Networks, units: Sequence[Unit], failing: Failing, when: str) -> None:
    """Time all networks of a comparison, if one of those that are asked for is not there.

    What is there of the others is replaced, so that rounds are always of one measurement.

    Args:
        networks: Of the cast, on the device; nothing else computes meanwhile.
        units: Of the kind ``times``, of networks that are described.
        failing: Within, what goes wrong is a failure of some units, and goes no further.
        when: The time of day.
    """
    live = networks.live
    if all(live.has(unit) for unit in units):
        return
    torch.set_num_threads(1)   # also of networks whose cards say CPU, beside a GPU
    networks.release()
    runners: dict[Unit, tuple[Runner, int]] = {}
    for unit in (Unit(name, NETWORK, kind=TIMES) for name in live.cast.timed):
        with failing([unit]):
            runner = _runner(networks, unit)
            runners[unit] = runner, runner.warmed()
    taken = in_turns(list(runners.values()))
    for unit in runners:   # whoever is killed between two of them leaves one that is missing
        live.remove(unit)
    for unit, column in zip(runners, taken.T, strict=True):
        device = describe_device(networks.device_of(unit.model))
        about = {**live.manifest(unit), "device": device, "when": when}
        Arrays(live.store.root, live.store.notice).write(live.key(unit), {"milliseconds": column}, about)
    networks.release()
    if runners:
        names = ", ".join(f"{unit.model} on {describe_device(networks.device_of(unit.model))}" for unit in runners)
        live.store.notice(f"timed in {len(taken)} rounds, one picture at a time: {names}")


def in_turns(runners: Sequence[tuple[Runner, int]], rounds: int = ROUNDS) -> NDArray[np.float64]:
    """Time networks in rounds.

    Args:
        runners: Each with the number of its answers in a round.
        rounds: How many.

    Returns:
        Milliseconds for one answer, (rounds, networks).
    """
    taken = np.zeros((rounds, len(runners)))
    for row in range(rounds):
        for turn in range(len(runners)):
            place = (row + turn) % len(runners)
            runner, answers = runners[place]
            taken[row, place] = 1000 * runner.seconds(answers) / answers
    return taken


def _runner(networks: Networks, unit: Unit) -> Runner:
    network, steps = networks.of(unit.model), networks.live.steps(unit)
    side = steps.side or SIDE
    grey = torch.full((1, side, side, 3), _GREY, dtype=torch.uint8, device=torch.device(networks.device_of(unit.model)))
    return Runner(network, normalise(grey, steps.mean, steps.std))
