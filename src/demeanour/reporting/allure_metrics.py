"""The measures' values as Allure's metrics: one number for each measure, data set, model and group, with a trend."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES, Measure, group_beside

Record = Mapping[str, Any]
Sample = dict[str, Any]

_BETTER = {"higher": "higher", "lower": "lower", "neither": "neutral"}
_SCALE = {"calibration_error": 10_000}   # Allure shows three decimals; squares of good models need more


def samples(records: Sequence[Record], started: int, stopped: int) -> list[Sample]:
    """Allure's metric samples of a run, each key once: verdicts that share a number agree on it.

    Args:
        records: The verdicts' records.
        started: When the run began, in milliseconds since 1970.
        stopped: When it ended, likewise.

    Returns:
        Samples with ``key`` (``measure.data.model[.group]``), value, title, unit, group and direction; the value of
        a measure of small numbers is scaled, as the group's title says.
    """
    found: dict[str, Sample] = {}
    for measure, data, model, group, value in _values(records):
        which = MEASURES[measure]
        # values of different versions are different numbers: their trends must not meet
        measured = measure if which.version == 1 else f"{measure} v{which.version}"
        scale = _SCALE.get(measure, 1)
        parts = [measured, data, model] + ([group] if group != ALL else [])
        key = ".".join(parts)
        found.setdefault(key, {
            "id": str(uuid.uuid5(uuid.NAMESPACE_OID, key)),
            "key": key,
            "value": float(f"{value * scale:.9g}"),
            "start": started,
            "stop": stopped,
            "title": f"{model} on {data}" + (f", {group}" if group != ALL else ""),
            "unit": "",
            "group": measured,
            "groupTitle": f"{measured} ({_unit(which, scale)})",
            "better": _BETTER[which.better],
        })  # fmt: skip
    return [found[key] for key in sorted(found)]


def performance(found: Sequence[Sample]) -> dict[str, Any]:
    """The ``performance`` section of Allure's configuration for these samples.

    It cannot say that neither direction is better: the samples of such measures say it themselves.
    """
    directed = [one for one in found if one["better"] != "neutral"]
    return {
        "groups": {one["group"]: {"title": one["groupTitle"]} for one in found},
        "metrics": {one["key"]: {name: one[name] for name in ("title", "unit", "group", "better")} for one in directed},
    }


def _unit(measure: Measure, scale: int) -> str:
    """The unit in words, as the table is headed by it."""
    better = "" if measure.better == "neither" else f"; {measure.better} is better"
    return f"{measure.unit}{f' × {scale:,}' if scale != 1 else ''}{better}"


def _values(records: Sequence[Record]) -> Iterator[tuple[str, str, str, str, float]]:
    """Measure, data, model, group and value of everything that verdicts tell: estimates, and what is shown beside."""
    for record in records:
        if record["difference"] is None:
            continue
        data = "+".join(record["data"])
        told = {record["measure"]: {name: one["value"] for name, one in record["estimates"].items()}}
        for measure, models in (*told.items(), *record["shown"].items()):
            if measure not in MEASURES:   # but told of each group
                continue
            group = group_beside(record["measure"], record["group"], measure)
            yield from ((measure, data, model, group, value) for model, value in models.items() if value is not None)
