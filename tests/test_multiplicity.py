from __future__ import annotations

from math import inf, nan, sqrt

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from demeanour.errors import NotMeasuredError
from demeanour.statistics.limits import Limits
from demeanour.statistics.means import mean_limits
from demeanour.statistics.multiplicity import SMALLEST_P, benjamini_hochberg, holm, p_value, p_violated
from demeanour.statistics.proportions import clopper_pearson, paired_difference
from demeanour.statistics.resampling import percentile_limits
from demeanour.statistics.zones import Above, Within

FEW = settings(max_examples=60, deadline=None, derandomize=True)
P_VALUES = st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.04, 0.5, 1.0]), min_size=1, max_size=30)
ADJUSTMENTS = [holm, benjamini_hochberg]


# adjusted p-values


def test_holm_on_a_case_worked_by_hand():
    # 4 · .005 = .02; 3 · .01 = .03; 2 · .03 = .06; 1 · .04 = .04, raised to .06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_benjamini_hochberg_on_a_case_worked_by_hand():
    # 4/1 · .005 = .02; 4/2 · .01 = .02; 4/3 · .03 = .04; 4/4 · .04 = .04
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.02, 0.04, 0.04, 0.02])


def test_benjamini_and_hochberg_reject_four_of_their_own_fifteen():
    theirs = [.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1.0]
    order = np.random.default_rng(0).permutation(15)   # Benjamini and Hochberg (1995), §3.1
    p = np.array(theirs)[order]
    assert sorted(p[benjamini_hochberg(p) <= 0.05]) == theirs[:4]
    assert sorted(p[holm(p) <= 0.05]) == theirs[:3]


def stepped_down(p, alpha):
    """Holm's procedure as he tells it: the smallest p against α / n, the next against α / (n − 1), until one fails."""
    rejected = [False] * len(p)
    for step, index in enumerate(sorted(range(len(p)), key=lambda index: p[index])):
        if p[index] * (len(p) - step) > alpha:
            break
        rejected[index] = True
    return rejected


@FEW
@given(P_VALUES, st.floats(0.001, 0.5))
def test_holm_rejects_what_its_step_down_procedure_rejects(p, alpha):
    assert (holm(p) <= alpha).tolist() == stepped_down(p, alpha)


@FEW
@given(P_VALUES)
def test_benjamini_hochberg_agrees_with_scipy(p):
    assert benjamini_hochberg(p) == pytest.approx(scipy.stats.false_discovery_control(p, method="bh"), rel=1e-12)


@FEW
@given(P_VALUES)
def test_adjusted_values_are_in_the_order_of_the_plain_ones_and_never_below_them(p):
    order = np.argsort(p)
    for adjusted in (adjust(p) for adjust in ADJUSTMENTS):
        assert adjusted.dtype == np.float64
        assert adjusted.shape == (len(p),)
        assert (np.diff(adjusted[order]) >= 0).all()
        assert (adjusted >= np.array(p) * (1 - 1e-15)).all()
        assert (adjusted <= 1).all()


@pytest.mark.parametrize("adjust", ADJUSTMENTS)
@pytest.mark.parametrize("p", [[], [0.1, nan], [-0.01, 0.5], [0.5, 1.01], [inf], 0.3, [[0.1, 0.2]]])
def test_what_is_no_list_of_p_values_is_refused(adjust, p):
    with pytest.raises(ValueError, match="p-value"):
        adjust(p)


@pytest.mark.parametrize("adjust", ADJUSTMENTS)
def test_where_nothing_is_there_something_is_found_as_often_as_stated(adjust):
    replicates, level = 4000, 0.1
    draws = np.random.default_rng(5).random((replicates, 20))
    found = np.mean([(adjust(p) <= level).any() for p in draws])
    assert found == pytest.approx(level, abs=4 * sqrt(level * (1 - level) / replicates))
    by_position = draws * 20 / (np.argsort(draws, axis=1) + 1)   # positions mistaken for ranks, as a peer does
    assert (by_position <= level).any(axis=1).mean() > 0.5


# p-values of claims


