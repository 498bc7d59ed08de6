"""Verdicts that follow from others: what a paper concludes, decided by what it concludes it from."""

from __future__ import annotations

from collections.abc import Sequence

from demeanour.findings.pairing import Case
from demeanour.verdicts import words
from demeanour.verdicts.verdict import Part, Verdict, Word

SHOWN = 4   # ids in a sentence; the parts tell all
_FIRST: tuple[Word, ...] = ("not measured", "violated", "undecided")   # the first of these that occurs is the word


def conclude(case: Case, found: Sequence[Verdict], expected: str, because: str | None) -> Verdict:
    """The verdict that all of some others hold.

    Each of them is decided at its own level, and all must hold: the conclusion is wrong with no more than that level
    (intersection-union test; Berger, 1982), however many there are. It is violated with the first that is; that one
    of n is violated by bad luck has up to n times its level.

    Args:
        case: What is concluded.
        found: The verdicts that it follows from, in the order of its basis.
        expected: What the cast expects.
        because: Why, where it is not to hold.

    Returns:
        *not measured* if any of them is, else *violated* if any is, else *undecided* if any is; *holds* if all do.
    """
    finding = case.finding
    word: Word = next((word for word in _FIRST if any(one.verdict == word for one in found)), "holds")
    return Verdict(
        id=case.id, finding=finding.id, data=case.sets, strength=finding.strength_on(case.data), expected=expected,
        verdict=word, measure="", unit="", reason=_reason(word, found), label=finding.label, claim=words.claim(case),
        parts=tuple(Part(one.id, None, None, 0.0, one.verdict, _images(one)) for one in found),
        expected_because=because, kind=case.kind, candidate=case.candidate, told=case.told,
    )  # fmt: skip


def _reason(word: Word, found: Sequence[Verdict]) -> str:
    if word == "holds":
        return f"all {len(found)} verdicts that it follows from hold"
    those = [one.id for one in found if one.verdict == word]
    more = f" and {len(those) - SHOWN} more" if len(those) > SHOWN else ""
    verb = "is" if len(those) == 1 else "are"
    those_are = f"{len(those)} {verb} {word}: {', '.join(those[:SHOWN])}{more}"
    return f"of {len(found)} verdicts that it follows from, {those_are}"


def _images(verdict: Verdict) -> int:
    """How many images the verdict rests on: the fewest of its models."""
    return min((one.n for one in verdict.estimates.values()), default=0)
