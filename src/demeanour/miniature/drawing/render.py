"""From scenes to pictures: solids traced, lit, put together, and drawn in a style."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from demeanour.miniature.drawing.scenes import BACKGROUNDS, OCCLUDERS, Objects, Scenes
from demeanour.miniature.drawing.styles import Layers, styled
from demeanour.miniature.drawing.surroundings import FLOORED, background, occluder, shadow
from demeanour.miniature.drawing.textures import TEXTURED
from demeanour.miniature.drawing.trace import Hits, trace
from demeanour.miniature.names import SIDE

BATCH = 256   # pictures that are drawn together: larger ones gain nothing and need memory


def render(scenes: Scenes, device: str = "cpu", batch: int = BATCH) -> NDArray[np.uint8]:
    """Draw pictures.

    Args:
        scenes: What they show.
        device: Where to compute; the same pictures everywhere, within a level.
        batch: Pictures that are drawn together; of no influence on them beyond rounding.

    Returns:
        RGB, (n, 64, 64, 3).
    """
    result = np.empty((len(scenes), SIDE, SIDE, 3), dtype=np.uint8)
    with torch.inference_mode():
        for start in range(0, len(scenes), batch):
            rows = np.arange(start, min(start + batch, len(scenes)))
            picture = _draw(scenes.take(rows), torch.device(device))
            result[rows] = (picture.clamp(0, 1) * 255 + 0.5).to(torch.uint8).cpu().numpy()
    return result


def _draw(scenes: Scenes, device: torch.device) -> Tensor:
    on = {
        name: torch.from_numpy(getattr(scenes, name)).to(device)
        for name in (
            "background_colours", "background_seed", "horizon", "roll", "light", "ambient", "exposure", "tint",
            "occluder_centre", "occluder_size", "occluder_colours",
        )
    }  # fmt: skip
    n = len(scenes)
    axis = (torch.arange(SIDE, device=device, dtype=torch.float32) + 0.5) / SIDE * 2 - 1
    x, y = axis[None, None, :].expand(n, SIDE, SIDE), -axis[None, :, None].expand(n, SIDE, SIDE)
    photo = _behind(scenes, on, x, y)
    flat = on["background_colours"][:, 0, None, None, :].expand(n, SIDE, SIDE, 3).clone()
    layers = _objects(scenes.objects, n, on, photo, flat, device)
    for kind in np.unique(scenes.occluder):
        if OCCLUDERS[kind] != "none":
            rows = torch.from_numpy(np.flatnonzero(scenes.occluder == kind)).to(device)
            centre = on["occluder_centre"][rows]
            rgb, mask = occluder(
                int(kind), x[rows] - centre[:, 0, None, None], y[rows] - centre[:, 1, None, None],
                on["occluder_size"][rows], on["occluder_colours"][rows],
            )  # fmt: skip
            for layer in (layers.photo, layers.flat):
                layer[rows] = layer[rows] + (rgb - layer[rows]) * mask[..., None]
            for plane in (layers.shade, layers.depth):
                plane[rows] = plane[rows] * (1 - mask) + mask
            layers.normal[rows] = layers.normal[rows] * (1 - mask[..., None])
            layers.mask[rows] = torch.maximum(layers.mask[rows] * (1 - mask), mask)
    layers.photo.mul_((on["exposure"][:, None] * on["tint"])[:, None, None, :]).clamp_(0, 1)
    picture = torch.empty_like(layers.photo)
    for style in np.unique(scenes.style):
        rows = torch.from_numpy(np.flatnonzero(scenes.style == style)).to(device)
        picture[rows] = styled(int(style), Layers(*(layer[rows] for layer in layers)))
    return picture


def _behind(scenes: Scenes, on: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Backgrounds, with the shadows of objects where there is a floor."""
    cos, sin = on["roll"].cos()[:, None, None], on["roll"].sin()[:, None, None]
    across, up = x * cos + y * sin, y * cos - x * sin
    result = torch.empty((*x.shape, 3), device=x.device)
    for kind in np.unique(scenes.background):
        rows = torch.from_numpy(np.flatnonzero(scenes.background == kind)).to(x.device)
        result[rows] = background(
            int(kind), across[rows], up[rows], on["background_colours"][rows], on["background_seed"][rows],
            on["horizon"][rows],
        )  # fmt: skip
    floored = np.isin(scenes.background, [BACKGROUNDS.index(name) for name in FLOORED])
    objects = scenes.objects
    standing = np.flatnonzero(floored[objects.scene])
    if len(standing):
        scene = torch.from_numpy(objects.scene[standing]).to(x.device)
        centre, scale = (torch.from_numpy(part[standing]).to(x.device) for part in (objects.centre, objects.scale))
        dark = shadow(across[scene], up[scene], centre, scale, on["light"][scene])
        for row, one in zip(scene.tolist(), dark, strict=True):
            result[row] *= 1 - one[..., None]
    return result


