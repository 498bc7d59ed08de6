"""Cue conflicts with categories of their own: their groups carry their own names, in numbers, verdicts and pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from demeanour.datasets.cue_conflict import cue_conflict_frame
from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import Observations, observe
from demeanour.evidence.store import Store
from demeanour.evidence.table import prediction_table
from demeanour.findings.pairing import Case, Comparison
from demeanour.findings.published import PublishedTable
from demeanour.findings.schema import Finding
from demeanour.findings.thresholds import load_thresholds
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES, group_beside
from demeanour.reporting.allure_metrics import samples
from demeanour.reporting.figures.looks import look
from demeanour.reporting.history import past_run
from demeanour.reporting.plots import plot
from demeanour.verdicts.contrast import Term, contrast
from demeanour.verdicts.judge import judge
from demeanour.verdicts.published import published_beside
from demeanour.verdicts.replicates import columns_of
from demeanour.vocabulary import CATEGORIES
from tests.small_cast import finding, write_small
from tests.suite_run import ROOT

OWN = ("zebra", "anvil", "mug", "cone", "ball")   # not in the order of the alphabet
SOURCES = 50
FACTS = {"started": "2026-01-31", "cast": "small", "outcome": "", "exit": 0, "command": "", "versions": {}}


def observed(categories: tuple[str, ...] = OWN, seed: int = 0, model: str = "one") -> Observations:
    """Each shape of 50 sources in each other texture; the k-th category is decided by shape in (k + 1) / 8 of them."""
    rng = np.random.default_rng(seed)
    names = [f"{s}{i}-{t}1.png" for s in categories for i in range(1, SOURCES + 1) for t in categories if s != t]
    frame = cue_conflict_frame(np.sort(np.array(names)), "cues", categories)
    shape, texture = frame.columns["shape"], frame.columns["texture"]
    by_shape = rng.random(len(shape)) < (shape + 1) / 8
    prediction = np.where(by_shape, shape, np.where(rng.random(len(shape)) < 0.6, texture, -1))
    table = prediction_table(frame.ids, {"prediction": prediction}, len(categories), "made up", no_answer=True)
    return observe(model, table, frame)


def by_hand(one: Observations) -> dict[str, float]:
    """Shape bias from the images' names alone."""
    decided: dict[str, list[bool]] = {name: [] for name in OWN}
    for name, code in zip(one.ids.tolist(), one.column("prediction").tolist(), strict=True):
        shape, texture = (part.rstrip("0123456789") for part in name.removesuffix(".png").split("-"))
        if code >= 0:
            assert OWN[code] in (shape, texture)
            decided[shape].append(OWN[code] == shape)
    pooled = [hit for hits in decided.values() for hit in hits]
    return {ALL: float(np.mean(pooled)), **{name: float(np.mean(hits)) for name, hits in decided.items()}}


@pytest.mark.parametrize("name", ["shape_bias", "cue_coverage"])
def test_the_published_categories_leave_the_measure_itself(name: str) -> None:
    measure = MEASURES[name]
    assert measure.named({"shape": CATEGORIES}) is measure
    assert measure.named({}) is measure
    assert measure.named({"shape": OWN}) is measure.named({"shape": OWN})
    assert measure.named({"shape": OWN}).groups == (ALL, *OWN)
    assert MEASURES["top1"].named({"shape": OWN}) is MEASURES["top1"]


def test_values_and_sizes_are_those_of_the_names_on_the_images() -> None:
    one = observed()
    measure = MEASURES["shape_bias"].named(one.names)
    columns = columns_of(measure, (one,))
    assert {name: float(value) for name, value in measure.values(columns).items()} == pytest.approx(by_hand(one))
    assert measure.n(columns) == {ALL: 5 * 4 * SOURCES, **dict.fromkeys(OWN, 4 * SOURCES)}
    weights = np.random.default_rng(1).integers(0, 3, (7, len(one))).astype(float)
    parts = np.random.default_rng(2).integers(0, 4, len(one))
    assert measure.sums is not None
    assert measure.of_sums is not None
    of_parts = measure.of_sums(measure.sums(*columns, parts, 4))
    for name, values in measure.values(columns, np.stack([parts == part for part in range(4)]).astype(float)).items():
        assert of_parts[name] == pytest.approx(values)
    assert measure.values(columns, weights)["cone"].shape == (7,)


