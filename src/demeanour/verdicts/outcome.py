"""What all verdicts together mean for a run: one word and one exit code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

AS_EXPECTED, VIOLATION, UNDECIDED, NOT_MEASURED, BAD_THRESHOLDS, BROKEN = 0, 1, 10, 11, 12, 13

NOT_VIOLATED = "not violated"   # what is expected where only proof of harm blocks
RELEASES = {AS_EXPECTED: "released", VIOLATION: "blocked"}   # what the same codes mean of a candidate
WORDS = {
    AS_EXPECTED: "as expected",
    VIOLATION: "violation",
    UNDECIDED: "undecided",
    NOT_MEASURED: "not measured",
    BAD_THRESHOLDS: "bad thresholds",
    BROKEN: "broken suite",
}


def contradicts(record: Mapping[str, Any]) -> bool:
    """Whether a verdict's record contradicts what is expected: a finding's in either direction.

    A requirement's does where a loss is proved that no waiver lets pass; what is only told contradicts nothing.
    """
    if record.get("told"):
        return False
    if record.get("kind") == "requirement":
        return record["verdict"] == "violated" and record["expected"] in ("holds", NOT_VIOLATED)
    return record["verdict"] in ("holds", "violated") and record["expected"] not in (record["verdict"], "undecided")


def changed(record: Mapping[str, Any]) -> bool:
    """Whether a characteristic is decided, otherwise than with the baseline in the candidate's place."""
    return (record.get("before"), record["verdict"]) in (("holds", "violated"), ("violated", "holds"))


def is_open(record: Mapping[str, Any]) -> bool:
    """Whether a verdict is undecided though an answer is asked for."""
    return record["verdict"] == "undecided" and record["expected"] not in ("undecided", NOT_VIOLATED)


def exit_code(records: Iterable[Mapping[str, Any]], broken: bool = False, own: Iterable[bool] = ()) -> int:
    """The exit code of a run: the first of broken, violation, not measured, undecided, as expected that applies.

    Args:
        records: The verdicts' records; those out of scope do not count, nor what is only told.
        broken: Whether the suite itself failed: a crash, an exception, an import that failed.
        own: Of each behaviour without a verdict, which asks a network itself, whether what it asserts is so.
    """
    counted = [record for record in records if record["verdict"] != "out of scope" and not record.get("told")]
    words = [record["verdict"] for record in counted]
    if broken:
        return BROKEN
    asserted = list(own)
    if not all(asserted) or any(contradicts(record) for record in counted):
        return VIOLATION
    if "not measured" in words or not (asserted or {"holds", "violated"} & set(words)):
        return NOT_MEASURED
    if any(map(is_open, counted)):
        return UNDECIDED
    return AS_EXPECTED
