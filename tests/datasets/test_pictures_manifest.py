"""Other pictures, labels or ids give another manifest; files that look as they did are not read again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from demeanour.datasets.frame import Frame
from demeanour.datasets.pictures.manifest import content_hashes, manifest_of
from demeanour.errors import EvidenceError
from tests.datasets.small_trees import set_back

FILES = ["a/0.jpg", "a/1.jpg", "b/0.jpg"]
CONTENTS = [b"zero", b"one", b"two"]
FRAME = Frame(
    "mine", np.asarray(FILES), {"label": np.asarray([0, 0, 1]), "tone": np.asarray([2, 1, 0])}, 2, ("tone",),
    {"tone": ("low", "middle", "high")},
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for file, content in zip(FILES, CONTENTS, strict=True):
        (tmp_path / "data" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / file).write_bytes(content)
    return tmp_path / "data"


@pytest.fixture
def memo(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose bytes were hashed."""
    names: list[str] = []
    digest = hashlib.file_digest

    def counted(file: Any, kind: str) -> Any:
        names.append(Path(file.name).name)
        return digest(file, kind)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    return names


def expected(*contents: bytes) -> list[bytes]:
    return [hashlib.sha256(content).digest() for content in contents]


# --- what it is made of ----------------------------------------------------------------------------------------------


def with_column(name: str, values: list[int]) -> Frame:
    return replace(FRAME, columns={**FRAME.columns, name: np.asarray(values)})


@pytest.mark.parametrize(
    "other",
    [
        replace(FRAME, ids=np.asarray(["a/0.jpg", "a/1.jpg", "b/1.jpg"])),
        replace(FRAME, ids=np.asarray(["a/0.jpg", "a/1.jp", "gb/0.jpg"])),   # the same letters
        with_column("label", [0, 1, 1]),
        with_column("tone", [2, 1, 1]),
        with_column("size", [0, 0, 0]),
        replace(FRAME, columns={"label": FRAME.columns["label"]}),
        replace(FRAME, columns={"label": FRAME.columns["tone"], "tone": FRAME.columns["label"]}),
        replace(FRAME, classes=3),
        replace(FRAME, clusters=()),
        replace(FRAME, names={"tone": ("low", "high", "middle")}),
        replace(FRAME, columns={**FRAME.columns, "label": np.asarray([[0], [0], [1]])}),
    ],
)
def test_other_ids_labels_or_annotations_give_another_manifest(other: Frame, root: Path, memo: Path) -> None:
    assert manifest_of(other, root, FILES, memo) != manifest_of(FRAME, root, FILES, memo)


def test_other_contents_give_another_manifest(root: Path, memo: Path) -> None:
    first = manifest_of(FRAME, root, FILES, memo)
    (root / "a" / "0.jpg").rename(root / "x")
    (root / "b" / "0.jpg").rename(root / "a" / "0.jpg")
    (root / "x").rename(root / "b" / "0.jpg")   # two pictures changed places: each hash is still there
    second = manifest_of(FRAME, root, FILES, memo)
    (root / "a" / "1.jpg").write_bytes(b"onE")
    assert len({first, second, manifest_of(FRAME, root, FILES, memo)}) == 3


def test_names_of_sets_places_and_widths_of_numbers_do_not_count(root: Path, memo: Path) -> None:
    first = manifest_of(FRAME, root, FILES, memo)
    assert len(first) == 64
    moved = root.rename(root.with_name("elsewhere"))
    narrow = {name: values.astype(np.int8) for name, values in FRAME.columns.items()}
    wide = FRAME.ids.astype("<U99")
    assert manifest_of(replace(FRAME, data="theirs", ids=wide, columns=narrow), moved, FILES, memo) == first


def test_flags_and_texts_count_too(root: Path, memo: Path) -> None:
    flags, texts, numbers = [[1, 0, 1], [1, 1, 1]], [["x", "y", "zz"], ["x", "yz", "z"]], [[0.5, 1, 2], [0.5, 1, 3]]
    kinds = [*np.asarray(flags, dtype=bool), *np.asarray(texts), *np.asarray(numbers)]
    frames = [replace(FRAME, columns={"kind": kind}) for kind in kinds]
    assert len({manifest_of(frame, root, FILES, memo) for frame in frames}) == 6


# --- what is remembered ----------------------------------------------------------------------------------------------


def test_hashes_are_those_of_the_bytes_and_are_remembered(root: Path, memo: Path, read: list[str]) -> None:
    assert content_hashes(root, FILES, memo) == expected(*CONTENTS)
    assert sorted(read) == ["0.jpg", "0.jpg", "1.jpg"]
    read.clear()
    assert content_hashes(root, FILES[::-1], memo) == expected(*CONTENTS[::-1])
    assert read == []


def grown(path: Path) -> None:
    looked = path.stat()
    path.write_bytes(b"eins")
    set_back(path, looked)


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"ONE")
    set_back(other, path.stat())
    assert other.stat().st_ino != path.stat().st_ino
    other.replace(path)


def rewritten(path: Path) -> None:
    path.write_bytes(b"ONE")
    os.utime(path, ns=(0, 10**18))


def touched(path: Path) -> None:
    os.utime(path, ns=(0, 10**18 + 1))


def made_ancient(path: Path) -> None:
    os.utime(path, (-5, -5))   # before 1970


