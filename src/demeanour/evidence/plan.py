"""What the selected verdicts need: the union of (model, data set), each evaluated once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.gather import source_file
from demeanour.findings.cast import Cast


@dataclass(frozen=True, order=True)
class Unit:
    """One piece of evidence: what one model says of the images of one data set."""

    model: str
    data: str


def plan(cast: Cast, needs: Iterable[tuple[str, str]]) -> list[Unit]:
    """The distinct units behind (model, data set) needs: ImageNet-X is served by ImageNet's own predictions."""
    units = set()
    for model, data in needs:
        of = cast.evidence_data(model, data)
        if of is not None:
            units.add(Unit(model, of))
    return sorted(units)


def locate(cast: Cast, unit: Unit, store: Path) -> str:
    """Where a unit's evidence comes from, or what is missing, in one line."""
    try:
        return str(source_file(cast.models[unit.model], unit.data, cast.path.parent, store))
    except EvidenceError as error:
        return f"WRONG: {error}"
    except NotMeasuredError as error:
        return f"MISSING: {error}"
