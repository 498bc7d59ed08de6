"""The world on disk: every part in its format, read by that format's own reader, in two sizes, twice the same."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import webdataset
from PIL import Image
from torchvision.datasets import ImageFolder

from demeanour.datasets.label_space import read_label_space
from demeanour.miniature import world as world_module
from demeanour.miniature.cache.parts import complete, verify
from demeanour.miniature.formats.pug import PUG_CLASSES, VARIED
from demeanour.miniature.names import CATEGORIES, CLASSES, CLASSES_A, CLASSES_R, SYNSETS, TEMPLATES
from demeanour.miniature.sizes import SIZES, Counts
from demeanour.miniature.tasks.task import TASKS
from demeanour.miniature.world import parts
from demeanour.vocabulary import CORRUPTIONS, FACTORS

TINY = Counts(
    validation=160, a=300, r=80, sketch=96, corrupted=96, hard=20, characters=1, sources=1, train=24, test=12
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A world with as few pictures as every class needs; one for all workers, the first of which makes it."""
    base = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIZES, "quick", TINY)
        root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "miniature"
        complete(root, parts("quick"), world_module.VERSION, lambda _: None)
        assert verify(root, parts("quick"), thorough=True) == []
        yield root


def folder_of_images(path: Path, count: int, classes: list[str]) -> ImageFolder:
    opened = ImageFolder(str(path))
    assert opened.classes == classes
    assert len(opened) == count
    assert opened[0][0].size == (64, 64)
    return opened


def test_validation(tiny: Path) -> None:
    opened = folder_of_images(tiny / "imagenet/val", TINY.validation, list(SYNSETS))
    names = sorted(Path(path).name for path, _ in opened.samples)
    assert names == [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, TINY.validation + 1)]
    index = json.loads((tiny / "annotations/imagenet_class_index.json").read_text())
    assert [index[str(k)] for k in range(16)] == [[s, n] for s, n in zip(SYNSETS, CLASSES, strict=True)]


def test_v2_has_folders_without_leading_zeros(tiny: Path) -> None:
    folder_of_images(tiny / "imagenetv2", TINY.validation, sorted(map(str, range(16))))


def test_a_and_r_have_some_of_the_classes(tiny: Path) -> None:
    for name, classes, count in (("imagenet-a", CLASSES_A, TINY.a), ("imagenet-r", CLASSES_R, TINY.r)):
        folders = sorted(SYNSETS[CLASSES.index(one)] for one in classes)
        folder_of_images(tiny / name, count, folders)
        space = read_label_space(tiny / f"names/label-spaces/{name}.json")
        assert [SYNSETS[group[0]] for group in space.groups] == folders


def test_sketch(tiny: Path) -> None:
    opened = folder_of_images(tiny / "imagenet-sketch", TINY.sketch, list(SYNSETS))
    pixels = np.asarray(opened[0][0]).astype(int)
    assert np.ptp(pixels, axis=-1).max() <= 3   # grey but for what JPEG does


def test_c_has_every_corruption_at_every_severity_of_the_same_images(tiny: Path) -> None:
    clean = {path.name: path for path in (tiny / "imagenet/val").rglob("*.JPEG")}
    for corruption in CORRUPTIONS:
        for severity in range(1, 6):
            folder = tiny / "imagenet-c" / corruption / str(severity)
            opened = folder_of_images(folder, TINY.corrupted, list(SYNSETS))
            path = Path(opened.samples[0][0])
            assert clean[path.name].parent.name == path.parent.name
    before = np.asarray(Image.open(clean[path.name])).astype(int)
    noisy = tiny / "imagenet-c/gaussian_noise"
    pictures = [np.asarray(Image.open(noisy / str(s) / path.parent.name / path.name)) for s in range(1, 6)]
    means = [np.abs(picture - before).mean() for picture in pictures]
    assert means == sorted(means)


def test_annotations(tiny: Path) -> None:
    real = json.loads((tiny / "annotations/real.json").read_text())
    assert len(real) == TINY.validation
    label = {path.name: SYNSETS.index(path.parent.name) for path in (tiny / "imagenet/val").rglob("*.JPEG")}
    agree = [label[f"ILSVRC2012_val_{k + 1:08d}.JPEG"] in found for k, found in enumerate(real) if found]
    assert all(agree)
    lines = (tiny / "annotations/imagenet-x/imagenet_x_val_top_factor.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert {record["file_name"]: record["class"] for record in records} == label
    assert all(sum(record[name] for name in FACTORS) <= 1 for record in records)
    several = (tiny / "annotations/imagenet-x/imagenet_x_val_multi_factor.jsonl").read_text().splitlines()
    assert any(sum(json.loads(line)[name] for name in FACTORS) > 1 for line in several)


def test_hard(tiny: Path) -> None:
    table = pq.read_table(tiny / "imagenet-hard/data")
    assert table.num_rows == TINY.hard
    assert all(1 <= len(labels) <= 3 and set(labels) <= set(range(16)) for labels in table["label"].to_pylist())


def test_pug(tiny: Path) -> None:
    with (tiny / "pug-imagenet/labels_pug_imagenet.csv").open() as file:
        rows = list(csv.DictReader(file))
    counts = {part: len(ImageFolder(str(tiny / "pug-imagenet" / part))) for part in VARIED}
    assert sum(counts.values()) == len(rows) == 65 * 12 * TINY.characters
    assert ImageFolder(str(tiny / "pug-imagenet/Worlds")).classes == sorted(PUG_CLASSES)
    assert all((tiny / "pug-imagenet" / row["filename"]).exists() for row in rows)


def test_cue_conflicts(tiny: Path) -> None:
    folder_of_images(tiny / "cue-conflict", 144 * TINY.sources, sorted(CATEGORIES))


@pytest.mark.parametrize("name", TASKS)
def test_tasks(tiny: Path, name: str) -> None:
    folder = tiny / "vtab" / name
    assert len((folder / "classnames.txt").read_text().splitlines()) == len(TASKS[name].classes)
    for split, count in (("train", TINY.train), ("test", TINY.test)):
        shards = int((folder / split / "nshards.txt").read_text())
        urls = [str(folder / split / f"{shard}.tar") for shard in range(shards)]
        samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode("pil").to_tuple("png", "cls"))
        assert len(samples) == count
        assert all(image.size == (64, 64) and 0 <= label < len(TASKS[name].classes) for image, label in samples)


def test_there_are_three_tasks_of_each_group_at_least() -> None:
    groups = [task.group for task in TASKS.values()]
    assert all(groups.count(group) >= 3 for group in ("natural", "specialized", "structured"))
    assert tuple(TASKS) == world_module.TASKS   # which is told without importing what draws them


def test_head_texts(tiny: Path) -> None:
    assert (tiny / "names/classnames.txt").read_text().splitlines() == list(CLASSES)
    assert (tiny / "names/templates.txt").read_text().splitlines() == list(TEMPLATES)


def test_a_second_time_the_files_are_the_same(tiny: Path, tmp_path: Path) -> None:
    some = [part for part in parts("quick") if part.name in {"imagenet-r", "cue-conflict", "vtab/count"}]
    complete(tmp_path / "again", some, world_module.VERSION, lambda _: None)
    for part in some:
        first, second = (root / "manifest" / f"{part.name}.json" for root in (tiny, tmp_path / "again"))
        assert json.loads(first.read_text()) == json.loads(second.read_text())


def test_both_sizes_have_the_same_parts() -> None:
    quick, full = parts("quick"), parts("full")
    assert [part.name for part in quick] == [part.name for part in full]
    assert all(a.pictures <= b.pictures for a, b in zip(quick, full, strict=True))
