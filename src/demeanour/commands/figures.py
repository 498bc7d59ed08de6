"""``demeanour figures``: the paper's figures and tables from what is there, without judging."""

from __future__ import annotations

import argparse
import datetime
import json
from collections.abc import Sequence
from pathlib import Path

from demeanour.commands.common import cast_option, to_stderr
from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import Store
from demeanour.findings.thresholds import DEFAULT_CAST, load_thresholds, thresholds_folder
from demeanour.reporting.paper import write_paper
from demeanour.reporting.paper_html import PAGE
from demeanour.reporting.run import Record, Run
from demeanour.verdicts.outcome import AS_EXPECTED, NOT_MEASURED


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    cast_option(parser)
    parser.add_argument("--findings", type=Path, metavar="DIR", help="a folder of findings")
    parser.add_argument("--reports", type=Path, metavar="DIR", help="where the last run's reports are, and the figures "
                        "go (default: reports/)")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Draw the paper's figures and tables from what is there, with the verdicts of the last run beside them."""
    root = thresholds_folder()
    thresholds = load_thresholds(options.cast or DEFAULT_CAST, options.findings, root)
    reports = options.reports or root.parent / "reports"
    about = f"{thresholds.cast.about.strip()} Protocol: {thresholds.cast.protocol}."
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    records = _last_run(reports, thresholds.cast.name)
    drawn = Run(thresholds.cast.name, about, AS_EXPECTED, records, "demeanour figures", now, 0.0, thresholds=thresholds)
    evidence = Evidence(thresholds.cast, Store.default(to_stderr))
    failures = write_paper(reports, drawn, evidence, thresholds.cases.values(), root / "casts")
    for failure in failures:
        to_stderr(failure)
    print(reports / PAGE)
    return NOT_MEASURED if failures else AS_EXPECTED


def _last_run(reports: Path, cast: str) -> Sequence[Record]:
    """The verdicts of the last run, if it was one of this cast."""
    try:
        content = json.loads((reports / "verdicts.json").read_text(encoding="utf-8"))
        return list(content["verdicts"]) if content["cast"] == cast else []
    except (OSError, ValueError, KeyError, TypeError):   # no run yet, or another program's file
        return []
