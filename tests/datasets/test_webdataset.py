"""Tars are read as the webdataset library reads them and as the miniature writes them; every defect is told."""

from __future__ import annotations

import gzip
import io
import pickle
import re
import tarfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import webdataset
from PIL import Image

from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.pictures import tar_index
from demeanour.datasets.pictures.decode import decode
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.datasets.pictures.webdataset import read_webdataset
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.miniature.formats.shards import write_task

RANDOM = np.random.default_rng(3)
PIXELS = RANDOM.integers(0, 256, (11, 64, 64, 3), dtype=np.uint8)
LABELS = np.array([2, 0, 1, 1, 0, 2, 2, 0, 1, 0, 2])
Members = Iterable[tuple[str, bytes]]


def encoded(pixels: np.ndarray, form: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, lossless=True)
    return buffer.getvalue()


WEBP = [encoded(pixels, "webp") for pixels in PIXELS]


def opened(root: Path, split: str | None = None, **given: object) -> Pictures:
    options = {"classes": None, "images": None, "label_space": None, "memo_root": root.parent / "memo", **given}
    return read_webdataset(root, "task", split=split, **options)   # type: ignore[arg-type]


def tar_of(members: Members, form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def samples(count: int = 4, first: int = 0) -> list[tuple[str, bytes]]:
    pairs = ((f"s{n:07d}", n) for n in range(first, first + count))
    return [part for key, n in pairs for part in ((f"{key}.cls", b"%d" % LABELS[n]), (f"{key}.webp", WEBP[n]))]


def task(folder: Path, *shards: Members, names: str | None = "ant\nbee\ncat\n", nshards: str | None = None) -> Path:
    (folder / "test").mkdir(parents=True)
    for number, members in enumerate(shards):
        (folder / "test" / f"{number}.tar").write_bytes(tar_of(members))
    (folder / "test" / "nshards.txt").write_text(f"{len(shards)}\n" if nshards is None else nshards)
    if names is not None:
        (folder / "classnames.txt").write_text(names)
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return task(tmp_path / "small", samples(3), samples(3, first=3))


# what is read


def test_shards_hold_what_the_webdataset_library_reads(tmp_path: Path) -> None:
    (tmp_path / "task" / "test").mkdir(parents=True)
    pattern = str(tmp_path / "task" / "test" / "%d.tar")
    with webdataset.ShardWriter(pattern, maxcount=4, verbose=0) as sink:
        for number, (picture, label) in enumerate(zip(WEBP, LABELS.tolist(), strict=True)):
            sink.write({"__key__": f"s{number:07d}", "webp": picture, "cls": label})
    (tmp_path / "task" / "test" / "nshards.txt").write_text("3\n")
    found = opened(tmp_path / "task", "test", classes=3, images=11)
    urls = [str(tmp_path / "task" / "test" / f"{number}.tar") for number in range(3)]
    theirs = list(webdataset.WebDataset(urls, shardshuffle=False))
    assert len(found) == len(theirs) == 11
    for sample in theirs:
        row = found.frame.ids.tolist().index(f"{Path(sample['__url__']).stem}/{sample['__key__']}")
        assert found.read(row) == sample["webp"]
        assert found.frame.columns["label"][row] == int(sample["cls"])
    assert found.places.files() == [Path(url) for url in urls]


@pytest.mark.parametrize(("split", "part"), [("train", slice(0, 7)), ("test", slice(7, 11))])
def test_the_miniatures_tasks_are_read(tmp_path: Path, split: str, part: slice) -> None:
    given = {"train": (PIXELS[:7], LABELS[:7]), "test": (PIXELS[7:], LABELS[7:])}
    write_task(tmp_path / "task", **given, classes=["ant", "bee", "cat"], templates=["a {}."], largest_shard=3)
    found = opened(tmp_path / "task", split)
    assert (found.data, found.frame.classes, len(found), found.notes) == ("task", 3, len(LABELS[part]), ())
    assert found.frame.columns["label"].tolist() == LABELS[part].tolist()
    for row, pixels in enumerate(PIXELS[part]):
        assert (np.asarray(decode(found.read(row), "a picture")) == pixels).all()


def test_ids_are_shards_and_keys_in_ascending_order(small: Path) -> None:
    assert opened(small, "test").frame.ids.tolist() == [
        "0/s0000000", "0/s0000001", "0/s0000002", "1/s0000003", "1/s0000004", "1/s0000005"
    ]  # fmt: skip


def test_rows_follow_ids_whatever_the_order_in_the_tar(tmp_path: Path) -> None:
    shuffled = [*samples(1, first=3), *samples(1, first=1), *samples(1, first=2)]
    found = opened(task(tmp_path / "t", shuffled), "test")
    assert [found.read(row) for row in range(3)] == WEBP[1:4]
    assert found.frame.columns["label"].tolist() == LABELS[1:4].tolist()


def test_the_same_key_in_two_tars_is_two_pictures(tmp_path: Path) -> None:
    found = opened(task(tmp_path / "t", samples(2), samples(2)), "test")
    assert found.frame.ids.tolist() == ["0/s0000000", "0/s0000001", "1/s0000000", "1/s0000001"]


def test_one_tar_or_a_folder_of_tars_will_do(tmp_path: Path) -> None:
    for name in ("left", "right"):
        (tmp_path / f"{name}.tar").write_bytes(tar_of(samples(2)))
    assert opened(tmp_path / "left.tar", classes=3).frame.ids.tolist() == ["left/s0000000", "left/s0000001"]
    both = opened(tmp_path, classes=3, memo_root=tmp_path / "memo")
    assert both.frame.ids.tolist() == ["left/s0000000", "left/s0000001", "right/s0000000", "right/s0000001"]


def test_jpeg_png_and_capitals_are_pictures_and_other_members_are_left_aside(tmp_path: Path) -> None:
    members = [
        ("./a.JPG", b"1"), ("./a.cls", b" 2\n"),
        ("b/c.d.jpg", b"of no key of its own"), ("b/c.json", b"{}"), ("b/c.cls", b"0"), ("b/c.png", b"22"),
        ("d.jpeg", b"333"), ("d.cls", b"1"), ("README", b"no sample"), ("x/.hidden", b""),
    ]  # fmt: skip
    found = opened(task(tmp_path / "t", members), "test")
    assert found.frame.ids.tolist() == ["0/a", "0/b/c", "0/d"]
    assert [found.read(row) for row in range(3)] == [b"1", b"22", b"333"]
    assert found.frame.columns["label"].tolist() == [2, 0, 1]


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_are_whole(tmp_path: Path, form: int) -> None:
    key = "/".join(["a folder of many letters and ümlauts"] * 9) + "/picture"
    (tmp_path / "0.tar").write_bytes(tar_of([(f"{key}.cls", b"1"), (f"{key}.webp", WEBP[0])], form))
    found = opened(tmp_path / "0.tar", classes=3)
    assert found.frame.ids.tolist() == [f"0/{key}"]
    assert found.read(0) == WEBP[0]


def test_vectors_of_labels_are_label_sets(tmp_path: Path) -> None:
    vectors = np.array([[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 0, 1]])
    (tmp_path / "t" / "test").mkdir(parents=True)
    with webdataset.ShardWriter(str(tmp_path / "t" / "test" / "%d.tar"), maxcount=3, verbose=0) as sink:
        for number, vector in enumerate(vectors):
            sink.write({"__key__": f"s{number}", "webp": WEBP[number], "npy": vector})
    found = opened(tmp_path / "t", "test")
    assert found.frame.classes == 4
    assert found.frame.ids.tolist() == ["0/s0", "0/s1", "1/s3"]
    assert found.frame.columns["label_set"].tolist() == [[1, 3, -1], [0, -1, -1], [0, 1, 3]]
    assert found.notes == ("1 pictures without a label are left out",)
    assert [found.read(row) for row in range(3)] == [WEBP[0], WEBP[1], WEBP[3]]


def test_counts_of_classes_agree_and_notes_are_passed_on(small: Path) -> None:
    space = LabelSpace("three", "mapped", ((4,), (1, 2), ()), notes=("a note",))
    found = opened(small, "test", classes=3, label_space=space)
    assert (found.frame.classes, found.notes) == (3, ("a note",))
    assert opened(task(small.parent / "t", samples(2), names=None), "test", label_space=space).frame.classes == 3


def test_the_manifest_knows_pictures_and_labels_but_not_their_place(tmp_path: Path) -> None:
    first, again = (opened(task(tmp_path / name, samples(3)), "test").manifest for name in ("a", "b"))
    relabelled = [(name, b"0" if name == "s0000000.cls" else content) for name, content in samples(3)]
    repainted = [(name, WEBP[9] if name == "s0000001.webp" else content) for name, content in samples(3)]
    other = opened(task(tmp_path / "c", relabelled), "test").manifest
    another = opened(task(tmp_path / "d", repainted), "test").manifest
    assert first == again
    assert len({first, other, another}) == 3


# random access


def test_threads_and_other_processes_read_the_same(small: Path) -> None:
    found = opened(small, "test")
    rows = np.random.default_rng(0).integers(0, 6, 400).tolist()
    expected = [WEBP[row] for row in rows]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(found.read, rows)) == expected
    copy = pickle.loads(pickle.dumps(found))
    assert [copy.read(row) for row in rows[:20]] == expected[:20]


