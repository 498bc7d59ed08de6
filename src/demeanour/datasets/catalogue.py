"""The published data sets: sizes that a table must match, and where to obtain them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A published data set.

    Attributes:
        images: How many images it has.
        classes: How many classes its labels count.
        obtain: Where a user gets it.
        images_of: The data set whose images it annotates, where it has none of its own.
        made_from: The data set whose images it was made from, one or several of its own from each.
        chosen_from: Data sets some of whose images are its own.
    """

    images: int
    classes: int
    obtain: str
    images_of: str | None = None
    made_from: str | None = None
    chosen_from: tuple[str, ...] = ()


PUBLISHED = {
    "imagenet-val": Published(50_000, 1000, "ILSVRC 2012 validation images, https://image-net.org"),
    "imagenet-x": Published(
        46_110,
        1000,
        "annotations and prototypes of https://github.com/facebookresearch/imagenetx",
        images_of="imagenet-val",
    ),
    "imagenet-real": Published(
        46_837,
        1000,
        "real.json of https://github.com/google-research/reassessed-imagenet",
        images_of="imagenet-val",
    ),
    "imagenet-c": Published(
        3_750_000, 1000, "https://github.com/hendrycks/robustness", made_from="imagenet-val"
    ),
    "imagenet-a": Published(7_500, 200, "https://github.com/hendrycks/natural-adv-examples"),
    "imagenet-r": Published(30_000, 200, "https://github.com/hendrycks/imagenet-r"),
    "imagenet-sketch": Published(50_889, 1000, "https://github.com/HaohanWang/ImageNet-Sketch"),
    "imagenet-hard": Published(   # as its card tells; and from ObjectNet
        10_980,
        1000,
        "https://huggingface.co/datasets/taesiri/imagenet-hard",
        chosen_from=(
            "imagenet-val", "imagenet-real", "imagenetv2", "imagenet-a", "imagenet-c", "imagenet-r", "imagenet-sketch",
        ),
    ),
    "imagenetv2": Published(10_000, 1000, "matched-frequency set of https://github.com/modestyachts/ImageNetV2"),
    "cue-conflict": Published(1280, 16, "style-transfer images of https://github.com/rgeirhos/texture-vs-shape"),
    "pug-imagenet": Published(
        88_328, 151, "PUG_IMAGENET.tar.gz (27 GB) and class_to_imagenet_idx.json of https://github.com/facebookresearch/PUG"
    ),
}


def made_from(data: str) -> str | None:
    """The data set whose images ``data`` was made from, or None."""
    known = PUBLISHED.get(data)
    return known.made_from if known else None


def chosen_from(data: str) -> tuple[str, ...]:
    """The data sets some of whose images are those of ``data``."""
    known = PUBLISHED.get(data)
    return known.chosen_from if known else ()


def images_of(data: str) -> str | None:
    """The data set whose images ``data`` annotates, or None where it has its own."""
    known = PUBLISHED.get(data)
    return known.images_of if known else None
