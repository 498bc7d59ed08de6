"""A figure on the page of the paper: the picture, how it is read, and its numbers beside the published ones."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from demeanour.findings.cast import Cast
from demeanour.measures.registry import MEASURES
from demeanour.reporting.figures.canvas import LINE
from demeanour.reporting.figures.drawn import Drawn
from demeanour.reporting.figures.figure import Cell
from demeanour.reporting.figures.looks import looks
from demeanour.reporting.figures.published import Published
from demeanour.reporting.style import GROUND, INK
from demeanour.reporting.summary_verdict import table
from demeanour.verdicts.words import number

_FRACTIONS = ("fraction",)
_THEMED = {INK: "currentColor", GROUND: "var(--surface)", LINE: "var(--line)"}


def themed(svg: str) -> str:
    """Elements of a page that take ground and ink from it, so that they read in the light and in the dark."""
    for colour, name in _THEMED.items():
        svg = svg.replace(colour, name)
    return svg


def figure_html(drawn: Drawn, picture: str, cast: Cast, published: Published) -> str:
    """A figure with its caption, what is missing in it, and its table.

    Args:
        drawn: The figure.
        picture: Its SVG as an element of the page; empty for a table.
        cast: Who played.
        published: What stands beside.
    """
    figure = drawn.figure
    told = "".join(f'<p class="who">{escape(note)}</p>' for note in drawn.notes)
    if not drawn.cells:
        missing = told or '<p class="who">No model of the cast has evidence for it.</p>'
        return f'<div class="card" id="{figure.name}"><h3>{escape(figure.title)}: not drawn</h3>{missing}</div>'
    numbers = _compared(drawn, cast, published)
    if figure.draw is not None and not figure.by_model:
        numbers = f"<details><summary>The numbers{_beside(drawn, published)}</summary>{numbers}</details>"
    caption = f"<figcaption><b>{escape(figure.title)}</b>{escape(figure.caption)}{told}</figcaption>"
    label = f'<svg role="img" aria-label="{escape(figure.title)}" class="drawing"'
    drawing = f'<div class="scroll">{themed(picture).replace("<svg", label, 1)}</div>' if picture else ""
    return f'<figure class="card" id="{figure.name}">{drawing}{caption}{numbers}</figure>'


def _beside(drawn: Drawn, published: Published) -> str:
    return ", beside the published ones" if any(published.of(cell) for cell in drawn.cells) else ""


def _compared(drawn: Drawn, cast: Cast, published: Published) -> str:
    rows, models = list(dict.fromkeys(cell.row for cell in drawn.cells)), _models(drawn.cells, cast)
    at = {(cell.row, cell.model): _cell(cell, published) for cell in drawn.cells}
    colours = {model: look.colour for model, look in looks(cast).items()}
    named = {model: f'<span class="look"><span class="swatch" style="background:{colours[model]}"></span>'
                    f"{escape(model)}</span>" for model in models}  # fmt: skip
    if drawn.figure.by_model:
        header = ["", *map(escape, rows)]
        lines = [[named[model], *(at.get((row, model), "–") for row in rows)] for model in models]
        if drawn.figure.section == "2":
            cards = _cards(cast, models)
            header = ["", *cards, *map(escape, rows)]
            lines = [[first, *(column[place] for column in cards.values()), *rest]
                     for place, (first, *rest) in enumerate(lines)]  # fmt: skip
    else:
        header = ["", *named.values()]
        lines = [[escape(row), *(at.get((row, model), "–") for model in models)] for row in rows]
    return table(header, lines, "compared") + _legend(drawn, published)


def _models(cells: Sequence[Cell], cast: Cast) -> list[str]:
    """The models that have numbers, in the order of the cast."""
    there = {cell.model for cell in cells}
    return [model for model in cast.models if model in there]


def _cards(cast: Cast, models: Sequence[str]) -> dict[str, list[str]]:
    """What the cards say of the models, by what it is; what none of them says is left out."""
    cards = [cast.models[model] for model in models]
    said = {
        "architecture": [card.architecture for card in cards],
        "paradigm": [card.paradigm for card in cards],
        "pretraining": [card.pretraining or "" for card in cards],
        "parameters": [f"{card.parameters / 1e6:.1f} M" if card.parameters else "" for card in cards],
    }
    return {name: [escape(text) or "–" for text in texts] for name, texts in said.items() if any(texts)}


def _cell(cell: Cell, published: Published) -> str:
    """What was measured, and below it what is published, with the difference where the models are the same."""
    text, known = _shown(cell.value, cell), published.of(cell)
    if known is None:
        return text
    value, source = known
    away = cell.value - value
    told = _shown(value, cell)
    if published.own:
        told += f" ({_shown(away, cell, signed=True)})"
    return f'{text}<span class="bounds" title="{escape(source.place)}, {source.read}">{told}</span>'


def _shown(value: float, cell: Cell, signed: bool = False) -> str:
    """Fractions in percent with one decimal, as the paper prints them; other numbers with three."""
    if MEASURES[cell.measure].unit in _FRACTIONS and cell.measure != "shape_bias":
        return f"{100 * value:{'+' if signed else ''}.1f}".replace("-", "−")
    text = f"{value:{'+' if signed else ''}.3f}".replace("-", "−")
    return text if abs(value) >= 0.001 or value == 0 else number(value, signed)


def _legend(drawn: Drawn, published: Published) -> str:
    known = [found[1] for found in map(published.of, drawn.cells) if found is not None]
    if not known:
        return '<p class="who">No published values are known beside these.</p>'
    places = dict.fromkeys(f"{one.place}, {one.read}{f': {one.note}' if one.note else ''}" for one in known)
    whose = (
        "published, in brackets how far the measured value is from it"
        if published.own else "published of the paper's model of the same role, which is another model"
    )  # fmt: skip
    text = f"Above: measured. Below: {whose} ({'; '.join(places)})."
    return f'<p class="who">{escape(text)}</p>'
