"""``demeanour doctor``: what a cast needs, what of it is there, and what it takes to evaluate the rest."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from demeanour.commands.common import cast_option, to_stderr
from demeanour.evaluation.diagnosis import examine
from demeanour.evidence.store import Store
from demeanour.findings.thresholds import DEFAULT_CAST, load_thresholds, thresholds_folder
from demeanour.reporting.diagnosis_text import diagnosis_text
from demeanour.verdicts.outcome import AS_EXPECTED, NOT_MEASURED


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    cast_option(parser)
    parser.add_argument("--findings", type=Path, metavar="DIR", help="a folder of findings")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(options: argparse.Namespace) -> int:
    """Show what a cast needs, what is missing and where to get it, and the disk and time to expect (exit 0 or 11)."""
    thresholds = load_thresholds(options.cast or DEFAULT_CAST, options.findings, thresholds_folder())
    cast = thresholds.cast
    found = examine(cast, thresholds.cases.values(), Store.default(to_stderr), _looking)
    _show("")
    if options.json:
        about = {"cast": cast.name, "protocol": cast.protocol, "numerics": cast.numerics}
        print(json.dumps({**about, **found.record()}, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        for line in diagnosis_text(cast, found):
            print(line)
    return NOT_MEASURED if found.troubles else AS_EXPECTED


def _looking(data: str) -> None:
    _show(f"looking at {data} …")


def _show(text: str) -> None:
    """In the last line of a terminal, for those who wait."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
