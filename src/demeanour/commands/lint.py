"""``demeanour lint``: everything that is wrong with findings, casts and release policies."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from demeanour.commands.common import cast_option
from demeanour.errors import Problem, ThresholdsError
from demeanour.findings.load import find_cast, load_cast, load_casts
from demeanour.findings.policy import POLICY, load_policy
from demeanour.findings.thresholds import examine, thresholds_folder
from demeanour.verdicts.outcome import AS_EXPECTED, BAD_THRESHOLDS


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    cast_option(parser, "(default: all of them)")
    parser.add_argument("--findings", type=Path, metavar="DIR", help="a folder of findings")
    parser.add_argument("--gate", type=Path, metavar="FILE", help="a release policy (default: all of thresholds/)")


def run(options: argparse.Namespace) -> int:
    """Say everything that is wrong with the findings, the casts and the release policies."""
    root = thresholds_folder()
    casts = [options.cast] if options.cast else sorted(path.stem for path in (root / "casts").glob("*.yaml"))
    problems: list[Problem] = []
    if not casts:
        raise ThresholdsError(f"{root / 'casts'} holds no cast")
    for cast in casts:
        findings, _, found = examine(cast, options.findings, root)
        problems += [problem for problem in found if problem not in problems]
    problems += _of_policies(options.gate, casts, root)
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}")
        return BAD_THRESHOLDS
    print(f"{len(findings.findings)} findings and {len(casts)} cast{'s' if len(casts) > 1 else ''}: no problems")
    return AS_EXPECTED


def _of_policies(gate: Path | None, casts: Sequence[str], root: Path) -> list[Problem]:
    """What is wrong with a release policy, or with all that are used; the data sets of every cast are known."""
    own = [load_cast(find_cast(cast, root / "casts"))[0] for cast in casts]
    known = [*(cast for cast in own if cast is not None), *load_casts(root / "casts")]
    named = {root / name for name in (POLICY, *(cast.gate for cast in own if cast is not None)) if name}
    problems: list[Problem] = []
    for path in [gate] if gate else sorted(path for path in named if path.is_file()):
        try:
            load_policy(path, known)
        except ThresholdsError as error:
            problems += error.problems
    return problems
