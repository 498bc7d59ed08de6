"""Colours and signs of verdicts: told apart by eyes of every kind, on light and on dark ground."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demeanour.findings.schema import Assertion, Finding
from demeanour.verdicts.outcome import NOT_VIOLATED, contradicts, is_open

# Okabe and Ito's palette
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INK, PALE, GROUND = "#1b1f24", "#8b949e", "#ffffff"

MARKS = {"holds": "✔", "violated": "≠", "undecided": "?", "not measured": "–", "out of scope": "·"}
FEATURES = {
    "mistakes": "Model mistakes",
    "synthetic": "Synthetic data",
    "calibration": "Model calibration",
    "shape_texture": "Shape / texture bias",
    "robustness": "Robustness",
    "transfer": "Transferability",
    "invariance": "Transformation invariance",
    "similarity": "Representation similarity",
    "summary": "Summary",
}
GREEN, BLUE, RED, AMBER, GREY = "#0b6e4f", "#1f4e79", "#b3261e", "#8a5a00", "#57606a"


def colour(record: Mapping[str, Any]) -> str:
    """What a verdict's card is headed with: red only where it contradicts what is expected."""
    if contradicts(record):
        return RED
    colours = {"holds": GREEN, "violated": BLUE, "undecided": AMBER}
    return colours.get(record["verdict"], GREY)


def mark(record: Mapping[str, Any]) -> str:
    """A verdict's sign; a cross only where it contradicts what is expected."""
    return "✘" if contradicts(record) else MARKS[record["verdict"]]


def kind(record: Mapping[str, Any]) -> str:
    """What a verdict means for the run, in a word that reports are styled by.

    ``against`` its expectation, ``holds``, ``violated``, ``asked`` (undecided, and an answer was expected), ``open``
    (undecided, and any is accepted), ``missing`` (not measured) or ``outside`` (out of scope).
    """
    if contradicts(record):
        return "against"
    if record["verdict"] == "undecided":
        return "asked" if is_open(record) and not record.get("told") else "open"
    return {"not measured": "missing", "out of scope": "outside"}.get(record["verdict"], str(record["verdict"]))


def feature(finding: Assertion) -> str:
    """The section of the literature that a finding belongs to, as reports head it; of a requirement the policy."""
    if not isinstance(finding, Finding):
        return "Release policy"
    name = FEATURES.get(finding.section, finding.section.replace("_", " ").capitalize())
    return f"§{finding.source.section} {name}"


def status(record: Mapping[str, Any]) -> str:
    """A verdict in words, with what was expected of it."""
    verdict, expected = str(record["verdict"]), str(record["expected"])
    if verdict == "out of scope":
        return verdict
    if contradicts(record):
        return f"{verdict} – but expected: {expected}"
    if record.get("told") and verdict != record["before"] and verdict in ("holds", "violated"):
        return f"{verdict} – with the baseline: {record['before']}"
    if record.get("kind") == "requirement" and verdict == "violated":
        return "violated, and let pass"
    if record.get("kind") == "requirement" and verdict == "undecided" and expected == NOT_VIOLATED:
        return "no harm shown"
    if verdict == expected:
        return f"{verdict}, as expected"
    return f"{verdict} (expectation left open)" if expected == "undecided" else f"{verdict} (expected: {expected})"
