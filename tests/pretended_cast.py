"""A cast of forty pictures and two networks that need not exist: what they are and say is made up, without torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from demeanour.datasets.pictures.pictures import Pictures
from demeanour.evidence.arrays import Arrays
from demeanour.evidence.gather import Evidence
from demeanour.evidence.live import Live
from demeanour.evidence.plan import TABLE, Unit, units_of
from demeanour.evidence.store import Store
from demeanour.evidence.table import prediction_table
from demeanour.findings.thresholds import Thresholds, load_thresholds
from demeanour.models.description import Description, looks
from demeanour.models.remembered import remember
from demeanour.models.source import parse_source
from demeanour.views.geometry import Preprocessing
from tests.small_cast import finding
from tests.suite_run import ROOT

CLASSES, EACH = 10, 4
IMAGES = CLASSES * EACH
VIEWS = ["scale/1.5", "resolution/96"]
SIDES = {"left": {"architecture": "vit"}, "right": {"architecture": "convnext"}}
OF_ONE = {key: value for key, value in finding("sure", data="pictures").items() if key != "compare"}
FINDINGS = [
    finding("plain", data="pictures", compare=SIDES),
    finding("zoomed", data="zoomed", compare=SIDES),
    {**OF_ONE, "measure": "signed_gap", "models": {"paradigm": "supervised"}, "relation": "value < bound", "bound": 0},
]   # beside the signed gap stands what needs logits
NATIVE = Preprocessing(64, "bicubic", 64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
UNITS = 2 * (1 + len(VIEWS) + 1)   # of each model the tables of the plain pictures and of each view, and logits


def write_pictures(folder: Path) -> None:
    """PNGs in folders that are named by class indices."""
    for label in range(CLASSES):
        (folder / str(label)).mkdir(parents=True)
        for number in range(EACH):
            picture = Image.new("RGB", (70, 70), (20 * label, 40 * number, 90))
            picture.save(folder / str(label) / f"{label}-{number}.png")


def write_pretended(folder: Path, **changes: Any) -> list[str]:
    """Write pictures, files in place of weights, findings and a cast; returns the options that name them."""
    if not (folder / "pictures").exists():
        write_pictures(folder / "pictures")
        for name in ("vit", "convnext"):
            (folder / f"{name}.safetensors").write_bytes(b"\0" * 4000)
    models = {
        name: {"source": f"timm:{name}_of_mine@{name}.safetensors", "architecture": name, "paradigm": "supervised"}
        for name in ("vit", "convnext")
    }
    cast = {
        "about": "two networks", "protocol": "native", "models": models,
        "data": {
            "pictures": {"reader": "folder", "root": "pictures", "classes": CLASSES},
            "zoomed": {"reader": "views", "of": "pictures", "views": VIEWS},
        },
        **changes,
    }  # fmt: skip
    (folder / "findings").mkdir(exist_ok=True)
    (folder / "findings" / "small.yaml").write_text(yaml.safe_dump(FINDINGS))
    (folder / "cast.yaml").write_text(yaml.safe_dump(cast, sort_keys=False))
    return ["--cast", str(folder / "cast.yaml"), "--findings", str(folder / "findings")]


def thresholds_of(folder: Path) -> Thresholds:
    """What `write_pretended` has written."""
    return load_thresholds(str(folder / "cast.yaml"), folder / "findings", ROOT / "thresholds")


def opened(folder: Path) -> Evidence:
    """The evidence of the cast, in a store of its own."""
    return Evidence(thresholds_of(folder).cast, Store(folder / "cache", print))


def describe(live: Live, model: str, **changes: Any) -> Description:
    """As if a network had been loaded."""
    request = live.request(model)
    files = (looks(Path(parse_source(request.source).checkpoint or "")),) if "files" not in changes else ()
    found = Description(f"identity of {model}", "supervised", NATIVE, CLASSES, 1_500_000, files)
    found = replace(found, **changes)
    remember(request, found, live.store.root)
    live.learn(model, found)
    return found


def answer(live: Live, unit: Unit) -> None:
    """As if a unit of a described network had been evaluated."""
    pictures: Pictures = live.pictures(unit.data)
    if unit.kind == TABLE:
        columns = {"prediction": np.zeros(len(pictures), np.int64), "label": pictures.frame.columns["label"]}
        table = prediction_table(pictures.frame.ids, columns, CLASSES, str(unit))
        live.store.table(live.key(unit), live.manifest(unit), lambda: table)
    else:
        logits = np.zeros((len(pictures), CLASSES), np.float16)
        Arrays(live.store.root).write(live.key(unit), {"logits": logits}, live.manifest(unit))


def answer_all(folder: Path, *models: str) -> None:
    """As if all that some models are needed for had been evaluated."""
    thresholds, live = thresholds_of(folder), opened(folder).live
    for model in models:
        describe(live, model)
    for unit in units_of(thresholds.cast, thresholds.cases.values()):
        if unit.model in models:
            answer(live, unit)
