"""Three zones against a margin: the claim holds, is violated, or the data cannot decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from demeanour.statistics.limits import Limits

ALPHA = 0.05
LEVEL = 1 - 2 * ALPHA   # the two-sided interval whose ends are the deciding one-sided limits

Zone = Literal["holds", "violated", "undecided"]


@dataclass(frozen=True)
class Above:
    """The claim that a quantity exceeds a margin."""

    margin: float

    def holds(self, limits: Limits, alpha: float) -> bool:
        """Whether the quantity lies above the margin with confidence 1 − α."""
        return limits.lower(alpha) > self.margin or _reached(self, limits)

    def violated(self, limits: Limits, alpha: float) -> bool:
        """Whether the quantity lies below the margin with confidence 1 − α."""
        return limits.upper(alpha) < self.margin

    def distance(self, limits: Limits) -> float:
        """How far the estimate is on the claimed side of the margin."""
        return limits.value - self.margin


@dataclass(frozen=True)
class Within:
    """The claim that a quantity differs from 0 by less than a margin: two one-sided tests."""

    margin: float

    def holds(self, limits: Limits, alpha: float) -> bool:
        """Whether the quantity lies within ± the margin, each side with confidence 1 − α."""
        inside = limits.lower(alpha) > -self.margin and limits.upper(alpha) < self.margin
        return inside or _reached(self, limits)

    def violated(self, limits: Limits, alpha: float) -> bool:
        """Whether the quantity lies outside ± the margin with confidence 1 − α.

        Both sides can err where the margin is much smaller than the standard error: 6.6 % instead of 5 % at a
        quarter of it, 5 % from one standard error on.
        """
        return limits.lower(alpha) > self.margin or limits.upper(alpha) < -self.margin

    def distance(self, limits: Limits) -> float:
        """How far the estimate is inside the margin."""
        return self.margin - abs(limits.value)


Claim = Above | Within


def _reached(claim: Claim, limits: Limits) -> bool:
    """Whether something lies on the margin that is known exactly, as a count: what may be lost may be lost whole."""
    return claim.distance(limits) == 0 and not limits.has_width


def zone(claim: Claim, limits: Limits, alpha: float = ALPHA) -> Zone:
    """The zone of one quantity."""
    if claim.holds(limits, alpha):
        return "holds"
    return "violated" if claim.violated(limits, alpha) else "undecided"


def zone_of_many(claims: Sequence[tuple[Claim, Limits]], at_least: int, alpha: float = ALPHA) -> Zone:
    """Whether at least k of n claims hold, with one α for the whole answer.

    Each direction is a partial conjunction (Benjamini and Heller, 2008, Bonferroni's form): that k of n hold is
    shown when k of them hold at α / (n − k + 1), so that all of n need no correction; that fewer than k hold is
    shown when n − k + 1 of them are violated at α / k.
    """
    n = len(claims)
    if not 1 <= at_least <= n:
        raise ValueError(f"at least {at_least} of {n} claims")
    spare = n - at_least + 1
    if sum(claim.holds(limits, alpha / spare) for claim, limits in claims) >= at_least:
        return "holds"
    if sum(claim.violated(limits, alpha / at_least) for claim, limits in claims) >= spare:
        return "violated"
    return "undecided"
