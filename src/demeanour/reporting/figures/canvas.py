"""From drawing functions to SVG and PNG: the same input gives the same bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from demeanour.reporting.style import GROUND, INK

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

LINE = "#d8dee4"   # of grids
_RC: Any = {
    "svg.hashsalt": "demeanour", "svg.fonttype": "path", "text.parse_math": False, "font.size": 9.0,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": INK, "text.color": INK,
    "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "figure.facecolor": GROUND,
    "axes.facecolor": GROUND, "axes.axisbelow": True, "hatch.linewidth": 0.6, "grid.color": LINE,
}  # fmt: skip
_DPI = 160


def svg_of(draw: Callable[..., None], *what: Any) -> str:
    """The SVG document that ``draw(canvas, *what)`` makes, on a white ground."""
    with _canvas() as canvas:
        draw(canvas, *what)
        return _svg(canvas)


def svg_and_png(draw: Callable[..., None], *what: Any) -> tuple[str, bytes]:
    """What ``draw(canvas, *what)`` makes, as an SVG document and as a PNG file, on a white ground."""
    with _canvas() as canvas:
        draw(canvas, *what)
        data = io.BytesIO()
        canvas.savefig(data, format="png", dpi=_DPI, metadata={"Software": None})
        return _svg(canvas), data.getvalue()


def _svg(canvas: Canvas) -> str:
    text = io.StringIO()
    canvas.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


@contextmanager
def _canvas() -> Iterator[Canvas]:
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    with mpl.rc_context(_RC), warnings.catch_warnings():
        warnings.simplefilter("ignore")   # a name that the font cannot write is no reason to fail
        yield Canvas()


def margins(canvas: Canvas, left: float, bottom: float, right: float, top: float, **space: float) -> None:
    """Fixed margins in inches: measuring every label first would take as long as drawing the picture."""
    width, height = canvas.get_size_inches()
    canvas.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height, **space)
