"""Measures of sets of views against scikit-learn, a curve worked by hand, and NumPy's trapezoid rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_1samp
from sklearn.metrics import accuracy_score

from demeanour.errors import NotMeasuredError
from demeanour.evidence.observations import Observations
from demeanour.measures import invariance
from demeanour.measures.registry import MEASURES
from demeanour.statistics import seeds
from demeanour.statistics.means import mean_limits
from demeanour.statistics.proportions import paired_difference
from demeanour.statistics.whole_numbers import whole_number_limits
from demeanour.verdicts.contrast import Term, contrast
from demeanour.vocabulary import LEVELS

GRID = np.array([1, 1.25, 1.5, 2, 3])


def shuffled(matrix: np.ndarray, base: int = 0) -> dict[str, np.ndarray]:
    """Columns of a set of views from what is true of each picture in each view, (pictures, views), in random order."""
    pictures, views = matrix.shape
    order = seeds.generator("shuffled", str(matrix.shape)).permutation(matrix.size)
    view = np.tile(np.arange(views), pictures)[order]
    source = np.repeat(np.arange(pictures), views)[order]
    return {"correct": matrix[source, view], "view": view, "source": source, "base": view == base}


def answers(pictures: int = 400, accuracies: tuple[float, ...] = (0.9, 0.8, 0.7, 0.5, 0.3)) -> np.ndarray:
    rng = seeds.generator("answers", str(accuracies))
    difficulty = rng.random(pictures)
    return np.stack([difficulty + rng.normal(0, 0.1, pictures) < accuracy for accuracy in accuracies], axis=1)


def test_accuracy_of_each_view_is_scikit_learns() -> None:
    rng = seeds.generator("labels")
    label, prediction = rng.integers(5, size=(300, 1)), rng.integers(5, size=(300, 4))
    found = invariance.view_accuracy(*(shuffled(prediction == label)[name] for name in ("correct", "view", "source")))
    expected = [accuracy_score(label[:, 0], prediction[:, level]) for level in range(4)]
    assert list(found) == ["all", "level-1", "level-2", "level-3", "level-4"]
    assert [float(found[name]) for name in LEVELS[:4]] == pytest.approx(expected, abs=1e-15)
    assert float(found["all"]) == pytest.approx(np.mean(expected), abs=1e-15)


def test_a_curve_by_hand() -> None:
    """Ten pictures: 9, 10, 6, 4, 1 of them right. The base is the second view."""
    matrix = np.arange(10)[:, None] < np.array([9, 10, 6, 4, 1])
    columns = shuffled(matrix, base=1)
    drop = invariance.view_drop(**columns)
    assert {name: round(float(value), 12) for name, value in drop.items()} == {
        "all": 0.4, "level-1": 0.1, "level-2": 0.0, "level-3": 0.4, "level-4": 0.6, "level-5": 0.9,
    }  # fmt: skip
    without = {name: columns[name] for name in ("correct", "view", "source")}
    # trapezoids (.95·.25 + .8·.25 + .5·.5 + .25·1) / 2 by hand
    assert float(invariance.view_area(**without, at=GRID[columns["view"]])["all"]) == pytest.approx(0.46875)
    np.testing.assert_allclose(
        invariance.view_area(**without, at=GRID[columns["view"]])["all"],
        np.trapezoid([0.9, 1.0, 0.6, 0.4, 0.1], GRID) / 2,
    )


def test_the_area_does_not_depend_on_the_order_of_the_views() -> None:
    columns = shuffled(answers())
    one = [columns[name] for name in ("correct", "view", "source")]
    backwards = [columns["correct"], 4 - columns["view"], columns["source"]]
    at = GRID[columns["view"]]
    assert invariance.view_area(*one, at)["all"] == pytest.approx(invariance.view_area(*backwards, at)["all"])


def test_a_single_view_has_no_area() -> None:
    one = shuffled(answers(accuracies=(0.5,)))
    area = invariance.view_area(one["correct"], one["view"], one["source"], np.ones(400))
    assert np.isnan(area["all"])


def test_probabilities_and_padding_are_means_of_each_view() -> None:
    values = seeds.generator("values").random((50, 3))
    columns = shuffled(values)
    for function in (invariance.view_probability, invariance.view_padding):
        found = function(columns["correct"], columns["view"], columns["source"])
        np.testing.assert_allclose([found[name] for name in LEVELS[:3]], values.mean(axis=0), atol=1e-12)
        assert float(found["all"]) == pytest.approx(values.mean())


def test_weights_are_repetitions() -> None:
    matrix = answers(60)
    columns = shuffled(matrix, base=2)
    times = seeds.generator("times").integers(0, 4, size=(3, 60))
    found = invariance.view_drop(**columns, weights=times[:, columns["source"]])
    for draw, often in enumerate(times):
        repeated = invariance.view_drop(**shuffled(np.repeat(matrix, often, axis=0), base=2))
        for name, value in repeated.items():
            assert found[name][draw] == pytest.approx(float(value), abs=1e-12)


@pytest.mark.parametrize("name", ["view_accuracy", "view_drop", "view_probability"])
def test_what_each_picture_counts_has_the_value_as_its_mean(name: str) -> None:
    columns = shuffled(answers(), base=1)
    columns["probability_of_label"] = seeds.generator("probability").random(len(columns["view"]))
    measure = MEASURES[name]
    needed = tuple(columns[need] for need in measure.needs)
    values, rows_of = measure.values(needed), measure.rows
    assert rows_of is not None
    assert measure.n(needed) == dict.fromkeys(values, 400)
    for group, value in values.items():
        rows = rows_of(group, needed)
        assert rows.shape == (400,)
        assert rows.mean() == pytest.approx(float(value), abs=1e-12)


def test_some_of_the_pictures() -> None:
    matrix = answers(50)
    columns = shuffled(matrix)
    some = {name: value[columns["source"] % 3 == 1] for name, value in columns.items()}
    found = invariance.view_drop(**some)
    assert float(found["level-5"]) == pytest.approx(matrix[1::3, 0].mean() - matrix[1::3, 4].mean())
    assert MEASURES["view_drop"].n(tuple(some.values()))["level-5"] == len(matrix[1::3])


def test_as_many_levels_as_there_are_views() -> None:
    for views in (1, 7, 16):
        columns = shuffled(answers(20, tuple(np.linspace(0.9, 0.1, views))))
        assert list(invariance.view_drop(**columns)) == ["all", *LEVELS[:views]]
    columns = shuffled(answers(20, tuple(np.linspace(0.9, 0.1, 17))))
    with pytest.raises(ValueError, match="views must lie in 0 … 15, not 0 … 16"):
        invariance.view_drop(**columns)


def broken(name: str) -> dict[str, np.ndarray]:
    columns = shuffled(answers(20))
    if name == "a row is missing":
        return {key: value[1:] for key, value in columns.items()}
    if name == "a view is missing":
        return {key: value[columns["view"] != 2] for key, value in columns.items()}
    if name == "a picture stands twice in one view":
        columns["view"] = np.where((columns["source"] == 3) & (columns["view"] == 1), 2, columns["view"])
    if name == "a picture stands twice in a view":
        return {key: np.concatenate([value, value[:5]]) for key, value in columns.items()}
    if name == "a view before the first":
        columns["view"] = columns["view"] - 1
    if name == "no base":
        columns["base"] = np.zeros(100, np.bool_)
    if name == "two bases":
        columns["base"] = columns["view"] < 2
    if name == "bases that differ":
        columns["base"] = columns["view"] == columns["source"] % 2
    return columns


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a row is missing", "99 rows do not show each of 20 pictures once in each of 5 views"),
        ("a view is missing", "80 rows do not show each of 20 pictures once in each of 5 views"),
        ("a picture stands twice in one view", "100 rows do not show each of 20 pictures once in each of 5"),
        ("a picture stands twice in a view", "105 rows do not show each of 20 pictures once in each of 5"),
        ("a view before the first", "views must lie in 0 … 15, not -1 … 3"),
        ("no base", "exactly one of the views"), ("two bases", "exactly one of the views"),
        ("bases that differ", "exactly one of the views"),
    ],
)  # fmt: skip
def test_what_is_no_set_of_views_is_an_error(name: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        invariance.view_drop(**broken(name))


# intervals


def observed(model: str, matrix: np.ndarray, **more: Any) -> Observations:
    columns = {**shuffled(matrix), **more}
    order = np.lexsort((columns["source"], columns["view"]))
    names = np.array([f"{view}/{source:05d}" for view, source in zip(columns["view"], columns["source"], strict=True)])
    return Observations(model, "views", names[order], {k: v[order] for k, v in columns.items()}, ("source",), {})


def test_levels_and_models_are_compared_over_the_same_pictures() -> None:
    """The standard error is that of one number for each picture, worked out from the matrices."""
    one, other = answers(3000), answers(3000, (0.9, 0.85, 0.8, 0.7, 0.6))
    left, right = observed("one", one), observed("other", other)
    drops = [(matrix[:, :1] - matrix.astype(float)) for matrix in (one, other)]
    area = [1 / 8, 1 / 4, 1 / 4, 1 / 4, 1 / 8]
    worked = {
        "two models": ((Term(1, left, "level-4"), Term(-1, right, "level-4")), drops[0][:, 3] - drops[1][:, 3]),
        "two levels": ((Term(-1, left, "level-2"), Term(1, left, "level-4")), drops[0][:, 3] - drops[0][:, 1]),
        "one model": ((Term(1, left, "level-4"),), drops[0][:, 3]),
        "mean of the levels": ((Term(1, left, "all"),), drops[0].mean(axis=1)),
        "area": (
            tuple(Term(w, left, group) for w, group in zip(area, LEVELS, strict=False)), drops[0] @ np.array(area),
        ),
    }  # fmt: skip
    for terms, rows in worked.values():
        limits = contrast(MEASURES["view_drop"], terms).limits
        assert limits.value == pytest.approx(rows.mean(), abs=1e-12)
        low, high = limits.interval(0.9)
        se = rows.std(ddof=1) / np.sqrt(3000)
        assert (high - low) / 2 == pytest.approx(1.645 * se, rel=2e-3)


def test_one_accuracy_and_two_are_those_of_unrelated_pictures() -> None:
    """Clopper and Pearson's interval by scipy; the same pair as two columns of a set without views."""
    one = answers(500)
    left = observed("one", one)
    found = contrast(MEASURES["view_accuracy"], (Term(1, left, "level-3"),))
    expected = binomtest(int(one[:, 2].sum()), 500).proportion_ci(0.9, method="exact")
    assert found.limits.interval(0.9) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert found.n == 500
    plain = [Observations(str(k), "plain", np.arange(500).astype(str), {"correct": one[:, k]}, (), {}) for k in (0, 1)]
    pair = contrast(MEASURES["top1"], (Term(1, plain[0], "all"), Term(-1, plain[1], "all"))).limits
    levels = contrast(MEASURES["view_accuracy"], (Term(1, left, "level-1"), Term(-1, left, "level-2"))).limits
    drop = contrast(MEASURES["view_drop"], (Term(1, left, "level-2"),)).limits
    step = contrast(MEASURES["view_accuracy"], (Term(-1, left, "level-2"), Term(1, left, "level-1"))).limits
    for limits in (levels, drop, step):
        assert limits.interval(0.9) == pytest.approx(pair.interval(0.9), abs=1e-12)


