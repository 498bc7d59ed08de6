"""Pixels and inputs against torchvision, timm and open_clip, bit by bit."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import open_clip
import pytest
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_data_config
from torchvision import transforms
from torchvision.transforms import InterpolationMode, functional

from demeanour.errors import EvidenceError
from demeanour.statistics import seeds
from demeanour.views.geometry import Geometry, Preprocessing, View
from demeanour.views.placing import padding, window
from demeanour.views.prepare import normalise, prepare
from demeanour.views.protocols import RESOLUTIONS, SCALES, SHIFTS, steps

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
OPENAI = (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
CONVNEXT = Preprocessing(256, "bicubic", 224, *IMAGENET)
CLIP = Preprocessing(224, "bicubic", 224, *OPENAI)
MODES = {"bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC}

# landscape, portrait and square; odd by one; smaller than the crop; long; of the very sizes that are resized to
SIZES = [
    (500, 375), (375, 500), (500, 334), (333, 500), (640, 427), (299, 299), (300, 299), (299, 300), (256, 256),
    (224, 224), (225, 224), (224, 225), (227, 227), (343, 256), (256, 343), (341, 256), (120, 90), (64, 64), (31, 47),
    (7, 3), (1, 1), (2, 1), (50, 400), (401, 57),
]  # fmt: skip


def noise(size):
    """Every pixel is another one, so that nothing can be off by one unnoticed."""
    rng = seeds.generator("noise", *map(str, size))
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


PICTURES = {size: noise(size) for size in SIZES}


def resize_and_crop(picture, resize, interpolation, crop):
    done = []
    if resize:
        done.append(transforms.Resize(resize, MODES[interpolation]))
    if crop:
        done.append(transforms.CenterCrop(crop))
    return transforms.Compose(done)(picture)


def same(picture, geometry, reference):
    found = prepare(picture, geometry, "x.jpg")
    assert found.dtype == np.uint8
    assert found.shape == (reference.height, reference.width, 3)
    np.testing.assert_array_equal(found, np.asarray(reference))


def seen(picture, protocol, family, native, view="plain"):
    """Bytes and input by our steps."""
    done = steps(protocol, family, native, "imagenet", View.parse(view))
    pixels = prepare(picture, done.geometry, "x.jpg")
    return pixels, normalise(torch.from_numpy(pixels)[None], done.mean, done.std)[0]


# resize and crop


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("resize", "crop"), [(256, 224), (224, 224), (235, 224), (73, 64), (None, 224), (96, 128)])
def test_resize_and_crop_are_torchvisions(resize, crop, interpolation):
    for picture in PICTURES.values():
        same(picture, Geometry(resize, interpolation, crop), resize_and_crop(picture, resize, interpolation, crop))


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (100, 100)])
def test_resize_without_a_crop_and_nothing_at_all(size):
    picture = noise(size)
    same(picture, Geometry(128, "bicubic"), resize_and_crop(picture, 128, "bicubic", None))
    same(picture, Geometry(), picture)


def test_many_sizes():
    rng = seeds.generator("many sizes")
    for width, height, resize, crop in rng.integers(1, 400, (100, 4)).tolist():
        short, long = sorted((width, height))
        if long > 8 * short:
            continue
        interpolation = "bicubic" if crop % 2 else "bilinear"
        picture = noise((width, height))
        same(picture, Geometry(resize, interpolation, crop), resize_and_crop(picture, resize, interpolation, crop))


# protocols


def test_paper_is_what_the_paper_writes():
    supervised = transforms.Compose([
        transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), transforms.Normalize(*IMAGENET)
    ])  # fmt: skip
    clip = open_clip.image_transform(224, is_train=False, mean=OPENAI[0], std=OPENAI[1])
    for picture in PICTURES.values():
        assert torch.equal(seen(picture, "paper", "supervised", CONVNEXT)[1], supervised(picture))
        assert torch.equal(seen(picture, "paper", "clip", CLIP)[1], clip(picture))
        assert torch.equal(seen(picture, "native", "clip", CLIP)[1], clip(picture))


@pytest.mark.parametrize("scale", SCALES)
def test_scales_are_the_papers(scale):
    for size in SIZES[:4] + SIZES[14:18]:
        picture = PICTURES[size]
        for family, native, base in (("supervised", CONVNEXT, 256), ("clip", CLIP, 224)):
            zoomed = transforms.Compose([transforms.Resize(int(scale * base)), transforms.CenterCrop(224)])
            found, _ = seen(picture, "paper", family, native, f"scale/{scale}")
            np.testing.assert_array_equal(found, np.asarray(zoomed(picture)))


@pytest.mark.parametrize("side", RESOLUTIONS)
def test_resolutions_are_the_papers(side):
    for size in SIZES[:2]:
        picture = PICTURES[size]
        supervised = transforms.Compose([
            transforms.Resize(int(side * 256 / 224)), transforms.CenterCrop(side), transforms.ToTensor(),
            transforms.Normalize(*IMAGENET),
        ])  # fmt: skip
        clip = open_clip.image_transform(side, is_train=False, mean=OPENAI[0], std=OPENAI[1])
        assert torch.equal(seen(picture, "paper", "supervised", CONVNEXT, f"resolution/{side}")[1], supervised(picture))
        assert torch.equal(seen(picture, "paper", "clip", CLIP, f"resolution/{side}")[1], clip(picture))


def shifted(picture, pixels, resize_dim):
    """The paper's shift, written from its description: a crop of 224 · short / resize_dim pixels of the original."""
    width, height = picture.size
    if width > height:
        left = ((width / height * resize_dim) - 224) / 2 * height / resize_dim + pixels
        top = (resize_dim - 224) / 2 * height / resize_dim
        side = 224 * height / resize_dim
    else:
        left = (resize_dim - 224) / 2 * width / resize_dim
        top = ((height / width * resize_dim) - 224) / 2 * width / resize_dim + pixels
        side = 224 * width / resize_dim
    crop = functional.crop(picture, int(top), int(left), int(side), int(side))
    return functional.resize(crop, [224, 224])


