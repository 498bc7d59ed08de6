"""An evaluation as whoever waits for it sees it: one counter for all devices, and a line for each unit that ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from demeanour.evaluation.drain import Drained, drain
from demeanour.evaluation.world import complete_worlds
from demeanour.evidence.housekeeping import cache_limit, evict
from demeanour.evidence.live import Live
from demeanour.evidence.plan import Unit
from demeanour.progress import Progress


def evaluate(live: Live, units: Sequence[Unit], tell: Callable[[str], None], device: str = "auto") -> Drained:
    """Evaluate what is missing, and show how far it is.

    Args:
        live: The cast.
        units: What is needed; tables of predictions among them are left out.
        tell: Called with each line.
        device: As `devices` reads it.

    Raises:
        ThresholdsError: There is no such device.
    """
    wanted = [unit for unit in units if live.cast.models[unit.model].live]
    if not wanted:
        return Drained()
    complete_worlds(live.cast, tell)
    with Progress(0, len(wanted), tell, "answers") as progress:

        def hear(event: Mapping[str, Any]) -> None:
            match event["event"]:
                case "work":
                    progress.more(event["answers"])
                case "passed":
                    progress.add(event["answers"])
                case "there":
                    progress.known()
                case "done":
                    progress.finished(event["unit"], "is evaluated")
                case "failed":
                    progress.finished(event["unit"], f"FAILED: {event['reason']}")

        found = drain(live, wanted, hear, device)
    for model in dict.fromkeys(unit.model for unit in wanted):
        known = live.description(model)
        found.notices += [f"{model}: {note}" for note in known.notes] if known else []
    limit = cache_limit()
    if limit is not None:
        evict(live.store.root, limit, tell)
    if found.passes:
        failed = f", {len(found.failed)} units failed" if found.failed else ""
        tell(f"evaluated: {found.decoded:,} pictures decoded, {found.passes:,} passes through networks{failed}")
    return found
