"""Options that several commands share."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from demeanour.findings.thresholds import DEFAULT_CAST

CAST_HELP = "the name of a cast of thresholds/casts/, or a YAML file"


def cast_option(parser: argparse.ArgumentParser, default: str | None = f"(default: {DEFAULT_CAST})") -> None:
    """``--cast``."""
    parser.add_argument("--cast", help=f"{CAST_HELP} {default or ''}".rstrip())


def trial_options(parser: argparse.ArgumentParser) -> None:
    """``--candidate``, ``--as`` and ``--gate``."""
    parser.add_argument("--candidate", action="append", default=[], metavar="[NAME=]SPEC", help="a model that would "
                        "replace the one of --as: a source as cards have it, or a file of weights; may be given again")
    parser.add_argument("--as", dest="role", metavar="MODEL", help="the model of the cast that a candidate would "
                        "replace: its baseline")
    parser.add_argument("--gate", type=Path, metavar="FILE", help="the release policy (default: the cast's, or "
                        "thresholds/gate.yaml)")
    parser.add_argument("--baseline", type=Path, metavar="DIR", help="what the model of --as said when it was pinned "
                        "(`demeanour baseline record`); it need not be there any more")


def to_stderr(text: str) -> None:
    """Tell what must not mix with a command's output."""
    print(text, file=sys.stderr)
