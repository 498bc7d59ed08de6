"""Each defect that is planted in a network is told by the verdict that should tell it, from pictures to interval."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from filelock import FileLock

from benchmarks.defects import BEGIN, END, PAGE, page, planted, row
from demeanour.models.remembered import RUN
from demeanour.verdicts.verdict import Verdict
from tests.evaluation.planted import DEFECTS, Defect
from tests.evaluation.planted_casts import Planted

EACH = pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
NUMBER = re.compile(r"[+−]\d+\.\d+")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    """Drawn and evaluated once, by whichever of pytest's workers comes first."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "planted"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(RUN, "planted")
        with FileLock(folder / "lock"):
            if not (folder / "evaluated").exists():
                planted(folder)
                (folder / "evaluated").touch()
        yield Planted(folder / "garden", folder / "world")


def both(found: Planted, defect: Defect, verdict: str) -> tuple[Verdict, Verdict]:
    """What a verdict says of the clean network and of the defective one."""
    return found.verdict(defect, verdict, planted=False), found.verdict(defect, verdict, planted=True)


@EACH
def test_the_verdict_that_should_tell_turns(found: Planted, defect: Defect) -> None:
    clean, defective = both(found, defect, defect.verdict)
    print(f"{defect.verdict}: {clean.reason} | {defective.reason}")
    assert (clean.verdict, defective.verdict) == (defect.clean, defect.defective)
    assert {defect.clean, defect.defective} == {"holds", "violated"}
    assert clean.difference is not None
    assert defective.difference is not None
    lower, upper = sorted([clean.difference.interval, defective.difference.interval])
    assert lower[1] < -clean.difference.margin < upper[0]   # a tolerance, below 0; of all others 0


@pytest.mark.parametrize("defect", [one for one in DEFECTS if one.unmoved], ids=lambda defect: defect.name)
def test_another_verdict_alone_would_not_do(found: Planted, defect: Defect) -> None:
    assert defect.unmoved is not None
    assert [one.verdict for one in both(found, defect, defect.unmoved)] == ["holds", "holds"]


@EACH
def test_the_page_says_what_is_measured(found: Planted, defect: Defect) -> None:
    """Digits may differ: another processor rounds otherwise, and a head is fitted."""
    told = row(defect, *both(found, defect, defect.verdict))
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {defect.planted} |")]
    assert [NUMBER.sub("x", line) for line in lines] == [NUMBER.sub("x", told)], "run benchmarks/defects.py"
    on_page, measured = ([float(one.replace("−", "-")) for one in NUMBER.findall(text)] for text in (lines[0], told))
    assert on_page == pytest.approx(measured, abs=0.02)


def test_the_page_has_a_row_for_each_defect_and_no_other() -> None:
    table = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip().splitlines()
    assert [line.split(" | ")[0].removeprefix("| ") for line in table[2:]] == [one.planted for one in DEFECTS]
    with pytest.raises(ValueError, match="defects: begin"):
        page([], "a page without marks")
