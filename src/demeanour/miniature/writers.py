"""What writes each part of the world: pictures drawn, and put down in the format of the original.

Each function takes the part's empty folder, the world's folder, a function that counts pictures, and what the part
is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from demeanour.miniature import controlled, variants
from demeanour.miniature.corruptions.corrupt import corrupt
from demeanour.miniature.drawing.render import render
from demeanour.miniature.drawing.scenes import Scenes
from demeanour.miniature.formats.annotations import write_class_index, write_imagenet_x, write_real
from demeanour.miniature.formats.cue_conflict import write_cue_conflict
from demeanour.miniature.formats.hard import write_hard
from demeanour.miniature.formats.heads import write_head_texts, write_label_spaces
from demeanour.miniature.formats.pug import write_pug
from demeanour.miniature.formats.shards import write_task
from demeanour.miniature.formats.validation import validation_ids, write_corrupted, write_validation
from demeanour.miniature.formats.variants import write_a, write_r, write_sketch, write_v2
from demeanour.miniature.names import STYLES, SYNSETS
from demeanour.miniature.tasks.task import TASKS
from demeanour.miniature.worlds import Draft, labels_of

Done = Callable[[int], None]
CHUNK = 256   # pictures drawn between two words of progress
ADVERSARIAL = Path(__file__).with_name("adversarial.json")   # what the reference network gets wrong, of each size

torch.set_num_threads(1)   # as many processes as cores draw: small tensors gain nothing from threads


def imagenet(folder: Path, root: Path, done: Done, count: int) -> None:
    """The validation set."""
    draft, shown = variants.validation(range(count))
    write_validation(folder, drawn(shown, done), labels_of(draft), validation_ids(count))


def annotated(folder: Path, root: Path, done: Done, count: int) -> None:
    """ImageNet-X, ReaL and the list of classes."""
    draft, _ = variants.validation(range(count))
    ids = validation_ids(count)
    sentences, words = variants.justifications(draft)
    write_imagenet_x(
        folder / "imagenet-x", ids, labels_of(draft), draft.deviates, draft.top, variants.prototypes(draft),
        sentences, words,
    )  # fmt: skip
    write_real(folder / "real.json", ids, variants.label_sets(draft))
    write_class_index(folder / "imagenet_class_index.json")


def names(folder: Path, root: Path, done: Done) -> None:
    """Class names and prompts of the zero-shot heads, and the label spaces."""
    write_head_texts(folder)
    write_label_spaces(folder / "label-spaces")


def imagenetv2(folder: Path, root: Path, done: Done, count: int) -> None:
    """V2."""
    draft, shown = variants.v2(range(count))
    write_v2(folder, drawn(shown, done), labels_of(draft))


def imagenet_a(folder: Path, root: Path, done: Done, size: str) -> None:
    """A: the pictures of the pool that the reference network took for something else."""
    chosen = json.loads(ADVERSARIAL.read_text(encoding="utf-8"))[size]
    draft, shown = variants.adversarial_pool(np.asarray(chosen["numbers"]))
    write_a(
        folder, drawn(shown, done), labels_of(draft), np.asarray(chosen["guesses"]), np.asarray(chosen["of_label"]),
        np.asarray(chosen["of_guess"]),
    )  # fmt: skip


def imagenet_r(folder: Path, root: Path, done: Done, count: int) -> None:
    """R."""
    draft, shown = variants.renditions(range(count))
    write_r(folder, drawn(shown, done), labels_of(draft), [STYLES[style] for style in draft.style])


def imagenet_sketch(folder: Path, root: Path, done: Done, count: int) -> None:
    """Sketch."""
    draft, shown = variants.sketches(range(count))
    write_sketch(folder, drawn(shown, done), labels_of(draft))


def imagenet_hard(folder: Path, root: Path, done: Done, count: int) -> None:
    """Hard."""
    draft, shown = variants.hard(range(count))
    write_hard(folder, drawn(shown, done), _some_label(draft), variants.origins(draft))


def _some_label(draft: Draft) -> list[list[int]]:
    """Hard has a label for every picture, however dark."""
    own = labels_of(draft)
    return [found or [int(label)] for found, label in zip(variants.label_sets(draft), own, strict=True)]


def imagenet_c(folder: Path, root: Path, done: Done, corruption: str, count: int) -> None:
    """One corruption of the first validation images, at every severity."""
    paths = sorted((root / "imagenet/val").rglob("*.JPEG"), key=lambda path: path.name)[:count]
    images = np.stack([np.asarray(Image.open(path)) for path in paths])
    labels = np.asarray([SYNSETS.index(path.parent.name) for path in paths])
    ids = np.asarray([int(path.stem.rpartition("_")[2]) for path in paths])
    for severity in range(1, 6):
        changed = corrupt(images, corruption, severity, [path.stem for path in paths])
        write_corrupted(folder, changed, labels, ids, corruption, severity)
        (folder / corruption / str(severity)).rename(folder / str(severity))   # the part is the corruption's own folder
        done(count)
    (folder / corruption).rmdir()


def pug_imagenet(folder: Path, root: Path, done: Done, characters: int) -> None:
    """PUG."""
    pug = controlled.pug(characters)
    write_pug(folder, drawn(pug.scenes, done), pug.parts, pug.classes, pug.characters, pug.settings)


def cue_conflict(folder: Path, root: Path, done: Done, sources: int) -> None:
    """Cue conflicts."""
    conflicts = controlled.cue_conflicts(sources)
    write_cue_conflict(folder, drawn(conflicts.scenes, done), conflicts.shapes, conflicts.textures)


def vtab(folder: Path, root: Path, done: Done, name: str, train: int, test: int) -> None:
    """One task."""
    task = TASKS[name]
    splits = {}
    for split, count in (("train", train), ("test", test)):
        splits[split] = task.draw(split, range(count))
        done(count)
    write_task(folder, splits["train"], splits["test"], task.classes, task.templates)


def drawn(scenes: Scenes, done: Done) -> NDArray[np.uint8]:
    """The pictures, with word of progress."""
    found = []
    for start in range(0, len(scenes), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(scenes)))
        found.append(render(scenes.take(rows)))
        done(len(rows))
    return np.concatenate(found)
