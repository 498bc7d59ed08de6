from __future__ import annotations

import colorsys
import io
from functools import cache
from itertools import pairwise
from math import sqrt

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
from PIL import Image

from demeanour.miniature.corruptions import blur, digital
from demeanour.miniature.corruptions.corrupt import FIXED, RANDOM, corrupt
from demeanour.miniature.corruptions.ice import ice
from demeanour.miniature.corruptions.weather import FROST, plasma
from demeanour.statistics import seeds
from demeanour.vocabulary import CORRUPTIONS

SEVERITIES = (1, 2, 3, 4, 5)


@cache
def scenes(count=11):
    """Shaded discs before gradients, bars and checks: bright and dark, with edges and detail."""
    rng = np.random.default_rng(3)
    row, column = np.mgrid[:64, :64] / 63
    images = []
    for number in range(count):
        low, high, ball, bars = rng.uniform(0.05, 0.95, (4, 3))
        image = low + (high - low) * row[..., None]
        across, along = np.cos(number) * column + np.sin(number) * row, np.cos(number) * row - np.sin(number) * column
        pattern = np.sin(30 * across) > 0 if number % 2 else np.sin(21 * across) * np.sin(21 * along) > 0
        image[pattern] = 0.7 * image[pattern] + 0.3 * bars
        centre = rng.uniform(0.4, 0.6, 2)
        inside = (row - centre[0]) ** 2 + (column - centre[1]) ** 2 < 0.08
        shade = 1 - 2 * ((row - centre[0] + 0.1) ** 2 + (column - centre[1] + 0.1) ** 2)
        image[inside] = (ball * shade[..., None])[inside]
        images.append(image)
    result = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    result.flags.writeable = False   # whoever changes what was given fails
    return result


def plain(value, count=20):
    return np.broadcast_to(np.asarray(value, dtype=np.uint8), (count, 64, 64, 3)), names(count)


def names(count):
    return [f"image-{number}.png" for number in range(count)]


def floats(count=3):
    return np.random.default_rng(5).random((count, 64, 64, 3), dtype=np.float32)


# all of them


def test_there_are_the_fifteen():
    assert sorted([*FIXED, *RANDOM]) == sorted(CORRUPTIONS)


@pytest.mark.parametrize("severity", [1, 5])
@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_an_image_is_corrupted_alike_in_any_company(corruption, severity):
    images, ids = scenes(), names(11)
    together = corrupt(images, corruption, severity, ids)
    assert (together.dtype, together.shape) == (np.uint8, images.shape)
    assert np.array_equal(corrupt(images[::-1], corruption, severity, ids[::-1])[::-1], together)
    assert np.array_equal(corrupt(images[2:10:3], corruption, severity, ids[2:10:3]), together[2:10:3])
    for one in (0, 7, 8, 10):
        alone = corrupt(images[one : one + 1], corruption, severity, ids[one : one + 1])
        assert np.array_equal(alone[0], together[one])


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_chance_is_that_of_the_id(corruption):
    images = np.repeat(scenes(1), 2, axis=0)
    one, other = corrupt(images, corruption, 3, ["one", "other"])
    assert np.array_equal(one, other) == (corruption in FIXED)


