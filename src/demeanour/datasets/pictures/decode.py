"""From encoded bytes to pixels, as the pipelines of the papers do it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from demeanour.errors import EvidenceError

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")   # others run programs, or hold no photographs
Found = TypeVar("Found")
LARGEST = 178_956_970   # pixels: what Pillow takes for a decompression bomb; the largest of ImageNet has 25 million


def decode(data: bytes, where: str) -> Image:
    """A picture as RGB, by Pillow and ``convert("RGB")`` like torchvision's and timm's loaders.

    So grey becomes three equal channels, a palette its colours, CMYK is inverted without a colour profile,
    transparency is dropped with whatever colour lay below it, and 16 bits of grey are cut off at 255, not scaled. The
    orientation that a camera wrote into EXIF is not applied: no published number is with it.

    Args:
        data: The bytes of a JPEG, PNG, WebP, BMP, GIF, TIFF or PPM; of several pictures the first is taken.
        where: What messages call it.

    Returns:
        Fully decoded, of mode RGB.

    Raises:
        EvidenceError: The bytes are no picture of these formats, are truncated or damaged, or it has more pixels than
            ``LARGEST``.
    """
    return _opened(data, where, _as_rgb)


def size_of_picture(data: bytes, where: str) -> tuple[int, int]:
    """Width and height of a picture in pixels, from its head alone: what `decode` would give, without decoding.

    Args:
        data: The bytes of the whole picture.
        where: What messages call it.

    Raises:
        EvidenceError: The head is that of no picture, or there are too many pixels.
    """
    return _opened(data, where, lambda picture: (picture.width, picture.height))


def _as_rgb(picture: Image) -> Image:
    picture.load()
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _opened(data: bytes, where: str, look: Callable[[Image], Found]) -> Found:
    """What is seen in a picture that is opened; an `EvidenceError` where that cannot be done."""
    from PIL import Image, ImageFile

    ImageFile.LOAD_TRUNCATED_IMAGES = False   # others' code may have asked for grey where bytes are missing
    try:
        picture = Image.open(io.BytesIO(data), formats=_FORMATS)
        pixels = picture.width * picture.height
        if pixels <= LARGEST:
            return look(picture)
    except MemoryError:
        raise
    except Exception as error:   # of damaged bytes, Pillow's decoders raise anything
        told = "no bytes" if not data else str(error).replace("cannot identify image file", "no picture")
        raise EvidenceError(f"{where}: cannot be decoded ({told}); replace the file") from error
    raise EvidenceError(f"{where}: {pixels:,} pixels, more than {LARGEST:,}; such a picture is no photograph")
