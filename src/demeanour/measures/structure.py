"""What maps of CKA show: how alike the layers of a kind are, checkerboards, layers that stand apart.

Columns have a row for each minibatch: ``hsic``, (batches, k (k + 1) / 2), of all pairs of k layers in the order in
which they answer, upper triangles by rows; ``kind``, (batches, k), the codes of their `KINDS`, the same in all rows;
``size``, (batches,), how many pictures each has. Weights are of minibatches: HSIC is summed before it is divided.

A kind with too few layers for a measure has no group in it. Estimates are unbiased, so that layers without any likeness
have a CKA around 0, on either side; above 1 is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.measures.groups import ALL
from demeanour.measures.similarity import cka_map, pairs_among
from demeanour.measures.weighting import Floats, as_weights

KINDS = ("attention", "convolution", "linear", "normalisation", "other")   # by code; of `other` are activations
COMPARED = KINDS[:4]
LEAST = 3        # so many of the least similar layers have a rank
ORDERS = 999     # random orders of layers; with the one that is seen, 1,000
RARELY = 50      # of 1,000: an order that so few reach, itself among them, is no chance at a level of 5 %
RANKED = tuple(f"{kind}-{rank}" for kind in COMPARED for rank in range(1, LEAST + 1))
Codes = NDArray[np.integer[Any]]


def layer_similarity(
    hsic: Floats, kind: Codes, size: Codes, *, weights: ArrayLike | None = None   # noqa: ARG001
) -> dict[str, Floats]:
    """The mean CKA of all pairs of different layers, of each kind and of all layers.

    Args:
        hsic: See the module.
        kind: See the module.
        size: See the module; of no influence.
        weights: Of minibatches, (..., batches).

    Returns:
        Kind → mean, in [−1, 1]; needs two layers.

    Source: what figure 8 of arXiv 2311.09215 (§3.8) shows, as a number.
    """
    return _of_maps(hsic, kind, weights, lambda found: {"": _mean(found)}, least=2, whole=True)


def lowest_similarity(
    hsic: Floats, kind: Codes, size: Codes, *, weights: ArrayLike | None = None   # noqa: ARG001
) -> dict[str, Floats]:
    """The CKA of the two layers that are least alike, of each kind and of all layers; arguments as above.

    Returns:
        Kind → the smallest value of the map, in [−1, 1]; needs two layers.
    """
    return _of_maps(hsic, kind, weights, lambda found: {"": float(_off_diagonal(found).min())}, least=2, whole=True)


def kind_spread(hsic: Floats, kind: Codes, size: Codes, *, weights: ArrayLike | None = None) -> dict[str, Floats]:
    """By how much the most consistent kind of layers exceeds the least consistent one in mean CKA; arguments as above.

    Returns:
        ``all``, at least 0; nothing where only one kind has two layers.
    """
    means = [mean for group, mean in layer_similarity(hsic, kind, size, weights=weights).items() if group != ALL]
    return {ALL: np.asarray(np.ptp(means, axis=0))} if len(means) > 1 else {}


def parity_contrast(
    hsic: Floats, kind: Codes, size: Codes, *, weights: ArrayLike | None = None   # noqa: ARG001
) -> dict[str, Floats]:
    """How strong the checkerboard of a kind's layers is: mean CKA of pairs of the same parity − of different parity.

    Of the layers from a sixth to two thirds of the depth, where §3.8 of arXiv 2311.09215 sees it: "from the 3rd to the
    8th block" of twelve. Pairs of the same parity lie further apart (of twelve layers by 0.6 on average), and so a
    similarity that only falls with distance gives less than 0, never more. Arguments as above.

    Returns:
        Kind → contrast, in [−2, 2]; needs eight layers, so that two of each parity are in between.
    """
    return _of_maps(hsic, kind, weights, lambda found: {"": float((parity_weights(len(found)) * found).sum())}, least=8)


def parity_over_chance(
    hsic: Floats, kind: Codes, size: Codes, *, weights: ArrayLike | None = None   # noqa: ARG001
) -> dict[str, Floats]:
    """By how much the contrast of parity exceeds what the same layers in random order give; arguments as above.

    The null hypothesis is that the order of the kind's layers says nothing. The value is the contrast less its 50th
    largest of 999 random orders, so that it is above 0 where the permutation test of Phipson and Smyth (2010), the
    order that is seen among them, has p ≤ .05. Orders are the same for all networks with as many layers.

    Returns:
        Kind → excess; above 0 where chance does not explain the contrast. Needs eight layers.
    """

    def excess(found: Floats) -> dict[str, float]:
        upper = found[np.triu_indices(len(found), 1)]
        by_chance = np.partition(_reordered(len(found)) @ upper, -RARELY)[-RARELY]
        return {"": float((parity_weights(len(found)) * found).sum() - by_chance)}

    return _of_maps(hsic, kind, weights, excess, least=8)


def relative_similarity(
    hsic: Floats, kind: Codes, size: Codes, *, weights: ArrayLike | None = None   # noqa: ARG001
) -> dict[str, Floats]:
    """How alike the least similar layers of a kind are to its others, relative to the mean; arguments as above.

    Returns:
        ``linear-1``, ``linear-2`` and ``linear-3`` are the least, second and third least similar linear layers: their
        mean CKA to all other linear layers over `layer_similarity` of the kind. Two layers stand apart where the
        second lies far below 1 and the third does not. Needs five layers.
    """

    def least(found: Floats) -> dict[str, float]:
        to_others = np.sort((found.sum(axis=1) - 1) / (len(found) - 1))
        mean = _mean(found)
        relative = to_others[:LEAST] / mean if mean > 0 else np.full(LEAST, np.nan)
        return {f"-{rank}": float(value) for rank, value in enumerate(relative, start=1)}

    return _of_maps(hsic, kind, weights, least, least=LEAST + 2)


def pictures(_hsic: Floats, _kind: Codes, size: Codes) -> dict[str, int]:
    """How many pictures speak of each group: all that are in minibatches."""
    return dict.fromkeys((ALL, *COMPARED, *RANKED), int(size.sum()))


def layers_compared(
    hsic: Floats, kind: Codes, size: Codes, *, weights: ArrayLike | None = None   # noqa: ARG001
) -> dict[str, Floats]:
    """How many layers of each kind the maps have, and how many in all; arguments as above."""
    draws = np.ones(as_weights(weights, len(hsic)).shape[:-1])
    counts = np.bincount(kind[0], minlength=len(KINDS))
    return {**{name: draws * counts[code] for code, name in enumerate(COMPARED)}, ALL: draws * len(kind[0])}


def layers_left_out(left_out: Codes, *, weights: ArrayLike | None = None) -> dict[str, Floats]:
    """How many layers cannot be compared: constant over a minibatch, or without an answer for each picture.

    Args:
        left_out: The same in all rows, (batches,).
        weights: Of minibatches, (..., batches).
    """
    return {ALL: np.full(as_weights(weights, len(left_out)).shape[:-1], float(left_out[0]))}


def parity_weights(m: int) -> Floats:
    """What `parity_contrast` multiplies a map of m layers by, (m, m); of sum 0, and 0 where it does not look."""
    inside = np.arange(m // 6, 2 * m // 3)
    same = (inside[:, None] - inside) % 2 == 0
    np.fill_diagonal(same, False)
    other = (inside[:, None] - inside) % 2 == 1
    weights = np.zeros((m, m))
    weights[np.ix_(inside, inside)] = same / same.sum() - other / other.sum()
    return weights


@lru_cache(maxsize=4)
def _reordered(m: int) -> Floats:
    """The weights of parity for 999 random orders of m layers, on upper triangles: (orders, m (m − 1) / 2)."""
    dice, weights = np.random.default_rng(m), parity_weights(m)
    upper = np.triu_indices(m, 1)
    found = [weights[np.ix_(order, order)][upper] for order in (dice.permutation(m) for _ in range(ORDERS))]
    return 2 * np.stack(found)   # a pair stands twice in a map


def _of_maps(
    hsic: Floats,
    kind: Codes,
    weights: ArrayLike | None,
    said: Callable[[Floats], Mapping[str, float]],
    least: int,
    whole: bool = False,
) -> dict[str, Floats]:
    """What is said of the maps of each kind, and of the whole network's where wanted, under all weights."""
    sums = as_weights(weights, len(hsic)) @ hsic
    k, codes = kind.shape[1], kind[0]
    members = {name: np.flatnonzero(codes == code) for code, name in enumerate(COMPARED)}
    members |= {ALL: np.arange(k)} if whole else {}
    values: dict[str, Floats] = {}
    for group, layers in members.items():
        if len(layers) < least:
            continue
        names = [f"layer {layer}" for layer in layers]
        of_kind = sums[..., pairs_among(layers, k)].reshape(-1, len(layers) * (len(layers) + 1) // 2)
        each = [said(cka_map(one, names)) for one in of_kind]   # one by one: a map of a whole network is large
        for part in each[0]:
            values[f"{group}{part}"] = np.array([one[part] for one in each]).reshape(sums.shape[:-1])
    return values


def _off_diagonal(found: Floats) -> Floats:
    return found[np.triu_indices(len(found), 1)]


def _mean(found: Floats) -> float:
    return float(_off_diagonal(found).mean())
