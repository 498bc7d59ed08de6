"""Pictures to learn from: rendered once into files that are read where they lie, shard by shard."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanour.errors import EvidenceError
from demeanour.files import whole_file
from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.render import render
from demeanour.miniature.learning.captions import captions
from demeanour.miniature.names import SIDE
from demeanour.miniature.worlds import labels_of, narrow, scenes, wide

SHARD = 2048   # pictures in a file: 25 MB
WORLDS = ("narrow", "wide", "selection")


class Pictures:
    """Pictures with labels and captions, read from shards.

    Attributes:
        labels: (n,), −1 where a picture's solid is in no class.
        captions: One of each picture.
    """

    def __init__(self, shards: list[Path]) -> None:
        self._images = [np.load(path, mmap_mode="r") for path in shards]
        told = [json.loads(path.with_suffix(".json").read_text(encoding="utf-8")) for path in shards]
        self.labels: NDArray[np.int64] = np.concatenate([np.asarray(one["labels"], dtype=np.int64) for one in told])
        self.captions: list[str] = [caption for one in told for caption in one["captions"]]

    def __len__(self) -> int:
        return len(self.labels)

    def images(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Some of the pictures, (n, 64, 64, 3), in the order asked for."""
        found = np.empty((len(indices), SIDE, SIDE, 3), dtype=np.uint8)
        shard, row = np.divmod(indices, SHARD)
        for which in np.unique(shard):
            here = shard == which
            found[here] = self._images[which][row[here]]
        return found


def training_pictures(
    world: str, count: int, folder: Path, tell: Callable[[str], None] = lambda line: print(line, file=sys.stderr)
) -> Pictures:
    """Pictures to learn from; those that are not there yet are rendered.

    Args:
        world: ``narrow``, ``wide``, or ``selection``: narrow pictures that are in no other set, to choose by.
        count: How many; rounded up to whole shards.
        folder: Where they are kept; a kill at any time leaves whole shards only.
        tell: Is told of progress.
    """
    if world not in WORLDS:
        raise EvidenceError(f"there is no world '{world}' to learn from; there are {', '.join(WORLDS)}")
    folder = folder / world
    folder.mkdir(parents=True, exist_ok=True)
    shards = [folder / f"{number:04d}.npy" for number in range(-(-count // SHARD))]
    missing = [number for number, path in enumerate(shards) if not path.exists()]
    start = time.monotonic()
    workers = min(len(missing), os.cpu_count() or 1)
    if missing:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            futures = [pool.submit(_write, world, number * SHARD, SHARD, shards[number]) for number in missing]
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                rate = done * SHARD / (time.monotonic() - start)
                tell(f"rendered {done}/{len(missing)} shards of the {world} world, {rate:.0f} pictures/s")
    return Pictures(shards)


def _write(world: str, first: int, count: int, path: Path) -> None:
    import torch

    torch.set_num_threads(1)   # one process a core: small tensors gain nothing from threads
    dice = Dice(world, range(first, first + count))
    draft = wide(dice) if world == "wide" else narrow(dice)
    shown = scenes(dice, draft)
    told = {"labels": labels_of(draft).tolist(), "captions": captions(dice, draft)}
    path.with_suffix(".json").write_text(json.dumps(told), encoding="utf-8")
    with whole_file(path) as file:
        np.save(file, render(shown))
