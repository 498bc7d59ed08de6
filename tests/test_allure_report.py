"""The Allure report: what it tells apart, its numbers, its history, and the command that makes it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from demeanour.cli import main
from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import Observations
from demeanour.evidence.store import Store
from demeanour.findings.pairing import Case, Comparison
from demeanour.findings.schema import Finding
from demeanour.findings.thresholds import load_thresholds
from demeanour.measures.registry import MEASURES
from demeanour.reporting import allure_metrics
from demeanour.reporting.allure_config import allurerc
from demeanour.reporting.allure_history import COMPARED, KEEP, History, append, identity, read_history, set_aside
from demeanour.reporting.allure_html import PACKAGE, ReportError, make_report, without_analytics
from demeanour.reporting.allure_metrics import performance, samples
from demeanour.reporting.allure_outcomes import LABEL, STATUS, categories, outcome
from demeanour.reporting.allure_run import read_environment
from demeanour.verdicts.judge import judge
from demeanour.verdicts.verdict import Verdict
from tests.small_cast import finding, write_small
from tests.suite_run import ROOT, Finished, Suite
from tests.test_contrast import corrupted

# --- what it tells apart ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "expected", "word"),
    [
        ("holds", "holds", "holds as expected"),
        ("violated", "violated", "violated as expected"),
        ("violated", "holds", "contradicts"),
        ("holds", "violated", "contradicts"),
        ("holds", "undecided", "decided, left open"),
        ("violated", "undecided", "decided, left open"),
        ("undecided", "holds", "undecided"),
        ("undecided", "violated", "undecided"),
        ("undecided", "undecided", "undecided, left open"),
        ("not measured", "holds", "not measured"),
        ("not measured", "undecided", "not measured"),
    ],
)
def test_outcome(verdict: Any, expected: str, word: str) -> None:
    one = Verdict(
        id="x", finding="x", data=("d",), strength="A", expected=expected, verdict=verdict, measure="top1",
        unit="fraction", reason="", label="x", claim="x",
    )  # fmt: skip
    assert outcome(one) == word


@pytest.mark.parametrize("word", STATUS)
def test_each_outcome_has_one_category_in_allure_3(word: str) -> None:
    assert sum(bool(re.search(one["matchers"]["labels"][LABEL], word)) for one in categories()) == 1


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Finished:
    """One verdict of each kind; the models' table that is missing makes two of them not measured."""
    folder = tmp_path_factory.mktemp("kinds")
    alone: dict[str, Any] = {"models": {"model": "sup"}, "compare": None, "relation": "value > bound"}
    bounds = {"contradicts": 0.9, "holds": 0.5, "violated": 0.9, "open": 0.5, "close": 0.8, "free": 0.8}
    findings = [finding(name, **alone, bound=bound) for name, bound in bounds.items()]
    for one in findings:
        del one["compare"]
    expect = {
        "small.violated": {"expect": "violated", "reason": "as it is"},
        "small.open": {"expect": "undecided", "reason": "any"},
        "small.free": {"expect": "undecided", "reason": "any"},
    }
    options = write_small(folder, findings=[finding("missing"), *findings], expect=expect)
    (folder / "clip.csv").unlink()
    return Suite(folder, pictures)(*options)


def results(run: Finished) -> dict[str, dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in (run.reports / "allure-results").glob("*-result.json")]
    return {one["parameters"][0]["value"].split(".")[1].split("[")[0]: one for one in found}


def test_results_say_what_their_status_cannot(run: Finished) -> None:
    found = {
        name: (one["name"][0], one["status"], *(item["value"] for item in one["labels"] if item["name"] == LABEL))
        for name, one in results(run).items()
    }
    assert found == {
        "missing": ("–", "skipped", "not measured"),
        "contradicts": ("✘", "failed", "contradicts"),
        "holds": ("✔", "passed", "holds as expected"),
        "violated": ("≠", "passed", "violated as expected"),
        "open": ("✔", "passed", "decided, left open"),
        "close": ("?", "skipped", "undecided"),
        "free": ("?", "skipped", "undecided, left open"),
    }


