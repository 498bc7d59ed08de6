"""Corruptions: how the library is called, and, where it is installed, what comes of it."""

from __future__ import annotations

import colorsys
import io
import sys
from importlib.metadata import PackageNotFoundError, version
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.statistics import seeds
from demeanour.views import corruptions
from demeanour.views.corruptions import LIBRARY, corrupted, library
from demeanour.views.geometry import Geometry
from demeanour.views.prepare import prepare
from demeanour.vocabulary import CORRUPTIONS

RANDOM = {
    "gaussian_noise", "shot_noise", "impulse_noise", "glass_blur", "motion_blur", "snow", "frost", "fog",
    "elastic_transform",
}  # fmt: skip


def scene(width=224, height=224):
    """Shapes, gradients and detail."""
    row, column = np.mgrid[:height, :width] / 64
    colours = np.stack([np.sin(3 * row + 1), np.sin(5 * column + row), np.cos(7 * column - 2 * row)], axis=2)
    colours[(row - 1.5) ** 2 + (column - 1.7) ** 2 < 0.8] = (0.6, -0.2, -0.7)
    noise = 0.1 * seeds.generator("scene").standard_normal((height, width, 3))
    return np.clip(127.5 + 110 * (colours * 0.8 + noise), 0, 255).astype(np.uint8)


@pytest.fixture(autouse=True)
def _look_again():
    library.cache_clear()
    yield
    library.cache_clear()


@pytest.fixture
def stand_in(monkeypatch):
    """A library that returns three draws from where the real one draws, and remembers how it was called."""
    calls = []

    def corrupt(image, severity, corruption_name, seed=None):
        calls.append((severity, corruption_name, seed))
        if corruption_name == "fog":
            raise RuntimeError("fog")
        return np.full_like(image, np.random.randint(256))   # noqa: NPY002

    monkeypatch.setitem(sys.modules, "imagecorruptions", SimpleNamespace(corrupt=corrupt))
    monkeypatch.setattr(corruptions.importlib.metadata, "version", lambda name: f"of {name}")
    return calls


# how it is called


def test_draws_depend_on_corruption_and_name_only(stand_in):
    pixels = scene(40, 50)
    first = corrupted(pixels, "snow", 2, "a.jpg")
    np.random.seed(3)   # noqa: NPY002
    np.testing.assert_array_equal(corrupted(pixels, "snow", 2, "a.jpg"), first)
    np.testing.assert_array_equal(corrupted(pixels, "snow", 5, "a.jpg"), first)   # severities share them
    drawn = {int(corrupted(pixels, "snow", 2, f"{number}.jpg")[0, 0, 0]) for number in range(20)}
    drawn |= {int(corrupted(pixels, name, 2, "a.jpg")[0, 0, 0]) for name in CORRUPTIONS if name != "fog"}
    assert len(drawn) > 25


def test_numpys_generator_goes_on_as_if_nothing_had_been(stand_in):
    np.random.seed(11)   # noqa: NPY002
    expected = np.random.random(4)   # noqa: NPY002
    np.random.seed(11)   # noqa: NPY002
    corrupted(scene(40, 50), "snow", 2, "a.jpg")
    with pytest.raises(RuntimeError, match="fog"):
        corrupted(scene(40, 50), "fog", 2, "a.jpg")
    np.testing.assert_array_equal(np.random.random(4), expected)   # noqa: NPY002


def test_generators_of_its_own_are_seeded_too(stand_in):
    for name in ("impulse_noise", "glass_blur", "snow"):
        corrupted(scene(40, 50), name, 4, "a.jpg")
    assert [call[:2] for call in stand_in] == [(4, "impulse_noise"), (4, "glass_blur"), (4, "snow")]
    seeded = [call[2] for call in stand_in]
    assert seeded[2] is None
    assert None not in seeded[:2]
    assert seeded[0] != seeded[1]


def test_corruption_comes_after_resize_and_crop(stand_in):
    picture = Image.fromarray(scene(300, 200))
    found = prepare(picture, Geometry(64, "bilinear", 56, corruption="snow", severity=1), "a.jpg")
    np.testing.assert_array_equal(found, corrupted(scene(56, 56), "snow", 1, "a.jpg"))


