"""Parquet is read as pyarrow reads it and as the miniature writes it; every defect is told."""

from __future__ import annotations

import json
import pickle
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.pictures import parquet_rows
from demeanour.datasets.pictures.parquet import read_parquet
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.miniature.formats.hard import FILE, write_hard
from demeanour.miniature.formats.pictures import jpeg

RANDOM = np.random.default_rng(5)
BYTES = [RANDOM.bytes(int(size)) for size in RANDOM.integers(50, 400, 23)]
LABELS = RANDOM.integers(0, 4, 23).tolist()
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
PATH_FIRST = pa.struct([("path", pa.string()), ("bytes", pa.large_binary())])
PUG = LabelSpace("pug-imagenet", "mapped", ((0,), (3,), ()), names=("Cat", "Dog", "Shirt"), notes=("a note",))


def opened(root: Path, split: str | None = None, data: str = "set", **given: object) -> Pictures:
    options = {"classes": None, "images": None, "label_space": None, "memo_root": root.parent / "memo", **given}
    return read_parquet(root, data, split=split, **options)   # type: ignore[arg-type]


def table(part: slice = slice(None), **columns: object) -> pa.Table:
    """Pictures with labels; a column that is None is left out, others are added or replaced."""
    pictures = pa.array([{"bytes": one, "path": None} for one in BYTES[part]], IMAGE)
    whole = {"image": pictures, "label": pa.array(LABELS[part]), **columns}
    return pa.table({name: values for name, values in whole.items() if values is not None})


