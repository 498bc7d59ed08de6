"""The fifteen corruptions of ImageNet-C (Hendrycks and Dietterich, 2019), made on the fly for pictures of any size."""

from __future__ import annotations

import importlib
import importlib.metadata
import threading
from functools import cache

import numpy as np
from numpy.typing import NDArray

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.statistics import seeds

LIBRARY = "imagecorruptions-imaug"
SMALLEST = 32   # pixels of a side that the library accepts
_SEEDED = ("impulse_noise", "glass_blur")   # draw from generators of their own, by a seed that they are given
_GLOBAL = threading.Lock()   # of numpy's global generator, from which the others draw


@cache
def library() -> str:
    """Name and version of the library that corrupts.

    Raises:
        NotMeasuredError: It is not installed.
    """
    try:
        return f"{LIBRARY} {importlib.metadata.version(LIBRARY)}"
    except importlib.metadata.PackageNotFoundError:
        raise NotMeasuredError(f"corruptions on the fly need the package {LIBRARY}: pip install {LIBRARY}") from None


def corrupted(pixels: NDArray[np.uint8], corruption: str, severity: int, name: str) -> NDArray[np.uint8]:
    """A picture, corrupted by the same fifteen ways as ImageNet-C's, but not to the same bytes.

    What is random depends on the corruption and the picture's name only: not on other pictures, their order or the
    process; and severities share it, so that they differ by their strength. Strengths are ImageNet-C's, but for the
    elastic transform, which the library makes without its affine part; and nothing is saved as JPEG at last. Lengths
    are for a side of 224 pixels: they weigh more in smaller pictures, and less in larger ones.

    Args:
        pixels: RGB, (h, w, 3), 32 pixels and more each way.
        corruption: One of ``CORRUPTIONS``.
        severity: 1 … 5.
        name: The picture's id.

    Returns:
        RGB, (h, w, 3).

    Raises:
        NotMeasuredError: The library is not installed.
        EvidenceError: The picture is too small.
    """
    library()
    if min(pixels.shape[:2]) < SMALLEST:
        height, width = pixels.shape[:2]
        raise EvidenceError(f"{name}: {width}×{height} pixels are too few to corrupt; {SMALLEST} each way are needed")
    module = importlib.import_module("imagecorruptions")
    seed = int(seeds.generator("corruption", corruption, name).integers(2**32))
    given = {"seed": seed} if corruption in _SEEDED else {}
    with _GLOBAL:
        before = np.random.get_state()   # noqa: NPY002
        np.random.seed(seed)   # noqa: NPY002
        try:
            result: NDArray[np.uint8] = module.corrupt(pixels, severity, corruption, **given)
        finally:
            np.random.set_state(before)   # noqa: NPY002
    return result
