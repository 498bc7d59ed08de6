"""Pinned baselines: what is copied, that a gate decides by it as by the model itself, and what is refused."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import yaml

from demeanour.cli import main
from demeanour.errors import ThresholdsError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import Store, read_table
from demeanour.findings import baseline as baselines
from demeanour.findings.baseline import FILE, Baseline, Pinned, read_baseline, sealed
from demeanour.findings.candidates import Trial
from demeanour.findings.thresholds import Thresholds, load_thresholds, with_trial
from demeanour.reporting.drift import drift_lines, drift_table
from demeanour.verdicts import pinning
from demeanour.verdicts.drift import drift_of_baseline, drift_of_candidates
from demeanour.verdicts.gate import judge_case
from demeanour.verdicts.verdict import Verdict
from tests.small_gate import ACCURACY, FLOOR, LIKELIHOOD, SAME, WORSE, requirement, write_gate
from tests.suite_run import ROOT, Suite

N, RIGHT, RIGHT_WORSE = 400, 320, 260
PLACES = {"--cast": "small.yaml", "--findings": "findings", "--gate": "policy.yaml"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small cast with a policy, and a store of its own, in a folder from which commands run.

    With no other casts and findings beside it: to read the project's takes longer than all else here.
    """
    write_gate(tmp_path)
    (tmp_path / "thresholds" / "casts").mkdir(parents=True)
    shutil.copytree(tmp_path / "findings", tmp_path / "thresholds" / "findings")
    shutil.copy(ROOT / "thresholds" / "findings" / "papers.yaml", tmp_path / "thresholds" / "findings")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "cache"))
    return tmp_path


def options(folder: Path) -> list[str]:
    return [part for name, place in PLACES.items() for part in (name, str(folder / place))]


def record(folder: Path, *more: str, out: str = "base", role: str = "sup") -> int:
    return main(["baseline", "record", "--as", role, "--out", str(folder / out), *options(folder), *more])


def on_trial(folder: Path, trial: Trial) -> Thresholds:
    loaded = load_thresholds(str(folder / "small.yaml"), folder / "findings", folder / "thresholds")
    return with_trial(loaded, trial, folder / "policy.yaml", folder / "thresholds")


def gate(folder: Path, candidate: str = WORSE, base: str | None = "base") -> dict[str, Verdict]:
    """What a gate says in this process, nothing remembered."""
    shutil.rmtree(folder / "cache", ignore_errors=True)
    thresholds = on_trial(folder, Trial("sup", (str(folder / candidate),), folder / base if base else None))
    evidence = Evidence(thresholds.cast, Store(folder / "cache", print))
    return {name: judge_case(case, evidence) for name, case in thresholds.cases.items()}


def table_of(folder: Path) -> Path:
    return next((folder / "predictions").glob("*.parquet"))


def change(folder: Path, **changes: Any) -> None:
    """The cast, changed."""
    cast = yaml.safe_load((folder / "small.yaml").read_text())
    (folder / "small.yaml").write_text(yaml.safe_dump({**cast, **changes}, sort_keys=False))


