"""What a case compares with its margin: weighted sums of values over models, groups and data sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import copysign, inf
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.catalogue import chosen_from, images_of, made_from
from demeanour.errors import NotMeasuredError
from demeanour.evidence.observations import Observations
from demeanour.findings.pairing import Case, Comparison
from demeanour.findings.schema import EVERY, Assertion
from demeanour.measures.groups import ALL
from demeanour.measures.registry import Measure
from demeanour.statistics.curves import area_weights, drop_weights, step_weights
from demeanour.statistics.limits import Limits
from demeanour.statistics.strata import independent_sum, worst_case_sum
from demeanour.statistics.zones import ALPHA, Above, Claim, Within, Zone, zone
from demeanour.verdicts.contrast import Contrast, Term, noise_of, sampled
from demeanour.verdicts.replicates import Subject, columns_of
from demeanour.verdicts.verdict import Part

Observed = dict[tuple[str, str], Observations]   # by model and data set


@dataclass(frozen=True)
class Compared:
    """One comparison of a case: what was found, and what is claimed of it.

    Attributes:
        group: What it is about, in words.
        terms: What is summed up, on each data set.
        found: The sum; of several data sets, the mean of their sums.
        shift: What is compared with the margin is the sum plus this.
        downwards: The claim is "below": turned round, it is "above".
        claim: What is claimed.
        counts: Whether it has images enough to decide anything.
    """

    group: str
    terms: tuple[tuple[Term, ...], ...]
    found: Contrast
    shift: float
    downwards: bool
    claim: Claim
    counts: bool

    @property
    def limits(self) -> Limits:
        """Of what is compared with the margin, as shown."""
        return self.found.limits.shifted(self.shift)

    @property
    def two_way(self) -> Limits | None:
        """The same under two-way clustered resampling, where there is one."""
        return self.found.two_way.shifted(self.shift) if self.found.two_way else None

    @property
    def claimed(self) -> Limits:
        """Limits of the quantity that the claim wants above its margin, or within."""
        return self._turned(self.limits)

    @property
    def two_way_zone(self) -> Zone | None:
        """What the two-way clustered interval would say, where there is one."""
        return zone(self.claim, self._turned(self.two_way)) if self.two_way else None

    @property
    def strain(self) -> float:
        """How far the estimate is on the claimed side, in half-widths: the smallest decides whether all hold."""
        width = self.claimed.upper(ALPHA) - self.claimed.lower(ALPHA)
        distance = self.claim.distance(self.claimed)
        return distance / width if width else copysign(inf, distance)   # of a count there is no doubt

    def zone(self, alpha: float) -> Zone:
        """What this comparison alone says."""
        return zone(self.claim, self.claimed, alpha)

    def _turned(self, limits: Limits) -> Limits:
        return limits.scaled(-1) if self.downwards else limits


class Says(Protocol):
    """Whoever tells what models said."""

    def observations(self, model: str, data: str) -> Observations:
        """What a model said of a data set's images; raises `NotMeasuredError` where that is missing."""
        ...


def observe_all(case: Case, evidence: Says) -> Observed:
    """What the models of a case said of its data sets."""
    return {(model, data): evidence.observations(model, data) for model in case.models for data in case.sets}


def compare(case: Case, measure: Measure, observed: Observed) -> tuple[list[Compared], tuple[Part, ...]]:
    """Every comparison of the case, and those that have too few images to count and lack a value.

    Raises:
        NotMeasuredError: A comparison that counts has no value or no interval.
    """
    compared, missing = [], []
    for comparison in case.comparisons:
        subjects = [_subjects(comparison, data, observed) for data in case.sets]
        for name, weights in sums_of(case.finding, _groups(case.finding, measure, subjects)):
            terms = tuple(
                tuple(Term(sign * weight, one[0], group, *one[1:]) for sign, one in of_set for weight, group in weights)
                for of_set in subjects
            )
            n = _fewest(measure, terms, case)
            about = " ".join(part for part in (name, comparison.name) if part and (part != ALL or not comparison.name))
            counts = n >= case.finding.min_n
            try:
                found = mean_over(measure, terms, case.sets)
            except NotMeasuredError:
                if counts:
                    raise
                missing.append(Part(about, None, None, case.finding.margin, "not measured", n, counts=False))
                continue
            compared.append(Compared(about, terms, found, *claim_of(case.finding), counts))
    return compared, tuple(missing)


