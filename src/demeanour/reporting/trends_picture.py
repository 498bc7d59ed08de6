"""A value over the steps of a history as a small picture: its intervals, its baseline, and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from demeanour.reporting.trends import Point, Trend
from demeanour.verdicts.words import number

_LONGEST = 24   # letters of a name below a picture


@dataclass(frozen=True)
class _Frame:
    """Where steps and values lie in a picture."""

    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    steps: int
    low: float
    high: float

    @property
    def apart(self) -> float:
        """From a step to the next."""
        return (self.width - self.left - self.right) / self.steps

    def x(self, step: float) -> float:
        return self.left + (step + 0.5) * self.apart

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)


def picture(one: Trend, steps: int, ends: tuple[str, str], tips: Sequence[str], name: str) -> str:
    """A card's picture; whatever is pointed at says its numbers.

    Args:
        one: The value.
        steps: How many steps all pictures have.
        ends: What is written below the first and the last of them.
        tips: What each step says when it is pointed at; nothing where it has no value.
        name: What it says to those who do not see it.
    """
    values = [*_values(one.points), *_values(one.baseline)]
    f = _Frame(320, 132, 8, 8, 16, 30, steps, min(values), max(values))
    limited = [point for point in one.points if (point.lowest, point.highest) != (None, None)]
    allowed = "".join(_allowed(f, part) for part in _unbroken(limited))
    bars = "".join(f"M{f.x(p.step):.1f} {f.y(p.interval[0]):.1f}V{f.y(p.interval[1]):.1f}"
                   for p in one.points if p.interval)  # fmt: skip
    squares = "".join(f"M{f.x(p.step) - 3:.1f} {f.y(p.value) - 3:.1f}h6v6h-6z" for p in one.baseline)
    reach = "".join(f'<path d="M{f.x(step):.0f} 0v{f.height}"><title>{escape(tip)}</title></path>'
                    for step, tip in enumerate(tips) if tip)  # fmt: skip
    content = (
        f'{allowed}<path class="before" d="{_line(f, one.baseline)}"/><path class="square" d="{squares}"/>'
        f'<path class="whisker" d="{bars}"/><path class="course" d="{_line(f, one.points)}"/>'
        f"{_marks(f, one.points)}{_words(f, ends)}"
        f'<g class="reach" stroke-width="{f.apart:.0f}">{reach}</g>'
    )
    return (
        f'<svg class="trend" viewBox="0 0 {f.width} {f.height}" width="{f.width}" height="{f.height}" role="img" '
        f'aria-label="{escape(name)}">{content}</svg>'
    )


def spark(one: Trend, steps: int) -> str:
    """A line's picture: the course alone, with its last point; its numbers stand beside it."""
    values = [p.value for p in (*one.points, *one.baseline)]
    f = _Frame(120, 26, 1, 1, 4, 4, steps, min(values), max(values))
    last = one.points[-1]
    before = f'<path class="before" d="{_line(f, one.baseline, 0)}"/>' if one.baseline else ""
    return (
        f'<svg class="trend" width="{f.width}" height="{f.height}" aria-hidden="true">{before}'
        f'<path class="course" d="{_line(f, one.points, 0)}"/>'
        f'<circle class="point" cx="{f.x(last.step):.0f}" cy="{f.y(last.value):.0f}" r="3"/></svg>'
    )


def sign(name: str) -> str:
    """A mark as it stands in a picture, for a legend."""
    shapes = {
        "point": '<circle class="point" cx="8" cy="7" r="4"/>',
        "ring": '<circle class="ring" cx="8" cy="7" r="4"/>',
        "cross": '<path class="cross" d="M4 3l8 8m0-8l-8 8"/>',
        "whisker": '<path class="whisker" d="M8 1v12"/>',
        "square": '<path class="before" d="M0 7h16"/><path class="square" d="M5 4h6v6h-6z"/>',
        "claimed": '<path class="claimed" d="M0 0h16v14h-16z"/><path class="margin" d="M0 13h16"/>',
    }
    return f'<svg class="trend" width="16" height="14" aria-hidden="true">{shapes[name]}</svg>'


def _values(points: Iterable[Point]) -> Iterator[float]:
    for point in points:
        yield point.value
        yield from point.interval or ()
        yield from (limit for limit in (point.lowest, point.highest) if limit is not None)


def _unbroken(points: Sequence[Point]) -> Iterator[list[Point]]:
    """The points in parts within which no step is missing."""
    part: list[Point] = []
    for point in points:
        if part and point.step != part[-1].step + 1:
            yield part
            part = []
        part.append(point)
    if part:
        yield part


def _line(f: _Frame, points: Sequence[Point], digits: int = 1) -> str:
    """Through all points; a step without a value breaks it, and a point between two such is a dot."""
    return "".join(f"M{_through([(f.x(p.step), f.y(p.value)) for p in part], digits)}h0" for part in _unbroken(points))


def _through(points: Sequence[tuple[float, float]], digits: int = 1) -> str:
    """Coordinates of a path, without those in the midst of a level stretch."""
    return " ".join(
        f"{x:.{digits}f} {y:.{digits}f}" for i, (x, y) in enumerate(points)
        if not 0 < i < len(points) - 1 or not points[i - 1][1] == y == points[i + 1][1]
    )  # fmt: skip


def _allowed(f: _Frame, part: Sequence[Point]) -> str:
    """The ground on which a requirement holds, with its limits."""
    at = [f.x(part[0].step - 0.5), *(f.x(p.step) for p in part), f.x(part[-1].step + 0.5)]
    edges, limits = list[list[tuple[float, float]]](), ""
    for ends, beyond in (([p.highest for p in part], f.top - 4), ([p.lowest for p in part], f.height - f.bottom + 4)):
        known = [f.y(end) for end in ends if end is not None]
        heights = [known[0], *known, known[-1]] if known else [beyond] * len(at)
        edges.append(list(zip(at, heights, strict=True)))
        limits += f'<path class="margin" d="M{_through(edges[-1])}"/>' if known else ""
    return f'<path class="claimed" d="M{_through(edges[0])} {_through(edges[1][::-1])}z"/>{limits}'


def _marks(f: _Frame, points: Sequence[Point]) -> str:
    """Crosses where a requirement blocks, discs where it holds or where there is none, else rings."""
    discs, crosses, rings = "", "", ""
    for point in points:
        x, y = f.x(point.step), f.y(point.value)
        if point.blocks:
            crosses += f"M{x - 4:.1f} {y - 4:.1f}l8 8m0-8l-8 8"
        elif point.word in ("", "holds"):
            discs += f"M{x:.1f} {y:.1f}h0"
        else:
            rings += f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    return f'<path class="discs" d="{discs}"/>{rings}<path class="cross" d="{crosses}"/>'


def _words(f: _Frame, ends: tuple[str, str]) -> str:
    """What the highest and the lowest line stand for, and the first and the last step."""
    low, high, left, right = f.height - f.bottom + 4, f.top - 4, f.left, f.width - f.right
    first, last = (escape(end if len(end) <= _LONGEST else f"…{end[1 - _LONGEST:]}") for end in ends)
    texts = (
        ("", left, high - 3, number(f.high)), ("", left, low + 10, number(f.low)),
        ("", left, f.height - 3, first), (' class="end"', right, f.height - 3, last),
    )  # fmt: skip
    return f'<path class="rule" d="M{left} {high}H{right}M{left} {low}H{right}"/>' + "".join(
        f'<text{kind} x="{x}" y="{y}">{text}</text>' for kind, x, y, text in texts
    )
