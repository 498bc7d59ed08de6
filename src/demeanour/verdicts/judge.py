"""From a case and its evidence to a verdict."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import Observations
from demeanour.findings.cast import Cast
from demeanour.findings.pairing import Case, OutOfScope
from demeanour.findings.schema import EVERY, Finding
from demeanour.measures.registry import ALL, MEASURES, Measure
from demeanour.statistics.limits import Limits
from demeanour.statistics.zones import ALPHA, LEVEL, Above, Claim, Within, Zone, zone, zone_of_many
from demeanour.verdicts import words
from demeanour.verdicts.contrast import Contrast, Term, contrast
from demeanour.verdicts.verdict import Difference, Estimate, Part, Verdict


@dataclass(frozen=True)
class _Compared:
    """One comparison of a case: what was found, and what is claimed of it."""

    group: str
    terms: tuple[Term, ...]
    found: Contrast
    shift: float        # what is compared with the margin is the contrast plus this
    downwards: bool     # the claim is "below": turned round, it is "above"
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

    def turned(self, limits: Limits) -> Limits:
        """Limits of the quantity that the claim wants above its margin, or within."""
        return limits.scaled(-1) if self.downwards else limits

    @property
    def claimed(self) -> Limits:
        return self.turned(self.limits)

    def zone(self, alpha: float) -> Zone:
        """What this comparison alone says."""
        return zone(self.claim, self.claimed, alpha)

    @property
    def two_way_zone(self) -> Zone | None:
        """What the two-way clustered interval would say, where there is one."""
        return zone(self.claim, self.turned(self.two_way)) if self.two_way else None

    @property
    def strain(self) -> float:
        """How far the estimate is on the claimed side, in half-widths: the smallest decides whether all hold."""
        width = self.claimed.upper(ALPHA) - self.claimed.lower(ALPHA)
        return self.claim.distance(self.claimed) / width


def judge(case: Case, evidence: Evidence, today: datetime.date | None = None) -> Verdict:
    """Decide one case.

    Args:
        case: The case.
        evidence: What the cast's models said.
        today: The day by which expectations expire; today's.

    Returns:
        The verdict; *not measured*, with the reason, where evidence is missing or wrong.
    """
    cast, finding, measure = evidence.cast, case.finding, MEASURES[case.finding.measure]
    expected, because = _expectation(case, cast, today or datetime.datetime.now(datetime.UTC).date())
    unmeasured = Verdict(
        id=case.id, finding=finding.id, data=(case.data,), strength=finding.strength_on(case.data), expected=expected,
        verdict="not measured", measure=measure.name, unit=measure.unit, reason="", label=finding.label,
        claim=words.claim(case), measure_version=measure.version,
        published=cast.published_values(finding.id, case.id), expected_because=because,
    )  # fmt: skip
    try:
        return _decide(case, measure, evidence, unmeasured)
    except NotMeasuredError as error:
        kind = "the evidence is wrong" if isinstance(error, EvidenceError) else "evidence is missing"
        return replace(unmeasured, reason=f"{kind}: {error}")


def _decide(case: Case, measure: Measure, evidence: Evidence, unmeasured: Verdict) -> Verdict:
    finding = case.finding
    observed = {model: evidence.observations(model, case.data) for model in case.models}
    compared, missing = _compare(case, measure, observed)
    counted = [one for one in compared if one.counts]
    at_least = _at_least(finding, len(counted))
    word: Zone = "undecided"
    alpha = ALPHA
    if not compared:
        return replace(unmeasured, reason="no group has any images")
    if not counted or at_least > len(counted):
        deciding = min(counted or compared, key=lambda one: one.strain)
        enough = f"only {len(counted)} groups have" if counted else "no group has"
        reason = f"{enough} {finding.min_n} images or more; at least {at_least} must have them"
    else:
        word = zone_of_many([(one.claim, one.claimed) for one in counted], at_least)
        deciding = sorted(counted, key=lambda one: one.strain)[-at_least]   # of k of n the k-th best tips the scale
        leans = deciding.claim.distance(deciding.claimed) > 0
        alpha /= len(counted) - at_least + 1 if word == "holds" or (word == "undecided" and leans) else at_least
        limits = deciding.limits
        needed = _images_to_decide(deciding, alpha)
        reason = words.reason(word, finding, deciding.terms, limits, alpha, needed, len(counted), at_least)
        small = len(compared) + len(missing) - len(counted)
        reason += f"; {small} with fewer than {finding.min_n} images do not count" if small else ""
        other = deciding.two_way_zone
        if other is not None and other != deciding.zone(ALPHA):
            reason += f"; resampled by both sources at once it would be: {other}"
    several = len(compared) + len(missing) > 1
    return replace(
        unmeasured,
        verdict=word,
        reason=reason,
        level=1 - 2 * alpha,
        estimates=_estimates(measure, deciding.terms, alpha),
        difference=_difference(deciding, finding, alpha),
        parts=tuple(_part(one, finding, alpha) for one in compared) + missing if several else (),
        shown=_shown(measure, observed, deciding.terms[0].group),
    )


def out_of_scope(case: OutOfScope) -> Verdict:
    """The entry of a finding that the cast cannot speak about."""
    finding, measure = case.finding, MEASURES[case.finding.measure]
    return Verdict(
        id=case.id, finding=finding.id, data=(case.data,), strength=finding.strength_on(case.data), expected=None,
        verdict="out of scope", measure=measure.name, unit=measure.unit, reason=case.reason, label=finding.label,
        claim=finding.claim,
    )  # fmt: skip


def _expectation(case: Case, cast: Cast, today: datetime.date) -> tuple[str, str | None]:
    entry = cast.expectation(case.finding.id, case.id)
    if entry is None:
        return "holds", None
    owner = f" ({entry.owner})" if entry.owner else ""
    if entry.expired(today):
        return "holds", f"the expectation '{entry.expect}' expired on {entry.until}: {entry.reason}{owner}"
    return entry.expect, f"{entry.reason}{owner}"


def _compare(
    case: Case, measure: Measure, observed: dict[str, Observations]
) -> tuple[list[_Compared], tuple[Part, ...]]:
    """Every comparison of the case; groups too small to count may also lack a value."""
    compared, missing = [], []
    sizes = {model: measure.n(tuple(one.column(c) for c in measure.needs)) for model, one in observed.items()}
    for comparison in case.comparisons:
        terms = [(sign, observed[model]) for sign, model in comparison.terms]
        for group in _groups(case.finding, measure, observed):
            name = " ".join(part for part in (group, comparison.name) if part and (part != ALL or not comparison.name))
            named = case.finding.group or (group if case.finding.groups not in (None, [EVERY]) else None)
            if named is not None and any(not sizes[model].get(named) for _, model in comparison.terms):
                raise NotMeasuredError(f"no image of {case.data} belongs to the group '{named}'")
            both = (group, case.finding.group or group)
            n = min(sizes[model].get(one, 0) for _, model in comparison.terms for one in both)
            counts = n >= case.finding.min_n
            try:
                compared.append(_compared(case.finding, measure, terms, group, name, counts))
            except NotMeasuredError:
                if counts:
                    raise
                missing.append(Part(name, None, None, case.finding.margin, "not measured", n, counts=False))
    return compared, tuple(missing)


def _compared(
    finding: Finding, measure: Measure, signed: Sequence[tuple[int, Observations]], group: str, name: str, counts: bool
) -> _Compared:
    if finding.relation == "group in top":
        assert finding.group is not None
        one = signed[0][1]
        terms: tuple[Term, ...] = (Term(1, one, finding.group), Term(-1, one, group))
        name = f"{finding.group} over {group}"
    else:
        terms = tuple(Term(sign, one, group) for sign, one in signed)
    shift = -(finding.bound or 0) - (finding.offset or 0)
    downwards = finding.relation in ("left < right", "left <= right", "value < bound")
    claim: Claim = Above(finding.margin)
    if finding.relation in ("left >= right", "left <= right"):
        claim = Above(-finding.margin)
    elif finding.relation == "left ~ right":
        claim = Within(finding.margin)
    return _Compared(name, terms, contrast(measure, terms), shift, downwards, claim, counts)


def _groups(finding: Finding, measure: Measure, observed: dict[str, Observations]) -> list[str]:
    if finding.groups is None and finding.relation != "group in top":
        return [ALL]
    if finding.groups is not None and finding.groups != [EVERY]:
        return finding.groups
    found: dict[str, None] = {}
    for one in observed.values():
        found.update(dict.fromkeys(measure.values(tuple(one.column(name) for name in measure.needs))))
    left_out = {ALL, finding.group, *(finding.except_groups or [])}
    return [group for group in found if group not in left_out]


def _at_least(finding: Finding, counted: int) -> int:
    """How many comparisons must hold: without ``at_least`` all that count, and at least one."""
    if finding.relation == "group in top":
        return max(1, counted - (finding.top or 1) + 1)
    return finding.at_least or max(1, counted)


def _part(one: _Compared, finding: Finding, alpha: float) -> Part:
    interval = one.limits.interval(1 - 2 * alpha)
    return Part(one.group, one.limits.value, interval, finding.margin, one.zone(alpha), one.found.n, one.counts)


def _difference(one: _Compared, finding: Finding, alpha: float) -> Difference:
    two_way = one.two_way.interval(LEVEL) if one.two_way else None
    interval = one.limits.interval(1 - 2 * alpha)
    return Difference(one.limits.value, interval, finding.margin, one.group, one.limits.method, two_way)


def _estimates(measure: Measure, terms: Sequence[Term], alpha: float) -> dict[str, Estimate]:
    """The value of each model; of two groups of one model, the first."""
    estimates: dict[str, Estimate] = {}
    for term in terms:
        if term.observed.model not in estimates:
            found = contrast(measure, (Term(1, term.observed, term.group),))
            interval = found.limits.interval(1 - 2 * alpha)
            estimates[term.observed.model] = Estimate(found.limits.value, interval, found.n)
    return estimates


def _shown(measure: Measure, observed: dict[str, Observations], group: str) -> dict[str, dict[str, float]]:
    """What is read beside the deciding numbers, of their group where it has one: ECE, odds ratios, accuracy."""
    shown: dict[str, dict[str, float]] = {}
    for name in words.BESIDE.get(measure.name, ()):
        other = MEASURES[name]
        for model, one in observed.items():
            try:
                values = other.values(tuple(one.column(need) for need in other.needs))
            except NotMeasuredError:
                continue
            value = float(values.get(group, values[ALL]))
            if math.isfinite(value):
                shown.setdefault(name, {})[model] = value
    return shown


def _images_to_decide(one: _Compared, alpha: float) -> int | None:
    """About how many images would decide, if the estimate stayed; None where it lies on the margin."""
    distance = one.claim.distance(one.claimed)
    if distance == 0:
        return None
    half = (one.claimed.upper(alpha) - one.claimed.lower(alpha)) / 2
    needed = one.found.n * (half / distance) ** 2
    return math.ceil(needed) if needed < 1e9 else None
