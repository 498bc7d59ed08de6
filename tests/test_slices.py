"""Slices that lost: p-values against scipy, corrections against scipy, and a planted loss that is found where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest, false_discovery_control, norm, permutation_test

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.observations import Observations
from demeanour.findings.cards import DataCard, ModelCard
from demeanour.findings.cast import Cast
from demeanour.statistics.sign_flips import sign_flip_p
from demeanour.verdicts.slices import FEWEST, Slices, sliced_sets, slices_of
from demeanour.vocabulary import CORRUPTIONS, FACTORS


def said(
    model: str, correct: np.ndarray, clusters: tuple[str, ...] = (), names: Any = None, **columns: Any
) -> Observations:
    """What a model said of pictures whose label is ``label``: right where ``correct`` is true."""
    label = columns.pop("label", np.zeros(len(correct), int))
    ids = np.asarray([f"{row:06d}" for row in range(len(correct))])
    known = {"prediction": np.where(correct, label, label + 1), "label": label, **columns}
    return Observations(model, "tiny", ids, known, clusters, names or {})


def one(found: list[Slices], kind: str) -> Slices:
    return next(slices for slices in found if slices.kind == kind)


def test_few_discordant_pairs_are_told_by_the_sign_test() -> None:
    rng = np.random.default_rng(1)
    label = np.repeat([0, 1, 2], 100)
    was = rng.random(300) < 0.8
    now = np.where(rng.random(300) < 0.1, ~was, was)
    now[200:230] = False
    found = one(slices_of(said("old", was, label=label), said("new", now, label=label), {0: "owl", 1: "cup"}), "class")
    assert {piece.name for piece in found.slices} == {"owl", "cup", "class 2"}
    for piece in found.slices:
        rows = label == {"owl": 0, "cup": 1, "class 2": 2}[piece.name]
        lost, gained = int((was & ~now)[rows].sum()), int((~was & now)[rows].sum())
        assert (piece.n, piece.negative, piece.positive) == (100, lost, gained)
        assert piece.value == pytest.approx((gained - lost) / 100)
        test = binomtest(gained, gained + lost, alternative="less").pvalue
        assert piece.p == pytest.approx(test / 0.9 if lost > gained else 1.0, rel=1e-6)   # .1 of α tells how many flip
    adjusted = false_discovery_control([piece.p for piece in found.slices])
    assert [piece.p_adjusted for piece in found.slices] == pytest.approx(adjusted)
    assert [piece.name for piece in found.lost] == ["class 2"]
    assert found.slices[0].name == "class 2"


def test_many_pairs_are_told_by_the_normal_test() -> None:
    rng = np.random.default_rng(2)
    was = rng.random(5000) < 0.7
    now = np.where(rng.random(5000) < 0.2, rng.random(5000) < 0.65, was)
    found = one(slices_of(said("old", was), said("new", now), {}), "class").slices[0]
    difference = now.astype(float) - was
    error = difference.std() / np.sqrt(5000)
    assert found.p == pytest.approx(norm.cdf(difference.mean() / error), rel=1e-6)
    assert found.interval == pytest.approx(tuple(difference.mean() + norm.ppf([0.05, 0.95]) * error))


SUMS = [[-1, -1, -1, -1, -1], [-3, 1, -2, 0, 2, -4, -1], [5, -1, -1, -1], [2, 2, -4, 1, -3, -3]]


@pytest.mark.parametrize("sums", SUMS)
def test_the_sign_flip_test_is_scipys_permutation_test(sums: list[int]) -> None:
    expected = permutation_test((np.asarray(sums),), lambda x, axis: x.sum(axis=axis), permutation_type="samples",
                                alternative="less", n_resamples=np.inf, vectorized=True)   # fmt: skip
    assert sign_flip_p(np.asarray(sums)) == pytest.approx(expected.pvalue)


def test_the_sign_flip_test_by_hand() -> None:
    assert sign_flip_p(np.array([-1, -1, -1, -1, -1])) == 1 / 32
    assert sign_flip_p(np.array([0, 0, 0])) == 1
    assert sign_flip_p(np.array([3, 2, 1])) == 1
    with pytest.raises(ValueError, match="cluster"):
        sign_flip_p(np.array([], dtype=int))


def test_few_sources_are_told_by_their_sums_and_fewer_are_left_out() -> None:
    """A slice of ten sources with eight pictures each, like a shape of the cue-conflict images."""
    shape = np.repeat([0, 1, 2], [80, 80, 80])
    source = np.repeat(np.arange(24), [*[8] * 20, *[20] * 4])
    was, now = np.ones(240, bool), np.ones(240, bool)
    now[:80:4] = False   # two of each source of the first shape
    now[80:88] = False   # eight of one source of the second
    columns = {"shape": shape, "label": shape, "source": source}
    names = {"shape": ("bear", "cat", "clock")}
    before, after = (said(name, right, ("source",), names, **columns) for name, right in (("old", was), ("new", now)))
    found = one(slices_of(before, after, {}), "shape")
    known = {piece.name: piece for piece in found.slices}
    assert known["bear"].p == 2.0**-10
    assert known["cat"].p == 0.5   # one source tells nothing, however many pictures it has
    assert known["bear"].interval is None
    assert found.left_out == ("clock",)
    assert [piece.name for piece in found.lost] == ["bear"]
    assert {slices.kind for slices in slices_of(before, after, {})} == {"shape"}   # the classes are the shapes


def test_corruptions_and_severities_are_slices_whose_sources_go_together() -> None:
    rng = np.random.default_rng(3)
    sources, corruptions = 60, len(CORRUPTIONS)
    corruption = np.repeat(np.arange(corruptions), sources * 5)
    severity = np.tile(np.repeat(np.arange(1, 6), sources), corruptions)
    source = np.tile(np.arange(sources), corruptions * 5)
    was = rng.random(len(source)) < 0.7
    now = was.copy()
    now[(corruption == 9) & (source < 40)] = False   # fog, of two thirds of the pictures
    columns = {"corruption": corruption, "severity": severity, "source": source}
    names = {"corruption": CORRUPTIONS}
    before, after = (said(m, c, ("source",), names, **columns) for m, c in (("old", was), ("new", now)))
    found = slices_of(before, after, {})
    assert {slices.kind for slices in found} == {"corruption", "severity", "class"}
    worst = one(found, "corruption")
    assert [piece.name for piece in worst.lost] == ["fog"]
    assert (len(worst.slices), worst.slices[0].n) == (15, 300)
    assert {piece.name for piece in one(found, "severity").lost} == {f"severity {level}" for level in range(1, 6)}


def test_factors_that_are_planted_are_found_and_few_images_are_left_out() -> None:
    rng = np.random.default_rng(4)
    factors = rng.random((1200, len(FACTORS))) < 0.1
    factors[:, 3] = False
    factors[: FEWEST - 1, 3] = True
    was = rng.random(1200) < 0.8
    now = np.where(rng.random(1200) < 0.05, ~was, was) & ~(factors[:, 8] & (rng.random(1200) < 0.4))
    before, after = (said(m, c, names={"factors": FACTORS}, factors=factors) for m, c in (("old", was), ("new", now)))
    found = one(slices_of(before, after, {}), "factor")
    assert found.lost[0].name == FACTORS[8]
    assert found.left_out == (FACTORS[3],)
    assert {slices.kind for slices in slices_of(before, after, {})} == {"factor"}


def test_equal_models_raise_no_more_alarms_than_promised() -> None:
    """With no slice lost, every alarm is false: one in any of 16 slices in at most 5 % of the runs."""
    alarms = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        label, was = rng.integers(16, size=1000), rng.random(1000) < 0.7
        now = np.where(rng.random(1000) < 0.3, rng.random(1000) < 0.7, was)
        alarms += bool(one(slices_of(said("old", was, label=label), said("new", now, label=label), {}), "class").lost)
    assert alarms <= 200 * 0.05 + 2 * np.sqrt(200 * 0.05 * 0.95)


def test_a_model_against_itself_lost_nothing() -> None:
    was = np.random.default_rng(5).random(200) < 0.7
    found = one(slices_of(said("old", was), said("new", was), {}), "class")
    assert (found.overall, found.lost, found.slices[0].p, found.slices[0].value) == (0, (), 1.0, 0)


def test_tasks_and_views_are_slices() -> None:
    was = np.ones(80, bool)
    now = was.copy()
    now[40:60] = False
    tasks = np.repeat(["count", "digits"], 40)
    found = slices_of(said("old", was, task=tasks), said("new", now, task=tasks), {})
    assert [(slices.kind, [piece.name for piece in slices.lost]) for slices in found] == [("task", ["digits"])]
    columns = {"view": np.repeat([0, 1], 40), "source": np.tile(np.arange(40), 2)}
    names = {"view": ("scale/1", "scale/2")}
    pair = [said(m, c, ("source",), names, **columns) for m, c in (("old", was), ("new", now))]
    found = slices_of(*pair, {})
    assert [(slices.kind, [piece.name for piece in slices.lost]) for slices in found] == [("view", ["scale/2"])]
    assert found[0].lost[0].interval is not None   # each picture is seen once in a view


def test_shuffled_ids_and_unknown_labels_raise() -> None:
    old = said("old", np.ones(30, bool))
    with pytest.raises(EvidenceError, match="different images"):
        slices_of(old, Observations("new", "tiny", old.ids[::-1], old.columns, (), {}), {})
    bare = Observations("old", "tiny", old.ids, {"prediction": np.zeros(30, int)}, (), {})
    with pytest.raises(NotMeasuredError, match="label"):
        slices_of(bare, bare, {})


def test_the_factors_of_imagenets_pictures_are_looked_at_and_layers_are_not() -> None:
    cards = {
        "imagenet-val": DataCard(reader="labels", root="x"), "imagenet-x": DataCard(reader="imagenet-x", root="x"),
        "layers": DataCard(reader="similarity", of="imagenet-val"),
    }  # fmt: skip
    model = ModelCard(source="predictions:x", architecture="a", paradigm="p")
    cast = Cast(about="a", protocol="p", models={"old": model}, data=cards, name="c", path=Path("c.yaml"))
    assert sliced_sets(cast, ["imagenet-val", "layers", "gone"]) == ["imagenet-val", "imagenet-x"]
