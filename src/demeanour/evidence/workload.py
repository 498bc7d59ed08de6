"""What a run would still evaluate: how many pictures it would decode and pass through networks, and keep on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from demeanour.errors import NotMeasuredError, ThresholdsError
from demeanour.evidence.failures import last_failure
from demeanour.evidence.health import Health, state_by
from demeanour.evidence.plan import FEATURES, GRAMS, LOGITS, OF_NETWORK, PROBES, SIZE, TABLE, Unit, features_behind
from demeanour.evidence.shards import KIND, Shards
from demeanour.evidence.store import Store
from demeanour.measures.similarity import in_minibatches
from demeanour.views.corruptions import library
from demeanour.views.geometry import View
from demeanour.views.protocols import Steps

ROW = 50   # bytes of a picture in a table: 49 of 50,000 pictures and 1000 classes, 43 to 51 of fewer
WIDE = 4_100   # of a picture's features: 4,096 of a ConvNeXt-B, 3,072 of a ViT-B, of CLIP models half as much again
OF_LAYERS = 3_000   # of a picture in minibatches: 2,200 of a ViT-B, whose 186 layers make 17,391 pairs; by far not all


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
        absent: How many pictures it would be evaluated on if those that are missing were there; 0 where that is not
            known.
    """

    unit: Unit
    there: bool = False
    left: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    trouble: str | None = None
    failure: str | None = None
    seen: Steps | str = ""
    absent: int = 0

    @property
    def with_pictures(self) -> Standing:
        """The same if the pictures that are missing were there."""
        if not self.absent:
            return self
        return Standing(self.unit, left=np.ones(self.absent, np.bool_), seen=self.unit.view)

    def __str__(self) -> str:
        """For people: ``evaluated``, ``to evaluate, 1,000 pictures``, ``MISSING: …``."""
        if self.trouble is not None or self.there:
            return self.trouble or "evaluated"
        failed = f"; FAILED the last time: {self.failure}" if self.failure else ""
        if self.unit.kind in OF_NETWORK:
            return ("to load" if self.unit.kind == SIZE else "to time") + failed
        pictures = f"{int(self.left.sum()):,} pictures" if len(self.left) else "as many pictures as will be drawn"
        return f"to evaluate, {pictures}{failed}"


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
    images = data.facts.get("images") or 0
    images = in_minibatches(images) if unit.kind == GRAMS else images
    if trouble is not None:
        return Standing(unit, trouble=trouble, absent=images if model.trouble is None else 0)
    failure = last_failure(live.store.root, live.cast, unit)
    if unit.kind in OF_NETWORK:
        there = live.description(unit.model) is not None and live.has(unit)
        return Standing(unit, there=there, failure=None if there else failure)
    everything = np.ones(images, np.bool_)
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


def standings(health: Health, units: Iterable[Unit]) -> list[Standing]:
    """How units stand, and the features behind probes that are not there."""
    found = [standing(health, unit) for unit in units]
    probes = [one.unit for one in found if one.unit.kind == PROBES and not one.there]
    cast = health.evidence.cast
    return [*found, *(standing(health, unit) for probe in probes for unit in features_behind(cast, probe))]


def workload(health: Health, standings: Iterable[Standing]) -> Workload:
    """What the evaluation of all that can be evaluated takes, counted as the evaluation counts it."""
    decoded: dict[tuple[str, ...], NDArray[np.bool_]] = {}   # those of minibatches for themselves
    prepared: dict[tuple[str, ...], NDArray[np.bool_]] = {}
    passes: dict[tuple[str, ...], NDArray[np.bool_]] = {}
    disk, views, kept = 0, dict[tuple[str, str, Steps | str], str](), set[Unit]()
    for one in standings:
        if one.unit.kind == PROBES:   # which see features, no pictures
            disk += len(one.left) * _bytes_of_one(PROBES, 0)
        elif len(one.left):
            model, data = one.unit.model, one.unit.data
            view = views.setdefault((model, data, one.seen), one.unit.view)
            drawn = GRAMS if one.unit.kind == GRAMS else ""
            keys = (drawn, data), (drawn, data, view), (drawn, model, data, view)
            for masks, key in zip((decoded, prepared, passes), keys, strict=True):
                masks[key] = masks.get(key, False) | one.left
            if Unit(model, data, view, one.unit.kind) not in kept:
                kept.add(Unit(model, data, view, one.unit.kind))
                disk += len(one.left) * _bytes_of_one(one.unit.kind, health.data(data).facts["columns"] or 0)
    return Workload(
        {data: count for (data,), count in _counted(decoded).items()},
        {(data, view): count for (data, view), count in _counted(prepared).items()},
        {(model, data, view): count for (model, data, view), count in _counted(passes).items()},
        disk,
    )


def _counted(masks: Mapping[tuple[str, ...], NDArray[np.bool_]]) -> Counter[tuple[str, ...]]:
    """How many pictures, whether drawn for minibatches or not."""
    counts: Counter[tuple[str, ...]] = Counter()
    for (_, *key), left in masks.items():
        counts[tuple(key)] += int(left.sum())
    return counts


def _bytes_of_one(kind: str, columns: int) -> int:
    """What evidence takes on disk for each picture, of the kinds that verdicts need."""
    return {TABLE: ROW, LOGITS: 2 * columns, GRAMS: OF_LAYERS, FEATURES: WIDE, PROBES: 8}[kind]
