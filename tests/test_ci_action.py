"""``action.yml`` by GitHub's syntax of such files, its steps by GitHub's shell, and the workflow that uses it."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.suite_run import ROOT
from tests.test_ci_gate import environment, pretended_python

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOW = ROOT / "docs" / "ci" / "gate-workflow.yml"
STEPS: dict[str, dict[str, Any]] = {step["name"]: step for step in ACTION["runs"]["steps"] if "name" in step}
OF_A_RUN = {"name", "id", "if", "shell", "env", "run", "working-directory", "continue-on-error"}
OF_AN_ACTION = {"name", "id", "if", "uses", "with", "env", "continue-on-error"}
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.S)
CONTEXTS = {"inputs", "github", "runner", "steps"}   # that the steps of an action of this kind know


def defects(action: dict[str, Any]) -> Iterator[str]:
    """What GitHub would refuse, pass over in silence, or carry out where it should only read."""
    yield from (f"lacks '{key}'" for key in ("name", "description", "runs") if not action.get(key))
    yield from (f"unknown key '{key}'" for key in action.keys() - {"name", "description", "inputs", "outputs", "runs"})
    inputs, steps = action.get("inputs", {}), action["runs"].get("steps", [])
    if action["runs"].get("using") != "composite":
        yield "is not composite"
    for name, given in inputs.items():
        if not given.get("description") or not isinstance(given.get("default"), str):
            yield f"input '{name}' lacks a description or a text as default"
    used: set[str] = set()
    known: set[str] = set()
    for step in steps:
        name = step.get("name") or step.get("uses")
        run = step.get("run")
        if (run is None) == ("uses" not in step) or step.keys() - (OF_AN_ACTION if run is None else OF_A_RUN):
            yield f"'{name}' is no step"
        if run is not None and step.get("shell") != "bash":
            yield f"'{name}' has no shell"
        if run is not None and EXPRESSION.search(run):
            yield f"'{name}' has an expression in its script"
        if run is None and not re.fullmatch(r"actions/[a-z-]+(/[a-z]+)?@v\d+", step.get("uses", "")):
            yield f"'{name}' is not GitHub's own at a major version"
        read = set(re.findall(r"\$\{?([A-Z][A-Z_]*)", run or ""))
        yield from (f"'{name}' reads {one}, which it is not given" for one in read - step.get("env", {}).keys()
                    if not one.startswith("GITHUB_"))  # fmt: skip
        told = [value for key, value in step.items() if key != "run"]
        used |= yield from _references(str(told), f"'{name}'", inputs, known, str(step.get("if", "")))
        known.add(step.get("id", ""))
    for name, given in action.get("outputs", {}).items():
        if not given.get("description"):
            yield f"output '{name}' lacks a description"
        yield from _references(str(given.get("value")), f"output '{name}'", inputs, known)
    yield from (f"input '{name}' is not used" for name in inputs.keys() - used)


def _references(
    text: str, where: str, inputs: dict[str, Any], known: set[str], condition: str = ""
) -> Generator[str, None, set[str]]:
    """What is wrong with the expressions of a text; returns the inputs that they read."""
    names: set[str] = set()
    for expression in [*EXPRESSION.findall(text), condition]:
        plain = re.sub(r"'[^']*'", "", expression)
        names |= set(re.findall(r"\binputs\.([\w-]+)", plain))
        yield from (f"{where} reads steps.{one}, which no earlier step is called"
                    for one in re.findall(r"\bsteps\.([\w-]+)", plain) if one not in known)  # fmt: skip
        yield from (f"{where} reads {one}, which is not known there"
                    for one in re.findall(r"(?<![\w.-])([a-z]+)\.", plain) if one not in CONTEXTS)  # fmt: skip
    yield from (f"{where} reads inputs.{one}, which is not declared" for one in names - inputs.keys())
    return names


def test_the_action_has_no_defect() -> None:
    assert list(defects(ACTION)) == []


@pytest.mark.parametrize(("said", "change"), [
    ("lacks 'description'", lambda a: a.pop("description")),
    ("is not composite", lambda a: a["runs"].update(using="node20")),
    ("input 'as' lacks", lambda a: a["inputs"]["as"].pop("description")),
    ("lacks a description or a text as default", lambda a: a["inputs"]["strict"].update(default=False)),
    ("input 'other' is not used", lambda a: a["inputs"].update(other={"description": "x", "default": ""})),
    ("reads inputs.as, which is not declared", lambda a: a["inputs"].pop("as")),
    ("has no shell", lambda a: a["runs"]["steps"][4].pop("shell")),
    ("has an expression in its script", lambda a: a["runs"]["steps"][4].update(run="echo ${{ inputs.candidate }}")),
    ("reads GATE_NAME, which it is not given", lambda a: a["runs"]["steps"][0]["env"].pop("GATE_NAME")),
    ("is not GitHub's own", lambda a: a["runs"]["steps"][1].update(uses="someone/action@main")),
    ("reads steps.gate, which no earlier step", lambda a: a["runs"]["steps"][4].pop("id")),
    ("reads secrets, which is not known there", lambda a: a["inputs"] and a["runs"]["steps"][4]["env"].update(
        GATE_CACHE="${{ secrets.KEY }} ${{ inputs.cache }}")),
    ("is no step", lambda a: a["runs"]["steps"][4].update({"timeout-minutes": 5})),
])  # fmt: skip
def test_each_defect_would_be_found(said: str, change: Callable[[dict[str, Any]], object]) -> None:
    action = copy.deepcopy(ACTION)
    change(action)
    assert any(said in one for one in defects(action)), list(defects(action))


def test_the_action_has_the_options_of_the_script_by_the_same_names() -> None:
    told = subprocess.run(["bash", str(ROOT / "ci" / "gate.sh"), "--help"], capture_output=True, text=True, check=True)
    options = {*re.findall(r"^  --([a-z-]+)", told.stdout, flags=re.M), "arguments"}
    of_github = {"name", "comment", "token"}
    assert set(ACTION["inputs"]) - of_github == options
    passed = options - {"allow"}   # by the last step, when all else is done
    expected = {f"GATE_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}" for name in passed}
    assert STEPS["Judge"]["env"] == expected


def test_the_documentation_names_every_input_and_output() -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    for name in (*ACTION["inputs"], *ACTION["outputs"]):
        assert f"`{name}`" in page, name


def step(name: str, folder: Path, **given: str) -> tuple[int, str, dict[str, str]]:
    """Run a step's script as GitHub does; returns its exit code, what it printed and its outputs."""
    outputs = folder / "outputs"
    outputs.write_text("")
    own = dict.fromkeys(STEPS[name].get("env", {}), "")
    inputs = {key: ACTION["inputs"][match[1]]["default"] for key, value in STEPS[name].get("env", {}).items()
              if (match := re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", value))}  # fmt: skip
    github = {"GITHUB_ACTION_PATH": str(ROOT), "GITHUB_OUTPUT": str(outputs)}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]], cwd=folder, text=True,
        env=environment(folder, **{**own, **inputs, **github, **given}), capture_output=True, check=False,
    )  # fmt: skip
    written = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
    return done.returncode, done.stdout + done.stderr, written