def write(path: Path, content: pa.Table, rows_of_a_group: int = 5, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pa.parquet.write_table(content, path, row_group_size=rows_of_a_group, **options)
    return path


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return write(tmp_path / "set" / "test.parquet", table())


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Three files of unequal length, as Hugging Face's hub has them."""
    for number, part in enumerate((slice(0, 9), slice(9, 10), slice(10, 23))):
        write(tmp_path / "set" / "data" / f"validation-{number:05d}-of-00003.parquet", table(part))
    return tmp_path / "set"


# what is read


def test_pictures_and_labels_are_those_that_pyarrow_reads(three: Path) -> None:
    found = opened(three, classes=4, images=23)
    theirs = pa.concat_tables([pa.parquet.read_table(path) for path in sorted((three / "data").iterdir())]).to_pylist()
    assert [found.read(row) for row in range(23)] == [row["image"]["bytes"] for row in theirs] == BYTES
    assert found.frame.columns["label"].tolist() == [row["label"] for row in theirs] == LABELS
    assert (found.data, found.frame.classes, found.notes) == ("set", 4, ())
    assert found.places.files() == sorted((three / "data").iterdir())


def test_ids_are_files_and_rows(three: Path) -> None:
    ids = opened(three, classes=4).frame.ids.tolist()
    assert ids[:2] == ["validation-00000-of-00003/000000", "validation-00000-of-00003/000001"]
    assert ids[8:12] == [
        "validation-00000-of-00003/000008", "validation-00001-of-00003/000000",
        "validation-00002-of-00003/000000", "validation-00002-of-00003/000001",
    ]  # fmt: skip


@pytest.mark.parametrize(("column", "other"), [("file_name", "id"), ("id", None)])
def test_a_column_of_names_gives_the_ids(tmp_path: Path, column: str, other: str | None) -> None:
    names = [f"{number}.JPEG" for number in RANDOM.permutation(23).tolist()]
    more = {other: pa.array(range(23))} if other else {}
    found = opened(write(tmp_path / "a.parquet", table(**{column: pa.array(names), **more})), classes=4)
    assert found.frame.ids.tolist() == sorted(names)
    for row, name in enumerate(found.frame.ids.tolist()):
        assert found.read(row) == BYTES[names.index(name)]
        assert found.frame.columns["label"][row] == LABELS[names.index(name)]


def test_numbers_are_ids_too(tmp_path: Path) -> None:
    found = opened(write(tmp_path / "a.parquet", table(id=pa.array(range(100, 123)))), classes=4)
    assert found.frame.ids.tolist() == [str(number) for number in range(100, 123)]


def test_the_miniatures_hard_images_are_read(tmp_path: Path) -> None:
    images = RANDOM.integers(0, 256, (230, 64, 64, 3), dtype=np.uint8)
    sets = [[int(number) % 16, (int(number) + 5) % 16][: 1 + number % 2] for number in range(230)]
    origins = [("imagenet_v2", "imagenet_a", "objectnet")[number % 3] for number in range(230)]
    write_hard(tmp_path / "hard", images, sets, origins)
    found = opened(tmp_path / "hard", classes=16, images=230)
    assert found.frame.ids[7] == "validation-00000-of-00001/000007"
    assert [[label for label in row if label >= 0] for row in found.frame.columns["label_set"].tolist()] == sets
    assert [found.frame.names["origin"][code] for code in found.frame.columns["origin"]] == origins
    for row in (0, 99, 100, 229):
        assert found.read(row) == jpeg(images[row])
    assert found.places.files() == [tmp_path / "hard" / FILE]


def test_pug_names_its_classes_and_tells_how_pictures_were_made(tmp_path: Path) -> None:
    labels = ["Dog", "Cat", "Shirt", "Dog"]
    content = table(
        slice(0, 4),
        label=None,
        world_name=pa.array(["Desert", "City", "City", "Desert"]),
        character_name=pa.array(["dog_1", "cat_1", "shirt_1", "dog_1"]),
        character_label=pa.array(labels),
        camera_yaw=pa.array([0, -45, 0, 225]),
        character_scale=pa.array([1.0, 1.0, 0.7, 1.6]),
        scene_light=pa.array([None, "Blue", None, None], pa.string()),
    )
    found = opened(write(tmp_path / "data" / "train-00000-of-00001.parquet", content), label_space=PUG)
    frame = found.frame
    assert (frame.classes, frame.clusters, found.notes) == (3, ("character_name",), ("a note",))
    assert [PUG.names[label] for label in frame.columns["label"]] == labels
    told = {name: [frame.names[name][code] for code in frame.columns[name]] for name in frame.names}
    assert told == {
        "world_name": ["Desert", "City", "City", "Desert"],
        "character_name": ["dog_1", "cat_1", "shirt_1", "dog_1"],
        "camera_yaw": ["0", "-45", "0", "225"],
        "character_scale": ["1", "1", "0.7", "1.6"],
        "scene_light": ["", "Blue", "", ""],
    }


@pytest.mark.parametrize(
    "pictures",
    [
        pa.array(BYTES),
        pa.array(BYTES, pa.large_binary()),
        pa.array([{"path": "0.png", "bytes": one} for one in BYTES], PATH_FIRST),
        pa.chunked_array([BYTES[:4], BYTES[4:]]),
    ],
    ids=["bytes", "large", "a struct", "chunks"],
)  # fmt: skip
def test_pictures_are_bytes_or_structs_of_them(tmp_path: Path, pictures: pa.Array) -> None:
    content = table(image=None, webp=pictures, caption=pa.array(["a caption"] * 23))
    found = opened(write(tmp_path / "a.parquet", content), classes=4)
    assert [found.read(row) for row in range(23)] == BYTES


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint16(), pa.int64()])
def test_labels_are_whole_numbers_of_any_width(tmp_path: Path, kind: pa.DataType) -> None:
    found = opened(write(tmp_path / "a.parquet", table(label=pa.array(LABELS, kind))), classes=4)
    assert found.frame.columns["label"].tolist() == LABELS
    assert found.frame.columns["label"].dtype == np.int64


