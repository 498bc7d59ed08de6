from __future__ import annotations

from math import inf, nan, sqrt

import numpy as np
import pytest
import scipy.stats

from demeanour.errors import NotMeasuredError
from demeanour.statistics.curves import step_weights
from demeanour.statistics.limits import Limits
from demeanour.statistics.means import mean_limits
from demeanour.statistics.proportions import clopper_pearson, independent_difference
from demeanour.statistics.resampling import bootstrap_draws, percentile_limits
from demeanour.statistics.strata import bonferroni_sum, independent_sum, stratified_draws, worst_case_sum


def normal(value, se):
    return Limits(
        value,
        lambda alpha: value + float(scipy.stats.norm.ppf(alpha)) * se,
        lambda alpha: value - float(scipy.stats.norm.ppf(alpha)) * se,
        "normal",
    )


LOPSIDED = Limits(0.5, lambda alpha: 0.5 - 0.3, lambda alpha: 0.5 + 0.04, "")

# sums of independent estimates


def test_a_sum_of_independent_normal_values_is_normal():
    values, errors, weights = [0.2, -1.0, 3.0], [0.1, 0.4, 0.05], [0.5, -2.0, 1.5]
    terms = [(weight, normal(value, se)) for weight, value, se in zip(weights, values, errors, strict=True)]
    ours = independent_sum(terms, "sum")
    expected = normal(np.dot(weights, values), np.linalg.norm(np.multiply(weights, errors)))
    assert ours.value == pytest.approx(expected.value)
    assert ours.method == "sum"
    for level in (0.5, 0.9, 0.99):
        assert ours.interval(level) == pytest.approx(expected.interval(level))


def test_the_difference_of_two_is_the_independent_difference():
    left, right = clopper_pearson(3, 20), clopper_pearson(11, 30)
    ours, theirs = independent_sum([(1, left), (-1, right)], ""), independent_difference(left, right)
    assert ours.value == pytest.approx(theirs.value)
    assert ours.interval(0.9) == pytest.approx(theirs.interval(0.9))


def test_a_negative_weight_lends_the_other_side():
    assert independent_sum([(2, LOPSIDED), (-1, LOPSIDED)], "").interval(0.9) == pytest.approx(
        (0.5 - sqrt(0.6**2 + 0.04**2), 0.5 + sqrt(0.08**2 + 0.3**2))
    )


def test_limits_of_a_contrast_of_independent_proportions_cover():
    rng, replicates, alpha = np.random.default_rng(7), 4000, 0.05
    n, p, weights = np.array([25, 60, 40]), np.array([0.2, 0.5, 0.85]), np.array([0.5, 0.3, -1.0])
    known = [{hits: clopper_pearson(hits, size) for hits in range(size + 1)} for size in n.tolist()]
    missed = np.zeros(2)
    for hits in rng.binomial(n, p, (replicates, 3)).tolist():
        terms = [(weight, known[place][hits[place]]) for place, weight in enumerate(weights.tolist())]
        low, high = independent_sum(terms, "").interval(1 - 2 * alpha)
        missed += low > weights @ p, high < weights @ p
    assert (missed / replicates <= alpha + 4 * sqrt(alpha * (1 - alpha) / replicates)).all()
    assert (missed / replicates > 0.01).all()   # nor wide without measure


# sums under any dependence


def test_half_widths_of_shared_images_add():
    ours = worst_case_sum([(2, LOPSIDED), (-1, LOPSIDED)], "worst case")
    assert ours.value == pytest.approx(0.5)
    assert ours.method == "worst case"
    assert ours.interval(0.9) == pytest.approx((0.5 - 0.6 - 0.04, 0.5 + 0.08 + 0.3))


def test_where_terms_err_together_the_worst_case_is_what_happens():
    rows = np.random.default_rng(0).normal(size=300)
    ours = worst_case_sum([(0.7, mean_limits(rows)), (0.3, mean_limits(2 * rows + 1))], "")
    assert ours.interval(0.9) == pytest.approx(mean_limits(0.7 * rows + 0.3 * (2 * rows + 1)).interval(0.9))


@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.9])
def test_the_worst_case_covers_and_holds_the_independent_limits(correlation):
    rng, replicates, alpha = np.random.default_rng(1), 3000, 0.05
    errors = rng.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], replicates)
    z = scipy.stats.norm.isf(alpha)
    missed = 0
    for left, right in errors.tolist():
        terms = [(weight, Limits(value, lambda a, v=value: v - z, lambda a, v=value: v + z, ""))
                 for weight, value in ((1.0, left), (0.5, right))]  # fmt: skip
        wide, narrow = worst_case_sum(terms, ""), independent_sum(terms, "")
        missed += wide.lower(alpha) > 0
        assert wide.lower(alpha) < narrow.lower(alpha) < narrow.upper(alpha) < wide.upper(alpha)
    assert missed / replicates <= alpha + 4 * sqrt(alpha * (1 - alpha) / replicates)


