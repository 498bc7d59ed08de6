"""The findings of §3.7: the paper's published curves give the verdicts that it claims, and its own exceptions."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from demeanour.datasets.frame import Frame
from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import Observations, observe
from demeanour.evidence.store import Store
from demeanour.evidence.sweeps import sweep
from demeanour.evidence.table import PredictionTable
from demeanour.findings.load import load_cast, load_findings
from demeanour.findings.pairing import Case, cases_of
from demeanour.measures.registry import MEASURES
from demeanour.reporting.allure_metrics import samples
from demeanour.reporting.history import past_run
from demeanour.statistics import seeds
from demeanour.verdicts.judge import judge
from demeanour.verdicts.verdict import Verdict
from tests.suite_run import ROOT

N = 50_000   # pictures, as many as the paper's
MODELS = ("ViT-sup", "ConvNeXt-sup", "ViT-clip", "ConvNeXt-clip")
# Figure 7 of the paper (arXiv 2311.09215), per cent, as measured in its picture; of markers that cover each other the
# visible one
CURVES = {
    "scale": {
        "scale/1": (85.5, 85.5, 66.9, 66.3), "scale/1.25": (83.3, 84.4, 65.2, 64.1),
        "scale/1.5": (79.8, 82.6, 61.5, 60.1), "scale/2": (71.3, 78.0, 52.7, 50.6), "scale/3": (54.5, 67.6, 36.0, 33.0),
    },
    "shift": {
        "shift/0": (85.43, 85.43, 66.87, 66.29), "shift/5": (85.49, 85.42, 66.83, 66.22),
        "shift/30": (85.24, 85.24, 66.56, 65.60), "shift/75": (84.05, 84.04, 64.21, 63.65),
        "shift/100": (82.54, 82.89, 62.30, 61.80),
    },
    "resolution": {
        "resolution/112": (68.9, 76.9, 39.0, 51.5), "resolution/224": (85.5, 85.5, 67.0, 66.3),
        "resolution/336": (84.5, 85.8, 65.5, 59.8), "resolution/512": (79.0, 83.7, 58.5, 32.2),
        "resolution/640": (75.1, 81.4, 52.0, 19.0),
    },
}  # fmt: skip
CURVES["sweeps"] = {
    "plain": CURVES["resolution"]["resolution/224"], "shift/100": CURVES["shift"]["shift/100"],
    "scale/3": CURVES["scale"]["scale/3"], "resolution/112": CURVES["resolution"]["resolution/112"],
    "resolution/640": CURVES["resolution"]["resolution/640"],
}  # fmt: skip


@dataclass
class Drawn(Evidence):
    """Evidence of networks that were never evaluated: right on as many pictures of each view as the figure says."""

    def observations(self, model: str, data: str) -> Observations:
        return draw(model, data, self.cast.data[data].base_view)

    def identity(self, model: str, data: str) -> str:
        return f"{model} on {data}"


@cache
def draw(model: str, data: str, base: str | None) -> Observations:
    """Pictures are as hard for one model as for another, and in one view as in another, but for some luck."""
    curve = CURVES[data.rpartition("-")[2]]
    names = np.array([f"{number:05d}" for number in range(N)])
    hard = seeds.generator("hard").normal(size=N)
    own = hard + 0.3 * seeds.generator("own", model).normal(size=N)
    tables = {}
    for view, percents in curve.items():
        luck = own + 0.1 * seeds.generator("luck", model, view).normal(size=N)
        right = np.zeros(N, np.int64)
        right[np.argsort(luck)[: round(N * percents[MODELS.index(model)] / 100)]] = 1
        tables[view] = PredictionTable(names, {"prediction": right})
    seen = Frame(data, names, {"label": np.ones(N, np.int64)}, 2)
    found = observe(model, *sweep(tables, seen, data, base))
    if data.endswith("shift"):
        found.columns["padded"] = BLACK[found.column("view")]
    return found


BLACK = np.array([0, 0, 0, 0.05, 0.1])   # shares of the area at each shift, as if of all pictures

CAST = """
about: what the figure says
protocol: paper
models:
  ViT-sup: {source: "timm:a", architecture: vit, paradigm: supervised}
  ConvNeXt-sup: {source: "timm:b", architecture: convnext, paradigm: supervised}
  ViT-clip: {source: "timm:c", architecture: vit, paradigm: clip}
  ConvNeXt-clip: {source: "timm:d", architecture: convnext, paradigm: clip}
data:
  imagenet-val: {reader: imagenet, root: val}
