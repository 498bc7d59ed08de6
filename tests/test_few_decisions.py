"""Shape bias of a model that hardly ever decides by shape, on images that share a source: an exact bound."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from demeanour.datasets.cue_conflict import cue_conflict_frame
from demeanour.errors import NotMeasuredError
from demeanour.evidence.observations import Observations, observe
from demeanour.evidence.table import prediction_table
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.verdicts.contrast import Term, contrast

NAMES, SOURCES = ("ball", "cone", "cube", "mug", "ring", "star"), 8


def observed(by_shape: np.ndarray, model: str = "one", by_texture: float = 1.0) -> Observations:
    """48 shapes, each in 5 other textures; those of ``by_shape``, (48, 5), are decided by shape."""
    ids = [f"{s}{i}-{t}1.png" for s in NAMES for i in range(1, SOURCES + 1) for t in NAMES if s != t]
    frame = cue_conflict_frame(np.sort(np.array(ids)), "cues", NAMES)
    shape, texture = frame.columns["shape"], frame.columns["texture"]
    silent = np.random.default_rng(0).random(len(shape)) > by_texture
    prediction = np.where(by_shape.ravel(), shape, np.where(silent, -1, texture))
    return observe(model, prediction_table(frame.ids, {"prediction": prediction}, 6, "made up", no_answer=True), frame)


def decided(*places: tuple[int, int]) -> np.ndarray:
    found = np.zeros((48, 5), dtype=bool)
    for place in places:
        found[place] = True
    return found


def limits(one: Observations, measure: str = "shape_bias", group: str = ALL):
    return contrast(MEASURES[measure].named(one.names), (Term(1, one, group),)).limits


def test_one_shape_decision_of_240_is_bounded_by_the_share_of_sources_that_have_any() -> None:
    found = limits(observed(decided((3, 2))))
    assert found.value == pytest.approx(1 / 240)
    assert found.lower(0.05) == 0
    assert found.upper(0.05) == pytest.approx(scipy.stats.beta.ppf(0.95, 2, 47))   # Clopper-Pearson of 1 in 48
    assert found.method == "exact bound, 1 of 48 source images differ"


def test_no_texture_decision_at_all_is_bounded_from_below() -> None:
    found = limits(observed(np.ones((48, 5), dtype=bool)))
    assert (found.value, found.upper(0.05)) == (1, 1)
    assert found.lower(0.05) == pytest.approx(0.05 ** (1 / 48))


def test_images_that_are_decided_by_neither_do_not_count() -> None:
    one = observed(decided((3, 2), (7, 0)), by_texture=0.5)
    answered = int((one.column("prediction") >= 0).sum())
    assert limits(one).value == pytest.approx(2 / answered)
    covered = limits(one, "cue_coverage")
    assert covered.value == pytest.approx(answered / 240)


def test_many_images_of_one_source_are_less_sure_than_of_many() -> None:
    together = limits(observed(decided(*((3, k) for k in range(5)))))
    apart = limits(observed(decided(*((k, 0) for k in range(5)))))
    assert together.value == apart.value == pytest.approx(5 / 240)
    assert together.upper(0.05) < apart.upper(0.05)   # the bound is of sources: 1 of 48, and 5 of 48
    assert together.upper(0.05) == pytest.approx(scipy.stats.beta.ppf(0.95, 2, 47))


def test_differences_and_gaps_of_gaps_with_such_a_model_are_measured() -> None:
    few, many = observed(decided((3, 2))), observed(np.random.default_rng(1).random((48, 5)) < 0.4, "many")
    measure = MEASURES["shape_bias"].named(few.names)
    pair = contrast(measure, (Term(1, many, ALL), Term(-1, few, ALL))).limits
    assert pair.value == pytest.approx(limits(many).value - 1 / 240)
    assert 0 < pair.lower(0.05) < pair.value < pair.upper(0.05)
    terms = tuple(Term(sign, one, ALL) for sign, one in zip((1, -1, -1, 1), (many, few, few, many), strict=True))
    gap = contrast(measure, terms).limits
    assert gap.upper(0.05) - gap.lower(0.05) > 2 * (pair.upper(0.05) - pair.lower(0.05))


def test_a_category_of_few_sources_is_still_not_measured() -> None:
    with pytest.raises(NotMeasuredError, match="too few hits or misses among images that share a source: 8 source"):
        limits(observed(decided((3, 2))), group="ball")


@pytest.mark.parametrize("rate", [0.004, 0.02])
def test_the_upper_limit_holds_the_truth_where_sources_go_all_together(rate: float) -> None:
    rng, missed, repeats = np.random.default_rng(2), 0, 300
    for _ in range(repeats):
        sources = rng.random(48) < rate
        missed += limits(observed(np.repeat(sources[:, None], 5, axis=1))).upper(0.05) < rate
    assert missed <= repeats * 0.05 + 3 * np.sqrt(repeats * 0.05)
