"""Predictions as others publish them: what is read from good files, and what is said of bad ones."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
import yaml

from demeanour.datasets.cue_conflict import cue_conflict_frame
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.formats import FORMATS, Order, find_format
from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import Observations, check_paired
from demeanour.evidence.sources import expand, source_file
from demeanour.evidence.store import Store
from demeanour.evidence.table import COLUMNS, PredictionTable, prediction_table
from demeanour.findings.cards import ModelCard
from demeanour.findings.load import load_cast
from demeanour.vocabulary import CATEGORIES

CLASSES = 10
UNORDERED = Order()
ROWS = Order(name="shared")
HEADER = "id,prediction,confidence\n"


def read(
    path: Path, classes: int = CLASSES, named: str | None = None, order: Order = UNORDERED, no_answer: bool = False
) -> PredictionTable:
    """Find the format, read the file, check what it holds."""
    kind = find_format(path, named)
    ids, columns = kind.read(path, order, classes)
    return prediction_table(ids, columns, classes, str(path), no_answer)


def text_file(folder: Path, content: str, name: str = "model.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def parquet_file(folder: Path, columns: dict[str, object]) -> Path:
    path = folder / "model.parquet"
    pyarrow.parquet.write_table(pa.table(columns), path)
    return path


def some_logits(rows: int = 6, classes: int = CLASSES, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3, (rows, classes)).astype(np.float32)


def refusal(path: Path, *words: str, **how: object) -> str:
    """The message of a file that must be refused; it names the file and each of the words."""
    with pytest.raises(EvidenceError) as caught:
        read(path, **how)
    message = str(caught.value)
    for word in (path.name, *words):
        assert word in message
    return message


# --- good files -----------------------------------------------------------------------------------------------------


def test_the_three_columns_of_imagenet_x_are_told_by_their_header_and_sorted_by_image(tmp_path: Path) -> None:
    path = text_file(tmp_path, "file_name,predicted_class,predicted_probability\nb.JPEG,3,0.5\na.JPEG,0,0.25\n")
    assert find_format(path, None).name == "imagenet-x"
    table = read(path)
    assert table.ids.tolist() == ["a.JPEG", "b.JPEG"]
    assert table.columns["prediction"].tolist() == [0, 3]
    assert table.columns["confidence"].tolist() == [0.25, 0.5]
    assert set(table.columns) == {"prediction", "confidence"}


def test_responses_of_models_are_read_as_indices_of_the_categories(tmp_path: Path) -> None:
    path = text_file(
        tmp_path,
        "subj,session,trial,rt,object_response,category,condition,imagename\n"
        "net,1,1,NaN,truck,cat,NaN,cat1-truck2.png\n"
        "net,1,2,NaN,cat,airplane,NaN,airplane1-cat1.png\n",
    )
    assert find_format(path, None).name == "responses"
    table = read(path, 16, no_answer=True)
    assert table.ids.tolist() == ["airplane1-cat1.png", "cat1-truck2.png"]
    assert table.columns["prediction"].tolist() == [CATEGORIES.index("cat"), CATEGORIES.index("truck")]


def test_responses_of_people_lose_the_prefix_of_the_trial_and_na_is_no_answer(tmp_path: Path) -> None:
    path = text_file(
        tmp_path,
        "subj,session,trial,rt,object_response,category,condition,imagename\n"
        "subject-01,1,1,1.1,na,bird,0,0001_s5n_s01_0_bird_00_bird3-bird2.png\n"
        "subject-01,1,2,0.8,clock,bird,0,0002_s5n_s01_0_bird_00_bird2-clock3.png\n",
    )
    table = read(path, 16, no_answer=True)
    assert table.ids.tolist() == ["bird2-clock3.png", "bird3-bird2.png"]
    assert table.columns["prediction"].tolist() == [CATEGORIES.index("clock"), -1]


def test_ids_of_an_own_csv_stay_text_with_their_leading_zeros(tmp_path: Path) -> None:
    table = read(text_file(tmp_path, HEADER + "010,3,0.5\n0010,4,0.75\n10,5,1\n"))
    assert table.ids.tolist() == ["0010", "010", "10"]
    assert table.columns["prediction"].tolist() == [4, 3, 5]
    assert table.columns["confidence"].tolist() == [0.75, 0.5, 1.0]


def test_a_csv_with_a_byte_order_mark_is_read_like_one_without(tmp_path: Path) -> None:
    path = tmp_path / "excel.csv"
    path.write_bytes(b"\xef\xbb\xbf" + (HEADER + "a,3,0.5\n").encode())
    assert read(path).columns["prediction"].tolist() == [3]


def test_an_own_parquet_table_keeps_every_column_and_text_ids(tmp_path: Path) -> None:
    columns = {
        "id": ["0002", "0001"],
        "prediction": [4, 3],
        "label": [4, 2],
        "confidence": [0.5, 0.75],
        "probability_of_label": [0.5, 0.125],
        "rank_of_label": [1, 2],
        "sum_p2": [0.25, 0.625],
        "log_sum_exp": [-3.5, 700.0],
        "top5": [[4, 1, 2, 3, 0], [3, 2, 1, 0, 9]],
    }
    table = read(parquet_file(tmp_path, columns))
    assert table.ids.tolist() == ["0001", "0002"]
    assert set(table.columns) == set(columns) - {"id"}
    for name, values in table.columns.items():
        assert values.tolist() == columns[name][::-1], name


def test_an_own_table_reads_the_same_from_csv_and_from_parquet(tmp_path: Path) -> None:
    from_csv = read(text_file(tmp_path, "id,prediction,label,confidence\n007,3,2,0.5\n006,1,1,0.125\n"))
    columns = {"id": ["007", "006"], "prediction": [3, 1], "label": [2, 1], "confidence": [0.5, 0.125]}
    from_parquet = read(parquet_file(tmp_path, columns))
    assert from_csv.ids.tolist() == from_parquet.ids.tolist()
    for name in ("prediction", "label", "confidence"):
        assert from_csv.columns[name].dtype == from_parquet.columns[name].dtype
        assert from_csv.columns[name].tolist() == from_parquet.columns[name].tolist()


def expected_of_logits(logits: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """The same columns by torch's softmax and by sorting."""
    scores = torch.from_numpy(logits).double()
    probabilities = torch.softmax(scores, dim=1)
    own = torch.from_numpy(labels).long()
    ranking = [sorted(range(len(row)), key=lambda c, row=row: -row[c]) for row in scores.tolist()]
    return {
        "prediction": np.asarray([ranks[0] for ranks in ranking]),
        "confidence": probabilities.max(dim=1).values.numpy(),
        "sum_p2": probabilities.square().sum(dim=1).numpy(),
        "log_sum_exp": torch.logsumexp(scores, dim=1).numpy(),
        "top5": np.asarray([ranks[:5] for ranks in ranking]),
        "label": labels,
        "probability_of_label": probabilities.gather(1, own[:, None])[:, 0].numpy(),
        "rank_of_label": np.asarray([ranks.index(label) + 1 for ranks, label in zip(ranking, labels, strict=True)]),
    }


