"""The measures by name: which columns each needs, and by which method its interval is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from demeanour.measures import (
    accuracy,
    agreement,
    calibration,
    calibration_shown,
    corruptions,
    groups,
    invariance,
    mistakes,
    network,
    scoring,
    shape_bias,
    structure,
    synthetic,
    temperature,
    transfer,
)
from demeanour.measures.groups import ALL, Columns, Counted
from demeanour.measures.weighting import Floats
from demeanour.vocabulary import CATEGORIES, CORRUPTIONS, FACTORS, LEVELS, PUG_FACTORS

Method = Literal["proportion", "mean", "jackknife", "bootstrap", "bin", "strata", "counted", "shown"]


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
            each image, grouped ``jackknife``, (clustered) ``bootstrap``, ``bin`` for gaps within bins, ``strata`` for
            means of accuracies of parts that are drawn for themselves; what is ``counted`` is known exactly; what is
            only ``shown`` has none.
        groups: The names that its groups can have; none where data sets name them.
        named_by: The column whose codes are its groups, where a data set may have others than the published ones.
        version: Changes whenever the same columns would give another value.
        decides: Whether a finding may be decided by it; where not, ``why_shown`` says why.
        instead: The measure that decides in its place, where there is one.
        why_shown: Why it is shown only.
        rows: For a proportion or mean: the number of each image for a group, (n,).
        of_sources: Whether ``rows`` has one number for each source image, not for each image: (sources,).
        support: How many images speak of each group; without it, all of them speak of ``all``.
        counts: For a group: its value as a share of counts, where it is one.
        sums: The sums within parts of the images that ``of_sums`` makes the values from, where there is such a short
            way: from columns, part of every image and number of parts to (parts, sums).
        of_sums: From such sums, (..., sums), to the values; also of groups that have no image, which are NaN.
        models: Of how many models' answers it is a function: the columns of the first, then those of the second.
        of_errors: Whether it needs right and wrong answers in some number before its interval can be trusted.
        clusters: Whether it may be resampled by whole sources where images share one. Proportions and means may.
        members: Who belongs to a group, (n,) of bool, where the sources of a group have to be counted. With ``rows``:
            a group's value is their share among its members, and decided as a proportion; ``all`` is by ``method``.
        discrete: Whether its columns have few distinct rows, so that resampling counts kinds of rows.
        strata: For ``strata`` and a group: the values of the column ``task`` whose accuracies it is made of, and how
            much each counts. The first column tells who is right.
        of_minibatches: Whether its rows are minibatches of pictures, not pictures.
        of_network: Whether it is about the network itself: its rows are rounds of a measurement, not pictures.
    """

    name: str
    function: Callable[..., dict[str, Floats]]
    needs: tuple[str, ...]
    unit: str
    better: Literal["higher", "lower", "neither"]
    method: Method
    groups: tuple[str, ...] = (ALL,)
    named_by: str = ""
    version: int = 1
    decides: bool = True
    instead: str | None = None
    why_shown: str = "biased on few images"
    rows: Callable[[str, Columns], Floats] | None = None
    of_sources: bool = False
    support: Callable[..., dict[str, int]] | None = None
    counts: Callable[[str, Columns], Counted | None] | None = None
    sums: Callable[..., Floats] | None = None
    of_sums: Callable[[Floats], dict[str, Floats]] | None = None
    models: Literal[1, 2] = 1
    of_errors: bool = False
    clusters: bool = False
    members: Callable[[str, Columns], NDArray[np.bool_]] | None = None
    discrete: bool = False
    of_minibatches: bool = False
    of_network: bool = False
    strata: Callable[[str, Columns], dict[str, float]] | None = None

    def values(self, columns: Columns, weights: Floats | None = None) -> dict[str, Floats]:
        """The value of each group, for one sample or for many weights at once."""
        return self.function(*columns, weights=weights)

    def n(self, columns: Columns) -> dict[str, int]:
        """How many images speak of each group."""
        return self.support(*columns) if self.support else dict.fromkeys(self.groups, len(columns[0]))

    def named(self, names: Mapping[str, tuple[str, ...]]) -> Measure:
        """The measure with a data set's own groups: itself where these are the published ones.

        Args:
            names: For each column of codes what they stand for, as observations have it.
        """
        own = names.get(self.named_by, ())
        return _with_groups(self, own) if own and (ALL, *own) != self.groups else self


@lru_cache(maxsize=64)   # the same measure each time: what is remembered of it is found by it
def _with_groups(measure: Measure, names: tuple[str, ...]) -> Measure:
    parts = ("function", "support", "counts", "sums", "of_sums", "members")
    bound: dict[str, Any] = {
        part: partial(getattr(measure, part), names=names) for part in parts if getattr(measure, part) is not None
    }
    return replace(measure, groups=(ALL, *names), **bound)


