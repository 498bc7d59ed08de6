"""``demeanour plan``: what a run would decide, and from which evidence."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Sequence
from pathlib import Path

from demeanour.commands import prospects
from demeanour.commands.common import cast_option, to_stderr, trial_options
from demeanour.datasets.catalogue import PUBLISHED
from demeanour.evidence.gather import Evidence
from demeanour.evidence.health import Health
from demeanour.evidence.plan import Unit, locate, locate_root, plan, units_of
from demeanour.evidence.store import Store
from demeanour.evidence.workload import standings, workload
from demeanour.findings.candidates import trial_of
from demeanour.findings.cast import Cast
from demeanour.findings.pairing import Case
from demeanour.findings.policy import Policy
from demeanour.findings.thresholds import DEFAULT_CAST, load_thresholds, thresholds_folder, with_trial
from demeanour.verdicts.gate_power import ASSUMED, prospect, too_weak
from demeanour.verdicts.outcome import AS_EXPECTED, NOT_MEASURED, UNDECIDED


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    cast_option(parser)
    parser.add_argument("--findings", type=Path, metavar="DIR", help="a folder of findings")
    trial_options(parser)
    parser.add_argument("-k", dest="match", default="", metavar="TEXT", help="verdicts whose id has this text only")


def run(options: argparse.Namespace) -> int:
    """Say which verdicts a run would decide, and which evidence it needs; of a candidate, with what power."""
    root = thresholds_folder()
    trial = trial_of(options.role, options.candidate, options.gate, options.baseline)
    thresholds = load_thresholds(options.cast or DEFAULT_CAST, options.findings, root)
    if trial is not None:
        thresholds = with_trial(thresholds, trial, options.gate, root)
    cast = thresholds.cast
    cases = [case for case in thresholds.cases.values() if options.match in case.id]
    store = Store.default(to_stderr)
    weak = thresholds.policy is not None and _print_power(thresholds.policy, cast, cases, Evidence(cast, store))
    shown = [case for case in cases if case.kind != "requirement"]
    what = f"findings with {cast.role} in it, told again with each candidate" if trial else "verdicts"
    print(f"{len(shown)} {what} of the cast '{cast.name}' ({cast.protocol}):")
    for case in shown:
        print(f"  {_verdict(cast, case)}")
    print("\nmodels:")
    for name in sorted({model for case in cases for model in case.models}):
        print(f"  {name}: {cast.models[name]}")
    sets = sorted({data for case in cases for data in case.sets})
    measured = [one for case in cases for one in case.measured]
    tables = plan(cast, [(model, data) for case in measured for model in case.models for data in case.sets])
    tables = [unit for unit in tables if not cast.models[unit.model].live]
    units = [unit for unit in units_of(cast, cases) if cast.models[unit.model].live and not cast.pinned(unit.model)]
    lacking = _print_tables(cast, tables, None if units else sets, store) if tables or not units else False
    hindered = _print_units(Health(Evidence(cast, store)), units, sets) if units else False
    outside = [case for case in thresholds.out_of_scope if options.match in case.id]
    print(f"\n{len(outside)} out of scope of this cast:")
    for one in outside:
        print(f"  {one.finding.label:<4} {one.id}: {one.reason}")
    for name in [name for name in sets if name in PUBLISHED] if lacking else []:
        print(f"\n{name} can be had from: {PUBLISHED[name].obtain}")
    if lacking or hindered:
        return NOT_MEASURED
    return UNDECIDED if weak else AS_EXPECTED


def _print_power(policy: Policy, cast: Cast, cases: Sequence[Case], evidence: Evidence) -> bool:
    """With what power candidates can be released; returns whether what was measured holds up one that is as good."""
    weak = False
    for candidate in cast.candidates:
        required = [case for case in cases if case.kind == "requirement" and case.candidate == candidate]
        found = [prospect(case, evidence, policy.power) for case in required]
        print(f"{len(found)} requirements of {policy.path.name} on {candidate}, to replace {cast.role}:")
        for line in (*prospects.of_power(found, policy.power), *prospects.warnings(found, policy.power), ""):
            print(line)
        weak = weak or any(one.basis != ASSUMED for one in too_weak(found, policy.power))
    return weak


def _verdict(cast: Cast, case: Case) -> str:
    expectation = cast.expectation(case.finding.id, case.id)
    today = datetime.datetime.now(datetime.UTC).date()
    expected: str = expectation.expect if expectation and not expectation.expired(today) else "holds"
    if case.kind == "characteristic":
        expected = f"as with {cast.role}"
    models = ", ".join(case.models)
    if case.basis:
        return f"{case.finding.label:<4} {case.id}  follows from {len(case.basis)} verdicts; expected: {expected}"
    return f"{case.finding.label:<4} {case.id}  {case.finding.measure} of {models}; expected: {expected}"


def _print_tables(cast: Cast, tables: Sequence[Unit], sets: Sequence[str] | None, store: Store) -> bool:
    """Predictions, and what they are joined with, if asked; returns whether any of it is missing or wrong."""
    places = {str(unit): locate(cast, unit, store.root) for unit in tables}
    for data in sets or ():
        if cast.data[data].root is not None:
            places[f"labels and annotations of {data}"] = locate_root(cast, data, store.root)
    print(f"\n{len(tables)} prediction tables{'' if sets is None else ', and what they are joined with'}:")
    for what, place in places.items():
        print(f"  {what}: {place}")
    return any(place.startswith(("MISSING", "WRONG")) for place in places.values())


def _print_units(health: Health, units: Sequence[Unit], sets: Sequence[str]) -> bool:
    """What networks say, and the data sets; returns whether any of it is missing, wrong, or failed the last time."""
    cast = health.evidence.cast
    data = {name: health.data(name) for name in sorted({*sets, *(unit.data for unit in units)} & cast.data.keys())}
    found = standings(health, units)
    print(f"\n{len(units)} pieces of evidence from networks, and the data sets:")
    for one in found:
        known = health.data(one.unit.data)
        of_data = one.trouble is not None and one.trouble == known.trouble
        print(f"  {one.unit}: {f'{known.state}: {known.name}, see below' if of_data else one}")
    for known in data.values():
        print(f"  {known.name}: {known.trouble or known.remark or known.place or known.kind}")
    work = workload(health, found)
    if work.passes:
        pictures, passes = sum(work.decoded.values()), sum(work.passes.values())
        print(f"\nto evaluate: {pictures:,} pictures to decode, {passes:,} passes through networks")
    return any(one.trouble or one.failure for one in found) or any(known.trouble for known in data.values())
