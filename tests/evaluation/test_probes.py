"""Probed tasks from tars to observations: features once, probes once, test labels nowhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from demeanour.errors import NotMeasuredError
from demeanour.evaluation import evaluator as evaluating
from demeanour.evaluation.budget import Budget
from demeanour.evaluation.drain import drain
from demeanour.evaluation.evaluator import Evaluator
from demeanour.evaluation.networks import Networks
from demeanour.evaluation.probes import probe as probing
from demeanour.evidence.gather import Evidence
from demeanour.evidence.health import Health
from demeanour.evidence.live import Live
from demeanour.evidence.plan import FEATURES, PROBES, Unit, plan
from demeanour.evidence.workload import standings, workload
from demeanour.findings.lint_cards import check_cards
from demeanour.miniature.formats.shards import Split, write_task
from demeanour.statistics.seeds import generator
from tests.evaluation.live_cast import open_live

TRAIN, TEST, CLASSES = 60, 40, 3
TASKS = {"natural": ["hues"], "structured": ["sides"]}


def pictures(name: str, n: int) -> Split:
    """Pictures whose classes can be told: which colour is brighter, or where."""
    dice = generator("pictures of tasks", name)
    labels = dice.integers(0, CLASSES, n)
    images = dice.integers(0, 120, (n, 64, 64, 3))
    for row, label in enumerate(labels):
        if name.startswith("hues"):
            images[row, ..., label] += 60
        else:
            images[row, :, 20 * label : 20 * label + 20] += 60
    return images.astype(np.uint8), labels


def write(folder: Path, name: str, test: Split | None = None, train: Split | None = None) -> None:
    shutil.rmtree(folder / "vtab" / name, ignore_errors=True)
    train, test = train or pictures(f"{name} train", TRAIN), test or pictures(f"{name} test", TEST)
    write_task(folder / "vtab" / name, train, test, ["a", "b", "c"], ["a photo of {}."])


def opened(folder: Path, **card: Any) -> Live:
    for name in ("hues", "sides"):
        if not (folder / "vtab" / name).exists():
            write(folder, name)
    return open_live(folder, data={"vtab": {"reader": "probe", "root": "vtab/{task}", "tasks": TASKS, **card}})


def probes(model: str = "resnet") -> list[Unit]:
    return [Unit(model, f"vtab/{name}:test", kind=PROBES) for name in ("hues", "sides")]


def evaluated(live: Live, units: list[Unit]) -> tuple[int, dict[str, str], list[dict[str, Any]]]:
    """How many pictures were passed, what failed, and all that was told."""
    events: list[dict[str, Any]] = []
    Evaluator(live, "cpu", lambda event: events.append(dict(event))).run(units)
    passes = sum(event["passes"] for event in events if event["event"] == "passed")
    return passes, {event["unit"]: event["reason"] for event in events if event["event"] == "failed"}, events


def features(live: Live, split: str, layer: str = "pooled") -> NDArray[np.float32]:
    return np.asarray(live.features(Unit("resnet", split, kind=FEATURES))[layer])


def test_a_probe_says_what_scikit_learn_would(tmp_path: Path) -> None:
    live = opened(tmp_path)
    passes, failed, events = evaluated(live, probes())
    assert (passes, failed) == (2 * (TRAIN + TEST), {})
    assert sorted(event["unit"] for event in events if event["event"] == "done") == [str(unit) for unit in probes()]
    for unit in probes():
        found = opened(tmp_path).probe(unit)   # by another process, so to say
        split = unit.data.removesuffix("test") + "train"
        scale = StandardScaler().fit(features(live, split).astype(np.float64))
        x, unseen = (scale.transform(features(live, name).astype(np.float64)) for name in (split, unit.data))
        model = LogisticRegression(C=1 / float(found["penalty"]), max_iter=5000, tol=1e-8)
        expected = model.fit(x, live.pictures(split).frame.columns["label"]).predict(unseen)
        assert found["prediction"].tolist() == expected.tolist()
        assert len(found["penalties"]) == len(found["accuracies"]) == 7
        assert (expected == live.pictures(unit.data).frame.columns["label"]).mean() > 0.6   # it does learn


def test_observations_hold_every_task(tmp_path: Path) -> None:
    live = opened(tmp_path)
    evaluated(live, probes())
    found = Evidence(live.cast, live.store).observations("resnet", "vtab")
    assert len(found) == 2 * TEST
    assert found.ids.tolist() == sorted(found.ids.tolist())
    assert found.ids[0] == "hues/0/s0000000"
    for name, group in (("hues", "natural"), ("sides", "structured")):
        member = found.column("task") == name
        assert set(found.column("task_group")[member]) == {group}
        said = live.probe(Unit("resnet", f"vtab/{name}:test", kind=PROBES))["prediction"]
        assert found.column("prediction")[member].tolist() == said.tolist()
        right = said == live.pictures(f"vtab/{name}:test").frame.columns["label"]
        assert found.column("correct")[member].tolist() == right.tolist()


def test_a_second_run_passes_and_fits_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated(opened(tmp_path), probes())
    monkeypatch.setattr(probing, "RECIPES", {})
    assert evaluated(opened(tmp_path), probes())[:2] == (0, {})
    assert drain(opened(tmp_path), probes(), lambda _: None, "cpu").done == []


def test_another_recipe_fits_anew_on_the_same_features(tmp_path: Path) -> None:
    evaluated(opened(tmp_path), probes())
    other = opened(tmp_path, recipe="clip-benchmark")
    with pytest.raises(NotMeasuredError, match="not evaluated yet"):
        other.probe(probes()[0])
    passes, failed, events = evaluated(other, probes())
    assert (passes, failed) == (0, {})
    assert sum(event["event"] == "done" for event in events) == 2
    assert other.probe(probes()[0])["penalty"] == 0
    again, _, _ = evaluated(opened(tmp_path, features="projected"), probes())
    assert again == 0


def test_labels_of_test_pictures_change_nothing_that_is_fitted(tmp_path: Path) -> None:
    live = opened(tmp_path)
    evaluated(live, probes())
    before = live.probe(probes()[0])
    images, labels = pictures("hues test", TEST)
    write(tmp_path, "hues", test=(images, np.roll(labels, 1)))
    after = opened(tmp_path)
    with pytest.raises(NotMeasuredError):   # other labels, another key
        after.probe(probes()[0])
    evaluated(after, probes())
    for name, value in after.probe(probes()[0]).items():
        np.testing.assert_array_equal(value, before[name])
    right = (after.probe(probes()[0])["prediction"] == after.pictures("vtab/hues:test").frame.columns["label"]).mean()
    assert right < 0.6


def test_labels_of_training_pictures_change_it(tmp_path: Path) -> None:
    live = opened(tmp_path)
    evaluated(live, probes())
    before = live.probe(probes()[0])["prediction"]
    images, labels = pictures("hues train", TRAIN)
    write(tmp_path, "hues", train=(images, (labels + 1) % CLASSES))
    after = opened(tmp_path)
    evaluated(after, probes())
    assert (after.probe(probes()[0])["prediction"] == (before + 1) % CLASSES).mean() > 0.9


def test_a_validation_split_of_its_own(tmp_path: Path) -> None:
    live = opened(tmp_path, validation="val")
    for name in ("hues", "sides"):
        other = pictures(f"{name} validation", TEST)
        write_task(tmp_path / "other" / name, other, other, ["a", "b", "c"], ["a photo of {}."])
        shutil.move(tmp_path / "other" / name / "test", tmp_path / "vtab" / name / "val")
    passes, failed, _ = evaluated(live, probes())
    assert (passes, failed) == (2 * (TRAIN + 2 * TEST), {})
    drawn = opened(tmp_path)
    evaluated(drawn, probes())
    assert (live.probe(probes()[0])["accuracies"] != drawn.probe(probes()[0])["accuracies"]).any()
    assert {round(value * TEST, 6) % 1 for value in live.probe(probes()[0])["accuracies"]} == {0}
    missing = opened(tmp_path, validation="elsewhere")
    _, failed, _ = evaluated(missing, probes())
    assert all("holds no folder 'elsewhere'" in reason for reason in failed.values())
    assert failed.keys() == {str(unit) for unit in probes()}


# --- as many at once as there is room for


@pytest.mark.parametrize(("room", "together"), [(1 << 40, True), (1, False)])
def test_as_many_probes_are_fitted_at_once_as_the_memory_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, together: bool
) -> None:
    live = opened(tmp_path)
    evaluated(live, probes())
    for unit in probes():
        live.remove(unit)
    at_once, meeting, lock = [0], threading.Barrier(2), threading.Lock()
    most: list[int] = []

    def watched(*arguments: Any) -> dict[str, Any]:
        with lock:
            at_once[0] += 1
            most.append(at_once[0])
        with suppress(threading.BrokenBarrierError):   # time for the other to come
            meeting.wait(60 if together else 0.5)
        found = probing.probed(*arguments)
        with lock:
            at_once[0] -= 1
        return found

    monkeypatch.setenv("DEMEANOUR_CORES", "2")
    monkeypatch.setattr(evaluating, "probed", watched)
    monkeypatch.setattr(evaluating, "memory", lambda device: room)
    assert evaluated(live, probes())[:2] == (0, {})
    assert (len(most), max(most)) == (2, 2 if together else 1)


def test_room_is_made_for_what_fits_and_for_one_that_is_too_large() -> None:
    budget, lock, meeting = Budget(10), threading.Lock(), threading.Barrier(2)
    inside: list[int] = []
    seen: list[list[int]] = []

    def work(size: int) -> None:
        with budget.taking(size):
            with lock:
                inside.append(size)
                seen.append(inside.copy())
            if size == 5:
                meeting.wait(60)   # two of these find room together
            with lock:
                inside.remove(size)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, [5, 5] + [3, 4, 6, 7, 25] * 50))
    assert len(seen) == 252
    assert all(sum(sizes) <= 10 or len(sizes) == 1 for sizes in seen)
    with budget.taking(10), budget.taking(0):   # all of it was given back
        pass


def test_what_fails_gives_its_room_back() -> None:
    budget = Budget(10)
    with pytest.raises(ValueError, match="no"), budget.taking(10):
        raise ValueError("no")
    with budget.taking(10):
        pass


# --- what goes wrong


def test_a_task_that_is_missing_is_not_measured_and_says_so(tmp_path: Path) -> None:
    live = opened(tmp_path)
    shutil.rmtree(tmp_path / "vtab" / "sides")
    heard = drain(live, probes(), lambda _: None, "cpu")
    assert heard.done == [str(probes()[0])]
    assert list(heard.failed) == [str(probes()[1])]
    with pytest.raises(NotMeasuredError, match="sides is missing"):
        Evidence(live.cast, live.store).observations("resnet", "vtab")


def test_a_train_split_that_is_missing(tmp_path: Path) -> None:
    live = opened(tmp_path)
    shutil.rmtree(tmp_path / "vtab" / "sides" / "train")
    _, failed, _ = evaluated(live, probes())
    assert failed.keys() == {str(probes()[1])}
    assert "holds no folder 'train'" in failed[str(probes()[1])]


def test_classes_that_no_training_picture_shows_count_as_wrong(tmp_path: Path) -> None:
    images, labels = pictures("hues train", TRAIN)
    known = labels < 2
    live = opened(tmp_path)
    write(tmp_path, "hues", train=(images[known], labels[known]))
    _, failed, events = evaluated(live, probes())
    assert failed == {}
    unknown = int((live.pictures("vtab/hues:test").frame.columns["label"] == 2).sum())
    told = f"vtab/hues:test: {unknown} pictures are of classes that no training picture shows, and count as wrong"
    assert told in [event.get("text") for event in events]
    assert set(live.probe(probes()[0])["prediction"].tolist()) <= {0, 1}


def test_a_task_of_one_class(tmp_path: Path) -> None:
    images, labels = pictures("hues train", TRAIN)
    live = opened(tmp_path)
    write(tmp_path, "hues", train=(images[labels == 1], labels[labels == 1]))
    _, failed, _ = evaluated(live, probes())
    assert failed == {str(probes()[0]): "vtab/hues:train: all pictures are of one class; there is nothing to learn"}


def test_names_of_classes_that_are_missing_do_not_matter(tmp_path: Path) -> None:
    live = opened(tmp_path)
    (tmp_path / "vtab" / "hues" / "classnames.txt").write_text("a\nb\n")
    assert evaluated(live, probes())[1] == {}


# --- plans, and a process without torch


def test_a_plan_asks_for_probes_and_foretells_their_features(tmp_path: Path) -> None:
    live = opened(tmp_path)
    assert plan(live.cast, [("resnet", "vtab")], ["logits"]) == probes()
    assert live.cast.sets_of("resnet") == ["vtab"]
    for describe in (False, True):   # before the network was ever loaded, and after
        if describe:
            Networks(live, "cpu").describe("resnet")
        health = Health(Evidence(live.cast, live.store))
        found = workload(health, standings(health, probes()))
        assert sum(found.passes.values()) == sum(found.decoded.values()) == 2 * (TRAIN + TEST)
        assert found.disk > 0
    known = health.data("vtab")
    assert (known.state, known.facts) == ("there", {"tasks": 2, "images": 2 * (TRAIN + TEST)})
    evaluated(live, probes())
    health = Health(Evidence(live.cast, live.store))
    assert {str(one) for one in standings(health, probes())} == {"evaluated"}
    shutil.rmtree(tmp_path / "vtab" / "sides")
    health = Health(Evidence(live.cast, live.store))
    known = health.data("vtab")
    assert known.state == "MISSING"
    assert "vtab/sides:train" in known.remark


def test_a_process_that_finds_probes_imports_no_torch(tmp_path: Path) -> None:
    live = opened(tmp_path)
    evaluated(live, probes())
    (tmp_path / "poison").mkdir()
    (tmp_path / "poison" / "torch.py").write_text("raise ImportError('torch was imported')")
    code = (
        "import sys; from pathlib import Path; from demeanour.evidence.gather import Evidence; "
        "from demeanour.evidence.store import Store; from demeanour.findings.load import load_cast; "
        f"cast = load_cast(Path({str(live.cast.path)!r}))[0]; "
        f"found = Evidence(cast, Store(Path({str(live.store.root)!r}))).observations('resnet', 'vtab'); "
        "print(int(found.column('correct').sum()))"
    )
    paths = os.pathsep.join([str(tmp_path / "poison"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    here = Evidence(live.cast, live.store).observations("resnet", "vtab")
    assert done.stdout.strip() == str(int(here.column("correct").sum())), done.stderr


# --- cards


@pytest.mark.parametrize(
    ("card", "problem"),
    [
        ({"tasks": None}, "needs 'tasks'"),
        ({"tasks": {"natural": ["a"], "structured": ["a"]}}, "the task 'a' stands twice"),
        ({"root": "hf-datasets:clip-benchmark/wds_vtab"}, "says not where a task's name belongs"),
        ({"validation": "test"}, "is what probes are fitted on, or asked about"),
        ({"label_space": "imagenet-a"}, "does not read it"),
    ],
)
def test_cards_that_are_wrong(tmp_path: Path, card: dict[str, Any], problem: str) -> None:
    given = {"reader": "probe", "root": "vtab", "tasks": TASKS, **card}
    live = open_live(tmp_path, data={"vtab": {key: value for key, value in given.items() if value is not None}})
    assert any(problem in message for _, message, _ in check_cards(live.cast))


def test_a_root_without_a_place_for_the_name_is_the_folder_of_the_tasks(tmp_path: Path) -> None:
    live = open_live(tmp_path, data={"vtab": {"reader": "probe", "root": "miniature:vtab", "tasks": TASKS}})
    assert live.cast.card("vtab/hues:train").root == "miniature:vtab/hues"
    hub = open_live(tmp_path, data={"vtab": {"reader": "probe", "root": "hf-datasets:o/wds_{task}", "tasks": TASKS}})
    assert hub.cast.card("vtab/sides:test").root == "hf-datasets:o/wds_sides"
    assert hub.cast.card("vtab/sides:test").split == "test"
    with pytest.raises(KeyError):
        hub.cast.card("vtab/sides:validation")
    assert list(check_cards(hub.cast)) == []


def test_a_table_of_predictions_has_no_features(tmp_path: Path) -> None:
    card = {"source": "predictions:here.csv", "architecture": "vit", "paradigm": "supervised", "data": ["vtab"]}
    given = {"reader": "probe", "root": "vtab", "tasks": TASKS}
    live = open_live(tmp_path, data={"vtab": given}, models={"table": card})
    assert any("is probed on a network's features" in message for _, message, _ in check_cards(live.cast))
