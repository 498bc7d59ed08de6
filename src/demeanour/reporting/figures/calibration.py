"""Figure 4: does confidence match accuracy (§3.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demeanour.errors import NotMeasuredError
from demeanour.evidence.observations import Observations
from demeanour.measures.calibration import ReliabilityCurve, ece, reliability_curve
from demeanour.reporting.figures.canvas import margins
from demeanour.reporting.figures.figure import Cell, Figure, Found
from demeanour.reporting.figures.looks import Look, Looks
from demeanour.reporting.style import GROUND, INK, PALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_SETS = {"imagenet-val": "ImageNet-1K", "imagenet-r": "ImageNet-R"}


@dataclass(frozen=True)
class Calibrated:
    """How well a model's confidence on one data set matches its accuracy.

    Attributes:
        model: Its name.
        data: The data set's.
        curve: Of the bins of confidence.
        ece: Expected calibration error.
        accuracy: On all pictures.
    """

    model: str
    data: str
    curve: ReliabilityCurve
    ece: float
    accuracy: float


def calibrated(one: Observations) -> Calibrated:
    """What a model's answers say of its calibration.

    Raises:
        NotMeasuredError: They come without confidence.
    """
    confidence, correct = one.column("confidence").astype(float), one.column("correct").astype(bool)
    error = float(ece(confidence, correct)["all"])
    return Calibrated(one.model, one.data, reliability_curve(confidence, correct), error, float(correct.mean()))


def _numbers(found: Found) -> list[Calibrated] | None:
    numbers = []
    for data in _SETS:
        for one in found.observed(data):
            try:
                numbers.append(calibrated(one))
            except NotMeasuredError as error:
                found.notes.append(str(error))
    return numbers or None


def _cells(numbers: list[Calibrated]) -> Iterator[Cell]:
    for one in numbers:
        yield Cell(f"ECE, {_SETS[one.data]}", one.model, one.ece, "ece", one.data)
        yield Cell(f"accuracy, {_SETS[one.data]}", one.model, one.accuracy, "top1", one.data)


def _draw(canvas: Canvas, numbers: list[Calibrated], looks: Looks) -> None:
    """A column for each model; for each data set a histogram of confidence above a reliability diagram."""
    models = [model for model in looks if any(one.model == model for one in numbers)]
    sets = [data for data in _SETS if any(one.data == data for one in numbers)]
    canvas.set_size_inches(0.75 + 2.45 * len(models), 0.75 + 3.55 * len(sets))
    margins(canvas, 0.7, 0.5, 0.1, 0.35, hspace=0.22, wspace=0.12)
    heights = (1, 2.1) * len(sets)
    axes = canvas.subplots(2 * len(sets), len(models), squeeze=False, sharex=True, sharey="row", height_ratios=heights)
    for ax in axes.flat:
        ax.set_visible(False)   # until there is something to show
    for one in numbers:
        row, column = 2 * sets.index(one.data), models.index(one.model)
        draw_histogram(axes[row, column], one, looks[one.model])
        draw_reliability(axes[row + 1, column], one, looks[one.model])
        axes[row, column].set_title(one.model if row == 0 else "", fontweight="bold")
    for row, data in enumerate(sets):
        axes[2 * row, 0].set_ylabel(f"{_SETS[data]}\nshare of images", visible=True)
        axes[2 * row + 1, 0].set_ylabel(f"{_SETS[data]}\naccuracy")
    for ax in axes[-1]:
        ax.set_xlabel("confidence")


def draw_histogram(axes: Axes, one: Calibrated, look: Look) -> None:
    """How many pictures there are in each bin of confidence."""
    axes.set_visible(True)
    axes.bar(_middles(one.curve), one.curve.share, _width(one.curve), color=look.colour, hatch=look.hatch,
             edgecolor=GROUND, linewidth=0.4)  # fmt: skip
    axes.set(xlim=(0, 1))


def draw_reliability(axes: Axes, one: Calibrated, look: Look) -> None:
    """Accuracy in each bin of confidence, with the mean confidence that it should be."""
    axes.set_visible(True)
    axes.bar(_middles(one.curve), one.curve.accuracy, _width(one.curve), color=look.colour, hatch=look.hatch,
             edgecolor=GROUND, linewidth=0.4, label="accuracy")  # fmt: skip
    filled = one.curve.share > 0
    confidence = one.curve.confidence[filled]
    axes.plot(confidence, confidence, "_", color=INK, markersize=8, markeredgewidth=1.6, label="mean confidence")
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=1, linestyle="--")
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    axes.text(0.04, 0.95, f"ECE {one.ece:.3f}\naccuracy {100 * one.accuracy:.1f} %", va="top", transform=axes.transAxes)


def _middles(curve: ReliabilityCurve) -> list[float]:
    return [float(value) for value in (curve.edges[:-1] + curve.edges[1:]) / 2]


def _width(curve: ReliabilityCurve) -> float:
    return float(curve.edges[1] - curve.edges[0]) * 0.92


CALIBRATION = Figure(
    name="figure-4-calibration",
    title="Figure 4: confidence and accuracy",
    caption="Above, how many images there are in each of 15 bins of confidence; below, the accuracy in each bin and "
    "the mean confidence (—), on the diagonal. Bars below the diagonal are of a model that is too sure of itself.",
    section="3.3",
    data=tuple(_SETS),
    numbers=_numbers,
    cells=_cells,
    draw=_draw,
)
