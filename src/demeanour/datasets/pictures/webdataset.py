"""WebDataset: pictures and labels in tar files, as CLIP_benchmark lays them out or in any folder of tars."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.pictures.labelled import Labels, agreed_classes, labelled_frame
from demeanour.datasets.pictures.manifest import manifest_of
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.datasets.pictures.tar_index import tar_index
from demeanour.errors import EvidenceError, NotMeasuredError, did_you_mean

_SHARDS = "nshards.txt"
_NAMES = "classnames.txt"
_LONGEST_COUNT = 6   # digits
_OBTAIN = "CLIP_benchmark's data sets are the repositories wds_… of https://huggingface.co/clip-benchmark"


@dataclass(frozen=True, eq=False)
class Members:
    """Pictures in tar files; every reading opens its file anew, so that threads and processes share nothing.

    Attributes:
        tars: The tar files.
        tar: For each picture the position of its file among them, (n,).
        offset: Where it begins in the file, in bytes, (n,).
        size: How many bytes it has, (n,).
        names: What its member is called.
    """

    tars: tuple[Path, ...]
    tar: NDArray[np.int64]
    offset: NDArray[np.int64]
    size: NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, row: int) -> bytes:
        """The encoded bytes of one picture."""
        path, size = self.tars[self.tar[row]], int(self.size[row])
        try:
            with path.open("rb", buffering=0) as file:
                file.seek(int(self.offset[row]))
                found: bytes = file.read(size) or b""
        except OSError as error:
            raise EvidenceError(f"{path}: '{self.names[row]}' cannot be read: {error.strerror}") from error
        if len(found) < size:
            raise EvidenceError(f"{path}: '{self.names[row]}' is truncated: {len(found):,} of {size:,} bytes")
        return found

    def files(self) -> list[Path]:
        """The tar files."""
        return list(self.tars)


def read_webdataset(
    root: Path,
    data: str,
    *,
    split: str | None,
    classes: int | None,
    images: int | None,
    label_space: LabelSpace | None,
    memo_root: Path,
) -> Pictures:
    """Open a data set of tar files with a picture (``.webp``, ``.png``, ``.jpg``) and a label for each key.

    The label is a class index as text (``.cls``), or of several classes a vector with 1 for each right one (``.npy``).
    Ids are SHARD/KEY, such as ``0/s0000042`` for ``s0000042.webp`` in ``0.tar``: a key is unique in its tar file only.

    Args:
        root: A tar file, a folder of them, or with ``split`` the folder of CLIP_benchmark's ``test/0.tar``, …,
            ``test/nshards.txt`` and ``classnames.txt``.
        data: The name of the data set in the cast.
        split: The folder below ``root`` that holds the tar files, such as ``test``.
        classes: How many classes the labels count; where it is None, class names or vectors tell.
        images: How many pictures there must be; None where that is not known.
        label_space: How a model's classes become the data set's; the labels count the latter.
        memo_root: Where indices and hashes of contents are remembered.

    Raises:
        NotMeasuredError: The folder or the tar files are missing.
        EvidenceError: Tar files are missing or too many, one cannot be read or is truncated, a sample lacks a picture
            or a label, a label is no class index, or counts differ.
    """
    return _read(root, data, split, classes, images, label_space, memo_root, named=True)


def read_task(
    root: Path, data: str, *, split: str | None, classes: int | None, images: int | None, memo_root: Path
) -> Pictures:
    """Open a split of a task that a probe learns: as `read_webdataset`, but its labels tell how many classes there are.

    Class names are not read: a probe needs none, and lists that are published with tasks lack some.

    Args and errors are those of `read_webdataset`.
    """
    return _read(root, data, split, classes, images, None, memo_root, named=False)


def _read(
    root: Path,
    data: str,
    split: str | None,
    classes: int | None,
    images: int | None,
    label_space: LabelSpace | None,
    memo_root: Path,
    named: bool,
) -> Pictures:
    tars = _tars(root, split)
    folder = tars[0].parent
    indices = [tar_index(tar, memo_root) for tar in tars]
    widths = {(index.schema.metadata or {}).get(b"width") for index in indices}
    if len(widths) > 1:
        raise EvidenceError(f"{folder}: labels are of different kinds or lengths; a data set has one")
    width = widths.pop()
    found = pa.concat_tables(indices)
    tar = np.repeat(np.arange(len(tars)), [len(index) for index in indices])
    ids = np.asarray([f"{tars[of].stem}/{key}" for of, key in zip(tar.tolist(), found["key"].to_pylist(), strict=True)])
    sets = found["labels"].combine_chunks()
    labels = Labels(sets.flatten().to_numpy(), sets.value_lengths().to_numpy().astype(np.int64), width is not None)
    counted = {"the card": classes, "the labels": int(labels.values.max(initial=0)) + 1}
    told = _told(root, folder, classes, width) if named else counted
    count = agreed_classes(str(folder), told, label_space)
    frame, order, notes = labelled_frame(data, str(folder), ids, labels, count, images)
    names = found["member"].to_pylist()
    places = Members(
        tuple(tars),
        tar[order],
        found["offset"].to_numpy()[order],
        found["size"].to_numpy()[order],
        tuple(names[row] for row in order.tolist()),
    )
    manifest = manifest_of(frame, folder, [path.name for path in tars], memo_root)
    return Pictures(data, frame, places, manifest, (*(label_space.notes if label_space else ()), *notes))


def _tars(root: Path, split: str | None) -> list[Path]:
    """The tar files of a split, all that belong to it, in the order of their names."""
    if not root.exists():
        raise NotMeasuredError(f"{root} is missing; {_OBTAIN}")
    if root.is_file():
        if split is not None:
            raise EvidenceError(f"{root} is one file: it has no split '{split}'")
        return [root]
    folder = root / split if split else root
    parts = sorted(path.name for path in root.iterdir() if path.is_dir() and any(path.glob("*.tar")))
    if not folder.is_dir():
        raise NotMeasuredError(f"{root} holds no folder '{split}'; {did_you_mean(str(split), parts) or _OBTAIN}")
    tars = sorted(path for path in folder.glob("*.tar") if path.is_file())
    if (folder / _SHARDS).is_file():
        _check_shards(folder, {path.name for path in tars})
    if not tars:
        told = f"its folders {', '.join(parts)} do: say which one is the `split`" if parts and not split else _OBTAIN
        raise NotMeasuredError(f"{folder} holds no tar files; {told}")
    return tars


def _check_shards(folder: Path, found: set[str]) -> None:
    text = (folder / _SHARDS).read_text(encoding="utf-8", errors="replace").strip()
    if not text.isdecimal() or len(text) > _LONGEST_COUNT:
        raise EvidenceError(f"{folder / _SHARDS}: expected the number of tar files, found '{text[:20]}'")
    wanted = {f"{number}.tar" for number in range(int(text))}
    for what, names in (("are missing", wanted - found), ("should not be there", found - wanted)):
        if names:
            shown = ", ".join(sorted(names)[:3]) + (", …" if len(names) > 3 else "")
            raise EvidenceError(f"{folder}: {len(names)} of the {text} tar files of {_SHARDS} {what}: {shown}")


def _told(root: Path, folder: Path, classes: int | None, width: bytes | None) -> dict[str, int | None]:
    """What tells how many classes there are."""
    names = next((path for path in (root / _NAMES, folder / _NAMES) if path.is_file()), None)
    lines = names.read_text(encoding="utf-8").splitlines() if names else []
    return {
        "the card": classes,
        f"{names}": len([line for line in lines if line.strip()]) if names else None,
        "the vectors of labels": int(width) if width else None,
    }
