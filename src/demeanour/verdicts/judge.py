"""From a case and its evidence to a verdict."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import fields, replace

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.findings.cast import Cast
from demeanour.findings.pairing import Case, OutOfScope
from demeanour.findings.schema import Assertion
from demeanour.measures.groups import ALL
from demeanour.measures.registry import BESIDE, MEASURES, OF_EVERY_GROUP, Measure
from demeanour.statistics.multiplicity import p_violated
from demeanour.statistics.power import decidable_margin, se_from_half_width
from demeanour.statistics.zones import ALPHA, LEVEL, Above, Zone, zone_of_many
from demeanour.verdicts import words
from demeanour.verdicts.comparing import Compared, Observed, Says, compare, mean_over, observe_all
from demeanour.verdicts.conclusion import conclude
from demeanour.verdicts.decision import Decision, decision_key, from_text, to_text
from demeanour.verdicts.doubts import doubts
from demeanour.verdicts.published import deviations, notes_on_published, published_beside
from demeanour.verdicts.replicates import columns_of
from demeanour.verdicts.verdict import Difference, Estimate, Part, Shortfall, Verdict


def judge(case: Case, evidence: Evidence, today: datetime.date | None = None) -> Verdict:
    """Decide one case by itself; of a candidate's, see `demeanour.verdicts.gate`.

    Args:
        case: The case.
        evidence: What the cast's models said.
        today: The day by which expectations expire; today's.

    Returns:
        The verdict; *not measured*, with the reason, where evidence is missing or wrong.
    """
    cast, finding = evidence.cast, case.finding
    expected, because = _expectation(case, cast, today or datetime.datetime.now(datetime.UTC).date())
    if case.basis:
        return conclude(case, [judge(one, evidence, today) for one in case.basis], expected, because)
    measure = MEASURES[finding.measure]
    unmeasured = Verdict(
        id=case.id, finding=finding.id, data=case.sets, strength=finding.strength_on(case.data), expected=expected,
        verdict="not measured", measure=measure.name, unit=measure.unit, reason="", label=finding.label,
        claim=words.claim(case), measure_version=measure.version,
        expected_because=because, kind=case.kind, candidate=case.candidate, told=case.told,
    )  # fmt: skip
    try:
        key = decision_key(case, evidence)

        def made() -> str:
            decision = decide(case, measure, evidence)
            evidence.check_unchanged()
            return to_text(decision)

        decision = from_text(evidence.store.text("decisions", key, made))
        verdict = replace(unmeasured, **{one.name: getattr(decision, one.name) for one in fields(decision)})
        known = published_beside(cast, measure.name, case.sets, verdict.group, case.models)
        doubt = doubts(case, measure, evidence)
        verdict = replace(verdict, reason=f"{verdict.reason}; {doubt}") if doubt else verdict
        notes, apart = notes_on_published(cast, verdict), deviations(cast, verdict)
        return replace(verdict, published=known, published_notes=notes, deviations=apart)
    except NotMeasuredError as error:
        kind = "the evidence is wrong" if isinstance(error, EvidenceError) else "evidence is missing"
        return replace(unmeasured, reason=f"{kind}: {error}")


def decide(case: Case, measure: Measure, evidence: Says) -> Decision:
    """What the data say of a case, whatever is expected of it.

    Raises:
        NotMeasuredError: Evidence is missing, or wrong.
    """
    finding = case.finding
    observed = observe_all(case, evidence)
    measure = measure.named(next(iter(observed.values())).names)
    compared, missing = compare(case, measure, observed)
    counted = [one for one in compared if one.counts]
    at_least = _at_least(finding, len(counted))
    word: Zone = "undecided"
    alpha = ALPHA
    shortfall: Shortfall | None
    if not compared:
        raise NotMeasuredError("no group has any images")
    if not counted or at_least > len(counted):
        deciding = min(counted or compared, key=lambda one: one.strain)
        enough = f"only {len(counted)} groups have" if counted else "no group has"
        reason = f"{enough} {finding.min_n} images or more; at least {at_least} must have them"
        largest = sorted((one.found.n for one in compared if not one.counts), reverse=True)
        lacking = largest[at_least - len(counted) - 1 :]
        shortfall = Shortfall(lacking[0] if lacking else 0, finding.min_n, None)
    else:
        word = zone_of_many([(one.claim, one.claimed) for one in counted], at_least)
        uncounted = len(compared) + len(missing) - len(counted)
        if word == "violated" and finding.at_least and uncounted:
            word = "undecided"   # of k of n, those that have too few images to count might hold
        deciding = sorted(counted, key=lambda one: one.strain)[-at_least]   # of k of n the k-th best tips the scale
        leans = deciding.claim.distance(deciding.claimed) > 0
        alpha /= len(counted) - at_least + 1 if word == "holds" or (word == "undecided" and leans) else at_least
        limits = deciding.limits
        lacks = word == "undecided" and not measure.of_network   # to which no images are added
        shortfall = _shortfall(deciding, alpha) if lacks else None
        reason = words.reason(word, case, deciding.terms[0], limits, alpha, shortfall, len(counted), at_least)
        small = len(compared) + len(missing) - len(counted)
        reason += f"; {small} with fewer than {finding.min_n} images do not count" if small else ""
        other = deciding.two_way_zone
        if other is not None and other != deciding.zone(ALPHA):
            reason += f"; resampled by both sources at once it would be: {other}"
    several = len(compared) + len(missing) > 1
    return Decision(
        verdict=word,
        reason=reason,
        level=1 - 2 * alpha,
        estimates=_estimates(measure, deciding, case.sets, alpha),
        difference=_difference(deciding, finding, alpha),
        parts=tuple(_part(one, finding, alpha) for one in compared) + missing if several else (),
        shortfall=shortfall,
        group=deciding.terms[0][0].group,
        shown=_shown(measure, observed, deciding.terms[0][0].group) if len(case.sets) == 1 else {},
        p_harm=_p_harm(counted) if case.kind == "requirement" else None,
    )


def _p_harm(counted: Sequence[Compared]) -> float:
    """The smallest α at which one of the comparisons that must all hold is violated, by Bonferroni's method."""
    return min(1.0, len(counted) * min((p_violated(one.claim, one.claimed) for one in counted), default=1.0))


