"""The exit code of a run: what a CI gate goes by. Each one is provoked for real, serially and with workers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from demeanour.verdicts.outcome import exit_code
from tests.small_cast import FINDINGS, WORSE_AS_EXPECTED, finding, write_small
from tests.suite_run import Suite

WORKERS = pytest.mark.parametrize("workers", [0, 2])


@WORKERS
def test_all_as_expected_exits_0(suite: Suite, tmp_path: Path, workers: int) -> None:
    run = suite(*write_small(tmp_path), workers=workers)
    assert run.code == 0, run.output
    assert run.words == {"small.better[vit]": "holds", "small.worse[vit]": "violated", "small.alike[vit]": "holds"}
    assert (run.verdicts["outcome"], run.verdicts["exit"]) == ("as expected", 0)
    assert "3 passed" in run.output

    def refuse(text: str) -> float:
        raise AssertionError(f"{text} in verdicts.json")

    content = json.loads((run.reports / "verdicts.json").read_text(), parse_constant=refuse)   # it is strict JSON
    assert content["schema"] == 1
    assert content["candidate"] is None
    assert content["baseline"] is None


def test_a_violation_exits_1_and_says_why(suite: Suite, tmp_path: Path) -> None:
    run = suite(*write_small(tmp_path, expect={}))
    assert run.code == 1
    assert run.verdicts["outcome"] == "violation"
    assert "small.worse[vit] [T1, strength A] VIOLATED, BUT EXPECTED: HOLDS" in run.output
    assert "sup − clip = +0.1500" in run.output


def test_an_expected_violation_that_starts_to_hold_exits_1(suite: Suite, tmp_path: Path) -> None:
    expect = {name: {"expect": "violated", "reason": "as it was"} for name in ("small.better", "small.worse")}
    run = suite(*write_small(tmp_path, expect=expect))
    assert run.code == 1
    assert "HOLDS, BUT EXPECTED: VIOLATED" in run.output


def test_an_expired_expectation_no_longer_explains(suite: Suite, tmp_path: Path) -> None:
    old = {"expect": "violated", "reason": "known", "owner": "someone", "until": "DATE"}
    options = write_small(tmp_path, expect={"small.worse": old})
    cast = tmp_path / "small.yaml"
    cast.write_text(cast.read_text().replace("DATE", "2020-01-31"))
    run = suite(*options)
    assert run.code == 1
    assert "expired on 2020-01-31: known (someone)" in run.output
    cast.write_text(cast.read_text().replace("2020-01-31", "2999-01-31"))
    assert suite(*options, name="valid").code == 0


def test_undecided_where_an_answer_is_expected_exits_10(suite: Suite, tmp_path: Path) -> None:
    close = [*FINDINGS, finding("close", relation="left ~ right", margin=0.15)]
    run = suite(*write_small(tmp_path, findings=close))
    assert run.code == 10
    assert run.words["small.close[vit]"] == "undecided"
    assert "1 skipped" in run.output


def test_undecided_where_anything_is_accepted_exits_0(suite: Suite, tmp_path: Path) -> None:
    close = [*FINDINGS, finding("close", relation="left ~ right", margin=0.15)]
    expect = {**WORSE_AS_EXPECTED, "small.close": {"expect": "undecided", "reason": "the estimate lies on the margin"}}
    assert suite(*write_small(tmp_path, findings=close, expect=expect)).code == 0


def test_a_missing_file_exits_11(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path)
    (tmp_path / "clip.csv").unlink()
    run = suite(*options, workers=2)
    assert run.code == 11
    assert set(run.words.values()) == {"not measured"}
    assert "clip.csv is missing" in run.output
    assert "passed" not in run.output


def test_a_violation_beside_a_missing_file_exits_1(suite: Suite, tmp_path: Path) -> None:
    own = finding("own", models={"model": "sup"}, compare=None, relation="value > bound", bound=0.9)
    del own["compare"]
    options = write_small(tmp_path, findings=[*FINDINGS, own])
    (tmp_path / "clip.csv").unlink()
    assert suite(*options).code == 1


def test_an_unset_variable_exits_11_and_names_a_near_one(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path)
    cast = tmp_path / "small.yaml"
    cast.write_text(cast.read_text().replace("predictions:clip.csv", "predictions:${DEMEANOUR_TABLES}/clip.csv"))
    run = suite(*options, DEMEANOUR_TABLE=str(tmp_path))
    assert run.code == 11
    assert "DEMEANOUR_TABLES is not set; did you mean 'DEMEANOUR_TABLE'?" in run.output


def with_defect(lines: list[str], defect: str) -> list[str]:
    first = lines[1]
    changed = {
        "duplicate": [lines[2], lines[2]],
        "nan": [first.rsplit(",", 1)[0] + ",nan", lines[2]],
        "label": [first.split(",")[0] + ",10,0.5", lines[2]],
        "unknown": ["someone-elses.png" + first[first.index(",") :], lines[2]],
        "short": [lines[2]],
    }  # fmt: skip
    return [lines[0], *changed[defect], *lines[3:]]


def test_a_wrong_table_is_never_green(suite: Suite, tmp_path: Path) -> None:
    """Nor does it take the right one beside it along."""
    own = finding("own", models={"architecture": "vit"}, relation="value > bound", bound=0.1)
    del own["compare"]
    options = write_small(tmp_path, findings=[own], expect={})
    cast = yaml.safe_load((tmp_path / "small.yaml").read_text())
    lines = (tmp_path / "clip.csv").read_text().splitlines()
    defects = ("duplicate", "nan", "label", "unknown", "short")
    for defect in defects:
        (tmp_path / f"{defect}.csv").write_text("\n".join(with_defect(lines, defect)) + "\n")
        cast["models"][defect] = {**cast["models"]["clip"], "source": f"predictions:{defect}.csv"}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(cast, sort_keys=False))
    run = suite(*options)
    assert run.code == 11, run.output
    right = {"small.own[sup]": "holds", "small.own[clip]": "holds"}
    assert run.words == right | {f"small.own[{defect}]": "not measured" for defect in defects}
    reasons = {one["id"]: one["reason"] for one in run.verdicts["verdicts"]}
    assert all("the evidence is wrong" in reasons[f"small.own[{defect}]"] for defect in defects)


@WORKERS
def test_broken_yaml_exits_12_before_anything_runs(suite: Suite, tmp_path: Path, workers: int) -> None:
    options = write_small(tmp_path)
    findings = tmp_path / "findings" / "small.yaml"
    findings.write_text(findings.read_text().replace("margin: 0", "margn: 0"))
    run = suite(*options, workers=workers)
    assert run.code == 12
    assert "unknown key 'margn'; did you mean 'margin'?" in run.output
    assert run.verdicts["exit"] == 12
    assert run.verdicts["verdicts"] == []
    assert "unknown key 'margn'" in run.verdicts["run"]["message"]


@pytest.mark.parametrize("options", [["--cast", "quartett"], ["--findings", "nowhere"]])
def test_a_wrong_option_exits_12(suite: Suite, options: list[str]) -> None:
    assert suite(*options).code == 12


def test_an_older_report_is_not_left_behind(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path)
    assert suite(*options).code == 0
    run = suite(*options[:2])   # the project's own findings have no verdict in this cast, its expectation none in them
    assert run.code == 12
    assert run.verdicts["exit"] == 12


@WORKERS
def test_nothing_decided_exits_11(suite: Suite, tmp_path: Path, workers: int) -> None:
    run = suite(*write_small(tmp_path), "-k", "no-such-finding", workers=workers)
    assert run.code == 11
    assert run.verdicts["outcome"] == "not measured"


CRASH = """
import os
from demeanour.measures import registry
def crash(*columns, weights=None):
    {how}
