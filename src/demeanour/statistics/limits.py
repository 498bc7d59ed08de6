"""A value with its one-sided confidence limits at any level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

NO_WIDTH = 1e-12   # what rounding leaves of a spread of zero


@dataclass(frozen=True)
class Limits:
    """An estimate and how far the truth may lie from it.

    Attributes:
        value: The estimate.
        lower: For α in (0, 0.5): the limit that the truth lies below with probability α at most.
        upper: For α in (0, 0.5): the limit that the truth lies above with probability α at most.
        method: How the limits are made, in words.
    """

    value: float
    lower: Callable[[float], float]
    upper: Callable[[float], float]
    method: str

    @property
    def has_width(self) -> bool:
        """Whether the limits leave any doubt; an interval without width claims to know what nobody can."""
        return self.upper(0.05) - self.lower(0.05) > NO_WIDTH

    @classmethod
    def exactly(cls, value: float, method: str) -> Limits:
        """Of what is no sample of anything, as a count is: nothing is in doubt, at any level."""
        return cls(value, lambda _: value, lambda _: value, method)

    def interval(self, level: float) -> tuple[float, float]:
        """The two-sided interval with equal tails; level in (0, 1)."""
        alpha = (1 - level) / 2
        return self.lower(alpha), self.upper(alpha)

    def shifted(self, by: float) -> Limits:
        """The same estimate of a quantity that is larger by a constant."""
        return Limits(self.value + by, lambda a: self.lower(a) + by, lambda a: self.upper(a) + by, self.method)

    def widened(self, by: float, why: str) -> Limits:
        """The same estimate with limits that are so much further away; ``by`` is at least 0."""
        return Limits(self.value, lambda a: self.lower(a) - by, lambda a: self.upper(a) + by, f"{self.method}, {why}")

    def scaled(self, factor: float) -> Limits:
        """The same estimate of a quantity times a constant; a negative one swaps the limits."""
        low, high = (self.lower, self.upper) if factor >= 0 else (self.upper, self.lower)
        return Limits(self.value * factor, lambda a: low(a) * factor, lambda a: high(a) * factor, self.method)
