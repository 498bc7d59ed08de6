"""What is told to those who wait."""

from __future__ import annotations

import io

import pytest

from demeanour import progress
from demeanour.progress import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_lines_that_stay_come_every_few_seconds_with_rate_and_time_left(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())
    said: list[str] = []
    with Progress(12_000, 2, said.append) as going:
        for _ in range(44):
            clock.now += 0.25
            going.add(250)
        going.finished("imagenet/val")
        clock.now += 9
        going.add(1000)
        going.finished("imagenet-r")
    assert said == [
        "5,000 of 12,000 pictures, 1,000/s, 7 s left",
        "10,000 of 12,000 pictures, 1,000/s, 2 s left",
        "imagenet/val is made (1 of 2); 11,000 of 12,000 pictures, 1,000/s, 1 s left",
        "12,000 of 12,000 pictures, 600/s, 0 s left",
        "imagenet-r is made (2 of 2); 12,000 of 12,000 pictures, 600/s, 0 s left",
    ]


def test_minutes_are_told_as_minutes_and_nothing_is_foretold_from_nothing(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())
    said: list[str] = []
    going = Progress(30_000, 1, said.append)
    going.finished("labels")
    clock.now += 6
    going.add(600)
    assert said == ["labels is made (1 of 1); 0 of 30,000 pictures", "600 of 30,000 pictures, 100/s, 5 min left"]


def test_a_terminal_has_one_line_that_counts_and_is_gone_in_the_end(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with Progress(400, 1, lambda text: print(text, file=terminal)) as going:
        for _ in range(4):
            clock.now += 0.15
            going.add(100)
        going.finished("imagenet/val")
    erase = "\r\x1b[K"
    shown = terminal.getvalue()
    assert shown.count("\n") == 1
    assert shown.split(erase)[1:-1] == [
        "200 of 400 pictures, 667/s, 0 s left",
        "400 of 400 pictures, 667/s, 0 s left",
        "imagenet/val is made (1 of 1); 400 of 400 pictures, 667/s, 0 s left\n",
    ]
    assert shown.endswith(erase)
