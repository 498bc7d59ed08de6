"""The label spaces of published data sets, by name: from timm's lists, from the literature, or from the set itself."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from demeanour.datasets.json_file import read_json
from demeanour.datasets.label_space import LabelSpace, are_indices, read_label_space
from demeanour.errors import EvidenceError, NotMeasuredError, did_you_mean
from demeanour.vocabulary import CATEGORIES

BUILT_IN = ("imagenet-a", "imagenet-r", "cue-conflict", "pug-imagenet")
CLASS_INDICES = "class_to_imagenet_idx.json"   # PUG's own map of names, which is not ours to give away
_OBTAIN = "PUG_ImageNet of https://github.com/facebookresearch/PUG"

# entry-level categories of Geirhos et al. (2018), as ranges of ImageNet's class indices; 207 in all
_CATEGORY_INDICES = {
    "airplane": "404",
    "bear": "294-297",
    "bicycle": "444 671",
    "bird": "8 10-16 18-20 22-24 80-83 87-96 98-100 127-133 135-145",
    "boat": "472 554 625 814 914",
    "bottle": "440 720 737 898 899 901 907",
    "car": "436 511 817",
    "cat": "281-286",
    "chair": "423 559 765 857",
    "clock": "409 530 892",
    "dog": "152-191 193-203 205-226 228-241 243-250 252-257 259 261-263 265-268",
    "elephant": "385 386",
    "keyboard": "508 878",
    "knife": "499",
    "oven": "766",
    "truck": "555 569 656 675 717 734 864 867",
}


def find_label_space(name_or_path: str, root: Path | None = None) -> LabelSpace:
    """A label space by its name, or from a file.

    Args:
        name_or_path: ``imagenet-a`` and ``imagenet-r`` (200 of ImageNet's classes each), ``cue-conflict`` (207 in 16
            categories), ``pug-imagenet`` (PUG's 151 classes), or else the path of JSON for `read_label_space`, or of
            PUG's ``class_to_imagenet_idx.json``.
        root: The folder of the data set: ``pug-imagenet`` is read from PUG's file in it.

    Raises:
        NotMeasuredError: There is no such name and no such file, or timm or PUG's file is missing.
        EvidenceError: The file is no label space.
    """
    if name_or_path in ("imagenet-a", "imagenet-r"):
        return _of_timm(name_or_path)
    if name_or_path == "cue-conflict":
        groups = tuple(_indices(_CATEGORY_INDICES[category]) for category in CATEGORIES)
        return LabelSpace(name_or_path, "grouped", groups, CATEGORIES)
    path = Path(name_or_path)
    if name_or_path == "pug-imagenet":
        if root is None:
            raise NotMeasuredError(f"{name_or_path} is read from {CLASS_INDICES}: name that file; it is in {_OBTAIN}")
        path = root / CLASS_INDICES
    if path.name == CLASS_INDICES:
        return read_mapped_label_space(path, "pug-imagenet")
    if path.suffix != ".json" and not path.is_file():
        raise NotMeasuredError(f"'{name_or_path}' is no label space and no file; {did_you_mean(path.name, BUILT_IN)}")
    return read_label_space(path)


def imagenet_synsets() -> tuple[str, ...]:
    """The 1000 synsets of ImageNet (ILSVRC 2012), such as ``n01440764``, in the order of the class indices.

    Raises:
        NotMeasuredError: timm, which has the list, is not installed.
    """
    return tuple(_timm_list("imagenet_synsets"))


def read_mapped_label_space(path: Path, name: str) -> LabelSpace:
    """The classes of PUG: ImageNet (Bordes et al., 2023), to which a model's one answer of 1000 is mapped.

    Classes are in the order of their sorted names. An index that several of them share is that of the last, as in
    the published protocol; the others may be left without one and are then always wrong.

    Args:
        path: ``class_to_imagenet_idx.json``: an object from names of classes to lists of class indices.
        name: How messages call the label space.

    Returns:
        The label space, which tells of shared indices in its ``notes``.

    Raises:
        NotMeasuredError: The file is missing.
        EvidenceError: It is no such object, an index is negative or stands twice in a class, or a class has none.
    """
    found = read_json(path, f"maps ImageNet's classes to PUG's; it is in {_OBTAIN}")
    if not isinstance(found, dict) or not all(map(are_indices, found.values())):
        raise EvidenceError(f"{path}: expected an object from names of classes to lists of class indices")
    wrong = [of for of, indices in found.items() if not indices or len(set(indices)) < len(indices)]
    if wrong:
        raise EvidenceError(f"{path}: '{wrong[0]}': expected different class indices, found {found[wrong[0]]}")
    names = sorted(found)
    owner = {index: of for of in names for index in found[of]}
    groups = tuple(tuple(index for index in found[of] if owner[index] == of) for of in names)
    try:
        return LabelSpace(name, "mapped", groups, tuple(names), _shared(found, owner))
    except EvidenceError as error:
        raise EvidenceError(f"{path}: {error}") from error


def _shared(found: dict[str, list[int]], owner: dict[int, str]) -> tuple[str, ...]:
    """Who lost an index to whom."""
    notes = []
    for of in sorted(found):
        for index in found[of]:
            if owner[index] != of:
                lost = "" if any(owner[other] == of for other in found[of]) else f"; {of} has no other: always wrong"
                notes.append(f"{of} and {owner[index]} share index {index}, which is {owner[index]}'s{lost}")
    return tuple(notes)


def _of_timm(name: str) -> LabelSpace:
    """ImageNet-A's or -R's 200 classes (Hendrycks et al., 2021), in the order of their folders."""
    stem = name.replace("-", "_")
    groups = tuple((int(index),) for index in _timm_list(f"{stem}_indices"))
    return LabelSpace(name, "subset", groups, tuple(_timm_list(f"{stem}_synsets")))


def _timm_list(stem: str) -> list[str]:
    """The lines of a list that timm has in its package; timm itself, and so torch, is not imported."""
    spec = find_spec("timm")
    if spec is None or not spec.submodule_search_locations:
        raise NotMeasuredError("timm is not installed; it has the lists of the classes of ImageNet, ImageNet-A and -R")
    path = Path(spec.submodule_search_locations[0], "data", "_info", f"{stem}.txt")
    if not path.is_file():
        raise NotMeasuredError(f"{path} is missing; this timm lacks a list of classes: install timm 1.0.20 or later")
    return path.read_text(encoding="utf-8").split()


def _indices(ranges: str) -> tuple[int, ...]:
    """The numbers of a text such as ``8 10-16``."""
    ends = [[int(end) for end in part.split("-")] for part in ranges.split()]
    return tuple(index for part in ends for index in range(part[0], part[-1] + 1))
