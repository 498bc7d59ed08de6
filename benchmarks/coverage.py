"""How often intervals hold the truth, and how often a gate errs: the table of ``docs/statistics.md``.

    python benchmarks/coverage.py [--replicates 4000] [--processes 2] [--only NAME …] [-o coverage.json]

Every scenario is a large population whose true value is known, because it is computed from all of it. Samples of n
images are drawn from it, and the library's own `contrast` gives the limits that a verdict would rest on. Counted are

- coverage: the nominal 95 % interval holds the true value, of the samples that have an interval;
- released: the one-sided 95 % lower limit lies above the true value. A candidate that is worse by exactly the margin
  is released that often, and a claim that is false by a hair holds that often;
- blocked: the same of the upper limit: a claim that is true by a hair is called violated that often.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit, logit, ndtr

from demeanour.errors import NotMeasuredError
from demeanour.evidence.observations import Observations
from demeanour.measures import calibration
from demeanour.measures.registry import MEASURES
from demeanour.measures.similarity import MINIBATCH, u_centred
from demeanour.measures.structure import KINDS
from demeanour.statistics.curves import area_weights
from demeanour.statistics.limits import Limits
from demeanour.statistics.multiplicity import holm, p_value, p_violated
from demeanour.statistics.proportions import paired_difference
from demeanour.statistics.ranks import spearman, spearman_limits
from demeanour.statistics.resampling import bootstrap_draws, cluster_draws, percentile_limits
from demeanour.statistics.seeds import generator
from demeanour.statistics.zones import Above
from demeanour.verdicts import replicates
from demeanour.verdicts.comparing import averaged
from demeanour.verdicts.contrast import Contrast, Term, contrast, sampled
from demeanour.vocabulary import CORRUPTIONS, FACTORS, LEVELS, PUG_FACTORS

SIZES = (50, 200, 500, 2_000, 10_000, 50_000)
PROMISED = 2_000   # from here on there are bounds; below, fewer replicates will do
POPULATION = 400_000
MINIBATCHES = 3_000   # of a population of layers
DRAWS = 500   # of each bootstrap; verdicts use 4,000 or more, whose quantiles have less noise and the same mean
Columns = dict[str, Any]
Population = list[Columns]           # the same images, by model
Estimate = Callable[[Sequence[Observations]], Limits]


@dataclass(frozen=True)
class Question:
    """What is estimated from samples of a population.

    Attributes:
        name: As the table prints it.
        measure: What it is about, for the table.
        estimate: The limits from a sample.
        truth: The true value, from the population.
        sizes: The n at which it is asked.
    """

    name: str
    measure: str
    estimate: Estimate
    truth: Callable[[Population], float]
    sizes: tuple[int, ...] = SIZES


@dataclass(frozen=True)
class Setting:
    """A population, how samples are drawn from it, and what is asked of each sample.

    Attributes:
        population: Columns of each model.
        questions: What is asked.
        per_group: How many images are drawn for each n, where n counts the images of a group.
        clusters: The column whose values are drawn as wholes, if any.
    """

    population: Callable[[], Population]
    questions: tuple[Question, ...]
    per_group: Callable[[int], int] = lambda n: n
    clusters: str | None = None

    @property
    def sizes(self) -> set[int]:
        """Every n at which something is asked."""
        return {n for question in self.questions for n in question.sizes}


# populations

_ROWS = ("correct", "confidence", "probability_of_label", "sum_p2")


def images(pair: str, only: Sequence[str] = _ROWS) -> Population:
    """Two classifiers on the same images: right with a probability that varies, confident by a distortion of it."""
    accuracy, sharpness, boldness, shared = PAIRS[pair]
    rng = generator("coverage", pair)
    n = POPULATION
    luck, difficulty = rng.normal(size=n), rng.normal(size=n)
    factor = rng.choice(len(FACTORS), size=n, p=FACTOR_SHARES)
    harder = np.exp(rng.normal(0, 0.4, size=len(FACTORS)))
    found = []
    for right, sharp, bold in zip(accuracy, sharpness, boldness, strict=True):
        own = shared**0.5 * difficulty + (1 - shared) ** 0.5 * rng.normal(size=n)
        centre = logit(right) * np.sqrt(1 + 2.0**2 / 3.29)
        wrong = expit(-(centre + 2.0 * own)) * harder[factor]
        wrong = np.clip(wrong * (1 - right) / wrong.mean(), 1e-4, 0.995)
        p = 1 - wrong
        correct = ndtr(shared**0.5 * luck + (1 - shared) ** 0.5 * rng.normal(size=n)) < p
        confidence = np.clip(expit(sharp * logit(p) + bold), 0.001, 0.9999)
        of_label = np.where(correct, confidence, (1 - confidence) * rng.beta(1, 5, size=n))
        rest = 1 - np.where(correct, confidence, confidence + of_label)
        found.append({
            "correct": correct, "confidence": confidence, "probability_of_label": np.clip(of_label, 1e-6, 1),
            "sum_p2": np.minimum(confidence**2 + np.where(correct, 0, of_label**2) + rest**2 / 20, 1),
            "factor": factor,
        })  # fmt: skip
    return [{name: model[name] for name in only} for model in found]


# accuracy, sharpness and boldness of the confidence, shared luck
PAIRS = {
    "twins": ((0.80, 0.798), (1.0, 1.02), (0.0, 0.02), 0.985),
    "supervised and CLIP": ((0.855, 0.67), (0.85, 1.1), (-0.25, 1.0), 0.6),
    "both calibrated": ((0.80, 0.76), (1.0, 1.0), (0.0, 0.0), 0.7),
    "one off by 8 points": ((0.80, 0.80), (1.0, 1.0), (0.0, 0.9), 0.7),
    "hardly an error": ((0.996, 0.995), (1.0, 1.0), (-1.5, -1.0), 0.5),
    "few errors, apart": ((0.975, 0.97), (1.0, 1.0), (0.0, 0.0), 0.1),
}
_SHARES = np.array([15064, 14751, 6150, 5972, 1450, 679, 638, 585, 282, 150, 122, 78, 60, 44, 43, 40])
FACTOR_SHARES = _SHARES / _SHARES.sum()
RARE_ERRORS = ("hardly an error", "few errors, apart")
CURVES = {
    "fall over severities": {"severity-1": 1.0, "severity-5": -1.0},
    "area over severities": dict(zip((f"severity-{k}" for k in range(1, 6)), area_weights(range(5)), strict=True)),
}
UNLIKE, RARE = "supervised and CLIP", "color"
BIN_SHARE = 0.11   # about: of the images whose confidence is in (12/15, 13/15]


def cues(texture_matters: bool) -> Population:
    """Two models on cue conflicts: images of one shape source lean the same way, and so may those of one texture."""
    rng = generator("coverage", "cues", str(texture_matters))
    sources, each, textures = 20_000, 8, 160
    source = np.repeat(np.arange(sources), each)
    texture_source = rng.integers(textures, size=len(source))
    shape = source % 16
    texture = (shape + 1 + rng.integers(15, size=len(source))) % 16
    lean, by_texture = rng.normal(size=sources), rng.normal(size=textures) * texture_matters
    found = []
    for centre, decided in ((-0.4, 0.72), (-0.65, 0.68)):
        own = 0.8 * lean[source] + 0.4 * rng.normal(size=sources)[source] + 0.5 * by_texture[texture_source]
        by_shape = rng.random(len(source)) < expit(centre + own)
        answer = np.where(rng.random(len(source)) < decided, np.where(by_shape, shape, texture), -1)
        found.append({
            "prediction": answer, "shape": shape, "texture": texture, "correct": answer == shape, "source": source,
        })  # fmt: skip
    return found


def steady() -> Population:
    """Two models that are wrong on 3 and 4 % of the images, most of them of a few sources."""
    rng = generator("coverage", "steady")
    sources, each = 20_000, 8
    source = np.repeat(np.arange(sources), each)
    hard, found = rng.normal(size=sources), []
    for centre in (5.6, 5.2):
        own = 2.2 * hard + 0.6 * rng.normal(size=sources)
        found.append({"correct": rng.random(len(source)) < expit(centre + own)[source], "source": source})
    return found


def four() -> Population:
    """Four models on the same images, for a gap of gaps."""
    return [*images("twins", ("correct", "confidence")), *images(UNLIKE, ("correct", "confidence"))]


def corrupted() -> Population:
    """Two models on 75 corrupted versions of each source image."""
    rng = generator("coverage", "corrupted")
    sources, cells = 4_000, len(CORRUPTIONS) * 5
    source = np.repeat(np.arange(sources), cells)
    corruption, severity = np.tile(np.repeat(np.arange(len(CORRUPTIONS)), 5), sources), np.tile(np.arange(1, 6), 3 * 5)
    severity = np.tile(severity[:cells], sources)
    difficulty, kind = rng.normal(size=sources), rng.normal(0, 0.5, size=len(CORRUPTIONS))
    found = []
    for centre in (1.9, 1.6):
        own = 1.5 * difficulty + 0.7 * rng.normal(size=sources)
        clean = rng.random(sources) < expit(centre + 0.4 + own)
        p = expit(centre + own[source] + kind[corruption] - 0.45 * severity)
        found.append({
            "correct": rng.random(len(source)) < p, "corruption": corruption, "severity": severity,
            "clean_correct": clean[source], "source": source,
        })  # fmt: skip
    return found


def rendered() -> Population:
    """Two models on objects that are shown twice for each of PUG's factors; hardly right on the last of these."""
    rng = generator("coverage", "rendered")
    objects, each = 20_000, 2 * len(PUG_FACTORS)
    source, factor = np.repeat(np.arange(objects), each), np.tile(np.repeat(np.arange(len(PUG_FACTORS)), 2), objects)
    ease, found = rng.normal(size=objects), []
    hardness = np.r_[rng.normal(0, 0.5, size=len(PUG_FACTORS) - 1), 5.0]
    for centre in (-0.4, -0.6):
        own = 1.5 * ease + 0.5 * rng.normal(size=objects)
        found.append({
            "correct": rng.random(len(source)) < expit(centre + own[source] - hardness[factor]), "factor": factor,
            "source": source,
        })  # fmt: skip
    return found


