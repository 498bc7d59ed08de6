"""Figure 5: do shapes decide, or textures (§3.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from demeanour.measures.groups import ALL
from demeanour.reporting.figures.canvas import margins
from demeanour.reporting.figures.figure import Cell, Figure, Found, Values
from demeanour.reporting.figures.looks import CONTEXT, Looks
from demeanour.vocabulary import CATEGORIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_MEASURE, _DATA = "shape_bias", "cue-conflict"


def _numbers(found: Found) -> Values | None:
    return found.values(_MEASURE, _DATA) or None


def _cells(values: Values) -> Iterator[Cell]:
    for group in (*_categories(values), ALL):
        for model, of_groups in values.items():
            if group in of_groups:
                yield Cell("pooled" if group == ALL else group, model, of_groups[group], _MEASURE, _DATA, group)


def _categories(values: Values) -> list[str]:
    """The published categories, or a data set's own, in their order."""
    found = dict.fromkeys(group for of_groups in values.values() for group in of_groups if group != ALL)
    return list(CATEGORIES if found.keys() <= set(CATEGORIES) else found)


def draw_shapes(canvas: Canvas, values: Values, looks: Looks) -> None:
    """A marker for each category, a line for the pooled value; references such as people in grey."""
    canvas.set_size_inches(6.6, 5.4)
    margins(canvas, 0.85, 0.5, 0.15, 0.75)
    axes = canvas.subplots()
    categories = _categories(values)
    people = [model for model in values if looks[model] == CONTEXT]
    for model in (*people, *(model for model in values if model not in people)):
        of_groups, look, behind = values[model], looks[model], model in people
        at = [(categories.index(group), value) for group, value in of_groups.items() if group != ALL]
        label = f"{model} ({of_groups[ALL]:.3f})" if ALL in of_groups else model
        if behind:
            label = "people" if model == people[0] else "_"
        axes.plot([value for _, value in at], [row for row, _ in at], look.marker, color=look.colour, label=label,
                  markersize=5 if behind else 6.5, clip_on=False)  # fmt: skip
        if ALL in of_groups:
            width = 0.8 if behind else 1.6
            axes.axvline(of_groups[ALL], color=look.colour, linewidth=width, linestyle="--" if behind else look.dash)
    axes.set_yticks(range(len(categories)), categories)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of shape decisions (left: texture decides, right: shape decides)")
    axes.grid(axis="y")
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=2)


SHAPE_TEXTURE = Figure(
    name="figure-5-shape-texture",
    title="Figure 5: shape or texture",
    caption="Of pictures whose shape and texture contradict each other, and that were taken for either: how many for "
    "their shape. Markers are categories of shape, lines are all pictures together.",
    section="3.4",
    data=(_DATA,),
    numbers=_numbers,
    cells=_cells,
    draw=draw_shapes,
    context=True,
)
