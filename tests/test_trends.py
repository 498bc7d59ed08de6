"""How values moved over checkpoints: which points there are, in whose name, and what is drawn of them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from demeanour.findings.candidates import Trial
from demeanour.findings.pairing import Case
from demeanour.findings.thresholds import load_thresholds, with_trial
from demeanour.reporting.history import PastRun, append, checkpoint, newest_first, past_run
from demeanour.reporting.run import Run
from demeanour.reporting.summary_markdown import summary_markdown
from demeanour.reporting.trends import LAST, Trend, Trends, trends
from demeanour.reporting.trends_html import TITLE, trends_html
from demeanour.verdicts.words import number
from tests.small_cast import write_small
from tests.small_gate import ACCURACY, FLOOR, TOLERANT, write_gate
from tests.suite_run import ROOT, Finished, Suite

CAST = "small, sup on trial"


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Case]:
    """What a gate asks of one candidate: two requirements of accuracy, a floor, and three findings."""
    folder = tmp_path_factory.mktemp("gate")
    write_gate(folder, TOLERANT, ACCURACY, FLOOR)
    loaded = load_thresholds(str(folder / "small.yaml"), folder / "findings", ROOT / "thresholds")
    trial = Trial("sup", (f"predictions:{folder / 'clip.csv'}",))
    return with_trial(loaded, trial, folder / "policy.yaml", ROOT / "thresholds").cases


def estimate(value: float) -> dict[str, Any]:
    return {"value": value, "interval": [round(value - 0.03, 9), round(value + 0.03, 9)], "n": 400}


def told(name: str, candidate: float, sup: float | None = 0.8, margin: float = 0.05, **changes: Any) -> dict[str, Any]:
    """A record of a requirement; without a baseline, of the floor of .5."""
    value = candidate - (0.5 if sup is None else sup)
    return {
        "id": name, "verdict": "holds", "expected": "holds", "measure": "top1", "measure_version": 1,
        "data": ["tiny"], "group": "all", "shown": {},
        "estimates": {"candidate": estimate(candidate), **({} if sup is None else {"sup": estimate(sup)})},
        "difference": {"value": value, "interval": [value - 0.04, value + 0.04], "margin": margin}, **changes,
    }  # fmt: skip


def a_run(day: int, *records: dict[str, Any], source: str | None = None, cast: str = CAST) -> PastRun:
    candidates = {"candidate": checkpoint(source)} if source else {}
    return past_run(
        records, [], started=f"2026-03-{day:02d}T12:00:00+00:00", cast=cast, outcome="released", exit=0,
        command="pytest", versions={}, candidates=candidates,
    )  # fmt: skip


def accuracies(*values: float, **changes: Any) -> list[PastRun]:
    return [a_run(day, told("gate.accuracy", value, **changes), source=f"predictions:/runs/{day}/new.csv")
            for day, value in enumerate(values, start=1)]  # fmt: skip


def values(one: Trend) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in one.points]


def section_of(page: str) -> ElementTree.Element:
    root = ElementTree.fromstring(page.partition("\n")[2])
    (found,) = (one for one in root.iter("section") if one.findtext("h2") == TITLE)
    return found


def drawn(found: Trends) -> ElementTree.Element:
    return ElementTree.fromstring(f"<main>{trends_html(found, {'gate.accuracy'})}</main>")


def text(element: ElementTree.Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def tips(card: ElementTree.Element) -> list[str]:
    return [str(one.text) for one in card.iter("title")]


def test_a_curve_has_a_point_for_each_run_with_its_checkpoint_and_the_baseline_beside(
    cases: Mapping[str, Case],
) -> None:
    found = trends(accuracies(0.70, 0.78, 0.81), cases, "sup")
    assert [(one.id, one.place.model) for one in found.moved] == [("gate.accuracy", "candidate")]
    (one,) = found.moved
    assert values(one) == [(0, 0.70), (1, 0.78), (2, 0.81)]
    assert [point.value for point in one.baseline] == [0.8] * 3
    assert [round(point.lowest or 0, 9) for point in one.points] == [0.75] * 3
    assert {point.highest for point in one.points} == {None}
    page = drawn(found)
    (card,) = page.findall(".//ul[@class='trends']/li")
    assert text(card).startswith("G2 top1 on tiny candidate, fraction, higher is better 0.7000 → 0.8100 (+0.1100)")
    assert tips(card)[0] == "2026-03-01 12:00 UTC, 1/new.csv, candidate 0.7000 [0.6700, 0.7300] holds, sup 0.8000"
    assert len(tips(card)) == 3
    (picture,) = card.iter("svg")
    assert picture.attrib["aria-label"] == "top1 on tiny: candidate from 0.7000 to 0.8100 in 3 points"
    table = page.find(".//table")
    assert table is not None
    assert [text(cell) for cell in table.findall("thead/tr/th")] == [
        "value", *(f"2026-03-0{day} {day}/new.csv" for day in (1, 2, 3))
    ]  # fmt: skip
    assert [[text(cell) for cell in row] for row in table.findall("tbody/tr")][1] == [
        "G2 top1 on tiny sup", *["0.8000 [0.7700, 0.8300]"] * 3
    ]  # fmt: skip


def test_requirements_come_first_in_the_policys_order_each_with_its_own_limit(cases: Mapping[str, Case]) -> None:
    def all_of(day: int, value: float) -> PastRun:
        beside = {"ece": {"candidate": value / 9}}
        finding = {"id": "small.better[vit]", "estimates": {"candidate": estimate(value), "clip": estimate(value / 2)}}
        return a_run(
            day, {**told("gate.accuracy", value, shown=beside), **finding}, told("gate.floor", value, None, 0.0),
            told("gate.accuracy", value, shown=beside), told("gate.tolerant", value, margin=0.15),
        )  # fmt: skip

    found = trends([all_of(1, 0.7), all_of(2, 0.75)], cases, "sup")
    assert [(one.id, one.place.measure, one.place.model) for one in found.moved] == [
        ("gate.tolerant", "top1", "candidate"), ("gate.accuracy", "top1", "candidate"),
        ("gate.floor", "top1", "candidate"), ("gate.accuracy", "ece", "candidate"),
        ("small.better[vit]", "top1", "clip"),
    ]  # fmt: skip
    limits = [round(one.points[0].lowest or 0, 9) for one in found.moved[:3]]
    assert limits == [0.65, 0.75, 0.5]
    page = drawn(found)
    assert len(page.findall(".//ul[@class='trends']/li")) == 3
    folded = [text(one) for one in page.iter("summary")]
    assert folded == [
        "The pictures in numbers", "Release policy: 1 value that moved", "§3.3 Small: 1 value that moved",
    ]  # fmt: skip


def test_the_same_evidence_twice_is_one_point_and_another_checkpoint_with_the_same_values_is_not(
    cases: Mapping[str, Case],
) -> None:
    first, second = accuracies(0.70, 0.78)
    again = second.model_copy(update={"started": "2026-03-09T12:00:00+00:00"})
    other = again.model_copy(update={"candidates": {"candidate": "predictions:9/new.csv"}})
    found = trends([first, second, again, other], cases, "sup")
    assert values(found.moved[0]) == [(0, 0.70), (1, 0.78), (2, 0.78)]
    assert [step.runs for step in found.steps] == [1, 2, 1]
    page = drawn(found)
    assert "The last 4 runs of this cast" in text(page)
    assert "1 that repeated the run before, same checkpoint and same values, is no point of its own" in text(page)
    assert tips(page)[1].startswith("2026-03-02 12:00 UTC, 2 runs until 2026-03-09 12:00 UTC, 2/new.csv, ")


def test_what_was_found_before_and_is_found_again_later_is_a_point(cases: Mapping[str, Case]) -> None:
    first, second = accuracies(0.70, 0.78)
    assert len(trends([first, second, first], cases, "sup").steps) == 3


def test_runs_that_measured_nothing_in_common_are_no_repetition(cases: Mapping[str, Case]) -> None:
    one, other = accuracies(0.7)[0], a_run(2, told("gate.accuracy", 0.7, measure="ece", sup=0.9))
    assert len(trends([one, other.model_copy(update={"candidates": one.candidates})], cases, "sup").steps) == 2


def test_what_never_moved_is_counted_and_not_drawn(cases: Mapping[str, Case]) -> None:
    still = trends(accuracies(0.8, 0.8, 0.8), cases, "sup")
    assert (still.moved, still.still, len(still.steps)) == ((), 1, 3)
    assert text(drawn(still)) == "Nothing moved over the last 3 runs of this cast: 1 value is the same in all."
    alone = trends(accuracies(0.8), cases, "sup")
    assert (alone.moved, alone.still) == ((), 0)
    assert trends_html(alone, ()) == trends_html(None, ()) == ""


def test_a_baseline_that_moves_is_drawn_though_its_candidate_stands_still(cases: Mapping[str, Case]) -> None:
    runs = [a_run(day, told("gate.accuracy", 0.8, sup)) for day, sup in ((1, 0.8), (2, 0.82))]
    (one,) = trends(runs, cases, "sup").moved
    assert [point.value for point in one.baseline] == [0.8, 0.82]
    assert [round(point.lowest or 0, 9) for point in one.points] == [0.75, 0.77]


def test_another_version_of_a_measure_begins_anew(cases: Mapping[str, Case]) -> None:
    old, new = accuracies(0.70, 0.75), accuracies(0.9, 0.91, measure_version=2)
    assert trends([old[0], new[0]], cases, "sup").moved == ()
    both = trends([*old, *new], cases, "sup").moved
    assert sorted((one.place.version, *values(one)) for one in both) == [
        (1, (0, 0.70), (1, 0.75)), (2, (2, 0.9), (3, 0.91)),
    ]  # fmt: skip


def test_a_verdict_on_another_group_says_nothing_of_this_one(cases: Mapping[str, Case]) -> None:
    pose, style = {"group": "pose"}, {"group": "style", "verdict": "violated"}
    beside = {**told("gate.accuracy", 0.78, **pose), "id": "small.better[vit]"}
    runs = [a_run(1, told("gate.accuracy", 0.70, **pose)), a_run(2, told("gate.accuracy", 0.5, **style), beside)]
    (one,) = trends(runs, cases, "sup").moved
    assert [(point.value, point.word, point.blocks) for point in one.points] == [
        (0.70, "holds", False), (0.78, "", False)
    ]  # fmt: skip


def test_a_value_that_decides_counts_before_the_same_one_that_stands_beside(cases: Mapping[str, Case]) -> None:
    beside = {**told("gate.floor", 0.1, None, 0.0, measure="ece"), "shown": {"top1": {"candidate": 0.99}}}
    runs = [a_run(day, told("gate.accuracy", value), beside) for day, value in ((1, 0.70), (2, 0.78))]
    (one,) = trends(runs, cases, "sup").moved
    assert values(one) == [(0, 0.70), (1, 0.78)]
    assert one.points[0].interval == (0.67, 0.73)


def test_verdicts_that_are_no_longer_in_scope_are_not_drawn(cases: Mapping[str, Case]) -> None:
    runs = [a_run(day, told("gate.gone", value)) for day, value in ((1, 0.7), (2, 0.8))]
    assert trends(runs, cases, "sup") == trends(runs, {}, "sup")
    assert trends(runs, cases, "sup").moved == ()


def test_no_limit_is_drawn_where_the_difference_is_not_that_of_the_two_values(cases: Mapping[str, Case]) -> None:
    other = {"value": -0.2, "interval": [-0.3, -0.1], "margin": 0.05}
    (one,) = trends(accuracies(0.70, 0.78, difference=other), cases, "sup").moved
    assert {(point.lowest, point.highest) for point in one.points} == {(None, None)}
    assert one.margin == 0.05


@pytest.mark.parametrize(
    ("verdict", "expected", "mark", "said"),
    [
        ("holds", "holds", "discs", "holds"),
        ("undecided", "holds", "ring", "undecided"),
        ("violated", "holds", "cross", "blocked"),
        ("violated", "not violated", "cross", "blocked"),
        ("violated", "violated", "ring", "waived"),
    ],
)
def test_each_point_is_marked_by_what_was_decided(
    cases: Mapping[str, Case], verdict: str, expected: str, mark: str, said: str
) -> None:
    found = trends(accuracies(0.70, 0.78, verdict=verdict, expected=expected), cases, "sup")
    (card,) = drawn(found).findall(".//li")
    marks = {"discs": 0, "ring": 0, "cross": 0}
    for shape in card.iter():
        name = shape.attrib.get("class", "")
        if name in marks:
            marks[name] += shape.attrib.get("d", "M").count("M")
    assert marks == {**dict.fromkeys(marks, 0), mark: 2}
    assert all(f"{said}, sup" in tip for tip in tips(card))


def test_a_run_without_the_value_leaves_a_gap(cases: Mapping[str, Case]) -> None:
    runs = accuracies(0.70, 0.72, 0.74, 0.76)
    runs[1] = a_run(2, told("gate.floor", 0.99, None, 0.0, data=["elsewhere"]))
    found = trends(runs, cases, "sup")
    assert values(found.moved[0]) == [(0, 0.70), (2, 0.74), (3, 0.76)]
    (card,) = drawn(found).findall(".//li")
    (course,) = (one.attrib["d"] for one in card.iter("path") if one.attrib.get("class") == "course")
    assert course.count("M") == 2
    assert len(tips(card)) == 3


def test_a_value_that_this_run_has_not_says_so(cases: Mapping[str, Case]) -> None:
    runs = [*accuracies(0.70, 0.78), a_run(3, told("gate.floor", 0.99, None, 0.0, data=["elsewhere"]))]
    found = trends(runs, cases, "sup")
    assert "(+0.0800; not measured in this run)" in text(drawn(found))
    assert moved_by_more(found) == []


def moved_by_more(found: Trends) -> list[str]:
    run = Run("small", "", 0, [], "pytest", "2026-03-09T12:00:00+00:00", 1.0, trends=found)
    return [line for line in summary_markdown(run).splitlines() if line.startswith("- **G")]


@pytest.mark.parametrize(("values", "sign"), [((0.70, 0.64), "−0.0600"), ((0.70, 0.5, 0.76), "+0.0600")])
def test_the_markdown_names_what_moved_by_more_than_its_margin(
    cases: Mapping[str, Case], values: Sequence[float], sign: str
) -> None:
    (line,) = moved_by_more(trends(accuracies(*values), cases, "sup"))
    assert line == (
        f"- **G2** `gate.accuracy`: top1 on tiny of candidate moved {sign} since 2026-03-01 12:00 UTC "
        f"({number(values[0])} → {number(values[-1])}), by more than its margin of 0.05"
    )
    assert moved_by_more(trends(accuracies(0.70, 0.5, 0.74), cases, "sup")) == []


def test_lines_without_checkpoints_are_read_and_named_so(cases: Mapping[str, Case], tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    for one in accuracies(0.70, 0.78):
        append(path, one)
    old, new = path.read_text().splitlines()
    line = json.loads(old)
    del line["candidates"]
    path.write_text("\n".join([json.dumps(line), new]) + "\n")
    runs = list(newest_first(path, pytest.fail, CAST))[::-1]
    assert [one.candidates for one in runs] == [{}, {"candidate": "predictions:2/new.csv"}]
    shown = tips(drawn(trends(runs, cases, "sup")))
    assert [tip.split(", ")[1] for tip in shown] == ["checkpoint not recorded", "new.csv"]


def test_only_runs_with_candidates_write_them_down(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    append(path, a_run(1, told("gate.accuracy", 0.7)))
    append(path, a_run(1, told("gate.accuracy", 0.7), source="predictions:x.csv"))
    assert ["candidates" in json.loads(line) for line in path.read_text().splitlines()] == [False, True]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("predictions:/home/ada/runs/june/new.csv", "predictions:june/new.csv"),
        ("predictions:/new.csv", "predictions:new.csv"),
        ("timm:convnext_base.fb_in22k@/mnt/x/epoch_9/model.safetensors",
         "timm:convnext_base.fb_in22k@epoch_9/model.safetensors"),
        ("python:/home/ada/code/nets.py:make@/mnt/w/a.pt", "python:code/nets.py:make@w/a.pt"),
        ("open_clip:ViT-B-16@laion400m_e31", "open_clip:ViT-B-16@laion400m_e31"),
        ("hf-hub:org/name", "hf-hub:org/name"),
        ("predictions:${RUNS}/june.csv", "predictions:${RUNS}/june.csv"),
    ],
)  # fmt: skip
def test_a_checkpoint_is_named_without_the_folders_of_this_machine(source: str, name: str) -> None:
    assert checkpoint(source) == name


def test_what_others_wrote_is_shown_and_not_obeyed(cases: Mapping[str, Case]) -> None:
    odd = '<img src=x onerror="alert(1)">&'
    data = {"data": [odd], "group": "<b>&"}
    runs = [a_run(day, told("gate.accuracy", value, **data), source=f"predictions:{odd}{day}.csv")
            for day, value in ((1, 0.7), (2, 0.8))]  # fmt: skip
    page = drawn(trends(runs, cases, "sup"))
    assert not list(page.iter("img"))
    assert len(list(page.iter("b"))) == len(re.findall("<b>", trends_html(trends(runs, cases, "sup"), ())))
    assert f"top1 on {odd}, <b>&" in text(page)
    assert f"{odd}1.csv" in tips(page)[0]


def test_a_long_history_of_many_values_adds_little_to_the_page(cases: Mapping[str, Case]) -> None:
    """Two hundred values, none of which stands still, over as many runs as are looked at."""
    runs = []
    for day in range(1, LAST + 1):
        records = [
            told("gate.accuracy" if index <= 12 else "small.better[vit]", 0.5 + (index * day) % 211 / 500,
                 data=[f"set-{index}"])
            for index in range(1, 201)
        ]  # fmt: skip
        runs.append(a_run(day, *records, source=f"timm:resnet50@/runs/epoch_{day:03d}/model.safetensors"))
    found = trends(runs, cases, "sup")
    assert len(found.moved) == 200
    page = trends_html(found, ())
    assert len(page) < 180_000
    assert "48 more: demeanour history MEASURE" in text(drawn(found))
    assert len(drawn(found).findall(".//ul[@class='trends']/li")) == 12


# Runs of the suite


def answers(folder: Path, name: str, right: int) -> Path:
    """A table that is right on the first so many of the pictures."""
    labels = [line.split(",") for line in (folder / "labels.csv").read_text().split()[1:]]
    rows = [f"{one},{label if i < right else (int(label) + 1) % 10},0.9" for i, (one, label) in enumerate(labels)]
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["id,prediction,confidence", *rows]) + "\n")
    return path


def gate_of(folder: Path) -> list[str]:
    """The options of a gate but for the candidate."""
    return ["--cast", str(folder / "small.yaml"), "--findings", str(folder / "findings"),
            "--gate", str(folder / "policy.yaml"), "--as", "sup"]  # fmt: skip


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> tuple[Finished, Path]:
    """Three candidates in turn, the second twice, among damaged lines and runs of other casts."""
    folder = tmp_path_factory.mktemp("tried")
    write_gate(folder, ACCURACY, FLOOR)
    suite = Suite(folder, pictures)
    history = folder / "reports-run-0" / "history.jsonl"
    names = ["<i>&april", "may", "may", "june"]
    for name, right in zip(names, (250, 300, 300, 330), strict=True):
        table = answers(folder, f"{name}/new.csv", right)
        run = suite(*gate_of(folder), "--candidate", str(table))
        with history.open("a") as file:
            file.write('{"schema":1,"run":"half a li\n')
        append(history, a_run(1, told("gate.accuracy", 0.99), cast="other, sup on trial"))
    shutil.copy(run.reports / "summary.html", folder / "summary.html")
    return run, folder


def test_runs_of_the_suite_become_points_named_by_checkpoint(tried: tuple[Finished, Path]) -> None:
    run, folder = tried
    assert run.code in (0, 1, 10), run.output
    section = section_of((folder / "summary.html").read_text(encoding="utf-8"))
    cards = section.findall("ul[@class='trends']/li")
    assert [text(card).split(" candidate")[0] for card in cards] == ["G1 top1 on tiny", "G2 top1 on tiny"]
    points = [re.findall(r"UTC, ([^,]+), candidate ([\d.]+) \[", tip) for tip in tips(cards[0])]
    assert points == [
        [(f"{name}/new.csv", number(right / 400))] for name, right in (("<i>&april", 250), ("may", 300), ("june", 330))
    ]  # fmt: skip
    assert "2 runs until" in tips(cards[0])[1]
    assert "0.9900" not in text(section)
    link = cards[0].find("h3/a")
    assert link is not None
    assert link.attrib["href"] == "#gate.accuracy"
    for picture in section.iter("svg"):
        assert picture.attrib.get("aria-hidden") == "true" or picture.attrib["aria-label"]
    limits = [one for one in cards[0].iter("path") if one.attrib.get("class") == "claimed"]
    assert len(limits) == 1
    assert "**G1** `gate.accuracy`: top1 on tiny of candidate moved +0.2000" in (
        (run.reports / "summary.md").read_text(encoding="utf-8")
    )
    assert run.output.count("cannot be read and is passed over") == 3
    _an_interrupted_run_is_no_point(run, folder)


def _an_interrupted_run_is_no_point(run: Finished, folder: Path) -> None:
    history = run.reports / "history.jsonl"
    before = history.read_bytes()
    (folder / "stops.py").write_text("def pytest_runtest_teardown(item):\n    raise KeyboardInterrupt\n")
    late = ["--candidate", str(answers(folder, "late/new.csv", 10))]
    stopped = Suite(folder)(*gate_of(folder), *late, "-p", "stops", PYTHONPATH=str(folder))
    assert stopped.code == 2, stopped.output
    assert history.read_bytes() == before
    assert TITLE not in (stopped.reports / "summary.html").read_text(encoding="utf-8")


def test_of_a_long_history_the_last_runs_are_read(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path)
    history = suite(*options).reports / "history.jsonl"
    line = json.loads(history.read_text())
    lines = []
    for index in range(LAST + 10):
        for verdict in line["verdicts"]:
            verdict["estimates"]["clip"]["value"] = 0.4 + index / 200
        lines.append(json.dumps(line))
    history.write_text('{"damaged": 1}\n' * 5 + "\n".join(lines) + "\n")
    run = suite(*options)
    assert "cannot be read" not in run.output
    section = section_of((run.reports / "summary.html").read_text(encoding="utf-8"))
    assert f"The last {LAST} runs of this cast" in text(section)
    (card,) = section.findall("ul[@class='trends']/li")
    assert text(card).startswith("T1 top1 on tiny clip, fraction, higher is better 0.4550 → 0.6500")
    assert len(tips(card)) == LAST
    assert "checkpoint" not in text(card)
