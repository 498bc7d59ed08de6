"""The doctor: what a cast needs, what of it is there, and what the rest will take."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from huggingface_hub import constants

from demeanour.cli import main
from demeanour.datasets.catalogue import PUBLISHED
from demeanour.evaluation import devices as machine_devices
from demeanour.evaluation import diagnosis
from demeanour.evaluation.diagnosis import Diagnosis, examine
from demeanour.evaluation.forecast import forecast
from demeanour.evaluation.rates import keep_rates, known_rates, rate_key
from demeanour.evidence import health as checking
from demeanour.evidence import sources
from demeanour.evidence.arrays import Arrays
from demeanour.evidence.failures import forget_failure, note_failure
from demeanour.evidence.health import Health
from demeanour.evidence.housekeeping import entries
from demeanour.evidence.logits import columns_of_logits
from demeanour.evidence.plan import Unit
from demeanour.evidence.shards import Shards
from demeanour.evidence.store import Store
from demeanour.evidence.table import prediction_table
from demeanour.evidence.workload import ROW, Workload
from demeanour.models.description import looks
from demeanour.models.hub_cache import cached_weights
from demeanour.models.source import parse_source
from demeanour.reporting import diagnosis_text
from demeanour.statistics.seeds import generator
from demeanour.views import corruptions
from demeanour.views.geometry import Preprocessing
from tests.pretended_cast import (
    CLASSES,
    IMAGES,
    UNITS,
    VIEWS,
    answer_all,
    describe,
    opened,
    thresholds_of,
    write_pretended,
)
from tests.small_cast import write_small
from tests.suite_run import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cast of networks, and a cache of its own on a machine with two cores."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DEMEANOUR_CORES", "2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("DEMEANOUR_DOWNLOAD", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


@pytest.fixture
def doctor(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Call the command on the cast, with some of it changed; returns its exit code and what it prints."""

    def call(*options: str, **changes: Any) -> tuple[int, str]:
        arguments = write_pretended(folder, **changes)
        capsys.readouterr()
        code = main(["doctor", *arguments, *options])
        return code, capsys.readouterr().out

    return call


def diagnosed(folder: Path) -> Diagnosis:
    thresholds = thresholds_of(folder)
    return examine(thresholds.cast, thresholds.cases.values(), Store(folder / "cache"), lambda _: None)


def model(source: str, **more: Any) -> dict[str, Any]:
    """Models of a cast, one of them from another source."""
    other = {"source": "timm:convnext_of_mine@convnext.safetensors", "architecture": "convnext"}
    both = {"vit": {"source": source, "architecture": "vit", **more}, "convnext": other}
    return {name: {**card, "paradigm": "supervised"} for name, card in both.items()}


def data(**more: Any) -> dict[str, Any]:
    views = {"reader": "views", "of": "pictures", "views": VIEWS}
    return {"pictures": {"reader": "folder", "root": "pictures", "classes": CLASSES}, "zoomed": views, **more}


def line(out: str, beginning: str) -> str:
    """The one line that begins so, and those beneath it; blanks as one."""
    lines = out.splitlines()
    words = [re.sub(r" +", " ", one).strip() for one in lines]
    places = [place for place, one in enumerate(words) if one.startswith(f"{beginning} ")]
    assert len(places) == 1, out
    beneath = []
    for one in lines[places[0] + 1 :]:
        if not one.startswith("      "):
            break
        beneath.append(one.strip())
    return " ".join([words[places[0]], *beneath])


# --- what is there --------------------------------------------------------------------------------------------------


def test_before_anything_is_evaluated_all_is_there_and_told_what_is_to_be_done(folder: Path, doctor: Any) -> None:
    code, out = doctor()
    assert code == 0
    assert out.startswith("the cast 'cast' (native, fp32)\n")
    weights = folder / "vit.safetensors"
    assert line(out, "vit") == f"vit timm there {weights} {checking.UNLOADED}"
    assert line(out, "pictures folder") == f"pictures folder there 40 pictures, 10 classes {folder / 'pictures'}"
    assert line(out, "zoomed") == "zoomed views there 2 views of pictures"
    assert line(out, "units") == f"units {UNITS}: 0 there, {UNITS} to evaluate, 0 that cannot be evaluated"
    assert f"pictures  {IMAGES} to decode" in out
    assert line(out, "passes") == f"passes {2 * 3 * IMAGES} through networks"   # plain and two views; logits cost none
    assert line(out, "disk").startswith("disk about 13.6 kB")   # 6 tables of 50 bytes a picture, 2 × 10 logits of 2
    assert out.endswith("\nnothing is missing; a run evaluates the rest first\n")


def test_columns_stand_one_below_the_other(doctor: Any) -> None:
    _, out = doctor()
    models = out.partition("\nmodels\n")[2].partition("\n\n")[0].splitlines()
    places = {one.index("timm") for one in models if "timm" in one}
    assert places == {2 + len("convnext") + 2}
    sets = out.partition("\ndata sets\n")[2].partition("\n\n")[0].splitlines()
    assert len({re.search(r"\bthere\b", one).start() for one in sets}) == 1   # type: ignore[union-attr]