def viewed() -> Population:
    """Two models on five views of each picture, which is harder from view to view; a picture errs alike in all."""
    rng = generator("coverage", "viewed")
    pictures, falls = 80_000, (0.0, 0.02, 0.3, 0.8, 1.6)
    source, view = np.repeat(np.arange(pictures), len(falls)), np.tile(np.arange(len(falls)), pictures)
    hard, found = rng.normal(size=pictures), []
    for centre, sensitivity in ((1.2, 1.0), (1.3, 1.2)):
        own = 0.9 * hard + 0.4 * rng.normal(size=pictures)
        luck = own[source] + 0.15 * rng.normal(size=len(source))
        right = luck < centre - sensitivity * np.take(falls, view)
        found.append({"correct": right, "view": view, "source": source, "base": view == 0})
    return found


def layered() -> Population:
    """Minibatches of two networks: 24 linear layers and 8 of normalisation that drift with depth, in a checkerboard."""
    rng = generator("coverage", "layered")
    kinds = np.array([KINDS.index("linear")] * 24 + [KINDS.index("normalisation")] * 8)
    found: Population = []
    width, depth = 12, np.tile(np.linspace(0, 1, 24), 2)[: len(kinds)]
    start, end, parities = (rng.normal(size=(width, 8)) for _ in range(3))
    for checker in (0.9, 0.2):
        drift = [(1 - at) * start + at * end + 0.6 * rng.normal(size=(width, 8)) for at in depth]
        found.append({"mix": np.stack(drift), "parity": checker * parities, "own": rng.uniform(0.5, 2.0, len(kinds))})
    rows = np.triu_indices(len(kinds))
    triangles: list[list[Any]] = [[], []]
    for _ in range(MINIBATCHES):
        pictures = rng.standard_t(6, size=(MINIBATCH, width))
        for one, model in zip(triangles, found, strict=True):
            noise = rng.normal(size=(len(kinds), MINIBATCH, 8)) * model["own"][:, None, None]
            sign = np.where(np.arange(len(kinds)) % 2, 1, -1)[:, None, None]
            said = pictures @ (model["mix"] + sign * model["parity"]) + noise
            centred = u_centred(said @ said.transpose(0, 2, 1)).reshape(len(kinds), -1)
            one.append((centred @ centred.T)[rows] / (MINIBATCH * (MINIBATCH - 3)))
    size = np.full(MINIBATCHES, MINIBATCH)
    return [{"hsic": np.stack(one), "kind": np.tile(kinds, (MINIBATCHES, 1)), "size": size} for one in triangles]


