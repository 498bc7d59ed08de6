from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score

from demeanour.measures import accuracy, mistakes, shape_bias
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.vocabulary import CATEGORIES, FACTORS

FEW = settings(max_examples=40, deadline=None, derandomize=True)
RATIOS = {"error_ratio": mistakes.error_ratio, "error_odds_ratio": mistakes.error_odds_ratio}
CUES = {"shape_bias": shape_bias.shape_bias, "cue_coverage": shape_bias.cue_coverage}
NAN = float("nan")


def floats(values):
    return {group: float(value) for group, value in values.items()}


def same(expected):
    return pytest.approx(expected, nan_ok=True, abs=1e-12)


# top-1 accuracy

answers = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=40).filter(
    lambda drawn: any(weight for _, _, weight in drawn)
)


@FEW
@given(answers)
def test_top1_agrees_with_scikit_learn(drawn):
    prediction, label, weights = (np.array(column) for column in zip(*drawn, strict=True))
    correct = prediction == label
    assert accuracy.top1(correct)[ALL] == pytest.approx(accuracy_score(label, prediction))
    theirs = accuracy_score(label, prediction, sample_weight=weights)
    assert accuracy.top1(correct, weights=weights)[ALL] == pytest.approx(theirs)


@FEW
@given(answers)
def test_whole_weights_of_top1_are_repeated_images(drawn):
    prediction, label, weights = (np.array(column) for column in zip(*drawn, strict=True))
    repeated = accuracy.top1(np.repeat(prediction == label, weights))[ALL]
    assert accuracy.top1(prediction == label, weights=weights)[ALL] == pytest.approx(repeated)


def test_top1_of_nothing_is_nan():
    assert np.isnan(accuracy.top1(np.zeros(0, bool))[ALL])
    assert np.isnan(accuracy.top1(np.array([True]), weights=[0])[ALL])


# error ratios by factor


def ratios_by_dictionary(correct, factors, odds):
    """The published computation: one list of images for each factor; an image may be in many."""
    images = {name: [] for name in FACTORS}
    for right, marks in zip(correct, factors, strict=True):
        for name, marked in zip(FACTORS, marks, strict=True):
            if marked:
                images[name].append(bool(right))
    overall = 1 - sum(correct) / len(correct)
    values = {}
    for name, rights in images.items():
        error = 1 - sum(rights) / len(rights) if rights else NAN
        if odds:
            wrong, right = rights.count(False), rights.count(True)
            all_wrong = len(correct) - int(sum(correct))
            defined = right and all_wrong and all_wrong < len(correct)
            values[name] = (wrong / right) / (all_wrong / int(sum(correct))) if defined else NAN
        else:
            values[name] = error / overall if overall and rights else NAN
    return {ALL: sum(values.values()) / len(FACTORS), **values}


def annotated(seed, n, share=0.3, error=0.4):
    rng = np.random.default_rng(seed)
    return rng.random(n) >= error, rng.random((n, len(FACTORS))) < share


@pytest.mark.parametrize("name", RATIOS)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [4, 30, 400])
def test_error_ratios_agree_with_a_dictionary_of_overlapping_factors(name, seed, n):
    correct, factors = annotated(seed, n)
    assert (factors.sum(axis=1) > 1).any()
    expected = ratios_by_dictionary(correct, factors, odds=name == "error_odds_ratio")
    assert floats(RATIOS[name](correct, factors)) == same(expected)


def one_factor(correct, marked):
    factors = np.ones((len(correct), len(FACTORS)), bool)
    factors[:, 0] = marked
    return np.array(correct), factors


def test_error_ratio_by_hand():
    correct, factors = one_factor([False, True, True, True], [True, True, False, False])
    values = mistakes.error_ratio(correct, factors)
    assert values["pose"] == pytest.approx(0.5 / 0.25)
    assert values["style"] == pytest.approx(1)
    assert values[ALL] == pytest.approx((2 + 15) / 16)


def test_error_odds_ratio_by_hand():
    correct, factors = one_factor([False, True, True, True], [True, True, False, False])
    assert mistakes.error_odds_ratio(correct, factors)["pose"] == pytest.approx(1 / (1 / 3))


