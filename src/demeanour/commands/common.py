"""Options that several commands share."""

from __future__ import annotations

import argparse
import sys

from demeanour.findings.thresholds import DEFAULT_CAST

CAST_HELP = "the name of a cast of thresholds/casts/, or a YAML file"


def cast_option(parser: argparse.ArgumentParser, default: str | None = f"(default: {DEFAULT_CAST})") -> None:
    """``--cast``."""
    parser.add_argument("--cast", help=f"{CAST_HELP} {default or ''}".rstrip())


def to_stderr(text: str) -> None:
    """Tell what must not mix with a command's output."""
    print(text, file=sys.stderr)
