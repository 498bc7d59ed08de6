"""What runs leave to later ones: the history, what changed since the last run, and the command that reads it."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from demeanour.cli import main
from demeanour.commands.history import sparkline
from demeanour.measures.registry import MEASURES
from demeanour.reporting import history
from demeanour.reporting.changes import compare
from demeanour.reporting.history import PastRun, append, newest_first, past_run
from demeanour.verdicts.words import number
from tests.small_cast import FINDINGS, WORSE_AS_EXPECTED, write_small
from tests.suite_run import Finished, Suite

VERDICT_KEYS = {
    "id", "verdict", "expected", "measure", "measure_version", "data", "group", "difference", "estimates", "shown",
}  # fmt: skip


def lines(run: Finished) -> list[dict[str, Any]]:
    text = (run.reports / "history.jsonl").read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def told(run: Finished) -> str:
    """What the terminal says of the last run."""
    return next((line for line in run.output.splitlines() if line.startswith("since the last run")), "")


def answer(folder: Path, model: str, right: int) -> None:
    """Make a model right on the first so many of the 400 images."""
    labels = [line.split(",")[1] for line in (folder / "labels.csv").read_text().split()[1:]]
    header, *rows = (folder / f"{model}.csv").read_text().split()
    new = []
    for index, (row, label) in enumerate(zip(rows, labels, strict=True)):
        name, _, confidence = row.split(",")
        new.append(f"{name},{label if index < right else (int(label) + 1) % 10},{confidence}")
    (folder / f"{model}.csv").write_text("\n".join([header, *new]) + "\n")


def a_run(cast: str = "small", value: float = 0.5, **changes: Any) -> PastRun:
    estimate = {"value": value, "interval": [value - 0.1, value + 0.1], "n": 400}
    record = {
        "id": "small.own[sup]", "verdict": "holds", "expected": "holds", "measure": "top1", "measure_version": 1,
        "data": ["tiny"], "group": "all", "estimates": {"sup": estimate}, "shown": {"ece": {"sup": 0.1}},
        "difference": {"value": value, "interval": [value - 0.1, value + 0.1], "margin": 0.0, "group": "all"},
    }  # fmt: skip
    facts = {"started": "2026-01-31T12:00:00+00:00", "cast": cast, "outcome": "as expected", "exit": 0,
             "command": "pytest", "versions": {"numpy": "2"}}  # fmt: skip
    return past_run([{**record, **changes}], ["small.own[sup]"], **facts)


def test_a_finished_run_adds_one_line(suite: Suite, tmp_path: Path) -> None:
    run = suite(*write_small(tmp_path))
    (line,) = lines(run)
    assert line.keys() == {
        "schema", "run", "started", "cast", "outcome", "exit", "command", "versions", "not_judged", "verdicts",
    }  # fmt: skip
    assert (line["schema"], line["cast"], line["outcome"], line["exit"]) == (1, "small", "as expected", 0)
    assert line["started"] == run.verdicts["run"]["started"]
    assert line["versions"] == run.verdicts["run"]["versions"]
    assert [verdict["id"] for verdict in line["verdicts"]] == list(run.words)
    better, full = line["verdicts"][0], run.verdicts["verdicts"][0]
    assert better.keys() == VERDICT_KEYS
    assert better["estimates"] == full["estimates"]
    assert better["difference"] == {key: full["difference"][key] for key in ("value", "interval", "margin")}
    assert told(run) == ""
    assert "Since the last run" not in (run.reports / "summary.md").read_text()


def test_a_rerun_on_the_same_evidence_changes_nothing(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path)
    suite(*options)
    run = suite(*options)
    first, second = lines(run)
    since = f"since the last run of this cast on {first['started'][:16].replace('T', ' ')} UTC"
    assert told(run) == f"{since}: nothing changed"
    assert f"## {since.capitalize()[:1]}{since[1:]}\n\nNothing changed.\n" in (run.reports / "summary.md").read_text()
    assert f"{since[1:]}: nothing changed." in (run.reports / "summary.html").read_text()
    assert first["verdicts"] == second["verdicts"]


def test_other_evidence_tells_just_what_it_changed(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path)
    suite(*options)
    answer(tmp_path, "sup", 320)    # as many as before, of other images: no value moves
    answer(tmp_path, "clip", 360)
    run = suite(*options)
    assert run.words == {"small.better[vit]": "violated", "small.worse[vit]": "holds", "small.alike[vit]": "holds"}
    assert told(run).partition(" UTC: ")[2] == (
        "the outcome was as expected; 2 verdicts changed: small.better[vit] holds → violated, "
        "small.worse[vit] violated → holds; 1 value moved"
    )
    text = (run.reports / "summary.md").read_text()
    section = text[text.index("## Since the last run") : text.index("<details><summary>All")]
    assert "| `small.better[vit]` | holds | violated | +0.1500 [" in section
    assert "| top1 of clip on tiny | 0.6500 | 0.9000 | +0.2500 |" in section
    assert "top1 of sup" not in section
    assert "small.alike" not in section
    page = (run.reports / "summary.html").read_text()
    assert "top1 of clip on tiny</th><td>0.6500</td><td>0.9000</td><td>+0.2500</td>" in page


def test_a_selection_is_not_taken_for_a_loss(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path)
    suite(*options)
    part = suite(*options, "-k", "better")
    assert told(part).endswith("UTC: 2 verdicts not judged this time")
    assert "Not judged this time, still in scope" in (part.reports / "summary.md").read_text()
    assert lines(part)[1]["not_judged"] == ["small.worse[vit]", "small.alike[vit]"]
    whole = suite(*options)
    assert told(whole).endswith("UTC: 2 verdicts not judged then")


def test_a_finding_that_is_gone_and_one_that_is_new(suite: Suite, tmp_path: Path) -> None:
    suite(*write_small(tmp_path, findings=FINDINGS[:2]))
    run = suite(*write_small(tmp_path, findings=FINDINGS[1:]))
    assert told(run).endswith("UTC: 1 verdict new; 1 verdict gone")
    text = (run.reports / "summary.md").read_text()
    assert text.index("**New**") < text.index("`small.alike[vit]`") < text.index("**Gone**")


def test_who_moves_the_goalposts_is_told(suite: Suite, tmp_path: Path) -> None:
    suite(*write_small(tmp_path, expect={}))
    findings = [{**FINDINGS[0], "margin": 0.01}, *FINDINGS[1:]]
    run = suite(*write_small(tmp_path, findings=findings, expect=WORSE_AS_EXPECTED))
    assert told(run).endswith("UTC: the outcome was violation; 2 rules changed")
    text = (run.reports / "summary.md").read_text()
    assert "| `small.better[vit]` | margin | 0 | 0.01 |" in text
    assert "| `small.worse[vit]` | expected | holds | violated |" in text


def test_the_number_of_workers_is_not_history(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path)
    serial, parallel = (lines(suite(*options, workers=workers))[0] for workers in (0, 2))
    assert serial != parallel
    for line in (serial, parallel):
        for key in ("run", "started", "command"):
            del line[key]
    assert serial == parallel


def test_runs_without_verdicts_are_not_history(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path)
    none = suite(*options, "-k", "no-such-finding")
    suite(*options, "--collect-only", "-q")
    suite(*options, "--cast", "no-such-cast")
    (tmp_path / "interrupting.py").write_text(INTERRUPT)
    run = suite(*options, "-p", "interrupting", PYTHONPATH=str(tmp_path))
    assert run.verdicts["outcome"] == "interrupted"
    assert len(run.words) == 2
    assert not (none.reports / "history.jsonl").exists()


INTERRUPT = """
import pytest
def pytest_runtest_setup(item):
    if "alike" in item.name:
        raise KeyboardInterrupt
