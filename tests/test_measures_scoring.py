from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss

from demeanour.evidence.logits import columns_of_logits
from demeanour.measures import scoring

FEW = settings(max_examples=40, deadline=None, derandomize=True)


def predictions(seed, n=200, classes=6):
    """Probabilities of all classes, the label, and the two columns that a table keeps of them."""
    rng = np.random.default_rng(seed)
    label = np.r_[np.arange(classes), rng.integers(0, classes, n - classes)]
    logits = rng.normal(size=(n, classes)) * 3
    columns = columns_of_logits(logits, label, "drawn")
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probabilities, label, columns["probability_of_label"], columns["sum_p2"]


def evaluate(name, own, sum_p2, weights=None):
    columns = (own,) if name == "nll" else (own, sum_p2)
    return getattr(scoring, name)(*columns, weights=weights)["all"]


def per_image(name, own, sum_p2):
    return scoring.nll_rows(own) if name == "nll" else scoring.brier_rows(own, sum_p2)


both = pytest.mark.parametrize("name", ["nll", "brier"])
probabilities_above_zero = st.floats(1e-6, 1)
rows = st.lists(
    st.tuples(probabilities_above_zero, st.floats(0, 1), st.integers(0, 4)), min_size=1, max_size=30
).filter(lambda drawn: any(weight for _, _, weight in drawn))


@pytest.mark.parametrize("seed", range(4))
def test_nll_agrees_with_scikit_learn(seed):
    probabilities, label, own, _ = predictions(seed)
    weights = np.random.default_rng(seed).uniform(0, 3, len(label))
    assert scoring.nll(own)["all"] == pytest.approx(log_loss(label, probabilities))
    theirs = log_loss(label, probabilities, sample_weight=weights)
    assert scoring.nll(own, weights=weights)["all"] == pytest.approx(theirs)


@pytest.mark.parametrize("seed", range(4))
def test_brier_agrees_with_scikit_learn(seed):
    probabilities, label, own, sum_p2 = predictions(seed)
    weights = np.random.default_rng(seed).uniform(0, 3, len(label))
    theirs = brier_score_loss(label, probabilities, scale_by_half=False)
    assert scoring.brier(own, sum_p2)["all"] == pytest.approx(theirs)
    theirs = brier_score_loss(label, probabilities, sample_weight=weights, scale_by_half=False)
    assert scoring.brier(own, sum_p2, weights=weights)["all"] == pytest.approx(theirs)


def test_brier_is_the_squared_distance_from_the_label_summed_over_classes():
    probabilities, label, own, sum_p2 = predictions(7, n=30)
    expected = [
        sum((p - (k == y)) ** 2 for k, p in enumerate(row)) for row, y in zip(probabilities, label, strict=True)
    ]
    assert scoring.brier_rows(own, sum_p2) == pytest.approx(expected)


def test_scores_of_three_images_by_hand():
    own, sum_p2 = np.array([1.0, 0.5, 0.25]), np.array([1.0, 0.5, 0.625])
    assert scoring.nll_rows(own) == pytest.approx([0, math.log(2), math.log(4)])
    assert scoring.nll(own)["all"] == pytest.approx(math.log(2))
    # (1), (½, ½) and (¼, ¾) with the label first: 0, ¼ + ¼, 9/16 + 9/16
    assert scoring.brier_rows(own, sum_p2) == pytest.approx([0, 0.5, 1.125])
    assert scoring.brier(own, sum_p2)["all"] == pytest.approx(1.625 / 3)


def test_the_brier_score_of_a_sure_mistake_is_two():
    assert scoring.brier(np.array([0.0]), np.array([1.0]))["all"] == 2


# a probability of 0


def test_a_probability_of_zero_has_no_likelihood_and_never_an_infinite_one():
    assert np.isnan(scoring.nll(np.array([0.5, 0.0]))["all"])
    assert np.isnan(scoring.nll_rows(np.array([0.5, 0.0]))).tolist() == [False, True]


def test_only_resamples_that_hold_the_impossible_image_are_undefined():
    values = scoring.nll(np.array([0.5, 0.0]), weights=[[1, 1], [1, 0], [0, 2], [3, 0.5]])["all"]
    assert np.isnan(values).tolist() == [True, False, True, True]
    assert values[1] == pytest.approx(math.log(2))


def test_the_smallest_probabilities_are_finite():
    assert scoring.nll(np.array([np.finfo(float).tiny, 5e-324]))["all"] == pytest.approx(726.42, abs=0.01)


# weights


@both
@FEW
@given(rows)
def test_whole_weights_are_repeated_images(name, drawn):
    own, sum_p2, weights = (np.array(column) for column in zip(*drawn, strict=True))
    repeated = evaluate(name, np.repeat(own, weights), np.repeat(sum_p2, weights))
    assert evaluate(name, own, sum_p2, weights) == pytest.approx(repeated)


@both
def test_many_weights_at_once_equal_one_after_the_other(name):
    *_, own, sum_p2 = predictions(1, n=50)
    own[3] = 0
    weights = np.random.default_rng(1).integers(0, 2, (4, 3, 50))
    together = evaluate(name, own, sum_p2, weights)
    alone = [[evaluate(name, own, sum_p2, one) for one in part] for part in weights]
    assert together.shape == (4, 3)
    assert np.isnan(together).any() == (name == "nll")
    np.testing.assert_allclose(together, alone, rtol=1e-12)   # NaN where NaN


@both
def test_the_rows_average_to_the_score(name):
    *_, own, sum_p2 = predictions(2)
    assert evaluate(name, own, sum_p2) == pytest.approx(per_image(name, own, sum_p2).mean())


@both
def test_no_images_give_nan(name):
    assert np.isnan(evaluate(name, np.zeros(0), np.zeros(0)))
    assert np.isnan(evaluate(name, np.array([0.3]), np.array([0.4]), [0]))


@both
@pytest.mark.parametrize("weights", [[1, -1], [1, np.nan], [1], [[1], [1]]])
def test_impossible_weights_are_refused(name, weights):
    with pytest.raises(ValueError, match="weights"):
        evaluate(name, np.array([0.3, 0.6]), np.array([0.4, 0.5]), weights)
