"""One finding for whoever asks why a verdict is what it is: claim, source, how it is decided, what was last said."""

from __future__ import annotations

import datetime
import shlex
import textwrap
from collections.abc import Mapping
from typing import Any

from demeanour.findings.cast import Cast
from demeanour.findings.pairing import Case, OutOfScope, cases_of
from demeanour.findings.schema import EVERY, Finding, Paper
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES, Measure, group_beside
from demeanour.reporting.style import mark, status
from demeanour.verdicts.published import published_beside
from demeanour.verdicts.words import interval, number, percent

# by the method of a measure's interval: what it is, and why it and not another
WHY = {
    "proportion": "One model: exact binomial limits. Two: the images on which they differ decide, exactly where these "
    "are few, so that even two models that never differ have an interval.",
    "mean": "Every image has one number, and a difference of two models one difference for each image: the t interval "
    "of these needs no resampling.",
    "jackknife": "Leaving out one part of the images at a time: the plain bootstrap is biased for this measure, "
    "and its intervals miss the truth.",
    "bootstrap": "A ratio has no simple formula for its error: images are resampled, the same ones for all models.",
    "strata": "Tasks have images of their own, in numbers that nobody draws: the interval adds up what the images of "
    "each leave open, exactly where few of them tell anything.",
    "counted": "It is counted, not measured on a sample: nothing about it is in doubt.",
    "bin": "Within a bin confidence hardly varies: the exact binomial limits of its accuracy decide.",
}
RELATIONS = {
    "left > right": "the left value exceeds the right one by more than the margin",
    "left < right": "the left value stays below the right one by more than the margin",
    "left >= right": "the left value is not below the right one by the margin or more",
    "left <= right": "the left value is not above the right one by the margin or more",
    "left ~ right": "both differ by less than the margin",
    "value > bound": "the value exceeds the bound by more than the margin",
    "value < bound": "the value stays below the bound by more than the margin",
    "group in top": "the group is among the largest of its measure",
    "groups rise": "from each group to the next, the value never falls by the margin or more",
    "groups fall": "from each group to the next, the value never rises by the margin or more",
    "left flatter than right": "from the first group to the last, left falls less than right, by more than the margin",
    "left area > right": "left's mean height over the groups exceeds right's by more than the margin",
    "all hold": "every verdict of the findings that it follows from holds",
}


def explain(
    finding: Finding,
    paper: Paper,
    cast: Cast,
    records: Mapping[str, Mapping[str, Any]],
    options: list[str],
    among: Mapping[str, Finding],
) -> str:
    """A page of text.

    Args:
        finding: The finding.
        paper: The work that it comes from.
        cast: The cast in which it is asked.
        records: Verdicts of the last run of this cast, by id; may be empty.
        options: What ``pytest behaviours/`` needs to use the cast and the findings.
        among: All findings, where one that follows from others finds them.
    """
    cases = list(cases_of(finding, cast, among))
    lines = [f"{finding.label}  {finding.id}", "", *_wrapped(finding.claim), "", *_source(finding, paper), ""]
    lines += ["HOW IT IS DECIDED", *_decided(finding), ""]
    lines.append(f"IN THE CAST '{cast.name}' ({cast.protocol})")
    for case in cases:
        lines += _case(case, cast, records.get(case.id))
    if any(isinstance(case, Case) for case in cases):
        command = ["pytest", "behaviours/", "-k", finding.id, *options]
        lines += ["", "REPRODUCE", f"  {shlex.join(command)}"]
    return "\n".join(lines) + "\n"


def _source(finding: Finding, paper: Paper) -> list[str]:
    source = finding.source
    letters = finding.strength.values()
    strengths = ", ".join(f"{letter} on {data}" for data, letter in finding.strength.items())
    strength = next(iter(letters)) if len(set(letters)) == 1 else strengths
    lines = _wrapped(f"“{source.quote}”") + _wrapped(f"{paper.title} ({paper.year}), {source.place}; {paper.url}")
    lines += _wrapped(f"Strength of the source's own evidence: {strength}.")
    for conflict in source.conflicts:
        lines += _wrapped(f"The sources disagree: {conflict}")
    return lines + (_wrapped(f"Note: {finding.note}") if finding.note else [])


def _decided(finding: Finding) -> list[str]:
    if not finding.follows:
        return _rule(finding, MEASURES[finding.measure])
    lines = _wrapped(f"It holds when {RELATIONS[finding.relation]}, is violated when one of them is, not measured when "
                     "one is not, and undecided otherwise. Each of them is decided at its own level; that all must "
                     "hold needs no correction. They are:")  # fmt: skip
    return lines + [f"    {name}" for name in finding.findings or []]


