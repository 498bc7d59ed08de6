"""The measures by name: which columns each needs, and by which method its interval is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from demeanour.measures import (
    accuracy,
    agreement,
    calibration,
    calibration_shown,
    corruptions,
    groups,
    mistakes,
    scoring,
    shape_bias,
    temperature,
)
from demeanour.measures.groups import ALL, Columns, Counted
from demeanour.measures.weighting import Floats
from demeanour.vocabulary import CATEGORIES, CORRUPTIONS, FACTORS

Method = Literal["proportion", "mean", "jackknife", "bootstrap", "bin", "shown"]


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
            each image, grouped ``jackknife``, (clustered) ``bootstrap``, ``bin`` for gaps within bins; what is only
            ``shown`` has none.
        groups: The names that its groups can have.
        version: Changes whenever the same columns would give another value.
        decides: Whether a finding may be decided by it; where not, ``why_shown`` says why.
        instead: The measure that decides in its place, where there is one.
        why_shown: Why it is shown only.
        rows: For a proportion or mean: the number of each image for a group, (n,).
        support: How many images speak of each group; without it, all of them speak of ``all``.
        counts: For a group: its value as a share of counts, where it is one.
        sums: The sums within parts of the images that ``of_sums`` makes the values from, where there is such a short
            way: from columns, part of every image and number of parts to (parts, sums).
        of_sums: From such sums, (..., sums), to the values; also of groups that have no image, which are NaN.
        models: Of how many models' answers it is a function: the columns of the first, then those of the second.
        of_errors: Whether it needs right and wrong answers in some number before its interval can be trusted.
        clusters: Whether it may be resampled by whole sources where images share one. Proportions and means may.
        members: Who belongs to a group, (n,) of bool, where the sources of a group have to be counted.
        discrete: Whether its columns have few distinct rows, so that resampling counts kinds of rows.
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
    why_shown: str = "biased on few images"
    rows: Callable[[str, Columns], Floats] | None = None
    support: Callable[..., dict[str, int]] | None = None
    counts: Callable[[str, Columns], Counted | None] | None = None
    sums: Callable[..., Floats] | None = None
    of_sums: Callable[[Floats], dict[str, Floats]] | None = None
    models: Literal[1, 2] = 1
    of_errors: bool = False
    clusters: bool = False
    members: Callable[[str, Columns], NDArray[np.bool_]] | None = None
    discrete: bool = False

    def values(self, columns: Columns, weights: Floats | None = None) -> dict[str, Floats]:
        """The value of each group, for one sample or for many weights at once."""
        return self.function(*columns, weights=weights)

    def n(self, columns: Columns) -> dict[str, int]:
        """How many images speak of each group."""
        return self.support(*columns) if self.support else dict.fromkeys(self.groups, len(columns[0]))


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("top1", accuracy.top1, ("correct",), "fraction", "higher", "proportion", rows=groups.first_column),
        Measure("top5", accuracy.top5, ("correct5",), "fraction", "higher", "proportion", rows=groups.first_column),
        Measure("multilabel_top1", accuracy.multilabel_top1, ("prediction", "label_set"), "fraction", "higher",
                "proportion", rows=groups.in_label_set),
        Measure("nll", scoring.nll, ("probability_of_label",), "nats", "lower", "mean",
                rows=lambda _, columns: scoring.nll_rows(*columns), of_errors=True),
        Measure("brier", scoring.brier, ("probability_of_label", "sum_p2"), "squared probability", "lower", "mean",
                rows=lambda _, columns: scoring.brier_rows(*columns), of_errors=True),
        Measure("ece", calibration.ece, ("confidence", "correct"), "probability", "lower", "jackknife",
                decides=False, instead="calibration_error", of_errors=True, sums=calibration.gap_sums,
                of_sums=calibration.ece_of_sums),
        Measure("adaptive_ece", calibration_shown.adaptive_ece, ("confidence", "correct"), "probability", "lower",
                "shown", decides=False, instead="calibration_error"),
        Measure("classwise_ece", calibration_shown.classwise_ece, ("logits", "label"), "probability", "lower",
                "shown", decides=False, instead="calibration_error"),
        Measure("temperature", temperature.temperature, ("logits", "label", "held_out"), "temperature", "neither",
                "shown", decides=False, why_shown="fitted, not measured"),
        Measure("ece_temperature_scaled", temperature.ece_temperature_scaled, ("logits", "label", "held_out"),
                "probability", "lower", "shown", decides=False, instead="calibration_error"),
        Measure("calibration_error", calibration.calibration_error, ("confidence", "correct"),
                "squared probability", "lower", "jackknife", of_errors=True, sums=calibration.gap_sums,
                of_sums=calibration.debiased_of_sums),
        Measure("signed_gap", calibration.signed_gap, ("confidence", "correct"), "confidence − accuracy", "neither",
                "mean", rows=lambda _, columns: columns[0] - columns[1], of_errors=True),
        Measure("bin_gap", calibration.bin_gap, ("confidence", "correct"), "confidence − accuracy", "neither", "bin",
                groups=calibration.BIN_NAMES, support=groups.bin_support),
        Measure("confidence_histogram", calibration.confidence_histogram, ("confidence",), "fraction of images",
                "neither", "proportion", groups=calibration.BIN_NAMES, rows=groups.in_bin),
        Measure("low_confidence", calibration.low_confidence, ("confidence",), "fraction of images", "neither",
                "proportion", rows=lambda _, columns: (columns[0] <= 0.2).astype(np.float64)),
        Measure("error_ratio", mistakes.error_ratio, ("correct", "factors"), "ratio", "lower", "bootstrap",
                groups=(ALL, *FACTORS), support=groups.factor_support, counts=groups.factor_counts),
        Measure("error_odds_ratio", mistakes.error_odds_ratio, ("correct", "factors"), "odds ratio", "lower",
                "bootstrap", groups=(ALL, *FACTORS), support=groups.factor_support),
        Measure("error_consistency", agreement.error_consistency, ("correct",), "kappa", "neither", "bootstrap",
                models=2, of_errors=True, clusters=True),
        Measure("shape_bias", shape_bias.shape_bias, ("prediction", "shape", "texture"), "fraction", "neither",
                "bootstrap", groups=(ALL, *CATEGORIES), support=groups.shape_support, counts=groups.shape_counts,
                sums=shape_bias.decision_sums, of_sums=shape_bias.bias_of_sums, clusters=True,
                members=groups.of_category),
        Measure("cue_coverage", shape_bias.cue_coverage, ("prediction", "shape", "texture"), "fraction", "neither",
                "bootstrap", groups=(ALL, *CATEGORIES), support=groups.shape_support, counts=groups.coverage_counts,
                sums=shape_bias.decision_sums, of_sums=shape_bias.coverage_of_sums, clusters=True,
                members=groups.of_category),
        Measure("corruption_accuracy", corruptions.corruption_accuracy, ("correct", "corruption", "severity"),
                "fraction", "higher", "jackknife", groups=(ALL, *CORRUPTIONS, *groups.SEVERITIES),
                support=groups.corruption_support, of_errors=True, discrete=True, clusters=True),
        Measure("mce", corruptions.mce, ("correct", "corruption", "severity"), "ratio to AlexNet", "lower",
                "jackknife", groups=(ALL, *CORRUPTIONS), support=groups.corruption_support, of_errors=True,
                discrete=True, clusters=True),
        Measure("relative_mce", corruptions.relative_mce, ("correct", "corruption", "severity", "clean_correct"),
                "ratio to AlexNet", "lower", "jackknife", groups=(ALL, *CORRUPTIONS),
                support=groups.corruption_support, of_errors=True, discrete=True, clusters=True),
    )
}  # fmt: skip

# what a reader wants to see beside the deciding measure
BESIDE = {
    "calibration_error": ("ece", "ece_temperature_scaled", "signed_gap", "top1"),
    "signed_gap": ("ece", "ece_temperature_scaled", "top1"),
    "bin_gap": ("ece", "signed_gap"),
    "confidence_histogram": ("signed_gap",),
    "error_ratio": ("error_odds_ratio", "top1"),
    "shape_bias": ("cue_coverage",),
    "mce": ("corruption_accuracy",),
    "relative_mce": ("mce", "corruption_accuracy"),
    "nll": ("brier", "top1"),
    "brier": ("nll", "top1"),
}
