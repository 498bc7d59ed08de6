"""How each model of a cast looks, in every picture of every report: its colour, its marker and its hatching."""

from __future__ import annotations

from dataclasses import dataclass

from demeanour.findings.cast import Cast
from demeanour.reporting.style import PALE, SERIES

_MARKERS = "o^sDvP"
_HATCHES = ("", "////", "\\\\\\\\", "xxxx", "----", "||||")   # of lines: dots would make pictures large
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
Dash = str | tuple[int, tuple[int, ...]]


@dataclass(frozen=True)
class Look:
    """How a model is drawn; colours are told apart by eyes of every kind, the rest where there is no colour.

    Attributes:
        colour: Of Okabe and Ito's palette.
        marker: Of its points.
        hatch: Of its bars.
        dash: Of its lines.
    """

    colour: str
    marker: str
    hatch: str
    dash: Dash


CONTEXT = Look(PALE, ".", "", "--")
Looks = dict[str, Look]


def looks(cast: Cast) -> Looks:
    """The look of every model of a cast, by the order of its file; references such as people are grey."""
    playing = [name for name, card in cast.models.items() if not card.context]
    found = {name: look(index) for index, name in enumerate(playing)}
    return {name: found.get(name, CONTEXT) for name in cast.models}


def look(index: int) -> Look:
    """The look of the model at a place of the cast, from 0; a seventh has the first one's colour and another marker."""
    shift = index + index // len(SERIES)
    return Look(
        SERIES[index % len(SERIES)],
        _MARKERS[shift % len(_MARKERS)],
        _HATCHES[shift % len(_HATCHES)],
        _DASHES[shift % len(_DASHES)],
    )
