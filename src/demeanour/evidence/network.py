"""A network itself, as a data set without pictures: its size, and what it took for a picture in some rounds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from demeanour.errors import NotMeasuredError
from demeanour.evidence.failures import last_failure
from demeanour.evidence.live import Live
from demeanour.evidence.observations import Array, Observations
from demeanour.evidence.pinned import pinned
from demeanour.evidence.plan import OF_NETWORK, TIMES, Unit
from demeanour.evidence.store import evidence_key
from demeanour.findings.cards import NETWORK
from demeanour.models.description import Description

ROUNDS = 30   # in which the networks that are compared take turns


def observe_network(model: str, live: Live) -> Observations:
    """What is known of a network itself.

    Args:
        model: The network.
        live: The cast.

    Returns:
        A row for each round: the columns ``parameters``, the same count in each, and later ``milliseconds``.

    Raises:
        NotMeasuredError: It was never loaded, or could not be; with the reason.
    """
    count = np.full(ROUNDS, float(_described(model, live).parameters))
    later: dict[str, Callable[[], Array]] = {"milliseconds": partial(_times, model, live)}
    ids = np.asarray([f"round-{number:02}" for number in range(ROUNDS)])
    return Observations(model, NETWORK, ids, {"parameters": count}, (), {}, later)


def network_identity(model: str, live: Live) -> str:
    """What observations of a network depend on: timed again, it has other times under the same key.

    Raises:
        NotMeasuredError: It was never loaded, or could not be; with the reason.
    """
    described = _described(model, live)
    try:
        times = _times(model, live).tolist()
    except NotMeasuredError:   # what needs them will say so
        times = None
    return evidence_key(model=model, network=described.identity, parameters=described.parameters, times=times)


def _described(model: str, live: Live) -> Description:
    found = live.description(model)
    if found is None:
        failures = (last_failure(live.store.root, live.cast, Unit(model, NETWORK, kind=kind)) for kind in OF_NETWORK)
        never = f"{model} was not loaded yet; a run of `pytest behaviours/` does it"
        raise NotMeasuredError(next((why for why in failures if why is not None), never))
    return found


def _times(model: str, live: Live) -> Array:
    kept = pinned(live.cast, model)
    if kept is not None:
        why = f"{kept.folder} pins no times of {model}, for these say nothing of another machine"
        raise NotMeasuredError(f"{why}; require a `bound`, or leave `--baseline` out, so that both are timed")
    return live.times(Unit(model, NETWORK, kind=TIMES))
