"""How far long work is, for those who wait."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType

LINE_EVERY = 5.0   # seconds between lines, where they stay
COUNTER_EVERY = 0.2   # and between states of a counter on a terminal


class Progress:
    """A line for each part that is finished; in between a counter on a terminal, or now and then a line elsewhere.

    Args:
        pictures: How many there are to do.
        parts: How many parts.
        tell: Called with each line.
        noun: What is counted.
    """

    def __init__(self, pictures: int, parts: int, tell: Callable[[str], None], noun: str = "pictures") -> None:
        self._pictures, self._parts, self._tell, self._noun = pictures, parts, tell, noun
        self._written = self._finished = 0
        self._live = sys.stderr.isatty()
        self._begun = self._last = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._erase()

    def more(self, pictures: int) -> None:
        """There is more to do than was known."""
        self._pictures += pictures

    def add(self, pictures: int) -> None:
        """Some more pictures are written."""
        self._written += pictures
        now = time.monotonic()
        if now - self._last < (COUNTER_EVERY if self._live else LINE_EVERY):
            return
        self._last = now
        if self._live:
            self._erase()
            sys.stderr.write(self._state())
            sys.stderr.flush()
        else:
            self._tell(self._state())

    def known(self) -> None:
        """A part turns out to be complete already."""
        self._parts -= 1

    def finished(self, part: str, how: str = "is made") -> None:
        """A part is complete, or will never be."""
        self._finished += 1
        self._erase()
        self._tell(f"{part} {how} ({self._finished} of {self._parts}); {self._state()}")

    def _state(self) -> str:
        text = f"{self._written:,} of {self._pictures:,} {self._noun}"
        seconds = time.monotonic() - self._begun
        if not (seconds and self._written):
            return text
        rate = self._written / seconds
        left = max(0, self._pictures - self._written) / rate
        return f"{text}, {rate:,.0f}/s, {_duration(left)} left"

    def _erase(self) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[K")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
