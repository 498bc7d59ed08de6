"""Signed sums of one measure's values over models and groups, with their limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from demeanour.errors import NotMeasuredError
from demeanour.evidence.observations import Observations, check_paired
from demeanour.measures.calibration import BIN_NAMES, bin_of
from demeanour.measures.registry import Columns, Measure
from demeanour.measures.weighting import Floats
from demeanour.statistics.limits import NO_WIDTH, Limits
from demeanour.statistics.means import gap_limits, mean_limits
from demeanour.statistics.proportions import clopper_pearson, independent_difference, paired_difference
from demeanour.statistics.resampling import (
    Statistic,
    bootstrap_draws,
    cluster_draws,
    distinct_rows,
    jackknife_limits,
    left_out_values,
    percentile_limits,
)
from demeanour.statistics.seeds import generator

Replicates = dict[str, Floats]   # group → (draws,)

SMALL_COUNT = 10   # fewer hits or misses than this in a group: exact limits instead of resampled ones
FEW_ERRORS = 20    # with fewer right or wrong answers than this, confidences alone would make an interval too narrow


@dataclass(frozen=True)
class Term:
    """One model's value of one group, added or subtracted."""

    sign: int
    observed: Observations
    group: str


@dataclass(frozen=True)
class Contrast:
    """A signed sum of values over the same images, and how sure it is.

    Attributes:
        limits: Of the sum.
        n: How many images speak of it: the fewest of its terms.
        two_way: Its limits under two-way clustered resampling, where the data set has two clusterings.
    """

    limits: Limits
    n: int
    two_way: Limits | None = None


@lru_cache(maxsize=1024)   # models come back in many verdicts
def contrast(measure: Measure, terms: tuple[Term, ...]) -> Contrast:
    """The value of a signed sum and its limits, by the measure's method.

    Raises:
        NotMeasuredError: A column or group is missing, a value is undefined, or nothing can be said of its error.
        EvidenceError: The models saw different images.
    """
    observed = list(dict.fromkeys(term.observed for term in terms))
    check_paired(observed)
    columns = {one: _columns(measure, one) for one in observed}
    values = [_value(measure, columns[term.observed], term) for term in terms]
    n = min(measure.n(columns[term.observed])[term.group] for term in terms)
    if len(terms) == 1 and terms[0].sign == 1:
        limits, two_way = _single(measure, terms[0], columns[terms[0].observed], values[0])
    else:
        limits, two_way = _sum(measure, terms, columns, values)
    if not limits.has_width:
        raise NotMeasuredError(f"{measure.name}: its interval has no width; its error cannot be told")
    return Contrast(limits, n, two_way)


def _single(measure: Measure, term: Term, columns: Columns, value: float) -> tuple[Limits, Limits | None]:
    if measure.method == "bin":
        confidence, correct = _in_bin(columns, term.group)
        return gap_limits(confidence, correct), None
    if measure.method in ("proportion", "mean"):
        assert measure.rows is not None
        rows = measure.rows(*columns)
        if measure.method == "proportion":
            return clopper_pearson(int(rows.sum()), len(rows)), None
        if _few_errors(term.observed):
            confidence, correct = columns
            return gap_limits(confidence, correct), None
        return mean_limits(rows), None
    exact = _exact(measure, term, columns)
    if exact is not None:
        return exact, None
    return _resampled(measure, [term], value)


def _sum(
    measure: Measure, terms: Sequence[Term], columns: dict[Observations, Columns], values: Sequence[float]
) -> tuple[Limits, Limits | None]:
    value = sum(term.sign * v for term, v in zip(terms, values, strict=True))
    pair = len(terms) == 2 and terms[0].sign == 1 and terms[1].sign == -1
    two_way: Limits | None = None
    if measure.method == "bin" or any(_is_small(measure, term, columns[term.observed]) for term in terms):
        limits = None
    elif measure.method == "proportion" and pair:
        assert measure.rows is not None
        left, right = (measure.rows(*columns[term.observed]) > 0 for term in terms)
        limits = paired_difference(left, right)
    elif measure.method in ("proportion", "mean"):
        assert measure.rows is not None
        rows = sum((t.sign * measure.rows(*columns[t.observed]) for t in terms), np.zeros(len(terms[0].observed)))
        limits = mean_limits(rows) if rows.std() > NO_WIDTH else None
    else:
        try:
            limits, two_way = _resampled(measure, terms, value)
        except NotMeasuredError:
            limits = None
    if limits is not None and limits.has_width:
        return limits, two_way
    # too few cases for resampling, or sides that never differ: combine what is known of each side on its own
    if not pair:
        raise NotMeasuredError(f"{measure.name}: too few images to say how far {len(terms)} values may be off together")
    sides = [_single(measure, Term(1, t.observed, t.group), columns[t.observed], v)[0]
             for t, v in zip(terms, values, strict=True)]  # fmt: skip
    return independent_difference(sides[0], sides[1]), two_way


