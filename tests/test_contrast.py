from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from demeanour.datasets.frame import Frame
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.observations import Observations, observe
from demeanour.evidence.table import prediction_table
from demeanour.measures import calibration, mistakes
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.statistics.means import gap_limits, mean_limits
from demeanour.statistics.proportions import clopper_pearson, independent_difference, paired_difference
from demeanour.statistics.resampling import jackknife_limits, jackknife_parts, left_out_values
from demeanour.statistics.seeds import generator
from demeanour.verdicts.contrast import Term, contrast, sampled
from demeanour.verdicts.replicates import columns_of
from demeanour.vocabulary import CATEGORIES, FACTORS

ALPHAS = (0.005, 0.05, 0.2)


@pytest.fixture(autouse=True)
def _nothing_is_remembered_from_other_tests():
    sampled.cache_clear()


def observation(model, columns, data="made", clusters=(), ids=None):
    n = len(next(iter(columns.values())))
    ids = np.array([f"{index:06d}" for index in range(n)]) if ids is None else ids
    return Observations(model, data, ids, dict(columns), tuple(clusters), {})


def natural(model, seed=0, n=400, error=0.3, factors=None):
    """Predictions of natural images, with labels that depend on n alone."""
    rng, fixed = np.random.default_rng([seed, n]), np.random.default_rng(n)
    label = fixed.integers(0, 10, n)
    patterns = np.random.default_rng(5).random((20, len(FACTORS))) < 0.35   # few, so that kinds of rows are few
    factors = patterns[fixed.integers(0, 20, n)] if factors is None else factors
    wrong = rng.random(n) < error
    prediction = np.where(wrong, (label + rng.integers(1, 10, n)) % 10, label)
    confidence = np.clip(rng.beta(2, 1.2, n), 0.02, 1)
    return observation(model, {
        "label": label, "prediction": prediction, "confidence": confidence, "factors": factors,
        "probability_of_label": np.where(wrong, (1 - confidence) / 2, confidence), "sum_p2": confidence**2,
        "rank_of_label": np.where(wrong, rng.integers(2, 10, n), 1),
    })  # fmt: skip


def several_labels(model, seed=0):
    """Predictions of natural images each of which has two labels."""
    one = natural(model, seed)
    label = one.columns["label"]
    return observation(model, {**one.columns, "label_set": np.stack([label, (label + 1) % 10], axis=1)})


def rendered(model, seed=0, objects=60, clusters=("character_name",), right=0.5):
    """Each object in seven pictures of each of PUG's factors."""
    rng = np.random.default_rng([seed, 11])
    shown = np.repeat(np.arange(objects), 70)
    factor = np.tile(np.repeat(np.arange(10), 7), objects)
    ease = rng.normal(size=objects)[shown] - 0.15 * factor + np.log(right / (1 - right))
    correct = rng.random(len(shown)) < 1 / (1 + np.exp(-ease))
    label = shown % 12
    columns = {"label": label, "prediction": np.where(correct, label, 12), "factor": factor, "character_name": shown}
    return observation(model, columns, "rendered", clusters)


def corrupted(model, seed=0, sources=40, clusters=("source",)):
    """Each of the clean images in 15 corruptions of 5 severities."""
    rng = np.random.default_rng([seed, 9])
    source = np.repeat(np.arange(sources), 75)
    corruption, severity = np.tile(np.repeat(np.arange(15), 5), sources), np.tile(np.arange(1, 6), 15 * sources)
    ability = rng.normal(size=sources)
    right = rng.random(len(source)) < 1 / (1 + np.exp(-(1.5 + ability[source] - 0.4 * severity)))
    columns = {
        "label": source % 10, "prediction": np.where(right, source % 10, (source + 1) % 10), "corruption": corruption,
        "severity": severity, "source": source, "clean_correct": (rng.random(sources) < 0.8)[source],
    }  # fmt: skip
    return observation(model, columns, "corrupted", clusters)