def test_where_no_picture_differs_there_is_still_a_width() -> None:
    same = np.repeat(answers(1000, (0.8,)), 3, axis=1)
    left, right = observed("one", same), observed("other", same)
    for terms in ((Term(1, left, "level-2"),), (Term(1, left, "level-2"), Term(-1, right, "level-2"))):
        limits = contrast(MEASURES["view_drop"], terms).limits
        assert limits.value == 0
        assert limits.interval(0.9) == pytest.approx((-0.003, 0.003), abs=5e-5)   # three in a thousand
    few = same.copy()
    few[:9, 2] = ~few[:9, 2]
    mean = (Term(1, observed("few", few), "all"),)
    with pytest.raises(NotMeasuredError, match="fewer than 20 source images differ from the others"):
        contrast(MEASURES["view_drop"], mean)


# whole numbers


def test_differences_of_differences_with_few_pictures_are_no_narrower_than_their_parts() -> None:
    rows = np.zeros(1000)
    rows[:30], rows[30:35], rows[35:40] = 1, 2, -1
    limits = whole_number_limits(rows)
    first, second = paired_difference(rows >= 1, rows <= -1), paired_difference(rows >= 2, rows <= -2)
    assert limits.value == pytest.approx(rows.mean())
    assert limits.lower(0.05) == first.lower(0.05) + second.lower(0.05)
    assert limits.upper(0.05) == first.upper(0.05) + second.upper(0.05)
    assert limits.upper(0.05) - limits.lower(0.05) > np.diff(mean_limits(rows).interval(0.9))[0]


def test_differences_of_differences_with_many_pictures_are_those_of_student() -> None:
    rows = seeds.generator("many").integers(-2, 3, 1000).astype(float)
    found, expected = whole_number_limits(rows).interval(0.9), ttest_1samp(rows, 0).confidence_interval(0.9)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_parts_of_numbers_have_no_exact_limits() -> None:
    with pytest.raises(ValueError, match="not whole"):
        whole_number_limits(np.array([0.5, 1]))
