"""One picture for each verdict, as SVG on its own white ground."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from demeanour.evidence.observations import Observations
from demeanour.measures.calibration import reliability_curve
from demeanour.measures.groups import ALL
from demeanour.measures.mistakes import error_ratio
from demeanour.measures.shape_bias import shape_bias
from demeanour.reporting.style import GROUND, INK, PALE, SERIES
from demeanour.verdicts.verdict import Verdict
from demeanour.verdicts.words import percent
from demeanour.vocabulary import CATEGORIES, FACTORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RC: Any = {
    "svg.hashsalt": "demeanour", "svg.fonttype": "path", "text.parse_math": False, "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False, "axes.edgecolor": INK, "text.color": INK, "axes.labelcolor": INK,
    "xtick.color": INK, "ytick.color": INK, "figure.facecolor": GROUND, "axes.facecolor": GROUND,
}  # fmt: skip


def plot(verdict: Verdict, observed: Sequence[Observations], context: Sequence[Observations] = ()) -> str:
    """The picture that shows what a verdict rests on.

    Args:
        verdict: A verdict with estimates.
        observed: What its models said, in the order of the comparison; none for a picture of the difference alone.
        context: References to show beside them, such as people.

    Returns:
        An SVG document; the same input gives the same text.
    """
    models = tuple(observed)
    if models and verdict.measure in _OF_CONFIDENCE:
        return _render(_reliability, models)
    if models and verdict.measure in ("error_ratio", "error_odds_ratio"):
        groups = [part.group for part in verdict.parts] or [verdict.difference.group if verdict.difference else ALL]
        return _render(_error_ratios, models, frozenset(word for group in groups for word in group.split(" over ")))
    if models and verdict.measure in ("shape_bias", "cue_coverage"):
        return _render(_shapes, models, tuple(context))
    parts = [(part.group, part.value, part.interval) for part in verdict.parts if part.value is not None]
    if not parts and verdict.difference:
        parts = [("difference", verdict.difference.value, verdict.difference.interval)]
    margin = verdict.difference.margin if verdict.difference else 0.0
    return _render(_forest, tuple(parts), margin, f"{verdict.measure}: difference, {percent(verdict.level)} interval")


@lru_cache(maxsize=64)   # many verdicts rest on the same models' answers
def _render(draw: Callable[..., None], *what: Any) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    with mpl.rc_context(_RC), warnings.catch_warnings():
        warnings.simplefilter("ignore")   # a name that the font cannot write is no reason to fail
        figure = Canvas()
        draw(figure, *what)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :]


def _margins(figure: Figure, left: float, bottom: float, right: float, top: float) -> None:
    """Fixed margins in inches: measuring every label first would take as long as drawing the picture."""
    width, height = figure.get_size_inches()
    figure.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height, hspace=0.12)


def _reliability(figure: Figure, observed: tuple[Observations, ...]) -> None:
    """Confidence histogram above reliability diagram, a column for each model."""
    figure.set_size_inches(3.1 * len(observed) + 0.4, 4.3)
    _margins(figure, 0.55, 0.5, 0.1, 0.3)
    axes = figure.subplots(2, len(observed), squeeze=False, sharex=True, height_ratios=(1, 2.2))
    for column, one in enumerate(observed):
        curve = reliability_curve(one.column("confidence").astype(float), one.column("correct").astype(bool))
        middle, width = (curve.edges[:-1] + curve.edges[1:]) / 2, curve.edges[1]
        top, bottom = axes[0, column], axes[1, column]
        top.bar(middle, curve.share, width * 0.9, color=SERIES[0])
        top.set_title(one.model, fontweight="bold")
        bottom.bar(middle, curve.accuracy, width * 0.9, color=SERIES[0], label="accuracy")
        filled = curve.share > 0
        bottom.plot(curve.confidence[filled], curve.confidence[filled], "_", color=SERIES[1], markersize=9,
                    markeredgewidth=2, label="mean confidence")  # fmt: skip
        bottom.plot([0, 1], [0, 1], color=PALE, linewidth=1, linestyle="--")
        bottom.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence")
        if column == 0:
            top.set_ylabel("share of images")
            bottom.set_ylabel("accuracy")
            bottom.legend(frameon=False, loc="upper left", fontsize=8)


def _error_ratios(figure: Figure, observed: tuple[Observations, ...], speaks: frozenset[str]) -> None:
    """A row of bars for each factor, hardest factor of the first model on top; rare factors are pale."""
    ratios = [error_ratio(one.column("correct").astype(bool), one.column("factors").astype(bool)) for one in observed]
    sizes = observed[0].column("factors").astype(bool).sum(axis=0)
    order = np.argsort([np.nan_to_num(float(ratios[0][name])) for name in FACTORS])
    names = [*(FACTORS[i] for i in order), ALL]
    labels = [*(f"{FACTORS[i]}  n={sizes[i]:,}" for i in order), "mean of 16"]
    figure.set_size_inches(6.6, 5.6)
    _margins(figure, 1.75, 0.5, 0.15, 0.1)
    axes = figure.subplots()
    height = 0.8 / len(observed)
    for index, (one, values) in enumerate(zip(observed, ratios, strict=True)):
        at = np.arange(len(names)) + 0.4 - height * (index + 0.5)
        colour = SERIES[index % len(SERIES)]
        bars = axes.barh(at, [float(values[name]) for name in names], height, color=colour, label=one.model)
        for bar, name in zip(bars, names, strict=True):
            bar.set_alpha(1.0 if name == ALL or sizes[FACTORS.index(name)] >= 150 else 0.35)
    axes.axvline(1, color=INK, linewidth=1)
    axes.set_yticks(np.arange(len(names)), labels)
    for tick, name in zip(axes.get_yticklabels(), names, strict=True):
        tick.set_fontweight("bold" if name in speaks else "normal")
    axes.set_xlabel("error ratio (1: as hard as the average image; pale: fewer than 150 images)")
    axes.legend(frameon=False, loc="lower right")


def _shapes(figure: Figure, observed: tuple[Observations, ...], context: tuple[Observations, ...]) -> None:
    """Shape against texture: a marker for each category, a line for the pooled value; people in grey."""
    figure.set_size_inches(6.6, 5.2)
    _margins(figure, 0.85, 0.5, 0.15, 0.6)
    axes = figure.subplots()
    for index, one in enumerate([*context, *observed]):
        values = shape_bias(*(one.column(name).astype(int) for name in ("prediction", "shape", "texture")))
        person = index < len(context)
        colour = PALE if person else SERIES[(index - len(context)) % len(SERIES)]
        label = None if person and index else ("people" if person else f"{one.model} ({float(values[ALL]):.3f})")
        at = [(CATEGORIES.index(name), float(value)) for name, value in values.items() if name != ALL]
        marker = "." if person else "o^sDvP"[(index - len(context)) % 6]
        axes.plot([v for _, v in at], [i for i, _ in at], marker, color=colour, label=label,
                  markersize=5 if person else 6, clip_on=False)  # fmt: skip
        axes.axvline(float(values[ALL]), color=colour, linewidth=1.6 if not person else 0.8, linestyle="--")
    axes.set_yticks(range(len(CATEGORIES)), CATEGORIES)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of shape decisions (left: texture decides, right: shape decides)")
    axes.grid(axis="y", color="#e5e7eb")
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=3)


def _forest(
    figure: Figure, rows: tuple[tuple[str, float, tuple[float, float]], ...], margin: float, label: str
) -> None:
    """What is compared with the margin, and its interval."""
    figure.set_size_inches(6.6, 1.3 + 0.28 * len(rows))
    _margins(figure, 0.4 + 0.075 * max((len(name) for name, _, _ in rows), default=0), 0.55, 0.15, 0.1)
    axes: Axes = figure.subplots()
    for index, (_, value, limits) in enumerate(rows):
        axes.plot(limits, [index, index], color=SERIES[0], linewidth=2)
        axes.plot([value], [index], "o", color=SERIES[0])
    axes.axvline(0, color=INK, linewidth=1)
    for sign in (-1, 1) if margin else ():
        axes.axvline(sign * margin, color=SERIES[1], linewidth=1, linestyle="--")
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.invert_yaxis()
    axes.margins(y=0.3)
    axes.set_xlabel(label)


_OF_CONFIDENCE = ("calibration_error", "signed_gap", "bin_gap", "confidence_histogram", "low_confidence")
