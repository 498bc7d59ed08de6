"""The paper's cast: every finding of the literature's list is there, and says what the paper's own numbers say."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from benchmarks.findings_page import BEGIN, END, JUDGED, PAGE, kept, page, tables, words_of
from demeanour.findings.pairing import Case, cases_of
from demeanour.findings.published import PublishedTable, published_value
from demeanour.findings.schema import Finding
from demeanour.findings.thresholds import Thresholds, load_thresholds
from demeanour.measures.groups import ALL
from demeanour.verdicts.published_margin import holds_as_published, published_margin
from demeanour.vocabulary import FACTORS, PUG_FACTORS
from tests.suite_run import ROOT

MODELS = ("ViT-sup", "ConvNeXt-sup", "ViT-clip", "ConvNeXt-clip")
COUNTS = {"M": 7, "P": 5, "C": 8, "S": 5, "R": 7, "T": 5, "I": 6, "K": 5, "X": 3}
LABELS = {f"{letter}{number}" for letter, most in COUNTS.items() for number in range(1, most + 1)} | {"M2′"}
SEVEN = ("imagenetv2", "imagenet-a", "imagenet-c", "imagenet-hard", "imagenet-r", "imagenet-sketch", "imagenet-real")
PICTURES_ONLY = {   # what the paper shows in a picture from which no number can be read
    "calibration.clip-bars-below-diagonal", "calibration.clip-last-bar-highest",
    "similarity.supervised-vit-checkerboard", "similarity.clip-vit-no-checkerboard",
    "similarity.convnext-checkerboards", "similarity.cka-from-zero-to-one",
}  # fmt: skip


@pytest.fixture(scope="module")
def paper() -> Thresholds:
    return load_thresholds("paper", None, ROOT / "thresholds")


def cases(loaded: Thresholds, finding: Finding) -> list[Case]:
    found = cases_of(finding, loaded.cast, loaded.findings.findings)
    return [one for one in found if isinstance(one, Case)]


def value(loaded: Thresholds, measure: str, data: str, model: str, group: str = ALL) -> float:
    found = published_value(loaded.cast.published, measure, data, group, model)
    assert found is not None, (measure, data, group, model)
    return found[0]


def test_no_finding_of_the_paper_is_missing(paper: Thresholds) -> None:
    assert {finding.label for finding in paper.findings.findings.values()} == LABELS


def test_every_finding_is_in_scope(paper: Thresholds) -> None:
    assert paper.out_of_scope == ()
    assert {case.finding.id for case in paper.cases.values()} == set(paper.findings.findings)


def test_findings_say_what_the_papers_own_numbers_say_but_those_that_these_contradict(paper: Thresholds) -> None:
    silent = set()
    for finding in paper.findings.findings.values():
        said = {case.id: holds_as_published(case, paper.cast) for case in cases(paper, finding)}
        strengths = {case.id: finding.strength_on(case.data) for case in cases(paper, finding)}
        if None in said.values():
            silent.add(finding.id)
        for name, strength in strengths.items():
            if strength in ("A", "B", "A/B"):
                assert said[name] is not False, name
        if set(strengths.values()) == {"D"} and finding.id not in PICTURES_ONLY:
            assert False in said.values(), finding.id
    assert silent == PICTURES_ONLY


def test_what_is_expected_to_be_violated_is_what_published_numbers_contradict(paper: Thresholds) -> None:
    violated = 0
    for case in paper.cases.values():
        entry = paper.cast.expectation(case.finding.id, case.id)
        says = holds_as_published(case, paper.cast)
        if entry is None:
            assert says is not False, case.id
        elif entry.expect == "violated":
            violated += 1
            assert says is False, case.id
            assert any(character.isdigit() for character in entry.reason), case.id
    assert violated >= 6


def test_a_contradiction_that_is_published_stands_among_the_expectations_with_its_number(paper: Thresholds) -> None:
    for case in paper.cases.values():
        if holds_as_published(case, paper.cast) is False:
            entry = paper.cast.expectation(case.finding.id, case.id)
            assert entry is not None, case.id
            assert any(character.isdigit() for character in entry.reason), case.id


def test_what_follows_from_an_open_finding_is_open(paper: Thresholds) -> None:
    for case in paper.cases.values():
        entries = [paper.cast.expectation(one.finding.id, one.id) for one in case.basis]
        if any(entry is not None and entry.expect == "undecided" for entry in entries):
            own = paper.cast.expectation(case.finding.id, case.id)
            assert own is not None, case.id
            assert own.expect == "undecided"


# --- the numbers agree with each other --------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_the_mean_over_seven_sets_is_that_of_table_2(paper: Thresholds, model: str) -> None:
    average = dict(zip(MODELS, (0.602, 0.607, 0.491, 0.480), strict=True))[model]
    assert fmean(value(paper, "top1", data, model) for data in SEVEN) == pytest.approx(average, abs=0.00051)


@pytest.mark.parametrize("model", MODELS)
def test_vtab_s_tasks_have_the_means_of_table_3(paper: Thresholds, model: str) -> None:
    tasks = paper.cast.data["vtab"].tasks
    assert tasks is not None
    assert [len(names) for names in tasks.values()] == [7, 4, 8]
    single = {group: [value(paper, "probe_task_accuracy", "vtab", model, name) for name in names]
              for group, names in tasks.items()}   # fmt: skip
    for group, values in single.items():
        assert fmean(values) == pytest.approx(value(paper, "probe_accuracy", "vtab", model, group), abs=0.001)
    overall = fmean(one for values in single.values() for one in values)
    assert overall == pytest.approx(value(paper, "probe_accuracy", "vtab", model), abs=0.001)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("measure", "data", "groups", "error"),
    [("error_ratio", "imagenet-x", FACTORS, 0.005), ("factor_accuracy", "pug-imagenet", PUG_FACTORS, 0.002)],
    ids=["imagenet-x", "pug"],
)
def test_bars_have_the_mean_of_the_last_bar(
    paper: Thresholds, model: str, measure: str, data: str, groups: tuple[str, ...], error: float
) -> None:
    mean = fmean(value(paper, measure, data, model, group) for group in groups)
    assert mean == pytest.approx(value(paper, measure, data, model), abs=error)


@pytest.mark.parametrize("model", MODELS)
def test_views_that_are_the_plain_pictures_have_the_accuracy_of_table_2(paper: Thresholds, model: str) -> None:
    plain = value(paper, "top1", "imagenet-val", model)
    for sweep, base in (("scale", 0), ("shift", 0), ("resolution", 1)):
        data = f"imagenet-val-{sweep}"
        curve = [value(paper, "view_accuracy", data, model, f"level-{level}") for level in range(1, 6)]
        drops = [value(paper, "view_drop", data, model, f"level-{level}") for level in range(1, 6)]
        assert curve[base] == pytest.approx(plain, abs=0.0016)
        assert drops == pytest.approx([curve[base] - one for one in curve], abs=1e-9)
        assert paper.cast.data[data].views is not None


def test_the_machine_readable_copy_of_the_paper_s_numbers_is_carried_over(
    paper: Thresholds, published: Path
) -> None:
    kept = json.loads((published / "paper" / "numbers.json").read_text())
    names = {"INet-Val": "imagenet-val", "V2": "imagenetv2", "A": "imagenet-a", "C": "imagenet-c", "R": "imagenet-r",
             "Hard": "imagenet-hard", "Sketch": "imagenet-sketch", "Real": "imagenet-real"}   # fmt: skip
    for model in MODELS:
        table = dict(zip(kept["robustness_table2"]["cols"], kept["robustness_table2"][model], strict=True))
        for column, data in names.items():
            assert value(paper, "top1", data, model) == pytest.approx(table[column] / 100)
        vtab = dict(zip(kept["vtab_table3"]["cols"], kept["vtab_table3"][model], strict=True))
        for column, percent in vtab.items():
            group = ALL if column == "Overall" else column.lower()
            assert value(paper, "probe_accuracy", "vtab", model, group) == pytest.approx(percent / 100)
        ratios = zip(kept["imagenet_x_factor_order"], kept["imagenet_x_error_ratio_fig"][model], strict=True)
        for factor, ratio in ratios:
            group = ALL if factor == "Average" else factor
            assert value(paper, "error_ratio", "imagenet-x", model, group) == pytest.approx(ratio)
        for factor, percent in kept["pug_fig"][model].items():
            assert value(paper, "factor_accuracy", "pug-imagenet", model, factor) == pytest.approx(percent / 100)
        for data, key in (("imagenet-val", "imagenet1k"), ("imagenet-r", "imagenet_r")):
            assert value(paper, "ece", data, model) == kept["ece"][key][model]
        for sweep, curves in kept["invariance_fig"].items():
            found = [value(paper, "view_accuracy", f"imagenet-val-{sweep}", model, f"level-{n}") for n in range(1, 6)]
            assert found == pytest.approx(np.asarray(curves[model]) / 100, abs=0.0006)
            views = paper.cast.data[f"imagenet-val-{sweep}"].views or []
            assert [float(view.partition("/")[2]) for view in views] == curves["grid"]
        assert value(paper, "shape_bias", "cue-conflict", model) == kept["shape_bias"]["project_page_figure"][model]
        responses = [table for table in paper.cast.published if table.place.startswith("responses")]
        assert responses[0].values[ALL][model] == kept["shape_bias"]["repo_csv"][model]


# --- the margin by published values -----------------------------------------------------------------------------------


def told(loaded: Thresholds, case: str, *tables: PublishedTable) -> tuple[float, float, str]:
    found = published_margin(loaded.cases[case], loaded.cast.model_copy(update={"published": list(tables)}))
    assert found is not None
    return found.value, found.ahead, found.group


def table(measure: str, data: str, error: float = 0.0, **groups: dict[str, float]) -> PublishedTable:
    return PublishedTable(measure=measure, data=data, place="x", read="printed", error=error, values=groups)


def test_a_margin_by_hand(paper: Thresholds) -> None:
    one = table("top1", "imagenet-val", 0.001, all={"ViT-sup": 0.8, "ViT-clip": 0.62})
    found = told(paper, "mistakes.sixteen-point-gap[vit]", one)   # 18 points where 16 ± .5 are claimed
    assert found == (pytest.approx(0.02), pytest.approx(-0.015), "all")
    bias = table("shape_bias", "cue-conflict", all=dict(zip(MODELS, (0.40, 0.33, 0.46, 0.44), strict=True)))
    assert told(paper, "shape_texture.smaller-gap-under-clip", bias)[:2] == (pytest.approx(0.05), pytest.approx(0.05))
    assert told(paper, "shape_texture.clip-vit-highest[ViT-clip]", bias) == (
        pytest.approx(0.02), pytest.approx(0.02), "over ConvNeXt-clip",
    )  # fmt: skip
    assert told(paper, "shape_texture.below-half[ViT-clip]", bias)[:2] == (pytest.approx(-0.04), pytest.approx(0.04))


def test_the_group_that_tips_the_scale_is_the_weakest_of_those_that_must_hold(paper: Thresholds) -> None:
    by_clip = {"shape": 1.4, "subcategory": 1.6, "texture": 1.0}
    both = {group: {"ViT-sup": 1.5, "ViT-clip": ratio} for group, ratio in by_clip.items()}
    ratios = table("error_ratio", "imagenet-x", **both)
    assert told(paper, "mistakes.clip-robust-to-shape-subcategory-texture[vit]", ratios) == (
        pytest.approx(0.1), pytest.approx(-0.1), "subcategory",
    )  # fmt: skip
    two = table("error_ratio", "imagenet-x", texture={"ViT-sup": 2.0}, shape={"ViT-sup": 2.2}, pose={"ViT-sup": 0.7})
    assert told(paper, "mistakes.texture-hardest[ViT-sup]", two)[1:] == (pytest.approx(-0.2), "texture over shape")
    assert told(paper, "mistakes.texture-among-two-hardest[ViT-sup]", two)[1:] == (
        pytest.approx(1.3), "texture over pose",
    )  # fmt: skip
    gaps = dict(zip(PUG_FACTORS, range(-2, 8), strict=True))   # the third smallest of ten is 0
    factors = table("factor_accuracy", "pug-imagenet",
                    **{name: {"ViT-sup": 0.3, "ConvNeXt-sup": 0.3 + gap} for name, gap in gaps.items()})   # fmt: skip
    assert told(paper, "synthetic.convnext-better-on-most-factors[supervised]", factors)[1] == pytest.approx(0.0)


def test_a_mean_over_data_sets_and_a_curve_s_steps(paper: Thresholds) -> None:
    sets = [table("top1", data, all={"ViT-sup": 0.5 + 0.01 * i, "ViT-clip": 0.5}) for i, data in enumerate(SEVEN)]
    assert told(paper, "robustness.supervised-better-on-average[vit]", *sets)[0] == pytest.approx(0.03)
    falls = {f"level-{n}": {"ViT-sup": accuracy} for n, accuracy in enumerate((0.8, 0.7, 0.71, 0.5, 0.4), start=1)}
    found = told(paper, "invariance.falls-with-scale[ViT-sup]", table("view_accuracy", "imagenet-val-scale", **falls))
    assert found == (pytest.approx(0.01), pytest.approx(-0.01), "level-3 after level-2")


def test_squares_of_ece_stand_in_for_the_squared_error_that_decides(paper: Thresholds) -> None:
    one = table("ece", "imagenet-r", 0.001, all={"ViT-clip": 0.2, "ConvNeXt-clip": 0.3})
    case = paper.cases["calibration.convnext-no-worse-than-vit[clip-imagenet-r]"]
    found = published_margin(case, paper.cast.model_copy(update={"published": [one]}))
    assert found is not None
    assert found.measure == "ece²"
    assert (found.value, found.ahead) == (pytest.approx(0.05), pytest.approx(-0.049))
    assert found.error == pytest.approx(2 * 0.2 * 0.001 + 2 * 0.3 * 0.001)


def test_without_a_value_of_each_side_nothing_is_said(paper: Thresholds) -> None:
    one = table("top1", "imagenet-val", all={"ViT-sup": 0.8})
    cast = paper.cast.model_copy(update={"published": [one]})
    assert published_margin(paper.cases["mistakes.sixteen-point-gap[vit]"], cast) is None
    assert holds_as_published(paper.cases["mistakes.sixteen-point-gap[vit]"], cast) is None


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_says_what_yaml_and_verdicts_say(paper: Thresholds) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page(paper, kept(), text) == text, "run benchmarks/findings_page.py page"


def test_every_finding_has_a_row_with_its_verdicts_and_its_margin(paper: Thresholds) -> None:
    words = {case.id: "holds" for case in paper.cases.values()}
    words["mistakes.sixteen-point-gap[vit]"] = "undecided"
    lines = tables(paper, words).splitlines()
    for finding in paper.findings.findings.values():
        (row,) = [line for line in lines if f"`{finding.id}`" in line]
        assert row.startswith(f"| {finding.label} | {finding.claim} |")
    (row,) = [line for line in lines if "`mistakes.sixteen-point-gap`" in line]
    assert row.endswith("| D | ? undecided: vit<br>✔ holds: convnext | vit: +0.0250 (top1, margin 0.005) ≠<br>"
                        "convnext: +0.0320 (top1, margin 0.005) ≠ |")   # fmt: skip
    total = len(paper.findings.findings)
    assert lines[0] == (
        f"{total} findings, {len(paper.cases)} verdicts. On the miniature, {total - 1} findings hold in all of their "
        "verdicts, 0 are violated in all, 0 are undecided, and of 1 the verdicts differ or are not there."
    )


def test_verdicts_are_kept_of_the_miniature_only() -> None:
    run = {"cast": JUDGED, "verdicts": [{"id": "a.b[c]", "verdict": "holds", "finding": "a.b"}]}
    assert words_of(run) == {"a.b[c]": "holds"}
    with pytest.raises(ValueError, match="expected verdicts of the cast 'miniature', found those of 'drawn'"):
        words_of({**run, "cast": "drawn"})


@pytest.mark.parametrize("text", ["no marks", f"{BEGIN} only", f"{END}"], ids=["none", "begin", "end"])
def test_a_page_without_marks_is_refused(paper: Thresholds, text: str) -> None:
    with pytest.raises(ValueError, match="the page has no"):
        page(paper, {}, text)


def test_the_native_cast_differs_in_protocol_probes_and_published_values_only(paper: Thresholds) -> None:
    native = load_thresholds("paper-native", None, ROOT / "thresholds")
    assert (paper.cast.protocol, native.cast.protocol) == ("paper", "native")
    assert native.cast.models == paper.cast.models
    assert {name for name, card in native.cast.data.items() if card != paper.cast.data[name]} == {"vtab"}
    assert native.cast.data["vtab"].tasks == paper.cast.data["vtab"].tasks
    assert set(native.cases) == set(paper.cases)
    assert value(native, "top1", "imagenet-a", "ConvNeXt-sup") == pytest.approx(0.5477)
