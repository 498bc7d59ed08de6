"""Verdicts as Allure results: one card each, in the literature's order, under ids that do not depend on the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import allure
import allure_commons

from demeanour.findings.schema import Finding, Paper
from demeanour.reporting.style import MARKS
from demeanour.verdicts.verdict import Verdict

FEATURES = {
    "mistakes": "Model mistakes",
    "calibration": "Model calibration",
    "shape_texture": "Shape / texture bias",
}


def describe(verdict: Verdict, finding: Finding, paper: Paper, html: str) -> None:
    """Fill the running test's Allure result; does nothing where no results are written."""
    section = FEATURES.get(finding.section, finding.section.replace("_", " ").capitalize())
    allure.dynamic.title(f"{MARKS[verdict.verdict]} {verdict.label} {verdict.claim}")
    allure.dynamic.description_html(html)
    allure.dynamic.epic(paper.title)
    allure.dynamic.feature(f"§{finding.source.section} {section}")
    allure.dynamic.story(finding.claim)
    allure.dynamic.link(paper.url, name=f"{paper.title} ({paper.year})")
    allure.dynamic.label("ALLURE_ID", verdict.id)
    allure.dynamic.label("strength", verdict.strength)
    allure.dynamic.label("verdict", verdict.verdict)
    for data in verdict.data:
        allure.dynamic.label("dataset", data)
    for model in verdict.estimates:
        allure.dynamic.label("model", model)


class ReadableParameters:
    """Shows a parameter as it is: Allure writes ``'a.b[c]'`` with the quotes of Python."""

    @allure_commons.hookimpl(tryfirst=True)
    def report_result(self, result: Any) -> None:
        """Strip the quotes, before the result is written."""
        for parameter in result.parameters:
            parameter.value = str(parameter.value).strip("'\"")


def register() -> None:
    """Make all results of this process readable; once is enough."""
    if not any(isinstance(plugin, ReadableParameters) for plugin in allure_commons.plugin_manager.get_plugins()):
        allure_commons.plugin_manager.register(ReadableParameters())


def write_categories(results: Path) -> None:
    """Tell apart what Allure lumps together as skipped or failed."""
    found = [
        {"name": "Undecided: the data cannot tell", "matchedStatuses": ["skipped"], "messageRegex": ".* undecided: .*"},
        {"name": "Not measured", "matchedStatuses": ["skipped"], "messageRegex": ".* not measured: .*"},
        {"name": "Contradicts the expectation", "matchedStatuses": ["failed"]},
        {"name": "Broken suite", "matchedStatuses": ["broken"]},
    ]
    (results / "categories.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def write_environment(results: Path, values: Mapping[str, str]) -> None:
    """Write what the report shows as the run's environment."""
    lines = [f"{key}={value}".replace("\n", " ") for key, value in values.items()]
    results.mkdir(parents=True, exist_ok=True)
    (results / "environment.properties").write_text("\n".join(lines) + "\n", encoding="utf-8")