object.__setattr__(registry.MEASURES["top1"], "function", crash)
"""


def test_a_crashing_measure_exits_13(suite: Suite, tmp_path: Path) -> None:
    (tmp_path / "crashing.py").write_text(CRASH.format(how="raise RuntimeError('the measure broke')"))
    run = suite(*write_small(tmp_path), "-p", "crashing", PYTHONPATH=str(tmp_path))
    assert run.code == 13
    assert "the measure broke" in run.output
    assert run.verdicts["outcome"] == "broken suite"
    assert len(run.verdicts["run"]["broken"]) == 3


def test_a_crashed_worker_exits_13_though_nothing_was_decided(suite: Suite, tmp_path: Path) -> None:
    (tmp_path / "crashing.py").write_text(CRASH.format(how="os._exit(3)"))
    run = suite(*write_small(tmp_path), "-k", "better", "-p", "crashing", workers=1, PYTHONPATH=str(tmp_path))
    assert run.code == 13
    assert run.verdicts["exit"] == 13


def test_a_file_that_cannot_be_imported_exits_13(suite: Suite, tmp_path: Path) -> None:
    broken = tmp_path / "test_broken_on_purpose.py"
    broken.write_text("raise ImportError('broken on purpose')\n")
    run = suite(*write_small(tmp_path), str(broken))
    assert run.code == 13
    assert run.verdicts["exit"] == 13


STOPS = """
import pytest
def pytest_runtest_setup(item):
    if "alike" in item.nodeid:
        pytest.exit("enough", returncode=0)
