"""How alike a network's layers see pictures, as observations: a row for each minibatch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from demeanour.errors import EvidenceError
from demeanour.evidence.observations import Array, Observations
from demeanour.measures.similarity import constant, pairs_among
from demeanour.measures.structure import KINDS

_CODES = {"norm": KINDS.index("normalisation"), **{name: code for code, name in enumerate(KINDS)}}


def observe_layers(model: str, data: str, found: Mapping[str, Array]) -> Observations:
    """What the evaluation has kept of a network's layers, without those that cannot be compared.

    Args:
        model: The model's name.
        data: The data set's, whose reader is ``similarity``.
        found: As `Live.similarities` returns it.

    Returns:
        Rows are minibatches, ``batch-000`` and so on, of the same pictures for all networks. Columns are ``hsic``,
        ``kind`` and ``size``, as in `demeanour.measures.structure`, and ``left_out``, the number of layers that cannot
        be compared. Names are ``layers``, their ``kinds``, and of what is left out ``constant``, which answer all
        pictures of a minibatch alike, and ``not_of_pictures``, which do not answer each picture.

    Raises:
        EvidenceError: Statistics do not belong to the layers or are not finite, or fewer than two layers are left.
    """
    names, hsic = [str(name) for name in found["layers"]], np.asarray(found["hsic"], dtype=np.float64)
    k, batches = len(names), len(hsic)
    where = f"{model} on {data}"
    if hsic.shape != (batches, k * (k + 1) // 2) or len(found["kinds"]) != k or not batches:
        raise EvidenceError(f"{where}: statistics of the shape {hsic.shape} are not those of {k} layers")
    if len(found["rows"]) % batches:
        raise EvidenceError(f"{where}: {len(found['rows'])} pictures are not {batches} equal minibatches")
    if not np.isfinite(hsic).all():
        raise EvidenceError(f"{where}: NaN or infinite among the statistics of minibatches")
    dead = constant(hsic, k)
    alive = np.flatnonzero(~dead)
    if len(alive) < 2:
        raise EvidenceError(f"{where}: {len(alive)} of {k} layers tell pictures apart; two are needed to compare them")
    kinds = [KINDS[_CODES.get(str(kind), KINDS.index("other"))] for kind in found["kinds"]]
    lost = tuple(str(name) for name in found["left_out"])
    codes = np.array([KINDS.index(kinds[layer]) for layer in alive], dtype=np.int64)
    columns: dict[str, Array] = {
        "hsic": hsic[:, pairs_among(alive, k)],
        "kind": np.broadcast_to(codes, (batches, len(alive))),
        "size": np.full(batches, len(found["rows"]) // batches),
        "left_out": np.full(batches, int(dead.sum()) + len(lost)),
    }
    told = {
        "layers": tuple(names[layer] for layer in alive), "kinds": tuple(kinds[layer] for layer in alive),
        "constant": tuple(name for name, one in zip(names, dead, strict=True) if one), "not_of_pictures": lost,
    }  # fmt: skip
    ids = np.array([f"batch-{number:03d}" for number in range(batches)], dtype=np.str_)
    return Observations(model, data, ids, columns, (), told)
