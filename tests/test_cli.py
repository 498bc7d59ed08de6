"""The commands around the suite, called as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import yaml

from demeanour.cli import main
from demeanour.datasets.catalogue import PUBLISHED
from demeanour.evidence.failures import note_failure
from demeanour.evidence.gather import Evidence
from demeanour.evidence.plan import Unit
from demeanour.evidence.store import Store
from demeanour.findings.load import load_cast
from tests.pretended_cast import IMAGES, SIDES, UNITS, VIEWS, answer_all, opened, write_pretended
from tests.small_cast import finding, write_small
from tests.suite_run import ROOT


@pytest.fixture(autouse=True)
def _in_the_clone(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path_factory.getbasetemp() / "cli-store"))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    write_small(tmp_path)
    return tmp_path


def own(folder: Path) -> list[str]:
    return ["--cast", str(folder / "small.yaml"), "--findings", str(folder / "findings")]


def without_expectations(folder: Path) -> str:
    """The small cast for commands that read the project's own findings."""
    write_small(folder, expect={})
    return str(folder / "small.yaml")


def test_lint_is_content_with_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint"]) == 0
    assert "findings and" in capsys.readouterr().out


def test_lint_tells_every_problem_of_every_file(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    findings, cast = small / "findings" / "small.yaml", small / "small.yaml"
    text = findings.read_text().replace("measure: top1", "measure: topp1")
    findings.write_text(text.replace("margin: 0.2", "margin: '2%'"))
    cast.write_text(cast.read_text().replace("paradigm: clip", "paradigm: clipp"))
    assert main(["lint", *own(small)]) == 12
    lines = capsys.readouterr().out.splitlines()
    assert sum("there is no measure 'topp1'; did you mean 'top1'?" in line for line in lines) == 2
    assert sum("expected a number, found '2%'" in line for line in lines) == 1
    assert all(str(findings) in line or str(cast) in line for line in lines[:-1])
    assert lines[-1] == f"{len(lines) - 1} problems"


def test_plan_names_verdicts_and_tables(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", *own(small)]) == 0
    out = capsys.readouterr().out
    assert "3 verdicts" in out
    assert "small.worse[vit]  top1 of sup, clip; expected: violated" in out
    assert f"clip on tiny: {small / 'clip.csv'}" in out


def test_plan_says_what_is_missing(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small / "clip.csv").unlink()
    assert main(["plan", *own(small), "-k", "better"]) == 11
    out = capsys.readouterr().out
    assert "1 verdicts" in out
    assert "clip on tiny: MISSING:" in out


def test_plan_says_where_published_sets_can_be_had(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEMEANOUR_PUBLISHED", raising=False)
    assert main(["plan", "--cast", "published", "-k", "mistakes.clip-smaller"]) == 0   # of no model of this cast
    out = capsys.readouterr().out
    assert out.startswith("0 verdicts of the cast 'published' (as published):\n")
    assert "\n0 prediction tables, and what they are joined with:\n" in out
    assert "\n1 out of scope of this cast:\n  M1   mistakes.clip-smaller-error-ratio: " in out
    assert main(["plan", "--cast", "published", "-k", "mistakes.hard-factors"]) == 11
    obtain = PUBLISHED["imagenet-x"].obtain
    assert f"\nimagenet-x can be had from: {obtain}\n" in capsys.readouterr().out


def test_plan_says_what_networks_are_still_to_be_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "cache"))
    arguments = write_pretended(tmp_path)
    answer_all(tmp_path, "vit")
    assert main(["plan", *arguments]) == 0
    out = capsys.readouterr().out
    assert f"\n{UNITS} pieces of evidence from networks, and the data sets:\n" in out
    assert "prediction tables" not in out
    for what in ("pictures", "pictures, logits", *(f"pictures ({view})" for view in VIEWS)):
        assert f"  vit on {what}: evaluated\n" in out
        assert f"  convnext on {what}: to evaluate, {IMAGES} pictures\n" in out
    assert f"  pictures: {tmp_path / 'pictures'}\n  zoomed: views\n" in out
    assert f"\nto evaluate: {IMAGES} pictures to decode, {3 * IMAGES} passes through networks\n" in out
    assert "\nmodels:\n  convnext: convnext, supervised\n  vit: vit, supervised\n" in out
    answer_all(tmp_path, "convnext")
    assert main(["plan", *arguments]) == 0
    out = capsys.readouterr().out
    assert out.count(": evaluated\n") == UNITS
    assert "to evaluate" not in out


def test_plan_of_some_verdicts_needs_what_these_need_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "cache"))
    assert main(["plan", *write_pretended(tmp_path), "-k", "zoomed"]) == 0
    out = capsys.readouterr().out
    assert "\n4 pieces of evidence" in out
    assert f"\nto evaluate: {IMAGES} pictures to decode, {4 * IMAGES} passes through networks\n" in out