def test_messages_have_no_words_of_pytest(run: Finished) -> None:
    details = {name: one.get("statusDetails", {}) for name, one in results(run).items()}
    assert details["close"].keys() == {"message"}
    assert details["close"]["message"].startswith("undecided: sup − 0.8 = ")
    assert details["contradicts"]["message"].startswith("small.contradicts[sup] [T1, strength A] VIOLATED, BUT ")
    assert "assert" not in details["contradicts"]["message"]


def test_categories_of_allure_2_tell_apart_what_has_a_message(run: Finished) -> None:
    rules = json.loads((run.reports / "allure-results" / "categories.json").read_text())

    def category(result: dict[str, Any]) -> str | None:   # as Allure 2 does: the whole message must match
        message = result.get("statusDetails", {}).get("message", "")
        for rule in rules:
            pattern = rule.get("messageRegex", ".*")
            if result["status"] in rule["matchedStatuses"] and re.fullmatch(pattern, message, re.S):
                return str(rule["name"])
        return None

    found = {name: category(one) for name, one in results(run).items()}
    assert found == {
        "missing": "Not measured: evidence is missing or wrong",
        "contradicts": "Contradicts the expectation",
        "close": "Undecided: the data cannot tell",
        "free": "Undecided: the data cannot tell",
        "holds": None, "violated": None, "open": None,
    }  # fmt: skip


def test_environment_says_whose_verdicts_these_are(run: Finished) -> None:
    text = (run.reports / "allure-results" / "environment.properties").read_bytes()
    assert text.isascii()   # Java reads properties as Latin-1
    assert b"not\\ measured=1\n" in text   # else it would be the value of "not"
    found = read_environment(run.reports / "allure-results")
    assert {
        "cast": "small", "outcome": "violation", "exit": "1", "contradicts": "1", "protocol": "none",
        "holds": "2", "violated": "2", "undecided": "2", "not measured": "1",
    }.items() <= found.items()  # fmt: skip
    assert {"python", "demeanour", "numpy", "scipy", "pyarrow", "pytest"} <= found.keys()


# --- its numbers -----------------------------------------------------------------------------------------------------


def record(measure: str, models: dict[str, float | None], group: str = "all", **changes: Any) -> dict[str, Any]:
    estimates = {name: {"value": value, "interval": [0, 1], "n": 9} for name, value in models.items()}
    base = {"data": ["tiny"], "measure": measure, "difference": {}, "group": group, "estimates": estimates, "shown": {}}
    return {**base, **changes}


def values(records: list[dict[str, Any]]) -> dict[str, float]:
    return {one["key"]: one["value"] for one in samples(records, 1000, 2000)}


def test_a_run_writes_each_number_once(run: Finished) -> None:
    file = run.reports / "allure-results" / "demeanour-perf.json"
    found = json.loads(file.read_text())
    assert {one["key"]: one["value"] for one in found} == {"top1.tiny.sup": 0.8}
    assert {"id", "key", "value", "start", "stop"} <= found[0].keys()   # without these Allure drops a sample
    assert 1.6e12 < found[0]["start"] < found[0]["stop"]


def test_numbers_of_groups_and_numbers_beside_have_keys_of_their_own() -> None:
    shown = {"top1": {"a": 0.7}, "error_odds_ratio": {"a": 1.5}}
    assert values([record("error_ratio", {"a": 1.25}, "texture", shown=shown)]) == {
        "error_ratio.tiny.a.texture": 1.25,
        "error_odds_ratio.tiny.a.texture": 1.5,
        "top1.tiny.a": 0.7,   # accuracy has no such group: it is that of all images
    }
    assert values([record("shape_bias", {"a": 0.4})]) == {"shape_bias.tiny.a": 0.4}


def test_numbers_of_groups_that_a_data_set_names_have_keys_of_their_own() -> None:
    beside = {"cue_coverage": {"a": 0.6}}
    assert values([record("shape_bias", {"a": 0.4}, "zebra", shown=beside), record("shape_bias", {"a": 0.5})]) == {
        "shape_bias.tiny.a": 0.5, "shape_bias.tiny.a.zebra": 0.4, "cue_coverage.tiny.a.zebra": 0.6,
    }  # fmt: skip
    assert values([record("probe_task_accuracy", {"a": 0.7}, "dtd")]) == {"probe_task_accuracy.tiny.a.dtd": 0.7}