"""


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    """Every verdict of the section on the published curves."""
    folder = tmp_path_factory.mktemp("published")
    sets = [
        f"  imagenet-val-{name}: {{reader: views, of: imagenet-val, views: [{', '.join(curve)}]"
        + (", base: resolution/224}" if name == "resolution" else "}")
        for name, curve in CURVES.items()
    ]
    (folder / "figure.yaml").write_text(CAST + "\n".join(sets) + "\n")
    (folder / "findings").mkdir()
    for name in ("invariance.yaml", "papers.yaml"):
        shutil.copy(ROOT / "thresholds" / "findings" / name, folder / "findings")
    found, _, problems = load_cast(folder / "figure.yaml")
    assert found is not None, problems
    loaded, _ = load_findings(folder / "findings", folder / "findings")
    evidence = Drawn(found, Store(folder / "store"))
    cases = [case for finding in loaded.findings.values() for case in cases_of(finding, found, loaded.findings)]
    return {case.id: judge(case, evidence) for case in cases if isinstance(case, Case)}


def test_the_figure_gives_the_verdicts_that_the_paper_claims(verdicts: dict[str, Verdict]) -> None:
    found = {name: verdict.verdict for name, verdict in verdicts.items() if verdict.strength != "D"}
    assert len(found) == 27
    assert set(found.values()) == {"holds"}, found


def test_what_the_figure_contradicts_is_violated(verdicts: dict[str, Verdict]) -> None:
    (one,) = [verdict for verdict in verdicts.values() if verdict.strength == "D"]
    assert (one.finding, one.verdict) == ("invariance.clip-vit-better-at-lower-resolution", "violated")
    assert one.difference is not None
    assert one.difference.value == pytest.approx(0.28 - 0.148)   # ConvNeXt loses less by 13.2 points


def test_every_label_of_the_section_is_there(verdicts: dict[str, Verdict]) -> None:
    assert sorted({verdict.label for verdict in verdicts.values()}) == ["I1", "I2", "I3", "I4", "I5", "I6"]


# drops from the base in points, as the literature's summary of the figure has them
DROPS = {
    ("scale", "level-5"): (31.0, 17.9, 30.9, 33.3), ("shift", "level-5"): (2.9, 2.5, 4.57, 4.49),
    ("resolution", "level-5"): (10.4, 4.1, 15.0, 47.3), ("resolution", "level-1"): (16.6, 8.6, 28.0, 14.8),
}  # fmt: skip


def test_drops_and_areas_of_the_figure() -> None:
    for (name, level), drops in DROPS.items():
        for model, drop in zip(MODELS, drops, strict=True):
            data = f"imagenet-val-{name}"
            found = columns_of_drawn(model, data)
            value = MEASURES["view_drop"].values(tuple(found[need] for need in MEASURES["view_drop"].needs))[level]
            assert 100 * float(value) == pytest.approx(drop, abs=0.05)
    found = columns_of_drawn("ViT-sup", "imagenet-val-scale")
    area = MEASURES["view_area"].values(tuple(found[need] for need in MEASURES["view_area"].needs))["all"]
    heights = [percents[0] for percents in CURVES["scale"].values()]
    assert 100 * float(area) == pytest.approx(np.trapezoid(heights, [1, 1.25, 1.5, 2, 3]) / 2, abs=1e-9)


def test_the_verdict_names_what_it_compares(verdicts: dict[str, Verdict]) -> None:
    """A fall is told as the later level minus the earlier one, which is what its sign says."""
    falls = verdicts["invariance.falls-with-scale[ViT-sup]"]
    assert falls.reason.startswith("ViT-sup: level-2 − level-1 = −0.0220 [")
    assert falls.estimates["ViT-sup"].n == N


def test_base_and_levels_stand_beside_the_verdict(verdicts: dict[str, Verdict]) -> None:
    one = verdicts["invariance.supervised-convnext-better-at-largest-shift[supervised]"]
    assert one.shown["view_accuracy"] == {"ConvNeXt-sup": pytest.approx(0.8289), "ViT-sup": pytest.approx(0.8254)}
    assert set(one.shown["view_area"]) == {"ConvNeXt-sup", "ViT-sup"}


def test_what_is_black_at_each_shift_is_told_with_the_verdict_and_remembered_by_no_history(
    verdicts: dict[str, Verdict],
) -> None:
    one = verdicts["invariance.clip-alike-under-shift[clip]"]
    black = {name: values for name, values in one.shown.items() if name.startswith("view_padding")}
    assert black == {
        f"view_padding, level-{level}": dict.fromkeys(("ViT-clip", "ConvNeXt-clip"), pytest.approx(share))
        for level, share in ((4, 0.05), (5, 0.1))
    }
    facts = {"started": "2026-01-31T12:00:00+00:00", "cast": "figure", "outcome": "as expected", "exit": 0,
             "command": "pytest", "versions": {}}  # fmt: skip
    (kept,) = past_run([one.record()], [one.id], **facts).verdicts
    assert set(kept.shown) == {"view_accuracy", "view_area"}
    assert {sample["group"] for sample in samples([one.record()], 0, 1)} == {"view_drop", "view_accuracy", "view_area"}


def columns_of_drawn(model: str, data: str) -> dict[str, np.ndarray]:
    found = draw(model, data, "resolution/224" if data.endswith("resolution") else next(iter(CURVES[data[13:]])))
    return {name: found.column(name) for name in ("correct", "view", "source", "base", "at")}