def test_corruptions_do_not_share_their_chance():
    images, ids = plain(128, 1)
    gaussian, snow = (corrupt(images, corruption, 3, ids).astype(float) for corruption in ("gaussian_noise", "snow"))
    assert abs(np.corrcoef(gaussian[..., 0].ravel(), snow[..., 0].ravel())[0, 1]) < 4 / 64


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_severities_lead_away_from_the_clean_image(corruption):
    images, ids = scenes(), names(11)
    clean = images.astype(float)
    distance = [abs(corrupt(images, corruption, severity, ids) - clean).mean() for severity in SEVERITIES]
    assert distance[0] > 0.5
    assert (np.diff(distance) > 0).all(), distance


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize(
    "corruption",
    ["defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "contrast", "elastic_transform", "pixelate"],
)
def test_what_moves_or_mixes_pixels_leaves_a_plain_image_alone(corruption, severity):
    for value in ((0, 90, 255), (17, 128, 201)):
        images, ids = plain(value, 2)
        assert np.array_equal(corrupt(images, corruption, severity, ids), images)


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_no_images_are_no_error(corruption):
    assert corrupt(np.zeros((0, 64, 64, 3), np.uint8), corruption, 1, []).shape == (0, 64, 64, 3)


@pytest.mark.parametrize(
    ("corruption", "severity", "message"),
    [
        ("fogg", 1, "no corruption is called 'fogg'; did you mean 'fog'"),
        ("gaussian_blur", 1, "no corruption is called 'gaussian_blur'; did you mean"),
        ("fog", 0, "no severity 0; known: 1 … 5"),
        ("fog", 6, "no severity 6"),
        ("fog", 2.5, "no severity 2.5"),
        ("fog", "3", "no severity '3'"),
    ],
)
def test_unknown_corruptions_and_severities_are_errors(corruption, severity, message):
    with pytest.raises(ValueError, match=message):
        corrupt(scenes(1), corruption, severity, ["one"])


@pytest.mark.parametrize(
    ("images", "ids", "message"),
    [
        (floats(1), ["one"], "images of float32"),
        (np.zeros((1, 32, 32, 3), np.uint8), ["one"], r"\(1, 32, 32, 3\): not of uint8, \(n, 64, 64, 3\)"),
        (np.zeros((1, 3, 64, 64), np.uint8), ["one"], r"\(1, 3, 64, 64\)"),
        (np.zeros((64, 64, 3), np.uint8), ["one"], r"\(64, 64, 3\)"),
        (np.zeros((2, 64, 64, 3), np.uint8), ["one"], "2 images, but 1 ids"),
    ],
)
def test_images_of_another_type_or_shape_or_number_are_errors(images, ids, message):
    with pytest.raises(ValueError, match=message):
        corrupt(images, "fog", 1, ids)


# noise


@pytest.mark.parametrize(("severity", "scale"), [(1, 0.04), (2, 0.08), (3, 0.12)])
def test_gaussian_noise_has_its_standard_deviation(severity, scale):
    noise = corrupt(*[(p := plain(128))[0], "gaussian_noise", severity, p[1]]) / 255 - 128 / 255
    spread = sqrt(scale**2 + 1 / 12 / 255**2)   # rounding is noise, too
    assert noise.std() == pytest.approx(spread, rel=4 / sqrt(2 * noise.size))
    assert noise.mean() == pytest.approx(0, abs=4 * scale / sqrt(noise.size))
    assert scipy.stats.kurtosis(noise, axis=None) == pytest.approx(0, abs=4 * sqrt(24 / noise.size))


@pytest.mark.parametrize(("severity", "scale"), [(4, 0.15), (5, 0.18)])
def test_gaussian_noise_is_clipped(severity, scale):
    images, ids = plain(40)
    share = (corrupt(images, "gaussian_noise", severity, ids) == 0).mean()
    exact = scipy.stats.norm.cdf((0.5 - 40) / 255 / scale)
    assert share == pytest.approx(exact, abs=4 * sqrt(exact / images.size))


def test_severities_scale_the_same_gaussian_noise():
    images, ids = plain(128, 2)
    mild, strong = (corrupt(images, "gaussian_noise", severity, ids) - 128.0 for severity in (1, 3))
    assert abs(strong - 3 * mild).max() <= 2   # rounding: half a level, and three halves


@pytest.mark.parametrize(("severity", "photons"), [(1, 250), (2, 100), (3, 50), (4, 30), (5, 15)])
def test_shot_noise_has_the_variance_of_photons(severity, photons):
    images, ids = plain(51)   # 0.2
    values = corrupt(images, "shot_noise", severity, ids) / 255
    counts = np.arange(3 * photons)
    level = np.rint(np.minimum(counts / photons, 1) * 255) / 255
    share = scipy.stats.poisson.pmf(counts, 0.2 * photons)
    mean = share @ level
    variance = share @ (level - mean) ** 2
    assert variance == pytest.approx(0.2 / photons, rel=0.05)   # what rounding leaves of Poisson's
    assert values.mean() == pytest.approx(mean, abs=4 * sqrt(variance / values.size))
    assert values.var() == pytest.approx(variance, rel=4 * sqrt((2 + 5 / photons) / values.size))


def test_shot_noise_counts_photons():
    images, ids = plain(51)
    values = corrupt(images, "shot_noise", 5, ids)
    for count in range(8):
        share = scipy.stats.poisson.pmf(count, 3)
        seen = (values == round(count * 255 / 15)).mean()
        assert seen == pytest.approx(share, abs=4 * sqrt(share / values.size))
    assert set(np.unique(values)) <= {count * 17 for count in range(16)}


@pytest.mark.parametrize(("severity", "share"), [(1, 0.01), (2, 0.02), (3, 0.05), (4, 0.08), (5, 0.14)])
def test_impulses_are_as_many_as_they_should_be_half_of_them_white(severity, share):
    images, ids = plain(128)
    values = corrupt(images, "impulse_noise", severity, ids)
    error = 4 * sqrt(share / 2 / images.size)
    assert (values == 255).mean() == pytest.approx(share / 2, abs=error)
    assert (values == 0).mean() == pytest.approx(share / 2, abs=error)
    assert set(np.unique(values)) == {0, 128, 255}


def test_impulses_stay():
    images, ids = plain(128, 2)
    hit = [corrupt(images, "impulse_noise", severity, ids) != 128 for severity in SEVERITIES]
    for milder, stronger in pairwise(hit):
        assert stronger[milder].all()


# blur


@pytest.mark.parametrize(("radius", "softness"), blur.DEFOCUS)
def test_discs_have_sum_one_and_are_round(radius, softness):
    kernel = blur.disc_kernel(radius, softness)
    assert kernel.sum() == pytest.approx(1, abs=1e-12)
    assert np.allclose(kernel, np.rot90(kernel))


def test_discs_by_hand():
    cross = blur.disc_kernel(1, 0.01)
    middle = len(cross) // 2
    assert np.allclose(cross[middle - 1 : middle + 2, middle - 1 : middle + 2], [[0, 0.2, 0], [0.2] * 3, [0, 0.2, 0]])
    assert np.count_nonzero(blur.disc_kernel(3, 0.01)) == 29   # points of the grid within 3 of its origin


@pytest.mark.parametrize("severity", SEVERITIES)
def test_defocus_is_a_convolution_with_a_disc(severity):
    x = floats()
    kernel = blur.disc_kernel(*blur.DEFOCUS[severity - 1])
    reference = scipy.ndimage.convolve(x.astype(float), kernel[None, :, :, None], mode="mirror")
    assert np.allclose(blur.defocus_blur(x, severity), reference, atol=2e-6)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 0.9, 2.56])