@pytest.mark.parametrize("change", [grown, replaced, rewritten, touched, made_ancient])
def test_a_file_that_looks_otherwise_is_read_again(
    change: Callable[[Path], None], root: Path, memo: Path, read: list[str]
) -> None:
    content_hashes(root, FILES, memo)
    read.clear()
    change(root / "a" / "1.jpg")
    now = (root / "a" / "1.jpg").read_bytes()
    assert content_hashes(root, FILES, memo) == expected(CONTENTS[0], now, CONTENTS[2])
    assert read == ["1.jpg"]
    read.clear()
    assert content_hashes(root, FILES, memo) == expected(CONTENTS[0], now, CONTENTS[2])
    assert read == []


def test_bytes_changed_in_place_with_all_looks_restored_are_not_noticed(root: Path, memo: Path) -> None:
    before = content_hashes(root, FILES, memo)
    path = root / "a" / "1.jpg"
    looked = path.stat()
    with path.open("r+b") as file:
        file.write(b"X")
    set_back(path, looked)
    assert content_hashes(root, FILES, memo) == before   # the limit that the docstring tells


def test_two_sets_in_one_folder_are_both_remembered(root: Path, memo: Path, read: list[str]) -> None:
    content_hashes(root, FILES[:1], memo)
    content_hashes(root, FILES[1:], memo)
    read.clear()
    assert content_hashes(root, FILES, memo) == expected(*CONTENTS)
    assert read == []
    assert len(list((memo / "manifests").iterdir())) == 1


def test_another_folder_has_a_memo_of_its_own(root: Path, memo: Path, tmp_path: Path) -> None:
    content_hashes(root, FILES, memo)
    other = tmp_path / "other"
    for file in FILES:
        (other / file).parent.mkdir(parents=True, exist_ok=True)
        (other / file).write_bytes(b"OTHER")
    assert content_hashes(other, FILES, memo) == expected(b"OTHER", b"OTHER", b"OTHER")
    assert content_hashes(root, FILES, memo) == expected(*CONTENTS)
    assert len(list((memo / "manifests").iterdir())) == 2


# --- what can go wrong -----------------------------------------------------------------------------------------------


def damaged(data: bytes) -> list[bytes]:
    flipped = [data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :] for at in range(0, len(data), 41)]
    return [b"", b"PAR1", data[: len(data) // 2], data[:-1], *flipped]


def test_a_damaged_memo_is_made_anew(root: Path, memo: Path, read: list[str]) -> None:
    content_hashes(root, FILES, memo)
    (path,) = (memo / "manifests").iterdir()
    for wrong in damaged(path.read_bytes()):
        path.write_bytes(wrong)
        assert content_hashes(root, FILES, memo) == expected(*CONTENTS)
        read.clear()
        assert content_hashes(root, FILES, memo) == expected(*CONTENTS)
        assert read == []


def test_a_memo_that_is_something_else_is_made_anew(root: Path, memo: Path, read: list[str]) -> None:
    content_hashes(root, FILES, memo)
    (path,) = (memo / "manifests").iterdir()
    found = pa.parquet.read_table(path)
    for other in (pa.table({"file": FILES}), found.drop_columns("inode"), found.cast(
        pa.schema([field.with_type(pa.large_string()) if field.name == "file" else field for field in found.schema])
    )):  # fmt: skip
        pa.parquet.write_table(other, path)
        read.clear()
        assert content_hashes(root, FILES, memo) == expected(*CONTENTS)
        assert len(read) == 3


@pytest.mark.parametrize("in_the_way", ["manifests", "manifests/memo"])
def test_without_a_place_for_the_memo_all_is_read_every_time(
    in_the_way: str, root: Path, memo: Path, read: list[str]
) -> None:
    content_hashes(root, FILES, memo)
    (path,) = (memo / "manifests").iterdir()
    path.unlink()
    if in_the_way == "manifests":
        path.parent.rmdir()
        path.parent.write_text("a file")
    else:
        path.mkdir()
    for _ in range(2):
        read.clear()
        assert content_hashes(root, FILES, memo) == expected(*CONTENTS)
        assert len(read) == 3


def test_a_missing_file_is_named(root: Path, memo: Path) -> None:
    content_hashes(root, FILES, memo)
    (root / "b" / "0.jpg").unlink()
    with pytest.raises(EvidenceError, match=r"b/0\.jpg cannot be read: No such file"):
        content_hashes(root, FILES, memo)


def test_a_file_that_cannot_be_read_is_named(root: Path, memo: Path) -> None:
    (root / "b" / "0.jpg").unlink()
    (root / "b" / "0.jpg").mkdir()
    with pytest.raises(EvidenceError, match=r"b/0\.jpg cannot be read: Is a directory"):
        content_hashes(root, FILES, memo)


def test_a_file_that_is_written_while_it_is_read_is_named(
    root: Path, memo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.file_digest

    def slow(file: Any, kind: str) -> Any:
        found = digest(file, kind)
        if file.name.endswith("1.jpg"):
            with Path(file.name).open("ab") as same:
                same.write(b"more")
        return found

    monkeypatch.setattr(hashlib, "file_digest", slow)
    with pytest.raises(EvidenceError, match=r"a/1\.jpg was written while it was read"):
        content_hashes(root, FILES, memo)


def test_a_set_of_no_files_and_one_of_many_are_hashed(root: Path, memo: Path, tmp_path: Path) -> None:
    assert content_hashes(root, [], memo) == []
    many = tmp_path / "many"
    many.mkdir()
    names = [f"{number}.png" for number in range(1500)]   # more than one thread takes at once
    for number, name in enumerate(names):
        (many / name).write_bytes(b"%d" % number)
    assert content_hashes(many, names, memo) == expected(*(b"%d" % number for number in range(1500)))
    assert content_hashes(many, names, memo) == expected(*(b"%d" % number for number in range(1500)))
