"""``demeanour lint``: everything that is wrong with findings and casts."""

from __future__ import annotations

import argparse
from pathlib import Path

from demeanour.commands.common import cast_option
from demeanour.errors import Problem, ThresholdsError
from demeanour.findings.thresholds import examine, thresholds_folder
from demeanour.verdicts.outcome import AS_EXPECTED, BAD_THRESHOLDS


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    cast_option(parser, "(default: all of them)")
    parser.add_argument("--findings", type=Path, metavar="DIR", help="a folder of findings")


def run(options: argparse.Namespace) -> int:
    """Say everything that is wrong with the findings and the casts."""
    root = thresholds_folder()
    casts = [options.cast] if options.cast else sorted(path.stem for path in (root / "casts").glob("*.yaml"))
    problems: list[Problem] = []
    if not casts:
        raise ThresholdsError(f"{root / 'casts'} holds no cast")
    for cast in casts:
        findings, _, found = examine(cast, options.findings, root)
        problems += [problem for problem in found if problem not in problems]
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}")
        return BAD_THRESHOLDS
    print(f"{len(findings.findings)} findings and {len(casts)} cast{'s' if len(casts) > 1 else ''}: no problems")
    return AS_EXPECTED
