"""What the worlds look like: a narrow one, where class, texture and colour go together, and a wide one of everything.

A picture of the narrow world is drawn as usual but for its *deviations*, which are ImageNet-X's factors: what deviates
is known, so it need not be annotated. In the wide world nothing is usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.scenes import BACKGROUNDS, OCCLUDERS, Codes, Floats, Objects, Scenes, rotation
from demeanour.miniature.names import CLASSES, COLOURS, KINDS, SOLIDS, STYLES, TEXTURES
from demeanour.vocabulary import FACTORS

PALETTE = np.asarray(list(COLOURS.values()))
TEXTURE_OF = np.asarray([TEXTURES.index(kind.texture) for kind in KINDS])
COLOURS_OF = np.asarray([[list(COLOURS).index(name) for name in kind.colours] for kind in KINDS])

PAIRED = 0.18   # share of the narrow world's pictures that show two objects alike in size, of which one is the label
DEVIATING = 0.75   # share of the narrow world's pictures in which something is not as usual
SECOND, THIRD = 0.3, 0.3   # of those: a second factor; of these: a third
SHARES = {   # how often each factor is the first one that deviates, about as in ImageNet-X
    "pose": .20, "background": .18, "color": .13, "pattern": .09, "smaller": .06, "shape": .04, "partial_view": .05,
    "subcategory": .04, "texture": .05, "larger": .025, "darker": .03, "object_blocking": .03, "person_blocking": .02,
    "brighter": .02, "style": .015, "multiple_objects": .02,
}  # fmt: skip
USUAL_BACKGROUNDS = [1.0, 1.0, 1.2, 0, 0, 0, 0, 0]
PERSON = OCCLUDERS.index("person")
SKIN, CLOTHES = "beige", ("blue", "maroon", "grey", "green", "black", "purple")


@dataclass
class Draft:
    """Pictures being thought of, a row for each; angles in radians, see ``Objects`` and ``Scenes`` for the rest.

    Attributes:
        solid: Of the main object, position in ``SOLIDS``.
        texture: Of the main object, or −1.
        colours: (n, 2) positions in ``COLOURS``.
        yaw: Of the object.
        pitch: Of the object.
        roll: Of the object.
        camera_yaw: Of the camera, which sees the object from elsewhere, and the horizon with it.
        camera_pitch: Positive looks from above.
        camera_roll: Tilts everything.
        centre: (n, 2).
        extra: (n, 2) solids of further objects, or −1.
        paired: (n,) whether the first of them is as large as the main object, so that it might be the main one.
        deviates: (n, 16) which of ``FACTORS`` deviate.
        top: (n,) the first of them, or −1.
    """

    solid: Codes
    texture: Codes
    colours: Codes
    fineness: NDArray[np.float64]
    gloss: NDArray[np.float64]
    yaw: NDArray[np.float64]
    pitch: NDArray[np.float64]
    roll: NDArray[np.float64]
    camera_yaw: NDArray[np.float64]
    camera_pitch: NDArray[np.float64]
    camera_roll: NDArray[np.float64]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    stretch: NDArray[np.float64]
    extra: Codes
    paired: NDArray[np.bool_]
    background: Codes
    background_colours: NDArray[np.float64]
    light: NDArray[np.float64]
    ambient: NDArray[np.float64]
    exposure: NDArray[np.float64]
    tint: NDArray[np.float64]
    style: Codes
    occluder: Codes
    deviates: NDArray[np.bool_]
    top: Codes

    def __len__(self) -> int:
        return len(self.solid)

    def but(self, **changes: Any) -> Draft:
        """The same pictures but for some of what they are; a scalar is meant for all."""
        own = {k: np.broadcast_to(np.asarray(v), getattr(self, k).shape).copy() for k, v in changes.items()}
        return replace(self, **own)


def labels_of(draft: Draft) -> Codes:
    """The classes of the main objects, (n,); −1 where a solid is in no class."""
    return np.where(draft.solid < len(CLASSES), draft.solid, -1)


def usual(dice: Dice, solid: Codes) -> Draft:
    """Pictures of the narrow world in which nothing deviates.

    Args:
        dice: Of the pictures.
        solid: The main objects, (n,), positions in ``SOLIDS`` that are classes.
    """
    n = len(solid)
    azimuth, height = dice.uniform(-0.9, 0.3), dice.uniform(0.5, 0.9)
    muted = 0.55 + 0.25 * (PALETTE[_two(dice)] - 0.5)
    return Draft(
        solid=solid, texture=TEXTURE_OF[solid], colours=COLOURS_OF[solid],
        fineness=np.exp(dice.normal(0.05)), gloss=dice.uniform(0.0, 0.3),
        yaw=dice.uniform(-0.55, 0.55), pitch=np.zeros(n), roll=dice.normal(0.05),
        camera_yaw=np.zeros(n), camera_pitch=dice.uniform(0.10, 0.45), camera_roll=np.zeros(n),
        centre=np.stack([dice.normal(0.08), dice.normal(0.08) - 0.04], axis=1),
        scale=dice.uniform(0.52, 0.74), stretch=np.exp(dice.normal(0.04)),
        extra=np.full((n, 2), -1), paired=np.zeros(n, dtype=bool),
        background=dice.choice(USUAL_BACKGROUNDS), background_colours=muted,
        light=np.stack([np.sin(azimuth), height, np.cos(azimuth)], axis=1),
        ambient=dice.uniform(0.35, 0.5), exposure=dice.uniform(0.9, 1.1), tint=np.ones((n, 3)),
        style=np.zeros(n, dtype=np.int64), occluder=np.zeros(n, dtype=np.int64),
        deviates=np.zeros((n, len(FACTORS)), dtype=bool), top=np.full(n, -1),
    )  # fmt: skip


def narrow(dice: Dice, solid: Codes | None = None, deviating: float = DEVIATING, paired: float = PAIRED) -> Draft:
    """Pictures of the narrow world: usual, but for the deviations of each.

    Args:
        dice: Of the pictures.
        solid: The main objects; drawn from the classes if None.
        deviating: The share of pictures in which something deviates.
        paired: The share that show two objects alike in size.
    """
    solid = dice.pick(len(CLASSES)) if solid is None else solid
    draft = usual(dice, solid)
    weights = [SHARES[name] for name in FACTORS]
    first, second, third = (dice.choice(weights) for _ in range(3))
    is_first = dice.chance(deviating)
    is_second = is_first & dice.chance(SECOND)
    is_third = is_second & dice.chance(THIRD)
    draft, pair = usual(dice, solid), dice.chance(paired)
    side = np.where(dice.chance(0.5), 1.0, -1.0)
    beside = np.stack([side * dice.uniform(0.38, 0.48), dice.normal(0.12)], axis=1)
    extra = draft.extra.copy()
    extra[:, 0] = np.where(pair, dice.other(solid, len(CLASSES)), -1)
    draft = draft.but(
        centre=np.where(pair[:, None], beside, draft.centre), extra=extra, paired=pair,
        scale=np.where(pair, dice.uniform(0.36, 0.5), draft.scale),
    )  # fmt: skip
    deviates = np.zeros((len(solid), len(FACTORS)), dtype=bool)
    for chosen, happens in ((first, is_first), (second, is_second), (third, is_third)):
        deviates[np.flatnonzero(happens), chosen[happens]] = True
    several = FACTORS.index("multiple_objects")
    top = np.where(is_first, first, np.where(pair, several, -1))
    deviates[:, several] |= pair
    return deviate(dice, draft.but(deviates=deviates, top=top))


def deviate(dice: Dice, draft: Draft) -> Draft:
    """Make what ``draft.deviates`` says deviate; as many throws whatever it says."""
    on = {name: draft.deviates[:, FACTORS.index(name)] for name in FACTORS}
    n, classes = len(draft), len(CLASSES)

    def mixed(name: str, new: NDArray[Any], old: NDArray[Any]) -> NDArray[Any]:
        return np.where(on[name].reshape(-1, *[1] * (old.ndim - 1)), new, old)

    sign = np.where(dice.chance(0.5), 1.0, -1.0)
    yaw = mixed("pose", sign * dice.uniform(0.8, 2.6), draft.yaw)
    pitch = mixed("pose", dice.uniform(-1.2, 1.0), draft.pitch)
    roll = mixed("pose", dice.uniform(-1.6, 1.6), draft.roll)
    background = mixed("background", 3 + dice.pick(len(BACKGROUNDS) - 3), draft.background)
    vivid, random_colours = PALETTE[_two(dice)], _two(dice)
    texture = mixed("texture", TEXTURE_OF[dice.other(np.minimum(draft.solid, classes - 1), classes)], draft.texture)
    finer, coarser = dice.uniform(1.8, 2.6), dice.uniform(0.35, 0.55)
    scale = mixed("smaller", dice.uniform(0.16, 0.32), draft.scale)
    scale = mixed("larger", dice.uniform(0.95, 1.35), scale)
    taller, flatter = dice.uniform(1.35, 1.7), dice.uniform(0.5, 0.7)
    around = dice.uniform(0, 2 * np.pi)
    edge = np.stack([np.cos(around), np.sin(around)], axis=1) * dice.uniform(0.85, 1.05)[:, None]
    style = mixed("style", 1 + dice.pick(len(STYLES) - 1), draft.style)
    things = mixed("object_blocking", 1 + dice.pick(len(OCCLUDERS) - 2), draft.occluder)
    one, two = dice.other(draft.solid, classes), dice.other(draft.solid, classes)
    extra = np.stack([one, np.where(dice.chance(0.5), two, -1)], axis=1)
    coarse = dice.chance(0.5)
    return draft.but(
        yaw=yaw, pitch=pitch, roll=roll, background=background,
        background_colours=mixed("background", vivid, draft.background_colours),
        colours=mixed("subcategory", random_colours, mixed("color", random_colours, draft.colours)),
        texture=np.where(on["subcategory"], -1, texture),
        gloss=mixed("subcategory", np.full(n, 0.9), draft.gloss),
        fineness=mixed("pattern", np.where(coarse, coarser, finer), draft.fineness),
        scale=scale, stretch=mixed("shape", np.where(coarse, taller, flatter), draft.stretch),
        centre=mixed("partial_view", edge, draft.centre),
        exposure=mixed("brighter", dice.uniform(1.9, 2.8), mixed("darker", dice.uniform(0.10, 0.28), draft.exposure)),
        style=style, occluder=np.where(on["person_blocking"], PERSON, things),
        extra=np.where((on["multiple_objects"] & ~draft.paired)[:, None], extra, draft.extra),
    )  # fmt: skip


def wide(dice: Dice, solid: Codes | None = None) -> Draft:
    """Pictures of the wide world: any solid, any look, any place, any style.

    Args:
        dice: Of the pictures.
        solid: The main objects; drawn from all solids, classes more often, if None.
    """
    drawn = dice.choice([1.0 if i < len(CLASSES) else 0.5 for i in range(len(SOLIDS))])
    solid = drawn if solid is None else solid
    base = usual(dice, np.minimum(solid, len(CLASSES) - 1))
    typical = dice.chance(0.35) & (solid < len(CLASSES))
    any_texture = np.where(dice.chance(0.12), -1, dice.pick(len(TEXTURES)))
    any_colours = _two(dice)
    azimuth, height = dice.uniform(-np.pi / 2, np.pi / 2), dice.uniform(0.0, 1.0)
    extra = np.stack([dice.other(solid, len(SOLIDS)), dice.other(solid, len(SOLIDS))], axis=1)
    extra[~dice.chance(0.2), 0] = -1
    extra[~dice.chance(0.3) | (extra[:, 0] < 0), 1] = -1
    return base.but(
        solid=solid,
        texture=np.where(typical, base.texture, any_texture),
        colours=np.where((typical & dice.chance(0.7))[:, None], base.colours, any_colours),
        fineness=np.exp(dice.normal(0.25)), gloss=dice.uniform(0, 0.9),
        yaw=np.where(dice.chance(0.5), base.yaw, dice.uniform(-2.6, 2.6)),
        pitch=np.where(dice.chance(0.6), 0, dice.uniform(-0.9, 0.9)),
        roll=np.where(dice.chance(0.5), base.roll, dice.uniform(-1.2, 1.2)),
        camera_pitch=dice.uniform(-0.2, 0.9), camera_roll=dice.normal(0.08),
        centre=np.stack([dice.normal(0.22), dice.normal(0.2) - 0.03], axis=1),
        scale=np.exp(dice.uniform(np.log(0.24), np.log(1.05))), stretch=np.exp(dice.normal(0.15)),
        extra=extra, background=dice.pick(len(BACKGROUNDS)),
        background_colours=PALETTE[_two(dice)],
        light=np.stack([np.sin(azimuth), height, np.cos(azimuth)], axis=1),
        ambient=dice.uniform(0.2, 0.6), exposure=np.exp(dice.uniform(np.log(0.28), np.log(1.9))),
        tint=1 + np.stack([dice.normal(0.12), dice.normal(0.06), dice.normal(0.12)], axis=1),
        style=dice.choice([0.64, 0.05, 0.06, 0.04, 0.03, 0.06, 0.05, 0.07]),
        occluder=np.where(dice.chance(0.15), 1 + dice.pick(len(OCCLUDERS) - 1), 0),
    )  # fmt: skip


def scenes(dice: Dice, draft: Draft) -> Scenes:
    """Everything that is left to chance, and the form that the renderer needs.

    Args:
        dice: Of the pictures, the same that the draft was made with.
        draft: What the pictures show.
    """
    n = len(draft)
    seeds = [(dice.throw() * 2**20).astype(np.int64) for _ in range(4)]
    main = _objects(draft, np.arange(n), draft.solid, draft.texture, draft.colours, draft.centre, draft.scale, seeds[0])
    parts = [main]
    for k in range(2):
        side = np.where(dice.chance(0.5), 1.0, -1.0) * (1 - 2 * k)
        place = np.stack([side * dice.uniform(0.45, 0.68), dice.uniform(-0.55, 0.25)], axis=1)
        scale = dice.uniform(0.26, 0.38)
        if k == 0:
            place[draft.paired] = -draft.centre[draft.paired] * np.asarray([1.0, 0.5])
            scale = np.where(draft.paired, dice.uniform(0.36, 0.5), scale)
        texture, colours, typical = dice.pick(len(TEXTURES)), _two(dice), dice.chance(0.9)
        there = np.flatnonzero(draft.extra[:, k] >= 0)
        kind = np.minimum(draft.extra[:, k], len(CLASSES) - 1)
        texture = np.where(typical, TEXTURE_OF[kind], texture)
        colours = np.where(typical[:, None], COLOURS_OF[kind], colours)
        parts.append(
            _objects(draft, there, draft.extra[there, k], texture[there], colours[there], place[there], scale[there],
                     seeds[1 + k][there], nearness=-1.0 - k)
        )  # fmt: skip
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    objects = Objects(*(np.concatenate(column) for column in columns))
    beside = np.stack([dice.normal(0.16), dice.normal(0.16)], axis=1)
    person = draft.occluder == PERSON
    clothes = np.asarray([COLOURS[name] for name in CLOTHES])[dice.pick(len(CLOTHES))]
    thing = PALETTE[_two(dice)]
    dressed = np.stack([clothes, np.broadcast_to(np.asarray(COLOURS[SKIN]), (n, 3))], axis=1)
    light = draft.light / np.linalg.norm(draft.light, axis=1, keepdims=True)
    return Scenes(
        objects=objects,
        background=draft.background,
        background_colours=_floats(draft.background_colours),
        background_seed=seeds[3],
        horizon=_floats(-0.30 + 0.9 * np.sin(draft.camera_pitch)),
        roll=_floats(draft.camera_roll),
        light=_floats(light),
        ambient=_floats(draft.ambient),
        exposure=_floats(draft.exposure),
        tint=_floats(draft.tint),
        style=draft.style,
        occluder=draft.occluder,
        occluder_centre=_floats(draft.centre + beside * np.where(person, 1.4, 1.0)[:, None]),
        occluder_size=_floats(np.where(person, 1.0, 0.95) * np.clip(draft.scale, 0.3, 0.9) * dice.uniform(0.75, 1.1)),
        occluder_colours=_floats(np.where(person[:, None, None], dressed, thing)),
    )


def _objects(
    draft: Draft, rows: Codes, solid: Codes, texture: Codes, colours: Codes, centre: NDArray[np.float64],
    scale: NDArray[np.float64], seed: Codes, nearness: float = 0.0,
) -> Objects:  # fmt: skip
    own = rotation(draft.yaw[rows], draft.pitch[rows], draft.roll[rows])
    seen = rotation(draft.camera_yaw[rows], draft.camera_pitch[rows], draft.camera_roll[rows])
    return Objects(
        scene=rows, solid=solid, texture=texture, colours=_floats(PALETTE[colours]), rotation=_floats(seen @ own),
        centre=_floats(centre), scale=_floats(scale), stretch=_floats(draft.stretch[rows]),
        nearness=np.full(len(rows), nearness, dtype=np.float32), gloss=_floats(draft.gloss[rows]),
        fineness=_floats(draft.fineness[rows]), seed=seed,
    )  # fmt: skip


def _two(dice: Dice) -> Codes:
    """Two colours of each picture, positions in ``COLOURS``, (n, 2)."""
    return np.stack([dice.pick(len(PALETTE)), dice.pick(len(PALETTE))], axis=1)


def _floats(values: NDArray[Any]) -> Floats:
    return np.ascontiguousarray(values, dtype=np.float32)


def narrow_scenes(world: str, numbers: Sequence[int] | Codes) -> tuple[Draft, Scenes]:
    """Pictures of the narrow world by their numbers."""
    dice = Dice(world, numbers)
    draft = narrow(dice)
    return draft, scenes(dice, draft)


def wide_scenes(world: str, numbers: Sequence[int] | Codes) -> tuple[Draft, Scenes]:
    """Pictures of the wide world by their numbers."""
    dice = Dice(world, numbers)
    draft = wide(dice)
    return draft, scenes(dice, draft)
