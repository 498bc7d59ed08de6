from __future__ import annotations

import tracemalloc
from math import inf, nan, sqrt

import numpy as np
import pytest
import scipy.stats

from demeanour.errors import NotMeasuredError
from demeanour.statistics.permutation import permutation_p, sign_flip_p

DRAWS = 8000


def error(p, draws=DRAWS):
    """Four standard errors of a p-value from draws."""
    return 4 * sqrt(max(p * (1 - p), 1 / draws) / draws)


def all_flips(terms):
    return scipy.stats.permutation_test(
        (terms,), lambda x, axis: x.sum(axis=axis), permutation_type="samples", alternative="greater",
        n_resamples=inf, vectorized=True,
    ).pvalue  # fmt: skip


# sign flips


@pytest.mark.parametrize("shift", [-0.5, 0.0, 0.3, 0.7, 1.5])
def test_sign_flips_agree_with_scipy_over_all_flips(shift):
    differences = np.random.default_rng(4).normal(shift, 1, 12)
    exact = all_flips(differences)
    assert sign_flip_p(differences, np.random.default_rng(0), DRAWS) == pytest.approx(exact, abs=error(exact))


@pytest.mark.parametrize(("gained", "lost"), [(7, 2), (30, 18), (5, 9), (4, 4)])
def test_sign_flips_of_right_and_wrong_answers_are_the_sign_test(gained, lost):
    differences = np.r_[np.ones(gained), -np.ones(lost), np.zeros(200)]
    exact = scipy.stats.binomtest(gained, gained + lost, alternative="greater").pvalue
    assert sign_flip_p(differences, np.random.default_rng(0), DRAWS) == pytest.approx(exact, abs=error(exact))


def test_rounding_does_not_part_equal_sums():
    differences = np.array([0.1, 0.2, 0.3, 0.7, 0.1, -0.3])   # many flips give the sum that was seen
    exact = all_flips(np.round(differences * 10))
    assert sign_flip_p(differences, np.random.default_rng(0), DRAWS) == pytest.approx(exact, abs=error(exact))
    assert exact > all_flips(differences + np.array([0, 0, 0, 0, 0, 0.01])) + 2 * error(exact)   # those flips weigh


def test_whole_clusters_change_sign():
    rng = np.random.default_rng(6)
    clusters = np.repeat(np.arange(11), np.arange(11) % 4 + 1)
    differences = rng.normal(0.3, 1, 11)[clusters] + rng.normal(0, 0.3, len(clusters))
    exact = all_flips(np.array([differences[clusters == one].sum() for one in range(11)]))
    for labels in (clusters, np.array([f"image {one}" for one in clusters])):
        ours = sign_flip_p(differences, np.random.default_rng(0), DRAWS, labels)
        assert ours == pytest.approx(exact, abs=error(exact))
    assert sign_flip_p(differences, np.random.default_rng(0), DRAWS) < exact - error(exact)


def test_clusters_that_cancel_show_nothing():
    differences = np.tile([0.1, 0.2, -0.3], 8)   # cluster sums of 0, but for rounding
    assert np.abs(differences.reshape(8, 3).sum(axis=1)).max() > 0
    assert sign_flip_p(differences, np.random.default_rng(0), 500, np.repeat(np.arange(8), 3)) == 1


def test_the_level_is_kept_where_images_of_a_cluster_go_together():
    rng, replicates = np.random.default_rng(8), 600
    clusters = np.repeat(np.arange(20), 6)
    found = np.zeros(2)
    for _ in range(replicates):
        differences = rng.normal(size=20)[clusters] + rng.normal(size=120) / 2
        p = [sign_flip_p(differences, rng, 199, clusters), sign_flip_p(differences, rng, 199)]
        found += np.array(p) <= 0.05
    of_clusters, of_images = found / replicates
    assert of_clusters == pytest.approx(0.05, abs=4 * sqrt(0.05 * 0.95 / replicates))
    assert of_images > 0.15


def test_few_draws_give_no_small_p_value():
    assert sign_flip_p(np.ones(100), np.random.default_rng(0), 99) == pytest.approx(1 / 100)


def test_no_difference_at_all_shows_nothing():
    assert sign_flip_p(np.zeros(50), np.random.default_rng(0), 100) == 1


def test_memory_does_not_grow_with_the_draws():
    differences = np.random.default_rng(0).normal(size=10_000)
    tracemalloc.start()
    sign_flip_p(differences, np.random.default_rng(0), 2000)   # 160 MB of signs if they were held at once
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6


@pytest.mark.parametrize("differences", [[], [0.1, nan], [0.1, inf]])
def test_differences_that_are_no_numbers_are_not_measured(differences):
    with pytest.raises(NotMeasuredError):
        sign_flip_p(np.array(differences), np.random.default_rng(0))


def test_clusters_of_other_images_are_refused():
    with pytest.raises(ValueError, match="4 clusters for 5 differences"):
        sign_flip_p(np.ones(5), np.random.default_rng(0), 10, np.arange(4))


# any statistic


def test_permuted_groups_agree_with_scipy():
    rng = np.random.default_rng(9)
    left, right = rng.normal(0.6, 1, 8), rng.normal(0, 1, 7)
    both = np.r_[left, right]

    def difference(values):
        return values[:8].mean() - values[8:].mean()

    exact = scipy.stats.permutation_test(
        (left, right), lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis), alternative="greater", n_resamples=inf
    ).pvalue
    value = difference(both)
    ours = permutation_p(difference, lambda rng: rng.permutation(both), value, np.random.default_rng(0), DRAWS)
    assert ours == pytest.approx(exact, abs=error(exact))


def test_a_pattern_in_a_matrix_is_tested_by_permuting_its_rows_and_columns():
    """Two blocks of layers alike: of the ten ways to part six layers into threes, one is as good."""
    similarity = np.kron(np.eye(2), np.ones((3, 3)))

    def within(matrix):
        return float((matrix[:3, :3].sum() + matrix[3:, 3:].sum()) / 18)

    def shuffled(rng):
        order = rng.permutation(6)
        return similarity[np.ix_(order, order)]

    ours = permutation_p(within, shuffled, within(similarity), np.random.default_rng(0), DRAWS)
    assert ours == pytest.approx(1 / 10, abs=error(1 / 10))


def test_ties_count_as_at_least_as_large_and_what_was_seen_as_a_draw():
    def constant(value):
        return permutation_p(lambda permuted: permuted, lambda rng: 0.3, value, np.random.default_rng(0), 9)

    assert constant(0.1 + 0.2) == 1   # a rounding error above
    assert constant(0.29) == 1
    assert constant(0.31) == pytest.approx(1 / 10)


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_statistics_that_are_no_numbers_are_not_measured(bad):
    with pytest.raises(NotMeasuredError, match="cannot be tested"):
        permutation_p(lambda permuted: 0.0, lambda rng: None, bad, np.random.default_rng(0), 9)
    drawn = iter([0.5, 0.2, bad])
    with pytest.raises(NotMeasuredError, match="of a permutation"):
        permutation_p(next, lambda rng: drawn, 0.4, np.random.default_rng(0), 9)


def test_no_draws_are_refused():
    with pytest.raises(ValueError, match="0 draws"):
        sign_flip_p(np.ones(5), np.random.default_rng(0), 0)
    with pytest.raises(ValueError, match="0 draws"):
        permutation_p(lambda permuted: 0.0, lambda rng: None, 0.1, np.random.default_rng(0), 0)
