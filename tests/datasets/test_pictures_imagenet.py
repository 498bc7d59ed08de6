"""ImageNet's validation images by their names, and ImageNet-C's by their paths."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import ImageFolder

from demeanour.datasets.corruptions import corruptions_frame
from demeanour.datasets.frame import Frame
from demeanour.datasets.imagenet_x import read_imagenet_x
from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.label_spaces import imagenet_synsets
from demeanour.datasets.labels import read_labels
from demeanour.datasets.multilabel import NAME_OF_VAL, read_label_sets
from demeanour.datasets.pictures.decode import decode
from demeanour.datasets.pictures.open import open_pictures
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.miniature.formats.annotations import write_class_index
from demeanour.miniature.formats.validation import validation_ids, write_corrupted, write_validation
from demeanour.miniature.names import CLASSES, SYNSETS
from demeanour.vocabulary import CORRUPTIONS
from tests.datasets.small_trees import bytes_are_those_of, coloured, labels_of, plant

COUNT = 32
LABELS = np.arange(COUNT) % len(CLASSES)
IDS = validation_ids(COUNT)
OF_NAME = {NAME_OF_VAL.format(number): label for number, label in zip(IDS.tolist(), LABELS.tolist(), strict=True)}


def opened(
    root: Path,
    classes: int | None = None,
    images: int | None = None,
    labels: Path | None = None,
    class_index: Path | None = None,
    label_space: LabelSpace | None = None,
    memo: Path | None = None,
) -> Pictures:
    return open_pictures(
        "imagenet", root, "imagenet-val", classes=classes, images=images, labels=labels, class_index=class_index,
        label_space=label_space, memo_root=memo or root.parent / "cache",
    )  # fmt: skip


def table(path: Path, rows: dict[str, int]) -> Path:
    path.write_text("file_name,label\n" + "".join(f"{name},{label}\n" for name, label in rows.items()))
    return path


@pytest.fixture
def world(tmp_path: Path) -> Path:
    write_validation(tmp_path / "val", np.stack([coloured(number, 64) for number in range(COUNT)]), LABELS, IDS)
    write_class_index(tmp_path / "index.json")
    return tmp_path


# --- validation images -----------------------------------------------------------------------------------------------


def test_images_are_known_by_their_file_names_and_labelled_by_their_folders(world: Path) -> None:
    found = opened(world / "val", 16, COUNT, class_index=world / "index.json")
    assert labels_of(found) == {Path(path).name: label for path, label in ImageFolder(str(world / "val")).samples}
    assert labels_of(found) == OF_NAME
    assert found.frame.ids.tolist() == sorted(OF_NAME)
    paths = [f"{SYNSETS[OF_NAME[name]]}/{name}" for name in sorted(OF_NAME)]
    assert bytes_are_those_of(found, world / "val", paths)
    assert found.notes == ()


def test_real_folders_are_imagenet_s_synsets(tmp_path: Path) -> None:
    synsets = imagenet_synsets()
    names = {NAME_OF_VAL.format(number): label for number, label in ((9, 0), (3, 999), (5, 1))}
    root = plant(tmp_path / "val", [f"{synsets[label]}/{name}" for name, label in names.items()])
    found = opened(root, 1000, 3)
    assert labels_of(found) == names
    assert found.notes == ("there is no picture of 'n01484850', 'n01491361', 'n01494475', … (997 in all)",)


def test_a_table_labels_images_wherever_they_lie(world: Path) -> None:
    labels = table(world / "labels.csv", dict(reversed(OF_NAME.items())))
    by_folders = opened(world / "val", 16, COUNT, class_index=world / "index.json")
    in_folders = opened(world / "val", 16, COUNT, labels)
    fifth = in_folders.read(5)
    for path in (world / "val").glob("*/*.JPEG"):
        path.rename(world / "val" / path.name)
    shutil.rmtree(world / "val" / SYNSETS[3])
    flat = opened(world / "val", 16, COUNT, labels)
    assert labels_of(flat) == labels_of(in_folders) == OF_NAME
    assert flat.manifest == in_folders.manifest == by_folders.manifest   # the same images, with the same labels
    assert flat.read(5) == fifth == (world / "val" / sorted(OF_NAME)[5]).read_bytes()


def test_some_of_the_images_will_do_if_they_are_meant_to_be_some(world: Path) -> None:
    labels = table(world / "labels.csv", {**OF_NAME, "ILSVRC2012_val_00050000.JPEG": 3})
    found = opened(world / "val", 16, COUNT, labels)
    assert found.notes == ("labels.csv has labels of 1 more images, which are not here",)
    assert labels_of(found) == OF_NAME
    with pytest.raises(EvidenceError, match=r"of which 32 are here; obtain the others, or say .* `images: 32`"):
        opened(world / "val", 16, None, labels)
    shutil.rmtree(world / "val" / SYNSETS[3])
    some = opened(world / "val", 16, COUNT - 2, class_index=world / "index.json")
    assert labels_of(some) == {name: label for name, label in OF_NAME.items() if label != 3}
    assert some.notes == (f"there is no picture of '{SYNSETS[3]}'",)


def test_a_label_space_tells_the_classes_of_folders(world: Path) -> None:
    reverse = LabelSpace("reverse", "subset", tuple((index,) for index in reversed(range(16))), notes=("turned",))
    found = opened(world / "val", 16, COUNT, class_index=world / "index.json", label_space=reverse)
    assert labels_of(found) == {name: 15 - label for name, label in OF_NAME.items()}
    assert found.notes == ("turned",)


def test_defects_of_validation_images_are_named(world: Path) -> None:
    val, index = world / "val", world / "index.json"
    with pytest.raises(NotMeasuredError, match=r"nowhere is missing; .* ILSVRC 2012 validation images"):
        opened(world / "nowhere")
    with pytest.raises(EvidenceError, match=r"32 pictures where imagenet-val has 50,000; obtain .* https://image-net"):
        opened(val, 16, 50_000, class_index=index)
    with pytest.raises(EvidenceError, match=r"1000 classes by the card, .* which are 16; name the `label_space`"):
        opened(val, 1000, COUNT, class_index=index)
    few = dict(list(OF_NAME.items())[:-1])
    with pytest.raises(EvidenceError, match=rf"labels\.csv: has no label of '{list(OF_NAME)[-1]}'; name the CSV"):
        opened(val, 16, COUNT, table(world / "labels.csv", few))
    with pytest.raises(EvidenceError, match="labels must lie in 0 … 14"):
        opened(val, 15, COUNT, table(world / "labels.csv", OF_NAME))
    with pytest.raises(EvidenceError, match=r"labels\.csv: nothing tells how many classes there are"):
        opened(val, None, COUNT, table(world / "labels.csv", OF_NAME))
    with pytest.raises(NotMeasuredError, match=r"none\.csv is missing; it holds the labels of imagenet-val"):
        opened(val, 16, COUNT, world / "none.csv")
    shutil.rmtree(val / SYNSETS[3])
    with pytest.raises(EvidenceError, match=f"30 pictures where imagenet-val has 32; no picture of '{SYNSETS[3]}'"):
        opened(val, 16, COUNT, class_index=index)
    with pytest.raises(EvidenceError, match=f"no picture of '{SYNSETS[3]}'; obtain them, or say"):
        opened(val, 16, class_index=index)
    first = next((val / SYNSETS[0]).iterdir())
    shutil.copy(first, val / SYNSETS[1])
    with pytest.raises(EvidenceError, match=f"1 duplicate ids, such as '{first.name}'"):
        opened(val, 16, COUNT, class_index=index)


def test_flat_images_without_a_table_are_refused(tmp_path: Path) -> None:
    root = plant(tmp_path / "val", [NAME_OF_VAL.format(1), NAME_OF_VAL.format(2)])
    with pytest.raises(EvidenceError, match=r"lie in no class folders; name a CSV .* \(`labels`\) on the card"):
        opened(root, 1000, 2)


# --- the published images --------------------------------------------------------------------------------------------


def test_real_validation_images_join_what_is_published_of_them(published: Path, tmp_path: Path) -> None:
    root, labels = published / "imagenet-val", published / "imagenet-x" / "filename_label.csv"
    if not root.is_dir():
        pytest.skip("the images are not here")
    found = opened(root, 1000, 650, labels, memo=tmp_path)
    ids = found.frame.ids
    assert len(found) == 650
    assert found.notes[0] == "filename_label.csv has labels of 49,350 more images, which are not here"
    real = read_label_sets(published / "labels" / "imagenet_real.json", "real", 1000)
    rows = np.flatnonzero(np.isin(real.ids, ids))
    of_both = found.frame.columns["label"][np.isin(ids, real.ids)]
    agree = (real.columns["label_set"][rows] == of_both[:, None]).any(axis=1)
    assert agree.mean() > 0.85   # 0.90 of all images; by other labels about 0.001
    factors = read_imagenet_x(published / "imagenet-x", "imagenet-x", 1000)
    joined = np.isin(factors.ids, ids)
    assert joined.sum() > 500
    known = dict(zip(factors.ids.tolist(), factors.columns["label"].tolist(), strict=True))
    assert all(known.get(name, label) == label for name, label in labels_of(found).items())
    assert decode(found.read(0), "first").size == (227, 227)
    with pytest.raises(EvidenceError, match=r"650 pictures where imagenet-val has 50,000"):
        opened(root, 1000, 50_000, labels, memo=tmp_path)


# --- corrupted images ------------------------------------------------------------------------------------------------

CLEAN = Frame(
    "imagenet-val", np.asarray(sorted(OF_NAME)), {"label": np.asarray([OF_NAME[name] for name in sorted(OF_NAME)])}, 16
)
PATHS = [
    f"{corruption}/{severity}/{SYNSETS[OF_NAME[name]]}/{name}"
    for corruption in CORRUPTIONS
    for severity in range(1, 6)
    for name in list(OF_NAME)[:16]
]


def corrupted(root: Path, images: int | None = None, clean: Frame | None = CLEAN, classes: int | None = 16) -> Pictures:
    return open_pictures(
        "imagenet-c", root, "imagenet-c", classes=classes, images=images, clean=clean, memo_root=root.parent / "cache"
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All corruptions; never to be changed."""
    return plant(tmp_path_factory.mktemp("corrupted") / "c", PATHS)


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A copy to be broken: links, since contents do not matter."""
    return Path(shutil.copytree(whole, tmp_path / "c", copy_function=lambda a, b: Path(b).hardlink_to(a)))


def test_corrupted_images_are_known_by_their_paths(whole: Path) -> None:
    found = corrupted(whole, 75 * 16)
    assert found.frame.ids.tolist() == sorted(PATHS)
    expected = corruptions_frame(np.asarray(sorted(PATHS)), CLEAN, "imagenet-c")
    assert found.frame.columns.keys() == expected.columns.keys() == {"label", "corruption", "severity", "source"}
    for name, values in expected.columns.items():
        np.testing.assert_array_equal(found.frame.columns[name], values)
    assert (found.frame.clusters, found.frame.names, found.frame.classes) == (("source",), expected.names, 16)
    by_folder = {path: SYNSETS.index(path.split("/")[2]) for path in PATHS}
    assert labels_of(found) == by_folder
    assert bytes_are_those_of(found, whole, sorted(PATHS))
    assert found.notes == ()


def test_what_the_miniature_writes_is_read(tmp_path: Path) -> None:
    images = np.stack([coloured(number, 64) for number in range(16)])
    for corruption in CORRUPTIONS:
        for severity in range(1, 6):
            write_corrupted(tmp_path / "c", images, LABELS[:16], IDS[:16], corruption, severity)
    found = corrupted(tmp_path / "c", 75 * 16)
    assert found.frame.ids.tolist() == sorted(PATHS)
    row = found.frame.ids.tolist().index(PATHS[17])
    distance = np.asarray(decode(found.read(row), "x")).astype(int) - images[1]
    assert np.abs(distance).mean() < 60   # noise as JPEG; another picture is 85 away


def test_the_four_extra_corruptions_are_left_out(copy: Path) -> None:
    before = corrupted(copy, 75 * 16)
    plant(copy, ["speckle_noise/1/n90000000/x.JPEG", "gaussian_blur/5/n90000000/x.JPEG"])
    found = corrupted(copy, 75 * 16)
    assert found.notes == ("gaussian_blur, speckle_noise: not among the 15 corruptions, left out",)
    assert found.manifest == before.manifest


def test_defects_of_corrupted_images_are_named(copy: Path) -> None:
    with pytest.raises(EvidenceError, match=r"1,200 pictures where imagenet-c has 3,750,000; .*hendrycks/robustness"):
        corrupted(copy, 3_750_000)
    with pytest.raises(EvidenceError, match="1000 classes by the card, but the clean images have 16"):
        corrupted(copy, classes=1000)
    with pytest.raises(EvidenceError, match=r"name their set \(`clean`\) on the card"):
        corrupted(copy, clean=None)
    with pytest.raises(EvidenceError, match=r"name their set \(`clean`\) on the card"):
        corrupted(copy, clean=Frame("real", CLEAN.ids, {"label_set": np.zeros((COUNT, 1), int)}, 16))
    with pytest.raises(EvidenceError, match="75 images have no clean image of their name"):
        corrupted(copy, clean=CLEAN.only(np.asarray(CLEAN.ids != next(iter(OF_NAME)))))
    turned = Frame("turned", CLEAN.ids, {"label": np.roll(CLEAN.columns["label"], 1)}, 16)
    assert corrupted(copy, clean=CLEAN.only(np.isin(CLEAN.ids, list(OF_NAME)[:16]))).frame.classes == 16
    with pytest.raises(EvidenceError, match=r"by the labels of mixed, images of n9000000\d are of the classes"):
        corrupted(plant(copy, two_of_a_class()), clean=Frame("mixed", turned.ids, turned.columns, 16))


def two_of_a_class() -> list[str]:
    """The other 16 images, so that every class has two."""
    return [
        f"{corruption}/{severity}/{SYNSETS[OF_NAME[name]]}/{name}"
        for corruption in CORRUPTIONS
        for severity in range(1, 6)
        for name in list(OF_NAME)[16:]
    ]


@pytest.mark.parametrize(
    ("remove", "message"),
    [
        ("fog", "the corruption 'fog' is missing"),
        ("frost/3", "'frost/3' is missing, or holds no picture"),
        (PATHS[16 * 7 + 3], r"shot_noise/3 holds 15 images, not those of gaussian_noise/1 \(16\); obtain the missing"),
        (PATHS[3], r"gaussian_noise/2 holds 16 images, not those of gaussian_noise/1 \(15\); .* or remove those"),
    ],
)
def test_what_is_missing_of_the_corruptions_is_named(remove: str, message: str, copy: Path) -> None:
    path = copy / remove
    path.unlink() if path.is_file() else shutil.rmtree(path)
    with pytest.raises(EvidenceError, match=message):
        corrupted(copy)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fog", "fogg", r"the folder 'fogg' is no corruption of ImageNet-C; did you mean 'fog'\?"),
        ("fog", "weather/fog", "the folder 'weather' is no corruption of ImageNet-C; known: brightness, "),
        ("fog/5", "fog/6", r"'fog/6/n90000000/.*' is no CORRUPTION/SEVERITY/…/NAME"),
        ("fog/5", "fog/five", r"'fog/five/n90000000/.*' is no CORRUPTION/SEVERITY/…/NAME"),
        (PATHS[0], PATHS[0].replace(".JPEG", ".png"), r"1 images have no clean image of their name, .*\.png'"),
    ],
)
def test_what_is_named_otherwise_is_refused(old: str, new: str, message: str, copy: Path) -> None:
    (copy / new).parent.mkdir(parents=True, exist_ok=True)
    (copy / old).rename(copy / new)
    with pytest.raises(EvidenceError, match=message):
        corrupted(copy)


def test_labels_that_the_clean_set_reads_from_a_table_serve_too(whole: Path, tmp_path: Path) -> None:
    clean = read_labels(table(tmp_path / "labels.csv", OF_NAME), "imagenet-val", 16)
    (tmp_path / "index.json").write_text(json.dumps(SYNSETS))
    assert labels_of(corrupted(whole, clean=clean)) == labels_of(corrupted(whole))
