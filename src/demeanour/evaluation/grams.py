"""How alike a network's layers see pictures, in statistics: activations come and go in a pass, and are kept nowhere.

Of every minibatch each layer leaves its Gram matrix of inner products, which is U-centred once; all pairs of layers are
then one matrix product, their unbiased HSIC (`demeanour.measures.similarity`). What is kept is the HSIC of every
minibatch, so that sums depend on neither shards nor threads, and intervals can be had by drawing minibatches.

Minibatches are drawn at random: pictures in the order of their folders would show how alike layers see one class.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from demeanour.datasets.pictures.pictures import Pictures
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evaluation.answers import Arrays
from demeanour.evaluation.passes import Passes, memory_given_back
from demeanour.measures.similarity import MINIBATCH, PICTURES, ROUNDING, u_centred
from demeanour.models.layers import layers, listening
from demeanour.models.network import Network
from demeanour.models.torch_network import TorchNetwork
from demeanour.statistics.seeds import generator
from demeanour.views.prepare import normalise
from demeanour.views.protocols import Steps

AT_ONCE = 4 * MINIBATCH   # pictures that are prepared at a time, and minibatches in as many threads
_NAMES = ("layers", "kinds", "left_out")
_AGAIN = ":"   # parts a layer's name from the number of its call
_BLOCK = {"cpu": 2**12, "cuda": 2**18}   # activations of a picture that are multiplied at a time, in float32


def minibatches(pictures: Pictures) -> NDArray[np.intp]:
    """Which pictures make up the minibatches: at most 5,000, as evenly from all classes as can be, in random order.

    The same pictures are drawn for every network and view. Those that fill no minibatch are left out.

    Returns:
        Rows of the data set, (batches · 64,): a minibatch is 64 that follow each other.

    Raises:
        EvidenceError: There are fewer than 64 pictures.
    """
    dice = generator("minibatches", pictures.manifest)
    order = dice.permutation(len(pictures))
    if "label" in pictures.frame.columns:
        order = order[np.argsort(_rank_in_class(pictures.frame.columns["label"][order]), kind="stable")]
    count = min(PICTURES, len(order)) // MINIBATCH * MINIBATCH
    if not count:
        raise EvidenceError(f"{pictures.data}: {len(order)} pictures, but a minibatch for CKA takes {MINIBATCH}")
    return dice.permutation(order[:count])


def _rank_in_class(labels: NDArray[np.generic]) -> NDArray[np.intp]:
    """How many of its class come before each; (n,)."""
    by_class = np.argsort(labels, kind="stable")
    _, starts, sizes = np.unique(labels[by_class], return_index=True, return_counts=True)
    rank = np.empty(len(labels), np.intp)
    rank[by_class] = np.arange(len(labels)) - np.repeat(starts, sizes)
    return rank


def similarities(passes: Passes, network: Network, steps: Steps, pixels: NDArray[np.uint8]) -> Arrays:
    """The HSIC of all pairs of a network's layers in some minibatches.

    Args:
        passes: How passes are made.
        network: On the device.
        steps: By which the pixels were made; tells mean and standard deviation.
        pixels: Of whole minibatches, (batches · 64, side, side, 3).

    Returns:
        ``hsic``, (batches, k (k + 1) / 2) of float64, upper triangles by rows; ``layers``, (1, k), in the order in
        which they answer, and their ``kinds``; ``left_out``, (1, m), the layers whose answers are not one a picture.
        A layer that is called again counts as another: ``act:2``.

    Raises:
        NotMeasuredError: The network is an ONNX file.
        EvidenceError: A layer answers NaN or infinite, or the memory does not suffice for a minibatch.
        ValueError: The last minibatch is not whole.
    """
    if not isinstance(network, TorchNetwork):
        raise NotMeasuredError("an ONNX file says nothing of its layers: they cannot be compared")
    if len(pixels) % MINIBATCH:
        raise ValueError(f"{len(pixels)} pictures are no whole number of minibatches of {MINIBATCH}")
    heard = _Heard()

    def call(part: NDArray[np.uint8]) -> tuple[NDArray[np.float64], list[str], list[str]]:
        heard.begin()
        x = normalise(torch.from_numpy(part).to(passes.device), steps.mean, steps.std)
        network.computed(network.module, x)
        return _triangle(heard.grams), list(heard.grams), heard.left_out

    parts = [pixels[start : start + MINIBATCH] for start in range(0, len(pixels), MINIBATCH)]
    try:
        with listening(network.module, heard.hear), memory_given_back() if passes.device == "cpu" else nullcontext():
            said = list(passes.pool.map(call, parts)) if passes.device == "cpu" else [call(part) for part in parts]
    except torch.OutOfMemoryError as error:
        raise EvidenceError(f"the memory of {passes.device} does not suffice for a minibatch of {MINIBATCH}") from error
    passes.made += len(pixels)
    kinds = layers(network.module)
    return {
        "hsic": np.stack([hsic for hsic, _, _ in said]),
        "layers": _same([names for _, names, _ in said]),
        "kinds": _same([[kinds[name.partition(_AGAIN)[0]] for name in names] for _, names, _ in said]),
        "left_out": _same([left_out for _, _, left_out in said]),
    }


def put_together(found: Arrays, rows: NDArray[np.intp]) -> Arrays:
    """The statistics of all minibatches.

    Args:
        found: What `similarities` has found, one below the other.
        rows: Of the minibatches' pictures.

    Returns:
        ``hsic``, (batches, k (k + 1) / 2); ``layers`` and ``kinds``, (k,); ``left_out``, (m,); ``rows``,
        (batches · 64,).

    Raises:
        EvidenceError: The layers of minibatches differ.
    """
    return {"rows": rows, "hsic": found["hsic"], **{name: _same(found[name].tolist())[0] for name in _NAMES}}


class _Heard(threading.local):
    """What the pass that runs in a thread has heard so far."""

    def begin(self) -> None:
        self.grams: dict[str, Tensor] = {}
        self.left_out: list[str] = []
        self.calls: Counter[str] = Counter()

    def hear(self, name: str, answer: Tensor) -> None:
        if answer.ndim < 2 or len(answer) != MINIBATCH or not answer.is_floating_point():
            self.left_out.append(name)
            return
        self.calls[name] += 1
        call = self.calls[name]
        self.grams[name if call == 1 else f"{name}{_AGAIN}{call}"] = _gram(answer)


def _gram(answer: Tensor) -> Tensor:
    """Inner products of all pairs of pictures, (n, n) of float64; zero where all are answered alike.

    The first picture's answer is taken off: U-centring makes up for it, and what is common to all takes no digits.
    """
    if answer.ndim == 4 and answer.is_contiguous(memory_format=torch.channels_last):
        answer = answer.permute(0, 2, 3, 1)   # as it lies in memory, so that it need not be copied
    rows = answer.reshape(len(answer), -1)
    gram = torch.zeros(len(rows), len(rows), dtype=torch.float64, device=rows.device)
    length = torch.zeros((), dtype=torch.float64, device=rows.device)
    size = _BLOCK[rows.device.type]
    with torch.autocast(rows.device.type, enabled=False):
        for start in range(0, rows.shape[1], size):
            block = rows[:, start : start + size].float()
            first, deviations = block[:1], block - block[:1]
            gram += (deviations @ deviations.T).double()
            length += (first @ first.T)[0, 0].double()
    return gram * (gram.diagonal().amax() > length * ROUNDING**2)


def _triangle(grams: dict[str, Tensor]) -> NDArray[np.float64]:
    """The HSIC of all pairs of layers, (k (k + 1) / 2,)."""
    if not grams:
        raise EvidenceError("no layer answers each picture by itself")
    stacked = torch.stack(list(grams.values()))
    finite = stacked.isfinite().all(dim=(1, 2)).tolist()
    if not all(finite):
        wrong = ", ".join(name for name, good in zip(grams, finite, strict=True) if not good)
        raise EvidenceError(f"these layers answer NaN or infinite: {wrong}")
    centred = torch.from_numpy(u_centred(stacked.cpu().numpy())).flatten(1).to(stacked.device)
    n = stacked.shape[-1]
    hsic: NDArray[np.float64] = (centred @ centred.T / (n * (n - 3))).cpu().numpy()
    return hsic[np.triu_indices(len(hsic))]


def _same(found: list[list[str]]) -> NDArray[np.str_]:
    """What all of them are, (1, k)."""
    if any(one != found[0] for one in found):
        raise EvidenceError(f"the layers differ from minibatch to minibatch: {found[0]} and others")
    return np.array(found[:1], dtype=np.str_)
