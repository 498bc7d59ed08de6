"""The miniature world is drawn before it is looked at, by a process of its own: drawing needs torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from demeanour.evidence.sources import MINIATURE, miniature_folder
from demeanour.findings.cast import Cast


def complete_worlds(cast: Cast, tell: Callable[[str], None]) -> None:
    """Draw the miniature world if the cast's data lie in it and it is not there."""
    if not any((card.root or "").startswith(MINIATURE) for card in cast.data.values()):
        return
    from demeanour.miniature import world
    from demeanour.miniature.cache.parts import is_complete

    if is_complete(miniature_folder(), world.parts("quick"), world.VERSION):
        return
    tell("the miniature world is drawn, once on this machine: 17,600 pictures, about a minute")
    command = [sys.executable, "-m", "demeanour.cli", "miniature"]
    process = subprocess.Popen(   # noqa: S603 - this interpreter
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        tell(line.rstrip())
    process.wait()   # what could not be drawn is missing, and each reader will say so
