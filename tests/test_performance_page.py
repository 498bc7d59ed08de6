"""The page on speed says what was measured; both sides see the same, and what was made faster says the same."""

from __future__ import annotations

import copy
import io
import json
import platform
import resource
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.evaluation import PAGE, RESULTS, SWEEPS, _cast, _ready
from benchmarks.evaluation_page import TITLES, page, part
from benchmarks.evaluation_pictures import SIZES, described, drawn, fill
from benchmarks.evaluation_sides import Case, ours, timm_loop
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evaluation import evaluator as evaluating
from demeanour.evaluation.passes import keep_memory
from demeanour.evidence.logits import columns_of_logits
from demeanour.statistics.seeds import generator

NETWORK = "miniature_convnext"
SAME = 1e-4   # of a probability, in fp32: batches and threads round otherwise


# --- what is kept, and the page ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return content


def test_the_page_says_what_was_measured(kept: dict[str, Any]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert "cpu" in kept
    assert page(kept, text) == text, "run benchmarks/evaluation.py page"


def test_each_picture_was_decoded_once_and_each_answer_computed_once(kept: dict[str, Any]) -> None:
    for content in kept.values():
        for row in content["single"]:
            assert row["decoded"] == row["passed"] == row["decoded_by_loop"] == row["pictures"]
        for row in content["sweeps"]:
            pairs = len(row["networks"]) * len(row["views"])
            assert row["decoded"] == row["pictures"]
            assert row["passed"] == row["decoded_by_loop"] == pairs * row["pictures"]


def test_both_sides_said_the_same(kept: dict[str, Any]) -> None:
    for content in kept.values():
        for row in (*content["single"], *content["sweeps"]):
            if content["numerics"] == "fp32":
                assert row["apart"] < SAME


def content_by_hand() -> dict[str, Any]:
    rounds = [
        {"timm": 10.0, "ours": 8.0, "inside": 15.2, "ceiling": 7.6},
        {"timm": 20.0, "ours": 8.0, "inside": 14.4, "ceiling": 7.2},
        {"timm": 9.0, "ours": 10.0, "inside": 19.8, "ceiling": 9.9},
    ]
    single = {
        "network": "a_network", "parameters": 86_567_656, "side": 224, "pictures": 40, "batch": 20, "decoded": 40,
        "passed": 40, "decoded_by_loop": 40, "apart": 2e-7, "rounds": rounds,
    }  # fmt: skip
    sweep = {
        "networks": [{"network": name, "parameters": 1, "side": side} for name, side in (("one", 64), ("two", 96))],
        "views": ["scale/1", "scale/2", "shift/5"], "pictures": 10, "batch": 10, "decoded": 10, "passed": 60,
        "decoded_by_loop": 60, "apart": 3e-6, "rounds": [{"timm": 9.0, "ours": 3.0}, {"timm": 8.0, "ours": 2.0}],
    }  # fmt: skip
    return {
        "machine": "two cores", "cores": 2, "numerics": "fp32", "minutes": 9.6, "photographs": False,
        "packages": {"python": "3", "torch": "2", "timm": "1", "pillow": "11"},
        "pictures": {"count": 40, "kilobytes": 101, "megapixels": 0.18}, "single": [single], "sweeps": [sweep],
    }  # fmt: skip


def cells(text: str, beginning: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {beginning}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_rates_are_medians_and_ratios_are_formed_within_a_round() -> None:
    told = part("cpu", content_by_hand())
    assert cells(told, "`a_network`") == [
        "`a_network` (87 M, 224)", "40", "4.0", "5.0", "1.25 [0.90, 2.50]", "5.3", "95.0 % [90.0, 99.0]", "40", "40",
        "5.0 % [1.0, 10.0]",
    ]  # fmt: skip
    assert cells(told, "demeanour") == ["demeanour", "2.5", "10", "60", "3.50 [3.00, 4.00]"]
    assert "2 networks in 3 views (scale 1, 2; shift 5)" in told
    assert "differs by at most 0.0003 %" in told   # the sweeps', which is the larger


def test_on_a_gpu_no_core_makes_passes_and_what_is_not_measured_says_so() -> None:
    told = part("cuda", content_by_hand())
    assert len(cells(told, "`a_network`")) == 9
    assert "outside passes" not in told
    assert part("cuda", None) == "Not measured yet."


def test_a_page_without_marks_is_refused() -> None:
    text = "".join(f"<!-- {device}: begin --><!-- {device}: end -->" for device in TITLES)
    assert "two cores" in page({"cpu": content_by_hand()}, text)
    with pytest.raises(ValueError, match="cuda: begin"):
        page({}, text.replace("<!-- cuda: begin -->", ""))


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_drawn_pictures_are_jpegs_of_a_photograph_s_size_and_the_same_each_time(tmp_path: Path) -> None:
    for number, size in enumerate(SIZES):
        data = drawn(number)
        with Image.open(io.BytesIO(data)) as picture:
            assert (picture.format, picture.size) == ("JPEG", size)
        assert 70_000 < len(data) < 130_000
    assert drawn(0) == drawn(0) != drawn(1)
    fill(tmp_path, 3)
    assert described(tmp_path)["count"] == 3


def test_photographs_are_chosen_evenly_and_too_few_are_refused(tmp_path: Path) -> None:
    (tmp_path / "from" / "deep").mkdir(parents=True)
    for number in range(6):
        Image.new("RGB", (8 + number, 8)).save(tmp_path / "from" / "deep" / f"{number}.PNG")
    fill(tmp_path / "to", 3, tmp_path / "from")
    widths = []
    for path in sorted((tmp_path / "to").rglob("*.png")):
        with Image.open(path) as picture:
            widths.append(picture.width)
    assert widths == [8, 10, 12]
    with pytest.raises(NotMeasuredError, match="holds 6 pictures, 7 are needed"):
        fill(tmp_path / "more", 7, tmp_path / "from")


# --- both sides -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("views", [("plain",), ("scale/1.5", "shift/5", "resolution/96")], ids=["one", "several"])
def test_both_sides_see_the_same_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, views: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DEMEANOUR_CORES", "1")
    monkeypatch.setattr(evaluating, "Networks", evaluating.Networks)   # put back afterwards
    protocol = "native" if views == ("plain",) else "paper"
    cast = _cast(tmp_path, (NETWORK,), 6, protocol, Namespace(photographs=None, numerics="fp32"))
    case = Case(cast, tuple((NETWORK, view) for view in views), "cpu", 3)
    made: dict[str, Any] = {}

    def ask(side: str, what: Any) -> dict[str, Any]:
        if isinstance(what, Case):
            made[side] = {"ours": ours, "timm": timm_loop}[side](what)
            return made[side]("networks")
        return made[side](what)

    told, apart, counted = _ready(case, ask)
    assert told[NETWORK]["side"] == 64
    assert apart < SAME
    assert counted == {"decoded": 6, "passed": 6 * len(views), "decoded_by_loop": 6 * len(views)}
    again = ask("ours", "run")
    assert (again["decoded"], again["passed"]) == (6, 6 * len(views))   # evidence of the run before is gone
    assert 0 < again["inside"] < again["seconds"]
    if views == ("plain",):
        assert ask("ours", "ceiling")["pictures"] == 32


def test_a_network_that_fails_stops_the_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMEANOUR_CORES", "1")
    monkeypatch.setattr(evaluating, "Networks", evaluating.Networks)
    cast = _cast(tmp_path, (NETWORK,), 2, "native", Namespace(photographs=None, numerics="fp32"))
    side = ours(Case(cast, ((NETWORK, "plain"),), "cpu", 2))
    path = next((tmp_path / "pictures-2").rglob("*.jpg"))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(RuntimeError, match="cannot be decoded"):
        side("run")


def test_the_sweeps_are_those_of_the_paper() -> None:
    assert SWEEPS[:5] == ("scale/1", "scale/1.25", "scale/1.5", "scale/2", "scale/3")
    assert SWEEPS[5:10] == ("shift/0", "shift/5", "shift/30", "shift/75", "shift/100")
    assert SWEEPS[10:] == ("resolution/112", "resolution/224", "resolution/336", "resolution/512", "resolution/640")


# --- what was made faster ---------------------------------------------------------------------------------------------


def columns_as_defined(scores: np.ndarray) -> dict[str, np.ndarray]:
    """By a stable sort, and softmax as its formula has it."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    total = np.exp(shifted).sum(axis=1)
    probabilities = np.exp(shifted) / total[:, None]
    return {
        "prediction": scores.argmax(axis=1), "confidence": probabilities.max(axis=1),
        "sum_p2": np.minimum((probabilities**2).sum(axis=1), 1), "log_sum_exp": np.log(total) + scores.max(axis=1),
        "top5": np.argsort(-scores, axis=1, kind="stable")[:, :5],
    }  # fmt: skip


def test_columns_of_logits_are_those_of_a_stable_sort_to_the_last_bit() -> None:
    dice = generator("logits of the performance page")
    for classes, step in ((5, 0.5), (16, 0.25), (1000, 0.01), (1000, None)):
        logits = dice.normal(scale=3, size=(50, classes))
        if step:   # many share a value, but the largest is one's own
            logits = np.round(logits / step) * step
            logits[np.arange(50), dice.integers(0, classes, 50)] = logits.max(axis=1) + step
        found = columns_of_logits(logits.astype(np.float32), None, "here")
        for name, expected in columns_as_defined(logits.astype(np.float32).astype(np.float64)).items():
            assert found[name].tobytes() == expected.astype(found[name].dtype).tobytes(), name


@pytest.mark.parametrize("classes", [2, 16, 1000])
def test_a_tie_of_the_largest_is_refused_wherever_it_is(classes: int) -> None:
    for other in {0, (classes - 1) // 2, classes - 2}:
        logits = np.zeros((3, classes))
        logits[[0, 1], [1, 0]] = 7
        logits[2, [other, classes - 1]] = 7
        with pytest.raises(EvidenceError, match="in 1 rows, first row 2"):
            columns_of_logits(logits, None, "here")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's memory is kept")
def test_memory_that_is_kept_is_not_cleared_again() -> None:
    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            torch.ones(2**24)   # 64 MB, 16,384 pages
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    assert keep_memory()
    assert min(faults() for _ in range(5)) < 1_000   # the first ones fill what is kept


def test_a_row_that_lacks_a_number_is_no_page() -> None:
    altered = copy.deepcopy(content_by_hand())
    altered["single"][0]["rounds"] = []
    with pytest.raises(ValueError, match="no median"):
        part("cpu", altered)
