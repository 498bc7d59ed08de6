"""``demeanour plan``: what a run would decide, and from which evidence."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

from demeanour.commands.common import cast_option
from demeanour.datasets.catalogue import PUBLISHED
from demeanour.evidence.plan import locate, locate_root, plan
from demeanour.evidence.store import Store
from demeanour.findings.thresholds import DEFAULT_CAST, load_thresholds, thresholds_folder
from demeanour.verdicts.outcome import AS_EXPECTED, NOT_MEASURED


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    cast_option(parser)
    parser.add_argument("--findings", type=Path, metavar="DIR", help="a folder of findings")
    parser.add_argument("-k", dest="match", default="", metavar="TEXT", help="verdicts whose id has this text only")


def run(options: argparse.Namespace) -> int:
    """Say which verdicts a run would decide, and which evidence it needs."""
    thresholds = load_thresholds(options.cast or DEFAULT_CAST, options.findings, thresholds_folder())
    cases = [case for case in thresholds.cases.values() if options.match in case.id]
    store = Store.default()
    units = plan(thresholds.cast, [(model, data) for case in cases for model in case.models for data in case.sets])
    places = {str(unit): locate(thresholds.cast, unit, store.root) for unit in units}
    sets = sorted({data for case in cases for data in case.sets})
    for data in sets:
        if thresholds.cast.data[data].root is not None:
            places[f"labels and annotations of {data}"] = locate_root(thresholds.cast, data, store.root)
    print(f"{len(cases)} verdicts of the cast '{thresholds.cast.name}' ({thresholds.cast.protocol}):")
    for case in cases:
        expectation = thresholds.cast.expectation(case.finding.id, case.id)
        today = datetime.datetime.now(datetime.UTC).date()
        expected = expectation.expect if expectation and not expectation.expired(today) else "holds"
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
    for name in [name for name in sets if name in PUBLISHED] if missing else []:
        print(f"\n{name} can be had from: {PUBLISHED[name].obtain}")
    return NOT_MEASURED if missing else AS_EXPECTED
