"""Published values in a cast, what is told where a measured one is further off, and casts that extend another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import Store
from demeanour.findings.load import load_cast
from demeanour.findings.published import PublishedTable, published_value
from demeanour.findings.thresholds import load_thresholds
from demeanour.reporting.explain import explain
from demeanour.verdicts.judge import judge
from demeanour.verdicts.published import published_beside
from demeanour.verdicts.verdict import Verdict
from tests.small_cast import write_small
from tests.suite_run import ROOT, Suite

TABLE = {"measure": "top1", "data": "tiny", "place": "Table 2", "read": "printed", "error": 0.0005}


def with_published(folder: Path, *tables: dict[str, Any]) -> Verdict:
    """The verdict of ``small.better``: the models' accuracies are .8 and .65, with 90 % intervals of about ± .04."""
    options = write_small(folder)
    cast = yaml.safe_load((folder / "small.yaml").read_text())
    cast["published"] = [{**TABLE, **table} for table in tables]
    (folder / "small.yaml").write_text(yaml.safe_dump(cast))
    loaded = load_thresholds(options[1], folder / "findings", ROOT / "thresholds")
    return judge(loaded.cases["small.better[vit]"], Evidence(loaded.cast, Store(folder / "store")))


def test_the_first_table_that_has_a_value_counts() -> None:
    one = PublishedTable(**TABLE, values={"all": {"A": 0.5}})
    other = PublishedTable(**{**TABLE, "place": "Table 1"}, values={"all": {"A": 0.6, "B": 0.7}, "x": {"A": 0.1}})
    tables = [one, other]
    assert published_value(tables, "top1", "tiny", "all", "A") == (0.5, one)
    assert published_value(tables, "top1", "tiny", "all", "B") == (0.7, other)
    assert published_value(tables, "top1", "tiny", "x", "A") == (0.1, other)
    for missing in (("top5", "tiny", "all", "A"), ("top1", "huge", "all", "A"), ("top1", "tiny", "x", "B")):
        assert published_value(tables, *missing) is None


def test_a_value_within_the_interval_is_told_with_its_place_only(tmp_path: Path) -> None:
    found = with_published(tmp_path, {"values": {"all": {"sup": 0.79, "clip": 0.66}}, "note": "of a run"})
    assert found.published == {"top1": {"tiny": {"sup": 0.79, "clip": 0.66}}}
    assert found.published_notes == ("published values: Table 2 (printed; of a run)",)


def test_a_value_outside_the_interval_is_told_unless_reading_explains_it(tmp_path: Path) -> None:
    high = with_published(tmp_path).estimates["sup"].interval[1]
    just = {"values": {"all": {"sup": high + 0.004}}}
    (tmp_path / "read").mkdir()
    read = with_published(tmp_path / "read", {**just, "error": 0.005})
    assert read.published_notes == ("published values: Table 2 (printed)",)
    assert read.deviations == ()
    (tmp_path / "off").mkdir()
    (told,) = with_published(tmp_path / "off", {**just, "error": 0.003}).deviations
    assert told.startswith("sup: 0.8000 [0.")
    assert f"{high + 0.004:.4f} is published, further apart than sampling and reading (± 0.003) explain" in told


def test_the_reports_tell_what_was_measured_otherwise(tmp_path: Path, suite: Suite) -> None:
    options = write_small(tmp_path)
    cast = yaml.safe_load((tmp_path / "small.yaml").read_text())
    cast["published"] = [{**TABLE, "values": {"all": {"sup": 0.9, "clip": 0.65}}}]
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(cast))
    run = suite(*options)
    assert run.code == 0, run.output   # no verdict changes by it
    told = "was measured, 0.9000 is published, further apart than sampling and reading"
    by_id = {verdict["id"]: verdict for verdict in run.verdicts["verdicts"]}
    assert [len(verdict["deviations"]) for verdict in by_id.values()] == [1, 1, 1]
    assert told in by_id["small.better[vit]"]["deviations"][0]
    summary = (run.reports / "summary.md").read_text()
    assert summary.count(told) == 1
    assert "## What was measured otherwise than published" in summary
    assert told in (run.reports / "summary.html").read_text()
    cards = [path.read_text() for path in (run.reports / "allure-results").glob("*-result.json")]
    attached = [path.read_text() for path in (run.reports / "allure-results").glob("*.html")]
    assert any(told in text for text in (*cards, *attached))


def test_sources_that_disagree_are_told_and_those_that_agree_are_not(tmp_path: Path) -> None:
    found = with_published(
        tmp_path,
        {"values": {"all": {"sup": 0.8}}},
        {"values": {"all": {"sup": 0.8008, "clip": 0.65}}, "place": "a figure", "read": "digitised"},
        {"values": {"all": {"sup": 0.837}}, "place": "Table 1", "note": "others"},
    )
    assert found.published == {"top1": {"tiny": {"sup": 0.8, "clip": 0.65}}}
    assert found.published_notes == (
        "published values: Table 2 (printed); a figure (digitised)",
        "sup is 0.8370 by Table 1 (printed; others)",
    )


