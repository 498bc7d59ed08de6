from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from torchmetrics.functional.classification import binary_calibration_error, multiclass_calibration_error

from demeanour.measures import softmax
from demeanour.measures.calibration import BINS, ece
from demeanour.measures.calibration_shown import adaptive_ece, classwise_ece, equal_mass_bin_of

FEW = settings(max_examples=40, deadline=None, derandomize=True)

confidences = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1, allow_subnormal=False))
rows = st.lists(st.tuples(confidences, st.booleans(), st.integers(0, 4)), min_size=1, max_size=50).filter(
    lambda drawn: any(weight for _, _, weight in drawn)
)


def unpacked(drawn):
    return tuple(np.array(column) for column in zip(*drawn, strict=True))


def bins_by_counting(confidence, bins):
    """How many images are less sure, in shares of the whole: the bin of each image."""
    n = len(confidence)
    return [math.floor(sum(other < c for other in confidence) * bins / n) for c in confidence]


def error_by_loop(confidence, correct, bins, weights):
    total = 0.0
    for index in range(BINS):
        held = [i for i, bin_ in enumerate(bins) if bin_ == index and weights[i]]
        if held:
            mass = sum(weights[i] for i in held)
            mean = sum(weights[i] * confidence[i] for i in held) / mass
            accuracy = sum(weights[i] * correct[i] for i in held) / mass
            total += mass * abs(accuracy - mean)
    return total / sum(weights)


def adaptive(confidence, correct, weights=None, bins=BINS):
    return adaptive_ece(np.asarray(confidence), np.asarray(correct, bool), weights=weights, bins=bins)["all"]


# bins of equal mass


@FEW
@given(rows)
def test_the_bin_is_told_by_how_many_images_are_less_sure(drawn):
    confidence, *_ = unpacked(drawn)
    assert equal_mass_bin_of(confidence).tolist() == bins_by_counting(confidence.tolist(), BINS)


@pytest.mark.parametrize("n", [15, 150, 157, 1000, 7])
def test_bins_hold_equally_many_images(n):
    confidence = np.random.default_rng(n).permutation(n) / n
    sizes = np.bincount(equal_mass_bin_of(confidence), minlength=BINS)
    assert sizes.sum() == n
    assert sizes.max() - sizes.min() <= 1


def test_a_tie_goes_to_one_bin_as_a_whole():
    # the third of four images would open the second of two bins, but is as sure as the second
    assert equal_mass_bin_of(np.array([0.1, 0.5, 0.5, 0.9]), 2).tolist() == [0, 0, 0, 1]
    assert equal_mass_bin_of(np.full(100, 0.7)).tolist() == [0] * 100


@FEW
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(drawn, random):
    shuffled = random.sample(drawn, len(drawn))
    values = [adaptive(*unpacked(part)[:2]) for part in (drawn, shuffled)]
    assert values[0] == pytest.approx(float(values[1]), abs=1e-12)


# adaptive calibration error


