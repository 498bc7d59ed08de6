"""Pictures to evaluate on: photographs of a folder, or drawn ones that cost as much to decode."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from demeanour.datasets.pictures.listing import ENDINGS
from demeanour.errors import NotMeasuredError
from demeanour.evaluation.devices import cores
from demeanour.statistics.seeds import generator

SIZES = ((500, 375), (500, 375), (500, 375), (500, 333), (375, 500))   # width and height, as most of ImageNet's
QUALITY = 95
FALL = 0.8      # of the amplitude, from one octave to the next: about 100 kB, as a photograph's
FOLDERS = 10    # classes; labels are not looked at


def fill(folder: Path, count: int, photographs: Path | None = None) -> None:
    """Fill a folder with class folders of pictures, unless it is full.

    Args:
        folder: Where they go; class folders are named by index.
        count: How many there shall be.
        photographs: A folder with at least as many pictures, at any depth, of which some are copied, evenly chosen;
            without it they are drawn.

    Raises:
        NotMeasuredError: There are too few photographs.
    """
    for label in range(min(FOLDERS, count)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
    chosen = [] if photographs is None else _chosen(photographs, count)

    def make(number: int) -> None:
        source = chosen[number] if chosen else None
        ending = source.suffix.lower() if source else ".jpg"
        path = folder / str(number % FOLDERS) / f"{number:06d}{ending}"
        if source:
            shutil.copyfile(source, path)
        elif not path.exists():
            path.write_bytes(drawn(number))

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(make, range(count)))


def drawn(number: int) -> bytes:
    """A JPEG of octaves of coloured noise, each weaker than the one before: its spectrum falls like a photograph's."""
    dice = generator("picture to evaluate on", str(number))
    width, height = SIZES[number % len(SIZES)]
    whole, amplitude, across = np.zeros((height, width, 3), np.float32), 1.0, 4
    while across <= width:
        own = dice.standard_normal((across * height // width, across, 3)).astype(np.float32)
        coloured = 1.3 * own.mean(axis=2, keepdims=True) + 0.4 * own
        for channel in range(3):
            coarse = Image.fromarray(np.ascontiguousarray(coloured[..., channel]))
            fine = coarse.resize((width, height), Image.Resampling.BICUBIC)
            whole[..., channel] += amplitude * np.asarray(fine)
        across, amplitude = 2 * across, FALL * amplitude
    pixels = (127 + 60 * whole / whole.std()).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def described(folder: Path) -> dict[str, Any]:
    """How many pictures a folder holds, and their mean size in bytes and pixels."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    sizes = []
    for path in files:
        with Image.open(path) as picture:
            sizes.append(picture.size)
    return {
        "count": len(files),
        "kilobytes": round(float(np.mean([path.stat().st_size for path in files])) / 1000),
        "megapixels": round(float(np.mean([width * height for width, height in sizes])) / 1e6, 3),
    }


def _chosen(photographs: Path, count: int) -> Sequence[Path]:
    found = sorted(path for path in photographs.rglob("*") if path.suffix.lower() in ENDINGS)
    if len(found) < count:
        raise NotMeasuredError(f"{photographs} holds {len(found):,} pictures, {count:,} are needed")
    return [found[number * len(found) // count] for number in range(count)]
