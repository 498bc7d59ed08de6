from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from demeanour.datasets.label_space import LabelSpace, grouped, read_label_space, subset
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.logits import columns_of_logits
from demeanour.measures.accuracy import top1

GROUPS = ((4, 1, 9), (0,), (7, 2), (11, 3, 5, 6))


def drawn(seed, n=80, classes=12):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, classes)) * 3


def softmax_by_loop(row):
    exponentials = [math.exp(score) for score in row]
    return [value / sum(exponentials) for value in exponentials]


def written(tmp_path, content):
    path = tmp_path / "space.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


# subsets


def test_a_subset_shares_probability_among_its_own_classes():
    logits, kept = drawn(0), [7, 2, 11, 0, 5, 3]
    label = np.random.default_rng(0).integers(0, 6, 80)
    own = LabelSpace("six", "subset", tuple((index,) for index in kept)).apply(logits)
    assert own.shape == (80, 6)
    columns = columns_of_logits(own, label, "drawn")
    right = []
    for row, true in zip(logits, label, strict=True):
        probability = softmax_by_loop([row[index] for index in kept])
        right.append(probability.index(max(probability)) == true)
    assert top1(columns["prediction"] == label)["all"] == pytest.approx(sum(right) / 80)
    first = softmax_by_loop([logits[0][index] for index in kept])
    assert columns["confidence"][0] == pytest.approx(max(first))
    assert columns["probability_of_label"][0] == pytest.approx(first[label[0]])


def test_slicing_before_the_softmax_is_easier_than_after():
    # class 2 is best of all three, but is no class of the set
    logits = np.array([[2.0, 0.0, 5.0]])
    assert subset(logits, [0, 1]).argmax() == 0
    assert columns_of_logits(subset(logits, [0, 1]), None, "drawn")["confidence"][0] > 0.8


def test_the_order_of_a_subset_is_that_of_the_data_set():
    logits = drawn(1)
    assert (subset(logits, [3, 8]) == subset(logits, [8, 3])[:, ::-1]).all()
    assert subset(logits, [3, 8])[:, 0].tolist() == logits[:, 3].tolist()


def test_a_subset_keeps_the_type_of_the_logits():
    assert subset(drawn(2).astype(np.float16), [1, 2]).dtype == np.float16


# groupings


def test_a_category_has_the_mean_probability_of_its_classes():
    logits = drawn(3)
    label = np.random.default_rng(3).integers(0, 4, 80)
    own = LabelSpace("four", "grouped", GROUPS).apply(logits)
    assert own.shape == (80, 4)
    right = []
    for row, found, true in zip(logits, own, label, strict=True):
        probability = softmax_by_loop(row)
        means = [sum(probability[index] for index in group) / len(group) for group in GROUPS]
        assert np.exp(found) == pytest.approx(means)
        right.append(means.index(max(means)) == true)
    assert top1(own.argmax(axis=1) == label)["all"] == pytest.approx(sum(right) / 80)


def test_the_mean_is_neither_the_sum_nor_the_largest():
    # the sum prefers the first category (.45 against .25 and .3), the largest the third (.3), the mean the second
    probability = np.array([[0.15, 0.15, 0.15, 0.25, 0.3, 1e-9]])
    found = grouped(np.log(probability), [(0, 1, 2), (3,), (4, 5)])
    assert found.argmax() == 1
    assert np.exp(found[0]) == pytest.approx([0.15, 0.25, 0.15])


def test_categories_do_not_add_up_to_one():
    shares = np.exp(grouped(drawn(4), [(0, 1, 2, 3, 4, 5), (6, 7, 8, 9, 10, 11)])).sum(axis=1)
    assert shares == pytest.approx(np.full(80, 1 / 6))


def test_the_order_of_categories_is_that_of_the_data_set_and_within_one_does_not_matter():
    logits = drawn(5)
    assert (grouped(logits, GROUPS) == grouped(logits, GROUPS[::-1])[:, ::-1]).all()
    turned = [group[::-1] for group in GROUPS]
    np.testing.assert_allclose(grouped(logits, GROUPS), grouped(logits, turned), rtol=1e-12)


def test_categories_of_one_class_each_are_the_log_probabilities_and_answer_like_the_subset():
    logits, kept = drawn(6), [5, 0, 9]
    alone = grouped(logits, [(index,) for index in kept])
    np.testing.assert_allclose(alone, log_softmax(logits, axis=1)[:, kept], rtol=1e-12)
    np.testing.assert_allclose(softmax(alone, axis=1), softmax(subset(logits, kept), axis=1), rtol=1e-9)


def test_improbable_categories_are_told_apart():
    logits = np.array([[0.0, -2000.0, -2001.0, -3000.0], [60_000.0, 0.0, -1.0, -2.0]], np.float64)
    found = grouped(logits, [(0,), (1, 2), (3,)])
    expected = -2000 + math.log((1 + math.exp(-1)) / 2)
    assert found[0] == pytest.approx([0, expected, -3000])
    assert np.isfinite(found).all()