@pytest.mark.parametrize("lacking", ["vit.safetensors", "pictures"])
def test_plan_says_what_networks_cannot_be_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "cache"))
    arguments = write_pretended(tmp_path)
    (tmp_path / lacking).rename(tmp_path / "elsewhere")
    assert main(["plan", *arguments]) == 11
    out = capsys.readouterr().out
    missing = f"MISSING: {tmp_path / lacking} is missing"
    told = "MISSING: pictures, see below\n" if lacking == "pictures" else missing
    assert f"  vit on pictures (scale/1.5): {told}" in out
    assert (f"  pictures: {missing}" in out) == (lacking == "pictures")
    left = f"\nto evaluate: {IMAGES} pictures to decode, {3 * IMAGES} passes through networks\n"
    assert (left in out) == (lacking == "vit.safetensors")
    assert ("to evaluate" in out) == (lacking == "vit.safetensors")


def test_plan_says_which_annotations_are_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "cache"))
    size = {"images": IMAGES, "classes": 10}
    seen = {"reader": "folder", "root": "pictures", **size}
    marks = {"reader": "imagenet-x", "root": "marks", **size}
    arguments = write_pretended(tmp_path, data={"imagenet-val": seen, "imagenet-x": marks})
    marked = finding("marked", data="imagenet-x", compare=SIDES)
    (tmp_path / "findings" / "small.yaml").write_text(yaml.safe_dump([marked]))
    assert main(["plan", *arguments]) == 11
    out = capsys.readouterr().out
    assert f"  vit on imagenet-val: to evaluate, {IMAGES} pictures\n" in out
    assert f"  imagenet-val: {tmp_path / 'pictures'}\n  imagenet-x: MISSING: {tmp_path / 'marks'}" in out


def test_plan_says_what_failed_the_last_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "cache"))
    arguments = write_pretended(tmp_path)
    cast = opened(tmp_path).cast
    note_failure(tmp_path / "cache", cast, Unit("vit", "pictures"), "the weights do not fit")
    assert main(["plan", *arguments]) == 11
    told = f"  vit on pictures: to evaluate, {IMAGES} pictures; FAILED the last time: the weights do not fit\n"
    assert told in capsys.readouterr().out


def test_plan_of_networks_beside_predictions_tells_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "cache"))
    of_table = {"source": "predictions:convnext.csv", "architecture": "convnext", "data": ["pictures"]}
    network = {"source": "timm:vit_of_mine@vit.safetensors", "architecture": "vit"}
    models = {"vit": network, "convnext": of_table}
    arguments = write_pretended(tmp_path, models={key: {**card, "paradigm": "x"} for key, card in models.items()})
    assert main(["plan", *arguments, "-k", "plain"]) == 11
    out = capsys.readouterr().out
    assert "\n1 prediction tables:\n  convnext on pictures: MISSING:" in out
    assert f"\n1 pieces of evidence from networks, and the data sets:\n  vit on pictures: to evaluate, {IMAGES}" in out
    (tmp_path / "convnext.csv").write_text("id,prediction\n")
    assert main(["plan", *arguments, "-k", "plain"]) == 0


def test_measure_prints_documented_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cast = without_expectations(tmp_path)
    assert main(["measure", "top1", "--cast", cast, "--data", "tiny", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result.keys() == {"measure", "data", "level", "values"}
    assert (result["measure"], result["data"], result["level"]) == ("top1", "tiny", 0.95)
    found = result["values"]["sup"]["all"]
    assert found["value"] == 0.8
    assert found["n"] == 400
    low, high = found["interval"]
    assert low < 0.8 < high
    assert result["values"].keys() == {"sup", "clip"}


def test_measure_prints_a_table_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", "signed_gap", "--cast", without_expectations(tmp_path), "--data", "tiny"]) == 0
    out = capsys.readouterr().out
    assert "signed_gap (confidence − accuracy) on tiny" in out
    assert "sup" in out
    assert "n=400" in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["topp1", "--data", "tiny"], 12, "did you mean 'top1'?"),
        (["top1", "--data", "tinny"], 12, "did you mean 'tiny'?"),
        (["shape_bias", "--data", "tiny"], 11, "have no column 'shape'"),
    ],
)
def test_measure_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    assert main(["measure", *arguments, "--cast", without_expectations(tmp_path)]) == code
    assert words in capsys.readouterr().err