def viewed(model, seed=0, pictures=400, clusters=("source",)):
    """Each picture in five views, each of which is harder than the one before."""
    rng = np.random.default_rng([seed, 13])
    source, view = np.repeat(np.arange(pictures), 5), np.tile(np.arange(5), pictures)
    right = rng.normal(size=pictures)[source] + 0.3 * rng.normal(size=len(source)) < 1.2 - 0.4 * view
    columns = {
        "label": source % 10, "prediction": np.where(right, source % 10, (source + 1) % 10), "view": view,
        "source": source, "base": view == 0,
    }  # fmt: skip
    return observation(model, columns, "viewed", clusters)


def probed(model, seed=0):
    """Three tasks of 300, 150 and 350 images, which are hard to tell apart."""
    rng, sizes = np.random.default_rng([seed, 17]), (300, 150, 350)
    right = rng.random(sum(sizes)) < np.repeat([0.4, 0.7, 0.5], sizes)
    label = np.arange(sum(sizes)) % 5
    columns = {
        "label": label, "prediction": np.where(right, label, (label + 1) % 5),
        "task": np.repeat(["a", "b", "c"], sizes), "task_group": np.repeat(["natural", "natural", "structured"], sizes),
    }  # fmt: skip
    return observation(model, columns, "probed")


def compared_layers(model, seed=0, batches=20, each=8):
    """How alike eight layers of each kind are, in minibatches of 64."""
    rng, k = np.random.default_rng([seed, 19]), 4 * each
    common = np.random.default_rng(19).normal(size=(k, 40)) + 0.5 * np.random.default_rng(seed).normal(size=(k, 40))
    layers = 1 + common + 0.3 * rng.normal(size=(batches, k, 40))
    rows, columns = np.triu_indices(k)
    return observation(model, {
        "hsic": (layers @ layers.transpose(0, 2, 1))[:, rows, columns], "size": np.full(batches, 64),
        "kind": np.tile(np.repeat(np.arange(4), each), (batches, 1)),
    })  # fmt: skip


SOURCES = ("shape_source", "texture_source")


def cue_conflict(model, seed=0, by_shape=0.4, by_texture=0.4, clusters=SOURCES, per_class=10):
    """Each shape (so many of each class) in 8 of 32 textures (2 of each class)."""
    fixed, rng = np.random.default_rng(7), np.random.default_rng([seed, 8])
    shapes = 16 * per_class
    source = np.repeat(np.arange(shapes), 8)
    shape = source // per_class
    texture = (shape + np.concatenate([fixed.permutation(15)[:8] + 1 for _ in range(shapes)])) % 16
    texture_source = texture * 2 + fixed.integers(0, 2, len(source))
    lean = rng.normal(size=shapes)[source] * 0.1   # images of one shape go together
    chance = rng.random(len(source))
    by_cue = np.where(chance < by_shape + lean, shape, texture)
    columns = {
        "label": shape, "shape": shape, "texture": texture,
        "prediction": np.where(chance < by_shape + by_texture, by_cue, -1),
        "shape_source": source, "texture_source": texture_source,
    }  # fmt: skip
    return observation(model, columns, "cues", clusters)


def timed(model, seed=0):
    dice = np.random.default_rng(seed)
    columns = {"parameters": np.full(30, 1000.0 + seed), "milliseconds": 5 + dice.gamma(2, size=30)}
    return observation(model, columns, "network")


def suited(measure, model, seed=0):
    if MEASURES[measure].of_network:
        return timed(model, seed)
    if "corruption" in MEASURES[measure].needs:
        return corrupted(model, seed)
    if "label_set" in MEASURES[measure].needs:
        return several_labels(model, seed)
    if "task" in MEASURES[measure].needs:
        return probed(model, seed)
    if "hsic" in MEASURES[measure].needs:
        return compared_layers(model, seed)
    if measure == "factor_accuracy":
        return rendered(model, seed)
    if "view" in MEASURES[measure].needs:
        return viewed(model, seed)
    return cue_conflict(model, seed) if "shape" in MEASURES[measure].needs else natural(model, seed)


def one_group(measure):
    if ALL in MEASURES[measure].groups:
        return ALL
    if "hsic" in MEASURES[measure].needs:
        return "linear-1" if measure == "relative_similarity" else "linear"
    return "b" if "task" in MEASURES[measure].needs else "bin-12"


