"""Contact sheets of a miniature world: pictures of every data set as its files hold them, with what they are of."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.miniature_sets import (
    PARTS_OF_PUG,
    DataSet,
    Images,
    corrupted,
    cue_conflict,
    folders,
    hard,
    pug,
    some_classes,
    tasks,
    validation,
)
from demeanour.miniature.formats.pug import LABELS, VARIED
from demeanour.reporting.style import GREY, GROUND, INK
from demeanour.vocabulary import CORRUPTIONS, FACTORS

SIDE = 64
CELL, GAP, LINE, HEADING, COLUMNS = 2 * SIDE, 10, 15, 26, 8
STEP = 4   # between levels of red, green and blue: a quarter fewer bytes, and not to be seen
SEVERITIES = (1, 3, 5)
UNSTRUCTURED = 6   # tasks, natural and specialised ones
OTHER_TEXTURES = (2, 5, 7, 10)   # of a shape of cue conflicts: how far on in the list of categories


class Cell(NamedTuple):
    """A picture, what it is of, and what else is to be said of it."""

    picture: Images
    title: str
    note: str = ""


class Band(NamedTuple):
    """Cells side by side, as many rows as they need; None leaves a place empty."""

    cells: Sequence[Cell | None]
    heading: str = ""


def sheet(bands: Sequence[Band]) -> Image.Image:
    """Bands one below the other, pictures at twice their size."""
    fonts = {weight: _font(weight) for weight in ("", "-Bold")}
    lines = 1 + any(cell and cell.note for band in bands for cell in band.cells)
    below = CELL + lines * LINE + GAP
    rows = [-(-len(band.cells) // COLUMNS) for band in bands]
    height = GAP + sum(HEADING * bool(band.heading) + count * below for band, count in zip(bands, rows, strict=True))
    widest = max(min(len(band.cells), COLUMNS) for band in bands)
    image = Image.new("RGB", (GAP + widest * (CELL + GAP), height), GROUND)
    draw, top = ImageDraw.Draw(image), GAP
    for band, count in zip(bands, rows, strict=True):
        if band.heading:
            draw.text((GAP, top), band.heading, INK, fonts["-Bold"])
            top += HEADING
        for place, cell in enumerate(band.cells):
            if cell:
                row, column = divmod(place, COLUMNS)
                x, y = GAP + column * (CELL + GAP), top + row * below
                image.paste(Image.fromarray(cell.picture).resize((CELL, CELL), Image.Resampling.NEAREST), (x, y))
                draw.text((x, y + CELL + 1), cell.title, INK, fonts[""])
                draw.text((x, y + CELL + 1 + LINE), cell.note, GREY, fonts[""])
        top += count * below
    return image


def _font(weight: str) -> ImageFont.FreeTypeFont:
    """The one that matplotlib brings along, so that a sheet is the same on every machine."""
    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / f"DejaVuSans{weight}.ttf"
    return ImageFont.truetype(str(path), 12 if not weight else 13, layout_engine=ImageFont.Layout.BASIC)


def write_sheets(world: Path, folder: Path, tell: Callable[[str], None]) -> None:
    """All contact sheets of a world, in place of those that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, bands in _sheets(world):
        path = folder / f"{name}.png"
        sheet(bands).point(_rounded).save(path, optimize=True)
        tell(f"{path}, {path.stat().st_size:,} bytes")


def _rounded(level: int) -> int:
    return min(255, round(level / STEP) * STEP)


def _sheets(world: Path) -> Iterator[tuple[str, list[Band]]]:
    names = json.loads((world / "annotations" / "imagenet_class_index.json").read_text(encoding="utf-8"))
    classes = [name for _, name in names.values()]
    synsets = {synset: int(number) for number, (synset, _) in names.items()}
    val = validation(world)
    yield "validation", [Band(_in_columns([_labelled(val, rows[:3], classes) for rows in _by_label(val)]))]
    v2 = folders("imagenetv2", world / "imagenetv2", int, classes)
    yield "v2", [Band(_labelled(v2, _round(v2, 16), classes))]
    a = some_classes(world, "imagenet-a")
    yield "a", [Band(_labelled(a, _round(a, 24), _own(a, classes), _taken_for))]
    yield "renditions", [Band(list(_renditions(some_classes(world, "imagenet-r"), classes)))]
    sketches = folders("imagenet-sketch", world / "imagenet-sketch", synsets.__getitem__, classes)
    yield "sketches", [Band(_labelled(sketches, _round(sketches, 16), classes))]
    yield "corruptions", [Band(list(_corruptions(world, val, classes)))]
    yield "hard", [Band(list(_hard(hard(world), classes)))]
    yield "factors", [Band(list(_factors(val, classes)))]
    yield "pug", [_pug_band(world, part, number) for number, part in enumerate(PARTS_OF_PUG)]
    yield "cue-conflicts", [Band(list(_conflicts(cue_conflict(world))))]
    yield from _tasks(world)


def _by_label(found: DataSet) -> list[NDArray[np.intp]]:
    labels = found.frames[0].columns["label"]
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


def _round(found: DataSet, count: int) -> list[int]:
    """The first pictures, one of each class, then another one of each."""
    return _turns(_by_label(found), count)


def _turns(groups: Sequence[NDArray[np.intp]], count: int) -> list[int]:
    turns = [int(rows[turn]) for turn in range(count) for rows in groups if turn < len(rows)]
    return turns[:count]


