"""The cast `drawn`: drawn once, read like anybody's tables, with answers that follow from how it is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from demeanour.errors import NotMeasuredError
from demeanour.evidence.drawn import MODELS, draw_cast, drawn_folder
from demeanour.evidence.gather import Evidence
from demeanour.evidence.sources import expand
from demeanour.evidence.store import Store
from demeanour.findings.thresholds import load_thresholds
from demeanour.measures.registry import MEASURES
from tests.suite_run import ROOT, WholeRuns


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    cast = load_thresholds("drawn", None, ROOT / "thresholds").cast
    return Evidence(cast, Store(tmp_path_factory.mktemp("store")))


def value(evidence: Evidence, name: str, model: str, data: str, group: str = "all") -> float:
    measure = MEASURES[name]
    observed = evidence.observations(model, data)
    return float(measure.values(tuple(observed.column(need) for need in measure.needs))[group])


@pytest.mark.parametrize("model", MODELS)
def test_the_rates_are_those_of_the_process(evidence: Evidence, model: str) -> None:
    drawn = MODELS[model]
    assert value(evidence, "top1", model, "imagenet-val") == pytest.approx(drawn.accuracy[0], abs=0.01)
    assert value(evidence, "top1", model, "imagenet-r") == pytest.approx(drawn.accuracy[1], abs=0.012)
    shape, texture = drawn.shape_texture
    assert value(evidence, "cue_coverage", model, "cue-conflict") == pytest.approx(shape + texture, abs=0.05)
    assert value(evidence, "shape_bias", model, "cue-conflict") == pytest.approx(shape / (shape + texture), abs=0.08)
    assert value(evidence, "error_ratio", model, "imagenet-x", "pose") == pytest.approx(drawn.ratios[0], abs=0.06)


def test_clip_is_drawn_overconfident_and_supervised_not(evidence: Evidence) -> None:
    for model in MODELS:
        gap = value(evidence, "signed_gap", model, "imagenet-val")
        assert (gap > 0.05) if "clip" in model else (gap < 0)


def test_the_same_seed_gives_the_same_tables_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        draw_cast(tmp_path / name, seed)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) == 4 + 3 * len(MODELS)
    same = [(tmp_path / "one" / file).read_bytes() == (tmp_path / "again" / file).read_bytes() for file in files]
    assert all(same)
    differ = [(tmp_path / "one" / file).read_bytes() != (tmp_path / "other" / file).read_bytes() for file in files]
    assert np.mean(differ) > 0.9


def test_an_unfinished_draw_is_drawn_again(tmp_path: Path) -> None:
    folder = drawn_folder(tmp_path)
    unfinished = folder.with_suffix(".part")
    folder.replace(unfinished)
    (unfinished / "imagenet-val.labels.csv").unlink()
    assert (drawn_folder(tmp_path) / "imagenet-val.labels.csv").is_file()


def test_a_run_of_it_needs_nothing_and_is_as_expected(whole_run: WholeRuns) -> None:
    run = whole_run("drawn", workers=2)
    assert run.code == 0, run.output
    assert run.verdicts["cast"] == "drawn"
    words = list(run.words.values())
    assert len(words) == 76
    assert words.count("holds") > 30
    assert "not measured" not in words


def test_a_folder_that_cannot_be_written_is_not_measured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NotMeasuredError, match="cannot be written"):
        expand("drawn:ViT-sup", tmp_path, tmp_path / "file" / "store")
