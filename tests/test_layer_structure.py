"""What is measured of maps of CKA, against plain loops, hand-made maps and the permutation test of the library."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.layers import _CODES, observe_layers
from demeanour.evidence.observations import Observations
from demeanour.measures import structure
from demeanour.measures.registry import MEASURES
from demeanour.measures.similarity import cka, in_minibatches, pairs_among
from demeanour.measures.weighting import Floats
from demeanour.models import layers as of_models
from demeanour.statistics.permutation import permutation_p
from demeanour.statistics.seeds import generator
from demeanour.verdicts.contrast import Term, contrast
from demeanour.verdicts.replicates import columns_of

LINEAR, NORM = structure.KINDS.index("linear"), structure.KINDS.index("normalisation")
ALONE = (
    structure.layer_similarity, structure.lowest_similarity, structure.kind_spread, structure.parity_contrast,
    structure.parity_over_chance, structure.relative_similarity, structure.layers_compared,
)  # fmt: skip


def of_map(found: Floats, kinds: list[int] | None = None, batches: int = 1) -> tuple[Any, ...]:
    """Columns whose map it is: HSIC of every minibatch is CKA itself."""
    k = len(found)
    triangle = found[np.triu_indices(k)]
    codes = np.array(kinds if kinds is not None else [LINEAR] * k)
    return np.tile(triangle, (batches, 1)), np.tile(codes, (batches, 1)), np.full(batches, 64)


def some_map(name: str, k: int) -> Floats:
    """CKA of random layers that have something in common; symmetric, 1 on the diagonal."""
    dice = generator("map of layers", name)
    x = dice.standard_normal((k, 40)) + dice.standard_normal(40)
    found: Floats = x @ x.T
    return found / np.sqrt(np.outer(found.diagonal(), found.diagonal()))


def checkerboard(k: int, same: float = 0.9, other: float = 0.4) -> Floats:
    parity = np.arange(k) % 2
    return np.where(np.eye(k, dtype=bool), 1.0, np.where(parity[:, None] == parity, same, other))


# --- means


def test_mean_similarity_is_that_of_a_plain_loop_over_pairs_of_layers() -> None:
    kinds = [LINEAR, NORM, LINEAR, 0, NORM, LINEAR, 4, 1, NORM]
    found = some_map("means", len(kinds))
    values = structure.layer_similarity(*of_map(found, kinds))
    lowest = structure.lowest_similarity(*of_map(found, kinds))
    assert list(values) == list(lowest) == ["linear", "normalisation", "all"]   # one attention makes no pair
    for name, members in (("linear", [0, 2, 5]), ("normalisation", [1, 4, 8]), ("all", range(9))):
        pairs = [found[i, j] for i, j in combinations(members, 2)]
        assert float(values[name]) == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)
        assert float(lowest[name]) == pytest.approx(min(pairs), abs=1e-12)
    spread = float(structure.kind_spread(*of_map(found, kinds))["all"])
    assert spread == pytest.approx(abs(float(values["linear"]) - float(values["normalisation"])), abs=1e-12)
    counts = structure.layers_compared(*of_map(found, kinds))
    assert {name: int(n) for name, n in counts.items()} == {
        "attention": 1, "convolution": 1, "linear": 3, "normalisation": 3, "all": 9
    }  # fmt: skip


def test_activations_minibatches_and_weights() -> None:
    """From activations of two minibatches by the formula, and without one of them."""
    dice, k, n = generator("activations"), 4, 12
    batches = [[dice.standard_normal((n, 5)) * (1 + layer) for layer in range(k)] for _ in range(3)]
    for batch in batches:   # layers 0 and 1 share something
        batch[1] = batch[1] + batch[0]
    of_pairs = [(i, j) for i in range(k) for j in range(i, k)]

    def song(x: Floats, y: Floats) -> float:
        one, m = np.ones(n), n
        a, b = ((z @ z.T) * (1 - np.eye(n)) for z in (x, y))
        whole = (one @ a @ one) * (one @ b @ one) / ((m - 1) * (m - 2))
        return float((np.trace(a @ b) + whole - 2 / (m - 2) * (one @ a @ b @ one)) / (m * (m - 3)))

    hsic = np.array([[song(batch[i], batch[j]) for i, j in of_pairs] for batch in batches])
    columns = hsic, np.full((3, k), LINEAR), np.full(3, n)

    def expected(used: list[int]) -> float:
        values = []
        for i, j in combinations(range(k), 2):
            sums = [sum(song(batches[b][p], batches[b][q]) for b in used) for p, q in ((i, j), (i, i), (j, j))]
            values.append(sums[0] / np.sqrt(sums[1] * sums[2]))
        return float(np.mean(values))

    assert float(structure.layer_similarity(*columns)["linear"]) == pytest.approx(expected([0, 1, 2]), abs=1e-12)
    one_batch = tuple(column[:1] for column in columns)
    direct = np.mean([cka(batches[0][i], batches[0][j]) for i, j in combinations(range(k), 2)])
    assert float(structure.layer_similarity(*one_batch)["linear"]) == pytest.approx(float(direct), abs=1e-12)
    weights = np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    without = structure.layer_similarity(*columns, weights=weights)["linear"]
    assert without == pytest.approx([expected([1, 2]), expected([0, 2]), expected([0, 1])], abs=1e-12)


def test_weights_of_many_draws_have_many_values() -> None:
    hsic, kind, size = of_map(some_map("draws", 12), batches=3)
    hsic = hsic * (1 + generator("noise of draws").uniform(0, 1, (3, 1)))
    weights = generator("weights").integers(0, 3, (2, 5, 3)) + 1.0
    for function in ALONE:
        many = function(hsic, kind, size, weights=weights)
        for name, values in many.items():
            assert values.shape == (2, 5)
            one = function(hsic, kind, size, weights=weights[1, 2])[name]
            assert float(one) == pytest.approx(float(values[1, 2]), abs=1e-12)
    with pytest.raises(ValueError, match="weights of shape"):
        structure.layer_similarity(hsic, kind, size, weights=np.ones(2))


# --- checkerboards


@pytest.mark.parametrize(("k", "first", "last"), [(24, 4, 15), (25, 4, 15), (13, 2, 7), (12, 2, 7), (8, 1, 4)])
def test_contrast_of_parity_is_that_of_a_plain_loop(k: int, first: int, last: int) -> None:
    """Of 24 and 25 linear layers, the fifth to the sixteenth: two of each of the third to the eighth block."""
    found = some_map("contrast", k)
    same, other = [], []
    for i, j in combinations(range(first, last + 1), 2):
        (same if (j - i) % 2 == 0 else other).append(found[i, j])
    value = float(structure.parity_contrast(*of_map(found))["linear"])
    assert value == pytest.approx(np.mean(same) - np.mean(other), abs=1e-12)


def test_what_is_a_checkerboard_and_what_is_none() -> None:
    def contrast_of(found: Floats) -> float:
        return float(structure.parity_contrast(*of_map(found))["linear"])

    assert contrast_of(checkerboard(24)) == pytest.approx(0.5)
    assert contrast_of(checkerboard(24, 0.4, 0.9)) == pytest.approx(-0.5)
    distance = np.abs(np.subtract.outer(np.arange(24), np.arange(24)))
    for decay in (1 - distance / 30, np.exp(-distance / 3), 1 / (1 + distance)):
        assert contrast_of(decay) < 0   # what only falls with distance is no checkerboard
        assert float(structure.parity_over_chance(*of_map(decay))["linear"]) < 0
    blocks = np.arange(24) // 3   # nor are blocks of three layers
    assert contrast_of(np.where(blocks[:, None] == blocks, 1.0, 0.3)) < 0.05
    assert float(structure.parity_over_chance(*of_map(checkerboard(24)))["linear"]) > 0.2
    assert float(structure.parity_over_chance(*of_map(checkerboard(13)))["linear"]) > 0


def test_above_chance_is_where_the_permutation_test_says_so() -> None:
    agreed = set()
    for number in range(28):
        k, strength = (13, 24)[number % 2], 0.02 * (number % 7)
        found = some_map(f"permutation {number}", k) + strength * (checkerboard(k) - 0.65) * (1 - np.eye(k))
        value = float(structure.parity_contrast(*of_map(found))["linear"])
        excess = float(structure.parity_over_chance(*of_map(found))["linear"])

        def dealt(rng: np.random.Generator, found: Floats = found) -> Floats:
            place = np.argsort(rng.permutation(len(found)))
            return found[np.ix_(place, place)]

        def statistic(other: Floats) -> float:
            return float((structure.parity_weights(len(other)) * other).sum())

        assert statistic(found) == pytest.approx(value, abs=1e-12)
        p = permutation_p(statistic, dealt, value, np.random.default_rng(k), structure.ORDERS)
        assert (excess > 0) == (p <= 0.05), number
        agreed.add(p <= 0.05)
    assert agreed == {True, False}


def test_layers_in_random_order_are_hardly_ever_above_chance() -> None:
    draws, k = 400, 13
    above = sum(float(structure.parity_over_chance(*of_map(some_map(f"level {n}", k)))["linear"]) > 0
                for n in range(draws))   # fmt: skip
    assert above / draws < 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)
    assert above > 0


@pytest.mark.parametrize("k", [2, 4, 7])
def test_a_kind_with_few_layers_has_no_checkerboard(k: int) -> None:
    columns = of_map(some_map("few", k))
    assert structure.parity_contrast(*columns) == structure.parity_over_chance(*columns) == {}
    assert ("linear-1" in structure.relative_similarity(*columns)) == (k >= 5)
    assert structure.kind_spread(*columns) == {}


# --- layers that stand apart


def test_the_least_similar_layers_relative_to_the_mean() -> None:
    found = np.full((10, 10), 0.6)
    found[7, :] = found[:, 7] = 0.1
    found[3, :] = found[:, 3] = 0.2
    np.fill_diagonal(found, 1)
    values = structure.relative_similarity(*of_map(found))
    to_others = sorted((found[i].sum() - 1) / 9 for i in range(10))
    mean = np.mean([found[i, j] for i, j in combinations(range(10), 2)])
    assert [float(values[f"linear-{rank}"]) for rank in (1, 2, 3)] == pytest.approx(to_others[:3] / mean)
    assert float(values["linear-2"]) < 0.6 < float(values["linear-3"])
    alike = structure.relative_similarity(*of_map(np.full((10, 10), 0.6) + 0.4 * np.eye(10)))
    assert [float(value) for value in alike.values()] == pytest.approx([1.0] * 3)


def test_nothing_is_relative_to_a_mean_of_nothing() -> None:
    values = structure.relative_similarity(*of_map(np.eye(6)))
    assert all(np.isnan(value) for value in values.values())


# --- observations


def kept(batches: int = 15, k: int = 12, **changes: Any) -> dict[str, NDArray[Any]]:
    """What an evaluation leaves: layers that have something in common, minibatches that differ."""
    dice = generator("kept statistics")
    common, own = dice.standard_normal((batches, 30)), dice.standard_normal((k, batches, 30))
    x = common + 0.5 * own
    rows, columns = np.triu_indices(k)
    hsic = (x[rows] * x[columns]).sum(axis=-1).T
    found = {
        "hsic": hsic, "layers": np.array([f"layer.{n}" for n in range(k)]), "left_out": np.array([], dtype=np.str_),
        "kinds": np.array(["linear"] * (k - 2) + ["norm", "norm"]), "rows": np.arange(64 * batches),
    }  # fmt: skip
    return {**found, **changes}


def test_statistics_become_observations_of_minibatches() -> None:
    observed = observe_layers("vit", "layers", kept())
    assert observed.ids.tolist() == [f"batch-{n:03d}" for n in range(15)]
    assert observed.columns["hsic"].shape == (15, 78)
    assert observed.columns["kind"].shape == (15, 12)
    assert observed.columns["size"].tolist() == [64] * 15
    assert observed.names["kinds"] == ("linear",) * 10 + ("normalisation",) * 2
    found = contrast(MEASURES["layer_similarity"], (Term(1, observed, "linear"),))
    assert found.limits.method == "jackknife, 15 minibatches of 64 pictures"
    assert found.n == 960
    low, high = found.limits.interval(0.9)
    assert 0 < low < found.limits.value < high < 1
    assert float(MEASURES["layers_left_out"].values(columns_of(MEASURES["layers_left_out"], (observed,)))["all"]) == 0


def test_the_interval_is_that_of_leaving_out_each_minibatch() -> None:
    observed = observe_layers("vit", "layers", kept())
    columns = columns_of(MEASURES["layer_similarity"], (observed,))
    without = [float(structure.layer_similarity(*(np.delete(column, n, axis=0) for column in columns))["all"])
               for n in range(15)]   # fmt: skip
    error = np.sqrt(14 / 15 * ((without - np.mean(without)) ** 2).sum())
    low, high = contrast(MEASURES["layer_similarity"], (Term(1, observed, "all"),)).limits.interval(0.9)
    assert (high - low) / 2 == pytest.approx(1.761310 * error, rel=1e-5)   # t of 14 degrees of freedom


def test_layers_that_cannot_be_compared_are_left_out_and_named() -> None:
    found = kept(left_out=np.array(["places"]))
    rows, columns = np.triu_indices(12)
    found["hsic"][3, (rows == 5) | (columns == 5)] = 0   # constant over one minibatch
    found["hsic"][:, (rows == 11) | (columns == 11)] = 0
    observed = observe_layers("vit", "layers", found)
    assert observed.names["constant"] == ("layer.5", "layer.11")
    assert observed.names["not_of_pictures"] == ("places",)
    assert "layer.5" not in observed.names["layers"]
    assert observed.columns["left_out"].tolist() == [3] * 15
    alive = [n for n in range(12) if n not in (5, 11)]
    keep = np.isin(rows, alive) & np.isin(columns, alive)
    assert (observed.columns["hsic"] == found["hsic"][:, keep]).all()
    values = MEASURES["layer_similarity"].values(columns_of(MEASURES["layer_similarity"], (observed,)))
    assert np.isfinite(list(values.values())).all()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"hsic": np.ones((15, 77))}, r"statistics of the shape \(15, 77\) are not those of 12 layers"),
        ({"hsic": np.ones((0, 78))}, r"statistics of the shape \(0, 78\)"),
        ({"kinds": np.array(["linear"])}, "are not those of 12 layers"),
        ({"rows": np.arange(100)}, "100 pictures are not 15 equal minibatches"),
        ({"hsic": np.full((15, 78), np.nan)}, "NaN or infinite among the statistics"),
        ({"hsic": np.zeros((15, 78))}, "0 of 12 layers tell pictures apart; two are needed"),
    ],
)
def test_statistics_that_cannot_be_right(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(EvidenceError, match=f"vit on layers: .*{told}"):
        observe_layers("vit", "layers", kept(**changes))


def test_too_few_minibatches_have_no_interval() -> None:
    observed = observe_layers("vit", "layers", kept(9))
    with pytest.raises(NotMeasuredError, match="9 minibatches are too few for a jackknife; 10 are the least"):
        contrast(MEASURES["layer_similarity"], (Term(1, observed, "all"),))


def test_models_are_compared_over_the_same_minibatches() -> None:
    one, other = (observe_layers(name, "layers", kept()) for name in ("one", "other"))
    noise = 1 + 0.1 * generator("another model").standard_normal((15, 78))
    other = Observations("other", "layers", other.ids, {**other.columns, "hsic": other.columns["hsic"] * noise},
                         (), other.names)   # fmt: skip
    found = contrast(MEASURES["layer_similarity"], (Term(1, one, "all"), Term(-1, other, "all")))
    assert found.limits.has_width
    shorter = observe_layers("other", "layers", kept(14))
    with pytest.raises(EvidenceError, match="saw different images"):
        contrast(MEASURES["layer_similarity"], (Term(1, one, "all"), Term(-1, shorter, "all")))


def test_kinds_are_those_of_the_evaluation() -> None:
    kinds = of_models.ATTENTION, of_models.CONVOLUTION, of_models.LINEAR, of_models.NORM, of_models.OTHER
    assert [structure.KINDS[_CODES[kind]] for kind in kinds] == list(structure.KINDS)


def test_pairs_among_layers_and_pictures_in_minibatches() -> None:
    k = 9
    place = {pair: n for n, pair in enumerate(zip(*(axis.tolist() for axis in np.triu_indices(k)), strict=True))}
    chosen = [1, 2, 5, 8]
    expected = [place[i, j] for a, i in enumerate(chosen) for j in chosen[a:]]
    assert pairs_among(np.array(chosen), k).tolist() == expected
    assert [in_minibatches(n) for n in (63, 64, 1000, 4_999, 50_000)] == [0, 64, 960, 4_992, 4_992]
