"""A data set without its pixels: one row for each image, with what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from demeanour.errors import EvidenceError


@dataclass(frozen=True)
class Frame:
    """Labels and annotations of a data set's images.

    Attributes:
        data: The name of the data set.
        ids: Image ids, unique, in ascending order; (n,) of str.
        columns: For each name an array with n rows: ``label`` (int), and what the set annotates, such as
            ``factors`` (n, 16) of bool, or ``shape`` and ``texture`` (int).
        classes: How many classes the labels count.
        clusters: Names of columns (int) whose values tell which images were made from one source; the first
            is the one that decides, all of them together give the two-way interval.
        names: For a column of codes or a matrix, what its codes or columns stand for.
    """

    data: str
    ids: NDArray[np.str_]
    columns: dict[str, NDArray[np.generic]]
    classes: int
    clusters: tuple[str, ...] = ()
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, values in self.columns.items():
            if len(values) != len(self.ids):
                raise EvidenceError(f"{self.data}: {len(values)} values of {name} for {len(self.ids)} images")

    def only(self, keep: NDArray[np.bool_]) -> Frame:
        """The frame of some of the images; (n,) of bool."""
        return replace(self, ids=self.ids[keep], columns={name: values[keep] for name, values in self.columns.items()})


def distinct_columns(table: pa.Table, path: Path) -> pa.Table:
    """The table itself.

    Raises:
        EvidenceError: Two columns share a name.
    """
    names = table.column_names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise EvidenceError(f"{path}: the column '{twice[0]}' stands twice; keep one")
    return table


def sorted_unique(ids: NDArray[np.str_], where: str) -> NDArray[np.intp]:
    """The order that sorts image ids.

    Raises:
        EvidenceError: An id is empty or stands twice.
    """
    empty = int((ids == "").sum())
    if empty:
        raise EvidenceError(f"{where}: {empty} rows have no id; give every row the name of its image")
    order = np.argsort(ids, kind="stable")
    ranked = ids[order]
    twice = np.unique(ranked[1:][ranked[1:] == ranked[:-1]])
    if len(twice):
        raise EvidenceError(f"{where}: {len(twice)} duplicate ids, such as '{twice[0]}'; keep one row for each image")
    return order
