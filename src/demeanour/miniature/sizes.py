"""How many pictures each set has: few that decide what they can in minutes, or enough for a GPU or a night."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Size = Literal["quick", "full"]


@dataclass(frozen=True)
class Counts:
    """Pictures of each set of a world.

    Attributes:
        validation: ImageNet's validation set, and as many of V2.
        a: Of A, chosen from a pool.
        r: Of R.
        sketch: Of Sketch.
        corrupted: Validation images of C, each with 15 corruptions at 5 severities.
        hard: Of Hard.
        characters: Of each class of PUG, in 65 settings each.
        sources: Of shapes for each category of cue conflicts, each with 12 textures.
        train: Of each task's training split.
        test: Of each task's test split.
    """

    validation: int
    a: int
    r: int
    sketch: int
    corrupted: int
    hard: int
    characters: int
    sources: int
    train: int
    test: int


SIZES: dict[Size, Counts] = {
    "quick": Counts(1_000, 300, 600, 480, 60, 300, 3, 4, 300, 200),
    "full": Counts(10_000, 2_000, 6_000, 5_000, 2_000, 2_000, 12, 20, 3_000, 2_000),
}
