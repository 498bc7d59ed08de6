"""Runs of the suite in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

ROOT = Path(__file__).parents[1]
WITHOUT = {"PYTEST_ADDOPTS": "-p no:hypothesispytest -p no:anyio"}   # slow to import, and no user has them


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

    def __init__(self, folder: Path, pictures: Path | None = None) -> None:
        """With a folder of pictures that were drawn before, which is half the time; the caller's own cache has none."""
        self.folder = folder
        self.pictures = pictures

    def __call__(self, *arguments: str, workers: int = 0, name: str = "run", **environment: str) -> Finished:
        reports = self.folder / f"reports-{name}-{workers}"
        command = [sys.executable, "-m", "pytest", "behaviours/", "-n", str(workers), "--reports", str(reports)]
        # neither the caller's settings nor where it runs: under CI pytest prints its summary in other words
        foreign = ("DEMEANOUR_", "PYTEST_", "CI", "BUILD_NUMBER")
        clean = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        cache = self.folder / "cache"
        if self.pictures is not None and not cache.exists():
            cache.mkdir(parents=True)
            (cache / "pictures").symlink_to(self.pictures)
        if "--cast" not in arguments:   # the one that needs no network to be evaluated
            arguments = ("--cast", "drawn", *arguments)
        done = subprocess.run(
            [*command, *arguments], cwd=ROOT, env={**clean, **WITHOUT, "DEMEANOUR_CACHE": str(cache), **environment},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return Finished(done.returncode, done.stdout + done.stderr, reports)


class WholeRuns:
    """Runs of whole casts of the project: each once, by whichever of pytest's workers asks first.

    Runs of one cast share what the models answer, and pictures; each decides for itself.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, cast: str, workers: int = 0, **environment: str) -> Finished:
        answers, folder = self.folder / "answers", self.folder / f"{cast}-{workers}"
        kept = folder / "finished.json"
        with FileLock(self.folder / f"{cast}-{workers}.lock"):
            if not kept.exists():
                cache = folder / "cache"
                cache.mkdir(parents=True, exist_ok=True)
                for name in ("drawn", "predictions", "pictures"):
                    (answers / name).mkdir(parents=True, exist_ok=True)
                    (cache / name).symlink_to(answers / name)
                run = Suite(folder)("--cast", cast, workers=workers, **environment)
                kept.write_text(json.dumps([run.code, run.output, str(run.reports)]), encoding="utf-8")
        code, output, reports = json.loads(kept.read_text(encoding="utf-8"))
        return Finished(code, output, Path(reports))
