"""What is drawn in the plane, against other people's geometry and published numbers."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.path import Path as Outline
from scipy.stats import kstest

from demeanour.miniature.dice import Dice
from demeanour.miniature.names import COLOURS
from demeanour.miniature.tasks import figures, flatland


def test_distances_to_segments_are_those_to_their_points() -> None:
    ends = np.random.default_rng(1).uniform(-1, 1, (2, 3, 2, 2)).astype(np.float32)
    ends[0, 1, 1] = ends[0, 1, 0]   # a segment may be a point
    t = np.linspace(0, 1, 2001)[:, None]
    points = ends[:, :, 0, None] * (1 - t) + ends[:, :, 1, None] * t
    centres = (np.arange(64) + 0.5) / 32 - 1
    for distance, line in zip(flatland.to_segments(ends), points.reshape(2, -1, 2), strict=True):
        for row, column in ((0, 0), (13, 60), (31, 32), (63, 5)):
            away = np.linalg.norm(line - (centres[column], -centres[row]), axis=1).min()
            assert distance[row, column] == pytest.approx(away, abs=1e-4)


def test_polygons_are_filled_as_matplotlib_fills_them() -> None:
    places = flatland.moved(figures.FIGURES, np.zeros((6, 2)), np.linspace(0.1, 3, 6), np.full(6, 0.8))
    centres = (np.arange(64) + 0.5) / 32 - 1
    grid = np.stack(np.meshgrid(centres, -centres), axis=-1).reshape(-1, 2)
    for inside, corners in zip(flatland.to_polygon(places) < 0, places, strict=True):
        assert np.array_equal(inside.ravel(), Outline(corners).contains_points(grid))


def test_frames_are_turned_back() -> None:
    centre, angle, scale = np.asarray([[0.2, -0.3]]), np.asarray([0.7]), np.asarray([0.4])
    points = np.asarray([[[0.5, 0.25], [-1.0, 0.8]]])
    u, v = flatland.turned(centre, angle, scale)
    for (x, y), (a, b) in zip(flatland.moved(points, centre, angle, scale)[0], points[0], strict=True):
        row, column = int((1 - y) * 32), int((1 + x) * 32)
        assert (u[0, row, column], v[0, row, column]) == pytest.approx((a, b), abs=1.5 / 32 / 0.4)


def test_tables_hold_splitmix64() -> None:
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]   # of seed 0
    found = flatland.table_of_numbers(np.asarray([0, 9]), 1, 3)
    assert found[0, 0].tolist() == pytest.approx([bits / 2**64 for bits in published], abs=2**-23)
    many = flatland.table_of_numbers(np.arange(50), 20, 5)
    assert kstest(many.ravel(), "uniform").pvalue > 0.01


def test_noise_is_the_table_s_numbers_at_whole_places_and_between_them_elsewhere() -> None:
    seeds, steps = np.asarray([3, 700_000]), np.arange(-40, 40, dtype=np.float32)
    i, j = steps[None, None, :], steps[None, :, None]
    here = flatland.noise(i, j, seeds)
    assert np.array_equal(here, flatland.cell_numbers(i, j, 0, seeds))
    middle = flatland.noise(i[..., :-1] + 0.5, j, seeds)
    assert middle == pytest.approx((here[..., 1:] + here[..., :-1]) / 2, abs=1e-6)
    assert kstest(here[0].ravel(), "uniform").pvalue > 0.01
    assert not np.array_equal(here[0], here[1])


def test_blobs_have_their_area_and_hide_paler_ones() -> None:
    one = np.ones(2, dtype=np.float32)
    centre = np.asarray([[30.2, 20.7], [33.0, 20.7]], dtype=np.float32)
    value = np.asarray([1.0, 0.5], dtype=np.float32)
    plane = flatland.blobs(2, 8, np.asarray([1, 1]), centre, 5 * one, 1.2 * one, one, 0 * one, value)
    assert not plane[0].any()
    assert (plane[1] > 0.5).sum() == pytest.approx(np.pi * 25, rel=0.08)
    assert plane[1, 20, 30] == 1
    corner, one = np.zeros((1, 2), dtype=np.float32), one[:1]
    cut_off = flatland.blobs(1, 8, np.asarray([0]), corner, 4 * one, one, one, 0 * one, one)
    assert cut_off.sum() == pytest.approx(np.pi * 16 / 4, rel=0.1)


def test_what_contrasts_is_none_of_the_near_colours() -> None:
    given = np.arange(len(COLOURS)).repeat(4)
    chosen = flatland.contrasting(Dice("contrast", range(len(given))), given)
    palette = np.asarray(list(COLOURS.values()))
    away = np.linalg.norm(palette[given] - palette[chosen], axis=1)
    assert away.min() > np.median(np.linalg.norm(palette[:, None] - palette[None], axis=-1)) * 0.7
