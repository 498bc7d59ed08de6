from __future__ import annotations

from math import inf, nan, sqrt

import numpy as np
import pytest
import scipy.stats

from demeanour.statistics.means import mean_limits
from demeanour.statistics.noise import noise_floor
from demeanour.statistics.power import (
    decidable_margin,
    images_needed,
    power_of_difference,
    se_at,
    se_from_discordance,
    se_from_half_width,
)
from demeanour.statistics.proportions import paired_difference
from demeanour.statistics.zones import Above


def drawn(rng, n, discordance, difference):
    """The limits of a paired difference of n images drawn with these shares."""
    gain, loss = (discordance + difference) / 2, (discordance - difference) / 2
    gained, lost, _ = rng.multinomial(n, [gain, loss, 1 - gain - loss])
    place = np.arange(n)
    return paired_difference(place < gained, (place >= gained) & (place < gained + lost))


def share_shown(n, discordance, difference, margin, replicates, alpha=0.05):
    rng = np.random.default_rng(n)
    return np.mean([
        Above(-margin).holds(drawn(rng, n, discordance, difference), alpha) for _ in range(replicates)
    ])  # fmt: skip


# standard errors


def test_the_standard_error_of_a_paired_difference_is_that_of_the_rows():
    rows = np.repeat([1.0, -1.0, 0.0], [90, 40, 870])
    assert se_from_discordance(1000, 0.13, 0.05) == pytest.approx(rows.std() / sqrt(1000))


def test_a_half_width_tells_the_standard_error_behind_it():
    limits = drawn(np.random.default_rng(0), 50_000, 0.1, 0.01)
    for alpha in (0.01, 0.05, 0.2):
        se = se_from_half_width(limits.value - limits.lower(alpha), alpha)
        assert se == pytest.approx(se_from_discordance(50_000, 0.1, 0.01), rel=0.03)


def test_four_times_the_images_halve_the_standard_error():
    assert se_at(0.02, 1000, 4000) == pytest.approx(0.01)
    rows = np.random.default_rng(0).normal(size=40_000)
    few, many = mean_limits(rows[:4000]), mean_limits(rows)
    half_widths = [limits.value - limits.lower(0.05) for limits in (few, many)]
    assert se_at(half_widths[0], 4000, 40_000) == pytest.approx(half_widths[1], rel=0.05)


# power


@pytest.mark.parametrize(
    ("n", "difference", "share"),
    [
        *[(1000, 0, 0.12), (10_000, 0, 0.47), (50_000, 0, 0.975)],
        *[(1000, -0.005, 0.05), (10_000, -0.005, 0.05), (50_000, -0.005, 0.05)],
        *[(1000, -0.01, 0.02), (10_000, -0.01, 0.0), (50_000, -0.01, 0.0)],
    ],
)
def test_power_is_that_of_the_simulated_table(n, difference, share):
    """Shares that pass a margin of 0.5 pp with 10 % discordant pairs, simulated elsewhere, rounded."""
    assert power_of_difference(se_from_discordance(n, 0.1, difference), 0.005, difference) == pytest.approx(
        share, abs=0.012
    )


@pytest.mark.parametrize(
    ("n", "discordance", "difference", "margin", "alpha"),
    [
        (10_000, 0.1, 0.0, 0.005, 0.05),
        (10_000, 0.1, 0.004, 0.005, 0.01),
        (10_000, 0.1, -0.005, 0.005, 0.05),
        (50_000, 0.1, 0.0, 0.005, 0.05),
        (3000, 0.2, -0.01, 0.03, 0.05),
    ],
)
def test_power_is_how_often_a_paired_difference_is_shown_to_be_within_the_margin(
    n, discordance, difference, margin, alpha
):
    replicates = 1500
    expected = power_of_difference(se_from_discordance(n, discordance, difference), margin, difference, alpha)
    found = share_shown(n, discordance, difference, margin, replicates, alpha)
    assert found == pytest.approx(expected, abs=4 * sqrt(expected * (1 - expected) / replicates) + 0.005)


def test_exact_limits_of_few_images_have_less_power_than_said():
    for n, margin in ((200, 0.056), (1000, 0.025)):
        said = power_of_difference(se_from_discordance(n, 0.1), margin)
        assert share_shown(n, 0.1, 0.0, margin, 800) < said


