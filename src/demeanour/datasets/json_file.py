"""JSON beside a data set: in one piece, and no name twice."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from demeanour.errors import EvidenceError, NotMeasuredError


def read_json(path: Path, what_it_does: str) -> Any:
    """The content of a JSON file.

    Args:
        path: The file.
        what_it_does: For whoever misses it, such as ``orders the rows of a table``.

    Raises:
        NotMeasuredError: The file is missing.
        EvidenceError: It is no JSON, or a name stands twice in an object.
    """
    if not path.is_file():
        raise NotMeasuredError(f"{path} is missing; it {what_it_does}")
    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_distinct)
    except ValueError as error:
        raise EvidenceError(f"{path}: no valid JSON: {error}") from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a name that stands twice is a ValueError."""
    names = Counter(name for name, _ in pairs)
    if len(names) < len(pairs):
        raise ValueError(f"the name '{names.most_common(1)[0][0]}' stands twice")
    return dict(pairs)
