"""A cast of two small networks and sixty pictures, which is evaluated in a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from demeanour.evidence.live import Live
from demeanour.evidence.plan import Unit, plan
from demeanour.evidence.store import Store
from demeanour.findings.cast import Cast
from demeanour.findings.load import load_cast
from demeanour.miniature.learning.cast import WEIGHTS
from demeanour.statistics.seeds import generator

CLASSES, EACH = 16, 4
NETWORKS = {"vit": "miniature_vit@{}/ViT-sup.safetensors", "resnet": "miniature_resnet@{}/reference.safetensors"}


def write_pictures(folder: Path, classes: int = CLASSES, each: int = EACH) -> None:
    """JPEGs and PNGs of several sizes in folders that are named by class indices, unpadded as ImageNetV2's."""
    dice = generator("pictures of a live cast")
    for label in range(classes):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            coarse = dice.integers(0, 256, (5, 5, 3), dtype=np.uint8)
            size = (int(dice.integers(66, 110)), int(dice.integers(66, 110)))
            picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
            picture.save(folder / str(label) / f"{label}-{number}.{'jpg' if number % 2 else 'png'}", quality=95)


def write_live_cast(folder: Path, classes: int = CLASSES, **changes: Any) -> Path:
    """A cast file beside its pictures."""
    if not (folder / "pictures").exists():
        write_pictures(folder / "pictures")
    models = {
        name: {
            "source": "timm:" + source.format(WEIGHTS), "imports": "demeanour.miniature.learning.networks",
            "architecture": name, "paradigm": "supervised",
        }
        for name, source in NETWORKS.items()
    }  # fmt: skip
    cast = {
        "about": "two networks", "protocol": "native", "models": models,
        "data": {
            "pictures": {"reader": "folder", "root": "pictures", "classes": classes},
            "zoomed": {"reader": "views", "of": "pictures", "views": ["scale/1", "scale/1.5", "resolution/96"]},
        },
        **changes,
    }  # fmt: skip
    (folder / "cast.yaml").write_text(yaml.safe_dump(cast))
    return folder / "cast.yaml"


def open_live(folder: Path, cache: str = "cache", **changes: Any) -> Live:
    """The cast with a store of its own."""
    cast, _, problems = load_cast(write_live_cast(folder, **changes))
    assert cast is not None, problems
    return Live(cast, Store(folder / cache, print))


def all_units(cast: Cast, *kinds: str) -> list[Unit]:
    """All that can be evaluated."""
    needs = [(model, data) for model in cast.models for data in cast.data]
    return plan(cast, needs, kinds)
