"""What the miniature writes is opened by the originals' tools and our own readers, and compared with real files."""

from __future__ import annotations

import csv
import io
import json
import re
import tarfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import webdataset
from numpy.typing import NDArray
from PIL import Image
from torchvision.datasets import ImageFolder

from demeanour.datasets import cue_conflict
from demeanour.datasets.corruptions import corruptions_frame
from demeanour.datasets.imagenet_x import read_imagenet_x
from demeanour.datasets.label_space import read_label_space
from demeanour.datasets.labels import read_labels
from demeanour.datasets.multilabel import read_label_sets
from demeanour.files import write_whole
from demeanour.miniature.formats.annotations import write_class_index, write_imagenet_x, write_real
from demeanour.miniature.formats.cue_conflict import write_cue_conflict
from demeanour.miniature.formats.files import text_of_lines, write_tree
from demeanour.miniature.formats.hard import FILE, write_hard
from demeanour.miniature.formats.heads import write_head_texts, write_label_spaces
from demeanour.miniature.formats.pictures import jpeg, png
from demeanour.miniature.formats.pug import CLASS_INDICES, LABELS, PUG_CLASSES, VARIED, write_pug
from demeanour.miniature.formats.shards import write_task
from demeanour.miniature.formats.validation import validation_ids, write_corrupted, write_validation
from demeanour.miniature.formats.variants import write_a, write_r, write_sketch, write_v2
from demeanour.miniature.names import (
    CATEGORIES,
    CLASSES,
    CLASSES_A,
    CLASSES_R,
    KINDS,
    RENDITIONS,
    SYNSETS,
    TEMPLATES,
)
from demeanour.vocabulary import FACTORS

RANDOM = np.random.default_rng(7)
COUNT = 32


def pictures(count: int) -> NDArray[np.uint8]:
    """Smooth pictures, all different, which JPEG keeps nearly as they are."""
    coarse = RANDOM.integers(0, 256, (count, 5, 5, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((64, 64), Image.Resampling.BICUBIC)) for one in coarse])


