"""The verdicts on real data agree with those computed by hand, by a script that shares nothing with the suite."""

from __future__ import annotations

import ast
import copy
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.suite_run import ROOT, WholeRuns

SCRIPT = ROOT / "benchmarks" / "by_hand.py"


@pytest.fixture(scope="module")
def by_hand() -> ModuleType:
    spec = importlib.util.spec_from_file_location("by_hand", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["by_hand"] = module
    spec.loader.exec_module(module)
    return module


def table(cast: str, verdicts: Path, published: Path) -> tuple[int, str, dict[str, list[str]]]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), cast, str(verdicts)], env={**os.environ, "DEMEANOUR_PUBLISHED": str(published)},
        capture_output=True, text=True, encoding="utf-8", timeout=300, check=False,
    )  # fmt: skip
    rows = [[cell.strip() for cell in line.split("|")] for line in done.stdout.splitlines() if "|" in line]
    return done.returncode, done.stdout + done.stderr, {row[0]: row[1:] for row in rows[1:]}


@pytest.mark.parametrize(("cast", "decided"), [("published", 18), ("quartet", 18)])
def test_the_suite_s_verdicts_are_those_found_by_hand(
    whole_run: WholeRuns, published: Path, tmp_path: Path, cast: str, decided: int
) -> None:
    run = whole_run(cast, DEMEANOUR_PUBLISHED=str(published))
    code, output, rows = table(cast, run.reports / "verdicts.json", published)
    assert code == 0, output
    assert rows.keys() == {verdict["id"] for verdict in run.verdicts["verdicts"]}
    assert all(outcome.startswith(("agrees", "borderline")) for *_, outcome in rows.values())
    widths = [float(width) for *_, width, _ in rows.values() if width]
    assert len(widths) == len(run.words) == decided
    assert 0.85 < min(widths) <= max(widths) < 1.15  # of another method's intervals, as fractions of the suite's
    if cast == "published":
        an_altered_record_exits_1(run.verdicts, tmp_path / "altered.json", published)


def an_altered_record_exits_1(record: dict[str, Any], file: Path, published: Path) -> None:
    by_id = {verdict["id"]: verdict for verdict in record["verdicts"]}
    by_id["shape_texture.clip-over-supervised[vit]"]["difference"]["value"] += 1e-5
    by_id["mistakes.hard-factors[ViT]"]["verdict"] = "violated"
    by_id["mistakes.supervised-alike-elsewhere"]["verdict"] = "holds"
    record["verdicts"].remove(by_id["shape_texture.below-half[ViT-sup]"])
    file.write_text(json.dumps(record), encoding="utf-8")
    code, _, rows = table("published", file, published)
    assert code == 1
    assert {name for name, (*_, outcome) in rows.items() if outcome != "agrees"} == {
        "shape_texture.clip-over-supervised[vit]", "mistakes.hard-factors[ViT]",
        "mistakes.supervised-alike-elsewhere", "shape_texture.below-half[ViT-sup]",
    }  # fmt: skip


def test_verdicts_of_another_cast_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "verdicts.json"
    file.write_text(json.dumps({"cast": "drawn", "verdicts": []}), encoding="utf-8")
    code, output, rows = table("published", file, tmp_path)
    assert (code, rows) == (1, {})
    assert "is of the cast drawn" in output


def test_the_script_imports_nothing_of_the_suite() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    names = [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.split(".")[0] for name in names} - sys.stdlib_module_names == {"numpy", "scipy"}


GAPS = np.random.default_rng(7).normal(0.2, 1, 400)


def line(by_hand: ModuleType, shift: float = 0.0) -> Any:
    """Two comparisons that must both exceed 0: the weaker one is b."""
    estimates = {"a": by_hand.mean("vit", GAPS + 1), "b": by_hand.mean("vit", GAPS + shift)}
    return by_hand.judge("one[vit]", estimates, ">", by_hand.linearised)


def record_of(found: Any) -> dict[str, Any]:
    parts = [
        {"group": group, "value": part.value, "interval": [part.low, part.high], "verdict": part.word}
        for group, part in found.found.items()
    ]
    shown = parts.pop(0)
    difference = {"value": shown["value"], "interval": shown["interval"], "margin": found.numbers["margin"]}
    return {
        "id": found.id, "verdict": shown["verdict"], "level": found.numbers["level"], "difference": difference,
        "estimates": {"vit": {"value": found.numbers["vit"]}}, "parts": parts,
    }  # fmt: skip


NOT_ASKED = {"id": "two", "verdict": "out of scope", "level": 0.9, "difference": None, "estimates": {}, "parts": []}


