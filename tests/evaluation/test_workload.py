"""What is foretold of an evaluation is what its counters tell afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from demeanour.evaluation import evaluator as evaluating
from demeanour.evaluation.evaluator import Evaluator
from demeanour.evaluation.networks import Networks
from demeanour.evidence.gather import Evidence
from demeanour.evidence.health import Health
from demeanour.evidence.live import Live
from demeanour.evidence.plan import LOGITS, Unit
from demeanour.evidence.workload import Standing, Workload, standing, workload
from tests.evaluation.live_cast import CLASSES, EACH, all_units, open_live

IMAGES = CLASSES * EACH


def foretold(folder: Path, units: list[Unit]) -> tuple[Workload, list[Standing]]:
    """By a process that has loaded nothing yet."""
    live = open_live(folder)
    health = Health(Evidence(live.cast, live.store))
    found = [standing(health, unit) for unit in units]
    return workload(health, found), found


def evaluated(live: Live, units: list[Unit], stop: Callable[[Counter[str]], bool] = lambda _: False) -> Counter[str]:
    """Evaluate in this process, until it is stopped; returns what was counted."""
    counted: Counter[str] = Counter()

    def hear(event: Mapping[str, Any]) -> None:
        assert event["event"] != "failed", event
        counted[event["event"]] += event.get("passes" if event["event"] == "passed" else "pictures", 1)
        if stop(counted):
            raise KeyboardInterrupt

    Evaluator(live, "cpu", hear).run(units)
    return counted


def test_counts_that_are_foretold_are_those_of_the_evaluation(tmp_path: Path) -> None:
    live = open_live(tmp_path)
    units = all_units(live.cast, LOGITS)
    at_most, _ = foretold(tmp_path, units)
    for model in live.cast.models:
        Networks(live, "cpu").describe(model)
    first, found = foretold(tmp_path, units)
    assert sum(at_most.passes.values()) - sum(first.passes.values()) == 2 * IMAGES   # scale/1 is the plain view
    assert [str(one) for one in found] == [f"to evaluate, {IMAGES} pictures"] * len(units)
    counted = evaluated(live, [unit for unit in units if unit.model == "vit"])
    assert sum(pictures for (model, *_), pictures in first.passes.items() if model == "vit") == counted["passed"]
    assert sum(first.decoded.values()) == counted["decoded"] == IMAGES
    rest, found = foretold(tmp_path, units)
    assert {one.unit for one in found if one.there} == {unit for unit in units if unit.model == "vit"}
    counted = evaluated(open_live(tmp_path), units)
    assert sum(rest.passes.values()) == counted["passed"] > 0
    assert sum(rest.decoded.values()) == counted["decoded"] == IMAGES
    nothing, found = foretold(tmp_path, units)
    assert {str(one) for one in found} == {"evaluated"}
    assert nothing == Workload({}, {}, {}, 0)


@pytest.mark.parametrize("shards", [1, 4, 6])
def test_counts_after_an_interruption_are_those_of_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shards: int
) -> None:
    for sizes in (evaluating.SHARD, evaluating.CHUNK):
        monkeypatch.setitem(sizes, "cpu", 10)   # 7 shards, the last of 4 pictures
    live = open_live(tmp_path)
    units = [unit for unit in all_units(live.cast, LOGITS) if unit.view in ("plain", "resolution/96")]
    with pytest.raises(KeyboardInterrupt):
        evaluated(live, units, lambda counted: counted["decoded"] > 10 * shards)
    rest, _ = foretold(tmp_path, units)
    assert rest.decoded == {"pictures": IMAGES - 10 * shards}
    assert set(rest.passes.values()) == {IMAGES - 10 * shards}
    counted = evaluated(open_live(tmp_path), units)
    assert sum(rest.passes.values()) == counted["passed"]
    assert sum(rest.decoded.values()) == counted["decoded"]
