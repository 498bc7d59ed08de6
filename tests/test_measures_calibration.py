from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from torchmetrics.functional.classification import binary_calibration_error, multiclass_calibration_error

from demeanour.measures import calibration
from demeanour.measures.calibration import BIN_NAMES, BINS

EDGES = [number / BINS for number in range(BINS + 1)]
FEW = settings(max_examples=40, deadline=None, derandomize=True)


def sample(seed, n, gap=0.0):
    """Confidences away from the edges of 15 bins, and whether each prediction is right."""
    rng = np.random.default_rng(seed)
    confidence = (rng.integers(0, BINS, n) + rng.uniform(0.02, 0.98, n)) / BINS
    return confidence, rng.random(n) < np.clip(confidence - gap, 0, 1)


def bin_by_hand(confidence, bins=BINS):
    """The first bin (lo, hi] that a confidence lies in, by comparing with each upper edge; 0 goes to the first."""
    return next(index for index in range(bins) if confidence <= (index + 1) * (1 / bins) or index == bins - 1)


def bins_by_hand(confidence, correct):
    held = [[] for _ in range(BINS)]
    for c, right in zip(confidence, correct, strict=True):
        held[bin_by_hand(c)].append((float(c), bool(right)))
    return held


def ece_by_loop(confidence, correct):
    total = 0.0
    for rows in bins_by_hand(confidence, correct):
        if rows:
            accuracy = sum(right for _, right in rows) / len(rows)
            mean = sum(c for c, _ in rows) / len(rows)
            total += len(rows) / len(confidence) * abs(accuracy - mean)
    return total


def calibration_error_by_pairs(confidence, correct):
    total = 0.0
    for rows in bins_by_hand(confidence, correct):
        products = [
            (c1 - r1) * (c2 - r2)
            for first, (c1, r1) in enumerate(rows)
            for second, (c2, r2) in enumerate(rows)
            if first != second
        ]
        if products:
            total += len(rows) / len(confidence) * sum(products) / len(products)
    return total


confidences = st.one_of(
    st.sampled_from(EDGES), st.sampled_from([0.2, 0.4]), st.floats(0, 1, allow_nan=False, allow_subnormal=False)
)
rows = st.lists(st.tuples(confidences, st.booleans(), st.integers(0, 4)), min_size=1, max_size=40).filter(
    lambda drawn: any(weight for _, _, weight in drawn)
)


def unpacked(drawn):
    confidence, correct, weights = zip(*drawn, strict=True)
    return np.array(confidence), np.array(correct), np.array(weights)


OF_BOTH = {
    "ece": calibration.ece,
    "calibration_error": calibration.calibration_error,
    "signed_gap": calibration.signed_gap,
    "bin_gap": calibration.bin_gap,
}
OF_CONFIDENCE = {
    "confidence_histogram": calibration.confidence_histogram,
    "low_confidence": calibration.low_confidence,
}


def evaluate(name, confidence, correct, weights=None):
    if name in OF_BOTH:
        return OF_BOTH[name](confidence, correct, weights=weights)
    return OF_CONFIDENCE[name](confidence, weights=weights)


def floats(values):
    return {group: float(value) for group, value in values.items()}


every_measure = pytest.mark.parametrize("name", [*OF_BOTH, *OF_CONFIDENCE])


# bins


@pytest.mark.parametrize("number", range(1, BINS + 1))
def test_an_upper_edge_belongs_to_its_bin_and_the_next_number_to_the_next(number):
    edge = number / BINS
    beyond = min(np.nextafter(edge, 2), 1.0)
    below = np.nextafter(edge, 0)
    expected = [number - 1, number - 1, min(number, BINS - 1)]
    assert calibration.bin_of(np.array([below, edge, beyond])).tolist() == expected


def test_confidence_zero_counts_with_the_first_bin_and_one_with_the_last():
    assert calibration.bin_of(np.array([0.0, 1 / 15, 1.0])).tolist() == [0, 0, 14]


@FEW
@given(st.lists(confidences, min_size=1, max_size=40))
def test_bins_agree_with_comparing_edge_by_edge(drawn):
    assert calibration.bin_of(np.array(drawn)).tolist() == [bin_by_hand(confidence) for confidence in drawn]


