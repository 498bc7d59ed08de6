"""PUG: ImageNet: labels by sorted names, factors by parts, and what looks wrong is told."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import ImageFolder

from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.label_spaces import find_label_space
from demeanour.datasets.pictures import manifest, pug
from demeanour.datasets.pictures.open import open_pictures
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.datasets.pictures.pug import PARTS
from demeanour.datasets.pictures.pug_table import TABLE
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.miniature.formats.pug import LABELS, PUG_CLASSES, VARIED, write_pug
from tests.datasets.small_trees import bytes_are_those_of, coloured, encoded, labels_of, plant

NAMES = sorted(PUG_CLASSES)
KINDS = [(part, name, n) for part in VARIED for name in PUG_CLASSES for n in (1, 2)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What the miniature writes: ten parts, twelve classes, two objects each."""
    settings = [
        {"world_name": f"World{n}"} if part == "Worlds" else {"world_name": "Plain", VARIED[part]: str(45 * n)}
        for part, _, n in KINDS
    ]
    parts, classes, numbers = zip(*KINDS, strict=True)
    characters = [f"{name}_{n}" for name, n in zip(classes, numbers, strict=True)]
    pictures = np.stack([coloured(n, 64) for n in range(len(KINDS))])
    write_pug(tmp_path / "pug", pictures, parts, classes, characters, settings)
    return tmp_path / "pug"


def opened(
    root: Path, classes: int | None = None, images: int | None = None, label_space: LabelSpace | None = None
) -> Pictures:
    return open_pictures(
        "pug", root, "pug-imagenet", classes=classes, images=images, label_space=label_space,
        memo_root=root.parent / "cache",
    )  # fmt: skip


def edited(root: Path, change: Callable[[list[dict[str, str]]], list[dict[str, str]]]) -> None:
    """Change the rows of the table."""
    with (root / TABLE).open() as file:
        rows = change(list(csv.DictReader(file)))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    (root / TABLE).write_text(text.getvalue())


def test_labels_are_ranks_of_names_and_factors_are_parts(root: Path) -> None:
    found = opened(root, 12, 240)
    expected: dict[str, tuple[int, int]] = {}
    for code, part in enumerate(PARTS):
        for path, label in ImageFolder(str(root / part)).samples:
            expected[Path(path).relative_to(root).as_posix()] = (label, code)
    both = zip(found.frame.columns["label"].tolist(), found.frame.columns["factor"].tolist(), strict=True)
    assert dict(zip(found.frame.ids.tolist(), both, strict=True)) == expected
    assert found.frame.names["factor"] == PARTS
    assert found.frame.classes == 12
    assert bytes_are_those_of(found, root, sorted(expected))
    assert found.notes == ("2 files that are no pictures were ignored",)   # the table and the class indices


def test_the_parts_are_those_of_the_miniature() -> None:
    assert set(PARTS) == set(VARIED)
    assert TABLE == LABELS


def test_what_the_table_says_is_there_as_codes(root: Path) -> None:
    edited(root, lambda rows: rows[::-1])   # in whatever order
    found = opened(root)
    with (root / TABLE).open() as file:
        rows = {row["filename"]: row for row in csv.DictReader(file)}
    for column in {*VARIED.values(), "character_name"}:
        names = np.asarray(found.frame.names[column])[found.frame.columns[column]]
        assert names.tolist() == [rows[name][column] for name in found.frame.ids.tolist()]
    assert found.frame.clusters == ("character_name",)
    assert set(Counter(found.frame.columns["character_name"].tolist()).values()) == {10}


def test_the_label_space_has_the_same_classes(root: Path) -> None:
    mapped = find_label_space("pug-imagenet", root)
    assert labels_of(opened(root, 12, 240, mapped)) == labels_of(opened(root))
    turned = LabelSpace("turned", "mapped", tuple((n,) for n in range(12)), tuple(NAMES[::-1]))
    assert labels_of(opened(root, label_space=turned)) == {n: 11 - k for n, k in labels_of(opened(root)).items()}


def test_shirt_and_sweatshirt_share_an_index_and_that_is_told(tmp_path: Path) -> None:
    names = [f"{part}/{name}/0.png" for part in PARTS for name in ("Shirt", "Sweatshirt", "Airliner")]
    root = plant(tmp_path / "pug", names)
    indices = {"Sweatshirt": [841], "Shirt": [841], "Airliner": [404]}
    (root / "class_to_imagenet_idx.json").write_text(json.dumps(indices))
    found = opened(root, 3, 30, find_label_space("pug-imagenet", root))
    assert "Shirt and Sweatshirt share index 841" in found.notes[0]
    assert found.notes[1] == f"{TABLE} is missing: nothing is known of the pictures but part and class"
    assert labels_of(found)["Worlds/Airliner/0.png"] == 0
    assert found.frame.columns.keys() == {"label", "factor"}
    assert found.frame.clusters == ()


# --- what looks wrong ------------------------------------------------------------------------------------------------


def test_black_parts_are_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = opened(root)
    for path in (root / "Scene_Light").glob("*/*.png"):
        path.write_bytes(encoded(np.full((8, 8, 3), 4, np.uint8)))
    found = opened(root)
    (note,) = set(found.notes) - set(before.notes)
    assert note.startswith("Scene_Light: 8 of 8 pictures that were looked at are nearly black, such as Scene_Light/")
    monkeypatch.setattr(pug, "decode", lambda *_: pytest.fail("a picture was decoded again"))
    monkeypatch.setattr(manifest, "_hash", lambda *_: pytest.fail("a picture was read again"))
    assert opened(root).notes == found.notes
    assert opened(root).manifest == found.manifest != before.manifest


