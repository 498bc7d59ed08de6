"""Whether two numbers put models into the same order."""

from __future__ import annotations

from itertools import permutations
from math import atanh, sqrt, tanh

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from demeanour.errors import NotMeasuredError
from demeanour.statistics.limits import NO_WIDTH, Limits
from demeanour.statistics.resampling import DRAWS

Floats = NDArray[np.float64]

FEWEST_MODELS = 10   # for limits; with fewer, Fisher's z is not near enough to normal
MOST_EXACT = 8       # models whose orders are all tried: 40,320


def spearman(x: ArrayLike, y: ArrayLike) -> Floats:
    """Spearman's rank correlation over models, with average ranks for ties.

    Args:
        x: (..., models), at least 2 models; leading axes are broadcast.
        y: (..., models).

    Returns:
        In [−1, 1], (...).

    Raises:
        ValueError: Another number of models on either side, fewer than 2, a value that is not finite, or the same
            value for all models, which has no order.
    """
    of_x, of_y = _centred_ranks(x), _centred_ranks(y)
    if of_x.shape[-1] != of_y.shape[-1]:
        raise ValueError(f"{of_x.shape[-1]} models against {of_y.shape[-1]}")
    together = (of_x * of_y).sum(axis=-1)
    return np.asarray(together / np.sqrt((of_x**2).sum(axis=-1) * (of_y**2).sum(axis=-1)))


def spearman_limits(x: ArrayLike, y: ArrayLike) -> Limits:
    """Limits of Spearman's rank correlation, for models taken as a sample of a population of models.

    Normal in Fisher's z, with the standard error √((1 + r²/2) / (n − 3)) (Bonett and Wright, 2000, Psychometrika 65).

    Args:
        x: (models,), at least 10.
        y: (models,).

    Raises:
        NotMeasuredError: Fewer than 10 models, the same value for all of them, or ranks in perfect agreement.
        ValueError: As of `spearman`.
    """
    left, right = _one_value_each(x), _one_value_each(y)
    n = len(left)
    if n < FEWEST_MODELS:
        raise NotMeasuredError(f"limits of a rank correlation need {FEWEST_MODELS} models at least; there are {n}")
    r = float(spearman(left, right))
    if 1 - abs(r) <= NO_WIDTH:
        raise NotMeasuredError("the ranks agree perfectly: the error of their correlation cannot be told")
    z, se = atanh(r), sqrt((1 + r**2 / 2) / (n - 3))
    return Limits(
        r,
        lambda alpha: tanh(z + float(ndtri(alpha)) * se),
        lambda alpha: tanh(z - float(ndtri(alpha)) * se),
        "Fisher's z of ranks (Bonett-Wright)",
    )


def rank_permutation_p(x: ArrayLike, y: ArrayLike, rng: np.random.Generator, draws: int = DRAWS) -> float:
    """One-sided p-value of a rank correlation above 0, from what it would be if models were paired at random.

    Exact over all orders for up to 8 models; beyond, of random orders and the one seen (Phipson and Smyth, 2010).

    Args:
        x: (models,), at least 2.
        y: (models,).
        rng: Where the random orders come from.
        draws: How many, at least 1.

    Returns:
        In (0, 1]; never below 1 / models! or 1 / (draws + 1).

    Raises:
        NotMeasuredError: The same value for all models.
        ValueError: As of `spearman`, or no draws.
    """
    of_x, of_y = _centred_ranks(_one_value_each(x)), _centred_ranks(_one_value_each(y))
    if len(of_x) != len(of_y):
        raise ValueError(f"{len(of_x)} models against {len(of_y)}")
    if draws < 1:
        raise ValueError(f"{draws} draws")
    exact = len(of_x) <= MOST_EXACT
    orders = np.array(list(permutations(of_y.tolist()))) if exact else rng.permuted(np.tile(of_y, (draws, 1)), axis=1)
    as_large = int((orders @ of_x >= of_y @ of_x).sum())   # ranks are whole or half: sums without rounding
    return as_large / len(orders) if exact else (1 + as_large) / (draws + 1)


def _one_value_each(x: ArrayLike) -> Floats:
    values = np.asarray(x, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"one value for each model is needed, not shape {values.shape}")
    if len(values) > 1 and (values == values[0]).all():
        raise NotMeasuredError("all models have the same value: they have no order")
    return values


def _centred_ranks(x: ArrayLike) -> Floats:
    """Average ranks less their mean, along the last axis."""
    values = np.asarray(x, dtype=np.float64)
    n = values.shape[-1] if values.ndim else 0
    if n < 2:
        raise ValueError("an order needs two models at least")
    if not np.isfinite(values).all():
        raise ValueError("a value to be ranked is not finite")
    order = np.argsort(values, axis=-1)
    ascending = np.take_along_axis(values, order, axis=-1)
    rises = ascending[..., 1:] > ascending[..., :-1]
    if not rises.any(axis=-1).all():
        raise ValueError("all models have the same value: they have no order")
    edge = np.ones_like(rises[..., :1])
    place = np.arange(n)
    first = np.maximum.accumulate(np.where(np.concatenate([edge, rises], axis=-1), place, 0), axis=-1)
    ends = np.where(np.concatenate([rises, edge], axis=-1), place, n)
    last = np.minimum.accumulate(ends[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty_like(values)
    np.put_along_axis(ranks, order, (first + last - (n - 1)) / 2, axis=-1)
    return ranks
