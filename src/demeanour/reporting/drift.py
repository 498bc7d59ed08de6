"""What adds up over pinned baselines, as a table of the report and as sentences for those who read no tables."""

from __future__ import annotations

from collections.abc import Sequence

from demeanour.evidence.adapter import packages
from demeanour.findings.baseline import Baseline
from demeanour.reporting.run import Table
from demeanour.verdicts.drift import Drift
from demeanour.verdicts.words import interval, number

TITLE = "Drift since the baseline was first pinned"
_ABOUT = (
    "Each baseline may lose a little against the one before it, and still be within the margin: this is all of it "
    "together, from the first baseline that was pinned on the same images. Intervals take the two values for "
    "independent, for the first one's answers are not kept. A loss of more than one margin is marked."
)
_HEADER = (
    "requirement", "model", "first pinned", "steps", "then", "now", "difference", "90 % interval", "margins lost",
)  # fmt: skip


def drift_table(found: Sequence[Drift]) -> list[Table]:
    """A row for each requirement; no table where nothing was ever replaced."""
    rows = tuple(_row(one) for one in found)
    return [Table(TITLE, _ABOUT, _HEADER, rows)] if rows else []


def baseline_line(baseline: Baseline) -> str:
    """Which baseline a gate compared with, and which packages it was evaluated with that are others by now."""
    now = packages()
    other = [f"{name} {version} then, {now[name] or 'none'} now" for name, version in baseline.packages.items()
             if name in now and now[name] != version] if baseline.live else []   # fmt: skip
    apart = f"; evaluated with other packages: {', '.join(other)}" if other else ""
    return f"{baseline.role} is as it was pinned on {baseline.date[:10]} in {baseline.folder}{apart}"


def drift_lines(found: Sequence[Drift]) -> list[str]:
    """A sentence for each requirement of which more was lost in several steps than one may lose."""
    return [
        f"drift: {one.who} has lost {number(one.lost)} of {of(one)} since {one.since[:10]}, in {one.steps} steps; one "
        f"may lose {one.value.margin:g}" for one in found if one.beyond
    ]  # fmt: skip


def of(one: Drift) -> str:
    """What a value is of."""
    group = f", {one.value.group}," if one.value.group != "all" else ""
    return f"{one.value.measure}{group} on {', '.join(one.value.data)}"


def _row(one: Drift) -> tuple[str, ...]:
    limits = interval(one.interval, True) if one.interval is not None else ""
    name, then = f"{one.value.label} {of(one)}", number(one.value.value)
    times = "" if one.margins is None else f"{'⚠ ' if one.beyond else ''}{max(one.margins, 0.0):.1f}"
    change = number(one.difference, True)
    return name, one.who, one.since[:10], str(one.steps), then, number(one.now), change, limits, times
