"""Verdicts and pictures are remembered as long as what they follow from is the same, and no longer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demeanour.evidence import predictions as predictions_module
from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import Store, code_hash
from demeanour.findings.thresholds import load_thresholds
from demeanour.reporting import picture as picture_module
from demeanour.reporting.picture import picture
from demeanour.statistics.zones import LEVEL
from demeanour.verdicts import judge as judge_module
from demeanour.verdicts.decision import Decision, from_text, to_text
from demeanour.verdicts.judge import judge
from demeanour.verdicts.verdict import Difference, Estimate, Part, Verdict
from tests.small_cast import FINDINGS, finding, write_small
from tests.suite_run import ROOT, Suite

CALIBRATED = finding("calibrated", measure="calibration_error", relation="left < right")


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the cases that were decided anew."""
    found: list[str] = []
    decide = judge_module.decide

    def told(case: Any, *rest: Any) -> Any:
        found.append(case.id)
        return decide(case, *rest)

    monkeypatch.setattr(judge_module, "decide", told)
    return found


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The measures of the pictures that were drawn anew."""
    found: list[str] = []
    plot = picture_module.plot

    def told(verdict: Verdict, *rest: Any) -> str:
        found.append(verdict.measure)
        return plot(verdict, *rest)

    monkeypatch.setattr(picture_module, "plot", told)
    return found


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., dict[str, Verdict]]:
    """Judges and draws the small cast's four cases as a new process would, with nothing but the store.

    Two of the cases compare the same with the same margin, and share a picture.
    """

    def judged(**changes: Any) -> dict[str, Verdict]:
        if changes:
            write_small(tmp_path, **changes)
        loaded = load_thresholds(str(tmp_path / "small.yaml"), tmp_path / "findings", ROOT / "thresholds")
        evidence = Evidence(loaded.cast, Store(tmp_path / "store", notices.append))
        found = {}
        for case in loaded.cases.values():
            found[case.id] = judge(case, evidence)
            picture(found[case.id], case, evidence)
        return found

    notices: list[str] = []
    judged.notices = notices
    write_small(tmp_path, findings=[*FINDINGS, CALIBRATED])
    return judged


def test_a_second_run_decides_and_draws_nothing_and_says_the_same(
    run: Callable[..., dict[str, Verdict]], decided: list[str], drawn: list[str]
) -> None:
    first = run()
    assert (len(decided), len(drawn)) == (4, 3)
    assert run() == first
    assert (len(decided), len(drawn)) == (4, 3)


def test_other_predictions_are_decided_anew(
    run: Callable[..., dict[str, Verdict]], decided: list[str], drawn: list[str], tmp_path: Path
) -> None:
    first = run()
    table = tmp_path / "clip.csv"
    rows = table.read_text().splitlines()
    name, predicted, confidence = rows[1].split(",")
    table.write_text("\n".join([rows[0], f"{name},{(int(predicted) + 1) % 10},{confidence}", *rows[2:]]) + "\n")
    again = run()
    assert (len(decided), len(drawn)) == (8, 6)
    assert again["small.better[vit]"].difference != first["small.better[vit]"].difference


@pytest.mark.parametrize("change", ["labels", "images"])
def test_other_labels_or_another_size_are_never_answered_from_memory(
    run: Callable[..., dict[str, Verdict]], tmp_path: Path, change: str
) -> None:
    assert run()["small.better[vit]"].verdict == "holds"
    if change == "labels":   # two images change their labels
        text = (tmp_path / "labels.csv").read_text().splitlines()
        text[1], text[2] = (f"{row.split(',')[0]},{(int(row.split(',')[1]) + 1) % 10}" for row in text[1:3])
        (tmp_path / "labels.csv").write_text("\n".join(text) + "\n")
        assert run()["small.better[vit]"].difference is not None
    else:
        cast = (tmp_path / "small.yaml").read_text()
        (tmp_path / "small.yaml").write_text(cast.replace("images: 400", "images: 399"))
        assert run()["small.better[vit]"].verdict == "not measured"
    (tmp_path / "labels.csv").unlink()
    assert run()["small.better[vit]"].verdict == "not measured"


def test_another_margin_decides_its_finding_only(
    run: Callable[..., dict[str, Verdict]], decided: list[str]
) -> None:
    run()
    decided.clear()
    run(findings=[FINDINGS[0], {**FINDINGS[1], "margin": 0.01}, FINDINGS[2], CALIBRATED])
    assert decided == ["small.worse[vit]"]


def test_an_expectation_is_no_part_of_what_the_data_say(
    run: Callable[..., dict[str, Verdict]], decided: list[str]
) -> None:
    assert run()["small.worse[vit]"].as_expected
    decided.clear()
    again = run(expect={}, findings=[*FINDINGS, CALIBRATED])
    assert not decided
    assert not again["small.worse[vit]"].as_expected


def test_other_code_decides_anew(
    run: Callable[..., dict[str, Verdict]], decided: list[str], drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    monkeypatch.setattr("demeanour.verdicts.decision.code_of_decisions", lambda: "newer")
    run()
    assert (len(decided), len(drawn)) == (8, 3)
    monkeypatch.setattr("demeanour.reporting.picture._code", lambda: "newer")
    run()
    assert (len(decided), len(drawn)) == (8, 6)


def test_the_hash_of_code_follows_its_files(tmp_path: Path) -> None:
    assert code_hash("measures") != code_hash("statistics")
    assert code_hash("measures") == code_hash("measures")
    assert code_hash("reporting/plots.py") != code_hash("reporting/style.py")


@pytest.mark.parametrize("kind", ["decisions", "pictures"])
@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "binary"])
def test_what_was_damaged_is_made_anew_and_said_so(
    run: Callable[..., dict[str, Verdict]], tmp_path: Path, kind: str, damage: str
) -> None:
    first = run()
    for path in (tmp_path / "store" / kind).iterdir():
        text = path.read_text()
        wrong = {"cut": text[:-5], "changed": text.replace("1", "2"), "empty": ""}.get(damage, "")
        path.write_bytes(b"\xff\xfe\x00" if damage == "binary" else wrong.encode())
    assert run() == first
    damaged = {"decisions": 4, "pictures": 3}[kind]
    assert sum("made anew" in notice for notice in run.notices) == damaged
    assert run() == first


def test_a_decision_under_another_name_is_no_answer(run: Callable[..., dict[str, Verdict]], tmp_path: Path) -> None:
    first = run()
    kept = {path.read_text().partition("\n")[2]: path for path in (tmp_path / "store" / "decisions").iterdir()}
    holds = next(path for text, path in kept.items() if '"verdict": "holds"' in text)
    violated = next(path for text, path in kept.items() if '"verdict": "violated"' in text)
    violated.write_text(holds.read_text())
    assert run() == first
    assert any("damaged" in notice for notice in run.notices)


def test_a_file_that_is_replaced_while_it_is_hashed_is_found_to_have_changed(
    run: Callable[..., dict[str, Verdict]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_hash = predictions_module.file_hash

    def hashed_then_replaced(path: Path) -> str:
        digest = file_hash(path)
        if path.name == "sup.csv":
            path.write_text((tmp_path / "clip.csv").read_text())
        return digest

    monkeypatch.setattr(predictions_module, "file_hash", hashed_then_replaced)
    assert {one.verdict for one in run().values()} == {"not measured"}


def test_a_file_that_changes_during_a_run_decides_nothing_and_is_not_remembered(
    run: Callable[..., dict[str, Verdict]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = (tmp_path / "sup.csv").read_text()
    decide = judge_module.decide

    def swapped(case: Any, *rest: Any) -> Any:
        (tmp_path / "sup.csv").write_text((tmp_path / "clip.csv").read_text())
        return decide(case, *rest)

    monkeypatch.setattr(judge_module, "decide", swapped)
    found = run()
    assert {one.verdict for one in found.values()} == {"not measured"}
    assert "changed during the run" in found["small.better[vit]"].reason
    monkeypatch.setattr(judge_module, "decide", decide)
    (tmp_path / "sup.csv").write_text(honest)
    assert run()["small.better[vit]"].verdict == "holds"


def test_what_could_not_be_measured_is_tried_again(
    run: Callable[..., dict[str, Verdict]], tmp_path: Path, decided: list[str]
) -> None:
    table = (tmp_path / "clip.csv").read_bytes()
    (tmp_path / "clip.csv").unlink()
    assert {one.verdict for one in run().values()} == {"not measured"}
    (tmp_path / "clip.csv").write_bytes(table)
    assert "not measured" not in {one.verdict for one in run().values()}


def test_a_store_that_cannot_be_written_changes_no_verdict(
    run: Callable[..., dict[str, Verdict]], tmp_path: Path
) -> None:
    first = run()
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    (tmp_path / "store").write_text("a file where a folder should be")
    assert run() == first
    assert any("cannot be" in notice for notice in run.notices)


def test_a_decision_survives_as_text_to_the_last_digit() -> None:
    whole = Decision(
        "undecided", "because − ±", LEVEL,
        {"b": Estimate(1 / 3, (float("-inf"), 0.1 + 0.2), 7), "a": Estimate(0.0, (0.0, 1.0), 7)},
        Difference(1e-17, (-1e300, 2 / 7), 0.0, "all", "m", (0.1, 0.3)),
        (Part("g", None, None, 0.0, "not measured", 3, counts=False), Part("h", 1.5, (1.0, 2.0), 0.0, "holds", 9)),
        {"ece": {"a": 0.1}},
    )  # fmt: skip
    assert from_text(to_text(whole)) == whole
    assert list(from_text(to_text(whole)).estimates) == ["b", "a"]
    small = Decision("holds", "r")
    assert from_text(to_text(small)) == small


def test_a_warm_run_of_the_suite_imports_no_plotting(tmp_path: Path) -> None:
    """No worker loads what it does not need: matplotlib is the slowest of all imports."""
    options = write_small(tmp_path)
    told = tmp_path / "told.py"
    told.write_text(
        "import sys\n"
        "def pytest_sessionfinish():\n"
        "    print('drawing' if 'matplotlib' in sys.modules else 'no drawing', 'torch' in sys.modules)\n"
    )
    environment, suite = {"PYTHONPATH": str(tmp_path)}, Suite(tmp_path)
    cold = suite(*options, "-p", "told", "-s", name="cold", **environment)
    warm = suite(*options, "-p", "told", "-s", name="warm", **environment)
    assert "drawing False" in cold.output
    assert "no drawing False" not in cold.output
    assert "no drawing False" in warm.output
    assert cold.verdicts["verdicts"] == warm.verdicts["verdicts"]
