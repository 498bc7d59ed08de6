"""``demeanour``: commands around the suite; ``pytest behaviours/`` is the suite itself."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from demeanour.commands import (
    baseline,
    doctor,
    evaluate,
    evidence,
    explain,
    figures,
    history,
    import_predictions,
    lint,
    measure,
    miniature,
    plan,
    report,
    schema,
)
from demeanour.errors import NotMeasuredError, ThresholdsError
from demeanour.verdicts.outcome import AS_EXPECTED, BAD_THRESHOLDS, NOT_MEASURED

COMMANDS = {
    "lint": lint,
    "plan": plan,
    "baseline": baseline,
    "doctor": doctor,
    "evaluate": evaluate,
    "measure": measure,
    "import": import_predictions,
    "evidence": evidence,
    "report": report,
    "figures": figures,
    "history": history,
    "explain": explain,
    "schema": schema,
    "miniature": miniature,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 11 not measured, 12 bad thresholds, cast or options."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")   # a terminal that cannot write "−" is no reason to fail
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:   # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return AS_EXPECTED
    except ThresholdsError as error:
        print(error, file=sys.stderr)
        return BAD_THRESHOLDS
    except ValidationError as error:
        for defect in error.errors(include_url=False):
            print(f"{'.'.join(map(str, defect['loc']))}: {defect['msg']}, found {defect['input']!r}", file=sys.stderr)
        return BAD_THRESHOLDS
    except OSError as error:
        print(error, file=sys.stderr)
        return BAD_THRESHOLDS
    except NotMeasuredError as error:
        print(error, file=sys.stderr)
        return NOT_MEASURED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demeanour", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        added = commands.add_parser(name, help=command.run.__doc__, description=command.run.__doc__)
        added.set_defaults(run=command.run)
        command.arguments(added)
    return parser


if __name__ == "__main__":
    sys.exit(main())
