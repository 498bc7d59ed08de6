"""What a gate's page says in sentences: the outcome, and each requirement's loss against what is allowed."""

from __future__ import annotations

from collections.abc import Sequence

from demeanour.findings.candidates import CANDIDATE
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.reporting.gate_report import GateReport, Required
from demeanour.reporting.undecided import what_would_decide
from demeanour.verdicts.flips import Flip
from demeanour.verdicts.outcome import contradicts
from demeanour.verdicts.words import number

NBSP = "\N{NO-BREAK SPACE}"
_SHARES = ("fraction",)   # units that people know as percent
_POINT = 0.01
_SPOKEN = {"top1": "accuracy", "multilabel_top1": "accuracy", "ece": "ECE"}   # others are called by their names


def headline(report: GateReport, candidate: str) -> str:
    """What the gate says of one candidate, in a sentence or two."""
    counts, every, who = report.counts(candidate), len(report.requirements[candidate]), named(candidate)
    if not report.trusted:
        return "The gate failed its own test in this run: whatever it says of candidates counts for nothing."
    if not every:
        return f"{who} must not replace {report.role}: no requirement could be asked of it."
    waived = f" {_are(counts['waived'], 'loss')} waived." if counts["waived"] else ""
    outcome = report.outcome(candidate)
    if outcome == "blocked" and not counts["blocks"]:
        changed = sum(map(contradicts, report.characteristics_of(candidate)))
        which = "1 finding of the literature is" if changed == 1 else f"{changed} findings of the literature are"
        return f"{who} must not replace {report.role}: {which} decided otherwise than before."
    if counts["blocks"]:
        lost = report.of(candidate, "blocks")
        names = "; ".join(f"{title(one)} {found(one)} ({_limit(one)})" for one in lost[:2])
        more = f"; and {len(lost) - 2} more" if len(lost) > 2 else ""
        return f"{who} must not replace {report.role}: {_of(len(lost), every)} violated. That is {names}{more}."
    if counts["missing"]:
        return f"{who} must not replace {report.role}: {_of(counts['missing'], every)} not measured."
    if outcome == "not measured":
        return f"{who} must not replace {report.role}: nothing was decided, or not all that was asked was measured."
    if counts["undecided"]:
        return (
            f"{who} must not replace {report.role} yet: no harm is shown, but {_of(counts['undecided'], every)} "
            f"not proved either.{more_images(report.of(candidate, 'undecided'))}{waived}"
        )
    if outcome == "undecided":
        return f"{who} must not replace {report.role} yet: whether findings of the literature hold as before is open."
    proved = counts["holds"]
    spared = f" Of {counts['spared']} more, no harm is shown." if counts["spared"] else ""
    of_all = f"all {every} requirements" if proved == every else f"{proved} of {every} requirements"
    return f"{who} may replace {report.role}: {of_all} are proved.{spared}{waived}"


def named(candidate: str) -> str:
    """A candidate at the beginning of a sentence: one that is alone has no name of its own."""
    return f"The {candidate}" if candidate == CANDIDATE else candidate


def more_images(undecided: Sequence[Required]) -> str:
    """How many images would decide all of some undecided requirements, as a sentence with a space before it."""
    needed = [(one.record["shortfall"] or {}).get("needed") for one in undecided]
    known = [int(n) for n in needed if n is not None]
    if not known or len(known) < len(needed):
        return ""
    return f" About {max(known):,} images would decide."


def title(one: Required) -> str:
    """A requirement by what it measures and on what."""
    data, group = ", ".join(one.record["data"]), (one.record["difference"] or {}).get("group", ALL)
    about = "" if group == ALL else f", {group.replace('_', ' ')},"
    measure = one.record["measure"]
    return f"{_SPOKEN.get(measure, measure.replace('_', ' '))}{about} on {data}"


def found(one: Required) -> str:
    """What is compared with the margin, or the candidate's own value where that must reach a bound."""
    difference, unit = one.record["difference"], one.record["unit"]
    if difference is None:
        return ""
    digits, value = _digits(one), difference["value"]
    if one.bound is not None:
        return amount(value + one.bound, unit, digits)
    return change(value, unit, digits)


