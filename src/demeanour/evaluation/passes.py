"""Forward passes: always of the same number of pictures, so that no batch size or thread count changes a bit."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from demeanour.errors import EvidenceError
from demeanour.evaluation.answers import FORWARD
from demeanour.models.network import Network
from demeanour.views.prepare import normalise
from demeanour.views.protocols import Steps

Answers = dict[str, Tensor]
Said = dict[str, NDArray[np.float32]]
_MALLOPT = {-4: 0, -1: -1, -2: 2**26, -8: 1}   # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD, M_ARENA_MAX of glibc
_GIVEN_BACK = {-3: 2**20, -4: 2**16}   # M_MMAP_THRESHOLD, M_MMAP_MAX


@dataclass
class Passes:
    """How passes are made on a device.

    On a CPU each core makes passes of its own with one thread: the products of several threads are summed in an order
    that depends on their number. On a GPU passes follow each other, and nothing waits for an answer before all are
    begun.

    Attributes:
        device: As torch names it.
        pool: The cores.
        size: Pictures in a pass; on a GPU halved when memory does not suffice.
        made: Pictures that went through a network so far.
    """

    device: str
    pool: Executor
    size: int = 0
    made: int = 0

    def __post_init__(self) -> None:
        self.size = self.size or FORWARD["cpu" if self.device == "cpu" else "cuda"]

    def answers(self, network: Network, steps: Steps, pixels: NDArray[np.uint8], features: bool) -> Said:
        """What a network says of pictures.

        Args:
            network: On the device.
            steps: By which the pixels were made; tells mean and standard deviation.
            pixels: (n, side, side, 3).
            features: Whether features are wanted as well.

        Returns:
            ``logits``, (n, classes), and the features by name, (n, d), all of float32.

        Raises:
            EvidenceError: The memory does not suffice for a single picture, or the network fails.
        """
        while True:
            try:
                return self._begun(network, steps, pixels, features)()
            except torch.OutOfMemoryError as error:
                if self.size == 1:
                    raise EvidenceError(f"the memory of {self.device} does not suffice for one picture") from error
                self.size //= 2
            torch.cuda.empty_cache()   # not before the error, which holds the tensors, is gone

    def begin(self, network: Network, steps: Steps, pixels: NDArray[np.uint8], features: bool) -> Callable[[], Said]:
        """Begin what `answers` does; what is returned waits for its end, and gives or raises the same."""
        try:
            end = self._begun(network, steps, pixels, features)
        except torch.OutOfMemoryError:   # another try, in smaller parts, when the passes before have ended
            return partial(self.answers, network, steps, pixels, features)

        def ended() -> Said:
            with suppress(torch.OutOfMemoryError):
                return end()
            return self.answers(network, steps, pixels, features)

        return ended

    def _begun(self, network: Network, steps: Steps, pixels: NDArray[np.uint8], features: bool) -> Callable[[], Said]:
        call = self._call(network, steps, features)
        parts = [pixels[start : start + self.size] for start in range(0, len(pixels), self.size)]
        begun = self.pool.map(call, parts) if self.device == "cpu" else [call(part) for part in parts]

        def end() -> Said:
            said = [{name: value.cpu().numpy() for name, value in one.items()} for one in begun]
            self.made += len(pixels)
            return {name: np.concatenate([one[name] for one in said]) for name in said[0]}

        return end

    def _call(self, network: Network, steps: Steps, features: bool) -> Callable[[NDArray[np.uint8]], Answers]:
        size, device = self.size, torch.device(self.device)

        def call(part: NDArray[np.uint8]) -> Answers:
            count = len(part)
            if count < size:   # filled up with the last picture
                part = np.concatenate([part, np.repeat(part[-1:], size - count, axis=0)])
            x = torch.from_numpy(part)
            if device.type == "cuda":   # from pinned memory it is copied while passes before are still computed
                x = x.pin_memory()
            x = normalise(x.to(device, non_blocking=True), steps.mean, steps.std)
            return {name: value[:count].float() for name, value in network.answers(x, features).items()}

        return call


def quiet_threads(device: str) -> None:
    """One thread for each pass on a CPU, and memory that is kept; must come before the first pass."""
    if device == "cpu":
        torch.set_num_threads(1)
        keep_memory()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False


def keep_memory() -> bool:
    """Keep memory that was given back for what comes next, on glibc; returns whether it is.

    By default each large tensor is fetched from the system and handed back, which clears every page of it. A
    ConvNeXt-Atto ran 1.24 times as fast without at 224 pixels, and 1.55 times at 336. No number depends on it.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    done = [ctypes.CDLL(None).mallopt(option, value) for option, value in _MALLOPT.items()]
    return all(done)


@contextmanager
def memory_given_back() -> Iterator[None]:
    """Within, each large tensor on a CPU has memory of its own, which is given back with it, on glibc.

    Where small results outlive large tensors of many sizes, memory that is kept breaks up: two minibatches of 64 in a
    ViT-B, 0.5 GB of activations each, took 5 GB in all, 3 GB more than so.
    """
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    libc = ctypes.CDLL(None)
    for option, value in _GIVEN_BACK.items():
        libc.mallopt(option, value)
    try:
        yield
    finally:
        keep_memory()


def describe_device(device: str) -> str:
    """The device for people: ``NVIDIA H200``, ``CPU``."""
    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device))
    return device.upper()


def memory(device: str) -> int:
    """Bytes that networks may take on a device: half of what is free, for activations need the rest."""
    if device.startswith("cuda"):
        free: Any = torch.cuda.mem_get_info(device)[0]
        return int(free) // 2
    try:
        with open("/proc/meminfo", encoding="ascii") as file:   # noqa: PTH123
            available = next(line for line in file if line.startswith("MemAvailable:"))
        return int(available.split()[1]) * 1024 // 2
    except (OSError, StopIteration, ValueError):
        return 4 * 2**30
