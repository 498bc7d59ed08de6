"""Published values beside a cast's numbers: its own, else those of the paper's model of the same role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from demeanour.findings.cast import Cast
from demeanour.findings.load import load_cast
from demeanour.findings.pairing import SEVERAL
from demeanour.findings.published import PublishedTable, published_value
from demeanour.reporting.figures.figure import Cell

PAPER = "paper.yaml"


@dataclass(frozen=True)
class Published:
    """Published values.

    Attributes:
        tables: Where they stand.
        stands_for: Model of the cast → the published one.
        own: Whether they are of the same models, so that differences say something.
    """

    tables: Sequence[PublishedTable]
    stands_for: dict[str, str]
    own: bool

    def of(self, cell: Cell) -> tuple[float, PublishedTable] | None:
        """What is published of a number's model, and where; of several data sets, the mean where all are known."""
        if cell.model not in self.stands_for:
            return None
        model = self.stands_for[cell.model]
        known = [published_value(self.tables, cell.measure, data, cell.group, model)
                 for data in cell.data.split(SEVERAL)]  # fmt: skip
        found = [one for one in known if one is not None]
        return (fmean(value for value, _ in found), found[0][1]) if found and len(found) == len(known) else None


def published_for(cast: Cast, casts: Path) -> Published:
    """The published values for a cast.

    Args:
        cast: Who plays.
        casts: The folder of the project's casts, where that of the paper is.
    """
    if cast.published or not (casts / PAPER).is_file():
        return Published(cast.published, {model: model for model in cast.models}, own=True)
    paper, _, problems = load_cast(casts / PAPER)
    if paper is None or problems:
        return Published((), {}, own=False)
    roles = {(card.architecture, card.paradigm): model for model, card in paper.models.items()}
    mine = {model: (card.architecture, card.paradigm) for model, card in cast.models.items() if not card.context}
    same = [one for one in paper.published if _views(paper, one.data) == _views(cast, one.data)]
    return Published(same, {model: roles[role] for model, role in mine.items() if role in roles}, own=False)


def _views(cast: Cast, data: str) -> list[str] | None:
    """In which ways a data set's pictures are seen: its groups are named by their order alone."""
    return cast.data[data].views if data in cast.data else None
