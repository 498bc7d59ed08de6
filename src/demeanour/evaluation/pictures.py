"""Pictures on their way to networks: decoded once each, prepared once for each geometry, ahead of whoever computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.pictures.decode import decode
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.errors import EvidenceError
from demeanour.views.geometry import Geometry
from demeanour.views.prepare import prepare

AHEAD = 2   # chunks that are prepared while one is computed


@dataclass(frozen=True)
class Chunk:
    """Some pictures, as every geometry shows them.

    Attributes:
        rows: Which pictures of the data set, ascending.
        pixels: For each geometry (n, side, side, 3) of uint8; or what was wrong with it for one of them.
    """

    rows: NDArray[np.intp]
    pixels: dict[Geometry, NDArray[np.uint8] | EvidenceError]


def chunks(
    pictures: Pictures, rows: NDArray[np.intp], geometries: Sequence[Geometry], size: int, pool: Executor
) -> Iterator[Chunk]:
    """Pictures of a data set in chunks, each decoded by the pool while those before are computed.

    Raises:
        EvidenceError: A picture cannot be read or decoded.
    """
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    waiting: list[list[Future[dict[Geometry, Any]]]] = []
    ahead = iter(parts)
    for part in parts:
        while len(waiting) <= AHEAD and (following := next(ahead, None)) is not None:
            waiting.append([pool.submit(_prepared, pictures, int(row), geometries) for row in following])
        done = [future.result() for future in waiting.pop(0)]
        yield Chunk(part, {geometry: _stacked([one[geometry] for one in done]) for geometry in geometries})


def _prepared(
    pictures: Pictures, row: int, geometries: Sequence[Geometry]
) -> dict[Geometry, NDArray[np.uint8] | EvidenceError]:
    name = str(pictures.frame.ids[row])
    picture = decode(pictures.read(row), f"{pictures.data}: '{name}'")
    found: dict[Geometry, NDArray[np.uint8] | EvidenceError] = {}
    for geometry in geometries:
        try:
            found[geometry] = prepare(picture, geometry, name)
        except EvidenceError as error:   # other networks may take it as it is
            found[geometry] = error
    return found


def _stacked(found: Sequence[NDArray[np.uint8] | EvidenceError]) -> NDArray[np.uint8] | EvidenceError:
    arrays = []
    for one in found:
        if isinstance(one, EvidenceError):
            return one
        arrays.append(one)
    if len({array.shape for array in arrays}) > 1:
        size = arrays[0].shape[:2]
        return EvidenceError(f"pictures of different sizes, {size} and others, which the protocol does not resize")
    return np.stack(arrays)
