"""``docs/performance.md`` from what ``evaluation.py`` has measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

Row = Mapping[str, Any]
TITLES = {"cpu": "On a CPU", "cuda": "On a GPU"}


def write_page(kept: Row, path: Path) -> None:
    """Put what was measured into the page."""
    path.write_text(page(kept, path.read_text(encoding="utf-8")), encoding="utf-8")


def page(kept: Row, text: str) -> str:
    """The page with what was measured on each device put between its marks.

    Args:
        kept: What was measured, by device.
        text: The page.

    Raises:
        ValueError: The page lacks the marks of a device.
    """
    for device in TITLES:
        begin, end = f"<!-- {device}: begin -->", f"<!-- {device}: end -->"
        head, found, rest = text.partition(begin)
        _, closed, tail = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"the page has no '{begin}' … '{end}'")
        text = f"{head}{begin}\n\n{part(device, kept.get(device))}\n\n{end}{tail}"
    return text


def part(device: str, content: Row | None) -> str:
    """What is said of a device."""
    if content is None:
        return "Not measured yet."
    single = [_single(row, content) for row in content["single"]]
    parts = [_about(content), _table(_HEADER if device == "cpu" else _HEADER[:-1], _cut(single, device))]
    for row in content["sweeps"]:
        parts += [_sweep(row)]
    return "\n\n".join(parts)


_HEADER = (
    "network (parameters, side)", "pictures", "timm's loop, /s", "demeanour, /s", "demeanour / timm",
    "passes alone, /s", "share of that", "decoded", "passed", "cores' time outside passes",
)  # fmt: skip


def _cut(rows: Iterable[Sequence[str]], device: str) -> list[Sequence[str]]:
    """On a GPU no core makes passes."""
    return [row if device == "cpu" else row[:-1] for row in rows]


def _about(content: Row) -> str:
    packages, look = content["packages"], content["pictures"]
    kind = "photographs" if content["photographs"] else "drawn pictures"
    apart = max(row["apart"] for row in (*content["single"], *content["sweeps"]))
    return (
        f"{content['machine']}; {content['numerics']}; Python {packages['python']}, torch {packages['torch']}, "
        f"timm {packages['timm']}, Pillow {packages['pillow']}. JPEGs: {kind} of {look['megapixels']:.2f} million "
        f"pixels and {look['kilobytes']} kB on average. What both sides say of a picture, the probability of its "
        f"most probable class, differs by at most {100 * apart:.1g} % of it. {content['minutes']:.0f} minutes in all."
    )


def _single(row: Row, content: Row) -> list[str]:
    rounds, count = row["rounds"], row["pictures"]

    def rate(side: str) -> str:
        return _number(median(count / one[side] for one in rounds))

    outside = [1 - one["inside"] / (content["cores"] * one["ours"]) for one in rounds]
    return [
        f"`{row['network']}` ({_millions(row['parameters'])}, {row['side']})", f"{count:,}",
        rate("timm"), rate("ours"), _spread([one["timm"] / one["ours"] for one in rounds]),
        rate("ceiling"), _spread([one["ceiling"] / one["ours"] for one in rounds], percent=True),
        f"{row['decoded']:,}", f"{row['passed']:,}", _spread(outside, percent=True),
    ]  # fmt: skip


def _sweep(row: Row) -> str:
    rounds, names = row["rounds"], [f"`{one['network']}`" for one in row["networks"]]
    sides = sorted({one["side"] for one in row["networks"]})
    kinds = list(dict.fromkeys(view.partition("/")[0] for view in row["views"]))
    grids = [f"{kind} {', '.join(_values(row['views'], kind))}" for kind in kinds]
    told = (
        f"{len(names)} networks in {len(row['views'])} views ({'; '.join(grids)}): {', '.join(names)}, made for "
        f"{' and '.join(map(str, sides))} pixels, on {row['pictures']:,} pictures."
    )
    ours, other = (median(one[side] for one in rounds) for side in ("ours", "timm"))
    rows = [
        ["a loop for each network and view", f"{other:.1f}", f"{row['decoded_by_loop']:,}", f"{row['passed']:,}", "1"],
        ["demeanour", f"{ours:.1f}", f"{row['decoded']:,}", f"{row['passed']:,}",
         _spread([one["timm"] / one["ours"] for one in rounds])],
    ]  # fmt: skip
    return told + "\n\n" + _table(("", "seconds", "decoded", "passed", "times as fast"), rows)


def _values(views: Iterable[str], kind: str) -> list[str]:
    return [view.partition("/")[2] for view in views if view.startswith(f"{kind}/")]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rows))


def _spread(values: Sequence[float], percent: bool = False) -> str:
    """The median, with the smallest and the largest."""
    found = (median(values), min(values), max(values))
    middle, low, high = (f"{100 * one:.1f}" if percent else f"{one:.2f}" for one in found)
    return f"{middle}{' %' if percent else ''} [{low}, {high}]".replace("-", "−")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _millions(count: int) -> str:
    return f"{count / 1e6:.0f} M" if count >= 1e7 else f"{count / 1e6:.1f} M"