def difference(measure, left, right, group=ALL):
    return contrast(MEASURES[measure], (Term(1, left, group), Term(-1, right, group)))


def single(measure, observed, group=ALL):
    return contrast(MEASURES[measure], (Term(1, observed, group),))


def ends(limits):
    return [(limits.lower(alpha), limits.upper(alpha)) for alpha in ALPHAS]


def assert_same_limits(found, expected):
    assert found.value == pytest.approx(expected.value)
    np.testing.assert_allclose(ends(found), ends(expected), rtol=1e-7, atol=1e-12)


OF_ONE_MODEL = [name for name, one in MEASURES.items() if one.decides and one.models == 1]
deciding = pytest.mark.parametrize("measure", OF_ONE_MODEL)
of_samples = pytest.mark.parametrize("measure", [name for name in OF_ONE_MODEL if MEASURES[name].method != "counted"])


# a model against itself


@of_samples
@pytest.mark.parametrize("copied", [False, True], ids=["same", "copied"])
def test_a_model_against_itself_has_the_value_zero_and_an_interval_with_width(measure, copied):
    left = suited(measure, "one")
    right = replace(left, model="other") if copied else left
    groups = list(MEASURES[measure].values(tuple(left.column(need) for need in MEASURES[measure].needs)))
    for group in groups:
        limits = difference(measure, left, right, group).limits
        alone = single(measure, left, group).limits
        width_alone = alone.upper(0.05) - alone.lower(0.05)
        assert limits.value == 0
        assert limits.lower(0.05) < 0 < limits.upper(0.05)
        # for want of a spread of the differences: what both sides would have on their own, 1.4 times one side
        paired_exactly = limits.method.startswith(("paired", "exact bound"))
        assert limits.upper(0.05) - limits.lower(0.05) > (0.01 if paired_exactly else 1.3 * width_alone)


@deciding
def test_exchanging_the_models_mirrors_the_interval(measure):
    left, right = suited(measure, "one", 0), suited(measure, "other", 1)
    group = one_group(measure)
    one, other = (difference(measure, *pair, group).limits for pair in ((left, right), (right, left)))
    width = one.upper(0.05) - one.lower(0.05)
    assert one.value == pytest.approx(-other.value)
    assert one.lower(0.05) == pytest.approx(-other.upper(0.05), abs=0.05 * width)
    assert one.upper(0.05) == pytest.approx(-other.lower(0.05), abs=0.05 * width)


# which limits each method has


def test_one_proportion_is_exact():
    one = natural("one")
    correct = one.column("correct")
    assert_same_limits(single("top1", one).limits, clopper_pearson(int(correct.sum()), 400))
    few = int((one.column("confidence") <= 0.2).sum())
    assert_same_limits(single("low_confidence", one).limits, clopper_pearson(few, 400))


def test_two_proportions_are_paired():
    one, other = natural("one", 0), natural("other", 1)
    expected = paired_difference(one.column("correct"), other.column("correct"))
    found = difference("top1", one, other)
    assert_same_limits(found.limits, expected)
    assert found.limits.method == "paired, exact on discordant pairs"
    assert (found.n, found.two_way) == (400, None)


def test_two_proportions_over_many_images_are_paired_and_normal():
    one, other = natural("one", 0, 3000), natural("other", 1, 3000)
    found = difference("top1", one, other).limits
    assert found.method == "paired, normal"
    assert_same_limits(found, paired_difference(one.column("correct"), other.column("correct")))


def test_means_have_t_limits_of_the_paired_rows():
    one, other = natural("one", 0), natural("other", 1)
    gap, other_gap = (o.column("confidence") - o.column("correct") for o in (one, other))
    assert_same_limits(single("signed_gap", one).limits, mean_limits(gap))
    assert_same_limits(difference("signed_gap", one, other).limits, mean_limits(gap - other_gap))


def test_gaps_in_bins_are_exact_and_combined_as_if_independent():
    sides = []
    for one in (natural("one", 0), natural("other", 1)):
        inside = np.ceil(one.column("confidence") * 15) == 12
        sides.append(gap_limits(one.column("confidence")[inside], one.column("correct")[inside]))
        found = single("bin_gap", one, "bin-12")
        assert_same_limits(found.limits, sides[-1])
        assert found.n == inside.sum()
    both = difference("bin_gap", natural("one", 0), natural("other", 1), "bin-12")
    assert_same_limits(both.limits, independent_difference(*sides))


