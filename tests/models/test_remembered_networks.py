"""What a network was found to be is known without torch, until anything that it depends on is another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from demeanour.models import load, remembered
from demeanour.models.description import Description, Head, Request, looks
from demeanour.models.remembered import describe, recall, remember
from demeanour.views.geometry import Preprocessing

PIXELS = Preprocessing(248, "bicubic", 224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def request_(weights: Path) -> Request:
    return Request(f"timm:resnet18@{weights}", imports="some.module", head=Head(logit_scale=None), preprocessing=PIXELS)


@pytest.fixture
def found(weights: Path) -> Description:
    return Description("abc", "supervised", PIXELS, 1000, 11_000_000, (looks(weights),), ("a note",))


def test_what_was_found_is_known_again(request_: Request, found: Description, tmp_path: Path) -> None:
    assert recall(request_, tmp_path) is None
    remember(request_, found, tmp_path)
    assert recall(request_, tmp_path) == found
    assert [path.suffix for path in (tmp_path / "models").iterdir()] == [".json"]


def test_it_is_loaded_once(request_: Request, found: Description, tmp_path: Path) -> None:
    asked: list[Request] = []

    def run(request: Request) -> Description:
        asked.append(request)
        return found

    assert [describe(request_, tmp_path, run) for _ in range(3)] == [found] * 3
    assert asked == [request_]


@pytest.mark.parametrize(
    "change",
    [
        {"source": "timm:resnet34@x"}, {"imports": None}, {"weights": "model"}, {"head": None}, {"classes": 1000},
        {"preprocessing": None}, {"head": Head()},
    ],
)  # fmt: skip
def test_another_request_is_another_network(
    change: dict[str, object], request_: Request, found: Description, tmp_path: Path
) -> None:
    remember(request_, found, tmp_path)
    assert recall(replace(request_, **change), tmp_path) is None  # type: ignore[arg-type]


def test_requests_and_descriptions_survive_json(request_: Request, found: Description) -> None:
    assert Request.of(json.loads(json.dumps(request_.record()))) == request_
    assert Request.of(json.loads(json.dumps(Request("timm:x").record()))) == Request("timm:x")
    assert Description.of(json.loads(json.dumps(found.record()))) == found


@pytest.mark.parametrize("change", ["time", "size", "missing"])
def test_a_file_that_looks_otherwise_is_another(
    change: str, request_: Request, found: Description, weights: Path, tmp_path: Path
) -> None:
    remember(request_, found, tmp_path)
    state = weights.stat()
    if change == "time":
        os.utime(weights, ns=(state.st_atime_ns, state.st_mtime_ns + 1_000_000))
    elif change == "size":
        weights.write_bytes(b"other weights")
        os.utime(weights, ns=(state.st_atime_ns, state.st_mtime_ns))
    else:
        weights.unlink()
    assert recall(request_, tmp_path) is None


@pytest.mark.parametrize("package", ["timm", "open_clip_torch", "torch", "torchvision", "pillow"])
def test_another_version_of_a_package_may_find_otherwise(
    package: str, request_: Request, found: Description, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(request_, found, tmp_path)
    real = remembered.version
    monkeypatch.setattr(remembered, "version", lambda name: "0.0.1" if name == package else real(name))
    assert recall(request_, tmp_path) is None
    monkeypatch.undo()
    assert recall(request_, tmp_path) == found


def test_other_code_may_find_otherwise(
    request_: Request, found: Description, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(request_, found, tmp_path)
    for part in ("models", "views"):
        (tmp_path / "library" / part).mkdir(parents=True)
    monkeypatch.setattr(remembered, "__file__", str(tmp_path / "library" / "models" / "remembered.py"))
    remembered._code.cache_clear()
    keys = {remembered._path(request_, tmp_path)}
    for part in ("models", "views"):
        (tmp_path / "library" / part / "x.py").write_text(f"# {part}")
        remembered._code.cache_clear()
        keys.add(remembered._path(request_, tmp_path))
    assert len(keys) == 3
    assert recall(request_, tmp_path) is None
    monkeypatch.undo()
    remembered._code.cache_clear()
    assert recall(request_, tmp_path) == found


@pytest.mark.parametrize("damage", ["empty", "truncated", "no JSON", "a list", "identity", "note", "unknown key"])
def test_a_damaged_memo_is_none(damage: str, request_: Request, found: Description, tmp_path: Path) -> None:
    remember(request_, found, tmp_path)
    (path,) = (tmp_path / "models").iterdir()
    text = path.read_text()
    changed = {
        "empty": "", "truncated": text[: len(text) // 2], "no JSON": "weights", "a list": "[]",
        "identity": text.replace('"abc"', '"abd"'), "note": text.replace("a note", "no note"),
        "unknown key": text.replace('"family"', '"familie"'),
    }  # fmt: skip
    assert changed[damage] != text
    path.write_text(changed[damage])
    assert recall(request_, tmp_path) is None
    remember(request_, found, tmp_path)
    assert recall(request_, tmp_path) == found


def test_a_function_is_never_remembered(found: Description, tmp_path: Path) -> None:
    request = Request("python:my.networks:make")
    remember(request, found, tmp_path)
    assert recall(request, tmp_path) is None
    assert not (tmp_path / "models").exists()


def test_where_nothing_can_be_written_it_is_found_out_anew(
    request_: Request, found: Description, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    assert describe(request_, tmp_path / "file", lambda _: found) == found
    assert recall(request_, tmp_path / "file") is None


def test_recalling_imports_nothing_heavy(request_: Request, found: Description, tmp_path: Path) -> None:
    remember(request_, found, tmp_path)
    code = (
        "import json, sys; from pathlib import Path\n"
        "from demeanour.models.remembered import recall\nfrom demeanour.models.description import Request\n"
        "request = Request.of(json.loads(sys.argv[1]))\n"
        "print(recall(request, Path(sys.argv[2])).identity)\n"
        "print(sorted({'torch', 'timm', 'open_clip', 'torchvision', 'PIL', 'onnxruntime'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", code, json.dumps(request_.record()), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["abc", "[]"]


def test_a_real_network_is_described_and_known_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import timm
    from safetensors.torch import save_file

    file = tmp_path / "w.safetensors"
    save_file(timm.create_model("test_resnet").state_dict(), file)
    request = Request(f"timm:test_resnet@{file}")
    found = load.describe(request, tmp_path)
    monkeypatch.setattr(load, "load", None)   # it is not called again
    assert load.describe(request, tmp_path) == found
    assert found.classes == 1000