def test_small_pictures_are_not_corrupted(stand_in):
    assert corrupted(scene(32, 32), "snow", 1, "a.jpg").shape == (32, 32, 3)
    for size in ((31, 64), (64, 31)):
        with pytest.raises(EvidenceError, match=rf"a\.jpg: {size[0]}×{size[1]} pixels are too few to corrupt"):
            corrupted(scene(*size), "snow", 1, "a.jpg")


def test_the_library_is_named_with_its_version(stand_in):
    assert library() == f"{LIBRARY} of {LIBRARY}"


def test_without_the_library(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(corruptions.importlib.metadata, "version", absent)
    with pytest.raises(NotMeasuredError, match=f"pip install {LIBRARY}"):
        corrupted(scene(64, 64), "fog", 3, "a.jpg")


# what comes of it


@pytest.fixture(scope="module")
def installed():
    try:
        return version(LIBRARY)
    except PackageNotFoundError:
        pytest.skip(f"{LIBRARY} is not installed")


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_corruption_is_the_same_each_time_and_stronger_with_severity(installed, name):
    pixels = scene(96, 80)
    kept = pixels.copy()
    distance = []
    for severity in range(1, 6):
        found = corrupted(pixels, name, severity, "a.jpg")
        assert found.dtype == np.uint8
        assert found.shape == pixels.shape
        np.random.seed(severity)   # noqa: NPY002
        corrupted(pixels, "snow", 1, "another.jpg")
        np.testing.assert_array_equal(corrupted(pixels, name, severity, "a.jpg"), found)
        assert (corrupted(pixels, name, severity, "b.jpg") != found).any() == (name in RANDOM)
        distance.append(float(np.abs(found.astype(float) - pixels).mean()))
    np.testing.assert_array_equal(pixels, kept)
    assert min(distance) > 1
    assert distance[4] > distance[0]   # in between, glass and frost do not grow


@pytest.mark.parametrize("size", [(224, 224), (32, 32), (300, 200), (65, 333)])
def test_pictures_of_any_size(installed, size):
    pixels = scene(*size)
    for name in CORRUPTIONS:
        assert corrupted(pixels, name, 5, "a.jpg").shape == pixels.shape


def test_noises_have_the_strengths_of_imagenet_c(installed):
    grey = np.full((300, 300, 3), 128, dtype=np.uint8)
    for severity, expected in enumerate((0.08, 0.12, 0.18), start=1):   # above, values are clipped
        found = corrupted(grey, "gaussian_noise", severity, "a.jpg") / 255
        assert found.std() == pytest.approx(expected, rel=0.03)
    for severity, photons in enumerate((60, 25, 12), start=1):
        found = corrupted(grey, "shot_noise", severity, "a.jpg") / 255
        assert found.std() == pytest.approx((128 / 255 / photons) ** 0.5, rel=0.04)
    for severity, share in enumerate((0.03, 0.06, 0.09, 0.17, 0.27), start=1):
        found = corrupted(grey, "impulse_noise", severity, "a.jpg")
        assert ((found == 0) | (found == 255)).mean() == pytest.approx(share, rel=0.05)


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_what_is_not_random_against_its_definition(installed, severity):
    pixels = scene(64, 48)
    x = pixels / 255

    factor = (0.4, 0.3, 0.2, 0.1, 0.05)[severity - 1]
    mean = x.mean(axis=(0, 1))
    flat = np.clip((x - mean) * factor + mean, 0, 1) * 255
    np.testing.assert_allclose(corrupted(pixels, "contrast", severity, "a.jpg"), flat - 0.5, atol=0.501)   # rounds down

    brighter = corrupted(pixels, "brightness", severity, "a.jpg")
    for row, column in ((0, 0), (13, 21), (40, 60), (25, 33)):
        hue, saturation, value = colorsys.rgb_to_hsv(*x[row, column])
        raised = np.array(colorsys.hsv_to_rgb(hue, saturation, min(value + severity / 10, 1))) * 255
        np.testing.assert_allclose(brighter[row, column], raised - 0.5, atol=0.51)

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=(25, 18, 15, 10, 7)[severity - 1])
    compressed = corrupted(pixels, "jpeg_compression", severity, "a.jpg")
    np.testing.assert_array_equal(compressed, np.asarray(Image.open(file)))

    left = (0.6, 0.5, 0.4, 0.3, 0.25)[severity - 1]
    coarse = corrupted(pixels, "pixelate", severity, "a.jpg")
    assert len(np.unique(coarse.reshape(-1, 3), axis=0)) <= int(64 * left) * int(48 * left)