@pytest.mark.parametrize("kind", [pa.list_(pa.int32()), pa.large_list(pa.int64())])
def test_pictures_without_a_label_are_left_out(tmp_path: Path, kind: pa.DataType) -> None:
    sets = [[0, 3], [], [2], [1, 0, 2], *([[1]] * 19)]
    found = opened(write(tmp_path / "a.parquet", table(label=pa.array(sets, kind))), classes=4, images=22)
    assert found.frame.columns["label_set"][:3].tolist() == [[0, 3, -1], [2, -1, -1], [1, 0, 2]]
    assert found.frame.ids[1] == "a/000002"
    assert [found.read(row) for row in range(22)] == [BYTES[0], *BYTES[2:]]
    assert found.notes == ("1 pictures without a label are left out",)


@pytest.mark.parametrize(
    "feature",
    [
        {"names": ["a", "b", "c", "d"], "_type": "ClassLabel"},
        {"feature": {"names": ["a", "b", "c", "d"], "_type": "ClassLabel"}, "_type": "Sequence"},
    ],
)
def test_the_names_of_classes_tell_how_many_there_are(tmp_path: Path, feature: object) -> None:
    about = {"huggingface": json.dumps({"info": {"features": {"label": feature}}})}
    path = write(tmp_path / "a.parquet", table().replace_schema_metadata(about))
    assert opened(path).frame.classes == 4
    with pytest.raises(EvidenceError, match=r"how many classes\? 5 by the card, 4 by the names in the files"):
        opened(path, classes=5)


@pytest.mark.parametrize(
    "about", [{}, {"huggingface": "{"}, {"huggingface": "[]"}, {"huggingface": '{"info": {"features": {"label": 3}}}'}]
)
def test_other_remarks_tell_nothing(tmp_path: Path, about: dict[str, str]) -> None:
    path = write(tmp_path / "a.parquet", table().replace_schema_metadata(about))
    assert opened(path, classes=9).frame.classes == 9
    with pytest.raises(EvidenceError, match="nothing tells how many classes there are; say `classes`"):
        opened(path)


def test_the_manifest_knows_pictures_and_labels_but_not_their_place(tmp_path: Path) -> None:
    repainted, relabelled = [*BYTES[:-1], BYTES[0]], [(LABELS[0] + 1) % 4, *LABELS[1:]]
    changed = [table(image=pa.array(repainted)), table(label=pa.array(relabelled))]
    contents = dict(zip("abcd", [table(), table(), *changed], strict=True))
    manifests = {
        name: opened(write(tmp_path / name / "test.parquet", content), classes=4).manifest
        for name, content in contents.items()
    }
    assert manifests["a"] == manifests["b"]
    assert len(set(manifests.values())) == 3


# which files


@pytest.mark.parametrize(
    ("names", "split", "chosen"),
    [
        (["data/test-00000-of-00002.parquet", "data/test-00001-of-00002.parquet"], None, [0, 1]),
        (["data/test-00000-of-00001-0c9f.parquet", "data/train-00000-of-00001.parquet"], "test", [0]),
        (["default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet"], "train", [0, 1]),
        (["0000.parquet", "0001.parquet"], None, [0, 1]),
        (["test.parquet", "train.parquet"], "train", [1]),
        ([".cache/huggingface/test.parquet", "test.parquet"], None, [1]),
    ],
)
def test_splits_are_told_by_names(tmp_path: Path, names: list[str], split: str | None, chosen: list[int]) -> None:
    for number, name in enumerate(names):
        write(tmp_path / "set" / name, table(slice(number, number + 1)))
    found = opened(tmp_path / "set", split, classes=4)
    assert found.places.files() == sorted(tmp_path / "set" / names[number] for number in chosen)
    assert [found.read(row) for row in range(len(chosen))] == [BYTES[number] for number in chosen]


def test_one_file_of_several_may_be_named(three: Path) -> None:
    found = opened(three / "data" / "validation-00002-of-00003.parquet", classes=4)
    assert [found.read(row) for row in range(len(found))] == BYTES[10:]


