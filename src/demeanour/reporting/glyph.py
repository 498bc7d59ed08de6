"""An interval against its margin, small enough for a line of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from demeanour.findings.schema import Assertion

WIDTH, HEIGHT = 240, 24
_PAD = 10.0


@dataclass(frozen=True)
class Scale:
    """The stretch of numbers that glyphs of one finding show, and the side that it claims.

    Attributes:
        low: The left end.
        high: The right end.
        claimed: Where the whole interval must lie for the claim to hold.
    """

    low: float
    high: float
    claimed: tuple[float, float]

    def x(self, value: float) -> float:
        """Where a number stands, in pixels; beyond the ends, at the ends."""
        place = _PAD + (value - self.low) / (self.high - self.low) * (WIDTH - 2 * _PAD)
        return min(max(place, 0.0), float(WIDTH))


def claimed_side(finding: Assertion) -> tuple[float, float]:
    """The numbers, of those that are compared with the margin, that satisfy a finding's relation."""
    margin = finding.margin
    if finding.relation == "left ~ right":
        return -margin, margin
    if finding.relation in ("left < right", "value < bound", "left flatter than right"):
        return -math.inf, -margin
    if finding.relation in ("left <= right", "groups fall"):
        return -math.inf, margin
    return (-margin if finding.relation in ("left >= right", "groups rise") else margin), math.inf


def scale(finding: Assertion, found: Iterable[Mapping[str, Any]]) -> Scale:
    """One scale for everything that is compared with a finding's margin."""
    claimed = claimed_side(finding)
    values = [0.0, *(end for end in claimed if math.isfinite(end))]
    values += [end for one in found for end in (*one["interval"], one["value"])]
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 1.0
    return Scale(low - room, high + room, claimed)


def glyph(found: Mapping[str, Any], on: Scale, kind: str) -> str:
    """The interval as a bar with its estimate: a disc where the claim holds, a ring where nothing can be told.

    A diamond stands for a violation, a cross for what contradicts the expectation.
    """
    (low, high), at, y = (on.x(end) for end in found["interval"]), on.x(found["value"]), HEIGHT / 2
    bar = f'<path class="bar" d="M{low:.1f} {y}H{high:.1f}M{low:.1f} {y - 4}v8M{high:.1f} {y - 4}v8"/>'
    marks = {
        "holds": f'<circle class="point" cx="{at:.1f}" cy="{y}" r="4"/>',
        "violated": f'<path class="point" d="M{at - 5.5:.1f} {y}l5.5-5.5 5.5 5.5-5.5 5.5z"/>',
        "against": f'<path class="cross" d="M{at - 4.5:.1f} {y - 4.5}l9 9m0-9l-9 9"/>',
    }
    point = marks.get(kind, f'<circle class="ring" cx="{at:.1f}" cy="{y}" r="4"/>')
    return _svg(f"{_ground(on)}{bar}{point}", "glyph")


def axis(on: Scale) -> str:
    """The numbers that the glyphs below stand on."""
    span = on.high - on.low
    step = 10.0 ** math.floor(math.log10(span))
    step = next(step * part for part in (1.0, 0.5, 0.2) if span / (step * part) >= 2)
    ticks = [step * i for i in range(math.ceil(on.low / step), math.floor(on.high / step) + 1)]
    parts = []
    for tick in ticks:
        text = f"{tick:+.6g}".replace("-", "−") if tick else "0"
        parts.append(f'<path d="M{on.x(tick):.1f} 19v5"/><text x="{on.x(tick):.1f}" y="14">{text}</text>')
    return _svg("".join(parts), "axis")


def _ground(on: Scale) -> str:
    left, right = (on.x(end) for end in on.claimed)
    lines = "".join(
        f'<path class="margin" d="M{on.x(end):.1f} 0v{HEIGHT}"/>' for end in on.claimed if math.isfinite(end) and end
    )
    zero = f'<path class="zero" d="M{on.x(0):.1f} 0v{HEIGHT}"/>'
    return f'<rect class="claimed" x="{left:.1f}" width="{right - left:.1f}" height="{HEIGHT}"/>{zero}{lines}'


def _svg(content: str, name: str) -> str:
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return f'<svg class="{name}" {size} aria-hidden="true">{content}</svg>'
