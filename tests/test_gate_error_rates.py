"""How often the gate errs: a small share of `benchmarks/gate_error_rates.py`, and the record of the whole.

Counts are asked for within three Monte-Carlo standard errors of their bounds, of the record within two.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import gate_error_rates as rates
from demeanour.measures.scoring import brier
from demeanour.statistics.seeds import generator

RUNS = 40
SCENARIOS = {(one.name, one.counts): one for one in rates.scenarios()}
RECORD = json.loads((rates.HERE / "gate_error_rates.json").read_text(encoding="utf-8"))["rows"]


def test_a_candidate_that_is_worse_is_worse_by_exactly_the_margin() -> None:
    """In the population: 400,000 images, within four standard errors of the paired difference."""
    loss = rates.Loss({"imagenet-val": 0.022}, {"imagenet-val": 0.036})
    world = rates.World({"imagenet-val": 400_000}, [])
    drawn = rates.draw(world, loss, generator("test", "worse"))
    before, after = (drawn[model, "imagenet-val"].columns for model in (rates.ROLE, rates.CANDIDATE))
    lost = before["correct"].astype(float) - after["correct"]
    assert abs(lost.mean() - 0.022) < 4 * lost.std() / np.sqrt(400_000)
    values = [float(brier(one["probability_of_label"], one["sum_p2"])["all"]) for one in (before, after)]
    assert values[1] - values[0] == pytest.approx(0.036, abs=0.0025)


def test_an_equal_candidate_differs_on_a_seventh_of_the_images() -> None:
    drawn = rates.draw(rates.World({"imagenet-val": 100_000}, []), rates.EQUAL, generator("test", "equal"))
    before, after = (drawn[model, "imagenet-val"].columns["correct"] for model in (rates.ROLE, rates.CANDIDATE))
    assert (before != after).mean() == pytest.approx(1 / 7, abs=0.01)
    assert before.mean() - after.mean() == pytest.approx(0, abs=0.006)


def test_a_corrupted_and_a_conflicting_set_lose_what_is_asked_for() -> None:
    world = rates.World({"imagenet-c": 4000, "cue-conflict": 40_000}, [])
    drawn = rates.draw(world, rates.Loss({"imagenet-c": 0.06}, {}, 0.12), generator("test", "clusters"))
    right = [drawn[model, "imagenet-c"].columns["correct"].mean() for model in (rates.ROLE, rates.CANDIDATE)]
    assert right[0] - right[1] == pytest.approx(0.06, abs=0.02)
    bias = []
    for model in (rates.ROLE, rates.CANDIDATE):
        of = drawn[model, "cue-conflict"].columns
        by_shape, by_texture = (int((of["prediction"] == of[cue]).sum()) for cue in ("shape", "texture"))
        bias.append(by_shape / (by_shape + by_texture))
    assert bias[0] - bias[1] == pytest.approx(0.12, abs=0.02)


@pytest.mark.parametrize(
    "key",
    [
        ("accuracy on imagenetv2", "released"),
        ("calibration on imagenet-val", "released"),
        ("on all margins at once", "blocked"),
        ("equal, margins for less", "released"),
    ],
    ids="-".join,
)
def test_the_gate_errs_no_more_often_than_it_may(key: tuple[str, str]) -> None:
    found = rates.row(replace(SCENARIOS[key], share=1.0), RUNS)
    assert rates.kept(found, errors=3.0), found


def test_a_rate_that_is_too_high_is_not_kept() -> None:
    assert rates.kept({"rate": 0.06, "replicates": 1000})
    assert not rates.kept({"rate": 0.065, "replicates": 1000})
    assert rates.kept({"rate": 0.972, "promised": 0.98, "replicates": 1000})
    assert not rates.kept({"rate": 0.972, "promised": 0.98, "replicates": 2000})


def test_a_gate_without_holms_correction_would_not_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five requirements on their margins, one or another looks violated in far more than 5 % of the runs."""
    monkeypatch.setattr(rates.gate, "holm", lambda p: np.asarray(p))
    found = rates.row(SCENARIOS["on all margins at once", "blocked"], 80)
    assert not rates.kept(found, errors=2.0), found


def test_the_record_keeps_every_bound() -> None:
    assert [(one["scenario"], one["counts"]) for one in RECORD] == list(SCENARIOS)
    wrong = [one for one in RECORD if not rates.kept(one)]
    assert not wrong


def test_the_page_shows_the_record() -> None:
    text = rates.PAGE.read_text(encoding="utf-8")
    shown = text.partition(rates.FIRST)[2].partition(rates.LAST)[0].strip()
    assert shown == rates.table({"rows": RECORD})