def test_half_precision_logits_are_grouped_in_double_precision():
    half = drawn(7).astype(np.float16)
    assert grouped(half, GROUPS).dtype == np.float64
    assert (grouped(half, GROUPS) == grouped(half.astype(np.float64), GROUPS)).all()


# reading


def test_a_list_of_indices_is_a_subset(tmp_path):
    space = read_label_space(written(tmp_path, [7, 2, 5]))
    assert space == LabelSpace("space", "subset", ((7,), (2,), (5,)))
    assert (space.apply(drawn(8)) == drawn(8)[:, [7, 2, 5]]).all()


@pytest.mark.parametrize("content", [[[4, 1], [0], [7, 2]], {"knife": [4, 1], "bear": [0], "cat": [7, 2]}])
def test_lists_of_indices_are_a_grouping_in_their_order(tmp_path, content):
    space = read_label_space(written(tmp_path, content))
    assert space == LabelSpace("space", "grouped", ((4, 1), (0,), (7, 2)))
    assert (space.apply(drawn(9)) == grouped(drawn(9), [[4, 1], [0], [7, 2]])).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([3, 4, 3], "the index 3 stands twice"),
        ([[1, 2], [3, 3]], "the index 3 stands twice"),
        ({"shirt": [841], "sweatshirt": [841]}, "the index 841 stands twice"),
        ([3, -1], "the index -1 is negative"),
        ([[1], [2, -4]], "the index -4 is negative"),
        ([[1], [], [2], []], "2 classes hold no index, the first at position 1"),
        ({"a": [1], "b": []}, "1 classes hold no index, the first at position 1"),
        ([], "expected two classes or more, found 0"),
        ({}, "expected two classes or more, found 0"),
        ([5], "expected two classes or more, found 1"),
        ([[5, 6]], "expected two classes or more, found 1"),
        ([1, [2]], "expected a list of class indices"),
        ([1, 2.0], "expected a list of class indices"),
        ([0, True], "expected a list of class indices"),
        (["1", "2"], "expected a list of class indices"),
        ([[1], ["n01440764"]], "expected a list of class indices"),
        ([[1], [[2]]], "expected a list of class indices"),
        ({"a": 1, "b": 2}, "expected a list of class indices"),
        ("7", "expected a list of class indices"),
        ("null", "expected a list of class indices"),
        ('"1 2 3"', "expected a list of class indices"),
        ("[1, 2", "no valid JSON"),
        ("", "no valid JSON"),
        ('{"a": [1], "b": [2], "a": [3]}', "the name 'a' stands twice"),
    ],
)
def test_what_is_no_label_space_is_refused_with_its_file(tmp_path, content, message):
    path = written(tmp_path, content)
    with pytest.raises(EvidenceError) as caught:
        read_label_space(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "space.json"
    path.write_bytes(b"\xff\xfe[1, 2]")
    with pytest.raises(EvidenceError, match="no valid JSON"):
        read_label_space(path)


def test_a_missing_file_is_not_measured(tmp_path):
    with pytest.raises(NotMeasuredError, match=r"space\.json is missing") as caught:
        read_label_space(tmp_path / "space.json")
    assert not isinstance(caught.value, EvidenceError)


# applying


@pytest.mark.parametrize("space", [
    LabelSpace("s", "subset", ((3,), (12,))), LabelSpace("s", "grouped", ((3, 12), (1,))),
])  # fmt: skip
def test_an_index_beyond_the_classes_of_the_model_is_refused(space):
    with pytest.raises(EvidenceError, match="label space 's': the index 12 is out of range for 12 classes"):
        space.apply(drawn(10))
    assert space.apply(drawn(10, classes=13)).shape == (80, 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["subset", "grouped"])
def test_logits_that_are_not_finite_are_refused_even_where_they_would_be_dropped(kind, bad):
    logits = drawn(11)
    logits[[4, 9], 10] = bad
    with pytest.raises(EvidenceError, match="not finite in 2 rows, first row 4"):
        LabelSpace("s", kind, ((0,), (1,))).apply(logits)


def test_a_subset_of_categories_is_refused():
    with pytest.raises(EvidenceError, match="a class of a subset is one index"):
        LabelSpace("s", "subset", ((0, 1), (2,)))


@pytest.mark.parametrize("data", ["a", "r"])
def test_the_classes_of_imagenet_a_and_r_are_two_hundred_of_a_thousand(published, tmp_path, data):
    folder = published / "labels"
    indices = [int(line) for line in (folder / f"imagenet_{data}_indices.txt").read_text(encoding="utf-8").split()]
    synsets = np.array((folder / "imagenet_synsets.txt").read_text(encoding="utf-8").split())
    own = (folder / f"imagenet_{data}_synsets.txt").read_text(encoding="utf-8").split()
    space = read_label_space(written(tmp_path, indices))
    logits = np.eye(1000)[[np.flatnonzero(synsets == synset)[0] for synset in own]]   # sure of each class in turn
    assert space.apply(logits).shape == (200, 200)
    assert space.apply(logits).argmax(axis=1).tolist() == list(range(200))