@pytest.mark.parametrize("measure", ["calibration_error", "ece"])
def test_calibration_errors_are_jackknifed_over_the_same_groups_of_images(measure):
    one, other = natural("one", 0), natural("other", 1)
    function = {"calibration_error": calibration.calibration_error, "ece": calibration.ece}[measure]

    def left_out(observed):
        columns = observed.column("confidence"), observed.column("correct")
        statistic = lambda weights: function(*columns, weights=weights)[ALL]  # noqa: E731
        return float(function(*columns)[ALL]), left_out_values(
            statistic, jackknife_parts(400, generator("jackknife", "made"))
        )

    (value, values), (other_value, other_values) = left_out(one), left_out(other)
    assert_same_limits(single(measure, one).limits, jackknife_limits(value, values))
    expected = jackknife_limits(value - other_value, values - other_values)
    assert_same_limits(difference(measure, one, other).limits, expected)


def assert_quantiles_alike(limits, draws):
    spread = draws.std()
    for alpha in (0.05, 0.2):
        assert limits.lower(alpha) == pytest.approx(np.quantile(draws, alpha), abs=0.15 * spread)
        assert limits.upper(alpha) == pytest.approx(np.quantile(draws, 1 - alpha), abs=0.15 * spread)


def test_error_ratios_are_bootstrapped_over_images_for_both_models_at_once():
    one, other = natural("one", 0), natural("other", 1)
    rng = np.random.default_rng(0)
    draws = {"one": [], "difference": []}
    for _ in range(2000):
        rows = rng.integers(0, 400, 400)
        ratios = [
            float(mistakes.error_ratio(o.column("correct")[rows], o.column("factors")[rows])["pose"])
            for o in (one, other)
        ]
        draws["one"].append(ratios[0])
        draws["difference"].append(ratios[0] - ratios[1])
    assert_quantiles_alike(single("error_ratio", one, "pose").limits, np.array(draws["one"]))
    found = difference("error_ratio", one, other, "pose")
    assert found.limits.method == "bootstrap of images, 10,000 draws"
    assert found.n == one.column("factors")[:, 0].sum()
    assert_quantiles_alike(found.limits, np.array(draws["difference"]))


@pytest.mark.parametrize("ways", [1, 2])
def test_cue_measures_are_bootstrapped_over_whole_sources(ways):
    one, other = cue_conflict("one", 0), cue_conflict("other", 1, by_shape=0.5, by_texture=0.3)
    found = difference("shape_bias", one, other)
    limits = found.limits if ways == 1 else found.two_way
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(2000):
        weights = np.bincount(rng.integers(0, 160, 160), minlength=160)[one.column("shape_source")]
        if ways == 2:
            weights = weights * np.bincount(rng.integers(0, 32, 32), minlength=32)[one.column("texture_source")]
        rows = np.repeat(np.arange(1280), weights)
        bias = []
        for o in (one, other):
            by_shape = (o.column("prediction") == o.column("shape"))[rows].sum()
            by_texture = (o.column("prediction") == o.column("texture"))[rows].sum()
            bias.append(by_shape / (by_shape + by_texture))
        draws.append(bias[0] - bias[1])
    assert_quantiles_alike(limits, np.array(draws))


def test_two_way_limits_stand_beside_only_where_there_are_two_clusterings():
    both = single("shape_bias", cue_conflict("one"))
    assert both.limits.method.startswith("bootstrap of shape sources")
    assert both.two_way.method == "two-way bootstrap of shape source × texture source"
    assert single("shape_bias", cue_conflict("one", clusters=("shape_source",))).two_way is None
    assert single("shape_bias", cue_conflict("one", clusters=())).limits.method.startswith("bootstrap of images")
    assert single("error_ratio", natural("one")).two_way is None


