from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, top_k_accuracy_score

from demeanour.measures.accuracy import multilabel_top1, top5

FEW = settings(max_examples=40, deadline=None, derandomize=True)

images = st.lists(
    st.tuples(st.integers(-1, 5), st.sets(st.integers(0, 5), min_size=1, max_size=3), st.integers(0, 4)),
    min_size=1,
    max_size=30,
)


def padded(sets):
    table = np.full((len(sets), max(map(len, sets))), -1)
    for row, labels in enumerate(sets):
        table[row, : len(labels)] = list(labels)
    return table


def five_best(seed):
    rng = np.random.default_rng(seed)
    scores = rng.random((200, 20))
    label = np.r_[np.arange(20), rng.integers(0, 20, 180)]
    return scores, label, (np.argsort(-scores, axis=1)[:, :5] == label[:, None]).any(axis=1)


# top-5 accuracy


@pytest.mark.parametrize("seed", range(3))
def test_top5_agrees_with_scikit_learn(seed):
    scores, label, correct5 = five_best(seed)
    weights = np.random.default_rng(seed).uniform(0, 3, 200)
    assert top5(correct5)["all"] == pytest.approx(top_k_accuracy_score(label, scores, k=5))
    theirs = top_k_accuracy_score(label, scores, k=5, sample_weight=weights)
    assert top5(correct5, weights=weights)["all"] == pytest.approx(theirs)


def test_top5_weights_are_repeated_images_and_one_row_for_each_resample():
    *_, correct5 = five_best(3)
    weights = np.random.default_rng(3).integers(0, 4, (3, 200))
    values = top5(correct5, weights=weights)["all"]
    assert values == pytest.approx([np.repeat(correct5, one).mean() for one in weights])


def test_top5_of_nothing_is_nan():
    assert np.isnan(top5(np.zeros(0, bool))["all"])


def test_top5_of_imagenet_v2_is_as_published(published):
    folder = published / "imagenetv2"
    synsets = (published / "labels" / "imagenet_synsets.txt").read_text(encoding="utf-8").split()
    names = json.loads((folder / "imagenetv2-b-33.json").read_text(encoding="utf-8"))["image_filenames"]
    label = np.array([synsets.index(synset) for _, synset in names])
    best = np.load(folder / "predictions" / "imagenetv2-b-33" / "resnet50.npy")
    assert round(float(top5((best == label[:, None]).any(axis=1))["all"]), 4) == 0.8465


# one of several labels


@FEW
@given(images)
def test_an_image_is_right_if_its_prediction_is_in_its_set(drawn):
    prediction, sets, weights = zip(*drawn, strict=True)
    right = [answer in labels for answer, labels in zip(prediction, sets, strict=True)]
    ours = multilabel_top1(np.array(prediction), padded(sets))["all"]
    assert ours == pytest.approx(sum(right) / len(right))
    repeated = np.repeat(right, weights)
    weighted = multilabel_top1(np.array(prediction), padded(sets), weights=weights)["all"]
    assert weighted == pytest.approx(repeated.mean() if len(repeated) else np.nan, nan_ok=True)


def test_no_answer_is_not_the_padding_of_a_set():
    assert multilabel_top1(np.array([-1]), np.array([[3, -1]]))["all"] == 0


def test_sets_of_one_label_give_top1():
    prediction, label = np.array([0, 1, 2, 1]), np.array([0, 1, 1, 2])
    ours = multilabel_top1(prediction, label[:, None])["all"]
    assert ours == pytest.approx(accuracy_score(label, prediction))


def test_where_the_label_stands_in_its_set_does_not_matter():
    sets = np.array([[4, 7, -1], [7, 4, -1], [-1, 4, 7], [7, -1, -1]])
    values = [multilabel_top1(np.array([4]), row[None])["all"] for row in sets]
    assert values == [1, 1, 1, 0]


def test_many_weights_at_once_equal_one_after_the_other():
    prediction, sets = np.array([0, 1, 2]), np.array([[0, 1], [2, -1], [2, 3]])
    weights = np.random.default_rng(4).integers(0, 3, (2, 5, 3))
    together = multilabel_top1(prediction, sets, weights=weights)["all"]
    alone = [[multilabel_top1(prediction, sets, weights=one)["all"] for one in part] for part in weights]
    np.testing.assert_allclose(together, alone)


def test_an_image_without_a_label_is_an_error_even_if_it_does_not_count():
    prediction, sets = np.array([0, 1, 2]), np.array([[0, 1], [-1, -1], [-1, -1]])
    with pytest.raises(ValueError, match="2 images have no label, first row 1"):
        multilabel_top1(prediction, sets)
    with pytest.raises(ValueError, match="no label"):
        multilabel_top1(prediction, sets, weights=[1, 0, 0])


@pytest.mark.parametrize(("model", "expected"), [("ResNet50", 0.8296), ("ViT", 0.8399)])
def test_real_accuracy_is_as_published(published, model, expected):
    sets = json.loads((published / "labels" / "imagenet_real.json").read_text(encoding="utf-8"))
    with (published / "imagenet-x" / f"{model}.csv").open(encoding="utf-8") as lines:
        said = {int(name[-10:-5]): int(answer) for name, answer, _ in list(csv.reader(lines))[1:]}
    labelled = [number for number, labels in enumerate(sets, start=1) if labels]
    assert len(labelled) == 46_837
    prediction = np.array([said[number] for number in labelled])
    value = multilabel_top1(prediction, padded([sets[number - 1] for number in labelled]))["all"]
    assert round(float(value), 4) == expected
