"""The paper's figures: what is drawn are the measures' values, every model looks the same everywhere, and what is
missing is told. Values are read from what matplotlib was given, not from pixels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure as Canvas

from demeanour.measures.similarity import cka
from demeanour.reporting.figures.canvas import svg_and_png
from demeanour.reporting.figures.catalogue import FIGURES
from demeanour.reporting.figures.figure import Figure, Found
from demeanour.reporting.figures.invariance import Curves, draw_curves, views_of
from demeanour.reporting.figures.looks import CONTEXT, look, looks
from demeanour.reporting.plots import plot
from demeanour.reporting.style import SERIES
from demeanour.verdicts.verdict import Difference, Estimate, Verdict
from demeanour.vocabulary import CATEGORIES, FACTORS, PUG_FACTORS
from tests.figure_cast import LAYERS, MODELS, PERSON, ROBUST, TASKS, VIEWS, MadeUp, cast_of_figures, features

BY_NAME = {figure.name: figure for figure in FIGURES}
DRAWN = [figure for figure in FIGURES if figure.draw is not None]


@pytest.fixture
def evidence(tmp_path: Path) -> MadeUp:
    return MadeUp(cast_of_figures(tmp_path))


def found(evidence: MadeUp, figure: Figure) -> Found:
    models = (PERSON, *MODELS) if figure.context else MODELS
    return Found(evidence, dict.fromkeys(figure.data, models))


def numbers(evidence: MadeUp, name: str) -> Any:
    return BY_NAME[name].numbers(found(evidence, BY_NAME[name]))


def canvas_of(evidence: MadeUp, name: str) -> Canvas:
    canvas, figure = Canvas(), BY_NAME[name]
    assert figure.draw is not None
    figure.draw(canvas, numbers(evidence, name), looks(evidence.cast))
    return canvas


def heights(axes: Axes) -> dict[str, list[float]]:
    """The bars of each model, from left to right."""
    return {bars.get_label(): [bar.get_height() for bar in bars] for bars in axes.containers}


def ticks(axes: Axes) -> list[str]:
    return [tick.get_text() for tick in axes.get_xticklabels()]


def right(evidence: MadeUp, model: str, data: str) -> np.ndarray:
    return evidence.observations(model, data).columns["correct"]


def share(rows: Iterable[Any]) -> float:
    return float(np.mean(list(rows)))


def test_the_numbers_of_figures_and_tables_are_the_papers() -> None:
    assert [figure.title.split(":")[0].split(",")[0] for figure in FIGURES] == [
        "Table 1", "Figure 2", "Figure 3", "Figure 4", "Figure 5", "Figure 6", "Figure 6", "Table 3", "Figure 7",
        "Figure 8",
    ]  # fmt: skip
    assert "Table 2" in BY_NAME["figure-6-robustness"].title


def test_error_ratios_by_hand(evidence: MadeUp) -> None:
    canvas = canvas_of(evidence, "figure-2-mistakes")
    drawn, names = heights(canvas.axes[0]), [text.split(" (")[0].replace(" ", "_") for text in ticks(canvas.axes[0])]
    assert names[-1] == "average"
    assert sorted(names[:-1]) == sorted(FACTORS)
    for model in MODELS:
        one = evidence.observations(model, "imagenet-x").columns
        wrong = ~one["correct"]
        by_hand = {name: wrong[one["factors"][:, place]].mean() / wrong.mean() for place, name in enumerate(FACTORS)}
        assert drawn[model] == pytest.approx([*(by_hand[name] for name in names[:-1]), share(by_hand.values())])
    pale = {name for name, bar in zip(names, canvas.axes[0].containers[0], strict=True) if (bar.get_alpha() or 1) < 1}
    assert pale == set(FACTORS) - {FACTORS[0]}
    assert f"{FACTORS[0]} (413)" in ticks(canvas.axes[0])   # 400, and every sixteenth of the other 200


def test_accuracy_on_synthetic_pictures_by_hand(evidence: MadeUp) -> None:
    axes = canvas_of(evidence, "figure-3-synthetic").axes[0]
    assert ticks(axes) == [*(name.replace("_", " ") for name in PUG_FACTORS), "average"]
    for model in MODELS:
        one = evidence.observations(model, "pug-imagenet").columns
        by_hand = [one["correct"][one["factor"] == code].mean() for code in range(10)]
        assert heights(axes)[model] == pytest.approx([*by_hand, share(by_hand)])


def test_calibration_by_hand(evidence: MadeUp) -> None:
    canvas = canvas_of(evidence, "figure-4-calibration")
    grid = np.array(canvas.axes).reshape(4, 4)
    for row, data in ((0, "imagenet-val"), (2, "imagenet-r")):
        for column, model in enumerate(MODELS):
            one = evidence.observations(model, data).columns
            bins = np.ceil(one["confidence"] * 15).astype(int)
            members = [bins == number for number in range(1, 16)]
            assert [b.get_height() for b in grid[row, column].containers[0]] == pytest.approx(
                [member.mean() for member in members]
            )
            assert [b.get_height() for b in grid[row + 1, column].containers[0]] == pytest.approx(
                [one["correct"][member].mean() if member.any() else np.nan for member in members], nan_ok=True
            )
            error = sum(abs((one["confidence"] - one["correct"])[member].sum()) for member in members) / 600
            assert f"ECE {error:.3f}" in grid[row + 1, column].texts[0].get_text()
    assert [ax.get_title() for ax in grid[0]] == list(MODELS)


def test_shape_and_texture_by_hand_with_people_in_grey(evidence: MadeUp) -> None:
    axes = canvas_of(evidence, "figure-5-shape-texture").axes[0]
    marked = {line.get_label().split(" (")[0]: line for line in axes.lines if line.get_linestyle() == "None"}
    pooled = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() != "None"]
    assert set(marked) == {"people", *MODELS}
    for model in (PERSON, *MODELS):
        one = evidence.observations(model, "cue-conflict").columns
        shape, texture = (one["prediction"] == one[cue] for cue in ("shape", "texture"))
        by_hand = [shape[one["shape"] == c].sum() / (shape | texture)[one["shape"] == c].sum() for c in range(16)]
        line = marked["people" if model == PERSON else model]
        assert list(line.get_xdata()) == pytest.approx(by_hand)
        assert any(value == pytest.approx(shape.sum() / (shape | texture).sum()) for value in pooled)
    assert marked["people"].get_color() == CONTEXT.colour
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(CATEGORIES)


def test_robustness_by_hand_and_its_average_of_seven(evidence: MadeUp) -> None:
    axes = canvas_of(evidence, "figure-6-robustness").axes[0]
    assert ticks(axes) == ["INet-Val", "V2", "A", "C", "Hard", "R", "Sketch", "Real", "average"]
    for model in MODELS:
        by_hand = [right(evidence, model, data).mean() for data in ("imagenet-val", *ROBUST)]
        assert heights(axes)[model] == pytest.approx([*by_hand, share(by_hand[1:])])


def test_without_one_of_the_seven_there_is_no_average(evidence: MadeUp) -> None:
    evidence.missing = tuple((model, "imagenet-hard") for model in MODELS if model != "ViT-sup")
    drawn = numbers(evidence, "figure-6-robustness")
    assert [model for model in MODELS if "average" in drawn.values[model]] == ["ViT-sup"]
    evidence.missing = tuple((model, "imagenet-hard") for model in MODELS)
    assert "average" not in numbers(evidence, "figure-6-robustness").groups


def test_transfer_by_hand(evidence: MadeUp) -> None:
    axes = canvas_of(evidence, "figure-6-transfer").axes[0]
    names = [*TASKS["natural"], *TASKS["structured"]]
    assert ticks(axes) == ["pets", "dtd", "dmlab"]
    groups = numbers(evidence, "table-3-transfer").groups
    assert list(groups.groups.values()) == ["natural", "structured", "overall"]
    for model in MODELS:
        one = evidence.observations(model, "vtab").columns
        by_hand = [one["correct"][one["task"] == name].mean() for name in names]
        assert heights(axes)[model] == pytest.approx(by_hand)
        assert groups.values[model] == pytest.approx(
            {"natural": share(by_hand[:2]), "structured": by_hand[2], "all": share(by_hand)}
        )


def test_curves_by_hand_with_the_real_views_below(evidence: MadeUp) -> None:
    panels = canvas_of(evidence, "figure-7-invariance").axes
    assert [ticks(axes) for axes in panels] == [["1", "1.25", "2"], ["0", "2", "28"], ["32", "64", "184"]]
    for axes, data in zip(panels, VIEWS, strict=True):
        lines = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
        assert list(lines) == list(MODELS)
        for model in MODELS:
            one = evidence.observations(model, data).columns
            assert lines[model] == pytest.approx([one["correct"][one["view"] == view].mean() for view in range(3)])


def test_views_of_several_kinds_are_named_and_no_curve(evidence: MadeUp) -> None:
    assert views_of(["plain", "shift/28", "scale/3"]) == {
        "level-1": "plain", "level-2": "shift 28", "level-3": "scale 3",
    }  # fmt: skip
    axes = Canvas().subplots()
    values = {"ViT-sup": {"level-1": 0.7, "level-3": 0.2}}
    draw_curves(axes, Curves("x", "x", views_of(["plain", "a/1", "b/2"]), values, joined=False), looks(evidence.cast))
    assert [line.get_linestyle() for line in axes.lines] == ["None"]
    assert list(axes.lines[0].get_xdata()) == [0, 2]


def test_maps_are_cka_of_the_layers_themselves(evidence: MadeUp) -> None:
    canvas = canvas_of(evidence, "figure-8-similarity")
    maps = [axes for axes in canvas.axes if axes.images and axes.get_title()]
    assert [axes.get_title() for axes in maps] == ["all (6)", "linear (2)", "normalisation (2)"] * 4
    for row, model in enumerate(MODELS):
        layers = list(features(model))
        by_title = {axes.get_title().split(" (")[0]: axes.images[0].get_array() for axes in maps[3 * row : 3 * row + 3]}
        assert set(by_title) == {"all", "linear", "normalisation"}   # one layer of attention has no other
        for kind, drawn in by_title.items():
            members = [x for x, name in zip(layers, LAYERS, strict=True) if kind in ("all", name)]
            by_hand = [[cka(one, other) for other in members] for one in members]
            assert np.asarray(drawn) == pytest.approx(np.array(by_hand))
    assert sum("no attention or convolution" in text.get_text() for axes in canvas.axes for text in axes.texts) == 4


def colours(canvas: Canvas) -> set[tuple[str, str]]:
    """Which colour each label has, of bars and of lines."""
    drawn = set()
    for axes in canvas.axes:
        drawn |= {(bars.get_label(), to_hex(bar.get_facecolor()).upper()) for bars in axes.containers for bar in bars}
        drawn |= {(line.get_label().split(" (")[0], to_hex(line.get_color()).upper()) for line in axes.lines}
    return {(label, colour) for label, colour in drawn if label in MODELS}


@pytest.mark.parametrize("figure", [one for one in DRAWN if "4" not in one.name and "8" not in one.name],
                         ids=lambda one: one.name)  # fmt: skip
def test_a_model_has_one_colour_in_all_figures(evidence: MadeUp, figure: Figure) -> None:
    assert colours(canvas_of(evidence, figure.name)) == set(zip(MODELS, SERIES, strict=False))


def test_a_model_has_its_colour_in_calibration_too(evidence: MadeUp) -> None:
    grid = np.array(canvas_of(evidence, "figure-4-calibration").axes).reshape(4, 4)
    for column, colour in zip(grid.T, SERIES, strict=False):
        assert {to_hex(bar.get_facecolor()).upper() for axes in column for bar in axes.containers[0]} == {colour}


@pytest.mark.parametrize(("measure", "data"), [
    ("calibration_error", "imagenet-val"), ("error_ratio", "imagenet-x"), ("shape_bias", "cue-conflict"),
    ("factor_accuracy", "pug-imagenet"), ("view_accuracy", "imagenet-val-shift"), ("probe_accuracy", "vtab"),
])  # fmt: skip
def test_a_verdicts_picture_has_the_colours_of_the_cast_not_of_the_comparison(
    evidence: MadeUp, measure: str, data: str
) -> None:
    verdict = Verdict(
        id="x", finding="x", data=(data,), strength="A", expected="holds", verdict="holds", measure=measure,
        unit="", reason="", label="x", claim="x", estimates={"ViT-clip": Estimate(0.5, (0.4, 0.6), 50)},
        difference=Difference(0.1, (0, 0.2), 0, "all", "exact"),
    )  # fmt: skip
    svg = plot(verdict, [evidence.observations(model, data) for model in MODELS[2:]], looks(evidence.cast)).upper()
    assert SERIES[2] in svg
    assert SERIES[3] in svg
    assert SERIES[0] not in svg
    assert SERIES[1] not in svg


def test_a_verdict_of_layers_is_drawn_as_maps(evidence: MadeUp) -> None:
    verdict = Verdict(
        id="x", finding="x", data=("imagenet-val-layers",), strength="A", expected="holds", verdict="holds",
        measure="parity_contrast", unit="", reason="", label="x", claim="x",
        estimates={"ViT-sup": Estimate(0.5, (0.4, 0.6), 50)}, difference=Difference(0.1, (0, 0.2), 0, "all", "exact"),
    )  # fmt: skip
    assert "<image" in plot(verdict, [evidence.observations("ViT-sup", "imagenet-val-layers")], looks(evidence.cast))


def test_models_are_told_apart_without_colours() -> None:
    first = [look(index) for index in range(6)]
    for what in ("colour", "marker", "hatch", "dash"):
        assert len({getattr(one, what) for one in first}) == 6
    assert look(6).colour == look(0).colour
    assert (look(6).marker, look(6).hatch) != (look(0).marker, look(0).hatch)
    assert len({(look(i).colour, look(i).marker) for i in range(36)}) == 36


@pytest.mark.parametrize("figure", DRAWN, ids=lambda one: one.name)
def test_the_same_numbers_give_the_same_bytes(tmp_path: Path, figure: Figure) -> None:
    made = []
    for _ in range(2):
        evidence = MadeUp(cast_of_figures(tmp_path))
        assert figure.draw is not None
        made.append(svg_and_png(figure.draw, numbers(evidence, figure.name), looks(evidence.cast)))
    assert made[0] == made[1]
    assert made[0][0].startswith("<svg")
    assert made[0][1].startswith(b"\x89PNG")


@pytest.mark.parametrize("figure", FIGURES, ids=lambda one: one.name)
def test_a_missing_model_is_told_and_the_others_are_drawn(evidence: MadeUp, figure: Figure) -> None:
    evidence.missing = tuple(("ViT-clip", data) for data in figure.data)
    asked = found(evidence, figure)
    cells = list(figure.cells(figure.numbers(asked)))
    assert {cell.model for cell in cells} - {PERSON} == set(MODELS) - {"ViT-clip"}
    assert f"ViT-clip on {figure.data[0]}: lost" in asked.notes
    assert not asked.whole


@pytest.mark.parametrize("figure", FIGURES, ids=lambda one: one.name)
def test_without_evidence_there_are_no_numbers(evidence: MadeUp, figure: Figure) -> None:
    assert figure.numbers(Found(evidence, {})) is None


def test_a_missing_column_is_told_and_will_be_missing_again(evidence: MadeUp) -> None:
    del evidence.observations("ViT-sup", "imagenet-val").columns["confidence"]
    asked = found(evidence, BY_NAME["figure-4-calibration"])
    drawn = BY_NAME["figure-4-calibration"].numbers(asked)
    assert {(one.model, one.data) for one in drawn} == {
        (model, data) for model in MODELS for data in ("imagenet-val", "imagenet-r")
    } - {("ViT-sup", "imagenet-val")}
    assert "no column 'confidence'" in asked.notes[0]
    assert asked.whole


@pytest.mark.parametrize("figure", DRAWN, ids=lambda one: one.name)
def test_a_single_model_can_be_drawn(evidence: MadeUp, figure: Figure) -> None:
    drawn = figure.numbers(Found(evidence, dict.fromkeys(figure.data, ("ViT-clip",))))
    assert figure.draw is not None
    assert svg_and_png(figure.draw, drawn, looks(evidence.cast))[0].startswith("<svg")
