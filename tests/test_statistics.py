from __future__ import annotations

from collections import Counter
from math import inf, nan, sqrt

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from demeanour.errors import NotMeasuredError
from demeanour.statistics.limits import Limits
from demeanour.statistics.means import gap_limits, mean_limits, student
from demeanour.statistics.proportions import clopper_pearson, independent_difference, paired_difference
from demeanour.statistics.resampling import (
    bootstrap_draws,
    cluster_draws,
    counts_within,
    distinct_rows,
    jackknife_limits,
    jackknife_parts,
    left_out_values,
    percentile_limits,
)
from demeanour.statistics.seeds import generator
from demeanour.statistics.zones import Above, Within, zone, zone_of_many

FEW = settings(max_examples=40, deadline=None, derandomize=True)


def normal(value, se=1.0):
    return Limits(
        value,
        lambda alpha: value + scipy.stats.norm.ppf(alpha) * se,
        lambda alpha: value - scipy.stats.norm.ppf(alpha) * se,
        "normal",
    )


def fixed(lower, upper):
    return Limits((lower + upper) / 2, lambda alpha: lower, lambda alpha: upper, "fixed")


# limits


def test_an_interval_has_half_of_the_error_on_each_side():
    assert normal(1, 2).interval(0.9) == pytest.approx((1 - 2 * 1.6448536, 1 + 2 * 1.6448536))


def test_shifted_limits_move_with_the_value():
    moved = clopper_pearson(3, 20).shifted(0.5)
    assert moved.value == pytest.approx(0.65)
    low, high = clopper_pearson(3, 20).interval(0.9)
    assert moved.interval(0.9) == pytest.approx((low + 0.5, high + 0.5))


@pytest.mark.parametrize("factor", [2.5, 0.0, -2.5])
def test_scaled_limits_stay_in_order(factor):
    scaled = clopper_pearson(3, 20).scaled(factor)
    assert scaled.value == pytest.approx(0.15 * factor)
    ends = sorted(end * factor for end in clopper_pearson(3, 20).interval(0.9))
    assert scaled.interval(0.9) == pytest.approx(tuple(ends))


# one proportion