class Corrupted(Evidence):
    """Evidence on corrupted images that was never in a file."""

    def observations(self, model: str, data: str) -> Observations:
        return corrupted(model)

    def identity(self, model: str, data: str) -> str:
        return f"{model} {data}"


@pytest.mark.parametrize(("relation", "margin"), [("groups fall", 0.02), ("groups rise", 0.0)])
def test_a_number_of_a_curve_stands_with_the_point_that_it_is_of(
    tmp_path: Path, relation: str, margin: float
) -> None:
    options = write_small(tmp_path)
    cast = load_thresholds(options[1], tmp_path / "findings", ROOT / "thresholds").cast
    entry = finding("curve", measure="corruption_accuracy", data="made", relation=relation, margin=margin,
                    groups=[f"severity-{level}" for level in range(1, 6)], models={"architecture": "vit"})   # fmt: skip
    claim = Finding.model_validate({key: value for key, value in entry.items() if key != "compare"})
    case = Case("small.curve[sup]", claim, ("made",), "sup", (Comparison("", ((1, ("sup",)),)),))
    found = values([judge(case, Corrupted(cast, Store(tmp_path / "store"))).record()])
    (level,) = (int(key.removeprefix("corruption_accuracy.made.sup.severity-")) for key in found if "corr" in key)
    severity, right = (corrupted("sup").column(name) for name in ("severity", "correct"))
    assert found[f"corruption_accuracy.made.sup.severity-{level}"] == pytest.approx(right[severity == level].mean())


def test_what_was_not_measured_has_no_number() -> None:
    assert values([record("top1", {"a": None})]) == {}
    assert values([record("top1", {}, difference=None)]) == {}


def test_the_first_of_equal_keys_counts() -> None:
    both = [record("top1", {"a": 0.5}), record("signed_gap", {"a": 0.1}, shown={"top1": {"a": 0.5}})]
    assert values(both) == {"top1.tiny.a": 0.5, "signed_gap.tiny.a": 0.1}
    assert len(samples(both, 0, 1)) == 2


def test_values_of_another_version_have_another_trend(monkeypatch: pytest.MonkeyPatch) -> None:
    newer = {**MEASURES, "top1": replace(MEASURES["top1"], version=2)}
    monkeypatch.setattr(allure_metrics, "MEASURES", newer)
    assert values([record("top1", {"a": 0.5})]) == {"top1 v2.tiny.a": 0.5}


def test_small_numbers_are_scaled_and_the_title_says_so() -> None:
    one = samples([record("calibration_error", {"a": 0.000790212239})], 0, 1)[0]
    assert one["value"] == 7.90212239   # Allure shows three decimals
    assert one["groupTitle"] == "calibration_error (squared probability × 10,000; lower is better)"


def test_titles_and_directions_are_configured() -> None:
    found = samples([record("top1", {"a": 0.5}, shown={"signed_gap": {"a": 0.1}})], 0, 1)
    assert performance(found) == {
        "groups": {
            "top1": {"title": "top1 (fraction; higher is better)"},
            "signed_gap": {"title": "signed_gap (confidence − accuracy)"},
        },
        "metrics": {"top1.tiny.a": {"title": "a on tiny", "unit": "", "group": "top1", "better": "higher"}},
    }
    assert {one["key"]: one["better"] for one in found} == {"top1.tiny.a": "higher", "signed_gap.tiny.a": "neutral"}


def test_allure_knows_every_part_of_its_configuration() -> None:
    config = allurerc({"cast": "drawn", "outcome": "as expected"}, [], Path("history.jsonl"))
    assert config["name"] == "demeanour – cast drawn: as expected"
    assert config.keys() <= {   # Allure 3.18 refuses a configuration with any other key
        "name", "output", "open", "port", "hideLabels", "historyPath", "historyBaseUrl", "historyLimit", "resolutions",
        "plugins", "defaultLabels", "variables", "environment", "allowedEnvironments", "environments", "appendHistory",
        "qualityGate", "performance", "allureService", "categories", "globalAttachments", "resultsDir", "dump",
    }  # fmt: skip
    options = config["plugins"]["awesome"]["options"]
    assert (options["singleFile"], options["layout"], options["theme"]) == (True, "split", "auto")
    assert not {LABEL, "epic", "feature", "story", "verdict"} & set(config["hideLabels"])   # hidden, they'd not group
    json.dumps(config)


