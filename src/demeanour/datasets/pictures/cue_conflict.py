"""Cue-conflict images as files: ``cat/cat3-elephant1.png`` (Geirhos et al., 2019)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from demeanour.datasets.cue_conflict import cue_conflict_frame
from demeanour.datasets.frame import sorted_unique
from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.pictures.class_folders import check_missing
from demeanour.datasets.pictures.class_index import read_class_index
from demeanour.datasets.pictures.labelled import agreed_classes
from demeanour.datasets.pictures.listing import Listing, check_images, list_pictures, of_files
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.errors import EvidenceError
from demeanour.vocabulary import CATEGORIES


def read_cue_conflict(
    root: Path,
    data: str,
    *,
    classes: int | None,
    images: int | None,
    label_space: LabelSpace | None,
    class_index: Path | None,
    memo_root: Path,
) -> Pictures:
    """Open cue-conflict images; ids are file names, which people's and models' published answers have too.

    Args:
        root: The folder with a folder for each shape.
        data: The name of the data set in the cast.
        classes: How many categories there are; None where that is not known.
        images: How many images there must be, with those that hold no conflict and are left out; None where that is
            not known.
        label_space: The categories of a model's classes; its names are the categories.
        class_index: JSON with the names of the categories, in the order of the labels. Without it and names in the
            label space, they are the published 16, or where no folder is one of these, the sorted folders.
        memo_root: Where hashes of contents are remembered.

    Raises:
        NotMeasuredError: The folder is missing.
        EvidenceError: A name is not of the form or of no category, an image lies in another folder than its shape's,
            a shape is missing (without ``images``), or there are more or fewer than there must be.
    """
    listing = list_pictures(root, data)
    categories, notes = _categories(listing, label_space, class_index)
    agreed_classes(str(root), {"the card": classes, "its categories": len(categories)}, label_space)
    ids = np.asarray([name.rpartition("/")[2] for name in listing.names], dtype=np.str_)
    order = sorted_unique(ids, str(root))
    names = np.asarray(listing.names, dtype=np.str_)[order]
    frame = cue_conflict_frame(ids[order], data, categories)
    rows = np.searchsorted(ids[order], frame.ids)
    for name, shape in zip(names[rows].tolist(), frame.columns["shape"].tolist(), strict=True):
        if name.rpartition("/")[0] != categories[shape]:
            raise EvidenceError(f"{root}: '{name}' does not lie in the folder of its shape, {categories[shape]}")
    absent = tuple(name for name in categories if name not in listing.folders)
    check_images(len(ids), images, listing, data, absent)
    missing = check_missing(absent, images, str(root))
    alike = len(ids) - len(rows)
    left_out = (f"{alike:,} images whose shape and texture are of one class are left out",) if alike else ()
    space = label_space.notes if label_space else ()
    return of_files(frame, listing, names[rows], (*space, *notes, *missing, *left_out), memo_root)


def _categories(
    listing: Listing, space: LabelSpace | None, class_index: Path | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The categories in the order of the labels, and a note where that is a guess."""
    if class_index is not None:
        return read_class_index(class_index).names, ()
    if space is not None and space.names:
        return space.names, ()
    if not listing.folders or set(listing.folders) & set(CATEGORIES):
        return CATEGORIES, ()
    note = f"categories are the sorted folders: {listing.folders[0]} = 0, …, {listing.folders[-1]}"
    return tuple(listing.folders), (note,)