def capped(p):
    return p if p < 0.5 else 1.0


@pytest.mark.parametrize("shift", [-0.6, -0.1, 0.0, 0.15, 0.4, 1.0])
@pytest.mark.parametrize("n", [5, 40, 3000])
def test_p_values_of_a_mean_are_those_of_the_t_test(shift, n):
    rows = np.random.default_rng(n).normal(0.1, 1, n)
    margin = rows.mean() - shift
    limits = mean_limits(rows)

    def t_test(at, side):
        return scipy.stats.ttest_1samp(rows, at, alternative=side).pvalue

    def expected(p):
        return pytest.approx(max(capped(p), SMALLEST_P), rel=1e-7)

    assert p_value(Above(margin), limits) == expected(t_test(margin, "greater"))
    assert p_violated(Above(margin), limits) == expected(t_test(margin, "less"))
    for width in (0.05, 0.3, 2.0):
        both = max(t_test(-width, "greater"), t_test(width, "less"))
        assert p_value(Within(width), limits) == expected(both)
        either = min(t_test(width, "greater"), t_test(-width, "less"))
        assert p_violated(Within(width), limits) == expected(either)


@pytest.mark.parametrize("n", [4, 30, 500])
@pytest.mark.parametrize("margin", [0.02, 0.3, 0.9])
def test_p_values_of_a_proportion_are_those_of_the_binomial_test(n, margin):
    for hits in sorted({0, 1, n // 4, n // 2, n - 1, n}):
        limits = clopper_pearson(hits, n)
        above = scipy.stats.binomtest(hits, n, margin, alternative="greater").pvalue
        below = scipy.stats.binomtest(hits, n, margin, alternative="less").pvalue
        assert p_value(Above(margin), limits) == pytest.approx(max(capped(above), SMALLEST_P), rel=1e-3)
        assert p_violated(Above(margin), limits) == pytest.approx(max(capped(below), SMALLEST_P), rel=1e-3)


def test_the_p_value_is_where_the_claim_begins_to_hold():
    left, right = np.arange(400) < 260, np.arange(400) % 8 != 0
    limits, claim = paired_difference(left, right), Above(-0.3)
    p = p_value(claim, limits)
    assert 1e-6 < p < 0.4
    assert claim.holds(limits, p)
    assert not claim.holds(limits, p * (1 - 1e-8))


def test_a_bootstrap_has_no_p_value_below_one_draw():
    draws = np.random.default_rng(0).normal(6, 1, 5001)   # far above 0, all of them
    limits = percentile_limits(6.0, draws, "")
    assert draws.min() > 0
    assert p_value(Above(0), limits) == pytest.approx(1 / 5000)
    assert p_violated(Above(20), limits) == pytest.approx(1 / 5000)


@pytest.mark.parametrize("margin", [0.5, 1.0, 1.4])
def test_the_p_value_of_a_bootstrap_is_the_share_of_draws_beyond_the_margin(margin):
    draws = np.random.default_rng(0).normal(2, 1, 5001)
    share = (draws <= margin).mean()
    assert p_value(Above(margin), percentile_limits(2.0, draws, "")) == pytest.approx(share, abs=2 / 5000)


def test_limits_that_never_move_show_nothing():
    fixed = Limits(1.0, lambda alpha: 0.9, lambda alpha: 1.1, "")
    assert p_value(Above(0), fixed) == pytest.approx(0.5)


@pytest.mark.parametrize("value", [nan, inf])
def test_a_value_that_is_no_number_has_no_p_value(value):
    limits = Limits(value, lambda alpha: -1 + alpha, lambda alpha: 1 - alpha, "")
    for p in (p_value, p_violated):
        with pytest.raises(NotMeasuredError):
            p(Above(0), limits)


@pytest.mark.parametrize(("lower", "upper"), [(nan, 1.0), (-1.0, nan)])
def test_limits_that_are_no_numbers_have_no_p_value(lower, upper):
    for p in (p_value, p_violated):
        with pytest.raises(NotMeasuredError):
            p(Above(0), Limits(0.0, lambda alpha: lower, lambda alpha: upper, ""))
