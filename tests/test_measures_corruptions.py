from __future__ import annotations

import itertools

import numpy as np
import pytest

from demeanour.measures.corruptions import (
    ALEXNET_CLEAN_ERROR,
    ALEXNET_ERROR,
    corruption_accuracy,
    mce,
    relative_mce,
)
from demeanour.vocabulary import CORRUPTIONS

CELLS = list(itertools.product(range(15), range(1, 6)))
SEVERITIES = [f"severity-{level}" for level in range(1, 6)]
# as the benchmark's authors give them, in the order of the paper's table
SIX_DIGITS = [
    0.886428, 0.894468, 0.922640, 0.819880, 0.826268, 0.785948, 0.798360, 0.866816, 0.826572, 0.819324, 0.564592,
    0.853204, 0.646056, 0.717840, 0.606500,
]  # fmt: skip


def sample(seed, n=6000):
    """Correct, corruption, severity and clean_correct of images spread unevenly over all cells."""
    rng = np.random.default_rng(seed)
    cell = np.r_[np.arange(75), rng.integers(0, 75, n - 75)]
    corruption, severity = cell // 5, cell % 5 + 1
    correct = rng.random(n) < 0.9 - 0.12 * severity - 0.01 * corruption
    return correct, corruption, severity, rng.random(n) < 0.76


def one_row_each(error):
    """A right and a wrong image in each cell, weighted so that the cell has the given error."""
    corruption, severity, correct = np.array([(c, s, right) for c, s in CELLS for right in (0, 1)]).T
    error = np.asarray([error(c, s) for c, s in CELLS])
    weights = np.stack([error, 1 - error], axis=1).ravel()
    return correct.astype(bool), corruption, severity, weights


MEASURES = {
    "corruption_accuracy": lambda columns, weights=None: corruption_accuracy(*columns[:3], weights=weights),
    "mce": lambda columns, weights=None: mce(*columns[:3], weights=weights),
    "relative_mce": lambda columns, weights=None: relative_mce(*columns, weights=weights),
}
every_measure = pytest.mark.parametrize("name", MEASURES)


def by_loop(columns):
    """All three measures with plain lists, as the paper words them."""
    images = list(zip(*(column.tolist() for column in columns), strict=True))
    error, clean = {}, {}
    for c in range(15):
        of_cell = {s: [not right for right, c2, s2, _ in images if (c2, s2) == (c, s)] for s in range(1, 6)}
        error |= {(c, s): sum(wrong) / len(wrong) for s, wrong in of_cell.items()}
        sources = [not right for _, c2, _, right in images if c2 == c]
        clean[c] = sum(sources) / len(sources)
    mean = {c: sum(error[c, s] for s in range(1, 6)) / 5 for c in range(15)}
    accuracy = {CORRUPTIONS[c]: 1 - mean[c] for c in range(15)}
    accuracy |= {f"severity-{s}": 1 - sum(error[c, s] for c in range(15)) / 15 for s in range(1, 6)}
    ratio = {CORRUPTIONS[c]: mean[c] / ALEXNET_ERROR[CORRUPTIONS[c]] for c in range(15)}
    relative = {
        name: (mean[c] - clean[c]) / (ALEXNET_ERROR[name] - ALEXNET_CLEAN_ERROR) for c, name in enumerate(CORRUPTIONS)
    }
    return {
        "corruption_accuracy": {"all": 1 - sum(mean.values()) / 15, **accuracy},
        "mce": {"all": sum(ratio.values()) / 15, **ratio},
        "relative_mce": {"all": sum(relative.values()) / 15, **relative},
    }


def floats(values):
    return {group: float(value) for group, value in values.items()}


# definitions


@every_measure
@pytest.mark.parametrize("seed", range(3))
def test_measures_agree_with_a_loop_over_images(name, seed):
    columns = sample(seed)
    assert floats(MEASURES[name](columns)) == pytest.approx(by_loop(columns)[name], abs=1e-12)


@every_measure
def test_groups_are_all_corruptions_and_for_the_accuracy_all_severities(name):
    expected = ["all", *CORRUPTIONS, *(SEVERITIES if name == "corruption_accuracy" else [])]
    assert list(MEASURES[name](sample(0))) == expected
    assert len(CORRUPTIONS) == len(set(CORRUPTIONS)) == 15


def test_a_case_worked_by_hand():
    # right at severities 1 and 2 only, in fog never; clean sources always right
    corruption, severity = np.array(CELLS).T
    correct = (severity <= 2) & (corruption != CORRUPTIONS.index("fog"))
    clean = np.ones(75, bool)
    accuracy = floats(corruption_accuracy(correct, corruption, severity))
    assert accuracy["snow"] == pytest.approx(0.4)
    assert accuracy["fog"] == 0
    assert [accuracy[level] for level in SEVERITIES] == pytest.approx([14 / 15, 14 / 15, 0, 0, 0])
    assert accuracy["all"] == pytest.approx(14 * 0.4 / 15)
    ratios = floats(mce(correct, corruption, severity))
    assert ratios["brightness"] == pytest.approx(0.6 / 0.565)
    assert ratios["fog"] == pytest.approx(1 / 0.819)
    others = sum(1 / error for name, error in ALEXNET_ERROR.items() if name != "fog")
    assert ratios["all"] == pytest.approx((0.6 * others + 1 / 0.819) / 15)
    relative = floats(relative_mce(correct, corruption, severity, clean))
    assert relative["jpeg_compression"] == pytest.approx(0.6 / (0.607 - 0.4348))
    assert relative["fog"] == pytest.approx(1 / (0.819 - 0.4348))


