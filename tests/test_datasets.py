"""Labels and annotations of data sets, from small files and from the published ones where they are at hand."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from demeanour.datasets.cue_conflict import cue_conflict_frame
from demeanour.datasets.frame import Frame, sorted_unique
from demeanour.datasets.imagenet_x import ANNOTATIONS, PROTOTYPES, read_imagenet_x
from demeanour.datasets.labels import read_labels
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.formats import Order, find_format
from demeanour.evidence.observations import observe
from demeanour.evidence.table import PredictionTable, prediction_table
from demeanour.vocabulary import CATEGORIES, FACTORS

CLASSES = 10


# --- labels ---------------------------------------------------------------------------------------------------------


def labels_file(folder: Path, content: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["file_name", "id"])
def test_labels_are_read_by_image_and_ids_stay_text(tmp_path: Path, name: str) -> None:
    frame = read_labels(labels_file(tmp_path, f"{name},label\n010,3\n\n0010,9\n10,0\n"), "mine", CLASSES)
    assert frame.data == "mine"
    assert frame.ids.tolist() == ["0010", "010", "10"]
    assert frame.columns["label"].tolist() == [9, 3, 0]
    assert frame.classes == CLASSES
    assert frame.clusters == ()


def test_missing_labels_are_not_measured_and_say_whose_they_are(tmp_path: Path) -> None:
    with pytest.raises(NotMeasuredError, match=r"labels\.csv is missing; it holds the labels of mine") as caught:
        read_labels(tmp_path / "labels.csv", "mine", CLASSES)
    assert not isinstance(caught.value, EvidenceError)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "Empty CSV file"),
        ("file_name,label\n", "no rows"),
        ("name,label\na,1\n", "expected the columns 'file_name' and 'label', found .*'name'"),
        ("file_name,class\na,1\n", "expected the columns 'file_name' and 'label', found .*'class'"),
        ("file_name,label\na,1.5\nb,1\n", "'label' must be a class index, found double"),
        ("file_name,label\na,cat\n", "'label' must be a class index, found string"),
        ("file_name,label\na,\nb,1\n", "1 rows have no label"),
        ("file_name,label\na,-1\nb,1\n", "labels must lie in 0 … 9"),
        ("file_name,label\na,10\nb,1\n", "labels must lie in 0 … 9"),
        ("file_name,label\na,1\nb,2\na,1\n", "1 duplicate ids, such as .*'a'"),
        ("file_name,label\n,1\nb,2\n", "1 rows have no id"),
        ("file_name,label\na,1,2\n", "no valid CSV"),
    ],
)
def test_bad_labels_are_refused_with_the_file_and_the_defect(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(EvidenceError, match=rf"labels\.csv: .*{words}"):
        read_labels(labels_file(tmp_path, content), "mine", CLASSES)


def test_a_frame_has_as_many_values_as_images() -> None:
    with pytest.raises(EvidenceError, match="mine: 3 values of label for 2 images"):
        Frame("mine", np.asarray(["a", "b"]), {"label": np.asarray([1, 2, 3])}, CLASSES)


def test_ids_are_sorted_by_a_permutation() -> None:
    ids = np.asarray(["b", "c", "a"])
    assert ids[sorted_unique(ids, "here")].tolist() == ["a", "b", "c"]


# --- ImageNet-X -----------------------------------------------------------------------------------------------------


def annotation(name: object, label: object = 1, **factors: object) -> dict[str, object]:
    return {"file_name": name, "class": label, **dict.fromkeys(FACTORS, 0), "justification": "because", **factors}


def annotations(folder: Path, rows: Sequence[dict[str, object]], prototypes: str = "file_name\np.JPEG\n") -> Path:
    (folder / ANNOTATIONS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / PROTOTYPES).write_text(prototypes)
    return folder


def test_annotations_are_read_by_image_without_the_prototypes(tmp_path: Path) -> None:
    rows = [
        annotation("c.JPEG", 4, texture=1),
        annotation("p.JPEG", 2, pose=1),
        annotation("a.JPEG", 3, pose=1, multiple_objects=1),
    ]
    frame = read_imagenet_x(annotations(tmp_path, rows), "imagenet-x", CLASSES)
    assert frame.ids.tolist() == ["a.JPEG", "c.JPEG"]
    assert frame.columns["label"].tolist() == [3, 4]
    assert frame.columns["factors"].dtype == bool
    marked = [{FACTORS[i] for i in np.flatnonzero(row)} for row in frame.columns["factors"]]
    assert marked == [{"pose", "multiple_objects"}, {"texture"}]
    assert frame.names == {"factors": FACTORS}


def test_the_order_of_fields_in_the_file_does_not_matter(tmp_path: Path) -> None:
    row = annotation("a.JPEG", 3, larger=1)
    frame = read_imagenet_x(annotations(tmp_path, [dict(reversed(row.items()))]), "imagenet-x", CLASSES)
    assert [FACTORS[i] for i in np.flatnonzero(frame.columns["factors"][0])] == ["larger"]


def test_a_list_of_prototypes_without_any_leaves_nothing_out(tmp_path: Path) -> None:
    frame = read_imagenet_x(annotations(tmp_path, [annotation("p.JPEG")], "file_name\n"), "imagenet-x", CLASSES)
    assert frame.ids.tolist() == ["p.JPEG"]


@pytest.mark.parametrize("missing", [ANNOTATIONS, PROTOTYPES])
def test_a_missing_file_of_annotations_is_not_measured_and_named(tmp_path: Path, missing: str) -> None:
    annotations(tmp_path, [annotation("a.JPEG")])
    (tmp_path / missing).unlink()
    with pytest.raises(NotMeasuredError, match=rf"{missing} is missing") as caught:
        read_imagenet_x(tmp_path, "imagenet-x", CLASSES)
    assert not isinstance(caught.value, EvidenceError)


@pytest.mark.parametrize("field", ["file_name", "class", "pose", "multiple_objects"])
def test_a_field_that_the_annotations_lack_is_named(tmp_path: Path, field: str) -> None:
    row = annotation("a.JPEG")
    del row[field]
    with pytest.raises(EvidenceError, match=rf"{ANNOTATIONS}: no field '{field}'"):
        read_imagenet_x(annotations(tmp_path, [row]), "imagenet-x", CLASSES)


def test_a_misspelt_field_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    row = annotation("a.JPEG", partialview=0)
    del row["partial_view"]
    with pytest.raises(EvidenceError, match=r"no field 'partial_view'; did you mean 'partialview'\?"):
        read_imagenet_x(annotations(tmp_path, [row]), "imagenet-x", CLASSES)


@pytest.mark.parametrize("value", [2, -1, 0.5, None, "yes"])
def test_a_flag_other_than_0_or_1_is_refused(tmp_path: Path, value: object) -> None:
    rows = [annotation("a.JPEG", texture=value), annotation("b.JPEG", texture=value)]
    with pytest.raises(EvidenceError, match=rf"{ANNOTATIONS}: 'texture' must be 0 or 1 in every row"):
        read_imagenet_x(annotations(tmp_path, rows), "imagenet-x", CLASSES)


@pytest.mark.parametrize("classes", [[1, 10], [1, -1], [1.5, 1.5], [1, None], [None, None], ["cat", "dog"]], ids=str)
def test_a_class_that_is_no_index_is_refused(tmp_path: Path, classes: list[object]) -> None:
    rows = [annotation("a.JPEG", classes[0]), annotation("b.JPEG", classes[1])]
    with pytest.raises(EvidenceError, match=rf"{ANNOTATIONS}: .*class"):
        read_imagenet_x(annotations(tmp_path, rows), "imagenet-x", CLASSES)


@pytest.mark.parametrize("name", [None, ""])
def test_an_annotation_of_no_image_is_refused(tmp_path: Path, name: object) -> None:
    rows = [annotation("a.JPEG"), annotation(name)]
    with pytest.raises(EvidenceError, match=rf"{ANNOTATIONS}: .*no id"):
        read_imagenet_x(annotations(tmp_path, rows), "imagenet-x", CLASSES)


def test_an_image_that_is_annotated_twice_is_refused(tmp_path: Path) -> None:
    rows = [annotation("a.JPEG"), annotation("b.JPEG"), annotation("a.JPEG")]
    with pytest.raises(EvidenceError, match=rf"{ANNOTATIONS}: 1 duplicate ids, such as .*'a\.JPEG'"):
        read_imagenet_x(annotations(tmp_path, rows), "imagenet-x", CLASSES)


@pytest.mark.parametrize(
    "prototypes", ["name\np.JPEG\n", "p.JPEG\nq.JPEG\n", "file_name,class\np.JPEG,1\n"], ids=["name", "none", "two"]
)
def test_prototypes_under_another_header_are_refused(tmp_path: Path, prototypes: str) -> None:
    with pytest.raises(EvidenceError, match=rf"{PROTOTYPES}: expected one column 'file_name', found"):
        read_imagenet_x(annotations(tmp_path, [annotation("a.JPEG")], prototypes), "imagenet-x", CLASSES)


@pytest.mark.parametrize("content", ['{"file_name": "a.JPEG", "cla', "file_name,class\na.JPEG,1\n"])
def test_annotations_that_are_no_json_are_refused(tmp_path: Path, content: str) -> None:
    annotations(tmp_path, [])
    (tmp_path / ANNOTATIONS).write_text(content)
    with pytest.raises(EvidenceError, match="not in ImageNet-X's format"):
        read_imagenet_x(tmp_path, "imagenet-x", CLASSES)


# --- cue conflicts --------------------------------------------------------------------------------------------------


def test_a_source_image_is_one_cluster_wherever_it_lends_its_shape() -> None:
    names = sorted(f"{shape}-{texture}.png" for shape in ("cat1", "cat2", "dog1") for texture in ("car1", "car2"))
    frame = cue_conflict_frame(np.asarray(names), "cue-conflict")
    for column, part in (("shape_source", 0), ("texture_source", 1)):
        groups: dict[int, set[str]] = {}
        for name, code in zip(names, frame.columns[column].tolist(), strict=True):
            groups.setdefault(code, set()).add(name.removesuffix(".png").split("-")[part])
        assert sorted(len(sources) for sources in groups.values()) == [1] * len(groups)
        assert len(groups) == (3 if part == 0 else 2)
    assert frame.clusters == ("shape_source", "texture_source")
    assert frame.classes == len(CATEGORIES)
    assert frame.names == {"shape": CATEGORIES, "texture": CATEGORIES}


def test_every_category_can_be_shape_and_texture() -> None:
    names = [f"{one}1-{other}12.png" for one in CATEGORIES for other in CATEGORIES]
    frame = cue_conflict_frame(np.asarray(sorted(names)), "cue-conflict")
    assert len(frame.ids) == 16 * 15
    assert not (frame.columns["shape"] == frame.columns["texture"]).any()
    for column in ("shape", "texture"):
        assert np.bincount(frame.columns[column]).tolist() == [15] * 16


# --- the published files --------------------------------------------------------------------------------------------

PUBLISHED = Path(os.environ.get("DEMEANOUR_PUBLISHED") or Path(__file__).parents[2] / "shared" / "real")


def published(folder: str) -> pytest.MarkDecorator:
    """Skips where a folder of the published files is not at hand."""
    return pytest.mark.skipif(not (PUBLISHED / folder).is_dir(), reason=f"no folder {folder} of published files")


FACTOR_COUNTS = {
    "pose": 15064, "background": 14751, "color": 6150, "pattern": 5972, "smaller": 1450, "shape": 679,
    "partial_view": 638, "subcategory": 585, "texture": 282, "larger": 150, "darker": 122, "object_blocking": 78,
    "person_blocking": 60, "brighter": 44, "style": 43, "multiple_objects": 40,
}  # fmt: skip


@pytest.fixture(scope="module")
def val_labels() -> Frame:
    return read_labels(PUBLISHED / "imagenet-x" / "filename_label.csv", "imagenet-val", 1000)


@pytest.fixture(scope="module")
def factors() -> Frame:
    return read_imagenet_x(PUBLISHED / "imagenet-x", "imagenet-x", 1000)


@published("imagenet-x")
def test_published_labels_are_of_fifty_images_of_each_class(val_labels: Frame) -> None:
    assert len(val_labels.ids) == 50_000
    assert np.bincount(val_labels.columns["label"]).tolist() == [50] * 1000


@published("imagenet-x")
def test_published_annotations_have_the_known_count_of_each_factor(factors: Frame) -> None:
    assert len(factors.ids) == 46_110
    counts = dict(zip(FACTORS, factors.columns["factors"].sum(axis=0).tolist(), strict=True))
    assert counts == FACTOR_COUNTS


@published("imagenet-x")
def test_published_annotations_mark_no_image_twice_and_agree_with_the_labels(
    factors: Frame, val_labels: Frame
) -> None:
    assert factors.columns["factors"].sum(axis=1).max() == 1
    places = np.searchsorted(val_labels.ids, factors.ids)
    np.testing.assert_array_equal(val_labels.ids[places], factors.ids)
    np.testing.assert_array_equal(val_labels.columns["label"][places], factors.columns["label"])


def read(path: Path, classes: int, order: Order | None = None, no_answer: bool = False) -> PredictionTable:
    ids, columns = find_format(path, None).read(path, order or Order(), classes)
    return prediction_table(ids, columns, classes, str(path), no_answer)


@published("imagenet-x")
@pytest.mark.parametrize(("model", "top1"), [("ResNet50", 0.76130), ("ViT", 0.78006)])
def test_published_predictions_of_imagenet_x_have_the_known_accuracy(
    val_labels: Frame, model: str, top1: float
) -> None:
    seen = observe(model, read(PUBLISHED / "imagenet-x" / f"{model}.csv", 1000), val_labels)
    assert len(seen) == 50_000
    assert seen.column("correct").mean() == pytest.approx(top1, abs=1e-9)


@published("imagenet-x")
@published("imagenetv2")
def test_published_top5_of_resnet50_have_the_known_accuracy_when_joined_by_image(val_labels: Frame) -> None:
    root = PUBLISHED / "imagenetv2"
    order = Order(ids=root / "imagenet-validation-original.json")
    table = read(root / "predictions" / "imagenet-validation-original" / "resnet50.npy", 1000, order)
    seen = observe("ResNet50", table, val_labels)
    assert round(float(seen.column("correct").mean()), 4) == 0.7613
    among_five = (seen.column("top5") == seen.column("label")[:, None]).any(axis=1)
    assert round(float(among_five.mean()), 4) == 0.9286


@published("imagenetv2")
def test_published_top5_of_resnet50_on_imagenetv2_have_the_known_accuracy() -> None:
    root = PUBLISHED / "imagenetv2"
    listed = json.loads((root / "imagenetv2-b-33.json").read_text())["image_filenames"]
    synsets = sorted({synset for _, synset in listed})
    assert len(synsets) == 1000
    label_of = {name: synsets.index(synset) for name, synset in listed}
    table = read(
        root / "predictions" / "imagenetv2-b-33" / "resnet50.npy", 1000, Order(ids=root / "imagenetv2-b-33.json")
    )
    labels = np.asarray([label_of[name] for name in table.ids.tolist()])
    assert len(table) == 10_000
    assert round(float((table.columns["prediction"] == labels).mean()), 4) == 0.6333


CUE_CONFLICT = sorted((PUBLISHED / "cue-conflict").glob("*.csv"))


@published("cue-conflict")
@pytest.mark.parametrize("path", CUE_CONFLICT, ids=lambda path: path.stem)
def test_published_responses_are_of_the_same_1280_images_of_which_1200_hold_a_conflict(path: Path) -> None:
    table = read(path, 16, no_answer=True)
    assert len(table) == 1280
    frame = cue_conflict_frame(table.ids, "cue-conflict")
    assert len(frame.ids) == 1200
    assert len(np.unique(frame.columns["shape_source"])) == 160
    np.testing.assert_array_equal(table.ids, read(CUE_CONFLICT[0], 16, no_answer=True).ids)


@published("cue-conflict")
@pytest.mark.parametrize("path", CUE_CONFLICT, ids=lambda path: path.stem)
def test_published_responses_keep_every_answer_of_the_file(path: Path) -> None:
    table = read(path, 16, no_answer=True)
    with path.open(newline="") as file:
        answers = {row["imagename"].split("_")[-1]: row["object_response"] for row in csv.DictReader(file)}
    found = {
        name: "na" if code == -1 else CATEGORIES[code]
        for name, code in zip(table.ids.tolist(), table.columns["prediction"].tolist(), strict=True)
    }
    assert found == answers


@published("imagenet-val-quartet")
@pytest.mark.parametrize("name", ["conv_sup", "ViT_sup", "convnext_clip", "ViT_CLIP"])
def test_published_rows_without_ids_are_all_read_and_of_one_order(name: str) -> None:
    root = PUBLISHED / "imagenet-val-quartet"
    table = read(root / f"{name}.csv", 1000, Order(name="quartet"))
    assert len(table) == 50_000
    assert table.ids[-1] == "quartet:00049999"
    assert np.bincount(table.columns["label"]).tolist() == [50] * 1000
    first = read(root / "conv_sup.csv", 1000, Order(name="quartet"))
    np.testing.assert_array_equal(table.columns["label"], first.columns["label"])
