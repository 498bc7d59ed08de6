"""What CKA of all layers of a ViT-B costs, ``docs/similarity.md``: beside plain loops over layers, both in one run.

python benchmarks/similarity.py measure [--rounds 3]   # similarity.json
python benchmarks/similarity.py page                   # the tables of the page, from it
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]   # as a script it finds only its own folder

from demeanour.evaluation.devices import cores  # noqa: E402
from demeanour.measures.similarity import MINIBATCH, PICTURES, in_minibatches  # noqa: E402
from demeanour.statistics.seeds import generator  # noqa: E402

RESULTS = ROOT / "benchmarks" / "similarity.json"
PAGE = ROOT / "docs" / "similarity.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
NETWORK, SIDE = "vit_base_patch16_224", 224
AGAIN, ONCE = 12, 2_000   # pairs of layers that plain loops compute in a round, of all, drawn at random
LIMIT = 4   # GB of memory
Said = dict[str, Any]


def _network() -> Any:
    """A ViT-B with random weights, which change no time, as the evaluation has it."""
    import timm
    import torch

    from demeanour.models.description import Description
    from demeanour.models.torch_network import TorchNetwork
    from demeanour.views.geometry import Preprocessing

    torch.manual_seed(0)
    native = Preprocessing(SIDE, "bicubic", SIDE, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    described = Description("benchmark", "supervised", native, 1000, 1, ())
    return TorchNetwork(described, timm.create_model(NETWORK), SIDE).to("cpu", precision="fp32")


def _pixels(count: int) -> np.ndarray:
    return generator("pixels of similarity").integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def _serve(pipe: Any, side: str) -> None:
    """A process for each side, so that memory is its own."""
    rounds = {"demeanour": _ours, "plain": _plain}[side]()
    pipe.send({})   # the network is there
    while pipe.recv():
        pipe.send({**rounds(), "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024})


def _ours() -> Callable[[], Said]:
    """The evaluation's own way: a minibatch for each core."""
    from demeanour.evaluation.grams import similarities
    from demeanour.evaluation.passes import Passes, quiet_threads
    from demeanour.views.protocols import steps

    quiet_threads("cpu")
    network = _network()
    seen = steps("native", "supervised", network.description.native, "imagenet")
    passes, pixels = Passes("cpu", ThreadPoolExecutor(cores())), _pixels(cores() * MINIBATCH)

    def once() -> Said:
        begun = time.perf_counter()
        found = similarities(passes, network, seen, pixels)
        return {"seconds": (time.perf_counter() - begun) / cores(), "layers": int(found["layers"].shape[1])}

    return once


