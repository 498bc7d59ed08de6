"""A run that breaks never looks better for it: each case has one result, broken where it broke."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from demeanour.reporting.allure_lost import LostResults, lost_result
from demeanour.reporting.allure_run import read_environment
from tests.small_cast import FINDINGS, finding, write_small
from tests.suite_run import Finished, Suite

WORKERS = pytest.mark.parametrize("workers", [0, 2])

DIES = """
import os
def pytest_runtest_call(item):
    if "worse" in item.nodeid:
        os._exit(3)
"""
DIES_LATE = """
import os, pytest
@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid):
    if "worse" in nodeid and "PYTEST_XDIST_WORKER" in os.environ:
        os._exit(3)
"""
DOES_NOT_IMPORT = """
import _pytest.python as python
imported = python.importtestmodule
def importtestmodule(path, config):
    if path.name == "test_findings.py":
        raise python.nodes.Collector.CollectError("broken on purpose")
    return imported(path, config)
python.importtestmodule = importtestmodule
"""
INTERNAL = """
def pytest_runtest_logstart(nodeid):
    if "worse" in nodeid:
        raise RuntimeError("broken inside")
"""
INTERRUPTED = """
def pytest_runtest_call(item):
    if "worse" in item.nodeid:
        raise KeyboardInterrupt
"""
ENDS_BADLY = """
import pytest
from demeanour.measures import registry
def pytest_runtest_setup(item):
    if "alike" in item.nodeid:
        pytest.skip("for no reason")
@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    yield
    if "better" in item.nodeid:
        pytest.fail("not cleaned up")
def raises(*columns, weights=None):
    raise RuntimeError("the measure broke")
