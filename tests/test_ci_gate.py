"""The gate as other CI systems call it: ``ci/gate.sh`` and what it says at its end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from demeanour.verdicts.outcome import WORDS
from tests.small_gate import ACCURACY, FLOOR, LIKELIHOOD, SAME, TOLERANT, WORSE, write_gate
from tests.suite_run import ROOT

GATE, OUTCOME = ROOT / "ci" / "gate.sh", ROOT / "ci" / "outcome.sh"
SCRIPTS = sorted((ROOT / "ci").glob("*.sh"))


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """The caller's, but for what would decide in the test's place; this Python comes first on the path."""
    foreign = ("DEMEANOUR_", "PYTEST_", "GATE_", "GITHUB_", "CI", "BUILD_NUMBER", "UV_")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    return {**clean, "PATH": path, "DEMEANOUR_CACHE": str(folder / "cache"), **changes}


def gate(folder: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """A gate that is called in a folder of its own, far from the suite."""
    return subprocess.run(
        ["bash", str(GATE), *arguments], cwd=folder, env=environment(folder, **changes), capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip


def pretended_python(folder: Path, code: int = 0, answers: str = "") -> str:
    """A path on which ``python3`` writes down what it is asked, one argument a line, and ends with a code."""
    (folder / "bin").mkdir(exist_ok=True)
    python = folder / "bin" / "python3"
    lines = [f'[ "$1" = -c ] && exit {answers or 0}', f'printf "%s\\n" "$@" >> "{folder}/asked"', f"exit {code}"]
    python.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    python.chmod(0o755)
    return f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"


def test_a_checkpoint_is_blocked_and_the_junit_xml_says_which_requirement_and_why(tmp_path: Path) -> None:
    folder = tmp_path / "a folder with spaces"
    folder.mkdir()
    options = write_gate(folder, ACCURACY, TOLERANT, FLOOR, LIKELIHOOD)
    done = gate(folder, "--install=none", "--workers", "2", *options, "--candidate", WORSE, "--junit", "out/gate.xml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.endswith("gate: blocked (exit 1)\n")
    assert {"summary.md", "summary.html", "history.jsonl"} <= {path.name for path in (folder / "reports").iterdir()}
    assert (folder / "cache" / "predictions").is_dir()
    suite = ElementTree.parse(folder / "out" / "gate.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("failures"), suite.get("errors")) == ("1", "0")
    tests = {case.get("name"): case for case in suite if case.get("classname") == "behaviours.test_gate"}
    said = {name: {part.tag: part.get("message") or "" for part in case} for name, case in tests.items()}
    assert set(said) == {f"test_gate[gate.{name}]" for name in ("accuracy", "tolerant", "floor", "likelihood")}
    lost = "candidate − sup = −0.1500 [−0.1825, −0.0964] lies on the other side of the margin 0.05"
    assert lost in said["test_gate[gate.accuracy]"]["failure"]
    assert said["test_gate[gate.tolerant]"]["skipped"].startswith("gate.tolerant undecided: candidate − sup = ")
    assert said["test_gate[gate.likelihood]"]["skipped"].startswith("gate.likelihood not measured: evidence is missing")
    assert said["test_gate[gate.floor]"] == {}


def test_the_baseline_itself_is_released_and_options_may_come_from_the_environment(tmp_path: Path) -> None:
    options = write_gate(tmp_path)
    names = [f"GATE_{name.removeprefix('--').upper()}" for name in options[::2]]
    given = dict(zip(names, options[1::2], strict=True)) | {"GATE_CANDIDATE": f"{SAME}\n", "GATE_REPORTS": "out"}
    done = gate(tmp_path, GATE_INSTALL="none", GATE_WORKERS="0", **given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("gate: released (exit 0)\n")
    assert (tmp_path / "out" / "junit.xml").is_file()


def test_what_is_undecided_fails_unless_it_is_allowed(tmp_path: Path) -> None:
    options = write_gate(tmp_path, TOLERANT, FLOOR)
    command = ["--install", "none", "--workers", "0", *options, "--candidate", WORSE]
    assert gate(tmp_path, *command).returncode == 10
    done = gate(tmp_path, *command, "--allow", "undecided")
    assert done.returncode == 0
    assert done.stdout.endswith("gate: undecided (exit 10), which is allowed here\n")


def test_every_option_reaches_the_suite_as_it_was_given(tmp_path: Path) -> None:
    path = pretended_python(tmp_path, 11)
    done = gate(
        tmp_path, "--candidate", "first=a file.pt", "--candidate=second=$(touch stolen)", "--as", "role", "--cast", "c",
        "--gate", "g", "--baseline", "b", "--findings", "f", "--strict", "--cache-limit", "4GB", "--cache", "~/here",
        "--install", "none", "--", "--download", "-k", "a or b", PATH=path, GATE_CAST="another", GATE_CANDIDATE="third",
        GATE_ARGUMENTS="--device\ncpu\n",
    )  # fmt: skip
    assert done.returncode == 11, done.stdout + done.stderr
    assert (tmp_path / "asked").read_text().splitlines() == [
        "-m", "pytest", f"--config-file={ROOT}/pyproject.toml", f"{ROOT}/behaviours", "--numprocesses=4",
        "--reports=reports", "--junitxml=reports/junit.xml", "--cast=c", "--as=role", "--gate=g", "--baseline=b",
        "--findings=f", "--strict", "--candidate=first=a file.pt", "--candidate=second=$(touch stolen)",
        "--device", "cpu", "--download", "-k", "a or b",
    ]  # fmt: skip
    assert not (tmp_path / "stolen").exists()


def test_the_report_of_allure_is_made_where_it_is_wanted_and_never_decides(tmp_path: Path) -> None:
    path = pretended_python(tmp_path, 0, answers='$([ "$3" = report ] && echo 12 || echo 0)')
    done = gate(tmp_path, "--install", "none", "--allure", "--candidate", "c", PATH=path)
    assert (done.returncode, done.stdout) == (0, "gate: released (exit 0)\n")
    assert "no Allure report" in done.stderr


@pytest.mark.parametrize(("arguments", "said"), [
    (["--nonsense", "1"], "--nonsense: there is no such option"),
    (["--cast"], "--cast needs a value"),
    (["behaviours/"], "what goes to pytest stands behind --"),
    (["--allow", "blocked"], "only 'undecided' and 'not-measured' can be allowed"),
    (["--install", "conda"], "expected uv, pip or none"),
])  # fmt: skip
def test_wrong_options_are_no_verdict(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = gate(tmp_path, *arguments)
    assert done.returncode == 12
    assert said in done.stderr


def test_an_option_that_pytest_does_not_know_is_a_bad_option(tmp_path: Path) -> None:
    done = gate(tmp_path, "--install", "none", "--candidate", "c", "--", "--nonsense")
    assert done.returncode == 12
    assert "unrecognized arguments: --nonsense" in done.stderr


def test_a_role_without_a_candidate_releases_nothing(tmp_path: Path) -> None:
    options = write_gate(tmp_path)
    done = gate(tmp_path, "--install", "none", "--workers", "0", *options, GATE_CANDIDATE="")
    assert done.returncode == 12
    assert done.stdout.endswith("gate: bad-thresholds (exit 12)\n")


def test_a_switch_is_true_or_false(tmp_path: Path) -> None:
    assert gate(tmp_path, GATE_STRICT="yes").returncode == 12


def test_a_suite_that_cannot_be_installed_is_broken_and_leaves_no_older_report(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    for name in ("summary.md", "summary.html", "verdicts.json", "junit.xml", "history.jsonl"):
        (reports / name).write_text("released")
    done = gate(tmp_path, "--install", "none", PATH=pretended_python(tmp_path, answers="1"))
    assert done.returncode == 13
    assert "the suite is not installed" in done.stderr
    assert [path.name for path in reports.iterdir()] == ["history.jsonl"]


@pytest.mark.parametrize("code", sorted(WORDS))
def test_each_exit_code_stays_and_has_a_word(code: int) -> None:
    words = {**{key: word.replace(" ", "-") for key, word in WORDS.items()}, 13: "broken"}
    of_candidates = {**words, 0: "released", 1: "blocked"}
    for candidate, known in (("", words), ("next.pt", of_candidates)):
        told = environment(ROOT, GATE_CANDIDATE=candidate)
        said = subprocess.run(["bash", str(OUTCOME), str(code)], env=told, capture_output=True, text=True, check=False)
        assert (said.returncode, said.stdout) == (code, f"gate: {known[code]} (exit {code})\n")
        allowed = subprocess.run(
            ["bash", str(OUTCOME), str(code), "undecided, not-measured"], env=told, capture_output=True, check=False
        )
        assert allowed.returncode == (0 if code in (10, 11) else code)


def test_a_run_that_was_killed_fails_whatever_is_allowed() -> None:
    done = subprocess.run(["bash", str(OUTCOME), "137", "undecided"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (137, "gate: ended-early (exit 137)\n")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_scripts_are_well_formed(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert os.access(script, os.X_OK)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not here")
def test_shellcheck_finds_nothing() -> None:
    done = subprocess.run(["shellcheck", *map(str, SCRIPTS)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
