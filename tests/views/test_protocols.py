from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from demeanour.errors import NotMeasuredError, ThresholdsError
from demeanour.views import corruptions, protocols
from demeanour.views.geometry import PLAIN, Geometry, Preprocessing, View
from demeanour.views.placing import centred, padding, resized, window
from demeanour.views.protocols import Steps, steps

HALF = (0.5, 0.5, 0.5)
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
OPENAI = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
CONVNEXT = Preprocessing(256, "bicubic", 224, *IMAGENET)   # timm's convnext_base.fb_in22k_ft_in1k: crop_pct 0.875
DEIT = Preprocessing(224, "bicubic", 224, *IMAGENET)       # timm's deit3_base_patch16_224: crop_pct 1
CLIP = Preprocessing(224, "bicubic", 224, *OPENAI)
SMALL = Preprocessing(64, "bicubic", 64, HALF, HALF)


def paper(family, native, view="plain", reader="imagenet"):
    return steps("paper", family, native, reader, View.parse(view))


def native(how, view="plain"):
    return steps("native", "supervised", how, "imagenet", View.parse(view))


# the table of the paper's preprocessing


@pytest.mark.parametrize("own", [CONVNEXT, DEIT])
@pytest.mark.parametrize("reader", ["imagenet", "folder", "imagenet-c", "pug", "parquet", "webdataset"])
def test_supervised_networks_see_256_bilinear_and_224_whatever_they_were_made_for(own, reader):
    found = paper("supervised", own, reader=reader)
    assert found == Steps("paper", Geometry(256, "bilinear", 224), *IMAGENET)
    assert found.side == 224
    assert str(found) == "paper: resize 256 bilinear, crop 224"


@pytest.mark.parametrize("reader", ["imagenet", "imagenet-c", "cue-conflict", "pug"])
def test_clip_sees_what_it_was_made_for(reader):
    assert paper("clip", CLIP, reader=reader) == Steps("paper", Geometry(224, "bicubic", 224), *OPENAI)


@pytest.mark.parametrize(("view", "supervised", "clip"), [
    ("scale/1", Geometry(256, "bilinear", 224), Geometry(224, "bilinear", 224)),
    ("scale/1.25", Geometry(320, "bilinear", 224), Geometry(280, "bilinear", 224)),
    ("scale/1.5", Geometry(384, "bilinear", 224), Geometry(336, "bilinear", 224)),
    ("scale/2", Geometry(512, "bilinear", 224), Geometry(448, "bilinear", 224)),
    ("scale/3", Geometry(768, "bilinear", 224), Geometry(672, "bilinear", 224)),
    ("scale/1.1", Geometry(281, "bilinear", 224), Geometry(246, "bilinear", 224)),   # 281.6 and 246.4
    ("shift/0", Geometry(256, "bilinear", 224, shift=0), Geometry(224, "bilinear", 224, shift=0)),
    ("shift/100", Geometry(256, "bilinear", 224, shift=100), Geometry(224, "bilinear", 224, shift=100)),
    ("resolution/112", Geometry(128, "bilinear", 112), Geometry(112, "bicubic", 112)),
    ("resolution/224", Geometry(256, "bilinear", 224), Geometry(224, "bicubic", 224)),
    ("resolution/336", Geometry(384, "bilinear", 336), Geometry(336, "bicubic", 336)),
    ("resolution/512", Geometry(585, "bilinear", 512), Geometry(512, "bicubic", 512)),   # 585.14
    ("resolution/640", Geometry(731, "bilinear", 640), Geometry(640, "bicubic", 640)),   # 731.43
])  # fmt: skip
def test_the_views_of_the_paper(view, supervised, clip):
    for own in (CONVNEXT, DEIT):
        assert paper("supervised", own, view).geometry == supervised
    assert paper("clip", CLIP, view).geometry == clip
    assert paper("clip", CLIP, view).side == clip.crop


def test_the_grids_of_the_paper():
    assert protocols.SCALES == (1, 1.25, 1.5, 2, 3)
    assert protocols.SHIFTS == (0, 5, 30, 75, 100)
    assert protocols.RESOLUTIONS == (112, 224, 336, 512, 640)