@pytest.mark.parametrize("n", [1, 2, 7, 40, 1200])
@pytest.mark.parametrize("level", [0.8, 0.9, 0.99])
def test_clopper_pearson_agrees_with_scipy(n, level):
    for hits in sorted({0, 1, n // 3, n // 2, n - 1, n}):
        theirs = scipy.stats.binomtest(hits, n).proportion_ci(confidence_level=level, method="exact")
        ours = clopper_pearson(hits, n)
        assert ours.value == hits / n
        assert ours.interval(level) == pytest.approx((theirs.low, theirs.high), abs=1e-10)


@pytest.mark.parametrize(("hits", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_clopper_pearson_refuses_impossible_counts(hits, n):
    with pytest.raises(ValueError, match="hits"):
        clopper_pearson(hits, n)


# paired differences of proportions


def paired(gained, lost, n):
    left, right = np.zeros(n, bool), np.zeros(n, bool)
    left[:gained] = True
    right[gained : gained + lost] = True
    same = np.arange(n) >= gained + lost
    left[same] = right[same] = np.arange(n)[same] % 2 == 0   # both right or both wrong: must not matter
    return paired_difference(left, right)


@pytest.mark.parametrize("n", [15, 30, 60])
def test_exact_paired_limits_cover_whatever_the_truth(n):
    alpha = 0.05
    counts = np.array([(gained, lost, n - gained - lost) for gained in range(n + 1) for lost in range(n + 1 - gained)])
    limits = [paired(gained, lost, n) for gained, lost, _ in counts]
    lower = np.array([one.lower(alpha) for one in limits])
    upper = np.array([one.upper(alpha) for one in limits])
    shares = [0, 0.001, 0.01, *np.linspace(0.025, 1, 40)]
    for gain in shares:
        for loss in shares:
            if gain + loss > 1:
                continue
            chance = scipy.stats.multinomial.pmf(counts, n, [gain, loss, 1 - gain - loss])
            assert chance.sum() == pytest.approx(1)
            truth = gain - loss
            assert chance[lower <= truth + 1e-12].sum() >= 1 - alpha, (gain, loss)
            assert chance[upper >= truth - 1e-12].sum() >= 1 - alpha, (gain, loss)


def test_exact_paired_limits_decide_about_equality_as_the_sign_test():
    decided = Counter()
    for gained in range(1, 26):
        for lost in range(26):
            p = scipy.stats.binomtest(gained, gained + lost, 0.5, alternative="greater").pvalue
            lower = paired(gained, lost, 200).lower(0.05)
            if p < 0.044:
                assert lower > 0
            elif p > 0.05:
                assert lower <= 0
            decided[bool(lower > 0)] += 1
    assert min(decided.values()) > 100


@pytest.mark.parametrize("n", [15, 100, 1000, 1999, 2000, 50_000])
def test_without_discordant_pairs_the_limits_are_those_of_a_count_of_zero(n):
    limits = paired(0, 0, n)
    assert limits.value == 0
    assert limits.upper(0.05) == pytest.approx(1 - 0.05 ** (1 / n))
    assert limits.lower(0.05) == pytest.approx(-(1 - 0.05 ** (1 / n)))
    assert n < 100 or limits.upper(0.05) == pytest.approx(3 / n, rel=0.02)


@pytest.mark.parametrize(("gained", "lost", "n"), [(0, 0, 40), (5, 0, 40), (7, 3, 40), (40, 0, 40), (90, 60, 3000)])
def test_exchanging_the_sides_mirrors_the_limits(gained, lost, n):
    one, other = paired(gained, lost, n), paired(lost, gained, n)
    assert one.value == -other.value
    for alpha in (0.005, 0.05, 0.2):
        assert one.lower(alpha) == pytest.approx(-other.upper(alpha))
        assert one.upper(alpha) == pytest.approx(-other.lower(alpha))


@pytest.mark.parametrize("n", [5, 30, 1999])
def test_exact_paired_limits_enclose_the_value_and_widen_with_confidence(n):
    for gained in range(0, min(n, 20) + 1, 2):
        for lost in range(0, min(n - gained, 20) + 1, 3):
            limits = paired(gained, lost, n)
            assert limits.lower(0.01) <= limits.lower(0.05) <= limits.value <= limits.upper(0.05) <= limits.upper(0.01)
            assert limits.lower(0.05) < limits.upper(0.05)
            assert limits.lower(0.01) >= -1
            assert limits.upper(0.01) <= 1


@pytest.mark.parametrize(("gained", "lost", "n"), [(200, 0, 2000), (180, 40, 2500), (300, 900, 50_000)])
def test_many_discordant_pairs_give_the_normal_limits_of_the_paired_differences(gained, lost, n):
    differences = np.r_[np.ones(gained), -np.ones(lost), np.zeros(n - gained - lost)]
    limits = paired(gained, lost, n)
    assert limits.method == "paired, normal"
    theirs = scipy.stats.norm.interval(0.9, differences.mean(), differences.std() / sqrt(n))
    assert limits.value == pytest.approx(differences.mean())
    assert limits.interval(0.9) == pytest.approx(theirs)


@pytest.mark.parametrize(("gained", "lost", "n"), [(130, 69, 2000), (130, 70, 1999)])
def test_few_discordant_pairs_or_few_images_are_exact(gained, lost, n):
    assert paired(gained, lost, n).method == "paired, exact on discordant pairs"


@pytest.mark.parametrize(("gained", "lost"), [(150, 60), (190, 10), (200, 300)])
def test_where_one_takes_over_from_the_other_exact_limits_are_wider_but_not_out_of_proportion(gained, lost):
    exact, approximate = paired(gained, lost, 1999), paired(gained, lost, 2000)
    assert exact.method != approximate.method
    of_lower = (exact.value - exact.lower(0.05)) / (approximate.value - approximate.lower(0.05))
    of_upper = (exact.upper(0.05) - exact.value) / (approximate.upper(0.05) - approximate.value)
    assert 1 < of_lower < 2.5
    assert 1 < of_upper < 2.5


# means


@pytest.mark.parametrize("level", [0.8, 0.9, 0.99])
@pytest.mark.parametrize("n", [2, 12, 3000])
def test_mean_limits_agree_with_scipy(n, level):
    rows = np.random.default_rng(n).gamma(2, size=n)
    theirs = scipy.stats.ttest_1samp(rows, 0).confidence_interval(level)
    assert mean_limits(rows).value == pytest.approx(rows.mean())
    assert mean_limits(rows).interval(level) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize("rows", [[], [0.5], [0.25] * 30, [0.0] * 30])
def test_a_mean_whose_error_cannot_be_told_is_not_measured(rows):
    with pytest.raises(NotMeasuredError):
        mean_limits(np.array(rows))


@pytest.mark.parametrize("df", [1, 9, 99])
def test_student_limits_agree_with_scipy(df):
    assert student(1, 0.5, df, "").interval(0.9) == pytest.approx(scipy.stats.t.interval(0.9, df, 1, 0.5))


@pytest.mark.parametrize("hits", [0, 3, 10])
def test_gap_limits_are_exact_in_the_accuracy(hits):
    confidence, correct = np.linspace(0.8, 0.86, 10), np.arange(10) < hits
    theirs = scipy.stats.binomtest(hits, 10).proportion_ci(confidence_level=0.9, method="exact")
    limits = gap_limits(confidence, correct)
    assert limits.value == pytest.approx(0.83 - hits / 10)
    assert limits.interval(0.9) == pytest.approx((0.83 - theirs.high, 0.83 - theirs.low))


# independent differences


@FEW
@given(*[st.floats(-5, 5)] * 2, *[st.floats(0.01, 3)] * 2)
def test_the_difference_of_independent_normal_values_is_normal(left, right, left_se, right_se):
    theirs = normal(left - right, sqrt(left_se**2 + right_se**2))
    ours = independent_difference(normal(left, left_se), normal(right, right_se))
    assert ours.value == left - right
    assert ours.interval(0.9) == pytest.approx(theirs.interval(0.9))


def test_each_limit_of_an_independent_difference_takes_the_near_limit_of_one_side_and_the_far_one_of_the_other():
    left = Limits(0.5, lambda alpha: 0.5 - 0.3, lambda alpha: 0.5 + 0.04, "")
    right = Limits(0.2, lambda alpha: 0.2 - 0.03, lambda alpha: 0.2 + 0.4, "")
    assert independent_difference(left, right).interval(0.9) == pytest.approx((0.3 - 0.5, 0.3 + 0.05))


def test_limits_of_independent_proportions_cover():
    n, m, p, q = 25, 30, 0.3, 0.1
    of_p = scipy.stats.binom.pmf(np.arange(n + 1), n, p)
    of_q = scipy.stats.binom.pmf(np.arange(m + 1), m, q)
    below = above = 0.0
    for left in range(n + 1):
        for right in range(m + 1):
            if of_p[left] * of_q[right] > 1e-6:
                low, high = independent_difference(clopper_pearson(left, n), clopper_pearson(right, m)).interval(0.9)
                below += of_p[left] * of_q[right] * (p - q < low)
                above += of_p[left] * of_q[right] * (p - q > high)
    assert 0.005 < below < 0.05
    assert 0.005 < above < 0.05


# rows of one kind


def as_rows(columns):
    return [tuple(np.concatenate([np.ravel(column[row]) for column in columns])) for row in range(len(columns[0]))]


def assert_same_multiset(columns):
    first, kind = distinct_rows(columns)
    counts = np.bincount(kind)
    rows = as_rows(columns)
    kinds = [rows[index] for index in first]
    assert len(set(kinds)) == len(kinds)
    assert dict(zip(kinds, counts.tolist(), strict=True)) == Counter(rows)


@FEW
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 4), st.integers(1, 5))
def test_kinds_and_counts_reconstruct_the_rows(seed, n, width, values):
    rng = np.random.default_rng(seed)
    columns = [
        rng.random(n) < 0.5,
        rng.random((n, width)) < 0.2,
        rng.integers(-values, values, n),
        rng.integers(0, values, n) / 10,
        rng.random(n) < 0.5,
    ]
    for order in (columns, columns[::-1], columns[:1], columns[2:3]):
        assert_same_multiset(order)


def test_kinds_of_very_wide_rows_do_not_collide():
    rng = np.random.default_rng(0)
    wide = np.zeros((70, 140), bool)
    wide[np.arange(70), np.arange(70) * 2] = True   # rows that differ in one place each, far apart
    assert_same_multiset([wide])
    assert_same_multiset([np.repeat(wide, 2, axis=0), rng.random(140)])
    assert_same_multiset([rng.integers(0, 2**62, (60, 12)), np.repeat(wide[:30], 2, axis=0)])


# bootstrap


def quantiles(draws):
    return np.quantile(draws, [0.05, 0.25, 0.5, 0.75, 0.95])


def assert_alike(ours, theirs):
    """Quantiles of two sets of at least 4,000 draws differ by four standard errors of such a difference at most."""
    np.testing.assert_allclose(quantiles(ours), quantiles(theirs), rtol=0, atol=0.19 * theirs.std())
    assert abs(ours.mean() - theirs.mean()) < 0.09 * theirs.std()
    assert ours.std() == pytest.approx(theirs.std(), rel=0.07)


def test_bootstrap_over_kinds_agrees_with_scipy_over_images():
    rng = np.random.default_rng(11)
    hit, value = rng.random(90) < 0.6, rng.integers(0, 4, 90) / 3
    first, kind = distinct_rows([hit, value])
    counts = np.bincount(kind)
    assert len(first) <= 8

    def over_weights(weights):
        return (weights * value[first]) @ hit[first] / (weights @ hit[first])

    ours = bootstrap_draws(over_weights, counts, np.random.default_rng(1), 8000)
    theirs = scipy.stats.bootstrap(
        (hit, value),
        lambda hit, value, axis: (value * hit).sum(axis=axis) / hit.sum(axis=axis),
        paired=True, vectorized=True, method="percentile", confidence_level=0.9, n_resamples=8000,
        rng=np.random.default_rng(2),
    )  # fmt: skip
    assert_alike(ours, theirs.bootstrap_distribution)
    limits = percentile_limits(value[hit].mean(), ours, "")
    interval = theirs.confidence_interval
    tolerance = 0.15 * theirs.standard_error
    assert limits.interval(0.9) == pytest.approx((interval.low, interval.high), abs=tolerance)


@pytest.mark.parametrize("kinds", [3, 30_000])
def test_every_bootstrap_sample_has_as_many_images_as_there_are(kinds):
    counts = np.arange(kinds) % 3 + 1
    weights_seen = []

    def several(weights):
        weights_seen.append(weights.shape)
        return np.stack([weights.sum(axis=1), weights[:, 0]], axis=1)

    draws = bootstrap_draws(several, counts, np.random.default_rng(0), 150)
    assert draws.shape == (150, 2)
    assert (draws[:, 0] == counts.sum()).all()
    assert len(np.unique(draws[:, 1])) > 1
    assert sum(rows for rows, _ in weights_seen) == 150


def test_a_statistic_sees_a_bounded_number_of_weights_at_once():
    seen = []
    bootstrap_draws(
        lambda weights: seen.append(weights.size) or weights[:, 0], np.ones(50_000, int), np.random.default_rng(0), 150
    )
    assert len(seen) > 1
    assert max(seen) * 8 <= 256 * 2**20


# whole clusters


def clustered(seed, sources=14, textures=9):
    """Images with a row source and a column source that both shift their values; sources of unequal sizes."""
    rng = np.random.default_rng(seed)
    source = np.repeat(np.arange(sources), np.arange(sources) % 4 + 2)
    texture = rng.integers(0, textures, len(source))
    value = rng.normal(size=sources)[source] + rng.normal(size=textures)[texture] + rng.normal(size=len(source)) / 2
    return source, texture, value


def weighted_mean(value):
    return lambda weights: weights @ value / weights.sum(axis=1)


def test_cluster_draws_agree_with_resampling_whole_clusters_in_a_loop():
    source, _, value = clustered(0)
    labels = source * 7 - 3   # any labels do
    ours = cluster_draws(weighted_mean(value), [labels], np.random.default_rng(1), 6000)
    rng = np.random.default_rng(2)
    members = [value[source == one] for one in np.unique(source)]
    theirs = np.array([
        np.concatenate([members[drawn] for drawn in rng.integers(0, len(members), len(members))]).mean()
        for _ in range(6000)
    ])  # fmt: skip
    assert_alike(ours, theirs)


def test_two_way_draws_count_an_image_by_both_of_its_clusters():
    source, texture, value = clustered(3)
    ours = cluster_draws(weighted_mean(value), [source, texture], np.random.default_rng(1), 6000)
    rng = np.random.default_rng(2)
    theirs = []
    for _ in range(6000):
        of_source = Counter(rng.integers(0, source.max() + 1, source.max() + 1).tolist())
        of_texture = Counter(rng.integers(0, texture.max() + 1, texture.max() + 1).tolist())
        times = [of_source[s] * of_texture[t] for s, t in zip(source.tolist(), texture.tolist(), strict=True)]
        theirs.append(np.repeat(value, times).mean())
    assert_alike(ours, np.array(theirs))


def test_two_way_limits_are_wider_than_clustered_ones_and_those_wider_than_limits_over_images():
    source, texture, value = clustered(5)
    spreads = []
    for clusters in ([np.arange(len(value))], [source], [source, texture]):
        draws = cluster_draws(weighted_mean(value), clusters, np.random.default_rng(1), 3000)
        spreads.append(float(draws.std()))
    assert spreads[0] * 1.1 < spreads[1] < spreads[2] / 1.1


def test_images_of_one_cluster_always_come_together():
    source = np.array([4, 4, 1, 1, 1, 9])
    draws = cluster_draws(lambda weights: weights, [source], np.random.default_rng(0), 50)
    assert (draws[:, 0] == draws[:, 1]).all()
    assert (draws[:, 2:4] == draws[:, 4:5]).all()
    assert (draws[:, 0] + draws[:, 2] + draws[:, 5] == 3).all()


# percentiles


def test_percentile_limits_are_quantiles():
    draws = np.random.default_rng(0).permutation(np.arange(1001.0))
    limits = percentile_limits(480, draws, "bootstrap")
    assert limits.value == 480
    assert [limits.lower(alpha) for alpha in (0.05, 0.2, 0.25)] == [50, 200, 250]
    assert [limits.upper(alpha) for alpha in (0.05, 0.2, 0.25)] == [950, 800, 750]


@pytest.mark.parametrize("undefined", [nan, inf, -inf])
def test_draws_often_undefined_are_not_measured(undefined):
    draws = np.arange(1000.0)
    draws[:11] = undefined
    with pytest.raises(NotMeasuredError, match=r"1\.1%"):
        percentile_limits(500, draws, "")


@pytest.mark.parametrize("undefined", [nan, inf, -inf])
def test_draws_seldom_undefined_count_against_both_limits(undefined):
    draws = np.arange(1001.0)
    draws[495:505] = undefined
    limits = percentile_limits(500, draws, "")
    assert (limits.lower(0.05), limits.upper(0.05)) == (40, 960)   # ten of the fifty lowest or highest are undefined
    assert (limits.lower(0.005), limits.upper(0.005)) == (-inf, inf)


# jackknife


def grouped(statistic, n, seed=0):
    """The values without one group each, and who was left out each time."""
    kept = []
    parts = jackknife_parts(n, np.random.default_rng(seed))
    values = left_out_values(lambda weights: kept.append(weights.copy()) or statistic(weights), parts)
    return values, np.concatenate(kept) == 0


@pytest.mark.parametrize(("n", "groups"), [(20, 10), (57, 28), (200, 100), (1234, 100), (60_000, 100)])
def test_the_jackknife_leaves_every_image_out_once_in_groups_of_equal_size(n, groups):
    values, out = grouped(lambda weights: weights.sum(axis=1), n)
    assert out.shape == (groups, n)
    assert (out.sum(axis=0) == 1).all()
    sizes = out.sum(axis=1)
    assert sizes.max() - sizes.min() <= 1
    assert values.tolist() == (n - sizes).tolist()


@pytest.mark.parametrize("n", [20, 57, 300])
def test_the_jackknife_agrees_with_a_loop_over_groups(n):
    rng = np.random.default_rng(n)
    hit, value = rng.random(n) < 0.7, rng.gamma(2, size=n)
    left_out, out = grouped(lambda weights: (weights * value) @ hit / (weights @ hit), n)
    by_hand = []
    for group in out:
        kept = [v for v, h, gone in zip(value, hit, group, strict=True) if h and not gone]
        by_hand.append(sum(kept) / len(kept))
    assert left_out == pytest.approx(by_hand)
    g, mean = len(by_hand), sum(by_hand) / len(by_hand)
    se = sqrt((g - 1) / g * sum((one - mean) ** 2 for one in by_hand))
    limits = jackknife_limits(1.5, left_out)
    assert limits.value == 1.5
    assert limits.interval(0.9) == pytest.approx(scipy.stats.t.interval(0.9, g - 1, 1.5, se))


@pytest.mark.parametrize("n", [100, 1000, 5000])
def test_the_jackknife_of_a_mean_is_about_its_t_interval(n):
    rows = np.random.default_rng(n).gamma(2, size=n)
    left_out = left_out_values(weighted_mean(rows), jackknife_parts(n, np.random.default_rng(0)))
    ours = jackknife_limits(rows.mean(), left_out).interval(0.9)
    theirs = mean_limits(rows).interval(0.9)
    assert np.subtract(*ours) == pytest.approx(np.subtract(*theirs), rel=0.25)


def test_the_jackknife_takes_several_statistics_at_once():
    both, _ = grouped(lambda weights: np.stack([weights[:, 0], weights[:, 1]], axis=1), 50)
    assert both.shape == (25, 2)
    assert (both == 0).sum(axis=0).tolist() == [1, 1]


def test_too_few_images_for_a_jackknife_are_not_measured():
    with pytest.raises(NotMeasuredError, match="19 images"):
        jackknife_parts(19, np.random.default_rng(0))


def test_whole_clusters_are_left_out_together():
    clusters = np.random.default_rng(3).integers(0, 57, 400) * 5
    part = jackknife_parts(400, np.random.default_rng(0), clusters)
    assert sorted(set(part.tolist())) == list(range(28))
    assert all(len(set(part[clusters == one])) == 1 for one in np.unique(clusters))
    with pytest.raises(NotMeasuredError, match="19 source images"):
        jackknife_parts(400, np.random.default_rng(0), np.arange(400) % 19)


@pytest.mark.parametrize("clusters", [None, np.arange(300) % 40])
def test_counting_what_is_left_of_each_kind_is_the_same_as_weighting_images(clusters):
    rng = np.random.default_rng(5)
    kind = rng.integers(0, 6, 300)
    part = jackknife_parts(300, rng, clusters)
    inside = counts_within(part, kind, 6)
    left = left_out_values(lambda weights: weights @ np.eye(6)[kind], part)
    assert (inside.sum(axis=0) - inside).tolist() == left.tolist()


@pytest.mark.parametrize("left_out", [np.zeros(50), np.full(50, 0.25), np.full(50, nan)])
def test_a_jackknife_without_spread_is_not_measured(left_out):
    with pytest.raises(NotMeasuredError):
        jackknife_limits(0.25, left_out)


# zones


@pytest.mark.parametrize(
    ("claim", "lower", "upper", "expected"),
    [
        (Above(0.1), 0.11, 0.3, "holds"),
        (Above(0.1), 0.1, 0.3, "undecided"),   # the limit itself is not above
        (Above(0.1), 0.05, 0.3, "undecided"),
        (Above(0.1), -0.2, 0.1, "undecided"),
        (Above(0.1), -0.2, 0.09, "violated"),
        (Above(-0.1), -0.05, 0.3, "holds"),
        (Within(0.1), -0.09, 0.09, "holds"),
        (Within(0.1), 0.02, 0.09, "holds"),   # different from 0, yet small enough
        (Within(0.1), -0.1, 0.05, "undecided"),
        (Within(0.1), -0.05, 0.1, "undecided"),
        (Within(0.1), -0.3, 0.3, "undecided"),
        (Within(0.1), 0.05, 0.3, "undecided"),
        (Within(0.1), 0.11, 0.3, "violated"),
        (Within(0.1), -0.3, -0.11, "violated"),
        (Within(0.1), 0.1, 0.3, "undecided"),
    ],
)
def test_zone_of_one_claim(claim, lower, upper, expected):
    assert zone(claim, fixed(lower, upper)) == expected


def test_zone_uses_one_sided_limits_at_alpha():
    limits = normal(2.0)   # two standard errors above 0: significant at .05 (1.64), not at .02 (2.05)
    assert zone(Above(0), limits) == "holds"
    assert zone(Above(0), limits, alpha=0.02) == "undecided"
    assert zone(Above(4), limits) == "violated"
    assert zone(Within(4), limits) == "holds"
    assert zone(Within(0.2), limits) == "violated"


def test_distances_are_positive_on_the_claimed_side():
    assert Above(0.1).distance(fixed(0.1, 0.5)) == pytest.approx(0.2)
    assert Above(0.1).distance(fixed(-0.1, 0.1)) == pytest.approx(-0.1)
    assert Within(0.1).distance(fixed(-0.08, 0.02)) == pytest.approx(0.07)
    assert Within(0.1).distance(fixed(0.2, 0.4)) == pytest.approx(-0.2)


UP, OPEN, DOWN = fixed(0.5, 1), fixed(-1, 1), fixed(-1, -0.5)


@pytest.mark.parametrize(
    ("limits", "at_least", "expected"),
    [
        ([UP], 1, "holds"),
        ([OPEN], 1, "undecided"),
        ([DOWN], 1, "violated"),
        ([UP, UP, UP], 3, "holds"),
        ([UP, UP, OPEN], 3, "undecided"),
        ([UP, UP, DOWN], 3, "violated"),
        ([UP, UP, OPEN], 2, "holds"),
        ([UP, UP, DOWN], 2, "holds"),
        ([UP, OPEN, DOWN], 2, "undecided"),
        ([UP, DOWN, DOWN], 2, "violated"),
        ([OPEN, OPEN, UP], 1, "holds"),
        ([DOWN, DOWN, OPEN], 1, "undecided"),
        ([DOWN, DOWN, DOWN], 1, "violated"),
    ],
)
def test_zone_of_many_claims(limits, at_least, expected):
    assert zone_of_many([(Above(0), one) for one in limits], at_least) == expected


@pytest.mark.parametrize("at_least", [0, 4])
def test_zone_of_many_refuses_an_impossible_number(at_least):
    with pytest.raises(ValueError, match="of 3 claims"):
        zone_of_many([(Above(0), UP)] * 3, at_least)


@pytest.mark.parametrize(("n", "at_least"), [(4, 4), (4, 3), (4, 1), (7, 4)])
def test_levels_of_zone_of_many_are_those_of_a_partial_conjunction(n, at_least):
    spare = n - at_least + 1

    def z(alpha):
        return -scipy.stats.norm.ppf(alpha)

    def of(count, value):
        rest = -9 if value > 0 else 9   # the other claims clearly false, or clearly true
        return zone_of_many([(Above(0), normal(value))] * count + [(Above(0), normal(rest))] * (n - count), at_least)

    assert of(at_least, z(0.05 / spare) + 0.01) == "holds"
    assert of(at_least, z(0.05 / spare) - 0.01) == "undecided"
    assert of(spare, -z(0.05 / at_least) - 0.01) == "violated"
    assert of(spare, -z(0.05 / at_least) + 0.01) == "undecided"


def rate(n, at_least, truth, word, correlation, replicates=3000):
    """How often the answer is the word when the values have these expectations."""
    rng = np.random.default_rng(n * 100 + at_least)
    quantile = {alpha: scipy.stats.norm.ppf(alpha) for alpha in (0.05 / (n - at_least + 1), 0.05 / at_least)}

    def limits(value):
        return Limits(value, lambda alpha: value + quantile[alpha], lambda alpha: value - quantile[alpha], "")

    shared, own = rng.normal(size=(replicates, 1)), rng.normal(size=(replicates, n))
    noise = sqrt(correlation) * shared + sqrt(1 - correlation) * own
    answers = [
        zone_of_many([(Above(0), limits(value)) for value in row], at_least)
        for row in np.asarray(truth, dtype=float) + noise
    ]
    return answers.count(word) / replicates


MC_ERROR = 3 * sqrt(0.05 * 0.95 / 3000)


@pytest.mark.parametrize("correlation", [0.0, 0.8])
@pytest.mark.parametrize(("n", "at_least"), [(1, 1), (4, 4), (4, 3), (4, 2), (4, 1), (7, 5)])
def test_claims_short_of_enough_seldom_hold(n, at_least, correlation):
    truth = [9] * (at_least - 1) + [0] * (n - at_least + 1)   # one too few hold, the others are at the margin
    found = rate(n, at_least, truth, "holds", correlation)
    assert found <= 0.05 + MC_ERROR
    assert correlation or found >= 0.05 - MC_ERROR - 0.002   # nor is the level wasted where claims are independent


@pytest.mark.parametrize("correlation", [0.0, 0.8])
@pytest.mark.parametrize(("n", "at_least"), [(1, 1), (4, 4), (4, 3), (4, 2), (4, 1), (7, 5)])
def test_just_enough_true_claims_are_seldom_violated(n, at_least, correlation):
    truth = [0] * at_least + [-9] * (n - at_least)   # just enough hold, at the margin; the others clearly do not
    found = rate(n, at_least, truth, "violated", correlation)
    assert found <= 0.05 + MC_ERROR
    assert correlation or found >= 0.05 - MC_ERROR - 0.002


# seeds


def test_the_same_parts_give_the_same_draws():
    assert generator("a", "b").random(5).tolist() == generator("a", "b").random(5).tolist()


def test_draws_do_not_depend_on_the_machine_or_the_day():
    assert generator("jackknife", "imagenet").bit_generator.random_raw() == 9_015_705_933_733_774_382


def test_other_parts_give_other_draws():
    parts = [(), ("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",), ("a", ""), ("", "a"), ("a", "b", "c")]
    firsts = {generator(*some).bit_generator.random_raw() for some in parts}
    assert len(firsts) == len(parts)
