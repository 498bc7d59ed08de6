"""The code and the packages that make pixels and answers."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from demeanour.evidence.store import code_hash, evidence_key

_PACKAGES = ("torch", "torchvision", "timm", "open_clip_torch", "pillow", "onnxruntime")


def packages() -> dict[str, str | None]:
    """The versions of the packages that make pixels and answers; None of one that is not installed."""
    return {package: _version(package) for package in _PACKAGES}


@lru_cache
def adapter() -> str:
    """Of the code and the packages that make pixels and answers: with others, answers are other evidence."""
    code = code_hash("models", "views", "evaluation/answers.py")
    return evidence_key(code=code, packages=list(packages().values()))


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:   # an optional one
        return None
