"""How fast networks were evaluated on a device, remembered so that a plan can tell how long the rest will take."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from demeanour.evaluation.devices import slot
from demeanour.files import write_whole
from demeanour.findings.cast import Cast


@dataclass
class Pace:
    """How long pictures have taken so far in this process."""

    _spent: dict[str, tuple[float, int]] = field(default_factory=dict)
    _since: float = 0.0

    def start(self) -> None:
        """Let the next lap begin now."""
        self._since = time.monotonic()

    def lap(self, key: str, pictures: int) -> None:
        """Count the time since the last lap for some pictures under a `rate_key`."""
        seconds, count = self._spent.get(key, (0.0, 0))
        now = time.monotonic()
        self._spent[key] = (seconds + now - self._since, count + pictures)
        self._since = now

    def rates(self) -> dict[str, float]:
        """For each `rate_key` the seconds that a picture took."""
        return {key: seconds / pictures for key, (seconds, pictures) in self._spent.items()}


def rate_key(identity: str, side: int | None, cast: Cast, model: str) -> str:
    """What a rate depends on besides the device: the network, the side of its input, how it computes."""
    how = "-".join(map(str, cast.computes(model).values()))
    return f"{identity[:16]}-{side}-{how}{'-compiled' if cast.compiled else ''}"


def known_rates(root: Path, device: str) -> dict[str, float]:
    """The rates of a device.

    Args:
        root: The folder of all that is kept.
        device: As torch names it.

    Returns:
        For each `rate_key` the seconds that a picture took last, its preparation included; nothing where nothing is
        remembered, or what is there is damaged.
    """
    with suppress(OSError, ValueError, AttributeError):
        found = json.loads(_path(root, device).read_text(encoding="utf-8"))
        return {key: float(seconds) for key, seconds in found.items() if _is_rate(seconds)}
    return {}


def keep_rates(root: Path, device: str, rates: Mapping[str, float]) -> None:
    """Remember rates beside those that are known; where nothing can be written, nothing is remembered."""
    with suppress(OSError):
        write_whole(_path(root, device), json.dumps({**known_rates(root, device), **rates}, indent=1, sort_keys=True))


def _is_rate(seconds: object) -> bool:
    return isinstance(seconds, float) and math.isfinite(seconds) and seconds > 0


def _path(root: Path, device: str) -> Path:
    return root / "rates" / f"{slot(device)}.json"
