"""Real weights on real pictures: image by image what timm's own pipeline says, beside what others have published."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import yaml
from filelock import FileLock
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from scipy.special import softmax
from timm.data import create_transform, resolve_data_config

from demeanour.datasets.label_spaces import find_label_space
from demeanour.evaluation.drain import drain
from demeanour.evidence.gather import Evidence
from demeanour.evidence.live import Live
from demeanour.evidence.plan import LOGITS, Unit
from demeanour.evidence.store import Store
from demeanour.findings.load import load_cast
from demeanour.findings.thresholds import load_thresholds
from demeanour.measures.registry import MEASURES
from demeanour.verdicts.judge import judge
from demeanour.verdicts.replicates import columns_of
from tests.suite_run import ROOT, Suite

pytestmark = pytest.mark.slow

FOLDERS = {"imagenet-val": "imagenet-val/*.JPEG", "cues": "cue-conflict-stimuli/*/*.png", "nips17": "nips17/*.jpg"}
COUNTS = {"imagenet-val": 650, "cues": 256, "nips17": 250}
IMAGENETS = {"resize": 256, "crop": 224, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "colours": ("tf_efficientnet_lite0", {"preprocessing": IMAGENETS}), "twin": ("efficientnet_lite0", {}),
}  # fmt: skip
PEERS = ("Lite0", "ResNet50", "ViT")


@dataclass(frozen=True)
class World:
    """What was evaluated, and what timm's own pipeline says.

    Attributes:
        folder: With ``cast.yaml`` and ``store``.
        evidence: Of the cast.
        drained: What the evaluation counted.
        scores: timm's logits by data set, (n, 1000) of float64, in the order of the files' names.
        names: The files' names.
    """

    folder: Path
    evidence: Evidence
    drained: dict[str, Any]
    scores: dict[str, NDArray[np.float64]]
    names: dict[str, list[str]]

    def chances(self, data: str) -> NDArray[np.float64]:
        return np.asarray(softmax(self.scores[data], axis=1))


def write_labels(path: Path, labels: dict[str, int]) -> str:
    path.write_text("file_name,label\n" + "".join(f"{name},{label}\n" for name, label in labels.items()))
    return str(path)


def write_cast(folder: Path, published: Path, **changes: Any) -> Path:
    """The cast `lite` with all pictures and annotations that there are, and the network in two wrong settings."""
    cast = yaml.safe_load((ROOT / "thresholds/casts/lite.yaml").read_text())
    models = {name: cast["models"][name] for name in PEERS}
    for name, (architecture, own) in WRONG.items():
        source = models["Lite0"]["source"].replace("tf_efficientnet_lite0@", f"{architecture}@")
        models[name] = {**models["Lite0"], "source": source, "data": "imagenet-val", **own}
    with (published / "nips17/images.csv").open(newline="") as file:
        nips = {f"{row['ImageId']}.jpg": int(row["TrueLabel"]) - 1 for row in csv.DictReader(file)}   # counted from 1
    nips = {path.name: nips[path.name] for path in published.glob(FOLDERS["nips17"])}
    space = find_label_space("cue-conflict")
    first = dict(zip(space.names, (group[0] for group in space.groups), strict=True))
    cues = {path.name: first[path.parent.name] for path in published.glob(FOLDERS["cues"])}
    flat = {"reader": "imagenet", "classes": 1000}
    data = cast["data"] | {
        "imagenet-x": {"reader": "imagenet-x", "root": "${DEMEANOUR_PUBLISHED}/imagenet-x"},
        "cues": {**flat, "root": "${DEMEANOUR_PUBLISHED}/cue-conflict-stimuli",
                 "labels": write_labels(folder / "cues.csv", cues)},
        "nips17": {**flat, "root": "${DEMEANOUR_PUBLISHED}/nips17", "labels": write_labels(folder / "nips.csv", nips)},
    }  # fmt: skip
    about = {"about": "a real network", "protocol": "native", "models": models, "data": data}
    (folder / "cast.yaml").write_text(yaml.safe_dump({**about, **changes}))
    return folder / "cast.yaml"


def opened(path: Path) -> Live:
    cast, _, problems = load_cast(path)
    assert cast is not None, problems
    return Live(cast, Store(path.parent / "store", print))


def says_timm(published: Path) -> dict[str, NDArray[Any]]:
    """timm's pipeline, with nothing of ours: its network, its transform, a plain forward in float32."""
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    model.load_state_dict(load_file(published / "weights/tf_efficientnet_lite0.safetensors"), strict=True)
    model.to(memory_format=torch.channels_last)   # half the time
    transform = create_transform(**resolve_data_config({}, model=model))

    @torch.inference_mode()
    def answers(files: list[Path]) -> NDArray[np.float32]:
        pictures = [transform(Image.open(file).convert("RGB")) for file in files]
        found: NDArray[np.float32] = model(torch.stack(pictures).to(memory_format=torch.channels_last)).numpy()
        return found

    found: dict[str, NDArray[Any]] = {}
    with single_threads(), ThreadPoolExecutor(os.cpu_count()) as pool:
        for data, pattern in FOLDERS.items():
            files = sorted(published.glob(pattern), key=lambda path: path.name)
            parts = pool.map(answers, [files[start : start + 10] for start in range(0, len(files), 10)])
            found[data] = np.concatenate(list(parts)).astype(np.float64)
            found[f"{data} names"] = np.asarray([file.name for file in files])
    return found