def test_gaussian_blur_agrees_with_scipy(sigma):
    x = floats()
    reference = scipy.ndimage.gaussian_filter(x.astype(float), (0, sigma, sigma, 0), mode="mirror", truncate=4)
    assert np.allclose(blur.gaussian_blurred(x, sigma), reference, atol=1e-5)


@pytest.mark.parametrize(("jump", "square"), [(1, 0.5), (2, 1.5)])
def test_glass_takes_pixels_from_nearby_on_all_sides_alike(monkeypatch, jump, square):
    row, column = np.mgrid[:64, :64].astype(np.float32)
    x = np.stack([row, column, row], axis=2)[None].repeat(20, axis=0)   # each pixel tells where it is
    generators = [seeds.generator("glass", name) for name in names(20)]
    monkeypatch.setattr(blur, "GLASS", ((0.01, jump, 1),))   # and is not blurred
    moved = (blur.glass_blur(x, 1, generators) - x)[:, jump:-jump, jump:-jump, :2]
    assert abs(moved).max() == jump
    assert np.array_equal(moved, np.rint(moved))
    assert moved.mean() == pytest.approx(0, abs=4 * sqrt(square / moved.size))
    assert (moved**2).mean() == pytest.approx(square, rel=0.02)


@pytest.mark.parametrize(("radius", "sigma"), [(10, 1.0), (12, 3.0), (14, 12)])
def test_trails_fade_like_half_a_gaussian_and_have_sum_one(radius, sigma):
    weights = blur.trail_weights(radius, sigma)
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert weights[2] / weights[0] == pytest.approx(np.exp(-2 / sigma**2))
    assert len(weights) <= 2 * radius + 1