@pytest.mark.parametrize("shift", [0, 1000, -1000], ids=["plain", "large", "small"])
def test_columns_of_an_npz_of_logits_are_those_of_softmax_and_sorting(tmp_path: Path, shift: float) -> None:
    logits = some_logits(40) + np.float32(shift)
    labels = np.arange(40) % CLASSES
    ids = np.asarray([f"{number:03d}" for number in range(40)])
    mixed = np.random.default_rng(2).permutation(40)
    np.savez(tmp_path / "model.npz", logits=logits[mixed], labels=labels[mixed], ids=ids[mixed])
    table = read(tmp_path / "model.npz")
    expected = expected_of_logits(logits, labels)
    assert table.ids.tolist() == ids.tolist()
    assert set(table.columns) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(table.columns[name], values, rtol=1e-12, atol=1e-15, err_msg=name)


def test_logits_of_half_precision_are_computed_in_double(tmp_path: Path) -> None:
    logits = some_logits(8).astype(np.float16)
    labels = np.arange(8)
    np.savez(tmp_path / "model.npz", logits=logits, labels=labels, ids=np.asarray(list("abcdefgh")))
    table = read(tmp_path / "model.npz")
    for name, values in expected_of_logits(logits, labels).items():
        np.testing.assert_allclose(table.columns[name], values, rtol=1e-12, err_msg=name)


def test_an_npy_of_logits_takes_labels_from_the_file_beside_it_and_ids_from_json(tmp_path: Path) -> None:
    logits = some_logits(5)
    labels = np.asarray([9, 0, 3, 3, 1])
    np.save(tmp_path / "model.npy", logits)
    np.save(tmp_path / "model.labels.npy", labels)
    order = text_file(tmp_path, json.dumps(["e", "d", "c", "b", "a"]), "order.json")
    assert find_format(tmp_path / "model.npy", None).name == "logits"
    table = read(tmp_path / "model.npy", order=Order(ids=order))
    assert table.ids.tolist() == ["a", "b", "c", "d", "e"]
    for name, values in expected_of_logits(logits, labels).items():
        np.testing.assert_allclose(table.columns[name], values[::-1], rtol=1e-12, err_msg=name)


def test_logits_without_labels_say_nothing_of_the_label(tmp_path: Path) -> None:
    np.save(tmp_path / "model.npy", some_logits(3))
    table = read(tmp_path / "model.npy", order=ROWS)
    assert set(table.columns) == {"prediction", "confidence", "sum_p2", "log_sum_exp", "top5"}
    assert table.ids.tolist() == ["shared:00000000", "shared:00000001", "shared:00000002"]


def test_logits_of_fewer_than_five_classes_have_no_top5(tmp_path: Path) -> None:
    np.savez(tmp_path / "model.npz", logits=some_logits(3, 4), ids=np.asarray(["a", "b", "c"]))
    table = read(tmp_path / "model.npz", 4)
    assert "top5" not in table.columns
    np.testing.assert_array_equal(table.columns["prediction"], some_logits(3, 4).argmax(axis=1))