def test_dark_pictures_that_are_not_black_are_not_told(root: Path) -> None:
    for path in (root / "Scene_Light").glob("*/*.png"):
        path.write_bytes(encoded(np.full((8, 8, 3), 6, np.uint8)))
    assert opened(root).notes == ("2 files that are no pictures were ignored",)


def test_a_damaged_memory_of_darkness_is_made_anew(root: Path) -> None:
    for path in (root / "Worlds").glob("*/*.png"):
        path.write_bytes(encoded(np.zeros((8, 8, 3), np.uint8)))
    first = opened(root)
    (memo,) = (root.parent / "cache" / "manifests").glob("*.dark.json")
    for damage in (b"", b"{}", b"[1]", b"\xff", memo.read_bytes()[:9]):
        memo.write_bytes(damage)
        assert opened(root).notes == first.notes
        assert json.loads(memo.read_bytes())
    memo.unlink()
    memo.mkdir()   # it can neither be read nor written
    assert opened(root).notes == first.notes


def test_a_part_that_lacks_a_class_keeps_the_labels_of_the_others(root: Path) -> None:
    for path in (root / "Scene_Light" / "Cone").iterdir():
        path.unlink()
    (root / "Scene_Light" / "Cone").rmdir()
    found = opened(root, 12, 238)
    assert found.notes[0] == (
        "Scene_Light: no picture of 'Cone'; by the ranks of its own folders, its labels would be others"
    )
    alone = {f"Scene_Light/{Path(p).parent.name}": k for p, k in ImageFolder(str(root / "Scene_Light")).samples}
    assert alone["Scene_Light/Star"] == 9   # what torchvision makes of it
    assert labels_of(found)["Scene_Light/Star/0.png"] == labels_of(found)["Worlds/Star/0.png"] == 10


def test_folders_that_the_table_contradicts_are_told(root: Path) -> None:
    def relabelled(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        lit = [row for row in rows if row["filename"].startswith("Scene_Light/")]
        for row, other in zip(lit[:5], lit[5:10], strict=True):
            row["character_label"] = "Star" if other["character_label"] != "Star" else "Ring"
        return rows

    edited(root, relabelled)
    note = opened(root).notes[0]
    assert note.startswith(f"Scene_Light: 5 pictures lie in the folder of another class than {TABLE} says: Scene_")
    assert note.endswith("is told to show 'Star'")


def test_a_picture_that_cannot_be_decoded_is_named(root: Path) -> None:
    for path in (root / "Worlds").glob("*/*.png"):
        path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(EvidenceError, match=r"Worlds/.*\.png: cannot be decoded"):
        opened(root)


# --- errors ----------------------------------------------------------------------------------------------------------


def refused(message: str, root: Path, **options: object) -> None:
    with pytest.raises(EvidenceError, match=message):
        opened(root, **options)   # type: ignore[arg-type]


def test_defects_are_named(root: Path) -> None:
    refused("240 pictures where pug-imagenet has 88,328; obtain .*facebookresearch/PUG", root, images=88_328)
    refused(r"how many classes\? 151 by the card, 12 by its class folders", root, classes=151)
    renamed = LabelSpace("other", "mapped", tuple((n,) for n in range(12)), ("Balls", *NAMES[1:]))
    refused("the class 'Ball' is none of the label space 'other'; did you mean 'Balls'", root, label_space=renamed)
    larger = LabelSpace("larger", "mapped", tuple((n,) for n in range(13)), ("Albatross", *NAMES))
    refused("no picture of 'Albatross'; obtain them, or say", root, label_space=larger)
    (root / "Scene_Light").rename(root / "Scene_Lights")
    refused("the folder 'Scene_Lights' is no part of PUG: ImageNet; did you mean 'Scene_Light'", root)
    (root / "Scene_Lights").rename(root.parent / "Scene_Light")
    refused("no picture of 'Scene_Light'; obtain them, or say", root)
    refused("216 pictures where pug-imagenet has 240; no picture of 'Scene_Light'; obtain", root, images=240)
    assert len(opened(root, images=216)) == 216
    plant(root, ["Worlds/x.png"])
    refused(r"'Worlds/x\.png' is no PART/CLASS/NAME", root)
    with pytest.raises(NotMeasuredError, match=r"is missing; .*PUG_IMAGENET\.tar\.gz"):
        opened(root.parent / "none")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[1:], r"no row has the `filename` 'Worlds/Ball/0\.png'; obtain the table of these pictures"),
        (lambda rows: [rows[0], *rows], r"1 duplicate ids, such as 'Worlds/Ball/0\.png'"),
        (lambda rows: [{"file": "x"}], "no column 'filename'; found file"),
    ],
)
def test_a_table_of_other_pictures_is_refused(
    change: Callable[[list[dict[str, str]]], list[dict[str, str]]], message: str, root: Path
) -> None:
    edited(root, change)
    refused(rf"{TABLE}: {message}", root)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no valid CSV"),
        ("filename\n", "holds no rows"),
        ("filename,a\n1\n", "no valid CSV"),
        ("filename,filename\n1,2\n", "stands twice"),
    ],
)
def test_what_is_no_table_is_refused(content: str, message: str, root: Path) -> None:
    (root / TABLE).write_text(content)
    refused(rf"{TABLE}: .*{message}", root)