def test_motion_goes_along_its_angle():
    x = floats(4)
    weights = blur.trail_weights(10, 2.0)
    blurred = blur.motion_blurred(x, 10, 2.0, np.radians([0, 90, 180, 45]))
    kernel = np.concatenate([np.zeros(len(weights) - 1), weights])
    for one, axis in ((0, 1), (1, 0)):
        reference = scipy.ndimage.correlate1d(x[one].astype(float), kernel, axis=axis, mode="nearest")
        assert np.allclose(blurred[one], reference, atol=1e-5)
    reference = scipy.ndimage.correlate1d(x[2].astype(float), kernel[::-1], axis=1, mode="nearest")
    assert np.allclose(blurred[2], reference, atol=1e-5)
    point = np.zeros((1, 64, 64, 3), dtype=np.float32)
    point[0, 40, 40] = 1
    trail = blur.motion_blurred(point, 10, 2.0, np.radians([45]))[0, :, :, 0]
    assert trail.sum() == pytest.approx(1, abs=1e-6)
    assert np.trace(trail) == pytest.approx(1, abs=1e-6)   # all of it lies on the diagonal


def test_motion_angles_are_within_45_degrees_of_the_horizontal():
    image = np.zeros((40, 64, 64, 3), dtype=np.uint8)
    image[:, 32, 32] = 255
    trails = corrupt(image, "motion_blur", 5, names(40))[..., 0].astype(float)
    rows, columns = (np.array([np.ptp(np.argwhere(trail)[:, axis]) for trail in trails]) for axis in (0, 1))
    assert (rows <= columns).all()
    assert (rows < columns / 3).any()
    assert (rows > columns / 1.5).any()


@pytest.mark.parametrize("factor", [1.0, 1.13, 1.75, 2.25])
def test_zooms_agree_with_scipy(factor):
    x = floats()
    offset = 31.5 - 31.5 / factor   # about the centre
    for one, zoomed in zip(x, blur.zoomed(x, factor), strict=True):
        reference = scipy.ndimage.affine_transform(
            one.astype(float), [1 / factor, 1 / factor, 1], offset=[offset, offset, 0], order=1, mode="mirror"
        )
        assert np.allclose(zoomed, reference, atol=1e-5)


def test_zoom_blur_is_the_mean_of_zooms_with_the_image_counted_twice():
    x = floats()
    zooms = [blur.zoomed(x, 1 + step / 100) for step in range(6)]   # 1 … 1.05
    assert np.allclose(blur.zoom_blur(x, 1), (x + sum(zooms)) / 7, atol=1e-5)


# weather


def test_snow_on_black_is_what_whitens_and_flakes_that_fall_twice():
    images, ids = plain(0)
    bare = []
    for severity, kept in zip(SEVERITIES, (0.8, 0.8, 0.7, 0.65, 0.6), strict=True):
        snowed = corrupt(images, "snow", severity, ids)
        assert np.array_equal(snowed, snowed[:, ::-1, ::-1])
        assert np.array_equal(snowed[..., 0], snowed[..., 2])   # snow has no colour
        ground = round((1 - kept) * 0.5 * 255, 3)
        assert snowed.min() == pytest.approx(ground, abs=0.51)
        bare.append((snowed <= ground + 0.51).mean())
    assert 0.99 > bare[0] > bare[1] > bare[3] > bare[4] > 0.1


def test_snow_falls():
    images, ids = plain(0, 40)
    flakes = corrupt(images, "snow", 2, ids)[..., 0].astype(float)
    flakes -= flakes.mean()
    down, across = (flakes * np.roll(flakes, 2, axis=axis) for axis in (1, 2))
    assert down.mean() > 1.2 * across.mean() > 0


def test_frost_adds_a_part_of_a_sheet_of_ice():
    images, ids = plain(0)
    sheets = ice()
    for severity, (_, part) in zip(SEVERITIES, FROST, strict=True):
        frozen = corrupt(images, "frost", severity, ids)
        for number, name in enumerate(ids):
            sheet, top, left = seeds.generator("corruption", "frost", name).integers((4, 193, 193))
            crop = sheets[sheet, top : top + 64, left : left + 64]
            assert abs(frozen[number] - 255 * part * crop).max() <= 0.5001
    images, ids = plain(100)
    both = corrupt(images, "frost", 1, ids) - 100.0
    assert abs(both - corrupt(plain(0)[0], "frost", 1, ids)).max() <= 1   # at severity 1, the image is all there


