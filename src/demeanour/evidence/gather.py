"""From a cast to evidence: what models said, from files or from the evaluation, joined with the data sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.catalogue import PUBLISHED, images_of
from demeanour.datasets.corruptions import corruptions_frame
from demeanour.datasets.cue_conflict import cue_conflict_frame
from demeanour.datasets.frame import Frame
from demeanour.datasets.imagenet_x import read_imagenet_x
from demeanour.datasets.labels import read_labels
from demeanour.datasets.multilabel import read_label_sets
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.layers import observe_layers
from demeanour.evidence.live import Live
from demeanour.evidence.network import network_identity, observe_network
from demeanour.evidence.observations import Array, Observations, observe
from demeanour.evidence.pinned import pinned, space_record
from demeanour.evidence.plan import GRAMS, LOGITS, PLAIN, TABLE, Unit, plan
from demeanour.evidence.predictions import PredictionFiles
from demeanour.evidence.sources import drawn_first, expand, root_files, size_of
from demeanour.evidence.store import Store, evidence_key
from demeanour.evidence.sweeps import sweep
from demeanour.evidence.table import PredictionTable, answers_of
from demeanour.evidence.tasks import observe_tasks
from demeanour.findings.cards import NETWORK, PROBE
from demeanour.findings.cast import Cast

_READERS = {"labels": read_labels, "label-sets": read_label_sets, "imagenet-x": read_imagenet_x}


@dataclass
class Evidence:
    """All that a cast's models said, read on demand, once in a process, and kept in the store."""

    cast: Cast
    store: Store
    _frames: dict[str, Frame | None] = field(default_factory=dict)
    _tables: dict[Unit, PredictionTable] = field(default_factory=dict)
    _observed: dict[tuple[str, str], Observations] = field(default_factory=dict)
    _as_pinned: set[str] = field(default_factory=set)

    @cached_property
    def live(self) -> Live:
        """What is known of the cast's networks and pictures."""
        return Live(self.cast, self.store)

    @cached_property
    def files(self) -> PredictionFiles:
        """The files of predictions that the cast names."""
        return PredictionFiles(self.cast, self.store)

    def observations(self, model: str, data: str) -> Observations:
        """What a model said of a data set's images, joined with their annotations.

        Raises:
            NotMeasuredError: Something is missing.
            EvidenceError: Something is there but wrong.
        """
        if (model, data) not in self._observed:
            found = self._observed_once(model, data, self._evidence_data(model, data))
            again = [self.observations(name, data) for name in self._again(model, data)]
            self._observed[model, data] = replace(found, repeats=(*found.repeats, *again))
        return self._observed[model, data]

    def _again(self, model: str, data: str) -> list[str]:
        """Who answers for a model again on a data set."""
        return [name for name in self.cast.repeats_of(model) if self.cast.covers(name, data)]

    def _observed_once(self, model: str, data: str, of: str) -> Observations:
        if self.cast.data[data].reader == NETWORK:
            return observe_network(model, self.live)
        if self.cast.layers_on(data) == of:
            return observe_layers(model, data, self.live.similarities(Unit(model, of, kind=GRAMS)))
        if self.cast.data[data].reader == PROBE:
            return observe_tasks(model, data, self.live)
        if self.cast.seen(data) == of:
            return self._observe_views(model, data, of)
        return self._observe(model, data, of)

    def _observe(self, model: str, data: str, of: str) -> Observations:
        table, card = self.table(model, of), self.cast.models[model]
        frame = self.frame(data)
        if frame is None:
            frame = self._frame_of_table(data, table)
        found = observe(model, table, frame)
        later: dict[str, Callable[[], Array]] = {"logits": partial(self._logits, model, of, found.ids)}
        clean = self.cast.data[data].clean
        if clean is not None:
            later["clean_correct"] = partial(self._clean_correct, model, clean, found)
        repeats = [
            observe(f"{model} (repeat {number})", self._read(Unit(model, of), number), frame)
            for number in range(1, len(card.repeats) + 1)
        ]
        if clean is not None:   # of the run that is judged: a repeat of the corrupted images needs no other
            repeats = [replace(one, later={"clean_correct": later["clean_correct"]}) for one in repeats]
        return replace(found, later=later, repeats=tuple(repeats))

    def _observe_views(self, model: str, data: str, of: str) -> Observations:
        units = {view: Unit(model, of, view) for view in self.cast.data[data].views or ()}
        tables = {view: self.table(model, of, view) for view in units}
        seen, base = self.live.pictures(of).frame, self.cast.data[data].base_view
        found = observe(model, *sweep(tables, seen, data, base))
        later: dict[str, Callable[[], Array]] = {"padded": partial(self._padded, found, units)}
        return replace(found, later=later if base is not None else {**later, "base": partial(_no_base, data)})

    def _padded(self, observed: Observations, units: Mapping[str, Unit]) -> Array:
        """For each view of a picture how much of what the network was shown is black, because nothing was there."""
        views = [self.live.padding(units[view]) for view in observed.names.get("view", ())]
        if not views:
            raise NotMeasuredError(f"{observed.data}: corrupted pictures are padded like the others")
        places = (observed.columns[name].astype(np.intp) for name in ("view", "source"))
        return np.asarray(np.stack(views)[tuple(places)])

    def _logits(self, model: str, data: str, ids: NDArray[np.str_]) -> Array:
        space = self.live.space(data)
        if space is not None and not space.has_probabilities:
            raise NotMeasuredError(f"{data}: '{space.name}' maps answers; what it leaves of logits tells no more")
        if self.cast.models[model].live:
            return self.live.logits(Unit(model, data, kind=LOGITS), ids)
        kept = pinned(self.cast, model)
        if kept is not None:
            return kept.logits(Unit(model, data), ids)
        return self.files.logits(model, data, ids)

    def _clean_correct(self, model: str, clean: str, observed: Observations) -> Array:
        """For each corrupted image whether the model is right on the clean one, found by its name."""
        whole = self.observations(model, clean)
        names = np.asarray([name.rpartition("/")[2] for name in observed.ids.tolist()], dtype=np.str_)
        rows = np.minimum(np.searchsorted(whole.ids, names), len(whole) - 1)
        missing = whole.ids[rows] != names
        if missing.any():
            raise EvidenceError(f"{model} on {clean}: no prediction for '{names[missing][0]}' of {observed.data}")
        return whole.column("correct")[rows]

    def table(self, model: str, data: str, view: str = PLAIN) -> PredictionTable:
        """A model's checked predictions on a data set of its card."""
        unit = Unit(model, data, view)
        if unit not in self._tables:
            self._tables[unit] = self._read(unit)
        return self._tables[unit]

    def identity(self, model: str, data: str) -> str:
        """What a model's observations on a data set depend on, as a key: other evidence, other key.

        Raises:
            NotMeasuredError: A file is missing, or a network was not evaluated.
            EvidenceError: A card does not say enough.
        """
        of, clean = self._evidence_data(model, data), self.cast.data[data].clean
        if self.cast.data[data].reader == NETWORK:
            return network_identity(model, self.live)
        try:
            of_clean = self.identity(model, clean) if clean else None
        except NotMeasuredError:   # those measures that need it will say so
            of_clean = None
        sets = {name: self._set(name) for name in (data, of)}
        again = [self.identity(name, data) for name in self._again(model, data)]
        more = {"again": again} if again else {}
        return evidence_key(model=model, tables=self._keys(model, data), sets=sets, clean=of_clean, **more)

    def same(self, one: str, other: str, data: str) -> bool:
        """Whether two models are one: of the same weights, prepared alike, asked about the same pictures.

        Raises:
            NotMeasuredError: A file is missing, or a network was not evaluated.
        """
        alike = self._keys(one, data) == self._keys(other, data)
        clean = self.cast.data[data].clean
        return alike and (clean is None or self.same(one, other, clean))

    def _keys(self, model: str, data: str) -> list[str]:
        """The keys of a model's answers about a data set, whatever the model is called."""
        of, card = self._evidence_data(model, data), self.cast.models[model]
        if self.cast.data[data].reader == NETWORK:
            return [evidence_key(computing=self.live.computing(model))]
        if self.cast.data[data].reader == PROBE:
            return [self.live.key(unit) for unit in plan(self.cast, [(model, data)])]
        if card.live:
            views = self.cast.data[data].views or [PLAIN] if self.cast.seen(data) == of else [PLAIN]
            kind = GRAMS if self.cast.layers_on(data) == of else TABLE
            return [self.live.key(Unit(model, of, view, kind)) for view in views]
        kept = pinned(self.cast, model)
        if kept is not None:
            return kept.keys(of)
        return [self.files.find(model, of, number).key for number in range(len(card.repeats) + 1)]

    def _evidence_data(self, model: str, data: str) -> str:
        of = self.cast.evidence_data(model, data)
        if of is None or data not in self.cast.data:
            raise NotMeasuredError(f"{model} has no predictions on {data}")
        kept = pinned(self.cast, model)
        if kept is not None:
            for name in {*sets_behind(self.cast, data, of)} - self._as_pinned:
                kept.check_set(name, self.set_identity(name))
                self._as_pinned.add(name)
        return of

    def set_identity(self, data: str) -> str:
        """What is asked about: other pictures, labels or annotations, another label space, another identity.

        Args:
            data: A data set, or a split of a probed task.

        Raises:
            NotMeasuredError: It is missing.
            EvidenceError: It is there but wrong.
        """
        found = self._set(data) if data in self.cast.data else [self.live.pictures(data).manifest]
        return evidence_key(set=found, space=space_record(self.live.space(data)))

    def _set(self, data: str) -> list[object]:
        """What is known of a data set's images depends on its reader, its size and the files of its root."""
        card = self.cast.data[data]
        if card.has_pictures:
            return [card.reader, self.live.pictures(data).manifest]
        if card.reader == PROBE:
            return [card.reader, card.tasks]
        if card.reader in ("views", "similarity"):
            return [card.reader, card.views, card.base_view]
        root = expand(card.root, self.cast.path.parent, self.store.root) if card.root else None
        files = [self.files.hash(file) for file in root_files(root, card)] if root else []
        return [card.reader, None if self._is_part(data) else self.files.size(data), files]

    def check_unchanged(self) -> None:
        """Make sure that no file of predictions has changed since it was first looked at; raises where one has."""
        self.files.check_unchanged()

    def _read(self, unit: Unit, number: int = 0) -> PredictionTable:
        if self.cast.models[unit.model].live:
            space = self.live.space(unit.data)
            table = self.live.table(unit)
            return table if space is None or space.has_probabilities else answers_of(table)
        kept = pinned(self.cast, unit.model)
        if kept is not None:
            table = kept.table(unit, number)
            self._check(unit.data, table, str(kept.folder))
            return table
        return self.files.table(unit.model, unit.data, number, partial(self._check, unit.data))

    def _check(self, data: str, table: PredictionTable, where: str) -> None:
        """The table must hold the images of its data set, all of them, and no others."""
        card, of, frame = self.cast.data[data], images_of(data), self.frame(data)
        if self._is_part(data) or (card.has_pictures and card.reader == "cue-conflict"):
            return   # what a table has beyond these pictures is left out; what it lacks is for `observe` to find
        images = len(frame.ids) if card.has_pictures and frame is not None else self.files.size(data)[0]
        if len(table) != images and not (of and len(table) == PUBLISHED[of].images):
            raise EvidenceError(f"{where}: {len(table):,} images, but {data} has {images:,}")
        if frame is None:
            return
        unknown = np.setdiff1d(table.ids, frame.ids)
        if len(unknown) and of is None:
            raise EvidenceError(
                f"{where}: {len(unknown):,} unknown ids, such as {str(unknown[0])!r}; "
                f"{data} has names like {str(frame.ids[0])!r}"
            )

    def _whole(self, data: str) -> str | None:
        """The set with pictures that a set is part of, because its card says that these are a subset; else None."""
        for name in (data, images_of(data)):
            card = self.cast.data.get(name) if name else None
            if card is not None and card.subset and card.has_pictures:
                return name
        return None

    def _is_part(self, data: str) -> bool:
        return self._whole(data) is not None

    def frame(self, data: str) -> Frame | None:
        """The data set's frame where it is in a file of its own; None where the tables tell."""
        if data not in self._frames:
            self._frames[data] = self._read_frame(data)
        return self._frames[data]

    def _read_frame(self, data: str) -> Frame | None:
        card = self.cast.data[data]
        if card.has_pictures:
            return self.live.pictures(data).frame
        if card.reader in ("tables", "cue-conflict", "corruptions"):
            return None
        if card.root is None:
            raise EvidenceError(f"{data}: the reader '{card.reader}' needs a `root`")
        root = expand(card.root, self.cast.path.parent, self.store.root)
        images, classes = size_of(data, card)
        with drawn_first(card.root):
            frame = _READERS[card.reader](root, data, classes)
        whole = self._whole(data)
        if whole is not None:
            frame = frame.only(np.isin(frame.ids, self.live.pictures(whole).frame.ids))
        if len(frame.ids) != images and (whole is None or card.images is not None):
            raise EvidenceError(f"{root}: {len(frame.ids):,} images, but {data} has {images:,}")
        return frame

    def _frame_of_table(self, data: str, table: PredictionTable) -> Frame:
        card = self.cast.data[data]
        if card.reader == "cue-conflict":
            return cue_conflict_frame(table.ids, data)
        if card.reader == "corruptions":
            root = expand(card.root or "", self.cast.path.parent, self.store.root)
            return corruptions_frame(table.ids, read_labels(root, data, self.files.size(data)[1]), data)
        if "label" not in table.columns:
            raise NotMeasuredError(f"{data}: the reader 'tables' takes labels from the tables, and this one has none")
        _, classes = self.files.size(data)
        return Frame(data, table.ids, {"label": table.columns["label"]}, classes)


def sets_behind(cast: Cast, data: str, of: str) -> tuple[str, ...]:
    """The data sets that a model's answers about one are about: its own, and the splits of tasks that are probed."""
    card = cast.data[data]
    if card.reader == NETWORK:   # nobody asks about anything
        return ()
    splits = [split for task in cast.tasks(data) for split in task.splits] if card.reader == PROBE else []
    return tuple(dict.fromkeys([data, of, *splits]))


def _no_base(data: str) -> Array:
    raise NotMeasuredError(f"{data} has no view that the others are compared with; name it as `base` on its card")
