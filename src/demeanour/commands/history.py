"""``demeanour history``: what earlier runs said, and how their values moved."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from demeanour.commands.common import to_stderr
from demeanour.errors import DemeanourError, NotMeasuredError, ThresholdsError, did_you_mean
from demeanour.findings.thresholds import thresholds_folder
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.reporting.history import FILE, PastRun, PastVerdict, newest_first
from demeanour.reporting.past_values import Place, Series, Value, series_of
from demeanour.reporting.run import counts
from demeanour.reporting.style import mark, status
from demeanour.verdicts.outcome import AS_EXPECTED
from demeanour.verdicts.words import interval, number

LAST = 20
_BARS = "▁▂▃▄▅▆▇█"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("measure", nargs="?", help=f"the values of one of {', '.join(MEASURES)}")
    parser.add_argument("--data", help="on this data set only")
    parser.add_argument("--model", help="of this model only")
    parser.add_argument("--verdict", metavar="ID", help="what was decided of one verdict")
    parser.add_argument("--cast", metavar="NAME", help="runs of this cast only")
    parser.add_argument("--reports", type=Path, metavar="DIR", help="the folder of the history (default: reports/)")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("-n", dest="last", type=int, default=LAST, help="how many runs (default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """List earlier runs, or show how a measure's values or one verdict went over them."""
    if options.measure and options.verdict:
        raise ThresholdsError("a measure or --verdict, not both")
    if (options.data or options.model) and not options.measure:
        raise ThresholdsError("--data and --model need a measure")
    if options.last < 1:
        raise ThresholdsError(f"-n {options.last}: at least one run")
    path = (options.reports or thresholds_folder().parent / "reports") / FILE
    asked = (one for one in newest_first(path, to_stderr, options.cast) if _speaks(one, options))
    runs = list(islice(asked, options.last))[::-1]
    if not runs:
        raise _why_none(path, options)
    tell: Callable[[Sequence[PastRun], argparse.Namespace], None] = _tell_runs
    if options.measure:
        tell = _tell_values
    elif options.verdict:
        tell = _tell_verdict
    tell(runs, options)
    return AS_EXPECTED


def _speaks(one: PastRun, options: argparse.Namespace) -> bool:
    """Whether a run has what is asked for."""
    if options.verdict:
        return any(found.id == options.verdict for found in one.verdicts)
    return not options.measure or bool(series_of([one], _asked(options)))


def _asked(options: argparse.Namespace) -> Callable[[Place], bool]:
    """Whether a value is one of those that are asked for."""
    wanted = {"measure": options.measure, "data": options.data, "model": options.model}
    return lambda place: all(value in (None, getattr(place, key)) for key, value in wanted.items())


def _tell_runs(runs: Sequence[PastRun], options: argparse.Namespace) -> None:
    if options.json:
        _print_json([{**_head(one), "command": one.command, "versions": one.versions, "counts": _counts(one)}
                     for one in runs])  # fmt: skip
        return
    cast = max(len(one.cast) for one in runs)
    word = max(len(one.outcome) for one in runs)
    for one in runs:
        print(f"{one.date}  {one.cast:<{cast}}  {one.outcome:<{word}} (exit {one.exit})  {counts(_records(one))}")


def _tell_verdict(runs: Sequence[PastRun], options: argparse.Namespace) -> None:
    found = [(one, next(v for v in one.verdicts if v.id == options.verdict)) for one in runs]
    if options.json:
        keep = {"verdict", "expected", "measure", "measure_version", "difference", "estimates"}
        _print_json([{**_head(one), **verdict.model_dump(mode="json", include=keep)} for one, verdict in found])
        return
    print(options.verdict)
    cast = max(len(one.cast) for one in runs)
    word = max(len(status(_record(verdict))) for _, verdict in found)
    for one, verdict in found:
        d, record = verdict.difference, _record(verdict)
        value = f"{number(d.value, True)} {interval(d.interval, True)} margin {d.margin:g}" if d else ""
        print(f"  {one.date}  {one.cast:<{cast}}  {mark(record)} {status(record):<{word}}  {value}".rstrip())