@pytest.mark.parametrize(
    ("names", "split", "message"),
    [
        (
            ["test-00000-of-00003.parquet", "test-00002-of-00003.parquet"],
            None,
            "1 of 3 files are missing, such as test-00001-of-00003",
        ),
        (
            ["test-00000-of-00001.parquet", "test-00000-of-00002.parquet"],
            "test",
            "files of 00001 and of 00002; keep one edition of test",
        ),
        (
            ["test-00000-of-00001-ab.parquet", "test-00000-of-00001-cd.parquet"],
            None,
            "2 files where there are 1; keep one edition",
        ),
        (["test.parquet", "train.parquet"], None, "holds several splits: test, train; say which one is the `split`"),
        (["4k/test.parquet", "2k/test.parquet"], "test", "holds 'test' several times: 2k, 4k; name one folder"),
    ],
)  # fmt: skip
def test_files_that_make_no_split_are_told(tmp_path: Path, names: list[str], split: str | None, message: str) -> None:
    for name in names:
        write(tmp_path / "set" / name, table(slice(0, 1)))
    with pytest.raises(EvidenceError) as caught:
        opened(tmp_path / "set", split, classes=4)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("root", "data", "split", "message"),
    [
        ("nowhere", "imagenet-hard", None, "missing; it holds the Parquet files of imagenet-hard; obtain them from"),
        ("nowhere", "own", None, "missing; it holds the Parquet files of own"),
        ("void", "own", "test", "void holds no Parquet files of own"),
        ("set", "own", "tests", "set holds no split 'tests' of own; did you mean 'test'?"),
    ],
)  # fmt: skip
def test_what_is_missing_is_not_measured(one: Path, root: str, data: str, split: str | None, message: str) -> None:
    (one.parents[1] / "void").mkdir()
    with pytest.raises(NotMeasuredError, match=re.escape(message)) as caught:
        opened(one.parents[1] / root, split, data)
    assert not isinstance(caught.value, EvidenceError)


# random access


