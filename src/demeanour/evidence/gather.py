"""From a cast to evidence: files are found, read, checked, kept in the store, and joined with the data sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.catalogue import PUBLISHED, images_of
from demeanour.datasets.corruptions import corruptions_frame
from demeanour.datasets.cue_conflict import cue_conflict_frame
from demeanour.datasets.frame import Frame
from demeanour.datasets.imagenet_x import read_imagenet_x
from demeanour.datasets.label_space import LabelSpace, read_label_space
from demeanour.datasets.labels import read_labels
from demeanour.datasets.multilabel import read_label_sets
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.formats import Format, Order, find_format, load_logits
from demeanour.evidence.observations import Array, Observations, observe
from demeanour.evidence.sources import expand, root_files, size_of, source_file
from demeanour.evidence.store import Store, evidence_key
from demeanour.evidence.table import PredictionTable, prediction_table
from demeanour.files import file_hash
from demeanour.findings.cast import ROW_ORDER, Cast, ModelCard

_READERS = {"labels": read_labels, "label-sets": read_label_sets, "imagenet-x": read_imagenet_x}


@dataclass(frozen=True)
class _File:
    """A file of predictions, how it is read, and the key of the table that it gives."""

    path: Path
    kind: Format
    order: Order
    key: str


@dataclass
class Evidence:
    """All that a cast's models said, read on demand, once in a process, and kept in the store."""

    cast: Cast
    store: Store
    _frames: dict[str, Frame | None] = field(default_factory=dict)
    _tables: dict[tuple[str, str], PredictionTable] = field(default_factory=dict)
    _observed: dict[tuple[str, str], Observations] = field(default_factory=dict)
    _hashes: dict[Path, tuple[str, tuple[int, ...]]] = field(default_factory=dict)

    def observations(self, model: str, data: str) -> Observations:
        """What a model said of a data set's images, joined with their annotations.

        Raises:
            NotMeasuredError: Something is missing.
            EvidenceError: Something is there but wrong.
        """
        if (model, data) not in self._observed:
            of = self.cast.evidence_data(model, data)
            if of is None or data not in self.cast.data:
                raise NotMeasuredError(f"{model} has no predictions on {data}")
            table, card = self.table(model, of), self.cast.models[model]
            frame = self._frame(data)
            if frame is None:
                frame = self._frame_of_table(data, table)
            found = observe(model, table, frame)
            later: dict[str, Callable[[], Array]] = {"logits": partial(self._logits, model, of, found.ids)}
            clean = self.cast.data[data].clean
            if clean is not None:
                later["clean_correct"] = partial(self._clean_correct, model, clean, found)
            repeats = [
                observe(f"{model} (repeat {number})", self._read(model, of, number), frame)
                for number in range(1, len(card.repeats) + 1)
            ]
            if clean is not None:   # of the run that is judged: a repeat of the corrupted images needs no other
                repeats = [replace(one, later={"clean_correct": later["clean_correct"]}) for one in repeats]
            self._observed[model, data] = replace(found, later=later, repeats=tuple(repeats))
        return self._observed[model, data]

    def _logits(self, model: str, data: str, ids: NDArray[np.str_]) -> Array:
        """The logits behind a model's predictions; (images, classes)."""
        file = self._file(model, data)
        if file.kind.name != "logits":
            raise NotMeasuredError(f"{file.path} holds predictions of {model} on {data}, no logits")
        found, logits, _ = load_logits(file.path, file.order, self._size(data)[1], self._label_space(data))
        order = np.argsort(found)
        return logits[order[np.searchsorted(found, ids, sorter=order)]]

    def _clean_correct(self, model: str, clean: str, observed: Observations) -> Array:
        """For each corrupted image whether the model is right on the clean one, found by its name."""
        whole = self.observations(model, clean)
        names = np.asarray([name.rpartition("/")[2] for name in observed.ids.tolist()], dtype=np.str_)
        rows = np.minimum(np.searchsorted(whole.ids, names), len(whole) - 1)
        missing = whole.ids[rows] != names
        if missing.any():
            raise EvidenceError(f"{model} on {clean}: no prediction for '{names[missing][0]}' of {observed.data}")
        return whole.column("correct")[rows]

    def table(self, model: str, data: str) -> PredictionTable:
        """A model's checked predictions on a data set of its card."""
        if (model, data) not in self._tables:
            self._tables[model, data] = self._read(model, data)
        return self._tables[model, data]

    def identity(self, model: str, data: str) -> str:
        """What a model's observations on a data set depend on, as a key: other files, other key.

        Raises:
            NotMeasuredError: A file is missing.
            EvidenceError: A card does not say enough.
        """
        of = self.cast.evidence_data(model, data)
        if of is None or data not in self.cast.data:
            raise NotMeasuredError(f"{model} has no predictions on {data}")
        clean = self.cast.data[data].clean
        try:
            of_clean = self.identity(model, clean) if clean else None
        except NotMeasuredError:   # those measures that need it will say so
            of_clean = None
        return evidence_key(
            model=model,
            tables=[self._file(model, of, number).key for number in range(len(self.cast.models[model].repeats) + 1)],
            sets={name: self._set(name) for name in (data, of)},
            clean=of_clean,
        )

    def _set(self, data: str) -> list[object]:
        """What is known of a data set's images depends on its reader, its size and the files of its root."""
        card = self.cast.data[data]
        root = expand(card.root, self.cast.path.parent, self.store.root) if card.root else None
        return [card.reader, self._size(data), [self._hash(file) for file in root_files(root, card)] if root else []]

    def _hash(self, path: Path) -> str:
        """Of a file, once; whether it stays as it is, is for `check_unchanged` to say."""
        if path not in self._hashes:
            try:
                look = _look_of(path)   # before it is read: what is put in its place afterwards looks different
                self._hashes[path] = file_hash(path), look
            except OSError as error:
                raise NotMeasuredError(f"{path} cannot be read: {error.strerror}") from error
        return self._hashes[path][0]

    def check_unchanged(self) -> None:
        """Make sure that no file has changed since it was first looked at: what was read would not be what is named.

        Raises:
            EvidenceError: One has.
        """
        for path, (_, look) in self._hashes.items():
            if not path.exists() or _look_of(path) != look:
                raise EvidenceError(f"{path} changed during the run; run again")

    def _read(self, model: str, data: str, number: int = 0) -> PredictionTable:
        file = self._file(model, data, number)
        manifest = {"model": model, "data": data, "format": file.kind.name, "source": file.path.name}
        table = self.store.table(file.key, manifest, lambda: self._make(file, data))
        self._check(table, data, f"{file.path}")
        return table

    def _file(self, model: str, data: str, number: int = 0) -> _File:
        """The file of a model's predictions, or of a repeat (from 1), and the key of the table that it gives."""
        card = self.cast.models[model]
        if number:
            card = card.model_copy(update={"source": card.repeats[number - 1]})
        path = source_file(card, data, self.cast.path.parent, self.store.root)
        kind = find_format(path, card.format)
        order = self._order(card)
        _, classes = self._size(data)
        beside = [file for file in (order.ids, path.with_name(f"{path.stem}.labels.npy")) if file and file.is_file()]
        space = self._label_space_file(data)
        if space and (found := len(read_label_space(space).groups)) != classes:
            raise EvidenceError(f"{space}: {found} classes, but {data} has {classes}")
        key = evidence_key(
            source=self._hash(path),
            beside=[self._hash(file) for file in beside],
            format=[kind.name, kind.version],
            order=order.name,
            data=data,
            classes=classes,
            no_answer=self._may_not_answer(data),
            **({"label_space": self._hash(space)} if space else {}),
        )
        return _File(path, kind, order, key)

    def _make(self, file: _File, data: str) -> PredictionTable:
        _, classes = self._size(data)
        space = self._label_space(data) if file.kind.name == "logits" else None
        ids, columns = file.kind.read(file.path, file.order, classes, *([space] if space else []))
        self.check_unchanged()   # or the table would be kept under the key of another file
        return prediction_table(ids, columns, classes, str(file.path), no_answer=self._may_not_answer(data))

    def _check(self, table: PredictionTable, data: str, where: str) -> None:
        """The table must hold the images of its data set, all of them, and no others."""
        images, _ = self._size(data)
        of = images_of(data)
        if len(table) != images and not (of and len(table) == PUBLISHED[of].images):
            raise EvidenceError(f"{where}: {len(table):,} images, but {data} has {images:,}")
        frame = self._frame(data)
        if frame is None:
            return
        unknown = np.setdiff1d(table.ids, frame.ids)
        if len(unknown) and of is None:
            raise EvidenceError(
                f"{where}: {len(unknown):,} unknown ids, such as {str(unknown[0])!r}; "
                f"{data} has names like {str(frame.ids[0])!r}"
            )

    def _size(self, data: str) -> tuple[int, int]:
        card = self.cast.data.get(data)
        if card is None:
            raise NotMeasuredError(f"the cast {self.cast.name} has no data card for {data}")
        return size_of(data, card)

    def _label_space_file(self, data: str) -> Path | None:
        named = self.cast.data[data].label_space
        if named is None:
            return None
        path = expand(named, self.cast.path.parent, self.store.root)
        if not path.is_file():
            raise NotMeasuredError(f"{path} is missing; it is the label space of {data}")
        return path

    def _label_space(self, data: str) -> LabelSpace | None:
        path = self._label_space_file(data)
        return read_label_space(path) if path else None

    def _may_not_answer(self, data: str) -> bool:
        return self.cast.data[data].reader == "cue-conflict"

    def _order(self, card: ModelCard) -> Order:
        if card.ids is None:
            return Order()
        if card.ids == ROW_ORDER:
            return Order(name=card.order)
        return Order(ids=expand(card.ids, self.cast.path.parent, self.store.root))

    def _frame(self, data: str) -> Frame | None:
        """The data set's frame where it is in a file of its own; None where the tables tell."""
        if data not in self._frames:
            self._frames[data] = self._read_frame(data)
        return self._frames[data]

    def _read_frame(self, data: str) -> Frame | None:
        card = self.cast.data[data]
        if card.reader in ("tables", "cue-conflict", "corruptions"):
            return None
        if card.root is None:
            raise EvidenceError(f"{data}: the reader '{card.reader}' needs a `root`")
        root = expand(card.root, self.cast.path.parent, self.store.root)
        images, classes = size_of(data, card)
        frame = _READERS[card.reader](root, data, classes)
        if len(frame.ids) != images:
            raise EvidenceError(f"{root}: {len(frame.ids):,} images, but {data} has {images:,}")
        return frame

    def _frame_of_table(self, data: str, table: PredictionTable) -> Frame:
        card = self.cast.data[data]
        if card.reader == "cue-conflict":
            return cue_conflict_frame(table.ids, data)
        if card.reader == "corruptions":
            root = expand(card.root or "", self.cast.path.parent, self.store.root)
            return corruptions_frame(table.ids, read_labels(root, data, self._size(data)[1]), data)
        if "label" not in table.columns:
            raise NotMeasuredError(f"{data}: the reader 'tables' takes labels from the tables, and this one has none")
        _, classes = self._size(data)
        return Frame(data, table.ids, {"label": table.columns["label"]}, classes)


def _look_of(path: Path) -> tuple[int, ...]:
    """By what a change of a file shows without reading it."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino
