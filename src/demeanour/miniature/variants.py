"""The validation set and its relatives: V2, A, R, Sketch and Hard, and what is known of their pictures.

Every function draws the pictures of the numbers that it is given, whatever the others are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.scenes import Codes, Scenes
from demeanour.miniature.names import CLASSES, CLASSES_A, CLASSES_R, RENDITIONS, STYLES
from demeanour.miniature.worlds import PALETTE, Draft, deviate, narrow, scenes, usual
from demeanour.vocabulary import FACTORS

Numbers = Sequence[int] | Codes

HARD_FACTORS = ("smaller", "partial_view", "darker", "object_blocking", "person_blocking", "texture", "pose", "style")
UNSEEN = 0.14   # exposure under which nobody would agree on what a picture shows
PROTOTYPES_OF_A_CLASS = 3


def validation(numbers: Numbers) -> tuple[Draft, Scenes]:
    """The narrow world, as supervised models learn it."""
    dice = Dice("imagenet-val", numbers)
    draft = narrow(dice)
    return draft, scenes(dice, draft)


def v2(numbers: Numbers) -> tuple[Draft, Scenes]:
    """The narrow world once more, by another photographer: seen from higher up and the side, lit from elsewhere."""
    dice = Dice("imagenetv2", numbers)
    draft = narrow(dice)
    azimuth = dice.uniform(0.3, 1.3)
    moved = draft.but(
        camera_pitch=draft.camera_pitch + dice.uniform(0.1, 0.4), camera_yaw=dice.normal(0.35),
        camera_roll=dice.normal(0.06), centre=draft.centre + np.stack([dice.normal(0.08), dice.normal(0.08)], axis=1),
        scale=draft.scale * dice.uniform(0.75, 1.0), ambient=dice.uniform(0.25, 0.4),
        light=np.stack([np.sin(azimuth), dice.uniform(0.2, 0.7), np.cos(azimuth)], axis=1),
        exposure=draft.exposure * dice.uniform(0.75, 1.1),
    )  # fmt: skip
    return moved, scenes(dice, moved)


def adversarial_pool(numbers: Numbers) -> tuple[Draft, Scenes]:
    """Where A is chosen from: one object of A's classes, always with something unusual, often with several things."""
    dice = Dice("imagenet-a", numbers)
    solid = np.asarray([CLASSES.index(name) for name in CLASSES_A])[dice.pick(len(CLASSES_A))]
    draft = narrow(dice, solid, deviating=1.0, paired=0.0)
    return draft, scenes(dice, draft)


def renditions(numbers: Numbers) -> tuple[Draft, Scenes]:
    """R: the objects of R's classes flat, as cartoons, inverted, as mosaics, paintings and engravings."""
    dice = Dice("imagenet-r", numbers)
    solid = np.asarray([CLASSES.index(name) for name in CLASSES_R])[dice.pick(len(CLASSES_R))]
    draft = _freely(dice, usual(dice, solid))
    styled = draft.but(style=STYLES.index(RENDITIONS[0]) + dice.pick(len(RENDITIONS)))
    return styled, scenes(dice, styled)


def sketches(numbers: Numbers) -> tuple[Draft, Scenes]:
    """Sketch: lines on paper, of all classes."""
    dice = Dice("imagenet-sketch", numbers)
    draft = _freely(dice, usual(dice, dice.pick(len(CLASSES)))).but(style=STYLES.index("sketch"))
    return draft, scenes(dice, draft)


def _freely(dice: Dice, draft: Draft) -> Draft:
    """As an artist would: any colours half of the time, and seen from where it looks best."""
    palette = len(PALETTE)
    any_colours = np.stack([dice.pick(palette), dice.pick(palette)], axis=1)
    colours = np.where(dice.chance(0.5)[:, None], any_colours, draft.colours)
    return draft.but(
        colours=colours, yaw=dice.normal(0.45), roll=dice.normal(0.15), camera_pitch=dice.uniform(0.05, 0.6),
        background_colours=PALETTE[np.stack([dice.pick(palette), dice.pick(palette)], axis=1)],
        scale=dice.uniform(0.5, 0.8),
    )  # fmt: skip


def hard(numbers: Numbers) -> tuple[Draft, Scenes]:
    """Hard: two or three things at once that make a picture hard, and often several right labels."""
    dice = Dice("imagenet-hard", numbers)
    draft = narrow(dice, deviating=0.0, paired=0.35)
    first = dice.pick(len(HARD_FACTORS))
    second = (first + 1 + dice.pick(len(HARD_FACTORS) - 1)) % len(HARD_FACTORS)
    third, has_third = dice.pick(len(HARD_FACTORS)), dice.chance(0.5)
    codes = np.asarray([FACTORS.index(name) for name in HARD_FACTORS])
    deviates, rows = draft.deviates.copy(), np.arange(len(draft))
    deviates[rows, codes[first]] = deviates[rows, codes[second]] = True
    deviates[rows[has_third], codes[third[has_third]]] = True
    hard_draft = deviate(dice, draft.but(deviates=deviates, top=codes[first]))
    return hard_draft, scenes(dice, hard_draft)


def label_sets(draft: Draft) -> list[list[int]]:
    """All classes that a picture shows, the main one first; none where it is too dark for anyone to tell."""
    shown = np.concatenate([draft.solid[:, None], draft.extra], axis=1)
    return [
        [] if exposure < UNSEEN else list(dict.fromkeys(int(solid) for solid in row if 0 <= solid < len(CLASSES)))
        for row, exposure in zip(shown, draft.exposure, strict=True)
    ]


def origins(draft: Draft) -> list[str]:
    """Which of ImageNet's relatives a hard picture would be from."""
    named = {"photo": "imagenet", "sketch": "imagenet_sketch"}
    return [
        "imagenet_a" if STYLES[style] == "photo" and texture else named.get(STYLES[style], "imagenet_r")
        for style, texture in zip(draft.style, draft.deviates[:, FACTORS.index("texture")], strict=True)
    ]


def prototypes(draft: Draft) -> NDArray[np.bool_]:
    """The first few pictures of each class in which nothing deviates, (n,)."""
    plain = draft.top < 0
    found = np.zeros(len(draft), dtype=bool)
    for solid in range(len(CLASSES)):
        found[np.flatnonzero(plain & (draft.solid == solid))[:PROTOTYPES_OF_A_CLASS]] = True
    return found


def justifications(draft: Draft) -> tuple[list[str], list[str]]:
    """A sentence and a word on each picture, as annotators gave them."""
    sentences, words = [], []
    for solid, row, top in zip(draft.solid, draft.deviates, draft.top, strict=True):
        names = [name.replace("_", " ") for name, differs in zip(FACTORS, row, strict=True) if differs]
        usual_one = f"the usual {CLASSES[solid]}"
        sentences.append(f"differs from {usual_one} in {' and '.join(names)}" if names else f"{usual_one}")
        words.append(FACTORS[top].replace("_", " ") if top >= 0 else "usual")
    return sentences, words
