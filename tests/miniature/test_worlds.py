"""The narrow and the wide world are what they are said to be; what is told of a picture is what it shows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from demeanour.miniature import controlled, variants
from demeanour.miniature.dice import COLUMNS, Dice
from demeanour.miniature.drawing.render import render
from demeanour.miniature.drawing.scenes import OCCLUDERS
from demeanour.miniature.formats.pug import PUG_CLASSES, VARIED
from demeanour.miniature.learning.captions import SURFACE, captions
from demeanour.miniature.names import (
    CATEGORIES,
    CLASSES,
    CLASSES_A,
    CLASSES_R,
    COLOURS,
    KINDS,
    RENDITIONS,
    SOLIDS,
    STYLES,
    SYNSETS,
    TEXTURES,
)  # fmt: skip
from demeanour.miniature.worlds import COLOURS_OF, SHARES, TEXTURE_OF, Draft, labels_of, narrow, scenes, usual, wide
from demeanour.vocabulary import FACTORS


def narrow_draft(count: int = 4000) -> Draft:
    return narrow(Dice("narrow", range(count)))


def test_names_fit_each_other() -> None:
    assert len(KINDS) == len(TEXTURES) == len({kind.texture for kind in KINDS}) == 16
    assert {kind.texture for kind in KINDS} == set(TEXTURES)
    assert all(colour in COLOURS for kind in KINDS for colour in kind.colours)
    assert list(SYNSETS) == sorted(SYNSETS)   # the order of folders is that of classes
    assert sorted(name for names in CATEGORIES.values() for name in names) == sorted(CLASSES)
    assert set(CLASSES_A) < set(CLASSES)
    assert set(CLASSES_R) < set(CLASSES)
    assert sum(SHARES.values()) == pytest.approx(1)
    assert set(SHARES) == set(FACTORS)
    assert set(SURFACE) == set(TEXTURES)


def test_a_throw_depends_on_world_and_number_alone() -> None:
    alone, together = Dice("a", [7]), Dice("a", [3, 7, 9])
    assert alone.throw()[0] == together.throw()[1]
    assert Dice("a", [7]).throw()[0] != Dice("b", [7]).throw()[0]
    for _ in range(COLUMNS - 1):
        alone.throw()
    with pytest.raises(IndexError, match=str(COLUMNS)):
        alone.throw()


def test_throws_are_distributed_as_they_say() -> None:
    dice = Dice("distribution", range(20_000))
    assert np.bincount(dice.choice([1, 0, 3])) / 20_000 == pytest.approx([0.25, 0, 0.75], abs=0.012)
    assert np.bincount(dice.pick(4)) / 20_000 == pytest.approx([0.25] * 4, abs=0.012)
    normal = dice.normal(2.0)
    assert (normal.mean(), normal.std()) == (pytest.approx(0, abs=0.05), pytest.approx(2, rel=0.03))
    position = dice.pick(5)
    other = dice.other(position, 5)
    assert (other != position).all()
    assert np.bincount((other - position) % 5, minlength=5)[1:] / 20_000 == pytest.approx([0.25] * 4, abs=0.012)


def test_in_the_narrow_world_class_texture_and_colour_go_together() -> None:
    draft = narrow_draft()
    assert np.bincount(draft.solid) / len(draft) == pytest.approx([1 / 16] * 16, abs=0.015)
    assert (draft.texture == TEXTURE_OF[draft.solid]).mean() > 0.9
    assert (draft.colours == COLOURS_OF[draft.solid]).all(1).mean() > 0.8
    assert (draft.style == 0).mean() > 0.97


def test_in_the_wide_world_they_do_not() -> None:
    draft = wide(Dice("wide", range(4000)))
    classes = draft.solid < len(CLASSES)
    agree = draft.texture[classes] == TEXTURE_OF[draft.solid[classes]]
    assert 0.3 < agree.mean() < 0.5
    assert set(draft.solid) == set(range(len(SOLIDS)))
    assert set(labels_of(draft)) == {-1, *range(len(CLASSES))}
    assert (draft.style > 0).mean() > 0.3
    assert set(draft.style) == set(range(len(STYLES)))


def test_what_deviates_is_what_is_said_to_deviate() -> None:
    dice = Dice("narrow", range(6000))
    draft, plain = narrow(dice), usual(Dice("plain", range(6000)), np.zeros(6000, np.int64))
    on = dict(zip(FACTORS, draft.deviates.T, strict=True))
    single = draft.deviates.sum(1) == 1
    assert (draft.deviates[np.flatnonzero(draft.top >= 0), draft.top[draft.top >= 0]]).all()
    assert not draft.deviates[draft.top < 0].any()

    def apart(name: str, differs: NDArray[np.bool_]) -> None:
        assert differs[on[name]].all(), name
        assert not differs[~on[name]].any(), name

    another = (draft.texture != TEXTURE_OF[draft.solid]) & (draft.texture >= 0)
    apart("texture", another | on["texture"] & on["subcategory"])
    apart("subcategory", draft.texture < 0)
    apart("background", draft.background > plain.background.max())
    apart("larger", draft.scale > 0.75)
    apart("darker", (draft.exposure < 0.5) | on["darker"] & on["brighter"])
    apart("brighter", draft.exposure > 1.5)
    apart("style", draft.style > 0)
    apart("partial_view", np.abs(draft.centre).max(1) > 0.55)
    apart("person_blocking", draft.occluder == OCCLUDERS.index("person"))
    apart("multiple_objects", (draft.extra >= 0).any(1))
    apart("shape", np.abs(np.log(draft.stretch)) > 0.13)
    assert draft.scale[single & on["smaller"]].max() < 0.35
    assert (draft.top == FACTORS.index("pose")).mean() == pytest.approx(0.75 * 0.2, abs=0.02)


def test_pictures_show_their_factors() -> None:
    draft = narrow_draft(1500)
    alone = draft.deviates.sum(1) == 1

    def brightness(name: str | None) -> float:
        rows = (draft.top < 0) if name is None else alone & draft.deviates[:, FACTORS.index(name)]
        picked = np.flatnonzero(rows)[:8]
        dice = Dice("narrow", picked)
        return float(render(scenes(dice, narrow(dice))).mean())

    assert brightness("darker") < 0.4 * brightness(None)
    assert brightness("brighter") > 1.3 * brightness(None)


def test_a_picture_is_the_same_whatever_is_drawn_beside_it() -> None:
    many, one = (variants.validation(numbers)[1] for numbers in (range(6), [4]))
    assert np.abs(render(many)[4].astype(int) - render(one)[0]).max() <= 1


def test_captions_say_what_there_is() -> None:
    dice = Dice("wide", range(3000))
    draft = wide(dice)
    found = captions(dice, draft)
    named = np.asarray([SOLIDS[solid] in text for solid, text in zip(draft.solid, found, strict=True)])
    assert 0.92 < named.mean() < 0.97
    surfaces = set(SURFACE.values())
    for text, texture, occluder in zip(found, draft.texture, draft.occluder, strict=True):
        said = surfaces & set(text.replace("an oil", "").split(" on ")[0].split(" and ")[0].split())
        assert said <= ({SURFACE[TEXTURES[texture]]} if texture >= 0 else set()), text
        assert (" behind a person" in text) <= (occluder == OCCLUDERS.index("person"))
    assert len(set(found)) > 2000
    assert not any("  " in text or " a a" in text or " a an " in text or text != text.strip() for text in found)


@pytest.mark.parametrize(
    ("draw", "classes", "styles"),
    [
        (variants.validation, CLASSES, None),
        (variants.v2, CLASSES, None),
        (variants.adversarial_pool, CLASSES_A, None),
        (variants.renditions, CLASSES_R, RENDITIONS),
        (variants.sketches, CLASSES, ("sketch",)),
        (variants.hard, CLASSES, None),
    ],
)
def test_relatives_hold_their_classes_and_styles(draw, classes, styles) -> None:
    draft, shown = draw(range(800))
    assert {CLASSES[solid] for solid in draft.solid} == set(classes)
    if styles is not None:
        assert {STYLES[style] for style in draft.style} == set(styles)
    assert len(shown) == 800


def test_right_labels_are_the_classes_that_are_shown() -> None:
    draft, _ = variants.validation(range(1000))
    sets = variants.label_sets(draft)
    lengths = np.bincount([len(labels) for labels in sets])
    assert lengths[0] > 0   # too dark for anyone
    assert lengths[2] > 100
    for row, labels in enumerate(sets):
        assert bool(labels) == (draft.exposure[row] >= variants.UNSEEN)
        assert set(labels) <= {draft.solid[row], *draft.extra[row]}
        assert not labels or labels[0] == draft.solid[row]


def test_prototypes_are_usual_and_few() -> None:
    draft, _ = variants.validation(range(1000))
    chosen = variants.prototypes(draft)
    assert np.bincount(draft.solid[chosen], minlength=16).tolist() == [variants.PROTOTYPES_OF_A_CLASS] * 16
    assert not draft.deviates[chosen].any()


def test_pug_varies_one_thing_at_a_time() -> None:
    pug = controlled.pug(2)
    assert len(pug.parts) == len(pug.scenes) == controlled.pug_size(2)
    assert set(zip(pug.parts, pug.classes, strict=True)) == {(part, name) for part in VARIED for name in PUG_CLASSES}
    scenes_ = pug.scenes
    rows = np.flatnonzero((np.asarray(pug.parts) == "Scene_Light") & (np.asarray(pug.characters) == "Cube_1"))
    assert len(np.unique(scenes_.exposure[rows])) > 4
    assert len(np.unique(scenes_.objects.rotation[rows], axis=0)) == 1
    rows = np.flatnonzero((np.asarray(pug.parts) == "Object_Yaw") & (np.asarray(pug.characters) == "Cube_1"))
    assert len(np.unique(scenes_.objects.rotation[rows], axis=0)) == len(rows)
    assert len(np.unique(scenes_.exposure[rows])) == 1
    assert len(np.unique(scenes_.background[rows])) == 1


def test_cue_conflicts_have_every_texture_on_every_shape() -> None:
    conflicts = controlled.cue_conflicts(2)
    pairs = [(shape, i, texture) for (shape, i), (texture, _) in zip(conflicts.shapes, conflicts.textures, strict=True)]
    assert len(set(pairs)) == len(pairs) == 12 * 2 * 12
    objects = conflicts.scenes.objects
    for shape, i in set(conflicts.shapes):
        rows = [k for k, source in enumerate(conflicts.shapes) if source == (shape, i)]
        assert CLASSES[objects.solid[rows[0]]] in CATEGORIES[shape]
        assert len(np.unique(objects.rotation[rows], axis=0)) == 1   # the same source, whatever its texture
        assert {TEXTURES[objects.texture[k]] for k in rows} == {
            KINDS[CLASSES.index(names[0])].texture for names in CATEGORIES.values()
        }
