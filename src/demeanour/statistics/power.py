"""What n images can decide: power, the smallest margin within reach, and the images that a margin needs.

All is told by the standard error of an estimate, and all is a normal approximation. Where the limits of a paired
difference are exact (see ``proportions.paired_difference``) they are wider, and power is less than said here.
"""

from __future__ import annotations

from math import ceil, inf, sqrt

from scipy.special import ndtr, ndtri

from demeanour.statistics.zones import ALPHA

POWER = 0.8


def se_from_discordance(n: int, discordance: float, difference: float = 0.0) -> float:
    """The standard error of a paired difference of two proportions: √((discordance − difference²) / n).

    Args:
        n: Images, at least 1.
        discordance: The share of images on which exactly one of the two is right, in (0, 1].
        difference: Of the proportions, of size ``discordance`` at most.

    Raises:
        ValueError: Outside these ranges, or no spread: without discordant pairs the limits are those of a count of 0.
    """
    variance = discordance - difference**2
    if not (n >= 1 and 0 < discordance <= 1 and abs(difference) <= discordance and variance > 0):
        raise ValueError(f"no standard error at n = {n}, discordance {discordance}, difference {difference}")
    return sqrt(variance / n)


def se_from_half_width(half_width: float, alpha: float = ALPHA) -> float:
    """The standard error behind a measured interval: h / z, of a one-sided limit h away from the value.

    Args:
        half_width: From the value to the limit, above 0 and finite.
        alpha: One-sided, of that limit, in (0, .5).

    Raises:
        ValueError: Outside these ranges.
    """
    _require_positive(half_width=half_width)
    return half_width / _z(alpha)


def se_at(se: float, n: int, target_n: int) -> float:
    """What a standard error at n images would be at another number of like images: se · √(n / target).

    Raises:
        ValueError: Not above 0 and finite.
    """
    _require_positive(se=se, n=n, target_n=target_n)
    return se * sqrt(n / target_n)


def power_of_difference(se: float, margin: float, difference: float = 0.0, alpha: float = ALPHA) -> float:
    """The probability to show that a difference is above −margin (non-inferiority), in (0, 1).

    It is Φ((margin + difference) / se − z), and α where the true difference is −margin.

    Args:
        se: The standard error of the difference, above 0.
        margin: Above 0.
        difference: The true one.
        alpha: One-sided, in (0, .5).

    Raises:
        ValueError: Outside these ranges, or not finite.
    """
    _require_positive(se=se, margin=margin)
    if not abs(difference) < inf:
        raise ValueError(f"a difference of {difference}")
    return float(ndtr((margin + difference) / se - _z(alpha)))


def decidable_margin(se: float, power: float = POWER, alpha: float = ALPHA) -> float:
    """The smallest margin within which an equal candidate is shown to be, with this power: (z_α + z_power) · se.

    Args:
        se: The standard error of the difference, above 0.
        power: In [.5, 1).
        alpha: One-sided, in (0, .5).

    Raises:
        ValueError: Outside these ranges.
    """
    _require_positive(se=se)
    if not 0.5 <= power < 1:
        raise ValueError(f"power must be in [.5, 1), not {power}")
    return se * (_z(alpha) + float(ndtri(power)))


def images_needed(se: float, n: int, margin: float, power: float = POWER, alpha: float = ALPHA) -> int:
    """How many like images show an equal candidate to be within the margin, with this power.

    Args:
        se: The standard error of the difference at n images, above 0.
        n: At least 1; with ``se_from_discordance(1, discordance)`` it is 1.
        margin: Above 0.
        power: In [.5, 1).
        alpha: One-sided, in (0, .5).

    Raises:
        ValueError: Outside these ranges.
    """
    _require_positive(n=n, margin=margin)
    return ceil(n * (decidable_margin(se, power, alpha) / margin) ** 2)


def _z(alpha: float) -> float:
    if not 0 < alpha < 0.5:
        raise ValueError(f"one-sided α must be in (0, .5), not {alpha}")
    return -float(ndtri(alpha))


def _require_positive(**numbers: float) -> None:
    for name, number in numbers.items():
        if not 0 < number < inf:
            raise ValueError(f"{name} must be above 0 and finite, not {number}")
