"""ImageNetV2, -A, -R and -Sketch: class folders like ImageNet's, with the names of each original."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanour.errors import did_you_mean
from demeanour.miniature.formats.files import refuse_duplicates, write_tree
from demeanour.miniature.formats.pictures import check_classes, check_labels, check_pictures, counted, jpeg
from demeanour.miniature.names import CLASSES, CLASSES_A, CLASSES_R, RENDITIONS, SYNSETS


def write_v2(folder: Path, images: NDArray[np.uint8], labels: NDArray[np.integer]) -> None:
    """ImageNetV2 (Recht et al., 2019): ``3/0328e6b72e2cec4cffa0e0f22451adb882e194d8.jpeg``.

    Folders are class indices without leading zeros: their alphabetical order (0, 1, 10, …) is not that of classes.

    Args:
        folder: To be made.
        images: (n, 64, 64, 3), all different: they are named by what they show.
        labels: Class indices, (n,).

    Raises:
        ValueError: The arrays do not fit, a class has no image, or two images are the same.
        FileExistsError: The folder is there.
    """
    check_pictures(images, labels=labels)
    check_classes(labels, CLASSES)
    contents = [jpeg(image) for image in images]
    names = [hashlib.sha1(content, usedforsecurity=False).hexdigest() for content in contents]
    refuse_duplicates(names, "images named by their contents")
    files = zip(labels.tolist(), names, contents, strict=True)
    write_tree(folder, ((f"{label}/{name}.jpeg", content) for label, name, content in files))


def write_a(
    folder: Path,
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    guesses: NDArray[np.integer],
    of_label: NDArray[np.floating],
    of_guess: NDArray[np.floating],
) -> None:
    """ImageNet-A (Hendrycks et al., 2021): ``n90000003/0.000116_cube _ cube_0.865662.jpg``.

    A name tells what a classifier took the image for: a small probability, the guess (twice, where the original has
    those of two classifiers), and the guess's probability.

    Args:
        folder: To be made.
        images: (n, 64, 64, 3).
        labels: Indices of the world's classes, of ``CLASSES_A`` only, (n,).
        guesses: Indices of the world's classes, all of them wrong, (n,).
        of_label: Probability of the true class, (n,).
        of_guess: Probability of the guess, (n,).

    Raises:
        ValueError: The arrays do not fit, a class has no image or is not of the set, a guess is right, a number is
            no probability, or two images have the same name.
        FileExistsError: The folder is there.
    """
    check_pictures(images, labels=labels, guesses=guesses, of_label=of_label, of_guess=of_guess)
    check_classes(labels, CLASSES_A)
    check_labels(guesses, len(CLASSES))
    if (labels == guesses).any():
        raise ValueError(f"{int((labels == guesses).sum())} guesses are right; ImageNet-A holds what was mistaken")
    for values in (of_label, of_guess):
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError("probabilities must lie in 0 … 1")
    names = [
        f"{SYNSETS[label]}/{low:.6f}_{CLASSES[guess]} _ {CLASSES[guess]}_{high:.6f}.jpg"
        for label, guess, low, high in zip(
            labels.tolist(), guesses.tolist(), of_label.tolist(), of_guess.tolist(), strict=True
        )
    ]
    _write(folder, names, images)


def write_r(folder: Path, images: NDArray[np.uint8], labels: NDArray[np.integer], renditions: Sequence[str]) -> None:
    """ImageNet-R (Hendrycks et al., 2021): ``n90000003/cartoon_7.jpg``, counted from 0 in each class and rendition.

    Args:
        folder: To be made.
        images: (n, 64, 64, 3).
        labels: Indices of the world's classes, of ``CLASSES_R`` only, (n,).
        renditions: n of ``RENDITIONS``.

    Raises:
        ValueError: The arrays do not fit, a class has no image or is not of the set, or a rendition is unknown.
        FileExistsError: The folder is there.
    """
    check_pictures(images, labels=labels, renditions=renditions)
    check_classes(labels, CLASSES_R)
    for rendition in renditions:
        if rendition not in RENDITIONS:
            raise ValueError(f"'{rendition}' is no rendition; {did_you_mean(rendition, RENDITIONS)}")
    stems = [f"{SYNSETS[label]}/{rendition}" for label, rendition in zip(labels.tolist(), renditions, strict=True)]
    _write(folder, (f"{stem}_{number}.jpg" for stem, number in counted(stems)), images)


def write_sketch(folder: Path, images: NDArray[np.uint8], labels: NDArray[np.integer]) -> None:
    """ImageNet-Sketch (Wang et al., 2019): ``n90000003/sketch_7.JPEG``, counted from 0 in each class.

    Args:
        folder: To be made.
        images: (n, 64, 64, 3).
        labels: Class indices, (n,).

    Raises:
        ValueError: The arrays do not fit, or a class has no image.
        FileExistsError: The folder is there.
    """
    check_pictures(images, labels=labels)
    check_classes(labels, CLASSES)
    synsets = [SYNSETS[label] for label in labels.tolist()]
    _write(folder, (f"{synset}/sketch_{number}.JPEG" for synset, number in counted(synsets)), images)


def _write(folder: Path, names: Iterable[str], images: NDArray[np.uint8]) -> None:
    write_tree(folder, ((name, jpeg(image)) for name, image in zip(names, images, strict=True)))
