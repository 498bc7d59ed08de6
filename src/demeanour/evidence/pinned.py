"""What a model said when it was pinned: read from the folder of its baseline, verified as the store's own is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.label_space import LabelSpace
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence import arrays
from demeanour.evidence.arrays import Array
from demeanour.evidence.plan import LOGITS, TABLE, Unit
from demeanour.evidence.store import Store, read_table
from demeanour.evidence.table import PredictionTable
from demeanour.findings.baseline import Baseline, Piece
from demeanour.findings.cast import Cast
from demeanour.models.description import Description
from demeanour.views.geometry import Preprocessing
from demeanour.views.protocols import Steps

_AGAIN = "take it from where it was recorded, or record it again"


@dataclass(frozen=True, eq=False)
class PinnedEvidence:
    """The evidence of a pinned baseline, for a cast in which it takes a role.

    Attributes:
        baseline: What is pinned.
        number: Of the repeat that is meant, from 1; 0 for what is judged.
    """

    baseline: Baseline
    number: int = 0

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.baseline.folder

    def check(self, cast: Cast) -> None:
        """Make sure that it was evaluated as this run's models are.

        Raises:
            EvidenceError: It was not; says what differs.
        """
        then, now = self.baseline, cast
        for what, one, other in (
            ("protocol", then.protocol, now.protocol), ("numerics", then.numerics, now.computes(then.role)["numerics"]),
            ("compiled", then.compiled, now.compiled),
        ):  # fmt: skip
            if one != other and (then.live or what == "protocol"):
                raise EvidenceError(f"{self.folder} pins {then.role} with {what} '{one}', this run has '{other}'")

    def check_set(self, data: str, identity: str) -> None:
        """Make sure that it was asked about the images of this run.

        Raises:
            EvidenceError: It was not; names the data set.
        """
        known = self.baseline.sets.get(data)
        if known is None:
            raise NotMeasuredError(self._nothing(data))
        if known != identity:
            raise EvidenceError(
                f"{self.folder} pins what {self.baseline.role} said of another {data}: its images, labels or label "
                f"space were {known[:12]}, this run's are {identity[:12]}"
            )

    def key(self, unit: Unit, steps: Steps) -> str:
        """The key of what a network said, whose pictures must have been prepared as this run would prepare them.

        Raises:
            NotMeasuredError: It was not pinned.
            EvidenceError: They were prepared otherwise.
        """
        found = self.piece(unit)
        if found.steps is not None and Steps.of(found.steps) != steps:
            then = Steps.of(found.steps)
            raise EvidenceError(f"{self.folder} pins {unit} with the preprocessing {then}, this run has {steps}")
        return found.key

    def has(self, unit: Unit) -> bool:
        """Whether a unit's evidence was pinned."""
        return any(_fits(piece, unit, self.number) for piece in self.baseline.pieces)

    def piece(self, unit: Unit, number: int = 0) -> Piece:
        """A unit's entry, or that of a repeat of predictions (from 1).

        Raises:
            NotMeasuredError: There was none.
        """
        for piece in self.baseline.pieces:
            if _fits(piece, unit, number or self.number):
                return piece
        raise NotMeasuredError(self._nothing(str(unit)))

    def keys(self, data: str) -> list[str]:
        """The keys of the tables of predictions on a data set, the repeats' behind the first."""
        found = {piece.number: piece.key for piece in self.baseline.pieces if (piece.data, piece.kind) == (data, TABLE)}
        if not found:
            raise NotMeasuredError(self._nothing(data))
        return [found[number] for number in sorted(found)]

    def table(self, unit: Unit, number: int = 0) -> PredictionTable:
        """A table of predictions.

        Raises:
            NotMeasuredError: It was not pinned.
            EvidenceError: It is damaged; names the file.
        """
        key = self.piece(unit, number).key
        path = Store(self.folder).path(key)
        found = read_table(path, key)
        if found is None:
            raise EvidenceError(f"{path} of the pinned baseline was damaged or is not what was pinned; {_AGAIN}")
        return found

    def arrays(self, unit: Unit, mapped: bool = False) -> dict[str, Array]:
        """Logits, what a probe says, or the statistics of layers.

        Raises:
            NotMeasuredError: They were not pinned.
            EvidenceError: They are damaged; names the file.
        """
        key = self.piece(unit).key
        folder = arrays.Arrays(self.folder).folder(key)
        try:
            found = arrays.load(folder, key, mapped)
        except EvidenceError as error:
            raise EvidenceError(f"the pinned baseline was damaged: {error}; {_AGAIN}") from error
        if found is None:
            raise EvidenceError(f"{folder / arrays.MANIFEST} of the pinned baseline is missing; {_AGAIN}")
        return found[0]

    def logits(self, unit: Unit, ids: NDArray[np.str_]) -> Array:
        """The logits behind a table of predictions, (images, classes), for some images."""
        rows = np.searchsorted(self.table(Unit(unit.model, unit.data)).ids, ids)
        return self.arrays(Unit(unit.model, unit.data, kind=LOGITS))["logits"][rows]

    @property
    def description(self) -> Description | None:
        """What the network is; None of predictions."""
        found = self.baseline.description
        return Description.of(found) if found is not None else None

    @property
    def preprocessing(self) -> Preprocessing | None:
        """What its card said of pixels."""
        found = self.baseline.preprocessing
        return Preprocessing.of(found) if found is not None else None

    def _nothing(self, what: str) -> str:
        reason = self.baseline.missing.get(what)
        why = f" ({reason})" if reason else ""
        return f"{self.folder} pins nothing of {what}{why}; evaluate {self.baseline.role} on it and record it again"


def pinned(cast: Cast, model: str) -> PinnedEvidence | None:
    """The pinned evidence that takes the place of a model's, or None where the model speaks for itself.

    Raises:
        EvidenceError: It was evaluated otherwise than the cast's models are.
    """
    baseline = cast.pinned(model)
    if baseline is None:
        return None
    ways = {name: baseline.noise.index(way) + 1 for way, name in cast.repeats.get(baseline.role, {}).items()}
    found = PinnedEvidence(baseline, ways.get(model, 0))
    found.check(cast)
    return found


def space_record(space: LabelSpace | None) -> list[object] | None:
    """What tells a label space from another."""
    return [space.kind, space.groups] if space is not None else None


def _fits(piece: Piece, unit: Unit, number: int) -> bool:
    return (piece.data, piece.view, piece.kind, piece.number) == (unit.data, unit.view, unit.kind, number)