@pytest.mark.parametrize("pixels", SHIFTS)
@pytest.mark.parametrize(("family", "native", "resize_dim"), [("supervised", CONVNEXT, 256), ("clip", CLIP, 224)])
def test_shifts_are_the_papers(pixels, family, native, resize_dim):
    for size in SIZES:
        if resize_dim == 256 and min(size) == 1:
            continue   # 0.875 of a pixel
        picture = PICTURES[size]
        found, _ = seen(picture, "paper", family, native, f"shift/{pixels}")
        np.testing.assert_array_equal(found, np.asarray(shifted(picture, pixels, resize_dim)))


def test_a_shift_shows_what_is_to_the_right_or_below():
    """Of a ramp along the longer side, the window's mean is where its centre lies."""
    ramp = np.broadcast_to(np.arange(250, dtype=np.uint8)[None, :, None], (100, 250, 3))
    for picture in (Image.fromarray(ramp), Image.fromarray(ramp.transpose(1, 0, 2))):
        means = [seen(picture, "paper", "supervised", CONVNEXT, f"shift/{p}")[0].mean() for p in (0, 5, 30, 75)]
        # 87 pixels from 81.25 on: 81 … 167
        np.testing.assert_allclose(means, [124, 129, 154, 199], atol=0.2)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_padding_is_the_share_of_black_pixels(size):
    """Counted in white pictures, where torchvision crops them."""
    white = Image.new("RGB", size, (255, 255, 255))
    for resize, pixels in product((256, 224), SHIFTS):
        if resize == 256 and min(size) == 1:
            continue
        geometry = Geometry(resize, "bilinear", 224, shift=pixels)
        left, top, right, bottom = window(size, geometry)
        crop = np.asarray(functional.crop(white, top, left, bottom - top, right - left))
        assert padding(size, geometry) == pytest.approx((crop == 0).mean(), abs=1e-12)
    for crop in (224, 65):
        found = prepare(white, Geometry(crop=crop), "x.jpg")
        assert padding(size, Geometry(crop=crop)) == pytest.approx((found == 0).mean(), abs=1e-12)


