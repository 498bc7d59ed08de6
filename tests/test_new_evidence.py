"""Evidence beyond one label and one table: label sets, corrupted images, label spaces, logits, repeats; from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from demeanour.cli import main
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import Store
from demeanour.findings.load import load_cast
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.verdicts.contrast import Term, contrast
from demeanour.vocabulary import CORRUPTIONS
from tests.small_cast import write_small

N, M = 120, 900


def evidence_of(folder: Path, data: dict[str, Any], **models: dict[str, Any]) -> Evidence:
    """Evidence of a cast that is written as a user writes it."""
    cards = {name: {"architecture": "vit", "paradigm": "supervised", **card} for name, card in models.items()}
    cast = {"about": "a test", "protocol": "none", "models": cards, "data": data}
    (folder / "cast.yaml").write_text(yaml.safe_dump(cast))
    found, _, problems = load_cast(folder / "cast.yaml")
    assert found is not None, problems
    return Evidence(found, Store(folder / "store"))


def value_of(evidence: Evidence, measure: str, model: str, data: str) -> float:
    observed = evidence.observations(model, data)
    columns = tuple(observed.column(name) for name in MEASURES[measure].needs)
    return float(MEASURES[measure].values(columns)[ALL])


# label sets


def write_label_sets(folder: Path, sets: Any) -> Evidence:
    names = [f"ILSVRC2012_val_{i:08d}.JPEG" for i in range(1, 5)]
    rows = "".join(f"{name},{label}\n" for name, label in zip(names, (3, 1, 2, 0), strict=True))
    (folder / "model.csv").write_text("id,prediction\n" + rows)
    (folder / "real.json").write_text(json.dumps(sets) if not isinstance(sets, str) else sets)
    card = {"reader": "label-sets", "root": "real.json", "images": 3, "classes": 5}
    tables = {"reader": "tables", "images": 4, "classes": 5}
    return evidence_of(folder, {"imagenet-val": tables, "imagenet-real": card},
                       model={"source": "predictions:model.csv", "data": ["imagenet-val"]})  # fmt: skip


def test_an_image_with_several_labels_counts_as_right_with_any_of_them(tmp_path: Path) -> None:
    evidence = write_label_sets(tmp_path, [[1, 3], [], [4], [0]])
    assert len(evidence.observations("model", "imagenet-real")) == 3   # the image without a label is left out
    assert value_of(evidence, "multilabel_top1", "model", "imagenet-real") == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        ([[1, 3], [], [7], [0]], "00000003.JPEG': expected different classes in 0 … 4"),
        ([[1, 1], [], [], []], "expected different classes"), ([["1"], [], [], []], "expected different classes"),
        ([[True], [], [], []], "expected different classes"),
        ('{"a": [1], "a": [2]}', "the name 'a' stands twice"),
        ("{", "no valid JSON"), ("3", "expected a list of label sets"), ([[], [], [], []], "no image has a label"),
        ([[1], [2], [3], [4]], "4 images, but imagenet-real has 3"),
    ],
)  # fmt: skip
def test_wrong_label_sets_are_told(tmp_path: Path, sets: Any, told: str) -> None:
    with pytest.raises(EvidenceError, match=told):
        write_label_sets(tmp_path, sets).observations("model", "imagenet-real")


def test_one_of_several_right_answers_is_not_the_label(tmp_path: Path) -> None:
    evidence = write_label_sets(tmp_path, [[1, 3], [], [4], [0]])
    text = (tmp_path / "model.csv").read_text().splitlines()
    rows = [f"{line},{line.rsplit(',', 1)[1]}" for line in text[1:]]
    (tmp_path / "model.csv").write_text("\n".join(["id,prediction,label", *rows]) + "\n")
    with pytest.raises(NotMeasuredError, match="no column 'label'"):
        evidence.observations("model", "imagenet-real").column("label")


def test_missing_label_sets_are_not_measured(tmp_path: Path) -> None:
    evidence = write_label_sets(tmp_path, [[1]])
    (tmp_path / "real.json").unlink()
    with pytest.raises(NotMeasuredError, match=r"real.json"):
        evidence.observations("model", "imagenet-real")


def test_published_real_accuracies(published: Path, tmp_path: Path) -> None:
    root = {"imagenet-val": {"reader": "labels", "root": str(published / "imagenet-x/filename_label.csv")},
            "imagenet-real": {"reader": "label-sets", "root": f"{published}/labels/imagenet_real.json"}}  # fmt: skip
    models = {name: {"source": f"predictions:{published}/imagenet-x/{name}.csv", "data": ["imagenet-val"]}
              for name in ("ResNet50", "ViT")}  # fmt: skip
    evidence = evidence_of(tmp_path, root, **models)
    found = {name: value_of(evidence, "multilabel_top1", name, "imagenet-real") for name in models}
    assert found == pytest.approx({"ResNet50": 0.8296, "ViT": 0.8399}, abs=5e-5)
    one, other = (evidence.observations(name, "imagenet-real") for name in ("ViT", "ResNet50"))
    found = contrast(MEASURES["multilabel_top1"], (Term(1, one, ALL), Term(-1, other, ALL)))
    assert found.limits.lower(0.05) > 0


# corrupted images


def write_corrupted(folder: Path, names: list[str] | None = None, clean: bool = True) -> Evidence:
    rng = np.random.default_rng(0)
    sources = [f"image_{i:03d}.JPEG" for i in range(30)]
    label = dict(zip(sources, rng.integers(0, 5, 30).tolist(), strict=True))
    every = names or [f"{c}/{s}/n01/{name}" for c in CORRUPTIONS for s in range(1, 6) for name in sources]

    def answers(images: list[str], accuracy: float) -> str:
        truth = [label.get(name.rpartition("/")[2], 0) for name in images]
        said = [y if rng.random() < accuracy else (y + 1) % 5 for y in truth]
        return "id,prediction\n" + "".join(f"{name},{y}\n" for name, y in zip(images, said, strict=True))

    (folder / "labels.csv").write_text("file_name,label\n" + "".join(f"{name},{y}\n" for name, y in label.items()))
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model" / "small-c.csv").write_text(answers(every, 0.6))
    (folder / "model" / "small.csv").write_text(answers(sources, 0.9))
    images = len(every)
    data = {
        "small-c": {"reader": "corruptions", "root": "labels.csv", "images": images, "classes": 5},
        "small": {"reader": "labels", "root": "labels.csv", "images": 30, "classes": 5},
    }
    if clean:
        data["small-c"]["clean"] = "small"
    return evidence_of(folder, data, model={"source": "predictions:model", "data": ["small-c", "small"]})


def test_corrupted_images_are_told_by_their_names(tmp_path: Path) -> None:
    evidence = write_corrupted(tmp_path)
    observed = evidence.observations("model", "small-c")
    assert (len(observed), observed.clusters) == (30 * 75, ("source",))
    row = observed.ids.tolist().index("fog/3/n01/image_007.JPEG")
    assert CORRUPTIONS[int(observed.columns["corruption"][row])] == "fog"
    assert int(observed.columns["severity"][row]) == 3
    clean = evidence.observations("model", "small")
    assert observed.column("clean_correct")[row] == clean.column("correct")[7]
    assert observed.column("label")[row] == clean.column("label")[7]
    accuracy = value_of(evidence, "corruption_accuracy", "model", "small-c")
    assert accuracy == pytest.approx(observed.column("correct").mean())
    assert value_of(evidence, "relative_mce", "model", "small-c") > 0


def test_what_needs_no_clean_predictions_can_be_judged_without_them(tmp_path: Path) -> None:
    evidence = write_corrupted(tmp_path)
    whole = evidence.identity("model", "small-c")
    (tmp_path / "model" / "small.csv").unlink()
    found, _, _ = load_cast(tmp_path / "cast.yaml")
    assert found is not None
    without = Evidence(found, Store(tmp_path / "store"))
    assert value_of(without, "mce", "model", "small-c") > 0
    assert without.identity("model", "small-c") != whole
    with pytest.raises(NotMeasuredError, match="model"):
        value_of(without, "relative_mce", "model", "small-c")


def test_without_clean_predictions_relative_errors_are_not_measured_and_others_are(tmp_path: Path) -> None:
    evidence = write_corrupted(tmp_path, clean=False)
    assert value_of(evidence, "mce", "model", "small-c") > 0
    with pytest.raises(NotMeasuredError, match="no column 'clean_correct'"):
        value_of(evidence, "relative_mce", "model", "small-c")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fogg/3/n01/image_001.JPEG", "did you mean 'fog'"), ("fog/6/n01/image_001.JPEG", "severity of 1 … 5"),
        ("fog/3/n01/image_999.JPEG", "no clean image of their name, such as 'image_999.JPEG'"),
        ("fog", "no CORRUPTION"),
    ],
)  # fmt: skip
def test_names_that_tell_no_corruption_are_errors(tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(EvidenceError, match=told):
        write_corrupted(tmp_path, ["fog/3/n01/image_001.JPEG", name]).observations("model", "small-c")


# logits: label spaces, temperature


def write_logits(folder: Path, space: Any = None, classes: int = 5) -> tuple[Evidence, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    logits, ids = rng.normal(size=(M, 8)) * 3, np.array([f"{i:03d}" for i in rng.permutation(M)])
    flatter = logits[:, :classes] / 2.5 + rng.gumbel(size=(M, classes))   # labels are drawn from the flatter softmax
    label = flatter.argmax(axis=1)
    np.savez(folder / "model.npz", logits=logits.astype(np.float32), ids=ids, labels=label)
    card: dict[str, Any] = {"reader": "tables", "images": M, "classes": classes}
    if space is not None:
        (folder / "space.json").write_text(json.dumps(space))
        card["label_space"] = "space.json"
    evidence = evidence_of(folder, {"set": card}, model={"source": "predictions:model.npz", "data": ["set"]})
    return evidence, logits.astype(np.float32)[np.argsort(ids)], label[np.argsort(ids)]


def test_a_subset_of_the_classes_is_cut_out_before_the_softmax(tmp_path: Path) -> None:
    evidence, logits, label = write_logits(tmp_path, [6, 0, 3, 7, 1])
    own = logits[:, [6, 0, 3, 7, 1]].astype(float)
    assert value_of(evidence, "top1", "model", "set") == pytest.approx((own.argmax(axis=1) == label).mean())
    confidence = evidence.observations("model", "set").column("confidence")
    p = np.exp(own) / np.exp(own).sum(axis=1, keepdims=True)
    assert confidence == pytest.approx(p.max(axis=1))


def test_a_category_has_the_mean_probability_of_its_classes(tmp_path: Path) -> None:
    evidence, logits, label = write_logits(tmp_path, {"cat": [0, 1, 2], "dog": [5], "car": [3, 7]}, classes=3)
    p = np.exp(logits.astype(float)) / np.exp(logits.astype(float)).sum(axis=1, keepdims=True)
    means = np.stack([p[:, [0, 1, 2]].mean(axis=1), p[:, 5], p[:, [3, 7]].mean(axis=1)], axis=1)
    assert value_of(evidence, "top1", "model", "set") == pytest.approx((means.argmax(axis=1) == label).mean())


def test_another_label_space_is_other_evidence(tmp_path: Path) -> None:
    evidence, _, _ = write_logits(tmp_path, [6, 0, 3, 7, 1])
    before = evidence.identity("model", "set"), value_of(evidence, "top1", "model", "set")
    evidence, _, _ = write_logits(tmp_path, [1, 7, 3, 0, 6])
    assert (evidence.identity("model", "set"), value_of(evidence, "top1", "model", "set")) != before


def test_a_label_space_of_another_size_is_an_error_whatever_the_table(tmp_path: Path) -> None:
    write_repeats(tmp_path, [])
    (tmp_path / "space.json").write_text("[0, 1, 2]")
    cast = yaml.safe_load((tmp_path / "cast.yaml").read_text())
    cast["data"]["set"]["label_space"] = "space.json"
    evidence = evidence_of(tmp_path, cast["data"], **cast["models"])
    with pytest.raises(EvidenceError, match="3 classes, but set has 2"):
        evidence.observations("model", "set")


def test_a_measure_of_pairs_is_printed_for_each_pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = write_small(tmp_path, expect={})
    assert main(["measure", "error_consistency", *options[:2], "--data", "tiny"]) == 0
    assert "sup and clip" in capsys.readouterr().out


def test_logits_of_other_classes_without_a_label_space_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"shape \(900, 8\), expected \(images, 5\)"):
        write_logits(tmp_path)[0].observations("model", "set")
    with pytest.raises(EvidenceError, match="out of range for 8 classes"):
        write_logits(tmp_path, [0, 1, 2, 3, 8])[0].observations("model", "set")


def test_temperature_scaling_is_shown_where_there_are_logits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evidence, logits, _ = write_logits(tmp_path, classes=8)
    observed = evidence.observations("model", "set")
    np.testing.assert_array_equal(observed.column("logits"), logits)
    held_out = observed.column("held_out")
    assert 0.3 < held_out.mean() < 0.7
    temperature = value_of(evidence, "temperature", "model", "set")
    assert temperature == pytest.approx(2.5, abs=0.5)
    assert value_of(evidence, "ece_temperature_scaled", "model", "set") < value_of(evidence, "ece", "model", "set")
    assert main(["measure", "classwise_ece", "--cast", str(tmp_path / "cast.yaml"), "--data", "set"]) == 0
    assert "classwise_ece (probability, lower is better) on set" in capsys.readouterr().out


def test_without_logits_a_temperature_is_not_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_repeats(tmp_path, [])
    assert main(["measure", "temperature", "--cast", str(tmp_path / "cast.yaml"), "--data", "set"]) == 11
    assert "holds predictions of model on set, no logits" in capsys.readouterr().err


# repeats of the same weights


def test_a_repeat_of_corrupted_images_takes_the_clean_answers_of_the_run_that_is_judged(tmp_path: Path) -> None:
    write_corrupted(tmp_path)
    text = (tmp_path / "model" / "small-c.csv").read_text()
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "small-c.csv").write_text(text)
    (tmp_path / "again" / "small.csv").write_text((tmp_path / "model" / "small.csv").read_text())
    cast = yaml.safe_load((tmp_path / "cast.yaml").read_text())
    card = {**cast["models"]["model"], "repeats": ["predictions:again"]}
    evidence = evidence_of(tmp_path, cast["data"], model=card)
    terms = (Term(1, evidence.observations("model", "small-c"), ALL),)
    assert contrast(MEASURES["relative_mce"], terms).noise == 0

def write_repeats(folder: Path, flips: list[int], ids: str = "{:03d}") -> Evidence:
    """One model that is right on 80 of 120 images, and repeats that are right on some more."""
    rows = lambda right: "".join(f"{ids.format(i)},{0 if i < right else 1},0,0.5\n" for i in range(N))  # noqa: E731
    (folder / "model.csv").write_text("id,prediction,label,confidence\n" + rows(80))
    for number, more in enumerate(flips):
        (folder / f"again-{number}.csv").write_text("id,prediction,label,confidence\n" + rows(80 + more))
    card = {"source": "predictions:model.csv", "data": ["set"],
            "repeats": [f"predictions:again-{number}.csv" for number in range(len(flips))]}  # fmt: skip
    return evidence_of(folder, {"set": {"reader": "tables", "images": N, "classes": 2}}, model=card)


def limits_of(evidence: Evidence) -> Any:
    return contrast(MEASURES["top1"], (Term(1, evidence.observations("model", "set"), ALL),)).limits


def test_intervals_are_widened_by_what_the_same_weights_differ_by(tmp_path: Path) -> None:
    plain, noisy = limits_of(write_repeats(tmp_path, [])), limits_of(write_repeats(tmp_path, [3, -2]))
    assert noisy.value == plain.value == pytest.approx(80 / N)
    assert noisy.lower(0.05) == pytest.approx(plain.lower(0.05) - 5 / N)
    assert noisy.upper(0.05) == pytest.approx(plain.upper(0.05) + 5 / N)
    assert noisy.method == f"{plain.method}, widened by the numeric noise of 0.042"


def test_repeats_that_agree_widen_nothing(tmp_path: Path) -> None:
    assert limits_of(write_repeats(tmp_path, [0])).method == limits_of(write_repeats(tmp_path, [])).method


def test_a_repeat_is_part_of_what_a_verdict_follows_from(tmp_path: Path) -> None:
    keys = {write_repeats(tmp_path, flips).identity("model", "set") for flips in ([], [0], [1], [1, 2])}
    assert len(keys) == 4


def test_a_missing_repeat_is_not_measured(tmp_path: Path) -> None:
    evidence = write_repeats(tmp_path, [1])
    (tmp_path / "again-0.csv").unlink()
    with pytest.raises(NotMeasuredError, match=r"again-0.csv is missing"):
        evidence.observations("model", "set")


def test_a_repeat_over_other_images_is_an_error(tmp_path: Path) -> None:
    evidence = write_repeats(tmp_path, [1])
    text = (tmp_path / "again-0.csv").read_text()
    (tmp_path / "again-0.csv").write_text(text.replace("007,", "900,"))
    with pytest.raises(EvidenceError, match="no prediction for 1 of 120 images"):
        evidence.observations("model", "set")


def test_lint_tells_a_source_that_repeats_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_repeats(tmp_path, [1])
    text = (tmp_path / "cast.yaml").read_text()
    (tmp_path / "cast.yaml").write_text(text.replace("again-0.csv", "model.csv"))
    assert main(["lint", "--cast", str(tmp_path / "cast.yaml")]) == 12
    assert "the same source stands twice" in capsys.readouterr().out


def test_what_an_annotated_set_rests_on_is_part_of_what_a_verdict_follows_from(tmp_path: Path) -> None:
    """Predictions of imagenet-val are checked against its own labels and size, whoever annotates its images."""
    write_label_sets(tmp_path, [[1, 3], [], [4], [0]])
    names = [f"ILSVRC2012_val_{i:08d}.JPEG" for i in range(1, 5)]
    (tmp_path / "labels.csv").write_text("file_name,label\n" + "".join(f"{name},1\n" for name in names))
    cast = yaml.safe_load((tmp_path / "cast.yaml").read_text())
    keys = []
    for changes in ({}, {"reader": "labels", "root": "labels.csv"}, {"images": 5}):
        card = {**cast["data"]["imagenet-val"], **changes}
        evidence = evidence_of(tmp_path, {**cast["data"], "imagenet-val": card}, **cast["models"])
        keys.append(evidence.identity("model", "imagenet-real"))
    assert len(set(keys)) == 3
