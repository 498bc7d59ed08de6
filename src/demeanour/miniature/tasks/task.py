"""Tasks that features are probed with, as VTAB's (Zhai et al., 2019): natural, specialized and structured ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from demeanour.miniature.dice import Dice
from demeanour.miniature.names import NEW_SOLIDS, TEXTURES
from demeanour.miniature.tasks import natural, structured
from demeanour.miniature.tasks.digits import digits
from demeanour.miniature.tasks.figures import orientation, x_position, y_position
from demeanour.miniature.tasks.flatland import Drawn
from demeanour.miniature.tasks.land import USES, land_use
from demeanour.miniature.tasks.medicine import cells, scans

Group = Literal["natural", "specialized", "structured"]

SPLITS = ("train", "test")
RENDERED, FLAT = 256, 16   # pictures that are drawn together: flat ones stay in the processor's cache
EIGHTHS = tuple(f"{45 * k} to {45 * (k + 1)} degrees" for k in range(8))
EIGHT_PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


@dataclass(frozen=True)
class Task:
    """A task of classification.

    Attributes:
        name: What it is called.
        group: Natural, specialized or structured.
        like: The set of VTAB that it stands for.
        classes: Their names, in the order of the labels.
        templates: Prompts with ``{}`` for a class's name.
        draw: Of a split, ``train`` or ``test``, the pictures of these numbers, RGB (n, 64, 64, 3), and their labels
            (n,). A picture depends on task, split and number alone (what is rendered: within a level).
    """

    name: str
    group: Group
    like: str
    classes: tuple[str, ...]
    templates: tuple[str, ...]
    draw: Callable[[str, Sequence[int] | NDArray[np.int64]], Drawn]


def _draw(
    name: str, drawing: Callable[[Dice], Drawn], together: int, split: str, numbers: Sequence[int] | NDArray[np.int64]
) -> Drawn:
    if split not in SPLITS:
        raise ValueError(f"a task has the splits {' and '.join(SPLITS)}, found {split!r}")
    asked = np.asarray(numbers)
    if asked.ndim != 1 or len(asked) == 0 or asked.dtype.kind not in "iu":
        raise ValueError(f"numbers of pictures are whole and at least one, found {numbers!r}")
    batches = (asked[start : start + together] for start in range(0, len(asked), together))
    drawn = [drawing(Dice(f"vtab/{name}/{split}", batch)) for batch in batches]
    return np.concatenate([images for images, _ in drawn]), np.concatenate([labels for _, labels in drawn])


def _task(
    name: str, group: Group, like: str, classes: tuple[str, ...], templates: tuple[str, ...],
    drawing: Callable[[Dice], Drawn], together: int,
) -> Task:  # fmt: skip
    return Task(name, group, like, classes, templates, partial(_draw, name, drawing, together))


TASKS = {
    task.name: task
    for task in (
        _task("new-solids", "natural", "caltech101", NEW_SOLIDS,
              ("a photo of a {}.", "a picture of the {}.", "a rendering of a {}."), natural.new_solids, RENDERED),
        _task("textures", "natural", "dtd", TEXTURES,
              ("a close-up photo of {}.", "a surface with a texture of {}."), natural.textures, RENDERED),
        _task("digits", "natural", "svhn", tuple("0123456789"),
              ('a photo of the number "{}".', 'the digit "{}" in the middle of a house number.'), digits, FLAT),
        _task("land-use", "specialized", "eurosat", USES,
              ("a satellite photo of {}.", "{} seen from above."), land_use, FLAT),
        _task("cells", "specialized", "pcam", ("healthy tissue", "tumour tissue"),
              ("a microscope picture of {}.", "{} under the microscope, stained."), cells, FLAT),
        _task("scans", "specialized", "diabetic_retinopathy", ("no", "mild", "moderate", "severe", "proliferative"),
              ("a scan of an eye with {} retinopathy.",), scans, FLAT),
        _task("count", "structured", "clevr_count_all", ("one", "two", "three", "four", "five", "six"),
              ("a picture with {} objects in it, all counted.", "objects whose number is {}."),
              structured.count, RENDERED),
        _task("distance", "structured", "clevr_closest_object_distance",
              ("very far away", "far away", "at some distance", "near", "very near"),
              ("a picture whose nearest object is {}.",), structured.distance, RENDERED),
        _task("azimuth", "structured", "smallnorb_label_azimuth", EIGHTHS,
              ("an object that is turned by {}.",), structured.azimuth, RENDERED),
        _task("elevation", "structured", "smallnorb_label_elevation",
              tuple(f"{15 * k} to {15 * (k + 1)} degrees" for k in range(6)),
              ("an object seen from {} above.",), structured.elevation, RENDERED),
        _task("orientation", "structured", "dsprites_label_orientation", EIGHTHS,
              ("a flat figure that is turned by {}.",), orientation, FLAT),
        _task("x-position", "structured", "dsprites_label_x_position", EIGHT_PLACES,
              ("a flat figure in the {} of eight columns.",), x_position, FLAT),
        _task("y-position", "structured", "dsprites_label_y_position", EIGHT_PLACES,
              ("a flat figure in the {} of eight rows from the bottom.",), y_position, FLAT),
    )
}  # fmt: skip
