"""Each picture is decoded once, each answer computed once, and numbers depend on nothing but what their key names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torchvision import transforms

from demeanour.evaluation import drain as draining
from demeanour.evaluation import evaluator as evaluating
from demeanour.evaluation.drain import drain, missing
from demeanour.evaluation.evaluator import Evaluator
from demeanour.evaluation.networks import Networks
from demeanour.evaluation.rates import known_rates, rate_key
from demeanour.evidence.failures import last_failure
from demeanour.evidence.gather import Evidence
from demeanour.evidence.live import Live
from demeanour.evidence.plan import FEATURES, LOGITS, Unit
from tests.evaluation.live_cast import CLASSES, EACH, all_units, open_live

IMAGES = CLASSES * EACH


def evaluated(live: Live, units: list[Unit]) -> tuple[Counter[str], dict[str, str]]:
    """Evaluate in this process; what was counted, and what failed."""
    counted: Counter[str] = Counter()
    failed: dict[str, str] = {}

    def hear(event: Mapping[str, Any]) -> None:
        counted[event["event"]] += event.get("passes" if event["event"] == "passed" else "pictures", 1)
        if event["event"] == "failed":
            failed[event["unit"]] = event["reason"]

    Evaluator(live, "cpu", hear).run(units)
    return counted, failed


def loaded(live: Live, units: list[Unit]) -> list[Unit]:
    """The same units; their networks are known afterwards."""
    networks = Networks(live, "cpu")
    for unit in units:
        networks.describe(unit.model)
    return units


def test_every_picture_is_decoded_once_and_every_answer_computed_once(tmp_path: Path) -> None:
    live = open_live(tmp_path)
    units = all_units(live.cast, LOGITS, FEATURES)
    views = {(unit.model, live.steps(unit)) for unit in loaded(live, units)}
    assert len(views) == 2 * 3   # of four, of which scale/1 shows what is shown without it
    assert len(units) == 3 * 2 * 4
    counted, failed = evaluated(live, units)
    assert not failed
    assert counted["decoded"] == IMAGES
    assert counted["passed"] == IMAGES * len(views)
    assert counted["done"] == IMAGES * len(units)
    assert not missing(live, units)
    again, _ = evaluated(open_live(tmp_path), units)
    assert again["decoded"] == again["passed"] == 0


def test_how_long_a_picture_took_is_remembered(tmp_path: Path) -> None:
    live = open_live(tmp_path)
    evaluated(live, all_units(live.cast))
    rates = known_rates(live.store.root, "cpu")
    networks = [(found.identity, name) for name in live.cast.models if (found := live.description(name)) is not None]
    assert rates.keys() == {rate_key(of, side, live.cast, name) for of, name in networks for side in (64, 96)}
    assert all(0 < seconds < 10 for seconds in rates.values())


def test_one_more_model_costs_its_own_passes_only(tmp_path: Path) -> None:
    live = open_live(tmp_path)
    units = all_units(live.cast)
    evaluated(live, [unit for unit in units if unit.model == "vit"])
    counted, _ = evaluated(live, units)
    assert counted["passed"] == IMAGES * 3


def test_answers_are_those_of_timm_on_pixels_of_torchvision(tmp_path: Path) -> None:
    live = open_live(tmp_path)
    evaluated(live, all_units(live.cast, LOGITS))
    network = timm.create_model("miniature_vit", checkpoint_path=live.request("vit").source.partition("@")[2]).eval()
    pixels = transforms.Compose([
        transforms.Resize(64, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(64), transforms.ToTensor(),
        transforms.Normalize((0.5,) * 3, (0.5,) * 3),
    ])  # fmt: skip
    observed = Evidence(live.cast, live.store).observations("vit", "pictures")
    assert observed.ids.tolist() == sorted(observed.ids.tolist())
    assert len(observed) == IMAGES
    with torch.inference_mode():
        batch = torch.stack([pixels(Image.open(tmp_path / "pictures" / name).convert("RGB")) for name in observed.ids])
        scores = network(batch)
    chances = scores.softmax(dim=1).numpy()
    labels = np.asarray([int(name.partition("/")[0]) for name in observed.ids.tolist()])
    assert observed.column("label").tolist() == labels.tolist()
    assert observed.column("prediction").tolist() == chances.argmax(axis=1).tolist()
    np.testing.assert_allclose(observed.column("confidence"), chances.max(axis=1), atol=1e-6)
    np.testing.assert_allclose(observed.column("probability_of_label"), chances[np.arange(IMAGES), labels], atol=1e-6)
    np.testing.assert_allclose(observed.column("logits"), scores.numpy(), atol=2e-2)


def test_a_set_of_views_is_its_views_one_below_the_other(tmp_path: Path) -> None:
    live = open_live(tmp_path)
    evaluated(live, all_units(live.cast))
    evidence = Evidence(live.cast, live.store)
    seen, plain = evidence.observations("resnet", "zoomed"), evidence.observations("resnet", "pictures")
    assert len(seen) == 3 * IMAGES
    assert seen.names["view"] == ("scale/1", "scale/1.5", "resolution/96")
    same = seen.column("view") == 0   # scale 1 is what the plain view shows
    assert seen.ids[same].tolist() == [f"scale/1/{name}" for name in plain.ids]
    assert (seen.column("confidence")[same] == plain.column("confidence")).all()
    assert (seen.column("confidence")[seen.column("view") == 1] != plain.column("confidence")).any()
    assert (plain.ids[seen.column("source")] == np.char.partition(seen.ids, "/")[:, 2].astype(str)).sum() == 0
    for row in (0, IMAGES, 3 * IMAGES - 1):
        assert str(seen.ids[row]).endswith(str(plain.ids[seen.column("source")[row]]))
    assert evidence.identity("resnet", "zoomed") != evidence.identity("resnet", "pictures")


def test_numbers_depend_on_neither_threads_nor_chunks_nor_shards_nor_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = []
    for number, (threads, chunk, shard) in enumerate([(1, 64, 256), (3, 7, 256), (2, 16, 10), (2, 64, 33)]):
        monkeypatch.setenv("DEMEANOUR_CORES", str(threads))
        monkeypatch.setitem(evaluating.CHUNK, "cpu", chunk)
        monkeypatch.setitem(evaluating.SHARD, "cpu", shard)
        live = open_live(tmp_path, f"cache-{number}")
        units = all_units(live.cast)
        _, failed = evaluated(live, units[::-1] if number else units)
        assert not failed
        tables.append([live.table(unit) for unit in units])
    for other in tables[1:]:
        for one, two in zip(tables[0], other, strict=True):
            assert one.ids.tolist() == two.ids.tolist()
            assert one.columns.keys() == two.columns.keys()
            for name in one.columns:
                if chunk % 16 == 0:
                    assert (one.columns[name] == two.columns[name]).all(), name


def test_a_warm_run_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = open_live(tmp_path)
    units = all_units(live.cast)
    first = drain(live, units, lambda _: None, "cpu")
    assert (first.decoded, first.passes, first.failed) == (IMAGES, IMAGES * 6, {})

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(draining.subprocess, "Popen", refuse)
    again = drain(open_live(tmp_path), units, lambda _: None, "cpu")
    assert (again.decoded, again.passes, again.done) == (0, 0, [])


@pytest.mark.parametrize("changed", ["weights", "pixels", "label", "protocol", "numerics", "mean"])
def test_what_a_key_names_makes_other_evidence(tmp_path: Path, changed: str) -> None:
    live = open_live(tmp_path)
    unit = Unit("vit", "pictures")
    evaluated(live, [unit])
    models = {"vit": live.cast.models["vit"].model_dump(exclude_none=True, exclude_defaults=True)}
    changes: dict[str, Any] = {"models": models}
    if changed == "weights":
        models["vit"]["source"] = models["vit"]["source"].replace("ViT-sup", "ViT-other")
        from safetensors.torch import load_file, save_file

        weights = load_file(live.request("vit").source.partition("@")[2])
        weights["head.bias"] = weights["head.bias"] + 1
        save_file(weights, tmp_path / "ViT-other.safetensors")
        models["vit"]["source"] = f"timm:miniature_vit@{tmp_path / 'ViT-other.safetensors'}"
    elif changed == "pixels":
        path = tmp_path / "pictures" / "3" / "3-0.png"
        Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path)
    elif changed == "label":
        (tmp_path / "pictures" / "3" / "3-0.png").rename(tmp_path / "pictures" / "4" / "3-0.png")
    elif changed == "protocol":
        changes["protocol"] = "paper"
    elif changed == "numerics":
        changes["numerics"] = "bf16"
    elif changed == "mean":
        models["vit"]["preprocessing"] = {"resize": 64, "crop": 64, "mean": [0.4] * 3, "std": [0.5] * 3}
    other = open_live(tmp_path, **changes)
    assert missing(other, [unit]) == [unit]


def test_two_evaluators_share_the_work(tmp_path: Path) -> None:
    """Several runs on one store at once: each shard is computed by one of them."""
    live = open_live(tmp_path)
    units = all_units(live.cast)
    import threading

    heard = []
    threads = [
        threading.Thread(target=lambda: heard.append(drain(open_live(tmp_path), units, lambda _: None, "cpu")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.passes for one in heard) == IMAGES * 6
    assert not missing(live, units)


def test_failures_name_their_unit_and_reason(tmp_path: Path) -> None:
    live = open_live(tmp_path)
    assert last_failure(live.store.root, live.cast, Unit("vit", "pictures")) is None
