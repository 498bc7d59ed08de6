"""What a run would still evaluate: how many pictures it would decode and pass through networks, and keep on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from demeanour.errors import NotMeasuredError, ThresholdsError
from demeanour.evidence.failures import last_failure
from demeanour.evidence.health import Health, state_by
from demeanour.evidence.plan import LOGITS, TABLE, Unit
from demeanour.evidence.shards import KIND, Shards
from demeanour.evidence.store import Store
from demeanour.views.corruptions import library
from demeanour.views.geometry import View
from demeanour.views.protocols import Steps

ROW = 50   # bytes of a picture in a table: 49 of 50,000 pictures and 1000 classes, 43 to 51 of fewer


@dataclass(frozen=True, eq=False)
class Standing:
    """How a unit of evidence stands.

    Attributes:
        unit: The unit.
        there: Whether its evidence is there and whole.
        left: Which pictures are still to be evaluated for it, (n,) of bool; empty where it is there, cannot be
            evaluated, or nobody knows yet how many pictures will be drawn.
        trouble: Why it cannot be evaluated, ``MISSING: …`` or ``WRONG: …``; None where nothing is known to hinder it.
        failure: Why it could not be evaluated the last time, if it is not there since then.
        seen: What is done to its pictures; the name of its view while the network was never loaded.
    """

    unit: Unit
    there: bool = False
    left: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    trouble: str | None = None
    failure: str | None = None
    seen: Steps | str = ""

    def __str__(self) -> str:
        """For people: ``evaluated``, ``to evaluate, 1,000 pictures``, ``MISSING: …``."""
        if self.trouble is not None or self.there:
            return self.trouble or "evaluated"
        pictures = f"{int(self.left.sum()):,} pictures" if len(self.left) else "as many pictures as will be drawn"
        return f"to evaluate, {pictures}" + (f"; FAILED the last time: {self.failure}" if self.failure else "")


@dataclass(frozen=True)
class Workload:
    """What it takes to evaluate all that is missing and can be evaluated.

    Attributes:
        decoded: Of each data set, how many pictures are decoded: once for all networks and views.
        prepared: Of each data set and view, how many pictures are prepared.
        passes: Of each model, data set and view, how many pictures go through the network; of views that show it the
            same, the first. Of a network that was never loaded, it is not known which do.
        disk: How many bytes of evidence will be written, about.
    """

    decoded: dict[str, int]
    prepared: dict[tuple[str, str], int]
    passes: dict[tuple[str, str, str], int]
    disk: int


def standing(health: Health, unit: Unit) -> Standing:
    """How a unit of a network stands; of one that was interrupted, what is done counts as done."""
    live, model, data = health.evidence.live, health.model(unit.model), health.data(unit.data)
    trouble = model.trouble or data.trouble
    if trouble is not None:
        return Standing(unit, trouble=trouble)
    failure = last_failure(live.store.root, live.cast, unit)
    everything = np.ones(data.facts["images"] or 0, np.bool_)
    try:
        if View.parse(unit.view).corruption is not None:
            library()
        if data.state == "later" or live.description(unit.model) is None:   # it has no key yet
            return Standing(unit, left=everything, failure=failure, seen=unit.view)
        seen = live.steps(unit)
        if live.has(unit):
            return Standing(unit, there=True)
        left = _left(live.key(unit), everything, live.store)
        return Standing(unit, left=left, failure=failure, seen=seen)
    except NotMeasuredError as error:
        return Standing(unit, trouble=f"{state_by(error)}: {error}")
    except ThresholdsError as error:   # the protocol does not define the view
        return Standing(unit, trouble=f"WRONG: {error}")


def _left(key: str, everything: NDArray[np.bool_], store: Store) -> NDArray[np.bool_]:
    """All pictures but those of shards that are done; how large shards are, the name of their folder tells."""
    left = everything.copy()
    for folder in (store.root / KIND).glob(f"{key}-*"):
        size = int(folder.name.rpartition("-")[2])
        for shard in Shards(store.root, folder.name, notice=store.notice).done():
            left[shard * size : (shard + 1) * size] = False
    return left


def workload(health: Health, standings: Iterable[Standing]) -> Workload:
    """What the evaluation of all that can be evaluated takes, counted as the evaluation counts it."""
    decoded: dict[str, NDArray[np.bool_]] = {}
    prepared: dict[tuple[str, str], NDArray[np.bool_]] = {}
    passes: dict[tuple[str, str, str], NDArray[np.bool_]] = {}
    disk, views, kept = 0, dict[tuple[str, str, Steps | str], str](), set[Unit]()
    for one in standings:
        if len(one.left):
            model, data = one.unit.model, one.unit.data
            view = views.setdefault((model, data, one.seen), one.unit.view)
            decoded[data] = decoded.get(data, False) | one.left
            prepared[data, view] = prepared.get((data, view), False) | one.left
            passes[model, data, view] = passes.get((model, data, view), False) | one.left
            if Unit(model, data, view, one.unit.kind) not in kept:
                kept.add(Unit(model, data, view, one.unit.kind))
                disk += len(one.left) * _bytes_of_one(one.unit.kind, health.data(data).facts["columns"] or 0)
    return Workload(
        {key: int(left.sum()) for key, left in decoded.items()},
        {key: int(left.sum()) for key, left in prepared.items()},
        {key: int(left.sum()) for key, left in passes.items()},
        disk,
    )


def _bytes_of_one(kind: str, columns: int) -> int:
    """What evidence takes on disk for each picture, of the kinds that verdicts need."""
    return {TABLE: ROW, LOGITS: 2 * columns}[kind]
