"""``demeanour explain``: one finding, how it is decided, and what the last run said."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from demeanour.commands.common import cast_option
from demeanour.errors import ThresholdsError, did_you_mean
from demeanour.findings.thresholds import DEFAULT_CAST, load_thresholds, thresholds_folder
from demeanour.reporting.explain import explain
from demeanour.verdicts.outcome import AS_EXPECTED


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("finding", help="the id of a finding, its label (C1), or the id of a verdict")
    cast_option(parser)
    parser.add_argument("--findings", type=Path, metavar="DIR", help="a folder of findings")
    parser.add_argument("--reports", type=Path, metavar="DIR", help="where the last run's reports are")


def run(options: argparse.Namespace) -> int:
    """Explain a finding: claim, source, how it is decided and why so, expectation, last verdict, how to reproduce."""
    root = thresholds_folder()
    thresholds = load_thresholds(options.cast or DEFAULT_CAST, options.findings, root)
    findings = thresholds.findings.findings
    asked = options.finding.partition("[")[0]
    chosen = [finding for finding in findings.values() if asked in (finding.id, finding.label)]
    if not chosen:
        known = {*findings, *(finding.label for finding in findings.values())}
        raise ThresholdsError(f"there is no finding '{asked}'; {did_you_mean(asked, known)}")
    records = _last_run(options.reports or root.parent / "reports", thresholds.cast.name)
    named = {"--cast": options.cast, "--findings": options.findings}
    given = [part for name, value in named.items() if value for part in (name, str(value))]
    for finding in chosen:
        paper = thresholds.findings.papers[finding.source.paper]
        print(explain(finding, paper, thresholds.cast, records, given, findings))
    return AS_EXPECTED


def _last_run(reports: Path, cast: str) -> dict[str, Any]:
    """The verdicts of the last run by their ids, if it was one of this cast."""
    try:
        content = json.loads((reports / "verdicts.json").read_text(encoding="utf-8"))
        return {one["id"]: one for one in content["verdicts"]} if content["cast"] == cast else {}
    except (OSError, ValueError, KeyError, TypeError):   # no run yet, or another program's file
        return {}