def test_other_sides_keep_the_ratio():
    assert paper("supervised", SMALL).geometry == Geometry(73, "bilinear", 64)   # 73.14
    assert paper("supervised", SMALL, "scale/2").geometry == Geometry(146, "bilinear", 64)
    assert paper("supervised", SMALL, "resolution/336").geometry == Geometry(384, "bilinear", 336)
    assert paper("clip", SMALL).geometry == Geometry(64, "bicubic", 64)


def test_cue_conflicts_are_not_resized_for_supervised_networks():
    found = paper("supervised", CONVNEXT, reader="cue-conflict")
    assert found == Steps("paper", Geometry(expected=224), *IMAGENET)
    assert found.side == 224
    assert str(found) == "paper: as they are, 224 × 224"
    assert steps("native", "supervised", CONVNEXT, "cue-conflict").geometry == Geometry(256, "bicubic", 224)


@pytest.mark.parametrize("view", ["scale/1", "shift/0", "resolution/224"])
def test_views_of_cue_conflicts_are_not_defined_by_the_paper(view):
    with pytest.raises(ThresholdsError, match=f"defines no {view} for cue conflicts"):
        paper("supervised", CONVNEXT, view, "cue-conflict")
    assert paper("clip", CLIP, view, "cue-conflict").geometry.crop == 224


# native


def test_native_is_what_the_network_was_made_for():
    assert native(CONVNEXT) == Steps("native", Geometry(256, "bicubic", 224), *IMAGENET)
    assert native(DEIT).geometry == steps("native", "clip", CLIP, "imagenet").geometry
    assert str(native(DEIT)) == "native: resize 224 bicubic, crop 224"


@pytest.mark.parametrize(("view", "expected"), [
    ("scale/1", Geometry(235, "bicubic", 224)),
    ("scale/1.5", Geometry(352, "bicubic", 224)),
    ("shift/30", Geometry(235, "bicubic", 224, shift=30)),
    ("resolution/224", Geometry(235, "bicubic", 224)),
    ("resolution/112", Geometry(117, "bicubic", 112)),
])  # fmt: skip
def test_views_of_native_keep_its_interpolation(view, expected):
    assert native(Preprocessing(235, "bicubic", 224, *IMAGENET), view).geometry == expected


def test_a_preprocessing_that_does_not_resize():
    asis = Preprocessing(None, "bilinear", None, *IMAGENET)
    cropped = Preprocessing(None, "bilinear", 224, *IMAGENET)
    assert native(asis).geometry == Geometry()
    assert native(asis).side is None
    assert str(native(asis)) == "native: no resize, no crop"
    # where nothing is resized, no interpolation tells two networks apart
    assert native(cropped).geometry == native(Preprocessing(None, "bicubic", 224, HALF, HALF)).geometry
    for how in (asis, cropped, Preprocessing(256, "bilinear", None, *IMAGENET)):
        for view in ("scale/2", "shift/30", "resolution/112"):
            with pytest.raises(ThresholdsError, match="needs a preprocessing that resizes and crops"):
                native(how, view)
    for reader in ("imagenet", "cue-conflict"):
        with pytest.raises(ThresholdsError, match="needs the side of the network's input"):
            paper("supervised", asis, reader=reader)


# what makes evidence different, and what does not


def test_the_protocol_is_part_of_the_record_even_where_pixels_are_the_same():
    one, other = paper("clip", CLIP), steps("native", "clip", CLIP, "imagenet")
    assert one.geometry == other.geometry
    assert one.record() != other.record()


def test_geometries_are_shared_and_records_are_not():
    one, other = native(DEIT), native(CLIP)
    assert one.geometry == other.geometry
    assert len({one.geometry, other.geometry}) == 1
    assert one.record() != other.record()
    assert paper("supervised", DEIT, "resolution/336").geometry == paper(
        "supervised", Preprocessing(384, "bicubic", 336, HALF, HALF)
    ).geometry


@pytest.mark.parametrize("view", ["plain", "scale/1.5", "shift/5", "resolution/112", "corruption/fog/3"])
def test_records_survive_json(view, monkeypatch):
    monkeypatch.setattr(protocols, "library", lambda: "a library 1.0")
    found = paper("supervised", CONVNEXT, view)
    again = Steps.of(json.loads(json.dumps(found.record())))
    assert again == found
    assert hash(again) == hash(found)
    assert Geometry.of(json.loads(json.dumps(found.geometry.record()))) == found.geometry
    assert Preprocessing.of(json.loads(json.dumps(CONVNEXT.record()))) == CONVNEXT


