"""A cast so small that a run of the suite on it takes a second: two models, 400 images, three findings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

SOURCE = {"paper": "vishniakov2024", "section": "3.3", "figure": 4, "quote": "supervised models are better calibrated"}


def finding(name: str, **changes: Any) -> dict[str, Any]:
    base = {
        "id": f"small.{name}", "label": "T1", "claim": f"Claim {name}.", "source": SOURCE, "strength": "A",
        "measure": "top1", "data": "tiny", "relation": "left > right", "margin": 0,
        "compare": {"left": {"paradigm": "supervised"}, "right": {"paradigm": "clip"}, "pair_on": "architecture"},
    }  # fmt: skip
    return {**base, **changes}


FINDINGS = [
    finding("better"),
    finding("worse", relation="left < right"),
    finding("alike", relation="left ~ right", margin=0.2),
]


WORSE_AS_EXPECTED = {"small.worse": {"expect": "violated", "reason": "it is the other way round"}}


def write_small(
    folder: Path, expect: dict[str, Any] | None = None, findings: list[dict[str, Any]] | None = None
) -> list[str]:
    """Write tables, findings and a cast; returns the options that make a run use them.

    The supervised model is right on 320 of 400 images, the CLIP model on 260 of the same: ``better`` holds,
    ``worse`` is violated, and ``alike`` (within .2; the difference is .15 ± .03) holds.
    """
    rng = np.random.default_rng(0)
    ids = [f"{i:04d}.png" for i in range(400)]
    labels = rng.integers(10, size=400)
    luck = rng.permutation(400)
    rows = [f"{i},{y}\n" for i, y in zip(ids, labels, strict=True)]
    (folder / "labels.csv").write_text("file_name,label\n" + "".join(rows))
    for name, right in (("sup", 320), ("clip", 260)):
        predicted = np.where(luck < right, labels, (labels + 1) % 10)
        confidence = np.round(0.5 + 0.5 * rng.random(400), 4)
        rows = [f"{i},{p},{c}\n" for i, p, c in zip(ids, predicted, confidence, strict=True)]
        (folder / f"{name}.csv").write_text("id,prediction,confidence\n" + "".join(rows))
    card = {"architecture": "vit", "data": "tiny"}
    cast = {
        "about": "two small models", "protocol": "none",
        "models": {
            "sup": {**card, "source": "predictions:sup.csv", "paradigm": "supervised"},
            "clip": {**card, "source": "predictions:clip.csv", "paradigm": "clip"},
        },
        "data": {"tiny": {"reader": "labels", "root": "labels.csv", "images": 400, "classes": 10}},
        "expect": WORSE_AS_EXPECTED if expect is None else expect,
    }  # fmt: skip
    (folder / "findings").mkdir(exist_ok=True)
    (folder / "findings" / "small.yaml").write_text(yaml.safe_dump(FINDINGS if findings is None else findings))
    (folder / "small.yaml").write_text(yaml.safe_dump(cast, sort_keys=False))
    return ["--cast", str(folder / "small.yaml"), "--findings", str(folder / "findings")]
