"""When evidence was last used: its time of change, which reading brings up to date."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

FRESH = 600.0   # seconds in which another use is not noted: a run that reads much writes little


def mark_used(path: Path) -> None:
    """Note that a file was read, by its time of change.

    The time of access would not do: many file systems do not keep it, and backups change it. Where the time cannot be
    set (another user's file, a file system that is read-only) nothing happens: what counts is when it was written.
    """
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > FRESH:
            os.utime(path)