def rewrite(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """The manifest changed, and sealed anew: as a later version, or somebody else, might write it."""
    content = json.loads((folder / FILE).read_text())["baseline"]
    edit(content)
    (folder / FILE).write_text(sealed(Pinned.model_validate_json(json.dumps(content))))


def answers(folder: Path, name: str, right: int) -> None:
    """A table of a model that is right on the first so many images."""
    labels = [line.split(",") for line in (folder / "labels.csv").read_text().splitlines()[1:]]
    rows = [f"{i},{y if row < right else (int(y) + 1) % 10},0.9\n" for row, (i, y) in enumerate(labels)]
    (folder / name).write_text("id,prediction,confidence\n" + "".join(rows))


# what is written


def test_what_is_pinned_is_what_the_model_is_and_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert record(folder, "--reason", "went into production in May") == 0
    found = read_baseline(folder / "base")
    assert (found.role, found.reason, found.source) == ("sup", "went into production in May", "predictions:sup.csv")
    assert (found.protocol, found.numerics, found.live, found.lineage) == ("none", "fp32", False, [])
    assert found.hashes == {"tiny": hashlib.sha256((folder / "sup.csv").read_bytes()).hexdigest()}
    assert found.verdicts == {"small.better[vit]": "holds", "small.worse[vit]": "violated", "small.alike[vit]": "holds"}
    exact = scipy.stats.binomtest(RIGHT, N).proportion_ci(0.9, method="exact")
    assert [(one.requirement, one.value, one.n) for one in found.values] == [
        ("gate.accuracy", RIGHT / N, N), ("gate.floor", RIGHT / N, N)]   # fmt: skip
    for one in found.values:
        assert one.interval == pytest.approx((exact.low, exact.high), abs=1e-8)
    assert {path.suffix for path in (folder / "base").rglob("*") if path.is_file()} == {".json", ".parquet"}
    key = found.pieces[0].key
    places = (folder / name / "predictions" / f"{key}.parquet" for name in ("base", "cache"))
    kept, stored = (read_table(path, key) for path in places)
    assert kept is not None
    assert stored is not None
    assert kept.ids.tolist() == stored.ids.tolist()
    assert all((kept.columns[name] == stored.columns[name]).all() for name in stored.columns)
    assert main(["baseline", "show", str(folder / "base")]) == 0
    told = capsys.readouterr().out
    for text in ("went into production in May", "0.8000", "[0.7642, 0.8324]", "first of its line", found.weights):
        assert text in told


def test_repeats_and_logits_are_pinned_with_their_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    logits, ids = rng.normal(size=(N, 10)).astype(np.float32), [f"{i:04d}.png" for i in range(N)]
    mixed = rng.permutation(N)
    np.savez(folder / "sup.npz", logits=logits[mixed], ids=np.asarray(ids)[mixed])
    np.savez(folder / "again.npz", logits=logits[mixed] + np.float32(0.01), ids=np.asarray(ids)[mixed])
    cast = yaml.safe_load((folder / "small.yaml").read_text())
    cast["models"]["sup"] |= {"source": "predictions:sup.npz", "repeats": ["predictions:again.npz"]}
    change(folder, models=cast["models"])
    assert record(folder) == 0
    for name in ("sup.npz", "again.npz"):
        (folder / name).unlink()
    thresholds = on_trial(folder, Trial("sup", (str(folder / WORSE),), folder / "base"))
    found = Evidence(thresholds.cast, Store(folder / "empty", print)).observations("sup", "tiny")
    assert (found.column("logits") == logits).all()
    assert (found.column("prediction") == logits.argmax(axis=1)).all()
    assert [one.model for one in found.repeats] == ["sup (repeat 1)"]


# a gate that decides by it


@pytest.mark.parametrize("candidate", [WORSE, SAME])
def test_a_gate_decides_the_same_where_the_model_is_gone(folder: Path, candidate: str) -> None:
    before = gate(folder, candidate, base=None)
    assert record(folder) == 0
    shutil.copy(folder / candidate, folder / "candidate.csv")
    (folder / "sup.csv").unlink()
    after = gate(folder, "candidate.csv")
    assert {one.verdict for one in before.values()} >= {"holds"}
    assert after == before


def test_the_suite_takes_a_pinned_baseline_and_says_so(folder: Path, suite: Suite) -> None:
    assert record(folder) == 0
    (folder / "sup.csv").unlink()
    run = suite(*options(folder), "--as", "sup", "--candidate", str(folder / WORSE), "--baseline", str(folder / "base"))
    assert run.code == 1, run.output
    assert run.words["gate.accuracy"] == "violated"
    assert f"sup is as it was pinned on {read_baseline(folder / 'base').date[:10]}" in run.output
    assert f"--baseline {folder / 'base'}" in run.output   # in the command that decides it again


def test_the_suite_ends_with_12_where_the_folder_is_none(folder: Path, suite: Suite) -> None:
    run = suite(*options(folder), "--as", "sup", "--candidate", str(folder / WORSE), "--baseline", str(folder))
    assert run.code == 12
    assert f"holds no {FILE}" in run.output
    alone = suite(*options(folder)[:4], "--baseline", str(folder), name="alone")
    assert alone.code == 12
    assert "--baseline needs --candidate SPEC and --as MODEL" in alone.output


# what is refused


def test_another_models_baseline_is_refused(folder: Path) -> None:
    assert record(folder, role="clip") == 0
    with pytest.raises(ThresholdsError, match="pins clip, not sup"):
        gate(folder)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda base: (base / FILE).write_text("{"), f"{FILE} was damaged"),
        (lambda base: (base / FILE).write_text("[]"), f"{FILE} was damaged"),
        (lambda base: (base / FILE).write_text((base / FILE).read_text().replace("0.8", "0.9")), "was altered after"),
        (lambda base: (base / FILE).write_text((base / FILE).read_text().replace('"form": 1', '"form": 2')), "form 2"),
        (lambda base: (base / FILE).unlink(), f"holds no {FILE}"),
        (lambda base: table_of(base).unlink(), r"predictions/[0-9a-f]{64}.parquet of the pinned baseline are missing"),
        (lambda base: rewrite(base, lambda content: content["files"].clear()), None),
    ],
)  # fmt: skip
def test_a_damaged_folder_is_refused_before_anything_is_judged(
    folder: Path, damage: Callable[[Path], object], told: str | None
) -> None:
    assert record(folder) == 0
    damage(folder / "base")
    if told is None:   # another folder, but nothing wrong with it
        assert read_baseline(folder / "base").files == {}
        return
    with pytest.raises(ThresholdsError, match=told):
        gate(folder)


