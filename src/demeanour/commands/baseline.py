"""``demeanour baseline``: pin what an incumbent said, look at it, compare it, and propose margins."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence, Sized
from pathlib import Path

from demeanour.commands import baseline_suggest
from demeanour.commands.common import cast_option, to_stderr
from demeanour.errors import NotMeasuredError
from demeanour.evidence.adapter import packages
from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import Store
from demeanour.findings.baseline import Baseline, Value, read_baseline
from demeanour.findings.candidates import Trial, asked_again, with_network
from demeanour.findings.pairing import Case
from demeanour.findings.thresholds import DEFAULT_CAST, Thresholds, load_thresholds, thresholds_folder, with_trial
from demeanour.measures.groups import ALL
from demeanour.reporting.diagnosis_text import in_bytes
from demeanour.reporting.drift import drift_lines, drift_table
from demeanour.reporting.run import versions
from demeanour.verdicts.drift import drift_of_baseline
from demeanour.verdicts.outcome import AS_EXPECTED, NOT_MEASURED
from demeanour.verdicts.pinning import Asked, can_be_pinned, difference, own_values, record
from demeanour.verdicts.words import interval, number

_STAND_IN = "again"   # requirements speak of a candidate; only what they say of the baseline is read


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its subcommands."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="record | show | diff | suggest")
    recording = actions.add_parser("record", help=_record.__doc__)
    recording.add_argument("--as", dest="role", required=True, metavar="MODEL", help="the model of the cast")
    recording.add_argument("--out", type=Path, required=True, metavar="DIR", help="where it is written")
    _sources(recording)
    recording.add_argument("--reason", metavar="TEXT", help="why it is pinned")
    recording.add_argument("--over", type=Path, metavar="DIR", help="the pinned baseline that it follows; may be --out")
    recording.add_argument("--partial", action="store_true", help="pin what there is, though something is missing")
    recording.set_defaults(action=_record)
    showing = actions.add_parser("show", help=_show.__doc__)
    showing.add_argument("folder", type=Path, metavar="DIR")
    showing.set_defaults(action=_show)
    comparing = actions.add_parser("diff", help=_diff.__doc__)
    comparing.add_argument("folder", type=Path, metavar="DIR")
    comparing.add_argument("other", type=Path, nargs="?", metavar="OTHER", help="another pinned baseline; without it, "
                           "the model of the cast as it is now")  # fmt: skip
    _sources(comparing)
    comparing.set_defaults(action=_diff)
    suggesting = actions.add_parser("suggest", help=baseline_suggest.run.__doc__)
    baseline_suggest.arguments(suggesting)
    suggesting.set_defaults(action=baseline_suggest.run)


def run(options: argparse.Namespace) -> int:
    """Pin what a model said as the baseline of candidates; show, compare, or propose margins."""
    code: int = options.action(options)
    return code


def _sources(parser: argparse.ArgumentParser) -> None:
    cast_option(parser)
    parser.add_argument("--findings", type=Path, metavar="DIR", help="a folder of findings")
    parser.add_argument("--gate", type=Path, metavar="FILE", help="the release policy (default: the cast's, or "
                        "thresholds/gate.yaml)")


def _record(options: argparse.Namespace) -> int:
    """Copy what a model of the cast said, with its values and verdicts, into a folder."""
    over = read_baseline(options.over) if options.over is not None else None
    cast = options.cast or DEFAULT_CAST
    loaded, asked = _loaded(cast, options.findings, options.gate, options.role)
    noise = asked.policy.noise if asked.policy is not None else ()
    cast_again = asked_again(with_network(loaded.cast.model_copy(update={"role": options.role})), noise)
    evidence = Evidence(cast_again, Store.default(to_stderr))
    _describe(evidence, options.role)
    given = {"cast": cast, "gate": _text(options.gate), "findings": _text(options.findings)}
    findings = [case for case in loaded.cases.values() if options.role in case.models]
    used = {name: version for name, version in versions().items() if name != "pytest"}
    if loaded.cast.models[options.role].live:
        used |= {name: version for name, version in packages().items() if version is not None}
    found = record(
        Asked(evidence, options.role, findings, asked.requirements, given, used, options.reason, over),
        options.out, options.partial,
    )  # fmt: skip
    for what, why in found.missing.items():
        to_stderr(f"not pinned: {what}: {why}")
    print(f"{_summary(found)}; in {options.out}")
    return AS_EXPECTED


def _show(options: argparse.Namespace) -> int:
    """Say what is pinned in a folder, its values, and the line that it stands in."""
    found = read_baseline(options.folder)
    for line in _facts(found):
        print(line)
    print("\nvalues of what a candidate must not lose:")
    _print_rows([_row(one) for one in found.values])
    drifted = drift_of_baseline(found)
    for table in drift_table(drifted):
        print(f"\n{table.title}:")
        _print_rows([table.header, *table.rows])
    for line in drift_lines(drifted):
        print(line)
    print("\nits line, the first one first:" if found.lineage else "\nit is the first of its line")
    for pin in (*found.lineage, found.pin) if found.lineage else ():
        print(f"  {pin.date}  {pin.weights[:12]}  {pin.source}" + (f"  {pin.reason}" if pin.reason else ""))
    for what, why in found.missing.items():
        print(f"not pinned: {what}: {why}")
    damaged = found.damaged()
    for line in damaged:
        to_stderr(line)
    return NOT_MEASURED if damaged else AS_EXPECTED


def _row(one: Value) -> tuple[str, ...]:
    limits = interval(one.interval) if one.interval else ""
    margin = f"margin {one.margin:g}" if one.margin else ""
    name, data = f"{one.label} {one.requirement}", ", ".join(one.data)
    return name, data, _group(one.group), one.measure, number(one.value), limits, f"n={one.n:,}", margin


def _diff(options: argparse.Namespace) -> int:
    """Compare a pinned baseline with another, or with the cast's own model, over the same images."""
    first = read_baseline(options.folder)
    second = read_baseline(options.other) if options.other is not None else None
    cast, findings, gate = options.cast or first.cast, options.findings or first.findings, options.gate or first.gate
    findings, gate = Path(findings) if findings else None, Path(gate) if gate else None
    _, asked = _loaded(cast, findings, gate, first.role, options.folder)
    role = second.role if second is not None else first.role
    _, others = _loaded(cast, findings, gate, role, options.other)
    mine, its = (Evidence(one.cast, Store.default(to_stderr)) for one in (asked, others))
    names = [str(options.folder), str(options.other or f"{role} of {others.cast.name}")]
    print(f"{names[0]}: {_who(first)}")
    print(f"{names[1]}: {_who(second) if second is not None else others.cast.models[role].source}")
    if second is not None and first.weights == second.weights:
        print("the weights are the same")
    found = [_compared(case, mine, its) for case in asked.requirements if can_be_pinned(case)]
    head = ("requirement", "data", "group", "first", "second", "second − first", "90 % interval", "")
    _print_rows([head, *(row for rows, _ in found for row in rows)])
    for line in _verdicts_apart(first, second) if second is not None else ():
        print(line)
    return AS_EXPECTED if all(whole for _, whole in found) else NOT_MEASURED


