"""Solids, rays, light and styles, against what geometry says and against a brute-force search along each ray."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from demeanour.miniature.drawing.render import render
from demeanour.miniature.drawing.scenes import BACKGROUNDS, OCCLUDERS, Objects, Scenes, rotation
from demeanour.miniature.drawing.solids import DISTANCES, RADII, SAFETY
from demeanour.miniature.drawing.textures import TEXTURED
from demeanour.miniature.drawing.trace import trace
from demeanour.miniature.names import COLOURS, SIDE, SOLIDS, STYLES, TEXTURES

FLOAT = np.float32


def objects(solids: list[int], scenes: list[int] | None = None, **changes: object) -> Objects:
    """Grey solids in the middle, upright, seen from the front."""
    m = len(solids)
    columns = {
        "scene": np.arange(m) if scenes is None else np.asarray(scenes), "solid": np.asarray(solids),
        "texture": np.full(m, -1), "colours": np.full((m, 2, 3), 0.6, FLOAT),
        "rotation": np.tile(np.eye(3, dtype=FLOAT), (m, 1, 1)),
        "centre": np.zeros((m, 2), FLOAT), "scale": np.full(m, 0.7, FLOAT), "stretch": np.ones(m, FLOAT),
        "nearness": np.zeros(m, FLOAT), "gloss": np.zeros(m, FLOAT), "fineness": np.ones(m, FLOAT),
        "seed": np.arange(m),
    }  # fmt: skip
    return Objects(**{**columns, **changes})


def scenes(shown: Objects, n: int | None = None, **changes: object) -> Scenes:
    """Those solids before a plain white wall, lit from the front."""
    n = len(shown.scene) if n is None else n
    columns = {
        "background": np.zeros(n, np.int64), "background_colours": np.ones((n, 2, 3), FLOAT),
        "background_seed": np.arange(n), "horizon": np.zeros(n, FLOAT), "roll": np.zeros(n, FLOAT),
        "light": np.tile(np.asarray([0, 0, 1], FLOAT), (n, 1)), "ambient": np.full(n, 0.4, FLOAT),
        "exposure": np.ones(n, FLOAT), "tint": np.ones((n, 3), FLOAT), "style": np.zeros(n, np.int64),
        "occluder": np.zeros(n, np.int64), "occluder_centre": np.zeros((n, 2), FLOAT),
        "occluder_size": np.ones(n, FLOAT), "occluder_colours": np.zeros((n, 2, 3), FLOAT),
    }  # fmt: skip
    return Scenes(objects=shown, **{**columns, **changes})


def grid(points: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    axis = torch.linspace(-1.3, 1.3, points)
    x, y, z = torch.meshgrid(axis, axis, axis, indexing="ij")
    return x.reshape(-1), y.reshape(-1), z.reshape(-1)


@pytest.mark.parametrize("solid", range(len(SOLIDS)), ids=SOLIDS)
def test_a_solid_fits_its_ball_and_its_distance_may_be_stepped(solid: int) -> None:
    x, y, z = grid(53)
    distance = DISTANCES[solid](x, y, z)
    away = (x**2 + y**2 + z**2).sqrt()
    assert distance.isfinite().all()
    assert (distance < 0).any()
    assert away[distance < 0].max() <= RADII[solid]
    # nowhere is the next point of the surface nearer than the step that the distance allows
    inside = torch.stack([x, y, z], 1)[distance < 0]
    outside = torch.stack([x, y, z], 1)[distance > 0.02][::97]
    nearest = torch.cdist(outside, inside).min(1).values
    allowed = DISTANCES[solid](*outside.unbind(1)) * SAFETY
    assert (allowed <= nearest + 2.6 / 52 * math.sqrt(3)).all()


@pytest.mark.parametrize(
    ("name", "volume"),
    [
        ("ball", 4 / 3 * math.pi * 0.78**3),
        ("can", math.pi * 0.52**2 * 1.48),
        ("cube", 1.16**3),
        ("diamond", 4 / 3 * 0.86**3 / 0.9),
        ("pill", math.pi * 0.38**2 * 1.04 + 4 / 3 * math.pi * 0.38**3),
        ("ring", 2 * math.pi**2 * 0.60 * 0.25**2),
    ],
)
def test_volumes_are_those_of_the_formulas(name: str, volume: float) -> None:
    points = torch.from_numpy(np.random.default_rng(0).uniform(-1.2, 1.2, (400_000, 3))).float()
    share = (DISTANCES[SOLIDS.index(name)](*points.unbind(1)) < 0).float().mean()
    assert float(share) * 2.4**3 == pytest.approx(volume, rel=0.03)


@pytest.mark.parametrize("name", ["cone", "heart", "mug", "star", "hourglass", "jack", "gear"])
def test_rays_end_where_a_search_along_them_ends(name: str) -> None:
    solid = SOLIDS.index(name)
    turned = rotation(*(np.asarray([angle], FLOAT) for angle in (0.5, 0.4, 0.2)))
    shown = objects([solid], rotation=turned)
    hits = trace(shown, SIDE, torch.device("cpu"))
    whole = hits.coverage > 0.999
    axis = ((np.arange(SIDE) + 0.5) / SIDE * 2 - 1) / 0.7
    depth = np.linspace(1.2, -1.2, 1201)
    expected = np.full(SIDE * SIDE, np.nan)
    for row in range(SIDE):
        x, z = np.meshgrid(axis, depth)
        own = np.stack([x, np.full_like(x, -axis[row]), z], -1).astype(FLOAT) @ turned[0]
        inside = DISTANCES[solid](*torch.from_numpy(own.reshape(-1, 3)).unbind(1)).reshape(x.shape).numpy() < 0
        any_inside = inside.any(0)
        expected[row * SIDE : (row + 1) * SIDE][any_inside] = depth[inside.argmax(0)][any_inside]
    found = np.full(SIDE * SIDE, np.nan)
    found[hits.pixel[whole].numpy()] = hits.depth[whole].numpy() / 0.7
    seen = ~np.isnan(expected)
    both = seen & ~np.isnan(found)
    assert both.sum() > 0.97 * seen.sum()
    assert np.quantile(np.abs(expected[both] - found[both]), 0.95) < 0.02
    assert (~np.isnan(found) & ~seen).sum() < 0.08 * seen.sum()   # half-filled pixels at the outline


def test_normals_of_a_ball_point_away_from_its_centre() -> None:
    hits = trace(objects([SOLIDS.index("ball")]), SIDE, torch.device("cpu"))
    expected = hits.point / hits.point.norm(dim=1, keepdim=True)
    assert (hits.normal * expected).sum(1).min() > 0.999


def test_a_ball_covers_the_area_of_its_disc() -> None:
    picture = render(scenes(objects([SOLIDS.index("ball")]), ambient=np.ones(1, FLOAT)))[0].astype(float) / 255
    covered = ((1 - picture[..., 0]) / 0.4).clip(0, 1).sum()
    radius = 0.78 * 0.7 * SIDE / 2   # in pixels; the outline is soft by one of them, outwards
    assert math.pi * radius**2 < covered < math.pi * (radius + 0.7) ** 2


def test_light_follows_lambert() -> None:
    picture = render(scenes(objects([SOLIDS.index("ball")]), ambient=np.zeros(1, FLOAT)))[0].astype(float) / 255
    radius = 0.78 * 0.7
    for x in (0.1, 0.25, 0.4):
        column = int((x + 1) / 2 * SIDE)
        at = (column + 0.5) / SIDE * 2 - 1
        facing = math.sqrt(1 - (at / radius) ** 2)
        expected = 0.6 * (0.85 * facing + 0.15 * (0.5 + 0.5 * facing))
        assert picture[SIDE // 2, column, 0] == pytest.approx(expected, abs=0.015)


def sample() -> Scenes:
    """Something of everything."""
    n = 24
    rng = np.random.default_rng(3)
    shown = objects(
        list(range(24)) * 2, list(range(24)) * 2, texture=np.arange(48) % len(TEXTURES),
        colours=rng.uniform(0, 1, (48, 2, 3)).astype(FLOAT),
        rotation=rotation(*rng.uniform(-1, 1, (3, 48)).astype(FLOAT)),
        centre=rng.uniform(-0.5, 0.5, (48, 2)).astype(FLOAT),
        scale=rng.uniform(0.3, 0.8, 48).astype(FLOAT), stretch=rng.uniform(0.7, 1.4, 48).astype(FLOAT),
        nearness=rng.uniform(-1, 1, 48).astype(FLOAT), gloss=rng.uniform(0, 1, 48).astype(FLOAT),
    )  # fmt: skip
    light = rng.normal(size=(n, 3)).astype(FLOAT)
    light[:, 2] = np.abs(light[:, 2]) + 0.5
    return scenes(
        shown, n, background=np.arange(n) % len(BACKGROUNDS), style=np.arange(n) // 3 % len(STYLES),
        background_colours=rng.uniform(0, 1, (n, 2, 3)).astype(FLOAT), occluder=np.arange(n) % len(OCCLUDERS),
        light=light / np.linalg.norm(light, axis=1, keepdims=True), exposure=rng.uniform(0.3, 2, n).astype(FLOAT),
        roll=rng.uniform(-0.5, 0.5, n).astype(FLOAT), occluder_colours=rng.uniform(0, 1, (n, 2, 3)).astype(FLOAT),
    )  # fmt: skip


def most_levels_apart(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def test_pictures_are_the_same_twice() -> None:
    assert np.array_equal(render(sample()), render(sample()))


def test_threads_and_batches_change_no_pixel_by_more_than_a_level() -> None:
    shown = sample()
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = render(shown, batch=1)
        torch.set_num_threads(2)
        together = render(shown)
    finally:
        torch.set_num_threads(before)
    assert most_levels_apart(alone, together) <= 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_draws_the_same_within_a_level() -> None:
    shown = sample()
    apart = np.abs(render(shown).astype(int) - render(shown, device="cuda").astype(int))
    assert apart.max() <= 1


def test_pictures_can_be_drawn_in_any_order() -> None:
    shown = sample()
    rows = np.asarray([5, 0, 17])
    assert most_levels_apart(render(shown.take(rows)), render(shown)[rows]) <= 1


def test_what_is_nearer_hides_what_is_farther() -> None:
    colours = np.zeros((2, 2, 3), FLOAT)
    colours[0, :, 0], colours[1, :, 1] = 1, 1
    for nearer, farther in ((0, 1), (1, 0)):
        nearness = np.zeros(2, FLOAT)
        nearness[farther] = -5
        shown = objects([0, 0], [0, 0], colours=colours, nearness=nearness)
        middle = render(scenes(shown, 1))[0, SIDE // 2, SIDE // 2]
        assert middle[nearer] > 200 > 60 > middle[farther]


def test_rotations_turn_as_they_say() -> None:
    def turned(angles: tuple[float, float, float], vector: list[float]) -> NDArray[np.float32]:
        return rotation(*(np.asarray([a], FLOAT) for a in angles))[0] @ np.asarray(vector, FLOAT)

    quarter = math.pi / 2
    assert np.allclose(turned((quarter, 0, 0), [0, 0, 1]), [1, 0, 0], atol=1e-6)    # the front turns to the right
    assert np.allclose(turned((0, quarter, 0), [0, 1, 0]), [0, 0, 1], atol=1e-6)    # the top comes to the front
    assert np.allclose(turned((0, 0, quarter), [1, 0, 0]), [0, 1, 0], atol=1e-6)    # counter-clockwise


def test_styles_are_what_they_are_called() -> None:
    shown = objects([SOLIDS.index("cube")] * len(STYLES), texture=np.full(len(STYLES), TEXTURES.index("checks")))
    turned = rotation(*(np.full(len(STYLES), angle, FLOAT) for angle in (0.6, 0.4, 0.0)))
    colours = np.tile(np.asarray([COLOURS["red"], COLOURS["yellow"]], FLOAT), (len(STYLES), 1, 1))
    shown = replace(shown, colours=colours, rotation=turned)
    walls = np.full((len(STYLES), 2, 3), 0.5, FLOAT)
    drawn = render(scenes(shown, style=np.arange(len(STYLES)), background_colours=walls))
    pictures = dict(zip(STYLES, drawn, strict=True))
    assert most_levels_apart(255 - pictures["photo"], pictures["inverted"]) <= 1
    colours = {name: len(np.unique(picture.reshape(-1, 3), axis=0)) for name, picture in pictures.items()}
    assert colours["flat"] < colours["photo"] / 4
    for grey in ("sketch", "hatching"):
        assert np.ptp(pictures[grey].astype(int), axis=-1).max() == 0
    paper = (pictures["sketch"][..., 0] > 220).mean()
    assert 0.6 < paper < 0.97
    assert (pictures["sketch"][..., 0] < 90).mean() > 0.02
    blocks = pictures["mosaic"].reshape(16, 4, 16, 4, 3)[:, 1:, :, 1:]
    assert np.ptp(blocks, axis=(1, 3)).max() == 0
    assert (pictures["cartoon"].max(-1) < 40).mean() > 0.02   # black lines
    assert np.abs(pictures["painting"].astype(int) - pictures["photo"]).mean() > 1


@pytest.mark.parametrize("kind", range(1, len(OCCLUDERS)), ids=OCCLUDERS[1:])
def test_occluders_hide_some_and_not_all(kind: int) -> None:
    shown = objects([0])
    free, hidden = render(scenes(shown)), render(scenes(shown, occluder=np.asarray([kind])))
    changed = (free != hidden).any(-1).mean()
    assert 0.05 < changed < 0.75


@pytest.mark.parametrize("code", range(len(TEXTURES)), ids=TEXTURES)
def test_textures_are_shares_and_have_no_hard_edge(code: int) -> None:
    rng = np.random.default_rng(1)
    point = torch.from_numpy(rng.uniform(-1, 1, (20_000, 3)).astype(FLOAT))
    seed = torch.full((20_000,), 5)
    share = TEXTURED[code](*point.unbind(1), seed)
    assert share.min() >= -1e-5
    assert share.max() <= 1 + 1e-5
    assert share.std() > 0.1
    moved = TEXTURED[code](*(point + 1e-6).unbind(1), seed)
    assert torch.quantile((share - moved).abs(), 0.9999) < 1e-3