def test_every_class_of_ten_shapes_has_limits():
    one = cue_conflict("one", per_class=10)   # 160 shapes: now and then a draw holds no shape of a class
    for group in CATEGORIES:
        limits = single("shape_bias", one, group).limits
        assert 0 <= limits.lower(0.05) < limits.value < limits.upper(0.05) <= 1


def test_limits_over_sources_are_wider_than_over_images_where_images_of_a_source_go_together():
    widths = []
    for clusters in ((), ("shape_source",)):
        one = cue_conflict("one", clusters=clusters)
        odd = one.columns["shape_source"] % 2 == 1
        one.columns["prediction"] = np.where(odd, one.columns["shape"], one.columns["texture"])
        limits = single("shape_bias", one).limits
        widths.append(limits.upper(0.05) - limits.lower(0.05))
    assert widths[1] > 2 * widths[0]


@pytest.mark.parametrize("measure", ["calibration_error", "signed_gap", "error_ratio"])
def test_models_that_mostly_agree_have_a_narrow_difference(measure):
    one = natural("one", n=600)
    prediction, confidence = one.columns["prediction"].copy(), one.columns["confidence"].copy()
    prediction[::20] = one.columns["label"][::20]
    confidence[::20] = 0.9
    other = replace(one, model="other", columns={**one.columns, "prediction": prediction, "confidence": confidence})
    paired = difference(measure, one, other).limits
    apart = independent_difference(single(measure, one).limits, single(measure, other).limits)
    assert 0 < paired.upper(0.05) - paired.lower(0.05) < 0.6 * (apart.upper(0.05) - apart.lower(0.05))


# small counts


def factors_with(marked):
    rng = np.random.default_rng(1)
    factors = (rng.random((20, len(FACTORS))) < 0.5)[rng.integers(0, 20, 400)]
    factors[:, 0] = marked
    return factors


def small_factor(model, seed):
    """Twelve images with a pose, of which every fourth is wrong."""
    one = natural(model, seed, factors=factors_with(np.arange(400) < 12))
    label, prediction = one.columns["label"], one.columns["prediction"]
    prediction[:12] = np.where(np.arange(12) % 4 == 0, (label[:12] + 1) % 10, label[:12])
    return one


def test_a_factor_with_few_errors_has_exact_limits():
    one = small_factor("one", 0)
    overall = float((~one.column("correct")).mean())
    found = single("error_ratio", one, "pose")
    assert found.limits.method == "exact (Clopper-Pearson)"
    assert found.n == 12
    assert_same_limits(found.limits, clopper_pearson(3, 12).scaled(1 / overall))
    assert single("error_ratio", one, "background").limits.method.startswith("bootstrap")


def test_a_difference_of_small_counts_combines_exact_limits():
    one, other = small_factor("one", 0), small_factor("other", 1)
    sides = [clopper_pearson(3, 12).scaled(1 / float((~o.column("correct")).mean())) for o in (one, other)]
    found = difference("error_ratio", one, other, "pose").limits
    assert found.method == "exact (Clopper-Pearson), sides combined as if independent"
    assert_same_limits(found, independent_difference(*sides))


def test_few_texture_decisions_have_exact_limits():
    one = cue_conflict("one", by_shape=2, by_texture=0, clusters=())
    one.columns["prediction"][:4] = one.columns["texture"][:4]
    by_shape = int((one.columns["prediction"] == one.columns["shape"]).sum())
    assert_same_limits(single("shape_bias", one).limits, clopper_pearson(by_shape, by_shape + 4))


def test_a_class_without_any_texture_decision_has_an_interval_with_width():
    one = cue_conflict("one", by_shape=2, by_texture=0, clusters=())
    limits = single("shape_bias", one, "cat").limits
    assert limits.value == 1
    assert limits.lower(0.05) == pytest.approx(0.05 ** (1 / 80))
    assert limits.upper(0.05) == 1
    with pytest.raises(NotMeasuredError, match="few hits or misses among images that share a source"):
        single("shape_bias", cue_conflict("one", by_shape=2, by_texture=0), "cat")