# expected calibration error


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("gap", [0.0, 0.1, -0.2])
def test_ece_agrees_with_torchmetrics_for_confidence_and_correct(seed, gap):
    confidence, correct = sample(seed, 700, gap)
    theirs = binary_calibration_error(torch.from_numpy(confidence), torch.from_numpy(correct).int(), n_bins=BINS)
    assert calibration.ece(confidence, correct)["all"] == pytest.approx(theirs.item(), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bins", [15, 10, 4])
def test_ece_agrees_with_torchmetrics_for_probabilities_of_many_classes(seed, bins):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(600, 7)) * 2
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    confidence = probability.max(axis=1)
    assert np.abs(confidence[:, None] - np.linspace(0, 1, bins + 1)).min() > 1e-6
    label = np.where(rng.random(600) < 0.5, probability.argmax(axis=1), rng.integers(0, 7, 600))
    theirs = multiclass_calibration_error(
        torch.from_numpy(probability), torch.from_numpy(label), num_classes=7, n_bins=bins, norm="l1"
    )
    ours = calibration.ece(confidence, probability.argmax(axis=1) == label, bins=bins)["all"]
    assert ours == pytest.approx(theirs.item(), abs=1e-6)   # theirs has single precision


@FEW
@given(rows)
def test_ece_agrees_with_a_loop_over_bins_on_edges_too(drawn):
    confidence, correct, _ = unpacked(drawn)
    assert calibration.ece(confidence, correct)["all"] == pytest.approx(ece_by_loop(confidence, correct), abs=1e-12)


def test_ece_tells_bins_closed_on_the_right_from_bins_closed_on_the_left():
    # (0, 1/15] holds both images, so that their gaps cancel in part; [1/15, 2/15) would hold the second alone
    confidence, correct = np.array([0.05, 1 / 15]), np.array([True, False])
    assert calibration.ece(confidence, correct)["all"] == pytest.approx((0.95 - 1 / 15) / 2)


def test_ece_of_images_at_the_extremes():
    confidence, correct = np.array([0.0, 1.0, 1.0]), np.array([True, True, False])
    assert calibration.ece(confidence, correct)["all"] == pytest.approx((1 + 1) / 3)


def test_ece_of_single_image_bins_is_the_mean_absolute_gap():
    confidence, correct = (np.arange(BINS) + 0.5) / BINS, np.arange(BINS) % 3 == 0
    assert calibration.ece(confidence, correct)["all"] == pytest.approx(np.abs(confidence - correct).mean())


# debiased calibration error


