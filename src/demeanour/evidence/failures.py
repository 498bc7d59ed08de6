"""Why evidence is not there: what the last evaluation said of a unit that failed."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from demeanour.evidence.plan import Unit
from demeanour.evidence.store import evidence_key
from demeanour.files import write_whole
from demeanour.findings.cast import Cast


def note_failure(root: Path, cast: Cast, unit: Unit, reason: str) -> None:
    """Remember why a unit could not be evaluated, until it is."""
    write_whole(_path(root, cast, unit), json.dumps({"unit": str(unit), "cast": str(cast.path), "reason": reason}))


def forget_failure(root: Path, cast: Cast, unit: Unit) -> None:
    """What is evaluated, or about to be, has not failed."""
    with suppress(OSError):
        _path(root, cast, unit).unlink(missing_ok=True)


def last_failure(root: Path, cast: Cast, unit: Unit) -> str | None:
    """Why a unit could not be evaluated the last time, or None."""
    try:
        found = json.loads(_path(root, cast, unit).read_text(encoding="utf-8"))
        return str(found["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _path(root: Path, cast: Cast, unit: Unit) -> Path:
    key = evidence_key(cast=str(cast.path), unit=[unit.model, unit.data, unit.view, unit.kind])
    return root / "failures" / f"{key}.json"
