"""What a release policy can prove, in lines for a terminal; `plan` and `baseline suggest` print them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from demeanour.verdicts.gate_power import BASES, MOST, UNKNOWN, Prospect, all_together, too_weak
from demeanour.verdicts.words import percent

Row = tuple[str, ...]


def table(head: Row, rows: Sequence[Row]) -> Iterator[str]:
    """Rows below a head, in columns; the first and the last are flush left."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        cells = [f"{cell:>{width}}" for cell, width in zip(line[1:-1], widths[1:-1], strict=True)]
        yield "  ".join([f"  {line[0]:<{widths[0]}}", *cells, line[-1]]).rstrip()


def of_power(found: Sequence[Prospect], wished: float) -> Iterator[str]:
    """With what power each requirement can be proved, and what would give the power that is wished."""
    for_wished = percent(wished)
    head = ("requirement", "margin", "images", "power", f"images for {for_wished}", f"margin for {for_wished}", "from")
    yield from table(head, [_row(one) for one in found])
    yield from bases(found)


def bases(found: Sequence[Prospect]) -> Iterator[str]:
    """What the words of the last column mean, those that occur, and why what is not known is not."""
    for name, meaning in BASES.items():
        if any(one.basis == name for one in found):
            yield f"  {name}: {meaning}"
    for why in dict.fromkeys(one.why for one in found if one.why):
        labels = dict.fromkeys(one.case.finding.label for one in found if one.why == why)
        yield f"  {UNKNOWN} ({', '.join(labels)}): {why}"


def warnings(found: Sequence[Prospect], wished: float) -> Iterator[str]:
    """What would hold up a candidate that is as good as its baseline."""
    for one in too_weak(found, wished):
        yield f"WARNING {one.case.id}: {_what_is_weak(one, wished)}"
    must = [one for one in found if one.must]
    known = [one.power for one in must if one.power is not None]
    if len(must) > MOST:
        yield (f"WARNING {len(must)} requirements must all be proved, more than {MOST}: each costs power; let some "
               "block on proof of harm only (`burden: harm`), or average over data sets")  # fmt: skip
    if known:
        others = "" if len(known) == len(must) else f"; nothing is known of {len(must) - len(known)} others"
        yield (f"together: a candidate that equals its baseline is released with a probability of at least "
               f"{_power(all_together(known))}{others}")  # fmt: skip


def margin(value: float) -> str:
    """A margin for people."""
    return f"{value:.3g}"


def _row(one: Prospect) -> Row:
    group = one.weakest.group if one.weakest and len(one.spreads) > 1 else ""
    name = f"{one.case.finding.label} {one.case.id}" + (f", {group}" if group else "")
    bound = one.case.finding.bound
    asked = margin(one.case.finding.margin) if bound is None else f"bound {bound:g}"
    if one.power is None or one.weakest is None:
        return name, asked, "", "", "", "", one.basis
    needed = "none" if one.needed is None else f"{one.needed:,}"
    least = "" if one.margin is None else margin(one.margin)
    return name, asked, f"{one.weakest.n:,}", _power(one.power), needed, least, one.basis


def _what_is_weak(one: Prospect, wished: float) -> str:
    lead = f"shown with {_power(one.power or 0)} only, for a candidate that equals its baseline"
    if one.case.finding.bound is not None and one.needed is None:
        return f"{lead}, for the baseline itself does not reach the bound"
    images = "no number of images gives" if one.needed is None else f"{one.needed:,} images give"
    wider = "" if one.margin is None else f", and so does a margin of {margin(one.margin)}"
    if one.needed is None and one.margin is not None:
        wider = f", for numeric noise is as large as the margin; one of {margin(one.margin)} would"
    return f"{lead}; {images} {percent(wished)}{wider}"


def _power(value: float) -> str:
    return "> 99.9 %" if value > 0.999 else f"{100 * value:.1f} %"
