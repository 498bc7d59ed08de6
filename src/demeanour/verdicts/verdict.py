"""A verdict: what was decided, by which numbers, against what was expected."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from demeanour.measures.groups import ALL
from demeanour.statistics.zones import LEVEL
from demeanour.verdicts.outcome import changed, contradicts

Word = Literal["holds", "violated", "undecided", "not measured", "out of scope"]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """A model's value with its interval at the deciding level, and the number of images behind it."""

    value: float
    interval: Interval
    n: int


@dataclass(frozen=True)
class Difference:
    """What is compared with the margin: left − right, value − bound, or group − other group.

    Attributes:
        value: In the measure's unit.
        interval: At the deciding level.
        margin: The finding's.
        group: The group, and the other side where there are several: ``all``, ``texture``, ``bin-15 over bin-14``.
        method: How the interval was made.
        interval_two_way: The interval under two-way clustered resampling, where the data set allows it.
    """

    value: float
    interval: Interval
    margin: float
    group: str
    method: str
    interval_two_way: Interval | None = None


@dataclass(frozen=True)
class Part:
    """One of the comparisons, or of the other verdicts, that a verdict rests on.

    Attributes:
        group: The group, and the other side where there are several; of a verdict, its id.
        value: As in ``Difference``; None where it could not be measured, and of a verdict.
        interval: At the deciding level.
        margin: The finding's.
        verdict: What this part alone says.
        n: How many images speak of it.
        counts: False where it has too few images to decide anything.
    """

    group: str
    value: float | None
    interval: Interval | None
    margin: float
    verdict: Word
    n: int
    counts: bool = True


@dataclass(frozen=True)
class Shortfall:
    """What an undecided verdict lacks.

    Attributes:
        images: How many images speak of the comparison that tips the scale.
        needed: About how many would decide, if the estimate stayed; None where it lies on the margin.
        distance: How far from the margin as many images as now would tell in four of five cases; None where a group
            has too few images to count at all, and ``needed`` is what it must have.
    """

    images: int
    needed: int | None
    distance: float | None


@dataclass(frozen=True)
class Verdict:
    """The answer of one case.

    Attributes:
        id: The case's id.
        finding: The finding's id.
        data: Data sets that it rests on.
        strength: Of the source's own evidence.
        expected: What the cast expects; None out of scope.
        verdict: The answer.
        measure: What decided; empty where the verdict follows from others.
        measure_version: Of its definition; values of different versions must not be compared.
        unit: Of the measure.
        level: Of the intervals.
        estimates: By model, of the group that decided.
        difference: What was compared with the margin; of several parts, the one that decided.
        parts: All comparisons, where there are several.
        published: Published values: measure → data set → model → value.
        published_notes: Where they stand, and which sources disagree.
        deviations: What was measured further from them than sampling and reading explain.
        reason: Why, in a sentence.
        expected_because: Why the cast expects a violation or leaves it open; None where it is to hold.
        label: The finding's short name.
        claim: The finding's claim, with who it is about.
        group: Whose values the estimates are.
        shown: Values beside the deciding ones: measure → model → value; ``measure, group`` where each group is told.
        shortfall: What an undecided verdict lacks.
        kind: Whether it is about a ``finding``, a ``requirement`` on a candidate, or a ``characteristic`` of it.
        candidate: Who is on trial.
        burden: Of a requirement, who has to prove: the ``candidate``, or those who see ``harm``.
        p_harm: Of a requirement, the smallest α at which it is violated, below .5, or 1.
        p_harm_adjusted: That by Holm's method over all requirements of the candidate: .05 or less blocks.
        before: Of a characteristic, the verdict with the baseline in the candidate's place.
        told: Whether it is reported without a say in the outcome.
        same: Whether a candidate is its baseline: the same weights, prepared alike, on the same images.
    """

    id: str
    finding: str
    data: tuple[str, ...]
    strength: str
    expected: str | None
    verdict: Word
    measure: str
    unit: str
    reason: str
    label: str
    claim: str
    measure_version: int = 1
    level: float = LEVEL
    estimates: dict[str, Estimate] = field(default_factory=dict)
    difference: Difference | None = None
    parts: tuple[Part, ...] = ()
    published: dict[str, dict[str, dict[str, float]]] | None = None
    published_notes: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    expected_because: str | None = None
    group: str = ALL
    shown: dict[str, dict[str, float]] = field(default_factory=dict)
    shortfall: Shortfall | None = None
    kind: str = "finding"
    candidate: str | None = None
    burden: str | None = None
    p_harm: float | None = None
    p_harm_adjusted: float | None = None
    before: Word | None = None
    told: bool = False
    same: bool = False

    @property
    def decided(self) -> bool:
        """Whether the data said yes or no."""
        return self.verdict in ("holds", "violated")

    @property
    def as_expected(self) -> bool:
        """Whether a decided verdict is what is expected; of a requirement, whether it blocks nothing."""
        return self.decided and not contradicts({**vars(self), "told": False})

    @property
    def changed(self) -> bool:
        """Whether it is decided, otherwise than with the baseline in the candidate's place."""
        return changed(vars(self))

    def record(self) -> dict[str, Any]:
        """The verdict as JSON can hold it: floats of nine digits, no number that is not finite."""
        plain: dict[str, Any] = plain_json(asdict(self))
        return plain


def plain_json(value: Any) -> Any:
    """A value as JSON can hold it: floats of nine digits, null for one that is not finite, tuples as lists."""
    if isinstance(value, dict):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.9g}") if math.isfinite(value) else None
    return value
