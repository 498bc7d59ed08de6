"""ImageNet's validation images, and their corruptions (ImageNet-C), in class folders with the original's names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.corruptions import SEVERITIES
from demeanour.datasets.multilabel import NAME_OF_VAL
from demeanour.errors import did_you_mean
from demeanour.miniature.formats.files import write_tree
from demeanour.miniature.formats.pictures import check_classes, check_ids, check_pictures, jpeg
from demeanour.miniature.names import CLASSES, SYNSETS
from demeanour.statistics.seeds import generator
from demeanour.vocabulary import CORRUPTIONS

_QUALITY_OF_CORRUPTED = 85   # the original's; it halves the resolution of colours too, which 64 pixels do not bear


def validation_ids(count: int) -> NDArray[np.int64]:
    """Numbers of validation images that mix the classes, whatever order the images are in.

    Returns:
        (count,): 1 … count, each once; the same for the same count.
    """
    return generator("miniature", "imagenet-val", "ids").permutation(count) + 1


def write_validation(
    folder: Path, images: NDArray[np.uint8], labels: NDArray[np.integer], ids: NDArray[np.integer]
) -> None:
    """ImageNet's validation images (Russakovsky et al., 2015): ``n90000003/ILSVRC2012_val_00000042.JPEG``.

    Args:
        folder: To be made.
        images: (n, 64, 64, 3).
        labels: Class indices, (n,).
        ids: The images' numbers, 1 … n in any order, (n,).

    Raises:
        ValueError: The arrays do not fit, or a class has no image.
        FileExistsError: The folder is there.
    """
    check_pictures(images, labels=labels, ids=ids)
    check_classes(labels, CLASSES)
    check_ids(ids)
    write_tree(folder, ((name, jpeg(image)) for name, image in _named(images, labels, ids)))


def write_corrupted(
    folder: Path,
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    ids: NDArray[np.integer],
    corruption: str,
    severity: int,
) -> None:
    """ImageNet-C (Hendrycks and Dietterich, 2019), one corruption at one severity.

    Names are those of the clean images: ``fog/3/n90000003/ILSVRC2012_val_00000042.JPEG``.

    Args:
        folder: Of the whole set; ``folder/corruption/severity`` is to be made.
        images: Corrupted, (n, 64, 64, 3).
        labels: Class indices, (n,).
        ids: The clean images' numbers, (n,); they need not be all.
        corruption: One of ``CORRUPTIONS``.
        severity: 1 … 5.

    Raises:
        ValueError: The arrays do not fit, a class has no image, or there is no such corruption or severity.
        FileExistsError: The folder of the severity is there.
    """
    if corruption not in CORRUPTIONS:
        raise ValueError(f"'{corruption}' is no corruption of ImageNet-C; {did_you_mean(corruption, CORRUPTIONS)}")
    if severity not in SEVERITIES:
        raise ValueError(f"severities are 1 … {len(SEVERITIES)}, found {severity}")
    check_pictures(images, labels=labels, ids=ids)
    check_classes(labels, CLASSES)
    check_ids(ids, whole=False)
    files = ((name, jpeg(image, _QUALITY_OF_CORRUPTED)) for name, image in _named(images, labels, ids))
    write_tree(folder / corruption / str(severity), files)


def _named(
    images: NDArray[np.uint8], labels: NDArray[np.integer], ids: NDArray[np.integer]
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    for image, label, number in zip(images, labels.tolist(), ids.tolist(), strict=True):
        yield f"{SYNSETS[label]}/{NAME_OF_VAL.format(number)}", image