def test_ice_is_bluish_varied_and_the_same_each_time():
    sheets = ice()
    assert sheets.min() >= 0
    assert sheets.max() <= 1
    red, green, blue = sheets.mean(axis=(0, 1, 2))
    assert red < green < blue
    assert (sheets.std(axis=(1, 2)) > 0.15).all()
    assert len({sheet.tobytes() for sheet in sheets}) == len(sheets)
    assert np.array_equal(ice.__wrapped__(), sheets)


def test_plasma_by_hand():
    noise = np.array([[[0.9, 0.2], [-0.3, 0.8]]])
    height = np.array([[0, 0.8 / 2 + 0.2], [0.8 / 2 - 0.3, 0.8]])   # corner, edges, centre: the corner stays 0
    assert np.allclose(plasma(noise, 2.0)[0], height / 0.8)


def test_the_finest_noise_of_plasma_is_faded_by_the_square_for_each_scale():
    noise = np.zeros((1, 8, 8))
    noise[0, 4, 4] = 1    # the centre, at the first scale
    noise[0, 1, 1] = -1   # at the third
    smooth, rough = plasma(noise, 2.0)[0], plasma(noise, 1.0)[0]
    flat = noise.copy()
    flat[0, 1, 1] = 0
    without = plasma(flat, 2.0)[0]   # scaled by 1: the centre is 1, the corner 0
    assert smooth[1, 1] == pytest.approx(without[1, 1] - 1 / 16)
    assert rough[1, 1] == 0


def test_more_fading_makes_smoother_clouds():
    noise = np.random.default_rng(2).uniform(-1, 1, (8, 64, 64))
    steps = [abs(np.diff(plasma(noise, fading), axis=1)).mean() for fading in (1.75, 2.0, 2.5, 3.0)]
    assert (np.diff(steps) < 0).all()
    for fading in (1.75, 3.0):
        clouds = plasma(noise, fading)
        assert np.array_equal(clouds.min(axis=(1, 2)), np.zeros(8))
        assert np.array_equal(clouds.max(axis=(1, 2)), np.ones(8))


@pytest.mark.parametrize(("severity", "strength"), [(1, 0.4), (2, 0.7), (3, 1), (4, 1.5), (5, 2)])
def test_fog_before_white_and_black(severity, strength):
    images, ids = plain(255)
    fogged = corrupt(images, "fog", severity, ids)
    assert (fogged.max(axis=(1, 2, 3)) == 255).all()
    assert abs(fogged.min(axis=(1, 2, 3)) - 255 / (1 + strength)).max() <= 0.5001
    images, ids = plain(0, 2)
    assert not corrupt(images, "fog", severity, ids).any()   # it never gets brighter than the image was


# cameras and files


def test_brightness_by_hand():
    image = np.zeros((1, 64, 64, 3), dtype=np.uint8)
    image[0, 0, :3] = (102, 51, 0), (0, 0, 0), (204, 68, 0)
    assert corrupt(image, "brightness", 4, ["one"])[0, 0, :2].tolist() == [[204, 102, 0], [102, 102, 102]]
    assert corrupt(image, "brightness", 5, ["one"])[0, 0, 2].tolist() == [255, 85, 0]   # 0.8 + 0.5 is 1


@pytest.mark.parametrize(("severity", "added"), [(1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4), (5, 0.5)])
def test_brightness_agrees_with_colorsys(severity, added):
    images = scenes(2)
    brighter = corrupt(images, "brightness", severity, names(2))
    for before, after in zip(images[:, ::7].reshape(-1, 3), brighter[:, ::7].reshape(-1, 3), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(before / 255))
        exact = np.array(colorsys.hsv_to_rgb(hue, saturation, min(value + added, 1))) * 255
        assert abs(after - exact).max() <= 0.5001


