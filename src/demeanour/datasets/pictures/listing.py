"""Pictures as files below a folder: which there are, whether they are all there, and how they are read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.catalogue import PUBLISHED
from demeanour.datasets.frame import Frame
from demeanour.datasets.pictures.manifest import manifest_of
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.errors import EvidenceError, NotMeasuredError

ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")   # torchvision's


@dataclass(frozen=True)
class Listing:
    """What lies below a folder; what is hidden (``.DS_Store``, ``._0.jpg``, ``.cache/``) is not there.

    Attributes:
        root: The folder.
        names: Its pictures, as paths below it with slashes, in ascending order; none twice.
        folders: The folders right below it, in ascending order, empty ones too.
        others: How many files are no pictures by their names.
    """

    root: Path
    names: list[str]
    folders: list[str]
    others: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left aside."""
        if not self.others:
            return ()
        if self.others == 1:
            return ("1 file that is no picture was ignored",)
        return (f"{self.others:,} files that are no pictures were ignored",)

    def only(self, names: list[str], folders: list[str]) -> Listing:
        """Some of its pictures and folders, in ascending order."""
        return Listing(self.root, names, folders, self.others)


@dataclass(frozen=True, eq=False)
class PictureFiles:
    """Pictures that are files of their own.

    Attributes:
        root: Their folder.
        names: Their paths below it, in the order of the data set's ids, (n,).
    """

    root: Path
    names: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, row: int) -> bytes:
        """The bytes of one of them."""
        path = self.root / str(self.names[row])
        try:
            return path.read_bytes()
        except OSError as error:
            raise EvidenceError(f"{path} cannot be read: {error.strerror}") from error

    def files(self) -> list[Path]:
        """All of them."""
        return [self.root / name for name in self.names.tolist()]


def list_pictures(root: Path, data: str) -> Listing:
    """The pictures below a folder, at any depth; links are followed.

    Args:
        root: The folder.
        data: The name of the data set in the cast.

    Raises:
        NotMeasuredError: The folder is missing; says where a published set is to be had.
        EvidenceError: It is a file, cannot be read, holds no pictures, or a name is no UTF-8.
    """
    if not root.exists():
        raise NotMeasuredError(f"{root} is missing; it holds the pictures of {data}{_obtain(data)}")
    if not root.is_dir():
        raise EvidenceError(f"{root} is a file; expected the folder of the pictures of {data}")
    names: list[str] = []
    folders: list[str] = []
    others = 0
    waiting = [("", str(root))]
    try:
        while waiting:
            prefix, path = waiting.pop()
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir():
                        waiting.append((f"{prefix}{entry.name}/", entry.path))
                        if not prefix:
                            folders.append(entry.name)
                    elif entry.name.lower().endswith(ENDINGS):
                        names.append(prefix + entry.name)
                    else:
                        others += 1
    except OSError as error:
        raise EvidenceError(f"{error.filename} cannot be read: {error.strerror}") from error
    _check_names(root, [*names, *folders])
    if not names:
        found = f"only {others:,} other files" if others else "no files"
        raise EvidenceError(f"{root}: no pictures ({', '.join(ENDINGS)}), {found}{_obtain(data)}")
    return Listing(root, sorted(names), sorted(folders), others)


def _check_names(root: Path, names: Sequence[str]) -> None:
    """Names that are no text could stand in no table."""
    try:
        "".join(names).encode()
    except UnicodeEncodeError:
        wrong = next(name for name in names if any("\ud800" <= letter <= "\udfff" for letter in name))
        raise EvidenceError(f"{root}: the name {wrong!a} is no UTF-8; rename the file") from None


def check_images(found: int, images: int | None, listing: Listing, data: str, missing: Sequence[str] = ()) -> None:
    """Check how many pictures there are.

    Args:
        found: How many there are.
        images: How many there must be; None where that is not known.
        listing: Where they lie.
        data: The name of the data set in the cast.
        missing: Classes without a picture.

    Raises:
        EvidenceError: There are more or fewer.
    """
    if images is not None and found != images:
        without = f"; no picture of {shown(missing)}" if missing else ""
        raise EvidenceError(
            f"{listing.root}: {found:,} pictures where {data} has {images:,}{without}; "
            f"obtain the whole set, or say on its card how many `images` are meant{_obtain(data)}"
        )


def shown(names: Sequence[str], most: int = 3) -> str:
    """The first of some names, and how many there are if there are more."""
    listed = ", ".join(f"'{name}'" for name in names[:most])
    return listed if len(names) <= most else f"{listed}, … ({len(names):,} in all)"


def of_files(
    frame: Frame, listing: Listing, names: NDArray[np.str_], notes: Sequence[str], memo_root: Path
) -> Pictures:
    """The data set of a frame whose pictures are files.

    Args:
        frame: What is known of them.
        listing: Where they lie.
        names: Their paths, row by row as in ``frame``.
        notes: What a reader of its numbers should know.
        memo_root: Where hashes of contents are remembered.
    """
    manifest = manifest_of(frame, listing.root, names.tolist(), memo_root)
    return Pictures(frame.data, frame, PictureFiles(listing.root, names), manifest, (*notes, *listing.notes))


def _obtain(data: str) -> str:
    known = PUBLISHED.get(data)
    return f"; {data} is to be had from: {known.obtain}" if known else ""