@pytest.mark.parametrize("name", RATIOS)
def test_a_factor_without_images_is_nan_and_so_is_the_mean(name):
    values = RATIOS[name](*one_factor([False, True, True], [False, False, False]))
    assert np.isnan(values["pose"])
    assert np.isnan(values[ALL])
    assert values["background"] == pytest.approx(1)


@pytest.mark.parametrize("name", RATIOS)
def test_a_model_without_errors_has_no_ratios(name):
    values = RATIOS[name](*one_factor([True, True, True], [True, False, False]))
    assert np.isnan(list(values.values())).all()


def test_a_factor_with_errors_only_has_no_odds_but_a_ratio():
    correct, factors = one_factor([False, False, True, True], [True, True, False, False])
    assert np.isnan(mistakes.error_odds_ratio(correct, factors)["pose"])
    assert mistakes.error_ratio(correct, factors)["pose"] == pytest.approx(2)


def test_a_factor_without_errors_has_a_ratio_of_zero():
    correct, factors = one_factor([True, True, False, True], [True, True, False, False])
    assert [RATIOS[name](correct, factors)["pose"] for name in RATIOS] == [0, 0]


def test_the_error_ratio_is_capped_by_the_error_and_the_odds_ratio_is_not():
    rng = np.random.default_rng(0)
    marked = rng.random(5000) < 0.1
    correct, factors = one_factor(rng.random(5000) >= np.where(marked, 0.98, 0.7), marked)
    cap = 1 / (~correct).mean()
    assert mistakes.error_ratio(correct, factors)["pose"] <= cap
    assert mistakes.error_odds_ratio(correct, factors)["pose"] > 5 * cap


@FEW
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.sampled_from(list(RATIOS)))
def test_whole_weights_of_error_ratios_are_repeated_images(seed, n, name):
    correct, factors = annotated(seed, n)
    weights = np.random.default_rng(seed + 1).integers(0, 4, n)
    repeated = RATIOS[name](np.repeat(correct, weights), np.repeat(factors, weights, axis=0))
    assert floats(RATIOS[name](correct, factors, weights=weights)) == same(floats(repeated))


# shape bias and cue coverage

GROUPS = (ALL, *CATEGORIES)


def cues_by_loop(prediction, shape, texture):
    decisions = {name: [] for name in GROUPS}
    for said, s, t in zip(prediction.tolist(), shape.tolist(), texture.tolist(), strict=True):
        decision = "shape" if said == s else "texture" if said == t else "neither"
        decisions[ALL].append(decision)
        decisions[CATEGORIES[s]].append(decision)
    bias, coverage = {}, {}
    for name, made in decisions.items():
        if made or name == ALL:
            decided = made.count("shape") + made.count("texture")
            bias[name] = made.count("shape") / decided if decided else NAN
            coverage[name] = decided / len(made) if made else NAN
    return {"shape_bias": bias, "cue_coverage": coverage}


def cue_conflicts(seed, n, classes=16):
    """Predictions by shape, by texture, by neither and none at all (−1)."""
    rng = np.random.default_rng(seed)
    shape = rng.integers(0, classes, n)
    texture = (shape + rng.integers(1, len(CATEGORIES), n)) % len(CATEGORIES)
    other = rng.integers(-1, len(CATEGORIES), n)
    prediction = np.choose(rng.integers(0, 4, n), [shape, texture, other, np.full(n, -1)])
    return prediction, shape, texture


@pytest.mark.parametrize("name", CUES)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [1, 12, 300])
def test_cues_agree_with_a_loop_over_images(name, seed, n):
    columns = cue_conflicts(seed, n)
    assert floats(CUES[name](*columns)) == same(cues_by_loop(*columns)[name])


def test_shape_bias_is_pooled_over_images_not_averaged_over_classes():
    prediction, shape, texture = np.array([0, 0, 0, 5]), np.array([0, 0, 0, 1]), np.array([2, 2, 2, 5])
    values = shape_bias.shape_bias(prediction, shape, texture)
    assert floats(values) == same({ALL: 0.75, "airplane": 1, "bear": 0})


def test_other_decisions_and_no_answer_count_in_the_coverage_only():
    prediction, shape, texture = np.array([0, 1, 7, -1]), np.zeros(4, int), np.ones(4, int)
    assert shape_bias.shape_bias(prediction, shape, texture)[ALL] == pytest.approx(0.5)
    assert shape_bias.cue_coverage(prediction, shape, texture)[ALL] == pytest.approx(0.5)


