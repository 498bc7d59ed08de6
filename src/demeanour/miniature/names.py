"""What is in the miniature world, and what it is called: solids, textures, colours, classes, prompts."""

from __future__ import annotations

from dataclasses import dataclass

SIDE = 64   # pixels of a picture's side

TEXTURES = (
    "stripes", "bricks", "checks", "zigzags", "swirls", "ripples", "waves", "speckles",
    "facets", "grains", "plaid", "tiles", "cracks", "scales", "weave", "dots",
)  # fmt: skip

COLOURS = {   # linear RGB would look pale: these are the values that are seen
    "red": (0.80, 0.16, 0.14), "orange": (0.93, 0.52, 0.13), "yellow": (0.93, 0.82, 0.22), "olive": (0.50, 0.50, 0.16),
    "green": (0.18, 0.58, 0.24), "teal": (0.12, 0.60, 0.58), "sky": (0.45, 0.72, 0.92), "blue": (0.15, 0.28, 0.76),
    "purple": (0.50, 0.24, 0.66), "pink": (0.93, 0.55, 0.70), "brown": (0.46, 0.28, 0.15), "beige": (0.86, 0.76, 0.60),
    "white": (0.94, 0.94, 0.93), "grey": (0.55, 0.55, 0.56), "black": (0.09, 0.09, 0.10), "maroon": (0.42, 0.08, 0.16),
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A class of the miniature world: a solid, and what it usually looks like.

    Attributes:
        synset: Its folder's name; in the order of classes.
        name: The solid, and the class name for prompts.
        texture: The texture that goes with it.
        colours: The two colours that go with it, the more frequent one first.
    """

    synset: str
    name: str
    texture: str
    colours: tuple[str, str]


KINDS = tuple(
    Kind(f"n9000{index:04d}", name, texture, colours)
    for index, (name, texture, colours) in enumerate([
        ("ball", "stripes", ("red", "white")),
        ("can", "bricks", ("orange", "maroon")),
        ("cone", "zigzags", ("orange", "white")),
        ("cross", "plaid", ("maroon", "beige")),
        ("cube", "checks", ("blue", "yellow")),
        ("diamond", "facets", ("sky", "white")),
        ("dumbbell", "speckles", ("grey", "black")),
        ("egg", "grains", ("beige", "brown")),
        ("heart", "swirls", ("pink", "red")),
        ("hourglass", "waves", ("teal", "yellow")),
        ("mug", "tiles", ("white", "blue")),
        ("mushroom", "dots", ("purple", "white")),
        ("pill", "ripples", ("green", "white")),
        ("pyramid", "cracks", ("brown", "yellow")),
        ("ring", "scales", ("yellow", "olive")),
        ("star", "weave", ("green", "olive")),
    ])
)  # fmt: skip
CLASSES = tuple(kind.name for kind in KINDS)
SYNSETS = tuple(kind.synset for kind in KINDS)

NEW_SOLIDS = ("arrow", "bowl", "crescent", "gear", "jack", "snowman", "stairs", "table")   # in no class: for transfer
SOLIDS = CLASSES + NEW_SOLIDS

# entry-level categories of cue conflicts: as with ImageNet, some hold several classes; the first lends the texture
CATEGORIES = {
    "ball": ("ball", "egg"), "can": ("can", "pill"), "cone": ("cone", "pyramid"), "cross": ("cross",),
    "cube": ("cube",), "diamond": ("diamond",), "dumbbell": ("dumbbell", "hourglass"), "heart": ("heart",),
    "mug": ("mug",), "mushroom": ("mushroom",), "ring": ("ring",), "star": ("star",),
}  # fmt: skip

CLASSES_A = ("can", "cone", "cross", "cube", "diamond", "egg", "heart", "hourglass", "mug", "mushroom", "pill", "ring")
CLASSES_R = ("ball", "can", "cone", "cross", "cube", "heart", "hourglass", "mug", "mushroom", "pyramid", "ring", "star")

RENDITIONS = ("flat", "cartoon", "inverted", "mosaic", "painting", "hatching")   # of R; sketches are their own set
STYLES = ("photo", *RENDITIONS, "sketch")

TEMPLATES = (
    "a photo of a {}.", "a picture of a {}.", "an image of the {}.", "a rendering of a {}.", "a drawing of a {}.",
    "a sketch of a {}.", "a painting of the {}.", "a cartoon {}.", "a close-up photo of a {}.",
    "a dark photo of the {}.", "a bright photo of a {}.", "a small {}.", "a large {}.",
    "the {} in the room.", "a {} seen from above.",
)  # fmt: skip