def test_without_tables_nothing_is_told(tmp_path: Path) -> None:
    found = with_published(tmp_path)
    assert found.published is None
    assert found.published_notes == ()


def test_values_of_measures_beside_the_deciding_one_are_of_its_group_where_they_have_it() -> None:
    cast = load_thresholds("published", None, ROOT / "thresholds").cast
    ratios = {"measure": "error_ratio", "values": {"all": {"ViT": 1.4}, "pose": {"ViT": 0.7}}}
    accuracies = {"measure": "top1", "values": {"all": {"ViT": 0.78}}}
    tables = [PublishedTable(**{**TABLE, "data": "imagenet-x", **one}) for one in (ratios, accuracies)]
    cast = cast.model_copy(update={"published": tables})
    assert published_beside(cast, "error_ratio", ["imagenet-x"], "pose", ["ViT", "ResNet50"]) == {
        "error_ratio": {"imagenet-x": {"ViT": 0.7}}, "top1": {"imagenet-x": {"ViT": 0.78}},
    }  # fmt: skip
    assert published_beside(cast, "error_ratio", ["imagenet-x"], "texture", ["ResNet50"]) is None


def test_explain_tells_published_values_of_the_groups_that_a_claim_names() -> None:
    loaded = load_thresholds("published", None, ROOT / "thresholds")
    finding = loaded.findings.findings["shape_texture.clip-vit-over-convnext"]
    paper = loaded.findings.papers[finding.source.paper]
    text = explain(finding, paper, loaded.cast, {}, [], loaded.findings.findings)
    assert "published shape_bias: ViT-clip 0.465, ConvNeXt-clip 0.447" in " ".join(text.split())


# --- casts that extend another ----------------------------------------------------------------------------------------

BASE = """\
about: the base
protocol: paper
models:
  one: {source: "predictions:a.csv", architecture: vit, paradigm: clip, data: imagenet-val}
  two: {source: "predictions:b.csv", architecture: vit, paradigm: supervised, data: imagenet-val}
data:
  imagenet-val: {reader: tables}
published:
  - {measure: top1, data: imagenet-val, place: Table 2, read: printed, error: 0.0005, values: {all: {one: 0.5}}}
expect:
  some.finding: {expect: violated, reason: of the base}
"""


def write_casts(folder: Path, **texts: str) -> Path:
    for name, text in {"base": BASE, **texts}.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder / "mine.yaml"


def test_an_entry_replaces_the_one_of_its_name_and_any_other_key_the_whole(tmp_path: Path) -> None:
    text = """\
extends: base
about: mine
protocol: native
models:
  two: {source: "predictions:c.csv", architecture: convnext, paradigm: supervised, data: imagenet-val}
published: []
expect:
  other.finding: {expect: undecided, reason: mine}
"""
    cast, _, problems = load_cast(write_casts(tmp_path, mine=text))
    assert problems == []
    assert cast is not None
    assert (cast.name, cast.about, cast.protocol) == ("mine", "mine", "native")
    assert [card.source for card in cast.models.values()] == ["predictions:a.csv", "predictions:c.csv"]
    assert list(cast.data) == ["imagenet-val"]
    assert cast.published == []
    assert {key: entry.reason for key, entry in cast.expect.items()} == {
        "some.finding": "of the base", "other.finding": "mine",
    }  # fmt: skip


def test_a_cast_may_extend_one_that_extends_another(tmp_path: Path) -> None:
    cast, _, problems = load_cast(write_casts(tmp_path, middle="extends: base\nabout: x\n", mine="extends: middle\n"))
    assert problems == []
    assert cast is not None
    assert (cast.about, cast.protocol, len(cast.models)) == ("x", "paper", 2)


@pytest.mark.parametrize(
    ("mine", "words"),
    [
        ("extends: bse\n", "there is no cast 'bse' beside this one; did you mean 'base'?"),
        ("extends: mine\n", "'mine' extends itself"),
        ("extends: turn\n", "'mine' extends itself"),
        ("extends: [base]\n", "expected text"),
        ("extends: broken\n", "is no valid YAML"),
        ("extends: items\n", "the key 'about' is missing"),
        ("extends: base\nmodels: 5\n", "expected keys and values, found 5"),
        ("extends: base\nabout: ''\n", "at least 1 character"),
    ],
    ids=["unknown", "itself", "in a circle", "no name", "broken", "no mapping", "wrong part", "wrong key"],
)
def test_a_cast_that_cannot_be_extended_is_told(tmp_path: Path, mine: str, words: str) -> None:
    path = write_casts(tmp_path, mine=mine, turn="extends: mine\n", broken="a: [\n", items="- a\n")
    cast, _, problems = load_cast(path)
    assert cast is None
    assert words in "; ".join(str(problem) for problem in problems)
