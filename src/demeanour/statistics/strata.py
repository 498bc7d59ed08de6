"""Weighted sums of several estimates: over data sets, over points of a curve, over models."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

from demeanour.statistics.limits import Limits

Floats = NDArray[np.float64]


def independent_sum(terms: Sequence[tuple[float, Limits]], method: str) -> Limits:
    """Limits of a weighted sum of independent estimates (MOVER; Zou and Donner, 2008, for any number of terms).

    The distances from the estimates to their limits are added as standard errors are; a term with a negative weight
    lends its other side.

    Args:
        terms: Weight and estimate of each, over images that the others do not share; weights of 0 drop out.
        method: How the limits are made, in words.

    Raises:
        ValueError: A weight is not finite, or none differs from 0.
    """
    parts = _weighted(terms)
    value = sum(part.value for part in parts)
    return Limits(
        value,
        lambda alpha: value - sqrt(sum((part.value - part.lower(alpha)) ** 2 for part in parts)),
        lambda alpha: value + sqrt(sum((part.upper(alpha) - part.value) ** 2 for part in parts)),
        method,
    )


def worst_case_sum(terms: Sequence[tuple[float, Limits]], method: str) -> Limits:
    """Limits of a weighted sum of estimates over shared images, of whatever dependence: half-widths add.

    The standard error of a sum is at most the sum of the standard errors, and is that where all terms err together;
    so these limits hold for estimates that are about normal together, and are wide where terms are independent.

    Args:
        terms: Weight and estimate of each; weights of 0 drop out.
        method: How the limits are made, in words.

    Raises:
        ValueError: A weight is not finite, or none differs from 0.
    """
    parts = _weighted(terms)
    return Limits(
        sum(part.value for part in parts),
        lambda alpha: sum(part.lower(alpha) for part in parts),
        lambda alpha: sum(part.upper(alpha) for part in parts),
        method,
    )


def bonferroni_sum(terms: Sequence[tuple[float, Limits]], method: str) -> Limits:
    """Limits of a weighted sum of estimates of any kind and dependence: each at its share of α.

    The sum lies beyond the sum of the limits only where one term at least lies beyond its own, which has α at most.

    Args:
        terms: Weight and estimate of each; weights of 0 drop out.
        method: How the limits are made, in words.

    Raises:
        ValueError: A weight is not finite, or none differs from 0.
    """
    parts = _weighted(terms)
    return Limits(
        sum(part.value for part in parts),
        lambda alpha: sum(part.lower(alpha / len(parts)) for part in parts),
        lambda alpha: sum(part.upper(alpha / len(parts)) for part in parts),
        method,
    )


def stratified_draws(draws_of: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Bootstrap draws of a weighted mean over strata, each resampled on its own and with its own size.

    Args:
        draws_of: For each stratum (data set) the values over its bootstrap samples, (draws,), from a generator of
            its own: with one seed for several strata they would err together.
        weights: Of each stratum, above 0; they are divided by their sum.

    Returns:
        (draws,); undefined in a draw where any stratum is.

    Raises:
        ValueError: No strata, another number of weights or of draws, or a weight that is not above 0 and finite.
    """
    if not draws_of or len(weights) != len(draws_of):
        raise ValueError(f"{len(weights)} weights for {len(draws_of)} strata")
    if not all(isfinite(weight) and weight > 0 for weight in weights):
        raise ValueError(f"weights of strata must be above 0 and finite: {list(weights)}")
    if any(draws.ndim != 1 or draws.shape != draws_of[0].shape for draws in draws_of):
        raise ValueError(f"strata have different draws: {[draws.shape for draws in draws_of]}")
    shares = np.asarray(weights, dtype=np.float64) / sum(weights)
    return np.asarray(shares @ np.stack(draws_of))


def _weighted(terms: Sequence[tuple[float, Limits]]) -> list[Limits]:
    if not all(isfinite(weight) for weight, _ in terms) or not any(weight for weight, _ in terms):
        raise ValueError(f"weights must be finite and not all 0: {[weight for weight, _ in terms]}")
    return [limits.scaled(weight) for weight, limits in terms if weight]
