"""Temperature scaling: one number that mends confidence and leaves predictions alone (Guo et al., 2017, §4.2)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanour.errors import NotMeasuredError
from demeanour.measures.calibration import ece
from demeanour.measures.softmax import check_labels, shifted_rows
from demeanour.measures.weighting import Floats, as_weights

TOLERANCE = 1e-10   # relative, of the temperature

Logits = NDArray[np.floating]
Labels = NDArray[np.integer]


def _slopes(logits: Logits, label: Labels, inverse: float) -> tuple[float, float]:
    """First and second derivative of the mean NLL in 1 / T: the means of E[z] − z_label and of Var[z]."""
    slope = curvature = 0.0
    for rows, scores in shifted_rows(logits):
        probability = np.exp(inverse * scores)
        probability /= probability.sum(axis=1, keepdims=True)
        mean = np.einsum("ij,ij->i", probability, scores)
        own = scores[np.arange(len(scores)), label[rows]]
        slope += float((mean - own).sum())
        scores -= mean[:, None]
        probability *= scores
        curvature += float(np.vdot(probability, scores))
    return slope / len(label), curvature / len(label)


def fit_temperature(logits: Logits, label: Labels) -> float:
    """The temperature T that minimises the negative log-likelihood of softmax(logits / T) (Guo et al., 2017, §4.2).

    The likelihood is convex in 1 / T: Newton's method finds the root of its slope, kept within a bracket.

    Args:
        logits: (n, classes), any floating type.
        label: (n,) of int.

    Returns:
        T > 0; above 1 for an overconfident model.

    Raises:
        NotMeasuredError: There are no images, or no finite T > 0 is best: every label has the largest logit (T → 0
            is), or its logit is no larger than the average (T → ∞).
        ValueError: A logit is not finite, or a label is no class index.
    """
    check_labels(label, logits)
    if len(label) == 0:
        raise NotMeasuredError("no images to fit a temperature on")
    inverse, low, high = 0.0, 0.0, math.inf
    slope, curvature = _slopes(logits, label, inverse)
    if slope >= 0 or curvature == 0:
        raise NotMeasuredError("no finite temperature is best: logits of labels do not exceed the average, T → ∞ is")
    if (logits[np.arange(len(label)), label] == logits.max(axis=1)).all():
        raise NotMeasuredError("no finite temperature is best: each label has the largest logit (separable), T → 0 is")
    while True:   # where rounding hides the slope, Newton's steps never settle: the bracket ends the search
        newton = inverse - slope / curvature if curvature > 0 else math.inf
        if abs(newton - inverse) <= TOLERANCE * inverse or high - low <= TOLERANCE * low:
            return 1 / inverse
        inverse = newton if low < newton < high else _between(low, high)
        slope, curvature = _slopes(logits, label, inverse)
        low, high = (inverse, high) if slope < 0 else (low, inverse)


def _between(low: float, high: float) -> float:
    return math.sqrt(low * high) if low else high / 4


def scaled_confidence(logits: Logits, temperature: float) -> Floats:
    """The largest probability of softmax(logits / T).

    Args:
        logits: (n, classes), any floating type.
        temperature: T > 0.

    Returns:
        In (0, 1], (n,).

    Raises:
        ValueError: T is not a positive number, or a logit is not finite.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"a temperature of {temperature} is not a positive number")
    confidence = np.empty(len(logits))
    for rows, scores in shifted_rows(logits):
        confidence[rows] = 1 / np.exp(scores / temperature).sum(axis=1)
    return confidence


def temperature(
    logits: Logits, label: Labels, held_out: NDArray[np.bool_], *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """The temperature that is fitted on the images that are not held out.

    Args:
        logits: (n, classes), any floating type.
        label: (n,) of int.
        held_out: (n,) of bool.
        weights: (..., n): they do not change the fit, the value is the same for each resample.

    Returns:
        ``all``: T > 0, (...).

    Raises:
        NotMeasuredError: As of ``fit_temperature``.
    """
    w = as_weights(weights, len(held_out))
    return {"all": np.full(w.shape[:-1], fit_temperature(logits[~held_out], label[~held_out]))}


def ece_temperature_scaled(
    logits: Logits, label: Labels, held_out: NDArray[np.bool_], *, weights: ArrayLike | None = None
) -> dict[str, Floats]:
    """Expected calibration error of the held-out images after temperature scaling on the others (15 equal bins).

    Args:
        logits: (n, classes), any floating type; of classes that share the largest logit the first is predicted.
        label: (n,) of int.
        held_out: (n,) of bool.
        weights: (..., n): how often held-out images count; they do not change the fit.

    Returns:
        ``all``: a probability in [0, 1]; NaN where no held-out image counts, (...).

    Raises:
        NotMeasuredError: As of ``fit_temperature``.
    """
    w = as_weights(weights, len(held_out))[..., held_out]
    fitted = fit_temperature(logits[~held_out], label[~held_out])
    judged = logits[held_out]
    check_labels(label[held_out], judged)
    return ece(scaled_confidence(judged, fitted), judged.argmax(axis=1) == label[held_out], weights=w)
