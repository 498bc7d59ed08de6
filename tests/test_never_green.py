"""Ways in which a gate might turn green, or red, by mistake; each was found by trying, and stays shut."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from demeanour.cli import main
from demeanour.errors import EvidenceError
from demeanour.evidence.formats import Order, find_format
from demeanour.evidence.observations import Observations
from demeanour.evidence.store import Store
from demeanour.evidence.table import prediction_table
from demeanour.findings.thresholds import examine
from demeanour.measures.registry import MEASURES
from demeanour.reporting.figures.looks import look
from demeanour.reporting.plots import plot
from demeanour.statistics.zones import ALPHA
from demeanour.verdicts.contrast import Term, contrast
from demeanour.verdicts.verdict import Difference, Estimate, Verdict
from tests.small_cast import FINDINGS, finding, write_small
from tests.suite_run import ROOT, Suite


def test_a_section_that_is_called_findings_is_judged(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path, expect={}, findings=[finding("better")])
    wrong = {**finding("worse", relation="left < right"), "id": "findings.worse"}
    (tmp_path / "findings" / "findings.yaml").write_text(yaml.safe_dump([wrong]))
    run = suite(*options)
    assert run.code == 1
    assert run.words["findings.worse[vit]"] == "violated"


def test_a_findings_file_with_another_ending_is_no_silence(tmp_path: Path) -> None:
    write_small(tmp_path)
    (tmp_path / "findings" / "more.yml").write_text(yaml.safe_dump([finding("more")]))
    problems = examine(str(tmp_path / "small.yaml"), tmp_path / "findings", ROOT / "thresholds")[2]
    assert [str(problem) for problem in problems if "more.yml" in str(problem)]
    assert "name it more.yaml" in str(problems[0])


@pytest.mark.parametrize("word", ["Supervised", "supervisd"])
def test_a_misspelt_role_does_not_take_a_model_out_of_the_gate(tmp_path: Path, word: str) -> None:
    write_small(tmp_path, expect={})
    file = tmp_path / "small.yaml"
    file.write_text(file.read_text().replace("paradigm: supervised", f"paradigm: {word}"))
    problems = examine(str(file), tmp_path / "findings", ROOT / "thresholds")[2]
    assert any(f"no finding selects the paradigm '{word}'; did you mean 'supervised'?" in str(p) for p in problems)


def test_a_case_that_ends_without_a_verdict_is_a_broken_suite(suite: Suite, tmp_path: Path) -> None:
    (tmp_path / "skip_some.py").write_text(
        "import pytest\n"
        "def pytest_collection_modifyitems(items):\n"
        "    for item in items:\n"
        "        if 'worse' in item.nodeid: item.add_marker(pytest.mark.skip)\n"
    )
    run = suite(*write_small(tmp_path), "-p", "skip_some", PYTHONPATH=str(tmp_path))
    assert run.code == 13
    assert "without a verdict" in run.output


@pytest.mark.parametrize("workers", [0, 2])
def test_stopping_at_the_first_violation_exits_1(suite: Suite, tmp_path: Path, workers: int) -> None:
    run = suite(*write_small(tmp_path, expect={}), "-x", workers=workers)
    assert run.code == 1
    assert run.verdicts["exit"] == 1


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("options", [["-k", "a b"], ["behaviours/test_nowhere.py"]])
def test_a_wrong_selection_exits_12(suite: Suite, tmp_path: Path, workers: int, options: list[str]) -> None:
    run = suite(*write_small(tmp_path), *options, workers=workers)
    assert run.code == 12
    assert run.verdicts["exit"] == 12


def test_reports_that_cannot_be_written_are_no_violation(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path)
    (tmp_path / "reports-file-0").write_text("in the way")
    run = suite(*options, name="file")
    assert run.code == 12
    assert "cannot be written" in run.output


def test_a_run_without_allure_s_plugin_judges_all_the_same(suite: Suite, tmp_path: Path) -> None:
    run = suite(*write_small(tmp_path), "-p", "no:allure_pytest")
    assert run.code == 0, run.output
    assert len(run.words) == 3


def test_the_suite_runs_through_a_link(suite: Suite, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(ROOT)
    options = write_small(tmp_path)
    reports = tmp_path / "linked"
    command = [sys.executable, "-m", "pytest", str(tmp_path / "link" / "behaviours"), "-q", "--reports", str(reports)]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert (reports / "verdicts.json").is_file()


def test_the_printed_command_reproduces_the_verdict(suite: Suite, tmp_path: Path) -> None:
    run = suite(*write_small(tmp_path, expect={}))
    line = next(text for text in run.output.splitlines() if "reproduce: " in text)
    command = line.split("reproduce: pytest ")[1]
    again = subprocess.run(
        f"{sys.executable} -m pytest {command} --reports {tmp_path / 'again'} -q",
        shell=True, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert again.returncode == 1
    assert "small.worse[vit]" in again.stdout
    assert "1 failed" in again.stdout


def test_names_that_no_font_knows_are_no_reason_to_fail(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path)
    file = tmp_path / "small.yaml"
    file.write_text(file.read_text().replace("\n  sup:", '\n  "模型 🙂 $a_$b":'))
    run = suite(*options, workers=1)
    assert run.code == 0, run.output
    assert "模型 🙂 $a_$b" in (run.reports / "verdicts.json").read_text()


def small_groups(tmp_path: Path, **changes: object) -> list[str]:
    one = {"models": {"model": "sup"}, "relation": "value > bound", "bound": -0.9, "groups": "every"}
    claim = finding("bins", measure="bin_gap", **one, **changes)
    del claim["compare"]
    return write_small(tmp_path, findings=[*FINDINGS, claim])


def test_fewer_groups_than_must_hold_are_undecided(suite: Suite, tmp_path: Path) -> None:
    assert suite(*small_groups(tmp_path, at_least=2)).words["small.bins[sup]"] == "holds"
    run = suite(*small_groups(tmp_path, at_least=2, min_n=70), name="few")
    assert run.words["small.bins[sup]"] == "undecided"
    assert run.code == 10


def test_a_named_group_without_images_is_not_measured(suite: Suite, tmp_path: Path) -> None:
    run = suite(*small_groups(tmp_path, min_n=5), name="all")
    assert run.words["small.bins[sup]"] == "holds"
    options = small_groups(tmp_path, min_n=5)
    file = tmp_path / "findings" / "small.yaml"
    file.write_text(file.read_text().replace("groups: every", "groups: [bin-12, bin-02]"))
    run = suite(*options, name="named")
    assert run.words["small.bins[sup]"] == "not measured"
    assert "no image of tiny belongs to the group 'bin-02'" in run.output


def observed(name: str, confidence: np.ndarray, correct: np.ndarray) -> Observations:
    ids = np.asarray([f"{i:05d}" for i in range(len(correct))])
    labels = np.zeros(len(correct), dtype=np.int64)
    columns = {"confidence": confidence, "prediction": (~correct).astype(np.int64), "label": labels}
    return Observations(name, "set", ids, columns, (), {})


def test_a_calibrated_model_with_few_errors_is_not_called_underconfident() -> None:
    rng = np.random.default_rng(0)
    called = 0
    for _ in range(300):
        confidence = rng.uniform(0.97, 1, size=100)
        one = observed("one", confidence, rng.random(100) < confidence)
        limits = contrast(MEASURES["signed_gap"], (Term(1, one, "all"),)).limits
        called += limits.upper(ALPHA) < 0
    assert called / 300 <= ALPHA + 2 * np.sqrt(ALPHA * (1 - ALPHA) / 300)


def test_two_models_that_are_always_right_are_not_told_apart() -> None:
    rng = np.random.default_rng(0)
    one, other = (observed(name, rng.uniform(0.9, 1, size=12), np.ones(12, dtype=bool)) for name in ("one", "other"))
    limits = contrast(MEASURES["signed_gap"], (Term(1, one, "all"), Term(-1, other, "all"))).limits
    assert limits.lower(ALPHA) < 0 < limits.upper(ALPHA)


def test_probabilities_are_not_taken_for_logits(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(6), size=30)
    file = tmp_path / "soft.npz"
    np.savez(file, logits=probabilities, ids=[f"{i}.jpg" for i in range(30)])
    with pytest.raises(EvidenceError, match="holds probabilities"):
        find_format(file, None).read(file, Order(), 6)


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "twice.csv"
    file.write_text("id,prediction,prediction\na,1,2\n")
    with pytest.raises(EvidenceError, match="'prediction' stands twice"):
        find_format(file, None).read(file, Order(), 6)


def test_a_cache_that_cannot_be_written_costs_time_not_the_verdict(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    told: list[str] = []
    made = prediction_table(np.asarray(["a"]), {"prediction": np.asarray([1])}, 3, "here")
    table = Store(tmp_path / "file" / "cache", told.append).table("key", {}, lambda: made)
    assert table is made
    assert "cannot be written" in told[0]


def test_more_models_than_colours_are_drawn() -> None:
    rng = np.random.default_rng(0)
    many = [observed(f"model-{i}", rng.random(50), rng.random(50) < 0.5) for i in range(9)]
    for one in many:
        codes = rng.integers(16, size=50)
        one.columns.update(shape=codes, texture=(codes + 1) % 16, prediction=codes)
    found = Verdict(
        id="x", finding="x", data=("set",), strength="A", expected="holds", verdict="holds", measure="shape_bias",
        unit="fraction", reason="", label="x", claim="x", estimates={"model-0": Estimate(0.5, (0.4, 0.6), 50)},
        difference=Difference(0.1, (0, 0.2), 0, "all", "exact"),
    )  # fmt: skip
    looks = {one.model: look(index) for index, one in enumerate(many)}
    assert plot(found, many, looks).startswith("<svg")


@pytest.mark.parametrize(
    "arguments",
    [["--images", "-5", "--classes", "3"], ["--images", "3", "--classes", "1"]],
)
def test_impossible_sizes_are_told_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    write_small(tmp_path)
    command = ["import", str(tmp_path / "sup.csv"), "--data", "mine", "-o", str(tmp_path / "x.parquet")]
    assert main([*command, *arguments]) == 12
    assert "greater than" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "DEMEANOUR_CACHE": str(tmp_path)}
    command = f"{sys.executable} -m demeanour.cli plan | head -1; test ${{PIPESTATUS[0]}} -eq 0"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_plan_misses_labels_as_well_as_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = write_small(tmp_path)
    (tmp_path / "labels.csv").unlink()
    assert main(["plan", *options]) == 11
    assert "labels and annotations of tiny: MISSING:" in capsys.readouterr().out
