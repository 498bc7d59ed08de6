"""Class folders: labels as torchvision's where its order is the model's, and never where it is not."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import ImageFolder

from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.label_spaces import find_label_space, imagenet_synsets
from demeanour.datasets.pictures import manifest
from demeanour.datasets.pictures.class_index import read_class_index
from demeanour.datasets.pictures.listing import ENDINGS
from demeanour.datasets.pictures.open import open_pictures
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.miniature.formats.annotations import write_class_index
from demeanour.miniature.formats.heads import write_label_spaces
from demeanour.miniature.formats.variants import write_a, write_r, write_sketch, write_v2
from demeanour.miniature.names import CLASSES, CLASSES_A, CLASSES_R
from tests.datasets.small_trees import bytes_are_those_of, coloured, labels_of, plant

SYNSETS = imagenet_synsets()
PETS = ["ant/1.jpg", "ant/0.png", "cat/x.JPEG", "cat/deep/er/y.webp", "dog/0.bmp"]


def opened(
    root: Path,
    classes: int | None = None,
    images: int | None = None,
    label_space: LabelSpace | None = None,
    class_index: Path | None = None,
    data: str = "mine",
) -> Pictures:
    return open_pictures(
        "folder", root, data, classes=classes, images=images, label_space=label_space, class_index=class_index,
        memo_root=root.parent / "cache",
    )  # fmt: skip


def of_torchvision(root: Path) -> dict[str, int]:
    return {Path(path).relative_to(root).as_posix(): label for path, label in ImageFolder(str(root)).samples}


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


# --- a user's own names ----------------------------------------------------------------------------------------------


def test_names_of_a_user_s_own_are_ranked_as_torchvision_does(tmp_path: Path) -> None:
    root = plant(tmp_path / "pets", PETS)
    found = opened(root)
    assert labels_of(found) == of_torchvision(root)
    assert found.frame.ids.tolist() == sorted(PETS)
    assert bytes_are_those_of(found, root, sorted(PETS))
    assert found.frame.classes == 3
    (note,) = found.notes
    assert note.startswith("classes are the ranks of the sorted folders: ant = 0, …, dog = 2; a model that was ")


def test_ids_are_sorted_as_text_not_folder_by_folder(tmp_path: Path) -> None:
    names = ["a/z.png", "a-b/y.png", "a b/x.png"]   # - and the space come before /
    found = opened(plant(tmp_path / "pets", names))
    assert found.frame.ids.tolist() == sorted(names) == names[::-1]
    assert labels_of(found) == of_torchvision(tmp_path / "pets")


def test_a_class_index_gives_the_model_s_order(tmp_path: Path) -> None:
    root = plant(tmp_path / "pets", PETS)
    forms = [
        ["dog", "ant", "bee", "cat"],
        {"0": "dog", "1": "ant", "2": "bee", "3": "cat"},
        {"3": ["n1", "cat"], "2": ["n2", "bee"], "1": ["n3", "ant"], "0": ["n4", "dog"]},
        {"dog": 0, "cat": 3, "bee": 2, "ant": 1},
        {"dog": 0, "hound": 0, "cat": 3, "bee": 2, "ant": 1},
    ]
    for form in forms:
        found = opened(root, images=5, class_index=written(tmp_path / "index.json", form))
        assert [labels_of(found)[name] for name in PETS] == [1, 1, 3, 3, 0]
        assert found.frame.classes == 4
        bee = "n2" if isinstance(form, dict) and "n2" in str(form) else "bee"
        assert found.notes == (f"there is no picture of '{bee}'",)


def test_names_of_a_label_space_give_its_order(tmp_path: Path) -> None:
    space = LabelSpace("pets", "grouped", ((4, 5), (1,), (0,)), ("dog", "cat", "ant"), ("dogs are many",))
    found = opened(plant(tmp_path / "pets", PETS), label_space=space)
    assert [labels_of(found)[name] for name in PETS] == [2, 2, 1, 1, 0]
    assert found.notes == ("dogs are many",)


def test_a_label_space_without_names_is_in_the_order_of_the_folders(tmp_path: Path) -> None:
    space = LabelSpace("pets", "subset", ((9,), (5,), (7,)))
    found = opened(plant(tmp_path / "pets", PETS), label_space=space)
    assert labels_of(found) == of_torchvision(tmp_path / "pets")
    assert "ranks of the sorted folders" in found.notes[0]


# --- synsets and indices ---------------------------------------------------------------------------------------------


def test_synsets_are_imagenet_s_classes(tmp_path: Path) -> None:
    root = plant(tmp_path / "sketch", [f"{synset}/sketch_0.JPEG" for synset in SYNSETS])
    found = opened(root, classes=1000, images=1000)
    assert labels_of(found) == of_torchvision(root)   # ImageNet's classes are its sorted synsets
    assert labels_of(found)["n01440764/sketch_0.JPEG"] == 0
    assert labels_of(found)["n15075141/sketch_0.JPEG"] == 999
    assert found.notes == ()


def test_synsets_of_a_label_space_are_its_classes(tmp_path: Path) -> None:
    space = find_label_space("imagenet-r")
    root = plant(tmp_path / "r", [f"{synset}/art_0.jpg" for synset in space.names])
    found = opened(root, classes=200, images=200, label_space=space)
    assert labels_of(found) == of_torchvision(root)
    assert found.frame.classes == 200
    assert labels_of(found)["n01443537/art_0.jpg"] == 0   # goldfish, class 1 of 1000


def test_several_synsets_may_be_of_one_category(tmp_path: Path) -> None:
    space = find_label_space("cue-conflict")
    folders = {"n02690373": "airplane", "n02132136": "bear", "n02133161": "bear", "n03345487": "truck"}
    found = opened(plant(tmp_path / "x", [f"{name}/0.png" for name in folders]), 16, 4, space)
    assert labels_of(found) == {f"{name}/0.png": space.names.index(of) for name, of in folders.items()}
    assert found.notes == ("there is no picture of 'bicycle', 'bird', 'boat', … (13 in all)",)


def test_numbered_folders_are_class_indices_not_ranks(tmp_path: Path) -> None:
    root = plant(tmp_path / "v2", [f"{number}/0.jpeg" for number in range(1000)])
    found = opened(root, classes=1000, images=1000)
    assert labels_of(found) == {f"{number}/0.jpeg": number for number in range(1000)}
    assert labels_of(found) != of_torchvision(root)   # the classic trap: 10 before 2


def test_padded_numbers_are_class_indices_too(tmp_path: Path) -> None:
    names = [f"{number:04d}/0.jpeg" for number in range(12)]
    found = opened(plant(tmp_path / "v2", names), classes=12)
    assert [labels_of(found)[name] for name in names] == list(range(12))
    index = written(tmp_path / "index.json", [f"name{number}" for number in range(13)])
    found = opened(tmp_path / "v2", images=12, class_index=index)
    assert [labels_of(found)[name] for name in names] == list(range(12))
    assert found.notes == ("there is no picture of 'name12'",)


def test_numbered_folders_are_the_model_s_indices_in_a_label_space(tmp_path: Path) -> None:
    space = LabelSpace("some", "subset", ((7,), (2,), (11,)))
    found = opened(plant(tmp_path / "x", ["2/a.png", "11/b.png", "7/c.png"]), label_space=space)
    assert labels_of(found) == {"2/a.png": 1, "11/b.png": 2, "7/c.png": 0}


# --- the miniature's own ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    count = 32
    images = np.stack([coloured(number, 64) for number in range(count)])
    every = np.arange(count) % len(CLASSES)
    of_a, of_r = (np.resize([CLASSES.index(name) for name in names], count) for names in (CLASSES_A, CLASSES_R))
    write_v2(folder / "v2", images, every)
    write_a(folder / "a", images, of_a, (of_a + 1) % 16, np.linspace(0, 0.1, count), np.linspace(0.6, 1, count))
    write_r(folder / "r", images, of_r, ["flat"] * count)
    write_sketch(folder / "sketch", images, every)
    write_class_index(folder / "index.json")
    write_label_spaces(folder)
    return folder


def test_the_miniature_s_synsets_are_found_by_its_class_index(world: Path) -> None:
    found = opened(world / "sketch", 16, 32, class_index=world / "index.json")
    assert labels_of(found) == of_torchvision(world / "sketch")
    assert found.notes == ()


@pytest.mark.parametrize("name", ["a", "r"])
def test_the_miniature_s_subsets_are_ranked_as_their_folders(world: Path, name: str) -> None:
    space = find_label_space(str(world / f"imagenet-{name}.json"))
    found = opened(world / name, 12, 32, space, world / "index.json")
    assert labels_of(found) == of_torchvision(world / name)   # the label spaces are in the order of the folders


def test_the_miniature_s_second_version_has_numbered_folders(world: Path) -> None:
    found = opened(world / "v2", 16, 32)
    assert all(int(name.partition("/")[0]) == label for name, label in labels_of(found).items())
    assert labels_of(found) != of_torchvision(world / "v2")
    refused(r"the folder 'n90000000', .*16 in all\) is none of ImageNet's synsets", world / "sketch")


# --- what is left aside ----------------------------------------------------------------------------------------------


def test_hidden_files_are_not_there_and_others_are_counted(tmp_path: Path) -> None:
    root = plant(tmp_path / "pets", PETS)
    for name in (".DS_Store", "ant/.DS_Store", "ant/._1.jpg", ".ipynb_checkpoints/0.png", "cat/.thumbs/x.png"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"?")
    before = opened(root)
    assert sorted(PETS) == before.frame.ids.tolist()
    assert len(before.notes) == 1
    for name in ("README.txt", "ant/Thumbs.db", "cat/0.jpg.part"):
        (root / name).write_bytes(b"?")
    after = opened(root)
    assert after.notes[1:] == ("3 files that are no pictures were ignored",)
    assert after.manifest == before.manifest


def test_endings_are_torchvision_s(tmp_path: Path) -> None:
    from torchvision.datasets.folder import IMG_EXTENSIONS

    assert set(ENDINGS) == set(IMG_EXTENSIONS)


def test_links_are_followed(tmp_path: Path) -> None:
    root = plant(tmp_path / "pets", PETS)
    plant(tmp_path / "else", ["y.png", "z.png"])
    (root / "eel").symlink_to(tmp_path / "else")
    (root / "dog" / "1.png").symlink_to(tmp_path / "else" / "y.png")
    found = opened(root)
    assert labels_of(found) == of_torchvision(root)
    assert bytes_are_those_of(found, root, found.frame.ids.tolist())
    (tmp_path / "else" / "y.png").unlink()
    with pytest.raises(EvidenceError, match=r"dog/1\.png cannot be read"):
        opened(root)


def test_pictures_can_be_sent_to_another_process(tmp_path: Path) -> None:
    root = plant(tmp_path / "pets", PETS)
    found = pickle.loads(pickle.dumps(opened(root)))
    assert bytes_are_those_of(found, root, sorted(PETS))
    assert found.places.files() == [root / name for name in sorted(PETS)]


def test_a_picture_that_vanishes_later_is_named(tmp_path: Path) -> None:
    found = opened(plant(tmp_path / "pets", PETS))
    (tmp_path / "pets" / "cat" / "x.JPEG").unlink()
    with pytest.raises(EvidenceError, match=r"cat/x\.JPEG cannot be read: No such file"):
        found.read(found.frame.ids.tolist().index("cat/x.JPEG"))


def test_opening_again_reads_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = plant(tmp_path / "pets", PETS)
    first = opened(root)
    monkeypatch.setattr(manifest, "_hash", lambda *_: pytest.fail("a picture was read"))
    assert opened(root).manifest == first.manifest


def test_other_pictures_or_folders_give_another_manifest(tmp_path: Path) -> None:
    first = opened(plant(tmp_path / "pets", PETS)).manifest
    moved = tmp_path / "elsewhere" / "beasts"
    shutil.copytree(tmp_path / "pets", moved)
    assert opened(moved, data="theirs").manifest == first
    (moved / "cat" / "x.JPEG").rename(moved / "dog" / "x.JPEG")
    second = opened(moved).manifest
    (moved / "dog" / "x.JPEG").write_bytes(b"other")
    assert len({first, second, opened(moved).manifest}) == 3


# --- errors ----------------------------------------------------------------------------------------------------------

THREE = LabelSpace("three", "subset", ((0,), (1,), (2,)))


def refused(message: str, root: Path, **options: object) -> None:
    with pytest.raises(EvidenceError, match=message):
        opened(root, **options)   # type: ignore[arg-type]


def test_a_missing_folder_is_not_measured_and_says_where_to_obtain_it(tmp_path: Path) -> None:
    wanted = r"imagenet-a is missing; it holds the pictures of imagenet-a; .* https://github\.com/hendrycks/natural-adv"
    with pytest.raises(NotMeasuredError, match=wanted) as caught:
        opened(tmp_path / "imagenet-a", data="imagenet-a")
    assert not isinstance(caught.value, EvidenceError)
    with pytest.raises(NotMeasuredError, match=r"is missing; it holds the pictures of mine$"):
        opened(tmp_path / "mine")


def test_a_file_or_an_empty_folder_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"")
    refused(r"x\.tar is a file; expected the folder", tmp_path / "x.tar")
    (tmp_path / "pets" / "cat").mkdir(parents=True)
    refused(r"no pictures \(\.jpg, .*\), no files$", tmp_path / "pets")
    (tmp_path / "pets" / "cat" / "0.heic").write_bytes(b"")
    refused(r"no pictures \(.*\), only 1 other files; imagenet-r is to be had", tmp_path / "pets", data="imagenet-r")


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["n01440764/0.png", "n0144353/0.png"], {}, "'n0144353' is no synset as others are"),
        (["n01440764/0.png", "train/0.png"], {}, "'train' is no synset as others are"),
        (["n01440764/0.png", "n00000001/0.png"], {}, "'n00000001' is none of ImageNet's synsets; did you mean 'n0"),
        (["n01440764/0.png"], {}, r"no picture of 'n01443537', .* \(999 in all\); obtain them, or say on the card"),
        (["n01440764/0.png"], {"classes": 200}, "200 classes by the card, .* ImageNet's synsets, which are 1000; name"),
        (["n01440764/0.png", "n01443537/0.png"], {"label_space": THREE}, "no picture of 'n01484850'; obtain"),
        (["n01491361/0.png"], {"label_space": THREE}, "'n01491361' is no class of the label space 'three'"),
        (["n01440764/0.png"], {"label_space": THREE, "classes": 4}, "4 by the card, 3 by the label space"),
        (["0/a.png", "1/a.png"], {}, "nothing tells how many classes there are; say `classes`"),
        (["0/a.png", "2/a.png"], {"classes": 2}, "the folder '2' is no class index in 0 … 1"),
        (["0/a.png", "00/a.png"], {"classes": 2}, "the folders '0' and '00' are of one class, 0"),
        (["0/a.png"], {"classes": 2}, "no picture of '1'; obtain them"),
        (["0/a.png", "3/a.png"], {"label_space": THREE}, "the folder '3' is no class of the label space 'three'"),
        (["a/0.png", "b/0.png"], {"classes": 3}, r"how many classes\? 3 by the card, 2 by its class folders"),
        (["a/0.png", "b/0.png"], {"label_space": THREE}, "2 by its class folders, 3 by the label space 'three'"),
        (["a/0.png", "b/0.png", "x.png"], {}, "'x.png' lies in no class folder"),
        (["x.png", "y.png"], {}, "'x.png', 'y.png' lies in no class folder"),
        (["a/0.png", "b/0.png"], {"images": 3}, "2 pictures where mine has 3; obtain the whole set, or say"),
        (["n01440764/0.png"], {"images": 2}, r"1 pictures where mine has 2; no picture of 'n01443537', .*999 in all"),
        (["a/0.png"], {"images": 7500, "data": "imagenet-a"}, "1 pictures where imagenet-a has 7,500; .*hendrycks"),
    ],
)
def test_folders_that_are_not_what_they_should_be_are_refused(
    names: list[str], options: dict[str, object], message: str, tmp_path: Path
) -> None:
    refused(message, plant(tmp_path / "pets", names), **options)


def test_an_empty_class_folder_is_refused(tmp_path: Path) -> None:
    root = plant(tmp_path / "pets", PETS)
    (root / "bee").mkdir()
    (root / "bee" / "README").write_text("soon")
    refused("the folder 'bee' holds no picture", root)
    with pytest.raises(FileNotFoundError):   # as torchvision does
        ImageFolder(str(root))


def test_a_folder_that_a_class_index_does_not_know_is_refused(tmp_path: Path) -> None:
    root = plant(tmp_path / "pets", PETS)
    index = written(tmp_path / "index.json", ["ant", "cats", "dog"])
    refused(r"the folder 'cat' is none of .*index\.json; did you mean 'cats'\?", root, class_index=index)
    index = written(tmp_path / "index.json", ["ant", "cat", "dog", "eel"])
    refused("no picture of 'eel'; obtain them", root, class_index=index)
    refused("3 classes by the card, .* which are 4", root, class_index=index, classes=3)
    index = written(tmp_path / "index.json", {"ant": 0, "cat": 0, "dog": 1})
    refused("the folders 'ant' and 'cat' are of one class, 0", root, class_index=index)
    with pytest.raises(NotMeasuredError, match=r"none\.json is missing; it tells which class of the model"):
        opened(root, class_index=tmp_path / "none.json")


def test_a_folder_that_a_label_space_does_not_name_is_refused(tmp_path: Path) -> None:
    space = LabelSpace("pets", "subset", ((0,), (1,), (2,)), ("ants", "cat", "dog"))
    root = plant(tmp_path / "pets", PETS)
    refused("the folder 'ant' is none of the label space 'pets'; did you mean 'ants'?", root, label_space=space)


@pytest.mark.parametrize(
    "content",
    [
        "[]", "{}", "3", "null", '"ant"', "[1, 2]", '[["ant"], []]', '[["ant"], [1]]', '{"0": "ant", "2": "cat"}',
        '{"1": "ant", "2": "cat"}', '{"00": "ant"}', '{"ant": 0, "cat": 2}', '{"ant": 1.0}', '{"ant": true}',
        '{"0": "ant", "0": "cat"}', '{"0": {"name": "ant"}}', "ant\ncat",
    ],
)  # fmt: skip
def test_what_is_no_class_index_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text(content)
    with pytest.raises(EvidenceError, match=r"index\.json: (expected a list of class names|no valid JSON)"):
        read_class_index(tmp_path / "index.json")


def test_a_name_that_two_classes_share_stands_for_none(tmp_path: Path) -> None:
    keras = {"0": ["n02012849", "crane"], "1": ["n03126707", "crane"], "2": ["n01440764", "tench"]}
    index = read_class_index(written(tmp_path / "index.json", keras))
    assert index.positions == {"n02012849": 0, "n03126707": 1, "n01440764": 2, "tench": 2}
    assert index.names == ("n02012849", "n03126707", "n01440764")
    with pytest.raises(EvidenceError, match=r"class 0 \('crane'\) has no name that is its own"):
        read_class_index(written(tmp_path / "index.json", ["crane", "crane", "tench"]))


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    root = plant(tmp_path / "pets", PETS)
    try:
        (Path(os.fsdecode(os.fsencode(root) + b"/cat/\xff.png"))).write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes no such names")
    refused(re.escape(r"the name 'cat/\udcff.png' is no UTF-8; rename the file"), root)


def test_a_link_in_a_circle_is_refused(tmp_path: Path) -> None:
    root = plant(tmp_path / "pets", ["ant/0.png", "cat/0.png"])
    (root / "cat" / "again").symlink_to(root / "cat")
    refused("cannot be read: Too many levels of symbolic links", root)