def test_power_at_the_margin_is_the_level_and_grows_with_the_difference():
    assert power_of_difference(0.003, 0.01, -0.01) == pytest.approx(0.05)
    assert power_of_difference(0.003, 0.01, -0.01, alpha=0.2) == pytest.approx(0.2)
    powers = [power_of_difference(0.003, 0.01, difference) for difference in (-0.02, -0.01, 0.0, 0.01)]
    assert powers == sorted(powers)
    assert powers[2] == pytest.approx(scipy.stats.norm.sf(scipy.stats.norm.isf(0.05) - 0.01 / 0.003))


# margins and images


@pytest.mark.parametrize(
    ("n", "discordance", "points"),
    [(50_000, 0.1, 0.35), (5000, 0.1, 1.1), (1000, 0.1, 2.5), (200, 0.1, 5.6)],
)
def test_decidable_margins_are_those_worked_out_elsewhere(n, discordance, points):
    assert 100 * decidable_margin(se_from_discordance(n, discordance)) == pytest.approx(points, rel=0.02)


@pytest.mark.parametrize("power", [0.5, 0.8, 0.99])
@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_margin_power_and_images_agree_with_one_another(power, alpha):
    se = se_from_discordance(7000, 0.12)
    margin = decidable_margin(se, power, alpha)
    assert power_of_difference(se, margin, 0, alpha) == pytest.approx(power)
    assert images_needed(se, 7000, margin * (1 + 1e-9), power, alpha) == 7000
    for target in (0.002, 0.03):
        n = images_needed(se, 7000, target, power, alpha)
        assert decidable_margin(se_at(se, 7000, n), power, alpha) <= target
        assert decidable_margin(se_at(se, 7000, n - 1), power, alpha) > target
        assert images_needed(se_from_discordance(1, 0.12), 1, target, power, alpha) == n


def test_what_cannot_be_a_standard_error_is_refused():
    for n, discordance, difference in [(0, 0.1, 0), (9, 0, 0), (9, 1.1, 0), (9, 0.1, -0.2), (9, 1, 1), (9, nan, 0),
                                       (9, 0.1, nan), (nan, 0.1, 0)]:  # fmt: skip
        with pytest.raises(ValueError, match="no standard error"):
            se_from_discordance(n, discordance, difference)
    for bad in (0, -1, nan, inf):
        with pytest.raises(ValueError, match="half_width"):
            se_from_half_width(bad)
        for arguments in ((bad, 10, 10), (1, bad, 10), (1, 10, bad)):
            with pytest.raises(ValueError, match="above 0"):
                se_at(*arguments)


def test_power_of_nonsense_is_refused():
    for bad in (0, -1, nan, inf):
        for call in (
            lambda bad: power_of_difference(bad, 0.01),
            lambda bad: power_of_difference(0.01, bad),
            lambda bad: decidable_margin(bad),
            lambda bad: images_needed(bad, 100, 0.01),
            lambda bad: images_needed(0.01, bad, 0.01),
            lambda bad: images_needed(0.01, 100, bad),
        ):
            with pytest.raises(ValueError, match="above 0"):
                call(bad)
    for bad in (nan, inf):
        with pytest.raises(ValueError, match="difference"):
            power_of_difference(0.01, 0.01, bad)
    for alpha in (0, 0.5, 1, nan):
        for call in (power_of_difference, decidable_margin):
            with pytest.raises(ValueError, match="α"):
                call(0.01, **({"margin": 0.01} if call is power_of_difference else {}), alpha=alpha)
        with pytest.raises(ValueError, match="α"):
            se_from_half_width(0.1, alpha)
    for power in (0.05, 1, nan):
        with pytest.raises(ValueError, match="power"):
            decidable_margin(0.01, power)


# the numeric noise floor


def test_the_floor_is_the_largest_difference_of_any_two_runs():
    values = [0.7312, 0.7315, 0.7309, 0.7310]
    by_pairs = max(abs(one - other) for one in values for other in values)
    for index, value in enumerate(values):
        assert noise_floor(value, values[:index] + values[index + 1 :]) == by_pairs
    assert noise_floor(0.5, [0.5]) == 0


@pytest.mark.parametrize(("value", "repeats"), [(0.5, []), (nan, [0.5]), (0.5, [0.5, nan]), (0.5, [inf])])
def test_a_floor_needs_a_finite_repeat(value, repeats):
    with pytest.raises(ValueError, match="repeat"):
        noise_floor(value, repeats)
