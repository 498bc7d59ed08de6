"""Results for tests that could not write their own, under the ids that Allure's plugin would have given them."""

from __future__ import annotations

import hashlib
import json
import platform
import socket
import time
import uuid
from pathlib import Path
from typing import Any

from demeanour.files import write_whole
from demeanour.reporting.allure_outcomes import BROKEN, LABEL, STATUS
from demeanour.reporting.allure_results import Entry

SUITE = "The suite itself"   # where a result stands in the tree that belongs to no case


class LostResults:
    """Adds results to a folder, never a second one for a test of the same run.

    Args:
        folder: Allure's results.
        since: When the run began, in milliseconds since 1970: what is older belongs to another run.
    """

    def __init__(self, folder: Path, since: int) -> None:
        self.folder = folder
        self.since = since
        self._ended: dict[str, Path] | None = None        # the results that are there, by history id
        self._broken_off: dict[str, list[Path]] = {}      # those of tests that did not end, by parameter or name

    def write(
        self, nodeid: str, word: str, message: str, listed: Entry | None, trace: str = "", status: str | None = None
    ) -> None:
        """Write the result of a test that did not come to an end.

        What a worker wrote just before it died is replaced, and so is what Allure's plugin writes of a test in which
        the whole run stopped: neither says what happened. A test that did come to its end is left alone.

        Args:
            nodeid: Pytest's id of the test, or the file that has none.
            word: The outcome: ``broken``, or ``did not run``.
            message: What happened, in a sentence.
            listed: How its case is listed; None for anything else.
            trace: Where it happened.
            status: Allure's; that of the outcome.
        """
        result = lost_result(nodeid, word, message, listed, trace, status)
        ended = self._results()
        earlier = ended.get(result["historyId"])
        if earlier is not None and word != BROKEN:
            return
        name = result["parameters"][0]["value"] if result["parameters"] else nodeid.rpartition("::")[2]
        for file in [*([earlier] if earlier else []), *self._broken_off.pop(name, [])]:
            file.unlink()
        file = self.folder / f"{result['uuid']}-result.json"
        write_whole(file, json.dumps(result, ensure_ascii=False))
        ended[result["historyId"]] = file

    def write_error(self, text: str) -> None:
        """Write an error that belongs to no test: Allure 3 shows it beside the results."""
        message = text.strip().splitlines()[-1] if text.strip() else "unknown"
        errors = [{"message": f"internal error: {message}", "trace": text, "timestamp": _now()}]
        write_whole(self.folder / f"{uuid.uuid4()}-globals.json", json.dumps({"errors": errors}, ensure_ascii=False))

    def _results(self) -> dict[str, Path]:
        """The results of this run, by history id; read when the first one is lost."""
        if self._ended is None:
            self._ended = {}
            for file in self.folder.glob("*-result.json"):
                try:
                    result = json.loads(file.read_text(encoding="utf-8"))
                except ValueError:   # not of this suite
                    continue
                if result.get("start", -1) < self.since:
                    continue
                if "historyId" in result:
                    self._ended[result["historyId"]] = file
                else:
                    case = [one["value"] for one in result.get("parameters", [])]
                    name = case[0] if case else parameter_of(result["name"]) or result["name"]
                    self._broken_off.setdefault(name, []).append(file)
        return self._ended


def lost_result(
    nodeid: str, word: str, message: str, listed: Entry | None, trace: str = "", status: str | None = None
) -> dict[str, Any]:
    """An Allure result with the ids and labels that Allure's plugin for pytest gives a test of this name."""
    path, _, test = nodeid.partition("::")
    function, parameter = test.partition("[")[0], parameter_of(test)
    package, _, module = path.removesuffix(".py").replace("/", ".").rpartition(".")
    full_name = f"{package}.{module}#{function}".lstrip(".")
    case = [{"name": "case", "value": parameter}] if parameter else []
    labels = [
        *(listed.labels if listed else (("epic", SUITE), ("feature", path or "pytest"))),
        (LABEL, word),
        *((name, value) for name, value in (("parentSuite", package), ("suite", module)) if value),
        ("host", socket.gethostname()),
        ("framework", "pytest"),
        ("language", f"{platform.python_implementation().lower()}{platform.python_version_tuple()[0]}"),
        ("package", ".".join(part for part in (package, module) if part)),
    ]
    now = _now()
    return {
        "uuid": str(uuid.uuid4()),
        "name": f"! {listed.title if listed else nodeid or 'the suite'}",
        "status": status or STATUS[word],
        "statusDetails": {"message": message, "trace": trace},
        "parameters": case,
        "start": now,
        "stop": now,
        "testCaseId": _md5(full_name),
        "historyId": _md5(full_name + parameter),
        "fullName": full_name,
        "titlePath": [part for part in path.split("/") if part],
        "labels": [{"name": name, "value": value} for name, value in labels],
        "links": [{"type": "link", "name": listed.link[0], "url": listed.link[1]}] if listed and listed.link else [],
    }


def parameter_of(test: str) -> str:
    """What stands between the brackets of a test's name."""
    return test.partition("[")[2].removesuffix("]")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _now() -> int:
    return round(time.time() * 1000)
