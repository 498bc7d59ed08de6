"""``demeanour schema``: JSON Schema of findings and casts, for editors."""

from __future__ import annotations

import argparse

from demeanour.findings.json_schema import json_schemas
from demeanour.findings.thresholds import thresholds_folder
from demeanour.verdicts.outcome import AS_EXPECTED, BAD_THRESHOLDS


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--check", action="store_true", help="write nothing; say which files are not up to date")


def run(options: argparse.Namespace) -> int:
    """Write the JSON Schema of findings, works and casts to thresholds/schema/, from the code that reads them."""
    folder = thresholds_folder() / "schema"
    stale = []
    for name, text in json_schemas().items():
        path = folder / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path)
        if not options.check:
            folder.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path}: {'is not up to date; run `demeanour schema`' if options.check else 'written'}")
    if not stale:
        print(f"{folder}: up to date")
    return BAD_THRESHOLDS if stale and options.check else AS_EXPECTED
