"""What can go wrong before a verdict, in words for the person who has to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A closing phrase that names the nearest known word, or lists a few when none is near."""
    choices = sorted(set(known))
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    if not choices:
        return ""
    shown = ", ".join(choices[:12]) + (", …" if len(choices) > 12 else "")
    return f"known: {shown}"


@dataclass(frozen=True)
class Problem:
    """One defect of a YAML file: where it is, what was found, and what to do.

    Attributes:
        file: The file that must be edited.
        key: The path of keys to the defect, such as ``[2](calibration.x).margin``; empty for the whole file.
        message: What was expected and what was found.
        hint: What to do next; may be empty.
        line: The line of the defect, counted from 1, where it is known.
    """

    file: Path
    key: str
    message: str
    hint: str = ""
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        text = f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"
        return f"{text}; {self.hint}" if self.hint else text


class DemeanourError(Exception):
    """The base of all errors that are meant for people."""


class ThresholdsError(DemeanourError):
    """Findings, a cast or an option that cannot be trusted; nothing is judged by them (exit 12)."""

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        self.problems = () if isinstance(problems, str) else tuple(problems)
        super().__init__(problems if isinstance(problems, str) else "\n".join(map(str, self.problems)))


class NotMeasuredError(DemeanourError):
    """Evidence that is missing or cannot be trusted: the verdict is *not measured* (exit 11)."""


class EvidenceError(NotMeasuredError):
    """A file of predictions or annotations that is there but wrong; says file, place and remedy."""