def test_measure_of_a_missing_table_keeps_the_others_and_exits_11(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cast = without_expectations(tmp_path)
    (tmp_path / "clip.csv").unlink()
    assert main(["measure", "top1", "--cast", cast, "--data", "tiny", "--json"]) == 11
    captured = capsys.readouterr()
    assert json.loads(captured.out)["values"].keys() == {"sup"}
    assert "clip.csv is missing" in captured.err


def test_import_converts_and_what_it_writes_is_read_the_same(tmp_path: Path) -> None:
    cast = without_expectations(tmp_path)
    output = tmp_path / "out" / "tiny.parquet"
    assert main(["import", str(tmp_path / "sup.csv"), "--data", "tiny", "--cast", cast, "-o", str(output)]) == 0
    table = pyarrow.parquet.read_table(output)
    assert table.column_names == ["id", "prediction", "confidence"]
    assert len(table) == 400
    file = tmp_path / "small.yaml"
    file.write_text(file.read_text().replace("predictions:sup.csv", "predictions:out"))
    loaded = load_cast(file)[0]
    assert loaded is not None
    evidence = Evidence(loaded, Store(tmp_path / "store"))
    assert evidence.observations("sup", "tiny").column("correct").mean() == 0.8


def test_import_refuses_what_does_not_fit_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cast = without_expectations(tmp_path)
    table = tmp_path / "sup.csv"
    table.write_text(table.read_text().replace("0007.png", "seven.png"))
    output = tmp_path / "tiny.parquet"
    assert main(["import", str(table), "--data", "tiny", "--cast", cast, "-o", str(output)]) == 11
    assert "1 unknown ids, such as 'seven.png'" in capsys.readouterr().err
    assert not output.exists()


def test_import_of_an_unpublished_set_takes_its_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    file, output = tmp_path / "mine.npz", tmp_path / "mine.parquet"
    ids = [f"{i}.jpg" for i in range(30)]
    np.savez(file, logits=rng.normal(size=(30, 6)), labels=rng.integers(6, size=30), ids=ids)
    arguments = ["import", str(file), "--data", "mine", "-o", str(output)]
    assert main(arguments) == 11
    assert "must say how many `images` and `classes`" in capsys.readouterr().err
    assert main([*arguments, "--images", "30", "--classes", "6"]) == 0
    assert set(pyarrow.parquet.read_table(output).column_names) >= {"id", "top5", "log_sum_exp", "rank_of_label"}
    assert main([*arguments, "--images", "31", "--classes", "6"]) == 11


def test_import_of_rows_without_ids_needs_the_name_of_their_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("predictions,true_label,Output,probabilities\n\n1,00001,3.5,.9\n\n0,00001,2.5,.8\n")
    sizes = ["--images", "2", "--classes", "2"]
    arguments = ["import", str(file), "--data", "mine", *sizes, "-o", str(tmp_path / "r.parquet")]
    assert main(arguments) == 11
    assert "its rows have no ids" in capsys.readouterr().err
    assert main([*arguments, "--order", "ours"]) == 0
    assert pyarrow.parquet.read_table(tmp_path / "r.parquet")["id"].to_pylist() == ["ours:00000000", "ours:00000001"]


def test_import_does_not_overwrite_what_it_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cast = without_expectations(tmp_path)
    output = tmp_path / "tiny.parquet"
    assert main(["import", str(tmp_path / "sup.csv"), "--data", "tiny", "--cast", cast, "-o", str(output)]) == 0
    before = output.read_bytes()
    assert main(["import", str(output), "--data", "tiny", "--cast", cast, "-o", str(output)]) == 11
    assert output.read_bytes() == before
    assert main(["import", str(output), "--data", "tiny", "--cast", cast, "-o", str(tmp_path / "x.csv")]) == 12
    assert "name it x.parquet" in capsys.readouterr().err