def test_what_was_described_and_evaluated_is_told(folder: Path, doctor: Any) -> None:
    models = model("timm:vit_of_mine@vit.safetensors", note="The one of May.")
    write_pretended(folder, models=models)
    answer_all(folder, "vit", "convnext")
    live = opened(folder).live
    describe(live, "vit", notes=("mean and std are assumed",), parameters=86_600_000)
    code, out = doctor(models=models)
    told = f"86.6 M parameters, supervised, {CLASSES} classes, resize 64 bicubic, crop 64"
    notes = "note: The one of May. note: mean and std are assumed"
    assert line(out, "vit") == f"vit timm there {told} {folder / 'vit.safetensors'} {notes}"
    assert line(out, "units") == f"units {UNITS}: {UNITS} there, 0 to evaluate, 0 that cannot be evaluated"
    assert "to decode" not in out
    assert (code, out.splitlines()[-1]) == (0, "nothing is missing")


def test_weights_that_were_changed_are_not_those_that_were_described(folder: Path, doctor: Any) -> None:
    write_pretended(folder)
    answer_all(folder, "vit", "convnext")
    (folder / "vit.safetensors").write_bytes(b"\1" * 4004)
    _, out = doctor()
    assert checking.UNLOADED in line(out, "vit")
    assert checking.UNLOADED not in line(out, "convnext")
    assert line(out, "units").startswith(f"units {UNITS}: {UNITS // 2} there")


def test_a_damaged_piece_of_evidence_is_to_be_evaluated(folder: Path, doctor: Any) -> None:
    write_pretended(folder)
    answer_all(folder, "vit", "convnext")
    live = opened(folder).live
    path = live.store.path(live.key(Unit("vit", "pictures")))
    path.write_bytes(path.read_bytes()[:-30])
    _, out = doctor()
    assert line(out, "units").startswith(f"units {UNITS}: {UNITS - 1} there, 1 to evaluate")
    assert line(out, "passes") == f"passes {IMAGES} through networks"


def test_what_a_killed_evaluation_has_done_is_not_to_be_done_again(folder: Path, doctor: Any) -> None:
    write_pretended(folder)
    answer_all(folder, "vit", "convnext")
    live = opened(folder).live
    plain, zoomed = Unit("vit", "pictures"), Unit("convnext", "pictures", "scale/1.5")
    for unit, shards in ((plain, (0, 3)), (zoomed, (0, 1, 2))):
        live.store.path(live.key(unit)).unlink()
        for shard in shards:
            Shards(live.store.root, f"{live.key(unit)}-10").put(shard, {"prediction": np.zeros(10, np.int64)})
    found = diagnosed(folder)
    assert found.work.passes == {("vit", "pictures", "plain"): 20, ("convnext", "pictures", "scale/1.5"): 10}
    assert found.work.decoded == {"pictures": 30}   # rows 10 … 29 and 30 … 39
    assert found.work.prepared == {("pictures", "plain"): 20, ("pictures", "scale/1.5"): 10}
    assert found.work.disk == 2 * IMAGES * ROW   # two whole tables
    assert not found.troubles


# --- the machine ----------------------------------------------------------------------------------------------------