def test_every_view_of_the_paper_is_its_own_evidence(monkeypatch):
    monkeypatch.setattr(protocols, "library", lambda: "a library 1.0")
    views = [f"scale/{z}" for z in protocols.SCALES] + [f"shift/{p}" for p in protocols.SHIFTS]
    views += [f"corruption/{name}/{severity}" for name in ("fog", "snow") for severity in (1, 2)]
    for family, own in (("supervised", CONVNEXT), ("clip", CLIP)):
        records = {json.dumps(paper(family, own, view).record()) for view in views}
        assert len(records) == len(views)


def test_corruptions_come_last_and_name_their_library(monkeypatch):
    monkeypatch.setattr(protocols, "library", lambda: "a library 1.0")
    found = paper("supervised", CONVNEXT, "corruption/motion_blur/4")
    assert found.geometry == Geometry(
        256, "bilinear", 224, corruption="motion_blur", severity=4, corrupted_by="a library 1.0"
    )
    assert str(found) == "paper: resize 256 bilinear, crop 224, motion_blur 4"
    cue = paper("supervised", CONVNEXT, "corruption/fog/1", "cue-conflict").geometry
    assert (cue.expected, cue.corruption, cue.severity) == (224, "fog", 1)


def test_without_the_library_corruptions_are_not_measured(monkeypatch):
    def absent(name):
        raise corruptions.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(corruptions.importlib.metadata, "version", absent)
    corruptions.library.cache_clear()
    with pytest.raises(NotMeasuredError, match="pip install imagecorruptions-imaug"):
        paper("supervised", CONVNEXT, "corruption/fog/3")
    assert paper("supervised", CONVNEXT).geometry == Geometry(256, "bilinear", 224)


# nonsense


@pytest.mark.parametrize(("text", "message"), [
    ("scale/0.9", "a factor of 1 or more"),
    ("scale/nan", "a factor of 1 or more"),
    ("scale/inf", "a factor of 1 or more"),
    ("shift/-1", "a whole number of pixels, 0 or more"),
    ("shift/2.5", "a whole number of pixels, 0 or more"),
    ("shift/inf", "a whole number of pixels, 0 or more"),
    ("resolution/0", "a whole number of pixels, 1 or more"),
    ("resolution/112.5", "a whole number of pixels, 1 or more"),
    ("resolution/nan", "a whole number of pixels, 1 or more"),
    ("corruption/fog/0", "a severity of 1 … 5"),
    ("corruption/fog/6", "a severity of 1 … 5"),
    ("corruption/fog/2.5", "a severity of 1 … 5"),
    ("corruption/frog/3", "did you mean 'fog'"),
    ("scales/2", "is no view"),
    ("scale", "is no view"),
    ("scale/big", "is no view"),
    ("shift/3/4", "is no view"),
    ("plain/1", "is no view"),
    ("corruption/fog", "is no view"),
])  # fmt: skip
def test_views_that_make_no_sense(text, message):
    with pytest.raises(ThresholdsError, match=message):
        View.parse(text)


def test_views_that_are_made_by_hand_are_checked_too():
    with pytest.raises(ThresholdsError, match="did you mean 'scale'"):
        View("scales", 2)
    for view in (("scale", 2, "fog"), ("corruption", 2, None), ("plain", 0, "fog")):
        with pytest.raises(ThresholdsError, match="a corruption has a name, and nothing else has"):
            View(*view)
    with pytest.raises(ThresholdsError, match="expected no value"):
        View("plain", 1)


@pytest.mark.parametrize(
    "text", ["plain", "scale/1.5", "scale/1.0000001", "shift/30", "shift/1234567", "resolution/336", "corruption/fog/3"]
)
def test_a_view_and_its_text_are_the_same(text):
    assert str(View.parse(text)) == text
    assert View.parse(text).kind == text.split("/")[0]
    assert View.parse("plain") == PLAIN


def test_protocols_and_families_that_are_not_there():
    with pytest.raises(ThresholdsError, match="there is no protocol 'papers'; did you mean 'paper'"):
        steps("papers", "supervised", CONVNEXT, "imagenet")
    with pytest.raises(ValueError, match="there is no family 'supervized'; did you mean 'supervised'"):
        steps("paper", "supervized", CONVNEXT, "imagenet")


