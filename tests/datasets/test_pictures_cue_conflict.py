"""Cue-conflict images: their categories, and what their names tell."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from demeanour.datasets.cue_conflict import cue_conflict_frame
from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.label_spaces import find_label_space
from demeanour.datasets.pictures.decode import decode
from demeanour.datasets.pictures.open import open_pictures
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.miniature.formats.cue_conflict import write_cue_conflict
from demeanour.miniature.formats.heads import write_label_spaces
from demeanour.miniature.names import CATEGORIES as OF_THE_MINIATURE
from demeanour.vocabulary import CATEGORIES
from tests.datasets.small_trees import bytes_are_those_of, coloured, labels_of, plant

NAMES = [f"{shape}/{shape}{n}-{texture}{n + 1}.png" for shape in CATEGORIES for texture in CATEGORIES for n in (1, 2)]
TWO = LabelSpace("two", "subset", ((0,), (1,)))


def opened(
    root: Path,
    classes: int | None = None,
    images: int | None = None,
    label_space: LabelSpace | None = None,
    class_index: Path | None = None,
    memo: Path | None = None,
) -> Pictures:
    return open_pictures(
        "cue-conflict", root, "cue-conflict", classes=classes, images=images, label_space=label_space,
        class_index=class_index, memo_root=memo or root.parent / "cache",
    )  # fmt: skip


def test_the_published_categories_are_the_labels(tmp_path: Path) -> None:
    found = opened(plant(tmp_path / "stimuli", NAMES), 16, 512)
    alike = {f"{name}/{name}{n}-{name}{n + 1}.png" for name in CATEGORIES for n in (1, 2)}
    conflicts = sorted(set(NAMES) - alike)
    ids = sorted(name.partition("/")[2] for name in conflicts)
    assert len(ids) == 480
    assert found.frame.ids.tolist() == ids
    assert labels_of(found) == {name.partition("/")[2]: CATEGORIES.index(name.partition("/")[0]) for name in conflicts}
    assert found.notes == ("32 images whose shape and texture are of one class are left out",)
    by_name = {name.partition("/")[2]: name for name in NAMES}
    assert bytes_are_those_of(found, tmp_path / "stimuli", [by_name[name] for name in ids])
    of_names = cue_conflict_frame(np.asarray(sorted(by_name)), "cue-conflict")   # what predictions are joined with
    for column, values in of_names.columns.items():
        np.testing.assert_array_equal(found.frame.columns[column], values)
    assert found.frame.clusters == of_names.clusters
    assert found.frame.names == of_names.names


def test_the_label_space_s_names_are_the_categories(tmp_path: Path) -> None:
    root = plant(tmp_path / "stimuli", NAMES)
    plain = opened(root)
    assert labels_of(opened(root, 16, label_space=find_label_space("cue-conflict"))) == labels_of(plain)
    turned = LabelSpace("turned", "grouped", tuple((k,) for k in range(16)), CATEGORIES[::-1], ("in reverse",))
    found = opened(root, label_space=turned)
    assert labels_of(found) == {name: 15 - label for name, label in labels_of(plain).items()}
    assert found.notes[0] == "in reverse"
    assert found.manifest != plain.manifest


@pytest.fixture
def miniature(tmp_path: Path) -> Path:
    pairs = [((shape, 1), (texture, 2)) for shape in OF_THE_MINIATURE for texture in OF_THE_MINIATURE]
    shapes, textures = zip(*pairs, strict=True)
    write_cue_conflict(tmp_path / "c", np.stack([coloured(n, 64) for n in range(len(pairs))]), shapes, textures)
    write_label_spaces(tmp_path)
    return tmp_path


def test_other_categories_are_the_sorted_folders_or_those_of_a_label_space(miniature: Path) -> None:
    guessed = opened(miniature / "c", 12, 144)
    assert guessed.notes[0] == "categories are the sorted folders: ball = 0, …, star"
    assert guessed.frame.names["shape"] == tuple(sorted(OF_THE_MINIATURE))
    named = opened(miniature / "c", 12, 144, find_label_space(str(miniature / "cue-conflict.json")))
    assert labels_of(named) == labels_of(guessed)
    assert len(named) == 132
    assert named.notes == ("12 images whose shape and texture are of one class are left out",)
    np.testing.assert_array_equal(np.asarray(decode(named.read(0), "x")), coloured(1, 64))   # ball1-can2
    index = miniature / "index.json"
    index.write_text(json.dumps(sorted(OF_THE_MINIATURE, reverse=True)))
    assert labels_of(opened(miniature / "c", class_index=index)) == {
        name: 11 - label for name, label in labels_of(guessed).items()
    }


def test_real_images_are_those_that_models_and_people_answered(published: Path, tmp_path: Path) -> None:
    root = published / "cue-conflict-stimuli"
    if not root.is_dir():
        pytest.skip("the images are not here")
    found = opened(root, 16, 256, find_label_space("cue-conflict"), memo=tmp_path)
    assert len(found) == 240
    assert Counter(labels_of(found).values()) == dict.fromkeys(range(16), 15)
    (answers,) = published.glob("cue-conflict/cue-conflict_deit3-21k_*.csv")
    with answers.open() as file:
        category = {row["imagename"]: row["category"] for row in csv.DictReader(file)}
    assert all(category[name] == CATEGORIES[label] for name, label in labels_of(found).items())
    assert decode(found.read(7), "seventh").size == (224, 224)
    with pytest.raises(EvidenceError, match=r"256 pictures where cue-conflict has 1,280; .*texture-vs-shape"):
        opened(root, 16, 1280, memo=tmp_path)


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        ([*NAMES, "cat/cat9-wolf1.png"], {}, "'cat9-wolf1.png' is no name of a cue-conflict image"),
        ([*NAMES, "cat/cat9-dog1.jpg"], {}, "'cat9-dog1.jpg' is no name of a cue-conflict image"),
        ([*NAMES, "dog/cat9-dog1.png"], {}, "'dog/cat9-dog1.png' does not lie in the folder of its shape, cat"),
        ([*NAMES, "cat9-dog1.png"], {}, "'cat9-dog1.png' does not lie in the folder of its shape, cat"),
        ([*NAMES, "dog/cat1-dog2.png"], {}, r"1 duplicate ids, such as 'cat1-dog2\.png'"),
        ([name.replace("airplane", "aeroplane") for name in NAMES], {}, "is no name of a cue-conflict image"),
        (NAMES[:32], {}, r"no picture of 'bear', 'bicycle', .*\(15 in all"),
        (NAMES, {"classes": 12}, r"how many classes\? 12 by the card, 16 by its categories"),
        (NAMES, {"label_space": TWO}, "16 by its categories, 2 by the label space"),
        (NAMES, {"images": 1280}, "512 pictures where cue-conflict has 1,280; obtain the whole set"),
        (["cat/cat1-cat2.png"], {"images": 1}, "no image in which shape and texture are of different classes"),
    ],
)
def test_defects_are_named(names: list[str], options: dict[str, object], message: str, tmp_path: Path) -> None:
    root = plant(tmp_path / "stimuli", names)
    with pytest.raises(EvidenceError, match=message):
        opened(root, **options)   # type: ignore[arg-type]


def test_some_shapes_will_do_if_they_are_meant_to_be_some(tmp_path: Path) -> None:
    found = opened(plant(tmp_path / "stimuli", ["cat/cat1-dog1.png", "dog/dog1-cat1.png"]), 16, 2)
    assert found.notes == ("there is no picture of 'airplane', 'bear', 'bicycle', … (14 in all)",)
    assert [CATEGORIES[label] for label in labels_of(found).values()] == ["cat", "dog"]


def test_a_missing_folder_says_where_to_obtain_it(tmp_path: Path) -> None:
    with pytest.raises(NotMeasuredError, match=r"is missing; .*texture-vs-shape"):
        opened(tmp_path / "none")
