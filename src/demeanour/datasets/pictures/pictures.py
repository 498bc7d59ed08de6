"""The pictures of a data set: what is known of each, and where its bytes lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from demeanour.datasets.frame import Frame
from demeanour.errors import EvidenceError


class Places(Protocol):
    """Where the encoded bytes of pictures lie, in the order of the data set's ids; can be pickled."""

    def __len__(self) -> int: ...

    def read(self, row: int) -> bytes:
        """The encoded bytes of one picture; an `EvidenceError` names the file and member that cannot be read."""
        ...

    def files(self) -> list[Path]:
        """All files that are read."""
        ...


@dataclass(frozen=True)
class Pictures:
    """The pictures of a data set.

    Attributes:
        data: The name of the data set in the cast.
        frame: Ids in ascending order, labels and annotations.
        places: Where the bytes lie, row by row as in ``frame``.
        manifest: SHA-256 of the ids, labels and contents of all pictures: other pictures, another manifest.
        notes: What a reader of its numbers should know.
    """

    data: str
    frame: Frame
    places: Places
    manifest: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.places) != len(self.frame.ids):
            raise EvidenceError(f"{self.data}: {len(self.places)} pictures for {len(self.frame.ids)} ids")

    def __len__(self) -> int:
        return len(self.frame.ids)

    def read(self, row: int) -> bytes:
        """The encoded bytes (JPEG, PNG, WebP) of one picture."""
        return self.places.read(row)
