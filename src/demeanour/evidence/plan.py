"""What the selected verdicts need: the union of (model, data set), each evaluated once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.sources import expand, source_file
from demeanour.findings.cast import ROW_ORDER, Cast


@dataclass(frozen=True, order=True)
class Unit:
    """One piece of evidence: what one model says of the images of one data set."""

    model: str
    data: str

    def __str__(self) -> str:
        return f"{self.model} on {self.data}"


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
    card, base = cast.models[unit.model], cast.path.parent
    try:
        if card.ids is not None and card.ids != ROW_ORDER:
            _existing(expand(card.ids, base, store))
        repeats = [card.model_copy(update={"source": source}) for source in card.repeats]
        found = [str(source_file(one, unit.data, base, store)) for one in (card, *repeats)]
        return " and ".join(found)
    except EvidenceError as error:
        return f"WRONG: {error}"
    except NotMeasuredError as error:
        return f"MISSING: {error}"


def locate_root(cast: Cast, data: str, store: Path) -> str:
    """Where a data set's labels or annotations come from, or what is missing, in one line."""
    try:
        return str(_existing(expand(cast.data[data].root or "", cast.path.parent, store)))
    except NotMeasuredError as error:
        return f"MISSING: {error}"


def _existing(path: Path) -> Path:
    if not path.exists():
        raise NotMeasuredError(f"{path} is missing")
    return path
