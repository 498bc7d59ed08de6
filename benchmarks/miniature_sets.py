"""The data sets of a miniature world, opened as the original ones are: pictures, and what is known of each.

Folders are read by torchvision, Parquet by pyarrow, tar files by webdataset; annotations by the library's own readers.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import ConcatDataset, Dataset
from torchvision.datasets import ImageFolder
from webdataset import WebDataset

from demeanour.datasets.corruptions import SEVERITIES, corruptions_frame
from demeanour.datasets.frame import Frame, sorted_unique
from demeanour.datasets.imagenet_x import read_imagenet_x
from demeanour.datasets.label_space import LabelSpace, read_label_space
from demeanour.datasets.multilabel import NONE, read_label_sets
from demeanour.errors import EvidenceError
from demeanour.miniature.formats.pug import CLASS_INDICES, LABELS, VARIED
from demeanour.miniature.world import TASKS
from demeanour.vocabulary import CORRUPTIONS

Images = NDArray[np.uint8]
Codes = NDArray[np.int64]

PARTS_OF_PUG = tuple(VARIED)
_CONFLICT = re.compile(r"^([a-z]+)(\d+)-([a-z]+)(\d+)\.png$")


@dataclass(frozen=True)
class DataSet:
    """Pictures of a set, and the frames that tell what is right of them.

    Attributes:
        ids: The pictures' names, ascending; (n,).
        picture: The picture of a row, RGB (64, 64, 3).
        frames: What is known of them, by the name of each set that has these pictures.
        space: How the models' classes become the set's own, if it has its own.
    """

    ids: NDArray[np.str_]
    picture: Callable[[int], Images]
    frames: tuple[Frame, ...]
    space: LabelSpace | None = None

    def __len__(self) -> int:
        return len(self.ids)


def data_sets(world: Path) -> Iterator[DataSet]:
    """All sets that are answered with a class of the world, one after the other."""
    yield validation(world)
    yield folders("imagenetv2", world / "imagenetv2", int, _classes(world))
    for data in ("imagenet-a", "imagenet-r"):
        yield some_classes(world, data)
    yield folders("imagenet-sketch", world / "imagenet-sketch", _classes(world).__getitem__, _classes(world))
    yield hard(world)
    yield corrupted(world)
    for part in PARTS_OF_PUG:
        yield pug(world, part)
    yield cue_conflict(world)


def _classes(world: Path) -> dict[str, int]:
    """The classes by their synsets."""
    index = json.loads((world / "annotations" / "imagenet_class_index.json").read_text(encoding="utf-8"))
    return {synset: int(number) for number, (synset, _) in index.items()}


def folders(data: str, root: Path, label_of: Callable[[str], int], classes: Sequence[str] | dict[str, int]) -> DataSet:
    """A folder of class folders.

    Args:
        data: The set's name.
        root: Where it is.
        label_of: From a folder's name to its class.
        classes: All classes that a label may be of.
    """
    names, labels, pictures = _read(ImageFolder(str(root)), root)
    order = sorted_unique(names, str(root))
    of_folder = {name: label_of(name) for name in np.unique(labels)}
    codes = np.asarray([of_folder[name] for name in labels[order].tolist()])
    frame = Frame(data, names[order], {"label": codes}, len(classes))
    return DataSet(frame.ids, _in(order, pictures), (frame,))


def _read(folder: ImageFolder, root: Path) -> tuple[NDArray[np.str_], NDArray[np.str_], Dataset[object]]:
    """Paths below the root, names of their folders, and the pictures."""
    names = np.asarray([PurePosixPath(Path(path).relative_to(root)).as_posix() for path, _ in folder.samples])
    return names, np.asarray([folder.classes[target] for _, target in folder.samples]), folder


def _in(order: NDArray[np.intp], pictures: Dataset[object]) -> Callable[[int], Images]:
    return lambda row: np.asarray(pictures[int(order[row])][0])


def validation(world: Path) -> DataSet:
    """ImageNet's validation images, with ReaL and ImageNet-X: named without their folders, as annotations name them."""
    classes = _classes(world)
    found = folders("imagenet-val", world / "imagenet" / "val", classes.__getitem__, classes)
    names = np.asarray([name.rpartition("/")[2] for name in found.ids.tolist()])
    order = sorted_unique(names, "imagenet-val")
    frame = Frame("imagenet-val", names[order], {"label": found.frames[0].columns["label"][order]}, len(classes))
    real = read_label_sets(world / "annotations" / "real.json", "imagenet-real", len(classes))
    factors = read_imagenet_x(world / "annotations" / "imagenet-x", "imagenet-x", len(classes))
    return DataSet(frame.ids, lambda row: found.picture(int(order[row])), (frame, real, factors))


def some_classes(world: Path, data: str) -> DataSet:
    """A and R: the rank of a folder is the position of its class in the label space, which is checked."""
    classes, space = _classes(world), read_label_space(world / "names" / "label-spaces" / f"{data}.json")
    found = folders(data, world / data, classes.__getitem__, classes)
    own = [group[0] for group in space.groups]
    labels = found.frames[0].columns["label"]
    if sorted(set(labels.tolist())) != own:
        raise EvidenceError(f"{world / data}: its folders are not the classes of its label space")
    frame = replace(found.frames[0], columns={"label": np.searchsorted(own, labels)}, classes=len(own))
    return replace(found, frames=(frame,), space=space)