def test_the_rank_of_a_label_that_ties_with_another_class_counts_both(tmp_path: Path) -> None:
    logits = np.asarray([[5.0, 2.0, 2.0, 1.0, 0.0, -1.0]])
    np.savez(tmp_path / "model.npz", logits=logits, labels=np.asarray([1]), ids=np.asarray(["a"]))
    assert read(tmp_path / "model.npz", 6).columns["rank_of_label"].tolist() == [3]


@pytest.mark.parametrize(
    "content",
    [{"seed": 1, "image_filenames": [["z.jpg", "n01"], ["y.jpg", "n02"]]}, ["z.jpg", "y.jpg"]],
    ids=["imagenetv2", "list"],
)
def test_top5_arrays_take_their_ids_from_the_json_that_orders_them(tmp_path: Path, content: object) -> None:
    top5 = np.asarray([[4, 3, 2, 1, 0], [9, 8, 7, 6, 5]])
    np.save(tmp_path / "model.npy", top5)
    order = text_file(tmp_path, json.dumps(content), "order.json")
    assert find_format(tmp_path / "model.npy", None).name == "top5"
    table = read(tmp_path / "model.npy", order=Order(ids=order))
    assert table.ids.tolist() == ["y.jpg", "z.jpg"]
    assert table.columns["prediction"].tolist() == [9, 4]
    assert table.columns["top5"].tolist() == top5[::-1].tolist()


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_rows_without_ids_skip_blank_lines_and_are_named_by_their_order(tmp_path: Path, end: str) -> None:
    lines = ["predictions,true_label,Output,probabilities", "", "0,00000,8.9,0.75", "", "7,00003,1.5,0.5", ""]
    path = tmp_path / "rows.csv"
    path.write_bytes(end.join(lines).encode())
    assert find_format(path, None).name == "quartet"
    table = read(path, order=ROWS)
    assert table.ids.tolist() == ["shared:00000000", "shared:00000001"]
    assert table.columns["prediction"].tolist() == [0, 7]
    assert table.columns["label"].tolist() == [0, 3]
    assert table.columns["confidence"].tolist() == [0.75, 0.5]


def test_the_bounds_of_each_range_are_inside_it(tmp_path: Path) -> None:
    table = read(text_file(tmp_path, "id,prediction,label,confidence\na,0,9,0\nb,9,0,1\n"))
    assert table.columns["prediction"].tolist() == [0, 9]
    assert table.columns["label"].tolist() == [9, 0]
    assert table.columns["confidence"].tolist() == [0.0, 1.0]


# --- bad values -----------------------------------------------------------------------------------------------------

