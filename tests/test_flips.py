"""Flips: rates, agreement and κ against scikit-learn, and which images are told of, worked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, cohen_kappa_score, confusion_matrix

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.observations import Observations
from demeanour.findings.cards import DataCard, ModelCard
from demeanour.findings.cast import Cast
from demeanour.measures.flips import answer_agreement, answer_kappa, flip_rates, negative_flips, positive_flips
from demeanour.verdicts.flips import flips_of, plain_sets


def observed(model: str, prediction: list[int], label: list[int], **columns: Any) -> Observations:
    """What a model said of pictures ``0``, ``1`` and so on."""
    ids = np.asarray([f"{row:04d}" for row in range(len(prediction))])
    known = {"prediction": np.asarray(prediction), "label": np.asarray(label)}
    return Observations(model, "tiny", ids, {**known, **{k: np.asarray(v) for k, v in columns.items()}}, (), {})


@pytest.fixture(params=[0, 1, 2])
def answers(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(request.param)
    label = rng.integers(7, size=400)
    before = np.where(rng.random(400) < 0.7, label, rng.integers(7, size=400))
    after = np.where(rng.random(400) < 0.6, before, rng.integers(-1, 7, size=400))
    return label, before, after


def test_rates_agreement_and_kappa_are_scikit_learns(answers: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    label, before, after = answers
    weights = np.random.default_rng(9).integers(0, 4, size=(3, 400)).astype(float)
    was, now = before == label, after == label
    for sample, w in [(None, None), *((i, weights[i]) for i in range(3))]:
        cells = confusion_matrix(was, now, sample_weight=w, normalize="all")
        rates = flip_rates(was, now, weights=w)
        assert rates["negative"] == pytest.approx(cells[1, 0])
        assert rates["positive"] == pytest.approx(cells[0, 1])
        assert answer_agreement(before, after, weights=w)["all"] == pytest.approx(
            accuracy_score(before, after, sample_weight=w)
        )
        kappa = cohen_kappa_score(before, after, sample_weight=w)
        assert answer_kappa(before, after, weights=w)["all"] == pytest.approx(kappa)
        if sample is not None:   # many resamples at once
            assert answer_kappa(before, after, weights=weights)["all"][sample] == pytest.approx(kappa)
            assert flip_rates(was, now, weights=weights)["negative"][sample] == pytest.approx(cells[1, 0])


def test_the_rates_differ_by_what_the_accuracies_differ(answers: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    label, before, after = answers
    rates = flip_rates(before == label, after == label)
    assert rates["positive"] - rates["negative"] == pytest.approx((after == label).mean() - (before == label).mean())


def test_flips_by_hand() -> None:
    was, now = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert negative_flips(was, now).tolist() == [False, True, False, False]
    assert positive_flips(was, now).tolist() == [False, False, True, False]


def test_a_model_against_itself_agrees_and_one_answer_for_all_has_no_kappa() -> None:
    assert answer_kappa(np.array([1, 2, 3]), np.array([1, 2, 3]))["all"] == 1
    assert np.isnan(answer_kappa(np.array([1, 1]), np.array([1, 1]))["all"])
    assert np.isnan(flip_rates(np.zeros(0, bool), np.zeros(0, bool))["negative"])


def test_the_most_confident_negative_flips_come_first() -> None:
    label = [0, 1, 2, 3, 4, 5]
    before = observed("old", [0, 1, 2, 3, 0, 5], label, confidence=[0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    after = observed("new", [9, 8, 2, 7, 4, 6], label, confidence=[0.3, 0.99, 0.9, 0.5, 0.4, 0.2])
    found = flips_of(before, after, most=3)
    assert (found.n, found.right_before, found.right_after) == (6, 5, 2)
    assert (found.negative, found.positive) == (4, 1)
    assert [flip.id for flip in found.most_confident] == ["0001", "0003", "0000"]
    first = found.most_confident[0]
    assert (first.labels, first.before, first.after, first.sure_before, first.sure_after) == ((1,), 1, 8, 0.8, 0.99)
    expected = binomtest(4, 6).proportion_ci(confidence_level=0.9, method="exact")
    assert found.rate[0] == pytest.approx(4 / 6)
    assert found.rate[1] == pytest.approx((expected.low, expected.high))
    assert found.agreement == pytest.approx(1 / 6)


def test_without_confidences_the_first_by_id_are_told_and_confidences_are_not_made_up() -> None:
    found = flips_of(observed("old", [0, 1, 2], [0, 1, 2]), observed("new", [1, 1, -1], [0, 1, 2]))
    told = [(flip.id, flip.after, flip.sure_after) for flip in found.most_confident]
    assert told == [("0000", 1, None), ("0002", -1, None)]


def test_several_labels_are_all_right_and_all_told() -> None:
    sets = np.array([[0, 3], [1, -1]])
    columns = {"prediction": np.array([3, 1]), "label_set": sets}
    ids = np.asarray(["a", "b"])
    before = Observations("old", "real", ids, columns, (), {})
    after = Observations("new", "real", ids, {**columns, "prediction": np.array([2, 1])}, (), {})
    found = flips_of(before, after)
    assert found.negative == 1
    assert found.most_confident[0].labels == (0, 3)


def test_images_that_share_a_source_have_no_interval_of_single_images() -> None:
    columns = {"prediction": np.zeros(4, int), "label": np.zeros(4, int), "source": np.array([0, 0, 1, 1])}
    ids = np.asarray(list("abcd"))
    one = Observations("old", "c", ids, columns, ("source",), {})
    found = flips_of(one, one)
    assert found.rate == (0.0, None)
    assert (found.kappa, found.kappa_of_errors) == (None, None)


def test_shuffled_ids_other_labels_and_unknown_labels_raise() -> None:
    old = observed("old", [0, 1], [0, 1])
    shuffled = Observations("new", "tiny", old.ids[::-1], old.columns, (), {})
    with pytest.raises(EvidenceError, match="different images"):
        flips_of(old, shuffled)
    with pytest.raises(EvidenceError, match="different labels"):
        flips_of(old, observed("new", [0, 1], [1, 1]))
    bare = Observations("old", "tiny", old.ids, {"prediction": np.array([0, 1])}, (), {})
    with pytest.raises(NotMeasuredError, match="label"):
        flips_of(bare, bare)


def cast_of(cards: dict[str, DataCard]) -> Cast:
    model = ModelCard(source="predictions:x", architecture="a", paradigm="p")
    return Cast(about="a", protocol="p", models={"old": model}, data=cards, name="c", path=Path("c.yaml"))


def test_annotations_stand_for_their_pictures_and_views_and_probes_for_nothing() -> None:
    cards = {
        "imagenet-val": DataCard(reader="labels", root="x"), "imagenet-x": DataCard(reader="imagenet-x", root="x"),
        "far": DataCard(reader="views", of="imagenet-val", views=["plain"]),
        "tasks": DataCard(reader="probe", root="x"), "own": DataCard(reader="tables"),
    }  # fmt: skip
    cast = cast_of(cards)
    asked = ["imagenet-x", "imagenet-val", "far", "tasks", "own", "gone"]
    assert list(plain_sets(cast, asked)) == ["imagenet-val", "own"]
    alone = cast_of({"imagenet-x": cards["imagenet-x"]})
    assert list(plain_sets(alone, ["imagenet-x"])) == ["imagenet-x"]
