"""What is written beside Allure's results, once, by the process that hears all of them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path

from demeanour.reporting.allure_metrics import samples
from demeanour.reporting.allure_outcomes import categories_of_allure_2
from demeanour.reporting.run import Run, by_word, versions
from demeanour.verdicts.outcome import contradicts

METRICS = "demeanour-perf.json"   # always under this name: of several runs into one folder the last counts
ENVIRONMENT = "environment.properties"
UNFINISHED = "did not end"


def write_start(results: Path, cast: str) -> None:
    """Say of a run that it did not end, until it does: a process that is killed says nothing any more."""
    results.mkdir(parents=True, exist_ok=True)
    (results / ENVIRONMENT).write_text(_properties({"cast": cast, "outcome": UNFINISHED}), encoding="ascii")


def write_run(results: Path, run: Run, protocol: str) -> None:
    """Write environment, categories and metrics.

    Args:
        results: The folder of Allure's results; made where nothing ran.
        run: The finished run.
        protocol: The cast's; empty where the cast cannot be read.
    """
    results.mkdir(parents=True, exist_ok=True)
    started = round(datetime.datetime.fromisoformat(run.started).timestamp() * 1000)
    found = samples(run.records, started, started + round(run.seconds * 1000))
    for name, content in ((METRICS, found), ("categories.json", categories_of_allure_2())):
        (results / name).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    environment = {
        "cast": run.cast,
        "outcome": run.word,
        "exit": str(run.code),
        "contradicts": str(sum(contradicts(record) for record in run.records)),
        **{word: str(count) for word, count in by_word(run.records).items()},
        "protocol": protocol,
        **versions(),
    }
    (results / ENVIRONMENT).write_text(_properties(environment), encoding="ascii")


def read_environment(results: Path) -> dict[str, str]:
    """The environment that a run wrote; empty where it wrote none, or someone else did."""
    try:
        lines = (results / ENVIRONMENT).read_text(encoding="ascii").splitlines()
        pairs = [line.partition("=") for line in lines]
        return {key.replace("\\ ", " "): json.loads(f'"{value}"') for key, _, value in pairs}
    except (FileNotFoundError, ValueError):
        return {}


def _properties(values: Mapping[str, str]) -> str:
    """Java properties: one line each, spaces escaped in keys, in ASCII; JSON escapes what is not in the same way."""
    lines = [(key.replace(" ", "\\ "), json.dumps(" ".join(value.split()))[1:-1]) for key, value in values.items()]
    return "".join(f"{key}={value}\n" for key, value in lines)
