"""Figure 3: accuracy on synthetic pictures, by what was varied (§3.2)."""

from __future__ import annotations

from collections.abc import Iterator

from demeanour.measures.groups import ALL
from demeanour.reporting.figures.bars import Bars, cells, draw_bars
from demeanour.reporting.figures.figure import Cell, Figure, Found

_MEASURE, _DATA = "factor_accuracy", "pug-imagenet"


def _numbers(found: Found) -> Bars | None:
    values = found.values(_MEASURE, _DATA)
    if not values:
        return None
    labels = {group: group.replace("_", " ") for one in values.values() for group in one if group != ALL}
    return Bars({**labels, ALL: "average"}, values, "accuracy (%)", percent=True, apart=frozenset({ALL}))


def _cells(bars: Bars) -> Iterator[Cell]:
    return cells(bars, _MEASURE, _DATA)


SYNTHETIC = Figure(
    name="figure-3-synthetic",
    title="Figure 3: accuracy on PUG: ImageNet",
    caption="Accuracy on rendered pictures where one factor is varied at a time (higher is better).",
    section="3.2",
    data=(_DATA,),
    numbers=_numbers,
    cells=_cells,
    draw=draw_bars,
)
