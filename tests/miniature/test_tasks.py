"""Tasks of transfer: what is asked of a picture is in it, the same whoever draws it, and can be learnt."""

from __future__ import annotations

import tarfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import webdataset
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import binomtest, chisquare, mannwhitneyu
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.scenes import Objects, Scenes
from demeanour.miniature.formats.shards import write_task
from demeanour.miniature.names import CLASSES, NEW_SOLIDS, SOLIDS, TEXTURES
from demeanour.miniature.tasks import digits, figures, flatland, medicine, natural, structured
from demeanour.miniature.tasks.task import FLAT, TASKS

RENDERED_TASKS = ("new-solids", "textures", "count", "distance", "azimuth", "elevation")
LEARNT_TASKS = ("land-use", "cells", "x-position")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def drawn(name: str, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Some pictures of a task: few where they are rendered, which takes longer, and many where they are learnt from."""
    train, test = (8, 4) if name in RENDERED_TASKS else (150, 50) if name in LEARNT_TASKS else (80, 10)
    return TASKS[name].draw(split, range(train if split == "train" else test))


def test_there_are_thirteen_tasks_of_three_groups() -> None:
    assert Counter(task.group for task in TASKS.values()) == {"natural": 3, "specialized": 3, "structured": 7}
    assert all(name == task.name for name, task in TASKS.items())
    assert len({task.like for task in TASKS.values()}) == 13
    assert TASKS["new-solids"].classes == NEW_SOLIDS
    assert not set(NEW_SOLIDS) & set(CLASSES)
    assert TASKS["textures"].classes == TEXTURES


@pytest.mark.parametrize("name", TASKS)
def test_pictures_are_those_of_a_task_and_none_is_there_twice(name: str) -> None:
    (images, labels), (others, _) = drawn(name, "train"), drawn(name, "test")
    assert (images.dtype, images.shape) == (np.uint8, (len(labels), 64, 64, 3))
    assert (labels.dtype, labels.shape) == (np.int64, (len(labels),))
    every = [*images, *others]
    assert len({image.tobytes() for image in every}) == len(every)
    assert min(image.std() for image in every) > 3   # none is empty


@pytest.mark.parametrize("name", TASKS)
def test_classes_are_equally_frequent(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _, labels = scenes_of(monkeypatch, name, 320) if name in RENDERED_TASKS else drawn(name, "train")
    counts = np.bincount(labels, minlength=len(TASKS[name].classes))
    assert len(counts) == len(TASKS[name].classes)
    assert counts.min() > 0
    assert chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize("name", TASKS)
def test_a_picture_is_the_same_whatever_is_drawn_beside_it(name: str) -> None:
    images, labels = drawn(name, "train")
    numbers = np.asarray([7, 3] if name in RENDERED_TASKS else [FLAT + 7, 3, 7, FLAT])
    again, same_labels = TASKS[name].draw("train", numbers)
    alone, _ = TASKS[name].draw("train", [3])
    assert np.array_equal(same_labels, labels[numbers])
    tolerance = 1 if name in RENDERED_TASKS else 0   # the renderer promises a level
    assert np.abs(again.astype(int) - images[numbers]).max() <= tolerance
    assert np.abs(alone[0].astype(int) - images[3]).max() <= tolerance


@pytest.mark.parametrize("numbers", [[], [1.5], [[1, 2]], ["1"]])
def test_numbers_that_are_none_are_refused(numbers: Any) -> None:
    with pytest.raises(ValueError, match="numbers of pictures are whole and at least one"):
        TASKS["digits"].draw("train", numbers)


def test_splits_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="splits train and test, found 'val'"):
        TASKS["digits"].draw("val", [1])


def scenes_of(
    monkeypatch: pytest.MonkeyPatch, name: str, count: int = 200
) -> tuple[list[Scenes], NDArray[np.int64]]:
    """What a task would have rendered, and its labels."""
    asked: list[Scenes] = []

    def note(shown: Scenes) -> NDArray[np.uint8]:
        asked.append(shown)
        return np.zeros((len(shown), 64, 64, 3), dtype=np.uint8)

    for module in (natural, structured):
        monkeypatch.setattr(module, "render", note)
    _, labels = TASKS[name].draw("train", range(count))
    return asked, labels


def objects_of(monkeypatch: pytest.MonkeyPatch, name: str) -> tuple[Objects, NDArray[np.int64]]:
    (shown,), labels = scenes_of(monkeypatch, name)
    return shown.objects, labels


def test_new_solids_and_textures_are_the_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    objects, labels = objects_of(monkeypatch, "new-solids")
    assert np.array_equal(objects.scene, np.arange(len(labels)))
    assert [SOLIDS[solid] for solid in objects.solid] == [NEW_SOLIDS[label] for label in labels]
    objects, labels = objects_of(monkeypatch, "textures")
    assert np.array_equal(objects.texture, labels)


def test_as_many_solids_are_there_as_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    objects, labels = objects_of(monkeypatch, "count")
    assert np.array_equal(np.bincount(objects.scene, minlength=len(labels)), labels + 1)
    assert np.abs(objects.centre).max() < 0.75
    for scene in range(len(labels)):   # and none hides another
        here = objects.scene == scene
        apart = np.linalg.norm(objects.centre[here][:, None] - objects.centre[here][None], axis=-1)
        assert (apart + np.eye(here.sum()) > 0.35).all()


def test_the_largest_is_the_nearest_and_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    objects, labels = objects_of(monkeypatch, "distance")
    largest = np.asarray([objects.scale[objects.scene == scene].max() for scene in range(len(labels))])
    edges = np.geomspace(0.15, 0.75, 6)
    assert np.array_equal(np.digitize(largest, edges[1:-1]), labels)
    assert np.array_equal(objects.nearness, objects.scale)
    assert set(np.bincount(objects.scene)) == {2, 3}


def test_azimuth_and_elevation_are_those_of_the_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    objects, labels = objects_of(monkeypatch, "azimuth")
    x, y, z = objects.rotation[:, :, 0].T   # where the solid's x axis points
    around = np.arctan2(np.hypot(y, z) * np.sign(y), x) % (2 * np.pi)   # what points away is seen higher up
    assert np.array_equal(around // (np.pi / 4), labels)
    objects, labels = objects_of(monkeypatch, "elevation")
    up = objects.rotation[:, :, 1]
    assert np.array_equal(np.arctan2(up[:, 2], up[:, 1]) // (np.pi / 12), labels)


@pytest.mark.parametrize(("name", "axis"), [("x-position", 0), ("y-position", 1)])
def test_the_centre_of_mass_is_where_the_label_says(monkeypatch: pytest.MonkeyPatch, name: str, axis: int) -> None:
    images, labels = plain(monkeypatch, name)
    checked = 0
    for image, label in zip(images, labels, strict=True):
        mask = ndimage.binary_dilation(figure(image))
        if mask[[0, -1]].any() or mask[:, [0, -1]].any():
            continue   # it is cut off
        row, column = ndimage.center_of_mass(mask * away_from_ground(image))
        place = ((column + 0.5) / 32 - 1, 1 - (row + 0.5) / 32)[axis]
        assert abs(place - (-0.72 + (label + 0.5) * 0.18)) < 0.09 + 1 / 32
        checked += 1
    assert checked > 60


def test_wedges_point_to_where_the_label_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "FIGURES", figures.FIGURES[-1:])
    images, labels = plain(monkeypatch, "orientation")
    for image, label in zip(images, labels, strict=True):
        rows, columns = np.nonzero(figure(image))
        up, right = rows.mean() - rows, columns - columns.mean()
        tip = np.argmax(np.hypot(up, right))
        turned = np.degrees(np.arctan2(-right[tip], up[tip]))   # counter-clockwise from upright
        assert abs((turned - 45 * (label + 0.5) + 180) % 360 - 180) < 22.5 + 9


def plain(monkeypatch: pytest.MonkeyPatch, name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Figures on a ground without clouds."""
    monkeypatch.setattr(figures, "noise", lambda x, y, seeds: np.zeros((len(seeds), 64, 64), np.float32))
    return TASKS[name].draw("test", range(80))


def away_from_ground(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    away: NDArray[np.float64] = np.linalg.norm(image - np.median(image, axis=(0, 1)), axis=-1)
    return away


def figure(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The largest thing that differs from the ground."""
    away = away_from_ground(image)
    parts, _ = ndimage.label(away > away.max() / 2)
    mask: NDArray[np.bool_] = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    return mask


@pytest.mark.parametrize("way", [0, 1])
def test_digits_have_the_holes_that_digits_have(way: int) -> None:
    ink = flatland.to_segments(digits.SEGMENTS[:, way] * np.float32(0.85)) < 0.05
    holes = [ndimage.label(~one)[1] - 1 for one in ink]
    assert holes == [1, 0, 0, 0, 1 - way, 0, 1, 0, 2, 1]
    assert [ndimage.label(one, np.ones((3, 3)))[1] for one in ink] == [1] * 10


def test_abnormal_nuclei_are_in_the_middle_of_what_is_abnormal_only() -> None:
    label = np.arange(400) % 2
    places, there = medicine._abnormal(Dice("places", range(400)), label)
    away = np.abs(places - 32).max(axis=-1)
    assert np.array_equal((there & (away < 12)).any(axis=1), label == 1)
    assert not (there & (away >= 12) & (away < 12 + 6)).any()   # those around it do not reach into it
    assert (there & (away > 12)).any(axis=1).mean() > 0.5
    images, shown = drawn("cells", "train")
    dark = 255 - images[:, 20:44, 20:44].mean(axis=(1, 2, 3))
    assert mannwhitneyu(dark[shown == 1], dark[shown == 0], alternative="greater").pvalue < 1e-4


def test_scans_have_as_many_lesions_as_their_grade_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []

    def counted(count: int, reach: int, picture: NDArray[np.int64], *parts: Any) -> Any:
        counts.append(np.bincount(picture, minlength=count))
        return flatland.blobs(count, reach, picture, *parts)

    monkeypatch.setattr(medicine, "blobs", counted)
    _, grades = medicine.scans(Dice("eyes", range(60)))
    fewest, most = np.asarray([(0, 0), (1, 2), (3, 5), (6, 9), (10, 14)])[grades].T
    lesions = counts[0] + counts[1]
    assert ((fewest <= lesions) & (lesions <= most)).all()


def edges(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Directions of edges in squares of 8 pixels: what one computed before there were networks."""
    down, across = np.gradient(images.mean(axis=-1, dtype=np.float32) / 255, axis=(1, 2))
    bins = []
    for angle in np.arange(8) * np.pi / 4:
        along = np.maximum(np.float32(np.cos(angle)) * across + np.float32(np.sin(angle)) * down, 0)
        bins.append(along.reshape(-1, 8, 8, 8, 8).mean(axis=(2, 4)))
    cells = np.stack(bins, axis=-1).reshape(len(images), -1)
    features: NDArray[np.float32] = cells / (np.linalg.norm(cells, axis=1, keepdims=True) + 0.05)
    return features


def pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    squares: NDArray[np.float32] = images.reshape(len(images), 8, 8, 8, 8, 3).mean(axis=(2, 4), dtype=np.float32)
    return squares.reshape(len(images), -1)


@pytest.mark.parametrize(("name", "features"), [("land-use", edges), ("cells", pixels), ("x-position", edges)])
def test_a_linear_classifier_is_better_than_chance(name: str, features: Callable[..., NDArray[np.float32]]) -> None:
    images, labels = drawn(name, "train")
    others, answers = drawn(name, "test")
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.003, max_iter=100)).fit(features(images), labels)
    right = int((probe.predict(features(others)) == answers).sum())
    assert binomtest(right, len(answers), 1 / len(TASKS[name].classes), alternative="greater").pvalue < 1e-4


def test_a_task_is_read_back_as_it_was_drawn(tmp_path: Path) -> None:
    task = TASKS["scans"]
    train, test = drawn("scans", "train"), drawn("scans", "test")
    write_task(tmp_path / "scans", train, test, task.classes, task.templates, largest_shard=50)
    shards = [str(tmp_path / f"scans/train/{number}.tar") for number in range(2)]
    read = list(webdataset.WebDataset(shards, shardshuffle=False).decode("rgb8").to_tuple("png", "cls"))
    assert np.array_equal(np.stack([image for image, _ in read]), train[0])
    assert [label for _, label in read] == train[1].tolist()
    with tarfile.open(tmp_path / "scans/test/0.tar") as tar:
        assert len(tar.getnames()) == 2 * 10


@pytest.mark.parametrize("name", TASKS)
def test_every_task_can_be_written(tmp_path: Path, name: str) -> None:
    task = TASKS[name]
    write_task(tmp_path / name, drawn(name, "train"), drawn(name, "test"), task.classes, task.templates)
    assert (tmp_path / name / "classnames.txt").read_text().splitlines() == list(task.classes)
