"""A set of views: the answers to every picture seen in several ways, as one table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.corruptions import corruptions_frame
from demeanour.datasets.frame import Frame
from demeanour.evidence.table import PredictionTable

_CORRUPTION = "corruption/"


def sweep(tables: Mapping[str, PredictionTable], seen: Frame, data: str) -> tuple[PredictionTable, Frame]:
    """Put the tables of several views under each other; ids become ``scale/1.5/NAME``, or ``fog/3/NAME``.

    Args:
        tables: The table of each view, in the order of the views; of the same pictures.
        seen: What is known of the pictures.
        data: The name of the set of views.

    Returns:
        The table, and a frame with ``label``, ``view`` (position among the views) and the cluster ``source`` (row of
        the picture in ``seen``); of corruptions with what ImageNet-C's names tell.
    """
    first = next(iter(tables.values()))
    common = [name for name in first.columns if all(name in table.columns for table in tables.values())]
    ids = np.concatenate([_named(view, table.ids) for view, table in tables.items()])
    order = np.argsort(ids, kind="stable")
    columns = {name: np.concatenate([table.columns[name] for table in tables.values()])[order] for name in common}
    whole = PredictionTable(ids[order], columns)
    if all(view.startswith(_CORRUPTION) for view in tables):
        return whole, corruptions_frame(whole.ids, seen, data)
    code = np.concatenate([np.full(len(table), place) for place, table in enumerate(tables.values())])[order]
    source = np.concatenate([np.searchsorted(seen.ids, table.ids) for table in tables.values()])[order]
    known = {"label": seen.columns["label"][source], "view": code, "source": source}
    return whole, Frame(data, whole.ids, known, seen.classes, ("source",), {"view": tuple(tables)})


def _named(view: str, ids: NDArray[np.str_]) -> NDArray[np.str_]:
    prefix = view.removeprefix(_CORRUPTION)
    return np.asarray([f"{prefix}/{name}" for name in ids.tolist()], dtype=np.str_)
