from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given, settings
from hypothesis import strategies as st

from demeanour.statistics.curves import area_weights, drop_weights, slope_weights, step_weights

FEW = settings(max_examples=60, deadline=None, derandomize=True)
CURVES = st.tuples(st.integers(0, 2**32 - 1), st.integers(2, 20))


def curve(seed, n):
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.uniform(0.05, 3, n)) - 5, rng.normal(size=n)


@FEW
@given(CURVES)
def test_area_is_that_of_the_trapezoid_rule(drawn):
    x, y = curve(*drawn)
    weights = area_weights(x)
    assert weights.dtype == np.float64
    assert weights @ y * (x[-1] - x[0]) == pytest.approx(np.trapezoid(y, x), abs=1e-12)
    assert weights @ y * (x[-1] - x[0]) == pytest.approx(scipy.integrate.trapezoid(y, x), abs=1e-12)
    assert weights.sum() == pytest.approx(1)


def test_the_area_of_a_line_is_its_height_in_the_middle():
    x = np.array([0.0, 0.1, 0.5, 2.0])
    height, _ = scipy.integrate.quad(lambda at: 3 - at / 4, 0, 2)
    assert area_weights(x) @ (3 - x / 4) == pytest.approx(height / 2)


def test_area_weights_of_unequal_steps_by_hand():
    assert area_weights([0, 1, 4]) == pytest.approx([1 / 8, 4 / 8, 3 / 8])


@FEW
@given(CURVES)
def test_slope_is_that_of_the_least_squares_line(drawn):
    x, y = curve(*drawn)
    weights = slope_weights(x)
    assert weights @ y == pytest.approx(np.polyfit(x, y, 1)[0], abs=1e-9)
    assert weights @ (2 - 0.7 * x) == pytest.approx(-0.7)
    assert weights.sum() == pytest.approx(0, abs=1e-12)


def test_a_slope_far_from_zero_loses_no_digits():
    x = 1e6 + np.arange(5)
    assert slope_weights(x) == pytest.approx(slope_weights(np.arange(5)))


@pytest.mark.parametrize("n", [2, 3, 9])
def test_steps_are_differences_of_neighbours(n):
    y = np.random.default_rng(n).normal(size=n)
    assert step_weights(n).shape == (n - 1, n)
    assert step_weights(n) @ y == pytest.approx(np.diff(y))


@pytest.mark.parametrize(("base", "at"), [(0, -1), (0, 1), (-1, 0), (2, -2), (1, 3)])
def test_a_drop_is_the_base_minus_the_other_point(base, at):
    y = np.random.default_rng(0).normal(size=5)
    assert drop_weights(5, base, at) @ y == pytest.approx(y[base] - y[at])


def test_the_drop_is_from_the_first_point_to_the_last():
    assert drop_weights(4).tolist() == [1, 0, 0, -1]


@pytest.mark.parametrize("weights", [area_weights, slope_weights])
@pytest.mark.parametrize("x", [[], [1.0], 3.0, [[0, 1], [2, 3]], [0, 1, 1], [0, 2, 1], [0, 1, nan], [0, 1, inf]])
def test_positions_must_be_two_finite_and_increasing(weights, x):
    with pytest.raises(ValueError, match="position"):
        weights(x)


@pytest.mark.parametrize("n", [-1, 0, 1])
def test_a_point_has_no_steps(n):
    with pytest.raises(ValueError, match="no steps"):
        step_weights(n)


@pytest.mark.parametrize(("n", "base", "at"), [(1, 0, -1), (3, 0, 0), (3, 0, -3), (3, 0, 3), (3, -4, 0), (0, 0, -1)])
def test_a_drop_needs_two_points_of_the_curve(n, base, at):
    with pytest.raises(ValueError, match="no drop"):
        drop_weights(n, base, at)