def test_a_name_that_leads_out_of_the_folder_is_refused(folder: Path) -> None:
    assert record(folder) == 0
    path = folder / "base" / FILE
    whole = json.loads(path.read_text())
    whole["baseline"]["files"] = {"../sup.csv": "0" * 64}
    whole["content"] = baselines._digest(whole["baseline"])
    path.write_text(json.dumps(whole))
    with pytest.raises(ThresholdsError, match="files"):
        read_baseline(folder / "base")


def test_altered_answers_are_not_measured_and_the_file_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert record(folder) == 0
    path = table_of(folder / "base")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = gate(folder)["gate.accuracy"]
    assert found.verdict == "not measured"
    assert f"{path} of the pinned baseline was damaged" in found.reason
    assert main(["baseline", "show", str(folder / "base")]) == 11
    assert f"{path} was altered" in capsys.readouterr().err


def test_a_table_of_another_key_does_not_pass_for_the_pinned_one(folder: Path) -> None:
    assert record(folder) == 0
    assert record(folder, out="other", role="clip") == 0
    shutil.copy(table_of(folder / "other"), table_of(folder / "base"))
    found = gate(folder)["gate.accuracy"]
    assert found.verdict == "not measured"
    assert "was damaged or is not what was pinned" in found.reason


def test_another_protocol_is_not_measured(folder: Path) -> None:
    assert record(folder) == 0
    change(folder, protocol="native")
    found = gate(folder)["gate.accuracy"]
    assert found.verdict == "not measured"
    assert "pins sup with protocol 'none', this run has 'native'" in found.reason


def test_other_labels_are_not_measured_and_the_set_is_named(folder: Path) -> None:
    assert record(folder) == 0
    lines = (folder / "labels.csv").read_text().splitlines()
    name, label = lines[1].split(",")
    lines[1] = f"{name},{(int(label) + 1) % 10}"
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    found = gate(folder)["gate.accuracy"]
    assert found.verdict == "not measured"
    assert "pins what sup said of another tiny" in found.reason
    assert gate(folder)["gate.floor"].verdict == "holds"   # it is about the candidate alone


def test_a_data_set_that_came_later_is_not_measured(folder: Path) -> None:
    assert record(folder) == 0
    cast = yaml.safe_load((folder / "small.yaml").read_text())
    cast["data"]["new"] = cast["data"]["tiny"]
    for name, card in cast["models"].items():
        (folder / name).mkdir()
        for data in ("tiny", "new"):
            shutil.copy(folder / f"{name}.csv", folder / name / f"{data}.csv")
        card |= {"source": f"predictions:{name}", "data": ["tiny", "new"]}
    change(folder, models=cast["models"], data=cast["data"])
    both = {**ACCURACY, "data": ["tiny", "new"]}
    (folder / "policy.yaml").write_text(yaml.safe_dump({"about": "both", "requirements": [both]}))
    found = gate(folder, "clip")
    assert found["gate.accuracy[tiny]"].verdict == "violated"
    assert found["gate.accuracy[new]"].verdict == "not measured"
    assert "pins nothing of new" in found["gate.accuracy[new]"].reason


