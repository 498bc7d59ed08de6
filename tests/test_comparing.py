"""What a case compares: pairs, averages over data sets, curves; and rows of images that come in clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import cohen_kappa_score

from demeanour.errors import NotMeasuredError
from demeanour.evidence.observations import Observations
from demeanour.findings.pairing import Case, Comparison
from demeanour.findings.schema import Finding
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.statistics.means import cluster_mean_limits, few_error_gap_limits, mean_limits
from demeanour.statistics.proportions import clopper_pearson
from demeanour.verdicts.comparing import Compared, averaged, compare
from demeanour.verdicts.contrast import Term, contrast
from tests.small_cast import SOURCE
from tests.test_contrast import corrupted, cue_conflict, natural


def claim(**keys: Any) -> Finding:
    base = {"id": "a.b", "label": "T", "claim": "c", "source": SOURCE, "strength": "A", "data": "made",
            "measure": "top1", "relation": "left > right", "margin": 0}  # fmt: skip
    return Finding.model_validate({**base, **keys})


def compared(finding: Finding, observed: dict[tuple[str, str], Observations]) -> list[Compared]:
    models = list(dict.fromkeys(model for model, _ in observed))
    sets = tuple(dict.fromkeys(data for _, data in observed))
    terms: tuple[tuple[int, tuple[str, ...]], ...] = ((1, tuple(models)),)
    if finding.relation.startswith("left"):
        terms = tuple((sign, (model,)) for sign, model in zip((1, -1), models, strict=True))
    case = Case("a.b", finding, sets, "", (Comparison("", terms),))
    return compare(case, MEASURES[finding.measure], observed)[0]


# rows in clusters


def test_clustered_means_agree_with_the_variance_of_cluster_means_where_clusters_are_equal() -> None:
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(60), 5)
    rows = rng.normal(size=60)[cluster] + rng.normal(size=300)
    means = rows.reshape(60, 5).mean(axis=1)
    expected = scipy.stats.t.interval(0.9, 59, means.mean(), scipy.stats.sem(means))
    assert cluster_mean_limits(rows, cluster * 3 + 1, None).interval(0.9) == pytest.approx(expected)


def test_clusters_of_one_image_each_are_images() -> None:
    rows = np.random.default_rng(1).normal(size=80)
    ours = cluster_mean_limits(rows, np.arange(80), None)
    assert ours.interval(0.9) == pytest.approx(mean_limits(rows).interval(0.9))


@pytest.mark.parametrize(("filled", "upper"), [(0, 1 - 0.05 ** (1 / 40)), (3, scipy.stats.beta.ppf(0.95, 4, 37))])
def test_models_that_differ_on_few_clusters_have_the_exact_bound(filled: int, upper: float) -> None:
    rows = np.zeros(200)
    rows[: 5 * filled] = 1
    limits = cluster_mean_limits(rows, np.repeat(np.arange(40), 5), -1)
    assert limits.value == filled / 40
    assert (-limits.lower(0.05), limits.upper(0.05)) == pytest.approx((upper, upper))


def test_shares_that_are_not_1_on_few_clusters_have_the_exact_bound() -> None:
    rows = np.ones(200)
    rows[:15] = 0   # 3 of 40 clusters
    limits = cluster_mean_limits(rows, np.repeat(np.arange(40), 5), 0)
    assert limits.value == pytest.approx(1 - 3 / 40)
    assert limits.lower(0.05) == pytest.approx(1 - scipy.stats.beta.ppf(0.95, 4, 37))
    assert limits.upper(0.05) == 1


def test_unbounded_numbers_that_few_clusters_have_are_not_measured() -> None:
    rows = np.zeros(200)
    rows[:15] = 20
    with pytest.raises(NotMeasuredError, match="only 3 of 40 source images tell anything"):
        cluster_mean_limits(rows, np.repeat(np.arange(40), 5), None)


@pytest.mark.parametrize("measure", ["calibration_error", "bin_gap", "error_ratio", "ece"])
def test_what_takes_images_for_independent_is_not_measured_on_images_of_one_source(measure: str) -> None:
    plain = natural("one")
    source = np.arange(400) // 4
    clustered = Observations("one", "made", plain.ids, {**plain.columns, "source": source}, ("source",), {})
    group = "bin-12" if measure == "bin_gap" else ALL
    with pytest.raises(NotMeasuredError, match="is not for images that share a source"):
        contrast(MEASURES[measure], (Term(1, clustered, group),))


def test_a_group_of_few_sources_is_not_resampled() -> None:
    with pytest.raises(NotMeasuredError, match="6 source images are too few to resample"):
        contrast(MEASURES["shape_bias"], (Term(1, cue_conflict("one", per_class=6), "dog"),))


def test_errors_of_few_sources_are_few_errors_however_many_images_they_spoil() -> None:
    one = corrupted("one", sources=60)
    right = one.column("source") > 2   # 3 sources of 75 images are wrong throughout
    one.columns["prediction"] = np.where(right, one.columns["label"], one.columns["label"] + 1)
    with pytest.raises(NotMeasuredError, match="needs 20 right and 20 wrong"):
        contrast(MEASURES["mce"], (Term(1, one, ALL),))


def test_two_models_that_hardly_err_together_have_no_error_consistency() -> None:
    one, other = natural("one", n=2000, error=0), natural("other", 1, n=2000, error=0)
    for k, model in enumerate((one, other)):
        model.columns["prediction"][k * 12 : k * 12 + 12] += 1   # 12 errors each, none in common
    with pytest.raises(NotMeasuredError, match="both wrong"):
        contrast(MEASURES["error_consistency"], (Term(1, one, ALL, other),))


def test_confidences_count_where_hardly_an_answer_is_wrong() -> None:
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(400):
        confidence, correct = rng.uniform(0.6, 1, 500), rng.random(500) < 0.998
        limits = few_error_gap_limits(confidence, correct)
        missed += limits.lower(0.05) > 0.8 - 0.998 or limits.upper(0.05) < 0.8 - 0.998
    assert missed <= 40   # 10 % at most are off on either side; taking confidences as fixed, 40 % were


def test_a_gap_of_gaps_of_few_differences_has_the_exact_limits_of_each_value_at_its_share_of_alpha() -> None:
    models = [natural(f"model {k}", n=2000, error=0) for k in range(4)]
    models[0].columns["prediction"][:7] += 1
    terms = tuple(Term(sign, one, ALL) for sign, one in zip((1, -1, -1, 1), models, strict=True))
    found = contrast(MEASURES["top1"], terms).limits
    least, most = (clopper_pearson(1993, 2000).lower(0.0125), clopper_pearson(2000, 2000).lower(0.0125))
    assert found.value == pytest.approx(-7 / 2000)
    assert found.lower(0.05) == pytest.approx(least - 1 - 1 + most)
    assert found.upper(0.05) == pytest.approx(clopper_pearson(1993, 2000).upper(0.0125) - 2 * most + 1)


def test_too_few_clusters_or_no_spread_are_not_measured() -> None:
    with pytest.raises(NotMeasuredError, match="19 source images"):
        cluster_mean_limits(np.arange(57.0), np.arange(57) % 19, None)
    with pytest.raises(NotMeasuredError, match="same value"):
        cluster_mean_limits(np.full(60, 0.5), np.arange(60) % 30, None)


def test_accuracy_on_images_of_one_source_is_less_sure_than_on_as_many_of_different_ones() -> None:
    clustered, plain = cue_conflict("one"), cue_conflict("one", clusters=())
    widths = []
    for one in (clustered, plain):
        low, high = contrast(MEASURES["top1"], (Term(1, one, ALL),)).limits.interval(0.9)
        widths.append(high - low)
    assert widths[0] > 1.1 * widths[1]


@pytest.mark.parametrize("measure", ["corruption_accuracy", "mce", "relative_mce"])
def test_corrupted_images_of_one_source_go_together(measure: str) -> None:
    one, other = corrupted("one"), corrupted("other", 1)
    found = contrast(MEASURES[measure], (Term(1, one, ALL), Term(-1, other, ALL))).limits
    # each of 40 sources is in every cell: the mean over sources is what the measure is, up to a factor and a constant
    alone = [contrast(MEASURES["top1"], (Term(1, model, ALL),)).limits for model in (one, other)]
    assert found.method == "grouped jackknife, 20 groups"
    if measure == "corruption_accuracy":
        assert found.value == pytest.approx(alone[0].value - alone[1].value)
        rows = (one.column("correct").astype(float) - other.column("correct")).reshape(40, 75).mean(axis=1)
        assert np.diff(found.interval(0.9)) == pytest.approx(
            np.diff(scipy.stats.t.interval(0.9, 39, 0, scipy.stats.sem(rows))), rel=0.35
        )


# two models together


def test_error_consistency_is_a_number_of_two_models_with_an_interval() -> None:
    one, other = natural("one", 0), natural("other", 1)
    other.columns["prediction"][:200] = one.columns["prediction"][:200]
    found = contrast(MEASURES["error_consistency"], (Term(1, one, ALL, other),))
    right = one.column("correct"), other.column("correct")
    assert found.limits.value == pytest.approx(cohen_kappa_score(*right))
    theirs = scipy.stats.bootstrap(
        tuple(map(np.asarray, right)), lambda a, b: cohen_kappa_score(a, b), paired=True, vectorized=False,
        n_resamples=600, confidence_level=0.9, method="percentile", rng=np.random.default_rng(0),
    )  # fmt: skip
    assert found.limits.interval(0.9) == pytest.approx(theirs.confidence_interval, abs=0.25 * theirs.standard_error)


def test_a_model_and_itself_err_alike_without_any_doubt_and_that_is_not_measured() -> None:
    one = natural("one")
    with pytest.raises(NotMeasuredError, match="both models are right, both wrong"):
        contrast(MEASURES["error_consistency"], (Term(1, one, ALL, one),))


def test_a_claim_about_pairs_compares_their_number_with_the_bound() -> None:
    finding = claim(measure="error_consistency", relation="value < bound", bound=0.3,
                    compare={"left": {"model": "one"}, "right": {"model": "other"}})  # fmt: skip
    (found,) = compared(finding, {("one", "made"): natural("one", 0), ("other", "made"): natural("other", 1)})
    assert found.terms[0][0].name == "one and other"
    assert found.downwards
    assert found.zone(0.05) == "holds"


# averages over data sets


def three_sets() -> dict[tuple[str, str], Observations]:
    sizes = {"first": 300, "second": 400, "third": 900}
    return {
        (model, data): Observations(model, data, (made := natural(model, seed, n=n)).ids, made.columns, (), {})
        for seed, model in enumerate(("one", "other"))
        for data, n in sizes.items()
    }


def test_an_average_is_the_mean_of_the_sets_however_large_they_are() -> None:
    observed = three_sets()
    (found,) = compared(claim(data=["first", "second", "third"], average=True), observed)
    alone = [
        contrast(MEASURES["top1"], (Term(1, observed["one", data], ALL), Term(-1, observed["other", data], ALL)))
        for data in ("first", "second", "third")
    ]
    assert found.limits.value == pytest.approx(np.mean([one.limits.value for one in alone]))
    half = [one.limits.upper(0.05) - one.limits.value for one in alone]
    assert found.limits.upper(0.05) - found.limits.value == pytest.approx(np.sqrt(np.square(half).sum()) / 3)
    assert found.found.n == 1600


def test_sets_of_the_same_images_may_err_together() -> None:
    observed = three_sets()
    sets = ("first", "second", "third")
    alone = [contrast(MEASURES["top1"], (Term(1, observed["one", data], ALL),)) for data in sets]
    apart = averaged(alone, [0.0] * 3, ["imagenetv2", "imagenet-r", "imagenet-val"]).limits
    for other in ("imagenet-real", "imagenet-c"):
        shared = averaged(alone, [0.0] * 3, ["imagenetv2", other, "imagenet-val"]).limits
        assert shared.value == apart.value
        assert shared.upper(0.05) - shared.lower(0.05) > 1.1 * (apart.upper(0.05) - apart.lower(0.05))


def test_rounding_does_not_average_out_over_sets() -> None:
    observed = three_sets()
    sets = ("first", "second", "third")
    alone = [contrast(MEASURES["top1"], (Term(1, observed["one", data], ALL),)) for data in sets]
    quiet, noisy = averaged(alone, [0.0] * 3, sets).limits, averaged(alone, [0.03, 0.0, 0.03], sets).limits
    assert noisy.upper(0.05) == pytest.approx(quiet.upper(0.05) + 0.02)


# curves


SEVERITIES = [f"severity-{level}" for level in range(1, 6)]


def curve(relation: str, **keys: Any) -> list[Compared]:
    finding = claim(measure="corruption_accuracy", relation=relation, groups=SEVERITIES, **keys)
    observed = {("one", "made"): corrupted("one")}
    if relation.startswith("left"):
        observed["other", "made"] = corrupted("other", 1)
    return compared(finding, observed)


def by_severity(observed: Observations) -> np.ndarray:
    severity, right = observed.column("severity"), observed.column("correct")
    return np.array([right[severity == level].mean() for level in range(1, 6)])


def test_a_falling_curve_is_compared_step_by_step() -> None:
    found = curve("groups fall", margin=0.02)
    points = by_severity(corrupted("one"))
    assert [one.limits.value for one in found] == pytest.approx(np.diff(points))
    assert found[0].group == "severity-2 after severity-1"
    assert {one.zone(0.05) for one in found} == {"holds"}
    assert "violated" in {one.zone(0.05) for one in curve("groups rise", margin=0.02)}


def test_what_falls_by_less_than_the_tolerance_still_counts_as_rising() -> None:
    assert {one.zone(0.05) for one in curve("groups rise", margin=0.3)} == {"holds"}


def test_flatness_compares_how_far_two_curves_fall() -> None:
    (found,) = curve("left flatter than right")
    one, other = by_severity(corrupted("one")), by_severity(corrupted("other", 1))
    assert found.limits.value == pytest.approx((one[0] - one[-1]) - (other[0] - other[-1]))
    assert found.downwards


@pytest.mark.parametrize("at", [None, [1, 1.25, 1.5, 2, 3]])
def test_areas_are_mean_heights_by_the_trapezoid_rule(at: list[float] | None) -> None:
    (found,) = curve("left area > right", at=at)
    x = np.arange(5.0) if at is None else np.array(at)
    one, other = by_severity(corrupted("one")), by_severity(corrupted("other", 1))
    assert found.limits.value == pytest.approx(np.trapezoid(one - other, x) / (x[-1] - x[0]))
    assert found.limits.lower(0.05) < found.limits.value < found.limits.upper(0.05)
