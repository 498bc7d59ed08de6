"""Linear probes: the regression is scikit-learn's, and pictures are held out by their names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from demeanour.errors import EvidenceError
from demeanour.evaluation.probes import clip_benchmark, lbfgs
from demeanour.evaluation.probes.examples import Examples, with_held_out
from demeanour.statistics.seeds import generator


def examples(name: str, n: int, noise: float = 1.5, spread: float = 3) -> Examples:
    """Features whose scales differ by orders of magnitude, as channels of networks do; one never varies."""
    d, classes = 16, 5
    dice, fixed = generator("probe", name), generator("probe, the same for all")
    centres, scales = fixed.normal(size=(classes, d)), np.exp(spread * fixed.normal(size=d))
    labels = dice.integers(0, classes, n)
    features = (centres[labels] + noise * dice.normal(size=(n, d)) + 7) * scales
    features[:, 3] = 2.5
    ids = np.asarray([f"{name}/{row:05d}" for row in dice.permutation(n)])
    return Examples(ids, features.astype(np.float32), 10 * labels + 3)


@pytest.mark.parametrize("penalty", [1e3, 1e1, 1.0])
def test_the_regression_is_scikit_learns(penalty: float) -> None:
    train, test = examples("train", 400), examples("test", 500)
    ours = lbfgs.Regression(train, "cpu")
    ours.fit(penalty)
    scale = StandardScaler().fit(train.features.astype(np.float64))
    x, unseen = (scale.transform(one.features.astype(np.float64)) for one in (train, test))
    theirs = LogisticRegression(C=1 / penalty, max_iter=5_000, tol=1e-7).fit(x, train.labels)
    probabilities = torch.from_numpy(ours.scores(test.features)).softmax(dim=1).numpy()
    np.testing.assert_allclose(probabilities, theirs.predict_proba(unseen), atol=1e-3)
    said = ours.predict(test.features), theirs.predict(unseen)
    mine, other = (float((one == test.labels).mean()) for one in said)
    assert abs(mine - other) < 0.003
    assert 0.4 < mine < 1


def test_a_fit_that_begins_where_another_ended_ends_where_it_would_have() -> None:
    train = examples("train", 300)
    warm, cold = lbfgs.Regression(train, "cpu"), lbfgs.Regression(train, "cpu")
    for penalty in lbfgs.PENALTIES[:4]:
        warm.fit(penalty)
    cold.fit(lbfgs.PENALTIES[3])
    np.testing.assert_allclose(warm.scores(train.features), cold.scores(train.features), atol=1e-3)


def test_the_penalty_is_the_best_on_validation_and_the_strongest_of_the_best() -> None:
    train, held = examples("train", 80, noise=3), examples("validation", 200, noise=3)
    learned = lbfgs.learn(train, held, "cpu", "here")
    accuracies = []
    for penalty in lbfgs.PENALTIES:
        scale = StandardScaler().fit(train.features.astype(np.float64))
        x, unseen = (scale.transform(one.features.astype(np.float64)) for one in (train, held))
        model = LogisticRegression(C=1 / penalty, max_iter=5_000, tol=1e-7).fit(x, train.labels)
        accuracies.append(model.score(unseen, held.labels))
    np.testing.assert_allclose(learned.accuracies, accuracies, atol=0.011)
    assert learned.penalty == lbfgs.PENALTIES[int(np.argmax(learned.accuracies))]
    assert max(accuracies) - min(accuracies) > 0.1   # so that it matters
    whole = train.with_those_of(held)
    scale = StandardScaler().fit(whole.features.astype(np.float64))
    model = LogisticRegression(C=1 / learned.penalty, max_iter=5_000, tol=1e-7)
    model.fit(scale.transform(whole.features.astype(np.float64)), whole.labels)
    test = examples("test", 500, noise=3)
    expected = model.predict(scale.transform(test.features.astype(np.float64)))
    assert (learned.predict(test.features) == expected).mean() > 0.997


def test_scales_of_features_do_not_matter() -> None:
    train, test = examples("train", 200), examples("test", 200)
    learned = lbfgs.learn(train, None, "cpu", "here")
    by = np.exp(generator("other scales").normal(size=train.features.shape[1])).astype(np.float32)
    scaled = lbfgs.learn(Examples(train.ids, train.features * by, train.labels), None, "cpu", "here")
    assert scaled.penalty == learned.penalty
    assert (scaled.predict(test.features * by) == learned.predict(test.features)).mean() > 0.99


# --- which pictures are held out


def classes_of(some: Examples) -> dict[int, int]:
    labels, counts = np.unique(some.labels, return_counts=True)
    return dict(zip(labels.tolist(), counts.tolist(), strict=True))


def test_a_fifth_of_each_class_is_held_out() -> None:
    train = examples("train", 503)
    fitted, held = with_held_out(train, "here")
    assert sorted([*fitted.ids, *held.ids]) == sorted(train.ids)
    for label, count in classes_of(train).items():
        assert classes_of(held)[label] == round(count / 5)
    again = examples("train", 503)
    order = generator("another order").permutation(503)
    shuffled = Examples(again.ids[order], again.features[order], again.labels[order])
    assert set(with_held_out(shuffled, "here")[1].ids) == set(held.ids)


@pytest.mark.parametrize(("sizes", "kept"), [((1, 5), (0, 1)), ((2, 3), (1, 1)), ((4, 10), (1, 2))])
def test_rare_classes_stay_in_what_is_fitted(sizes: tuple[int, int], kept: tuple[int, int]) -> None:
    labels = np.repeat([0, 1], sizes)
    ids = np.asarray([str(row) for row in range(len(labels))])
    _, held = with_held_out(Examples(ids, np.zeros((len(labels), 1), np.float32), labels), "here")
    assert tuple(int((held.labels == label).sum()) for label in (0, 1)) == kept


def test_where_nothing_can_be_held_out() -> None:
    three = Examples(np.asarray(["a", "b", "c"]), np.zeros((3, 1), np.float32), np.arange(3))
    with pytest.raises(EvidenceError, match="here: no class has two training pictures"):
        lbfgs.learn(three, None, "cpu", "here")


def test_features_that_are_no_numbers_give_no_probe() -> None:
    train = examples("train", 60)
    train.features[5, 0] = np.nan
    with pytest.raises(EvidenceError, match="does not stay finite at the penalty 1"):
        lbfgs.Regression(train, "cpu").fit(1.0)


# --- CLIP_benchmark's recipe


def normalised(features: NDArray[np.float32]) -> torch.Tensor:
    x = torch.from_numpy(features)
    return x / x.norm(dim=1, keepdim=True)


def test_clip_benchmarks_recipe_step_by_step() -> None:
    """Against a loop of its own: AdamW's update and the cosine written out."""
    train, test = (examples(name, n, spread=0.1) for name, n in (("train", 150), ("test", 300)))
    decay = 0.02
    predict = clip_benchmark.trained(train, decay, "cpu")
    classes, labels = np.unique(train.labels, return_inverse=True)
    dice = torch.Generator().manual_seed(0)
    x, y = normalised(train.features), torch.from_numpy(labels)
    d, k = x.shape[1], len(classes)
    bound = d**-0.5
    theta = [torch.empty(size).uniform_(-bound, bound, generator=dice) for size in ((k, d), (k,))]
    first, second = [torch.zeros_like(one) for one in theta], [torch.zeros_like(one) for one in theta]
    step, steps = 0, 10 * 3   # batches of 64, 64 and 22
    for _ in range(10):
        order = torch.randperm(150, generator=dice)
        for rows in (order[:64], order[64:128], order[128:]):
            p = (x[rows] @ theta[0].T + theta[1]).softmax(dim=1)
            residual = (p - torch.nn.functional.one_hot(y[rows], k)) / len(rows)
            rate = 0.1 * (1 + np.cos(np.pi * step / steps)) / 2
            step += 1
            for one, gradient in enumerate((residual.T @ x[rows], residual.sum(dim=0))):
                first[one] = 0.9 * first[one] + 0.1 * gradient
                second[one] = 0.999 * second[one] + 0.001 * gradient**2
                moved = first[one] / (1 - 0.9**step) / ((second[one] / (1 - 0.999**step)).sqrt() + 1e-8)
                theta[one] = theta[one] * (1 - rate * decay) - rate * moved
    said = classes[(normalised(test.features) @ theta[0].T + theta[1]).argmax(dim=1).numpy()]
    assert (predict(test.features) == said).mean() > 0.99
    assert (said == test.labels).mean() > 1.5 / k


