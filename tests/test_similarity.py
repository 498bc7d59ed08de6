"""CKA against the definition of the unbiased HSIC, and what must leave it as it is."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from demeanour.measures.similarity import cka, cka_map, constant, hsic, u_centred
from demeanour.measures.weighting import Floats
from demeanour.statistics.seeds import generator


def song(kernel: Floats, other: Floats) -> float:
    """HSIC₁ as Song et al. (2012, eq. 5) write it."""
    m, one = len(kernel), np.ones(len(kernel))
    k, l = (matrix - np.diag(np.diag(matrix)) for matrix in (kernel, other))   # noqa: E741
    whole = (one @ k @ one) * (one @ l @ one) / ((m - 1) * (m - 2))
    return float((np.trace(k @ l) + whole - 2 / (m - 2) * (one @ k @ l @ one)) / (m * (m - 3)))


def over_tuples(kernel: Floats, other: Floats) -> float:
    """What it estimates, E[kl] + E[k]E[l] − 2 E[E[k]E[l]], by means over all tuples of different pictures."""
    m = range(len(kernel))
    pairs = np.mean([kernel[i, j] * other[i, j] for i, j in permutations(m, 2)])
    fours = np.mean([kernel[i, j] * other[q, r] for i, j, q, r in permutations(m, 4)])
    threes = np.mean([kernel[i, j] * other[i, q] for i, j, q in permutations(m, 3)])
    return float(pairs + fours - 2 * threes)


def layer(name: str, n: int, *shape: int) -> Floats:
    return generator("similarity", name).standard_normal((n, *shape))


def kernel(x: Floats) -> Floats:
    rows = x.reshape(len(x), -1)
    inner: Floats = rows @ rows.T
    return inner


def triangle(layers: list[Floats]) -> Floats:
    k = len(layers)
    rows, columns = np.triu_indices(k)
    return np.array([song(kernel(layers[i]), kernel(layers[j])) for i, j in zip(rows, columns, strict=True)])


@pytest.mark.parametrize("n", [4, 5, 8])
def test_hsic_is_its_definition(n: int) -> None:
    x, y = layer("x", n, 3) + 2, np.tanh(layer("x", n, 3)) @ layer("turn", 3, 5)
    for one, other in ((x, y), (x, x), (y, layer("z", n, 4))):
        expected = over_tuples(kernel(one), kernel(other))
        assert hsic(kernel(one), kernel(other)) == pytest.approx(expected, rel=1e-9, abs=1e-11)
        assert song(kernel(one), kernel(other)) == pytest.approx(expected, rel=1e-9, abs=1e-11)


def test_u_centring_removes_rows_columns_and_diagonals() -> None:
    stacked = np.stack([kernel(layer(name, 7, 4)) for name in "ab"])
    centred = u_centred(stacked)
    np.testing.assert_allclose(centred.sum(axis=-1), 0, atol=1e-12)
    np.testing.assert_allclose(centred.sum(axis=-2), 0, atol=1e-12)
    assert (np.diagonal(centred, axis1=1, axis2=2) == 0).all()
    other = stacked + 1e3 * np.eye(7)   # of which nothing may be seen
    np.testing.assert_allclose(u_centred(other), centred, atol=1e-12)
    np.testing.assert_allclose(u_centred(stacked[1]), centred[1], atol=0)


def test_cka_of_two_layers_by_the_formula() -> None:
    x, y = layer("x", 20, 3, 4), layer("x", 20, 12)[:, :5] ** 2 + layer("y", 20, 5)
    k, l = kernel(x), kernel(y)   # noqa: E741
    assert cka(x, y) == pytest.approx(song(k, l) / np.sqrt(song(k, k) * song(l, l)), rel=1e-10)
    assert cka(x, y) == pytest.approx(cka(y, x), rel=1e-12)


def test_turning_scaling_and_shifting_a_layer_change_nothing() -> None:
    x, y = layer("x", 30, 6), layer("x", 30, 6) ** 3
    turn, _ = np.linalg.qr(layer("turn", 6, 6))
    assert abs(turn @ turn.T - np.eye(6)).max() < 1e-12
    expected = cka(x, y)
    assert 0.3 < expected < 0.95
    assert cka(x @ turn, y) == pytest.approx(expected, rel=1e-10)
    assert cka(-40 * x, y / 7) == pytest.approx(expected, rel=1e-10)
    assert cka(x + 100 * layer("shift", 1, 6), y) == pytest.approx(expected, rel=1e-8)
    assert cka(x, x) == pytest.approx(1, abs=1e-12)
    assert cka(3 * x @ turn + 1, x) == pytest.approx(1, abs=1e-10)
    assert cka(x * np.arange(1, 7), y) != pytest.approx(expected, rel=1e-3)   # no isometry


def test_independent_layers_are_similar_to_nothing_on_average() -> None:
    """Wide layers of few pictures, of which the biased estimate says that they are nearly the same."""
    draws, n = 500, 8
    found, values, biased = [], [], []
    centre = np.eye(n) - 1 / n
    for x, y in zip(layer("many", draws, n, 40), layer("others", draws, n, 40), strict=True):
        k, l = kernel(x), kernel(y)   # noqa: E741
        values.append(hsic(k, l))
        found.append(cka(x, y))
        k, l = centre @ k @ centre, centre @ l @ centre   # noqa: E741
        biased.append((k * l).sum() / np.sqrt((k * k).sum() * (l * l).sum()))
    for unbiased in (values, found):
        assert abs(np.mean(unbiased)) < 4 * np.std(unbiased) / np.sqrt(draws)
    assert np.std(found) < 0.3
    assert np.mean(biased) > 0.8


def test_hsic_of_minibatches_is_that_of_all_pictures_on_average() -> None:
    draws, gaps, values = 200, [], []
    for x, noise in zip(layer("many", draws, 40, 3), layer("others", draws, 40, 3), strict=True):
        y = x + noise
        values.append(hsic(kernel(x), kernel(y)))
        gaps.append(values[-1] - np.mean([hsic(kernel(x[i : i + 5]), kernel(y[i : i + 5])) for i in range(0, 40, 5)]))
    error = np.std(gaps) / np.sqrt(draws)
    assert abs(np.mean(gaps)) < 4 * error
    assert error < 0.1
    assert np.mean(values) == pytest.approx(3, abs=0.3)   # the squared covariance, over all pairs of units


def test_a_map_is_cka_of_all_pairs() -> None:
    layers = [layer("x", 24, 5), layer("x", 24, 5) ** 2, layer("z", 24, 2, 3), 2 * layer("x", 24, 5)]
    found = cka_map(triangle(layers), list("abcd"))
    expected = [[cka(x, y) for y in layers] for x in layers]
    np.testing.assert_allclose(found, expected, atol=1e-10)
    np.testing.assert_allclose(np.diagonal(found), 1, atol=1e-12)
    assert (found == found.T).all()
    assert found[0, 3] == pytest.approx(1)


def test_a_map_of_minibatches_sums_before_it_divides() -> None:
    """With a plain double loop over layers, as Nguyen et al. (2021, eq. 2) have it."""
    layers = [layer("x", 60, 4), layer("x", 60, 4) ** 2 + layer("y", 60, 4), layer("y", 60, 4)]
    batches = [[one[start : start + 12] for one in layers] for start in range(0, 60, 12)]
    sums = np.array([triangle(batch) for batch in batches])
    found = cka_map(sums.sum(axis=0), list("abc"))
    for i in range(3):
        for j in range(3):
            top, left, right = (
                np.mean([song(kernel(batch[a]), kernel(batch[b])) for batch in batches])
                for a, b in ((i, j), (i, i), (j, j))
            )
            assert found[i, j] == pytest.approx(top / np.sqrt(left) / np.sqrt(right), rel=1e-9)
    several = cka_map(np.stack([sums.sum(axis=0), sums[:3].sum(axis=0)]), list("abc"))   # and of many draws at once
    assert several.shape == (2, 3, 3)
    assert (several[0] == found).all()
    assert (several[1] == cka_map(sums[:3].sum(axis=0), list("abc"))).all()


def test_layers_that_answer_all_pictures_alike_are_named() -> None:
    rows, columns = np.triu_indices(3)
    sums = np.where((rows == 1) | (columns == 1), 0.0, 1.0)
    assert constant(sums, 3).tolist() == [False, True, False]
    assert constant(np.stack([sums, np.ones(6)]), 3).tolist() == [False, True, False]
    with pytest.raises(ValueError, match=r"constant over all pictures, and so similar to nothing: dead$"):
        cka_map(sums, ["one", "dead", "two"])
    for rest in (0.0, 1e-9):   # what rounding leaves of a constant is no similarity
        flat = 3 + rest * layer("rounding", 12, 5)
        with pytest.raises(ValueError, match=r"similar to nothing: y$"):
            cka(layer("x", 12, 5), flat)
    assert -1 <= cka(layer("x", 12, 5), 3 + 1e-4 * layer("little", 12, 5)) < 0.9


@pytest.mark.parametrize("n", [1, 2, 3])
def test_too_few_pictures(n: int) -> None:
    with pytest.raises(ValueError, match=f"{n} pictures; the unbiased HSIC needs 4"):
        cka(layer("x", n, 5), layer("y", n, 5))


def test_what_is_no_number_or_does_not_belong_together() -> None:
    x = layer("x", 9, 5)
    for wrong in (np.nan, np.inf):
        broken = x.copy()
        broken[3, 2] = wrong
        with pytest.raises(ValueError, match="an activation is not finite"):
            cka(x, broken)
        with pytest.raises(ValueError, match="an HSIC is not finite"):
            cka_map(np.array([1.0, wrong, 1.0]), ("a", "b"))
    with pytest.raises(ValueError, match="kernels of 9 and 8 pictures"):
        cka(x, x[:8])
    with pytest.raises(ValueError, match="5 sums for 3 layers; expected 6"):
        cka_map(np.ones(5), ("a", "b", "c"))
