"""The miniature world is drawn before it is looked at, by a process of its own: drawing needs torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from demeanour.evidence.sources import MINIATURE, miniature_is_drawn
from demeanour.findings.cast import Cast


def complete_worlds(cast: Cast, tell: Callable[[str], None]) -> None:
    """Draw the miniature world if the cast's data lie in it and it is not there.

    What cannot be drawn is missing: that is told here, and of each data set by whoever opens it.
    """
    if not any((card.root or "").startswith(MINIATURE) for card in cast.data.values()) or miniature_is_drawn():
        return
    tell("the miniature world is drawn, once on this machine: 17,600 pictures, about a minute")
    command = [sys.executable, "-m", "demeanour.cli", "miniature"]
    with subprocess.Popen(   # noqa: S603 - this interpreter
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            tell(line.rstrip())
    if process.returncode:
        why = f"signal {-process.returncode}" if process.returncode < 0 else f"exit {process.returncode}"
        tell(f"the miniature world could not be drawn to its end ({why}); to try again: `demeanour miniature`")
