"""What was measured beside what was published: whether sampling and reading explain how far they are apart."""

from __future__ import annotations

from collections.abc import Sequence

from demeanour.findings.cast import Cast
from demeanour.findings.published import PublishedTable, published_value
from demeanour.measures.groups import ALL
from demeanour.measures.registry import BESIDE, group_beside
from demeanour.verdicts.verdict import Verdict
from demeanour.verdicts.words import interval, number

Values = dict[str, dict[str, dict[str, float]]]   # measure → data set → model


def published_beside(
    cast: Cast, measure: str, sets: Sequence[str], group: str, models: Sequence[str]
) -> Values | None:
    """What is published of the measure that decides, and of those that are shown beside it; None without any.

    Args:
        cast: Whose tables are read.
        measure: The measure that decides.
        sets: The data sets of the verdict.
        group: Whose values decide.
        models: Who is compared.

    Returns:
        Measure → data set → model → value; of a measure without the group, the value over all images.
    """
    found: Values = {}
    for name in (measure, *BESIDE.get(measure, ())):
        of = group_beside(measure, group, name)
        for data in sets:
            for model in models:
                known = published_value(cast.published, name, data, of, model)
                if known is not None:
                    found.setdefault(name, {}).setdefault(data, {})[model] = known[0]
    return found or None


def deviates(measured: Sequence[float], value: float, table: PublishedTable) -> bool:
    """Whether a published value lies outside the interval of what was measured, by more than its error of reading."""
    low, high = measured
    return not low - table.error <= value <= high + table.error


def notes_on_published(cast: Cast, verdict: Verdict) -> tuple[str, ...]:
    """Where the published values of a verdict's models stand, and which sources disagree."""
    places, others = dict[str, None](), dict[str, None]()
    for model, (value, table) in _known(cast, verdict).items():
        places[_place(table)] = None
        for other in cast.published:
            again = published_value([other], verdict.measure, verdict.data[0], verdict.group, model)
            if again is not None and abs(again[0] - value) > table.error + other.error:
                others[f"{model} is {number(again[0])} by {_place(other)}"] = None
    sources = (f"published values: {'; '.join(places)}",) if places else ()
    return (*sources, *others)


def deviations(cast: Cast, verdict: Verdict) -> tuple[str, ...]:
    """Which of a verdict's models were measured further from what is published than sampling and reading explain.

    Args:
        cast: Whose tables are read.
        verdict: The verdict; the tolerance for a model is its own interval, widened by the error of reading.
    """
    found, group = verdict.estimates, "" if verdict.group == ALL else f", {verdict.group}"
    return tuple(
        f"{model}{group}: {number(found[model].value)} {interval(found[model].interval)} was measured, "
        f"{number(value)} is published, further apart than sampling and reading (± {table.error:g}) explain"
        for model, (value, table) in _known(cast, verdict).items()
        if deviates(found[model].interval, value, table)
    )


def _known(cast: Cast, verdict: Verdict) -> dict[str, tuple[float, PublishedTable]]:
    """What is published of each model that was measured; of a mean over data sets, nothing is."""
    if len(verdict.data) != 1:
        return {}
    found = {model: published_value(cast.published, verdict.measure, verdict.data[0], verdict.group, model)
             for model in verdict.estimates}   # fmt: skip
    return {model: known for model, known in found.items() if known is not None}


def _place(table: PublishedTable) -> str:
    return f"{table.place} ({table.read}{f'; {table.note}' if table.note else ''})"
