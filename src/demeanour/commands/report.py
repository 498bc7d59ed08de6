"""``demeanour report``: one page of HTML from the results of the last run, by Allure 3."""

from __future__ import annotations

import argparse
from pathlib import Path

from demeanour.commands.common import to_stderr
from demeanour.findings.thresholds import thresholds_folder
from demeanour.reporting.allure_html import ReportError, make_report
from demeanour.verdicts.outcome import AS_EXPECTED, BAD_THRESHOLDS


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--results", type=Path, metavar="DIR", help="(default: reports/allure-results)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="(default: allure.html beside the results)")
    parser.add_argument("--history", type=Path, metavar="FILE", help="the runs before this one, to compare with "
                        "(default: allure-history.jsonl beside the results)")  # fmt: skip
    parser.add_argument("--no-append", action="store_true", help="leave the history as it is: for runs that are no "
                        "part of it, such as those of a proposed change")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Make one self-contained HTML report of the last run, with trends over the runs before it."""
    results = options.results or thresholds_folder().parent / "reports" / "allure-results"
    output = options.output or results.parent / "allure.html"
    history = options.history or results.parent / "allure-history.jsonl"
    try:
        made = make_report(results, output, history, keep=not options.no_append)
    except ReportError as error:
        to_stderr(str(error))
        return BAD_THRESHOLDS
    for note in made.notes:
        to_stderr(f"note: {note}")
    added = "this one added" if made.appended else "this one not added"
    print(f"{output}: {made.results} results; {made.earlier} earlier runs of the cast in {history}, {added}")
    return AS_EXPECTED
