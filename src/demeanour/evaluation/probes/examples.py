"""What a probe learns from: features with their labels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demeanour.errors import EvidenceError

HELD_OUT = 5   # one in so many pictures of each class


@dataclass(frozen=True)
class Examples:
    """Pictures of a task, as a network sees them.

    Attributes:
        ids: Their names, (n,).
        features: (n, d) of float32.
        labels: Class indices, (n,).
    """

    ids: NDArray[np.str_]
    features: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def only(self, keep: NDArray[np.bool_]) -> Examples:
        """Some of them; (n,) of bool."""
        return Examples(self.ids[keep], self.features[keep], self.labels[keep])

    def with_those_of(self, other: Examples) -> Examples:
        """These and others."""
        return Examples(
            np.concatenate([self.ids, other.ids]),
            np.concatenate([self.features, other.features]),
            np.concatenate([self.labels, other.labels]),
        )

    def coded(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The classes that there are, ascending, and for each picture the position of its own among them."""
        classes, codes = np.unique(self.labels, return_inverse=True)
        return classes, codes


@dataclass(frozen=True)
class Learned:
    """A probe that has learned.

    Attributes:
        predict: From features (n, d) to class indices (n,); of classes that it was shown.
        penalty: The regularisation that it learned with.
        penalties: Those that it was chosen from, in the order in which they were tried; (values,).
        accuracies: What each came to on the validation pictures, (values,).
    """

    predict: Callable[[NDArray[np.float32]], NDArray[np.int64]]
    penalty: float
    penalties: NDArray[np.float64]
    accuracies: NDArray[np.float64]


def with_held_out(train: Examples, where: str) -> tuple[Examples, Examples]:
    """Training pictures without a fifth of each class, and that fifth, drawn by the hashes of their names.

    Every class with two pictures or more has some in both parts, every other one in the first.

    Args:
        train: All of them.
        where: The task, for messages.

    Raises:
        EvidenceError: No class has two pictures.
    """
    drawn = np.asarray([hashlib.sha256(name.encode()).hexdigest() for name in train.ids.tolist()])
    held = np.zeros(len(train), np.bool_)
    for label in np.unique(train.labels):
        members = np.flatnonzero(train.labels == label)
        count = min(max(1, round(len(members) / HELD_OUT)), len(members) - 1)
        held[members[np.argsort(drawn[members], kind="stable")[:count]]] = True
    if not held.any():
        raise EvidenceError(f"{where}: no class has two training pictures, so that none can be held out for validation")
    return train.only(~held), train.only(held)
