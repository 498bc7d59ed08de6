"""Every view under both protocols against torchvision, pixel by pixel: own interpolations, and corruptions last."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from types import SimpleNamespace

import numpy as np
import open_clip
import pytest
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode, functional

from demeanour.statistics import seeds
from demeanour.views import corruptions
from demeanour.views.corruptions import LIBRARY, corrupted
from demeanour.views.geometry import Preprocessing, View
from demeanour.views.prepare import prepare
from demeanour.views.protocols import steps

HALF = ((0.5,) * 3, (0.5,) * 3)
SMALL = Preprocessing(73, "bilinear", 64, *HALF)   # such as networks of small pictures have
BICUBIC = Preprocessing(64, "bicubic", 64, *HALF)
LARGE = Preprocessing(256, "bicubic", 224, *HALF)
OWN = {"supervised": LARGE, "clip": Preprocessing(224, "bicubic", 224, *HALF)}
MODES = {"bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC}
SIZES = [(64, 64), (96, 80), (80, 96), (500, 375), (375, 500), (300, 299)]


def noise(size: tuple[int, int]) -> Image.Image:
    rng = seeds.generator("noise", *map(str, size))
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def seen(picture: Image.Image, protocol: str, family: str, own: Preprocessing, view: str) -> np.ndarray:
    return prepare(picture, steps(protocol, family, own, "imagenet", View.parse(view)).geometry, "x.jpg")


@pytest.fixture(autouse=True)
def _look_again() -> Iterator[None]:
    corruptions.library.cache_clear()
    yield
    corruptions.library.cache_clear()


@pytest.mark.parametrize("family", ["supervised", "clip"])
@pytest.mark.parametrize("own", [SMALL, BICUBIC, LARGE], ids=str)
def test_native_views_are_torchvisions(own: Preprocessing, family: str) -> None:
    mode = MODES[own.interpolation]
    for picture in map(noise, SIZES):
        for scale in (1, 1.25, 1.5, 2, 3):
            zoomed = transforms.Compose([
                transforms.Resize(int(scale * own.resize), mode), transforms.CenterCrop(own.crop)
            ])  # fmt: skip
            np.testing.assert_array_equal(seen(picture, "native", family, own, f"scale/{scale}"), zoomed(picture))
        for side in (32, 64, 96, 184):
            resized = transforms.Compose([
                transforms.Resize(side * own.resize // own.crop, mode), transforms.CenterCrop(side)
            ])  # fmt: skip
            np.testing.assert_array_equal(seen(picture, "native", family, own, f"resolution/{side}"), resized(picture))


@pytest.mark.parametrize("pixels", [0, 2, 8, 20, 28])
def test_native_shifts_move_the_window_of_the_crop_and_keep_its_interpolation(pixels: int) -> None:
    """Of square pictures whose shorter side is cut whole, the window begins at the shift: the rest is black."""
    picture = noise((64, 64))
    moved = functional.crop(picture, pixels, 0, 64, 64)   # downwards, as both sides are equal
    found = seen(picture, "native", "clip", BICUBIC, f"shift/{pixels}")
    np.testing.assert_array_equal(found, functional.resize(moved, [64, 64], InterpolationMode.BICUBIC))
    assert not found[64 - pixels :].any()
    wide = noise((96, 64))   # (96 − 64) / 2 to the left of the window
    moved = functional.crop(wide, 0, 16 + pixels, 64, 64)
    np.testing.assert_array_equal(seen(wide, "native", "clip", BICUBIC, f"shift/{pixels}"), moved)


@pytest.mark.parametrize("own", [SMALL, BICUBIC, LARGE], ids=str)
def test_views_that_change_nothing_are_the_plain_one(own: Preprocessing) -> None:
    for picture in map(noise, SIZES):
        plain = seen(picture, "native", "supervised", own, "plain")
        for view in ("scale/1", f"resolution/{own.crop}"):
            np.testing.assert_array_equal(seen(picture, "native", "supervised", own, view), plain)


def prepared_by_the_paper(picture: Image.Image, family: str) -> np.ndarray:
    if family == "clip":
        return np.asarray(transforms.Compose(open_clip.image_transform(224, is_train=False).transforms[:2])(picture))
    return np.asarray(transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])(picture))


@pytest.mark.parametrize("family", ["supervised", "clip"])
def test_corruptions_are_made_of_what_the_network_would_see(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that turns pictures upside down, so that where it comes in is told by every pixel."""
    upside_down = SimpleNamespace(corrupt=lambda image, severity, corruption_name, seed=None: image[::-1])
    monkeypatch.setitem(sys.modules, "imagecorruptions", upside_down)
    monkeypatch.setattr(corruptions.importlib.metadata, "version", lambda name: "1")
    for size in SIZES[3:]:
        picture = noise(size)
        found = seen(picture, "paper", family, OWN[family], "corruption/snow/2")
        np.testing.assert_array_equal(found, prepared_by_the_paper(picture, family)[::-1])


@pytest.mark.parametrize("family", ["supervised", "clip"])
@pytest.mark.parametrize("view", ["corruption/contrast/3", "corruption/pixelate/5", "corruption/fog/1"])
def test_corruptions_of_the_library_are_those_of_the_prepared_picture(view: str, family: str) -> None:
    try:
        version(LIBRARY)
    except PackageNotFoundError:
        pytest.skip(f"{LIBRARY} is not installed")
    picture = noise((500, 375))
    _, name, severity = view.split("/")
    expected = corrupted(prepared_by_the_paper(picture, family), name, int(severity), "x.jpg")
    np.testing.assert_array_equal(seen(picture, "paper", family, OWN[family], view), expected)
