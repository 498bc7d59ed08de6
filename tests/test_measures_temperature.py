from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.metrics import log_loss

from demeanour.errors import NotMeasuredError
from demeanour.measures import softmax
from demeanour.measures.calibration import ece
from demeanour.measures.temperature import (
    ece_temperature_scaled,
    fit_temperature,
    scaled_confidence,
    temperature,
)


def drawn(seed, n=600, classes=10, scale=1.0):
    """Logits whose own softmax draws the label, times a scale: the best temperature is near the scale."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, classes)) * 2
    label = (logits + rng.gumbel(size=(n, classes))).argmax(axis=1)
    return logits * scale, label


def loss(logits, label, t):
    scores = np.asarray(logits, np.float64) / t
    return float(np.mean(logsumexp(scores, axis=1) - scores[np.arange(len(label)), label]))


def by_search(logits, label):
    found = minimize_scalar(
        lambda u: loss(logits, label, np.exp(u)), bracket=(-1, 1), method="brent", options={"xtol": 1e-12}
    )
    return float(np.exp(found.x))


def by_lbfgs(logits, label):
    scores, target = torch.tensor(logits, dtype=torch.float64), torch.tensor(label)
    log_t = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [log_t], max_iter=200, tolerance_grad=1e-12, tolerance_change=1e-15, line_search_fn="strong_wolfe"
    )

    def closure():
        optimiser.zero_grad()
        value = torch.nn.functional.cross_entropy(scores / log_t.exp(), target)
        value.backward()
        return value

    optimiser.step(closure)
    return float(log_t.detach().exp())


# the fit


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scale", [0.3, 1.0, 2.5])
def test_the_temperature_is_that_of_lbfgs_and_of_a_line_search(seed, scale):
    logits, label = drawn(seed, scale=scale)
    ours = fit_temperature(logits, label)
    assert ours == pytest.approx(by_lbfgs(logits, label), rel=1e-5)
    assert ours == pytest.approx(by_search(logits, label), rel=1e-6)


@pytest.mark.parametrize("scale", [1e-4, 0.2, 1, 7, 1e6])
def test_logits_times_a_scale_have_the_temperature_times_the_scale(scale):
    logits, label = drawn(3)
    assert fit_temperature(logits * scale, label) == pytest.approx(scale * fit_temperature(logits, label), rel=1e-8)


def test_logits_that_draw_their_labels_have_a_temperature_of_one():
    assert fit_temperature(*drawn(4, n=20_000)) == pytest.approx(1, abs=0.03)


def test_nothing_near_the_temperature_is_likelier():
    logits, label = drawn(5, scale=1.8)
    best = fit_temperature(logits, label)
    assert loss(logits, label, best) < min(loss(logits, label, best * step) for step in (0.99, 0.9999, 1.0001, 1.01))


def test_two_classes_by_hand():
    # right three times in four with a logit of 3: softmax(3 / T) = ¾, T = 3 / log 3
    logits = np.tile([3.0, 0.0], (4, 1))
    assert fit_temperature(logits, np.array([0, 0, 0, 1])) == pytest.approx(3 / np.log(3), rel=1e-12)


@pytest.mark.parametrize("wrong_by", [1e-3, 1.0, 40.0])
def test_one_mistake_among_many_right_answers_has_a_finite_temperature(wrong_by):
    rng = np.random.default_rng(6)
    logits = rng.normal(size=(5000, 3))
    label = logits.argmax(axis=1)
    logits[0] = [wrong_by, 0, -1]
    label[0] = 1
    ours = fit_temperature(logits, label)
    assert 0 < ours < 1 + wrong_by
    assert ours == pytest.approx(by_search(logits, label), rel=1e-5)


@pytest.mark.parametrize("scale", [1, 30, 1000])
@pytest.mark.parametrize("wrong", [1, 20])
def test_a_bold_first_step_is_taken_back(scale, wrong):
    # one of 400 classes stands out: at T → ∞ the variance is small, and Newton's first step goes far too far
    best = np.random.default_rng(21).integers(0, 400, 100)
    logits, label = np.eye(400)[best] * scale, best.copy()
    label[:wrong] = (best[:wrong] + 1) % 400
    # (100 − wrong) / 100 is the probability of the class that stands out
    expected = scale / np.log(399 * (100 - wrong) / wrong)
    assert fit_temperature(logits, label) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("digits", range(6, 13))
def test_where_rounding_hides_the_slope_the_bracket_ends_the_search(digits):
    # right by 1, wrong by a little less: the best 1 / T is that little, in the limit
    little = 10.0**-digits
    sizes = np.array([1, 1.37, 2.9, 0.33])
    margins = np.stack([sizes, sizes * (1 - little)], axis=1).ravel()
    offset = np.random.default_rng(digits).normal(size=(8, 1))
    logits = np.stack([margins, np.zeros(8)], axis=1) + offset
    expected = (sizes**2).sum() / sizes.sum() / little
    assert fit_temperature(logits, np.tile([0, 1], 4)) == pytest.approx(expected, rel=2e-3)


def test_the_temperature_does_not_depend_on_the_offset_of_rows():
    logits, label = drawn(7)
    offset = np.random.default_rng(7).normal(size=(len(label), 1)) * 1e4
    assert fit_temperature(logits + offset, label) == pytest.approx(fit_temperature(logits, label), rel=1e-9)


@pytest.mark.parametrize("chunk", [1, 70, 10**9])
def test_chunks_do_not_change_the_temperature(chunk, monkeypatch):
    logits, label = drawn(8)
    whole = by_search(logits, label)
    monkeypatch.setattr(softmax, "CHUNK", chunk)
    assert fit_temperature(logits, label) == pytest.approx(whole, rel=1e-6)


def test_half_precision_logits_are_fitted_in_double_precision():
    logits, label = drawn(9)
    half = logits.astype(np.float16)
    assert fit_temperature(half, label) == pytest.approx(by_search(half, label), rel=1e-6)


# no temperature


def test_where_every_answer_is_right_there_is_no_temperature():
    logits, _ = drawn(10)
    with pytest.raises(NotMeasuredError, match=r"separable.*T → 0"):
        fit_temperature(logits, logits.argmax(axis=1))


def test_a_label_that_shares_the_largest_logit_is_no_mistake():
    with pytest.raises(NotMeasuredError, match="separable"):
        fit_temperature(np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 0.0]]), np.array([1, 1]))


@pytest.mark.parametrize("logits", [-np.eye(4), np.zeros((4, 4)), np.ones((4, 4), np.float16), np.eye(4) * 1e-200])
def test_logits_that_tell_nothing_of_the_label_have_no_temperature(logits):
    with pytest.raises(NotMeasuredError, match="T → ∞"):
        fit_temperature(logits, np.arange(4))


def test_a_fit_on_no_images_is_refused():
    with pytest.raises(NotMeasuredError, match="no images"):
        fit_temperature(np.zeros((0, 3)), np.zeros(0, int))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_refused(bad):
    logits, label = drawn(11)
    logits[5, 2] = bad
    with pytest.raises(ValueError, match="finite"):
        fit_temperature(logits, label)
    with pytest.raises(ValueError, match="finite"):
        scaled_confidence(logits, 1.0)


@pytest.mark.parametrize("wrong", [-1, 10])
def test_labels_that_are_no_classes_are_refused(wrong):
    logits, label = drawn(12)
    label[0] = wrong
    held_out = np.arange(600) < 300
    with pytest.raises(ValueError, match="class indices"):
        fit_temperature(logits, label)
    with pytest.raises(ValueError, match="class indices"):
        ece_temperature_scaled(logits, label, held_out)
    with pytest.raises(ValueError, match="labels for"):
        fit_temperature(logits, label[:-1])


# confidence


@pytest.mark.parametrize("t", [0.05, 1.0, 3.0])
def test_scaled_confidence_is_torch_s_largest_probability(t):
    logits, _ = drawn(13)
    theirs = torch.softmax(torch.from_numpy(logits) / t, dim=1).amax(dim=1).numpy()
    assert scaled_confidence(logits, t) == pytest.approx(theirs)


def test_large_logits_do_not_overflow():
    assert scaled_confidence(np.array([[60_000, -60_000], [0, 0]], np.float16), 0.01).tolist() == [1, 0.5]


@pytest.mark.parametrize("t", [0, -1, np.nan, np.inf])
def test_a_temperature_that_is_none_is_refused(t):
    with pytest.raises(ValueError, match="positive"):
        scaled_confidence(np.zeros((2, 2)), t)


# held-out images


def overconfident(seed, n=3000):
    logits, label = drawn(seed, n=n, scale=3.0)
    return logits, label, np.random.default_rng(seed).random(n) < 0.5


def test_the_temperature_is_that_of_the_images_that_are_not_held_out():
    logits, label, held_out = overconfident(14)
    value = temperature(logits, label, held_out)["all"]
    assert value == pytest.approx(by_search(logits[~held_out], label[~held_out]), rel=1e-6)
    assert value != pytest.approx(fit_temperature(logits[held_out], label[held_out]), rel=1e-6)


def test_the_error_is_that_of_the_scaled_held_out_images():
    logits, label, held_out = overconfident(15)
    fitted = by_search(logits[~held_out], label[~held_out])
    probability = torch.softmax(torch.from_numpy(logits[held_out]) / fitted, dim=1).numpy()
    confidence, correct = probability.max(axis=1), probability.argmax(axis=1) == label[held_out]
    ours = float(ece_temperature_scaled(logits, label, held_out)["all"])
    assert ours == pytest.approx(float(ece(confidence, correct)["all"]), abs=1e-6)
    unscaled = torch.softmax(torch.from_numpy(logits[held_out]), dim=1).numpy()
    assert ours < 0.05 < float(ece(unscaled.max(axis=1), correct)["all"])
    assert log_loss(label[held_out], probability) < log_loss(label[held_out], unscaled)


def test_whole_weights_are_repeated_held_out_images():
    logits, label, held_out = overconfident(16, n=500)
    weights = np.random.default_rng(16).integers(0, 4, 500)
    repeats = np.where(held_out, weights, 1)   # the images of the fit stay as they are
    columns = (np.repeat(logits, repeats, axis=0), np.repeat(label, repeats), np.repeat(held_out, repeats))
    weighted = ece_temperature_scaled(logits, label, held_out, weights=weights)["all"]
    assert weighted == pytest.approx(float(ece_temperature_scaled(*columns)["all"]), abs=1e-12)
    assert temperature(logits, label, held_out, weights=weights) == temperature(logits, label, held_out)


def test_many_weights_at_once_equal_one_after_the_other():
    columns = overconfident(17, n=200)
    weights = np.random.default_rng(17).integers(0, 3, (2, 3, 200))
    weights[0, 0] = 0
    together = ece_temperature_scaled(*columns, weights=weights)["all"]
    alone = [[ece_temperature_scaled(*columns, weights=one)["all"] for one in part] for part in weights]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-12)
    assert np.isnan(together).sum() == 1
    fitted = temperature(*columns, weights=weights)["all"]
    assert fitted.shape == (2, 3)
    assert (fitted == temperature(*columns)["all"]).all()


def test_without_held_out_images_the_error_is_undefined():
    logits, label, _ = overconfident(18, n=200)
    assert np.isnan(ece_temperature_scaled(logits, label, np.zeros(200, bool))["all"])


def test_without_images_to_fit_on_there_is_no_value():
    logits, label, _ = overconfident(19, n=200)
    for measure in (temperature, ece_temperature_scaled):
        with pytest.raises(NotMeasuredError, match="no images"):
            measure(logits, label, np.ones(200, bool))


@pytest.mark.parametrize("measure", [temperature, ece_temperature_scaled])
@pytest.mark.parametrize("weights", [-np.ones(200), np.ones(199), np.full(200, np.nan)])
def test_impossible_weights_are_refused(measure, weights):
    with pytest.raises(ValueError, match="weights"):
        measure(*overconfident(20, n=200), weights=weights)