def _tell_values(runs: Sequence[PastRun], options: argparse.Namespace) -> None:
    series = series_of(runs, _asked(options))
    if options.json:
        _print_json([{**place._asdict(), "points": [_point(runs[i], value) for i, value in values.items()]}
                     for place, values in series.items()])  # fmt: skip
        return
    tables = dict.fromkeys(place._replace(model="") for place in series)
    print("\n\n".join("\n".join(_table(table, series, runs)) for table in tables))


def _table(table: Place, series: Series, runs: Sequence[PastRun]) -> Iterator[str]:
    """One data set and group: a line for each run, a column for each model, the course of each model below."""
    columns = {place.model: values for place, values in series.items() if place._replace(model="") == table}
    shown = [index for index in range(len(runs)) if any(index in values for values in columns.values())]
    yield _title(table)
    widths = [max(len(model), len(shown), 9) for model in columns]
    edge = max(len(runs[index].date) for index in shown)
    lines = [("", list(columns))]
    for index in shown:
        cells = [number(values[index].value) if index in values else "" for values in columns.values()]
        lines.append((runs[index].date, cells))
    found = [[values[index].value if index in values else None for index in shown] for values in columns.values()]
    lines.append(("", [sparkline(values) for values in found]))
    for head, cells in lines:
        yield f"  {head:<{edge}}  {'  '.join(f'{c:>{w}}' for c, w in zip(cells, widths, strict=True))}".rstrip()


def _title(table: Place) -> str:
    measure = MEASURES.get(table.measure)
    better = "" if measure is None or measure.better == "neither" else f", {measure.better} is better"
    unit = f" ({measure.unit}{better})" if measure else ""
    group = "" if table.group == ALL else f", {table.group}"
    return f"{table.measure}{unit} on {table.data}{group}; cast {table.cast}, version {table.version}"


def sparkline(values: Sequence[float | None]) -> str:
    """Values as bars between the smallest and the largest: a gap where there is none, all of one height if alike."""
    known = [value for value in values if value is not None]
    low, high = min(known), max(known)
    step = (high - low) / (len(_BARS) - 1)
    return "".join(
        " " if value is None else _BARS[round((value - low) / step) if step else len(_BARS) // 2 - 1]
        for value in values
    )


def _why_none(path: Path, options: argparse.Namespace) -> DemeanourError:
    """What is wrong with a question that no run answers."""
    everything = list(newest_first(path, lambda _: None))
    if not everything:
        return NotMeasuredError(f"{path}: there is no history; each run of the suite adds to it")
    casts = {one.cast for one in everything}
    if options.cast and options.cast not in casts:
        return ThresholdsError(f"no run is of a cast '{options.cast}'; {did_you_mean(options.cast, casts)}")
    runs = [one for one in everything if options.cast in (None, one.cast)]
    if options.verdict:
        ids = {found.id for one in runs for found in one.verdicts}
        return ThresholdsError(f"no run has a verdict '{options.verdict}'; {did_you_mean(options.verdict, ids)}")
    if options.measure not in MEASURES:
        return ThresholdsError(f"there is no measure '{options.measure}'; {did_you_mean(options.measure, MEASURES)}")
    places = series_of(runs, lambda place: place.measure == options.measure)
    for key in ("data", "model"):
        known, asked = {getattr(place, key) for place in places}, getattr(options, key)
        if known and asked and asked not in known:
            hint = did_you_mean(asked, known)
            return ThresholdsError(f"no run has values of {options.measure} of '{asked}'; {hint}")
    return NotMeasuredError(f"no run has such values of {options.measure}")


def _head(one: PastRun) -> dict[str, Any]:
    return {"run": one.run, "started": one.started, "cast": one.cast, "outcome": one.outcome, "exit": one.exit}


def _point(one: PastRun, value: Value) -> dict[str, Any]:
    found = value.estimate
    decided = {"interval": list(found.interval), "n": found.n} if found else {"interval": None, "n": None}
    return {"run": one.run, "started": one.started, "value": value.value, **decided}


def _record(verdict: PastVerdict) -> dict[str, Any]:
    return {"verdict": verdict.verdict, "expected": verdict.expected}


def _records(one: PastRun) -> list[dict[str, Any]]:
    return [_record(verdict) for verdict in one.verdicts]


def _counts(one: PastRun) -> dict[str, int]:
    words = [verdict.verdict for verdict in one.verdicts]
    return {word: words.count(word) for word in dict.fromkeys(words)}


def _print_json(content: Any) -> None:
    print(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))