def group_beside(measure: str, group: str, other: str) -> str:
    """Whose value a measure tells beside one that decides: the same group's, or that of all where it has none such.

    Args:
        measure: The measure that decides.
        group: One of its groups, by the name that the data set gives it.
        other: The measure beside it, or itself.
    """
    own = MEASURES[other]
    named_alike = own.named_by != "" and own.named_by == MEASURES[measure].named_by
    return group if other == measure or named_alike or group in own.groups else ALL


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
                "bootstrap", groups=(ALL, *CATEGORIES), named_by="shape", support=groups.shape_support,
                counts=groups.shape_counts,
                sums=shape_bias.decision_sums, of_sums=shape_bias.bias_of_sums, clusters=True,
                members=groups.of_category),
        Measure("cue_coverage", shape_bias.cue_coverage, ("prediction", "shape", "texture"), "fraction", "neither",
                "bootstrap", groups=(ALL, *CATEGORIES), named_by="shape", support=groups.shape_support,
                counts=groups.coverage_counts,
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
        Measure("factor_accuracy", synthetic.factor_accuracy, ("correct", "factor"), "fraction", "higher", "jackknife",
                groups=(ALL, *PUG_FACTORS), rows=groups.first_column, support=groups.pug_support, of_errors=True,
                discrete=True, clusters=True, members=groups.of_pug_factor),
        Measure("probe_accuracy", transfer.probe_accuracy, ("correct", "task", "task_group"), "fraction", "higher",
                "strata", groups=(ALL, *transfer.TASK_GROUPS), support=transfer.group_support,
                strata=transfer.group_strata),
        Measure("probe_task_accuracy", transfer.probe_task_accuracy, ("correct", "task"), "fraction", "higher",
                "strata", groups=(), support=transfer.task_support, strata=transfer.task_strata),
        Measure("view_accuracy", invariance.view_accuracy, ("correct", "view", "source"), "fraction", "higher",
                "proportion", groups=(ALL, *LEVELS), rows=invariance.of_level, support=invariance.level_support,
                of_sources=True),
        Measure("view_drop", invariance.view_drop, ("correct", "view", "source", "base"), "fraction", "lower", "mean",
                groups=(ALL, *LEVELS), rows=invariance.lost_at_level, support=invariance.level_support,
                of_sources=True),
        Measure("view_probability", invariance.view_probability, ("probability_of_label", "view", "source"),
                "probability", "higher", "mean", groups=(ALL, *LEVELS), decides=False, instead="view_accuracy",
                why_shown="a mixture of accuracy and confidence", rows=invariance.of_level,
                support=invariance.level_support, of_sources=True),
        Measure("view_area", invariance.view_area, ("correct", "view", "source", "at"), "fraction", "higher", "shown",
                decides=False, instead="view_accuracy", why_shown="one number for a whole curve",
                support=lambda *columns: {ALL: invariance.level_support(*columns)[ALL]}),
        Measure("view_padding", invariance.view_padding, ("padded", "view", "source"), "fraction of area", "neither",
                "shown", groups=(ALL, *LEVELS), decides=False, why_shown="what was done to the pictures",
                support=invariance.level_support),
        *(
            Measure(name, function, ("hsic", "kind", "size"), unit, "neither", "jackknife", groups=named,
                    support=structure.pictures, of_minibatches=True)
            for name, function, unit, named in (
                ("layer_similarity", structure.layer_similarity, "CKA", (ALL, *structure.COMPARED)),
                ("lowest_similarity", structure.lowest_similarity, "CKA", (ALL, *structure.COMPARED)),
                ("kind_spread", structure.kind_spread, "CKA", (ALL,)),
                ("parity_contrast", structure.parity_contrast, "CKA", structure.COMPARED),
                ("parity_over_chance", structure.parity_over_chance, "CKA", structure.COMPARED),
                ("relative_similarity", structure.relative_similarity, "ratio to the mean", structure.RANKED),
            )
        ),
        Measure("layers_compared", structure.layers_compared, ("hsic", "kind", "size"), "layers", "neither", "shown",
                groups=(ALL, *structure.COMPARED), support=structure.pictures, of_minibatches=True, decides=False,
                why_shown="counted, not measured"),
        Measure("layers_left_out", structure.layers_left_out, ("left_out",), "layers", "neither", "shown",
                of_minibatches=True, decides=False, why_shown="counted, not measured"),
        Measure("parameters", network.parameters, ("parameters",), "parameters", "lower", "counted",
                support=network.one_network, of_network=True),
        Measure("milliseconds", network.milliseconds, ("milliseconds",), "ms", "lower", "mean",
                rows=groups.first_column, of_network=True),
    )
}  # fmt: skip

_OF_LAYERS = ("layers_compared", "layers_left_out")

OF_EVERY_GROUP = ("view_padding",)   # what is shown beside for each group where it is not 0, not for the deciding one

# what a reader wants to see beside the deciding measure
BESIDE = {
    "top1": ("mce", "relative_mce"),   # of corrupted images; others have no such columns
    "calibration_error": ("ece", "ece_temperature_scaled", "signed_gap", "top1"),
    "signed_gap": ("ece", "ece_temperature_scaled", "top1"),
    "bin_gap": ("ece", "signed_gap"),
    "confidence_histogram": ("signed_gap",),
    "error_ratio": ("error_odds_ratio", "top1"),
    "shape_bias": ("cue_coverage",),
    "view_accuracy": ("view_drop", "view_probability", "view_area", "view_padding"),
    "view_drop": ("view_accuracy", "view_probability", "view_area", "view_padding"),
    "mce": ("corruption_accuracy",),
    "relative_mce": ("mce", "corruption_accuracy"),
    "layer_similarity": _OF_LAYERS,
    "lowest_similarity": ("layer_similarity", *_OF_LAYERS),
    "kind_spread": _OF_LAYERS,
    "parity_contrast": ("parity_over_chance", "layer_similarity", *_OF_LAYERS),
    "parity_over_chance": ("parity_contrast", "layer_similarity", *_OF_LAYERS),
    "relative_similarity": _OF_LAYERS,
    "nll": ("brier", "top1"),
    "brier": ("nll", "top1"),
}