@pytest.mark.parametrize("wrong", [
    {"resize": 0}, {"crop": -1}, {"interpolation": "nearest"}, {"mean": (0.5, 0.5)}, {"std": (0.2, 0.2, 0.2, 0.2)},
    {"std": (0.2, 0.0, 0.2)}, {"mean": (0.5, float("nan"), 0.5)}, {"std": (0.2, float("inf"), 0.2)},
])  # fmt: skip
def test_preprocessings_that_make_no_sense(wrong):
    with pytest.raises(ThresholdsError, match="preprocessing"):
        Preprocessing.of({**CONVNEXT.record(), **wrong})


# places


@pytest.mark.parametrize(("size", "shorter", "expected"), [
    ((500, 375), 256, (341, 256)),   # 341.33
    ((375, 500), 256, (256, 341)),
    ((500, 334), 256, (383, 256)),   # 383.23
    ((333, 333), 256, (256, 256)),
    ((1, 3), 224, (224, 672)),
])  # fmt: skip
def test_the_longer_side_is_rounded_down(size, shorter, expected):
    assert resized(size, shorter) == expected


@pytest.mark.parametrize(("size", "side", "expected"), [
    ((341, 256), 224, (58, 16, 282, 240)),   # 58.5 becomes 58
    ((343, 227), 224, (60, 2, 284, 226)),    # 59.5 becomes 60, 1.5 becomes 2
    ((225, 229), 224, (0, 2, 224, 226)),     # 0.5 becomes 0, 2.5 becomes 2
    ((224, 224), 224, (0, 0, 224, 224)),
    ((100, 101), 224, (-62, -61, 162, 163)),   # 61.5 of padding on the left becomes 61
])  # fmt: skip
def test_halves_of_a_pixel(size, side, expected):
    assert centred(size, side) == expected


SUPERVISED, OF_CLIP = (Geometry(resize, "bilinear", 224, shift=100) for resize in (256, 224))


@pytest.mark.parametrize(("size", "geometry", "expected", "black"), [
    # 500 × 375 for supervised networks: 328.125 of 375 pixels, from 85.9 and 23.4; for CLIP: all 375, from 62.5
    ((500, 375), SUPERVISED, (185, 23, 513, 351), 13 / 328),
    ((500, 375), OF_CLIP, (162, 0, 537, 375), 37 / 375),
    ((375, 500), SUPERVISED, (23, 185, 351, 513), 13 / 328),
    ((375, 500), OF_CLIP, (0, 162, 375, 537), 37 / 375),
    # square ones move down, and for CLIP leave the picture from the first pixel on
    ((400, 400), SUPERVISED, (25, 125, 375, 475), 75 / 350),
    ((400, 400), OF_CLIP, (0, 100, 400, 500), 100 / 400),
    # nothing is left of it
    ((90, 80), OF_CLIP, (105, 0, 185, 80), 1.0),
])  # fmt: skip
def test_the_window_of_a_shift_and_how_much_of_it_is_black(size, geometry, expected, black):
    assert window(size, geometry) == expected
    assert padding(size, geometry) == pytest.approx(black, abs=1e-12)


def test_padding_without_a_shift():
    assert padding((500, 375), Geometry(256, "bilinear", 224)) == 0
    assert padding((100, 300), Geometry(crop=200)) == pytest.approx(0.5)
    assert padding((30, 40), Geometry(96, "bilinear", 128)) == pytest.approx(0.25)   # 96 × 128
    assert padding((30, 40), Geometry()) == 0
    assert padding((224, 224), Geometry(expected=224)) == 0


def test_padding_grows_with_the_shift():
    shares = [padding((500, 375), Geometry(224, "bilinear", 224, shift=p)) for p in protocols.SHIFTS]
    assert shares[:3] == [0, 0, 0]
    assert np.all(np.diff(shares[2:]) > 0)


def test_a_run_that_judges_imports_neither_torch_nor_pil():
    code = (
        "import sys, demeanour.views.geometry, demeanour.views.placing, demeanour.views.protocols\n"
        "print(sorted({'torch', 'torchvision', 'PIL', 'timm', 'open_clip', 'imagecorruptions'} & set(sys.modules)))\n"
        "import demeanour.views.prepare\n"
        "print(sorted({'torch', 'torchvision', 'timm', 'open_clip', 'imagecorruptions'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]
