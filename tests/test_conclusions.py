"""Findings that follow from others: what they need, what they say, what is wrong with them, and how they are shown."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from demeanour.cli import main
from demeanour.evidence.gather import Evidence
from demeanour.evidence.plan import units_of
from demeanour.evidence.store import Store
from demeanour.findings.pairing import Case, OutOfScope, cases_of
from demeanour.findings.schema import Finding
from demeanour.findings.thresholds import Thresholds, examine, load_thresholds
from demeanour.reporting.card import card
from demeanour.verdicts.conclusion import conclude
from demeanour.verdicts.judge import judge, out_of_scope
from demeanour.verdicts.verdict import Estimate, Verdict, Word
from tests.small_cast import FINDINGS, SOURCE, finding, write_small
from tests.suite_run import ROOT, Suite

UNDECIDED = finding("close", relation="left > right", margin=0.15)   # the difference itself: nobody can tell
ELSEWHERE = finding("elsewhere", data="imagenet-val")                # the cast does not have it
OF_NOBODY = finding("nobody", compare={**FINDINGS[0]["compare"], "pair_on": "pretraining"})


def concluded(name: str, *of: str, **changes: Any) -> dict[str, Any]:
    return {"id": f"small.{name}", "label": "X1", "claim": f"Conclusion {name}.", "source": SOURCE, "strength": "B",
            "relation": "all hold", "findings": [f"small.{one}" for one in of], **changes}   # fmt: skip


def loaded(folder: Path, *entries: dict[str, Any]) -> Thresholds:
    options = write_small(folder, findings=[*FINDINGS, UNDECIDED, ELSEWHERE, OF_NOBODY, *entries])
    return load_thresholds(options[1], folder / "findings", ROOT / "thresholds")


def judged(folder: Path, *entries: dict[str, Any]) -> dict[str, Verdict]:
    thresholds = loaded(folder, *entries)
    evidence = Evidence(thresholds.cast, Store(folder / "store"))
    return {name: judge(case, evidence) for name, case in thresholds.cases.items() if case.basis}


# --- what it says ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "word", "reason"),
    [
        (("better", "alike"), "holds", "all 2 verdicts that it follows from hold"),
        (("better", "worse", "close"), "violated",
         "of 3 verdicts that it follows from, 1 is violated: small.worse[vit]"),
        (("close", "better"), "undecided", "of 2 verdicts that it follows from, 1 is undecided: small.close[vit]"),
    ],
)  # fmt: skip
def test_it_holds_when_all_hold_and_names_those_that_do_not(
    tmp_path: Path, of: tuple[str, ...], word: str, reason: str
) -> None:
    (found,) = judged(tmp_path, concluded("all", *of)).values()
    assert (found.id, found.verdict, found.reason) == ("small.all", word, reason)
    assert [part.group for part in found.parts] == [f"small.{name}[vit]" for name in of]
    assert {part.n for part in found.parts} == {400}
    assert (found.measure, found.difference, found.estimates, found.data) == ("", None, {}, ("tiny",))


def test_evidence_that_is_missing_makes_it_not_measured_even_where_another_verdict_is_violated(tmp_path: Path) -> None:
    entry = concluded("all", "worse", "better")
    thresholds = loaded(tmp_path, entry)
    (tmp_path / "clip.csv").unlink()
    found = judge(thresholds.cases["small.all"], Evidence(thresholds.cast, Store(tmp_path / "store")))
    assert found.verdict == "not measured"
    assert "2 are not measured: small.worse[vit], small.better[vit]" in found.reason


WORDS: tuple[Word, ...] = ("holds", "violated", "undecided", "not measured")


@pytest.mark.parametrize("first", WORDS)
@pytest.mark.parametrize("second", WORDS)
def test_the_word_of_two_is_the_worst_of_both(first: Word, second: Word) -> None:
    found = Verdict("a[b]", "a", ("d",), "A", "holds", first, "top1", "fraction", "", "L", "c")
    other = dataclasses.replace(found, verdict=second, estimates={"m": Estimate(0.5, (0.4, 0.6), 7)})
    case = Case("x.y", Finding.model_validate(concluded("y", "a", "b")), ("d",), "", (), ())
    said = conclude(case, [found, other], "violated", "a reason")
    words = {first, second}
    expected = next(word for word in ("not measured", "violated", "undecided", "holds") if word in words)
    assert said.verdict == expected
    assert [part.verdict for part in said.parts] == [first, second]
    assert [part.n for part in said.parts] == [0, 7]
    assert (said.expected, said.expected_because) == ("violated", "a reason")


def test_a_long_list_is_cut_in_the_sentence_and_whole_in_the_parts() -> None:
    base = Verdict("v", "a", ("d",), "A", "holds", "undecided", "top1", "fraction", "", "L", "c")
    many = [dataclasses.replace(base, id=f"v{number}") for number in range(6)]
    case = Case("x.y", Finding.model_validate(concluded("y", "a", "b")), ("d",), "", (), ())
    said = conclude(case, many, "holds", None)
    assert said.reason == "of 6 verdicts that it follows from, 6 are undecided: v0, v1, v2, v3 and 2 more"
    assert len(said.parts) == 6


# --- what it is about -----------------------------------------------------------------------------------------------


def test_it_is_one_case_about_all_cases_of_its_findings_and_needs_what_they_need(tmp_path: Path) -> None:
    thresholds = loaded(tmp_path, concluded("all", "better", "alike"))
    case = thresholds.cases["small.all"]
    assert [one.id for one in case.basis] == ["small.better[vit]", "small.alike[vit]"]
    assert case.models == ("sup", "clip")
    assert case.measured == case.basis
    assert thresholds.cases["small.better[vit]"].measured == (thresholds.cases["small.better[vit]"],)
    assert units_of(thresholds.cast, [case]) == units_of(thresholds.cast, case.basis) != []


@pytest.mark.parametrize(
    ("out", "why"),
    [("elsewhere", "the cast has no data set imagenet-val"), ("nobody", "form no pair that the finding compares")],
)
def test_it_is_out_of_scope_with_the_reason_of_a_finding_that_is(tmp_path: Path, out: str, why: str) -> None:
    thresholds = loaded(tmp_path, concluded("all", "better", out))
    assert "small.all" not in thresholds.cases
    (found,) = [one for one in thresholds.out_of_scope if one.id == "small.all"]
    assert found.reason.startswith(f"it follows from small.{out}, which is out of scope: ")
    assert why in found.reason
    record = out_of_scope(found)
    assert (record.verdict, record.measure, record.data) == ("out of scope", "", ())


def test_without_the_other_findings_it_is_out_of_scope_and_never_holds(tmp_path: Path) -> None:
    thresholds = loaded(tmp_path, concluded("all", "better", "alike"))
    (found,) = cases_of(thresholds.findings.findings["small.all"], thresholds.cast)
    assert isinstance(found, OutOfScope)
    assert found.reason == "it follows from small.better, which is out of scope: there is no such finding"


# --- what is wrong with it ------------------------------------------------------------------------------------------

DEFECTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "measure": ({"measure": "top1"}, "measure", "the relation 'all hold' does not read 'measure'; remove it"),
    "data": ({"data": "tiny"}, "data", "does not read 'data'"),
    "margin": ({"margin": 0}, "margin", "does not read 'margin'"),
    "models": ({"models": {"paradigm": "clip"}}, "models", "does not read 'models'"),
    "no findings": ({"findings": None}, "findings", "the key 'findings' is missing"),
    "one finding": ({"findings": ["small.better"]}, "findings", "there is one finding only"),
    "twice": ({"findings": ["small.better"] * 2}, "findings[1]", "'small.better' stands twice"),
    "unknown": ({"findings": ["small.better", "small.alik"]}, "findings[1]",
                "there is no finding 'small.alik'; did you mean 'small.alike'?"),
    "another conclusion": ({"findings": ["small.better", "small.first"]}, "findings[1]",
                           "'small.first' follows from others itself ('all hold'); name what it follows from: "),
    "itself": ({"findings": ["small.better", "small.all"]}, "findings[1]", "follows from others itself"),
    "strengths": ({"strength": {"tiny": "A"}}, "strength", "has one strength"),
    "strange relation": ({"relation": "left > right"}, "", "the key 'measure' is missing"),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_key_that_is_missing_or_read_by_nobody_is_told(tmp_path: Path, defect: str) -> None:
    changes, key, words = DEFECTS[defect]
    entries = [concluded("first", "better", "alike"), concluded("all", "better", "alike", **changes)]
    options = write_small(tmp_path, findings=[*FINDINGS, *entries])
    _, _, problems = examine(options[1], tmp_path / "findings", ROOT / "thresholds")
    told = [problem for problem in problems if "small.all" in problem.key and words in str(problem)]
    assert len(told) == 1, problems
    assert told[0].key.endswith(key)
    assert told[0].line
    assert all("small.all" in problem.key for problem in problems)


@pytest.mark.parametrize("key", ["measure", "data", "margin"])
def test_another_relation_still_needs_its_keys_and_may_not_name_findings(tmp_path: Path, key: str) -> None:
    entry = {name: value for name, value in finding("short").items() if name != key}
    options = write_small(tmp_path, findings=[*FINDINGS, entry])
    (problem,) = examine(options[1], tmp_path / "findings", ROOT / "thresholds")[2]
    assert f"the key '{key}' is missing" in str(problem)
    options = write_small(tmp_path, findings=[*FINDINGS, finding("long", findings=["small.better"])])
    (problem,) = examine(options[1], tmp_path / "findings", ROOT / "thresholds")[2]
    assert "the relation 'left > right' does not read 'findings'" in str(problem)


# --- how it is shown ------------------------------------------------------------------------------------------------


def test_a_run_of_conclusions_alone_judges_and_every_report_shows_what_they_follow_from(
    suite: Suite, tmp_path: Path
) -> None:
    entries = [concluded("sound", "better", "alike"), concluded("broken", "better", "worse"),
               concluded("open", "better", "close")]   # fmt: skip
    expect = {"small.broken": {"expect": "violated", "reason": "one of them is the other way round"},
              "small.open": {"expect": "undecided", "reason": "nobody can tell"}}   # fmt: skip
    options = write_small(tmp_path, expect, [*FINDINGS, UNDECIDED, *entries])
    ran = suite("-k", "sound or broken or open", *options)
    assert ran.words == {"small.sound": "holds", "small.broken": "violated", "small.open": "undecided"}
    assert ran.code == 0, ran.output
    (sound,) = [one for one in ran.verdicts["verdicts"] if one["id"] == "small.sound"]
    assert [(part["group"], part["verdict"]) for part in sound["parts"]] == [
        ("small.better[vit]", "holds"), ("small.alike[vit]", "holds"),
    ]  # fmt: skip
    for name in ("summary.md", "summary.html"):
        text = (ran.reports / name).read_text(encoding="utf-8")
        for word in ("small.sound", "small.broken", "small.open", "what decides small.close[vit]"):
            assert word in text, name
    page = (ran.reports / "summary.html").read_text(encoding="utf-8")
    assert "2 verdicts that it follows from" in page
    assert "all hold: small.better, small.alike" in page
    assert "≠ X1 small.broken" in ran.output
    cards = "".join(path.read_text() for path in (ran.reports / "allure-results").glob("*-result.json"))
    assert "verdict that it follows from" in cards


def test_again_with_workers_and_all_findings_nothing_changes(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path, findings=[*FINDINGS, concluded("broken", "better", "worse")])
    alone, many = (suite(*options, workers=workers) for workers in (0, 2))
    assert alone.words == many.words
    assert (alone.code, many.code) == (1, 1)   # it is expected to hold
    assert "✘ X1 small.broken" in many.output


def test_explain_and_plan_tell_what_it_follows_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = write_small(tmp_path, findings=[*FINDINGS, concluded("sound", "better", "alike")])
    assert main(["explain", "small.sound", *options]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "every verdict of the findings that it follows from holds" in told
    assert "They are: small.better small.alike" in told
    assert "sup, clip on tiny; expected: holds" in told
    assert main(["plan", "-k", "sound", *options]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "X1 small.sound follows from 2 verdicts; expected: holds" in told
    assert "2 prediction tables" in told


def test_the_card_has_its_verdicts_and_no_numbers_of_its_own(tmp_path: Path) -> None:
    thresholds = loaded(tmp_path, concluded("all", "better", "worse"))
    case = thresholds.cases["small.all"]
    found = judge(case, Evidence(thresholds.cast, Store(tmp_path / "store")))
    paper = thresholds.findings.papers["vishniakov2024"]
    html = card(found, case.finding, paper, thresholds.cast, None, "pytest")
    assert "≠ violated" in html
    assert "small.better[vit]" in html
    assert "Unit" not in html


def test_the_schema_for_editors_wants_either_findings_or_what_is_measured() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = yaml.safe_load((ROOT / "thresholds" / "schema" / "findings.json").read_text(encoding="utf-8"))
    check = jsonschema.Draft202012Validator(schema)
    assert check.is_valid([concluded("all", "better", "alike"), finding("x")])
    assert not check.is_valid([{key: value for key, value in finding("x").items() if key != "margin"}])
    assert not check.is_valid([concluded("all", "better", "alike", findings=[])])