# --- nobody is called ------------------------------------------------------------------------------------------------

ANALYTICS = """
    <script async src="https://www.googletagmanager.com/gtag/js?id=G-123"></script>
    <script>
        window.dataLayer = window.dataLayer || [];
        function gtag(){dataLayer.push(arguments);}
    </script>
"""
PAGE = """<html><head><link rel="stylesheet" href="data:text/css;base64,AA"></head><body>
<script src="data:text/javascript;base64,AA"></script>%s<script>const own = "https://arxiv.org";</script></body></html>"""


def test_analytics_goes_and_nothing_else() -> None:
    assert without_analytics(PAGE % ANALYTICS) == PAGE % "\n    \n"
    assert without_analytics(PAGE % "") == PAGE % ""


@pytest.mark.parametrize(
    "left",
    [
        '<script>fetch("https://www.googletagmanager.com")</script>',
        "<script src=https://example.org/a.js></script>",
        '<script defer src="//example.org/a.js"></script>',
        '<link rel="stylesheet" href="http://example.org/a.css">',
    ],
)
def test_a_page_that_would_call_someone_is_refused(left: str) -> None:
    with pytest.raises(ReportError, match="would call someone"):
        without_analytics(PAGE % left)


# --- its history -----------------------------------------------------------------------------------------------------


def line(uuid: str) -> dict[str, Any]:
    return {"uuid": uuid, "testResults": {}, "metrics": {}}


