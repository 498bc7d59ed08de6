"""One door to all readers: it hands on what each takes and imports no more than is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from demeanour.datasets.catalogue import PUBLISHED
from demeanour.datasets.frame import Frame
from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.pictures.open import open_pictures
from demeanour.errors import EvidenceError
from tests.datasets.small_trees import labels_of, plant

SPACE = LabelSpace("two", "subset", ((0,), (1,)))
CLEAN = Frame("clean", np.asarray(["x"]), {"label": np.asarray([0])}, 2)
GIVEN = {"label_space": SPACE, "labels": Path("l.csv"), "class_index": Path("i.json"), "split": "test", "clean": CLEAN}
TAKEN = {
    "folder": {"label_space", "class_index"},
    "imagenet": {"label_space", "labels", "class_index"},
    "imagenet-c": {"clean"},
    "cue-conflict": {"label_space", "class_index"},
    "pug": {"label_space"},
    "webdataset": {"split", "label_space"},
    "parquet": {"split", "label_space"},
}


@pytest.mark.parametrize("reader", TAKEN)
def test_what_a_reader_does_not_take_is_refused(reader: str, tmp_path: Path) -> None:
    for name, value in GIVEN.items():
        if name not in TAKEN[reader]:
            with pytest.raises(EvidenceError, match=f"mine: the reader '{reader}' takes no `{name}`; it takes "):
                open_pictures(reader, tmp_path, "mine", memo_root=tmp_path, **{name: value})   # type: ignore[arg-type]


@pytest.mark.parametrize("reader", TAKEN)
def test_what_a_reader_takes_reaches_it(reader: str, tmp_path: Path) -> None:
    options = {name: value for name, value in GIVEN.items() if name in TAKEN[reader]}
    with pytest.raises(EvidenceError.__base__, match="nowhere"):   # it looks for the set; nothing else is wrong
        open_pictures(reader, tmp_path / "nowhere", "mine", memo_root=tmp_path, **options)   # type: ignore[arg-type]


def test_an_unknown_reader_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="mine: 'folders' is no reader of pictures; did you mean 'folder'"):
        open_pictures("folders", tmp_path, "mine", memo_root=tmp_path)


def test_a_data_set_is_opened(tmp_path: Path) -> None:
    found = open_pictures("folder", plant(tmp_path / "x", ["a/0.png", "b/0.png"]), "mine", memo_root=tmp_path / "cache")
    assert labels_of(found) == {"a/0.png": 0, "b/0.png": 1}
    assert found.data == found.frame.data == "mine"


def test_opening_a_folder_imports_neither_torch_nor_pillow(tmp_path: Path) -> None:
    plant(tmp_path / "x", ["n01440764/0.png"])
    code = (
        "import sys; from pathlib import Path; from demeanour.datasets.pictures.open import open_pictures\n"
        f"open_pictures('folder', Path({str(tmp_path / 'x')!r}), 'x', images=1, memo_root=Path({str(tmp_path)!r}))\n"
        "unwanted = {'torch', 'timm', 'torchvision', 'PIL', 'demeanour.datasets.pictures.parquet'}\n"
        "print(sorted(unwanted & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_catalogue_has_the_paper_s_sets() -> None:
    sizes = {name: (known.images, known.classes) for name, known in PUBLISHED.items()}
    assert sizes == {
        "imagenet-val": (50_000, 1000), "imagenet-x": (46_110, 1000), "imagenet-real": (46_837, 1000),
        "imagenet-c": (50_000 * 15 * 5, 1000), "imagenet-a": (7_500, 200), "imagenet-r": (30_000, 200),
        "imagenet-sketch": (50_889, 1000), "imagenetv2": (10_000, 1000), "imagenet-hard": (10_980, 1000),
        "cue-conflict": (16 * 80, 16), "pug-imagenet": (88_328, 151),
    }  # fmt: skip
    assert all("https://" in known.obtain or known.images_of for known in PUBLISHED.values())