"""


def test_a_run_that_ends_before_its_time_is_not_green(suite: Suite, tmp_path: Path) -> None:
    (tmp_path / "stops.py").write_text(STOPS)
    run = suite(*write_small(tmp_path), "-p", "stops", PYTHONPATH=str(tmp_path))
    assert run.code in (11, 13)
    assert run.verdicts["exit"] == run.code
    assert any("verdicts are missing: the run ended before" in note for note in run.verdicts["run"]["notes"])


def test_a_selection_is_told(suite: Suite, tmp_path: Path) -> None:
    run = suite(*write_small(tmp_path), "-k", "better")
    assert run.code == 0
    assert run.verdicts["run"]["notes"] == ["2 of 3 verdicts in scope were not asked for"]


def test_a_history_that_cannot_be_written_is_told_in_every_report(suite: Suite, tmp_path: Path) -> None:
    (tmp_path / "reports-run-0" / "history.jsonl").mkdir(parents=True)
    run = suite(*write_small(tmp_path))
    assert (run.code, run.verdicts["exit"]) == (13, 13)
    assert "Broken suite" in (run.reports / "summary.md").read_text()


def test_collecting_only_judges_nothing(suite: Suite, tmp_path: Path) -> None:
    run = suite(*write_small(tmp_path), "--collect-only", "-q")
    assert run.code == 0
    assert "small.better[vit]" in run.output
    assert not run.reports.exists()


@pytest.mark.parametrize(
    ("verdicts", "broken", "code"),
    [
        ([("holds", "holds"), ("violated", "violated")], False, 0),
        ([("holds", "undecided"), ("violated", "undecided"), ("undecided", "undecided")], False, 0),
        ([("undecided", "undecided")], False, 11),
        ([], False, 11),
        ([("out of scope", None)], False, 11),
        ([("holds", "holds"), ("not measured", "undecided")], False, 11),
        ([("holds", "holds"), ("undecided", "holds")], False, 10),
        ([("holds", "holds"), ("undecided", "violated")], False, 10),
        ([("undecided", "holds"), ("not measured", "holds"), ("holds", "holds")], False, 11),
        ([("violated", "holds"), ("undecided", "holds"), ("not measured", "holds")], False, 1),
        ([("holds", "violated")], False, 1),
        ([("violated", "holds")], True, 13),
    ],
)
def test_the_first_code_that_applies_is_taken(verdicts: list[tuple[str, str | None]], broken: bool, code: int) -> None:
    records = [{"verdict": verdict, "expected": expected} for verdict, expected in verdicts]
    assert exit_code(records, broken) == code
