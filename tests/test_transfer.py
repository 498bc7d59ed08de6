"""Transfer: means over tasks, intervals that draw each task's images for themselves, the findings of the section."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from demeanour.errors import NotMeasuredError
from demeanour.evidence.observations import Observations
from demeanour.findings.cast import Cast
from demeanour.findings.lint import check_measure
from demeanour.findings.load import load_findings
from demeanour.measures.registry import MEASURES
from demeanour.measures.transfer import probe_accuracy, probe_task_accuracy, task_shares
from demeanour.statistics.proportions import clopper_pearson, paired_difference
from demeanour.statistics.seeds import generator
from demeanour.statistics.stratified import stratified_limits
from demeanour.verdicts.contrast import Term, contrast

ROOT = Path(__file__).parents[1]
SIZES = {"a": 40, "b": 300, "c": 1000, "d": 90}
GROUPS = {"a": "natural", "b": "natural", "c": "specialized", "d": "structured"}
TASK = np.repeat(list(SIZES), list(SIZES.values()))
GROUP = np.asarray([GROUPS[name] for name in TASK.tolist()])


def observed(model: str, correct: NDArray[np.bool_], task: NDArray[np.str_] = TASK) -> Observations:
    ids = np.asarray([f"{row:06d}" for row in range(len(task))])
    group = np.asarray([GROUPS[name] for name in task.tolist()])
    columns = {"prediction": correct.astype(int), "label": np.ones(len(task), int), "task": task, "task_group": group}
    return Observations(model, "vtab", ids, columns, (), {})


def right(name: str, *accuracies: float, task: NDArray[np.str_] = TASK) -> NDArray[np.bool_]:
    chance = dict(zip(SIZES, accuracies, strict=True))
    return np.asarray(generator("right", name).random(len(task)) < [chance[one] for one in task.tolist()])


# --- measures


def test_every_task_counts_the_same() -> None:
    correct = np.asarray([1, 0, 1, 1, 1, 1, 0, 0, 0, 0], bool)
    task = np.asarray(["x", "x", "y", "y", "y", "y", "z", "z", "z", "z"])
    group = np.asarray(["natural"] * 6 + ["structured"] * 4)
    found = {name: float(value) for name, value in probe_accuracy(correct, task, group).items()}
    assert found == pytest.approx({"all": 0.5, "natural": 0.75, "structured": 0})   # and no specialised task
    of_tasks = {name: float(value) for name, value in probe_task_accuracy(correct, task).items()}
    assert of_tasks == {"x": 0.5, "y": 1, "z": 0}


def test_weights_count_as_repetitions() -> None:
    correct = right("weights", 0.3, 0.5, 0.7, 0.9)
    weights = generator("weights").integers(0, 3, (4, len(TASK)))
    found = probe_accuracy(correct, TASK, GROUP, weights=weights)
    for draw, times in enumerate(weights):
        rows = np.repeat(np.arange(len(TASK)), times)
        again = probe_accuracy(correct[rows], TASK[rows], GROUP[rows])
        for name, value in found.items():
            assert float(value[draw]) == pytest.approx(float(again[name]))


def test_published_group_means_are_unweighted_means_of_the_tasks() -> None:
    """The project page's values of ViT-clip for each task give Table 3's row: 87.6, 87.8, 50.9 and 72.2 %."""
    natural = [95.8, 82.1, 79.4, 96.4, 91.7, 97.4, 70.6]
    specialized = [83.6, 96.4, 94.1, 76.9]
    structured = [71.9, 51.9, 51.8, 55.7, 77.4, 47.4, 13.9, 36.7]
    rows = [(value, group) for group, values in
            (("natural", natural), ("specialized", specialized), ("structured", structured)) for value in values]
    n = 1000
    correct = np.concatenate([np.arange(n) < 10 * value for value, _ in rows])
    task = np.repeat([f"task {place}" for place in range(len(rows))], n)
    group = np.repeat([group for _, group in rows], n)
    found = {name: round(100 * float(value), 1) for name, value in probe_accuracy(correct, task, group).items()}
    published = {"natural": 87.6, "specialized": 87.8, "structured": 50.9, "all": 72.2}
    assert found == pytest.approx(published, abs=0.1001)   # values of the tasks are rounded, and one of them derived


@pytest.mark.parametrize("group", [["natural", "structured"], ["natural", "medical"]])
def test_a_task_has_one_group_that_is_known(group: list[str]) -> None:
    with pytest.raises(ValueError, match="each task is in one of the groups"):
        task_shares(np.asarray(["x", "x"]) if group[1] == "structured" else np.asarray(["x", "y"]), np.asarray(group))


# --- intervals


def test_one_stratum_is_what_it_is_alone() -> None:
    left, other = right("left", 0.3, 0.5, 0.7, 0.9)[:340], right("other", 0.4, 0.6, 0.7, 0.9)[:340]
    assert stratified_limits([[(1.0, left)]]).interval(0.9) == clopper_pearson(int(left.sum()), 340).interval(0.9)
    pair = stratified_limits([[(0.5, left), (-0.5, other)]])
    assert pair.interval(0.9) == paired_difference(left, other).scaled(0.5).interval(0.9)


def test_many_images_give_the_normal_interval_of_stratified_samples() -> None:
    """Neyman's: the variances of the strata's means, weighted by squares of shares, add up."""
    dice = generator("strata")
    strata, value, variance = [], 0.0, 0.0
    for share, n, accuracy in ((0.5, 40_000, 0.7), (0.3, 20_000, 0.4), (0.2, 30_000, 0.9)):
        left, other = dice.random(n) < accuracy, dice.random(n) < accuracy - 0.05
        strata.append([(share, left), (-share, other)])
        rows = left.astype(float) - other
        value += share * rows.mean()
        variance += share**2 * rows.var() / n
    found = stratified_limits(strata)
    assert found.value == pytest.approx(value)
    half = norm.ppf(0.95) * sqrt(variance)
    assert found.interval(0.9) == pytest.approx((value - half, value + half), rel=1e-3)


def test_other_sums_are_t_over_each_stratums_images() -> None:
    dice = generator("gap of gaps")
    four = [dice.random(5000) < p for p in (0.8, 0.7, 0.6, 0.65)]
    found = stratified_limits([list(zip((1.0, -1.0, -1.0, 1.0), four, strict=True))])
    rows = four[0].astype(float) - four[1] - four[2] + four[3]
    half = norm.ppf(0.95) * rows.std() / sqrt(5000)
    assert found.interval(0.9) == pytest.approx((rows.mean() - half, rows.mean() + half), rel=1e-3)


def test_sums_that_hardly_vary_are_no_narrower_than_exact_ones() -> None:
    one = np.ones(50, bool)
    found = stratified_limits([[(1.0, one), (1.0, one)]])
    assert found.value == 2
    assert found.lower(0.05) == pytest.approx(2 * clopper_pearson(50, 50).lower(0.05))


@pytest.mark.parametrize("strata", [[], [[(0.0, np.ones(3, bool))]]])
def test_nothing_to_sum_up(strata: list[list[tuple[float, NDArray[np.bool_]]]]) -> None:
    with pytest.raises(ValueError, match="no stratum has a weight"):
        stratified_limits(strata)


def test_strata_of_other_images() -> None:
    with pytest.raises(ValueError, match="all must be of the same"):
        stratified_limits([[(1.0, np.ones(3, bool)), (-1.0, np.ones(4, bool))]])


def test_few_images_that_tell_anything_give_the_wide_sum_of_exact_limits() -> None:
    strata = [[(0.5, right(f"left {k}", 0.9, 0.9, 0.9, 0.9)[:100]), (-0.5, np.ones(100, bool))] for k in range(2)]
    found, alone = stratified_limits(strata), [stratified_limits([one]) for one in strata]
    half = sqrt(sum((one.value - one.lower(0.05)) ** 2 for one in alone))
    assert found.lower(0.05) == pytest.approx(sum(one.value for one in alone) - half)
    assert "exact" in found.method


def test_strata_on_which_models_never_differ_are_not_without_doubt() -> None:
    """Of four strata one has all the images that differ: the others still add to the variance."""
    same = right("same", 0.5, 0.5, 0.5, 0.5)[:60]
    apart = [(0.25, right("one", 0, 0.8, 0.8, 0)[40:940]), (-0.25, right("other one", 0, 0.4, 0.4, 0)[40:940])]
    found = stratified_limits([apart, *([[(0.25, same), (-0.25, same)]] * 3)])
    alone = stratified_limits([apart, [(1e-9, same), (-1e-9, same)]])
    assert found.value == pytest.approx(alone.value, abs=1e-6)
    assert found.value - found.lower(0.05) > 1.01 * (alone.value - alone.lower(0.05))


def test_how_often_the_interval_holds_the_truth() -> None:
    """Two models that are right on the same images more often than by chance."""
    dice, covered, above, draws = generator("coverage of strata"), 0, 0, 400
    chances = {"a": (0.5, 0.45), "b": (0.9, 0.85), "c": (0.2, 0.3), "d": (0.7, 0.7)}
    sizes = {"a": 300, "b": 300, "c": 600, "d": 250}
    task = np.repeat(list(sizes), list(sizes.values()))
    truth = float(np.mean([left - other for left, other in chances.values()]))
    for _ in range(draws):
        own = np.where(dice.random((2, len(task))) < 0.6, dice.random(len(task)), dice.random((2, len(task))))
        pair = [observed(f"model {k}", own[k] < [chances[name][k] for name in task.tolist()], task) for k in (0, 1)]
        limits = contrast(MEASURES["probe_accuracy"], (Term(1, pair[0], "all"), Term(-1, pair[1], "all"))).limits
        low, high = limits.interval(0.9)
        covered += low <= truth <= high
        above += low > truth
    assert 0.86 <= covered / draws <= 0.94   # four standard errors of 400 draws are .06
    assert 0.02 <= above / draws <= 0.09


def test_contrasts_of_models_and_of_groups() -> None:
    left = observed("left", right("left", 0.5, 0.6, 0.7, 0.8))
    other = observed("other", right("other", 0.4, 0.5, 0.7, 0.9))
    whole = MEASURES["probe_accuracy"]
    found = contrast(whole, (Term(1, left, "natural"), Term(-1, other, "natural")))
    assert found.n == 340
    pairs = [[one.column("correct")[name == TASK] for one in (left, other)] for name in ("a", "b")]
    expected = stratified_limits([[(0.5, one), (-0.5, another)] for one, another in pairs])
    assert found.limits.interval(0.9) == expected.interval(0.9)
    one = contrast(MEASURES["probe_task_accuracy"], (Term(1, left, "d"),))
    assert one.limits.interval(0.9) == clopper_pearson(int(left.column("correct")[TASK == "d"].sum()), 90).interval(0.9)
    assert one.n == 90
    within = contrast(whole, (Term(1, left, "natural"), Term(-1, left, "all")))
    values = whole.values(tuple(left.column(name) for name in whole.needs))
    assert within.limits.value == pytest.approx(float(values["natural"] - values["all"]))
    with pytest.raises(NotMeasuredError, match="has no group 'e'"):
        contrast(MEASURES["probe_task_accuracy"], (Term(1, left, "e"),))


# --- findings


def test_every_transfer_finding_of_the_paper_is_there_and_sound() -> None:
    loaded, problems = load_findings(ROOT / "thresholds" / "findings")
    mine = [one for one in loaded.findings.values() if one.section == "transfer"]
    assert {one.label for one in mine} == {"T1", "T2", "T3", "T4", "T5"}
    assert not [problem for problem in problems if "transfer" in str(problem.file)]
    for finding in mine:
        assert list(check_measure(finding)) == []
        assert finding.data == ["vtab"]
    alike = loaded.findings["transfer.supervised-architectures-alike"]
    assert (alike.label, alike.strength_on("vtab")) == ("T5", "D")
    of_tasks = [one for one in mine if one.measure == "probe_task_accuracy"]
    assert of_tasks
    assert all(one.except_groups == ["sun397"] for one in of_tasks)


def test_the_miniature_names_its_thirteen_tasks_in_their_groups() -> None:
    from demeanour.findings.load import load_cast
    from demeanour.miniature.tasks.task import TASKS

    cast = load_cast(ROOT / "thresholds" / "casts" / "miniature.yaml")[0]
    assert isinstance(cast, Cast)
    assert {task.name: task.group for task in cast.tasks("vtab")} == {task.name: task.group for task in TASKS.values()}