@FEW
@given(rows)
def test_calibration_error_agrees_with_all_pairs_within_bins(drawn):
    confidence, correct, _ = unpacked(drawn)
    ours = calibration.calibration_error(confidence, correct)["all"]
    assert ours == pytest.approx(calibration_error_by_pairs(confidence, correct), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_calibration_error_agrees_with_all_pairs_on_a_larger_sample(seed):
    confidence, correct = sample(seed, 300, gap=0.15)
    ours = calibration.calibration_error(confidence, correct)["all"]
    assert ours == pytest.approx(calibration_error_by_pairs(confidence, correct), abs=1e-12)


def test_calibration_error_of_single_image_bins_is_zero():
    confidence, correct = (np.arange(BINS) + 0.5) / BINS, np.arange(BINS) % 2 == 0
    assert calibration.calibration_error(confidence, correct)["all"] == 0


def test_a_single_image_bin_counts_in_the_number_of_images_only():
    # bin 8 has two images with gaps 0.5 and 0.5; bin 1 one image
    confidence, correct = np.array([0.5, 0.5, 0.01]), np.array([False, False, True])
    assert calibration.calibration_error(confidence, correct)["all"] == pytest.approx(2 / 3 * 0.25)


def simulated_estimates(n, replicates, shift, seed):
    rng = np.random.default_rng(seed)
    debiased, plug_in = [], []
    for _ in range(replicates):
        confidence = (rng.integers(0, BINS, n) + 0.5) / BINS
        correct = rng.random(n) < confidence - shift
        debiased.append(float(calibration.calibration_error(confidence, correct)["all"]))
        gaps = [(confidence - correct)[calibration.bin_of(confidence) == index] for index in range(BINS)]
        plug_in.append(sum(len(gap) / n * gap.mean() ** 2 for gap in gaps if len(gap)))
    return np.array(debiased), np.array(plug_in)


def z_score(draws, truth):
    return (draws.mean() - truth) / (draws.std(ddof=1) / np.sqrt(len(draws)))


def test_calibration_error_of_a_calibrated_model_is_zero_on_average_where_the_plug_in_is_not():
    debiased, plug_in = simulated_estimates(n=300, replicates=1000, shift=0.0, seed=1)
    assert abs(z_score(debiased, 0)) < 3.5
    assert z_score(plug_in, 0) > 30
    assert debiased.min() < 0


def test_calibration_error_of_an_overconfident_model_is_its_squared_gap_on_average():
    debiased, plug_in = simulated_estimates(n=300, replicates=1000, shift=0.03, seed=2)
    assert abs(z_score(debiased, 0.03**2)) < 3.5
    assert z_score(plug_in, 0.03**2) > 30


def test_ece_of_a_calibrated_model_is_as_large_as_documented():
    rng = np.random.default_rng(3)
    values = []
    for n in (50_000, 2_000):
        confidence = rng.uniform(0.02, 1, n)
        values.append(float(calibration.ece(confidence, rng.random(n) < confidence)["all"]))
    assert 0.002 < values[0] < 0.01
    assert 0.01 < values[1] < 0.04


# gaps, histogram, curve


@FEW
@given(rows)
def test_signed_gap_is_mean_confidence_minus_accuracy(drawn):
    confidence, correct, _ = unpacked(drawn)
    expected = sum(confidence) / len(confidence) - sum(correct) / len(correct)
    assert calibration.signed_gap(confidence, correct)["all"] == pytest.approx(expected, abs=1e-12)


def test_signed_gap_is_positive_for_overconfidence():
    assert calibration.signed_gap(np.array([0.9, 0.9]), np.array([True, False]))["all"] == pytest.approx(0.4)
    assert calibration.signed_gap(np.array([0.3, 0.3]), np.array([True, False]))["all"] == pytest.approx(-0.2)


@FEW
@given(rows)
def test_bin_gap_is_confidence_minus_accuracy_of_each_bin(drawn):
    confidence, correct, _ = unpacked(drawn)
    expected = {
        BIN_NAMES[index]: sum(c for c, _ in held) / len(held) - sum(right for _, right in held) / len(held)
        for index, held in enumerate(bins_by_hand(confidence, correct))
        if held   # of 40 images each one is more than 1 %
    }
    assert floats(calibration.bin_gap(confidence, correct)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("held", "shown"), [(9, False), (10, True)])
def test_bin_gap_shows_bins_from_one_percent_of_the_images(held, shown):
    confidence = np.r_[np.full(held, 0.03), np.full(1000 - held, 0.99)]
    gaps = calibration.bin_gap(confidence, np.ones(1000, bool))
    assert ("bin-01" in gaps) is shown
    assert gaps["bin-15"] == pytest.approx(-0.01)


def test_bin_gap_of_single_image_bins_is_the_gap_of_the_image():
    confidence, correct = (np.arange(BINS) + 0.5) / BINS, np.arange(BINS) % 2 == 0
    gaps = calibration.bin_gap(confidence, correct)
    assert list(gaps) == list(BIN_NAMES)
    assert np.array(list(gaps.values())) == pytest.approx(confidence - correct)


@FEW
@given(rows)
def test_confidence_histogram_counts_each_bin(drawn):
    confidence, correct, _ = unpacked(drawn)
    expected = [len(held) / len(confidence) for held in bins_by_hand(confidence, correct)]
    histogram = calibration.confidence_histogram(confidence)
    assert list(histogram) == list(BIN_NAMES)
    assert np.array(list(histogram.values())) == pytest.approx(expected)
    assert sum(histogram.values()) == pytest.approx(1)


def test_confidence_histogram_of_the_edges():
    histogram = calibration.confidence_histogram(np.array([0.0, 1 / 15, 2 / 15, 1.0]))
    assert {name: float(share) for name, share in histogram.items() if share} == {
        "bin-01": 0.5, "bin-02": 0.25, "bin-15": 0.25,
    }  # fmt: skip


def test_low_confidence_includes_one_fifth_and_nothing_above():
    confidence = np.array([0.0, 0.1, 0.2, np.nextafter(0.2, 1), 0.9])
    assert calibration.low_confidence(confidence)["all"] == pytest.approx(3 / 5)


@FEW
@given(rows)
def test_low_confidence_is_the_mass_of_the_three_lowest_bins(drawn):
    confidence, _, weights = unpacked(drawn)
    histogram = calibration.confidence_histogram(confidence, weights=weights)
    expected = sum(histogram[name] for name in BIN_NAMES[:3])
    assert calibration.low_confidence(confidence, weights=weights)["all"] == pytest.approx(expected)


@FEW
@given(rows)
def test_reliability_curve_agrees_with_scikit_learn(drawn):
    confidence, correct, _ = unpacked(drawn)
    accuracy, mean = calibration_curve(correct.astype(int), confidence, n_bins=BINS, strategy="uniform", pos_label=1)
    ours = calibration.reliability_curve(confidence, correct)
    filled = ours.share > 0
    assert ours.accuracy[filled] == pytest.approx(accuracy)
    assert ours.confidence[filled] == pytest.approx(mean)
    assert np.isnan(ours.accuracy[~filled]).all()
    assert np.isnan(ours.confidence[~filled]).all()


def test_reliability_curve_adds_up_to_the_ece():
    confidence, correct = sample(4, 500, gap=0.1)
    curve = calibration.reliability_curve(confidence, correct)
    summed = np.nansum(curve.share * np.abs(curve.accuracy - curve.confidence))
    assert calibration.ece(confidence, correct)["all"] == pytest.approx(summed)
    assert curve.share.sum() == pytest.approx(1)
    assert curve.edges == pytest.approx(EDGES)


def test_reliability_curve_counts_weights():
    confidence, correct = np.array([0.5, 0.5, 0.9]), np.array([True, False, True])
    curve = calibration.reliability_curve(confidence, correct, weights=[3, 1, 0])
    assert curve.accuracy[7] == pytest.approx(0.75)
    assert curve.share[7] == 1
    assert np.isnan(curve.accuracy[13])


# weights


@every_measure
@FEW
@given(rows)
def test_whole_weights_are_repeated_images(name, drawn):
    confidence, correct, weights = unpacked(drawn)
    weighted = evaluate(name, confidence, correct, weights)
    repeated = evaluate(name, np.repeat(confidence, weights), np.repeat(correct, weights))
    shared = repeated.keys() if name == "bin_gap" else weighted.keys()
    assert floats({group: weighted[group] for group in shared}) == pytest.approx(floats(repeated), abs=1e-12)


@every_measure
@FEW
@given(rows, st.integers(0, 2**32 - 1))
def test_many_weights_at_once_equal_one_after_the_other(name, drawn, seed):
    confidence, correct, _ = unpacked(drawn)
    weights = np.random.default_rng(seed).integers(0, 4, (2, 3, len(confidence)))
    together = evaluate(name, confidence, correct, weights)
    for group, values in together.items():
        assert values.shape == (2, 3)
        alone = [[evaluate(name, confidence, correct, one)[group] for one in part] for part in weights]
        np.testing.assert_allclose(values, alone, rtol=0, atol=1e-12)   # NaN where NaN


@every_measure
def test_no_weights_are_ones(name):
    confidence, correct = sample(5, 60)
    assert evaluate(name, confidence, correct) == evaluate(name, confidence, correct, np.ones(60))


@pytest.mark.parametrize("name", ["ece", "signed_gap", "bin_gap", "confidence_histogram", "low_confidence"])
def test_the_scale_of_weights_does_not_matter(name):
    confidence, correct = sample(6, 60)
    weights = np.random.default_rng(6).uniform(0.1, 2, 60)
    scaled = evaluate(name, confidence, correct, weights * 7)
    assert floats(evaluate(name, confidence, correct, weights)) == pytest.approx(floats(scaled))


@every_measure
@pytest.mark.parametrize("weights", [[1, -1], [1, np.nan], [1, np.inf], [1, 1, 1], [[1], [1]]])
def test_impossible_weights_are_refused(name, weights):
    with pytest.raises(ValueError, match="weights"):
        evaluate(name, np.array([0.3, 0.6]), np.array([True, False]), weights)


# nothing to tell


@pytest.mark.parametrize("name", ["ece", "calibration_error", "signed_gap", "confidence_histogram", "low_confidence"])
def test_no_images_give_nan(name):
    assert np.isnan(list(evaluate(name, np.zeros(0), np.zeros(0, bool)).values())).all()


@every_measure
def test_weights_of_zero_give_nan_in_that_resample_only(name):
    confidence, correct = np.array([0.3, 0.35, 0.36]), np.array([True, False, True])
    values = evaluate(name, confidence, correct, [[0, 0, 0], [1, 1, 1]])
    group = "all" if "all" in values else "bin-06"
    assert np.isnan(values[group][0])
    assert np.isfinite(values[group][1])
