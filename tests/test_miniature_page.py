"""The page on the miniature world says what was measured, and what is measured are the numbers that they are called."""

from __future__ import annotations

import copy
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import stats

from benchmarks.miniature import PAGE, PICTURES, RESULTS, ROOT, WEIGHTS
from benchmarks.miniature_measure import Model, measured
from benchmarks.miniature_page import CAST, cards, draw_curves, page
from benchmarks.miniature_sets import corrupted, cue_conflict, some_classes
from benchmarks.miniature_sheets import write_sheets
from benchmarks.miniature_tables import TABLES, duration, largest, sizes
from demeanour.errors import EvidenceError
from demeanour.miniature.formats.annotations import write_class_index, write_imagenet_x, write_real
from demeanour.miniature.formats.cue_conflict import write_cue_conflict
from demeanour.miniature.formats.hard import write_hard
from demeanour.miniature.formats.heads import write_label_spaces
from demeanour.miniature.formats.pug import PUG_CLASSES, VARIED, write_pug
from demeanour.miniature.formats.shards import write_task
from demeanour.miniature.formats.validation import validation_ids, write_corrupted, write_validation
from demeanour.miniature.formats.variants import write_a, write_r, write_sketch, write_v2
from demeanour.miniature.names import CATEGORIES, CLASSES, CLASSES_A, CLASSES_R, RENDITIONS, SYNSETS
from demeanour.miniature.sizes import SIZES
from demeanour.miniature.world import TASKS, parts
from demeanour.vocabulary import CORRUPTIONS, FACTORS

# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept() -> dict[str, Any]:
    assert RESULTS.exists(), "run benchmarks/miniature.py measure"
    content: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return content


@pytest.fixture
def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_page_says_what_was_measured(kept: dict[str, Any], text: str) -> None:
    assert page(kept, cards(WEIGHTS), text) == text, "run benchmarks/miniature.py page"


def test_what_was_measured_is_of_the_weights_that_are_here(kept: dict[str, Any]) -> None:
    told = cards(WEIGHTS)
    assert kept["measured"]
    for size, content in kept["measured"].items():
        assert size in SIZES
        assert content["weights"] == {name: told[name]["sha256"] for name in CAST}, "measure again"
        assert content["bytes"] == {name: (WEIGHTS / f"{name}.safetensors").stat().st_size for name in CAST}


def test_every_card_that_the_page_names_is_there(text: str) -> None:
    named = re.findall(r"\]\((\.\./[^)]+\.json)\)", text)
    assert {Path(name).stem for name in named} == set(cards(WEIGHTS)) >= set(CAST)
    for name in named:
        assert (PAGE.parent / name).is_file(), name


def test_every_picture_of_the_page_is_there_and_shows_something(text: str) -> None:
    named = re.findall(r"!\[[^\]]+\]\(miniature/([^)]+)\)", text)
    assert sorted(named) == sorted(path.name for path in PICTURES.iterdir())
    for name in named:
        with Image.open(PICTURES / name) as image:
            assert image.format == "PNG"
            assert min(image.size) > 200
            assert len(image.convert("RGB").getcolors(2**24) or ()) > 50, name
    assert sum((PICTURES / name).stat().st_size for name in named) < 2_500_000


def cells(text: str, name: str) -> list[list[str]]:
    """The rows of the first table between a part's marks, without the line of dashes."""
    lines = text.partition(f"<!-- {name}: begin -->")[2].partition(f"<!-- {name}: end -->")[0].splitlines()
    table = "\n".join(lines).partition("\n|")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in f"|{table}".splitlines()]
    return [rows[0], *rows[2:]]


