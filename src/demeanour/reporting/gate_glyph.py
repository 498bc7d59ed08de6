"""A requirement as a picture: the interval in units of its margin, so that all stand on one axis."""

from __future__ import annotations

from demeanour.reporting.gate_report import Required

WIDTH, HEIGHT = 340, 26
LEFT, RIGHT = -3.0, 2.0   # in margins; −1 is the limit, 0 is as good as the baseline
_LIMIT = -1.0
_PAD = 12.0
_STUB, _BESIDE = 16.0, 26.0   # pixels of a bar that lies beyond the axis as a whole, and where its point stands


def in_margins(one: Required) -> tuple[float, float, float]:
    """Lower end, estimate and upper end in units of the margin, turned so that less is worse.

    What must reach a bound has no margin; its limit stands at −1 as well, and its interval is drawn as long as the
    axis allows. Where any change is a loss, the one that was found is.
    """
    difference = one.record["difference"]
    turned = one.relation in ("left <= right", "value < bound")
    turned = turned or (one.relation == "left ~ right" and difference["value"] > 0)
    low, high = difference["interval"]
    values = [-high, -difference["value"], -low] if turned else [low, difference["value"], high]
    if one.bound is None:
        unit, start = difference["margin"], 0.0
    else:
        unit, start = max(abs(values[0]), abs(values[2])) / 1.8 or 1.0, _LIMIT
    lower, middle, upper = (value / unit + start for value in values)
    return lower, middle, upper


def glyph(one: Required) -> str:
    """The interval against what is allowed: a cross where it blocks, a disc where it holds, else a ring.

    What lies beyond the axis ends in an arrow.
    """
    low, middle, high = in_margins(one)
    best = 1.0 if one.relation == "left ~ right" else RIGHT
    ground = (
        f'<rect class="claimed" x="{_x(_LIMIT):.1f}" width="{_x(best) - _x(_LIMIT):.1f}" height="{HEIGHT}"/>'
        f'<path class="margin" d="M{_x(_LIMIT):.1f} 0v{HEIGHT}"/>'
    )
    ground += f'<path class="zero" d="M{_x(0):.1f} 0v{HEIGHT}"/>' if one.bound is None else ""
    if one.relation == "left ~ right":
        ground += f'<path class="margin" d="M{_x(1):.1f} 0v{HEIGHT}"/>'
    bar = "" if one.record.get("same") else _bar(low, high)   # what is the same has no error
    return _svg(ground + bar + _point(one.standing, middle), "gate-glyph", HEIGHT)


def axis() -> str:
    """What the pictures below stand on."""
    limit, zero = f"{_x(_LIMIT):.1f}", f"{_x(0):.1f}"
    return _svg(
        f'<text class="start" x="4" y="13">← worse</text>'
        f'<text x="{limit}" y="13">limit</text><text x="{zero}" y="13">as before</text>'
        f'<text class="end" x="{WIDTH - 4}" y="13">better →</text>'
        f'<path d="M{limit} 18v6"/><path d="M{zero} 18v6"/>',
        "gate-glyph axis", 24,
    )  # fmt: skip


def _bar(low: float, high: float) -> str:
    y, start, end = HEIGHT / 2, _x(max(low, LEFT)), _x(min(high, RIGHT))
    if high < LEFT:   # beyond the axis as a whole
        start, end = _x(LEFT), _x(LEFT) + _STUB
    if low > RIGHT:
        start, end = _x(RIGHT) - _STUB, _x(RIGHT)
    left = f"M{start + 6:.1f} {y - 5}l-6 5 6 5" if low < LEFT else f"M{start:.1f} {y - 5}v10"
    right = f"M{end - 6:.1f} {y - 5}l6 5-6 5" if high > RIGHT else f"M{end:.1f} {y - 5}v10"
    return f'<path class="bar" d="M{start:.1f} {y}H{end:.1f}{left}{right}"/>'


def _point(standing: str, middle: float) -> str:
    x, y = _x(min(max(middle, LEFT), RIGHT)), HEIGHT / 2
    x += _BESIDE * ((middle < LEFT) - (middle > RIGHT))
    if standing == "blocks":
        return f'<path class="cross" d="M{x - 5:.1f} {y - 5}l10 10m0-10l-10 10"/>'
    name = "point" if standing == "holds" else "ring"
    return f'<circle class="{name}" cx="{x:.1f}" cy="{y}" r="4.5"/>'


def _x(margins: float) -> float:
    return _PAD + (margins - LEFT) / (RIGHT - LEFT) * (WIDTH - 2 * _PAD)


def _svg(content: str, name: str, height: int) -> str:
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return f'<svg class="{name}" {size} aria-hidden="true">{content}</svg>'