def test_no_decision_by_a_cue_has_no_shape_bias():
    prediction, shape, texture = np.array([-1, 9, 0]), np.array([2, 2, 0]), np.array([1, 1, 1])
    values = shape_bias.shape_bias(prediction, shape, texture)
    assert floats(values) == same({ALL: 1, "airplane": 1, "bicycle": NAN})
    assert shape_bias.cue_coverage(prediction, shape, texture)["bicycle"] == 0


def test_classes_without_images_are_no_groups():
    values = shape_bias.shape_bias(*cue_conflicts(0, 50, classes=3))
    assert list(values) == [ALL, *CATEGORIES[:3]]


@pytest.mark.parametrize("name", CUES)
def test_cues_without_images_are_nan(name):
    none = np.zeros(0, int)
    assert floats(CUES[name](none, none, none)) == same({ALL: NAN})


@FEW
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.sampled_from(list(CUES)))
def test_whole_weights_of_cues_are_repeated_images(seed, n, name):
    columns = cue_conflicts(seed, n, classes=4)
    weights = np.random.default_rng(seed + 1).integers(0, 4, n)
    weighted = floats(CUES[name](*columns, weights=weights))
    repeated = floats(CUES[name](*(np.repeat(column, weights) for column in columns)))
    assert weighted == same({group: repeated.get(group, NAN) for group in weighted})


# all measures of the registry


def example(name, seed=0, n=250):
    """Columns that a measure needs, away from degenerate cases."""
    rng = np.random.default_rng(seed)
    confidence = rng.beta(2, 1.2, n)
    correct, factors = annotated(seed, n)
    prediction, shape, texture = cue_conflicts(seed, n)
    logits = rng.normal(size=(n, 20)) * 2
    label = np.where(rng.random(n) < 0.7, logits.argmax(axis=1), rng.integers(0, 20, n))
    found = {
        "confidence": confidence, "correct": correct, "factors": factors, "correct5": correct | (rng.random(n) < 0.5),
        "prediction": prediction, "shape": shape, "texture": texture, "label_set": np.stack([shape, texture], axis=1),
        "probability_of_label": np.clip(confidence, 0.01, 1), "sum_p2": confidence**2, "logits": logits, "label": label,
        "held_out": rng.random(n) < 0.5, "corruption": np.arange(n) % 15, "severity": np.arange(n) // 15 % 5 + 1,
        "factor": np.arange(n) % 10, "clean_correct": correct | (rng.random(n) < 0.5),
        "source": np.arange(n) // 5, "view": np.arange(n) % 5, "base": np.arange(n) % 5 == 0,
        "padded": np.arange(n) % 5 / 10, "at": np.arange(n) % 5 * 1.0,
        "task": np.asarray(["a", "b", "c"])[np.arange(n) % 3],
        "task_group": np.asarray(["natural", "specialized", "structured"])[np.arange(n) % 3],
        "parameters": np.full(n, 1000.0), "milliseconds": 5 + confidence,
        **(minibatches(rng) if {"hsic", "left_out"} & {*MEASURES[name].needs} else {}),
    }  # fmt: skip
    columns = tuple(found[need] for need in MEASURES[name].needs)
    return columns if MEASURES[name].models == 1 else (*columns, rng.permutation(correct))


def minibatches(rng, batches=12, each=8):
    """Similarities of eight layers of each kind in some minibatches of 64."""
    k = 4 * each
    layers = rng.normal(size=(batches, k, 40)) + rng.normal(size=(batches, 1, 40))
    rows, columns = np.triu_indices(k)
    hsic = (layers @ layers.transpose(0, 2, 1))[:, rows, columns]
    kind = np.tile(np.repeat(np.arange(4), each), (batches, 1))
    return {"hsic": hsic, "kind": kind, "size": np.full(batches, 64), "left_out": np.full(batches, 1)}


every_measure = pytest.mark.parametrize("name", MEASURES)


def test_measures_are_found_by_their_names():
    assert {name: measure.name for name, measure in MEASURES.items()} == {name: name for name in MEASURES}


@every_measure
def test_needs_are_the_positional_arguments_of_the_function(name):
    parameters = inspect.signature(MEASURES[name].function).parameters.values()
    positional = tuple(one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD)
    assert MEASURES[name].needs == positional[: len(MEASURES[name].needs)]
    assert len(positional) == len(MEASURES[name].needs) * MEASURES[name].models


