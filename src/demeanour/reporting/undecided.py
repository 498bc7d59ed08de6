"""What would decide an undecided verdict: how many images it has, and about how many it would take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.verdicts.words import number

LACKS = ("finding", "compared with the margin", "images now", "could tell a distance of", "about how many would decide")


@dataclass(frozen=True)
class Lack:
    """What an undecided verdict lacks, in words.

    Attributes:
        images: How many images speak of the comparison that tips the scale, and of which group.
        told: How far from the margin these would tell; empty where they are too few to count.
        needed: About how many would decide.
    """

    images: str
    told: str
    needed: str


def what_would_decide(record: Mapping[str, Any]) -> Lack:
    """What an undecided verdict's record says of that; one that follows from others waits for those of them."""
    if record["shortfall"] is None and record["measure"] in MEASURES and MEASURES[record["measure"]].of_network:
        return Lack("", "", "times of a quieter machine, or a wider margin")
    if record["shortfall"] is None:
        waits = [part["group"] for part in record["parts"] if part["verdict"] == "undecided"]
        return Lack("", "", f"what decides {', '.join(waits)}")
    lack, group = record["shortfall"], record["difference"]["group"]
    images, needed = lack["images"], lack["needed"]
    now = f"{images:,}" if group == ALL else f"{images:,} ({group})"
    if lack["distance"] is None:
        return Lack(f"{images:,}", "", f"{needed:,} in a group")
    told = number(lack["distance"])
    if needed is None:
        return Lack(now, told, "no number would, if the estimate stayed")
    if needed <= images:   # of a lopsided interval, whose near end just crosses the margin
        return Lack(now, told, "a few more")
    times = f" (×\N{NO-BREAK SPACE}{needed / images:,.0f})" if needed >= 2 * images else ""
    return Lack(now, told, f"{needed:,}{times}")


def images_of(record: Mapping[str, Any]) -> int:
    """How many images speak of the comparison that decided; 0 where nothing was measured."""
    found = record["difference"]
    sizes = {part["group"]: part["n"] for part in record["parts"]}
    fewest = min((estimate["n"] for estimate in record["estimates"].values()), default=0)
    return int(sizes.get(found["group"] if found else ALL, fewest))
