"""Figure 2: on which kinds of pictures models err (§3.1)."""

from __future__ import annotations

from collections.abc import Iterator

from demeanour.evidence.observations import Observations
from demeanour.measures.groups import ALL, factor_support
from demeanour.reporting.figures.bars import Bars, cells, draw_bars
from demeanour.reporting.figures.figure import Cell, Figure, Found, Values
from demeanour.vocabulary import FACTORS

_DATA, _FEW = "imagenet-x", 150
_ORDER = (   # of the paper's figure
    "color", "darker", "brighter", "larger", "smaller", "object_blocking", "person_blocking", "partial_view", "pose",
    "shape", "subcategory", "texture", "pattern", "style", "background", "multiple_objects",
)  # fmt: skip


def _numbers(found: Found) -> Bars | None:
    values = found.values("error_ratio", _DATA)
    if not values:
        return None
    return factor_bars(values, found.evidence.observations(next(iter(values)), _DATA), "error ratio")


def factor_bars(values: Values, one: Observations, unit: str, speaks: frozenset[str] = frozenset()) -> Bars:
    """A cluster of bars for each factor, with how many pictures it has.

    Args:
        values: Of each model.
        one: Some model's answers, which tell the pictures' factors.
        unit: What the height says.
        speaks: Factors that are set off from the others.
    """
    sizes = factor_support(one.column("correct").astype(bool), one.column("factors").astype(bool))
    labels = {name: f"{name.replace('_', ' ')} ({sizes[name]:,})" for name in _ORDER}
    pale = frozenset(name for name in FACTORS if sizes[name] < _FEW)
    return Bars({**labels, ALL: "average"}, values, unit, pale=pale, level=1, apart=frozenset({ALL}), speaks=speaks)


def _cells(bars: Bars) -> Iterator[Cell]:
    return cells(bars, "error_ratio", _DATA)


MISTAKES = Figure(
    name="figure-2-mistakes",
    title="Figure 2: error ratios on ImageNet-X",
    caption="Error rate on the pictures of a factor over the error rate on all annotated pictures (lower is better; "
    f"at the line, they are as hard as any). In brackets how many pictures there are; pale where fewer than {_FEW}.",
    section="3.1",
    data=(_DATA,),
    numbers=_numbers,
    cells=_cells,
    draw=draw_bars,
)