def test_the_same_numbers_agree(by_hand: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    found = line(by_hand)
    assert found.found["verdict"].word == "holds"
    outcomes = by_hand.compare([found], [record_of(found), NOT_ASKED], "two")
    assert outcomes == {"one[vit]": "agrees", "two": "agrees"}
    assert capsys.readouterr().out.splitlines()[-1] == "2 verdicts: agrees 2, borderline 0, differs 0"


@pytest.mark.parametrize(
    ("where", "value", "outcome"),
    [
        (("difference", "value"), 1e-3, "differs: verdict "),
        (("difference", "value"), float("nan"), "differs: verdict "),
        (("difference", "margin"), 1e-3, "differs: margin "),
        (("level",), 0.05, "differs: level "),
        (("estimates", "vit", "value"), -1e-3, "differs: vit "),
        (("parts", 0, "value"), 1e-3, "differs: a "),
        (("parts", 1, "verdict"), "violated", "differs: b holds ≠ violated"),
        (("parts", 1, "group"), "c", "differs: other models or groups"),
        (("verdict",), "violated", "differs: verdict holds ≠ violated"),
        (("verdict",), "undecided", "differs: verdict holds ≠ undecided"),
        (("verdict",), "not measured", "differs: verdict holds ≠ not measured"),
        (("id",), "another", "differs: on one side only"),
    ],
)
def test_an_altered_record_differs(by_hand: ModuleType, where: tuple[Any, ...], value: Any, outcome: str) -> None:
    found = line(by_hand)
    record = copy.deepcopy(record_of(found))
    inner: Any = record
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value if isinstance(value, str) else inner[where[-1]] + value
    outcomes = by_hand.compare([found], [record], "two")
    assert outcomes["one[vit]"].startswith(outcome)


def test_what_the_suite_leaves_out_of_scope_by_itself_differs(by_hand: ModuleType) -> None:
    found = line(by_hand)
    left_out = {**NOT_ASKED, "id": "one[vit]"}
    assert by_hand.compare([found], [left_out], "one.*")["one[vit]"] == "differs: other models or groups"
    assert by_hand.compare([], [NOT_ASKED], "three")["two"] == "differs: on one side only"


def test_a_coin_toss_is_borderline_and_a_contradiction_is_not(by_hand: ModuleType) -> None:
    clear = line(by_hand).found["verdict"]
    close = line(by_hand, shift=0.05 * (clear.high - clear.low) / 2 - clear.low)  # the limit is just above the margin
    assert close.found["verdict"].word == "holds"
    record = record_of(close)
    record["verdict"] = record["parts"][1]["verdict"] = "undecided"
    outcome = by_hand.compare([close], [record], "")["one[vit]"]
    assert outcome == "borderline: verdict holds ≠ undecided; b holds ≠ undecided"
    record["verdict"] = "violated"
    assert by_hand.compare([close], [record], "")["one[vit]"] == "differs: verdict holds ≠ violated"


def test_intervals_by_hand_are_those_of_the_textbook(by_hand: ModuleType) -> None:
    estimate = by_hand.mean("vit", GAPS)
    half = 1.6486 * GAPS.std(ddof=1) / 20  # t with 399 degrees of freedom, one-sided 5 %
    assert by_hand.linearised(estimate, 0.05) == pytest.approx((GAPS.mean() - half, GAPS.mean() + half), abs=1e-5)
    assert by_hand.resampled(estimate, 0.05) == pytest.approx((GAPS.mean() - half, GAPS.mean() + half), abs=0.1 * half)
    twice = by_hand.mean("vit", np.repeat(GAPS, 2))
    assert by_hand.linearised(twice, 0.05, np.repeat(np.arange(400), 2)) == pytest.approx(
        by_hand.linearised(estimate, 0.05)
    )


def test_one_of_several_comparisons_may_be_spared(by_hand: ModuleType) -> None:
    values = {"a": 0.5, "b": 0.4, "c": -0.5, "small": -9.0}
    estimates = {name: by_hand.mean("vit", GAPS - GAPS.mean() + value) for name, value in values.items()}
    all_needed, one_spared = (
        by_hand.judge("m", estimates, ">", by_hand.linearised, spare=spare, small={"small"}) for spare in (0, 1)
    )
    assert (all_needed.found["verdict"].word, all_needed.found["verdict"].value) == ("violated", pytest.approx(-0.5))
    assert all_needed.numbers["level"] == pytest.approx(1 - 2 * 0.05 / 3)
    assert (one_spared.found["verdict"].word, one_spared.found["verdict"].value) == ("holds", pytest.approx(0.4))
    assert one_spared.numbers["level"] == pytest.approx(0.95)
