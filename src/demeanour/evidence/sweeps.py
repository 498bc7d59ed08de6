"""A set of views: the answers to every picture seen in several ways, as one table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.corruptions import corruptions_frame
from demeanour.datasets.frame import Frame
from demeanour.errors import EvidenceError
from demeanour.evidence.table import PredictionTable
from demeanour.views.geometry import View

_CORRUPTION = "corruption/"


def sweep(
    tables: Mapping[str, PredictionTable], seen: Frame, data: str, base: str | None = None
) -> tuple[PredictionTable, Frame]:
    """Put the tables of several views under each other; ids become ``scale/1.5/NAME``, or ``fog/3/NAME``.

    Args:
        tables: The table of each view, in the order of the views; of the same pictures.
        seen: What is known of the pictures.
        data: The name of the set of views.
        base: The view that the others are compared with, if there is one.

    Returns:
        The table, and a frame with ``label``, ``view`` (position among the views) and the cluster ``source`` (row of
        the picture in ``seen``); with ``base`` (whether the row shows the base view) where there is one, and with
        ``at`` (the factor, the shift or the side) where all views are of one kind. Of corruptions with what
        ImageNet-C's names tell.

    Raises:
        EvidenceError: A view was answered for other pictures than those that are known.
    """
    first = next(iter(tables.values()))
    common = [name for name in first.columns if all(name in table.columns for table in tables.values())]
    ids = np.concatenate([_named(view, table.ids) for view, table in tables.items()])
    order = np.argsort(ids, kind="stable")
    columns = {name: np.concatenate([table.columns[name] for table in tables.values()])[order] for name in common}
    whole = PredictionTable(ids[order], columns)
    if all(view.startswith(_CORRUPTION) for view in tables):
        return whole, corruptions_frame(whole.ids, seen, data)
    _check_same_pictures(tables, seen, data)
    pictures, views = len(seen.ids), [View.parse(view) for view in tables]
    code, source = np.repeat(np.arange(len(views)), pictures)[order], np.tile(np.arange(pictures), len(views))[order]
    known: dict[str, NDArray[np.generic]] = {"label": seen.columns["label"][source], "view": code, "source": source}
    if base is not None:
        known["base"] = code == list(tables).index(base)
    if len({view.kind for view in views}) == 1:
        known["at"] = np.asarray([view.value for view in views])[code]
    return whole, Frame(data, whole.ids, known, seen.classes, ("source",), {"view": tuple(tables)})


def _check_same_pictures(tables: Mapping[str, PredictionTable], seen: Frame, data: str) -> None:
    for view, table in tables.items():
        if len(table) != len(seen.ids) or (table.ids != seen.ids).any():
            raise EvidenceError(
                f"{data}: {view} was answered for {len(table):,} pictures that are not the {len(seen.ids):,} of the "
                "set; evaluate it again"
            )


def _named(view: str, ids: NDArray[np.str_]) -> NDArray[np.str_]:
    prefix = view.removeprefix(_CORRUPTION)
    return np.asarray([f"{prefix}/{name}" for name in ids.tolist()], dtype=np.str_)