def test_an_empty_bin_of_the_histogram_has_exact_limits():
    one = natural("one")
    one.columns["confidence"] = np.clip(one.columns["confidence"], 0.1, 1)
    limits = single("confidence_histogram", one, "bin-01").limits
    assert (limits.value, limits.lower(0.05)) == (0, 0)
    assert limits.upper(0.05) == pytest.approx(1 - 0.05 ** (1 / 400))
    n = int(((one.columns["confidence"] > 10 / 15) & (one.columns["confidence"] <= 11 / 15)).sum())
    assert_same_limits(single("confidence_histogram", one, "bin-11").limits, clopper_pearson(n, 400))


def test_two_bins_of_one_histogram_are_told_apart_by_the_sign_test():
    one = natural("one")
    inside = [(one.columns["confidence"] > k / 15) & (one.columns["confidence"] <= (k + 1) / 15) for k in (13, 10)]
    terms = (Term(1, one, "bin-14"), Term(-1, one, "bin-11"))
    assert_same_limits(contrast(MEASURES["confidence_histogram"], terms).limits, paired_difference(*inside))


@pytest.mark.parametrize(("wrong", "exact"), [(9, True), (10, False)])
def test_ten_hits_and_ten_misses_are_enough_for_resampling(wrong, exact):
    one = natural("one", factors=factors_with(np.arange(400) < 40))
    label = one.columns["label"]
    one.columns["prediction"][:40] = np.where(np.arange(40) < wrong, (label[:40] + 1) % 10, label[:40])
    assert single("error_ratio", one, "pose").limits.method.startswith("exact") is exact


def test_a_sum_of_more_values_with_small_counts_has_each_value_at_its_share_of_alpha():
    models = [small_factor(f"model {seed}", seed) for seed in range(4)]
    terms = tuple(Term(sign, one, "pose") for sign, one in zip((1, -1, -1, 1), models, strict=True))
    found = contrast(MEASURES["error_ratio"], terms).limits
    sides = [single("error_ratio", one, "pose").limits for one in models]
    share = [side.interval(1 - 2 * 0.05 / 4) for side in sides]
    assert found.value == pytest.approx(sides[0].value - sides[1].value - sides[2].value + sides[3].value)
    assert found.lower(0.05) == pytest.approx(share[0][0] - share[1][1] - share[2][1] + share[3][0])
    assert found.upper(0.05) == pytest.approx(share[0][1] - share[1][0] - share[2][0] + share[3][1])
    assert found.method.endswith("each of 4 values at its share of α")


# sums of several values


def test_a_difference_of_differences_of_means_has_t_limits_of_the_rows():
    models = [natural(f"model {seed}", seed) for seed in range(4)]
    signs = (1, -1, -1, 1)
    for measure in ("signed_gap", "top1"):
        rows = [MEASURES[measure].rows(ALL, columns_of(MEASURES[measure], (one,))) for one in models]
        expected = mean_limits(sum(sign * row for sign, row in zip(signs, rows, strict=True)))
        terms = tuple(Term(sign, one, ALL) for sign, one in zip(signs, models, strict=True))
        assert_same_limits(contrast(MEASURES[measure], terms).limits, expected)


@pytest.mark.parametrize("measure", ["calibration_error", "error_ratio", "cue_coverage"])
def test_a_difference_of_differences_adds_up_signed_values(measure):
    models = [suited(measure, f"model {seed}", seed) for seed in range(4)]
    values = [single(measure, one).limits.value for one in models]
    terms = tuple(Term(sign, one, ALL) for sign, one in zip((1, -1, -1, 1), models, strict=True))
    found = contrast(MEASURES[measure], terms).limits
    assert found.value == pytest.approx(values[0] - values[1] - values[2] + values[3])
    assert found.lower(0.05) < found.value < found.upper(0.05)


def test_two_groups_of_one_model_are_compared_over_the_same_resamples():
    one = natural("one")
    terms = (Term(1, one, "pose"), Term(-1, one, "background"))
    found = contrast(MEASURES["error_ratio"], terms)
    pose, background = (single("error_ratio", one, group) for group in ("pose", "background"))
    assert found.limits.value == pytest.approx(pose.limits.value - background.limits.value)
    assert found.n == min(pose.n, background.n)
    assert found.limits.lower(0.05) < found.limits.value < found.limits.upper(0.05)


