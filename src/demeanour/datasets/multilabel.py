"""Images with several right labels: ImageNet-ReaL (Beyer et al., 2020), ImageNet-Hard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from demeanour.datasets.frame import Frame, sorted_unique
from demeanour.datasets.json_file import read_json
from demeanour.errors import EvidenceError

NAME_OF_VAL = "ILSVRC2012_val_{:08d}.JPEG"
NONE = -1   # fills the rows of images with fewer labels than others


def read_label_sets(path: Path, data: str, classes: int) -> Frame:
    """Read JSON with the set of right labels of each image; images without any label are left out.

    Args:
        path: A list of sets in the order of ImageNet's validation images, as ReaL has it (3,163 of 50,000 are empty),
            or an object from image names to sets.
        data: The name of the data set in the cast.
        classes: How many classes the labels count.

    Returns:
        A frame with ``label_set``, (n, largest set) of int, filled up with −1.

    Raises:
        NotMeasuredError: The file is missing.
        EvidenceError: It is no such JSON, a label is no class index, or no image has a label.
    """
    found = read_json(path, f"holds the label sets of {data}")
    if isinstance(found, list):
        found = {NAME_OF_VAL.format(number): labels for number, labels in enumerate(found, start=1)}
    if not isinstance(found, dict):
        raise EvidenceError(f"{path}: expected a list of label sets, or an object from image names to them")
    for name, labels in found.items():
        if not _is_set(labels, classes):
            raise EvidenceError(f"{path}: '{name}': expected different classes in 0 … {classes - 1}, found {labels}")
    labelled = {name: labels for name, labels in found.items() if labels}
    if not labelled:
        raise EvidenceError(f"{path}: no image has a label")
    ids = np.asarray(list(labelled), dtype=np.str_)
    sets = np.full((len(ids), max(map(len, labelled.values()))), NONE)
    for row, labels in enumerate(labelled.values()):
        sets[row, : len(labels)] = labels
    order = sorted_unique(ids, str(path))
    return Frame(data, ids[order], {"label_set": sets[order]}, classes)


def _is_set(labels: Any, classes: int) -> bool:
    is_list = isinstance(labels, list) and all(type(label) is int and 0 <= label < classes for label in labels)
    return is_list and len(set(labels)) == len(labels)