@FEW
@given(rows)
def test_adaptive_ece_agrees_with_a_loop(drawn):
    confidence, correct, weights = (column.tolist() for column in unpacked(drawn))
    bins = bins_by_counting(confidence, BINS)
    ones = [1] * len(confidence)
    assert adaptive(confidence, correct) == pytest.approx(error_by_loop(confidence, correct, bins, ones), abs=1e-12)
    weighted = error_by_loop(confidence, correct, bins, weights)
    assert adaptive(confidence, correct, weights) == pytest.approx(weighted, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_adaptive_ece_agrees_with_scikit_learn_s_quantile_bins(seed):
    rng = np.random.default_rng(seed)
    confidence = rng.beta(5, 1, 600)
    correct = rng.random(600) < confidence - 0.1
    accuracy, mean = calibration_curve(correct.astype(int), confidence, n_bins=BINS, strategy="quantile")
    assert adaptive(confidence, correct) == pytest.approx(np.abs(accuracy - mean).mean(), abs=1e-12)


def test_where_bins_of_equal_mass_are_equally_wide_it_is_the_ece_of_torchmetrics():
    confidence = (np.arange(300) + 0.5) / 300
    correct = np.random.default_rng(9).random(300) < confidence - 0.05
    theirs = binary_calibration_error(torch.from_numpy(confidence), torch.from_numpy(correct).int(), n_bins=BINS)
    assert adaptive(confidence, correct) == pytest.approx(theirs.item(), abs=1e-12)
    assert adaptive(confidence, correct) == pytest.approx(float(ece(confidence, correct)["all"]))


def test_adaptive_ece_by_hand():
    # two bins of two: |.15 − .5| and |.85 − 1|, each of half the images
    assert adaptive([0.8, 0.1, 0.9, 0.2], [1, 0, 1, 1], bins=2) == pytest.approx((0.35 + 0.15) / 2)


def test_one_weight_for_all_is_a_repeated_sample():
    rng = np.random.default_rng(2)
    confidence, correct = np.round(rng.random(47), 1), rng.random(47) < 0.5
    tripled = adaptive(np.repeat(confidence, 3), np.repeat(correct, 3))
    assert adaptive(confidence, correct, np.full(47, 3)) == pytest.approx(float(tripled))


def test_many_weights_at_once_equal_one_after_the_other():
    rng = np.random.default_rng(3)
    confidence, correct = rng.random(40), rng.random(40) < 0.5
    weights = rng.integers(0, 3, (2, 3, 40))
    weights[1, 2] = 0
    together = adaptive(confidence, correct, weights)
    assert np.isnan(together).tolist() == [[False] * 3, [False, False, True]]
    alone = [[adaptive(confidence, correct, one) for one in part] for part in weights]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-12)


def test_adaptive_ece_of_nothing_is_nan():
    assert np.isnan(adaptive([], []))


# class-wise calibration error


def drawn_logits(seed, n=300, classes=7, scale=2.0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, classes)) * scale
    label = np.where(rng.random(n) < 0.6, logits.argmax(axis=1), rng.integers(0, classes, n))
    return logits, label


