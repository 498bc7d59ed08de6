"""Prediction tables drawn from a stated random process, at the published sizes: the cast `drawn`.

Nobody looked at an image. Each drawn model is right with a probability that varies over images and factors, and
reports a confidence that distorts that probability; the rates are those that the paper prints or draws for the
model of the same role. So the whole run can be seen, and its answers compared with a known truth, on any machine
and without any download. It says nothing about any real model.

The data sets have the sizes of the published ones. They are written once, in the formats of the originals, to the
folder of evidence, and read from there like anybody's.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr

from demeanour.evidence.store import write_table
from demeanour.evidence.table import PredictionTable
from demeanour.statistics.seeds import generator
from demeanour.vocabulary import CATEGORIES, FACTORS

CLASSES = 1000
IMAGES_OF_FACTOR = {   # as many images of each factor as ImageNet-X has without its prototypes
    "pose": 15064, "background": 14751, "color": 6150, "pattern": 5972, "smaller": 1450, "shape": 679,
    "partial_view": 638, "subcategory": 585, "texture": 282, "larger": 150, "darker": 122, "object_blocking": 78,
    "person_blocking": 60, "brighter": 44, "style": 43, "multiple_objects": 40,
}  # fmt: skip
PLAIN = 50_000 - sum(IMAGES_OF_FACTOR.values())   # prototypes, and images that nobody annotated
PROTOTYPES = 2758
WITHOUT_TOP_FACTOR = 2   # annotated, but with no factor that stands out
CLASSES_R, IMAGES_R = 200, 30_000
SHARED_DIFFICULTY = 0.7   # correlation of the latent luck of two models on one image


@dataclass(frozen=True)
class DrawnModel:
    """The rates of one drawn model.

    Attributes:
        accuracy: On the validation set and on R.
        spread: Of the log-odds of being right over images, on the validation set and on R.
        sharpness: Log-odds of the confidence = sharpness · log-odds of being right + boldness; on both sets.
        boldness: See ``sharpness``.
        ratios: Error ratio of each factor, in the order of ``FACTORS``.
        shape_texture: Shares of decisions by shape and by texture on cue conflicts.
    """

    accuracy: tuple[float, float]
    spread: tuple[float, float]
    sharpness: tuple[float, float]
    boldness: tuple[float, float]
    ratios: tuple[float, ...]
    shape_texture: tuple[float, float]


# ratios in the order pose … multiple_objects: Figure 2; shape and texture decisions: the published responses
MODELS = {
    "ViT-sup": DrawnModel(
        (0.855, 0.616), (2.2, 2.6), (0.85, 0.9), (-0.25, 0.05),
        (.700, 1.111, 1.186, .846, 1.489, 1.603, 1.105, 2.392, 2.376, 1.262, 1.657, 2.089, 1.738, .889, 1.062, 1.792),
        (340 / 1200, 513 / 1200),
    ),
    "ConvNeXt-sup": DrawnModel(
        (0.855, 0.623), (2.2, 2.6), (0.95, 0.95), (-0.2, -0.15),
        (.700, 1.111, 1.214, .824, 1.592, 1.722, 1.051, 2.284, 2.381, 1.219, 1.495, 1.841, 1.305, .889, 1.516, 1.792),
        (313 / 1200, 627 / 1200),
    ),
    "ViT-clip": DrawnModel(
        (0.670, 0.778), (1.6, 1.8), (1.1, 1.1), (1.1, 0.6),
        (.857, 1.068, 1.105, .846, 1.457, 1.273, 1.176, 1.370, 1.657, 1.014, 1.268, 1.495, 1.554, .927, 1.019, 1.095),
        (421 / 1200, 485 / 1200),
    ),
    "ConvNeXt-clip": DrawnModel(
        (0.663, 0.758), (1.6, 1.8), (1.1, 1.1), (1.2, 0.7),
        (.873, 1.062, 1.100, .835, 1.473, 1.289, 1.100, 1.386, 1.711, 1.024, 1.000, 1.495, 1.565, 1.100, 1.257, 1.565),
        (313 / 1200, 425 / 1200),
    ),
}  # fmt: skip


def draw_cast(folder: Path, seed: int = 0) -> None:
    """Write labels, annotations and prediction tables of all drawn models into a folder.

    Args:
        folder: Where; made if missing.
        seed: Another seed is another draw of the same process.
    """
    rng = generator("drawn images", str(seed))
    factor = np.repeat(np.arange(len(FACTORS)), [IMAGES_OF_FACTOR[name] for name in FACTORS])
    factor = rng.permutation(np.concatenate([factor, np.full(PLAIN, -1)]))
    plain = np.flatnonzero(factor < 0)
    prototypes = plain[:PROTOTYPES]
    annotated = np.setdiff1d(np.arange(len(factor)), plain[PROTOTYPES + WITHOUT_TOP_FACTOR :])
    val_ids = np.asarray([f"drawn_{i:05d}.JPEG" for i in range(len(factor))])
    val_labels = rng.integers(CLASSES, size=len(factor))
    r_ids = np.asarray([f"rendition_{i:05d}.jpg" for i in range(IMAGES_R)])
    r_labels = rng.integers(CLASSES_R, size=IMAGES_R)
    luck = {"imagenet-val": rng.normal(size=len(factor)), "imagenet-r": rng.normal(size=IMAGES_R)}
    cue_names = _cue_names(rng)
    by_source = rng.normal(size=len(CATEGORIES) * 10)

    folder.mkdir(parents=True, exist_ok=True)
    _write_labels(folder / "imagenet-val.labels.csv", val_ids, val_labels)
    _write_labels(folder / "imagenet-r.labels.csv", r_ids, r_labels)
    _write_annotations(folder / "imagenet-x", val_ids, val_labels, factor, annotated, prototypes)
    for name, model in MODELS.items():
        own = generator("drawn model", name, str(seed))
        ratios = np.where(factor >= 0, np.asarray([*model.ratios, 1.0])[factor], 1.0)
        tables = {
            "imagenet-val": _classify(own, model, 0, val_ids, val_labels, luck["imagenet-val"], ratios, CLASSES),
            "imagenet-r": _classify(own, model, 1, r_ids, r_labels, luck["imagenet-r"], np.ones(IMAGES_R), CLASSES_R),
            "cue-conflict": _decide(own, model, cue_names, by_source),
        }
        for data, table in tables.items():
            write_table(folder / name / f"{data}.parquet", table, {"model": name, "data": data, "drawn": seed})


def _classify(
    rng: np.random.Generator,
    model: DrawnModel,
    which: int,
    ids: NDArray[np.str_],
    labels: NDArray[np.int64],
    luck: NDArray[np.float64],
    ratios: NDArray[np.float64],
    classes: int,
) -> PredictionTable:
    # the chance of an error: log-odds spread around a mean that gives the accuracy, times the factor's ratio
    centre = logit(model.accuracy[which]) * np.sqrt(1 + model.spread[which] ** 2 / 3.29)
    error = expit(-(centre + model.spread[which] * rng.normal(size=len(ids)))) * ratios
    error = np.clip(error * (1 - model.accuracy[which]) / error.mean(), 0.002, 1 - 1.2 / classes)
    own = rng.normal(size=len(ids))
    chance = ndtr(SHARED_DIFFICULTY**0.5 * luck + (1 - SHARED_DIFFICULTY) ** 0.5 * own)
    correct = chance > error
    confidence = expit(model.sharpness[which] * logit(1 - error) + model.boldness[which])
    wrong = (labels + rng.integers(1, classes, size=len(ids))) % classes
    return PredictionTable(
        ids,
        {
            "prediction": np.where(correct, labels, wrong),
            "confidence": np.round(np.clip(confidence, 1 / classes, 1), 4),
        },
    )


def _decide(
    rng: np.random.Generator, model: DrawnModel, names: NDArray[np.str_], by_source: NDArray[np.float64]
) -> PredictionTable:
    shapes = np.asarray([_code(name.split("-")[0]) for name in names])
    textures = np.asarray([_code(name.split("-")[1]) for name in names])
    sources = np.asarray([_source(name.split("-")[0]) for name in names])
    shape, texture = model.shape_texture
    lean = logit(shape / (shape + texture)) + 0.8 * by_source[sources]
    decided = rng.random(len(names)) < shape + texture
    for_shape = rng.random(len(names)) < expit(lean)
    other = (shapes + rng.integers(1, len(CATEGORIES), size=len(names))) % len(CATEGORIES)
    other = np.where((other == textures) & (textures != shapes), shapes - 1, other) % len(CATEGORIES)
    other = np.where((other == textures) & (textures != shapes), shapes + 1, other) % len(CATEGORIES)
    order = np.argsort(names)
    return PredictionTable(
        names[order], {"prediction": np.where(decided, np.where(for_shape, shapes, textures), other)[order]}
    )


def _cue_names(rng: np.random.Generator) -> NDArray[np.str_]:
    """1,280 names, as many of each shape, 80 of them without a conflict."""
    names = []
    for code, shape in enumerate(CATEGORIES):
        textures = np.concatenate([np.repeat(np.delete(np.arange(16), code), 5), np.full(5, code)])
        for place, texture in enumerate(rng.permutation(textures)):
            names.append(f"{shape}{place % 10 + 1}-{CATEGORIES[texture]}{rng.integers(1, 4)}.png")
    seen: dict[str, int] = {}
    unique = []
    for name in names:   # a pair of sources is drawn once: give its repetition another texture source
        while name in seen:
            head, number = name[:-5], int(name[-5])
            name = f"{head}{number % 9 + 1}.png"
        seen[name] = 1
        unique.append(name)
    return np.asarray(unique)


def _code(source: str) -> int:
    return CATEGORIES.index(source.removesuffix(".png").rstrip("0123456789"))


def _source(source: str) -> int:
    name = source.rstrip("0123456789")
    return CATEGORIES.index(name) * 10 + int(source[len(name) :]) - 1


def _write_labels(path: Path, ids: NDArray[np.str_], labels: NDArray[np.int64]) -> None:
    rows = [f"{name},{label}\n" for name, label in zip(ids, labels, strict=True)]
    path.write_text("file_name,label\n" + "".join(rows), encoding="utf-8")


def _write_annotations(
    folder: Path,
    ids: NDArray[np.str_],
    labels: NDArray[np.int64],
    factor: NDArray[np.int64],
    annotated: NDArray[np.intp],
    prototypes: NDArray[np.intp],
) -> None:
    folder.mkdir(exist_ok=True)
    lines = []
    for row in annotated:
        flags = {name: int(factor[row] == code) for code, name in enumerate(FACTORS)}
        entry = {"file_name": str(ids[row]), "class": int(labels[row]), **flags}
        lines.append(json.dumps(entry, separators=(",", ":")))
    (folder / "imagenet_x_val_top_factor.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    listed = "".join(f"{ids[row]}\n" for row in prototypes)
    (folder / "prototypical_paths.csv").write_text("file_name\n" + listed, encoding="utf-8")


def drawn_folder(root: Path, seed: int = 0) -> Path:
    """The folder with a draw, drawn now if it is not there; once among all processes.

    Args:
        root: The folder of evidence.
        seed: Which draw.
    """
    process = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]   # another process, another folder
    folder = root / "drawn" / f"{process}-{seed}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            unfinished = folder.with_suffix(".part")
            shutil.rmtree(unfinished, ignore_errors=True)
            draw_cast(unfinished, seed)
            unfinished.replace(folder)
    return folder