@pytest.mark.parametrize("name", [
    "convnext_base.fb_in22k_ft_in1k", "deit3_base_patch16_224.fb_in22k_ft_in1k", "tf_efficientnet_lite0.in1k",
    "resnet50.a1_in1k", "resnet50.tv_in1k", "vit_base_patch16_224.augreg_in21k_ft_in1k", "inception_v3.tv_in1k",
])  # fmt: skip
def test_native_is_timms(name):
    config = resolve_data_config({}, pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
    side = config["input_size"][-1]
    native = Preprocessing(
        math.floor(side / config["crop_pct"]), config["interpolation"], side, config["mean"], config["std"]
    )
    transform = create_transform(**config)
    for size in SIZES[:6] + SIZES[16:18]:
        found = seen(PICTURES[size], "native", "supervised", native)[1]
        assert torch.equal(found, transform(PICTURES[size]))


def test_the_configurations_of_timm_differ():
    configs = [
        resolve_data_config({}, pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
        for name in ("convnext_base.fb_in22k_ft_in1k", "deit3_base_patch16_224.fb_in22k_ft_in1k", "resnet50.a1_in1k",
                     "resnet50.tv_in1k", "tf_efficientnet_lite0.in1k")
    ]  # fmt: skip
    assert {(config["crop_pct"], config["interpolation"]) for config in configs} == {
        (0.875, "bicubic"), (1.0, "bicubic"), (0.95, "bicubic"), (0.875, "bilinear")
    }  # fmt: skip


@pytest.mark.parametrize("name", ["ViT-B-16", "convnext_base", "ViT-L-14-336"])
def test_native_is_open_clips(name):
    side = open_clip.get_model_config(name)["vision_cfg"]["image_size"]
    native = Preprocessing(side, "bicubic", side, *OPENAI)
    transform = open_clip.image_transform(side, is_train=False, mean=OPENAI[0], std=OPENAI[1])
    for size in SIZES[:6] + SIZES[16:18]:
        assert torch.equal(seen(PICTURES[size], "native", "clip", native)[1], transform(PICTURES[size]))


# real photographs


def test_real_photographs(published):
    files = sorted((published / "nips17").glob("*.jpg"))[:6] + sorted((published / "imagenet-val").glob("*.JPEG"))[:6]
    files += sorted((published / "cue-conflict-stimuli").glob("*/*.png"))[:3]
    assert len(files) == 15
    supervised = transforms.Compose([
        transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), transforms.Normalize(*IMAGENET)
    ])  # fmt: skip
    clip = open_clip.image_transform(224, is_train=False, mean=OPENAI[0], std=OPENAI[1])
    timms = create_transform(
        **resolve_data_config({}, pretrained_cfg=timm.get_pretrained_cfg("tf_efficientnet_lite0.in1k").to_dict())
    )
    lite = Preprocessing(256, "bicubic", 224, (0.5,) * 3, (0.5,) * 3)
    for path in files:
        picture = Image.open(path).convert("RGB")
        assert torch.equal(seen(picture, "paper", "supervised", CONVNEXT)[1], supervised(picture))
        assert torch.equal(seen(picture, "paper", "clip", CLIP)[1], clip(picture))
        assert torch.equal(seen(picture, "native", "supervised", lite)[1], timms(picture))
        found, _ = seen(picture, "paper", "supervised", CONVNEXT, "shift/75")
        np.testing.assert_array_equal(found, np.asarray(shifted(picture, 75, 256)))


def test_cue_conflicts_are_taken_as_they_are(published):
    path = min((published / "cue-conflict-stimuli").glob("*/*.png"))
    picture = Image.open(path).convert("RGB")
    done = steps("paper", "supervised", CONVNEXT, "cue-conflict")
    found = normalise(torch.from_numpy(prepare(picture, done.geometry, path.name))[None], done.mean, done.std)[0]
    as_it_is = transforms.Compose([transforms.ToTensor(), transforms.Normalize(*IMAGENET)])
    assert torch.equal(found, as_it_is(picture))


# normalisation


def test_normalisation_is_torchvisions_for_every_byte():
    every = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(16, 16, 3)
    for mean, std in (IMAGENET, OPENAI, ((0.5,) * 3, (0.5,) * 3), ((0.0,) * 3, (1.0,) * 3)):
        reference = transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean, std)])(every)
        found = normalise(torch.from_numpy(np.stack([every, every[::-1]])), mean, std)
        assert found.dtype == torch.float32
        assert found.is_contiguous()
        assert torch.equal(found[0], reference)
        assert torch.equal(found[1], reference.flip(1))


def test_normalisation_leaves_the_bytes_alone():
    pixels = torch.full((1, 2, 2, 3), 7, dtype=torch.uint8)
    normalise(pixels, *IMAGENET)
    assert (pixels == 7).all()


@pytest.mark.parametrize("wrong", [
    torch.zeros(1, 4, 4, 3), torch.zeros(1, 4, 4, 3, dtype=torch.int8), torch.zeros(4, 4, 3, dtype=torch.uint8),
    torch.zeros(1, 3, 4, 4, dtype=torch.uint8),
])  # fmt: skip
def test_what_is_not_bytes_of_pictures_is_not_normalised(wrong):
    with pytest.raises(ValueError, match="not of uint8"):
        normalise(wrong, *IMAGENET)


# what cannot be prepared


def test_pictures_of_another_size_are_not_taken_as_they_are():
    same(noise((224, 224)), Geometry(expected=224), noise((224, 224)))
    for size in ((224, 225), (225, 224), (256, 256), (64, 64)):
        with pytest.raises(EvidenceError, match=rf"bear1\.png: {size[0]}×{size[1]} pixels, but .* 224×224 as they are"):
            prepare(noise(size), Geometry(expected=224), "bear1.png")


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_pictures_that_are_not_rgb(mode):
    with pytest.raises(ValueError, match=f"x.png: a picture of mode {mode}"):
        prepare(Image.new(mode, (64, 64)), Geometry(32, "bilinear", 32), "x.png")


def test_a_window_needs_pixels():
    with pytest.raises(EvidenceError, match=r"x\.png: 5×1 pixels are too few"):
        prepare(noise((5, 1)), Geometry(256, "bilinear", 224, shift=0), "x.png")


def test_a_strip_does_not_fill_the_memory():
    with pytest.raises(EvidenceError, match=r"x\.png: 1×5000 pixels would become 256×1280000"):
        prepare(Image.new("RGB", (1, 5000)), Geometry(256, "bilinear", 224), "x.png")


def test_the_picture_is_left_alone():
    picture = noise((120, 90))
    before = np.array(picture)
    for geometry in (Geometry(), Geometry(crop=64), Geometry(32, "bicubic", 32), Geometry(64, "bilinear", 56, shift=9)):
        found = prepare(picture, geometry, "x.png")
        found[:] = 0   # it is the caller's own
        np.testing.assert_array_equal(np.array(picture), before)
