"""The measures by name: which columns each needs, and by which method its interval is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from demeanour.measures import accuracy, calibration, mistakes, shape_bias
from demeanour.measures.weighting import Floats
from demeanour.vocabulary import CATEGORIES, FACTORS

Columns = tuple[NDArray[Any], ...]
Method = Literal["proportion", "mean", "jackknife", "bootstrap", "bin"]
ALL = "all"


@dataclass(frozen=True)
class Counted:
    """A group's value as a share of counts, scaled: what an exact interval needs where counts are small.

    Attributes:
        hits: How many images count as hits.
        n: Of how many.
        scale: The value is scale · hits / n.
    """

    hits: int
    n: int
    scale: float = 1.0


@dataclass(frozen=True)
class Measure:
    """A number from evidence.

    Attributes:
        name: How findings and the command line name it.
        function: From columns, and ``weights=``, to a value for each group.
        needs: The columns, in the order of the function's arguments.
        unit: In words, for reports.
        better: Which direction is better for a user, if either is.
        method: How its intervals are made: exact or normal for a ``proportion``, t for a ``mean`` of one number for
            each image, grouped ``jackknife``, (clustered) ``bootstrap``, or ``bin`` for gaps within bins.
        groups: The names that its groups can have.
        version: Changes whenever the same columns would give another value.
        decides: Whether a finding may be decided by it; where not, ``instead`` says by which.
        instead: The measure that decides in its place.
        rows: For a proportion or mean: the number of each image, (n,).
        support: How many images speak of each group; without it, all of them speak of ``all``.
        counts: For a group: its value as a share of counts, where it is one.
        coarse: Columns with the same values and fewer kinds of rows, where resampling gains by it.
    """

    name: str
    function: Callable[..., dict[str, Floats]]
    needs: tuple[str, ...]
    unit: str
    better: Literal["higher", "lower", "neither"]
    method: Method
    groups: tuple[str, ...] = (ALL,)
    version: int = 1
    decides: bool = True
    instead: str | None = None
    rows: Callable[..., Floats] | None = None
    support: Callable[..., dict[str, int]] | None = None
    counts: Callable[[str, Columns], Counted | None] | None = None
    coarse: Callable[[Columns], Columns] | None = None

    def values(self, columns: Columns, weights: Floats | None = None) -> dict[str, Floats]:
        """The value of each group, for one sample or for many weights at once."""
        return self.function(*columns, weights=weights)

    def n(self, columns: Columns) -> dict[str, int]:
        """How many images speak of each group."""
        return self.support(*columns) if self.support else dict.fromkeys(self.groups, len(columns[0]))


def _factor_support(correct: NDArray[np.bool_], factors: NDArray[np.bool_]) -> dict[str, int]:
    counts = factors.sum(axis=0)
    return {ALL: len(correct), **{name: int(counts[i]) for i, name in enumerate(FACTORS)}}


def _factor_counts(group: str, columns: Columns) -> Counted | None:
    if group == ALL:
        return None
    correct, factors = columns
    wrong = ~correct[factors[:, FACTORS.index(group)]]
    overall = float((~correct).mean())
    return Counted(int(wrong.sum()), len(wrong), 1 / overall) if overall and len(wrong) else None


def _shape_support(_prediction: NDArray[Any], shape: NDArray[Any], _texture: NDArray[Any]) -> dict[str, int]:
    classes = {name: int((shape == code).sum()) for code, name in enumerate(CATEGORIES)}
    return {ALL: len(shape), **{name: n for name, n in classes.items() if n}}


def _shape_counts(group: str, columns: Columns) -> Counted | None:
    prediction, shape, texture = columns
    mask = np.ones(len(shape), bool) if group == ALL else shape == CATEGORIES.index(group)
    by_shape = int((prediction == shape)[mask].sum())
    by_texture = int((prediction == texture)[mask].sum())
    return Counted(by_shape, by_shape + by_texture) if by_shape + by_texture else None


def _coverage_counts(group: str, columns: Columns) -> Counted | None:
    prediction, shape, texture = columns
    mask = np.ones(len(shape), bool) if group == ALL else shape == CATEGORIES.index(group)
    return Counted(int(((prediction == shape) | (prediction == texture))[mask].sum()), int(mask.sum()))


def _bin_support(confidence: Floats, *_: Any) -> dict[str, int]:
    counts = np.bincount(calibration.bin_of(confidence), minlength=calibration.BINS)
    return {name: int(counts[i]) for i, name in enumerate(calibration.BIN_NAMES)}


def _histogram_counts(group: str, columns: Columns) -> Counted | None:
    return Counted(_bin_support(columns[0])[group], len(columns[0]))


def _bin_centres(columns: Columns) -> Columns:
    return ((calibration.bin_of(columns[0]) + 0.5) / calibration.BINS,)


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("top1", accuracy.top1, ("correct",), "fraction", "higher", "proportion",
                rows=lambda correct: correct.astype(np.float64)),
        Measure("ece", calibration.ece, ("confidence", "correct"), "probability", "lower", "jackknife",
                decides=False, instead="calibration_error"),
        Measure("calibration_error", calibration.calibration_error, ("confidence", "correct"),
                "squared probability", "lower", "jackknife"),
        Measure("signed_gap", calibration.signed_gap, ("confidence", "correct"), "confidence − accuracy", "neither",
                "mean", rows=lambda confidence, correct: confidence - correct),
        Measure("bin_gap", calibration.bin_gap, ("confidence", "correct"), "confidence − accuracy", "neither", "bin",
                groups=calibration.BIN_NAMES, support=_bin_support),
        Measure("confidence_histogram", calibration.confidence_histogram, ("confidence",), "fraction of images",
                "neither", "bootstrap", groups=calibration.BIN_NAMES, counts=_histogram_counts, coarse=_bin_centres),
        Measure("low_confidence", calibration.low_confidence, ("confidence",), "fraction of images", "neither",
                "proportion", rows=lambda confidence: (confidence <= 0.2).astype(np.float64)),
        Measure("error_ratio", mistakes.error_ratio, ("correct", "factors"), "ratio", "lower", "bootstrap",
                groups=(ALL, *FACTORS), support=_factor_support, counts=_factor_counts),
        Measure("error_odds_ratio", mistakes.error_odds_ratio, ("correct", "factors"), "odds ratio", "lower",
                "bootstrap", groups=(ALL, *FACTORS), support=_factor_support),
        Measure("shape_bias", shape_bias.shape_bias, ("prediction", "shape", "texture"), "fraction", "neither",
                "bootstrap", groups=(ALL, *CATEGORIES), support=_shape_support, counts=_shape_counts),
        Measure("cue_coverage", shape_bias.cue_coverage, ("prediction", "shape", "texture"), "fraction", "neither",
                "bootstrap", groups=(ALL, *CATEGORIES), support=_shape_support, counts=_coverage_counts),
    )
}  # fmt: skip