BAD_TEXT = {
    "duplicate ids": (HEADER + "a,1,.5\nb,1,.5\na,2,.5\n", ["1 duplicate ids", "'a'", "one row for each image"]),
    "empty id": (HEADER + "a,1,.5\n,2,.5\n", ["no id"]),
    "several empty ids": (HEADER + ",1,.5\n,2,.5\n", ["no id"]),
    "empty id among imagenet-x": ("file_name,predicted_class,predicted_probability\n,1,.5\na,2,.5\n", ["no id"]),
    "prediction beyond the classes": (HEADER + "a,1,.5\nb,10,.5\n", ["'prediction'", "out of range 0 … 9", "10"]),
    "prediction of -1": (HEADER + "a,1,.5\nb,-1,.5\n", ["'prediction'", "out of range 0 … 9", "-1"]),
    "prediction of -2": (HEADER + "a,1,.5\nb,-2,.5\n", ["'prediction'", "out of range", "-2"]),
    "label beyond the classes": ("id,prediction,label\na,1,10\n", ["'label'", "out of range 0 … 9"]),
    "label of -1": ("id,prediction,label\na,1,-1\n", ["'label'", "out of range 0 … 9"]),
    "confidence above 1": (HEADER + "a,1,.5\nb,1,1.0001\n", ["'confidence'", "out of range 0 … 1", "1.0001", "1 rows"]),
    "confidence below 0": (HEADER + "a,1,-.25\nb,1,1\n", ["'confidence'", "out of range 0 … 1", "-0.25"]),
    "confidence in percent": (HEADER + "a,1,97\nb,1,88\n", ["'confidence'", "out of range", "2 rows"]),
    "infinite confidence": (HEADER + "a,1,.5\nb,1,inf\n", ["'confidence'", "not finite"]),
    "NaN as text of a CSV": (HEADER + "a,1,.5\nb,1,NaN\n", ["'confidence'", "not finite in 1 rows"]),
    "sum of squares above 1": ("id,prediction,sum_p2\na,1,1.5\n", ["'sum_p2'", "out of range"]),
    "rank of 0": ("id,prediction,rank_of_label\na,1,0\n", ["'rank_of_label'", "out of range", "1 upwards"]),
    "words for numbers": (HEADER + "a,1,high\nb,1,low\n", ["'confidence'", "expected numbers"]),
    "class names for indices": (HEADER + "a,cat,.5\nb,dog,.5\n", ["'prediction'", "expected numbers"]),
    "predictions with fractions": (HEADER + "a,1.5,.5\nb,2,.5\n", ["'prediction'", "float64", "int64"]),
    "prediction left empty": (HEADER + "a,1,.5\nb,,.5\n", ["'prediction'", "empty in 1 rows"]),
    "unknown column": ("id,prediction,confidense\na,1,.5\n", ["unknown column", "did you mean 'confidence'?"]),
    "no prediction": ("id,confidence\na,.5\n", ["id, confidence", "id, prediction"]),
    "no id": ("prediction,confidence\n1,.5\n", ["prediction, confidence", "id, prediction"]),
    "empty file": ("", ["empty"]),
    "header only": (HEADER, ["no rows"]),
    "rows of different lengths": (HEADER + "a,1,.5\nb,1\n", ["no valid CSV", "Expected 3 columns, got 2"]),
    "response of no category": (
        "object_response,category,imagename\ntruk,cat,cat1-dog1.png\n", ["'truk'", "did you mean 'truck'?"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TEXT)
def test_a_bad_csv_is_refused_with_the_file_and_the_defect(tmp_path: Path, case: str) -> None:
    content, words = BAD_TEXT[case]
    refusal(text_file(tmp_path, content), *words)


@pytest.mark.parametrize("content", ["id,prediction\na,11\n", "id,prediction\na,1\na,1\n"], ids=["range", "duplicate"])
def test_an_image_is_quoted_as_it_stands_in_the_file(tmp_path: Path, content: str) -> None:
    message = refusal(text_file(tmp_path, content), "'a'")
    assert "np.str_" not in message


def test_a_csv_of_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.csv"
    path.write_bytes((HEADER + "é,1,0.5\n").encode("latin-1"))
    refusal(path, "UTF8")


def test_no_answer_is_allowed_where_people_did_not_respond_and_nothing_lower_is(tmp_path: Path) -> None:
    path = text_file(tmp_path, "id,prediction\na,-1\nb,2\n")
    assert read(path, no_answer=True).columns["prediction"].tolist() == [-1, 2]
    refusal(text_file(tmp_path, "id,prediction\na,-2\nb,2\n"), "out of range -1 … 9", no_answer=True)
    refusal(text_file(tmp_path, "id,prediction,label\na,-1,-1\n"), "'label' out of range 0 … 9", no_answer=True)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"id": ["a", "b"], "prediction": [1, 2], "confidence": [0.5, np.nan]}, ["'confidence'", "not finite", "nan"]),
        ({"id": ["a", "b"], "prediction": [1, 2], "log_sum_exp": [0.5, -np.inf]}, ["'log_sum_exp'", "not finite"]),
        ({"id": ["a", None], "prediction": [1, 2]}, ["1 rows have no id"]),
        ({"id": ["a", "b"], "prediction": [1, None]}, ["'prediction'", "empty in 1 rows"]),
        ({"id": ["a", "b"], "prediction": [True, False]}, ["'prediction'", "bool", "expected numbers"]),
        ({"id": ["a", "b"], "prediction": [1.0, 2.0]}, ["'prediction'", "expected int64"]),
        ({"id": ["a"], "prediction": [1], "top5": [[1, 2, 3]]}, ["'top5'", "5 values"]),
        ({"id": ["a", "b"], "prediction": [1, 1], "top5": [[1, 2, 3, 4, 5], [1, 2]]}, ["'top5'", "5 values"]),
        ({"id": ["a"], "prediction": [1], "top5": [[1, 2, 3, 4, 10]]}, ["'top5'", "out of range 0 … 9"]),
        ({"id": ["a"], "prediction": [1], "top5": [7]}, ["'top5'", "(1,)", "(1, 5)"]),
        ({"prediction": [1]}, ["no column 'id'"]),
        ({"id": ["a"]}, ["no column 'prediction'"]),
        ({"id": ["a"], "prediction": [1], "lable": [1]}, ["unknown column 'lable'", "did you mean 'label'?"]),
        ({"id": pa.array([], pa.string()), "prediction": pa.array([], pa.int64())}, ["no rows"]),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_bad_parquet_table_is_refused_with_the_file_and_the_defect(
    tmp_path: Path, columns: dict[str, object], words: list[str]
) -> None:
    refusal(parquet_file(tmp_path, columns), *words)


@pytest.mark.parametrize("keep", [0, 3, 0.5, -10], ids=["nothing", "three bytes", "half", "all but ten bytes"])
def test_a_truncated_parquet_file_is_refused(tmp_path: Path, keep: float) -> None:
    path = parquet_file(tmp_path, {"id": ["a", "b"], "prediction": [1, 2]})
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep == 0.5 else int(keep)])
    refusal(path, "no valid Parquet file")


@pytest.mark.parametrize("column", ["predicted_probability", "predicted_class", "file_name"])
def test_a_column_that_a_named_format_needs_and_lacks_is_named(tmp_path: Path, column: str) -> None:
    header = [name for name in FORMATS["imagenet-x"].header if name != column]
    row = {"file_name": "a", "predicted_class": "1", "predicted_probability": ".5"}
    path = text_file(tmp_path, f"{','.join(header)}\n{','.join(row[name] for name in header)}\n")
    refusal(path, column, named="imagenet-x")


