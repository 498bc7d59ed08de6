"""From a decoded picture to a network's input, pixel by pixel as torchvision makes it from PIL images.

torch is not imported: processes that only decode and prepare stay small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demeanour.errors import EvidenceError
from demeanour.views.corruptions import corrupted
from demeanour.views.geometry import Geometry
from demeanour.views.placing import Size, centred, resized, window

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 2**28   # pixels of a resized picture: what is larger is no photograph, but would fill the memory
_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def prepare(picture: Image.Image, geometry: Geometry, name: str) -> NDArray[np.uint8]:
    """The pixels that a network sees, before they are normalised.

    Args:
        picture: RGB.
        geometry: What is done to it.
        name: The picture's id: errors name it, and what is random in a corruption depends on it.

    Returns:
        RGB, (side, side, 3), or (h, w, 3) where the geometry leaves the size as it is.

    Raises:
        EvidenceError: The picture does not have the size that is expected of it, or is too small or too long for what
            is to be done to it.
        ValueError: It is not RGB.
    """
    if picture.mode != "RGB":
        raise ValueError(f"{name}: a picture of mode {picture.mode}, not RGB")
    if geometry.shift is not None:
        picture = _window(picture, geometry, name)
    else:
        if geometry.resize:
            picture = _resized(picture, geometry.resize, geometry, name)
        if geometry.crop:
            picture = picture.crop(centred(picture.size, geometry.crop))
    if geometry.expected and picture.size != (geometry.expected, geometry.expected):
        side = geometry.expected
        raise EvidenceError(
            f"{name}: {_by(picture.size)} pixels, but protocol and network take {_by((side, side))} as they are; "
            "protocol 'native' resizes"
        )
    pixels = np.array(picture)
    if geometry.corruption is None:
        return pixels
    assert geometry.severity is not None
    return corrupted(pixels, geometry.corruption, geometry.severity, name)


def normalise(pixels: Tensor, mean: tuple[float, float, float], std: tuple[float, float, float]) -> Tensor:
    """Bytes as a network's input: bit by bit as by torchvision's ``ToTensor`` and ``Normalize``.

    Args:
        pixels: RGB of uint8, (n, h, w, 3).
        mean: Of red, green and blue in [0, 1].
        std: Likewise.

    Returns:
        float32, (n, 3, h, w), on the device of the pixels.

    Raises:
        ValueError: The pixels are not of this type and shape.
    """
    if str(pixels.dtype) != "torch.uint8" or pixels.ndim != 4 or pixels.shape[3] != 3:
        raise ValueError(f"pixels of {pixels.dtype}, {tuple(pixels.shape)}: not of uint8, (n, h, w, 3)")
    x = pixels.permute(0, 3, 1, 2).contiguous().float()
    # 255 as a tensor: by a number, torch divides on GPUs by multiplying with its reciprocal, which is not the same
    return x.div_(x.new_tensor(255)).sub_(x.new_tensor(mean)[:, None, None]).div_(x.new_tensor(std)[:, None, None])


def _resized(picture: Image.Image, shorter: int, geometry: Geometry, name: str) -> Image.Image:
    size = resized(picture.size, shorter)
    if size[0] * size[1] > LARGEST:
        raise EvidenceError(f"{name}: {_by(picture.size)} pixels would become {_by(size)}")
    return picture.resize(size, _filter(geometry))


def _window(picture: Image.Image, geometry: Geometry, name: str) -> Image.Image:
    """The moved window of the original, resized."""
    assert geometry.crop is not None
    left, top, right, bottom = window(picture.size, geometry)
    if right == left:
        raise EvidenceError(f"{name}: {_by(picture.size)} pixels are too few for a window of them")
    return picture.crop((left, top, right, bottom)).resize((geometry.crop, geometry.crop), _filter(geometry))


def _filter(geometry: Geometry) -> Image.Resampling:
    assert geometry.interpolation is not None
    return _FILTERS[geometry.interpolation]


def _by(size: Size) -> str:
    return f"{size[0]}×{size[1]}"
