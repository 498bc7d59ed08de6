"""Runs of the suite in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Finished:
    """A run of the suite that has ended."""

    code: int
    output: str
    reports: Path

    @property
    def verdicts(self) -> dict[str, Any]:
        return json.loads((self.reports / "verdicts.json").read_text(encoding="utf-8"))

    @property
    def words(self) -> dict[str, str]:
        return {v["id"]: v["verdict"] for v in self.verdicts["verdicts"] if v["verdict"] != "out of scope"}


class Suite:
    """Runs ``pytest behaviours/`` as a user does, with reports and evidence in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, workers: int = 0, name: str = "run", **environment: str) -> Finished:
        reports = self.folder / f"reports-{name}-{workers}"
        command = [sys.executable, "-m", "pytest", "behaviours/", "-n", str(workers), "--reports", str(reports)]
        # neither the caller's settings nor where it runs: under CI pytest prints its summary in other words
        foreign = ("DEMEANOUR_", "PYTEST_", "CI", "BUILD_NUMBER")
        clean = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        cache = str(self.folder / "cache")
        if "--cast" not in arguments:   # the one that needs no network to be evaluated
            arguments = ("--cast", "drawn", *arguments)
        done = subprocess.run(
            [*command, *arguments], cwd=ROOT, env={**clean, "DEMEANOUR_CACHE": cache, **environment},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return Finished(done.returncode, done.stdout + done.stderr, reports)