def _compared(case: Case, first: Evidence, second: Evidence) -> tuple[list[tuple[str, ...]], bool]:
    """Rows of one requirement, and whether all of it could be compared."""
    own: list[dict[str, Value]] = []
    why = ""
    for evidence in (first, second):
        try:
            own.append({one.group: one for one in own_values(case, str(evidence.cast.role), evidence)})
        except NotMeasuredError as error:
            own.append({})
            why = why or str(error)
    apart = {}
    try:
        apart = difference(case, second, first) if not why else {}
    except NotMeasuredError as error:
        why = str(error)
    rows = []
    for group in dict.fromkeys([*own[0], *own[1]]) or [ALL]:
        values = [number(one[group].value) if group in one else "–" for one in own]
        value, limits = apart.get(group, (None, None))
        told = [number(value, True), interval(limits, True)] if value is not None and limits is not None else ["", ""]
        rows.append((case.id, ", ".join(case.sets), _group(group), *values, *told, why))
    return rows, not why


def _verdicts_apart(first: Baseline, second: Baseline) -> Iterator[str]:
    for name, one in first.verdicts.items():
        other = second.verdicts.get(name, one)
        if one != other:
            yield f"{name}: {one} with the first, {other} with the second"


def _loaded(
    cast: str, findings: Path | None, gate: Path | None, role: str, baseline: Path | None = None
) -> tuple[Thresholds, Thresholds]:
    """The cast alone, and with the requirements on whoever would replace one of its models."""
    root = thresholds_folder()
    loaded = load_thresholds(cast, findings, root)
    card = loaded.cast.models.get(role)
    spec = f"{_STAND_IN}={card.source if card is not None else ''}"
    trial = Trial(role, (spec,), baseline, noise=False)   # of which one pin may keep more than another
    return loaded, with_trial(loaded, trial, gate, root)


def _describe(evidence: Evidence, role: str) -> None:
    """Make a network known that is not remembered: it is loaded, which takes torch."""
    try:
        if evidence.cast.models[role].live and evidence.live.description(role) is None:
            from demeanour.evaluation.networks import Networks

            Networks(evidence.live, "cpu").describe(role)
    except NotMeasuredError:
        return   # each piece of evidence that is asked for says so


def _facts(found: Baseline) -> Iterator[str]:
    yield _summary(found)
    yield f"  from {found.source}"
    yield f"  weights {found.weights}"
    for data, digest in found.hashes.items():
        yield f"  predictions on {data} {digest}"
    yield f"  protocol: {found.protocol}; numerics: {found.numerics}; cast: {found.cast}"
    yield f"  reason: {found.reason}" if found.reason else "  no reason was given"
    yield f"  {', '.join(f'{name} {version}' for name, version in found.packages.items())}"
    counted = Counter(found.verdicts.values())
    said = ", ".join(f"{count} {word}" for word, count in counted.items())
    yield f"  findings that it plays in: {said or 'none'}"


def _summary(found: Baseline) -> str:
    size = sum((found.folder / name).stat().st_size for name in found.files)
    return (
        f"{found.role}, pinned {found.date}: {_count(found.pieces, 'piece')} of evidence ({in_bytes(size)}), "
        f"{_count(found.sets, 'data set')}, {_count(found.values, 'value')}, {_count(found.verdicts, 'verdict')}"
    )


def _count(things: Sized, what: str) -> str:
    return f"{len(things)} {what}{'s' if len(things) != 1 else ''}"


def _who(found: Baseline) -> str:
    return f"{found.role}, pinned {found.date}, {found.source}, weights {found.weights[:12]}"


def _group(group: str) -> str:
    return "" if group == ALL else group


def _text(path: Path | None) -> str | None:
    return str(path) if path is not None else None


def _print_rows(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