def test_a_run_is_added_once_and_compared_with_earlier_runs_of_its_cast(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "history.jsonl"
    for name, cast in (("a", "drawn"), ("b", "quartet"), ("c", "drawn"), ("c", "drawn"), ("a", "drawn")):
        append(file, read_history(file), line(name), cast, f"run-{name}")
    history = read_history(file)
    assert [one["uuid"] for one in history.lines] == ["a", "b", "c"]
    assert [one["uuid"] for one in history.before("drawn", "run-new")] == ["a", "c"]
    assert [one["uuid"] for one in history.before("drawn", "run-c")] == ["a"]
    assert [one["uuid"] for one in history.before("quartet", "run-new")] == ["b"]


def test_a_run_is_compared_with_the_last_ones_only() -> None:
    lines = tuple(line(str(i)) for i in range(COMPARED + 5))
    found = History(lines, ()).before("drawn", "run-new")
    assert [one["uuid"] for one in found] == [one["uuid"] for one in lines[5:]]


def test_damaged_lines_cost_no_more_than_themselves(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    append(file, read_history(file), line("a"), "drawn", "run-a")
    with file.open("ab") as text:
        text.write(b'{"uuid": "b", "testRes\n\xff\xfe\n3\n{"uuid": "c"}\n\n')
    history = read_history(file)
    assert [one["uuid"] for one in history.lines] == ["a"]
    assert len(history.damaged) == 4
    append(file, history, line("d"), "drawn", "run-d")
    assert [one["uuid"] for one in read_history(file).lines] == ["a", "d"]
    assert read_history(file).damaged == ()
    assert set_aside(file).read_bytes().split(b"\n")[:4] == list(history.damaged)


def test_the_oldest_runs_go(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    rows = [json.dumps({**line(str(i)), "demeanour": {"cast": "x", "run": str(i)}}) for i in range(KEEP)]
    file.write_text("\n".join(rows))
    append(file, read_history(file), line("new"), "x", "new")
    found = [one["uuid"] for one in read_history(file).lines]
    assert (len(found), found[0], found[-1]) == (KEEP, "1", "new")


def test_a_run_is_known_by_its_files(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, names in ((one, "ab"), (other, "ba")):
        folder.mkdir()
        for name in names:
            (folder / f"{name}-result.json").write_text("{}")
    assert identity(one) == identity(other)
    (other / "c-result.json").write_text("{}")
    assert identity(one) != identity(other)


# --- the command -----------------------------------------------------------------------------------------------------

# stands for npx: remembers how it was called and writes what Allure would
NPX = """#!{python}
import json, pathlib, sys
arguments = sys.argv[1:]
if "--version" in arguments:
    print("{version}")
    sys.exit()
folder = pathlib.Path(__file__).parent
(folder / "called.json").write_text(json.dumps([arguments, sys.stdin.read()]))
{before}
config = json.loads(pathlib.Path(arguments[arguments.index("--config") + 1]).read_text())
history = pathlib.Path(config["historyPath"])
(folder / "before.txt").write_text(history.read_text())
with history.open("a") as file:
    file.write(json.dumps({{"uuid": "{uuid}", "testResults": {{}}}}) + "\\n")
output = pathlib.Path(arguments[arguments.index("--output") + 1])
assert not output.exists()
output.mkdir()
(output / "index.html").write_text({page!r})
"""


class Machine:
    """A folder of programs that is all of PATH, and results of a run."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.reports = folder / "bin", folder / "reports"
        self.results = self.reports / "allure-results"
        self.bin.mkdir()
        self.results.mkdir(parents=True)
        (self.results / "1-result.json").write_text("{}")
        (self.results / "environment.properties").write_text("cast=small\noutcome=as expected\n")

    def install(self, name: str = "npx", before: str = "", version: str = "0", page: str = PAGE % ANALYTICS) -> None:
        text = NPX.format(python=sys.executable, before=before, version=version, uuid="new", page=page)
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def report(self, *options: str) -> int:
        return main(["report", "--results", str(self.results), *options])

    @property
    def called(self) -> list[str]:
        arguments, stdin = json.loads((self.bin / "called.json").read_text())
        assert stdin == ""
        return list(arguments)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(made.bin))
    return made


def test_the_report_is_made_by_the_pinned_version(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.install()
    assert machine.report() == 0
    assert machine.called[:3] == ["--yes", PACKAGE, "generate"]
    assert machine.called[-1] == str(machine.results)
    html = (machine.reports / "allure.html").read_text()
    assert "googletagmanager" not in html
    assert html == PAGE % "\n    \n"
    assert sorted(path.name for path in machine.reports.iterdir()) == [
        "allure-history.jsonl", "allure-results", "allure.html",
    ]  # fmt: skip
    assert "1 results; 0 earlier runs of the cast" in capsys.readouterr().out


def test_the_same_results_stand_in_the_history_once(machine: Machine) -> None:
    machine.install()
    history = machine.reports / "allure-history.jsonl"
    assert machine.report() == machine.report() == 0
    assert len(history.read_text().splitlines()) == 1
    assert (machine.bin / "before.txt").read_text() == ""   # the run is not compared with itself
    (machine.results / "2-result.json").write_text("{}")
    assert machine.report() == 0
    assert len(history.read_text().splitlines()) == 2
    assert len((machine.bin / "before.txt").read_text().splitlines()) == 1


def test_a_proposed_change_leaves_the_history_as_it_is(machine: Machine, tmp_path: Path) -> None:
    machine.install()
    history, output = tmp_path / "kept" / "main.jsonl", tmp_path / "out" / "r.html"
    append(history, read_history(history), line("old"), "small", "run-old")
    before = history.read_bytes()
    assert machine.report("--no-append", "--history", str(history), "-o", str(output)) == 0
    assert history.read_bytes() == before
    assert json.loads((machine.bin / "before.txt").read_text())["uuid"] == "old"
    assert output.exists()
    assert not (machine.reports / "allure.html").exists()


def test_a_run_that_was_killed_is_no_part_of_the_history(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.install()
    (machine.results / "environment.properties").write_text("cast=small\noutcome=did not end\n")
    assert machine.report() == 0
    assert not (machine.reports / "allure-history.jsonl").exists()
    assert "the run was killed before its end" in capsys.readouterr().err


def test_a_damaged_history_does_not_stop_the_report(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.install()
    history = machine.reports / "allure-history.jsonl"
    history.write_text("{not json\n")
    assert machine.report() == 0
    assert "1 damaged lines left out, moved to" in capsys.readouterr().err
    assert len(read_history(history).lines) == 1


def test_without_node_the_message_says_what_to_install(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    (machine.reports / "allure.html").write_text("of the last time")
    assert machine.report() == 12
    told = capsys.readouterr().err
    assert "Node 20 or newer" in told
    assert "summary.html" in told
    assert (machine.reports / "allure.html").read_text() == "of the last time"


@pytest.mark.parametrize("version", ["2.34.1", "3.16.2", "4.0.0", "nothing of the kind"])
def test_an_allure_of_another_version_is_left_alone(machine: Machine, version: str) -> None:
    machine.install("allure", version=version)
    assert machine.report() == 12
    machine.install("npx")
    assert machine.report() == 0
    assert machine.called[0] == "--yes"


def test_an_installed_allure_that_is_new_enough_is_used(machine: Machine) -> None:
    machine.install("npx", before="sys.exit('not me')")
    machine.install("allure", version="3.17.0")
    assert machine.report() == 0
    assert machine.called[0] == "generate"


def test_what_npx_says_when_it_fails_is_told(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.install(before="print('npm error code ENOTFOUND'); sys.exit(7)")
    assert machine.report() == 12
    told = capsys.readouterr().err
    assert "failed with exit code 7" in told
    assert "npm error code ENOTFOUND" in told
    assert "summary.html" in told
    assert not (machine.reports / "allure-history.jsonl").exists()


def test_success_without_a_report_is_a_failure(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.install(before="sys.exit(0)")
    assert machine.report() == 12
    assert "made no report" in capsys.readouterr().err


def test_a_program_that_does_not_end_is_ended_with_its_children(machine: Machine) -> None:
    machine.install(before="import subprocess; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])")
    with pytest.raises(ReportError, match="did not end within 2 s"):
        make_report(
            machine.results, machine.reports / "a.html", machine.reports / "h.jsonl", keep=True, patience=2,
        )  # fmt: skip


def test_a_program_that_cannot_start_is_told(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    (machine.bin / "npx").write_text("#!/nowhere/python\n")
    (machine.bin / "npx").chmod(0o755)
    assert machine.report() == 12
    assert "cannot be started" in capsys.readouterr().err


def test_a_report_that_would_call_someone_is_not_written(machine: Machine) -> None:
    machine.install(page=PAGE % '<script src="https://example.org/a.js"></script>')
    assert machine.report() == 12
    assert not (machine.reports / "allure.html").exists()
    assert not (machine.reports / "allure-history.jsonl").exists()


@pytest.mark.parametrize("there", [True, False])
def test_without_results_the_message_says_to_run_pytest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], there: bool
) -> None:
    results = tmp_path / "allure-results"
    if there:
        results.mkdir()
    assert main(["report", "--results", str(results)]) == 12
    assert "run `pytest behaviours/` first" in capsys.readouterr().err


def test_a_new_run_removes_the_report_of_the_last_one(suite: Suite, tmp_path: Path) -> None:
    reports = tmp_path / "reports-run-0"
    reports.mkdir()
    for name in ("allure.html", "allure-history.jsonl"):
        (reports / name).write_text("old")
    suite(*write_small(tmp_path), "-k", "better")
    assert not (reports / "allure.html").exists()
    assert (reports / "allure-history.jsonl").read_text() == "old"


@pytest.mark.skipif(
    not os.environ.get("DEMEANOUR_NPX") or shutil.which("npx") is None,
    reason="makes a real report with Node, which may download it: set DEMEANOUR_NPX=1",
)
def test_the_real_report(run: Finished) -> None:
    arguments = ["report", "--results", str(run.reports / "allure-results")]
    assert main(arguments) == 0
    html = (run.reports / "allure.html").read_text()
    assert len(html) > 1_000_000
    assert "googletagmanager" not in html
    history = read_history(run.reports / "allure-history.jsonl")
    assert len(history.lines) == 1
    assert len(history.lines[0]["testResults"]) == 7
    assert history.lines[0]["metrics"] == {"top1.tiny.sup": 0.8}
    assert main(arguments) == 0
    assert len(read_history(run.reports / "allure-history.jsonl").lines) == 1


def test_the_documentation_names_every_category_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
    rows = [row.split("|")[1].strip() for row in text.splitlines() if row.startswith("|")]
    names = [one["name"] for one in categories()]
    assert [row for row in rows if row in names] == names
    with pytest.raises(SystemExit):
        main(["report", "--help"])
    known = set(re.findall(r"(?<!\w)--?[a-z][a-z-]*", capsys.readouterr().out)) - {"--help", "-h", "--output"}
    assert {row.strip("`").split()[0] for row in rows if row.startswith("`-")} == known
    for number in (str(KEEP), str(COMPARED), PACKAGE.partition("@")[2]):
        assert number in text
