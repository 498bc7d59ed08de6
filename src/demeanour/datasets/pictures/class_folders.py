"""The names of class folders, and the labels of the pictures in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.pictures.class_index import ClassIndex, imagenet_class_index, read_class_index
from demeanour.datasets.pictures.labelled import agreed_classes
from demeanour.datasets.pictures.listing import Listing, shown
from demeanour.errors import EvidenceError, did_you_mean

_SYNSET = re.compile(r"n\d{8}")


@dataclass(frozen=True)
class FolderLabels:
    """What class folders say.

    Attributes:
        values: The label of each picture of the listing, (n,).
        classes: How many classes the labels count.
        missing: The names of classes without a folder.
        notes: What a reader of the numbers should know.
    """

    values: NDArray[np.int64]
    classes: int
    missing: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Classes:
    """The data set's classes: the one of each folder, and the names of all in their order."""

    of_folders: Mapping[str, int]
    names: Sequence[str]
    notes: tuple[str, ...] = ()


def labels_of_folders(
    listing: Listing, classes: int | None, label_space: LabelSpace | None, class_index: Path | None
) -> FolderLabels:
    """The labels of pictures in class folders.

    A folder is named by a synset (``n01440764``), by a name of ``class_index`` or by the index of a model's class
    (``17``, ``0017``; never taken in alphabetical order, in which 10 comes before 2), or by a name of the label space.
    Else its class is its rank among the sorted folders, as in torchvision, and a note says so: a model that was
    trained in another order would be judged by wrong labels.

    Args:
        listing: The pictures.
        classes: How many classes the labels count; None where that is not known.
        label_space: How a model's classes become the data set's; the labels count the latter.
        class_index: JSON with the names of the model's classes.

    Raises:
        NotMeasuredError: A list of names is missing.
        EvidenceError: A folder is unknown, is empty or of the same class as another, a picture lies in none, or
            there is another number of classes.
    """
    of_pictures = [name.partition("/")[0] if "/" in name else "" for name in listing.names]
    where = str(listing.root)
    _check_folders(listing, set(of_pictures))
    index = _index(listing.folders, class_index, where)
    if all(map(_is_number, listing.folders)) and not (index and set(listing.folders) & set(index.positions)):
        found = _by_number(listing.folders, index, classes, label_space, where)
    elif index is not None:
        found = _by_name(listing.folders, index, classes, label_space, where)
    else:
        found = _by_own_name(listing.folders, classes, label_space, where)
    values = np.fromiter((found.of_folders[folder] for folder in of_pictures), np.int64, len(of_pictures))
    there = set(found.of_folders.values())
    missing = tuple(name for position, name in enumerate(found.names) if position not in there)
    return FolderLabels(values, len(found.names), missing, found.notes)


def check_missing(missing: Sequence[str], images: int | None, where: str) -> tuple[str, ...]:
    """A note on the classes without a picture.

    Args:
        missing: Their names.
        images: How many pictures the set has, where that is known: then classes that lack them are meant to.
        where: The data set's files, for messages.

    Raises:
        EvidenceError: It is not known.
    """
    if not missing:
        return ()
    if images is None:
        raise EvidenceError(
            f"{where}: no picture of {shown(missing)}; obtain them, or say on the card how many `images` are meant"
        )
    return (f"there is no picture of {shown(missing)}",)


def _check_folders(listing: Listing, used: set[str]) -> None:
    if "" in used:
        stray = [name for name in listing.names if "/" not in name]
        raise EvidenceError(f"{listing.root}: {shown(stray)} lies in no class folder; move it into one, or remove it")
    empty = [name for name in listing.folders if name not in used]
    if empty:
        raise EvidenceError(f"{listing.root}: the folder {shown(empty)} holds no picture; obtain them, or remove it")


def _index(folders: Sequence[str], class_index: Path | None, where: str) -> ClassIndex | None:
    """The names of the model's classes, where they are known."""
    if class_index is not None:
        return read_class_index(class_index)
    others = [name for name in folders if not _SYNSET.fullmatch(name)]
    if others and len(others) < len(folders):
        raise EvidenceError(f"{where}: the folder {shown(others)} is no synset as others are; remove it")
    return None if others else imagenet_class_index()


def _by_name(
    folders: Sequence[str], index: ClassIndex, classes: int | None, space: LabelSpace | None, where: str
) -> _Classes:
    of_model = _distinct(_known(folders, index.positions, index.where, where), where)
    if space is not None:
        agreed_classes(where, {"the card": classes}, space)
        return _in_space(of_model, index.names, space, where)
    if classes not in (None, len(index.names)):
        raise EvidenceError(
            f"{where}: {classes} classes by the card, but its folders are some of {index.where}, which are "
            f"{len(index.names)}; name the `label_space`, or the `class_index` of a model of {classes}"
        )
    return _Classes(of_model, index.names)


def _by_number(
    folders: Sequence[str], index: ClassIndex | None, classes: int | None, space: LabelSpace | None, where: str
) -> _Classes:
    of_model = _distinct({name: int(name) for name in folders}, where)
    told = {"the card": classes} | ({index.where: len(index.names)} if index and space is None else {})
    count = agreed_classes(where, told, space)
    if space is not None:
        return _in_space(of_model, index.names if index else (), space, where)
    wrong = [name for name, number in of_model.items() if number >= count]
    if wrong:
        raise EvidenceError(f"{where}: the folder {shown(wrong)} is no class index in 0 … {count - 1}")
    return _Classes(of_model, index.names if index else [str(number) for number in range(count)])


def _by_own_name(folders: Sequence[str], classes: int | None, space: LabelSpace | None, where: str) -> _Classes:
    if space is not None and space.names:
        agreed_classes(where, {"the card": classes}, space)
        positions = {name: position for position, name in enumerate(space.names)}
        return _Classes(_known(folders, positions, f"the label space '{space.name}'", where), space.names)
    count = agreed_classes(where, {"the card": classes, "its class folders": len(folders)}, space)
    note = (
        f"classes are the ranks of the sorted folders: {folders[0]} = 0, …, {folders[-1]} = {count - 1}; "
        "a model that was trained in another order needs a `class_index`"
    )
    return _Classes({name: rank for rank, name in enumerate(folders)}, folders, (note,))


def _in_space(of_model: Mapping[str, int], names: Sequence[str], space: LabelSpace, where: str) -> _Classes:
    """The data set's own classes of folders that are named by the model's."""
    positions = {index: position for position, group in enumerate(space.groups) for index in group}
    outside = [name for name, index in of_model.items() if index not in positions]
    if outside:
        raise EvidenceError(f"{where}: the folder {shown(outside)} is no class of the label space '{space.name}'")
    named = dict(enumerate(names))
    own = space.names or [" or ".join(named.get(index, str(index)) for index in group) for group in space.groups]
    return _Classes({name: positions[index] for name, index in of_model.items()}, own)


def _known(folders: Sequence[str], positions: Mapping[str, int], known_by: str, where: str) -> dict[str, int]:
    unknown = [name for name in folders if name not in positions]
    if unknown:
        hint = did_you_mean(unknown[0], positions)
        raise EvidenceError(f"{where}: the folder {shown(unknown)} is none of {known_by}; {hint}")
    return {name: positions[name] for name in folders}


def _distinct(of_model: dict[str, int], where: str) -> dict[str, int]:
    seen: dict[int, str] = {}
    for name, index in of_model.items():
        if index in seen:
            raise EvidenceError(f"{where}: the folders '{seen[index]}' and '{name}' are of one class, {index}")
        seen[index] = name
    return of_model


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal()