# what cannot be measured


@pytest.mark.parametrize(
    ("measure", "missing"),
    [
        ("ece", "confidence"), ("low_confidence", "confidence"), ("error_ratio", "factors"), ("top1", "label"),
        ("shape_bias", "texture"), ("cue_coverage", "shape"),
    ],
)  # fmt: skip
def test_a_missing_column_is_named(measure, missing):
    whole = suited(measure, "whole")
    lacking = replace(whole, model="lacking", columns={k: v for k, v in whole.columns.items() if k != missing})
    with pytest.raises(NotMeasuredError, match=f"lacking on .* no column '{missing}'"):
        single(measure, lacking)
    with pytest.raises(NotMeasuredError, match=f"lacking on .* no column '{missing}'"):
        difference(measure, whole, lacking)


def test_a_missing_group_is_named_with_the_groups_there_are():
    with pytest.raises(NotMeasuredError, match="no group 'unicorn'; it has all, airplane"):
        single("shape_bias", cue_conflict("one"), "unicorn")


@deciding
def test_models_that_saw_different_images_are_not_compared(measure):
    one = suited(measure, "one")
    other = replace(one, model="other", ids=np.char.add("x", one.ids))
    with pytest.raises(EvidenceError, match="one and other saw different images"):
        difference(measure, one, other)


def test_models_that_saw_some_of_the_images_are_not_compared():
    one = natural("one")
    fewer = replace(one, model="fewer", ids=one.ids[1:], columns={k: v[1:] for k, v in one.columns.items()})
    with pytest.raises(EvidenceError, match=r"1 only the first \(such as '000000'\), 0 only the second"):
        difference("top1", one, fewer)


def test_models_with_different_labels_are_not_compared():
    one = natural("one")
    label = one.columns["label"].copy()
    label[3] += 1
    other = replace(one, model="other", columns={**one.columns, "label": label})
    with pytest.raises(EvidenceError, match="different labels for 1 images of made, such as '000003'"):
        difference("top1", one, other)


def test_undefined_values_are_not_measured():
    silent = cue_conflict("silent")
    silent.columns["prediction"][:] = -1
    with pytest.raises(NotMeasuredError, match="shape_bias of silent on cues is undefined for 'all'"):
        single("shape_bias", silent)
    with pytest.raises(NotMeasuredError, match="silent"):
        difference("shape_bias", cue_conflict("other"), silent)


def test_ratios_of_a_model_without_errors_are_not_measured():
    perfect = natural("perfect", error=0)
    for measure in ("error_ratio", "error_odds_ratio"):
        with pytest.raises(NotMeasuredError, match="of perfect on made is undefined for 'pose'"):
            single(measure, perfect, "pose")


def test_a_factor_without_images_is_not_measured():
    one = natural("one", factors=factors_with(False))
    with pytest.raises(NotMeasuredError, match="undefined for 'pose'"):
        single("error_ratio", one, "pose")


def test_a_few_images_are_too_few_for_a_calibration_error():
    with pytest.raises(NotMeasuredError, match="20 right and 20 wrong answers"):
        single("calibration_error", natural("one", n=19))


def test_a_gap_that_never_varies_has_an_interval_all_the_same():
    sure = natural("sure", error=0)
    sure.columns["confidence"][:] = 1
    limits = single("signed_gap", sure).limits
    assert limits.value == 0
    assert limits.upper(0.05) == pytest.approx(1 - 0.05 ** (1 / len(sure)))   # as far as no error in n allows


# the same again


@deciding
def test_the_same_question_gives_the_same_answer(measure):
    group = one_group(measure)
    answers = []
    for _ in range(2):
        sampled.cache_clear()
        left, right = suited(measure, "one", 0), suited(measure, "other", 1)   # anew: nothing else is remembered
        found = difference(measure, left, right, group)
        answers.append((found.limits.value, ends(found.limits), found.n, found.limits.method,
                        found.two_way and ends(found.two_way)))  # fmt: skip
        sampled.cache_clear()
        assert ends(difference(measure, left, right, group).limits) == answers[-1][1]
    assert answers[0] == answers[1]