def test_the_machine_is_told_as_it_is(folder: Path, doctor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pretended(folder)
    answer_all(folder, "vit", "convnext")
    monkeypatch.setattr(diagnosis, "PACKAGES", ("torch", "timm", "no-such-package"))
    _, out = doctor()
    assert line(out, "cores") == "cores 2"
    assert line(out, "GPUs") == "GPUs none"
    assert f"{folder / 'cache'}, " in line(out, "cache")
    assert line(out, "cache").count("free") == 1
    holds = next(one for one in out.splitlines() if one.strip().startswith("holds"))
    assert re.search(r"2 arrays \(\d+(\.\d)? kB\)", holds)
    assert re.search(r"6 predictions \(\d+(\.\d)? kB\)", holds)
    packages = f"packages torch {version('torch')}, timm {version('timm')}, no-such-package is not installed"
    assert line(out, "packages") == packages
    assert "is asked for nothing" in line(out, "the hub")


def test_whether_the_hub_may_be_asked(doctor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMEANOUR_DOWNLOAD", "1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert "is asked for weights that are not here" in line(doctor()[1], "the hub")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "is asked for nothing" in line(doctor()[1], "the hub")


def test_gpus_that_may_be_used_are_told(doctor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,0")
    monkeypatch.setattr(machine_devices, "which", lambda _: "/usr/bin/nvidia-smi")
    _, out = doctor()
    assert line(out, "GPUs") == "GPUs 2, 0"
    assert "on cuda:0, cuda:1 (roughly" in line(out, "time")


def test_a_cache_that_cannot_be_written_is_wrong(
    folder: Path, doctor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").write_text("no folder")
    monkeypatch.setenv("DEMEANOUR_CACHE", str(folder / "file" / "cache"))
    code, out = doctor()
    assert code == 11
    assert "WRONG: it cannot be written; name another folder in DEMEANOUR_CACHE" in out
    assert out.endswith(f"missing or wrong: {folder / 'file' / 'cache'}\n")


def test_a_disk_that_is_too_small_is_wrong(doctor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("usage", (), {"free": 13_599})
    monkeypatch.setattr(diagnosis.shutil, "disk_usage", lambda _: usage)
    code, out = doctor()
    assert (code, "WRONG: 13,599 bytes are free, and about 13,600 are needed" in out) == (11, True)
    usage.free = 13_600   # type: ignore[attr-defined]
    assert doctor()[0] == 0


# --- models ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (model("timm:vit@away.safetensors"), "vit timm MISSING {}/away.safetensors is missing"),
        (model("timm:vit@pictures"), "vit timm WRONG {}/pictures is a folder; name a file in it"),
        (model("timm:vit@${NO_SUCH_FOLDER}/vit.bin"),
         "vit timm MISSING the environment variable NO_SUCH_FOLDER is not set; set it to the folder that holds"),
        (model("timm:vit@vit.safetensors", imports="no_such_module.inner"),
         "vit timm MISSING there is no module 'no_such_module.inner' in the working folder, on PYTHONPATH or"),
        (model("open_clip:ViT-B-16@./vit.pt"), "vit open_clip MISSING {}/vit.pt is missing"),
        (model("open_clip:ViT-B-16@./vit.safetensors", head={"names": "names.txt"}),
         "vit open_clip MISSING {}/names.txt is missing"),
        (model("open_clip:ViT-B-16@openai", head={"templates": "templates.txt"}),
         "vit open_clip MISSING {}/templates.txt is missing"),
        (model("onnx:net.onnx"), "vit onnx MISSING {}/net.onnx is missing"),
        (model("python:net.py:make"), "vit python MISSING {}/net.py is missing"),
        (model("python:no_such_module:make"),
         "vit python MISSING there is no module 'no_such_module' in the working folder, on PYTHONPATH or installed"),
        (model("hf-hub:nobody/nothing"), "vit hf-hub MISSING model.safetensors or open_clip_model.safetensors or"),
    ],
)  # fmt: skip
def test_a_network_that_is_not_there_is_named_with_the_remedy(
    folder: Path, doctor: Any, models: dict[str, Any], words: str
) -> None:
    code, out = doctor(models=models)
    assert code == 11
    assert line(out, "vit").startswith(words.format(folder))
    half = UNITS // 2
    assert line(out, "units") == f"units {UNITS}: 0 there, {half} to evaluate, {half} that cannot be evaluated"
    assert line(out, "passes") == f"passes {3 * IMAGES} through networks"
    assert out.splitlines()[-1] == "missing or wrong: vit"


def test_a_network_of_onnx_needs_its_packages(folder: Path, doctor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "net.onnx").write_bytes(b"network")
    assert line(doctor(models=model("onnx:net.onnx"))[1], "vit").startswith("vit onnx there")
    monkeypatch.setattr(checking, "find_spec", lambda name: None if name == "onnx" else object())
    code, out = doctor(models=model("onnx:net.onnx"))
    assert code == 11
    assert line(out, "vit").startswith("vit onnx MISSING `onnx:` needs two more packages: uv pip install onnxruntime")


def test_a_module_of_the_working_folder_is_found(folder: Path, doctor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "nets_of_mine.py").write_text("raise RuntimeError('is not imported')")
    monkeypatch.chdir(folder)
    code, out = doctor(models=model("python:nets_of_mine:make"))
    assert code == 0
    assert line(out, "vit") == "vit python there is loaded in every run, for its code may do anything"
    (folder / "net.py").write_text("")
    _, out = doctor(models=model("python:net.py:make"))
    assert f"vit python there {folder / 'net.py'} is loaded" in line(out, "vit")


def in_the_hub(folder: Path, repository: str, name: str, revision: str = "main") -> Path:
    """A file in the layout of the hub's cache."""
    root = folder / "hub" / f"models--{repository.replace('/', '--')}"
    path = root / "snapshots" / "0f0f" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\0" * 1_000_000)
    (root / "refs").mkdir()
    (root / "refs" / revision).write_text("0f0f")
    return path


@pytest.mark.parametrize(
    ("source", "repository", "name", "revision"),
    [
        ("timm:vit_tiny.augreg", "timm/vit_tiny.augreg", "model.safetensors", "main"),
        ("timm:vit_tiny.augreg", "timm/vit_tiny.augreg", "pytorch_model.bin", "main"),
        ("hf-hub:one/clip", "one/clip", "open_clip_model.safetensors", "main"),
        ("hf-hub:one/clip@v2", "one/clip", "open_clip_pytorch_model.bin", "v2"),
    ],
)
def test_published_weights_in_the_cache_of_the_hub_are_found(
    folder: Path, doctor: Any, source: str, repository: str, name: str, revision: str
) -> None:
    path = in_the_hub(folder, repository, name, revision)
    code, out = doctor(models=model(source))
    assert code == 0
    assert line(out, "vit") == f"vit {source.partition(':')[0]} there {path} {checking.UNLOADED}"


@pytest.mark.parametrize(
    "source",
    ["timm:vit_tiny.another", "timm:vit_tiny", "open_clip:ViT-B-16@laion400m_e31", "timm:a--b.c"],
)
def test_published_weights_of_which_only_the_library_knows_the_place_are_looked_for_later(
    folder: Path, doctor: Any, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    in_the_hub(folder, "timm/vit_tiny.augreg", "model.safetensors")
    code, out = doctor(models=model(source))
    assert code == 0
    assert line(out, "vit") == f"vit {source.partition(':')[0]} later its weights are looked for when it is loaded"
    assert line(out, "time") == "time not known before vit can be loaded"
    monkeypatch.setenv("DEMEANOUR_DOWNLOAD", "1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert line(doctor(models=model(source))[1], "vit").endswith("when it is loaded, and downloaded")
    assert line(doctor(models=model("hf-hub:nobody/nothing"))[1], "vit").endswith("when it is loaded, and downloaded")


def test_another_revision_in_the_cache_of_the_hub_is_not_the_one(folder: Path, doctor: Any) -> None:
    in_the_hub(folder, "one/clip", "open_clip_model.safetensors", "v1")
    code, out = doctor(models=model("hf-hub:one/clip@v2"))
    assert (code, line(out, "vit").startswith("vit hf-hub MISSING")) == (11, True)


def test_the_cache_of_the_hub_is_read_by_revision(folder: Path) -> None:
    path = in_the_hub(folder, "one/clip", "open_clip_model.safetensors", "v1")
    assert cached_weights(parse_source("hf-hub:one/clip@v1")) == path
    assert cached_weights(parse_source("hf-hub:one/clip@v2")) is None
    assert cached_weights(parse_source("hf-hub:one/clip")) is None
    assert cached_weights(parse_source("timm:one@clip")) is None


def test_published_weights_that_were_described_are_where_they_were_found(folder: Path, doctor: Any) -> None:
    found = folder / "found.safetensors"
    found.write_bytes(b"weights")
    models = model("open_clip:ViT-B-16@laion400m_e31")
    write_pretended(folder, models=models)
    describe(opened(folder).live, "vit", files=(looks(found),), family="clip", parameters=7_000_000)
    _, out = doctor(models=models)
    told = f"7.0 M parameters, clip, {CLASSES} classes, resize 64 bicubic, crop 64"
    assert line(out, "vit") == f"vit open_clip there {told} {found}"


# --- data sets ------------------------------------------------------------------------------------------------------


def test_a_data_set_that_is_missing_is_named_with_where_to_get_it(folder: Path, doctor: Any) -> None:
    sets = data()
    sets["imagenet-r"] = {"reader": "folder", "root": "away", "label_space": "imagenet-r"}
    sets["imagenet-c"] = {"reader": "imagenet-c", "root": "gone", "clean": "imagenet-r"}
    sets["imagenet-x"] = {"reader": "imagenet-x", "root": "${NO_SUCH_FOLDER}"}
    code, out = doctor(data=sets)
    assert code == 11
    remedy = PUBLISHED["imagenet-r"].obtain
    away = folder / "away"
    missing = f"{away} is missing; it holds the pictures of imagenet-r; imagenet-r is to be had from: {remedy}"
    assert line(out, "imagenet-r") == f"imagenet-r folder MISSING 30,000 pictures, 200 classes {away} {missing}"
    assert out.count(remedy) == 1
    other = f"{folder / 'gone'} is missing; to be had from: {PUBLISHED['imagenet-c'].obtain}"
    meant = "3,750,000 pictures, 1,000 classes"
    assert line(out, "imagenet-c") == f"imagenet-c imagenet-c MISSING {meant} {folder / 'gone'} {other}"
    unset = "NO_SUCH_FOLDER is not set; set it to the folder that holds the files; to be had from: "
    assert unset + PUBLISHED["imagenet-x"].obtain in line(out, "imagenet-x")
    assert out.splitlines()[-1] == "missing or wrong: imagenet-r, imagenet-c, imagenet-x"
    assert line(out, "units").startswith(f"units {UNITS}: 0 there, {UNITS} to evaluate")   # none of them needs these


def test_what_missing_pictures_would_take_is_foretold_where_it_is_known_how_many_they_are(
    folder: Path, doctor: Any
) -> None:
    sets = data()
    sets["pictures"] |= {"root": "away", "images": 500}
    code, out = doctor(data=sets)
    assert code == 11
    assert line(out, "units") == f"units {UNITS}: 0 there, 0 to evaluate, {UNITS} that cannot be evaluated"
    told = "500 pictures to decode, 3,000 passes, about"   # two networks, plain and in two views
    assert line(out, "with what is missing").startswith(f"with what is missing {told}")
    assert re.search(r"about \d+ s on 2 cores \(roughly", out)
    assert "not counted" not in out
    record = json.loads(doctor("--json", data=sets)[1])
    assert (record["evaluation"]["passes"], record["with_missing"]["passes"]) == (0, 3000)
    del sets["pictures"]["images"]
    _, out = doctor(data=sets)
    assert "with what is missing" not in out
    assert diagnosed(folder).uncounted == ["pictures"]


def test_what_is_there_is_foretold_once(doctor: Any) -> None:
    _, out = doctor()
    assert "with what is missing" not in out


def test_what_needs_another_data_set_is_not_blamed_for_it(folder: Path, doctor: Any) -> None:
    (folder / "annotated").mkdir()
    (folder / "corrupted").mkdir()
    sets = data()
    sets["imagenet-val"] = {"reader": "imagenet", "root": "away", "subset": True}
    sets["imagenet-x"] = {"reader": "imagenet-x", "root": "annotated"}
    sets["imagenet-real"] = {"reader": "label-sets", "root": "real.json"}
    sets["imagenet-c"] = {"reader": "imagenet-c", "root": "corrupted", "clean": "imagenet-val"}
    code, out = doctor(data=sets)
    needs = "needs imagenet-val, which is not as it should be"
    assert code == 11
    assert line(out, "imagenet-x") == f"imagenet-x imagenet-x MISSING {folder / 'annotated'} {needs}"
    assert line(out, "imagenet-c") == f"imagenet-c imagenet-c MISSING {folder / 'corrupted'} {needs}"
    assert f"{folder / 'real.json'} is missing; to be had from" in line(out, "imagenet-real")
    sets["imagenet-val"]["subset"] = False   # whoever annotates all of it needs no picture
    assert f"{folder / 'annotated'}" in line(doctor(data=sets)[1], "imagenet-x")
    assert needs not in line(doctor(data=sets)[1], "imagenet-x")


def test_pictures_that_are_not_as_they_should_be_hinder_their_units(folder: Path, doctor: Any) -> None:
    sets = data()
    sets["pictures"]["images"] = 41
    code, out = doctor(data=sets)
    assert code == 11
    assert "pictures folder WRONG" in line(out, "pictures folder")
    assert "40 pictures where pictures has 41" in out
    assert line(out, "units") == f"units {UNITS}: 0 there, 0 to evaluate, {UNITS} that cannot be evaluated"
    assert out.splitlines()[-1] == "missing or wrong: pictures"   # and not each unit again


def test_a_picture_that_cannot_be_read_is_wrong(folder: Path, doctor: Any) -> None:
    doctor()
    (folder / "pictures" / "0" / "0-0.png").unlink()
    (folder / "pictures" / "0" / "0-0.png").symlink_to(folder / "nowhere.png")
    code, out = doctor()
    assert code == 11
    assert "0-0.png cannot be read: No such file or directory" in line(out, "pictures folder")


def test_notes_of_pictures_are_told(folder: Path, doctor: Any) -> None:
    doctor()
    (folder / "pictures" / "readme.txt").write_text("mine")
    assert "note: 1 file that is no picture was ignored" in line(doctor()[1], "pictures folder")


def test_labels_and_annotations_are_opened_and_checked(folder: Path, doctor: Any) -> None:
    (folder / "labels.csv").write_text("file_name,label\n" + "".join(f"{row}.png,{row % 5}\n" for row in range(20)))
    (folder / "sets.json").write_text(json.dumps([[1, 2], [0], []]))
    sizes = {"images": 20, "classes": 5}
    more = {
        "tabled": {"reader": "labels", "root": "labels.csv", **sizes},
        "corrupted": {"reader": "corruptions", "root": "labels.csv", **sizes},
        "wrong": {"reader": "labels", "root": "labels.csv", "images": 21, "classes": 5},
        "told": {"reader": "tables", **sizes},
        "torn": {"reader": "corruptions", "root": "sets.json", **sizes},
    }
    code, out = doctor(data=data(**more))
    assert code == 11
    assert line(out, "tabled") == f"tabled labels there 20 images, 5 classes {folder / 'labels.csv'}"
    assert line(out, "corrupted") == f"corrupted corruptions there 20 images, 5 classes {folder / 'labels.csv'}"
    assert line(out, "wrong").startswith(f"wrong labels WRONG {folder / 'labels.csv'}")
    assert "20 images, but wrong has 21" in line(out, "wrong")
    assert line(out, "told") == f"told tables there {checking.TOLD_BY_TABLES}"
    assert line(out, "torn").startswith("torn corruptions WRONG")
    assert out.splitlines()[-1] == "missing or wrong: wrong, torn"


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, Any]:
    """Data of the miniature world, of which nothing is drawn."""
    sets = data()
    sets["pictures"] = {"reader": "folder", "root": "miniature:imagenetv2", "classes": CLASSES, "images": 1000}
    monkeypatch.setattr(sources, "miniature_folder", lambda: folder / "world")
    return sets


def test_a_world_that_is_not_drawn_yet_is_no_trouble(folder: Path, doctor: Any, undrawn: dict[str, Any]) -> None:
    code, out = doctor(data=undrawn)
    assert code == 0
    place = folder / "world" / "imagenetv2"
    told = f"pictures folder later 1,000 pictures, {CLASSES} classes {place} {checking.UNDRAWN}"
    assert line(out, "pictures folder") == told
    assert "pictures  1,000 to decode" in out
    assert line(out, "passes") == "passes 6,000 through networks"
    undrawn["pictures"].pop("images")
    assert doctor(data=undrawn)[0] == 0
    assert [str(one) for one in diagnosed(folder).units] == ["to evaluate, as many pictures as will be drawn"] * UNITS


def test_a_world_that_is_drawn_and_wrong_is_a_trouble(
    doctor: Any, undrawn: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demeanour.miniature.cache.parts.is_complete", lambda *_: True)
    code, out = doctor(data=undrawn)
    assert code == 11
    assert "`demeanour miniature --verify` says which files are not as they were drawn" in line(out, "pictures folder")


# --- units ----------------------------------------------------------------------------------------------------------


def test_what_failed_the_last_time_is_told_until_it_is_there(folder: Path, doctor: Any) -> None:
    write_pretended(folder)
    answer_all(folder, "vit")
    live = opened(folder).live
    seen = [Unit("convnext", "pictures"), Unit("convnext", "pictures", "scale/1.5"), Unit("vit", "pictures")]
    for unit in seen:
        note_failure(live.store.root, live.cast, unit, "the memory does not suffice")
    code, out = doctor()
    assert code == 11
    told = "convnext on pictures and 1 more: FAILED the last time: the memory does not suffice; a run tries it again"
    assert told in out
    assert "vit on pictures" not in out   # which is there since then
    assert out.splitlines()[-1] == "missing or wrong: convnext on pictures and 1 more"
    for unit in seen:
        forget_failure(live.store.root, live.cast, unit)
    assert doctor()[0] == 0


def test_a_failure_for_want_of_what_is_missing_is_told_once(folder: Path, doctor: Any) -> None:
    write_pretended(folder)
    live = opened(folder).live
    note_failure(live.store.root, live.cast, Unit("vit", "pictures"), "it is missing")
    (folder / "vit.safetensors").unlink()
    code, out = doctor()
    assert (code, "FAILED" in out, out.splitlines()[-1]) == (11, False, "missing or wrong: vit")


def test_a_view_that_the_protocol_does_not_define_is_wrong(folder: Path, doctor: Any) -> None:
    write_pretended(folder)
    answer_all(folder, "vit", "convnext")
    describe(opened(folder).live, "vit", native=Preprocessing(None, "bicubic", None, (0, 0, 0), (1, 1, 1)))
    code, out = doctor()
    assert code == 11
    troubles = diagnosed(folder).troubles
    assert [one.what for one in troubles] == ["vit on pictures (resolution/96)", "vit on pictures (scale/1.5)"]
    assert all("WRONG: " in one.text and "is not defined for 'no resize, no crop'" in one.text for one in troubles)
    assert all(f"{one.what}: {one.text}" in out for one in troubles)


@pytest.mark.parametrize("described", [True, False])
def test_corruptions_on_the_fly_need_their_library(
    folder: Path, doctor: Any, monkeypatch: pytest.MonkeyPatch, described: bool
) -> None:
    sets = data(zoomed={"reader": "views", "of": "pictures", "views": ["corruption/fog/3", "corruption/snow/1"]})
    write_pretended(folder, data=sets)
    if described:
        answer_all(folder, "vit", "convnext")
        assert doctor(data=sets)[0] == 0
    monkeypatch.setattr(corruptions, "LIBRARY", "no-such-package")
    corruptions.library.cache_clear()
    try:
        code, out = doctor(data=sets)
    finally:
        monkeypatch.undo()
        corruptions.library.cache_clear()
    assert code == 11
    told = "MISSING: corruptions on the fly need the package no-such-package: pip install no-such-package"
    assert f"vit on pictures (corruption/fog/3) and 1 more: {told}" in out


# --- how long it takes ----------------------------------------------------------------------------------------------


def test_time_follows_from_earlier_evaluations_where_there_were_some(
    folder: Path, doctor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pretended(folder)
    live = opened(folder).live
    for name, seconds in (("vit", 2.0), ("convnext", 1.0)):
        found = describe(live, name)
        rates = {rate_key(found.identity, side, live.cast, name): seconds * side / 64 for side in (64, 96)}
        keep_rates(folder / "cache", "cpu", rates)
    _, out = doctor()
    assert diagnosed(folder).time.seconds == pytest.approx(IMAGES * (2 + 2 + 3 + 1 + 1 + 1.5))
    assert line(out, "time") == "time about 7 min on 2 cores (as earlier evaluations took)"
    assert diagnosed(folder).time.rough is False
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(machine_devices, "which", lambda _: "/usr/bin/nvidia-smi")
    found = diagnosed(folder)
    assert found.time.rough is True   # of those devices nothing is known
    both = [(f"identity of {name}", side) for name in ("vit", "convnext") for side in (64, 96)]
    keep_rates(folder / "cache", "cuda:0", {rate_key(*one, live.cast, "vit"): 1e-6 for one in both})
    found = diagnosed(folder)
    assert found.time.rough is False
    assert found.time.seconds == pytest.approx(6 * IMAGES * 1e-6 / 2)   # preparation is a part of rates; two of a kind


def test_what_is_known_of_some_networks_is_told_for_these(folder: Path) -> None:
    write_pretended(folder)
    live = opened(folder).live
    found = describe(live, "vit")
    describe(live, "convnext", parameters=10**9)
    keep_rates(folder / "cache", "cpu", {rate_key(found.identity, side, live.cast, "vit"): 0.5 for side in (64, 96)})
    rough = IMAGES * 2e9 * (16 + 16 + 36) / (2 * 85e9)
    assert diagnosed(folder).time.seconds == pytest.approx(IMAGES * 0.5 * 3 + rough)
    assert diagnosed(folder).time.rough is True


def test_rates_are_of_a_network_a_side_and_a_way_to_compute(folder: Path) -> None:
    write_pretended(folder)
    cast = opened(folder).cast
    keys = {rate_key(identity, side, cast, "vit") for identity in ("a" * 64, "b" * 64) for side in (64, 96, None)}
    changes: list[dict[str, Any]] = [{"numerics": "bf16"}, {"compiled": True}]
    keys |= {rate_key("a" * 64, 64, cast.model_copy(update=change), "vit") for change in changes}
    assert len(keys) == 8


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"x": "fast"}', '{"x": NaN}', '{"x": 0.0}', '{"x": -1.0}', '{"x": null}']
)
def test_rates_that_are_none_are_not_believed(folder: Path, content: str) -> None:
    keep_rates(folder, "cpu", {"x": 1.0})
    assert known_rates(folder, "cpu") == {"x": 1.0}
    assert known_rates(folder, "cuda:0" if machine_devices.visible_gpus() else "mps") == {}
    path = next((folder / "rates").iterdir())
    path.write_text(content)
    assert known_rates(folder, "cpu") == {}
    keep_rates(folder, "cpu", {"y": 2.0})
    assert known_rates(folder, "cpu") == {"y": 2.0}
    keep_rates(folder, "cpu", {"z": 3.0})
    assert known_rates(folder, "cpu") == {"y": 2.0, "z": 3.0}


def test_rates_need_not_be_kept(folder: Path) -> None:
    (folder / "rates").write_text("no folder")
    keep_rates(folder, "cpu", {"x": 1.0})
    assert known_rates(folder, "cpu") == {}


# parameters and operations of timm's table (multiply-adds times two), at 224 pixels
@pytest.mark.parametrize(("parameters", "operations"), [(86.6e6, 35.1e9), (88.6e6, 30.7e9), (25.6e6, 8.2e9)])
def test_the_rough_rule_is_right_within_a_third_for_networks_of_the_literature(
    folder: Path, parameters: float, operations: float
) -> None:
    write_pretended(folder)
    live = opened(folder).live
    native = Preprocessing(256, "bicubic", 224, (0, 0, 0), (1, 1, 1))
    describe(live, "vit", parameters=int(parameters), native=native)
    work = Workload({}, {}, {("vit", "pictures", "plain"): 1000}, 0)
    found = forecast(Health(opened(folder)), work, ["cpu"])
    assert found.seconds == pytest.approx(1000 * operations / (2 * 85e9), rel=0.34)
    assert found.rough
    assert found.unknown == ()


def test_the_rough_rule_takes_pictures_cores_devices_and_precision_into_account(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pretended(folder)
    health, passes = Health(opened(folder)), ("vit", "pictures", "resolution/32")
    flops = 2 * 1000 * (32 / 16) ** 2   # of 4,000 bytes, which hold 1,000 parameters
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(machine_devices, "which", lambda _: "/usr/bin/nvidia-smi")
    size = health.data("pictures").facts["bytes"]
    assert size == pytest.approx(np.mean([one.stat().st_size for one in folder.rglob("*.png")]), rel=0.05)
    prepared = {("pictures", "resolution/32"): 7}
    work = Workload({"pictures": 7}, prepared, {passes: 1000}, 0)
    decoding = 7 * size / (2 * 32e6)
    assert forecast(health, work, ["cpu"]).seconds == pytest.approx(1000 * flops / (2 * 85e9) + decoding)
    assert forecast(health, work, ["cuda:0"]).seconds == pytest.approx(max(1000 * flops / 12e12, decoding))
    many = Workload({"pictures": 7}, prepared, {passes: 10**9}, 0)
    assert forecast(health, many, ["cuda:0", "cuda:1"]).seconds == pytest.approx(10**9 * flops / 24e12)
    write_pretended(folder, numerics="bf16")
    health = Health(opened(folder))
    assert forecast(health, work, ["cpu"]).seconds == pytest.approx(1000 * flops / (2 * 165e9) + decoding)
    assert forecast(health, many, ["cuda:0"]).seconds == pytest.approx(10**9 * flops / 120e12)


def test_the_side_of_a_network_that_was_never_loaded_is_its_cards_or_224(folder: Path) -> None:
    work = Workload({}, {}, {("vit", "pictures", "plain"): 10**6}, 0)
    seconds = []
    for pixels in ({}, {"preprocessing": {"crop": 112, "mean": [0.5] * 3, "std": [0.5] * 3}}):
        write_pretended(folder, models=model("timm:vit@vit.safetensors", **pixels, parameters=5_000_000))
        seconds.append(forecast(Health(opened(folder)), work, ["cpu"]).seconds)
    assert seconds == pytest.approx([10**6 * 1e7 * 14**2 / 170e9, 10**6 * 1e7 * 7**2 / 170e9])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 s"), (119.4, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (1.7e5, "47 h"), (2e5, "2 days")],
)
def test_durations_are_told_in_units_of_which_there_are_two(seconds: float, words: str) -> None:
    assert diagnosis_text._duration(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (999.6, "1.0 kB"), (12_345, "12.3 kB"), (123_456, "123 kB"), (5e16, "50000 TB")],
)
def test_sizes_are_told_in_decimal_units(size: float, words: str) -> None:
    assert diagnosis_text.in_bytes(size) == words


@pytest.mark.parametrize(("images", "classes"), [(600, 16), (2000, 400)])
def test_evidence_takes_about_as_much_disk_as_foretold(tmp_path: Path, images: int, classes: int) -> None:
    dice = generator("disk", str(images))
    logits = dice.normal(0, 2, (images, classes)).astype(np.float32)
    logits[np.arange(images), dice.integers(classes, size=images)] += 8
    columns = columns_of_logits(logits, dice.integers(classes, size=images), "here")
    ids = np.asarray([f"ILSVRC2012_val_{row:08d}.JPEG" for row in range(images)])
    store = Store(tmp_path)
    store.table("a", {"model": "one"}, lambda: prediction_table(ids, columns, classes, "here"))
    assert store.path("a").stat().st_size == pytest.approx(ROW * images, rel=0.15)
    assert len(columns) + 1 == 9   # all that the evaluation writes, and the ids
    Arrays(tmp_path).write("b", {"logits": logits.astype(np.float16)}, {})
    found = next(one.size for one in entries(tmp_path) if one.key == "b")
    assert found == pytest.approx(2 * classes * images, rel=0.1)


# --- the command ----------------------------------------------------------------------------------------------------


def test_json_says_the_same_for_machines(folder: Path, doctor: Any) -> None:
    sets = data(gone={"reader": "folder", "root": "gone", "classes": 3})
    write_pretended(folder, data=sets)
    answer_all(folder, "vit")
    live = opened(folder).live
    note_failure(live.store.root, live.cast, Unit("convnext", "pictures"), "too large")
    code, out = doctor("--json", data=sets)
    found = json.loads(out)
    assert code == 11
    assert (found["cast"], found["protocol"], found["numerics"]) == ("cast", "native", "fp32")
    assert found["machine"]["cores"] == 2
    assert found["machine"]["cache"] == str(folder / "cache")
    assert found["machine"]["holds"]["predictions"]["pieces"] == 3
    assert found["machine"]["packages"]["timm"] == version("timm")
    vit, convnext = found["models"]
    assert (vit["name"], vit["kind"], vit["state"]) == ("vit", "timm", "there")
    assert vit["place"] == str(folder / "vit.safetensors")
    assert vit["facts"]["parameters"] == 1_500_000
    assert vit["facts"]["identity"] == "identity of vit"
    assert convnext["remark"] == checking.UNLOADED
    pictures, zoomed, gone = found["data"]
    assert (pictures["facts"]["images"], zoomed["facts"]) == (IMAGES, {"of": "pictures", "views": 2})
    assert (gone["state"], gone["place"]) == ("MISSING", str(folder / "gone"))
    assert found["tables"] == []
    units = {one.pop("unit"): one for one in found["units"]}
    assert units["vit on pictures, logits"] == {"there": True, "pictures": 0, "trouble": None, "failure": None}
    failed = {"there": False, "pictures": IMAGES, "trouble": None, "failure": "too large"}
    assert units["convnext on pictures"] == failed
    evaluation = found["evaluation"]
    assert (evaluation["decoded"], evaluation["passes"], evaluation["disk"]) == (IMAGES, 3 * IMAGES, 6800)
    assert evaluation["rough"] is True
    assert evaluation["seconds"] > 0
    assert [one["what"] for one in found["troubles"]] == ["gone", "convnext on pictures"]


def test_tables_of_predictions_are_read_and_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def doctor() -> tuple[int, str]:
        return main(["doctor", *arguments]), capsys.readouterr().out

    arguments = write_small(folder)
    code, out = doctor()
    assert code == 0
    assert line(out, "sup on tiny") == f"sup on tiny predictions there 400 images {folder / 'sup.csv'}"
    assert line(out, "tiny labels") == f"tiny labels there 400 images, 10 classes {folder / 'labels.csv'}"
    assert out.startswith("the cast 'small' (none)\n")
    assert "\nmodels" not in out
    assert "\nevaluation" not in out
    assert out.splitlines()[-1] == "nothing is missing"
    table = folder / "sup.csv"
    table.write_text(table.read_text().replace("0007.png", "seven.png"))
    code, out = doctor()
    assert code == 11
    assert line(out, "sup on tiny").startswith(f"sup on tiny predictions WRONG {table}")
    assert "1 unknown ids, such as 'seven.png'" in line(out, "sup on tiny")
    table.unlink()
    assert line(doctor()[1], "sup on tiny") == f"sup on tiny predictions MISSING {table} is missing"
    (folder / "labels.csv").unlink()
    code, out = doctor()
    told = f"clip on tiny predictions there {folder / 'clip.csv'} not read, for tiny is not as it should be"
    assert line(out, "clip on tiny") == told
    assert (code, out.splitlines()[-1]) == (11, "missing or wrong: tiny, sup on tiny")


def test_repeats_are_looked_at_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = write_small(folder)
    cast = yaml.safe_load((folder / "small.yaml").read_text())
    cast["models"]["sup"]["repeats"] = ["predictions:again.csv"]
    (folder / "small.yaml").write_text(yaml.safe_dump(cast))
    assert main(["doctor", *arguments]) == 11
    assert f"{folder / 'again.csv'} is missing" in line(capsys.readouterr().out, "sup on tiny")


def test_a_bad_cast_is_said_to_be_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = write_pretended(folder, protocol="natve")
    assert main(["doctor", *arguments]) == 12
    assert main(["doctor", "--cast", "no-such-cast"]) == 12
    assert capsys.readouterr().out == ""


def test_whoever_waits_at_a_terminal_sees_what_is_looked_at(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = write_pretended(folder)
    assert main(["doctor", *arguments]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["doctor", *arguments]) == 0
    shown = capsys.readouterr().err
    assert shown == "\r\x1b[Klooking at pictures …\r\x1b[Klooking at zoomed …\r\x1b[K"


def test_no_network_library_is_imported(folder: Path) -> None:
    calls = []
    for name, models in {"new": {}, "evaluated": {}, "published": {"models": model("timm:vit_tiny.augreg")}}.items():
        (folder / name).mkdir()
        calls += [[command, *write_pretended(folder / name, **models)] for command in ("doctor", "plan")]
    monkey = {"DEMEANOUR_CACHE": str(folder / "evaluated" / "cache"), "HF_HUB_CACHE": str(folder / "hub")}
    answer_all(folder / "evaluated", "vit", "convnext")
    heavy = ("torch", "timm", "open_clip", "torchvision", "onnxruntime")
    code = f"""
import sys
from demeanour.cli import main
codes = [main(arguments) for arguments in {calls!r}]
print([name for name in {heavy!r} if name in sys.modules], codes)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **monkey})
    assert done.stdout.splitlines()[-1] == "[] [0, 0, 0, 0, 0, 0]"
    assert done.stdout.count(f"units  {UNITS}: {UNITS} there") == 1
    assert done.stdout.count(": evaluated\n") == UNITS
