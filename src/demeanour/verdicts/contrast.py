"""Weighted sums of one measure's values over models and groups, with their limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from demeanour.errors import NotMeasuredError
from demeanour.evidence.observations import Observations, check_paired
from demeanour.measures.calibration import BIN_NAMES, bin_of
from demeanour.measures.groups import ALL, Columns
from demeanour.measures.registry import Measure
from demeanour.measures.weighting import Floats
from demeanour.statistics.limits import NO_WIDTH, Limits
from demeanour.statistics.means import (
    FEW_CLUSTERS,
    cluster_mean_limits,
    few_error_gap_limits,
    gap_limits,
    mean_limits,
)
from demeanour.statistics.noise import noise_floor
from demeanour.statistics.proportions import clopper_pearson, independent_difference, paired_difference
from demeanour.statistics.resampling import jackknife_limits, percentile_limits
from demeanour.statistics.strata import bonferroni_sum
from demeanour.statistics.whole_numbers import source_limits
from demeanour.verdicts import replicates
from demeanour.verdicts.replicates import Replicates, Subject, cluster_codes, columns_of
from demeanour.verdicts.tasks import limits_over_tasks

SMALL_COUNT = 10   # fewer hits or misses than this in a group: exact limits instead of resampled ones
SKEWED = 100       # with fewer right or wrong answers than this, one model's mean gap is too skewed for t
FEW_ERRORS = 20    # with fewer right or wrong answers than this, confidences alone would make an interval too narrow


@dataclass(frozen=True)
class Term:
    """One model's value of one group, or that of a pair of models, times a weight."""

    weight: float
    observed: Observations
    group: str
    other: Observations | None = None

    @property
    def subject(self) -> Subject:
        """Whose answers the value is computed from."""
        return (self.observed,) if self.other is None else (self.observed, self.other)

    @property
    def alone(self) -> Term:
        """The value itself, whatever its weight in a sum."""
        return replace(self, weight=1)

    def with_instead(self, one: Observations, other: Observations) -> Term:
        """The same of other observations, where it is of these."""
        first = other if self.observed is one else self.observed
        return replace(self, observed=first, other=other if self.other is one else self.other)

    @property
    def name(self) -> str:
        """The model, or the pair."""
        return " and ".join(one.model for one in self.subject)


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of values over the same images, and how sure it is.

    Attributes:
        limits: Of the sum.
        n: How many images speak of it: the fewest of its terms.
        two_way: Its limits under two-way clustered resampling, where the data set has two clusterings.
        noise: By how much the limits are widened for what repeats of the same weights differ by.
    """

    limits: Limits
    n: int
    two_way: Limits | None = None
    noise: float = 0.0

    def widened(self, noise: float) -> Contrast:
        """The same with limits that are so much further away, for what rounding does."""
        if not noise:
            return self
        why = f"widened by the numeric noise of {noise:.2g}"
        two_way = self.two_way.widened(noise, why) if self.two_way else None
        return Contrast(self.limits.widened(noise, why), self.n, two_way, noise)


def contrast(measure: Measure, terms: tuple[Term, ...]) -> Contrast:
    """The value of a weighted sum and its limits, by the measure's method, widened by numeric noise.

    Raises:
        NotMeasuredError: A column or group is missing, a value is undefined, or nothing can be said of its error.
        EvidenceError: The models saw different images.
    """
    found = sampled(measure, terms)
    return found.widened(noise_of(measure, terms))


@lru_cache(maxsize=1024)   # models come back in many verdicts
def sampled(measure: Measure, terms: tuple[Term, ...]) -> Contrast:
    """The value of a weighted sum and its limits as a sample of images has them, whatever rounding does.

    Raises:
        NotMeasuredError: A column or group is missing, a value is undefined, or nothing can be said of its error.
        EvidenceError: The models saw different images.
    """
    check_paired(list(dict.fromkeys(one for term in terms for one in term.subject)))
    columns = {term.subject: columns_of(measure, term.subject) for term in terms}
    values = [_value(measure, columns[term.subject], term) for term in terms]
    n = min(measure.n(columns[term.subject])[term.group] for term in terms)
    if measure.method == "counted":
        total = sum(term.weight * value for term, value in zip(terms, values, strict=True))
        return Contrast(Limits.exactly(total, "counted"), n)
    if measure.strata:
        parts = [(term.weight, term.group, term.subject) for term in terms]
        return Contrast(limits_over_tasks(measure, parts, columns), n)
    if measure.rows and measure.members and len({term.group for term in terms} | {ALL}) == 2:
        return _of_members(measure, terms)
    if len(terms) == 1 and terms[0].weight == 1:
        limits, two_way = _single(measure, terms[0], columns[terms[0].subject], values[0])
    else:
        limits, two_way = _sum(measure, terms, columns, values)
    if not limits.has_width:
        raise NotMeasuredError(f"{measure.name}: its interval has no width; its error cannot be told")
    return Contrast(limits, n, two_way)


def _of_members(measure: Measure, terms: Sequence[Term]) -> Contrast:
    """A sum of values of one group that are shares of its members: as if these were all the images."""
    assert measure.members is not None
    whole: dict[Observations, Observations] = {}
    for one in dict.fromkeys(one for term in terms for one in term.subject):
        member = measure.members(terms[0].group, columns_of(measure, (one,)))
        names = dict.fromkeys((*measure.needs, *one.clusters))
        columns = {name: one.column(name)[member] for name in names}
        whole[one] = Observations(one.model, one.data, one.ids[member], columns, one.clusters, {})
    of_group = tuple(replace(term, observed=whole[term.observed]) for term in terms)
    return sampled(replace(measure, method="proportion", members=None), of_group)


def _single(measure: Measure, term: Term, columns: Columns, value: float) -> tuple[Limits, Limits | None]:
    first = term.observed
    if measure.method == "shown":
        raise NotMeasuredError(f"{measure.name} is shown without an interval")
    if first.clusters and measure.method not in ("proportion", "mean") and not measure.clusters:
        raise NotMeasuredError(f"{measure.name} is not for images that share a source, as those of {first.data} do")
    if measure.method == "bin":
        confidence, correct = _in_bin(columns, term.group)
        return gap_limits(confidence, correct), None
    if measure.method in ("proportion", "mean"):
        assert measure.rows is not None
        rows = measure.rows(term.group, columns)
        if measure.of_sources:
            return source_limits(rows, share=measure.method == "proportion"), None
        if first.clusters:
            lowest = 0.0 if measure.method == "proportion" else None
            return cluster_mean_limits(rows, cluster_codes(first, 0), lowest), None
        if measure.method == "proportion":
            return clopper_pearson(int(rows.sum()), len(rows)), None
        if measure.name == "signed_gap" and min(np.bincount(columns[1], minlength=2)) < SKEWED:
            confidence, correct = columns
            return few_error_gap_limits(confidence, correct), None
        if _few_errors(measure, term.subject):
            raise _too_few(measure)
        return mean_limits(rows), None
    exact = _exact(measure, term, columns)
    if exact is not None:
        return _of_sources(measure, term, columns) if first.clusters else exact, None
    return _resampled(measure, [term], value)


def _sum(
    measure: Measure, terms: Sequence[Term], columns: dict[Subject, Columns], values: Sequence[float]
) -> tuple[Limits, Limits | None]:
    value = sum(term.weight * v for term, v in zip(terms, values, strict=True))
    pair = len(terms) == 2 and terms[0].weight == 1 and terms[1].weight == -1
    two_way: Limits | None = None
    limits: Limits | None = None
    if measure.method in ("proportion", "mean"):
        limits = _of_rows(measure, terms, columns, pair)
    elif measure.method != "bin" and not any(_is_small(measure, term, columns[term.subject]) for term in terms):
        try:
            limits, two_way = _resampled(measure, terms, value)
        except NotMeasuredError:
            limits = None
    if limits is not None and limits.has_width:
        return limits, two_way
    # too few cases for resampling, or sides that never differ: combine what is known of each side on its own
    sides = [_single(measure, t.alone, columns[t.subject], v)[0] for t, v in zip(terms, values, strict=True)]
    if not pair:
        weighted = [(term.weight, side) for term, side in zip(terms, sides, strict=True)]
        return bonferroni_sum(weighted, f"{sides[0].method}, each of {len(sides)} values at its share of α"), two_way
    return independent_difference(sides[0], sides[1]), two_way


def _of_rows(
    measure: Measure, terms: Sequence[Term], columns: dict[Subject, Columns], pair: bool
) -> Limits | None:
    """Limits from one number for each image; None where they would be too narrow."""
    assert measure.rows is not None
    first = terms[0].observed
    rows = [term.weight * measure.rows(term.group, columns[term.subject]) for term in terms]
    total = np.sum(rows, axis=0)
    if measure.of_sources:
        return source_limits(total, share=False)
    if measure.method == "mean" and any(_few_errors(measure, term.subject) for term in terms):
        return None
    if first.clusters:
        lowest = -1.0 if measure.method == "proportion" and pair else None
        return cluster_mean_limits(total, cluster_codes(first, 0), lowest)
    if measure.method == "proportion" and pair:
        return paired_difference(rows[0] > 0, rows[1] < 0)
    if measure.method == "proportion" and int((np.abs(total) > NO_WIDTH).sum()) < FEW_ERRORS:
        return None
    return mean_limits(total) if total.std() > NO_WIDTH else None


def _resampled(measure: Measure, terms: Sequence[Term], value: float) -> tuple[Limits, Limits | None]:
    """Limits from replicates of each model over the same resamples, so that differences are paired."""
    first = terms[0].observed
    if any(_few_errors(measure, term.subject) for term in terms):
        raise _too_few(measure)
    if first.clusters and not measure.clusters:
        raise NotMeasuredError(f"{measure.name} is not for images that share a source, as those of {first.data} do")
    few = min(_sources(measure, term) for term in terms) if first.clusters else FEW_CLUSTERS
    if few < FEW_CLUSTERS:
        raise NotMeasuredError(f"{few} source images are too few to resample; {FEW_CLUSTERS} are the least")

    def total(values: Callable[[Subject], Replicates]) -> Floats:
        return np.asarray(sum(term.weight * values(term.subject)[term.group] for term in terms))

    if measure.method == "jackknife":
        limits = jackknife_limits(value, total(lambda one: replicates.left_out(measure, one)))
        if measure.of_minibatches:
            size = int(first.columns["size"][0])
            limits = replace(limits, method=f"jackknife, {len(first)} minibatches of {size} pictures")
        return limits, None
    if not first.clusters:
        together = tuple(dict.fromkeys(term.subject for term in terms))
        draws = total(replicates.over_images(measure, together).__getitem__)
        return percentile_limits(value, draws, f"bootstrap of images, {len(draws):,} draws"), None
    draws = total(lambda one: replicates.over_clusters(measure, one, 1))
    limits = percentile_limits(value, draws, f"bootstrap of {_words(first.clusters[0])}s, {len(draws):,} draws")
    if len(first.clusters) < 2:
        return limits, None
    both = total(lambda one: replicates.over_clusters(measure, one, 2))
    names = " × ".join(_words(name) for name in first.clusters[:2])
    try:
        return limits, percentile_limits(value, both, f"two-way bootstrap of {names}")
    except NotMeasuredError:   # it stands beside what decides, and is not needed
        return limits, None


def noise_of(measure: Measure, terms: Sequence[Term]) -> float:
    """How far a sum moves when models' answers are taken from other runs of the same weights; 0 without any."""
    floor = 0.0
    for one in dict.fromkeys(one for term in terms for one in term.subject if one.repeats):
        check_paired([one, *one.repeats])
        runs = [[term.with_instead(one, again) for term in terms] for again in (one, *one.repeats)]
        sums = [sum(t.weight * _value(measure, columns_of(measure, t.subject), t) for t in run) for run in runs]
        floor += noise_floor(sums[0], sums[1:])
    return floor


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(measure: Measure, columns: Columns, term: Term) -> float:
    values = measure.values(columns)
    if term.group not in values:
        found = ", ".join(values)
        raise NotMeasuredError(f"{measure.name} of {term.name} has no group '{term.group}'; it has {found}")
    value = float(values[term.group])
    if not np.isfinite(value):
        raise NotMeasuredError(
            f"{measure.name} of {term.name} on {term.observed.data} is undefined for '{term.group}': "
            "no image speaks of it"
        )
    return value