def _labelled(
    found: DataSet, rows: Iterable[int], classes: Sequence[str], note: Callable[[str], str] | None = None
) -> list[Cell | None]:
    labels = found.frames[0].columns["label"]
    notes = note or (lambda _: "")
    return [Cell(found.picture(int(row)), classes[labels[row]], notes(str(found.ids[row]))) for row in rows]


def _own(found: DataSet, classes: Sequence[str]) -> list[str]:
    """The names of a set's own classes."""
    assert found.space is not None
    return [classes[group[0]] for group in found.space.groups]


def _taken_for(name: str) -> str:
    return f"taken for: {name.partition('_')[2].partition(' _')[0]}"


def _in_columns(columns: Sequence[Sequence[Cell | None]]) -> list[Cell | None]:
    """Columns one below the other where there are more than have room beside each other."""
    cells: list[Cell | None] = []
    for start in range(0, len(columns), COLUMNS):
        here = columns[start : start + COLUMNS]
        here = [*here, *[[]] * (COLUMNS - len(here))]
        cells += [column[row] if row < len(column) else None for row in range(max(map(len, here))) for column in here]
    return cells


def _renditions(found: DataSet, classes: Sequence[str]) -> Iterator[Cell | None]:
    own = _own(found, classes)
    kinds = np.asarray([name.rpartition("/")[2].rpartition("_")[0] for name in found.ids.tolist()])
    labels = found.frames[0].columns["label"]
    for turn, kind in enumerate(np.unique(kinds)):
        groups = [np.flatnonzero((kinds == kind) & (labels == label)) for label in np.unique(labels)]
        for row in _turns([*groups[turn:], *groups[:turn]], 4):   # other classes of each
            yield Cell(found.picture(row), own[labels[row]], str(kind))


def _corruptions(world: Path, val: DataSet, classes: Sequence[str]) -> Iterator[Cell | None]:
    """A usual picture, clean and in all its versions."""
    found, usual = corrupted(world), val.frames[0].ids[~np.isin(val.ids, val.frames[2].ids)]   # prototypes: not in X
    source = found.frames[0].columns["source"]
    one = next((row for row in np.unique(source) if val.ids[row] in usual), source[0])
    here = {str(found.ids[row]).rpartition("/")[0].rpartition("/")[0]: row for row in np.flatnonzero(source == one)}
    columns = [
        [
            Cell(found.picture(int(here[f"{name}/{level}"])), name.replace("_", " "), f"severity {level}")
            for level in SEVERITIES
        ]
        for name in CORRUPTIONS
    ]
    clean = Cell(val.picture(int(one)), "clean", classes[val.frames[0].columns["label"][one]])
    yield from _in_columns([[clean], *columns])


def _hard(found: DataSet, classes: Sequence[str]) -> Iterator[Cell | None]:
    for row, labels in enumerate(found.frames[0].columns["label_set"][:16]):
        yield Cell(found.picture(row), " or ".join(classes[label] for label in labels if label >= 0))


def _factors(val: DataSet, classes: Sequence[str]) -> Iterator[Cell | None]:
    factors = val.frames[2]
    place, labels = np.searchsorted(val.ids, factors.ids), factors.columns["label"]
    columns = [
        [
            Cell(val.picture(int(place[row])), factor.replace("_", " "), classes[labels[row]])
            for row in np.flatnonzero(factors.columns["factors"][:, number])[:3]
        ]
        for number, factor in enumerate(FACTORS)
    ]
    yield from _in_columns(columns)


def _pug_band(world: Path, part: str, number: int) -> Band:
    """One character at every level of what is varied."""
    found = pug(world, part)
    with (world / "pug-imagenet" / LABELS).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["filename"].startswith(f"{part}/")]
    characters = list(dict.fromkeys(row["character_name"] for row in rows))
    who = [name for name in characters if name.endswith("_1")][number]
    cells = [
        Cell(found.picture(int(np.searchsorted(found.ids, row["filename"].partition("/")[2]))), row[VARIED[part]])
        for row in rows if row["character_name"] == who
    ]  # fmt: skip
    return Band(cells, f"{part.replace('_', ' ')} ({who.partition('_')[0]})")


def _conflicts(found: DataSet) -> Iterator[Cell | None]:
    """Two sources of every shape, in the textures of some others; a category may hold two solids."""
    rows: dict[tuple[str, str, str], int] = {}
    for row, name in enumerate(found.ids.tolist()):
        shape, texture = name.rpartition("/")[2].removesuffix(".png").split("-")
        kind = shape.rstrip("0123456789")
        rows[kind, shape.removeprefix(kind), texture.rstrip("0123456789")] = row
    names = sorted({kind for kind, _, _ in rows})
    for place, kind in enumerate(names):
        for source, step in zip("1122", OTHER_TEXTURES, strict=True):
            texture = names[(place + step) % len(names)]
            yield Cell(found.picture(rows[kind, source, texture]), f"shape: {kind}", f"texture: {texture}")


def _tasks(world: Path) -> Iterator[tuple[str, list[Band]]]:
    """The tasks, on two sheets: natural and specialised ones, structured ones."""
    bands = []
    for task in tasks(world):
        images, labels = task.test
        rows = np.sort(_turns([np.flatnonzero(labels == label) for label in np.unique(labels)], COLUMNS))
        in_order = rows[np.argsort(labels[rows], kind="stable")]
        bands.append(Band([Cell(images[row], task.classes[labels[row]]) for row in in_order], task.name))
    yield "tasks-1", bands[:UNSTRUCTURED]
    yield "tasks-2", bands[UNSTRUCTURED:]