@pytest.mark.parametrize(
    ("named", "content", "column"),
    [
        ("responses", "object_response,category\ncat,cat\n", "imagename"),
        ("responses", "category,imagename\ncat,cat1-dog1.png\n", "object_response"),
        ("quartet", "predictions,true_label\n1,1\n", "probabilities"),
        ("quartet", "predictions,probabilities\n1,.5\n", "true_label"),
        ("table", "id,confidence\na,.5\n", "prediction"),
    ],
)
def test_a_csv_read_by_a_named_format_lacks_a_column(tmp_path: Path, named: str, content: str, column: str) -> None:
    refusal(text_file(tmp_path, content), f"'{column}'", named=named, order=ROWS)


# --- bad arrays -----------------------------------------------------------------------------------------------------


def archive(folder: Path, **arrays: object) -> Path:
    path = folder / "model.npz"
    np.savez(path, **{"logits": some_logits(3), "ids": np.asarray(["a", "b", "c"]), **arrays})
    return path


def spoilt(row: int, column: int, value: float) -> np.ndarray:
    logits = some_logits(3)
    logits[row, column] = value
    return logits


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"logits": spoilt(1, 2, np.nan)}, ["not finite", "1 rows", "row 1"]),
        ({"logits": spoilt(2, 0, np.inf)}, ["not finite", "row 2"]),
        ({"logits": spoilt(2, 0, -np.inf)}, ["not finite", "row 2"]),
        ({"logits": np.tile([3.0, 3.0, *range(-8, 0)], (3, 1))}, ["largest logit", "3 rows", "row 0"]),
        ({"logits": some_logits(3, 9)}, ["(3, 9)", "(images, 10)"]),
        ({"logits": some_logits(3)[:, 0]}, ["(3,)", "(images, 10)"]),
        ({"logits": np.arange(30).reshape(3, 10)}, ["int64", "floating point"]),
        ({"logits": some_logits(4)}, ["4 rows of logits", "ids of shape (3,)"]),
        ({"labels": np.asarray([0, 1, 10])}, ["labels", "0 … 9"]),
        ({"labels": np.asarray([0, 1, -1])}, ["labels", "0 … 9"]),
        ({"labels": np.asarray([0.0, 1.0, 2.0])}, ["labels", "class indices"]),
        ({"labels": np.asarray([0, 1])}, ["labels"]),
        ({"ids": np.asarray([1, 2, 3])}, ["'ids'", "expected text"]),
        ({"ids": np.asarray(["a", "b", "b"])}, ["duplicate ids", "'b'"]),
        ({"ids": np.asarray(["a", "b", ""])}, ["no id"]),
        ({"ids": np.asarray(["a", "b", "c"], dtype=object)}, ["pickle"]),
        ({"logits": some_logits(3).astype(object)}, ["pickle"]),
        ({"logits": np.zeros((0, 10)), "ids": np.asarray([], "U1")}, ["no rows"]),
        ({"logits": np.zeros((0, 10)), "ids": np.asarray([], "U1"), "labels": np.zeros(0, int)}, ["no rows"]),
    ],
    ids=[
        "NaN", "infinity", "minus infinity", "tied largest", "narrow", "one-dimensional", "integers", "too few ids",
        "label too large", "label negative", "label with fractions", "too few labels", "numbers for ids",
        "duplicate ids", "empty id", "ids that need pickle", "logits that need pickle", "no rows",
        "no rows with labels",
    ],
)  # fmt: skip
def test_bad_logits_are_refused_with_the_file_and_the_defect(
    tmp_path: Path, arrays: dict[str, np.ndarray], words: list[str]
) -> None:
    refusal(archive(tmp_path, **arrays), *words)


def test_an_archive_without_logits_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    np.savez(tmp_path / "model.npz", scores=some_logits(3))
    refusal(tmp_path / "model.npz", "no array 'logits'", "scores")


def test_an_archive_with_pickled_code_never_runs_it(tmp_path: Path) -> None:
    harmful = np.empty(1, dtype=object)
    harmful[0] = Touch(tmp_path / "executed")
    refusal(archive(tmp_path, ids=harmful), "pickle")
    assert not (tmp_path / "executed").exists()


