"""With what power n images show that two accuracies are alike: exact where the limits of their difference are.

An exact interval is wider than a normal one, and by a normal approximation few images promise more than they keep.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, exp

from scipy.special import bdtrc, bdtrik, gammaln, xlog1py, xlogy

from demeanour.statistics.power import POWER, decidable_margin, images_needed, power_of_difference, se_from_discordance
from demeanour.statistics.proportions import LARGE_N, MANY_DISCORDANT, difference_of_counts
from demeanour.statistics.zones import ALPHA

_TAIL = 1e-7        # of the numbers of discordant pairs, left out on either side
_FEW = 20           # discordant pairs, of which each split is looked at: the limit is not monotone at none gained
_STEP = 1.25        # of searches
_HALVINGS = 6


def paired_power(n: int, discordance: float, margin: float, alpha: float = ALPHA) -> float:
    """The probability that `paired_difference` shows two equal accuracies to differ by less than a margin, one-sided.

    Args:
        n: Images, at least 1.
        discordance: The probability that exactly one of the two is right about an image, in [0, 1]; each is with half
            of it.
        margin: Above 0.
        alpha: One-sided, in (0, .5).

    Returns:
        In [0, 1]; exact but for 2e-7, and by the normal approximation where the limits are normal themselves.

    Raises:
        ValueError: Outside these ranges.
    """
    if not (n >= 1 and 0 <= discordance <= 1 and margin > 0 and 0 < alpha < 0.5):
        raise ValueError(f"no power at n = {n}, discordance {discordance}, margin {margin}, one-sided α {alpha}")
    if n >= LARGE_N and n * discordance >= 2 * MANY_DISCORDANT:
        return power_of_difference(se_from_discordance(n, discordance), margin, alpha=alpha)
    if discordance in (0, 1):
        first = last = round(n * discordance)
    else:
        first = max(0, int(bdtrik(_TAIL, n, discordance)))
        last = min(n, ceil(bdtrik(1 - _TAIL, n, discordance)))
    shares = (_share(pairs, n, discordance) for pairs in range(first, last + 1))
    shown = _shown(first, last, n, margin, alpha)
    return min(1.0, sum(share * of_share for share, of_share in zip(shares, shown, strict=True)))


def paired_margin(n: int, discordance: float, power: float = POWER, alpha: float = ALPHA) -> float:
    """The smallest margin within which two equal accuracies are shown to be, with this power; to half a hundredth.

    Args:
        n: Images, at least 1.
        discordance: In [0, 1].
        power: In [.5, 1).
        alpha: One-sided, in (0, .5).

    Raises:
        ValueError: Outside these ranges.
    """
    high = low = 0.7 * decidable_margin(se_from_discordance(n, max(discordance, 1 / n)), power, alpha)
    while paired_power(n, discordance, high, alpha) < power:
        low, high = high, _STEP * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if paired_power(n, discordance, middle, alpha) >= power else (middle, high)
    return high


def paired_images(discordance: float, margin: float, power: float = POWER, alpha: float = ALPHA) -> int:
    """How many images show two equal accuracies to differ by less than a margin, with this power; to a hundredth.

    Args:
        discordance: In [0, 1].
        margin: Above 0.
        power: In [.5, 1).
        alpha: One-sided, in (0, .5).

    Raises:
        ValueError: Outside these ranges.
    """
    n = ceil(1 / margin)
    if discordance > 0:
        n = images_needed(se_from_discordance(1, discordance), 1, margin, power, alpha)
    fewer = n   # by the normal approximation, which promises too much
    while paired_power(n, discordance, margin, alpha) < power:
        fewer, n = n, ceil(_STEP * n)
    while n - fewer > max(1, n / 100):
        middle = (fewer + n) // 2
        fewer, n = (fewer, middle) if paired_power(middle, discordance, margin, alpha) >= power else (middle, n)
    return n


def _share(pairs: int, n: int, discordance: float) -> float:
    """How probable so many discordant pairs are."""
    ways = gammaln(n + 1) - gammaln(pairs + 1) - gammaln(n - pairs + 1)
    return exp(ways + xlogy(pairs, discordance) + xlog1py(n - pairs, -discordance))


def _shown(first: int, last: int, n: int, margin: float, alpha: float) -> Iterator[float]:
    """For each number of discordant pairs, how probable it is that they show it, split by fair coins."""
    def shows(gained: int, pairs: int) -> bool:
        return difference_of_counts(gained, pairs - gained, n).lower(alpha) > -margin

    fewest = first // 2
    for pairs in range(first, last + 1):
        if pairs <= _FEW:
            yield sum(_share(gained, pairs, 0.5) for gained in range(pairs + 1) if shows(gained, pairs))
            continue
        while fewest > 1 and shows(fewest - 1, pairs):
            fewest -= 1
        while fewest <= pairs and not shows(fewest, pairs):
            fewest += 1
        yield float(bdtrc(fewest - 1, pairs, 0.5)) if fewest else 1.0
