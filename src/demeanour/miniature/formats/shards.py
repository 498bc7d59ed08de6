"""Tasks of transfer as CLIP_benchmark's WebDatasets: tar files of pictures and labels, and the texts of the classes."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanour.miniature.formats.files import text_of_lines, write_tree
from demeanour.miniature.formats.pictures import check_labels, check_pictures, png

_LARGEST_SHARD = 10_000   # CLIP_benchmark's own

Split = tuple[NDArray[np.uint8], NDArray[np.integer]]


def write_task(
    folder: Path,
    train: Split,
    test: Split,
    classes: Sequence[str],
    templates: Sequence[str],
    largest_shard: int = _LARGEST_SHARD,
) -> None:
    """A task of classification with ``train/0.tar``, …, ``test/0.tar``, … that hold ``s0000000.png`` and ``.cls``.

    Args:
        folder: To be made.
        train: Pictures (n, 64, 64, 3) and their class indices (n,), in the order to be written.
        test: The same of the test set.
        classes: The names of the task's classes, in the order of the indices.
        templates: Prompts with ``{}`` for the name; the file has ``{c}``, as CLIP_benchmark wants it.
        largest_shard: How many pictures a tar file may hold.

    Raises:
        ValueError: The arrays do not fit, a label is no class, names or prompts are empty or double, or a prompt has
            no place for the name.
        FileExistsError: The folder is there.
    """
    if largest_shard < 1:
        raise ValueError(f"a shard of {largest_shard} pictures")
    for template in templates:
        if template.count("{}") != 1:
            raise ValueError(f"a prompt has one {{}} for the name, found {template!r}")
    texts = {
        "classnames.txt": text_of_lines(classes, "class names"),
        "zeroshot_classification_templates.txt": text_of_lines([t.replace("{}", "{c}") for t in templates], "prompts"),
        "dataset_type.txt": "classification\n",
    }
    for images, labels in (train, test):
        check_pictures(images, labels=labels)
        check_labels(labels, len(classes))
    write_tree(folder, [
        *((name, text.encode()) for name, text in texts.items()),
        *_split("train", train, largest_shard),
        *_split("test", test, largest_shard),
    ])  # fmt: skip


def _split(name: str, split: Split, largest_shard: int) -> Iterator[tuple[str, bytes]]:
    images, labels = split
    starts = range(0, len(images), largest_shard)
    yield f"{name}/nshards.txt", f"{len(starts)}\n".encode()
    for number, start in enumerate(starts):
        part = slice(start, start + largest_shard)
        yield f"{name}/{number}.tar", _shard(images[part], labels[part], start)


def _shard(images: NDArray[np.uint8], labels: NDArray[np.integer], first: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True), start=first):
            for ending, content in (("cls", str(label).encode()), ("png", png(image))):
                member = tarfile.TarInfo(f"s{number:07d}.{ending}")   # of nobody, at no time: the same bytes always
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
