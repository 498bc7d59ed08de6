"""What a result means for the gate, in one label, and the categories of the report that are made of it.

Allure knows four statuses; a verdict that is violated as expected passes, one that is undecided is skipped. The label
``outcome`` says what those statuses cannot.
"""

from __future__ import annotations

from typing import Any

from demeanour.verdicts.outcome import contradicts, is_open
from demeanour.verdicts.verdict import Verdict

LABEL = "outcome"
BROKEN, UNRUN, CONTRADICTS, NOT_MEASURED = "broken", "did not run", "contradicts", "not measured"
UNDECIDED, UNDECIDED_LEFT_OPEN = "undecided", "undecided, left open"
VIOLATED, LEFT_OPEN, HOLDS = "violated as expected", "decided, left open", "holds as expected"
CHANGED, WAIVED = "changed with the candidate", "let pass"

STATUS = {
    BROKEN: "broken", UNRUN: "unknown", CONTRADICTS: "failed", NOT_MEASURED: "skipped", UNDECIDED: "skipped",
    UNDECIDED_LEFT_OPEN: "skipped", CHANGED: "skipped", WAIVED: "skipped", VIOLATED: "passed",
    LEFT_OPEN: "passed", HOLDS: "passed",
}  # fmt: skip

# in the order of the exit codes that they lead to: 13, 1, 11, 10, then what passes
_NAMES = {
    BROKEN: "Broken suite: crashed, not imported, or ended without a verdict",
    UNRUN: "Did not run, or not to its end",
    CONTRADICTS: "Contradicts the expectation",
    NOT_MEASURED: "Not measured: evidence is missing or wrong",
    UNDECIDED: "Undecided, where an answer is expected",
    UNDECIDED_LEFT_OPEN: "Undecided, as the expectation allows",
    WAIVED: "Loss beyond the margin, let pass for the reason given",
    CHANGED: "Changed with the candidate: told, not blocking",
    LEFT_OPEN: "Left open: decided, where no answer is expected",
    VIOLATED: "Violated, as expected",
    HOLDS: "Holds, as expected",
}


def outcome(verdict: Verdict) -> str:
    """What a verdict means beside its expectation."""
    if contradicts(vars(verdict)):
        return CONTRADICTS
    if verdict.changed:
        return CHANGED
    if verdict.kind == "requirement" and verdict.decided:
        return HOLDS if verdict.verdict == "holds" else WAIVED
    if verdict.decided:
        words = {"holds": HOLDS, "violated": VIOLATED}
        return words[verdict.verdict] if verdict.expected == verdict.verdict else LEFT_OPEN
    if verdict.verdict == "not measured":
        return NOT_MEASURED
    return UNDECIDED if is_open(vars(verdict)) else UNDECIDED_LEFT_OPEN


def categories() -> list[dict[str, Any]]:
    """Allure 3's categories: by the label, so that a passed test can be in one; the first that matches counts."""
    return [
        {
            "name": name,
            "matchers": {"labels": {LABEL: f"^{word}$"}},
            "groupBy": [{"label": "verdict"}] if word == CONTRADICTS else [{"label": "feature"}],
            "groupByMessage": False,
            "expand": word in (BROKEN, UNRUN, CONTRADICTS, NOT_MEASURED, UNDECIDED),
        }
        for word, name in _NAMES.items()
    ]


def categories_of_allure_2() -> list[dict[str, Any]]:
    """The same for Allure 2 (``categories.json``), which knows statuses and messages only.

    A passed test has no message: what is violated as expected, or left open, is told by its title and label there.
    """
    patterns = {
        CONTRADICTS: ".* BUT EXPECTED: .*", NOT_MEASURED: "not measured: .*", UNDECIDED: "undecided: .*",
        UNRUN: None, BROKEN: None,
    }  # fmt: skip
    names = {**_NAMES, UNDECIDED: "Undecided: the data cannot tell"}
    found = []
    for word, pattern in patterns.items():
        statuses = ["failed", "broken"] if word == BROKEN else [STATUS[word]]
        one = {"name": names[word], "matchedStatuses": statuses}
        found.append({**one, "messageRegex": pattern} if pattern else one)
    return found
