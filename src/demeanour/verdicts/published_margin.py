"""What a claim comes to by published values alone: estimates without intervals, compared with the margin."""

from __future__ import annotations

from dataclasses import dataclass

from demeanour.findings.cast import Cast
from demeanour.findings.pairing import Case
from demeanour.findings.published import published_value
from demeanour.findings.schema import EVERY
from demeanour.measures.groups import ALL
from demeanour.statistics.limits import Limits
from demeanour.verdicts.comparing import claim_of, sums_of

# where another number is published than the one that decides: its square, as a debiased squared error is one
SQUARED = {"calibration_error": "ece"}


@dataclass(frozen=True)
class PublishedMargin:
    """One comparison of a claim by published values.

    Attributes:
        group: What it is about, in words.
        measure: What is compared; ``ece²`` where the square of another number stands in.
        value: As in ``Difference``: what is compared with the margin.
        ahead: How far it is on the claimed side of the margin; below 0 it contradicts.
        error: By how much rounding and reading of all its values may be off together, at most.
    """

    group: str
    measure: str
    value: float
    ahead: float
    error: float


def published_margin(case: Case, cast: Cast) -> PublishedMargin | None:
    """The comparison that tips the scale by published values; None where not all that it needs are published.

    Args:
        case: A case that follows from no other.
        cast: Whose tables are read.
    """
    found = [one for comparison in range(len(case.comparisons)) for one in _compared(case, comparison, cast)]
    if not found or None in found:
        return None
    ordered = sorted((one for one in found if one is not None), key=lambda one: one.ahead)
    finding = case.finding
    at_least = finding.at_least or len(ordered)
    if finding.relation == "group in top":
        at_least = max(1, len(ordered) - (finding.top or 1) + 1)
    return ordered[-at_least]


def holds_as_published(case: Case, cast: Cast) -> bool | None:
    """Whether a claim holds by published values, however many images they are of; None where it cannot be told."""
    if case.basis:
        answers = [holds_as_published(one, cast) for one in case.basis]
        return False if False in answers else None if None in answers else True
    tips = published_margin(case, cast)
    return None if tips is None else tips.ahead > 0


def _compared(case: Case, which: int, cast: Cast) -> list[PublishedMargin | None]:
    """Each comparison of some models, in the order of the groups; None for one that lacks a value."""
    finding, comparison = case.finding, case.comparisons[which]
    shift, downwards, claim = claim_of(finding)
    found: list[PublishedMargin | None] = []
    for name, weights in sums_of(finding, _groups(case, cast)):
        total, error = shift, 0.0
        for data in case.sets:
            for sign, models in comparison.terms:
                for weight, group in weights:
                    value = _value(cast, finding.measure, data, group, " and ".join(models))
                    if value is None:
                        return [None]
                    total += sign * weight * value[0] / len(case.sets)
                    error += abs(weight) * value[1] / len(case.sets)
        turned = -total if downwards else total
        about = " ".join(part for part in (name if name != ALL else "", comparison.name) if part) or ALL
        title = f"{SQUARED[finding.measure]}²" if finding.measure in SQUARED else finding.measure
        found.append(PublishedMargin(about, title, total, claim.distance(_exactly(turned)), error))
    return found


def _exactly(value: float) -> Limits:
    return Limits(value, lambda _: value, lambda _: value, "as published")


def _value(cast: Cast, measure: str, data: str, group: str, model: str) -> tuple[float, float] | None:
    """A published value, and its error of reading."""
    known = published_value(cast.published, SQUARED.get(measure, measure), data, group, model)
    if known is None:
        return None
    value, error = known[0], known[1].error
    return (value**2, 2 * abs(value) * error) if measure in SQUARED else (value, error)


def _groups(case: Case, cast: Cast) -> list[str]:
    """The groups that are compared: named ones, or all that are published of the case's models."""
    finding = case.finding
    if finding.groups is not None and finding.groups != [EVERY]:
        return finding.groups
    if finding.groups is None and finding.relation != "group in top":
        return [ALL]
    found = dict.fromkeys(
        group for table in cast.published if table.measure == finding.measure and table.data in case.sets
        for group, values in table.values.items() if set(case.models) <= set(values)
    )  # fmt: skip
    return [one for one in found if one not in (ALL, finding.group, *(finding.except_groups or []))]
