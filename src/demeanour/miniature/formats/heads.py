"""What turns a model's outputs into the classes of a data set: names and prompts, and label spaces."""

from __future__ import annotations

import json
from pathlib import Path

from demeanour.files import write_whole
from demeanour.miniature.formats.files import text_of_lines
from demeanour.miniature.formats.pug import PUG_CLASSES
from demeanour.miniature.names import CATEGORIES, CLASSES, CLASSES_A, CLASSES_R, TEMPLATES


def write_head_texts(folder: Path) -> None:
    """``classnames.txt`` in the order of classes and ``templates.txt`` with ``{}`` for the name, one a line each."""
    write_whole(folder / "classnames.txt", text_of_lines(CLASSES, "class names"))
    write_whole(folder / "templates.txt", text_of_lines(TEMPLATES, "prompts"))


def write_label_spaces(folder: Path) -> None:
    """The label spaces of the sets that have classes of their own, as ``read_label_space`` reads them.

    ``imagenet-a.json`` and ``imagenet-r.json`` are lists of class indices in the order of the sets' folders,
    ``cue-conflict.json`` and ``pug-imagenet.json`` objects from the folders, in their order, to such lists.
    """
    spaces = {
        "imagenet-a": sorted(map(CLASSES.index, CLASSES_A)),
        "imagenet-r": sorted(map(CLASSES.index, CLASSES_R)),
        "cue-conflict": {name: [CLASSES.index(kind) for kind in kinds] for name, kinds in sorted(CATEGORIES.items())},
        "pug-imagenet": dict(sorted(PUG_CLASSES.items())),
    }
    for name, space in spaces.items():
        write_whole(folder / f"{name}.json", json.dumps(space))
