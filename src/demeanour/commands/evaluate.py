"""``demeanour evaluate``: what a run would evaluate first, without judging."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from demeanour.commands.common import cast_option, to_stderr
from demeanour.evaluation.display import evaluate
from demeanour.evidence.live import Live
from demeanour.evidence.plan import units_of
from demeanour.evidence.store import Store
from demeanour.findings.thresholds import DEFAULT_CAST, load_thresholds, thresholds_folder
from demeanour.models.hub import DOWNLOAD
from demeanour.verdicts.outcome import AS_EXPECTED, NOT_MEASURED


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    cast_option(parser)
    parser.add_argument("--findings", type=Path, metavar="DIR", help="a folder of findings")
    parser.add_argument("-k", dest="match", default="", metavar="TEXT", help="for verdicts whose id has this text only")
    parser.add_argument("--device", default="auto", metavar="DEVICES", help="auto, cpu, cuda, or some: cuda:0,cuda:2")
    parser.add_argument("--download", action="store_true", help="fetch published weights that are not on this machine")


def run(options: argparse.Namespace) -> int:
    """Evaluate what the verdicts of a cast need and the store has not."""
    if options.download:
        os.environ[DOWNLOAD] = "1"
    thresholds = load_thresholds(options.cast or DEFAULT_CAST, options.findings, thresholds_folder())
    cases = [case for case in thresholds.cases.values() if options.match in case.id]
    live = Live(thresholds.cast, Store.default(to_stderr))
    found = evaluate(live, units_of(thresholds.cast, cases), to_stderr, options.device)
    for text in dict.fromkeys(found.notices):
        to_stderr(text)
    return NOT_MEASURED if found.failed else AS_EXPECTED