# recording


def test_where_evidence_is_missing_nothing_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_gate(folder, ACCURACY, FLOOR, LIKELIHOOD)
    assert record(folder) == 11
    told = capsys.readouterr().err
    assert "gate.likelihood: " in told
    assert "have no column 'probability_of_label'" in told
    assert "--partial" in told
    assert not list(folder.glob("*base*"))
    assert record(folder, "--partial") == 0
    assert "not pinned: gate.likelihood" in capsys.readouterr().err
    assert set(read_baseline(folder / "base").missing) == {"gate.likelihood"}
    assert gate(folder)["gate.likelihood"].verdict == "not measured"


def test_where_nothing_is_there_nothing_is_written_even_partially(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "sup.csv").unlink()
    assert record(folder, "--partial") == 11
    assert "sup.csv is missing" in capsys.readouterr().err
    assert not list(folder.glob("*base*"))


def test_a_folder_that_is_there_is_not_written_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert record(folder) == 0
    before = (folder / "base" / FILE).read_text()
    assert record(folder) == 12
    assert "is there already" in capsys.readouterr().err
    assert (folder / "base" / FILE).read_text() == before
    assert record(folder, "--over", str(folder / "base"), out="other", role="clip") == 12
    assert "pins sup, not clip" in capsys.readouterr().err
    assert record(folder, role="nobody", out="none") == 12


def test_what_cannot_be_written_leaves_what_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert record(folder) == 0
    before = {path: path.read_bytes() for path in (folder / "base").rglob("*") if path.is_file()}

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(pinning, "write_whole", full)
    assert record(folder, "--over", str(folder / "base")) == 12
    assert "No space left" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (folder / "base").rglob("*") if path.is_file()} == before
    assert not list(folder.glob(".base*"))


# lines of baselines


def line_of(folder: Path, *right: int) -> Baseline:
    """Baselines that replaced each other, each right on the first so many images."""
    for index, count in enumerate(right):
        answers(folder, "sup.csv", count)
        over = ("--over", str(folder / "base")) if index else ()
        assert record(folder, *over, "--reason", f"the model number {index}") == 0
    return read_baseline(folder / "base")


def test_small_losses_add_up_and_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The margin is .05; each step loses .03, all three and the candidate's .09."""
    last = line_of(folder, 320, 308, 296)
    assert [pin.reason for pin in last.lineage] == ["the model number 0", "the model number 1"]
    accuracy, floor = drift_of_baseline(last)
    assert (accuracy.steps, accuracy.value.value, accuracy.now) == (2, 0.8, 0.74)
    assert accuracy.difference == pytest.approx(-0.06)
    assert accuracy.margins == pytest.approx(1.2)
    assert floor.margins is None
    then, now = (scipy.stats.binomtest(hits, N).proportion_ci(0.9, method="exact") for hits in (320, 296))
    low = -0.06 - math.hypot(0.74 - now.low, then.high - 0.8)
    high = -0.06 + math.hypot(now.high - 0.74, 0.8 - then.low)
    assert accuracy.interval == pytest.approx((low, high), abs=1e-7)
    answers(folder, "candidate.csv", 284)
    verdicts = gate(folder, "candidate.csv")
    assert verdicts["gate.accuracy"].verdict != "violated"   # against the last one alone
    found = list(drift_of_candidates(last, [one.record() for one in verdicts.values()]))
    assert [one.who for one in found] == ["candidate", "candidate"]
    assert found[0].lost == pytest.approx(0.09)
    assert found[0].steps == 3
    first = last.lineage[0].date[:10]
    assert drift_lines(found) == [
        f"drift: candidate has lost 0.0900 of top1 on tiny since {first}, in 3 steps; one may lose 0.05"]   # fmt: skip
    (table,) = drift_table(found)
    assert [row[-1] for row in table.rows] == ["⚠ 1.8", ""]
    capsys.readouterr()
    assert main(["baseline", "show", str(folder / "base")]) == 0
    told = capsys.readouterr().out
    assert "drift: sup has lost 0.0600 of top1 on tiny" in told
    assert "the model number 0" in told


