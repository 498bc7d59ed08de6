"""What a run leaves behind: the same whatever the number of workers, and readable."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from demeanour.files import write_whole
from tests.small_cast import FINDINGS, finding, write_small
from tests.suite_run import Finished, Suite

KEYS = {
    "id", "finding", "data", "strength", "expected", "verdict", "measure", "unit", "level", "estimates", "difference",
    "parts", "published", "reason",
}  # fmt: skip


def results(run: Finished) -> dict[str, dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in (run.reports / "allure-results").glob("*-result.json")]
    return {next(p["value"] for p in result["parameters"] if p["name"] == "case"): result for result in found}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> list[Finished]:
    """The same small cast, serially and with workers; one verdict of each kind."""
    folder = tmp_path_factory.mktemp("runs")
    suite = Suite(folder, pictures)
    close = finding("close", relation="left ~ right", margin=0.15)
    calibrated = finding("calibrated", measure="calibration_error", relation="left < right")
    options = write_small(folder, findings=[*FINDINGS, close, calibrated], expect={})
    return [suite(*options, workers=workers) for workers in (0, 2)]


def test_the_number_of_workers_changes_nothing(runs: list[Finished]) -> None:
    serial, parallel = runs
    assert (serial.code, parallel.code) == (1, 1)
    assert serial.verdicts["verdicts"] == parallel.verdicts["verdicts"]
    one, other = results(serial), results(parallel)
    assert one.keys() == other.keys()
    for case, result in one.items():
        for key in ("name", "status", "fullName", "historyId", "testCaseId", "descriptionHtml"):
            assert result[key] == other[case][key], key


def test_verdicts_json_has_the_documented_keys(runs: list[Finished]) -> None:
    content = runs[0].verdicts
    assert {"schema", "cast", "outcome", "exit", "candidate", "baseline", "run", "verdicts"} <= content.keys()
    assert {"versions", "command", "started", "seconds"} <= content["run"].keys()
    for verdict in content["verdicts"]:
        assert verdict.keys() >= KEYS
    better = next(v for v in content["verdicts"] if v["finding"] == "small.better")
    assert better["estimates"]["sup"] == {"value": 0.8, "interval": better["estimates"]["sup"]["interval"], "n": 400}
    assert better["difference"]["value"] == pytest.approx(0.15)
    assert better["difference"]["interval"][0] > better["difference"]["margin"] == 0
    assert (better["level"], better["data"], better["unit"]) == (0.9, ["tiny"], "fraction")


def test_each_verdict_is_one_allure_result_that_shows_all_without_a_click(runs: list[Finished]) -> None:
    found = results(runs[1])
    assert set(found) == set(runs[1].words)
    status = {"small.better[vit]": "passed", "small.worse[vit]": "failed", "small.close[vit]": "skipped"}
    assert {case: found[case]["status"] for case in status} == status
    result = found["small.better[vit]"]
    labels = {(label["name"], label["value"]) for label in result["labels"]}
    assert ("epic", "ConvNet vs Transformer, Supervised vs CLIP: Beyond ImageNet Accuracy") in labels
    assert {("story", "T1 Claim better."), ("ALLURE_ID", "small.better[vit]"), ("dataset", "tiny")} <= labels
    assert {("feature", "§3.3 Small"), ("model", "sup"), ("model", "clip"), ("verdict", "holds")} <= labels
    assert result["links"][0]["url"] == "https://arxiv.org/abs/2311.09215"
    html = result["descriptionHtml"]
    for words in ("Claim better.", "supervised models are better calibrated", "margin 0", "+0.1500", "Cast small"):
        assert words in html
    image = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    assert image is not None
    assert ElementTree.fromstring(base64.b64decode(image[1])).tag.endswith("svg")
    assert "failed" not in result["name"]


def test_the_environment_names_cast_and_outcome(runs: list[Finished]) -> None:
    text = (runs[0].reports / "allure-results" / "environment.properties").read_text()
    assert {"cast=small", "outcome=violation", "exit=1"} <= set(text.splitlines())


def test_the_summary_says_first_what_contradicts(runs: list[Finished]) -> None:
    text = (runs[0].reports / "summary.md").read_text()
    assert text.startswith("# Violation – cast `small` (exit 1)")
    contradicting = text.index("## What contradicts the expectation")
    assert contradicting < text.index("small.worse[vit]") < text.index("## What the data could not decide")
    folded = text.index("<details>")
    assert "| ✘ | violated – but expected: holds | T1 `small.worse[vit]` |" in text[folded:]
    assert "## All" not in text


def test_the_summary_says_how_many_images_would_decide(runs: list[Finished]) -> None:
    text = (runs[0].reports / "summary.md").read_text()
    section = text[text.index("## What the data could not decide") : text.index("<details>")]
    rows = [line for line in section.splitlines() if "`small.close[vit]`" in line]
    assert len(rows) == 1
    start, *_, told, needed = rows[0].strip("| ").split(" | ")
    assert (start, needed) == ("T1 `small.close[vit]`", "no number would, if the estimate stayed")
    assert 0 < float(told) < 0.1


def test_what_is_missing_is_told_once_and_never_obeyed(suite: Suite, tmp_path: Path) -> None:
    folder = tmp_path / "<b>|"
    folder.mkdir()
    options = write_small(folder)
    (folder / "clip.csv").unlink()
    text = (suite(*options).reports / "summary.md").read_text()
    section = text[text.index("## What could not be measured") : text.index("<details>")]
    assert section.count("clip.csv is missing") == 1
    assert section.count("`small.") == 3
    assert "&lt;b>" in section
    assert "<b>" not in section


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "new" / "summary.md"
    write_whole(file, "what was – ")
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "what is" * 10_000 + "\ud800")
    assert file.read_text(encoding="utf-8") == "what was – "


def test_results_of_an_older_run_are_gone(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path)
    assert set(results(suite(*options))) == {"small.better[vit]", "small.worse[vit]", "small.alike[vit]"}
    again = suite(*options, "-k", "better", "--clean-alluredir", workers=0)
    assert set(results(again)) == {"small.better[vit]"}


def test_cleaning_with_workers_loses_nothing(suite: Suite, tmp_path: Path) -> None:
    run = suite(*write_small(tmp_path), "--clean-alluredir", workers=2)
    assert set(results(run)) == set(run.words)


def test_a_folder_that_the_user_names_for_allure_is_kept(suite: Suite, tmp_path: Path) -> None:
    own = tmp_path / "mine"
    own.mkdir()
    (own / "other.txt").write_text("kept")
    run = suite(*write_small(tmp_path), "--alluredir", str(own))
    assert run.code == 0
    assert (own / "other.txt").read_text() == "kept"
    assert len(list(own.glob("*-result.json"))) == 3
    assert not (run.reports / "allure-results").exists()


def test_junit_xml_stays_short_and_says_why(suite: Suite, tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    run = suite(*write_small(tmp_path, expect={}), "--junitxml", str(file))
    assert run.code == 1
    failures = ElementTree.parse(file).getroot().findall(".//failure")
    assert len(failures) == 1
    assert "VIOLATED, BUT EXPECTED: HOLDS" in (failures[0].get("message") or "")
    assert file.stat().st_size < 5000


def test_damaged_evidence_is_read_anew_and_said_so(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path)
    cache = tmp_path / "own-cache"
    assert suite(*options, DEMEANOUR_CACHE=str(cache)).code == 0
    stored = sorted((cache / "predictions").glob("*.parquet"))
    stored[0].write_bytes(stored[0].read_bytes()[:-100])
    shutil.rmtree(cache / "decisions")   # what is remembered does not ask for the tables
    run = suite(*options, workers=1, DEMEANOUR_CACHE=str(cache))
    assert run.code == 0
    assert f"note: {stored[0]} was damaged or not ours; it is made anew" in run.output
    assert len(run.verdicts["run"]["notes"]) == 1


def test_a_team_s_own_findings_need_no_python(runs: list[Finished]) -> None:
    assert "behaviours/test_findings.py" in runs[0].output
    assert len(runs[0].words) == 5
