"""What people might write under a picture: some of what it shows, in varying words, now and then without the thing."""

from __future__ import annotations

import numpy as np

from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.scenes import BACKGROUNDS, OCCLUDERS
from demeanour.miniature.names import COLOURS, SOLIDS, STYLES, TEXTURES
from demeanour.miniature.worlds import PALETTE, Draft

SURFACE = {
    "stripes": "striped", "bricks": "brick", "checks": "chequered", "zigzags": "zigzag", "swirls": "swirled",
    "ripples": "rippled", "waves": "wavy", "speckles": "speckled", "facets": "patchy", "grains": "wooden",
    "plaid": "plaid", "tiles": "tiled", "cracks": "cracked", "scales": "scaly", "weave": "woven", "dots": "dotted",
}  # fmt: skip
WORKS = {   # what a picture of each style is called
    "photo": ("a photo of", "a picture of", "an image of", "a snapshot of", ""),
    "flat": ("a flat picture of", "a silhouette of"),
    "cartoon": ("a cartoon of", "a comic of", "a drawing of"), "inverted": ("a negative of", "an inverted photo of"),
    "mosaic": ("a mosaic of", "a pixelated picture of"), "painting": ("a painting of", "an oil painting of"),
    "hatching": ("an engraving of", "a hatched drawing of"),
    "sketch": ("a sketch of", "a line drawing of", "a drawing of"),
}  # fmt: skip
BEHIND = {
    "plain": ("on {} background", "in front of {} wall"), "gradient": ("on {} background",),
    "room": ("in a room", "on {} floor", "in an empty room"), "wallpaper": ("in front of wallpaper",),
    "grass": ("in the grass", "in front of a rug"), "clouds": ("in the sky", "under clouds"),
    "chequered floor": ("on a chequered floor",), "lights": ("in front of blurred lights",),
}  # fmt: skip
BEFORE = {
    "post": "behind a post", "board": "behind a board", "leaves": "behind leaves", "box": "behind a box",
    "person": "behind a person",
}
COLOURLESS = {"hatching", "sketch"}
NAMELESS = 0.06   # share of captions that do not say what the thing is


def captions(dice: Dice, draft: Draft) -> list[str]:
    """A caption for each picture.

    Args:
        dice: Of the pictures, the same that the draft was made with.
        draft: What the pictures show.
    """
    n = len(draft)
    names = list(COLOURS)
    background = np.linalg.norm(draft.background_colours[:, 0, None] - PALETTE[None], axis=-1).argmin(axis=1)
    says = {
        word: dice.chance(share)
        for word, share in (
            ("work", 0.8), ("size", 0.35), ("colour", 0.55), ("surface", 0.55), ("light", 0.6), ("gloss", 0.5),
            ("behind", 0.45), ("before", 0.8), ("extra", 0.8), ("above", 0.3), ("crop", 0.5), ("the", 0.2),
        )
    }  # fmt: skip
    nameless, wording = dice.chance(NAMELESS), dice.throw()
    found = []
    for i in range(n):
        style = STYLES[draft.style[i]]
        coloured = style not in COLOURLESS

        def one_of(words: tuple[str, ...], i: int = i) -> str:
            return words[int(wording[i] * len(words))]

        thing = []
        if says["size"][i] and not 0.4 < draft.scale[i] < 0.85:
            thing.append("small" if draft.scale[i] < 0.4 else "large")
        if says["gloss"][i] and draft.gloss[i] > 0.7 and style == "photo":
            thing.append("shiny")
        if says["colour"][i] and coloured and style != "inverted":
            thing.append(names[draft.colours[i, 0]])
        if says["surface"][i] and style not in {*COLOURLESS, "flat", "cartoon"}:
            thing.append(SURFACE[TEXTURES[draft.texture[i]]] if draft.texture[i] >= 0 else "plain")
        thing.append("thing" if nameless[i] else SOLIDS[draft.solid[i]])
        words = [with_article(" ".join(thing), bool(says["the"][i]))]
        if says["extra"][i]:
            words += [f"and {with_article(SOLIDS[solid])}" for solid in draft.extra[i] if solid >= 0]
        if says["above"][i] and draft.camera_pitch[i] > 0.65:
            words.append("seen from above")
        if says["crop"][i] and np.abs(draft.centre[i]).max() > 0.75:
            words.append("at the edge of the picture")
        if says["before"][i] and draft.occluder[i] > 0:
            words.append(BEFORE[OCCLUDERS[draft.occluder[i]]])
        if says["behind"][i] and style in {"photo", "painting"}:
            words.append(one_of(BEHIND[BACKGROUNDS[draft.background[i]]]).format(with_article(names[background[i]])))
        if says["light"][i] and style == "photo" and not 0.45 < draft.exposure[i] < 1.6:
            words.append("in the dark" if draft.exposure[i] < 0.45 else "in bright light")
        if says["work"][i]:
            words.insert(0, one_of(WORKS[style]))
        found.append(" ".join(word for word in words if word))
    return found


def with_article(thing: str, definite: bool = False) -> str:
    """``an egg``, ``a cube``, ``the cube``."""
    if definite:
        return f"the {thing}"
    return f"{'an' if thing.startswith((*'aeio', 'hour')) else 'a'} {thing}"
