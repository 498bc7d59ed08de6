"""ImageNet's validation images, in class folders or flat, identified by their file names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.frame import Frame, sorted_unique
from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.labels import read_labels
from demeanour.datasets.pictures.class_folders import FolderLabels, check_missing, labels_of_folders
from demeanour.datasets.pictures.labelled import agreed_classes
from demeanour.datasets.pictures.listing import check_images, list_pictures, of_files, shown
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.errors import EvidenceError


def read_imagenet(
    root: Path,
    data: str,
    *,
    classes: int | None,
    images: int | None,
    label_space: LabelSpace | None,
    labels: Path | None,
    class_index: Path | None,
    memo_root: Path,
) -> Pictures:
    """Open ImageNet's validation images: ``n01440764/ILSVRC2012_val_00000293.JPEG`` or flat.

    Ids are file names, by which ImageNet-X, ReaL and published predictions know the images.

    Args:
        root: The folder of the class folders or of the images.
        data: The name of the data set in the cast.
        classes: How many classes the labels count; None where folders or the label space tell.
        images: How many images there must be: some of the 50,000 will do, if they are meant to be some; None where
            that is not known.
        label_space: How a model's classes become the data set's; the labels count the latter.
        labels: CSV of ``file_name`` and ``label``; wherever the images lie, it tells their classes.
        class_index: JSON with the names of the model's classes, where folders are not ImageNet's synsets.
        memo_root: Where hashes of contents are remembered.

    Raises:
        NotMeasuredError: The folder, the CSV or a list of names is missing.
        EvidenceError: Images lie flat and there is no CSV, one has no label, two have one name, there are more or
            fewer than there must be, or class folders are not as `labels_of_folders` wants them.
    """
    listing = list_pictures(root, data)
    ids = np.asarray([name.rpartition("/")[2] for name in listing.names], dtype=np.str_)
    order = sorted_unique(ids, str(root))
    if labels is not None:
        told = _labels_of_names(ids, labels, data, classes, label_space, images)
    elif not listing.folders:
        raise EvidenceError(
            f"{root}: its images lie in no class folders; name a CSV of `file_name` and `label` (`labels`) on the card"
        )
    else:
        told = labels_of_folders(listing, classes, label_space, class_index)
    check_images(len(ids), images, listing, data, told.missing)
    missing = check_missing(told.missing, images, str(root))
    frame = Frame(data, ids[order], {"label": told.values[order]}, told.classes)
    notes = (*(label_space.notes if label_space else ()), *told.notes, *missing)
    return of_files(frame, listing, np.asarray(listing.names, dtype=np.str_)[order], notes, memo_root)


def _labels_of_names(
    ids: NDArray[np.str_], path: Path, data: str, classes: int | None, space: LabelSpace | None, images: int | None
) -> FolderLabels:
    known = read_labels(path, data, agreed_classes(str(path), {"the card": classes}, space))
    rows = np.minimum(np.searchsorted(known.ids, ids), len(known.ids) - 1)
    unknown = ids[known.ids[rows] != ids].tolist()
    if unknown:
        raise EvidenceError(f"{path}: has no label of {shown(unknown)}; name the CSV that lists these images")
    others = len(known.ids) - len(ids)
    if others and images is None:
        raise EvidenceError(
            f"{path}: labels of {len(known.ids):,} images, of which {len(ids):,} are here; "
            f"obtain the others, or say on the card that `images: {len(ids)}` are meant"
        )
    notes = (f"{path.name} has labels of {others:,} more images, which are not here",) if others else ()
    return FolderLabels(known.columns["label"].astype(np.int64)[rows], known.classes, (), notes)