def test_clip_benchmark_decays_nothing_without_a_validation_split() -> None:
    train, test = examples("train", 150), examples("test", 100)
    learned = clip_benchmark.learn(train, None, "cpu", "here")
    assert learned.penalty == 0
    assert (learned.predict(test.features) == clip_benchmark.trained(train, 0.0, "cpu")(test.features)).all()
    assert (learned.predict(7 * test.features) == learned.predict(test.features)).all()   # of unit length


def test_clip_benchmark_seeks_the_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an accuracy with one peak, at the 37th of the 97 decays."""
    train, held = examples("train", 20), examples("validation", 1000)
    asked: list[tuple[int, float]] = []

    def pretended(some: Examples, decay: float, _: str) -> clip_benchmark.Predict:
        asked.append((len(some), decay))
        place = int(np.argmin(np.abs(clip_benchmark.DECAYS - decay)))
        right = 900 - 5 * abs(place - 37)
        return lambda _: np.where(np.arange(1000) < right, held.labels, -1)

    monkeypatch.setattr(clip_benchmark, "trained", pretended)
    learned = clip_benchmark.learn(train, held, "cpu", "here")
    assert learned.penalty == clip_benchmark.DECAYS[37]
    assert asked[-1] == (1020, learned.penalty)   # trained again on both
    assert [decay for _, decay in asked[:7]] == pytest.approx(np.logspace(-6, 2, 7))
    assert len(asked) == 7 + 8 + 1
    assert {n for n, _ in asked[:-1]} == {20}