def test_contrast_by_hand():
    image = np.zeros((1, 64, 64, 3), dtype=np.uint8)
    image[0, :, 32:] = (200, 100, 0)   # means 100, 50, 0
    for severity, (low, high) in {1: ((60, 30), (140, 70)), 3: ((80, 40), (120, 60)), 4: ((90, 45), (110, 55))}.items():
        pale = corrupt(image, "contrast", severity, ["one"])[0]
        assert (pale[:, :32] == (*low, 0)).all()
        assert (pale[:, 32:] == (*high, 0)).all()
    assert corrupt(image, "contrast", 5, ["one"])[0, 0, [0, 63], 0].tolist() == [95, 105]


def test_bilinear_agrees_with_scipy():
    x = floats()
    rng = np.random.default_rng(8)
    place = rng.uniform(-20, 83, (2, 3, 64, 64))
    place[:, 0] = np.rint(place[:, 0])
    ours = digital._bilinear(x, *place)
    for image, result, rows, columns in zip(x, ours, *place, strict=True):
        for channel in range(3):
            reference = scipy.ndimage.map_coordinates(
                image[..., channel].astype(float), [rows, columns], order=1, mode="mirror"
            )
            assert np.allclose(result[..., channel], reference, atol=1e-5)


def elastic(monkeypatch, strength, reach, count=6):
    """Where pixels are taken from, relative to where they go; far from the borders."""
    monkeypatch.setattr(digital, "ELASTIC", ((strength, reach),))
    row, column = np.mgrid[:64, :64].astype(np.float32)
    x = np.stack([row, column, row], axis=2)[None].repeat(count, axis=0)
    generators = [seeds.generator("elastic", name) for name in names(count)]
    return (digital.elastic_transform(x, 1, generators) - x)[:, 8:-8, 8:-8, :2]


def test_elastic_of_no_strength_moves_nothing(monkeypatch):
    assert abs(elastic(monkeypatch, 0, 0)).max() < 1e-5


def test_elastic_moves_corners_of_its_square_and_all_else_along(monkeypatch):
    moved = elastic(monkeypatch, 0, 3.0, count=16)
    corners = moved[:, [45, 45, 3], [45, 3, 3]]   # 32 ± 21, less the border of 8
    assert abs(corners).max() <= 3
    assert corners.std() == pytest.approx(sqrt(3), rel=0.2)   # uniform in −3 … 3
    for axis in (1, 2):
        assert abs(np.diff(moved, 2, axis=axis)).max() < 1e-4   # affine


def test_elastic_noise_is_smoothed_and_scaled(monkeypatch):
    moved = elastic(monkeypatch, 16, 0, count=8)
    sigma = digital.ELASTIC_SIGMA
    assert moved.std() == pytest.approx(16 / sqrt(3) / (2 * sqrt(np.pi) * sigma), rel=0.1)   # white noise, smoothed
    assert np.allclose(moved, 2 * elastic(monkeypatch, 8, 0, count=8), atol=1e-4)


@pytest.mark.parametrize(("severity", "side"), [(1, 57), (2, 51), (3, 44), (4, 38), (5, 32)])
def test_pixelate_leaves_so_many_pixels(severity, side):
    image = np.random.default_rng(1).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    coarse = corrupt(image, "pixelate", severity, ["one"])[0]
    for lines in (coarse, coarse.swapaxes(0, 1)):
        assert (lines[1:] != lines[:-1]).any(axis=(1, 2)).sum() == side - 1
    small = Image.fromarray(image[0]).resize((side, side), Image.Resampling.BOX)
    assert np.array_equal(coarse, np.asarray(small.resize((64, 64), Image.Resampling.BOX)))


def test_pixelate_to_half_is_the_mean_of_four():
    image = np.random.default_rng(1).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    wide = image[0].astype(int)
    pairs = (wide[:, ::2] + wide[:, 1::2] + 1) // 2   # rounded once for each axis
    means = (pairs[::2] + pairs[1::2] + 1) // 2
    assert np.array_equal(corrupt(image, "pixelate", 5, ["one"])[0], means.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize(("severity", "quality"), [(1, 65), (2, 58), (3, 50), (4, 40), (5, 25)])
def test_jpeg_is_that_of_its_quality(severity, quality):
    images = scenes(3)
    for image, decoded in zip(images, corrupt(images, "jpeg_compression", severity, names(3)), strict=True):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        assert np.array_equal(decoded, np.asarray(Image.open(file)))
