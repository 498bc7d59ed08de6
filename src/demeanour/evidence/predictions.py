"""Files of predictions: found by a cast's cards, identified by their bytes, read and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.label_spaces import BUILT_IN, find_label_space
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.formats import Format, Order, find_format, load_logits
from demeanour.evidence.observations import Array
from demeanour.evidence.sources import expand, size_of, source_file
from demeanour.evidence.store import Store, evidence_key
from demeanour.evidence.table import PredictionTable, answers_of, prediction_table
from demeanour.files import file_hash
from demeanour.findings.cards import ROW_ORDER, ModelCard
from demeanour.findings.cast import Cast


@dataclass(frozen=True)
class Predicted:
    """A file of predictions, how it is read, and the key of the table that it gives."""

    path: Path
    kind: Format
    order: Order
    key: str


@dataclass
class PredictionFiles:
    """The files that the cards of a cast name, each hashed once in a process."""

    cast: Cast
    store: Store
    _hashes: dict[Path, tuple[str, tuple[int, ...]]] = field(default_factory=dict)

    def find(self, model: str, data: str, number: int = 0) -> Predicted:
        """The file of a model's predictions, or of a repeat (from 1), and the key of the table that it gives."""
        card = self.cast.models[model]
        if number:
            card = card.model_copy(update={"source": card.repeats[number - 1]})
        path = source_file(card, data, self.cast.path.parent, self.store.root)
        kind = find_format(path, card.format)
        order = self._order(card)
        _, classes = self.size(data)
        beside = [file for file in (order.ids, path.with_name(f"{path.stem}.labels.npy")) if file and file.is_file()]
        space, file = self._label_space(data), self._label_space_file(data)
        if space and len(space.groups) != classes:
            where = file or f"label space '{space.name}'"
            raise EvidenceError(f"{where}: {len(space.groups)} classes, but {data} has {classes}")
        named = self.cast.data[data].label_space
        key = evidence_key(
            source=self.hash(path),
            beside=[self.hash(file) for file in beside],
            format=[kind.name, kind.version],
            order=order.name,
            data=data,
            classes=classes,
            no_answer=self._may_not_answer(data),
            **({"label_space": self.hash(file) if file else named} if named else {}),
        )
        return Predicted(path, kind, order, key)

    def table(
        self, model: str, data: str, number: int, check: Callable[[PredictionTable, str], None]
    ) -> PredictionTable:
        """The table that a file gives, from the store or made.

        Args:
            model: Whose predictions.
            data: Of which set.
            number: 0, or which repeat.
            check: Called with the table and its file; raises where it is not what the data set wants.
        """
        file = self.find(model, data, number)
        manifest = {"model": model, "data": data, "format": file.kind.name, "source": file.path.name}
        table = self.store.table(file.key, manifest, lambda: self._make(file, data))
        check(table, f"{file.path}")
        space = self._label_space(data) if file.kind.name == "logits" else None
        return table if space is None or space.has_probabilities else answers_of(table)

    def _make(self, file: Predicted, data: str) -> PredictionTable:
        _, classes = self.size(data)
        space = self._label_space(data) if file.kind.name == "logits" else None
        ids, columns = file.kind.read(file.path, file.order, classes, *([space] if space else []))
        self.check_unchanged()   # or the table would be kept under the key of another file
        classes = space.columns if space else classes
        return prediction_table(ids, columns, classes, str(file.path), no_answer=self._may_not_answer(data))

    def logits(self, model: str, data: str, ids: NDArray[np.str_]) -> Array:
        """The logits behind a model's predictions; (images, classes)."""
        file = self.find(model, data)
        if file.kind.name != "logits":
            raise NotMeasuredError(f"{file.path} holds predictions of {model} on {data}, no logits")
        found, logits, _ = load_logits(file.path, file.order, self.size(data)[1], self._label_space(data))
        order = np.argsort(found)
        return logits[order[np.searchsorted(found, ids, sorter=order)]]

    def size(self, data: str) -> tuple[int, int]:
        """How many images and classes a data set has."""
        card = self.cast.data.get(data)
        if card is None:
            raise NotMeasuredError(f"the cast {self.cast.name} has no data card for {data}")
        return size_of(data, card)

    def hash(self, path: Path) -> str:
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

    def _label_space_file(self, data: str) -> Path | None:
        named = self.cast.data[data].label_space
        if named is None or named in BUILT_IN:
            return None
        path = expand(named, self.cast.path.parent, self.store.root)
        if not path.is_file():
            raise NotMeasuredError(f"{path} is missing; it is the label space of {data}")
        return path

    def _label_space(self, data: str) -> LabelSpace | None:
        card, path = self.cast.data[data], self._label_space_file(data)
        if card.label_space is None:
            return None
        root = expand(card.root, self.cast.path.parent, self.store.root) if card.root else None
        return find_label_space(str(path) if path else card.label_space, root)

    def _may_not_answer(self, data: str) -> bool:
        return self.cast.data[data].reader == "cue-conflict"

    def _order(self, card: ModelCard) -> Order:
        if card.ids is None:
            return Order()
        if card.ids == ROW_ORDER:
            return Order(name=card.order)
        return Order(ids=expand(card.ids, self.cast.path.parent, self.store.root))


def _look_of(path: Path) -> tuple[int, ...]:
    """By what a change of a file shows without reading it."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino
