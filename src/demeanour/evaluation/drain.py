"""What a run needs and has not is evaluated before it judges: a process for each device, and none for a warm run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from demeanour.errors import NotMeasuredError
from demeanour.evaluation.devices import cores, devices
from demeanour.evidence.failures import note_failure
from demeanour.evidence.live import Live
from demeanour.evidence.plan import OF_NETWORK, TIMES, Unit

Tell = Callable[[Mapping[str, Any]], None]


@dataclass
class Drained:
    """What an evaluation has done.

    Attributes:
        done: Units that were made.
        failed: Units that could not be made, with the reasons.
        decoded: Pictures that were decoded.
        passes: Pictures that went through a network.
        notices: What a reader should know.
    """

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    decoded: int = 0
    passes: int = 0
    notices: list[str] = field(default_factory=list)

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take account of an event of an evaluator."""
        match event["event"]:
            case "done":
                self.done.append(event["unit"])
            case "failed":
                self.failed[event["unit"]] = event["reason"]
            case "decoded":
                self.decoded += event["pictures"]
            case "passed":
                self.passes += event["passes"]
            case "notice":
                self.notices.append(event["text"])


def missing(live: Live, units: Sequence[Unit]) -> list[Unit]:
    """The units whose evidence is not there or damaged. No network is loaded."""
    found = []
    for unit in units:
        try:
            if not live.has(unit):
                found.append(unit)
        except NotMeasuredError:   # no key yet: the network was never loaded, or pictures are missing
            found.append(unit)
    return found


def drain(live: Live, units: Sequence[Unit], tell: Tell, wanted: str = "auto") -> Drained:
    """Evaluate what is missing; returns when all of it is there or has failed.

    Args:
        live: The cast.
        units: What a run needs.
        tell: Told of every event: ``there``, ``work``, ``decoded``, ``passed``, ``done``, ``failed``, ``notice``.
        wanted: The devices, as `devices` reads them.

    Raises:
        ThresholdsError: There is no such device.
    """
    heard = Drained()
    lock = threading.Lock()

    def hear(event: Mapping[str, Any]) -> None:
        with lock:
            heard.hear(event)
            tell(event)

    lacking = missing(live, units)
    for _ in range(len(units) - len(lacking)):
        tell({"event": "there"})
    left = [unit for unit in lacking if _possible(live, unit, hear)]
    if left:
        slots = devices(wanted)
        timed = [unit for unit in left if unit.kind == TIMES] if len(slots) > 1 else []
        _together(live, [unit for unit in left if unit not in timed], slots, hear)
        _together(live, timed, slots[:1], hear)   # when no other computes
    return heard


def _together(live: Live, units: Sequence[Unit], slots: Sequence[str], hear: Tell) -> None:
    """An evaluator on each device, all of them at the same time."""
    threads = [threading.Thread(target=_one, args=(live, units, device, len(slots), hear)) for device in slots if units]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _possible(live: Live, unit: Unit, hear: Tell) -> bool:
    """Whether the pictures are there: without them no network needs to be loaded."""
    try:
        if unit.kind not in OF_NETWORK:
            live.pictures(unit.data)
        live.request(unit.model)
    except NotMeasuredError as error:
        _fail(live, unit, str(error), hear)
        return False
    return True


def _fail(live: Live, unit: Unit, reason: str, hear: Tell) -> None:
    note_failure(live.store.root, live.cast, unit, reason)
    hear({"event": "failed", "unit": str(unit), "reason": reason})


def _one(live: Live, units: Sequence[Unit], device: str, evaluators: int, hear: Tell) -> None:
    """One evaluator from its start to its end, whichever it is."""
    request = {
        "cast": str(live.cast.path), "role": live.cast.role,
        "candidates": {name: live.cast.models[name].model_dump(exclude_unset=True) for name in live.cast.candidates},
        "noise": list(dict.fromkeys(way for ways in live.cast.repeats.values() for way in ways)),
        "store": str(live.store.root), "device": device,
        "units": [asdict(unit) for unit in units],
    }  # fmt: skip
    ended: set[str] = set()
    process = subprocess.Popen(
        [sys.executable, "-m", "demeanour.evaluation"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=_environment(evaluators), bufsize=1,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    said: list[str] = []
    listener = threading.Thread(target=lambda: said.extend(process.stderr or ()))
    listener.start()
    try:
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] in ("done", "failed"):
                ended.add(event["unit"])
            if event["event"] in ("end", "broken"):
                ended.add(event["event"])
            hear(event)
    except BrokenPipeError:
        pass
    finally:
        with suppress(BrokenPipeError):   # it died before it had read what it was asked
            process.stdin.close()   # by which it ends, if this process is being stopped
        code = process.wait()
        listener.join()
        process.stdout.close()
        process.stderr.close()
    if "end" not in ended:
        why = f"signal {-code}" if code < 0 else f"exit {code}"
        last = "".join(said[-12:]).strip()
        for unit in units:
            if str(unit) not in ended and not _is_there(live, unit):
                _fail(live, unit, f"the evaluating process died ({why}): {last}".rstrip(": "), hear)


def _is_there(live: Live, unit: Unit) -> bool:
    try:
        return live.there(unit)
    except NotMeasuredError:
        return False


def _environment(evaluators: int) -> dict[str, str]:
    """A worker's share of the cores is not meant for an evaluator, which has as many as there are for it."""
    environment = dict(os.environ)
    if environment.pop("DEMEANOUR_SHARED_THREADS", None):
        environment.pop("OMP_NUM_THREADS", None)
    environment["DEMEANOUR_CORES"] = str(max(1, cores() // evaluators))
    return environment
