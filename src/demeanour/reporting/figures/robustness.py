"""Figure 6, upper half, and Table 2: accuracy on other pictures of the same classes (§3.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import fmean

from demeanour.findings.pairing import SEVERAL
from demeanour.measures.groups import ALL
from demeanour.reporting.figures.bars import Bars, draw_bars
from demeanour.reporting.figures.figure import Cell, Figure, Found

_MEASURE, AVERAGE = "top1", "average"
_SETS = {   # in the order of Table 2
    "imagenet-val": "INet-Val", "imagenetv2": "V2", "imagenet-a": "A", "imagenet-c": "C", "imagenet-hard": "Hard",
    "imagenet-r": "R", "imagenet-sketch": "Sketch", "imagenet-real": "Real",
}  # fmt: skip
_AVERAGED = tuple(name for name in _SETS if name != "imagenet-val")


def _numbers(found: Found) -> Bars | None:
    values: dict[str, dict[str, float]] = {}
    for data in _SETS:
        for model, of_groups in found.values(_MEASURE, data).items():
            values.setdefault(model, {})[data] = of_groups[ALL]
    for of_sets in values.values():
        if all(name in of_sets for name in _AVERAGED):
            of_sets[AVERAGE] = fmean(of_sets[name] for name in _AVERAGED)
    ordered = {model: values[model] for model in found.evidence.cast.models if model in values}
    known = {name for of_sets in values.values() for name in of_sets}
    labels = {name: label for name, label in {**_SETS, AVERAGE: AVERAGE}.items() if name in known}
    bars = Bars(labels, ordered, "accuracy (%)", percent=True, apart=frozenset({AVERAGE}))
    return bars if ordered else None


def _cells(bars: Bars) -> Iterator[Cell]:
    for data, label in bars.groups.items():
        for model, values in bars.values.items():
            if data in values:
                yield Cell(label, model, values[data], _MEASURE, SEVERAL.join(_AVERAGED) if data == AVERAGE else data)


ROBUSTNESS = Figure(
    name="figure-6-robustness",
    title="Figure 6, upper half, and Table 2: robustness",
    caption="Accuracy on other pictures of ImageNet's classes; the average is that of the seven sets beside INet-Val.",
    section="3.5",
    data=tuple(_SETS),
    numbers=_numbers,
    cells=_cells,
    draw=draw_bars,
    by_model=True,
)

MODELS = replace(
    ROBUSTNESS,
    name="table-1-models",
    title="Table 1: the models",
    caption="Who plays, and how accurate they are on ImageNet's validation set.",
    section="2",
    data=("imagenet-val",),
    draw=None,
    claims=False,
)
