from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from demeanour.measures.agreement import error_consistency

FEW = settings(max_examples=60, deadline=None, derandomize=True)

rows = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 4)), min_size=1, max_size=40)


def kappa(first, second, weights=None):
    return error_consistency(np.asarray(first, bool), np.asarray(second, bool), weights=weights)["all"]


def unpacked(drawn):
    return tuple(np.array(column) for column in zip(*drawn, strict=True))


def by_the_paper(first, second):
    p1, p2 = sum(first) / len(first), sum(second) / len(second)
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / len(first)
    expected = p1 * p2 + (1 - p1) * (1 - p2)
    return (observed - expected) / (1 - expected)


def constant(first, second):
    return len({*first.tolist(), *second.tolist()}) < 2


@FEW
@given(rows)
def test_kappa_agrees_with_scikit_learn_and_with_the_paper_s_equations(drawn):
    first, second, _ = unpacked(drawn)
    if constant(first, second):
        assert np.isnan(kappa(first, second))
    else:
        assert kappa(first, second) == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
        assert kappa(first, second) == pytest.approx(by_the_paper(first.tolist(), second.tolist()), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_weighted_kappa_agrees_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.random(300) < 0.8, rng.random(300) < 0.6
    weights = rng.uniform(0, 3, 300)
    theirs = cohen_kappa_score(first, second, sample_weight=weights)
    assert kappa(first, second, weights) == pytest.approx(theirs, abs=1e-12)


def test_kappa_by_hand():
    # 4 both right, 1 and 2 by one alone, 3 both wrong: c_obs = .7, c_exp = .5 · .6 + .5 · .4 = .5
    first = [1] * 5 + [0] * 5
    second = [1] * 4 + [0] + [1] * 2 + [0] * 3
    assert kappa(first, second) == pytest.approx((0.7 - 0.5) / 0.5)


def test_the_ends_of_the_scale():
    assert kappa([1, 0, 1, 0], [1, 0, 1, 0]) == 1
    assert kappa([1, 0, 1, 0], [0, 1, 0, 1]) == -1
    assert kappa([1, 1, 0, 0], [1, 0, 1, 0]) == 0
    assert kappa([1, 1, 1, 1], [1, 0, 1, 0]) == 0   # one that is always right agrees as chance has it


@pytest.mark.parametrize("answer", [True, False])
def test_where_chance_explains_all_there_is_no_kappa(answer):
    weights = np.random.default_rng(0).uniform(0.1, 1, (50, 7))   # sums that floating point does not get right
    assert np.isnan(kappa([answer] * 7, [answer] * 7, weights)).all()


def test_kappa_does_not_care_who_comes_first():
    rng = np.random.default_rng(5)
    first, second = rng.random(99) < 0.7, rng.random(99) < 0.5
    assert kappa(first, second) == pytest.approx(float(kappa(second, first)))


@FEW
@given(rows)
def test_whole_weights_are_repeated_images(drawn):
    first, second, weights = unpacked(drawn)
    repeated = kappa(np.repeat(first, weights), np.repeat(second, weights))
    assert kappa(first, second, weights) == pytest.approx(float(repeated), nan_ok=True, abs=1e-12)


def test_many_weights_at_once_equal_one_after_the_other():
    rng = np.random.default_rng(6)
    first, second = rng.random(12) < 0.7, rng.random(12) < 0.5
    weights = rng.integers(0, 2, (5, 4, 12))
    weights[0, 0] = 0
    together = kappa(first, second, weights)
    assert together.shape == (5, 4)
    assert np.isnan(together[0, 0])
    alone = [[kappa(first, second, one) for one in part] for part in weights]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-12)


def test_no_images_give_nan():
    assert np.isnan(kappa([], []))


@pytest.mark.parametrize("weights", [[1, -1], [1, np.nan], [1, 1, 1]])
def test_impossible_weights_are_refused(weights):
    with pytest.raises(ValueError, match="weights"):
        kappa([1, 0], [1, 1], weights)


def test_published_predictions_agree_as_scikit_learn_has_it(published):
    def column(file):
        with (published / "imagenet-x" / file).open(encoding="utf-8") as lines:
            return {name: int(value) for name, value, *_ in list(csv.reader(lines))[1:]}

    label, first, second = map(column, ("filename_label.csv", "ResNet50.csv", "ViT.csv"))
    right = [np.array([model[name] == label[name] for name in label]) for model in (first, second)]
    assert kappa(*right) == pytest.approx(cohen_kappa_score(*right), abs=1e-12)
