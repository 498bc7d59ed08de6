"""Verdicts in words: one sentence of reason, and an explanation of three lines."""

from __future__ import annotations

from collections.abc import Sequence

from demeanour.findings.pairing import Case
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.statistics.limits import Limits
from demeanour.statistics.zones import ALPHA, Zone
from demeanour.verdicts.contrast import Term
from demeanour.verdicts.verdict import Shortfall, Verdict


def claim(case: Case) -> str:
    """The claim with what the case is about."""
    return f"{case.finding.claim} [{case.label}]" if case.label else case.finding.claim


def number(value: float, signed: bool = False) -> str:
    """A number with as many digits as a reader needs: four decimals, three significant ones if tiny, none if large."""
    sign = "+" if signed else ""
    if abs(value) >= 10_000:   # a count
        return f"{value:{sign},.0f}".replace("-", "−")
    text = f"{value:{sign}.4f}" if abs(value) >= 0.001 or value == 0 else f"{value:{sign}.2e}"
    return text.replace("-", "−")


def percent(level: float) -> str:
    """A level for people: 90 %, 98.9 %."""
    return f"{100 * level:.3g} %"


def interval(limits: tuple[float, float], signed: bool = False) -> str:
    """An interval in brackets."""
    return f"[{number(limits[0], signed)}, {number(limits[1], signed)}]"


def subject(case: Case, terms: Sequence[Term]) -> str:
    """What is compared with the margin, by the names of its models and groups."""
    finding, groups = case.finding, list(dict.fromkeys(term.group for term in terms))
    names = list(dict.fromkeys(term.name for term in terms))
    if finding.relation in ("group in top", "groups rise", "groups fall"):
        more, less = (next(term.group for term in terms if term.weight * sign > 0) for sign in (1, -1))
        text = f"{names[0]}: {more} − {less}"
    elif finding.relation == "left flatter than right":
        text = f"from {groups[0]} to {groups[1]}: fall of {names[0]} − fall of {names[1]}"
    elif finding.relation == "left area > right":
        text = f"mean height over {groups[0]} … {groups[-1]}: {names[0]} − {names[1]}"
    else:
        text = f"({names[0]} − {names[1]}) − ({names[2]} − {names[3]})" if len(names) == 4 else " − ".join(names)
        for constant in (finding.bound, finding.offset):
            text += f" − {constant:g}" if constant else ""
        text = text if groups[0] == ALL else f"{groups[0]}: {text}"
    return text if len(case.sets) == 1 else f"mean of {len(case.sets)} data sets, {text}"


def reason(
    word: Zone,
    case: Case,
    terms: Sequence[Term],
    limits: Limits,
    alpha: float,
    shortfall: Shortfall | None,
    n: int,
    at_least: int,
) -> str:
    """Why a verdict is what it is.

    Args:
        word: The verdict.
        case: What the verdict is about.
        terms: What is compared with the margin, in the comparison that tips the scale.
        limits: Of that.
        alpha: The level at which it decides.
        shortfall: What it lacks, if it is undecided.
        n: How many comparisons count.
        at_least: How many of them must hold.
    """
    margin = f"the margin {case.finding.margin:g}" if case.finding.margin else "0"
    place = f"{subject(case, terms)} = {number(limits.value, True)} {interval(limits.interval(1 - 2 * alpha), True)}"
    how_many = "all" if at_least == n else f"at least {at_least}"
    of_many = f"; {how_many} of {n} comparisons must hold, this one tips the scale" if n > 1 else ""
    of_many += f" at {percent(1 - 2 * alpha)}" if alpha != ALPHA else ""
    of_group = "" if terms[0].group == ALL else " of this kind"
    if word == "holds":
        return f"{place} lies on the claimed side of {margin}{of_many}"
    if word == "violated":
        return f"{place} lies on the other side of {margin}{of_many}"
    if MEASURES[case.finding.measure].of_network:
        return f"{place} cannot be told from {margin}; timed again on a quieter machine, it may be"
    more = "no number of images would decide, if the estimate stayed"
    if shortfall and shortfall.needed:
        more = f"about {shortfall.needed:,} images{of_group} would decide, if the estimate stayed"
    told = ""
    if shortfall and shortfall.distance:
        told = f"; with those there are, a distance of {number(shortfall.distance)} could be told"
    return f"{place} cannot be told from {margin}; {more}{told}{of_many}"


def explanation(verdict: Verdict, reproduce: str) -> str:
    """What was decided, by which numbers, and what follows; three lines."""
    if not verdict.decided:
        status = f"{verdict.verdict}, expected: {verdict.expected}"
    elif verdict.as_expected:
        status = f"{verdict.verdict}, {'as expected' if verdict.expected == verdict.verdict else 'left open'}"
    else:
        status = f"{verdict.verdict}, but expected: {verdict.expected}"
    numbers = "; ".join(
        f"{model} {number(estimate.value)} {interval(estimate.interval)} n={estimate.n:,}"
        for model, estimate in verdict.estimates.items()
    )
    measured = f"{verdict.measure} ({verdict.unit}) at {percent(verdict.level)}: {numbers}; " if numbers else ""
    strength = f", strength {verdict.strength}" if verdict.strength else ""
    because = f"expected because {verdict.expected_because}; " if verdict.expected_because else ""
    return "\n".join([
        f"{verdict.id} [{verdict.label}{strength}] {status.upper()}: {verdict.claim}",
        f"{measured}{verdict.reason}",
        f"{because}reproduce: {reproduce}",
    ])  # fmt: skip
