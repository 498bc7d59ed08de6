from __future__ import annotations

from math import inf, nan, pi, sqrt

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from demeanour.errors import NotMeasuredError
from demeanour.statistics.ranks import rank_permutation_p, spearman, spearman_limits

FEW = settings(max_examples=60, deadline=None, derandomize=True)


def with_ties(rng, n):
    """Two related lists with ties in both, neither constant."""
    x = np.r_[0, 1, rng.integers(0, max(2, n // 2), n - 2)]
    return x.astype(float), np.r_[0, 1, x[2:] + rng.integers(-2, 3, n - 2)] / 7


# the correlation


@FEW
@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_spearman_agrees_with_scipy_on_ties(seed, n):
    x, y = with_ties(np.random.default_rng(seed), n)
    for left, right in ((x, y), (x, -y), (np.exp(x / 9), y)):
        assert float(spearman(left, right)) == pytest.approx(scipy.stats.spearmanr(left, right).statistic, abs=1e-12)


def test_spearman_on_a_case_worked_by_hand():
    # ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4: sums of squares 4.5 and 5, of products 4.5
    assert float(spearman([10, 20, 20, 90], [0.1, 0.3, 0.2, 0.4])) == pytest.approx(4.5 / sqrt(4.5 * 5))


def test_spearman_is_vectorised_over_leading_axes():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 6, (3, 4, 12)), rng.integers(0, 6, (4, 12))
    ours = spearman(x, y)
    assert ours.shape == (3, 4)
    for index in np.ndindex(3, 4):
        assert ours[index] == pytest.approx(scipy.stats.spearmanr(x[index], y[index[1]]).statistic)


def test_equal_and_reversed_orders_are_the_ends():
    for n in range(2, 200):
        x = np.r_[0, 1, np.random.default_rng(n).integers(0, n, n - 2)]   # with ties
        assert float(spearman(x, x**3)) == 1   # exactly: never beyond, for any rounding
        assert float(spearman(x, -x)) == -1


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1, 2, nan], [1, 2, 3], "finite"),
        ([1, 2, 3], [1, inf, 3], "finite"),
        ([1, 2, 3], [5, 5, 5], "order"),
        ([[1, 2, 3], [4, 4, 4]], [1, 2, 3], "order"),
        ([1, 2, 3], [1, 2], "models against"),
        ([1], [2], "two models"),
        ([], [], "two models"),
        (1, 2, "two models"),
    ],
)
def test_what_cannot_be_ranked_together_is_refused(x, y, message):
    for left, right in ((x, y), (y, x)):
        with pytest.raises(ValueError, match=message):
            spearman(left, right)


# its limits


def test_limits_on_a_case_worked_by_hand():
    x = np.arange(12)
    y = np.array([1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10])   # 12 ranks off by one: r = 1 − 6 · 12 / (12 · 143)
    r = 1 - 72 / 1716
    z, se = np.arctanh(r), sqrt((1 + r * r / 2) / 9)
    limits = spearman_limits(x, y)
    assert limits.value == pytest.approx(r)
    assert limits.interval(0.9) == pytest.approx((np.tanh(z - 1.6448536 * se), np.tanh(z + 1.6448536 * se)))
    assert limits.lower(0.01) < limits.lower(0.05) < limits.value < limits.upper(0.05) < 1


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_limits_cover_the_correlation_of_the_population(correlation):
    rng, replicates = np.random.default_rng(3), 1500
    truth = 6 / pi * np.arcsin(correlation / 2)   # of a bivariate normal population
    draws = rng.normal(size=(2, replicates, 25))
    x, y = draws[0], correlation * draws[0] + sqrt(1 - correlation**2) * draws[1]
    ends = np.array([spearman_limits(*pair).interval(0.9) for pair in zip(x, y, strict=True)])
    assert 0.02 < (ends[:, 0] > truth).mean() < 0.08
    assert 0.02 < (ends[:, 1] < truth).mean() < 0.08