@pytest.mark.parametrize("combine", [independent_sum, worst_case_sum])
def test_terms_of_weight_zero_drop_out_even_where_their_limits_are_endless(combine):
    points = [clopper_pearson(8, 40), clopper_pearson(20, 50), Limits(0.1, lambda alpha: -inf, lambda alpha: inf, "")]
    step = step_weights(3)[0]
    terms = list(zip(step.tolist(), points, strict=True))
    assert combine(terms, "").interval(0.9) == combine(terms[:2], "").interval(0.9)
    assert combine([(1.0, points[0]), (1.0, points[2])], "").interval(0.9) == (-inf, inf)


@pytest.mark.parametrize("combine", [independent_sum, worst_case_sum])
@pytest.mark.parametrize("weights", [[], [0.0], [0.0, 0.0], [1.0, nan], [inf]])
def test_sums_without_weight_are_refused(combine, weights):
    with pytest.raises(ValueError, match="weights"):
        combine([(weight, LOPSIDED) for weight in weights], "")


# draws within strata


def weighted_mean(rows):
    return lambda weights: weights @ rows / weights.sum(axis=1)


def test_draws_within_strata_agree_with_scipy():
    rng = np.random.default_rng(2)
    strata = [rng.gamma(1, 1, 25), rng.gamma(2, 2, 60), rng.normal(4, 3, 200)]
    shares = np.array([0.5, 0.3, 0.2])
    draws = stratified_draws(
        [
            bootstrap_draws(weighted_mean(rows), np.ones(len(rows), int), np.random.default_rng(seed), 8000)
            for seed, rows in enumerate(strata)
        ],
        (10 * shares).tolist(),
    )
    theirs = scipy.stats.bootstrap(
        strata,
        lambda *groups, axis: sum(s * group.mean(axis=axis) for s, group in zip(shares, groups, strict=True)),
        paired=False, vectorized=True, method="percentile", n_resamples=8000, rng=np.random.default_rng(9),
    ).bootstrap_distribution  # fmt: skip
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    np.testing.assert_allclose(
        np.quantile(draws, levels), np.quantile(theirs, levels), rtol=0, atol=0.14 * theirs.std()
    )
    assert draws.std() == pytest.approx(theirs.std(), rel=0.05)
    by_formula = sqrt(sum((s * rows.std()) ** 2 / len(rows) for s, rows in zip(shares, strata, strict=True)))
    assert draws.std() == pytest.approx(by_formula, rel=0.05)


def test_draws_are_a_weighted_mean_replicate_by_replicate():
    draws = stratified_draws([np.array([1.0, 2.0]), np.array([3.0, 8.0])], [1, 3])
    assert draws.tolist() == [2.5, 6.5]


def test_a_draw_undefined_in_one_stratum_is_undefined():
    draws = stratified_draws([np.arange(50.0), np.where(np.arange(50) < 5, nan, 1.0)], [1, 1])
    assert np.isnan(draws).sum() == 5
    with pytest.raises(NotMeasuredError):
        percentile_limits(1.0, draws, "")


@pytest.mark.parametrize(
    ("shapes", "weights", "message"),
    [
        ([], [], "strata"),
        ([(4,), (4,)], [1], "1 weights for 2 strata"),
        ([(4,), (5,)], [1, 1], "different draws"),
        ([(4, 2), (4, 2)], [1, 1], "different draws"),
        ([(4,), (4,)], [1, 0], "above 0"),
        ([(4,), (4,)], [1, -1], "above 0"),
        ([(4,), (4,)], [1, nan], "above 0"),
        ([(4,), (4,)], [1, inf], "above 0"),
    ],
)
def test_strata_that_do_not_fit_are_refused(shapes, weights, message):
    with pytest.raises(ValueError, match=message):
        stratified_draws([np.zeros(shape) for shape in shapes], weights)


# sums of estimates of which nothing is known


def test_each_value_of_a_bonferroni_sum_has_its_share_of_alpha():
    left, right = clopper_pearson(3, 20), clopper_pearson(11, 30)
    ours = bonferroni_sum([(1, left), (-2, right), (0, LOPSIDED)], "two values")
    assert (ours.value, ours.method) == (pytest.approx(3 / 20 - 22 / 30), "two values")
    assert ours.lower(0.05) == pytest.approx(left.lower(0.025) - 2 * right.upper(0.025))
    assert ours.upper(0.05) == pytest.approx(left.upper(0.025) - 2 * right.lower(0.025))
    with pytest.raises(ValueError, match="not all 0"):
        bonferroni_sum([(0, left)], "")


def test_a_bonferroni_sum_of_tiny_counts_holds_the_truth_however_they_go_together():
    rng, missed, truth = np.random.default_rng(0), 0, 0.01 - 0.99 + 0.99
    for _ in range(400):
        hits = rng.binomial(100, 0.01)   # the same luck in both, with opposite signs, and twice
        terms = [(1, clopper_pearson(hits, 100)), (-1, clopper_pearson(100 - hits, 100)), (1, clopper_pearson(99, 100))]
        missed += bonferroni_sum(terms, "").lower(0.05) > truth
    assert missed <= 20 + 3 * sqrt(20)
