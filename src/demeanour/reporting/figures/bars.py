"""Bars of all models side by side, a cluster for each group."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demeanour.reporting.figures.canvas import margins
from demeanour.reporting.figures.figure import Cell, Values
from demeanour.reporting.figures.looks import Looks
from demeanour.reporting.style import GROUND, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas


@dataclass(frozen=True)
class Bars:
    """What a bar chart shows.

    Attributes:
        groups: From left to right, with the label of each.
        values: Of each model, of the groups that it has.
        unit: What the height says.
        percent: Whether it is a fraction, shown in percent.
        pale: Groups with too few images to say much.
        level: Where a line is drawn across all groups.
        apart: Groups that stand apart from those before them, such as an average.
        speaks: Groups that are set off by bold labels.
    """

    groups: dict[str, str]
    values: Values
    unit: str
    percent: bool = False
    pale: frozenset[str] = frozenset()
    level: float | None = None
    apart: frozenset[str] = frozenset()
    speaks: frozenset[str] = frozenset()


def cells(bars: Bars, measure: str, data: str) -> Iterator[Cell]:
    """The bars of a measure on one data set, as cells of a table."""
    for group, label in bars.groups.items():
        for model, values in bars.values.items():
            if group in values:
                yield Cell(label, model, values[group], measure, data, group)


def draw_bars(canvas: Canvas, bars: Bars, looks: Looks) -> None:
    """Bars on a canvas of their own."""
    clusters = len(bars.groups) + 0.6 * len(bars.apart)
    longest = max(map(len, bars.groups.values()), default=0)
    bottom = 0.3 + 0.038 * longest
    canvas.set_size_inches(max(6.6, min(10.6, 0.8 + clusters * (0.2 + 0.1 * len(bars.values)))), 2.8 + bottom)
    margins(canvas, 0.6, bottom, 0.1, 0.4)
    draw_clusters(canvas.subplots(), bars, looks)


def draw_clusters(axes: Axes, bars: Bars, looks: Looks) -> None:
    """Clusters of bars on given axes, with a legend above them."""
    width, at = 0.82 / max(1, len(bars.values)), _places(list(bars.groups), bars.apart)
    for index, (model, values) in enumerate(bars.values.items()):
        shown = [group for group in bars.groups if group in values]
        left = [at[group] - 0.41 + width * (index + 0.5) for group in shown]
        look = looks[model]
        drawn = axes.bar(left, [values[group] for group in shown], width, color=look.colour, hatch=look.hatch,
                         edgecolor=GROUND, linewidth=0.4, label=model)  # fmt: skip
        for bar, group in zip(drawn, shown, strict=True):
            bar.set_alpha(0.45 if group in bars.pale else 1.0)
    if bars.level is not None:
        axes.axhline(bars.level, color=INK, linewidth=1)
    axes.set_xticks(list(at.values()), list(bars.groups.values()), rotation=38, ha="right", rotation_mode="anchor")
    for label, group in zip(axes.get_xticklabels(), bars.groups, strict=True):
        label.set_fontweight("bold" if group in bars.speaks else "normal")
    axes.set_xlim(-0.6, max(at.values(), default=0) + 0.6)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y")
    if bars.percent:
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    axes.set_ylabel(bars.unit)
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=max(1, len(bars.values)),
                borderaxespad=0.2)  # fmt: skip


def _places(groups: Sequence[str], apart: Collection[str]) -> dict[str, float]:
    """Where the middle of each cluster lies; those that stand apart have some space before them."""
    place, found = -1.0, dict[str, float]()
    for group in groups:
        place += 1.6 if group in apart and found else 1.0
        found[group] = place
    return found
