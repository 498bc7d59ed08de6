"""What a network costs: how large it is, and how long it takes for a picture."""

from __future__ import annotations

from numpy.typing import ArrayLike

from demeanour.measures.weighting import Floats, as_weights, ratio


def parameters(parameters: Floats, *, weights: ArrayLike | None = None) -> dict[str, Floats]:
    """How many parameters a network has.

    Args:
        parameters: The same count in each row, (n,).
        weights: (..., n).

    Returns:
        ``all``: the count, (...).
    """
    return {"all": _mean(parameters, weights)}


def one_network(parameters: Floats) -> dict[str, int]:  # noqa: ARG001
    """What a count speaks of, however many rows repeat it."""
    return {"all": 1}


def milliseconds(milliseconds: Floats, *, weights: ArrayLike | None = None) -> dict[str, Floats]:
    """Mean time for one picture over the rounds of a measurement.

    Args:
        milliseconds: Of each round, (n,), above 0.
        weights: (..., n).

    Returns:
        ``all``: in milliseconds, (...).
    """
    return {"all": _mean(milliseconds, weights)}


def _mean(rows: Floats, weights: ArrayLike | None) -> Floats:
    w = as_weights(weights, len(rows))
    return ratio(w @ rows, w.sum(axis=-1))
