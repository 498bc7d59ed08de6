"""Any data set in class folders: ImageNetV2, -A, -R, -Sketch, or a user's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from demeanour.datasets.frame import Frame
from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.pictures.class_folders import check_missing, labels_of_folders
from demeanour.datasets.pictures.listing import check_images, list_pictures, of_files
from demeanour.datasets.pictures.pictures import Pictures


def read_folder(
    root: Path,
    data: str,
    *,
    classes: int | None,
    images: int | None,
    label_space: LabelSpace | None,
    class_index: Path | None,
    memo_root: Path,
) -> Pictures:
    """Open a data set with a folder for each class; ids are paths below ``root``: ``n01440764/cartoon_0.jpg``.

    Args:
        root: The folder that holds the class folders; for their names see `labels_of_folders`.
        data: The name of the data set in the cast.
        classes: How many classes the labels count; None where folders or the label space tell.
        images: How many pictures there must be; None where that is not known.
        label_space: How a model's classes become the data set's; the labels count the latter.
        class_index: JSON with the names of the model's classes.
        memo_root: Where hashes of contents are remembered.

    Raises:
        NotMeasuredError: The folder, or a list of names, is missing.
        EvidenceError: There are no pictures, or more or fewer than there must be; a class folder is unknown, missing
            (without ``images``), empty or double; a picture lies in none; or numbers of classes differ.
    """
    listing = list_pictures(root, data)
    found = labels_of_folders(listing, classes, label_space, class_index)
    check_images(len(listing.names), images, listing, data, found.missing)
    missing = check_missing(found.missing, images, str(root))
    names = np.asarray(listing.names, dtype=np.str_)
    frame = Frame(data, names, {"label": found.values}, found.classes)
    notes = (*(label_space.notes if label_space else ()), *found.notes, *missing)
    return of_files(frame, listing, names, notes, memo_root)
