"""Figures that are kept as long as evidence, looks and code are the same, and drawn anew where they are not."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from demeanour.errors import DemeanourError, NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.plan import plan
from demeanour.evidence.store import code_hash, evidence_key
from demeanour.files import write_whole
from demeanour.reporting.figures.canvas import svg_and_png
from demeanour.reporting.figures.catalogue import FIGURES
from demeanour.reporting.figures.figure import Cell, Figure, Found
from demeanour.reporting.figures.looks import looks

FOLDER = "figures"   # below the reports
Pair = tuple[str, str]   # model and data set


@dataclass(frozen=True)
class Drawn:
    """A figure as it could be drawn.

    Attributes:
        figure: Which.
        cells: Its numbers; none where there is no evidence.
        svg: On a white ground; empty for a table, and where there are no numbers.
        png: Likewise.
        notes: What is not shown, and why.
        failure: What kept it from being drawn though its evidence is there; empty where nothing did.
    """

    figure: Figure
    cells: tuple[Cell, ...] = ()
    svg: str = ""
    png: bytes = b""
    notes: tuple[str, ...] = ()
    failure: str = ""


@dataclass(frozen=True)
class Asked:
    """What is to be drawn.

    Attributes:
        pairs: Models with the data sets on which they are shown.
        sections: Sections of the paper, whose figures are drawn.
    """

    pairs: Collection[Pair]
    sections: Collection[str]

    def asks_for(self, figure: Figure) -> bool:
        """Whether a figure is to be drawn; what has no claims is drawn wherever there is something to show."""
        speaks = figure.section in self.sections or not figure.claims
        return speaks and any(data in figure.data for _, data in self.pairs)


def draw_figures(evidence: Evidence, asked: Asked, figures: Iterable[Figure] = FIGURES) -> list[Drawn]:
    """The figures that are asked for; nothing that happens here is raised.

    Args:
        evidence: What the cast's models said; nothing is evaluated.
        asked: What is to be drawn.
        figures: Among which figures.
    """
    return [_drawn(figure, evidence, asked.pairs) for figure in figures if asked.asks_for(figure)]


def write_figures(folder: Path, drawn: Iterable[Drawn]) -> None:
    """Write SVG and PNG of what was drawn; what an earlier run has left is removed."""
    clear_figures(folder)
    for one in drawn:
        if one.svg:
            write_whole(folder / f"{one.figure.name}.svg", one.svg)
            write_whole(folder / f"{one.figure.name}.png", one.png)


def clear_figures(folder: Path) -> None:
    """Remove what `write_figures` wrote, so that none can be taken for another run's."""
    for figure in FIGURES:
        for kind in ("svg", "png"):
            (folder / f"{figure.name}.{kind}").unlink(missing_ok=True)


def _drawn(figure: Figure, evidence: Evidence, asked: Collection[Pair]) -> Drawn:
    try:
        identities, notes = _identities(figure, evidence, asked)
        found = _kept(figure, evidence, identities)
        return Drawn(figure, found.cells, found.svg, found.png, (*notes, *found.notes))
    except Exception as error:   # of any kind: verdicts are decided, and stand without pictures
        failure = f"{figure.name} cannot be drawn: {error!r}"
        return Drawn(figure, notes=(failure,), failure=failure)


class _PartialError(Exception):
    """Carries a figure that is not to be kept: another time, more can be read."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(text)


def _kept(figure: Figure, evidence: Evidence, identities: dict[Pair, str]) -> Drawn:
    known = looks(evidence.cast)
    key = evidence_key(
        code=_code(), figure=figure.name, evidence=[[*pair, key] for pair, key in identities.items()],
        looks=[[model, asdict(known[model])] for model in dict.fromkeys(model for model, _ in identities)],
        views={data: evidence.cast.data[data].views for _, data in identities},
    )  # fmt: skip

    def make() -> str:
        models: dict[str, list[str]] = {}
        for model, data in identities:
            models.setdefault(data, []).append(model)
        # evidence of its own, so that large tables are let go of with the figure
        found = Found(Evidence(evidence.cast, evidence.store), models)
        text = _text(found, _make(figure, found))
        if not found.whole:
            raise _PartialError(text)
        return text

    try:
        return _of_text(figure, evidence.store.text("pictures", key, make))
    except _PartialError as partial:
        return _of_text(figure, partial.text)


def _make(figure: Figure, found: Found) -> Drawn:
    numbers = figure.numbers(found)
    if numbers is None:
        return Drawn(figure)
    cells = tuple(figure.cells(numbers))
    if figure.draw is None:
        return Drawn(figure, cells)
    return Drawn(figure, cells, *svg_and_png(figure.draw, numbers, looks(found.evidence.cast)))


def _identities(figure: Figure, evidence: Evidence, asked: Collection[Pair]) -> tuple[dict[Pair, str], list[str]]:
    """What a figure's evidence is, of every model and data set that it is drawn from; and why some has none."""
    cast, found = evidence.cast, dict[Pair, str]()
    absent = [data for data in figure.data if data not in cast.data]
    notes = [f"The cast has no {', '.join(absent)}."] if absent else []
    for data in figure.data:
        for model in cast.models:
            beside = model in cast.references and figure.context and any(other == data for _, other in asked)
            if cast.covers(model, data) and (beside or (model, data) in asked):
                try:
                    _check_there(evidence, model, data)
                    found[model, data] = evidence.identity(model, data)
                except DemeanourError as error:
                    notes.append(f"{model} on {data}: {error}")
    return found, notes


def _check_there(evidence: Evidence, model: str, data: str) -> None:
    """A network's evidence has an identity before it is evaluated; only what is there can be drawn."""
    if evidence.cast.models[model].live:
        for unit in plan(evidence.cast, [(model, data)]):
            if not evidence.live.there(unit):
                raise NotMeasuredError("not evaluated yet")


def _text(found: Found, drawn: Drawn) -> str:
    record = {
        "cells": [asdict(cell) for cell in drawn.cells], "svg": drawn.svg,
        "png": base64.b64encode(drawn.png).decode(), "notes": list(dict.fromkeys(found.notes)),
    }  # fmt: skip
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def _of_text(figure: Figure, text: str) -> Drawn:
    record = json.loads(text)
    cells = tuple(Cell(**cell) for cell in record["cells"])
    return Drawn(figure, cells, record["svg"], base64.b64decode(record["png"]), tuple(record["notes"]))


def _code() -> str:
    return code_hash("reporting/figures", "reporting/style.py", "measures", "vocabulary.py")