"""


@pytest.mark.parametrize(
    "broken",
    [
        '{"schema":1,"run":"0123","started":"2026-',   # what a crash leaves: no end of the line either
        "no JSON at all\n",
        '{"schema": 7, "cast": "small"}\n',
        '{"schema": 1, "cast": "small", "verdicts": [{}]}\n',
        '["small"]\n',
        "\x00\x00\n",
    ],
)
def test_a_broken_line_is_passed_over_and_kept(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "history.jsonl"
    append(path, a_run(value=0.1))
    before = path.read_text() + broken
    path.write_text(before)
    append(path, a_run(value=0.2))
    assert path.read_text().startswith(before)
    notes: list[str] = []
    values = [run.verdicts[0].estimates["sup"].value for run in newest_first(path, notes.append, "small")]
    assert values == [0.2, 0.1]
    assert len(notes) == 1
    assert notes[0].startswith(f"{path}, line 2, cannot be read and is passed over (")


def test_a_run_tells_of_a_broken_line(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path)
    file = suite(*options).reports / "history.jsonl"
    file.write_text(file.read_text() + '{"schema":1,"run":"')
    run = suite(*options)
    assert run.code == 0
    assert f"note: {file}, line 2, cannot be read and is passed over" in run.output
    assert len(run.verdicts["run"]["notes"]) == 1
    assert told(run).endswith("nothing changed")
    assert file.read_text().count("\n") == 3


def _append_many(path: Path, cast: str) -> None:
    for index in range(40):
        append(path, a_run(cast, value=index / 100))


def test_runs_that_end_at_the_same_time_all_leave_their_line(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_append_many, args=(path, cast)) for cast in ("one", "other")]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    notes: list[str] = []
    runs = list(newest_first(path, notes.append))
    assert notes == []
    for cast in ("one", "other"):
        values = [run.verdicts[0].estimates["sup"].value for run in runs if run.cast == cast]
        assert values == [index / 100 for index in reversed(range(40))]


def test_nobody_writes_while_another_does(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    append(path, a_run(value=0.1))
    lock = history._lock(path)
    waiting = threading.Thread(target=append, args=(path, a_run(value=0.2)))
    with lock:
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        assert path.read_text().count("\n") == 1
    waiting.join()
    assert path.read_text().count("\n") == 2


def test_a_line_that_cannot_be_written_leaves_no_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.jsonl"
    append(path, a_run())
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        append(path, a_run(value=0.6))
    assert path.read_bytes() == before


def test_of_a_long_history_only_what_is_needed_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.jsonl"
    texts = [a_run(cast, 0.1).model_dump_json(by_alias=True) for cast in ("small", "other")]
    path.write_text("\n".join([texts[0], *[texts[1]] * 1000]) + "\n")
    parsed: list[bytes] = []
    parse = PastRun.model_validate_json

    def counting(line: bytes) -> PastRun:
        parsed.append(line)
        return parse(line)

    monkeypatch.setattr(history.PastRun, "model_validate_json", counting)
    assert next(newest_first(path, pytest.fail, "small")).cast == "small"
    assert next(newest_first(path, pytest.fail, "other")).cast == "other"
    assert len(parsed) == 2


def test_a_folder_that_cannot_be_written_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.jsonl"
    append(path, a_run())

    def refused(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(history.FileLock, "acquire", refused)
    assert len(list(newest_first(path, pytest.fail))) == 1


def test_numbers_that_are_not_finite_never_enter() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        a_run(value=float("nan"))


def test_another_definition_of_a_measure_is_a_rule_and_no_movement() -> None:
    changes = compare(a_run(value=0.5), a_run(value=0.7, measure_version=2))
    assert [(rule.what, rule.before, rule.now) for rule in changes.rules] == [
        ("measure", "top1, version 1", "top1, version 2")
    ]
    assert changes.moved == ()


def test_a_value_moves_only_within_its_group() -> None:
    difference = {"value": 0.5, "interval": [0.4, 0.6], "margin": 0.0, "group": "texture over style"}
    of_texture: dict[str, Any] = {"measure": "error_ratio", "group": "texture", "shown": {}}
    then = a_run(value=0.5, difference=difference, **of_texture)
    assert then.verdicts[0].group == "texture"
    turned = {**difference, "group": "pose over style"}
    assert compare(then, a_run(value=0.7, difference=turned, **{**of_texture, "group": "pose"})).moved == ()
    same = a_run(value=0.7, difference={**difference, "group": "texture over pose"}, **of_texture)
    assert [one.place for one in compare(then, same).moved] == ["error_ratio of sup on tiny, texture"]


def test_another_way_to_an_interval_is_told() -> None:
    difference = {"value": 0.5, "interval": [0.41, 0.6], "margin": 0.0, "group": "all"}
    changes = compare(a_run(value=0.5), a_run(value=0.5, difference=difference))
    assert changes.told == "1 interval computed otherwise"
    (table,) = changes.tables
    assert table.rows == (("small.own[sup]", "+0.5000 [+0.4000, +0.6000]", "+0.5000 [+0.4100, +0.6000]"),)


def test_estimates_and_what_stands_beside_are_kept_with_their_own_group() -> None:
    difference = {"value": 0.5, "interval": [0.4, 0.6], "margin": 0.0, "group": "severity-2 after severity-1"}
    shown = {"mce": {"sup": 0.9}}
    (step,) = a_run(measure="corruption_accuracy", group="severity-1", difference=difference, shown=shown).verdicts
    assert (step.group, step.shown["mce"].group) == ("severity-1", "all")   # mCE is over all severities
    (own,) = a_run(measure="shape_bias", group="zebra", shown={"cue_coverage": {"sup": 0.6}}).verdicts
    assert (own.group, own.shown["cue_coverage"].group) == ("zebra", "zebra")


def test_a_difference_in_the_tenth_digit_is_none() -> None:
    assert compare(a_run(value=0.5), a_run(value=0.5 + 5e-10)).told == "nothing changed"
    assert compare(a_run(value=0.5), a_run(value=0.5 + 2e-9)).told == "1 value moved"


@pytest.mark.parametrize(
    ("values", "bars"),
    [([1.0, 2.0, 8.0], "▁▂█"), ([0.3, 0.3], "▄▄"), ([0.0, None, 1.0], "▁ █"), ([-1.0, 0.0, 1.0], "▁▅█")],
)
def test_sparkline(values: list[float | None], bars: str) -> None:
    assert sparkline(values) == bars


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """The reports of three runs on the small cast, between which CLIP became better."""
    folder = tmp_path_factory.mktemp("past")
    options, suite = write_small(folder), Suite(folder, pictures)
    for right in (200, 260, 340):
        answer(folder, "clip", right)
        run = suite(*options)
    return run.reports


def command(*arguments: str, reports: Path) -> int:
    return main(["history", *arguments, "--reports", str(reports)])


def test_history_lists_runs(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(reports=past) == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 3
    assert out[0].endswith("small  violation (exit 1)  1 holds, 2 violated; 1 against the expectation")
    assert command("-n", "2", "--json", reports=past) == 0
    runs = json.loads(capsys.readouterr().out)
    counts = {"holds": 1, "violated": 1, "undecided": 1}
    assert [run["counts"] for run in runs] == [counts, {"violated": 1, "holds": 2}]
    assert runs[0].keys() == {"run", "started", "cast", "outcome", "exit", "command", "versions", "counts"}


def test_history_of_a_measure(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("top1", reports=past) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "top1 (fraction, higher is better) on tiny; cast small, version 1"
    columns = {model: [line.split()[index - 2] for line in out[2:6]] for index, model in enumerate(out[1].split())}
    assert columns == {
        "sup": [*[number(0.8)] * 3, "▄▄▄"],
        "clip": [number(0.5), number(0.65), number(0.85), "▁▄█"],
    }
    assert command("top1", "--model", "clip", "--data", "tiny", "-n", "1", "--json", reports=past) == 0
    (series,) = json.loads(capsys.readouterr().out)
    assert (series["model"], series["data"], series["group"], series["version"]) == ("clip", "tiny", "all", 1)
    assert [(point["value"], point["n"]) for point in series["points"]] == [(0.85, 400)]


def test_history_of_a_verdict(past: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--verdict", "small.better[vit]", reports=past) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "small.better[vit]"
    assert ["✔ holds, as expected" in line for line in out[1:]] == [True, True, False]
    assert "✘ violated – but expected: holds  −0.0500 [" in out[3]
    assert command("--verdict", "small.better[vit]", "--json", reports=past) == 0
    assert [run["verdict"] for run in json.loads(capsys.readouterr().out)] == ["holds", "holds", "violated"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["topp1"], 12, "there is no measure 'topp1'; did you mean 'top1'?"),
        (["top1", "--data", "tinny"], 12, "of 'tinny'; did you mean 'tiny'?"),
        (["top1", "--model", "clipp"], 12, "of 'clipp'; did you mean 'clip'?"),
        (["--verdict", "small.bettr[vit]"], 12, "did you mean 'small.better[vit]'?"),
        (["--cast", "smal"], 12, "did you mean 'small'?"),
        (["shape_bias"], 11, "no run has such values of shape_bias"),
        (["top1", "--verdict", "small.better[vit]"], 12, "not both"),
        (["--model", "clip"], 12, "need a measure"),
        (["-n", "0"], 12, "at least one run"),
    ],
)
def test_history_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    record = a_run()
    verdict = record.verdicts[0].model_copy(update={"id": "small.better[vit]", "estimates": {
        "clip": record.verdicts[0].estimates["sup"]}})  # fmt: skip
    append(tmp_path / "history.jsonl", record.model_copy(update={"verdicts": (verdict,)}))
    assert command(*arguments, reports=tmp_path) == code
    assert words in capsys.readouterr().err


def test_no_history_exits_11(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(reports=tmp_path) == 11
    assert "there is no history" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_broken_line_is_told_by_the_command_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text("{}\n")
    append(file, a_run())
    assert command(reports=tmp_path) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert f"{file}, line 1, cannot be read and is passed over (schema: Field required)" in captured.err


def test_values_that_stood_beside_are_history_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    append(tmp_path / "history.jsonl", a_run())
    assert command("ece", "--json", reports=tmp_path) == 0
    (series,) = json.loads(capsys.readouterr().out)
    (point,) = series["points"]
    assert (point["value"], point["interval"], series["version"]) == (0.1, None, MEASURES["ece"].version)


def test_a_cast_is_told_from_another_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    for cast in ("small", "small2", 'sm"all', "größer"):
        append(path, a_run(cast))
    for cast in ("small", 'sm"all', "größer"):
        assert [run.cast for run in newest_first(path, pytest.fail, cast)] == [cast]
    assert not list(newest_first(path, pytest.fail, "sma"))
