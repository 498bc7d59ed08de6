"""From a cast to evidence: files are found, read, checked, kept in the store, and joined with the data sets."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from demeanour.datasets.catalogue import PUBLISHED, images_of
from demeanour.datasets.cue_conflict import cue_conflict_frame
from demeanour.datasets.frame import Frame
from demeanour.datasets.imagenet_x import read_imagenet_x
from demeanour.datasets.labels import read_labels
from demeanour.errors import EvidenceError, NotMeasuredError, did_you_mean
from demeanour.evidence.drawn import drawn_folder
from demeanour.evidence.formats import Format, Order, find_format
from demeanour.evidence.observations import Observations, observe
from demeanour.evidence.store import Store, evidence_key, file_hash
from demeanour.evidence.table import PredictionTable, prediction_table
from demeanour.findings.cast import ROW_ORDER, Cast, DataCard, ModelCard

_ENDINGS = (".parquet", ".csv", ".npz", ".npy")


def expand(text: str, base: Path, store: Path) -> Path:
    """A path of a cast: ``${VARIABLES}`` replaced, relative to the cast's folder.

    Args:
        text: The path; ``drawn:PATH`` lies in the drawn cast's folder, which is made if need be.
        base: The cast's folder.
        store: The folder of evidence.

    Raises:
        NotMeasuredError: A variable is not set, or the drawn cast cannot be written.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if not os.environ.get(name):
            alike = did_you_mean(name, os.environ)
            hint = alike if alike.startswith("did you mean") else "set it to the folder that holds the files"
            raise NotMeasuredError(f"the environment variable {name} is not set; {hint}")
        return os.environ[name]

    if text.startswith("drawn:"):
        try:
            return drawn_folder(store) / text.removeprefix("drawn:")
        except OSError as error:
            raise NotMeasuredError(f"the drawn predictions cannot be written: {error}; see DEMEANOUR_CACHE") from error
    path = Path(re.sub(r"\$\{(\w+)\}", value, text)).expanduser()
    if path.is_absolute():
        return path
    # what a variable holds is meant from where the command runs, what the cast says from where the cast lies
    return (Path.cwd() if text.startswith("${") else base).joinpath(path).resolve()


def source_file(card: ModelCard, data: str, base: Path, store: Path) -> Path:
    """The file with a model's predictions on a data set.

    Raises:
        NotMeasuredError: A variable is not set, or the file or folder is missing.
        EvidenceError: The source is no ``predictions:``, or a folder holds several tables of the set.
    """
    scheme, _, rest = card.source.partition(":")
    if scheme != "predictions":
        raise EvidenceError(f"'{card.source}': this version reads `predictions:` sources only")
    path = expand(rest, base, store)
    if not path.exists():
        raise NotMeasuredError(f"{path} is missing")
    if path.is_file():
        return path
    found = [path / f"{data}{ending}" for ending in _ENDINGS if (path / f"{data}{ending}").is_file()]
    if not found:
        wanted = ", ".join(f"{data}{ending}" for ending in _ENDINGS)
        raise NotMeasuredError(f"{path} holds no table of {data}; expected one of {wanted}")
    if len(found) > 1:
        raise EvidenceError(f"{path} holds several tables of {data}: {', '.join(f.name for f in found)}; keep one")
    return found[0]


def size_of(data: str, card: DataCard) -> tuple[int, int]:
    """How many images and classes a data set has, from its card or as published.

    Raises:
        EvidenceError: Neither tells.
    """
    known = PUBLISHED.get(data)
    images = card.images or (known.images if known else None)
    classes = card.classes or (known.classes if known else None)
    if images is None or classes is None:
        raise EvidenceError(f"{data} is no published set: its card must say how many `images` and `classes` it has")
    return images, classes


@dataclass
class Evidence:
    """All that a cast's models said, read on demand, once in a process, and kept in the store."""

    cast: Cast
    store: Store
    _frames: dict[str, Frame | None] = field(default_factory=dict)
    _tables: dict[tuple[str, str], PredictionTable] = field(default_factory=dict)
    _observed: dict[tuple[str, str], Observations] = field(default_factory=dict)

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
            table = self.table(model, of)
            frame = self._frame(data)
            if frame is None:
                frame = self._frame_of_table(data, table)
            self._observed[model, data] = observe(model, table, frame)
        return self._observed[model, data]

    def table(self, model: str, data: str) -> PredictionTable:
        """A model's checked predictions on a data set of its card."""
        if (model, data) not in self._tables:
            self._tables[model, data] = self._read(model, data)
        return self._tables[model, data]

    def _read(self, model: str, data: str) -> PredictionTable:
        card = self.cast.models[model]
        base = self.cast.path.parent
        path = source_file(card, data, base, self.store.root)
        kind = find_format(path, card.format)
        order = self._order(card)
        _, classes = self._size(data)
        beside = [file for file in (order.ids, path.with_name(f"{path.stem}.labels.npy")) if file and file.is_file()]
        key = evidence_key(
            source=file_hash(path),
            beside=[file_hash(file) for file in beside],
            format=[kind.name, kind.version],
            order=order.name,
            data=data,
            classes=classes,
            no_answer=self._may_not_answer(data),
        )
        manifest = {"model": model, "data": data, "format": kind.name, "source": path.name}
        table = self.store.table(key, manifest, lambda: self._make(path, kind, order, data, classes))
        self._check(table, data, f"{path}")
        return table

    def _make(self, path: Path, kind: Format, order: Order, data: str, classes: int) -> PredictionTable:
        ids, columns = kind.read(path, order, classes)
        return prediction_table(ids, columns, classes, str(path), no_answer=self._may_not_answer(data))

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
        if card.reader in ("tables", "cue-conflict"):
            return None
        if card.root is None:
            raise EvidenceError(f"{data}: the reader '{card.reader}' needs a `root`")
        root = expand(card.root, self.cast.path.parent, self.store.root)
        images, classes = size_of(data, card)
        frame = (read_labels if card.reader == "labels" else read_imagenet_x)(root, data, classes)
        if len(frame.ids) != images:
            raise EvidenceError(f"{root}: {len(frame.ids):,} images, but {data} has {images:,}")
        return frame

    def _frame_of_table(self, data: str, table: PredictionTable) -> Frame:
        if self.cast.data[data].reader == "cue-conflict":
            return cue_conflict_frame(table.ids, data)
        if "label" not in table.columns:
            raise NotMeasuredError(f"{data}: the reader 'tables' takes labels from the tables, and this one has none")
        _, classes = self._size(data)
        return Frame(data, table.ids, {"label": table.columns["label"]}, classes)
