"""PUG: ImageNet (Bordes et al., 2023) as files: ten folders, each of which varies one factor, and a table of all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.frame import Frame
from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.pictures.class_folders import check_missing
from demeanour.datasets.pictures.decode import decode
from demeanour.datasets.pictures.labelled import agreed_classes
from demeanour.datasets.pictures.listing import Listing, check_images, list_pictures, of_files, shown
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.datasets.pictures.pug_table import TABLE, read_pug_table
from demeanour.errors import EvidenceError, did_you_mean
from demeanour.files import write_whole
from demeanour.statistics.seeds import generator
from demeanour.vocabulary import PUG_FACTORS

PARTS = PUG_FACTORS   # a folder each
_LOOKED_AT = 8   # pictures of each part
_BLACK = 5.0   # mean of all pixels and channels, of 255


def read_pug(
    root: Path,
    data: str,
    *,
    classes: int | None,
    images: int | None,
    label_space: LabelSpace | None,
    memo_root: Path,
) -> Pictures:
    """Open PUG: ImageNet; ids are paths below ``root``: ``Camera_Yaw/Airliner/17.png``.

    A picture's label is the rank of its folder among the sorted names of the classes of all parts, so that a part that
    lacks a class has no other labels for it; its ``factor`` is the part. What the table says of it are codes. Parts
    that lack classes, whose folders are not what the table says, or whose pictures are nearly black (a few are looked
    at) are told in the notes.

    Args:
        root: The folder with the ten parts and ``labels_pug_imagenet.csv``.
        data: The name of the data set in the cast.
        classes: How many classes there are; None where that is not known.
        images: How many pictures there must be; None where that is not known.
        label_space: How a model's classes become those of PUG; its names must be the folders'.
        memo_root: Where hashes of contents, and what was seen of pictures, are remembered.

    Raises:
        NotMeasuredError: The folder is missing.
        EvidenceError: A part or a class is unknown, or missing (without ``images``); a picture lies in no class
            folder, is not in the table, or cannot be decoded; the table is no CSV; or counts differ.
    """
    listing = list_pictures(root, data)
    paths = _paths(listing)
    there = {(part, label) for part, label, _ in paths}
    names = _names({label for _, label in there}, label_space, root)
    agreed_classes(str(root), {"the card": classes, "its class folders": len(names)}, label_space)
    absent = [name for name in (*PARTS, *names) if not any(name in pair for pair in there)]
    check_images(len(paths), images, listing, data, absent)
    missing = check_missing(absent, images, str(root))

    ids = np.asarray(listing.names, dtype=np.str_)
    ranks, codes = ({name: code for code, name in enumerate(known)} for known in (names, PARTS))
    known, told = read_pug_table(root / TABLE, ids)
    columns: dict[str, NDArray[np.generic]] = {
        "label": np.asarray([ranks[label] for _, label, _ in paths], dtype=np.int64),
        "factor": np.asarray([codes[part] for part, _, _ in paths], dtype=np.int64),
        **known.columns,
    }
    frame = Frame(data, ids, columns, len(names), known.clusters, {"factor": PARTS, **known.names})
    space = label_space.notes if label_space else ()
    found = of_files(frame, listing, ids, (*space, *missing, *told, *_uneven(there)), memo_root)
    dark = _dark(found, memo_root / "manifests" / f"{found.manifest}.dark.json")
    return Pictures(data, frame, found.places, found.manifest, (*found.notes, *dark))


def _paths(listing: Listing) -> list[tuple[str, str, str]]:
    """Part, class and name of each picture."""
    unknown = [name for name in listing.folders if name not in PARTS]
    if unknown:
        hint = did_you_mean(unknown[0], PARTS)
        raise EvidenceError(f"{listing.root}: the folder {shown(unknown)} is no part of PUG: ImageNet; {hint}")
    stray = [name for name in listing.names if name.count("/") != 2]
    if stray:
        raise EvidenceError(f"{listing.root}: {shown(stray)} is no PART/CLASS/NAME; move it, or remove it")
    return [(part, label, name) for part, label, name in (path.split("/") for path in listing.names)]


def _names(found: set[str], space: LabelSpace | None, root: Path) -> tuple[str, ...]:
    """The classes in the order of the labels."""
    if space is None or not space.names:
        return tuple(sorted(found))
    unknown = sorted(found - set(space.names))
    if unknown:
        hint = did_you_mean(unknown[0], space.names)
        raise EvidenceError(f"{root}: the class {shown(unknown)} is none of the label space '{space.name}'; {hint}")
    return space.names


def _uneven(there: set[tuple[str, str]]) -> tuple[str, ...]:
    """Which parts lack classes that others have."""
    labels = sorted({label for _, label in there})
    lacking = {
        part: [label for label in labels if (part, label) not in there]
        for part in PARTS
        if any(part == other for other, _ in there)
    }
    return tuple(
        f"{part}: no picture of {shown(absent)}; by the ranks of its own folders, its labels would be others"
        for part, absent in lacking.items()
        if absent
    )


def _dark(pictures: Pictures, memo: Path) -> tuple[str, ...]:
    """Which parts look black, by a few of their pictures; remembered, since decoding takes time."""
    with suppress(OSError, ValueError):
        remembered = json.loads(memo.read_bytes())
        if isinstance(remembered, list) and all(isinstance(note, str) for note in remembered):
            return tuple(remembered)
    factor = pictures.frame.columns["factor"]
    notes = []
    for code in np.unique(factor).tolist():
        rows = np.flatnonzero(factor == code)
        looked_at = generator("pug", "dark", PARTS[code]).permutation(rows)[:_LOOKED_AT]
        black = _black(pictures, looked_at.tolist())
        if black:
            counted = f"{len(black)} of {len(looked_at)} pictures that were looked at"
            notes.append(f"{PARTS[code]}: {counted} are nearly black, such as {black[0]}")
    with suppress(OSError):   # what cannot be remembered is only slower
        write_whole(memo, json.dumps(notes))
    return tuple(notes)


def _black(pictures: Pictures, rows: Sequence[int]) -> list[str]:
    names = {row: str(pictures.frame.ids[row]) for row in rows}
    means = {row: np.asarray(decode(pictures.read(row), name)).mean() for row, name in names.items()}
    return [names[row] for row in rows if means[row] < _BLACK]