def _exact(measure: Measure, term: Term, columns: Columns) -> Limits | None:
    """Exact limits where a group has few hits or few misses; None where it has enough of both."""
    counted = measure.counts(term.group, columns) if measure.counts else None
    if counted is None or min(counted.hits, counted.n - counted.hits) >= SMALL_COUNT:
        return None
    return clopper_pearson(counted.hits, counted.n).scaled(counted.scale)


def _of_sources(measure: Measure, term: Term, columns: Columns) -> Limits:
    """A share of few hits or few misses among images that share a source: by how many sources have any."""
    counted = measure.counts(term.group, columns) if measure.counts else None
    if counted is None or counted.member is None or counted.hit is None:
        raise NotMeasuredError(f"{measure.name}: too few hits or misses among images that share a source")
    hit = counted.hit[counted.member].astype(np.float64)
    try:
        return cluster_mean_limits(hit, cluster_codes(term.observed, 0)[counted.member], 0.0).scaled(counted.scale)
    except NotMeasuredError as error:
        why = f"{measure.name}: too few hits or misses among images that share a source"
        raise NotMeasuredError(f"{why}: {error}") from error


def _is_small(measure: Measure, term: Term, columns: Columns) -> bool:
    """Whether one side has too few cases for the measure's own method."""
    if measure.method == "jackknife":
        return _few_errors(measure, term.subject)
    return _exact(measure, term, columns) is not None