def probed() -> Population:
    """Two models' probes on thirteen tasks of unequal sizes, from hopeless to hardly ever wrong."""
    rng = generator("coverage", "probed")
    shares = np.r_[0.25, 0.15, np.full(8, 0.06), np.full(3, 0.04)]
    names = np.array([f"task-{place:02d}" for place in range(len(shares))])
    groups = np.array(["natural"] * 3 + ["specialized"] * 3 + ["structured"] * 7)
    task = rng.choice(len(shares), size=POPULATION, p=shares)
    ease, found = np.r_[3.5, -1.5, rng.normal(0.5, 1, size=len(shares) - 2)], []
    shared = rng.normal(size=POPULATION)
    for better in (0.15, 0.0):
        own = ease + better * rng.normal(1, 1, size=len(shares))
        luck = shared + 0.7 * rng.normal(size=POPULATION)
        found.append({"correct": luck < own[task], "task": names[task], "task_group": groups[task]})
    return found


# what is estimated


def difference(measure: str, group: str = "all") -> Estimate:
    """First model − second model."""
    return lambda sample: contrast(MEASURES[measure], (Term(1, sample[0], group), Term(-1, sample[1], group))).limits


def gap_of_gaps(measure: str) -> Estimate:
    """(First − second) − (third − fourth)."""
    return lambda sample: contrast(
        MEASURES[measure], tuple(Term(sign, one, "all") for sign, one in zip((1, -1, -1, 1), sample, strict=True))
    ).limits


