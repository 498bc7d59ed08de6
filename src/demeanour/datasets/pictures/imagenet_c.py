"""ImageNet-C (Hendrycks and Dietterich, 2019): CORRUPTION/SEVERITY/SYNSET/NAME, NAME being that of the clean image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from demeanour.datasets.corruptions import SEVERITIES, corruptions_frame
from demeanour.datasets.frame import Frame
from demeanour.datasets.pictures.listing import Listing, check_images, list_pictures, of_files, shown
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.errors import EvidenceError, did_you_mean
from demeanour.vocabulary import CORRUPTIONS

EXTRA = ("gaussian_blur", "saturate", "spatter", "speckle_noise")   # published with it, for validation; in no score


def read_imagenet_c(
    root: Path, data: str, *, classes: int | None, images: int | None, clean: Frame | None, memo_root: Path
) -> Pictures:
    """Open corrupted images, of all corruptions at all severities; ids are their paths below ``root``.

    Args:
        root: The folder with a folder for each corruption.
        data: The name of the data set in the cast.
        classes: How many classes the labels count; None where that is not known.
        images: How many images there must be; None where that is not known.
        clean: The frame of the clean images, with their labels.
        memo_root: Where hashes of contents are remembered.

    Raises:
        NotMeasuredError: The folder is missing.
        EvidenceError: A corruption or a severity is missing or unknown, some hold other images than others, an image's
            clean one is unknown or its class another, or there are more or fewer than there must be.
    """
    if clean is None or "label" not in clean.columns:
        raise EvidenceError(f"{root}: {data} has the labels of the clean images; name their set (`clean`) on the card")
    if classes not in (None, clean.classes):
        raise EvidenceError(f"{root}: {classes} classes by the card, but the clean images have {clean.classes}")
    listing = list_pictures(root, data)
    left_out = [name for name in listing.folders if name in EXTRA]
    listing = _of_the_fifteen(listing)
    ids = np.asarray(listing.names, dtype=np.str_)
    frame = corruptions_frame(ids, clean, data)
    _check_whole(frame, root)
    _check_classes(frame, listing.names, clean, root)
    check_images(len(ids), images, listing, data)
    notes = (f"{', '.join(left_out)}: not among the 15 corruptions, left out",) if left_out else ()
    return of_files(frame, listing, ids, notes, memo_root)


def _of_the_fifteen(listing: Listing) -> Listing:
    folders = [name for name in listing.folders if name not in EXTRA]
    unknown = [name for name in folders if name not in CORRUPTIONS]
    if unknown:
        hint = did_you_mean(unknown[0], CORRUPTIONS)
        raise EvidenceError(f"{listing.root}: the folder {shown(unknown)} is no corruption of ImageNet-C; {hint}")
    missing = [name for name in CORRUPTIONS if name not in folders]
    if missing:
        raise EvidenceError(f"{listing.root}: the corruption {shown(missing, 15)} is missing")
    if len(folders) == len(listing.folders):
        return listing
    return listing.only([name for name in listing.names if name.partition("/")[0] in CORRUPTIONS], folders)


def _check_whole(frame: Frame, root: Path) -> None:
    """All corruptions have all severities, of the same clean images."""
    sources, severities = frame.columns["source"], len(SEVERITIES)
    part = frame.columns["corruption"].astype(np.int64) * severities + frame.columns["severity"].astype(np.int64) - 1
    counts = np.bincount(part, minlength=len(CORRUPTIONS) * severities)
    names = [f"{corruption}/{severity}" for corruption in CORRUPTIONS for severity in SEVERITIES]
    empty = [name for name, count in zip(names, counts.tolist(), strict=True) if not count]
    if empty:
        raise EvidenceError(f"{root}: {shown(empty, 10)} is missing, or holds no picture")
    first = np.unique(sources[part == 0])
    for row, name in enumerate(names):
        if not np.array_equal(np.unique(sources[part == row]), first):
            raise EvidenceError(
                f"{root}: {name} holds {counts[row]:,} images, not those of {names[0]} ({counts[0]:,}); "
                "obtain the missing ones, or remove those that the others lack"
            )


def _check_classes(frame: Frame, names: Sequence[str], clean: Frame, root: Path) -> None:
    """The images of a class folder are of one class, by the labels of the clean ones."""
    labels: dict[str, int] = {}
    for name, label in zip(names, frame.columns["label"].tolist(), strict=True):
        folder = name.rsplit("/", 2)[-2]
        if labels.setdefault(folder, label) != label:
            raise EvidenceError(
                f"{root}: by the labels of {clean.data}, images of {folder} are of the classes {labels[folder]} and "
                f"{label}; name the clean images' own labels"
            )