def _plain() -> Callable[[], Said]:
    """Activations of a minibatch are kept; loops over pairs of layers. All cores work on one product."""
    import torch

    from demeanour.models.layers import layers, listening

    torch.set_num_threads(cores())
    network, dice = _network(), generator("pairs of similarity")
    pixels = torch.from_numpy(_pixels(MINIBATCH)).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()
    names, one = list(layers(network.module)), torch.ones(MINIBATCH)

    def gram(activations: Any) -> Any:
        rows = activations.flatten(1)
        return (rows @ rows.T).fill_diagonal_(0.0)

    def hsic(k: Any, l: Any) -> float:   # noqa: E741
        n = MINIBATCH
        whole = (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
        return float((torch.trace(k @ l) + whole - 2 / (n - 2) * (one @ k @ l @ one)) / (n * (n - 3)))

    def once() -> Said:
        pairs = [tuple(map(int, dice.integers(len(names), size=2))) for _ in range(AGAIN)]
        wanted, kept, size = {names[layer] for pair in pairs for layer in pair}, dict[str, Any](), 0

        def hear(name: str, answer: Any) -> None:
            nonlocal size
            size += answer.numel() * answer.element_size()
            if name in wanted:   # of the others only the size, for the memory of this machine does not hold them all
                kept[name] = answer.clone()

        with torch.inference_mode():
            begun = time.perf_counter()
            with listening(network.module, hear):
                network.module(pixels)
            alone = time.perf_counter() - begun
            begun = time.perf_counter()
            for i, j in pairs:
                first, second = gram(kept[names[i]]), gram(kept[names[j]])
                hsic(first, second)
                hsic(second, second)
            again = (time.perf_counter() - begun) / len(pairs) / 2   # the first one's product is made once for its row
            begun = time.perf_counter()
            products = [gram(activations) for activations in kept.values()]
            grams = (time.perf_counter() - begun) / len(products)
            begun = time.perf_counter()
            for _ in range(ONCE):
                hsic(products[0], products[1])
            pair = (time.perf_counter() - begun) / ONCE
        k = len(names)
        return {
            "alone": alone, "again": alone + k**2 * again, "once": alone + k * grams + k * (k + 1) / 2 * pair,
            "kept": size, "layers": k,
        }  # fmt: skip

    return once


def measure(rounds: int) -> Said:
    """All numbers of the page: the sides take turns, and every other round the other one begins."""
    context, said = multiprocessing.get_context("spawn"), dict[str, list[Said]](demeanour=[], plain=[])
    pipes = {}
    for side in said:
        mine, other = context.Pipe()
        context.Process(target=_serve, args=(other, side), daemon=True).start()
        mine.recv()
        pipes[side] = mine
    for number in range(rounds):
        for side in list(said)[:: 1 if number % 2 == 0 else -1]:
            pipes[side].send(True)
            said[side].append(pipes[side].recv())
            print(f"round {number + 1}, {side}: {said[side][-1]}", flush=True)
    for pipe in pipes.values():
        pipe.send(False)
    ours, plain = said["demeanour"], said["plain"]
    layers = {one["layers"] for one in (*ours, *plain)}
    assert len(layers) == 1, layers
    load = os.getloadavg()[0]
    return {
        "network": NETWORK, "layers": layers.pop(), "minibatch": MINIBATCH, "rounds": rounds, "cores": cores(),
        "machine": platform.machine(), "load": round(load, 1), "versions": {"torch": version("torch")},
        "seconds": [one["seconds"] for one in ours], "peak": [one["peak"] for one in ours],
        "alone": [one["alone"] for one in plain], "again": [one["again"] for one in plain],
        "once": [one["once"] for one in plain], "kept": plain[-1]["kept"],
    }  # fmt: skip


def tables(found: Mapping[str, Any]) -> str:
    """The measured part of the page."""
    batches, gigabyte = in_minibatches(PICTURES) // found["minibatch"], 1e9
    ours, peak = found["seconds"], max(found["peak"]) / gigabyte
    rows = [
        ("demeanour", ours, f"{peak:.1f} GB, the whole process"),
        ("a pass alone, with all cores", found["alone"], ""),
        ("Gram matrices once, a loop over pairs", found["once"], f"{found['kept'] / gigabyte:.1f} GB of activations"),
        ("Gram matrices again for each pair", found["again"], f"{found['kept'] / gigabyte:.1f} GB of activations"),
    ]
    lines = [
        (f"`{found['network']}`, {found['layers']} layers, minibatches of {found['minibatch']} pictures of {SIDE} "
         f"pixels. {found['cores']} cores of an {found['machine']} processor, which had other work at the time (load "
         f"{found['load']}), torch {found['versions']['torch']}, float32. Medians of {found['rounds']} rounds, with "
         "the smallest and the largest."),
        "",
        f"| | seconds for a minibatch | times demeanour's | {batches} minibatches, hours | memory |",
        "|---|---|---|---|---|",
    ]
    for name, seconds, memory in rows:
        ratio = median(one / other for one, other in zip(seconds, ours, strict=True))
        hours = median(seconds) * batches / 3600
        lines.append(f"| {name} | {median(seconds):.3g} [{min(seconds):.3g}, {max(seconds):.3g}] | {ratio:.3g} "
                     f"| {hours:.2g} | {memory} |")   # fmt: skip
    return "\n".join(lines)


def page(found: Mapping[str, Any], text: str) -> str:
    """The page with the measured part put between its marks."""
    head, begun, rest = text.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not begun or not ended:
        raise ValueError(f"the page has no '{BEGIN}' … '{END}'")
    return f"{head}{BEGIN}\n\n{tables(found)}\n\n{END}{tail}"


def main() -> int:
    """Measure, or write the page; 1 where the memory is beyond the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("measure", "page"))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.what == "measure":
        RESULTS.write_text(json.dumps(measure(options.rounds), indent=1) + "\n", encoding="utf-8")
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    PAGE.write_text(page(found, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return int(max(found["peak"]) > LIMIT * 1e9)


if __name__ == "__main__":
    sys.exit(main())