@every_measure
def test_weights_are_an_option_of_every_measure(name):
    measure, columns = MEASURES[name], example(name)
    assert floats(measure.values(columns)) == same(floats(measure.values(columns, np.ones(len(columns[0])))))


@every_measure
def test_groups_are_the_declared_ones_and_each_has_support(name):
    measure, columns = MEASURES[name], example(name)
    values, support = measure.values(columns), measure.n(columns)
    assert set(values) <= set(measure.groups or "abc")   # tasks are named by the data set
    assert set(values) <= set(support)
    images = len(columns[0]) * (64 if "hsic" in measure.needs or "left_out" in measure.needs else 1)
    assert all(0 < support[group] <= images for group in values)


@pytest.mark.parametrize("name", ["error_ratio", "error_odds_ratio", "shape_bias", "cue_coverage", "bin_gap"])
def test_support_counts_the_images_without_which_a_group_is_undefined(name):
    measure, columns = MEASURES[name], example(name, n=120)
    n = len(columns[0])
    support = measure.n(columns)
    for group in set(measure.values(columns)) - {ALL}:
        member = {
            "factors": lambda group: columns[1][:, FACTORS.index(group)],
            "texture": lambda group: columns[1] == CATEGORIES.index(group),
            "correct": lambda group: np.ceil(columns[0] * 15) == int(group.removeprefix("bin-")),
        }[measure.needs[-1]](group)
        assert support[group] == int(member.sum())
        assert np.isnan(measure.values(columns, np.where(member, 0.0, 1.0))[group])
    assert support.get(ALL, n) == n


@pytest.mark.parametrize(
    "name", [name for name, one in MEASURES.items() if one.method in ("proportion", "mean") and not one.of_sources]
)
def test_the_mean_of_rows_is_the_value(name):
    measure, columns = MEASURES[name], example(name)
    weights = np.random.default_rng(1).integers(0, 5, len(columns[0]))
    for group in measure.groups:
        rows = measure.rows(group, columns)
        assert rows.mean() == pytest.approx(float(measure.values(columns)[group]))
        assert np.average(rows, weights=weights) == pytest.approx(float(measure.values(columns, weights)[group]))
        if measure.method == "proportion":
            assert set(rows.tolist()) <= {0.0, 1.0}


@every_measure
def test_only_proportions_and_means_have_rows(name):
    shares = name == "factor_accuracy"   # whose groups are proportions, and whose mean of groups is not
    assert (MEASURES[name].rows is not None) is (MEASURES[name].method in ("proportion", "mean") or shares)


@pytest.mark.parametrize("name", [name for name, one in MEASURES.items() if one.counts])
@pytest.mark.parametrize("seed", range(3))
def test_counts_give_the_value(name, seed):
    measure, columns = MEASURES[name], example(name, seed)
    counted = {group: measure.counts(group, columns) for group in measure.values(columns)}
    checked = {group: one.scale * one.hits / one.n for group, one in counted.items() if one}
    assert len(checked) >= len(FACTORS) - 1   # all groups but means of groups, and bins
    assert checked == same({group: float(measure.values(columns)[group]) for group in checked})


def test_groups_without_a_defined_share_have_no_counts():
    correct, factors = one_factor([True, True, False], [False, False, False])
    counts = MEASURES["error_ratio"].counts
    assert counts(ALL, (correct, factors)) is None
    assert counts("pose", (correct, factors)) is None
    assert counts("style", (np.ones(3, bool), factors)) is None
    undecided = (np.array([-1, -1]), np.array([0, 0]), np.array([1, 1]))
    assert MEASURES["shape_bias"].counts("airplane", undecided) is None


@pytest.mark.parametrize("name", [name for name, one in MEASURES.items() if one.sums])
def test_sums_of_parts_give_the_values_of_any_union_of_parts(name):
    measure, columns = MEASURES[name], example(name)
    part = np.random.default_rng(3).integers(0, 7, len(columns[0]))
    within = measure.sums(*columns, part, 7)
    for left_out in range(7):
        weights = (part != left_out).astype(float)
        values = measure.of_sums(within.sum(axis=0) - within[left_out])
        assert floats(values) == same(floats(measure.values(columns, weights)))
