"""Transfer: how often linear probes on frozen features are right, over tasks (VTAB; Zhai et al., 2019)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.measures.weighting import Floats, as_weights, ratio

TASK_GROUPS = ("natural", "specialized", "structured")
ALL = "all"

Names = NDArray[np.str_]
Shares = dict[str, float]   # task → how much it counts


def probe_accuracy(
    correct: NDArray[np.bool_], task: Names, task_group: Names, *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Accuracy of linear probes, every task counting the same however many test images it has (VTAB, §2).

    Args:
        correct: Whether a task's probe is right on a test image of it, (n,) of bool.
        task: The image's task, (n,) of text.
        task_group: That task's group, one of ``TASK_GROUPS``, (n,) of text.
        weights: (..., n).

    Returns:
        ``all``, the unweighted mean over all tasks, and that of each group that has tasks: fractions in [0, 1], (...).

    Raises:
        ValueError: A task is in two groups, or a group is none of the three.
    """
    of_task = probe_task_accuracy(correct, task, weights=weights)
    shares = task_shares(task, task_group)
    return {
        group: np.asarray(sum(share * of_task[name] for name, share in of_group.items()))
        for group, of_group in shares.items()
    }


def probe_task_accuracy(
    correct: NDArray[np.bool_], task: Names, *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Accuracy of each task's linear probe.

    Args:
        correct: Whether a task's probe is right on a test image of it, (n,) of bool.
        task: The image's task, (n,) of text.
        weights: (..., n).

    Returns:
        A fraction in [0, 1] for each task by its name, (...).
    """
    w = as_weights(weights, len(correct))
    names, code = np.unique(task, return_inverse=True)
    found = {}
    for place, name in enumerate(names.tolist()):
        member = code == place
        found[name] = ratio(w[..., member] @ correct[member].astype(np.float64), w[..., member].sum(axis=-1))
    return found


def task_shares(task: Names, task_group: Names) -> dict[str, Shares]:
    """Of ``all`` and of each group that has tasks: the tasks that it is the mean of, and how much each counts.

    Args:
        task: The task of each image, (n,) of text.
        task_group: Its group, (n,) of text.

    Raises:
        ValueError: A task is in two groups, or a group is none of the three.
    """
    pairs = sorted(set(zip(task.tolist(), task_group.tolist(), strict=True)))
    names = [name for name, _ in pairs]
    unknown = {group for _, group in pairs} - set(TASK_GROUPS)
    if unknown or len(set(names)) < len(names):
        raise ValueError(f"each task is in one of the groups {', '.join(TASK_GROUPS)}; found {pairs}")
    members = {ALL: names, **{group: [name for name, of in pairs if of == group] for group in TASK_GROUPS}}
    return {group: dict.fromkeys(of_group, 1 / len(of_group)) for group, of_group in members.items() if of_group}


def group_strata(group: str, columns: tuple[NDArray[Any], ...]) -> Shares:
    """The tasks that a group's accuracy is made of, with their shares; of `probe_accuracy`'s columns."""
    return task_shares(columns[1], columns[2]).get(group, {})


def task_strata(group: str, _columns: tuple[NDArray[Any], ...]) -> Shares:
    """The task itself; of `probe_task_accuracy`'s columns."""
    return {group: 1.0}


def group_support(_correct: NDArray[np.bool_], task: Names, task_group: Names) -> dict[str, int]:
    """How many test images each group has."""
    return {ALL: len(task), **{group: int((task_group == group).sum()) for group in TASK_GROUPS}}


def task_support(_correct: NDArray[np.bool_], task: Names) -> dict[str, int]:
    """How many test images each task has."""
    names, counts = np.unique(task, return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))