def test_limits_need_ten_models():
    rng = np.random.default_rng(0)
    with pytest.raises(NotMeasuredError, match="need 10 models at least; there are 9"):
        spearman_limits(rng.random(9), rng.random(9))
    assert spearman_limits(rng.random(10), rng.random(10)).has_width


@pytest.mark.parametrize("sign", [1, -1])
def test_perfect_agreement_has_no_limits(sign):
    with pytest.raises(NotMeasuredError, match="perfectly"):
        spearman_limits(np.arange(15), sign * np.arange(15) ** 3)


# the permutation test


def exact_p(x, y):
    return scipy.stats.permutation_test(
        (x,), lambda x: scipy.stats.spearmanr(x, y).statistic, permutation_type="pairings", alternative="greater",
        n_resamples=inf, vectorized=False,
    ).pvalue  # fmt: skip


@pytest.mark.parametrize("n", [3, 5, 6])
@pytest.mark.parametrize("seed", [0, 1])
def test_few_models_are_exact_as_by_scipy(n, seed):
    x, y = with_ties(np.random.default_rng(seed), n)
    for left, right in ((x, y), (x, -y), (np.arange(n), np.arange(n))):
        assert rank_permutation_p(left, right, np.random.default_rng(), 1) == pytest.approx(exact_p(left, right))


@pytest.mark.parametrize("n", [2, 4, 8])
def test_the_best_of_all_orders_has_the_share_of_one(n):
    orders = np.prod(np.arange(1, n + 1))
    assert rank_permutation_p(np.arange(n), np.arange(n), np.random.default_rng(0)) == pytest.approx(1 / orders)
    assert rank_permutation_p(np.arange(n), -np.arange(n), np.random.default_rng(0)) == 1


@pytest.mark.parametrize("strength", [-0.3, 0.0, 0.4, 0.8])
def test_more_models_agree_with_scipy_within_the_error_of_the_draws(strength):
    rng, draws = np.random.default_rng(1), 8000
    x = rng.normal(size=14)
    y = strength * x + sqrt(1 - strength**2) * rng.normal(size=14)
    theirs = scipy.stats.permutation_test(
        (x,), lambda x, axis: spearman(x, y), permutation_type="pairings", alternative="greater",
        n_resamples=draws, vectorized=True, rng=np.random.default_rng(2),
    ).pvalue  # fmt: skip
    ours = rank_permutation_p(x, y, np.random.default_rng(3), draws)
    assert ours == pytest.approx(theirs, abs=4 * sqrt(2 * max(theirs * (1 - theirs), 1 / draws) / draws))


def test_random_orders_never_give_a_p_value_of_zero():
    x = np.arange(30)
    assert rank_permutation_p(x, x, np.random.default_rng(0), 99) == pytest.approx(1 / 100)


def test_the_same_seed_gives_the_same_p_value():
    x, y = np.random.default_rng(0).random((2, 12))
    seeds = [rank_permutation_p(x, y, np.random.default_rng(seed), 500) for seed in (1, 1, 2)]
    assert seeds[0] == seeds[1] != seeds[2]


@pytest.mark.parametrize("test", [spearman_limits, lambda x, y: rank_permutation_p(x, y, np.random.default_rng(0))])
def test_evidence_without_an_order_is_not_measured_and_malformed_evidence_is_refused(test):
    x = np.random.default_rng(0).random(12)
    for left, right in ((x, np.full(12, 0.5)), (np.zeros(12), x)):
        with pytest.raises(NotMeasuredError, match="no order"):
            test(left, right)
    for broken, message in ((np.r_[x[1:], nan], "finite"), (x[:11], "against"), (np.stack([x, x]), "shape")):
        with pytest.raises(ValueError, match=message):
            test(x, broken)


def test_no_draws_are_refused():
    with pytest.raises(ValueError, match="0 draws"):
        rank_permutation_p([1, 2], [1, 2], np.random.default_rng(0), 0)
