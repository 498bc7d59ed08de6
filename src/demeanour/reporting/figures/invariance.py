"""Figure 7: accuracy while pictures are zoomed, shifted and resized (§3.7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demeanour.reporting.figures.canvas import margins
from demeanour.reporting.figures.figure import Cell, Figure, Found, Values
from demeanour.reporting.figures.looks import Looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_MEASURE = "view_accuracy"
_SETS = {"imagenet-val-scale": "scale", "imagenet-val-shift": "shift (pixels)",
         "imagenet-val-resolution": "resolution (pixels)"}  # fmt: skip


@dataclass(frozen=True)
class Curves:
    """A measure over the views of one data set.

    Attributes:
        data: The set of views.
        axis: What changes from view to view.
        views: Group → what the view is, such as ``1.5``.
        values: Of each model.
        unit: What the height says.
        joined: Whether the views are steps on one way, so that lines lead from each to the next.
    """

    data: str
    axis: str
    views: dict[str, str]
    values: Values
    unit: str = "accuracy (%)"
    joined: bool = True


def views_of(names: Sequence[str]) -> dict[str, str]:
    """The groups of a set of views, with what each view does: ``level-3`` → ``1.5``, or ``scale 1.5`` among others."""
    short = one_kind(names)
    labels = [name.rpartition("/")[2] if short else name.replace("/", " ") for name in names]
    return {f"level-{place}": label for place, label in enumerate(labels, start=1)}


def one_kind(names: Sequence[str]) -> bool:
    """Whether all views change the same, such as the scale."""
    return len({name.partition("/")[0] for name in names}) <= 1


def _numbers(found: Found) -> list[Curves] | None:
    numbers = []
    for data, axis in _SETS.items():
        values = found.values(_MEASURE, data)
        if values:
            numbers.append(Curves(data, axis, views_of(found.evidence.cast.data[data].views or []), values))
    return numbers or None


def _cells(numbers: list[Curves]) -> Iterator[Cell]:
    for curves in numbers:
        for group, view in curves.views.items():
            for model, values in curves.values.items():
                if group in values:
                    label = f"{curves.axis.partition(' ')[0]} {view}"
                    yield Cell(label, model, values[group], _MEASURE, curves.data, group)


def _draw(canvas: Canvas, numbers: list[Curves], looks: Looks) -> None:
    """A panel for each kind of view."""
    canvas.set_size_inches(0.7 + 3.3 * len(numbers), 3.4)
    margins(canvas, 0.6, 0.5, 0.1, 0.45, wspace=0.12)
    panels = canvas.subplots(1, len(numbers), squeeze=False, sharey=True)[0]
    for axes, curves in zip(panels, numbers, strict=True):
        draw_curves(axes, curves, looks)
    panels[0].set_ylabel(numbers[0].unit)
    handles, labels = panels[0].get_legend_handles_labels()
    canvas.legend(handles, labels, frameon=False, loc="upper center", ncols=4)


def draw_curves(axes: Axes, curves: Curves, looks: Looks) -> None:
    """A line for each model; views are equally far apart."""
    for model, values in curves.values.items():
        look = looks[model]
        line = look.dash if curves.joined else "None"
        shown = [(place, values[group]) for place, group in enumerate(curves.views) if group in values]
        axes.plot([place for place, _ in shown], [value for _, value in shown], color=look.colour, marker=look.marker,
                  linestyle=line, linewidth=1.6, markersize=6, label=model)  # fmt: skip
    axes.set_xticks(range(len(curves.views)), list(curves.views.values()))
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    axes.set_xlabel(curves.axis)
    axes.grid(axis="y")


INVARIANCE = Figure(
    name="figure-7-invariance",
    title="Figure 7: scale, shift and resolution",
    caption="Accuracy on ImageNet's validation set while its pictures are magnified, shifted, or shown larger and "
    "smaller.",
    section="3.7",
    data=tuple(_SETS),
    numbers=_numbers,
    cells=_cells,
    draw=_draw,
)
