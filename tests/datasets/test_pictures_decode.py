"""Bytes become the pixels that torchvision's loader gives, or an error that names the picture."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps
from torchvision.datasets.folder import pil_loader

from demeanour.datasets.pictures import decode as decoding
from demeanour.datasets.pictures.decode import decode
from demeanour.errors import EvidenceError
from tests.datasets.small_trees import coloured, encoded

SMOOTH = Image.fromarray(coloured(1)).resize((48, 32), Image.Resampling.BICUBIC)
RGBA = np.dstack([np.full((2, 2, 3), [10, 20, 30], np.uint8), np.asarray([[0, 255], [7, 128]], np.uint8)])
DEEP = np.asarray([[0, 1, 254, 255], [256, 1000, 40_000, 65_535]], np.uint16)
PALETTE = Image.fromarray(np.asarray([[0, 1], [2, 0]], np.uint8), "L").convert("P")
PALETTE.putpalette([10, 20, 30, 200, 0, 100, 1, 2, 3])
SIDEWAYS = Image.Exif()
SIDEWAYS[0x0112] = 6   # the camera was turned by 90°

KINDS = {
    "JPEG": encoded(SMOOTH, "JPEG"),
    "JPEG, progressive": encoded(SMOOTH, "JPEG", progressive=True, quality=40),
    "JPEG, grey": encoded(SMOOTH.convert("L"), "JPEG"),
    "JPEG, CMYK": encoded(SMOOTH.convert("CMYK"), "JPEG"),
    "JPEG, sideways": encoded(SMOOTH, "JPEG", exif=SIDEWAYS),
    "PNG": encoded(SMOOTH),
    "PNG, grey": encoded(SMOOTH.convert("L")),
    "PNG, grey and transparent": encoded(SMOOTH.convert("LA")),
    "PNG, transparent": encoded(RGBA),
    "PNG, palette": encoded(PALETTE),
    "PNG, palette with a transparent colour": encoded(PALETTE, transparency=1),
    "PNG, black and white": encoded(SMOOTH.convert("1")),
    "PNG, 16 bits": encoded(DEEP),
    "WebP": encoded(SMOOTH, "WEBP"),
    "WebP, lossless and transparent": encoded(RGBA, "WEBP", lossless=True),
    "BMP": encoded(SMOOTH, "BMP"),
    "GIF": encoded(SMOOTH.convert("P"), "GIF"),
    "GIF, two pictures": encoded(SMOOTH.convert("P"), "GIF", save_all=True, append_images=[SMOOTH.rotate(180)]),
    "TIFF, CMYK": encoded(SMOOTH.convert("CMYK"), "TIFF"),
    "PPM": encoded(SMOOTH, "PPM"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_are_those_of_torchvision_s_loader(kind: str, tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(KINDS[kind])
    found = decode(KINDS[kind], "a picture")
    assert found.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(found), np.asarray(pil_loader(tmp_path / "picture")))


def test_grey_is_three_equal_channels() -> None:
    found = np.asarray(decode(KINDS["PNG, grey"], "grey"))
    np.testing.assert_array_equal(found, np.repeat(np.asarray(SMOOTH.convert("L"))[..., None], 3, axis=2))


def test_a_palette_becomes_its_colours() -> None:
    expected = [[[10, 20, 30], [200, 0, 100]], [[1, 2, 3], [10, 20, 30]]]
    for kind in ("PNG, palette", "PNG, palette with a transparent colour"):
        assert np.asarray(decode(KINDS[kind], kind)).tolist() == expected


def test_transparency_is_dropped_and_what_lay_below_it_is_shown() -> None:
    np.testing.assert_array_equal(np.asarray(decode(KINDS["PNG, transparent"], "transparent")), RGBA[..., :3])


def test_cmyk_is_inverted_without_a_profile() -> None:
    inks = np.zeros((1, 3, 4), np.uint8)
    inks[0, 0, 0], inks[0, 1, 1], inks[0, 2, 3] = 255, 100, 255   # all of cyan, some magenta, all of black
    found = decode(encoded(Image.fromarray(inks, "CMYK"), "TIFF"), "inks")
    assert np.asarray(found).tolist() == [[[0, 255, 255], [255, 155, 255], [0, 0, 0]]]


def test_sixteen_bits_of_grey_are_cut_off() -> None:
    found = np.asarray(decode(KINDS["PNG, 16 bits"], "deep"))
    np.testing.assert_array_equal(found[..., 0], np.minimum(DEEP, 255))


def test_the_orientation_of_a_camera_is_not_applied() -> None:
    found = decode(KINDS["JPEG, sideways"], "sideways")
    assert found.size == SMOOTH.size
    with Image.open(io.BytesIO(KINDS["JPEG, sideways"])) as stored:
        assert ImageOps.exif_transpose(stored).size == SMOOTH.size[::-1]   # who applies it gets another picture


@pytest.mark.parametrize("kind", [kind for kind, data in KINDS.items() if len(data) > 400 and "two" not in kind])
@pytest.mark.parametrize("part", [0.0, 0.02, 0.5, 0.8])
@pytest.mark.filterwarnings("ignore:Truncated File Read:UserWarning")
def test_a_truncated_picture_is_named(kind: str, part: float) -> None:
    data = KINDS[kind]
    with pytest.raises(EvidenceError, match=r"^fog/3/x\.JPEG: cannot be decoded \(.+\); replace the file$"):
        decode(data[: int(part * len(data))], "fog/3/x.JPEG")


def test_a_truncated_picture_is_an_error_even_where_other_code_asked_for_grey(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = KINDS["JPEG"][:-60]
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with Image.open(io.BytesIO(cut)) as picture:
        picture.load()   # no error
    with pytest.raises(EvidenceError, match=r"x: cannot be decoded \(image file is truncated"):
        decode(cut, "x")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "no bytes"),
        (b"<!DOCTYPE html><html>404</html>", "no picture"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EOF\n", "no picture"),   # a program, not a picture
        (KINDS["PNG"].replace(b"IHDR", b"IHDX"), "broken PNG|no picture"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, told: str) -> None:
    with pytest.raises(EvidenceError, match=rf"^x\.png: cannot be decoded \(.*({told})"):
        decode(data, "x.png")


def test_a_damaged_picture_is_named() -> None:
    data = bytearray(KINDS["PNG"])
    start = data.index(b"IDAT") + 4
    data[start : start + 40] = bytes(40)
    with pytest.raises(EvidenceError, match=r"^x\.png: cannot be decoded"):
        decode(bytes(data), "x.png")


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(99))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


@pytest.mark.parametrize("limit", [Image.MAX_IMAGE_PIXELS, None])   # Pillow's own, or switched off by other code
def test_a_picture_of_absurdly_many_pixels_is_not_decoded(limit: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(EvidenceError, match=r"^bomb\.png: .*400,?000,?000 pixels"):
        decode(bomb(20_000, 20_000), "bomb.png")


def test_the_largest_picture_is_one_of_that_many_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "LARGEST", 16)
    assert decode(encoded(coloured(1, 4)), "x").size == (4, 4)
    with pytest.raises(EvidenceError, match="25 pixels, more than 16"):
        decode(encoded(coloured(1, 5)), "x")