def _objects(
    objects: Objects, n: int, on: dict[str, Tensor], photo: Tensor, flat: Tensor, device: torch.device
) -> Layers:
    """Put the objects of each picture in front of its background, the farthest first."""
    shade, depth, mask = torch.ones(n, SIDE, SIDE, device=device), *torch.zeros(2, n, SIDE, SIDE, device=device)
    normal = torch.zeros(n, SIDE, SIDE, 3, device=device)
    layers = Layers(photo, flat, shade, normal, depth, mask)
    if len(objects.scene) == 0:
        return layers
    hits = trace(objects, SIDE, device)
    scene = torch.from_numpy(objects.scene).to(device)[hits.object]
    lit, own, light = _lit(objects, hits, scene, on, device)
    # the place of each object in its picture, from the back: all first ones are put down together, then all second ones
    order = np.lexsort((objects.nearness, objects.scene))
    starts = np.searchsorted(objects.scene[order], objects.scene[order])
    turn = np.empty(len(order), dtype=np.int64)
    turn[order] = np.arange(len(order)) - starts
    turns = torch.from_numpy(turn).to(device)[hits.object]
    far = hits.depth + torch.from_numpy(objects.nearness).to(device)[hits.object]
    for k in range(int(turn.max()) + 1):
        now = turns == k
        place = scene[now] * SIDE * SIDE + hits.pixel[now]
        alpha = hits.coverage[now]
        for layer, value in ((photo, lit), (flat, own), (normal, hits.normal)):
            plane = layer.view(-1, 3)
            plane[place] = plane[place] + (value[now] - plane[place]) * alpha[:, None]
        for layer, level in ((shade, light), (depth, far)):
            flat_plane = layer.view(-1)
            flat_plane[place] = flat_plane[place] + (level[now] - flat_plane[place]) * alpha
        mask.view(-1)[place] = torch.maximum(mask.view(-1)[place], alpha)
    return layers


def _lit(
    objects: Objects, hits: Hits, scene: Tensor, on: dict[str, Tensor], device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Colours of the points under the light, their colours without it, and how much light falls on each."""
    which = hits.object
    colours = torch.from_numpy(objects.colours).to(device)[which]
    pattern = torch.zeros(len(which), device=device)
    texture = torch.from_numpy(objects.texture).to(device)[which]
    fineness = torch.from_numpy(objects.fineness).to(device)[which]
    seed = torch.from_numpy(objects.seed).to(device)[which]
    for code in np.unique(objects.texture):
        if code >= 0:
            here = (texture == code).nonzero()[:, 0]
            point = hits.point[here] * fineness[here, None]
            pattern[here] = TEXTURED[code](point[:, 0], point[:, 1], point[:, 2], seed[here])
    albedo = colours[:, 0] + (colours[:, 1] - colours[:, 0]) * pattern[:, None]
    towards = on["light"][scene]
    facing = (hits.normal * towards).sum(1)
    ambient = on["ambient"][scene]
    light = ambient + (1 - ambient) * (0.85 * facing.clamp_min(0) + 0.15 * (0.5 + 0.5 * facing))
    half = towards + torch.tensor([0.0, 0.0, 1.0], device=device)
    half = half / half.norm(dim=1, keepdim=True).clamp_min(1e-6)
    highlight = (hits.normal * half).sum(1).clamp_min(0) ** 24
    gloss = torch.from_numpy(objects.gloss).to(device)[which] * highlight
    return albedo * light[:, None] + gloss[:, None], colours[:, 0], light
