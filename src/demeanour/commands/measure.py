"""``demeanour measure``: numbers without verdicts."""

from __future__ import annotations

import argparse
import json
import sys
from itertools import combinations
from typing import Any

from demeanour.commands.common import cast_option, to_stderr
from demeanour.errors import NotMeasuredError, ThresholdsError, did_you_mean
from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import check_paired
from demeanour.evidence.store import Store
from demeanour.findings.thresholds import DEFAULT_CAST, load_thresholds, thresholds_folder
from demeanour.measures.registry import MEASURES
from demeanour.verdicts.contrast import Term, contrast
from demeanour.verdicts.outcome import AS_EXPECTED, NOT_MEASURED
from demeanour.verdicts.replicates import columns_of
from demeanour.verdicts.verdict import plain_json
from demeanour.verdicts.words import interval, number

LEVEL = 0.95   # of the intervals that are printed; verdicts decide by their own


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("name", help=f"one of {', '.join(MEASURES)}")
    cast_option(parser)
    parser.add_argument("--data", required=True, help="a data set of the cast")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(options: argparse.Namespace) -> int:
    """Print a measure's values with intervals, for every model of the cast that has evidence on a data set."""
    if options.name not in MEASURES:
        raise ThresholdsError(f"there is no measure '{options.name}'; {did_you_mean(options.name, MEASURES)}")
    cast = load_thresholds(options.cast or DEFAULT_CAST, None, thresholds_folder()).cast
    if options.data not in cast.data:
        hint = did_you_mean(options.data, cast.data)
        raise ThresholdsError(f"the cast {cast.name} has no data set '{options.data}'; {hint}")
    evidence = Evidence(cast, Store.default(to_stderr))
    values: dict[str, dict[str, Any]] = {}
    failed = []
    models = [model for model in cast.models if cast.covers(model, options.data)]
    subjects = combinations(models, MEASURES[options.name].models)
    for subject in subjects:
        name = " and ".join(subject)
        try:
            values[name] = _values(evidence, subject, options.data, options.name)
        except NotMeasuredError as error:
            failed.append(f"{name}: {error}")
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


def _values(evidence: Evidence, models: tuple[str, ...], data: str, name: str) -> dict[str, Any]:
    """Group → value, interval, n; null where the value or its interval is undefined."""
    subject = tuple(evidence.observations(model, data) for model in models)
    which = MEASURES[name].named(subject[0].names)
    check_paired(subject)
    columns = columns_of(which, subject)
    sizes, found = which.n(columns), {}
    for group, value in which.values(columns).items():
        try:
            limits = contrast(which, (Term(1, subject[0], group, *subject[1:]),)).limits
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
