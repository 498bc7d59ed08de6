"""How a model's classes become a data set's own: some of them (ImageNet-A and -R), or groups of several."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.json_file import read_json
from demeanour.errors import EvidenceError


@dataclass(frozen=True)
class LabelSpace:
    """A data set's own classes, in terms of the model's.

    Attributes:
        name: How messages call it.
        kind: Whether logits are sliced (``subset``), probabilities averaged within a category (``grouped``), or the
            one answer among all of the model's classes is looked up (``mapped``).
        groups: For each class of the data set, in its order, the model's classes: one of them in a subset; a class
            that is mapped to may have none, and is never the answer.
        names: The data set's own classes, in their order: synsets of ImageNet-A and -R, categories, PUG's folders;
            empty where they are not known.
        notes: What a reader of the numbers should know.
    """

    name: str
    kind: Literal["subset", "grouped", "mapped"]
    groups: tuple[tuple[int, ...], ...]
    names: tuple[str, ...] = field(default=(), compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        where = f"label space '{self.name}'"
        if len(self.groups) < 2:
            raise EvidenceError(f"{where}: expected two classes or more, found {len(self.groups)}")
        empty = [position for position, group in enumerate(self.groups) if not group]
        if empty and (self.kind != "mapped" or len(empty) == len(self.groups)):
            raise EvidenceError(f"{where}: {len(empty)} classes hold no index, the first at position {empty[0]}")
        if self.kind == "subset" and any(len(group) > 1 for group in self.groups):
            raise EvidenceError(f"{where}: a class of a subset is one index")
        indices = Counter(index for group in self.groups for index in group)
        if min(indices) < 0:
            raise EvidenceError(f"{where}: the index {min(indices)} is negative")
        index, times = indices.most_common(1)[0]
        if times > 1:
            raise EvidenceError(f"{where}: the index {index} stands twice; no image could be told to be of one of both")
        if self.names and len(set(self.names)) != len(self.groups):
            raise EvidenceError(f"{where}: {len(set(self.names))} different names for {len(self.groups)} classes")

    @property
    def columns(self) -> int:
        """How many scores `apply` gives: one for each class, and one for "none of them" where answers are mapped."""
        return len(self.groups) + (self.kind == "mapped")

    @property
    def has_probabilities(self) -> bool:
        """Whether a softmax of what `apply` gives means anything: where answers are mapped, only the largest does."""
        return self.kind != "mapped"

    def apply(self, logits: NDArray[np.floating]) -> NDArray[np.floating]:
        """The logits of the data set's own classes.

        Args:
            logits: Of the model's classes, (n, classes), any floating type.

        Returns:
            (n, ``columns``): for a subset the logits themselves, for categories the logarithms of their mean
            probabilities, for mapped answers what `mapped` gives.

        Raises:
            EvidenceError: A logit is not finite, or there are fewer columns than the label space speaks of.
        """
        largest = max(index for group in self.groups for index in group)
        if largest >= logits.shape[1]:
            raise EvidenceError(
                f"label space '{self.name}': the index {largest} is out of range for {logits.shape[1]} classes"
            )
        wrong = ~np.isfinite(logits).all(axis=1)
        if wrong.any():
            raise EvidenceError(
                f"label space '{self.name}': logits are not finite in {int(wrong.sum())} rows, "
                f"first row {int(np.argmax(wrong))}"
            )
        if self.kind == "subset":
            return subset(logits, [group[0] for group in self.groups])
        return grouped(logits, self.groups) if self.kind == "grouped" else mapped(logits, self.groups)


def subset(logits: NDArray[np.floating], indices: Sequence[int]) -> NDArray[np.floating]:
    """The logits of some classes, sliced before the softmax: probabilities are shared among these classes only.

    Args:
        logits: (n, classes).
        indices: The classes to keep, in the order of the data set's own; k of them.

    Returns:
        (n, k), of the same type.
    """
    return logits[:, list(indices)]


def grouped(logits: NDArray[np.floating], groups: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """The logarithm of each category's probability: the mean over its classes (Geirhos et al., 2018).

    The mean, not the sum, keeps categories of many classes from being favoured; the probabilities of all
    categories therefore do not add up to 1.

    Args:
        logits: (n, classes), any floating type.
        groups: The classes of each of the k categories.

    Returns:
        (n, k), at most 0.
    """
    scores = logits.astype(np.float64)
    total = _log_sum_exp(scores)
    means = [_log_sum_exp(scores[:, list(group)]) - math.log(len(group)) - total for group in groups]
    return np.stack(means, axis=1)


def mapped(logits: NDArray[np.floating], groups: Sequence[Sequence[int]]) -> NDArray[np.floating]:
    """The largest logit of each class's indices, and of all other indices in one more column, "none of them".

    The largest of a row is that of the class to which the model's one answer belongs, among all of its classes, as in
    PUG's protocol (Bordes et al., 2023). The others rank classes by their best index; as the scores of a softmax they
    mean nothing. What has no index gets the row's smallest logit.

    Args:
        logits: (n, classes).
        groups: The indices of each of the k classes; may be empty.

    Returns:
        (n, k + 1), of the same type.
    """
    named = {index for group in groups for index in group}
    others = [index for index in range(logits.shape[1]) if index not in named]
    smallest = logits.min(axis=1)
    best = [logits[:, list(group)].max(axis=1) if group else smallest for group in (*groups, others)]
    return np.stack(best, axis=1)


def _log_sum_exp(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    largest = scores.max(axis=1)
    total: NDArray[np.float64] = largest + np.log(np.exp(scores - largest[:, None]).sum(axis=1))
    return total


def read_label_space(path: Path) -> LabelSpace:
    """Read a label space from JSON, named like the file.

    A list of indices is a subset: position = the data set's own class. A list of lists, or an object from names to
    lists, is a grouping, in that order.

    Raises:
        NotMeasuredError: The file is missing.
        EvidenceError: It is no such JSON, an index stands twice or is negative, or a class has none.
    """
    found = read_json(path, "tells which of the model's classes are the data set's")
    entries, names = (list(found.values()), tuple(found)) if isinstance(found, dict) else (found, ())
    try:
        if entries is found and are_indices(entries):
            return LabelSpace(path.stem, "subset", tuple((index,) for index in entries))
        if isinstance(entries, list) and all(are_indices(group) for group in entries):
            return LabelSpace(path.stem, "grouped", tuple(map(tuple, entries)), names)
    except EvidenceError as error:
        raise EvidenceError(f"{path}: {error}") from error
    raise EvidenceError(
        f"{path}: expected a list of class indices, a list of such lists, or an object from names to such lists"
    )


def are_indices(entry: Any) -> bool:
    """Whether something that JSON held is a list of whole numbers."""
    return isinstance(entry, list) and all(type(index) is int for index in entry)
