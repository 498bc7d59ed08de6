"""Which of a model's classes a name stands for: ImageNet's synsets, or the names that a user gives."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demeanour.datasets.json_file import read_json
from demeanour.datasets.label_spaces import imagenet_synsets
from demeanour.errors import EvidenceError


@dataclass(frozen=True)
class ClassIndex:
    """The names of a model's classes.

    Attributes:
        where: What messages call it.
        names: One name of each class, in their order.
        positions: For each name that stands for one class only, its index; a class may have several names.
    """

    where: str
    names: tuple[str, ...]
    positions: dict[str, int]


def imagenet_class_index() -> ClassIndex:
    """ImageNet's 1000 synsets, from timm's lists.

    Raises:
        NotMeasuredError: timm, which has the list, is not installed.
    """
    synsets = imagenet_synsets()
    return ClassIndex("ImageNet's synsets", synsets, {name: index for index, name in enumerate(synsets)})


def read_class_index(path: Path) -> ClassIndex:
    """Read a class index from JSON.

    It is a list of names in the model's order; an object from indices to names (``{"0": "tench", …}``), or to several
    of them as Keras and torchvision have it (``{"0": ["n01440764", "tench"], …}``); or an object from names to indices
    (``ImageFolder.class_to_idx``). Names that several classes share, as two of ImageNet's are called crane, stand for
    none of them.

    Raises:
        NotMeasuredError: The file is missing.
        EvidenceError: It is no such JSON, or an index is missing.
    """
    names = _names_of_classes(read_json(path, "tells which class of the model a folder's name stands for"))
    if names is None:
        raise EvidenceError(
            f"{path}: expected a list of class names, an object from class indices to names (all of 0, 1, 2, …), or "
            "one from names to indices"
        )
    times = Counter(name for of_class in names for name in of_class)
    positions = {name: index for index, of_class in enumerate(names) for name in of_class if times[name] == 1}
    nameless = [index for index, of_class in enumerate(names) if not any(name in positions for name in of_class)]
    if nameless:
        told = ", ".join(names[nameless[0]])
        raise EvidenceError(f"{path}: class {nameless[0]} ('{told}') has no name that is its own")
    return ClassIndex(str(path), tuple(of_class[0] for of_class in names), positions)


def _names_of_classes(found: Any) -> list[list[str]] | None:
    """For each class its names, or None where something else was found."""
    if isinstance(found, dict) and found and all(type(index) is int for index in found.values()):
        turned: dict[str, list[str]] = {}
        for name, index in found.items():
            turned.setdefault(str(index), []).append(name)
        found = turned
    if isinstance(found, dict):
        if set(found) != {str(index) for index in range(len(found))}:
            return None
        found = [found[str(index)] for index in range(len(found))]
    if not isinstance(found, list) or not found:
        return None
    names = [[of_class] if isinstance(of_class, str) else of_class for of_class in found]
    is_names = all(isinstance(some, list) and some and all(isinstance(name, str) for name in some) for some in names)
    return [list(dict.fromkeys(some)) for some in names] if is_names else None