def out_of_scope(case: OutOfScope) -> Verdict:
    """The entry of a finding that the cast cannot speak about."""
    finding = case.finding
    data = () if finding.follows else (case.data,)
    unit = "" if finding.follows else MEASURES[finding.measure].unit
    return Verdict(
        id=case.id, finding=finding.id, data=data, strength=finding.strength_on(case.data), expected=None,
        verdict="out of scope", measure=finding.measure, unit=unit, reason=case.reason, label=finding.label,
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


def _at_least(finding: Assertion, counted: int) -> int:
    """How many comparisons must hold: without ``at_least`` all that count, and at least one."""
    if finding.relation == "group in top":
        return max(1, counted - (finding.top or 1) + 1)
    return finding.at_least or max(1, counted)


def _part(one: Compared, finding: Assertion, alpha: float) -> Part:
    interval = one.limits.interval(1 - 2 * alpha)
    return Part(one.group, one.limits.value, interval, finding.margin, one.zone(alpha), one.found.n, one.counts)


def _difference(one: Compared, finding: Assertion, alpha: float) -> Difference:
    two_way = one.two_way.interval(LEVEL) if one.two_way else None
    interval = one.limits.interval(1 - 2 * alpha)
    return Difference(one.limits.value, interval, finding.margin, one.group, one.limits.method, two_way)


def _estimates(measure: Measure, deciding: Compared, sets: Sequence[str], alpha: float) -> dict[str, Estimate]:
    """The value of each model, or pair; of several groups of one model, the first."""
    estimates: dict[str, Estimate] = {}
    for terms in zip(*deciding.terms, strict=True):
        if terms[0].name not in estimates:
            found = mean_over(measure, [(term.alone,) for term in terms], sets)
            estimates[terms[0].name] = Estimate(found.limits.value, found.limits.interval(1 - 2 * alpha), found.n)
    return estimates


def _shown(measure: Measure, observed: Observed, group: str) -> dict[str, dict[str, float]]:
    """What is read beside the deciding numbers, of their group where it has one: ECE, odds ratios, accuracy."""
    shown: dict[str, dict[str, float]] = {}
    for name in BESIDE.get(measure.name, ()):
        for (model, _), one in observed.items():
            other = MEASURES[name].named(one.names)
            try:
                values = other.values(columns_of(other, (one,)))
            except NotMeasuredError:
                continue
            found = {name: values.get(group, values.get(ALL, math.nan))}
            if name in OF_EVERY_GROUP:
                found = {f"{name}, {each}": value for each, value in values.items() if each != ALL and value > 0}
            for title, value in found.items():
                if math.isfinite(value):
                    shown.setdefault(title, {})[model] = float(value)
    return shown


def _shortfall(one: Compared, alpha: float) -> Shortfall:
    """About how many images would decide, if the estimate stayed, and how far off the margin these would tell."""
    ahead = one.claim.distance(one.claimed)
    distance = abs(ahead)
    low, high = one.claimed.lower(alpha), one.claimed.upper(alpha)
    half = (high - low) / 2
    if isinstance(one.claim, Above):   # the side on which the margin lies: a lopsided interval has a longer one
        half = one.claimed.value - low if ahead > 0 else high - one.claimed.value
    half -= one.found.noise   # which more images would not make less
    if not 0 < half < math.inf:
        return Shortfall(one.found.n, None, None)
    ahead_of_noise = distance - one.found.noise
    needed = one.found.n * (half / ahead_of_noise) ** 2 if ahead_of_noise > 0 else math.inf
    told = decidable_margin(se_from_half_width(half, alpha), alpha=alpha) + one.found.noise
    return Shortfall(one.found.n, math.ceil(needed) if needed < 1e9 else None, told)
