"""A diagnosis for people: what is there, in aligned columns, and beneath each thing what to know of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from demeanour.evaluation.diagnosis import Diagnosis, Machine, Trouble
from demeanour.evaluation.forecast import Forecast
from demeanour.evidence.health import Checked
from demeanour.findings.cast import Cast

_BENEATH = " " * 6


def diagnosis_text(cast: Cast, found: Diagnosis) -> Iterator[str]:
    """The lines of a diagnosis of a cast."""
    yield f"the cast '{cast.name}' ({cast.protocol}{f', {cast.numerics}' if found.models else ''})"
    yield "\nmachine"
    yield from _aligned(_of_machine(found.machine))
    yield from map(_beneath, found.of_machine)
    for title, checked in (("models", found.models), ("predictions", found.tables), ("data sets", found.data)):
        if checked:
            yield f"\n{title}"
            yield from _of_checked(checked)
    if found.units:
        yield "\nevaluation"
        yield from _aligned(_of_work(found))
        yield from map(_beneath, found.of_units)
    yield f"\n{_conclusion(found)}"


def in_bytes(size: float) -> str:
    """A size for people, in decimal units: ``1.2 GB``."""
    units = iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while size >= 999.5 and unit != "TB":
        size, unit = size / 1000, next(units)
    return f"{size:.{0 if unit == 'B' or size >= 99.5 else 1}f} {unit}"


def _of_machine(machine: Machine) -> list[list[str]]:
    holds = [f"{pieces} {kind} ({in_bytes(size)})" for kind, (pieces, size) in machine.holds.items()]
    versions = [f"{name} {found or 'is not installed'}" for name, found in machine.packages.items()]
    refused = "is asked for nothing; a run with --download fetches weights, unless HF_HUB_OFFLINE is set"
    return [
        ["cores", str(machine.cores)],
        ["GPUs", ", ".join(machine.gpus) or "none"],
        ["cache", f"{machine.cache}, {in_bytes(machine.free)} free"],
        ["", f"holds {', '.join(holds) or 'no evidence'}"],
        ["packages", ", ".join(versions)],
        ["the hub", "is asked for weights that are not here" if machine.hub else refused],
    ]


def _of_checked(checked: Sequence[Checked]) -> Iterator[str]:
    """A line for each thing, and beneath it what to know of it."""
    rows = [[one.name, one.kind, one.state, _told(one), str(one.place or "")] for one in checked]
    for one, line in zip(checked, _aligned(rows), strict=True):
        yield line
        if one.remark:
            yield f"{_BENEATH}{one.remark}"
        for note in one.notes:
            yield f"{_BENEATH}note: {note}"


def _told(one: Checked) -> str:
    """The facts, in words."""
    facts = {name: value for name, value in one.facts.items() if value is not None}
    if "views" in facts:
        return f"{facts['views']} views of {facts['of']}"
    if "layers_on" in facts:
        return f"layers compared on {facts['layers_on']}"
    words = []
    if "tasks" in facts:
        words.append(f"{facts['tasks']} tasks")
    if "parameters" in facts:
        words.append(f"{facts['parameters'] / 1e6:,.1f} M parameters")
    if "family" in facts:
        words.append(str(facts["family"]))
    if "images" in facts:
        words.append(f"{facts['images']:,} {'pictures' if 'columns' in facts else 'images'}")
    if "classes" in facts:
        words.append(f"{facts['classes']:,} classes")
    if "preprocessing" in facts:
        words.append(str(facts["preprocessing"]))
    return ", ".join(words)


def _of_work(found: Diagnosis) -> list[list[str]]:
    there = sum(one.there for one in found.units)
    hindered = sum(one.trouble is not None for one in found.units)
    waiting = len(found.units) - there - hindered
    units = f"{len(found.units)}: {there} there, {waiting} to evaluate, {hindered} that cannot be evaluated"
    rows = [["units", units]] + (_of_rest(found) if waiting else [])
    if sum(found.whole.passes.values()) > sum(found.work.passes.values()):
        decoded, passes = (sum(some.values()) for some in (found.whole.decoded, found.whole.passes))
        told = f"{decoded:,} pictures to decode, {passes:,} passes, about {in_bytes(found.whole.disk)} of evidence"
        rows.append(["with what is missing", told])
        rows.append(["", _time(found.whole_time, found)])
        rows += [["", f"not counted: {', '.join(found.uncounted)}"]] if found.uncounted else []
    return rows


def _of_rest(found: Diagnosis) -> list[list[str]]:
    return [
        ["pictures", f"{sum(found.work.decoded.values()):,} to decode"],
        ["passes", f"{sum(found.work.passes.values()):,} through networks"],
        ["time", _time(found.time, found)],
        ["disk", f"about {in_bytes(found.work.disk)}"],
    ]


def _time(time: Forecast, found: Diagnosis) -> str:
    if time.seconds is None:
        return f"not known before {' and '.join(time.unknown)} can be loaded"
    devices = found.machine.devices
    where = f"{found.machine.cores} cores" if devices == ["cpu"] else ", ".join(devices)
    how = "roughly, by parameters and sides of inputs" if time.rough else "as earlier evaluations took"
    return f"about {_duration(time.seconds)} on {where} ({how})"


def _beneath(trouble: Trouble) -> str:
    return f"{_BENEATH}{trouble.what}: {trouble.text}"


def _conclusion(found: Diagnosis) -> str:
    names = [one.what for one in found.troubles]
    if names:
        return f"missing or wrong: {', '.join(names)}"
    return "nothing is missing" + ("" if all(one.there for one in found.units) else "; a run evaluates the rest first")


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True) if width] for row in rows]
    return ["  " + "  ".join(cells).rstrip() for cells in padded]


def _duration(seconds: float) -> str:
    """In the largest unit of which there are two or more."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(1, round(seconds))} s"
