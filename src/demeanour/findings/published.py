"""Published values: what a source says a measure is, where it says so, and how exactly it can be read there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from demeanour.findings.schema import Number, Strict, Text


class PublishedTable(Strict):
    """The values of one measure on one data set, as a source has them.

    Attributes:
        measure: Of which measure.
        data: On which data set.
        place: Where they stand, such as ``Table 2`` or ``Figure 2, project page``.
        read: ``printed`` numbers, ``digitised`` ones that were measured in a picture, or ``computed`` ones that follow
            from something else that was published.
        error: By how much rounding or reading may be off, in the measure's unit.
        values: Group → model → value, in the measure's unit; ``all`` where there are no groups.
        note: What a reader of these values should know, such as another protocol.
    """

    measure: Text
    data: Text
    place: Text
    read: Literal["printed", "digitised", "computed"]
    error: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    values: Annotated[dict[Text, dict[Text, Number]], Field(min_length=1)]
    note: Text | None = None


def published_value(
    tables: Iterable[PublishedTable], measure: str, data: str, group: str, model: str
) -> tuple[float, PublishedTable] | None:
    """What is published of a model, and where: in the first table that has it; None where none has."""
    for table in tables:
        if (table.measure, table.data) == (measure, data) and model in table.values.get(group, {}):
            return table.values[group][model], table
    return None
