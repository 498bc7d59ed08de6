"""Effective robustness: accuracy under a shift beyond what accuracy without it lets one expect (Taori et al., 2020)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from math import exp, log

import numpy as np

LEAST = 3     # models: two lie on a line, whatever they are
SAME = 1e-9   # in logits: what rounding makes of equal accuracies


@dataclass(frozen=True)
class AccuracyLine:
    """Accuracy under a shift as a function of accuracy without it: a line between the logits of both.

    Attributes:
        intercept: Of the line, in logits.
        slope: Of the line; 1 where both logits move alike.
        fitted_to: The models that it was fitted to.
        distance: Of each model, fitted to or not: its accuracy under the shift − that of the line, in [−1, 1].
    """

    intercept: float
    slope: float
    fitted_to: tuple[str, ...]
    distance: Mapping[str, float]

    def at(self, clean: float) -> float:
        """What the line gives for an accuracy without the shift, both in (0, 1)."""
        return 1 / (1 + exp(-(self.intercept + self.slope * _logit(clean))))


def accuracy_line(
    clean: Mapping[str, float], shifted: Mapping[str, float], fitted_to: Collection[str]
) -> AccuracyLine:
    """Fit accuracy under a shift on accuracy without it, by least squares of their logits (Taori et al., 2020, §2).

    There the line is of many standard models, and how far another one lies above it is its effective
    robustness. A line that is fitted to few models, or to those whose robustness is asked for, is drawn towards them:
    distances are too short, and a slope below 0 says that the models are of two kinds and make no line.

    Args:
        clean: Accuracy on the original data by model, in (0, 1).
        shifted: Accuracy on the shifted data, of the same models.
        fitted_to: Three of these models or more, all of them with the same weight.

    Returns:
        The line, which is of logits, and each model's distance from it, which is of accuracies.

    Raises:
        ValueError: Models differ, or are too few for a line; an accuracy is not in (0, 1), or all that the line is
            fitted to have the same one without the shift.
    """
    if clean.keys() != shifted.keys() or not set(fitted_to) <= clean.keys():
        raise ValueError(f"different models: {sorted(clean)}, {sorted(shifted)} and {sorted(fitted_to)}")
    models = [model for model in clean if model in fitted_to]
    if len(models) < LEAST:
        raise ValueError(f"{len(models)} models are too few for a line; {LEAST} are the least")
    x, y = ({model: _logit(side[model]) for model in clean} for side in (clean, shifted))
    of_line = np.asarray([(x[model], y[model]) for model in models])
    centre = of_line.mean(axis=0)
    across, along = (of_line - centre).T
    if not np.abs(across).max() > SAME:
        raise ValueError("the models have the same accuracy without the shift: they tell no line")
    slope = float(across @ along / (across @ across))
    line = AccuracyLine(float(centre[1] - slope * centre[0]), slope, tuple(models), {})
    return replace(line, distance={model: shifted[model] - line.at(clean[model]) for model in clean})


def effective_robustness(
    clean: Mapping[str, float], shifted: Mapping[str, Mapping[str, float]], standard: Collection[str]
) -> dict[str, AccuracyLine]:
    """A line for each shifted data set, as far as one can be fitted.

    Args:
        clean: Accuracy on the original data by model.
        shifted: For each shifted data set the accuracy by model; who lacks one of both is left out there.
        standard: Models that were trained on the original data alone: each line is fitted to them where they are
            three or more, and otherwise to all models, which then tells them from one another only.

    Returns:
        By data set, in their order; those whose models tell no line are missing.
    """
    found = {}
    for data, accuracy in shifted.items():
        both = [model for model in clean if model in accuracy]
        chosen = [model for model in both if model in standard]
        fitted_to = chosen if len(chosen) >= LEAST else both
        with suppress(ValueError):
            of_both = {model: clean[model] for model in both}
            found[data] = accuracy_line(of_both, {model: accuracy[model] for model in both}, fitted_to)
    return found


def _logit(accuracy: float) -> float:
    if not 0 < accuracy < 1:   # which NaN does not, either
        raise ValueError(f"accuracies must lie between 0 and 1, found {accuracy}")
    return log(accuracy / (1 - accuracy))
