"""Figure 8: how alike a network's layers see pictures (§3.8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from demeanour.evidence.observations import Observations
from demeanour.measures.groups import ALL
from demeanour.measures.similarity import cka_map, pairs_among
from demeanour.measures.weighting import Floats
from demeanour.reporting.figures.canvas import margins
from demeanour.reporting.figures.figure import Cell, Figure, Found, Values
from demeanour.reporting.figures.looks import Looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas
    from matplotlib.image import AxesImage

_MEASURE, _DATA = "layer_similarity", "imagenet-val-layers"
_COLUMNS = (("all",), ("attention", "convolution"), ("linear",), ("normalisation",))   # of the paper's figure


@dataclass(frozen=True)
class Maps:
    """Similarity of layers.

    Attributes:
        maps: Of each model and kind of layers, (k, k).
        values: The mean of each kind, off the diagonal.
    """

    maps: dict[str, dict[str, Floats]]
    values: Values


def maps_of(one: Observations) -> dict[str, Floats]:
    """CKA of all pairs of layers of each kind that has two, and of all layers; kind → (k, k)."""
    hsic, kinds = one.column("hsic").astype(float).sum(axis=0), np.asarray(one.names["kinds"])
    layers, found = one.names["layers"], {}
    for kind in dict.fromkeys(name for column in _COLUMNS for name in column):
        members = np.flatnonzero(np.full(len(layers), True) if kind == ALL else kinds == kind)
        if len(members) > 1:
            found[kind] = cka_map(hsic[pairs_among(members, len(layers))], [layers[index] for index in members])
    return found


def _numbers(found: Found) -> Maps | None:
    maps = {one.model: maps_of(one) for one in found.observed(_DATA)}
    return Maps(maps, found.values(_MEASURE, _DATA)) if maps else None


def _cells(numbers: Maps) -> Iterator[Cell]:
    for kind in dict.fromkeys(name for column in _COLUMNS for name in column):
        for model, values in numbers.values.items():
            if kind in values:
                label = "all layers" if kind == ALL else kind
                yield Cell(f"mean CKA, {label}", model, values[kind], _MEASURE, _DATA, kind)


def draw_maps(canvas: Canvas, numbers: Maps, _looks: Looks) -> None:
    """A row for each model, a column for each kind of layers; one scale of colours for all."""
    rows = len(numbers.maps)
    canvas.set_size_inches(8.6, 0.5 + 2.05 * rows)
    margins(canvas, 0.5, 0.35, 0.85, 0.3, wspace=0.22, hspace=0.28)
    axes = canvas.subplots(rows, len(_COLUMNS), squeeze=False)
    image = None
    for row, (model, maps) in zip(axes, numbers.maps.items(), strict=True):
        row[0].set_ylabel(model, fontweight="bold")
        for ax, kinds in zip(row, _COLUMNS, strict=True):
            kind = next((name for name in kinds if name in maps), None)
            if kind is None:
                ax.set_axis_off()
                ax.text(0.5, 0.5, f"no {' or '.join(kinds)}", ha="center", va="center", transform=ax.transAxes)
            else:
                ax.set_title(f"{kind} ({len(maps[kind])})", fontsize=9)
                image = draw_map(ax, maps[kind])
    if image is not None:
        height = canvas.get_size_inches()[1]
        beside = canvas.add_axes((7.95 / 8.6, 0.35 / height, 0.13 / 8.6, 1 - 0.65 / height))
        canvas.colorbar(image, cax=beside, label="CKA")


def draw_map(axes: Axes, found: Floats) -> AxesImage:
    """A map of similarities, the first layer at the lower left."""
    image = axes.imshow(found, cmap="magma", vmin=0, vmax=1, origin="lower", interpolation="nearest", aspect="auto")
    last = len(found) - 1
    axes.set(xticks=(0, last), yticks=(0, last), xticklabels=(1, last + 1), yticklabels=(1, last + 1))
    axes.tick_params(length=2, labelsize=7)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return image


SIMILARITY = Figure(
    name="figure-8-similarity",
    title="Figure 8: similarity of layers",
    caption="CKA of all pairs of a network's layers, of all kinds and of one; in brackets how many layers there are, "
    "from the first (lower left) to the last.",
    section="3.8",
    data=(_DATA,),
    numbers=_numbers,
    cells=_cells,
    draw=draw_maps,
)
