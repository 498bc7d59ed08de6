"""Copy what a model said out of the store, into the folder of a pinned baseline; every piece is verified on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from demeanour.errors import NotMeasuredError
from demeanour.evidence.arrays import Arrays
from demeanour.evidence.gather import Evidence, sets_behind
from demeanour.evidence.plan import LOGITS, TABLE, Unit
from demeanour.evidence.store import Store, manifest_of, write_table
from demeanour.evidence.table import PredictionTable
from demeanour.files import file_hash
from demeanour.findings.baseline import Piece
from demeanour.findings.cast import Cast


def copy_evidence(evidence: Evidence, units: Iterable[Unit], folder: Path) -> tuple[list[Piece], dict[str, str]]:
    """Copy the evidence of one model as far as it is there.

    Args:
        evidence: Of the cast.
        units: What is wanted, of the model and of those that answer for it again; of predictions, logits and repeats
            come along where there are any.
        folder: Where the copies go, as a store has them.

    Returns:
        What was copied, and what is not there, with the reasons.

    Raises:
        OSError: The folder cannot be written.
    """
    pieces: list[Piece] = []
    missing: dict[str, str] = {}
    for unit in units:
        try:
            live = evidence.cast.models[unit.model].live
            pieces += _of_network(evidence, unit, folder) if live else _of_predictions(evidence, unit, folder)
        except NotMeasuredError as error:
            missing[str(unit)] = str(error)
    for lock in folder.rglob("*.lock"):
        lock.unlink()
    return pieces, missing


def files_of(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below a folder, by its place."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in found}


def sets_asked(cast: Cast, model: str, needs: Iterable[str]) -> list[str]:
    """The data sets that a model's answers are about: those that are named, what they annotate, clean ones, splits."""
    found: dict[str, None] = {}
    for data in needs:
        for name in (data, cast.data[data].clean):
            of = cast.evidence_data(model, name) if name is not None else None
            if name is not None and of is not None:
                found.update(dict.fromkeys(sets_behind(cast, name, of)))
    return list(found)


def _of_network(evidence: Evidence, unit: Unit, folder: Path) -> Iterator[Piece]:
    live, store = evidence.live, evidence.store
    key, steps = live.key(unit), live.steps(unit).record()
    if unit.kind == TABLE:
        write_table(Store(folder).path(key), live.table(unit), {**manifest_of(store.path(key)), "key": key})
    else:
        found = Arrays(store.root, store.notice).read(key, mapped=True)
        if found is None:
            raise NotMeasuredError(f"{unit} was not evaluated yet")
        Arrays(folder).write(key, *found)
    again = [name for names in evidence.cast.repeats.values() for name in names.values()]
    yield _piece(unit, key, 1 + again.index(unit.model) if unit.model in again else 0, steps)


def _of_predictions(evidence: Evidence, unit: Unit, folder: Path) -> Iterator[Piece]:
    for number in range(len(evidence.cast.models[unit.model].repeats) + 1):
        found = evidence.files.find(unit.model, unit.data, number)
        table = evidence.table(unit.model, unit.data) if not number else _repeat(evidence, unit, number)
        about = {"model": unit.model, "data": unit.data, "source": found.path.name}
        write_table(Store(folder).path(found.key), table, {**about, "key": found.key})
        yield _piece(unit, found.key, number)
        if not number and found.kind.name == "logits":
            logits = np.asarray(evidence.files.logits(unit.model, unit.data, table.ids))
            Arrays(folder).write(found.key, {"logits": logits}, about)
            yield _piece(Unit(unit.model, unit.data, kind=LOGITS), found.key)


def _repeat(evidence: Evidence, unit: Unit, number: int) -> PredictionTable:
    """Another run of the same weights; whether it is about the same images is checked with the first."""
    return evidence.files.table(unit.model, unit.data, number, lambda *_: None)


def _piece(unit: Unit, key: str, number: int = 0, steps: dict[str, object] | None = None) -> Piece:
    content = {"data": unit.data, "view": unit.view, "kind": unit.kind, "number": number, "key": key, "steps": steps}
    return Piece.model_validate(content)
