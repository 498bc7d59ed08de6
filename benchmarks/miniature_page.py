"""``docs/miniature.md`` and its learning curves, from what was measured and the cards of the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.miniature_tables import TABLES, Content, Row
from demeanour.miniature.names import CLASSES
from demeanour.reporting.style import GROUND, INK, PALE, SERIES

WEIGHTS = Path(__file__).parents[1] / "src" / "demeanour" / "miniature" / "learning" / "weights"
PAPERS = ("ViT-sup", "ConvNeXt-sup", "ViT-clip", "ConvNeXt-clip")
CAST = tuple(name for name in PAPERS if (WEIGHTS / f"{name}.json").exists())   # those that are trained


def write_page(kept: Content, weights: Path, path: Path, pictures: Path) -> None:
    """Put what was measured into the page, and draw the curves.

    Args:
        kept: What was measured, by size.
        weights: The folder of cards and curves.
        path: The page.
        pictures: The folder of pictures.
    """
    told = cards(weights)
    path.write_text(page(kept, told, path.read_text(encoding="utf-8")), encoding="utf-8")
    pictures.mkdir(parents=True, exist_ok=True)
    draw_curves({name: _json(weights / f"{name}.curve.json") for name in told}, pictures / "curves.png")


def cards(weights: Path) -> dict[str, Row]:
    """The cards of a folder by role: those of the cast, then whoever else is there."""
    found = {file.stem: _json(file) for file in sorted(weights.glob("*.json")) if not file.name.endswith(".curve.json")}
    return {name: found[name] for name in (*CAST, *(name for name in found if name not in CAST))}


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def page(kept: Content, told: Mapping[str, Row], text: str) -> str:
    """The page with every measured part put between its marks.

    Raises:
        ValueError: The page lacks the marks of a part.
    """
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        head, found, rest = text.partition(begin)
        _, closed, tail = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"the page has no '{begin}' … '{end}'")
        text = f"{head}{begin}\n\n{table(kept, told)}\n\n{end}{tail}"
    return text


def draw_curves(curves: Mapping[str, Sequence[Row]], path: Path) -> None:
    """Accuracy on the selection set and loss against the pictures shown, as PNG on its own white ground."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rc: Any = {"axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": INK, "text.color": INK,
               "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "font.size": 9.0}   # fmt: skip
    with mpl.rc_context(rc):
        figure = Figure(figsize=(8.4, 3.6), facecolor=GROUND, layout="constrained")
        left, right = figure.subplots(1, 2)
        for name, points in curves.items():
            colour = SERIES[PAPERS.index(name)] if name in PAPERS else PALE
            shown = [point["presentations"] / 1000 for point in points]
            style = "--" if name.endswith("clip") else "-"
            for axes, what, factor in ((left, "accuracy", 100), (right, "loss", 1)):
                axes.plot(shown, [factor * point[what] for point in points], style, color=colour, label=name)
        left.axhline(100 / len(CLASSES), color=INK, linewidth=1, linestyle=":")
        left.set(ylim=(0, 100), ylabel="accuracy on the selection set, %")
        right.set(ylabel="training loss")
        right.set_ylim(bottom=0)
        for axes in (left, right):
            axes.set_xlabel("pictures shown, thousands")
            axes.set_xlim(left=0)
            axes.grid(axis="y", color="#e5e7eb")
            axes.set_axisbelow(True)
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=len(curves), frameon=False)
        figure.savefig(path, dpi=130, metadata={"Software": None})
