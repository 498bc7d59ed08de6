"""§3.5: effective robustness against numpy's fit; accuracy with several right labels; averages that share images."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from scipy.special import expit, logit

from demeanour.datasets.catalogue import PUBLISHED
from demeanour.datasets.frame import Frame
from demeanour.errors import NotMeasuredError
from demeanour.evidence.observations import observe
from demeanour.evidence.table import PredictionTable
from demeanour.measures.accuracy import multilabel_top1
from demeanour.measures.effective_robustness import accuracy_line, effective_robustness
from demeanour.measures.groups import ALL
from demeanour.measures.registry import BESIDE, MEASURES
from demeanour.statistics.limits import Limits
from demeanour.statistics.means import cluster_mean_limits
from demeanour.statistics.strata import worst_case_sum
from demeanour.verdicts.comparing import averaged
from demeanour.verdicts.contrast import Contrast, Term, contrast
from demeanour.verdicts.replicates import columns_of
from tests.paper_tables import said_by
from tests.test_contrast import corrupted

# Table 2 of the paper
CLEAN = {"ViT-sup": 0.855, "ConvNeXt-sup": 0.855, "ViT-clip": 0.670, "ConvNeXt-clip": 0.663}
V2 = {"ViT-sup": 0.762, "ConvNeXt-sup": 0.756, "ViT-clip": 0.595, "ConvNeXt-clip": 0.586}
R = {"ViT-sup": 0.616, "ConvNeXt-sup": 0.623, "ViT-clip": 0.778, "ConvNeXt-clip": 0.758}


# effective robustness


@pytest.mark.parametrize("seed", range(3))
def test_the_line_is_that_of_numpy_and_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0.2, 0.95, 12), rng.uniform(0.1, 0.9, 12)
    names = [f"model {number}" for number in range(12)]
    found = accuracy_line(dict(zip(names, x, strict=True)), dict(zip(names, y, strict=True)), names[3:])
    slope, intercept = np.polyfit(logit(x[3:]), logit(y[3:]), 1)
    theirs = scipy.stats.linregress(logit(x[3:]), logit(y[3:]))
    assert found.fitted_to == tuple(names[3:])
    assert (found.slope, found.intercept) == pytest.approx((slope, intercept))
    assert (found.slope, found.intercept) == pytest.approx((theirs.slope, theirs.intercept))
    assert list(found.distance) == names
    assert list(found.distance.values()) == pytest.approx(y - expit(intercept + slope * logit(x)))
    assert found.at(0.7) == pytest.approx(expit(intercept + slope * logit(0.7)))


def test_models_on_one_line_have_no_distance() -> None:
    clean = {"a": 0.5, "b": 0.6, "c": 0.9}
    shifted = {name: float(expit(0.8 * logit(value) - 0.5)) for name, value in clean.items()}
    found = accuracy_line(clean | {"d": 0.8}, shifted | {"d": 0.9}, list(clean))
    assert (found.slope, found.intercept) == pytest.approx((0.8, -0.5))
    assert [found.distance[name] for name in clean] == pytest.approx([0, 0, 0], abs=1e-12)
    assert found.distance["d"] == pytest.approx(0.9 - expit(0.8 * logit(0.8) - 0.5))   # above the others' line


def test_four_models_of_two_kinds_lie_on_a_line_on_v2_and_on_renditions_on_none() -> None:
    lines = effective_robustness(CLEAN, {"imagenetv2": V2, "imagenet-r": R}, ["ViT-sup", "ConvNeXt-sup"])
    assert {line.fitted_to for line in lines.values()} == {tuple(CLEAN)}   # two standard models are too few
    assert max(abs(distance) for distance in lines["imagenetv2"].distance.values()) < 0.004
    assert lines["imagenetv2"].slope > 0 > lines["imagenet-r"].slope


def test_the_line_is_of_the_standard_models_where_they_are_three_and_others_may_lie_above_it() -> None:
    clean = {"a": 0.8, "b": 0.7, "c": 0.75, "wide": 0.6}
    shifted = {"a": 0.6, "b": 0.45, "c": 0.53, "wide": 0.65}
    line = effective_robustness(clean, {"imagenet-r": shifted}, ["a", "b", "c"])["imagenet-r"]
    assert line.fitted_to == ("a", "b", "c")
    assert line.distance["wide"] > 0.3


def test_models_without_an_accuracy_are_left_out_and_too_few_have_no_line() -> None:
    some = {name: V2[name] for name in list(V2)[1:]}
    two = {name: V2[name] for name in list(V2)[:2]}
    lines = effective_robustness(CLEAN, {"some": some, "two": two, "all": V2, "wrong": V2 | {"ViT-sup": 1.0}}, [])
    assert {data: line.fitted_to for data, line in lines.items()} == {"some": tuple(some), "all": tuple(V2)}


@pytest.mark.parametrize(
    ("clean", "shifted", "told"),
    [
        ({"a": 0.5, "b": 0.6}, {"a": 0.5, "b": 0.6}, "2 models are too few for a line; 3 are the least"),
        ({"a": 0.5, "b": 0.6, "c": 0.7}, {"a": 0.5, "b": 0.6, "d": 0.7}, "different models"),
        ({"a": 0.5, "b": 0.6, "d": 0.7}, {"a": 0.5, "b": 0.6, "d": 0.7}, "different models"),
        ({"a": 0.5, "b": 0.5, "c": 0.5}, {"a": 0.5, "b": 0.6, "c": 0.7}, "the same accuracy without the shift"),
        ({"a": 0.5, "b": 0.6, "c": 1.0}, {"a": 0.5, "b": 0.6, "c": 0.7}, "must lie between 0 and 1"),
        ({"a": 0.5, "b": 0.6, "c": 0.7}, {"a": 0.5, "b": 0.6, "c": 0.0}, "must lie between 0 and 1"),
        ({"a": 0.5, "b": 0.6, "c": 0.7}, {"a": 0.5, "b": 0.6, "c": np.nan}, "must lie between 0 and 1"),
    ],
)
def test_what_makes_no_line_is_told(clean: dict[str, float], shifted: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        accuracy_line(clean, shifted, [name for name in "abc" if told == "different models" or name in clean])


# several labels


def several(**more: np.ndarray) -> tuple[PredictionTable, Frame]:
    ids = np.array(["a", "b", "c"])
    prediction = np.array([2, 2, 1])
    label_set = np.array([[0, 2], [1, -1], [1, 3]])
    return PredictionTable(ids, {"prediction": prediction, **more}), Frame("hard", ids, {"label_set": label_set}, 4)


def test_correct_is_one_of_the_labels_so_that_top1_is_that_of_several_labels() -> None:
    found = observe("one", *several())
    assert found.column("correct").tolist() == [True, False, True]
    values = MEASURES["top1"].values(columns_of(MEASURES["top1"], (found,)))
    expected = multilabel_top1(found.column("prediction").astype(int), found.column("label_set").astype(int))
    assert values[ALL] == expected["all"] == pytest.approx(2 / 3)


def test_no_answer_is_not_what_fills_up_a_set() -> None:
    table, frame = several()
    assert not observe("one", PredictionTable(table.ids, {"prediction": np.array([-1, -1, -1])}), frame).column(
        "correct"
    ).any()


@pytest.mark.parametrize("measure", ["nll", "brier", "classwise_ece", "temperature", "ece_temperature_scaled", "top5"])
def test_what_needs_the_one_label_is_not_measured_where_there_are_several(measure: str) -> None:
    ones = np.ones(3)
    table, frame = several(   # as the evaluation of the validation set leaves them, which ReaL annotates
        label=np.array([0, 1, 1]), probability_of_label=ones / 2, rank_of_label=ones.astype(int), sum_p2=ones / 2,
        top5=np.zeros((3, 5), int), confidence=ones / 2,
    )  # fmt: skip
    with pytest.raises(NotMeasuredError, match=r"no column '(label|probability_of_label|rank_of_label|logits)'"):
        columns_of(MEASURES[measure], (observe("one", table, frame),))


# corrupted images


def test_top1_of_corrupted_images_is_clustered_by_source_and_the_mean_over_cells() -> None:
    one, other = corrupted("one", 0), corrupted("other", 1)
    found = contrast(MEASURES["top1"], (Term(1, one, ALL), Term(-1, other, ALL)))
    cells = [
        float(MEASURES["corruption_accuracy"].values(columns_of(MEASURES["corruption_accuracy"], (side,)))[ALL])
        for side in (one, other)
    ]
    assert found.limits.value == pytest.approx(cells[0] - cells[1])
    rows = one.column("correct").astype(float) - other.column("correct").astype(float)
    by_source = rows.reshape(40, 75).mean(axis=1)   # 75 of each source, in this order
    expected = scipy.stats.t.interval(0.9, 39, by_source.mean(), scipy.stats.sem(by_source))
    assert found.limits.interval(0.9) == pytest.approx(expected)
    assert cluster_mean_limits(rows, one.column("source").astype(int), -1).method == "t of 40 source images"


def test_mce_stands_beside_accuracy_on_corrupted_images() -> None:
    assert set(BESIDE["top1"]) == {"mce", "relative_mce"}
    one = corrupted("one")
    for name in BESIDE["top1"]:
        assert np.isfinite(float(MEASURES[name].values(columns_of(MEASURES[name], (one,)))[ALL]))


# averages over sets that share images


def estimate(value: float, half: float) -> Contrast:
    return Contrast(Limits(value, lambda _: value - half, lambda _: value + half, "made"), 10)


def test_a_set_chosen_from_others_may_err_with_all_of_them() -> None:
    sets = ["imagenetv2", "imagenet-a", "imagenet-hard"]
    limits = averaged([estimate(0.1, 0.03), estimate(0.2, 0.04), estimate(0.3, 0.02)], [0.0] * 3, sets).limits
    assert limits.value == pytest.approx(0.2)
    assert limits.upper(0.05) - limits.value == pytest.approx((0.05 + 0.02) / 3)   # √(.03² + .04²) = .05
    sets = ["x", "y", "imagenet-hard"]
    apart = averaged([estimate(0.1, 0.03), estimate(0.2, 0.04), estimate(0.3, 0.02)], [0.0] * 3, sets)
    assert apart.limits.upper(0.05) - 0.2 == pytest.approx(np.sqrt(0.03**2 + 0.04**2 + 0.02**2) / 3)


def test_the_seven_sets_share_what_the_catalogue_says() -> None:
    sets = ["imagenetv2", "imagenet-a", "imagenet-c", "imagenet-hard", "imagenet-r", "imagenet-sketch", "imagenet-real"]
    halves = dict(zip(sets, (0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07), strict=True))
    limits = averaged([estimate(0.5, half) for half in halves.values()], [0.0] * 7, sets).limits
    of_val = halves["imagenet-c"] + halves["imagenet-real"]   # made from, and annotating, the validation set
    own = ("imagenetv2", "imagenet-a", "imagenet-r", "imagenet-sketch")
    apart = np.sqrt(of_val**2 + sum(halves[data] ** 2 for data in own))
    assert limits.upper(0.05) - 0.5 == pytest.approx((apart + halves["imagenet-hard"]) / 7)
    worst = worst_case_sum([(1 / 7, estimate(0.5, half).limits) for half in halves.values()], "")
    assert limits.upper(0.05) < worst.upper(0.05)
    assert set(sets) - {"imagenet-hard"} <= set(PUBLISHED["imagenet-hard"].chosen_from)


# the findings


TABLE = """
ViT-sup        85.5  76.2  60.0  59.8  28.5  61.6  46.1  89.2
ConvNeXt-sup   85.5  75.6  52.9  66.8  29.4  62.3  48.6  89.5
ViT-clip       67.0  59.5  33.2  40.8   5.5  77.8  52.3  74.3
ConvNeXt-clip  66.3  58.6  30.9  39.0   5.8  75.8  52.0  73.8
"""
SETS = ("imagenet-val", "imagenetv2", "imagenet-a", "imagenet-c", "imagenet-hard", "imagenet-r", "imagenet-sketch",
        "imagenet-real")  # fmt: skip


def of_table() -> dict[tuple[str, str, str], float]:
    rows = [line.split() for line in TABLE.strip().splitlines()]
    return {
        (model, data, ALL): float(value) / 100
        for model, *values in rows
        for data, value in zip(SETS, values, strict=True)
    }


def test_the_findings_say_what_table_2_says_but_for_the_one_it_contradicts() -> None:
    said = said_by("robustness", of_table())
    assert {case.finding.label for case, _ in said} == {f"R{number}" for number in range(1, 8)}
    assert {case.finding.id for case, holds in said if not holds} == {"robustness.supervised-convnext-dominates"}
    assert len(said) == 12 + 4 + 2 + 2 + 1 + 2 + 1 + 3 + 3 + 3 + 1 + 1
    assert {case.finding.strength_on(case.data) for case, holds in said if not holds} == {"D"}


def test_the_average_is_over_the_seven_shifted_sets() -> None:
    averages = [case for case, _ in said_by("robustness", of_table()) if case.finding.average]
    assert {case.finding.label for case in averages} == {"R3", "R4", "R7"}
    assert {frozenset(case.sets) for case in averages} == {frozenset(SETS[1:])}