def hard(world: Path) -> DataSet:
    """Hard: Parquet, several right labels."""
    table = pyarrow.parquet.read_table(world / "imagenet-hard" / "data")
    contents = table["image"].combine_chunks().field("bytes")
    ids = np.asarray([f"{row:06d}" for row in range(len(table))])
    sets = _filled(table["label"].to_pylist())
    frame = Frame("imagenet-hard", ids, {"label_set": sets}, len(_classes(world)))
    return DataSet(ids, lambda row: _decoded(contents[row].as_py()), (frame,))


def corrupted(world: Path) -> DataSet:
    """C: 75 folders of class folders, joined with the clean images by name."""
    root, clean, classes = world / "imagenet-c", validation(world).frames[0], _classes(world)
    read = [
        _read(ImageFolder(str(root / name / str(level))), root) for name in CORRUPTIONS for level in SEVERITIES
    ]
    names, synsets = (np.concatenate([one[k] for one in read]) for k in (0, 1))
    order = sorted_unique(names, str(root))
    frame = corruptions_frame(names[order], clean, "imagenet-c")
    if [classes[name] for name in synsets[order].tolist()] != frame.columns["label"].tolist():
        raise EvidenceError(f"{root}: a picture lies in a folder that is not of the clean image's class")
    return DataSet(frame.ids, _in(order, ConcatDataset([one[2] for one in read])), (frame,))


def pug(world: Path, part: str) -> DataSet:
    """A part of PUG: right is any of the world's classes that the folder's class stands for; characters come back."""
    root = world / "pug-imagenet"
    classes = json.loads((root / CLASS_INDICES).read_text(encoding="utf-8"))
    found = folders(f"pug-imagenet/{part}", root / part, list(classes).index, _classes(world))
    with (root / LABELS).open(encoding="utf-8", newline="") as file:
        rows = {row["filename"]: row for row in csv.DictReader(file)}
    told = [rows[f"{part}/{name}"] for name in found.ids.tolist()]
    characters = np.unique([row["character_name"] for row in told], return_inverse=True)[1]
    sets = _filled([classes[row["character_label"]] for row in told])
    frame = Frame(
        found.frames[0].data, found.ids, {"label_set": sets, "character": characters}, len(_classes(world)),
        ("character",),
    )  # fmt: skip
    return replace(found, frames=(frame,))


def cue_conflict(world: Path) -> DataSet:
    """Cue conflicts: shape and texture are in the names; those of one category hold no conflict and are left out."""
    space = read_label_space(world / "names" / "label-spaces" / "cue-conflict.json")
    root = world / "cue-conflict"
    names, _, pictures = _read(ImageFolder(str(root)), root)
    categories = sorted({name.partition("/")[0] for name in names.tolist()})
    parsed = [_CONFLICT.match(name.rpartition("/")[2]) for name in names.tolist()]
    if None in parsed or len(categories) != len(space.groups):
        raise EvidenceError(f"{root}: names or folders are not those of cue conflicts")
    cues = [match.groups() for match in parsed if match]
    keep = np.asarray([shape != texture for shape, _, texture, _ in cues])
    order = sorted_unique(names, str(root))
    order = order[keep[order]]
    shape, texture = (np.asarray([categories.index(cue[k]) for cue in cues])[order] for k in (0, 2))
    sources = [np.asarray([cue[k] + cue[k + 1] for cue in cues])[order] for k in (0, 2)]
    by_shape, by_texture = (np.unique(column, return_inverse=True)[1] for column in sources)
    clusters = {"shape_source": by_shape, "texture_source": by_texture}
    columns = {"label": shape, "shape": shape, "texture": texture, **clusters}
    frame = Frame("cue-conflict", names[order], dict(columns), len(categories), tuple(clusters))
    return DataSet(frame.ids, _in(order, pictures), (frame,), space)


@dataclass(frozen=True)
class Task:
    """A task of transfer.

    Attributes:
        name: Its folder's.
        classes: Their names.
        train: Pictures (n, 64, 64, 3) and classes (n,) to learn from.
        test: The same to be tested on.
    """

    name: str
    classes: list[str]
    train: tuple[Images, Codes]
    test: tuple[Images, Codes]


def tasks(world: Path) -> Iterator[Task]:
    """The tasks like VTAB's: natural, specialised and structured ones."""
    for folder in (world / "vtab" / name for name in TASKS):
        classes = (folder / "classnames.txt").read_text(encoding="utf-8").splitlines()
        yield Task(folder.name, classes, _shards(folder / "train"), _shards(folder / "test"))


def _shards(folder: Path) -> tuple[Images, Codes]:
    shards = [str(path) for path in sorted(folder.glob("*.tar"), key=lambda path: int(path.stem))]
    rows = WebDataset(shards, shardshuffle=False, empty_check=False).decode("rgb8").to_tuple("png", "cls")
    pictures, labels = zip(*rows, strict=True)
    return np.stack(pictures), np.asarray(labels, dtype=np.int64)


def _filled(sets: Sequence[Sequence[int]]) -> Codes:
    """Sets of labels as rows, filled up with −1."""
    rows = np.full((len(sets), max(map(len, sets))), NONE)
    for row, labels in zip(rows, sets, strict=True):
        row[: len(labels)] = labels
    return rows


def _decoded(content: bytes) -> Images:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def batches(found: DataSet, size: int) -> Iterator[Images]:
    """The pictures of a set, in the order of its ids."""
    for start in range(0, len(found), size):
        yield np.stack([found.picture(row) for row in range(start, min(start + size, len(found)))])
