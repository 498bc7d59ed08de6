"""What editors check by, and what `demeanour explain` says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from demeanour.cli import main
from demeanour.commands import explain as explaining
from demeanour.findings.json_schema import json_schemas
from demeanour.findings.schema import Relation, Source
from demeanour.findings.thresholds import load_thresholds
from demeanour.measures.registry import MEASURES
from demeanour.reporting.explain import RELATIONS, WHY
from tests.small_cast import FINDINGS, write_small
from tests.suite_run import ROOT, Suite

THRESHOLDS = ROOT / "thresholds"
FILES = sorted([*(THRESHOLDS / "findings").glob("*.yaml"), *(THRESHOLDS / "casts").glob("*.yaml")])


def schema_of(path: Path) -> str:
    kind = "cast" if path.parent.name == "casts" else "papers" if path.stem == "papers" else "findings"
    return f"{kind}.json"


def validator(name: str) -> jsonschema.Draft202012Validator:
    content = json.loads((THRESHOLDS / "schema" / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(content)
    return jsonschema.Draft202012Validator(content)


def plain(value: Any) -> Any:
    """As an editor sees YAML: dates are text."""
    return json.loads(json.dumps(value, default=str))


def test_the_schemas_are_those_of_the_code() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in (THRESHOLDS / "schema").glob("*.json")}
    assert written == json_schemas(), "run `demeanour schema`"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_yaml_names_its_schema_and_keeps_to_it(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema=../schema/{schema_of(path)}"
    validator(schema_of(path)).validate(plain(yaml.safe_load(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    "change",
    [
        {"margn": 0}, {"margin": "0.5 %"}, {"margin": -1}, {"relation": "left >> right"}, {"measure": "ece"},
        {"measure": "top2"}, {"strength": "E"}, {"id": "No Section"}, {"groups": []}, {"compare": {"left": {}}},
    ],
    ids=str,
)  # fmt: skip
def test_what_the_loader_refuses_the_schema_marks(change: dict[str, Any], tmp_path: Path) -> None:
    entry = {**FINDINGS[0], **change}
    assert list(validator("findings.json").iter_errors([entry]))
    assert not list(validator("findings.json").iter_errors([FINDINGS[0]]))
    write_small(tmp_path, findings=[entry])
    assert main(["lint", "--cast", str(tmp_path / "small.yaml"), "--findings", str(tmp_path / "findings")]) == 12


def test_editors_are_told_what_each_key_means() -> None:
    found = json.loads(json_schemas()["findings.json"])["$defs"]["Finding"]["properties"]
    assert all(entry.get("description") for entry in found.values())
    assert "below" in found["min_n"]["description"] or "fewer" in found["min_n"]["description"]
    cast = json.loads(json_schemas()["cast.json"])
    for part in (cast, *cast["$defs"].values()):
        assert all(entry.get("description") for entry in part["properties"].values()), part


def test_schema_check_tells_a_stale_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "thresholds" / "findings").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert main(["schema", "--check"]) == 12
    assert main(["schema"]) == 0
    assert main(["schema", "--check"]) == 0
    (tmp_path / "thresholds" / "schema" / "cast.json").write_text("{}")
    assert main(["schema", "--check"]) == 12


def test_every_relation_and_method_has_its_words() -> None:
    assert set(RELATIONS) == set(Relation.__args__)
    assert set(WHY) >= {measure.method for measure in MEASURES.values() if measure.decides}


@pytest.mark.parametrize(
    ("numbers", "place"),
    [
        ({}, "§3.1"), ({"figure": 2}, "§3.1, Figure 2"), ({"table": 4}, "§3.1, Table 4"),
        ({"figure": 2, "table": 4}, "§3.1, Figure 2, Table 4"),
    ],
)  # fmt: skip
def test_a_source_says_where_it_can_be_looked_up(numbers: dict[str, int], place: str) -> None:
    assert Source(paper="p", section="3.1", quote="as it stands", **numbers).place == place


@pytest.mark.parametrize("cast", ["drawn", "published", "quartet"])
def test_every_finding_can_be_explained_in_every_cast(
    cast: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    thresholds = load_thresholds(cast, None, THRESHOLDS)
    monkeypatch.setattr(explaining, "load_thresholds", lambda *_: thresholds)   # once, not for each finding
    for finding in thresholds.findings.findings.values():
        assert main(["explain", finding.id, "--cast", cast]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert " ".join(finding.claim.split()) in said
        assert " ".join(finding.source.quote.split()) in said
        assert all(" ".join(conflict.split()) in said for conflict in finding.source.conflicts)
        if finding.except_groups:
            assert f" group but {', '.join(finding.except_groups)}" in said
        for case in thresholds.cases.values():
            assert (case.id in said) is (case.finding.id == finding.id or finding.id == case.id), case.id


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mistakes.supervised-alike-elsewhere", "Asked of every group but style, person_blocking; all must satisfy"),
        ("invariance.shift-least-harmful", "level-2 is compared with every other group but level-1."),
        ("mistakes.texture-hardest", "texture is compared with every other group."),
    ],
)  # fmt: skip
def test_an_explanation_tells_which_groups_are_left_out(
    name: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", name, "--cast", "drawn"]) == 0
    assert told in " ".join(capsys.readouterr().out.split())


def test_an_explanation_tells_the_last_verdict_and_how_to_get_it_again(
    suite: Suite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = write_small(tmp_path)
    asked = ["explain", "small.worse[vit]", *options]
    assert main([*asked, "--reports", str(tmp_path)]) == 0
    assert "not judged in the last run of this cast" in capsys.readouterr().out
    run = suite(*options)
    assert main([*asked, "--reports", str(run.reports)]) == 0
    said = capsys.readouterr().out
    for words in ("Claim worse.", "violated, as expected", "it is the other way round", "sup              0.8000",
                  "+0.1500", "left < right; margin 0"):
        assert words in said
    command = said.rsplit("REPRODUCE", 1)[1].split()
    assert command[:2] == ["pytest", "behaviours/"]
    again = suite(*command[2:], name="again")
    assert again.code == 0
    assert set(again.words) == {"small.worse[vit]"}


def test_the_label_of_several_findings_explains_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "C2"]) == 0
    said = capsys.readouterr().out
    for name in ("clip-overconfident", "clip-bars-below-diagonal", "clip-last-bar-highest"):
        assert f"C2  calibration.{name}" in said


def test_an_unknown_finding_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "calibration.clip-overconfidnt"]) == 12
    assert "did you mean 'calibration.clip-overconfident'?" in capsys.readouterr().err
