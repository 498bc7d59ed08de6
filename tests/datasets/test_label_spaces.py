"""Label spaces by name: their sizes and members, against other lists of them, and PUG's protocol as a loop."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from demeanour.datasets import label_spaces
from demeanour.datasets.label_space import LabelSpace, mapped
from demeanour.datasets.label_spaces import BUILT_IN, CLASS_INDICES, find_label_space, imagenet_synsets
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.logits import columns_of_logits
from demeanour.miniature.formats.pug import PUG_CLASSES
from demeanour.vocabulary import CATEGORIES

# the synsets by which Geirhos et al. (2018) define their categories, of those that ImageNet has
WORDNET = {
    "airplane": "n02690373",
    "bear": "n02132136 n02133161 n02134084 n02134418",
    "bicycle": "n02835271 n03792782",
    "boat": "n02951358 n03344393 n03662601 n04273569 n04612504",
    "bottle": "n02823428 n03937543 n03983396 n04557648 n04560804 n04579145 n04591713",
    "car": "n02814533 n03100240 n04285008",
    "cat": "n02123045 n02123159 n02123394 n02123597 n02124075 n02125311",
    "chair": "n02791124 n03376595 n04099969 n04429376",
    "clock": "n02708093 n03196217 n04548280",
    "elephant": "n02504013 n02504458",
    "keyboard": "n03085013 n04505470",
    "knife": "n03041632",
    "oven": "n04111531",
    "truck": "n03345487 n03417042 n03770679 n03796401 n03930630 n03977966 n04461696 n04467665",
}

CLOTHES = {"Sweatshirt": [4], "Shirt": [4], "Cat": [2, 6], "Ball": [0]}   # not in the order of their names, like PUG


def indices(space: LabelSpace) -> list[int]:
    return [index for group in space.groups for index in group]


def drawn(seed: int, n: int = 200, classes: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, classes)) * 3


def clothes(tmp_path: Path, content: object = CLOTHES) -> Path:
    path = tmp_path / CLASS_INDICES
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


# ImageNet-A and -R


@pytest.mark.parametrize(
    ("name", "first"), [("imagenet-a", [6, 11, 13, 15, 17]), ("imagenet-r", [1, 2, 4, 6, 8])]
)
def test_a_and_r_are_two_hundred_classes_in_the_order_of_their_folders(name: str, first: list[int]) -> None:
    space = find_label_space(name)
    assert (space.name, space.kind, space.columns) == (name, "subset", 200)
    assert indices(space)[:5] == first
    assert indices(space) == sorted(set(indices(space)))
    assert list(space.names) == sorted(space.names)
    assert [imagenet_synsets()[index] for index in indices(space)] == list(space.names)


@pytest.mark.parametrize("data", ["a", "r"])
def test_a_and_r_are_the_published_lists(published: Path, data: str) -> None:
    folder, space = published / "labels", find_label_space(f"imagenet-{data}")
    assert indices(space) == [int(line) for line in (folder / f"imagenet_{data}_indices.txt").read_text().split()]
    assert list(space.names) == (folder / f"imagenet_{data}_synsets.txt").read_text().split()


def test_a_model_is_asked_for_the_classes_of_the_set_only() -> None:
    logits = drawn(0, n=20, classes=1000)
    assert (find_label_space("imagenet-a").apply(logits) == logits[:, indices(find_label_space("imagenet-a"))]).all()


def test_synsets_are_in_the_order_of_class_indices() -> None:
    synsets = imagenet_synsets()
    assert len(set(synsets)) == 1000
    assert list(synsets) == sorted(synsets)
    assert (synsets[0], synsets[404], synsets[999]) == ("n01440764", "n02690373", "n15075141")


def test_the_synsets_are_the_published_list(published: Path) -> None:
    assert list(imagenet_synsets()) == (published / "labels" / "imagenet_synsets.txt").read_text().split()


def test_neither_timm_nor_torch_is_imported_for_a_list() -> None:
    code = (
        "import sys; from demeanour.datasets.label_spaces import find_label_space; "
        "find_label_space('imagenet-a'); print({'timm', 'torch', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("spec", [None, SimpleNamespace(submodule_search_locations=None)])
def test_without_timm_it_is_named(monkeypatch: pytest.MonkeyPatch, spec: object) -> None:
    monkeypatch.setattr(label_spaces, "find_spec", lambda name: spec)
    with pytest.raises(NotMeasuredError, match="timm is not installed"):
        find_label_space("imagenet-r")


def test_a_timm_without_the_list_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(label_spaces, "find_spec", lambda name: spec)
    with pytest.raises(NotMeasuredError, match=r"imagenet_r_indices\.txt is missing; .*install timm"):
        find_label_space("imagenet-r")


# cue conflict


def test_cue_conflicts_are_of_207_classes_in_16_categories() -> None:
    space = find_label_space("cue-conflict")
    assert (space.kind, space.columns, space.names) == ("grouped", 16, CATEGORIES)
    assert len(indices(space)) == len(set(indices(space))) == 207
    sizes = dict(zip(space.names, map(len, space.groups), strict=True))
    assert sizes == {
        "airplane": 1, "bear": 4, "bicycle": 2, "bird": 49, "boat": 5, "bottle": 7, "car": 3, "cat": 6, "chair": 4,
        "clock": 3, "dog": 109, "elephant": 2, "keyboard": 2, "knife": 1, "oven": 1, "truck": 8,
    }  # fmt: skip


def test_members_are_those_of_the_literature() -> None:
    space = find_label_space("cue-conflict")
    groups = dict(zip(space.names, space.groups, strict=True))
    assert groups["airplane"] == (404,)
    assert groups["keyboard"] == (508, 878)
    assert groups["truck"] == (555, 569, 656, 675, 717, 734, 864, 867)
    for category, synsets in WORDNET.items():
        assert sorted(imagenet_synsets()[index] for index in groups[category]) == synsets.split()


def test_dogs_and_birds_leave_out_what_the_authors_left_out() -> None:
    space, synsets = find_label_space("cue-conflict"), imagenet_synsets()
    groups = dict(zip(space.names, space.groups, strict=True))
    dogs = {index for index, synset in enumerate(synsets) if "n02085620" <= synset <= "n02113978"}
    left_out = [synsets[index] for index in sorted(dogs - set(groups["dog"]))]
    assert " ".join(left_out[:5]) == "n02085620 n02096177 n02098413 n02105412 n02108089"
    assert " ".join(left_out[5:]) == "n02110341 n02111889 n02112137 n02113186"
    assert set(groups["dog"]) < dogs
    birds = {index for index, synset in enumerate(synsets) if "n01514668" <= synset <= "n01622779"}
    birds |= {index for index, synset in enumerate(synsets) if "n01795545" <= synset <= "n01860187"}
    birds |= {index for index, synset in enumerate(synsets) if "n02002556" <= synset <= "n02058221"}
    assert set(groups["bird"]) < birds
    assert sorted(birds - set(groups["bird"])) == [7, 9, 17, 21, 84, 85, 86, 97, 134, 146]


# PUG


def test_the_miniature_has_its_own_pug(tmp_path: Path) -> None:
    clothes(tmp_path, PUG_CLASSES)
    space = find_label_space("pug-imagenet", tmp_path)
    assert space.names == tuple(sorted(PUG_CLASSES))
    assert dict(zip(space.names, space.groups, strict=True)) == PUG_CLASSES
    assert (space.kind, space.columns, space.notes) == ("mapped", 13, ())


def test_the_published_pug_has_151_classes_of_which_one_is_always_wrong(published: Path) -> None:
    path = published / "labels" / "pug_class_to_imagenet_idx.json"
    found = json.loads(path.read_text())
    space = label_spaces.read_mapped_label_space(path, "pug-imagenet")
    assert (len(space.groups), sum(map(len, found.values())), len(set(indices(space)))) == (151, 177, 176)
    assert space.names == tuple(sorted(found))
    assert dict(zip(space.names, space.groups, strict=True))["Sweatshirt"] == (841,)
    assert [name for name, group in zip(space.names, space.groups, strict=True) if not group] == ["Shirt"]
    assert space.notes == (
        "Shirt and Sweatshirt share index 841, which is Sweatshirt's; Shirt has no other: always wrong",
    )
    logits = np.eye(1000) * 9   # sure of each class in turn
    answers = space.apply(logits).argmax(axis=1)
    assert (answers == published_answers(found, logits)).all()
    assert (answers == 151).sum() == 1000 - 176


def published_answers(found: dict[str, list[int]], logits: np.ndarray) -> list[int]:
    """The published protocol: the rank of the class that the one answer of all belongs to; no class: none of them."""
    rank = {}
    for number, name in enumerate(sorted(found)):
        for index in found[name]:
            rank[index] = number   # a later class takes the index
    return [rank.get(max(range(len(row)), key=row.__getitem__), len(found)) for row in logits.tolist()]


@pytest.mark.parametrize("seed", range(5))
def test_the_largest_score_is_the_mapped_answer(tmp_path: Path, seed: int) -> None:
    space = find_label_space(str(clothes(tmp_path)))
    logits = drawn(seed)
    answers = space.apply(logits).argmax(axis=1)
    assert answers.tolist() == published_answers(CLOTHES, logits)
    assert set(answers.tolist()) == {0, 1, 3, 4}   # Ball, Cat, Sweatshirt, none of them: never Shirt


def test_every_class_is_ranked_by_its_best_index() -> None:
    logits = np.array([[1.0, 5.0, 3.0, 4.0, -2.0]])
    assert mapped(logits, [(0, 2), (4,), ()]).tolist() == [[3.0, -2.0, -2.0, 5.0]]
    assert mapped(logits, [(0, 1, 2), (3, 4)]).tolist() == [[5.0, 4.0, -2.0]]   # nothing is none of them
    assert mapped(logits.astype(np.float16), [(0,), (1,)]).dtype == np.float16


def test_mapped_answers_become_a_table(tmp_path: Path) -> None:
    space = find_label_space(str(clothes(tmp_path)))
    logits, label = drawn(7), np.random.default_rng(7).integers(0, 4, 200)
    columns = columns_of_logits(space.apply(logits), label, "drawn")
    expected = np.asarray(published_answers(CLOTHES, logits))
    assert (columns["prediction"] == expected).all()
    assert not (columns["prediction"] == label)[label == 2].any()   # shirts
    assert ((columns["rank_of_label"] == 1) == (expected == label)).all()


def test_a_class_that_keeps_an_index_of_its_own_is_not_always_wrong(tmp_path: Path) -> None:
    space = find_label_space(str(clothes(tmp_path, {"A": [3, 5], "B": [5, 1], "C": [1]})))
    assert space.groups == ((3,), (5,), (1,))
    assert space.notes == ("A and B share index 5, which is B's", "B and C share index 1, which is C's")


def test_without_pug_its_file_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(NotMeasuredError, match=r"class_to_imagenet_idx\.json is missing; .*facebookresearch/PUG"):
        find_label_space("pug-imagenet", tmp_path)
    with pytest.raises(NotMeasuredError, match=r"read from class_to_imagenet_idx\.json: name that file"):
        find_label_space("pug-imagenet")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([[1], [2]], "expected an object from names of classes to lists"),
        ({"A": 1, "B": [2]}, "expected an object from names of classes to lists"),
        ({"A": ["1"], "B": [2]}, "expected an object from names of classes to lists"),
        ({"A": [], "B": [2]}, r"'A': expected different class indices, found \[\]"),
        ({"A": [1], "B": [2, 2]}, r"'B': expected different class indices, found \[2, 2\]"),
        ({"A": [1], "B": [-2]}, "the index -2 is negative"),
        ({"A": [1]}, "expected two classes or more, found 1"),
        ({}, "expected two classes or more, found 0"),
        ('{"A": [1], "A": [2]}', "the name 'A' stands twice"),
        ("nothing", "no valid JSON"),
    ],
)
def test_what_is_no_map_is_refused_with_its_file(tmp_path: Path, content: object, message: str) -> None:
    path = clothes(tmp_path, content)
    with pytest.raises(EvidenceError, match=message) as caught:
        find_label_space(str(path))
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_mapped_logits_must_be_finite(tmp_path: Path, bad: float) -> None:
    logits = drawn(3)
    logits[5, 8] = bad
    with pytest.raises(EvidenceError, match="not finite in 1 rows, first row 5"):
        find_label_space(str(clothes(tmp_path))).apply(logits)


def test_a_model_with_too_few_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="the index 6 is out of range for 6 classes"):
        find_label_space(str(clothes(tmp_path))).apply(drawn(0, classes=6))


def test_a_map_to_nothing_is_refused() -> None:
    with pytest.raises(EvidenceError, match="2 classes hold no index"):
        LabelSpace("s", "mapped", ((), ()))


def test_names_are_as_many_as_classes() -> None:
    with pytest.raises(EvidenceError, match="1 different names for 2 classes"):
        LabelSpace("s", "subset", ((0,), (1,)), ("a", "a"))


# by name or by path


def test_a_path_is_read_as_json(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text('{"knife": [4, 1], "bear": [0]}', encoding="utf-8")
    space = find_label_space(str(path))
    assert space == LabelSpace("own", "grouped", ((4, 1), (0,)))
    assert (space.names, space.columns) == (("knife", "bear"), 2)


@pytest.mark.parametrize(
    ("name", "near"),
    [("imagenet_a", "imagenet-a"), ("imagenet-r-200", "imagenet-r"), ("pug", "pug-imagenet"), ("cue", "cue-conflict")],
)
def test_a_near_miss_is_asked_about(name: str, near: str) -> None:
    with pytest.raises(NotMeasuredError, match=f"'{name}' is no label space and no file; ") as caught:
        find_label_space(name)
    assert near in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotMeasuredError, match=r"own\.json is missing"):
        find_label_space(str(tmp_path / "own.json"))


def test_all_names_are_known(tmp_path: Path) -> None:
    clothes(tmp_path)
    assert [find_label_space(name, tmp_path).name for name in BUILT_IN] == list(BUILT_IN)