class Touch:
    """Unpickling this creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("keep", [0, 2, 100, 0.5, -10], ids=["nothing", "2 bytes", "100 bytes", "half", "all but 10"])
def test_a_truncated_npz_file_is_refused(tmp_path: Path, keep: float) -> None:
    path = archive(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep == 0.5 else int(keep)])
    refusal(path)


def test_an_npz_file_with_damaged_bytes_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path)
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)
    refusal(path)


def test_a_single_array_named_npz_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "model.npy", some_logits(3))
    (tmp_path / "model.npy").rename(tmp_path / "model.npz")
    refusal(tmp_path / "model.npz")


@pytest.mark.parametrize("keep", [0, 3, 60, -8], ids=["nothing", "3 bytes", "60 bytes", "all but 8"])
@pytest.mark.parametrize("named", [None, "logits", "top5"])
def test_a_truncated_npy_file_is_refused(tmp_path: Path, keep: int, named: str | None) -> None:
    path = tmp_path / "model.npy"
    np.save(path, some_logits(3))
    path.write_bytes(path.read_bytes()[:keep])
    refusal(path, "no readable array", named=named, order=ROWS)


def test_truncated_labels_beside_logits_are_refused_by_their_own_name(tmp_path: Path) -> None:
    np.save(tmp_path / "model.npy", some_logits(3))
    labels = tmp_path / "model.labels.npy"
    np.save(labels, np.asarray([1, 2, 3]))
    labels.write_bytes(labels.read_bytes()[:-4])
    with pytest.raises(EvidenceError, match=r"model\.labels\.npy: no readable array"):
        read(tmp_path / "model.npy", order=ROWS)


@pytest.mark.parametrize(
    ("array", "named", "words"),
    [
        (np.asarray([[1, 2, 3]]), None, ["(1, 3)", "(images, 5)"]),
        (np.asarray([1, 2, 3, 4, 5]), None, ["(5,)", "(images, 5)"]),
        (np.asarray([[1, 2, 3, 4, 10]]), None, ["out of range 0 … 9"]),
        (np.asarray([[10, 2, 3, 4, 5]]), None, ["'prediction'", "out of range 0 … 9"]),
        (np.asarray([[1, 2, 3, -1, 5]]), None, ["'top5'", "out of range 0 … 9"]),
        (np.asarray([[1.0, 2.0, 3.0, 4.0, 5.0]]), "top5", ["float64", "int64"]),
        (np.zeros((0, 5), int), None, ["no rows"]),
    ],
    ids=["three columns", "one row", "class too large", "best class too large", "negative", "floats", "no rows"],
)
def test_bad_top5_arrays_are_refused(tmp_path: Path, array: np.ndarray, named: str | None, words: list[str]) -> None:
    np.save(tmp_path / "model.npy", array)
    refusal(tmp_path / "model.npy", *words, named=named, order=ROWS)


# --- the order of rows ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["top5.npy", "rows.csv", "logits.npy"])
def test_rows_without_ids_and_without_an_order_are_refused_with_both_remedies(tmp_path: Path, name: str) -> None:
    if name == "rows.csv":
        path = text_file(tmp_path, "predictions,true_label,probabilities\n1,1,.5\n", name)
    else:
        path = tmp_path / name
        np.save(path, np.asarray([[1, 2, 3, 4, 5]]) if name == "top5.npy" else some_logits(1))
    refusal(path, "no ids", "ids: order.json", "order: NAME")


def ordered_by(folder: Path, content: str) -> tuple[Path, Order]:
    path = folder / "model.npy"
    np.save(path, np.asarray([[1, 2, 3, 4, 5], [2, 1, 3, 4, 5]]))
    return path, Order(ids=text_file(folder, content, "order.json"))


def test_an_order_of_another_length_is_refused_with_both_counts_and_both_files(tmp_path: Path) -> None:
    path, order = ordered_by(tmp_path, '["a", "b", "c"]')
    refusal(path, "2 rows", "order.json", "3 images", order=order)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('["a", "b"', "no valid JSON"),
        ("", "no valid JSON"),
        ("[]", "list of image names"),
        ("[1, 2]", "list of image names"),
        ('[["a", "n01"], []]', "list of image names"),
        ('{"images": ["a", "b"]}', "'image_filenames'"),
        ("null", "list of image names"),
        ("5", "list of image names"),
        ('"ab"', "list of image names"),
        ('{"image_filenames": 5}', "list of image names"),
        ('{"image_filenames": "ab"}', "list of image names"),
        ('{"image_filenames": ["a", "b"], "image_filenames": ["b", "a"]}', "the name 'image_filenames' stands twice"),
    ],
)
def test_a_bad_order_is_refused_by_its_own_name(tmp_path: Path, content: str, words: str) -> None:
    path, order = ordered_by(tmp_path, content)
    with pytest.raises(EvidenceError, match=rf"order\.json: .*{words}"):
        read(path, order=order)


def test_an_order_that_names_an_image_twice_is_refused(tmp_path: Path) -> None:
    path, order = ordered_by(tmp_path, '["a", "a"]')
    refusal(path, "duplicate ids", order=order)


def test_a_missing_order_is_named(tmp_path: Path) -> None:
    path, _ = ordered_by(tmp_path, "[]")
    with pytest.raises(NotMeasuredError, match=r"absent\.json is missing"):
        read(path, order=Order(ids=tmp_path / "absent.json"))


# --- the format and the file ----------------------------------------------------------------------------------------


def test_an_unknown_format_is_refused_with_the_nearest_known_one(tmp_path: Path) -> None:
    refusal(text_file(tmp_path, HEADER), "'imagenetx'", "did you mean 'imagenet-x'?", named="imagenetx")


def test_columns_of_no_known_format_are_told_with_those_of_the_known_ones(tmp_path: Path) -> None:
    message = refusal(text_file(tmp_path, "image,guess\na,1\n"), "image, guess")
    for known in ("imagenet-x", "responses", "quartet", "table"):
        assert f"{known}: {', '.join(FORMATS[known].header)}" in message


def test_an_ending_that_tells_no_format_is_refused(tmp_path: Path) -> None:
    refusal(text_file(tmp_path, HEADER, "model.txt"), "'.txt'", "logits")


def test_a_missing_file_is_not_measured_and_named(tmp_path: Path) -> None:
    with pytest.raises(NotMeasuredError, match=r"absent\.csv is missing") as caught:
        read(tmp_path / "absent.csv")
    assert not isinstance(caught.value, EvidenceError)


def card(source: str, **keys: object) -> ModelCard:
    return ModelCard(source=source, architecture="vit", paradigm="supervised", data=["mine"], **keys)


def test_a_folder_with_one_table_of_the_data_set_is_enough(tmp_path: Path) -> None:
    wanted = text_file(tmp_path, HEADER, "mine.csv")
    text_file(tmp_path, HEADER, "other.csv")
    assert source_file(card("predictions:."), "mine", tmp_path, tmp_path / "store").samefile(wanted)


def test_a_folder_without_a_table_of_the_data_set_is_not_measured(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    with pytest.raises(NotMeasuredError, match=r"net holds no table of mine; .*mine\.parquet, mine\.csv") as caught:
        source_file(card("predictions:net"), "mine", tmp_path, tmp_path / "store")
    assert not isinstance(caught.value, EvidenceError)


def test_a_folder_with_two_tables_of_the_data_set_is_refused_with_both(tmp_path: Path) -> None:
    for ending in ("csv", "npz"):
        text_file(tmp_path, "", f"mine.{ending}")
    with pytest.raises(EvidenceError, match=r"several tables of mine: mine\.csv, mine\.npz"):
        source_file(card("predictions:."), "mine", tmp_path, tmp_path / "store")


def test_a_missing_source_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(NotMeasuredError, match=r"absent\.csv is missing"):
        source_file(card("predictions:absent.csv"), "mine", tmp_path, tmp_path / "store")


def test_a_source_that_is_no_file_of_predictions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="'timm:resnet50' holds no predictions"):
        source_file(card("timm:resnet50"), "mine", tmp_path, tmp_path / "store")


def test_an_unset_variable_is_told_with_the_one_that_was_probably_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVIDENCE_FOLDER_OF_MINE", raising=False)
    monkeypatch.setenv("EVIDENCE_FOLDR_OF_MINE", str(tmp_path))
    with pytest.raises(NotMeasuredError, match=r"EVIDENCE_FOLDER_OF_MINE is not set; did you mean 'EVIDENCE_FOLDR_OF"):
        expand("${EVIDENCE_FOLDER_OF_MINE}/a.csv", tmp_path, tmp_path / "store")


def test_an_unset_variable_without_a_near_one_is_to_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QQQQ_ZZZZ_XXXX", raising=False)
    with pytest.raises(NotMeasuredError, match=r"QQQQ_ZZZZ_XXXX is not set; set it to the folder"):
        expand("${QQQQ_ZZZZ_XXXX}/a.csv", tmp_path, tmp_path / "store")


def test_a_variable_is_replaced_and_other_paths_start_at_the_cast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_FOLDER_OF_MINE", str(tmp_path / "there"))
    assert expand("${EVIDENCE_FOLDER_OF_MINE}/a.csv", tmp_path, tmp_path / "store") == tmp_path / "there" / "a.csv"
    assert expand("net/a.csv", tmp_path, tmp_path / "store") == tmp_path / "net" / "a.csv"


# --- against the data set -------------------------------------------------------------------------------------------


def evidence_of(folder: Path, models: dict[str, dict[str, object]], **data: dict[str, object]) -> Evidence:
    """Evidence of a cast that lies in a folder, with all its roles alike."""
    role = {"architecture": "vit", "paradigm": "supervised", "data": list(data)}
    cast = {
        "about": "a test",
        "protocol": "none",
        "models": {name: {**role, **keys} for name, keys in models.items()},
        "data": data,
    }
    path = text_file(folder, yaml.safe_dump(cast), "cast.yaml")
    loaded, _, problems = load_cast(path)
    assert loaded is not None
    assert not problems
    return Evidence(loaded, Store(folder / "store", notice=pytest.fail))


def labelled(folder: Path, labels: dict[str, int]) -> dict[str, object]:
    rows = "".join(f"{name},{label}\n" for name, label in labels.items())
    text_file(folder, f"file_name,label\n{rows}", "labels.csv")
    return {"reader": "labels", "root": "labels.csv", "images": len(labels), "classes": CLASSES}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("id,prediction\na,1\nb,2\nd,3\n", ["1 unknown ids", "'d'", "'a'"]),
        ("id,prediction\na,1\nb,2\n", ["2 images", "mine has 3"]),
        ("id,prediction\na,1\nb,2\nc,3\nd,4\n", ["4 images", "mine has 3"]),
        ("id,prediction,label\na,1,0\nb,2,5\nc,3,2\n", ["labels contradict", "1 rows", "'b'", "5 against 1"]),
    ],
    ids=["unknown id", "image missing", "image too many", "labels that contradict"],
)
def test_a_table_that_does_not_fit_its_data_set_is_refused(tmp_path: Path, content: str, words: list[str]) -> None:
    text_file(tmp_path, content)
    mine = labelled(tmp_path, {"a": 0, "b": 1, "c": 2})
    with pytest.raises(EvidenceError) as caught:
        evidence_of(tmp_path, {"net": {"source": "predictions:model.csv"}}, mine=mine).observations("net", "mine")
    for word in words:
        assert word in str(caught.value)
    assert "np.str_" not in str(caught.value)


def test_row_order_without_the_name_of_an_order_is_refused(tmp_path: Path) -> None:
    text_file(tmp_path, "predictions,true_label,probabilities\n1,1,.5\n")
    model = {"source": "predictions:model.csv", "ids": "row-order"}
    evidence = evidence_of(tmp_path, {"net": model}, mine={"reader": "tables", "images": 1, "classes": CLASSES})
    with pytest.raises(EvidenceError, match=r"model\.csv: its rows have no ids; .*order: NAME"):
        evidence.observations("net", "mine")


def rows_of(folder: Path, name: str, labels: list[int], order: str) -> dict[str, object]:
    rows = "".join(f"1,{label},.5\n" for label in labels)
    text_file(folder, f"predictions,true_label,probabilities\n{rows}", f"{name}.csv")
    return {"source": f"predictions:{name}.csv", "ids": "row-order", "order": order}


def observed(folder: Path, one: list[int], other: list[int], orders: tuple[str, str]) -> list[Observations]:
    models = {"one": rows_of(folder, "one", one, orders[0]), "other": rows_of(folder, "other", other, orders[1])}
    evidence = evidence_of(folder, models, mine={"reader": "tables", "images": len(one), "classes": CLASSES})
    return [evidence.observations(name, "mine") for name in models]


def test_tables_of_one_order_with_the_same_labels_are_paired(tmp_path: Path) -> None:
    pair = observed(tmp_path, [0, 1, 2], [0, 1, 2], ("a", "a"))
    check_paired(pair)
    assert pair[0].ids.tolist() == pair[1].ids.tolist()


def test_tables_of_different_orders_are_never_paired(tmp_path: Path) -> None:
    pair = observed(tmp_path, [0, 1, 2], [0, 1, 2], ("a", "b"))
    with pytest.raises(EvidenceError, match=r"one and other saw different images of mine: 3 .*a:0.*3 .*b:0"):
        check_paired(pair)


def test_tables_of_one_order_with_different_labels_are_never_paired(tmp_path: Path) -> None:
    pair = observed(tmp_path, [0, 1, 2], [0, 2, 1], ("a", "a"))
    with pytest.raises(EvidenceError, match=r"different labels for 2 images of mine.*not in one order"):
        check_paired(pair)


# --- names of cue-conflict images -----------------------------------------------------------------------------------


def test_names_of_cue_conflict_images_tell_shape_texture_and_sources() -> None:
    names = ["airplane1-bicycle2.png", "bear1-bear2.png", "bear10-airplane1.png", "bear10-bicycle2.png"]
    frame = cue_conflict_frame(np.asarray(names), "cue-conflict")
    assert frame.ids.tolist() == [names[0], names[2], names[3]]
    assert [CATEGORIES[code] for code in frame.columns["shape"]] == ["airplane", "bear", "bear"]
    assert [CATEGORIES[code] for code in frame.columns["texture"]] == ["bicycle", "airplane", "bicycle"]
    assert frame.columns["label"].tolist() == frame.columns["shape"].tolist()
    shape, texture = frame.columns["shape_source"], frame.columns["texture_source"]
    assert shape[0] != shape[1] == shape[2]
    assert texture[0] == texture[2] != texture[1]


@pytest.mark.parametrize(
    "name",
    [
        "cat1_dog2.png", "cat-dog2.png", "cat1-dog2.jpg", "cat1-dog.png", "cat1-wolf2.png", "wolf1-cat2.png",
        "Cat1-dog2.png", "0001_cat1-dog2.png", "cat1-dog2.png.png", "",
    ],
)  # fmt: skip
def test_a_name_that_is_none_of_a_cue_conflict_image_is_quoted(name: str) -> None:
    with pytest.raises(EvidenceError, match=rf"'{re.escape(name)}' is no name of a cue-conflict image"):
        cue_conflict_frame(np.asarray(["cat1-dog2.png", name]), "cue-conflict")


def test_images_without_any_conflict_are_refused() -> None:
    with pytest.raises(EvidenceError, match="no image in which shape and texture are of different classes"):
        cue_conflict_frame(np.asarray(["cat1-cat2.png", "dog1-dog2.png"]), "cue-conflict")


def test_every_column_and_format_is_documented_as_it_is() -> None:
    text = (Path(__file__).parents[1] / "docs" / "predictions.md").read_text(encoding="utf-8")
    for name, column in COLUMNS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        assert column.meaning.split(";")[0].split(",")[0] in row
    for name in FORMATS:
        assert f"| `{name}` |" in text
