"""The configuration by which Allure 3 makes the report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demeanour.reporting.allure_metrics import Sample, performance
from demeanour.reporting.allure_outcomes import categories
from demeanour.reporting.allure_run import METRICS

# what Allure's plugin for pytest adds to each result and a reader never asks for; the id stands among the parameters
_HIDDEN = ["ALLURE_ID", "host", "thread", "framework", "language", "package", "parentSuite", "suite", "subSuite"]
_CHARTS = [
    {"type": "statusDynamics", "title": "Verdicts from run to run"},
    {"type": "statusTransitions", "title": "What changed from run to run"},
    {"type": "statusAgePyramid", "title": "Since when it is not green"},
]


def allurerc(environment: Mapping[str, str], metrics: Sequence[Sample], history: Path) -> dict[str, Any]:
    """The content of ``allurerc.json``.

    Args:
        environment: What the run told of itself; may be empty.
        metrics: The run's metric samples.
        history: The earlier runs to compare with, one a line; Allure adds this one to it.
    """
    return {
        "name": report_name(environment),
        "historyPath": str(history),
        "appendHistory": True,
        "hideLabels": _HIDDEN,
        "categories": categories(),
        "performance": performance(metrics),
        "plugins": {
            "awesome": {
                "options": {
                    "singleFile": True,
                    "layout": "split",
                    "groupBy": ["epic", "feature", "story"],
                    "defaultSortBy": "name,asc",   # by section; in the order of time it differs from run to run
                    "theme": "auto",
                    "sections": ["charts"],   # the tab of metrics comes where there are some
                    "charts": _CHARTS,
                }
            }
        },
    }


def report_name(environment: Mapping[str, str]) -> str:
    """The report's title: whose verdicts these are, and what they say together."""
    if "cast" not in environment:
        return "demeanour"
    return f"demeanour – cast {environment['cast']}: {environment.get('outcome', 'unknown')}"


def read_metrics(results: Path) -> list[Sample]:
    """The metric samples that a run wrote; none where it wrote none."""
    try:
        found: list[Sample] = json.loads((results / METRICS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return found