@pytest.mark.parametrize(
    ("name", "title", "data", "measure", "group"),
    [
        ("accuracy", "validation", "imagenet-val", "top1", "all"),
        ("accuracy", "validation, ReaL's labels", "imagenet-real", "multilabel_top1", "all"),
        ("accuracy", "R", "imagenet-r", "top1", "all"),
        ("accuracy", "C, mean of 75", "imagenet-c", "corruption_accuracy", "all"),
        ("pug", "Object Yaw", "pug-imagenet/Object_Yaw", "multilabel_top1", "all"),
        ("factors", "partial view", "imagenet-x", "error_ratio", "partial_view"),
        ("tasks", "scans (chance 20)", "vtab/scans", "top1", "all"),
    ],
)
def test_numbers_stand_under_the_name_of_their_model(
    name: str, title: str, data: str, measure: str, group: str, kept: dict[str, Any], text: str
) -> None:
    header, *rows = cells(text, name)
    (row,) = [row for row in rows if row[0] == title]
    assert header[1:-1] == list(CAST)
    for model, cell in zip(header[1:], row[1:-1], strict=False):
        found = value(kept["measured"][largest(kept)], model, data, measure, group)
        number = f"{found['value']:.2f}" if measure == "error_ratio" else f"{100 * found['value']:.1f}"
        assert re.match(rf"{re.escape(number)}( \[|$)", cell)
        assert row[-1].replace(",", "").startswith(str(found["n"]))


def test_gaps_and_shape_bias_stand_beside_their_model(kept: dict[str, Any], text: str) -> None:
    content = kept["measured"][largest(kept)]
    for row in cells(text, "calibration")[1:]:
        for place, data in ((1, "imagenet-val"), (3, "imagenet-r")):
            gap, ece = (value(content, row[0], data, measure)["value"] for measure in ("signed_gap", "ece"))
            assert row[place].replace("−", "-").startswith(f"{gap:+.3f}")
            assert row[place + 1] == f"{ece:.3f}"
    for row in cells(text, "shape")[1:]:
        asked = (("cue-conflict", "shape_bias"), ("cue-conflict", "cue_coverage"), ("imagenet-sketch", "top1"))
        for cell, (data, measure) in zip(row[1:], asked, strict=True):
            assert cell.startswith(f"{100 * value(content, row[0], data, measure)['value']:.1f}")


def test_a_number_that_changes_changes_the_page(kept: dict[str, Any], text: str) -> None:
    size = largest(kept)
    for place in range(len(kept["measured"][size]["values"])):
        altered = copy.deepcopy(kept)
        row = altered["measured"][size]["values"][place]
        if row["measure"] == "corruption_accuracy" and row["group"] != "all":   # kept for whoever asks
            continue
        row["value"] = 0.123456 if row["value"] is None else row["value"] + 0.5
        assert page(altered, cards(WEIGHTS), text) != text, row


def test_a_page_without_the_marks_of_a_part_is_refused(kept: dict[str, Any], text: str) -> None:
    for name in TABLES:
        for mark in (f"<!-- {name}: begin -->", f"<!-- {name}: end -->"):
            with pytest.raises(ValueError, match=f"has no '<!-- {name}: begin -->'"):
                page(kept, cards(WEIGHTS), text.replace(mark, ""))


def test_sizes_are_those_of_the_world() -> None:
    rows = {name: (of, each) for name, of, each in sizes()}
    for size, counts in SIZES.items():
        written = {part.name: part.pictures for part in parts(size)}
        shown = {name: of(counts) * each for name, (of, each) in rows.items()}
        assert shown.pop("validation, V2 (each)") == written["imagenet/val"] == written["imagenetv2"]
        assert shown.pop("C") == sum(written[f"imagenet-c/{name}"] for name in CORRUPTIONS)
        assert shown.pop("cue conflicts") == written["cue-conflict"] * 11 // 12   # a twelfth holds no conflict
        assert shown.pop("a task like VTAB's, test") == counts.test
        assert shown == {"A": written["imagenet-a"], "R": written["imagenet-r"], "Sketch": written["imagenet-sketch"],
                         "Hard": written["imagenet-hard"], "PUG": written["pug-imagenet"]}   # fmt: skip


def test_the_smallest_difference_is_the_one_that_two_standard_normals_give(kept: dict[str, Any]) -> None:
    row = next(line for line in TABLES["sizes"](kept, {}).splitlines() if line.startswith("| R |"))
    z = stats.norm.ppf(0.95) + stats.norm.ppf(0.8)
    cells = [cell.strip() for cell in row.split("|")[2:-1]]
    assert cells == [
        text for counts in SIZES.values() for text in (f"{counts.r:,}", f"{100 * z * np.sqrt(0.2 / counts.r):.1f}")
    ]


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7300, "2.0 h")])
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


# --- the numbers, once more by hand, of a world of coloured pictures --------------------------------------------------