def over_curve(measure: str, weights: dict[str, float]) -> Estimate:
    """A weighted sum over the points of a curve, first model − second."""
    return lambda sample: contrast(MEASURES[measure], tuple(
        Term(sign * weight, one, group) for sign, one in zip((1, -1), sample, strict=True)
        for group, weight in weights.items()
    )).limits  # fmt: skip


def single(measure: str, group: str = "all", which: int = 0) -> Estimate:
    """One model's value."""
    return lambda sample: contrast(MEASURES[measure], (Term(1, sample[which], group),)).limits


def groups_of_one(measure: str, left: str, right: str) -> Estimate:
    """One model's group − another group, as 'group in top' compares them."""
    return lambda sample: contrast(MEASURES[measure], (Term(1, sample[0], left), Term(-1, sample[0], right))).limits


def pair(measure: str) -> Estimate:
    """A number of both models."""
    return lambda sample: contrast(MEASURES[measure], (Term(1, sample[0], "all", sample[1]),)).limits


def ece_bootstrap(sample: Sequence[Observations]) -> Limits:
    """What is often done, and must not decide: the percentile bootstrap of ECE."""
    one = sample[0]
    columns = one.column("confidence"), one.column("correct")
    measure = MEASURES["ece"]
    draws = bootstrap_draws(
        lambda weights: measure.values(columns, weights)["all"], np.ones(len(one), int), generator("ece"), 200
    )
    return percentile_limits(float(measure.values(columns)["all"]), draws, "percentile bootstrap")


