"""Frames of pictures whose labels lie in the same files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.frame import Frame, sorted_unique
from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.multilabel import NONE
from demeanour.errors import EvidenceError


@dataclass(frozen=True)
class Labels:
    """The labels of pictures, one or several of each.

    Attributes:
        values: Class indices, picture by picture, (all labels,).
        counts: How many of them each picture has, (n,).
        several: Whether a picture may have several.
    """

    values: NDArray[np.int64]
    counts: NDArray[np.int64]
    several: bool


@dataclass(frozen=True)
class Annotations:
    """What is known of pictures beside their labels; as in a `Frame`."""

    columns: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    clusters: tuple[str, ...] = ()
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def agreed_classes(where: str, told: Mapping[str, int | None], space: LabelSpace | None) -> int:
    """How many classes a data set has.

    Args:
        where: The data set's files, for messages.
        told: What each source says, None where it says nothing.
        space: The data set's label space, another source.

    Raises:
        EvidenceError: Two sources disagree, or none says anything.
    """
    counts = {source: count for source, count in told.items() if count is not None}
    if space is not None:
        counts[f"the label space '{space.name}'"] = len(space.groups)
    if not counts:
        raise EvidenceError(f"{where}: nothing tells how many classes there are; say `classes` on the data set's card")
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{count} by {source}" for source, count in counts.items())
        raise EvidenceError(f"{where}: how many classes? {found}")
    return next(iter(counts.values()))


def labelled_frame(
    data: str,
    where: str,
    ids: NDArray[np.str_],
    labels: Labels,
    classes: int,
    images: int | None,
    annotations: Annotations | None = None,
) -> tuple[Frame, NDArray[np.intp], tuple[str, ...]]:
    """A frame of labelled pictures; those without any label are left out, as in ImageNet-ReaL.

    Args:
        data: The name of the data set in the cast.
        where: Its files, for messages.
        ids: In any order, (n,).
        labels: Of each of them.
        classes: How many classes the labels count.
        images: How many pictures there must be; None where that is not known.
        annotations: What else is known of each of them.

    Returns:
        The frame, with ``label`` or ``label_set``; for each of its rows the position among ``ids``; and notes.

    Raises:
        EvidenceError: An id is empty or stands twice, a label is no class index, a set holds one twice, no picture has
            a label, or the number of pictures is another.
    """
    rows = np.repeat(np.arange(len(ids)), labels.counts)
    wrong = (labels.values < 0) | (labels.values >= classes)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise EvidenceError(
            f"{where}: {int(wrong.sum())} labels are no class index in 0 … {classes - 1}, "
            f"such as {labels.values[first]} of '{ids[rows[first]]}'"
        )
    ends = np.cumsum(labels.counts)
    sets = np.full((len(ids), labels.counts.max(initial=1)), NONE, dtype=np.int64)
    sets[rows, np.arange(len(rows)) - (ends - labels.counts)[rows]] = labels.values
    ranked = np.sort(sets, axis=1)
    twice = ((ranked[:, 1:] == ranked[:, :-1]) & (ranked[:, 1:] != NONE)).any(axis=1)
    if twice.any():
        first = int(np.argmax(twice))
        raise EvidenceError(f"{where}: a label of '{ids[first]}' stands twice: {sets[first, :labels.counts[first]]}")
    order = sorted_unique(ids, where)
    order = order[labels.counts[order] > 0]
    unlabelled = len(ids) - len(order)
    if not len(order):
        raise EvidenceError(f"{where}: no picture has a label")
    if images is not None and len(order) != images:
        left_out = f" with a label, and {unlabelled:,} without," if unlabelled else ""
        raise EvidenceError(f"{where}: {len(order):,} pictures{left_out} where {data} has {images:,}")
    known = annotations or Annotations()
    columns: dict[str, NDArray[np.generic]] = {
        "label_set" if labels.several else "label": sets[order] if labels.several else sets[order, 0],
        **{name: values[order] for name, values in known.columns.items()},
    }
    frame = Frame(data, ids[order], columns, classes, known.clusters, dict(known.names))
    return frame, order, (f"{unlabelled:,} pictures without a label are left out",) if unlabelled else ()