@contextmanager
def single_threads() -> Iterator[None]:
    """Of torch; afterwards as many as before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def world(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Evaluated once, by whichever of pytest's workers comes first."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "real-network"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEMEANOUR_PUBLISHED", str(published))
        with FileLock(folder / "lock"):
            if not (folder / "timm.npz").exists():
                live = opened(write_cast(folder, published))
                units = [Unit("Lite0", data) for data in ("imagenet-val", "cues", "nips17", "cue-conflict")]
                units += [Unit("Lite0", "imagenet-val", kind=LOGITS), *(Unit(name, "imagenet-val") for name in WRONG)]
                (folder / "drained.json").write_text(json.dumps(asdict(drain(live, units, lambda _: None, "cpu"))))
                np.savez(folder / "timm.npz", **says_timm(published))
        live, said = opened(folder / "cast.yaml"), np.load(folder / "timm.npz")
        drained = json.loads((folder / "drained.json").read_text())
        names = {data: said[f"{data} names"].tolist() for data in FOLDERS}
        yield World(folder, Evidence(live.cast, live.store), drained, {data: said[data] for data in FOLDERS}, names)


def values(world: World, measure: str, model: str, data: str) -> dict[str, float]:
    found = MEASURES[measure]
    of = found.values(columns_of(found, (world.evidence.observations(model, data),)))
    return {group: float(value) for group, value in of.items()}


def test_every_picture_is_decoded_once_for_right_and_wrong_settings_alike(world: World) -> None:
    assert world.drained["failed"] == {}
    assert len(world.drained["done"]) == 7
    conflicts = 240   # of the 256, once more: for the 16 categories
    assert world.drained["decoded"] == sum(COUNTS.values()) + conflicts
    assert world.drained["passes"] == sum(COUNTS.values()) + conflicts + 2 * COUNTS["imagenet-val"]


@pytest.mark.parametrize("data", FOLDERS)
def test_image_by_image_it_is_what_timms_own_pipeline_says(world: World, data: str) -> None:
    observed, chances = world.evidence.observations("Lite0", data), world.chances(data)
    assert observed.ids.tolist() == world.names[data]
    assert len(observed) == COUNTS[data]
    labels = observed.column("label").astype(np.int64)
    own = chances[np.arange(len(chances)), labels]
    assert observed.column("prediction").tolist() == chances.argmax(axis=1).tolist()
    expected = {"confidence": chances.max(axis=1), "probability_of_label": own, "sum_p2": (chances**2).sum(axis=1)}
    for name, wanted in expected.items():
        np.testing.assert_allclose(observed.column(name), wanted, rtol=0, atol=1e-4)
    largest = np.log(np.exp(world.scores[data]).sum(axis=1))
    np.testing.assert_allclose(observed.column("log_sum_exp"), largest, rtol=0, atol=1e-4)
    first = np.sort(chances, axis=1)[:, ::-1][:, :5]
    top5 = np.take_along_axis(chances, observed.column("top5").astype(np.int64), axis=1)
    np.testing.assert_allclose(top5, first, rtol=0, atol=1e-4)
    far = np.abs(observed.column("confidence") - expected["confidence"]).max()
    print(f"{data}: confidences differ by at most {far:.1e}")


def test_labels_that_are_counted_from_1_are_read_as_such(world: World) -> None:
    """Off by one, they would be right for none."""
    right = world.evidence.observations("Lite0", "nips17").column("correct")
    assert 0.85 < right.mean() < 0.95
    print(f"nips17: top-1 {right.mean():.4f}")


def test_all_logits_are_timms_within_half_precision(world: World) -> None:
    kept = world.evidence.observations("Lite0", "imagenet-val").column("logits")
    assert kept.shape == (650, 1000)
    np.testing.assert_allclose(kept.astype(np.float64), world.scores["imagenet-val"], rtol=2**-11, atol=1e-4)


def test_categories_of_cue_conflicts_are_means_of_timms_probabilities(world: World) -> None:
    observed, space = world.evidence.observations("Lite0", "cue-conflict"), find_label_space("cue-conflict")
    rows = np.searchsorted(world.names["cues"], observed.ids)
    chances = world.chances("cues")[rows]
    means = np.stack([chances[:, list(group)].mean(axis=1) for group in space.groups], axis=1)
    assert len(observed) == 240
    assert observed.column("prediction").tolist() == means.argmax(axis=1).tolist()
    shares = means.max(axis=1) / means.sum(axis=1)
    np.testing.assert_allclose(observed.column("confidence"), shares, rtol=0, atol=1e-4)
    assert values(world, "shape_bias", "Lite0", "cue-conflict")["all"] == pytest.approx(0.212, abs=0.01)


def published_rows(published: Path, names: list[str]) -> tuple[dict[str, NDArray[np.int64]], NDArray[np.int64]]:
    """By hand from the published files: predictions and labels of some images."""

    def column(file: str) -> NDArray[np.int64]:
        lines = (published / "imagenet-x" / file).read_text().split()[1:]
        known = {line.split(",")[0]: int(line.split(",")[1]) for line in lines}
        return np.asarray([known[name] for name in names])

    return {name: column(f"{name}.csv") for name in PEERS[1:]}, column("filename_label.csv")


def test_published_predictions_are_cut_to_the_same_pictures(world: World, published: Path) -> None:
    names = world.names["imagenet-val"]
    predictions, labels = published_rows(published, names)
    predictions["Lite0"] = world.scores["imagenet-val"].argmax(axis=1)
    counts = {name: int((predicted == labels).sum()) for name, predicted in predictions.items()}
    assert counts == {"Lite0": 537, "ResNet50": 541, "ViT": 550}
    for name, predicted in predictions.items():
        observed = world.evidence.observations(name, "imagenet-val")
        assert observed.ids.tolist() == names
        assert observed.column("prediction").tolist() == predicted.tolist()
        assert values(world, "top1", name, "imagenet-val")["all"] == pytest.approx(counts[name] / 650, abs=1e-12)


def test_it_joins_with_imagenet_real_and_imagenet_x_by_file_name(world: World, published: Path) -> None:
    names = world.names["imagenet-val"]
    predictions, labels = published_rows(published, names)
    predictions["Lite0"] = world.scores["imagenet-val"].argmax(axis=1)
    real = json.loads((published / "labels/imagenet_real.json").read_text())
    sets = [real[int(name[15:23]) - 1] for name in names]
    lines = (published / "imagenet-x/imagenet_x_val_top_factor.jsonl").read_text().splitlines()
    factors = {row["file_name"]: row for row in map(json.loads, lines)}
    prototypes = set((published / "imagenet-x/prototypical_paths.csv").read_text().split()[1:])
    annotated = np.asarray([name in factors and name not in prototypes for name in names])
    assert (sum(map(bool, sets)), int(annotated.sum())) == (619, 593)
    for name, predicted in predictions.items():
        hits = [answer in of for answer, of in zip(predicted.tolist(), sets, strict=True) if of]
        assert values(world, "multilabel_top1", name, "imagenet-real")["all"] == pytest.approx(np.mean(hits))
        ratios, wrong = values(world, "error_ratio", name, "imagenet-x"), predicted != labels
        for factor in ("pose", "background", "pattern"):
            member = np.asarray([annotated[row] and factors[one][factor] == 1 for row, one in enumerate(names)])
            assert ratios[factor] == pytest.approx(wrong[member].mean() / wrong[annotated].mean())
        told = ", ".join(f"{factor} {ratios[factor]:.3f}" for factor in ("pose", "background", "pattern"))
        print(f"{name}: ReaL {np.mean(hits):.4f}; error ratios: {told}")


def test_what_its_pictures_do_not_show_is_not_measured(world: World) -> None:
    thresholds = load_thresholds(str(world.folder / "cast.yaml"), None, ROOT / "thresholds")
    cases = {name: case for name, case in thresholds.cases.items() if name.startswith("mistakes.")}
    assert {name.partition("[")[2] for name in cases} == {f"{name}]" for name in (*PEERS, *WRONG)}
    for name, case in cases.items():
        verdict = judge(case, world.evidence)
        if name.startswith("mistakes.hard-factors"):
            assert verdict.verdict == "not measured"
            assert "no image of imagenet-x belongs to the group 'object_blocking'" in verdict.reason
        else:
            assert verdict.verdict == "undecided"
            assert "no group has 150 images or more" in verdict.reason


def test_findings_are_decided_beside_published_ones_and_nothing_is_evaluated_twice(
    world: World, published: Path, suite: Suite
) -> None:
    place = {"DEMEANOUR_PUBLISHED": str(published), "DEMEANOUR_CACHE": str(world.folder / "store")}
    runs = [suite("--cast", "lite", workers=workers, **place) for workers in (0, 2)]
    assert [run.code for run in runs] == [0, 0], runs[0].output
    assert "evaluated:" not in runs[0].output
    first, second = (run.verdicts for run in runs)
    first.pop("run"), second.pop("run")
    assert first == second
    words = runs[0].words
    assert {words[f"calibration.supervised-underconfident[{name}]"] for name in PEERS} == {
        "holds", "violated", "undecided",
    }  # fmt: skip
    assert words["shape_texture.below-half[Lite0]"] == words["shape_texture.below-half[ViT-sup]"] == "holds"
    estimates = {verdict["id"]: verdict["estimates"] for verdict in first["verdicts"]}
    assert {estimates[f"calibration.supervised-underconfident[{name}]"][name]["n"] for name in PEERS} == {650}
    assert estimates["shape_texture.below-half[ViT-sup]"]["ViT-sup"]["n"] == 240


def test_wrong_settings_are_told_or_cost_what_they_cost(world: World) -> None:
    """In no file stands how its pictures were prepared, so both are possible; timm's own loses as much."""
    right = world.evidence.observations("Lite0", "imagenet-val")
    lost, agreed = {}, {}
    for name in WRONG:
        wrong = world.evidence.observations(name, "imagenet-val")
        lost[name] = float(right.column("correct").mean() - wrong.column("correct").mean())
        agreed[name] = float((right.column("prediction") == wrong.column("prediction")).mean())
        unsure = float((right.column("confidence") - wrong.column("confidence")).mean())
        print(f"{name}: {100 * lost[name]:.1f} points and {unsure:.3f} of confidence lost, {agreed[name]:.3f} alike")
    assert lost == pytest.approx({"colours": 28 / 650, "twin": 60 / 650}, abs=3 / 650)
    assert max(agreed.values()) < 0.9
    live = world.evidence.live
    notes = {}
    for name in ("Lite0", *WRONG):
        found = live.description(name)
        assert found is not None
        notes[name] = " ".join(found.notes)
    assert "tf_efficientnet_lite0 takes the same weights and computes otherwise" in notes["twin"]
    assert "mean (0.485, 0.456, 0.406)" in notes["twin"]
    assert "mean (0.5, 0.5, 0.5)" in notes["Lite0"]
    seen = {name: live.steps(Unit(name, "imagenet-val")) for name in ("Lite0", *WRONG)}
    assert seen["colours"].mean == seen["twin"].mean == (0.485, 0.456, 0.406)
    assert len({live.key(Unit(name, "imagenet-val")) for name in seen}) == 3


@pytest.mark.parametrize("numerics", ["bf16", "fp16"])
def test_half_precision_moves_few_answers(world: World, published: Path, tmp_path: Path, numerics: str) -> None:
    """All pictures are evaluated, none ties; by how much answers move is the noise floor on this CPU."""
    live, unit = opened(write_cast(tmp_path, published, numerics=numerics)), Unit("Lite0", "nips17")
    found = drain(live, [unit], lambda _: None, "cpu")
    assert (found.failed, found.passes) == ({}, COUNTS["nips17"])
    right, said = world.evidence.observations("Lite0", "nips17"), live.table(unit)
    assert said.ids.tolist() == right.ids.tolist()
    changed = float((said.columns["prediction"] != right.column("prediction")).mean())
    moved = np.abs(said.columns["confidence"] - right.column("confidence"))
    told = f"confidences by {moved.mean():.4f} to {moved.max():.4f}"
    print(f"{numerics}: {100 * changed:.2f} % of answers change, {told}")
    assert changed < 0.02
    assert 1e-6 < moved.max() < 0.2
    assert live.key(unit) != world.evidence.live.key(unit)