def mean_of_sets(sample: Sequence[Observations]) -> Limits:
    """The mean difference over three data sets of different sizes: the sample cut into parts."""
    n = len(sample[0])
    cuts = [slice(0, n // 2), slice(n // 2, 5 * n // 6), slice(5 * n // 6, n)]
    found: list[Contrast] = []
    for number, cut in enumerate(cuts):
        part = [observed(one.model, {k: v[cut] for k, v in one.columns.items()}, f"set {number}") for one in sample]
        found.append(contrast(MEASURES["top1"], (Term(1, part[0], "all"), Term(-1, part[1], "all"))))
    return averaged(found, [0.0] * 3, ["set 0", "set 1", "set 2"]).limits


def value(measure: str, group: str, which: int, population: Population) -> float:
    """A measure's value in a population."""
    columns, needs = population[which], MEASURES[measure].needs
    if measure == "calibration_error":   # samples are drawn with replacement: what they estimate is not debiased
        n, total, _ = calibration.gap_sums(columns["confidence"], columns["correct"],
                                           np.zeros(len(columns["correct"]), int), 1)[0].reshape(3, -1)  # fmt: skip
        return float((total**2 / np.maximum(n, 1)).sum() / n.sum())
    if "factors" in needs:
        columns = with_factors(columns)
    return float(MEASURES[measure].values(tuple(columns[name] for name in needs))[group])


def true_difference(measure: str, group: str = "all") -> Callable[[Population], float]:
    """First model − second model, in the population."""
    return lambda population: value(measure, group, 0, population) - value(measure, group, 1, population)


def with_factors(columns: Columns) -> Columns:
    """The columns with the one-hot matrix of factors, where there is a factor."""
    if "factor" not in columns:
        return columns
    return {**columns, "factors": np.equal.outer(columns["factor"], np.arange(len(FACTORS)))}


def _settings() -> Iterable[Setting]:
    for which in PAIRS:
        if which in RARE_ERRORS:
            continue
        rows = ("top1", "low_confidence", "signed_gap", "nll", "brier") if which in ("twins", UNLIKE) else ()
        sizes = SIZES if which == UNLIKE else SIZES[:5]
        asked = [Question(f"difference, {which}", name, difference(name), true_difference(name), sizes)
                 for name in (*rows, "calibration_error")]  # fmt: skip
        if rows:
            asked.append(Question(f"pair, {which}", "error_consistency", pair("error_consistency"), _kappa, sizes))
        if which == "both calibrated":
            asked.append(Question("one model, calibrated", "calibration_error", single("calibration_error"),
                                  partial(value, "calibration_error", "all", 0), sizes))  # fmt: skip
            asked.append(Question("percentile bootstrap: a warning", "ece", ece_bootstrap,
                                  partial(value, "ece", "all", 0), sizes=(500, 2_000)))  # fmt: skip
        if which == UNLIKE:
            asked += [_one(name, "one model") for name in ("top1", "signed_gap", "calibration_error")]
            asked.append(Question("mean of three sets, difference", "top1", mean_of_sets, true_difference("top1")))
            top = "bin-15", "bin-14"
            asked.append(Question("fullest bin over the next", "confidence_histogram",
                                  groups_of_one("confidence_histogram", *top),
                                  _true_gap("confidence_histogram", *top)))  # fmt: skip
        yield Setting(partial(images, which), tuple(asked))
    few = (2_000, 10_000)
    for which in RARE_ERRORS:
        asked = [Question(f"difference, {which}", name, difference(name), true_difference(name), few)
                 for name in ("top1", "signed_gap", "calibration_error")]  # fmt: skip
        asked.append(Question(f"one model, {which}", "signed_gap", single("signed_gap"),
                              partial(value, "signed_gap", "all", 0), few))  # fmt: skip
        asked.append(Question(f"pair, {which}", "error_consistency", pair("error_consistency"), _kappa, few))
        yield Setting(partial(images, which), tuple(asked))
    yield Setting(four, tuple(
        Question("gap of gaps", name, gap_of_gaps(name),
                 lambda p, name=name: sum(s * value(name, "all", k, p) for k, s in enumerate((1, -1, -1, 1))), few)
        for name in ("top1", "signed_gap", "calibration_error")
    ))  # fmt: skip
    yield Setting(steady, (
        Question("one model, whole sources, few errors", "top1", single("top1"), partial(value, "top1", "all", 0), few),
        Question("difference, whole sources, few errors", "top1", difference("top1"), true_difference("top1"), few),
    ), clusters="source")  # fmt: skip
    unlike = partial(images, UNLIKE, ("correct", "confidence"))
    factors = partial(images, UNLIKE, ("correct", "factor"))
    one_bin = Question("one bin of one model", "bin_gap", single("bin_gap", "bin-13"),
                      partial(value, "bin_gap", "bin-13", 0), sizes=SIZES[:4])  # fmt: skip
    yield Setting(unlike, (one_bin,), per_group=_for_bin)
    ratios = ("error_ratio", "error_odds_ratio")
    yield Setting(factors, tuple(
        Question("difference, mean of 16", name, difference(name), true_difference(name), sizes=(50_000,))
        for name in ratios
    ))  # fmt: skip
    one_factor = [Question("difference, one factor", name, difference(name, RARE), true_difference(name, RARE),
                           sizes=SIZES[:4]) for name in ratios]  # fmt: skip
    one_factor.append(Question("one factor of one model", "error_ratio", single("error_ratio", RARE),
                               partial(value, "error_ratio", RARE, 0), sizes=SIZES[:4]))  # fmt: skip
    one_factor.append(Question("one factor over another", "error_ratio", groups_of_one("error_ratio", RARE, "pattern"),
                               _true_gap("error_ratio", RARE, "pattern"), sizes=SIZES[:4]))  # fmt: skip
    yield Setting(factors, tuple(one_factor), per_group=_for_factor)
    yield Setting(factors, tuple(
        Question("difference, common factor", name, difference(name, "pose"), true_difference(name, "pose"),
                 sizes=(2_000,)) for name in ratios
    ), per_group=lambda n: 3 * n)  # fmt: skip
    sizes = (200, 500, 1_200, 2_000)   # the published set has 1,200
    for texture in (False, True):
        name = "difference, whole sources" + (", textures matter" if texture else "")
        measures = ("shape_bias",) if texture else ("shape_bias", "cue_coverage", "top1")
        yield Setting(partial(cues, texture), tuple(
            Question(name, measure, difference(measure), true_difference(measure), sizes[2:3] if texture else sizes)
            for measure in measures
        ), clusters="source")  # fmt: skip
    yield Setting(corrupted, tuple(
        Question("difference, sources of 75", measure, difference(measure), true_difference(measure),
                 (2_250,)) for measure in ("corruption_accuracy", "mce", "relative_mce", "top1")
    ) + tuple(
        Question(f"{name}, difference, sources of 75", "corruption_accuracy",
                 over_curve("corruption_accuracy", weights),
                 lambda p, weights=weights: sum(w * (value("corruption_accuracy", g, 0, p)
                                                     - value("corruption_accuracy", g, 1, p))
                                                for g, w in weights.items()), (2_250,))
        for name, weights in CURVES.items()
    ), clusters="source")  # fmt: skip
    rate = "factor_accuracy"
    yield Setting(rendered, (
        Question("difference, mean of 10, whole objects", rate, difference(rate), true_difference(rate), few),
        Question("difference, one factor, whole objects", rate, difference(rate, "Worlds"),
                 true_difference(rate, "Worlds"), few),
        Question("one factor of one model, hardly right, whole objects", rate, single(rate, "Scene_Light"),
                 partial(value, rate, "Scene_Light", 0), few),
    ), clusters="source")  # fmt: skip
    yield _of_views()
    yield _of_layers()
    whole, one = "probe_accuracy", "probe_task_accuracy"
    sizes = (500, 2_000, 10_000)
    yield Setting(probed, (
        Question("difference, mean of 13 tasks", whole, difference(whole), true_difference(whole), sizes),
        Question("difference, mean of 3 tasks", whole, difference(whole, "specialized"),
                 true_difference(whole, "specialized"), sizes),
        Question("one model, mean of 13 tasks", whole, single(whole), partial(value, whole, "all", 0), sizes),
        Question("structured over natural tasks", whole, groups_of_one(whole, "structured", "natural"),
                 _true_gap(whole, "structured", "natural"), sizes),
        Question("difference, one task in seventeen", one, difference(one, "task-05"), true_difference(one, "task-05"),
                 sizes),
    ))  # fmt: skip


def _of_views() -> Setting:
    """What is said of sets of views; n counts pictures, each of which stands in all of them."""
    sizes, area = (500, 2_000), dict(zip(LEVELS, area_weights((1, 1.25, 1.5, 2, 3)), strict=False))
    asked = [Question(f"difference, {what}", name, difference(name, level), true_difference(name, level), sizes)
             for name in ("view_accuracy", "view_drop")
             for what, level in (("all but the same view", "level-2"), ("last view", "level-5"))]  # fmt: skip
    asked += [Question(f"one model, {what}", "view_drop", single("view_drop", level),
                       partial(value, "view_drop", level, 0), sizes)
              for what, level in (("all but the same view", "level-2"), ("last view", "level-5"))]  # fmt: skip
    levels = "level-3", "level-4"
    asked.append(Question("one view over another", "view_accuracy", groups_of_one("view_accuracy", *levels),
                          _true_gap("view_accuracy", *levels), sizes))  # fmt: skip
    asked.append(Question("area, difference", "view_drop", over_curve("view_drop", area), lambda p: sum(
        w * (value("view_drop", g, 0, p) - value("view_drop", g, 1, p)) for g, w in area.items()), sizes))  # fmt: skip
    return Setting(viewed, tuple(asked), per_group=lambda n: 5 * n, clusters="source")


def _of_layers() -> Setting:
    """Measures of maps of CKA, of as many minibatches as the miniature's pictures make, and ImageNet's."""
    sizes = (960, 4_992)
    of_one = {
        "layer_similarity": "linear", "lowest_similarity": "all", "parity_over_chance": "linear",
        "relative_similarity": "linear-2",
    }  # fmt: skip
    asked = [Question(f"{group} of one model", name, single(name, group), partial(value, name, group, 0), sizes)
             for name, group in of_one.items()]  # fmt: skip
    asked += [Question("difference, linear", "parity_contrast", difference("parity_contrast", "linear"),
                       true_difference("parity_contrast", "linear"), sizes),
              Question("difference", "kind_spread", difference("kind_spread"), true_difference("kind_spread"), sizes),
              Question("normalisation over linear", "layer_similarity",
                       groups_of_one("layer_similarity", "normalisation", "linear"),
                       _true_gap("layer_similarity", "normalisation", "linear"), sizes)]  # fmt: skip
    return Setting(layered, tuple(asked), per_group=lambda n: n // MINIBATCH)


def _one(measure: str, name: str) -> Question:
    return Question(name, measure, single(measure), partial(value, measure, "all", 0))


def _kappa(population: Population) -> float:
    left, right = (model["correct"] for model in population)
    return float(MEASURES["error_consistency"].values((left, right))["all"])


def _true_gap(measure: str, left: str, right: str) -> Callable[[Population], float]:
    return lambda population: value(measure, left, 0, population) - value(measure, right, 0, population)


def _for_bin(n: int) -> int:
    return round(n / BIN_SHARE)


def _for_factor(n: int) -> int:
    return round(n / FACTOR_SHARES[FACTORS.index(RARE)])


SETTINGS = tuple(_settings())


# one replicate


def observed(model: str, columns: Columns, data: str = "coverage") -> Observations:
    """A sample as the library sees it."""
    n = len(next(iter(columns.values())))
    clusters = ("source",) if "source" in columns else ()
    return Observations(model, data, _names(n), columns, clusters, {})


def sample(setting: Setting, population: Population, n: int, rng: np.random.Generator) -> list[Observations]:
    """So many images, or whole sources with about so many, drawn from the population."""
    size = setting.per_group(n)
    whole = len(next(iter(population[0].values())))
    if setting.clusters:
        source = population[0][setting.clusters]
        each = whole // (int(source[-1]) + 1)
        drawn = rng.integers(int(source[-1]) + 1, size=max(1, size // each))
        rows = (drawn[:, None] * each + np.arange(each)).ravel()
        again = {setting.clusters: np.repeat(np.arange(len(drawn)), each)}
    else:
        rows, again = rng.integers(whole, size=size), {}
    return [
        observed(f"model {k}", with_factors({**{name: column[rows] for name, column in model.items()}, **again}))
        for k, model in enumerate(population)
    ]


class Tally:
    """What a question's limits did in all replicates."""

    def __init__(self, question: Question, population: Population) -> None:
        self.question, self.truth = question, question.truth(population)
        self.inside = self.released = self.blocked = self.missing = 0
        self.half_widths: list[float] = []
        self.methods: set[str] = set()

    def ask(self, drawn: Sequence[Observations]) -> None:
        """Count one sample."""
        try:
            limits = self.question.estimate(drawn)
        except NotMeasuredError:
            self.missing += 1
            return
        low, high = limits.interval(0.95)
        self.inside += low <= self.truth <= high
        self.released += limits.lower(0.05) > self.truth
        self.blocked += limits.upper(0.05) < self.truth
        self.half_widths.append((high - low) / 2)
        self.methods.add(limits.method)

    def row(self, n: int, repeats: int) -> dict[str, Any]:
        """The row of the table."""
        said = repeats - self.missing   # what is not measured releases and blocks nothing, and covers nothing
        return {
            "measure": self.question.measure, "scenario": self.question.name, "n": n, "replicates": repeats,
            "truth": self.truth, "not_measured": self.missing / repeats,
            "coverage": self.inside / said if said else None,
            "released": self.released / repeats, "blocked": self.blocked / repeats,
            "half_width": float(np.median(self.half_widths)) if said else None, "methods": sorted(self.methods),
        }  # fmt: skip


def study(task: tuple[int, int, int]) -> list[dict[str, Any]]:
    """One setting at one n."""
    number, n, repeats = task
    setting = SETTINGS[number]
    population = setting.population()
    tallies = [Tally(question, population) for question in setting.questions if n in question.sizes]
    replicates.bootstrap_draws = partial(bootstrap_draws, draws=DRAWS)
    replicates.cluster_draws = partial(cluster_draws, draws=DRAWS)
    rng = generator("coverage", str(number), str(n))
    for _ in range(repeats):
        drawn = sample(setting, population, n, rng)
        for tally in tallies:
            tally.ask(drawn)
        sampled.cache_clear()
        replicates.forget()
    return [tally.row(n, repeats) for tally in tallies]


# families of decisions


def families(repeats: int) -> list[dict[str, Any]]:
    """A gate of many requirements: what a candidate must prove, and what blocks on proof of harm."""
    rng = generator("coverage", "families")
    n, margin, discordance = 10_000, 0.01, 0.1
    worse, same, alarms, single_alarms = 0, 0, 0, 0
    for _ in range(repeats):
        # 8 requirements to prove; one is worse by exactly the margin, all others are equal
        proofs = [p_value(Above(-margin), _drawn(rng, n, discordance, d)) <= 0.05 for d in [-margin] + [0.0] * 7]
        worse += all(proofs)
        same += all(proofs[1:])
        # 60 slices without any harm: how often is one of them called worse?
        harms = [p_violated(Above(0), _drawn(rng, 500, discordance, 0.0)) for _ in range(60)]
        alarms += bool((holm(harms) <= 0.05).any())
        single_alarms += min(harms) <= 0.05
    return [
        {"what": "8 requirements, one worse by exactly the margin: released", "share": worse / repeats,
         "promised": 0.05},
        {"what": "7 equal requirements (n = 10,000, margin .01): all proved", "share": same / repeats},
        {"what": "60 harmless slices, Holm: any called worse", "share": alarms / repeats, "promised": 0.05},
        {"what": "60 harmless slices, uncorrected: any called worse", "share": single_alarms / repeats},
    ]


def _drawn(rng: np.random.Generator, n: int, discordance: float, true: float) -> Limits:
    gained, lost, _ = rng.multinomial(n, [(discordance + true) / 2, (discordance - true) / 2, 1 - discordance])
    left, right = np.zeros(n, bool), np.zeros(n, bool)
    left[:gained], right[gained : gained + lost] = True, True
    return paired_difference(left, right)


def ranks(repeats: int) -> list[dict[str, Any]]:
    """Rank correlation over models."""
    rng = generator("coverage", "ranks")
    found = []
    for n in (10, 20, 50, 200):
        truth = 6 / np.pi * np.arcsin(0.8 / 2)   # Spearman's of a normal pair with correlation .8
        inside = released = said = 0
        for _ in range(repeats):
            x = rng.normal(size=n)
            y = 0.8 * x + 0.6 * rng.normal(size=n)
            if spearman(x, y) >= 1:   # not measured: the ranks agree perfectly
                continue
            said += 1
            limits = spearman_limits(x, y)
            low, high = limits.interval(0.95)
            inside += low <= truth <= high
            released += limits.lower(0.05) > truth
        found.append({"models": n, "coverage": inside / said, "released": released / said})
    return found


_NAMES: dict[int, Any] = {}


def _names(n: int) -> Any:
    if n not in _NAMES:
        _NAMES[n] = np.arange(n).astype(str)
    return _NAMES[n]


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=4_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[], help="measures")
    parser.add_argument("--up-to", type=int, default=max(SIZES), help="the largest n")
    parser.add_argument("-o", "--output", type=Path, default=Path("coverage.json"))
    options = parser.parse_args()
    began = time.monotonic()
    tasks = [
        (number, n, options.replicates if n >= PROMISED else options.replicates // 4)
        for number, setting in enumerate(SETTINGS)
        for n in setting.sizes
        if n <= options.up_to
        and (not options.only or any(question.measure in options.only for question in setting.questions))
    ]
    tasks.sort(key=lambda task: -SETTINGS[task[0]].per_group(task[1]))   # the long ones first
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(options.processes) as pool:
        for task, found in zip(tasks, pool.map(study, tasks), strict=True):
            rows += found
            for row in found:
                told = {k: f"{row[k]:.3f}" if row[k] is not None else "–" for k in ("coverage", "released", "blocked")}
                print(f"{row['measure']:<22} {row['scenario']:<36} n={row['n']:<6} {told} "
                      f"not measured {row['not_measured']:.3f}", flush=True)  # fmt: skip
            print(f"# {task} after {time.monotonic() - began:.0f} s", flush=True)
    content: dict[str, Any] = {"replicates": options.replicates, "rows": rows}
    if not options.only:
        content |= {"families": families(options.replicates), "ranks": ranks(options.replicates)}
    options.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
