"""One self-contained page of HTML from Allure's results, made by Allure 3, which needs Node."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from demeanour.errors import DemeanourError
from demeanour.files import write_whole
from demeanour.reporting.allure_config import allurerc, read_metrics
from demeanour.reporting.allure_history import append, identity, read_history, set_aside, write_lines
from demeanour.reporting.allure_run import UNFINISHED, read_environment

PACKAGE = "allure@3.18.0"
OLDEST = (3, 17)   # the first with metrics
PATIENCE = 600.0   # seconds; the first time Allure is downloaded

_ANALYTICS = re.compile(r"<script[^>]*googletagmanager[^>]*></script>\s*<script>.*?</script>", re.S)
_OUTSIDE = re.compile(
    r"""googletagmanager|<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)\s*=\s*["']?(?:https?:)?//"""
)


class ReportError(DemeanourError):
    """The report cannot be made (exit 12)."""


@dataclass(frozen=True)
class Made:
    """A report that was made.

    Attributes:
        results: How many results it shows.
        earlier: With how many earlier runs it compares them.
        appended: Whether the run was added to the history.
        notes: What its reader should know.
    """

    results: int
    earlier: int
    appended: bool
    notes: tuple[str, ...] = ()


def make_report(results: Path, output: Path, history: Path, *, keep: bool, patience: float = PATIENCE) -> Made:
    """Make the report of a run, and add the run to the history once.

    Args:
        results: The folder of Allure's results.
        output: The HTML file; replaced at once or not at all.
        history: Earlier runs, one a line.
        keep: Whether to add this one.
        patience: How many seconds Allure may take.

    Raises:
        ReportError: There are no results, no Node, or Allure failed.
    """
    count = len(list(results.glob("*-result.json")))
    if not count:
        raise ReportError(f"{results} holds no results; run `pytest behaviours/` first")
    command = generator()
    environment, run = read_environment(results), identity(results)
    cast, known = environment.get("cast", ""), read_history(history)
    notes = []
    if environment.get("outcome") == UNFINISHED:
        notes.append("the run was killed before its end: the report shows what had run, the history leaves it out")
        keep = False
    before = known.before(cast, run)
    with tempfile.TemporaryDirectory(prefix="demeanour-") as name:
        folder = Path(name)   # always a fresh one: into an old report Allure writes the new one beside it
        own_history, config = folder / "history.jsonl", folder / "allurerc.json"
        write_lines(own_history, before)
        config.write_text(json.dumps(allurerc(environment, read_metrics(results), own_history)), encoding="utf-8")
        arguments = ["generate", "--config", str(config), "--output", str(folder / "report"), str(results.absolute())]
        said = _run([*command, *arguments], patience)
        page = folder / "report" / "index.html"
        if not page.is_file():
            raise ReportError(_failed(command, "made no report", said))
        write_whole(output, without_analytics(page.read_text(encoding="utf-8")))
        lines = read_history(own_history).lines
    if known.damaged:
        where = f", moved to {set_aside(history)}" if keep and not known.knows(run) else ""
        notes.append(f"{history}: {len(known.damaged)} damaged lines left out{where}")
    appended = False
    if keep and len(lines) > len(before):
        appended = append(history, known, lines[-1], cast, run)
    elif keep:
        notes.append(f"{history}: Allure told nothing of this run")
    return Made(count, len(before), appended, tuple(notes))


def without_analytics(html: str) -> str:
    """The page without Allure's call to Google Analytics, which it has no switch for.

    Raises:
        ReportError: The page would still load something from elsewhere.
    """
    stripped = _ANALYTICS.sub("", html)
    outside = _OUTSIDE.search(stripped)
    if outside:
        raise ReportError(
            f"the report would call someone when it is opened ({outside[0][:80]}); it was not written. "
            f"Only {PACKAGE} is known not to"
        )
    return stripped


def generator() -> list[str]:
    """The command that starts Allure 3: an installed one that is new enough, else by npx.

    Raises:
        ReportError: There is neither.
    """
    installed, npx = shutil.which("allure"), shutil.which("npx")
    if installed and OLDEST <= _version(installed) < (4,):
        return [installed]
    if npx:
        return [npx, "--yes", PACKAGE]
    raise ReportError(
        "Allure's report needs Node 20 or newer, and there is no `npx` here: install Node (nodejs.org), or read "
        "reports/summary.html, which shows the same without Node"
    )


def _version(installed: str) -> tuple[int, ...]:
    try:
        said = _run([installed, "--version"], 60)
    except ReportError:
        return (0,)
    found = re.search(r"^(\d+)\.(\d+)", said.strip(), re.M)
    return (int(found[1]), int(found[2])) if found else (0,)


def _run(command: list[str], patience: float) -> str:
    """Run a command that cannot ask anything; returns what it said.

    Raises:
        ReportError: It failed, cannot be started, or did not end in time.
    """
    try:
        process = subprocess.Popen(   # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            encoding="utf-8", errors="replace", start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise ReportError(_failed(command, f"cannot be started: {error}", "")) from error
    try:
        said, _ = process.communicate(timeout=patience)
    except BaseException as error:   # also when a person stops us
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)   # npx and what it started
        said, _ = process.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        raise ReportError(_failed(command, f"did not end within {patience:g} s", said)) from error
    if process.returncode != 0:
        raise ReportError(_failed(command, f"failed with exit code {process.returncode}", said))
    return said


def _failed(command: list[str], how: str, said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()][-12:]
    return "\n".join([
        f"`{' '.join(command)}` {how}", *(f"  {line}" for line in lines),
        "reports/summary.html shows the same without Node",
    ])  # fmt: skip