def _few_errors(measure: Measure, subject: Subject) -> bool:
    """Whether a model has few right or few wrong answers, or two have few that they share; of sources, if any."""
    if not measure.of_errors:
        return False
    right = [one.column("correct").astype(np.bool_) for one in subject]
    cells, least = [right[0], ~right[0]], FEW_ERRORS
    if len(right) > 1:   # of two models: both right, one of them, none
        cells, least = [cell & other for cell in cells for other in (right[1], ~right[1])], SMALL_COUNT
    if not subject[0].clusters:
        return min(int(cell.sum()) for cell in cells) < least
    source = cluster_codes(subject[0], 0)
    return min(len(np.unique(source[cell])) for cell in cells) < least


def _sources(measure: Measure, term: Term) -> int:
    """How many source images speak of a term's group."""
    source = cluster_codes(term.observed, 0)
    member = measure.members(term.group, columns_of(measure, term.subject)) if measure.members else slice(None)
    return len(np.unique(source[member]))


def _in_bin(columns: Columns, group: str) -> Columns:
    member = bin_of(columns[0]) == BIN_NAMES.index(group)
    return tuple(column[member] for column in columns)


def _too_few(measure: Measure) -> NotMeasuredError:
    what = f"{FEW_ERRORS} right and {FEW_ERRORS} wrong answers of each model"
    if measure.models > 1:
        what = f"{SMALL_COUNT} images on which both models are right, both wrong, and only the one or the other right"
    return NotMeasuredError(f"{measure.name} needs {what}; of images that share a source, one counts")