def _resampled(measure: Measure, terms: Sequence[Term], value: float) -> tuple[Limits, Limits | None]:
    """Limits from replicates of each model over the same resamples, so that differences are paired."""
    first = terms[0].observed
    if measure.method == "jackknife" and any(_few_errors(term.observed) for term in terms):
        raise NotMeasuredError(f"{measure.name} needs {FEW_ERRORS} right and {FEW_ERRORS} wrong answers of each model")

    def total(values: Callable[[Observations], Replicates]) -> Floats:
        return np.asarray(sum(term.sign * values(term.observed)[term.group] for term in terms))

    if measure.method == "jackknife":
        return jackknife_limits(value, total(lambda one: _left_out(measure, one))), None
    if not first.clusters:
        together = tuple(dict.fromkeys(term.observed for term in terms))
        draws = total(_image_draws(measure, together).__getitem__)
        return percentile_limits(value, draws, f"bootstrap of images, {len(draws):,} draws"), None
    draws = total(lambda one: _cluster_draws(measure, one, 1))
    limits = percentile_limits(value, draws, f"bootstrap of {_words(first.clusters[0])}s, {len(draws):,} draws")
    if len(first.clusters) < 2:
        return limits, None
    both = total(lambda one: _cluster_draws(measure, one, 2))
    names = " × ".join(_words(name) for name in first.clusters[:2])
    try:
        return limits, percentile_limits(value, both, f"two-way bootstrap of {names}")
    except NotMeasuredError:   # it stands beside what decides, and is not needed
        return limits, None


# Groups of images and clusters are drawn from the data set's name alone: replicate k of one model and replicate k of
# another leave out, or repeat, the same images.


@lru_cache(maxsize=128)
def _left_out(measure: Measure, observed: Observations) -> Replicates:
    statistic = _statistic(measure, [_columns(measure, observed)])
    values = left_out_values(statistic, len(observed), generator("jackknife", observed.data))
    return _by_group(measure, observed, values)


@lru_cache(maxsize=128)
def _cluster_draws(measure: Measure, observed: Observations, ways: int) -> Replicates:
    clusters = [observed.columns[name].astype(np.int64) for name in observed.clusters[:ways]]
    statistic = _statistic(measure, [_columns(measure, observed)])
    values = cluster_draws(statistic, clusters, generator("clusters", observed.data, str(ways)))
    return _by_group(measure, observed, values)


@lru_cache(maxsize=128)
def _image_draws(measure: Measure, together: tuple[Observations, ...]) -> dict[Observations, Replicates]:
    """Bootstrap over images: those that are alike for all models of the comparison are drawn as one kind."""
    columns = [_columns(measure, one) for one in together]
    columns = [measure.coarse(cols) if measure.coarse else cols for cols in columns]
    kinds, counts = distinct_rows([column for cols in columns for column in cols])
    statistic = _statistic(measure, [tuple(column[kinds] for column in cols) for cols in columns])
    seed = generator("images", measure.name, together[0].data, *(one.model for one in together))
    values = bootstrap_draws(statistic, counts, seed)
    parts = np.split(values, len(together), axis=1)
    return {one: _by_group(measure, one, part) for one, part in zip(together, parts, strict=True)}


def _statistic(measure: Measure, columns: Sequence[Columns]) -> Statistic:
    """All groups of all models side by side: (draws, models × groups)."""

    def statistic(weights: Floats) -> Floats:
        return np.stack([value for cols in columns for value in measure.values(cols, weights).values()], axis=1)

    return statistic


def _by_group(measure: Measure, observed: Observations, values: Floats) -> Replicates:
    names = measure.values(_columns(measure, observed))
    return {name: values[:, index] for index, name in enumerate(names)}


def _words(name: str) -> str:
    return name.replace("_", " ")


def _columns(measure: Measure, observed: Observations) -> Columns:
    return tuple(observed.column(name) for name in measure.needs)


def _value(measure: Measure, columns: Columns, term: Term) -> float:
    values = measure.values(columns)
    if term.group not in values:
        found = ", ".join(values)
        raise NotMeasuredError(f"{measure.name} of {term.observed.model} has no group '{term.group}'; it has {found}")
    value = float(values[term.group])
    if not np.isfinite(value):
        raise NotMeasuredError(
            f"{measure.name} of {term.observed.model} on {term.observed.data} is undefined for '{term.group}': "
            "no image speaks of it"
        )
    return value


def _exact(measure: Measure, term: Term, columns: Columns) -> Limits | None:
    """Exact limits where a group has few hits or few misses; None where it has enough of both."""
    counted = measure.counts(term.group, columns) if measure.counts else None
    if counted is None or min(counted.hits, counted.n - counted.hits) >= SMALL_COUNT:
        return None
    return clopper_pearson(counted.hits, counted.n).scaled(counted.scale)


def _is_small(measure: Measure, term: Term, columns: Columns) -> bool:
    """Whether one side has too few cases for the measure's own method."""
    if measure.method in ("mean", "jackknife"):
        return _few_errors(term.observed)
    return _exact(measure, term, columns) is not None


def _few_errors(observed: Observations) -> bool:
    right = int(observed.column("correct").sum())
    return min(right, len(observed) - right) < FEW_ERRORS


def _in_bin(columns: Columns, group: str) -> Columns:
    member = bin_of(columns[0]) == BIN_NAMES.index(group)
    return tuple(column[member] for column in columns)
