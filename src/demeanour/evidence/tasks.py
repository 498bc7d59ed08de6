"""A probed set: what the probes of its tasks say of all their test pictures, as one set of observations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demeanour.errors import EvidenceError
from demeanour.evidence.live import Live
from demeanour.evidence.observations import Observations
from demeanour.evidence.plan import PROBES, Unit


def observe_tasks(model: str, data: str, live: Live) -> Observations:
    """Put the tasks of a probed set under each other; ids become ``TASK/NAME``.

    Args:
        model: Whose features were probed.
        data: The probed set.
        live: The cast.

    Returns:
        The columns ``prediction`` and ``label``, classes of the picture's own task, ``task`` (its name) and
        ``task_group`` (``natural``, ``specialized`` or ``structured``).

    Raises:
        NotMeasuredError: A probe was not fitted, or could not be; with the reason.
    """
    parts: list[dict[str, NDArray[np.generic]]] = []
    for task in live.cast.tasks(data):
        unit = Unit(model, task.test, kind=PROBES)
        prediction, frame = live.probe(unit)["prediction"], live.pictures(task.test).frame
        if len(prediction) != len(frame.ids):
            raise EvidenceError(f"{unit}: {len(prediction):,} answers to {len(frame.ids):,} pictures")
        parts.append({
            "id": np.asarray([f"{task.name}/{name}" for name in frame.ids.tolist()]),
            "prediction": prediction,
            "label": frame.columns["label"],
            "task": np.full(len(prediction), task.name),
            "task_group": np.full(len(prediction), task.group),
        })
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(columns["id"], kind="stable")
    ids = columns.pop("id")[order].astype(np.str_)
    return Observations(model, data, ids, {name: values[order] for name, values in columns.items()}, (), {})
