"""What is known of validation images beside their pixels: class index, ReaL's label sets, ImageNet-X's factors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.imagenet_x import ANNOTATIONS, PROTOTYPES
from demeanour.datasets.multilabel import NAME_OF_VAL
from demeanour.files import write_whole
from demeanour.miniature.formats.files import table, write_tree
from demeanour.miniature.formats.pictures import check_ids, check_labels, check_sets
from demeanour.miniature.names import CLASSES, KINDS
from demeanour.vocabulary import FACTORS

ANNOTATIONS_OF_SEVERAL = "imagenet_x_val_multi_factor.jsonl"
LABELS = "filename_label.csv"

NONE = -1   # an image without a top factor; the original has two

_FACTORS_AS_WRITTEN = (
    "multiple_objects", "background", "color", "brighter", "darker", "style", "larger", "smaller", "object_blocking",
    "person_blocking", "partial_view", "pattern", "pose", "shape", "subcategory", "texture",
)  # fmt: skip


def write_class_index(path: Path) -> None:
    """The classes' synsets and names, as Keras and torchvision have them: ``{"0": ["n90000000", "ball"], …}``."""
    write_whole(path, json.dumps({str(index): [kind.synset, kind.name] for index, kind in enumerate(KINDS)}))


def write_real(path: Path, ids: NDArray[np.integer], label_sets: Sequence[Sequence[int]]) -> None:
    """ReaL (Beyer et al., 2020): JSON with the list of right labels of each validation image, in their order.

    Args:
        path: Of ``real.json``.
        ids: The images' numbers, 1 … n in any order, (n,).
        label_sets: The class indices that are right for each of them; none where people agreed on none.

    Raises:
        ValueError: There are not as many sets as numbers, or a label is no class index or stands twice.
    """
    check_ids(ids)
    if len(label_sets) != len(ids):
        raise ValueError(f"{len(label_sets)} sets of labels for {len(ids)} images")
    check_sets(label_sets)
    write_whole(path, json.dumps([[int(label) for label in label_sets[row]] for row in np.argsort(ids)]))


def write_imagenet_x(
    folder: Path,
    ids: NDArray[np.integer],
    labels: NDArray[np.integer],
    factors: NDArray[np.bool_],
    top: NDArray[np.integer],
    prototypes: NDArray[np.bool_],
    justifications: Sequence[str],
    words: Sequence[str],
) -> None:
    """ImageNet-X (Idrissi et al., 2022): the factors in which validation images differ from their class's prototypes.

    Two files of annotations in JSON, of all factors and of the one that matters most, one of the prototypes and one
    of all labels. Prototypes are annotated too, as most of the original's are; a reader leaves them out.

    Args:
        folder: To be made.
        ids: The images' numbers, 1 … n in any order, (n,).
        labels: Class indices, (n,).
        factors: Which factors hold, in the order of ``FACTORS``; (n, 16).
        top: The most important of an image's factors, as position in ``FACTORS``, or −1; (n,).
        prototypes: Which images are prototypes, (n,).
        justifications: A sentence on each image.
        words: One word on each image.

    Raises:
        ValueError: The columns do not fit, a label is none, or a top factor is not among the image's factors.
        FileExistsError: The folder is there.
    """
    check_ids(ids)
    columns = {"labels": labels, "factors": factors, "top factors": top, "prototypes": prototypes,
               "justifications": justifications, "words": words}   # fmt: skip
    for name, values in columns.items():
        if len(values) != len(ids):
            raise ValueError(f"{len(values)} {name} for {len(ids)} images")
    check_labels(labels, len(CLASSES))
    for name, flags, shape in (("factors", factors, (len(ids), len(FACTORS))), ("prototypes", prototypes, (len(ids),))):
        if flags.dtype != np.bool_ or flags.shape != shape:
            raise ValueError(f"{name} are bool {shape}, found {flags.dtype} {flags.shape}")
    check_labels(top[top != NONE], len(FACTORS))
    tops = top[:, None] == np.arange(len(FACTORS))
    if (tops & ~factors).any():
        count = int((tops & ~factors).any(axis=1).sum())
        raise ValueError(f"the top factor of {count} images is none of their factors")

    names = [NAME_OF_VAL.format(number) for number in ids.tolist()]
    by_class = np.lexsort((ids, labels)).tolist()   # the original's order, of all files but the annotations

    def annotations(flags: NDArray[np.bool_]) -> bytes:
        rows = (
            {"file_name": names[row], "class": int(labels[row])}
            | {name: int(flags[row, FACTORS.index(name)]) for name in _FACTORS_AS_WRITTEN}
            | {"justification": justifications[row], "one_word": words[row]}
            for row in np.argsort(ids).tolist()
        )
        return "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows).encode()

    prototype_rows = ([names[row]] for row in by_class if prototypes[row])
    write_tree(folder, [
        (ANNOTATIONS, annotations(tops)),
        (ANNOTATIONS_OF_SEVERAL, annotations(factors)),
        (PROTOTYPES, table(["file_name"], prototype_rows)),
        (LABELS, table(["file_name", "label"], ([names[row], int(labels[row])] for row in by_class))),
    ])  # fmt: skip
