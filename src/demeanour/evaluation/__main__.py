"""One evaluator as a process of its own: reads what to do from its standard input, tells on its standard output.

``python -m demeanour.evaluation``; runs of the suite start it. It ends when whoever started it does: its input closes.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path


def main() -> int:
    """Evaluate the units of a request, a line of JSON; every event is a line of JSON."""
    wanted = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    events, sys.stdout = sys.stdout, sys.stderr   # what libraries print is no event
    lock = threading.Lock()

    def tell(event: Mapping[str, object]) -> None:
        with lock:
            events.write(json.dumps(event) + "\n")
            events.flush()

    from demeanour.evaluation.evaluator import Evaluator  # and with it torch: its threads are counted by now
    from demeanour.evidence.live import Live
    from demeanour.evidence.plan import Unit
    from demeanour.evidence.store import Store
    from demeanour.findings.candidates import joined_by
    from demeanour.findings.load import load_cast

    cast, _, problems = load_cast(Path(wanted["cast"]))
    if cast is None:
        tell({"event": "broken", "reason": "\n".join(map(str, problems))})
        return 1
    cast = joined_by(cast, wanted["role"], wanted["candidates"], wanted["noise"])
    store = Store(Path(wanted["store"]), lambda text: tell({"event": "notice", "text": text}))
    Evaluator(Live(cast, store), wanted["device"], tell).run([Unit(**unit) for unit in wanted["units"]])
    tell({"event": "end"})
    return 0


def _end_with_parent() -> None:
    sys.stdin.read()   # until it closes
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