RANDOM = np.random.default_rng(5)
HUES = RANDOM.uniform(40, 215, (len(CLASSES), 3))
COUNT = 48
IDS = validation_ids(COUNT)
LABELS = np.arange(COUNT) % len(CLASSES)
SETS: list[list[int]] = [[], [3, 5], *([int(label), (int(label) + 3) % 16] for label in LABELS[2:])]
TOP = np.where(np.arange(COUNT) % 3 == 0, -1, np.arange(COUNT) % len(FACTORS))
TOP[FACTORS.index("pose") == TOP] = -1   # of which there is no picture
PROTOTYPES = np.arange(COUNT) % 6 == 0


def coloured(classes: NDArray[np.integer] | list[int], spread: float = 45) -> NDArray[np.uint8]:
    """Pictures of about the colour of their classes, which a model may take for another's."""
    means = HUES[np.asarray(classes)] + RANDOM.normal(0, spread, (len(classes), 3))
    return np.clip(means, 0, 255).astype(np.uint8)[:, None, None].repeat(64, axis=1).repeat(64, axis=2)


def hues(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    return images.mean(axis=(1, 2))


def by_hue(weights: NDArray[np.float64], scale: float) -> Any:
    return lambda images: -scale * ((hues(images)[:, None] - HUES) ** 2 @ weights)


MODELS = [
    Model("ViT-sup", "supervised", by_hue(np.array([1.0, 1.0, 1.0]), 1e-3), hues),
    Model("ConvNeXt-sup", "supervised", by_hue(np.array([1.0, 0.2, 0.0]), 3e-3), hues),
    Model("ViT-clip", "clip", by_hue(np.array([0.0, 0.5, 1.0]), 2e-3), hues),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    images = coloured(LABELS)
    (root / "imagenet").mkdir()
    write_validation(root / "imagenet/val", images, LABELS, IDS)
    write_v2(root / "imagenetv2", coloured(LABELS), LABELS)
    of_a = np.asarray([CLASSES.index(name) for name in CLASSES_A * 3])
    write_a(root / "imagenet-a", coloured(of_a), of_a, (of_a + 1) % 16, RANDOM.random(36), RANDOM.random(36))
    of_r = np.asarray([CLASSES.index(name) for name in CLASSES_R * 6])
    write_r(root / "imagenet-r", coloured(of_r), of_r, [RENDITIONS[row // 12] for row in range(72)])
    write_sketch(root / "imagenet-sketch", coloured(LABELS), LABELS)
    own_sets = [labels or [int(own)] for labels, own in zip(SETS, LABELS, strict=True)]
    write_hard(root / "imagenet-hard", coloured(LABELS), own_sets, ["imagenet"] * COUNT)
    for number, corruption in enumerate(CORRUPTIONS):
        for severity in range(1, 6):
            changed = np.roll(images, severity * (number % 3), axis=0)[:16]   # at some, of another class
            write_corrupted(root / "imagenet-c", changed, LABELS[:16], IDS[:16], corruption, severity)
    levels = {part: 2 if part == "Worlds" else 1 for part in VARIED}   # of which each part has as many as it likes
    rows = [(part, name, i) for part in VARIED for name in PUG_CLASSES for i in (1, 2) for _ in range(levels[part])]
    write_pug(
        root / "pug-imagenet", coloured([PUG_CLASSES[name][-1] for _, name, _ in rows]), [row[0] for row in rows],
        [row[1] for row in rows], [f"{name}_{number}" for _, name, number in rows],
        [{"world_name": "hall", VARIED[part]: "1"} for part, _, _ in rows],
    )  # fmt: skip
    cues = [(shape, i, texture) for shape in CATEGORIES for i in (1, 2) for texture in CATEGORIES]
    decided = [CLASSES.index(CATEGORIES[shape if k % 2 else texture][-1]) for k, (shape, _, texture) in enumerate(cues)]
    write_cue_conflict(
        root / "cue-conflict", coloured(decided), [(shape, i) for shape, i, _ in cues],
        [(texture, 1) for _, _, texture in cues],
    )  # fmt: skip
    annotations = root / "annotations"
    write_class_index(annotations / "imagenet_class_index.json")
    write_real(annotations / "real.json", IDS, SETS)
    flags = TOP[:, None] == np.arange(len(FACTORS))
    write_imagenet_x(
        annotations / "imagenet-x", IDS, LABELS, flags, TOP, PROTOTYPES, ["seen"] * COUNT, ["word"] * COUNT
    )
    write_label_spaces(root / "names" / "label-spaces")
    for name in TASKS:   # test pictures of class 2 are labelled 0
        learned, asked = np.arange(30) % 3, np.arange(24) % 3
        write_task(root / "vtab" / name, (coloured(4 * learned, 4), learned), (coloured(4 * asked, 4), asked % 2),
                   ["one", "two", "three"], ["{}"], 11)   # fmt: skip
    return root


@pytest.fixture(scope="module")
def found(world: Path) -> dict[str, Any]:
    return measured(world, MODELS, lambda line: None)


def value(found: dict[str, Any], model: Model | str, data: str, measure: str, group: str = "all") -> dict[str, Any]:
    name = model if isinstance(model, str) else model.name
    (row,) = [
        row for row in found["values"]
        if (row["model"], row["data"], row["measure"], row["group"]) == (name, data, measure, group)
    ]  # fmt: skip
    return row


def pictures(folder: Path) -> Iterator[tuple[str, Path, NDArray[np.uint8]]]:
    """Name of the last folder, path, picture; in no special order."""
    for path in folder.rglob("*.*"):
        if path.suffix.lower() in (".jpeg", ".jpg", ".png"):
            with Image.open(path) as image:
                yield path.parent.name, path, np.asarray(image.convert("RGB"))[None]


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max())
    result: NDArray[np.float64] = powers / powers.sum()
    return result


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_accuracies_are_those_of_a_loop_over_the_files(model: Model, world: Path, found: dict[str, Any]) -> None:
    def share(right: list[bool]) -> tuple[float, int]:
        assert 0 < sum(right) < len(right)
        return pytest.approx(sum(right) / len(right)), len(right)

    def told(data: str, measure: str = "top1") -> tuple[float, int]:
        row = value(found, model, data, measure)
        return row["value"], row["n"]

    def guess(image: NDArray[np.uint8]) -> int:
        return int(model.logits(image).argmax())

    of_val = {path.name: (SYNSETS.index(name), guess(image)) for name, path, image in pictures(world / "imagenet/val")}
    assert told("imagenet-val") == share([label == one for label, one in of_val.values()])
    sketches = pictures(world / "imagenet-sketch")
    assert told("imagenet-sketch") == share([SYNSETS.index(name) == guess(image) for name, _, image in sketches])
    assert told("imagenetv2") == share([int(name) == guess(image) for name, _, image in pictures(world / "imagenetv2")])
    for data, classes in (("imagenet-a", CLASSES_A), ("imagenet-r", CLASSES_R)):
        own = [CLASSES.index(name) for name in classes]
        sliced = [(name, own[model.logits(image)[0, own].argmax()]) for name, _, image in pictures(world / data)]
        assert told(data) == share([SYNSETS.index(name) == one for name, one in sliced])

    real = json.loads((world / "annotations/real.json").read_text())
    guesses = [of_val[f"ILSVRC2012_val_{number:08d}.JPEG"][1] for number in range(1, COUNT + 1)]
    of_real = [one in labels for one, labels in zip(guesses, real, strict=True) if labels]
    assert told("imagenet-real", "multilabel_top1") == share(of_real)
    rows = pyarrow.parquet.read_table(world / "imagenet-hard/data/validation-00000-of-00001.parquet").to_pylist()
    hard = [(np.asarray(Image.open(io.BytesIO(row["image"]["bytes"]))), row["label"]) for row in rows]
    assert told("imagenet-hard", "multilabel_top1") == share([guess(image[None]) in labels for image, labels in hard])

    cells: dict[tuple[str, ...], list[bool]] = {}
    for name, path, image in pictures(world / "imagenet-c"):
        cells.setdefault(path.parts[-4:-2], []).append(SYNSETS.index(name) == guess(image))
    assert len(cells) == 75
    mean = np.mean([np.mean(cell) for cell in cells.values()])
    assert told("imagenet-c", "corruption_accuracy") == (pytest.approx(mean), 1200)

    means = []
    for part in VARIED:
        right = [guess(image) in PUG_CLASSES[name] for name, _, image in pictures(world / "pug-imagenet" / part)]
        assert told(f"pug-imagenet/{part}", "multilabel_top1") == share(right)
        means.append(np.mean(right))
    assert told("pug-imagenet", "multilabel_top1") == (pytest.approx(np.mean(means)), 264)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize(
    ("data", "folder", "classes"), [("imagenet-val", "imagenet/val", CLASSES), ("imagenet-r", "imagenet-r", CLASSES_R)]
)
def test_calibration_is_that_of_the_set_s_own_classes(
    model: Model, data: str, folder: str, classes: tuple[str, ...], world: Path, found: dict[str, Any]
) -> None:
    own = [CLASSES.index(name) for name in classes]
    confident, right = [], []
    for name, _, image in pictures(world / folder):
        p = softmax(model.logits(image)[0, own])
        confident.append(p.max())
        right.append(SYNSETS.index(name) == own[p.argmax()])
    gap, bins = np.asarray(confident) - right, np.ceil(np.asarray(confident) * 15)
    assert value(found, model, data, "signed_gap")["value"] == pytest.approx(gap.mean())
    ece = sum(abs(gap[bins == one].sum()) for one in np.unique(bins)) / len(gap)
    assert value(found, model, data, "ece")["value"] == pytest.approx(ece)
    assert value(found, model, data, "ece")["interval"] is None


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_shape_bias_is_that_of_mean_probabilities(model: Model, world: Path, found: dict[str, Any]) -> None:
    decisions = {"shape": 0, "texture": 0, "other": 0}
    for _, path, image in pictures(world / "cue-conflict"):
        shape, texture = (cue.rstrip("0123456789") for cue in path.stem.split("-"))
        p = softmax(model.logits(image)[0])
        decided = max(CATEGORIES, key=lambda name: np.mean([p[CLASSES.index(kind)] for kind in CATEGORIES[name]]))
        if shape != texture:
            decisions["shape" if decided == shape else "texture" if decided == texture else "other"] += 1
    assert min(decisions.values()) > 0
    bias, coverage = (value(found, model, "cue-conflict", measure) for measure in ("shape_bias", "cue_coverage"))
    either = decisions["shape"] + decisions["texture"]
    assert bias["value"] == pytest.approx(decisions["shape"] / either)
    assert coverage["value"] == pytest.approx(either / 264)
    assert (bias["n"], bias["sources"]) == (264, 24)
    assert bias["interval"][0] < bias["value"] < bias["interval"][1]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_error_ratios_are_of_the_top_factor_without_prototypes(
    model: Model, world: Path, found: dict[str, Any]
) -> None:
    seen = pictures(world / "imagenet/val")
    wrong = {path.name: SYNSETS.index(name) != model.logits(image).argmax() for name, path, image in seen}
    kept = [(int(i), int(top)) for i, top, prototype in zip(IDS, TOP, PROTOTYPES, strict=True) if not prototype]
    errors = np.asarray([wrong[f"ILSVRC2012_val_{i:08d}.JPEG"] for i, _ in kept])
    for factor in ("background", "smaller"):
        here = np.asarray([top == FACTORS.index(factor) for _, top in kept])
        row = value(found, model, "imagenet-x", "error_ratio", factor)
        assert row["n"] == here.sum()
        assert row["value"] == pytest.approx(errors[here].mean() / errors.mean())
    assert value(found, model, "imagenet-x", "error_ratio", "pose")["value"] is None


def test_intervals_are_exact_and_differences_paired_within_a_paradigm(world: Path, found: dict[str, Any]) -> None:
    row = value(found, MODELS[0], "imagenet-val", "top1")
    exact = stats.binomtest(round(row["value"] * COUNT), COUNT).proportion_ci(0.95, "exact")
    assert row["interval"] == pytest.approx([exact.low, exact.high])
    (difference,) = found["differences"]   # of the supervised two; the CLIP model has no partner
    assert (difference["left"], difference["right"], difference["n"]) == ("ViT-sup", "ConvNeXt-sup", COUNT)
    other = value(found, MODELS[1], "imagenet-val", "top1")
    assert difference["value"] == pytest.approx(row["value"] - other["value"])
    assert difference["interval"][0] < difference["value"] < difference["interval"][1]


def test_a_probe_learns_the_training_split_and_is_asked_about_the_test_split(found: dict[str, Any]) -> None:
    for name in TASKS:
        for model in MODELS[:1]:
            row = value(found, model, f"vtab/{name}", "top1")
            assert (row["value"], row["n"]) == (pytest.approx(2 / 3), 24)   # as a third is labelled wrongly
    assert found["classes"] == dict.fromkeys(TASKS, 3)


def test_all_that_was_seen_is_counted(found: dict[str, Any]) -> None:
    sets = 3 * COUNT + COUNT + 36 + 72 + 1200 + 264 + 264   # with V2, Sketch and Hard beside validation
    assert found["pictures"] == sets + len(TASKS) * 54
    assert set(found["seconds"]) == {"all", "probes", *(model.name for model in MODELS)}


# --- worlds that are wrong --------------------------------------------------------------------------------------------


def altered(world: Path, tmp_path: Path) -> Path:
    shutil.copytree(world, tmp_path / "world")
    return tmp_path / "world"


def test_a_class_that_is_missing_shifts_nothing_unnoticed(world: Path, tmp_path: Path) -> None:
    root = altered(world, tmp_path)
    shutil.rmtree(root / "imagenet-r" / SYNSETS[CLASSES.index("cube")])
    with pytest.raises(EvidenceError, match="its folders are not the classes of its label space"):
        some_classes(root, "imagenet-r")


def test_a_corrupted_picture_in_a_wrong_folder_is_found(world: Path, tmp_path: Path) -> None:
    root = altered(world, tmp_path)
    path = next((root / "imagenet-c" / "fog" / "3" / SYNSETS[4]).iterdir())
    path.rename(root / "imagenet-c" / "fog" / "3" / SYNSETS[5] / path.name)
    (root / "imagenet-c" / "fog" / "3" / SYNSETS[4]).rmdir()
    with pytest.raises(EvidenceError, match="not of the clean image's class"):
        corrupted(root)


def test_a_conflict_with_another_name_is_found(world: Path, tmp_path: Path) -> None:
    root = altered(world, tmp_path)
    path = root / "cue-conflict" / "cone" / "cone1-mug1.png"
    path.rename(path.with_name("cone-mug.png"))
    with pytest.raises(EvidenceError, match="are not those of cue conflicts"):
        cue_conflict(root)


# --- contact sheets ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sheets(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheets")
    write_sheets(world, folder, lambda line: None)
    return folder


def test_there_is_a_sheet_for_every_picture_of_the_page(sheets: Path, text: str) -> None:
    drawn = {path.name for path in sheets.iterdir()}
    assert {*drawn, "curves.png"} == set(re.findall(r"\(miniature/([^)]+\.png)\)", text))


def test_a_sheet_shows_the_pictures_of_the_files_at_twice_their_size(world: Path, sheets: Path) -> None:
    sheet = np.asarray(Image.open(sheets / "validation.png").convert("RGB")).astype(int)
    for column, synset in enumerate(SYNSETS[:8]):
        path = min((world / "imagenet/val" / synset).iterdir())
        with Image.open(path) as image:
            twice = np.asarray(image.convert("RGB")).repeat(2, axis=0).repeat(2, axis=1).astype(int)
        left = 10 + 138 * column
        assert np.abs(sheet[10:138, left : left + 128] - twice).max() <= 2   # levels are rounded to fours


def test_curves_are_drawn_alike_twice_with_a_line_for_each(tmp_path: Path) -> None:
    points = [{"presentations": 1000 * k, "accuracy": k / 10, "loss": 3 / k} for k in range(1, 8)]
    drawn = []
    for names in ((*CAST, "reference"), (*CAST, "reference"), CAST):
        path = tmp_path / f"{len(drawn)}.png"
        draw_curves(dict.fromkeys(names, points), path)
        drawn.append(path.read_bytes())
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_weights_are_read_from_where_the_cast_keeps_them() -> None:
    source = (ROOT / "src/demeanour/miniature/learning/cast.py").read_text(encoding="utf-8")
    assert 'WEIGHTS = Path(__file__).parent / "weights"' in source
    assert WEIGHTS.parent == ROOT / "src/demeanour/miniature/learning"
