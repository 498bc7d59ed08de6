"""The promises about error rates: what was measured is within its bounds, and is what the page says."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from benchmarks.coverage_table import BEGIN, PAGE, RESULTS, bound, out_of_bounds, page, tables
from demeanour.measures.registry import MEASURES


@pytest.fixture
def measured() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return content


def test_everything_that_decides_is_within_its_bounds(measured: dict[str, Any]) -> None:
    assert list(out_of_bounds(measured)) == []
    assert measured["replicates"] >= 4000


def test_every_measure_that_decides_was_studied_where_the_promise_holds(measured: dict[str, Any]) -> None:
    large = {row["measure"] for row in measured["rows"] if row["n"] >= 2000 and row["coverage"] is not None}
    alike = {"top5": "top1", "multilabel_top1": "top1"}   # shares of images, decided by the same code
    studied = {name for name, one in MEASURES.items() if one.decides and not one.of_network}   # of images
    assert studied - alike.keys() <= large
    sizes = {row["n"] for row in measured["rows"]}
    assert {50, 200, 500, 2000, 10_000, 50_000} <= sizes


def test_the_page_says_what_was_measured(measured: dict[str, Any]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert BEGIN in text
    assert page(measured, text) == text, "run benchmarks/coverage_table.py"


def test_the_page_says_of_every_number_from_how_many_samples_it_is(measured: dict[str, Any]) -> None:
    told: dict[tuple[str, str], str] = {}
    for line in PAGE.read_text(encoding="utf-8").split("| samples |")[1].split("\n\n")[0].splitlines()[2:]:
        samples, n, which = (cell.strip() for cell in line.split("|")[1:4])
        told |= {(n, name): samples for name in which.split(", ")}
    for row in measured["rows"]:
        n = "from 2,000 on" if row["n"] >= 2000 else "below 2,000"
        assert told.get((n, f"`{row['measure']}`"), told[n, "all others"]) == f"{row['replicates']:,}", row


def test_one_scenario_of_fewer_samples_is_told_by_its_name(measured: dict[str, Any]) -> None:
    altered = copy.deepcopy(measured)
    row = next(row for row in altered["rows"] if (row["n"], row["measure"]) == (2000, "top1"))
    row["replicates"] = 800
    assert f"| 800 | from 2,000 on | `top1` ({row['scenario']}) | 0.0077 | 0.0654 |" in tables(altered)


def test_the_bootstrap_of_ece_is_shown_as_the_warning_that_it_is(measured: dict[str, Any]) -> None:
    rows = [row for row in measured["rows"] if row["measure"] == "ece"]
    assert rows
    assert all(row["coverage"] < 0.2 for row in rows)


def test_two_standard_errors_of_four_thousand_replicates() -> None:
    assert bound(4000) == pytest.approx(0.05 + 2 * 0.003446, abs=1e-5)


@pytest.mark.parametrize(
    ("what", "value"), [("coverage", 0.929), ("released", 0.064), ("blocked", 0.064)]
)  # fmt: skip
def test_what_is_out_of_bounds_is_told(measured: dict[str, Any], what: str, value: float) -> None:
    altered = copy.deepcopy(measured)
    row = next(row for row in altered["rows"] if row["n"] == 2000 and row["measure"] == "top1")
    row[what] = value
    assert [what in line for line in out_of_bounds(altered)] == [True]
    row[what], row["n"] = value, 500   # below 2,000 nothing is promised
    assert list(out_of_bounds(altered)) == []


def test_a_family_that_errs_too_often_is_told(measured: dict[str, Any]) -> None:
    altered = copy.deepcopy(measured)
    promised = next(family for family in altered["families"] if "promised" in family)
    promised["share"] = 0.07
    assert list(out_of_bounds(altered)) == [f"{promised['what']}: 0.0700"]
