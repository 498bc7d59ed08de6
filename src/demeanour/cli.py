"""``demeanour``: commands around the suite; ``pytest behaviours/`` is the suite itself."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from demeanour.datasets.catalogue import PUBLISHED
from demeanour.errors import NotMeasuredError, Problem, ThresholdsError, did_you_mean
from demeanour.evidence.gather import Evidence
from demeanour.evidence.importing import import_predictions
from demeanour.evidence.plan import locate, locate_root, plan
from demeanour.evidence.store import Store
from demeanour.findings.thresholds import DEFAULT_CAST, examine, load_thresholds, thresholds_folder
from demeanour.measures.registry import MEASURES
from demeanour.verdicts.contrast import Term, contrast
from demeanour.verdicts.outcome import AS_EXPECTED, BAD_THRESHOLDS, NOT_MEASURED
from demeanour.verdicts.verdict import plain_json
from demeanour.verdicts.words import interval, number

LEVEL = 0.95   # of the intervals that `measure` prints; verdicts decide by their own


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


def lint(options: argparse.Namespace) -> int:
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


def show_plan(options: argparse.Namespace) -> int:
    """Say which verdicts a run would decide, and which evidence it needs."""
    thresholds = load_thresholds(options.cast or DEFAULT_CAST, options.findings, thresholds_folder())
    cases = [case for case in thresholds.cases.values() if options.match in case.id]
    store = Store.default()
    units = plan(thresholds.cast, [(model, case.data) for case in cases for model in case.models])
    places = {str(unit): locate(thresholds.cast, unit, store.root) for unit in units}
    for data in sorted({case.data for case in cases}):
        if thresholds.cast.data[data].root is not None:
            places[f"labels and annotations of {data}"] = locate_root(thresholds.cast, data, store.root)
    print(f"{len(cases)} verdicts of the cast '{thresholds.cast.name}' ({thresholds.cast.protocol}):")
    for case in cases:
        expectation = thresholds.cast.expectation(case.finding.id, case.id)
        expected = expectation.expect if expectation else "holds"
        models = ", ".join(case.models)
        print(f"  {case.finding.label:<4} {case.id}  {case.finding.measure} of {models}; expected: {expected}")
    print("\nmodels:")
    for name in sorted({unit.model for unit in units}):
        print(f"  {name}: {thresholds.cast.models[name]}")
    print(f"\n{len(units)} prediction tables, and what they are joined with:")
    for what, place in places.items():
        print(f"  {what}: {place}")
    missing = [place for place in places.values() if place.startswith(("MISSING", "WRONG"))]
    outside = [case for case in thresholds.out_of_scope if options.match in case.id]
    print(f"\n{len(outside)} out of scope of this cast:")
    for one in outside:
        print(f"  {one.finding.label:<4} {one.id}: {one.reason}")
    for name in sorted({case.data for case in cases} & PUBLISHED.keys()) if missing else []:
        print(f"\n{name} can be had from: {PUBLISHED[name].obtain}")
    return NOT_MEASURED if missing else AS_EXPECTED


def measure(options: argparse.Namespace) -> int:
    """Print a measure's values with intervals, for every model of the cast that has evidence on a data set."""
    if options.name not in MEASURES:
        raise ThresholdsError(f"there is no measure '{options.name}'; {did_you_mean(options.name, MEASURES)}")
    cast = load_thresholds(options.cast or DEFAULT_CAST, None, thresholds_folder()).cast
    if options.data not in cast.data:
        hint = did_you_mean(options.data, cast.data)
        raise ThresholdsError(f"the cast {cast.name} has no data set '{options.data}'; {hint}")
    evidence = Evidence(cast, Store.default(_to_stderr))
    values: dict[str, dict[str, Any]] = {}
    failed = []
    for model in cast.models:
        if not cast.covers(model, options.data):
            continue
        try:
            values[model] = _values(evidence, model, options.data, options.name)
        except NotMeasuredError as error:
            failed.append(f"{model}: {error}")
    if options.json:
        result = {"measure": options.name, "data": options.data, "level": LEVEL, "values": values}
        print(json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        _print_values(options.name, options.data, values)
    for line in failed:
        print(line, file=sys.stderr)
    if not values and not failed:
        print(f"no model of the cast {cast.name} has predictions on {options.data}", file=sys.stderr)
    return NOT_MEASURED if failed or not values else AS_EXPECTED


def import_table(options: argparse.Namespace) -> int:
    """Convert a file of predictions to a checked prediction table."""
    cast = load_thresholds(options.cast, None, thresholds_folder()).cast if options.cast else None
    table = import_predictions(
        options.file, options.data, options.output, cast=cast, file_format=options.format, ids=options.ids,
        order=options.order, images=options.images, classes=options.classes,
    )  # fmt: skip
    print(f"{options.output}: {len(table):,} images, columns {', '.join(['id', *table.columns])}")
    return AS_EXPECTED


def _values(evidence: Evidence, model: str, data: str, name: str) -> dict[str, Any]:
    """Group → value, interval, n; null where the value or its interval is undefined."""
    which = MEASURES[name]
    observed = evidence.observations(model, data)
    columns = tuple(observed.column(need) for need in which.needs)
    sizes, found = which.n(columns), {}
    for group, value in which.values(columns).items():
        try:
            limits = contrast(which, (Term(1, observed, group),)).limits
            bounds = plain_json(limits.interval(LEVEL))
        except NotMeasuredError:
            bounds = [None, None]
        found[group] = {"value": plain_json(float(value)), "interval": bounds, "n": sizes[group]}
    return found


def _print_values(name: str, data: str, values: dict[str, dict[str, Any]]) -> None:
    better = "" if MEASURES[name].better == "neither" else f", {MEASURES[name].better} is better"
    print(f"{name} ({MEASURES[name].unit}{better}) on {data}, {LEVEL:.0%} intervals")
    for model, groups in values.items():
        for group, found in groups.items():
            value = number(found["value"]) if found["value"] is not None else "undefined"
            bounds = interval(tuple(found["interval"])) if None not in found["interval"] else ""
            print(f"  {model:<16} {group:<18} {value:>9} {bounds:<20} n={found['n']:,}")


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demeanour", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        added.set_defaults(run=run)
        return added

    cast_help = "the name of a cast of thresholds/casts/, or a YAML file"
    linted = command("lint", lint)
    linted.add_argument("--cast", help=f"{cast_help} (default: all of them)")
    linted.add_argument("--findings", type=Path, metavar="DIR", help="a folder of findings")

    planned = command("plan", show_plan)
    planned.add_argument("--cast", help=f"{cast_help} (default: {DEFAULT_CAST})")
    planned.add_argument("--findings", type=Path, metavar="DIR", help="a folder of findings")
    planned.add_argument("-k", dest="match", default="", metavar="TEXT", help="verdicts whose id has this text only")

    measured = command("measure", measure)
    measured.add_argument("name", help=f"one of {', '.join(MEASURES)}")
    measured.add_argument("--cast", help=f"{cast_help} (default: {DEFAULT_CAST})")
    measured.add_argument("--data", required=True, help="a data set of the cast")
    measured.add_argument("--json", action="store_true", help="for machines")

    imported = command("import", import_table)
    imported.add_argument("file", type=Path, help="predictions in any known format")
    imported.add_argument("-o", "--output", type=Path, required=True, metavar="TABLE.parquet")
    imported.add_argument("--data", required=True, help="the data set that was predicted")
    imported.add_argument("--cast", help=f"{cast_help}; its data card has the ids and labels to check against")
    imported.add_argument("--format", help="the file's format, where its header does not tell")
    imported.add_argument("--ids", metavar="JSON", help="the file with the images in the order of the rows")
    imported.add_argument("--order", metavar="NAME", help="the name of the order that tables without ids share")
    imported.add_argument("--images", type=int, help="how many images an unpublished set has")
    imported.add_argument("--classes", type=int, help="how many classes an unpublished set has")
    return parser


if __name__ == "__main__":
    sys.exit(main())
