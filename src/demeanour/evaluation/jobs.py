"""What an evaluator has to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from demeanour.evidence.plan import Unit
from demeanour.evidence.shards import Shards
from demeanour.views.protocols import Steps


@dataclass(frozen=True)
class Job:
    """A unit that is not there, with all that it takes to make it."""

    unit: Unit
    key: str
    steps: Steps
    shards: Shards
    rows: np.ndarray   # its pictures, in the order in which shards take them


def of_one_pass(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs that one pass serves: of one model, and of views that show it the same."""
    found: dict[tuple[str, Steps], list[Job]] = {}
    for job in jobs:
        found.setdefault((job.unit.model, job.steps), []).append(job)
    return list(found.values())
