"""What is asked of each candidate and its baseline, on one data set after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from demeanour.errors import NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import Observations

Answer = TypeVar("Answer")


def against_baseline(
    evidence: Evidence, sets: Iterable[str], ask: Callable[[Observations, Observations], Iterable[Answer]]
) -> tuple[list[Answer], list[str]]:
    """Ask something of all candidates of a cast.

    Args:
        evidence: Of the cast with its candidates.
        sets: The data sets.
        ask: Asked of what the baseline and a candidate said of one.

    Returns:
        The answers, in the order of candidates and sets, and what could not be measured, in words.
    """
    cast, found, missing, asked = evidence.cast, list[Answer](), list[str](), list(sets)
    for candidate in cast.candidates:
        for data in asked:
            try:
                before, after = (evidence.observations(model, data) for model in (cast.role or "", candidate))
                found += ask(before, after)
            except NotMeasuredError as error:
                missing.append(f"{candidate} on {data}: {error}")
    return found, missing
