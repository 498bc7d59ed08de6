"""One model's predictions joined with what is known of the images: what measures are computed from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.frame import Frame
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.table import PredictionTable
from demeanour.measures.accuracy import in_label_set

Array = NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Observations:
    """What one model said of the images of one data set, with their labels and annotations.

    Attributes:
        model: The model's name in the cast.
        data: The data set's name in the cast.
        ids: Image ids, ascending; (n,).
        columns: Columns of the prediction table and of the data set's frame, each with n rows.
        clusters: Names of the columns that tell images of one source, the deciding one first.
        names: For a column of codes or a matrix, what its codes or columns stand for.
        later: Columns that are read when they are asked for, because they are large or of another data set.
        repeats: What the same weights said of the same images under another batch size, precision or device.
    """

    model: str
    data: str
    ids: NDArray[np.str_]
    columns: dict[str, Array]
    clusters: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    later: Mapping[str, Callable[[], Array]] = field(default_factory=dict)
    repeats: tuple[Observations, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def column(self, name: str) -> Array:
        """A column, or one that follows from others: ``correct`` is prediction == label, or one of several labels.

        Raises:
            NotMeasuredError: The column is missing and follows from nothing that is there.
        """
        if name not in self.columns and name in self.later:
            self.columns[name] = self.later[name]()
        if name in self.columns:
            return self.columns[name]
        if name == "held_out":
            return held_out(self.ids)
        recipes = _DERIVED.get(name, ())
        for needs, derive in recipes:
            if needs == recipes[-1][0] or all(need in self.columns for need in needs):
                return derive(*(self.column(need) for need in needs))
        raise NotMeasuredError(
            f"the predictions of {self.model} on {self.data} have no column '{name}'; "
            f"they have {', '.join(sorted(self.columns))}"
        )


# each column by the recipes that give it: the first whose needs are there
_DERIVED: dict[str, tuple[tuple[tuple[str, ...], Callable[..., Array]], ...]] = {
    "correct": (
        (("prediction", "label_set"), in_label_set),
        (("prediction", "label"), lambda prediction, label: prediction == label),
    ),
    "correct5": (
        (("top5", "label"), lambda top5, label: (top5 == label[:, None]).any(axis=1)),
        (("rank_of_label",), lambda rank: rank <= 5),
    ),
}


_OF_THE_LABEL = ("label", "probability_of_label", "rank_of_label")   # where there are several, nobody knows of which


def held_out(ids: NDArray[np.str_]) -> NDArray[np.bool_]:
    """The half of the images that nothing is fitted on; it depends on each image's name alone; (n,)."""
    return np.asarray([hashlib.sha256(name.encode()).digest()[0] % 2 == 0 for name in ids.tolist()])


def observe(model: str, table: PredictionTable, frame: Frame) -> Observations:
    """Join predictions and a frame by image id.

    Args:
        model: The model's name.
        table: Its predictions; rows of images that the frame does not hold are left out by the caller's leave
            only: see ``check_ids``.
        frame: Labels and annotations.

    Raises:
        EvidenceError: The table lacks images of the frame, or its own labels contradict the frame's.
    """
    if len(table) == 0:
        raise EvidenceError(f"{model} on {frame.data}: no predictions")
    rows = np.minimum(np.searchsorted(table.ids, frame.ids), len(table) - 1)
    missing = table.ids[rows] != frame.ids
    if missing.any():
        raise EvidenceError(
            f"{model} on {frame.data}: no prediction for {int(missing.sum()):,} of {len(frame.ids):,} images, "
            f"such as '{frame.ids[np.argmax(missing)]}'"
        )
    columns = {name: values[rows] for name, values in table.columns.items()}
    if "label_set" in frame.columns:   # one of several right answers is not the label
        columns = {name: values for name, values in columns.items() if name not in _OF_THE_LABEL}
    if "label" in columns and "label" in frame.columns:
        wrong = columns["label"] != frame.columns["label"]
        if wrong.any():
            first = int(np.argmax(wrong))
            raise EvidenceError(
                f"{model} on {frame.data}: the table's labels contradict the data set's in {int(wrong.sum()):,} rows, "
                f"such as '{frame.ids[first]}': {columns['label'][first]} against {frame.columns['label'][first]}"
            )
    return Observations(model, frame.data, frame.ids, {**columns, **frame.columns}, frame.clusters, frame.names)


def check_paired(observed: Sequence[Observations]) -> None:
    """Make sure that all observations are of the same images with the same labels, row by row.

    Raises:
        EvidenceError: Ids or labels differ.
    """
    first = observed[0]
    for other in observed[1:]:
        if first.ids is not other.ids and (len(first) != len(other) or (first.ids != other.ids).any()):
            only = np.setdiff1d(first.ids, other.ids)
            extra = np.setdiff1d(other.ids, first.ids)
            raise EvidenceError(
                f"{first.model} and {other.model} saw different images of {first.data}: "
                f"{len(only):,} only the first{_example(only)}, {len(extra):,} only the second{_example(extra)}"
            )
        if "label" in first.columns and "label" in other.columns:
            differ = first.columns["label"] != other.columns["label"]
            if differ.any():
                raise EvidenceError(
                    f"{first.model} and {other.model} have different labels for {int(differ.sum()):,} images of "
                    f"{first.data}, such as '{first.ids[np.argmax(differ)]}': their rows are not in one order"
                )


def _example(ids: Iterable[str]) -> str:
    found = next(iter(ids), None)
    return f" (such as {str(found)!r})" if found is not None else ""
