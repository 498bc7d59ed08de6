"""The tasks of a set that is probed (`reader: probe`): their splits, and the names by which pictures are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from demeanour.findings.cards import PROBE, DataCard

TRAIN, TEST = "train", "test"
PLACE = "{task}"   # in a root, where the task's name belongs


@dataclass(frozen=True)
class Task:
    """One task of a probed set.

    Attributes:
        data: The name of the probed set in the cast.
        name: Its own.
        group: ``natural``, ``specialized`` or ``structured``.
        own_validation: The split that regularisation is chosen on; None where it is drawn from the training pictures.
    """

    data: str
    name: str
    group: str
    own_validation: str | None = None

    @property
    def train(self) -> str:
        """The pictures that the probe is fitted on, by a name that `Cast.card` knows: ``vtab/dtd:train``."""
        return self._split(TRAIN)

    @property
    def validation(self) -> str | None:
        """Those that its regularisation is chosen on, if the task has any."""
        return self._split(self.own_validation) if self.own_validation else None

    @property
    def test(self) -> str:
        """Those that it is asked about."""
        return self._split(TEST)

    @property
    def splits(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(name for name in (self.train, self.validation, self.test) if name is not None)

    def _split(self, split: str) -> str:
        return f"{self.data}/{self.name}:{split}"


def tasks_of(data: str, card: DataCard) -> tuple[Task, ...]:
    """The tasks of a probed set, group by group; none of any other."""
    groups = (card.tasks or {}) if card.reader == PROBE else {}
    return tuple(Task(data, name, group, card.validation) for group, names in groups.items() for name in names)


def split_card(name: str, cards: Mapping[str, DataCard]) -> DataCard:
    """The card of a task's split.

    Args:
        name: As `Task` has it.
        cards: All cards of the cast.

    Raises:
        KeyError: There is no such split.
    """
    for data, card in cards.items():
        for task in tasks_of(data, card):
            if name in task.splits:
                root = card.root or ""
                place = root.replace(PLACE, task.name) if PLACE in root else f"{root}/{task.name}"
                return DataCard(reader="webdataset", root=place, split=name.rpartition(":")[2])
    raise KeyError(name)