def test_a_gain_is_no_drift_to_warn_of(folder: Path) -> None:
    (accuracy, _) = drift_of_baseline(line_of(folder, 300, 340))
    assert accuracy.lost == pytest.approx(-0.1)
    assert not accuracy.beyond


@pytest.mark.parametrize(
    "edit",
    [
        lambda pin: pin.update(protocol="another"),
        lambda pin: pin["sets"].update(tiny="0" * 64),
        lambda pin: pin["sets"].clear(),
        lambda pin: [value.update(version=99) for value in pin["values"]],
    ],
)
def test_drift_is_told_from_the_first_that_was_measured_alike(
    folder: Path, edit: Callable[[dict[str, Any]], None]
) -> None:
    line_of(folder, 320, 308, 296)
    rewrite(folder / "base", lambda content: edit(content["lineage"][0]))
    accuracy = drift_of_baseline(read_baseline(folder / "base"))[0]
    assert (accuracy.value.value, accuracy.steps) == (0.77, 1)


def test_the_first_of_a_line_has_not_drifted(folder: Path) -> None:
    last = line_of(folder, 320)
    assert drift_of_baseline(last) == []
    assert list(drift_of_candidates(last, [one.record() for one in gate(folder).values()])) == []


def test_the_report_of_a_gate_tells_the_drift(folder: Path, suite: Suite) -> None:
    line_of(folder, 320, 300)
    answers(folder, "candidate.csv", 298)
    run = suite(*options(folder), "--as", "sup", "--candidate", str(folder / "candidate.csv"),
                "--baseline", str(folder / "base"))   # fmt: skip
    assert run.words["gate.accuracy"] == "holds", run.output
    assert "drift: candidate has lost 0.0550 of top1 on tiny" in run.output
    page = (run.reports / "summary.md").read_text()
    assert "Drift since the baseline was first pinned" in page
    assert "⚠ 1.1" in page
    assert "Drift since the baseline was first pinned" in (run.reports / "summary.html").read_text()


# comparing


def test_diff_pairs_the_same_images(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """320 and 260 right, the 260 among the 320: by hand, n01 = 60 and n10 = 0 of 400."""
    assert record(folder) == 0
    shutil.copy(folder / "clip.csv", folder / "sup.csv")
    assert record(folder, out="other") == 0
    capsys.readouterr()
    assert main(["baseline", "diff", str(folder / "base"), str(folder / "other")]) == 0
    told = capsys.readouterr().out
    verdict = gate(folder, WORSE)["gate.accuracy"].difference
    assert verdict is not None
    assert verdict.value == -0.15
    line = next(line for line in told.splitlines() if "gate.accuracy" in line)
    assert "0.8000  0.6500  −0.1500" in line
    assert f"[−{-verdict.interval[0]:.4f}, −{-verdict.interval[1]:.4f}]" in line   # as the gate has it
    assert "small.better[vit]: holds with the first, undecided with the second" in told
    assert "the weights are the same" not in told
    assert main(["baseline", "diff", str(folder / "base"), str(folder / "base")]) == 0
    assert "the weights are the same" in capsys.readouterr().out


def test_diff_against_the_cast_says_what_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert record(folder) == 0
    capsys.readouterr()
    assert main(["baseline", "diff", str(folder / "base")]) == 0
    assert "+0.0000" in capsys.readouterr().out
    (folder / "sup.csv").unlink()
    assert main(["baseline", "diff", str(folder / "base")]) == 11
    told = capsys.readouterr().out
    assert "sup.csv is missing" in told
    assert "0.8000  –" in told


def test_each_group_of_a_requirement_is_pinned(folder: Path) -> None:
    """Confidences of the small cast lie in ten bins, from .5 to 1."""
    by_bin = requirement("bins", measure="confidence_histogram", better="same", groups="every", margin=0.1)
    write_gate(folder, by_bin)
    assert record(folder) == 0
    rows = [line.split(",") for line in (folder / "sup.csv").read_text().splitlines()[1:]]
    bins = np.ceil(np.asarray([float(row[2]) for row in rows]) * 15).astype(int)
    found = {one.group: one.value for one in read_baseline(folder / "base").values}
    assert {name: value for name, value in found.items() if value} == {
        f"bin-{number:02d}": count / N for number, count in enumerate(np.bincount(bins)) if count}   # fmt: skip