@pytest.mark.parametrize("name", ["shape_bias", "cue_coverage"])
def test_a_groups_limits_are_those_of_its_images_whatever_the_categories_are_called(name: str) -> None:
    own, measure = observed(), MEASURES[name]
    published = Observations("one", "cues", own.ids, own.columns, own.clusters, {"shape": CATEGORIES})
    for group, other in zip((ALL, *OWN), (ALL, *CATEGORIES), strict=False):
        one, same = (contrast(measure.named(o.names), (Term(1, o, g),)) for o, g in ((own, group), (published, other)))
        assert (one.limits.value, one.n) == (same.limits.value, same.n)
        assert one.limits.interval(0.9) == same.limits.interval(0.9)


@pytest.mark.parametrize(
    ("measure", "group", "other", "whose"),
    [
        ("shape_bias", "zebra", "shape_bias", "zebra"), ("shape_bias", "zebra", "cue_coverage", "zebra"),
        ("shape_bias", "zebra", "top1", "all"), ("error_ratio", "pose", "error_odds_ratio", "pose"),
        ("error_ratio", "pose", "top1", "all"), ("probe_task_accuracy", "dtd", "probe_task_accuracy", "dtd"),
        ("view_drop", "level-2", "view_accuracy", "level-2"), ("shape_bias", "all", "cue_coverage", "all"),
    ],
)  # fmt: skip
def test_what_stands_beside_is_of_the_same_group_where_there_is_one(
    measure: str, group: str, other: str, whose: str
) -> None:
    assert group_beside(measure, group, other) == whose


def test_a_number_over_all_images_is_not_published_beside_a_group_of_its_own() -> None:
    cast = load_thresholds("published", None, ROOT / "thresholds").cast
    source = {"measure": "shape_bias", "data": "cues", "place": "Table 2", "read": "printed", "error": 0.0}
    values = ({"all": {"ViT": 0.4}}, {"all": {"ViT": 0.4}, "zebra": {"ViT": 0.3}})
    tables = [PublishedTable.model_validate({**source, "values": one}) for one in values]
    without, given = (cast.model_copy(update={"published": [table]}) for table in tables)
    assert published_beside(without, "shape_bias", ["cues"], "zebra", ["ViT"]) is None
    assert published_beside(given, "shape_bias", ["cues"], "zebra", ["ViT"]) == {"shape_bias": {"cues": {"ViT": 0.3}}}


def test_the_published_names_are_never_put_on_them() -> None:
    one = observed()
    with pytest.raises(Exception, match="no group 'airplane'; it has all, zebra, anvil, mug, cone, ball"):
        contrast(MEASURES["shape_bias"].named(one.names), (Term(1, one, "airplane"),))


class Pretended(Evidence):
    """Evidence of two models that was never in a file."""

    def observations(self, model: str, data: str) -> Observations:
        return observed(model=model, seed=len(model))

    def identity(self, model: str, data: str) -> str:
        return f"{model} {data}"


def test_every_group_of_a_verdict_has_its_own_name_and_so_has_its_picture(tmp_path: Path) -> None:
    options = write_small(tmp_path)
    cast = load_thresholds(options[1], tmp_path / "findings", ROOT / "thresholds").cast
    entry = finding("shapes", measure="shape_bias", data="cues", groups="every", relation="value < bound", bound=0.5,
                    models={"architecture": "vit"}, at_least=2)   # fmt: skip
    claim = Finding.model_validate({key: value for key, value in entry.items() if key != "compare"})
    case = Case("small.shapes[sup]", claim, ("cues",), "sup", (Comparison("", ((1, ("sup",)),)),))
    found = judge(case, Pretended(cast, Store(tmp_path / "store")))
    assert [part.group for part in found.parts] == list(OWN)
    assert found.verdict == "holds", found.reason
    assert {part.group: part.verdict for part in found.parts}["zebra"] == "holds"
    assert {part.group: part.verdict for part in found.parts}["ball"] == "violated"
    assert found.reason.split(":")[0] in OWN
    assert list(found.shown["cue_coverage"]) == ["sup"]
    assert samples([found.record()], 0, 1)[0]["key"] == f"cue_coverage.cues.sup.{found.group}"
    (past,) = past_run([found.record()], [], **FACTS).verdicts
    assert past.group == past.shown["cue_coverage"].group == found.group != ALL
    one = observed()
    other = replace(one, names={"shape": CATEGORIES[:5]})   # the same numbers under other names
    pictures = [plot(found, [this], {"one": look(0)}) for this in (one, observed(), other)]
    assert pictures[0] == pictures[1] != pictures[2]