def test_a_tar_that_is_cut_or_removed_after_it_was_opened_is_named_with_the_member(small: Path) -> None:
    found = opened(small, "test")
    cut = small / "test" / "0.tar"
    cut.write_bytes(cut.read_bytes()[:3000])
    (small / "test" / "1.tar").unlink()
    with pytest.raises(EvidenceError, match=r"0\.tar: 's0000000\.webp' is truncated: [\d,]+ of [\d,]+ bytes"):
        found.read(0)
    with pytest.raises(EvidenceError, match=r"1\.tar: 's0000004\.webp' cannot be read: No such file"):
        found.read(4)


# the memo


def test_a_tar_is_scanned_once(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(small, "test")
    monkeypatch.setattr(tar_index, "_scan", lambda *_: pytest.fail("scanned again"))
    again = opened(small, "test")
    assert again.manifest == first.manifest
    assert [again.read(row) for row in range(6)] == WEBP[:6]


def test_a_changed_tar_is_scanned_anew(small: Path) -> None:
    opened(small, "test")
    (small / "test" / "1.tar").write_bytes(tar_of(samples(4, first=5)))
    assert opened(small, "test").frame.ids.tolist()[3:] == [f"1/s000000{number}" for number in range(5, 9)]


def test_a_damaged_or_foreign_memo_counts_for_nothing(small: Path) -> None:
    expected = opened(small, "test")
    memos = sorted((small.parent / "memo").rglob("*.tar.parquet"))
    assert len(memos) == 2
    content = bytearray(memos[0].read_bytes())
    content[len(content) // 4] ^= 1   # in the pages, which hold the offsets
    memos[0].write_bytes(content)
    pyarrow.parquet.write_table(pyarrow.table({"key": ["s0000003"]}), memos[1])
    again = opened(small, "test")
    assert again.frame.ids.tolist() == expected.frame.ids.tolist()
    assert [again.read(row) for row in range(6)] == WEBP[:6]


def test_without_a_place_for_memos_all_is_scanned_every_time(small: Path) -> None:
    (small.parent / "full").write_text("a file where a folder should be")
    assert len(opened(small, "test", memo_root=small.parent / "full")) == 6


def test_a_tar_that_is_written_meanwhile_is_refused(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter(["1 10 0 0", "1 20 0 0"])
    monkeypatch.setattr(tar_index, "_look", lambda file: next(looks))
    with pytest.raises(EvidenceError, match=r"0\.tar was written while it was read"):
        opened(small, "test")


# what is wrong


def first_tar(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "test" / "0.tar"
        path.write_bytes(change(path.read_bytes()))

    return apply


def members(*listed: tuple[str, bytes]) -> Callable[[Path], None]:
    return first_tar(lambda _: tar_of(listed))


def vector(values: object) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(values), allow_pickle=True)
    return buffer.getvalue()


def last_of(content: bytes) -> tarfile.TarInfo:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return tar.getmembers()[-1]


def end_of(content: bytes) -> int:
    """Where the last member ends and the mark of the end begins."""
    return last_of(content).offset_data + -(-last_of(content).size // 512) * 512


def linked(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, size in (("a.cls", tarfile.REGTYPE, 1), ("a.png", tarfile.SYMTYPE, 0)):
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, size, "elsewhere"
            tar.addfile(member, io.BytesIO(b"1"))
    return buffer.getvalue()


def sparse(content: bytes) -> bytes:
    member = tarfile.TarInfo("a.png")
    about = {"major": "0", "minor": "1", "map": "0,0", "size": "9"}
    member.pax_headers = {f"GNU.sparse.{name}": value for name, value in about.items()}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(member)
    return buffer.getvalue()


def not_utf8(content: bytes) -> bytes:
    return tar_of([("\udcff.cls", b"1"), ("\udcff.png", b"1")], tarfile.GNU_FORMAT)


TWO = LabelSpace("two", "subset", ((0,), (1,)))
LABEL = ("a.cls", b"1")
PICTURE = ("a.png", b"1")
VECTOR = ("a.npy", vector([0, 1, 0]))
NO_TAR = "0.tar: truncated, damaged, compressed or no tar file ("

DEFECTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a missing tar": (
        lambda folder: (folder / "test/1.tar").unlink(),
        "1 of the 2 tar files of nshards.txt are missing: 1.tar",
    ),
    "a tar too many": (
        lambda folder: (folder / "test/2.tar").write_bytes(b""),
        "1 of the 2 tar files of nshards.txt should not be there: 2.tar",
    ),
    "a count that is none": (
        lambda folder: (folder / "test/nshards.txt").write_text("two"),
        "nshards.txt: expected the number of tar files, found 'two'",
    ),
    "a count beyond belief": (
        lambda folder: (folder / "test/nshards.txt").write_text("9" * 12),
        "nshards.txt: expected the number of tar files, found '999999999999'",
    ),
    "cut in a picture": (first_tar(lambda tar: tar[:3000]), f"{NO_TAR}unexpected end of data)"),
    "cut in a header": (first_tar(lambda tar: tar[: last_of(tar).offset + 100]), "0.tar: truncated after"),
    "cut between members": (first_tar(lambda tar: tar[: end_of(tar)]), "where members end without the mark of the end"),
    "a damaged header": (
        first_tar(lambda tar: tar[:1024] + b"?" + tar[1025:]),
        "0.tar: damaged: no header of a member at byte 1,024",
    ),
    "a damaged first header": (first_tar(lambda tar: b"?" + tar[1:]), f"{NO_TAR}bad checksum)"),
    "two tars in one": (first_tar(lambda tar: tar + tar), "0.tar: more follows after its end at byte"),
    "compressed": (first_tar(gzip.compress), NO_TAR),
    "empty": (first_tar(lambda _: b""), f"{NO_TAR}empty file)"),
    "no samples": (members(("README", b"none")), "0.tar: holds no samples"),
    "no picture": (members(LABEL), "'a': expected one picture (.webp, .png, .jpg, .jpeg), found none, only cls"),
    "a link for a picture": (first_tar(linked), "'a': expected one picture (.webp, .png, .jpg, .jpeg), found none"),
    "holes": (first_tar(sparse), "0.tar: 'a.png' is sparse"),
    "a name that is no text": (first_tar(not_utf8), NO_TAR),
    "no label": (members(PICTURE, ("a.txt", b"")), "'a': expected one label (.cls, .npy), found none, only png, txt"),
    "two pictures": (members(PICTURE, ("a.jpg", b"1"), LABEL), "found several: a.png, a.jpg"),
    "two labels": (members(PICTURE, VECTOR, LABEL), "found several: a.cls, a.npy"),
    "a key twice": (members(*samples(1), *samples(1)), "0.tar: 's0000000.cls' stands twice"),
    "a word": (members(PICTURE, ("a.cls", b"bee")), "'a.cls': expected a class index, found b'bee'"),
    "a negative label": (members(PICTURE, ("a.cls", b"-1")), "'a.cls': expected a class index, found b'-1'"),
    "half a label": (members(PICTURE, ("a.cls", b"1.5")), "'a.cls': expected a class index, found b'1.5'"),
    "an empty label": (members(PICTURE, ("a.cls", b"")), "'a.cls': expected a class index, found b''"),
    "a long label": (members(PICTURE, ("a.cls", b"1" * 30)), "'a.cls': expected a class index, found b'1111"),
    "no such class": (
        members(PICTURE, ("a.cls", b"3")),
        "1 labels are no class index in 0 … 2, such as 3 of '0/a'",
    ),
    "labels of two kinds": (members(*samples(1), PICTURE, VECTOR), "0.tar: labels are of different kinds or lengths"),
    "tars of two kinds": (members(PICTURE, VECTOR), "test: labels are of different kinds or lengths"),
    "no array": (members(PICTURE, ("a.npy", b"0 1 0")), "'a.npy': no array: "),
    "half an array": (members(PICTURE, ("a.npy", VECTOR[1][:-9])), "'a.npy': no array: "),
    "objects": (members(PICTURE, ("a.npy", vector([None, 1]))), "'a.npy': no array: Object arrays cannot be loaded"),
    "counts": (members(PICTURE, ("a.npy", vector([0, 2, 1]))), "'a.npy': expected a vector with 1 for each right"),
    "no number": (members(PICTURE, ("a.npy", vector([0, np.nan]))), "'a.npy': expected a vector with 1 for each right"),
    "a matrix": (members(PICTURE, ("a.npy", vector([[0, 1]]))), "'a.npy': expected a vector with 1 for each right"),
    "fewer class names": (
        lambda folder: (folder / "classnames.txt").write_text("a\n\nb\n"),
        "2 labels are no class index in 0 … 1, such as 2 of '0/s0000000'",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_what_is_wrong_is_told(small: Path, defect: str) -> None:
    damage, message = DEFECTS[defect]
    damage(small)
    with pytest.raises(EvidenceError) as caught:
        opened(small, "test")
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(small))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"classes": 4}, r"how many classes\? 4 by the card, 3 by .*classnames\.txt"),
        ({"label_space": TWO}, r"3 by .*classnames\.txt, 2 by the label space 'two'"),
        ({"images": 7}, "6 pictures where task has 7"),
    ],
)
def test_counts_that_differ_are_told(small: Path, given: dict[str, object], message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        opened(small, "test", **given)


def test_the_number_of_classes_must_be_told(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="nothing tells how many classes there are; say `classes`"):
        opened(task(tmp_path / "t", samples(2), names=None), "test")


def test_a_vector_of_another_length_than_the_names_is_told(tmp_path: Path) -> None:
    shard = [("a.png", b""), ("a.npy", vector([0, 1, 0, 1]))]
    with pytest.raises(EvidenceError, match=r"3 by .*classnames\.txt, 4 by the vectors of labels"):
        opened(task(tmp_path / "t", shard), "test")


def test_a_set_in_which_no_picture_has_a_label_is_refused(tmp_path: Path) -> None:
    shard = [("a.png", b""), ("a.npy", vector([0, 0, 0]))]
    with pytest.raises(EvidenceError, match="no picture has a label"):
        opened(task(tmp_path / "t", shard), "test")


@pytest.mark.parametrize(
    ("path", "split", "message"),
    [
        ("nowhere", "test", "nowhere is missing; CLIP_benchmark's data sets are"),
        ("small", "tset", "holds no folder 'tset'; did you mean 'test'?"),
        ("small", None, "holds no tar files; its folders test do: say which one is the `split`"),
        (".", "void", "void holds no tar files; CLIP_benchmark's data sets are"),
    ],
)
def test_what_is_missing_is_not_measured(small: Path, path: str, split: str | None, message: str) -> None:
    (small.parent / "void").mkdir()
    with pytest.raises(NotMeasuredError, match=re.escape(message)) as caught:
        opened(small.parent / path, split)
    assert not isinstance(caught.value, EvidenceError)


def test_one_file_has_no_splits(small: Path) -> None:
    with pytest.raises(EvidenceError, match=r"0\.tar is one file: it has no split 'test'"):
        opened(small / "test" / "0.tar", "test")


def test_an_unreadable_tar_is_told(small: Path) -> None:
    (small / "test" / "0.tar").unlink()
    (small / "test" / "0.tar").symlink_to(small / "test" / "0.tar")   # a link to itself
    with pytest.raises(EvidenceError, match=r"are missing: 0\.tar"):
        opened(small, "test")
    with pytest.raises(EvidenceError, match="cannot be read: Is a directory"):
        tar_index.tar_index(small / "test", small.parent / "memo")