def averaged(found: Sequence[Contrast], noise: Sequence[float], sets: Sequence[str]) -> Contrast:
    """The mean over data sets: as if independent, but for sets that share images, which may err together.

    Args:
        found: On each set, as a sample of its images has it.
        noise: On each set, what rounding does: it adds up, for it does not average out.
        sets: Their names.
    """
    if len(found) == 1:
        return found[0].widened(noise[0])
    shared: dict[str, list[tuple[float, Limits]]] = {}
    chosen: list[tuple[float, Limits]] = []
    for one, data in zip(found, sets, strict=True):
        source = images_of(data) or made_from(data) or data
        of_others = not set(chosen_from(data)).isdisjoint(sets)
        (chosen if of_others else shared.setdefault(source, [])).append((1 / len(found), one.limits))
    parts = [(1.0, worst_case_sum(terms, "")) if len(terms) > 1 else terms[0] for terms in shared.values()]
    method = f"mean of {len(found)} data sets, each by: {found[0].limits.method}"
    limits = independent_sum(parts, method)
    if chosen:   # from several of the others, and which of its images are whose is not known
        limits = worst_case_sum([(1.0, limits), *chosen], method)
    return Contrast(limits, sum(one.n for one in found)).widened(sum(noise) / len(found))


def mean_over(measure: Measure, terms: Sequence[tuple[Term, ...]], sets: Sequence[str]) -> Contrast:
    """The mean over data sets of one sum on each.

    Raises:
        NotMeasuredError: On one of them it is not measured.
    """
    return averaged([sampled(measure, one) for one in terms], [noise_of(measure, one) for one in terms], sets)


def _subjects(comparison: Comparison, data: str, observed: Observed) -> list[tuple[int, Subject]]:
    return [(sign, tuple(observed[model, data] for model in models)) for sign, models in comparison.terms]


def sums_of(finding: Assertion, groups: list[str]) -> list[tuple[str, list[tuple[float, str]]]]:
    """What the relation adds up within one model: a group, the step to the next, a drop, or an area."""
    if finding.relation == "group in top":
        assert finding.group is not None
        return [(f"{finding.group} over {group}", [(1.0, finding.group), (-1.0, group)]) for group in groups]
    if finding.relation in ("groups rise", "groups fall"):
        names = [f"{later} after {earlier}" for earlier, later in pairwise(groups)]
        return [(name, _weighed(step, groups)) for name, step in zip(names, step_weights(len(groups)), strict=True)]
    if finding.relation == "left flatter than right":
        return [(f"fall from {groups[0]} to {groups[-1]}", _weighed(drop_weights(len(groups)), groups))]
    if finding.relation == "left area > right":
        return [("area", _weighed(area_weights(finding.at or range(len(groups))), groups))]
    return [(group, [(1.0, group)]) for group in groups]


def _weighed(weights: NDArray[np.float64], groups: list[str]) -> list[tuple[float, str]]:
    return [(float(weight), group) for weight, group in zip(weights, groups, strict=True) if weight]


def claim_of(finding: Assertion) -> tuple[float, bool, Claim]:
    """By how much the sum is shifted, whether it is turned round, and what is claimed of it."""
    shift = -(finding.bound or 0) - (finding.offset or 0)
    downwards = finding.relation in (
        "left < right", "left <= right", "value < bound", "groups fall", "left flatter than right"
    )  # fmt: skip
    claim: Claim = Above(finding.margin)
    if finding.relation in ("left >= right", "left <= right", "groups rise", "groups fall"):
        claim = Above(-finding.margin)
    elif finding.relation == "left ~ right":
        claim = Within(finding.margin)
    return shift, downwards, claim


def _groups(finding: Assertion, measure: Measure, subjects: Sequence[list[tuple[int, Subject]]]) -> list[str]:
    if finding.groups is None and finding.relation != "group in top":
        return [ALL]
    if finding.groups is not None and finding.groups != [EVERY]:
        return finding.groups
    found: dict[str, None] = {}
    for _, subject in (one for of_set in subjects for one in of_set):
        found.update(dict.fromkeys(measure.values(columns_of(measure, subject))))
    left_out = {ALL, finding.group, *(finding.except_groups or [])}
    return [group for group in found if group not in left_out]


def _fewest(measure: Measure, terms: Sequence[tuple[Term, ...]], case: Case) -> int:
    """How many images the smallest group has.

    Raises:
        NotMeasuredError: A group that the finding names has none.
    """
    named = set(case.finding.groups or []) | {case.finding.group}
    sizes = []
    for term in (one for of_set in terms for one in of_set):
        n = measure.n(columns_of(measure, term.subject)).get(term.group, 0)
        if n == 0 and term.group in named:
            raise NotMeasuredError(f"no image of {term.observed.data} belongs to the group '{term.group}'")
        sizes.append(n)
    return min(sizes)