def test_other_questions_in_between_do_not_change_an_answer():
    one, other, third = (natural(name, seed) for seed, name in enumerate(("one", "other", "third")))
    before = ends(difference("error_ratio", one, other, "pose").limits)
    sampled.cache_clear()
    one, other = natural("one", 0), natural("other", 1)
    for group in (ALL, "style"):
        difference("error_ratio", other, third, group)
        single("error_ratio", one, group)
    assert ends(difference("error_ratio", one, other, "pose").limits) == before


def test_answers_are_remembered():
    one = natural("one")
    assert single("calibration_error", one) is single("calibration_error", one)


# from tables and frames


def test_tables_joined_with_a_frame_are_compared_by_image_id():
    rng = np.random.default_rng(0)
    ids = np.array([f"image-{index:03d}" for index in range(60)])
    label = rng.integers(0, 5, 60)
    frame = Frame("made", ids, {"label": label}, 5)
    said, observed = {}, {}
    for model in ("one", "other"):
        said[model] = np.where(rng.random(60) < 0.7, label, (label + 1) % 5)
        order = rng.permutation(60)
        columns = {"prediction": said[model][order], "confidence": rng.uniform(0.2, 1, 60)}
        observed[model] = observe(model, prediction_table(ids[order], columns, 5, "a file"), frame)
    expected = paired_difference(said["one"] == label, said["other"] == label)
    assert_same_limits(difference("top1", observed["one"], observed["other"]).limits, expected)


# coverage


def coverage(intervals, truth):
    return float(np.mean([low <= truth <= high for low, high in intervals]))


@pytest.mark.parametrize(
    ("gap", "other_gap"),
    [(0.10, 0.04), (0.03, 0.0)],
    ids=["both overconfident", "one calibrated"],
)
def test_intervals_of_differences_of_calibration_errors_cover(gap, other_gap):
    rng = np.random.default_rng(20)
    n, intervals = 2000, []
    label = np.zeros(n, int)
    sign = np.where(np.arange(15) % 2 == 0, 1.0, 0.5)   # in every other bin the gap is half as large
    for _ in range(200):
        shared = rng.random(n)   # images that are hard for one are hard for the other
        models = []
        for name, size in (("one", gap), ("other", other_gap)):
            drawn = rng.integers(3, 14, n)
            confidence = (drawn + 0.5) / 15
            luck = np.where(rng.random(n) < 0.5, shared, rng.random(n))
            prediction = np.where(luck < confidence - size * sign[drawn], 0, 1)
            models.append(observation(name, {"label": label, "prediction": prediction, "confidence": confidence}))
        intervals.append(difference("calibration_error", *models).limits.interval(0.9))
    truth = (gap**2 - other_gap**2) * float((sign[3:14] ** 2).mean())
    assert 0.83 <= coverage(intervals, truth) <= 0.99


def test_intervals_of_differences_of_error_ratios_cover():
    rng = np.random.default_rng(21)
    n = 2000
    label = np.zeros(n, int)
    marked_share, often = 0.1, {"one": (0.5, 0.2), "other": (0.35, 0.25)}   # errors with a pose, and without
    intervals = {"pose": [], ALL: []}
    for _ in range(200):
        factors = np.ones((n, len(FACTORS)), bool)
        factors[:, 0] = rng.random(n) < marked_share
        shared = rng.random(n)
        models = []
        for name, (with_pose, without) in often.items():
            luck = np.where(rng.random(n) < 0.5, shared, rng.random(n))
            prediction = np.where(luck < np.where(factors[:, 0], with_pose, without), 1, 0)
            models.append(observation(name, {"label": label, "prediction": prediction, "factors": factors}))
        for group, found in intervals.items():
            found.append(difference("error_ratio", *models, group).limits.interval(0.9))
    ratio = {name: a / (marked_share * a + (1 - marked_share) * b) for name, (a, b) in often.items()}
    truth = ratio["one"] - ratio["other"]
    assert 0.83 <= coverage(intervals["pose"], truth) <= 0.99
    assert 0.83 <= coverage(intervals[ALL], truth / len(FACTORS)) <= 0.99   # for the other factors both ratios are 1
