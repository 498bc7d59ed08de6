"""One door to all data sets with pictures."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from demeanour.datasets.frame import Frame
from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.errors import EvidenceError, did_you_mean

TASK = "task"   # a WebDataset that a probe learns, whose classes nobody names


@dataclass(frozen=True)
class _Reader:
    """A function ``read_X(root, data, *, classes, images, …, memo_root)`` in a module of this package."""

    module: str
    function: str
    takes: tuple[str, ...]


_READERS = {
    "imagenet": _Reader("imagenet", "read_imagenet", ("label_space", "labels", "class_index")),
    "folder": _Reader("folder", "read_folder", ("label_space", "class_index")),
    "imagenet-c": _Reader("imagenet_c", "read_imagenet_c", ("clean",)),
    "cue-conflict": _Reader("cue_conflict", "read_cue_conflict", ("label_space", "class_index")),
    "pug": _Reader("pug", "read_pug", ("label_space",)),
    "webdataset": _Reader("webdataset", "read_webdataset", ("split", "label_space")),
    "parquet": _Reader("parquet", "read_parquet", ("split", "label_space")),
    TASK: _Reader("webdataset", "read_task", ("split",)),
}   # imported when it is asked for: each brings formats that others do not need


def open_pictures(
    reader: str,
    root: Path,
    data: str,
    *,
    classes: int | None = None,
    images: int | None = None,
    label_space: LabelSpace | None = None,
    labels: Path | None = None,
    class_index: Path | None = None,
    split: str | None = None,
    clean: Frame | None = None,
    memo_root: Path,
) -> Pictures:
    """Open a data set and check what is in it.

    Args:
        reader: Which form it has.
        root: Where it lies.
        data: Its name in the cast.
        classes: How many classes its labels count; None where that is not known.
        images: How many pictures there must be; None where that is not known.
        label_space: How a model's classes become the data set's.
        labels: For ``imagenet``: CSV of file names and labels.
        class_index: For folders: JSON with the names of the classes.
        split: For ``webdataset`` and ``parquet``: which part of it.
        clean: For ``imagenet-c``: the frame of the clean images.
        memo_root: Where hashes of contents are remembered.

    Raises:
        NotMeasuredError: Something is missing.
        EvidenceError: Something is there but wrong, the reader is unknown, or something is given that it does not take.
    """
    if reader not in _READERS:
        raise EvidenceError(f"{data}: '{reader}' is no reader of pictures; {did_you_mean(reader, _READERS)}")
    known = _READERS[reader]
    given = {"label_space": label_space, "labels": labels, "class_index": class_index, "split": split, "clean": clean}
    for name, value in given.items():
        if value is not None and name not in known.takes:
            raise EvidenceError(f"{data}: the reader '{reader}' takes no `{name}`; it takes {', '.join(known.takes)}")
    module = import_module(f"demeanour.datasets.pictures.{known.module}")
    options = {name: given[name] for name in known.takes}
    found: Pictures = getattr(module, known.function)(
        root, data, classes=classes, images=images, memo_root=memo_root, **options
    )
    return found
