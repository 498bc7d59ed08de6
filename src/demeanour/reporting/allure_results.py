"""Verdicts as Allure results: one card each, in the literature's order, under ids that do not depend on the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import allure
import allure_commons
from allure_commons.model2 import Label, Link

from demeanour.findings.pairing import Case
from demeanour.findings.schema import Assertion, Paper
from demeanour.reporting.allure_outcomes import BROKEN, LABEL, STATUS, outcome
from demeanour.reporting.style import feature, mark
from demeanour.verdicts.verdict import Verdict
from demeanour.verdicts.words import claim

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Entry:
    """A case as the report lists it, whether or not it comes to a verdict.

    Attributes:
        title: Its name without the sign of a verdict.
        labels: Where it stands in the tree, and its permanent id.
        link: Name and address of the work that claims it; None of a requirement.
    """

    title: str
    labels: Labels
    link: tuple[str, str] | None


def entry(case: Case, paper: Paper | None) -> Entry:
    """How a case is listed."""
    labels = _labels(case.finding, paper, case.id, (case.data,), case.models)
    return Entry(f"{case.finding.label} {claim(case)}", labels, _link(paper))


def describe(verdict: Verdict, finding: Assertion, paper: Paper | None, html: str) -> None:
    """Fill the running test's Allure result; does nothing where no results are written."""
    allure.dynamic.title(f"{mark(verdict.record())} {verdict.label} {verdict.claim}")
    allure.dynamic.description_html(html)
    for name, value in _labels(finding, paper, verdict.id, verdict.data, tuple(verdict.estimates)):
        allure.dynamic.label(name, value)
    allure.dynamic.label("verdict", verdict.verdict)
    allure.dynamic.label(LABEL, outcome(verdict))
    link = _link(paper)
    if link is not None:
        allure.dynamic.link(link[1], name=link[0])


def _labels(
    finding: Assertion, paper: Paper | None, case: str, data: tuple[str, ...], models: tuple[str, ...]
) -> Labels:
    return (
        ("epic", paper.title if paper else "Release policy"),
        ("feature", feature(finding)),
        ("story", f"{finding.label} {finding.claim}"),
        ("ALLURE_ID", case),
        *((("strength", finding.strength_on(data[0])),) if paper else ()),
        *(("dataset", name) for name in data),
        *(("model", name) for name in models),
    )


def _link(paper: Paper | None) -> tuple[str, str] | None:
    return (f"{paper.title} ({paper.year})", paper.url) if paper else None


class Readable:
    """Mends each result before it is written, in the process that writes it.

    A parameter is shown without the quotes of Python, a message without the words of pytest; and what ended otherwise
    than its verdict says, or without a verdict, is put with the broken ones, under the ids that it always has.
    """

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = entries

    @allure_commons.hookimpl(tryfirst=True)
    def report_result(self, result: Any) -> None:
        """Mend one result."""
        for parameter in result.parameters:
            parameter.value = str(parameter.value).strip("'\"")
        case = next((p.value for p in result.parameters if p.name == "case"), "")
        listed = self.entries.get(case)
        labels = {label.name: label.value for label in result.labels}
        if listed is not None and result.statusDetails:
            _shorten(result.statusDetails, result.status, case)
        if listed is not None and "ALLURE_ID" not in labels:
            result.name = f"! {listed.title}"
            result.labels.extend(Label(name, value) for name, value in listed.labels)
            if listed.link is not None:
                result.links.append(Link("link", listed.link[1], listed.link[0]))
        said = labels.get(LABEL)
        if (listed is not None and said is None) or result.status != STATUS.get(said or "", result.status):
            result.labels = [label for label in result.labels if label.name != LABEL]
            result.labels.append(Label(LABEL, BROKEN))
        elif said is None and result.status not in ("passed", "skipped"):   # a test of something else than a case
            result.labels.append(Label(LABEL, BROKEN))


def _shorten(details: Any, status: str, case: str) -> None:
    """Leave what happened, without the words of pytest around it."""
    if status == "skipped":
        details.message = details.message.removeprefix("Skipped: ").removeprefix(f"{case} ")
        details.trace = None   # where it says in our code
    elif status == "failed":
        details.message = details.message.removeprefix("AssertionError: ").partition("\nassert ")[0]


def register(entries: Mapping[str, Entry]) -> None:
    """Make all results of this process readable; what an earlier run of the same process registered goes."""
    for plugin in allure_commons.plugin_manager.get_plugins():
        if isinstance(plugin, Readable):
            allure_commons.plugin_manager.unregister(plugin)
    allure_commons.plugin_manager.register(Readable(entries))

