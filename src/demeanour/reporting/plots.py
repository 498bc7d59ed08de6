"""One picture for each verdict, as SVG on its own white ground, in the form of the paper's figure of its section."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from demeanour.evidence.observations import Observations
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.reporting.figures.bars import Bars, draw_bars
from demeanour.reporting.figures.calibration import calibrated, draw_histogram, draw_reliability
from demeanour.reporting.figures.canvas import margins, svg_of
from demeanour.reporting.figures.figure import Values, values_of
from demeanour.reporting.figures.invariance import Curves, draw_curves, one_kind, views_of
from demeanour.reporting.figures.looks import Look, Looks
from demeanour.reporting.figures.mistakes import factor_bars
from demeanour.reporting.figures.shape_texture import draw_shapes
from demeanour.reporting.figures.similarity import Maps, draw_maps, maps_of
from demeanour.reporting.style import INK, PALE
from demeanour.verdicts.verdict import Verdict
from demeanour.verdicts.words import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

Models = tuple[Observations, ...]
_OF_CONFIDENCE = ("calibration_error", "signed_gap", "bin_gap", "confidence_histogram", "low_confidence")
_OF_FACTORS = ("error_ratio", "error_odds_ratio")
_OF_SHAPES = ("shape_bias", "cue_coverage")
_OF_GROUPS = ("factor_accuracy", "probe_accuracy", "probe_task_accuracy")
_OF_VIEWS = ("view_accuracy", "view_drop")


def plot(
    verdict: Verdict, observed: Sequence[Observations], looks: Mapping[str, Look], context: Sequence[Observations] = ()
) -> str:
    """The picture that shows what a verdict rests on.

    Args:
        verdict: A verdict with estimates.
        observed: What its models said, in the order of the comparison; none for a picture of the difference alone.
        looks: How each model is drawn, here and everywhere.
        context: References to show beside them, such as people.

    Returns:
        An SVG document; the same input gives the same text.
    """
    models, measure = tuple(observed), verdict.measure
    known = tuple((one.model, looks[one.model]) for one in (*observed, *context))
    groups = [part.group for part in verdict.parts] or [verdict.difference.group if verdict.difference else ALL]
    speaks = frozenset(word for group in groups for word in group.split(" over "))
    if models and measure in _OF_CONFIDENCE:
        return _rendered("reliability", known, models)
    if models and measure in _OF_FACTORS:
        return _rendered("factors", known, models, measure, speaks)
    if models and measure in _OF_SHAPES:
        return _rendered("shapes", known, (*context, *models))
    if models and measure in _OF_GROUPS:
        return _rendered("groups", known, models, measure, speaks)
    if models and measure in _OF_VIEWS:
        return _rendered("views", known, models, measure)
    if models and MEASURES[measure].of_minibatches:
        return _rendered("maps", known, models)
    parts = [(part.group, part.value, part.interval) for part in verdict.parts if part.value is not None]
    if not parts and verdict.difference:
        parts = [("difference", verdict.difference.value, verdict.difference.interval)]
    margin = verdict.difference.margin if verdict.difference else 0.0
    return svg_of(_forest, tuple(parts), margin, f"{measure}: difference, {percent(verdict.level)} interval")


@lru_cache(maxsize=64)   # many verdicts rest on the same models' answers
def _rendered(form: str, known: tuple[tuple[str, Look], ...], models: Models, *rest: Any) -> str:
    return svg_of(_FORMS[form], dict(known), models, *rest)


def _reliability(canvas: Canvas, looks: Looks, models: Models) -> None:
    """Confidence histogram above reliability diagram, a column for each model."""
    canvas.set_size_inches(3.1 * len(models) + 0.4, 4.3)
    margins(canvas, 0.55, 0.5, 0.1, 0.3, hspace=0.12)
    axes = canvas.subplots(2, len(models), squeeze=False, sharex=True, height_ratios=(1, 2.2))
    for one, (above, below) in zip(models, axes.T, strict=True):
        numbers = calibrated(one)
        draw_histogram(above, numbers, looks[one.model])
        draw_reliability(below, numbers, looks[one.model])
        above.set_title(one.model, fontweight="bold")
        below.set_xlabel("confidence")
    axes[0, 0].set_ylabel("share of images")
    axes[1, 0].set_ylabel("accuracy")
    axes[1, 0].legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 0.82), fontsize=8)


def _factors(canvas: Canvas, looks: Looks, models: Models, measure: str, speaks: frozenset[str]) -> None:
    draw_bars(canvas, factor_bars(_values(models, measure), models[0], measure.replace("_", " "), speaks), looks)


def _groups(canvas: Canvas, looks: Looks, models: Models, measure: str, speaks: frozenset[str]) -> None:
    values = _values(models, measure)
    labels = {group: group.replace("_", " ") for one in values.values() for group in one if group != ALL}
    labels |= {ALL: "average"} if any(ALL in one for one in values.values()) else {}
    bars = Bars(labels, values, f"{measure.replace('_', ' ')} (%)", percent=True,
                apart=frozenset({ALL}), speaks=speaks)  # fmt: skip
    draw_bars(canvas, bars, looks)


def _shapes(canvas: Canvas, looks: Looks, models: Models) -> None:
    draw_shapes(canvas, _values(models, "shape_bias"), looks)


def _views(canvas: Canvas, looks: Looks, models: Models, measure: str) -> None:
    canvas.set_size_inches(5.4, 3.4)
    margins(canvas, 0.65, 0.5, 0.15, 0.35)
    axes: Axes = canvas.subplots()
    views = models[0].names["view"]
    unit = f"{measure.replace('_', ' ')} (%)"
    values, data = _values(models, measure), models[0].data
    draw_curves(axes, Curves(data, data, views_of(views), values, unit, joined=one_kind(views)), looks)
    axes.set_ylabel(unit)
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2)


def _maps(canvas: Canvas, looks: Looks, models: Models) -> None:
    draw_maps(canvas, Maps({one.model: maps_of(one) for one in models}, {}), looks)


def _values(models: Models, measure: str) -> Values:
    return {one.model: values_of(one, measure) for one in models}


def _forest(
    canvas: Canvas, rows: tuple[tuple[str, float, tuple[float, float]], ...], margin: float, label: str
) -> None:
    """What is compared with the margin, and its interval; in no model's colour."""
    canvas.set_size_inches(6.6, 1.3 + 0.28 * len(rows))
    margins(canvas, 0.4 + 0.075 * max((len(name) for name, _, _ in rows), default=0), 0.55, 0.15, 0.1)
    axes: Axes = canvas.subplots()
    for index, (_, value, limits) in enumerate(rows):
        axes.plot(limits, [index, index], color=INK, linewidth=2)
        axes.plot([value], [index], "o", color=INK)
    axes.axvline(0, color=INK, linewidth=1)
    for sign in (-1, 1) if margin else ():
        axes.axvline(sign * margin, color=PALE, linewidth=1.4, linestyle="--")
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.invert_yaxis()
    axes.margins(y=0.3)
    axes.set_xlabel(label)


_FORMS: dict[str, Callable[..., None]] = {
    "reliability": _reliability, "factors": _factors, "groups": _groups, "shapes": _shapes, "views": _views,
    "maps": _maps,
}  # fmt: skip