object.__setattr__(registry.MEASURES["calibration_error"], "function", raises)
"""


@pytest.fixture
def five(tmp_path: Path) -> list[str]:
    """Five cases on two measures, so that two workers have work; ``worse`` is expected to be violated."""
    more = [finding("close", relation="left ~ right", margin=0.15), finding("calibrated", measure="calibration_error")]
    return write_small(tmp_path, findings=[*FINDINGS, *more])


def plugin(folder: Path, text: str) -> dict[str, str]:
    (folder / "breaking.py").write_text(text)
    return {"PYTHONPATH": str(folder)}


def all_results(run: Finished) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in (run.reports / "allure-results").glob("*-result.json")]


def by_case(run: Finished) -> dict[str, dict[str, Any]]:
    """The results of cases, by the part of their id that tells them apart; each case has one."""
    found = [result for result in all_results(run) if result.get("parameters")]
    names = [result["parameters"][0]["value"] for result in found]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    return {name.split(".")[1].split("[")[0]: result for name, result in zip(names, found, strict=True)}


def label(result: dict[str, Any], name: str) -> list[str]:
    return [one["value"] for one in result["labels"] if one["name"] == name]


def outcomes(run: Finished) -> dict[str, tuple[str, str]]:
    return {name: (result["status"], *label(result, "outcome")) for name, result in by_case(run).items()}


AS_USUAL = {
    "better": ("passed", "holds as expected"),
    "worse": ("passed", "violated as expected"),
    "alike": ("passed", "holds as expected"),
    "close": ("skipped", "undecided"),
    "calibrated": ("skipped", "undecided"),
}


def test_a_test_that_kills_its_worker_is_broken_and_no_other(suite: Suite, tmp_path: Path, five: list[str]) -> None:
    whole = suite(*five, name="whole")
    assert outcomes(whole) == AS_USUAL
    run = suite(*five, "-p", "breaking", workers=2, **plugin(tmp_path, DIES))
    assert run.code == 13
    assert outcomes(run) == {**AS_USUAL, "worse": ("broken", "broken")}
    assert run.output.count("crashed while running") == 1
    assert run.verdicts["run"]["broken"] == [
        "behaviours/test_findings.py::test_findings[small.worse[vit]] (its worker crashed)"
    ]
    lost, usual = by_case(run)["worse"], by_case(whole)["worse"]
    assert "crashed while running" in lost["statusDetails"]["message"]
    assert lost["name"] == "! T1 Claim worse. [vit]"
    for key in ("historyId", "testCaseId", "fullName", "titlePath", "parameters", "links"):
        assert lost[key] == usual[key], key
    varying = {"outcome", "verdict", "thread"}
    names = {one["name"] for one in usual["labels"]} - varying
    assert all(sorted(label(lost, name)) == sorted(label(usual, name)) for name in names)


def test_a_run_that_is_killed_does_not_pass_for_one_that_ended(suite: Suite, tmp_path: Path, five: list[str]) -> None:
    run = suite(*five, "-p", "breaking", **plugin(tmp_path, DIES))
    assert run.code == 3
    assert outcomes(run) == {"better": AS_USUAL["better"]}
    assert read_environment(run.reports / "allure-results") == {"cast": "small", "outcome": "did not end"}


def test_one_worker_that_dies_is_replaced(suite: Suite, tmp_path: Path, five: list[str]) -> None:
    run = suite(*five, "-p", "breaking", workers=1, **plugin(tmp_path, DIES))
    assert outcomes(run) == {**AS_USUAL, "worse": ("broken", "broken")}


def test_two_workers_that_die_at_once_are_replaced(suite: Suite, tmp_path: Path, five: list[str]) -> None:
    both = DIES.replace('"worse" in item.nodeid', '"worse" in item.nodeid or "calibrated" in item.nodeid')
    run = suite(*five, "-p", "breaking", workers=2, **plugin(tmp_path, both))
    assert run.code == run.verdicts["exit"] == 13
    assert outcomes(run) == {**AS_USUAL, "worse": ("broken", "broken"), "calibrated": ("broken", "broken")}


def test_what_was_written_before_the_worker_died_does_not_count(suite: Suite, tmp_path: Path, five: list[str]) -> None:
    run = suite(*five, "-p", "breaking", workers=1, **plugin(tmp_path, DIES_LATE))
    assert run.code == 13
    assert outcomes(run) == {**AS_USUAL, "worse": ("broken", "broken")}


def test_without_a_replacement_the_rest_did_not_run(suite: Suite, tmp_path: Path, five: list[str]) -> None:
    options = ["-p", "breaking", "--max-worker-restart", "0"]
    run = suite(*five, *options, workers=1, **plugin(tmp_path, DIES))
    assert run.code == 13
    found = outcomes(run)
    assert found.keys() == AS_USUAL.keys()
    assert found["worse"] == ("broken", "broken")
    unrun = [name for name, outcome in found.items() if outcome == ("broken", "did not run")]
    assert {name: found[name] for name in found.keys() - unrun - {"worse"}}.items() <= AS_USUAL.items()
    assert unrun


def test_a_run_that_stops_at_the_first_failure_says_what_did_not_run(suite: Suite, tmp_path: Path) -> None:
    run = suite(*write_small(tmp_path, expect={}), "-x")
    assert run.code == 1
    assert outcomes(run) == {
        "better": ("passed", "holds as expected"),
        "worse": ("failed", "contradicts"),
        "alike": ("unknown", "did not run"),
    }


@WORKERS
def test_the_cases_of_a_file_that_does_not_import_are_broken(
    suite: Suite, tmp_path: Path, five: list[str], workers: int
) -> None:
    own = {**finding("own"), "id": "calibration.own"}
    (tmp_path / "findings" / "calibration.yaml").write_text(yaml.safe_dump([own]))
    run = suite(*five, "-p", "breaking", workers=workers, **plugin(tmp_path, DOES_NOT_IMPORT))
    assert run.code == 13
    # without workers pytest runs nothing at all once a file cannot be imported
    other = ("passed", "holds as expected") if workers else ("broken", "did not run")
    assert outcomes(run) == {**dict.fromkeys(AS_USUAL, ("broken", "broken")), "own": other}
    files = [result for result in all_results(run) if not result.get("parameters")]
    assert [(result["name"], result["status"]) for result in files] == [("! behaviours/test_findings.py", "broken")]
    assert "broken on purpose" in files[0]["statusDetails"]["trace"]


@WORKERS
def test_an_internal_error_stands_beside_the_results(
    suite: Suite, tmp_path: Path, five: list[str], workers: int
) -> None:
    run = suite(*five, "-p", "breaking", workers=workers, **plugin(tmp_path, INTERNAL))
    assert run.code == 13
    assert len(all_results(run)) == 5
    found = outcomes(run)
    assert found["worse"] == ("broken", "did not run")
    assert all(outcome in (AS_USUAL[name], ("broken", "did not run")) for name, outcome in found.items())
    told = [json.loads(path.read_text()) for path in (run.reports / "allure-results").glob("*-globals.json")]
    assert told
    assert all("broken inside" in error["trace"] for one in told for error in one["errors"])


def test_a_run_that_a_person_stops_says_what_did_not_run(suite: Suite, tmp_path: Path, five: list[str]) -> None:
    run = suite(*five, "-p", "breaking", **plugin(tmp_path, INTERRUPTED))
    assert run.code == 2
    assert len(all_results(run)) == 5
    unrun = dict.fromkeys(AS_USUAL, ("unknown", "did not run"))
    assert outcomes(run) == {**unrun, "better": AS_USUAL["better"]}


@WORKERS
def test_a_verdict_that_ended_otherwise_is_broken(
    suite: Suite, tmp_path: Path, five: list[str], workers: int
) -> None:
    run = suite(*five, "-p", "breaking", workers=workers, **plugin(tmp_path, ENDS_BADLY))
    assert run.code == 13
    assert outcomes(run) == {
        **AS_USUAL,
        "better": ("failed", "broken"),       # holds, but was not cleaned up
        "alike": ("skipped", "broken"),       # without a verdict
        "calibrated": ("broken", "broken"),   # without a verdict
    }
    lost = by_case(run)["calibrated"]
    assert lost["name"] == "! T1 Claim calibrated. [vit]"
    assert label(lost, "ALLURE_ID") == ["small.calibrated[vit]"]
    assert label(lost, "story") == ["T1 Claim calibrated."]


def test_results_of_an_earlier_run_hide_nothing(tmp_path: Path) -> None:
    test = "behaviours/test_findings.py::test_findings[a]"
    (tmp_path / "older-result.json").write_text("{}")
    (tmp_path / "damaged-result.json").write_text("{")
    LostResults(tmp_path, since=0).write(test, "broken", "first", None)
    since = json.loads(next(path.read_text() for path in tmp_path.glob("*-result.json") if "first" in path.read_text()))
    results = LostResults(tmp_path, since=since["stop"] + 1_000_000)
    results.write(test, "did not run", "second", None)
    assert len(list(tmp_path.glob("*-result.json"))) == 4
    results.write(test, "did not run", "third", None)
    assert len(list(tmp_path.glob("*-result.json"))) == 4


def test_a_folder_that_cannot_be_collected_is_named() -> None:
    result = lost_result("", "broken", "cannot be collected", None, "trace")
    assert (result["name"], result["status"]) == ("! the suite", "broken")