def test_a_cell_counts_once_however_many_images_it_has():
    correct, corruption, severity, _ = sample(1)
    many = (corruption == 3) & (severity == 2)
    columns = [np.r_[column, column[many]] for column in (correct, corruption, severity)]
    assert floats(corruption_accuracy(*columns)) == pytest.approx(floats(corruption_accuracy(*sample(1)[:3])))
    assert correct[many].mean() != pytest.approx(correct.mean())


# AlexNet


def test_alexnet_itself_has_an_mce_of_one_and_a_relative_mce_of_one():
    wrong, n = [round(1000 * ALEXNET_ERROR[name]) for name in CORRUPTIONS], 1000
    corruption, severity = (np.repeat(column, n) for column in np.array(CELLS).T)
    correct = np.concatenate([np.arange(n) >= wrong[c] for c, _ in CELLS])
    clean = np.tile(np.arange(5 * n) >= round(5 * n * ALEXNET_CLEAN_ERROR), 15)
    assert floats(mce(correct, corruption, severity)) == pytest.approx(dict.fromkeys(["all", *CORRUPTIONS], 1))
    relative = relative_mce(correct, corruption, severity, clean)
    assert floats(relative) == pytest.approx(dict.fromkeys(["all", *CORRUPTIONS], 1))


def test_the_constants_are_the_authors_in_the_authors_order():
    assert [ALEXNET_ERROR[name] for name in CORRUPTIONS] == pytest.approx(SIX_DIGITS, abs=5.1e-4)
    columns = one_row_each(lambda c, _: SIX_DIGITS[c])
    ratios = mce(*columns[:3], weights=columns[3])
    assert list(ratios.values()) == pytest.approx([1] * 16, abs=1e-3)


def test_severities_are_averaged_before_alexnet_divides():
    columns = one_row_each(lambda c, s: ALEXNET_ERROR[CORRUPTIONS[c]] * (0.5 + 0.1 * s))
    assert mce(*columns[:3], weights=columns[3])["all"] == pytest.approx(0.8)


def test_a_model_that_loses_nothing_has_a_relative_mce_of_zero():
    correct, corruption, severity, _ = sample(2, n=75 * 40)
    columns = (correct, corruption, severity)
    weights = 1 / np.bincount(corruption * 5 + severity - 1)[corruption * 5 + severity - 1]
    assert relative_mce(*columns, correct, weights=weights)["all"] == pytest.approx(0, abs=1e-12)


# weights


@every_measure
def test_whole_weights_are_repeated_images(name):
    columns = sample(3)
    weights = np.random.default_rng(3).integers(1, 4, len(columns[0]))
    repeated = MEASURES[name]([np.repeat(column, weights) for column in columns])
    assert floats(MEASURES[name](columns, weights)) == pytest.approx(floats(repeated), abs=1e-12)


@every_measure
def test_many_weights_at_once_equal_one_after_the_other(name):
    columns = sample(4, n=400)
    weights = np.random.default_rng(4).integers(0, 3, (2, 3, 400))
    together = MEASURES[name](columns, weights)
    for draw in np.ndindex(2, 3):
        alone = MEASURES[name](columns, weights[draw])
        assert {group: float(values[draw]) for group, values in together.items()} == pytest.approx(
            floats(alone), nan_ok=True, abs=1e-12
        )
    assert {values.shape for values in together.values()} == {(2, 3)}
    assert np.isnan(list(together.values())).any()   # some cell has no weight
    assert np.isfinite(list(together.values())).any()


@every_measure
def test_the_order_of_rows_does_not_matter(name):
    columns = sample(5)
    order = np.random.default_rng(5).permutation(len(columns[0]))
    shuffled = MEASURES[name]([column[order] for column in columns])
    assert floats(shuffled) == pytest.approx(floats(MEASURES[name](columns)), abs=1e-12)


# what cannot be told


@every_measure
@pytest.mark.parametrize("how", ["no image", "no weight"])
def test_an_empty_cell_leaves_its_groups_and_all_undefined(name, how):
    columns = sample(6)
    keep = ~((columns[1] == CORRUPTIONS.index("frost")) & (columns[2] == 4))
    if how == "no image":
        values = MEASURES[name]([column[keep] for column in columns])
    else:
        values = MEASURES[name](columns, keep.astype(float))
    undefined = {group for group, value in values.items() if np.isnan(value)}
    assert undefined == {"all", "frost"} | ({"severity-4"} if name == "corruption_accuracy" else set())


@every_measure
def test_no_images_give_nan(name):
    empty = (np.zeros(0, bool), np.zeros(0, int), np.zeros(0, int), np.zeros(0, bool))
    assert np.isnan(list(MEASURES[name](empty).values())).all()


@every_measure
@pytest.mark.parametrize(("column", "wrong"), [(1, -1), (1, 15), (2, 0), (2, 6)])
def test_codes_out_of_range_are_refused(name, column, wrong):
    columns = sample(7)
    columns[column][17] = wrong
    with pytest.raises(ValueError, match=r"corruptions must lie in 0 … 14, severities in 1 … 5"):
        MEASURES[name](columns)


@every_measure
@pytest.mark.parametrize("bad", [-1, np.nan])
def test_impossible_weights_are_refused(name, bad):
    columns = sample(8)
    weights = np.ones(len(columns[0]))
    weights[3] = bad
    with pytest.raises(ValueError, match="weights"):
        MEASURES[name](columns, weights)