def _rule(finding: Finding, measure: Measure) -> list[str]:
    said = (measure.function.__doc__ or "").strip().split("\n")[0]
    better = "" if measure.better == "neither" else f"; {measure.better} is better"
    lines = _wrapped(f"{measure.name} ({measure.unit}{better}): {said}")
    holds = f"It holds when {RELATIONS[finding.relation]} ({finding.relation}; margin {finding.margin:g}"
    constants = {"bound": finding.bound, "offset": finding.offset, "group": finding.group, "top": finding.top}
    holds += "".join(f", {name} {value}" for name, value in constants.items() if value is not None) + ")."
    lines += _wrapped(holds)
    if finding.compare is not None:
        lines += _wrapped(f"Left is {finding.compare.left}; right is {finding.compare.right}"
                          + (f"; paired by {finding.compare.pair_on}" if finding.compare.pair_on else "")
                          + ("; the gap of each side is between " + " and ".join(map(str, finding.compare.gap))
                             if finding.compare.gap else "") + ".")  # fmt: skip
    elif finding.models is not None:
        lines += _wrapped(f"Of each model with {finding.models}.")
    if finding.average:
        lines += _wrapped(f"Of the mean over {', '.join(finding.data)}.")
    besides = f" but {', '.join(finding.except_groups)}" if finding.except_groups else ""
    if finding.groups:
        which = "every group" if finding.groups == [EVERY] else ", ".join(finding.groups)
        many = f"at least {finding.at_least}" if finding.at_least else "all"
        lines += _wrapped(f"Asked of {which}{besides}; {many} must satisfy it.")
    elif finding.group:
        lines += _wrapped(f"{finding.group} is compared with every other group{besides}.")
    if finding.min_n > 1:
        lines += _wrapped(f"A group with fewer than {finding.min_n} images is shown and never decides.")
    lines += _wrapped(f"{WHY[measure.method]} A claim holds when its whole 90 % interval lies on the claimed side of "
                      "the margin, is violated when it lies on the other, and is undecided otherwise.")  # fmt: skip
    return lines


def _case(case: Case | OutOfScope, cast: Cast, record: Mapping[str, Any] | None) -> list[str]:
    if isinstance(case, OutOfScope):
        return ["", f"  {case.id}: out of scope", *_wrapped(case.reason, 4)]
    entry = cast.expectation(case.finding.id, case.id)
    expired = entry is not None and entry.expired(datetime.datetime.now(datetime.UTC).date())
    expected = "holds" if entry is None or expired else entry.expect
    lines = ["", f"  {case.id}", *_wrapped(f"{', '.join(case.models)} on {case.data}; expected: {expected}", 4)]
    if entry is not None:
        until = f", {'expired on' if expired else 'until'} {entry.until}" if entry.until else ""
        owner = f" ({entry.owner}{until})" if entry.owner else until
        lines += _wrapped(f"{'it was to be ' + entry.expect if expired else 'because'}: {entry.reason}{owner}", 4)
    lines += _published(case, cast)
    if record is None:
        return [*lines, "    not judged in the last run of this cast"]
    lines += _wrapped(f"last verdict: {mark(record)} {status(record)}: {record['reason']}", 4)
    for model, found in record["estimates"].items():
        lines.append(f"    {model:<16} {number(found['value'])} {interval(found['interval'])} n={found['n']:,}")
    difference = record["difference"]
    if difference:
        level = percent(record["level"])
        lines.append(f"    {'difference':<16} {number(difference['value'], True)} "
                     f"{interval(difference['interval'], True)} at {level}; {difference['method']}")  # fmt: skip
    return lines


def _published(case: Case, cast: Cast) -> list[str]:
    """What is published of the measure that decides, and of those beside it, on the groups that the claim names."""
    finding, lines = case.finding, list[str]()
    if finding.follows:
        return lines
    named = [finding.group] if finding.group else [one for one in finding.groups or [ALL] if one != EVERY]
    for group in named:
        for name, sets in (published_beside(cast, finding.measure, case.sets, group, case.models) or {}).items():
            whose = group_beside(finding.measure, group, name)
            of = f"published {name}" + (f" of {whose}" if whose != ALL else "")
            values = (f"{model} {value:g}" for models in sets.values() for model, value in models.items())
            lines += _wrapped(f"{of}: {', '.join(values)}", 4)
    return list(dict.fromkeys(lines))


def _wrapped(text: str, indent: int = 2) -> list[str]:
    space = " " * indent
    return textwrap.wrap(" ".join(text.split()), 110, initial_indent=space, subsequent_indent=space,
                         break_long_words=False, break_on_hyphens=False)  # fmt: skip