@pytest.mark.parametrize(("code", "outcome"), [(0, "released"), (1, "blocked"), (10, "undecided"), (13, "broken")])
def test_the_job_ends_as_the_suite_did_after_all_else(tmp_path: Path, code: int, outcome: str) -> None:
    path = pretended_python(tmp_path, code)
    given = {"PATH": path, "GATE_INSTALL": "none", "GATE_CANDIDATE": "next.pt"}
    ended, _, outputs = step("Judge", tmp_path, **given)
    assert (ended, outputs) == (0, {"exit-code": str(code), "outcome": outcome})
    ended, told, _ = step("Released, or not", tmp_path, CODE=outputs["exit-code"], GATE_CANDIDATE="next.pt")
    assert (ended, told) == (code, f"gate: {outcome} (exit {code})\n")
    allowed = step("Released, or not", tmp_path, CODE=outputs["exit-code"], GATE_ALLOW="undecided")
    assert allowed[0] == (0 if code == 10 else code)


def test_the_last_step_fails_whatever_failed_before_it(tmp_path: Path) -> None:
    assert step("Released, or not", tmp_path)[0] == 13
    for one in ACTION["runs"]["steps"][5:]:
        assert str(one["if"]).startswith("always()"), one["name"]


def test_inputs_are_read_and_never_carried_out(tmp_path: Path) -> None:
    evil = '"; touch stolen; $(touch stolen) `touch stolen` #'
    given = {key: evil for key in STEPS["Judge"]["env"] if key not in ("GATE_STRICT", "GATE_ALLURE", "GATE_INSTALL")}
    path = pretended_python(tmp_path)
    _, said, outputs = step("Judge", tmp_path, PATH=path, GATE_INSTALL="none", **given)
    assert outputs["exit-code"] == "0", said
    assert f"--candidate={evil}" in (tmp_path / "asked").read_text().splitlines()
    assert not list(tmp_path.rglob("stolen"))


@pytest.mark.parametrize("name", ["", "two words", "a/b", "gate --> x", "a.b"])
def test_a_name_that_would_mix_up_caches_or_comments_is_refused(tmp_path: Path, name: str) -> None:
    assert step("Check the inputs", tmp_path, GATE_NAME="nightly-2")[0] == 0
    assert step("Check the inputs", tmp_path, GATE_NAME=name)[0] == 12
    assert step("Check the inputs", tmp_path, GATE_ALLOW="blocked")[0] == 12


def test_evidence_is_saved_when_there_is_more_of_it(tmp_path: Path) -> None:
    cache = tmp_path / "evidence"

    def found() -> str:
        return step("Is there new evidence?", tmp_path, GATE_CACHE=str(cache))[2]["fingerprint"]

    assert found() == ""
    (cache / "predictions").mkdir(parents=True)
    (cache / "predictions" / "a.parquet").write_bytes(b"12")
    first = found()
    assert re.fullmatch(r"[0-9a-f]{16}", first)
    (cache / "predictions" / "a.lock").touch()
    (cache / "runs").mkdir()
    (cache / "runs" / "1").touch()
    os.utime(cache / "predictions" / "a.parquet", (0, 0))
    assert found() == first
    (cache / "predictions" / "b.parquet").touch()
    assert found() != first


def test_the_workflow_uses_the_action_as_it_is() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert "pull_request_target" not in workflow[True]   # YAML 1.1 reads `on` so
    steps = workflow["jobs"]["gate"]["steps"]
    uses = [one for one in steps if "demeanour@" in one.get("uses", "")]
    assert len(uses) == 2
    for one in uses:
        assert one["with"].keys() <= ACTION["inputs"].keys()
    assert not any(EXPRESSION.search(one.get("run", "")) for one in steps)
    outputs = re.findall(r"steps\.gate\.outputs\.([\w-]+)", WORKFLOW.read_text(encoding="utf-8"))
    assert outputs
    assert set(outputs) <= ACTION["outputs"].keys()


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="actionlint is not here")
def test_actionlint_finds_nothing() -> None:
    files = [WORKFLOW, *(ROOT / ".github" / "workflows").glob("*.yml")]
    done = subprocess.run(["actionlint", *map(str, files)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