def between(one: Required) -> str:
    """The interval that decides, in the words of `found`."""
    difference, unit = one.record["difference"], one.record["unit"]
    if difference is None:
        return ""
    ends, signed = (end + (one.bound or 0) for end in difference["interval"]), one.bound is None
    shown = (_percent(end, signed, _digits(one)) if unit in _SHARES else number(end, signed) for end in ends)
    return f"[{', '.join(shown)}]"


def allowed(one: Required) -> str:
    """What the requirement asks for."""
    unit, margin = one.record["unit"], (one.record["difference"] or {}).get("margin")
    if one.bound is not None:
        side = "at least" if one.relation == "value > bound" else "at most"
        return f"{side} {amount(one.bound, unit)} required"
    if margin is None:
        return ""
    size = f"{100 * margin:g}{NBSP}{'point' if margin == _POINT else 'points'}" if unit in _SHARES else f"{margin:g}"
    sides = {"left >= right": f"a loss of {size}", "left <= right": f"a rise of {size}"}
    return f"{sides.get(one.relation, f'a change of {size}')} is allowed"


def would_decide(one: Required) -> str:
    """How many images an undecided requirement has, and about how many would decide."""
    of_network = MEASURES[one.record["measure"]].of_network
    if one.record["shortfall"] is None and not of_network:   # a loss by itself, but not among so many
        p = one.record.get("p_harm_adjusted")
        return f"a loss by itself, but not among all requirements (p = {number(p)})" if p is not None else ""
    lack = what_would_decide(one.record)
    return f"{lack.needed}; {lack.images} now" if lack.images else lack.needed


def change(value: float, unit: str = "fraction", digits: int = 1) -> str:
    """A difference as people say it: of shares in points."""
    return f"{_percent(value, True, digits)}{NBSP}points" if unit in _SHARES else number(value, True)


def amount(value: float, unit: str = "fraction", digits: int = 1) -> str:
    """A value as people say it: of shares in percent."""
    return f"{_percent(value, False, digits)}{NBSP}%" if unit in _SHARES else number(value)


def in_points(limits: tuple[float, float], signed: bool) -> str:
    """An interval of shares."""
    return f"[{', '.join(_percent(end, signed, 1) for end in limits)}]"


def share(count: int, n: int) -> str:
    """A count and what share of n it is."""
    return f"{count:,} ({amount(count / n)})"


def answer(report: GateReport, data: str, code: int) -> str:
    """A class in words, or by its number."""
    if code < 0:
        return "no answer"
    return report.names.get(data, {}).get(code, f"class {code}")


def said(report: GateReport, data: str, code: int, confidence: float | None) -> str:
    """An answer with its confidence, where that is known."""
    sure = f" {100 * confidence:.0f}{NBSP}%" if confidence is not None else ""
    return f"{answer(report, data, code)}{sure}"


def right_answers(report: GateReport, data: str, flip: Flip) -> str:
    """The labels of a picture in words."""
    return " or ".join(answer(report, data, label) for label in flip.labels)


def _digits(one: Required) -> int:
    """As many that no number of a requirement is rounded onto its limit."""
    difference = one.record["difference"]
    limits = {-difference["margin"], difference["margin"]} if one.bound is None else {0.0}
    numbers = [end for end in (difference["value"], *difference["interval"]) if end not in limits]
    return next((
        digits for digits in (1, 2, 3)
        if not any(f"{100 * end:.{digits}f}" == f"{100 * limit:.{digits}f}" for end in numbers for limit in limits)
    ), 4)   # fmt: skip


def _percent(share: float, signed: bool, digits: int) -> str:
    return f"{100 * share:{'+' if signed else ''}.{digits}f}".replace("-", "−")


def _limit(one: Required) -> str:
    """What the requirement asks for, in brackets."""
    if one.bound is not None:
        return allowed(one)
    margin = one.record["difference"]["margin"]
    return f"{100 * margin:g} allowed" if one.record["unit"] in _SHARES else f"{margin:g} allowed"


def _of(count: int, every: int) -> str:
    return f"{count} of {every} requirements {'is' if count == 1 else 'are'}"


def _are(count: int, what: str) -> str:
    return f"{count} {what} is" if count == 1 else f"{count} {what}es are"
