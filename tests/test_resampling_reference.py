"""The bootstrap over kinds of rows is the bootstrap over images: the same distribution as scipy's on the same data."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from demeanour.evidence.observations import Observations
from demeanour.measures.registry import MEASURES
from demeanour.statistics.resampling import bootstrap_draws, distinct_rows
from demeanour.verdicts import replicates
from demeanour.verdicts.contrast import Term, contrast
from demeanour.vocabulary import FACTORS

LEVELS = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]


def assert_one_distribution(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Quantiles agree within what two finite sets of draws differ by, and a two-sample test sees no difference."""
    error = 4 * theirs.std() * np.sqrt(1 / len(ours) + 1 / len(theirs))
    density = np.array([0.027, 0.103, 0.318, 0.399, 0.318, 0.103, 0.027])   # of a normal at these quantiles
    spread = np.sqrt(np.array(LEVELS) * (1 - np.array(LEVELS))) / density
    assert (np.abs(np.quantile(ours, LEVELS) - np.quantile(theirs, LEVELS)) < error * spread).all()
    assert scipy.stats.ks_2samp(ours, theirs, method="asymp").pvalue > 1e-3


def test_a_paired_accuracy_difference_on_50_000_images() -> None:
    rng = np.random.default_rng(0)
    luck = rng.random(50_000)
    left, right = luck < 0.8, np.where(rng.random(50_000) < 0.9, luck, rng.random(50_000)) < 0.79
    first, kind = distinct_rows([left, right])
    difference = left[first].astype(float) - right[first]
    ours = bootstrap_draws(lambda w: w @ difference / 50_000, np.bincount(kind), np.random.default_rng(1), 10_000)
    theirs = scipy.stats.bootstrap(
        (left.astype(float), right.astype(float)), lambda a, b, axis: (a - b).mean(axis=axis), paired=True,
        vectorized=True, n_resamples=1_000, batch=100, method="percentile", rng=np.random.default_rng(2),
    )  # fmt: skip
    assert_one_distribution(ours, theirs.bootstrap_distribution)


@pytest.mark.parametrize("group", ["all", "color"])
def test_a_difference_of_error_ratios(group: str) -> None:
    rng = np.random.default_rng(3)
    n = 6_000
    luck = rng.random(n)
    factors = np.equal.outer(rng.integers(0, len(FACTORS), n), np.arange(len(FACTORS)))
    right = [luck < 0.7, np.where(rng.random(n) < 0.8, luck, rng.random(n)) < 0.6]
    ids = np.arange(n).astype(str)
    one, other = (Observations(str(k), "made", ids, {"correct": r, "factors": factors}, (), {})
                  for k, r in enumerate(right))  # fmt: skip
    measure = MEASURES["error_ratio"]
    both = replicates.over_images(measure, ((one,), (other,)))
    ours = both[(one,)][group] - both[(other,)][group]

    def statistic(rows: np.ndarray) -> float:
        values = [float(measure.values((r[rows], factors[rows]))[group]) for r in right]
        return values[0] - values[1]

    theirs = scipy.stats.bootstrap((np.arange(n),), statistic, vectorized=False, n_resamples=1_500,
                                   method="percentile", rng=np.random.default_rng(4))  # fmt: skip
    assert_one_distribution(ours, theirs.bootstrap_distribution)
    limits = contrast(measure, (Term(1, one, group), Term(-1, other, group))).limits
    interval = scipy.stats.bootstrap((np.arange(n),), statistic, vectorized=False, n_resamples=0, confidence_level=0.9,
                                     method="percentile", bootstrap_result=theirs).confidence_interval  # fmt: skip
    assert limits.interval(0.9) == pytest.approx((interval.low, interval.high), abs=0.25 * theirs.standard_error)
