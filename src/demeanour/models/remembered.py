"""What networks were found to be when they were last loaded, so that keys need neither torch nor the network."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from demeanour.files import file_hash, write_whole
from demeanour.models.description import Description, Request, identity, looks
from demeanour.models.source import parse_source

_PACKAGES = ("timm", "open_clip_torch", "torch", "torchvision", "pillow", "safetensors", "onnxruntime")
_CODE = ("models", "views")
RUN = "DEMEANOUR_RUN"   # names a run to all its processes


def describe(request: Request, root: Path, run: Callable[[Request], Description]) -> Description:
    """What a network is: as remembered, or as loading it tells, which is remembered.

    Args:
        request: What its card asks for.
        root: The folder of all that is kept.
        run: Loads the network and describes it.
    """
    found = recall(request, root)
    if found is None:
        found = run(request)
        remember(request, found, root)
    return found


def recall(request: Request, root: Path) -> Description | None:
    """What a network was when it was last loaded.

    None where it never was, where a file of it looks otherwise by now, where it was loaded by other code or packages,
    where what was kept is damaged, and for ``python:`` in every other run, since a function may do anything.
    """
    try:
        record = json.loads(_path(request, root).read_text(encoding="utf-8"))
        if _is_python(request) and (record["run"] is None or record["run"] != os.environ.get(RUN)):
            return None
        if record["check"] != _check(record["description"]):
            return None
        found = Description.of(record["description"])
        if all(looks(Path(path)) == (path, size, time) for path, size, time in found.files):
            return found
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return None


def remember(request: Request, description: Description, root: Path) -> None:
    """Keep what a network is, below ``ROOT/models``; where that cannot be written, it is found out anew next time."""
    run = os.environ.get(RUN)
    if _is_python(request) and run is None:
        return
    record = description.record()
    kept = {"run": run, "request": request.record(), "description": record, "check": _check(record)}
    with suppress(OSError):
        write_whole(_path(request, root), json.dumps(kept, ensure_ascii=False, indent=1))


def _is_python(request: Request) -> bool:
    return parse_source(request.source).scheme == "python"


def _check(record: object) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _path(request: Request, root: Path) -> Path:
    return root / "models" / f"{identity(request=request.record(), versions=_versions(), code=_code())}.json"


def _versions() -> list[str | None]:
    return [_version(package) for package in _PACKAGES]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:   # an optional one
        return None


@lru_cache
def _code() -> list[str]:
    library = Path(__file__).parents[1]
    return [file_hash(file) for part in _CODE for file in sorted((library / part).rglob("*.py"))]