def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Which row groups are read from the disk."""
    reads: list[tuple[str, int]] = []
    read = parquet_rows._read_group

    def noting(path: Path, column: str, group: int) -> pa.ChunkedArray:
        reads.append((path.name, group))
        return read(path, column, group)

    monkeypatch.setattr(parquet_rows, "_read_group", noting)
    return reads


def test_opening_reads_no_pictures_and_rows_in_order_read_each_group_once(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = counted(monkeypatch)
    found = opened(three, classes=4)
    assert reads == []
    assert [found.read(row) for row in range(23)] == BYTES
    assert [group for _, group in reads] == [0, 1, 0, 0, 1, 2]


def test_few_groups_are_kept(one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = counted(monkeypatch)
    monkeypatch.setattr(parquet_rows, "_KEPT_BYTES", 0)
    found = opened(one, classes=4)
    assert [found.read(row) for row in (0, 5, 1, 6, 10, 7, 2)] == [BYTES[row] for row in (0, 5, 1, 6, 10, 7, 2)]
    assert [group for _, group in reads] == [0, 1, 2, 0]   # two are kept at least


def test_threads_read_a_group_once(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = counted(monkeypatch)
    found = opened(three, classes=4)
    rows = np.random.default_rng(0).integers(0, 23, 500).tolist()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(found.read, rows)) == [BYTES[row] for row in rows]
    assert sorted(reads) == sorted(set(reads))


def test_a_thread_that_waits_for_a_group_gets_the_error_too(one: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, begun, go_on = opened(one, classes=4), threading.Event(), threading.Event()

    def failing(path: Path, column: str, group: int) -> pa.ChunkedArray:
        begun.set()
        go_on.wait(10)
        raise EvidenceError("row group 0 is gone")

    with monkeypatch.context() as patched, ThreadPoolExecutor(2) as pool:
        patched.setattr(parquet_rows, "_read_group", failing)
        first = pool.submit(found.read, 0)
        begun.wait(10)
        second = pool.submit(found.read, 1)
        go_on.set()
        for waiting in (first, second):
            with pytest.raises(EvidenceError, match="row group 0 is gone"):
                waiting.result(10)
    assert found.read(0) == BYTES[0]   # what failed is not remembered


def test_other_processes_read_the_same(three: Path) -> None:
    found = opened(three, classes=4)
    found.read(0)
    copy = pickle.loads(pickle.dumps(found))
    assert len(pickle.dumps(found.places)) < 5000   # what was read does not travel
    assert [copy.read(row) for row in range(23)] == BYTES


# what is wrong


def changed(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(change(path.read_bytes())) and None


def rewritten(**columns: object) -> Callable[[Path], None]:
    return lambda path: write(path, table(**columns)) and None


def two_of_a_name(path: Path) -> None:
    content = table()
    write(path, pa.Table.from_arrays([*content.columns, content["label"]], names=["image", "label", "label"]))


def flipped(path: Path, column: int, content: pa.Table) -> None:
    """The last byte of a column changed, where pages have checksums."""
    write(path, content, 50, write_page_checksum=True, compression="none", use_dictionary=False)
    place = pa.parquet.read_metadata(path).row_group(0).column(column)
    written = bytearray(path.read_bytes())
    written[place.data_page_offset + place.total_compressed_size - 1] ^= 1
    path.write_bytes(written)


DEFECTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "cut": (changed(lambda content: content[:-200]), "test.parquet: truncated or no Parquet file ("),
    "cut short": (changed(lambda content: content[:5]), "test.parquet: truncated or no Parquet file ("),
    "empty": (changed(lambda _: b""), "test.parquet: truncated or no Parquet file ("),
    "a damaged footer": (
        changed(lambda c: c[:-60] + bytes(40) + c[-20:]),
        "test.parquet: truncated or no Parquet file (",
    ),
    "something else": (changed(lambda _: b"id,label\n1,2\n" * 99), "test.parquet: truncated or no Parquet file ("),
    "a flipped byte": (lambda path: flipped(path, 2, table()), "test.parquet: damaged ("),
    "no pictures": (
        rewritten(image=None),
        "expected one column of pictures, as bytes or {bytes, path}; found none: label",
    ),
    "text for pictures": (rewritten(image=pa.array(["a.png"] * 23)), "found none: image, label"),
    "paths for pictures": (rewritten(image=pa.array([{"path": "a.png"}] * 23)), "found none: image, label"),
    "two pictures": (rewritten(mask=pa.array(BYTES)), "found several: image.bytes, mask"),
    "no labels": (rewritten(label=None, labels=pa.array(LABELS)), "no column 'label'; did you mean 'labels'?"),
    "a column twice": (two_of_a_name, "two columns share a name, of image, label, label"),
    "words for labels": (
        rewritten(label=pa.array(["cat"] * 23)),
        "'label' must be a class index or a list of them, found string",
    ),
    "halves for labels": (
        rewritten(label=pa.array([0.5] * 23)),
        "must be a class index or a list of them, found double",
    ),
    "lists of words": (
        rewritten(label=pa.array([["cat"]] * 23)),
        "must be a class index or a list of them, found list",
    ),
    "a missing label": (rewritten(label=pa.array([None, *LABELS[1:]])), "1 labels are missing"),
    "a missing set": (rewritten(label=pa.array([None, *([[1]] * 22)])), "1 labels are missing"),
    "a gap in a set": (rewritten(label=pa.array([[1, None], *([[1]] * 22)])), "1 labels are missing"),
    "a hidden label": (
        rewritten(label=pa.array([-1, *LABELS[1:]])),
        "1 labels are no class index in 0 … 3, such as -1 of 'test/000000'",
    ),
    "a label out of range": (rewritten(label=pa.array([*LABELS[1:], 4])), "such as 4 of 'test/000022'"),
    "a set out of range": (
        rewritten(label=pa.array([[1]] * 22 + [[2, 7]])),
        "1 labels are no class index in 0 … 3, such as 7 of 'test/000022'",
    ),
    "a label twice": (
        rewritten(label=pa.array([[1]] * 22 + [[2, 0, 2]])),
        "a label of 'test/000022' stands twice: [2 0 2]",
    ),
    "no labels at all": (rewritten(label=pa.array([[]] * 23, pa.list_(pa.int64()))), "no picture has a label"),
    "an id twice": (rewritten(id=pa.array([1, 1, *range(2, 23)])), "1 duplicate ids, such as '1'"),
    "an empty id": (rewritten(file_name=pa.array(["", *map(str, range(22))])), "1 rows have no id"),
    "no id": (
        rewritten(file_name=pa.array([None, *map(str, range(22))])),
        "'file_name' must name every picture, found 1 without a name",
    ),
    "halves for ids": (rewritten(id=pa.array([0.5] * 23)), "'id' must name every picture, found double"),
    "nameless classes": (
        rewritten(label=None, character_label=pa.array(["Cat"] * 23)),
        "'character_label' names classes; say whose",
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_what_is_wrong_is_told(one: Path, defect: str) -> None:
    damage, message = DEFECTS[defect]
    damage(one)
    with pytest.raises(EvidenceError) as caught:
        opened(one.parent, classes=4)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(one))


def test_an_unknown_name_of_a_class_is_told(one: Path) -> None:
    names = [None, "Cat", "Shrit", *(["Dog"] * 20)]
    write(one, table(label=None, character_label=pa.array(names)))
    with pytest.raises(EvidenceError, match="'None' is no class of the label space 'pug-imagenet'"):
        opened(one, label_space=PUG)
    write(one, table(label=None, character_label=pa.array(["Cat", *names[1:]])))
    with pytest.raises(EvidenceError, match=r"'Shrit' is no class of .* 'pug-imagenet'; did you mean 'Shirt'\?"):
        opened(one, label_space=PUG)


@pytest.mark.parametrize(
    "columns",
    [{"label": pa.array([[1]])}, {"image": pa.array(BYTES[9:10])}, {"id": pa.array([3])}, {"origin": pa.array(["v2"])}],
    ids=["label", "image", "id", "origin"],
)
def test_files_with_other_columns_are_told(three: Path, columns: dict[str, pa.Array]) -> None:
    write(three / "data" / "validation-00001-of-00003.parquet", table(slice(9, 10), **columns))
    with pytest.raises(EvidenceError, match=r"n-00001-of-00003\.parquet: other columns than those of validation-00000"):
        opened(three, classes=4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"classes": 4, "images": 24}, "23 pictures where set has 24"),
        ({"classes": 4, "label_space": PUG}, "4 by the card, 3 by the label space 'pug-imagenet'"),
    ],
)  # fmt: skip
def test_counts_that_differ_are_told(one: Path, given: dict[str, object], message: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        opened(one, **given)
    assert message in str(caught.value)


def test_a_row_without_a_picture_is_told_when_it_is_read(one: Path) -> None:
    pictures = [{"bytes": data, "path": "0.png"} for data in BYTES]
    pictures[7] = {"bytes": None, "path": "7.png"}
    pictures[8] = None
    write(one, table(image=pa.array(pictures, IMAGE)))
    found = opened(one, classes=4)
    assert found.read(6) == BYTES[6]
    for row in (7, 8):
        with pytest.raises(EvidenceError, match=rf"row {row - 5} of row group 1 holds no picture in 'image\.bytes'"):
            found.read(row)


def test_a_flipped_byte_of_a_picture_is_told_where_pages_have_checksums(one: Path) -> None:
    flipped(one, 0, table())
    found = opened(one, classes=4)
    with pytest.raises(EvidenceError, match=r"test\.parquet: row group 0 cannot be read \(.*; obtain it again"):
        found.read(22)


def test_a_file_that_changes_after_it_was_opened_is_named(one: Path) -> None:
    found = opened(one, classes=4)
    write(one, table(slice(0, 3)))
    with pytest.raises(EvidenceError, match=r"test\.parquet: row 3 of row group 0 holds no picture"):
        found.read(3)
    with pytest.raises(EvidenceError, match=r"test\.parquet: row group 4 cannot be read"):
        found.read(22)
    one.unlink()
    with pytest.raises(EvidenceError, match=r"test\.parquet: truncated or no Parquet file"):
        found.read(9)
