"""All that the miniature cast asks for, on a world of few pictures: each decoded once, each answer computed once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from demeanour.evaluation.evaluator import Evaluator
from demeanour.evaluation.grams import MINIBATCH
from demeanour.evidence.gather import Evidence
from demeanour.evidence.plan import Unit, units_of
from demeanour.evidence.sources import miniature_folder
from demeanour.evidence.store import Store
from demeanour.findings.thresholds import load_thresholds
from demeanour.miniature import world
from demeanour.miniature.cache.parts import complete
from demeanour.miniature.sizes import SIZES, Counts
from tests.suite_run import ROOT

FEW = Counts(validation=112, a=300, r=80, sketch=96, corrupted=25, hard=20, characters=1, sources=1, train=24, test=12)
IMAGES = {
    "imagenet-val": 112, "imagenetv2": 112, "imagenet-a": 300, "imagenet-r": 80, "imagenet-sketch": 96,
    "imagenet-c": 25 * 75, "imagenet-hard": 20, "pug-imagenet": 65 * 12, "cue-conflict": 144,
}  # fmt: skip
# PUG: 65 settings of 12 characters; cue conflicts: 12 shapes in 12 textures; C: 75 cells; ImageNet-X and ReaL: of val
UNDECIDABLE = 12   # cue conflicts whose shape wears the texture of its own class: no reader shows them
# four scales, five shifts and four resolutions; scale 1 and the training resolution are the plain view
SEEN_OTHERWISE = 112 * (4 + 5 + 4)
LAYERS = 112 // MINIBATCH * MINIBATCH   # minibatches for CKA have passes of their own, in an order of their own


@pytest.fixture
def evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evidence:
    """The cast as it is, but for the numbers of pictures."""
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(SIZES, "quick", FEW)
    complete(miniature_folder(), world.parts("quick"), world.VERSION, lambda _: None, 1)
    text = (ROOT / "thresholds/casts/miniature.yaml").read_text(encoding="utf-8")
    cast = yaml.safe_load(text.replace("../../src/", f"{ROOT}/src/"))
    for name, images in IMAGES.items():
        cast["data"][name]["images"] = images
    (tmp_path / "cast.yaml").write_text(yaml.safe_dump(cast, sort_keys=False), encoding="utf-8")
    thresholds = load_thresholds(str(tmp_path / "cast.yaml"), None, ROOT / "thresholds")
    return Evidence(thresholds.cast, Store(tmp_path / "cache", print))


def counted(evidence: Evidence, units: list[Unit]) -> Counter[str]:
    found: Counter[str] = Counter()

    def hear(event: Mapping[str, Any]) -> None:
        assert event["event"] != "failed", event
        found["decoded"] += event["pictures"] if event["event"] == "decoded" else 0
        found["passes"] += event.get("passes", 0)

    Evaluator(evidence.live, "cpu", hear).run(units)
    return found


def test_the_full_plan_decodes_each_picture_once_and_passes_each_view_once(evidence: Evidence) -> None:
    thresholds = load_thresholds(str(evidence.cast.path), None, ROOT / "thresholds")
    units = units_of(evidence.cast, thresholds.cases.values())
    assert {unit.kind for unit in units} == {"table", "logits", "grams", "probes"}
    splits = [f"vtab/{task}:{split}" for task in world.TASKS for split in ("train", "test")]
    distinct = sum(IMAGES.values()) - UNDECIDABLE + sum(len(evidence.live.pictures(split)) for split in splits)
    first = counted(evidence, units)
    assert first["decoded"] == distinct + LAYERS
    assert first["passes"] == len(evidence.cast.models) * (distinct + SEEN_OTHERWISE + LAYERS)
    again = counted(Evidence(evidence.cast, evidence.store), units)
    assert again["decoded"] == again["passes"] == 0