IMAGES = pictures(COUNT)
ALL = np.arange(COUNT) % len(CLASSES)
IDS = validation_ids(COUNT)
OF_A = np.asarray([CLASSES.index(name) for name in CLASSES_A * 3])[:COUNT]
OF_R = np.asarray([CLASSES.index(name) for name in CLASSES_R * 3])[:COUNT]
GUESSES = (OF_A + 1) % len(CLASSES)
LOW, HIGH = RANDOM.uniform(0, 0.1, COUNT), RANDOM.uniform(0.5, 1, COUNT)
DRAWN = [RENDITIONS[number // 16 * 3] for number in range(COUNT)]

FLAGS = RANDOM.random((COUNT, 16)) < 0.2
TOP = np.where(FLAGS.any(axis=1), FLAGS.argmax(axis=1), -1)
TOP[0], FLAGS[0] = -1, False
PROTOTYPES = np.arange(COUNT) % 8 == 3
SENTENCES = [f'picture {row}, "seen" from above' for row in range(COUNT)]
WORDS = [f"word{row}" for row in range(COUNT)]
SETS: list[list[int]] = [[], [3], [5, 0], *([int(label)] for label in ALL[3:])]

SHAPES = [(shape, 1) for shape in CATEGORIES for _ in CATEGORIES]
TEXTURES = [(texture, 2) for _ in CATEGORIES for texture in CATEGORIES]
CONFLICTS = pictures(len(SHAPES))

PUG_ROWS = [
    (part, name, f"{name}_{number}", {"world_name": "hall", column: ("low", "45.5")[number]})
    for part, column in VARIED.items() for name in PUG_CLASSES for number in range(2)
]  # fmt: skip
PUG_PARTS, PUG_NAMES, PUG_CHARACTERS, PUG_SETTINGS = (list(column) for column in zip(*PUG_ROWS, strict=True))
PUG_IMAGES = pictures(len(PUG_ROWS))

TASK_CLASSES = ["near", "far", "farther"]
TASK_TEMPLATES = ["a solid that is {}.", "{} things"]
TRAIN, TEST = (IMAGES[:8], ALL[:8] % 3), (IMAGES[8:11], ALL[8:11] % 3)


def imagenet_x(folder: Path, **changes: Any) -> None:
    columns = {"ids": IDS, "labels": ALL, "factors": FLAGS, "top": TOP, "prototypes": PROTOTYPES,
               "justifications": SENTENCES, "words": WORDS}   # fmt: skip
    write_imagenet_x(folder, **{**columns, **changes})


def pug(folder: Path, **changes: Any) -> None:
    columns = {"images": PUG_IMAGES, "parts": PUG_PARTS, "classes": PUG_NAMES, "characters": PUG_CHARACTERS,
               "settings": PUG_SETTINGS}   # fmt: skip
    write_pug(folder, **{**columns, **changes})


def task(folder: Path, **changes: Any) -> None:
    columns = {"train": TRAIN, "test": TEST, "classes": TASK_CLASSES, "templates": TASK_TEMPLATES, "largest_shard": 3}
    write_task(folder, **{**columns, **changes})


WRITERS: dict[str, Callable[[Path], None]] = {
    "validation": lambda folder: write_validation(folder, IMAGES, ALL, IDS),
    "corrupted": lambda folder: write_corrupted(folder, IMAGES, ALL, IDS, "fog", 3),
    "v2": lambda folder: write_v2(folder, IMAGES, ALL),
    "a": lambda folder: write_a(folder, IMAGES, OF_A, GUESSES, LOW, HIGH),
    "r": lambda folder: write_r(folder, IMAGES, OF_R, DRAWN),
    "sketch": lambda folder: write_sketch(folder, IMAGES, ALL),
    "class-index": lambda folder: write_class_index(folder / "imagenet_class_index.json"),
    "real": lambda folder: write_real(folder / "real.json", IDS, SETS),
    "imagenet-x": imagenet_x,
    "hard": lambda folder: write_hard(folder, IMAGES, [labels or [1] for labels in SETS], ["imagenet_v2"] * COUNT),
    "pug": pug,
    "cue-conflict": lambda folder: write_cue_conflict(folder, CONFLICTS, SHAPES, TEXTURES),
    "task": task,
    "head-texts": write_head_texts,
    "label-spaces": write_label_spaces,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    for name, write in WRITERS.items():
        write(folder / name)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def named(folder: Path) -> set[str]:
    return {name for name in contents(folder) if not name.endswith((".json", ".csv"))}


def decoded(content: bytes | Path) -> NDArray[np.uint8]:
    with Image.open(content if isinstance(content, Path) else io.BytesIO(content)) as image:
        assert image.mode == "RGB"
        return np.asarray(image)


def nearly(one: NDArray[np.uint8], other: NDArray[np.uint8], most: float = 2.0) -> bool:
    return float(np.abs(one.astype(int) - other.astype(int)).mean()) < most


# --- pictures and files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("picture", [*IMAGES[:3], RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)])
def test_a_png_is_the_picture_itself(picture: NDArray[np.uint8]) -> None:
    content = png(picture)
    with Image.open(io.BytesIO(content)) as image:
        image.verify()   # all checksums
        assert image.format == "PNG"
        assert image.info == {}
    np.testing.assert_array_equal(decoded(content), picture)


@pytest.mark.parametrize(("quality", "steps"), [(95, [2, 1, 1, 2]), (85, [5, 3, 3, 5])])
def test_a_jpeg_keeps_the_resolution_of_colours_and_has_the_quality(quality: int, steps: list[int]) -> None:
    content = jpeg(IMAGES[0], quality)
    with Image.open(io.BytesIO(content)) as image:
        assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3   # 4:4:4
        # IJG: (16, 11, 10, 16) · (200 − 2q) / 100, rounded
        assert list(image.quantization[0][:4]) == steps
        assert "exif" not in image.info
        assert "comment" not in image.info
    assert nearly(decoded(content), IMAGES[0])
    assert jpeg(IMAGES[0]) == jpeg(IMAGES[0], 95)


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_input_gives_the_same_bytes_at_another_time(
    name: str, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1e9)
    WRITERS[name](tmp_path / "again")
    assert contents(world / name)
    assert contents(tmp_path / "again") == contents(world / name)


@pytest.mark.parametrize(
    "name", [name for name in WRITERS if name not in ("class-index", "real", "head-texts", "label-spaces")]
)
def test_nothing_is_written_into_a_folder_that_is_there(name: str, world: Path) -> None:
    before = contents(world / name)
    with pytest.raises(FileExistsError, match="holds files already; remove it"):
        WRITERS[name](world / name)
    assert contents(world / name) == before


def test_a_tree_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def failing(path: Path, content: bytes) -> int:
        if path.name == "c":
            raise OSError("no space left")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", failing)
    with pytest.raises(OSError, match="no space left"):
        write_tree(tmp_path / "set", [("x/a", b"1"), ("x/b", b"2"), ("y/c", b"3")])
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "c").write_text("old")
    with pytest.raises(ValueError, match="files: 'x/a' stands twice"):
        write_tree(tmp_path / "set", [("x/a", b"1"), ("x/a", b"1")])
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_file_replaces_the_older_one_or_leaves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "real.json"
    write_whole(path, "one\n")
    write_whole(path, "two\n")
    assert path.read_bytes() == b"two\n"

    def failing(path: Path, target: Path) -> None:
        raise OSError("no")

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OSError, match="no"):
        write_whole(path, "three\n")
    assert contents(path.parent) == {"real.json": b"two\n"}


# --- ImageNet and the sets like it ----------------------------------------------------------------------------------


def rows_of(folder: ImageFolder) -> dict[str, int]:
    return {Path(path).relative_to(folder.root).as_posix(): label for path, label in folder.samples}


def test_validation_images_are_found_by_class_and_by_number(world: Path) -> None:
    dataset = ImageFolder(str(world / "validation"))
    assert dataset.classes == list(SYNSETS)
    expected = {f"{SYNSETS[c]}/ILSVRC2012_val_{n:08d}.JPEG": int(c) for c, n in zip(ALL, IDS, strict=True)}
    assert rows_of(dataset) == expected
    for row in (0, 1, COUNT - 1):
        path = world / "validation" / SYNSETS[ALL[row]] / f"ILSVRC2012_val_{IDS[row]:08d}.JPEG"
        assert nearly(decoded(path), IMAGES[row])


def test_numbers_of_validation_images_mix_the_classes() -> None:
    numbers = validation_ids(320)
    assert sorted(numbers.tolist()) == list(range(1, 321))
    np.testing.assert_array_equal(numbers, validation_ids(320))
    labels = np.repeat(np.arange(16), 20)[np.argsort(numbers)]   # images sorted by class, in the order of their numbers
    same_as_next = int((labels[1:] == labels[:-1]).sum())
    assert same_as_next < 60   # 304 if classes stayed together, about 19 by chance


def test_corrupted_images_are_joined_with_the_clean_ones_by_name(tmp_path: Path, world: Path) -> None:
    clean = read_labels(world / "imagenet-x" / "filename_label.csv", "imagenet-val", len(CLASSES))
    write_corrupted(tmp_path / "c", IMAGES, ALL, IDS, "fog", 3)
    write_corrupted(tmp_path / "c", IMAGES[:16], ALL[:16], IDS[:16], "jpeg_compression", 5)
    names = np.asarray(sorted(contents(tmp_path / "c")))
    frame = corruptions_frame(names, clean, "imagenet-c")
    synsets = [SYNSETS[label] for label in frame.columns["label"].tolist()]
    assert [name.split("/")[2] for name in names.tolist()] == synsets
    assert Counter(frame.columns["severity"].tolist()) == {3: COUNT, 5: 16}
    dataset = ImageFolder(str(tmp_path / "c" / "fog" / "3"))
    assert [label for _, label in dataset.samples] == [SYNSETS.index(synset) for synset in synsets[:COUNT]]
    with Image.open(dataset.samples[0][0]) as image:
        assert list(image.quantization[0][:4]) == [5, 3, 3, 5]   # quality 85


def test_the_second_version_has_numbered_folders_whose_order_misleads(world: Path) -> None:
    dataset = ImageFolder(str(world / "v2"))
    assert dataset.classes == sorted(map(str, range(16)))
    assert dataset.classes != list(map(str, range(16)))
    assert Counter(int(Path(path).parent.name) for path, _ in dataset.samples) == Counter(ALL.tolist())
    for path, label in dataset.samples:
        folder = int(dataset.classes[label])
        assert any(nearly(decoded(Path(path)), IMAGES[row], 1.0) for row in np.flatnonzero(folder == ALL))


def test_ranks_of_folders_are_positions_in_the_label_space(world: Path) -> None:
    for name, labels in (("a", OF_A), ("r", OF_R)):
        space = read_label_space(world / "label-spaces" / f"imagenet-{name}.json")
        dataset = ImageFolder(str(world / name))
        assert space.kind == "subset"
        assert [SYNSETS[index] for (index,) in space.groups] == dataset.classes
        found = Counter(space.groups[label][0] for _, label in dataset.samples)
        assert found == Counter(labels.tolist())
        sliced = space.apply(np.eye(len(CLASSES)))   # a network that is always right: each class's largest logit is its
        for position, (index,) in enumerate(space.groups):
            assert sliced[index].argmax() == position


def test_names_of_mistaken_images_tell_what_they_were_taken_for(world: Path) -> None:
    names = named(world / "a")
    row = 5
    guess = CLASSES[GUESSES[row]]
    assert f"{SYNSETS[OF_A[row]]}/{LOW[row]:.6f}_{guess} _ {guess}_{HIGH[row]:.6f}.jpg" in names
    pattern = re.compile(r"n\d{8}/0\.\d{6}_([a-z ]+) _ ([a-z ]+)_[01]\.\d+\.jpg")   # n01498041/0.000116_digital clock …
    assert all(pattern.fullmatch(name) for name in names)
    assert pattern.fullmatch("n01498041/0.000116_digital clock _ digital clock_0.865662.jpg")


def test_renditions_and_sketches_are_counted_from_0(world: Path) -> None:
    twice = {f"{SYNSETS[c]}/{rendition}" for c, rendition in zip(OF_R, DRAWN, strict=True)}
    assert {name.rpartition("_")[0] for name in named(world / "r")} == twice
    assert {int(re.fullmatch(r".*_(\d+)\.jpg", name)[1]) for name in named(world / "r")} == {0, 1}
    assert named(world / "sketch") == {f"{synset}/sketch_{number}.JPEG" for synset in SYNSETS for number in (0, 1)}
    assert nearly(decoded(world / "sketch" / SYNSETS[4] / "sketch_1.JPEG"), IMAGES[20])


def test_the_class_index_tells_synsets_and_names(world: Path) -> None:
    index = json.loads((world / "class-index" / "imagenet_class_index.json").read_text())
    assert index == {str(n): [kind.synset, kind.name] for n, kind in enumerate(KINDS)}
    assert index["0"] == ["n90000000", "ball"]


# --- annotations ----------------------------------------------------------------------------------------------------


def test_label_sets_are_read_in_the_order_of_validation_images(world: Path) -> None:
    found = json.loads((world / "real" / "real.json").read_text())
    assert len(found) == COUNT
    assert [found[number - 1] for number in IDS] == SETS
    frame = read_label_sets(world / "real" / "real.json", "imagenet-real", len(CLASSES))
    sets = {name: {label for label in row if label >= 0} for name, row in
            zip(frame.ids.tolist(), frame.columns["label_set"].tolist(), strict=True)}   # fmt: skip
    assert sets == {f"ILSVRC2012_val_{n:08d}.JPEG": set(s) for n, s in zip(IDS, SETS, strict=True) if s}


def test_factors_are_read_without_the_prototypes(world: Path) -> None:
    frame = read_imagenet_x(world / "imagenet-x", "imagenet-x", len(CLASSES))
    rows = {f"ILSVRC2012_val_{number:08d}.JPEG": row for row, number in enumerate(IDS) if not PROTOTYPES[row]}
    assert set(frame.ids.tolist()) == set(rows)
    assert frame.names["factors"] == FACTORS
    for name, label, flags in zip(frame.ids.tolist(), frame.columns["label"], frame.columns["factors"], strict=True):
        row = rows[name]
        assert label == ALL[row]
        assert np.flatnonzero(flags).tolist() == ([] if TOP[row] < 0 else [TOP[row]])


def test_the_file_of_several_factors_has_them_all_with_the_reasons(world: Path) -> None:
    lines = (world / "imagenet-x" / "imagenet_x_val_multi_factor.jsonl").read_text().splitlines()
    found = {row["file_name"]: row for row in map(json.loads, lines)}
    assert len(found) == len(lines) == COUNT
    for row, number in enumerate(IDS):
        annotation = found[f"ILSVRC2012_val_{number:08d}.JPEG"]
        assert [annotation[name] for name in FACTORS] == FLAGS[row].astype(int).tolist()
        assert (annotation["justification"], annotation["one_word"]) == (SENTENCES[row], WORDS[row])


def test_labels_and_prototypes_are_tables_by_class(world: Path) -> None:
    with (world / "imagenet-x" / "filename_label.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["label"]) for row in rows] == sorted(ALL.tolist())
    assert {row["file_name"]: int(row["label"]) for row in rows} == {
        f"ILSVRC2012_val_{n:08d}.JPEG": c for n, c in zip(IDS, ALL, strict=True)
    }
    with (world / "imagenet-x" / "prototypical_paths.csv").open(newline="") as file:
        prototypes = [row["file_name"] for row in csv.DictReader(file)]
    assert sorted(prototypes) == sorted(f"ILSVRC2012_val_{n:08d}.JPEG" for n in IDS[PROTOTYPES])


# --- ImageNet-Hard --------------------------------------------------------------------------------------------------


def test_hard_images_are_rows_of_parquet(world: Path) -> None:
    table = pyarrow.parquet.read_table(world / "hard" / FILE)
    assert table.schema.remove_metadata() == pa.schema([
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("label", pa.list_(pa.int64())),
        ("origin", pa.string()),
        ("english_label", pa.list_(pa.string())),
    ])  # fmt: skip
    rows = table.to_pylist()
    assert [row["label"] for row in rows] == [labels or [1] for labels in SETS]
    assert rows[2]["english_label"] == ["diamond", "ball"]
    assert rows[2]["origin"] == "imagenet_v2"
    assert nearly(decoded(rows[2]["image"]["bytes"]), IMAGES[2])
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == table.column_names
    assert features["image"] == {"_type": "Image"}


# --- PUG ------------------------------------------------------------------------------------------------------------


def test_every_part_of_pug_numbers_its_classes_alike(world: Path) -> None:
    indices = json.loads((world / "pug" / CLASS_INDICES).read_text())
    for part in VARIED:
        dataset = ImageFolder(str(world / "pug" / part))
        assert dataset.classes == sorted(indices)
        assert Counter(label for _, label in dataset.samples) == dict.fromkeys(range(12), 2)


def test_classes_of_pug_are_the_worlds_by_other_names() -> None:
    indices = [index for group in PUG_CLASSES.values() for index in group]
    assert len(set(indices)) == len(indices) == 13
    assert max(indices) < len(CLASSES)
    assert [len(group) for group in PUG_CLASSES.values() if len(group) > 1] == [2]
    assert list(PUG_CLASSES) != sorted(PUG_CLASSES)
    for name, group in PUG_CLASSES.items():
        assert CLASSES[group[0]] in name.lower()


def test_the_table_of_pug_leads_to_every_picture(world: Path) -> None:
    with (world / "pug" / LABELS).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["filename"] for row in rows} == named(world / "pug")
    for row, image, part, name, character, values in zip(
        rows, PUG_IMAGES, PUG_PARTS, PUG_NAMES, PUG_CHARACTERS, PUG_SETTINGS, strict=True
    ):
        np.testing.assert_array_equal(decoded(world / "pug" / row["filename"]), image)
        assert row["filename"].startswith(f"{part}/{name}/")
        assert (row["character_label"], row["character_name"]) == (name, character)
        given = {column: value for column, value in row.items() if column in VARIED.values() and value != "Default"}
        assert given == values


def test_the_label_space_of_pug_is_in_the_order_of_folders(world: Path) -> None:
    space = read_label_space(world / "label-spaces" / "pug-imagenet.json")
    classes = ImageFolder(str(world / "pug" / "Worlds")).classes
    assert space.groups == tuple(PUG_CLASSES[name] for name in classes)


# --- cue conflicts --------------------------------------------------------------------------------------------------


def test_conflicts_are_read_from_their_names(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cue_conflict, "CATEGORIES", tuple(CATEGORIES))
    names = sorted(path.name for path in (world / "cue-conflict").rglob("*.png"))
    frame = cue_conflict.cue_conflict_frame(np.asarray(names), "cue-conflict")
    assert len(names) == 144
    assert len(frame.ids) == 132   # 12 are congruent
    assert np.bincount(frame.columns["shape"]).tolist() == [11] * 12
    assert np.bincount(frame.columns["texture"]).tolist() == [11] * 12
    row = SHAPES.index(("cone", 1)) + list(CATEGORIES).index("mug")
    np.testing.assert_array_equal(decoded(world / "cue-conflict" / "cone" / "cone1-mug2.png"), CONFLICTS[row])


def test_the_label_space_of_conflicts_is_in_the_order_of_folders(world: Path) -> None:
    space = read_label_space(world / "label-spaces" / "cue-conflict.json")
    dataset = ImageFolder(str(world / "cue-conflict"))
    assert space.kind == "grouped"
    assert [tuple(CLASSES[index] for index in group) for group in space.groups] == [
        CATEGORIES[name] for name in dataset.classes
    ]
    assert sorted(index for group in space.groups for index in group) == list(range(16))


# --- tasks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("split", "given", "shards"), [("train", TRAIN, 3), ("test", TEST, 1)])
def test_a_task_is_a_webdataset(
    world: Path, split: str, given: tuple[NDArray[np.uint8], NDArray[np.integer]], shards: int
) -> None:
    folder = world / "task" / split
    assert int((folder / "nshards.txt").read_text()) == shards
    handler = webdataset.autodecode.ImageHandler("pil", extensions=["webp", "png", "jpg", "jpeg"])
    urls = [str(folder / f"{number}.tar") for number in range(shards)]
    dataset = webdataset.WebDataset(urls, shardshuffle=False).decode(handler)
    rows = list(dataset.to_tuple("__key__", ["webp", "png", "jpg", "jpeg"], "cls"))
    images, labels = given
    assert [key for key, _, _ in rows] == [f"s{number:07d}" for number in range(len(images))]
    assert [label for _, _, label in rows] == labels.tolist()
    for (_, image, _), expected in zip(rows, images, strict=True):
        np.testing.assert_array_equal(np.asarray(image), expected)


def test_shards_are_plain_tar_files_of_nobody(world: Path) -> None:
    found = []
    for number, count in enumerate((3, 3, 2)):
        with tarfile.open(world / "task" / "train" / f"{number}.tar") as tar:
            members = tar.getmembers()
        assert len(members) == 2 * count
        assert {(member.mtime, member.uid, member.gid, member.uname) for member in members} == {(0, 0, 0, "")}
        found += [member.name for member in members]
    assert found == [f"s{number:07d}.{ending}" for number in range(8) for ending in ("cls", "png")]


def test_the_texts_of_a_task_are_clip_benchmarks(world: Path) -> None:
    folder = world / "task"
    assert (folder / "classnames.txt").read_text().splitlines() == TASK_CLASSES
    templates = (folder / "zeroshot_classification_templates.txt").read_text().splitlines()
    assert [template.format(c="near") for template in templates] == ["a solid that is near.", "near things"]
    assert (folder / "dataset_type.txt").read_text().strip() == "classification"


def test_the_texts_of_heads_are_the_worlds(world: Path) -> None:
    assert (world / "head-texts" / "classnames.txt").read_text().splitlines() == list(CLASSES)
    assert (world / "head-texts" / "templates.txt").read_text().splitlines() == list(TEMPLATES)


# --- bad input ------------------------------------------------------------------------------------------------------

FLOATS = IMAGES.astype(np.float32)
SMALL = IMAGES[:, :32]
SHIFTED = ALL + 1
WITHOUT_CUBE = np.where(ALL == 4, 5, ALL)
WRONG_TOP = np.where(TOP >= 0, (TOP + 1) % 16, TOP)

BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "pictures of floats": (lambda f: write_validation(f, FLOATS, ALL, IDS), r"uint8 \(n, 64, 64, 3\), found float32"),
    "small pictures": (lambda f: write_sketch(f, SMALL, ALL), r"found uint8 \(32, 32, 64, 3\)"),
    "no pictures": (lambda f: write_sketch(f, IMAGES[:0], ALL[:0]), "no pictures"),
    "too few labels": (lambda f: write_validation(f, IMAGES, ALL[:-1], IDS), "31 labels for 32 pictures"),
    "too few numbers": (lambda f: write_validation(f, IMAGES, ALL, IDS[:-1]), "31 ids for 32 pictures"),
    "a label out of range": (lambda f: write_v2(f, IMAGES, SHIFTED), "labels must lie in 0 … 15, found 1 … 16"),
    "a negative label": (lambda f: write_v2(f, IMAGES, ALL - 1), "labels must lie in 0 … 15, found -1 … 14"),
    "labels of floats": (lambda f: write_v2(f, IMAGES, ALL / 1), "labels are class indices .*found float64"),
    "labels in a column": (lambda f: write_v2(f, IMAGES, ALL[:, None]), r"labels are class indices .*\(32, 1\)"),
    "an empty class": (lambda f: write_sketch(f, IMAGES, WITHOUT_CUBE), "no picture of cube; the classes"),
    "a number twice": (lambda f: write_validation(f, IMAGES, ALL, np.ones_like(IDS)), "1 stands twice"),
    "numbers with a gap": (lambda f: write_validation(f, IMAGES, ALL, IDS * 2), "images are 1 … 32, found 64"),
    "numbers from 0": (lambda f: write_validation(f, IMAGES, ALL, IDS - 1), "count from 1"),
    "numbers of floats": (lambda f: write_validation(f, IMAGES, ALL, IDS / 1), "numbers .* whole .*float64"),
    "a corruption": (lambda f: write_corrupted(f, IMAGES, ALL, IDS, "fogg", 3), "did you mean 'fog'"),
    "a severity": (lambda f: write_corrupted(f, IMAGES, ALL, IDS, "fog", 6), "severities are 1 … 5, found 6"),
    "a corrupted image twice": (
        lambda f: write_corrupted(f, IMAGES, ALL, np.ones_like(IDS), "fog", 1), "1 stands twice",
    ),
    "the same picture twice": (lambda f: write_v2(f, IMAGES[ALL], ALL), "images named by their contents: '.*' stands"),
    "a class that A lacks": (lambda f: write_a(f, IMAGES, ALL, GUESSES, LOW, HIGH), "pictures of ball, .*; the class"),
    "a right guess": (lambda f: write_a(f, IMAGES, OF_A, OF_A, LOW, HIGH), "32 guesses are right"),
    "no probability": (lambda f: write_a(f, IMAGES, OF_A, GUESSES, LOW * np.nan, HIGH), "must lie in 0 … 1"),
    "a probability above 1": (lambda f: write_a(f, IMAGES, OF_A, GUESSES, LOW, HIGH + 1), "must lie in 0 … 1"),
    "mistaken images of one name": (
        lambda f: write_a(f, IMAGES, OF_A, GUESSES, LOW * 0, HIGH * 0), "files: '.*/0.000000_.*' stands twice",
    ),
    "a class that R lacks": (lambda f: write_r(f, IMAGES, ALL, DRAWN), "pictures of diamond, .*; the classes"),
    "a rendition": (lambda f: write_r(f, IMAGES, OF_R, ["flatt"] * COUNT), "did you mean 'flat'"),
    "too few sets": (lambda f: write_real(f / "r", IDS, SETS[1:]), "31 sets of labels for 32 images"),
    "a set out of range": (lambda f: write_real(f / "r", IDS, [[16], *SETS[1:]]), "labels must lie in 0 … 15"),
    "a set with one twice": (lambda f: write_real(f / "r", IDS, [[1, 1], *SETS[1:]]), "labels of picture 0: 1 stands"),
    "too few words": (lambda f: imagenet_x(f, words=WORDS[1:]), "31 words for 32 images"),
    "flags of integers": (lambda f: imagenet_x(f, factors=FLAGS.astype(int)), "factors are bool .*found int64"),
    "too few factors": (lambda f: imagenet_x(f, factors=FLAGS[:, 1:]), r"factors are bool .*\(32, 15\)"),
    "an annotated label": (lambda f: imagenet_x(f, labels=SHIFTED), "labels must lie in 0 … 15"),
    "another top factor": (lambda f: imagenet_x(f, top=WRONG_TOP), "top factor of .* images is none of their factors"),
    "no top factor": (lambda f: imagenet_x(f, top=TOP * 0 + 16), "labels must lie in 0 … 15"),
    "an image without labels": (lambda f: write_hard(f, IMAGES, SETS, [""] * COUNT), "a picture has no label"),
    "too few origins": (lambda f: write_hard(f, IMAGES, SETS, [""]), "1 origins for 32 pictures"),
    "a part of PUG": (lambda f: pug(f, parts=["World", *PUG_PARTS[1:]]), "no part of PUG; did you mean 'Worlds'"),
    "a class of PUG": (lambda f: pug(f, classes=["Bal", *PUG_NAMES[1:]]), "no class of PUG; did you mean 'Ball'"),
    "an empty part of PUG": (
        lambda f: write_pug(f, PUG_IMAGES[24:], PUG_PARTS[24:], PUG_NAMES[24:], PUG_CHARACTERS[24:], PUG_SETTINGS[24:]),
        "no picture of 12 classes in their parts, such as Worlds/Ball",
    ),
    "a setting that does not vary": (
        lambda f: pug(f, settings=[PUG_SETTINGS[-1], *PUG_SETTINGS[1:]]),
        "Worlds: settings are of world_name, found scene_light, world_name",
    ),
    "a setting that is missing": (
        lambda f: pug(f, settings=[*PUG_SETTINGS[:-1], PUG_SETTINGS[0]]),
        "Scene_Light: settings are of scene_light, world_name, found world_name",
    ),
    "a category": (
        lambda f: write_cue_conflict(f, CONFLICTS, [("egg", 1), *SHAPES[1:]], TEXTURES), "'egg' is no category",
    ),
    "a source from 0": (
        lambda f: write_cue_conflict(f, CONFLICTS, SHAPES, [("mug", 0), *TEXTURES[1:]]), "count from 1, found mug0",
    ),
    "a conflict twice": (
        lambda f: write_cue_conflict(f, CONFLICTS, SHAPES, [TEXTURES[1], *TEXTURES[1:]]), "/ball1-can2.png' stands",
    ),
    "an empty category": (
        lambda f: write_cue_conflict(f, CONFLICTS[12:], SHAPES[12:], TEXTURES[12:]), "no picture of the shape of ball",
    ),
    "a label of no class": (lambda f: task(f, test=(IMAGES[:2], ALL[3:5])), "labels must lie in 0 … 2, found 3 … 4"),
    "too few labels of a task": (lambda f: task(f, train=(IMAGES, ALL[:3] % 3)), "3 labels for 32 pictures"),
    "a class name twice": (lambda f: task(f, classes=["near", "far", "far"]), "class names: 'far' stands twice"),
    "a prompt without a place": (lambda f: task(f, templates=["a solid"]), "one {} for the name, found 'a solid'"),
    "no prompts": (lambda f: task(f, templates=[]), "no prompts"),
    "empty shards": (lambda f: task(f, largest_shard=0), "a shard of 0 pictures"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_and_nothing_is_written(case: str, tmp_path: Path) -> None:
    write, words = BAD[case]
    with pytest.raises(ValueError, match=words):
        write(tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["", "  ", "two\nlines", "two\u2028lines"])
def test_a_name_is_one_line(line: str) -> None:
    with pytest.raises(ValueError, match="names: expected one line of text each"):
        text_of_lines(["ball", line], "names")


# --- the real files -------------------------------------------------------------------------------------------------


def test_annotations_have_the_fields_of_the_real_ones(world: Path, published: Path) -> None:
    for name in ("imagenet_x_val_top_factor.jsonl", "imagenet_x_val_multi_factor.jsonl"):
        with (published / "imagenet-x" / name).open() as file:
            real = file.readline()
        ours = (world / "imagenet-x" / name).read_text().splitlines(keepends=True)[0]
        for line in (real, ours):
            assert line == json.dumps(json.loads(line), separators=(",", ":")) + "\n"
        assert [(key, type(value)) for key, value in json.loads(ours).items()] == [
            (key, type(value)) for key, value in json.loads(real).items()
        ]


def test_tables_have_the_headers_and_names_of_the_real_ones(world: Path, published: Path) -> None:
    for name in ("filename_label.csv", "prototypical_paths.csv"):
        with (published / "imagenet-x" / name).open(newline="") as file:
            real = [file.readline(), file.readline()]
        ours = (world / "imagenet-x" / name).read_bytes().decode().splitlines(keepends=True)
        assert ours[0] == real[0]
        row = re.compile(r"ILSVRC2012_val_\d{8}\.JPEG" + ("" if name.startswith("proto") else r",\d+") + "\n")
        assert row.fullmatch(real[1])
        assert all(row.fullmatch(line) for line in ours[1:])


def test_label_sets_are_lists_as_in_the_real_file(world: Path, published: Path) -> None:
    real = (published / "labels" / "imagenet_real.json").read_text()
    ours = (world / "real" / "real.json").read_text()
    for text in (real, ours):
        assert json.dumps(json.loads(text)) == text.rstrip("\n")
        assert {type(entry) for entry in json.loads(text)} == {list}
        assert any(not entry for entry in json.loads(text))


def test_names_of_pictures_are_as_in_the_real_sets(world: Path, published: Path) -> None:
    validation = re.compile(r"ILSVRC2012_val_\d{8}\.JPEG")
    assert sum(bool(validation.fullmatch(path.name)) for path in (published / "imagenet-val").iterdir()) == 650
    assert all(validation.fullmatch(name.split("/")[1]) for name in named(world / "validation"))

    matched_frequency = json.loads((published / "imagenetv2" / "imagenetv2-b-33.json").read_text())["image_filenames"]
    second = re.compile(r"[0-9a-f]{40}")
    assert all(second.fullmatch(name) for name, _ in matched_frequency)
    assert all(second.fullmatch(Path(name).stem) for name in named(world / "v2"))

    conflict = re.compile(r"([a-z]+)/\1[1-9]\d*-[a-z]+[1-9]\d*\.png")
    real = [path.relative_to(published / "cue-conflict-stimuli").as_posix()
            for path in (published / "cue-conflict-stimuli").glob("*/*.png")]   # fmt: skip
    assert len(real) == 256
    for name in (*real, *named(world / "cue-conflict")):
        assert conflict.fullmatch(name)
    assert decoded(published / "cue-conflict-stimuli" / real[0]).dtype == np.uint8


def test_class_indices_are_lists_by_name_out_of_order_as_in_the_real_file(world: Path, published: Path) -> None:
    for path in (published / "labels" / "pug_class_to_imagenet_idx.json", world / "pug" / CLASS_INDICES):
        found = json.loads(path.read_text())
        assert list(found) != sorted(found)
        assert {type(index) for group in found.values() for index in group} == {int}
        assert max(map(len, found.values())) > 1