def softmax_of(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def classwise_by_loop(probability, label, weights, bins):
    n, classes = probability.shape
    total = 0.0
    for k in range(classes):
        for index in range(bins):
            held = [
                i for i in range(n)
                if index / bins < probability[i, k] <= (index + 1) / bins or (index == 0 and probability[i, k] == 0)
            ]  # fmt: skip
            total += abs(sum(weights[i] * (probability[i, k] - (label[i] == k)) for i in held))
    return total / classes / sum(weights)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bins", [15, 4])
def test_classwise_ece_agrees_with_a_loop(seed, bins):
    logits, label = drawn_logits(seed, n=120)
    weights = np.random.default_rng(seed).integers(0, 4, 120)
    ours = classwise_ece(logits, label, bins=bins)["all"]
    assert ours == pytest.approx(classwise_by_loop(softmax_of(logits), label, np.ones(120), bins), abs=1e-12)
    ours = classwise_ece(logits, label, weights=weights, bins=bins)["all"]
    assert ours == pytest.approx(classwise_by_loop(softmax_of(logits), label, weights, bins), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_classwise_ece_is_torchmetrics_of_each_class_against_the_others(seed):
    logits, label = drawn_logits(seed)
    probability = torch.from_numpy(softmax_of(logits).T.copy())
    each = [
        binary_calibration_error(probability[k], torch.from_numpy(label == k).int(), n_bins=BINS).item()
        for k in range(7)
    ]
    assert classwise_ece(logits, label)["all"] == pytest.approx(np.mean(each), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_of_two_classes_each_as_sure_as_the_other_is_not_it_agrees_with_the_ece(seed):
    # with one bin for each half, the two classes' errors are those of confidence from ½ upwards
    rng = np.random.default_rng(seed)
    logits = np.stack([rng.uniform(0.1, 4, 400), np.zeros(400)], axis=1)
    label = (rng.random(400) < 0.2).astype(int)
    theirs = multiclass_calibration_error(
        torch.from_numpy(softmax_of(logits)), torch.from_numpy(label), num_classes=2, n_bins=2
    )
    assert classwise_ece(logits, label, bins=2)["all"] == pytest.approx(theirs.item(), abs=1e-6)


def test_classwise_ece_by_hand():
    # both images: (¾, ¼); labels 0 and 1. Class 0: |.75 − .5|, class 1: |.25 − .5|
    logits = np.log([[3.0, 1.0], [3.0, 1.0]])
    assert classwise_ece(logits, np.array([0, 1]))["all"] == pytest.approx(0.25)
    assert classwise_ece(logits, np.array([0, 1]), weights=[3, 1])["all"] == pytest.approx(0, abs=1e-12)


def test_whole_weights_of_classwise_ece_are_repeated_images():
    logits, label = drawn_logits(4)
    weights = np.random.default_rng(4).integers(0, 4, 300)
    repeated = classwise_ece(np.repeat(logits, weights, axis=0), np.repeat(label, weights))["all"]
    assert classwise_ece(logits, label, weights=weights)["all"] == pytest.approx(float(repeated))


@pytest.mark.parametrize("chunk", [1, 50, 7 * 299, 10**9])
def test_chunks_do_not_change_the_value(chunk, monkeypatch):
    logits, label = drawn_logits(5)
    whole = classwise_by_loop(softmax_of(logits), label, np.ones(300), BINS)
    monkeypatch.setattr(softmax, "CHUNK", chunk)
    assert classwise_ece(logits, label)["all"] == pytest.approx(whole, abs=1e-12)


def test_half_precision_logits_are_taken_as_they_are_however_large():
    logits, label = drawn_logits(6)
    half = logits.astype(np.float16)
    exact = classwise_ece(half.astype(np.float64), label)["all"]
    assert classwise_ece(half, label)["all"] == float(exact)
    large = np.array([[60_000, -60_000], [60_000, -60_000]], np.float16)
    assert classwise_ece(large, np.array([0, 1]))["all"] == pytest.approx(0.5)


def test_memory_beside_the_input_does_not_grow_with_the_number_of_images():
    peaks = []
    for n in (20_000, 80_000):
        logits, label = np.zeros((n, 100), np.float16), np.zeros(n, int)
        tracemalloc.start()
        classwise_ece(logits, label)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 200 * 2**20
    assert peaks[1] - peaks[0] < 60_000 * 100   # not a byte for each further logit


def test_classwise_ece_of_nothing_is_nan():
    assert np.isnan(classwise_ece(np.zeros((0, 3)), np.zeros(0, int))["all"])
    assert np.isnan(classwise_ece(np.zeros((2, 3)), np.zeros(2, int), weights=[0, 0])["all"])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_refused(bad):
    logits, label = drawn_logits(7)
    logits[200, 3] = bad
    with pytest.raises(ValueError, match="logits must be finite"):
        classwise_ece(logits, label)


@pytest.mark.parametrize("wrong", [-1, 7])
def test_labels_that_are_no_classes_are_refused(wrong):
    logits, label = drawn_logits(8)
    label[5] = wrong
    with pytest.raises(ValueError, match="class indices in 0 … 6"):
        classwise_ece(logits, label)
    with pytest.raises(ValueError, match="299 labels for 300 rows"):
        classwise_ece(logits, label[1:])


@pytest.mark.parametrize("weights", [np.ones((2, 300)), np.ones(299), -np.ones(300)])
def test_weights_that_classwise_ece_cannot_use_are_refused(weights):
    with pytest.raises(ValueError, match="weights"):
        classwise_ece(*drawn_logits(9), weights=weights)
