"""Findings and casts: the shipped ones are sound, every defect is told with its place, and pairing gives stable ids."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from demeanour.errors import Problem, ThresholdsError
from demeanour.findings.cast import Cast
from demeanour.findings.load import find_cast, load_cast, load_findings
from demeanour.findings.pairing import Case, Comparison, OutOfScope, cases_of
from demeanour.findings.schema import Finding
from demeanour.findings.thresholds import examine, load_thresholds

SHIPPED = Path(__file__).parents[1] / "thresholds"

PAPERS = """\
a2024:
  title: A work
  url: https://example.org/a
  year: 2024
"""

CALIBRATION = """\
- id: calibration.pair
  label: C1
  claim: CLIP models are worse calibrated.
  source:
    paper: a2024
    section: "3"
    quote: as it is written
  strength: A
  measure: calibration_error
  data: imagenet-val
  compare:
    left:
      paradigm: clip
    right:
      paradigm: supervised
    pair_on: architecture
  relation: left > right
  margin: 0
- id: calibration.each
  label: C2
  claim: CLIP models are overconfident.
  source:
    paper: a2024
    section: "3"
    quote: as it is written
  strength: B
  measure: signed_gap
  data: imagenet-val
  models:
    architecture: vit
  relation: value > bound
  bound: 0
  margin: 0.01
"""

MISTAKES = """\
- id: mistakes.factors
  label: M1
  claim: CLIP models have smaller error ratios on shape and texture.
  source:
    paper: a2024
    section: "3"
    quote: as it is written
  strength: A/B
  measure: error_ratio
  data: imagenet-x
  compare:
    left:
      paradigm: clip
    right:
      paradigm: supervised
    pair_on: architecture
  groups: [shape, texture]
  relation: left < right
  margin: 0
"""

CAST = """\
about: a test
protocol: none
models:
  ViT-sup: &card
    source: "predictions:a.csv"
    architecture: vit
    paradigm: supervised
    data:
      - imagenet-val
      - imagenet-x
  ViT-clip:
    <<: *card
    source: "predictions:b.csv"
    paradigm: clip
  Rows:
    source: "predictions:c.csv"
    architecture: resnet
    paradigm: supervised
    data: imagenet-val
    ids: row-order
    order: mine
  somebody:
    source: "predictions:d.csv"
    architecture: person
    paradigm: person
    data: imagenet-val
    context: true
data:
  imagenet-val:
    reader: tables
  imagenet-x:
    reader: imagenet-x
    root: annotations
published:
  - measure: error_ratio
    data: imagenet-x
    place: Figure 1
    read: digitised
    error: 0.005
    values:
      texture:
        ViT-sup: 1.5
expect:
  mistakes.factors[vit]:
    expect: violated
    reason: because
"""


def write(root: Path, **files: str) -> Path:
    """Valid thresholds in a folder, but for the files given: calibration, mistakes, papers, cast."""
    (root / "findings").mkdir(parents=True)
    (root / "casts").mkdir()
    content = {"calibration": CALIBRATION, "mistakes": MISTAKES, "papers": PAPERS, **files}
    (root / "casts" / "mine.yaml").write_text(content.pop("cast", CAST), encoding="utf-8")
    (root / "casts" / "quite_another.yaml").write_text(CAST, encoding="utf-8")
    for name, text in content.items():
        (root / "findings" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return root


def problems_of(root: Path, cast: str = "mine") -> list[Problem]:
    return examine(cast, None, root)[2]


def replaced(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


def marked_line(text: str) -> int:
    """The line of the defect: the one that says so."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if line.endswith("# here"))


def assert_told(problems: list[Problem], path: Path, text: str, key: str, *words: str) -> None:
    """One problem, of that file, at the marked line (where there is one) and key, with the telling words."""
    assert len(problems) == 1, "\n".join(map(str, problems))
    (problem,) = problems
    assert problem.file == path
    assert problem.key == key
    if "# here" in text:
        line = marked_line(text)
        assert problem.line == line
        assert str(problem).startswith(f"{path}:{line}: ")
    for word in words:
        assert word in str(problem)


# --- the shipped files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cast", ["published", "quartet"])
def test_the_shipped_thresholds_are_sound_without_any_file_of_evidence(
    cast: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEMEANOUR_PUBLISHED", raising=False)
    assert problems_of(SHIPPED, cast) == []
    loaded = load_thresholds(cast, None, SHIPPED)
    assert loaded.cast.name == cast
    assert loaded.sections == [
        "calibration", "invariance", "mistakes", "robustness", "shape_texture", "similarity", "summary", "synthetic",
        "transfer",
    ]  # fmt: skip
    spoken_of = {case.finding.id for case in loaded.cases.values()} | {one.finding.id for one in loaded.out_of_scope}
    assert spoken_of == set(loaded.findings.findings)
    assert loaded.cases


@pytest.mark.parametrize("path", sorted((SHIPPED / "casts").glob("*.yaml")), ids=lambda path: path.stem)
def test_verdicts_of_every_shipped_cast_have_ids_of_their_own(path: Path) -> None:
    cast, _, _ = load_cast(path)
    assert cast is not None
    findings, _ = load_findings(SHIPPED / "findings")
    ids = Counter(case.id for finding in findings.findings.values() for case in cases_of(finding, cast))
    assert len(ids) >= len(findings.findings)
    assert [name for name, count in ids.items() if count > 1] == []


def test_the_published_cast_decides_what_its_four_models_and_their_names_promise() -> None:
    cases = load_thresholds("published", None, SHIPPED).cases
    assert cases["shape_texture.clip-over-supervised[vit]"].models == ("ViT-clip", "ViT-sup")
    assert cases["shape_texture.clip-over-supervised[convnext]"].models == ("ConvNeXt-clip", "ConvNeXt-sup")
    assert cases["shape_texture.clip-vit-highest[ViT-clip]"].models == (
        "ViT-clip", "ViT-sup", "ConvNeXt-sup", "ConvNeXt-clip",
    )  # fmt: skip
    assert not [case.id for case in cases.values() if any("subject" in model for model in case.models)]


def test_valid_thresholds_have_no_problems(tmp_path: Path) -> None:
    root = write(tmp_path)
    assert problems_of(root) == []
    loaded = load_thresholds("mine", None, root)
    assert set(loaded.cases) == {
        "calibration.pair[vit]", "calibration.each[ViT-sup]", "calibration.each[ViT-clip]", "mistakes.factors[vit]",
    }  # fmt: skip


# --- defects of findings --------------------------------------------------------------------------------------------

# where a defect is a line that is missing elsewhere than at the mark
LEFT_OUT = {
    "missing margin": "  margin: 0\n",
    "bound missing": "  bound: 0\n",
    "row-order without order": "    order: mine\n",
}

PAIR, EACH = "[0](calibration.pair)", "[1](calibration.each)"

# what is replaced, by what (the defect's line ends with `# here`), the key path, the telling words
BAD_FINDINGS: dict[str, tuple[str, str, str, list[str]]] = {
    "unknown key": ("  margin: 0\n", "  margin: 0\n  notes: x # here\n", f"{PAIR}.notes",
                    ["unknown key 'notes'", "did you mean 'note'?"]),
    "unknown key of a selector": ("      paradigm: clip\n", "      paradgm: clip # here\n",
                                  f"{PAIR}.compare.left.paradgm", ["unknown key", "did you mean 'paradigm'?"]),
    "unknown key of a source": ('    section: "3"\n', '    section: "3"\n    fig: 3 # here\n', f"{PAIR}.source.fig",
                                ["unknown key 'fig'", "did you mean 'figure'?"]),
    "margin in percent": ("  margin: 0\n", "  margin: 0.5% # here\n", f"{PAIR}.margin",
                          ["expected a number", "'0.5%'"]),
    "margin as quoted text": ("  margin: 0\n", '  margin: "0.5%" # here\n', f"{PAIR}.margin",
                              ["expected a number", "'0.5%'"]),
    "margin that YAML reads as text": ("  margin: 0\n", "  margin: 1e-3 # here\n", f"{PAIR}.margin",
                                       ["expected a number", "'1e-3'", "write 0.001"]),
    "margin NaN": ("  margin: 0\n", "  margin: .nan # here\n", f"{PAIR}.margin", ["finite number", "nan"]),
    "margin infinite": ("  margin: 0\n", "  margin: .inf # here\n", f"{PAIR}.margin", ["finite number", "inf"]),
    "margin negative": ("  margin: 0\n", "  margin: -0.1 # here\n", f"{PAIR}.margin",
                        ["greater than or equal to 0", "-0.1"]),
    "margin left empty": ("  margin: 0\n", "  margin: # here\n", f"{PAIR}.margin", ["expected a number", "None"]),
    "bound NaN": ("  bound: 0\n", "  bound: .nan # here\n", f"{EACH}.bound", ["finite number"]),
    "missing margin": ("- id: calibration.pair\n  label: C1\n",
                       "- id: calibration.pair # here\n  label: C1\n", f"{PAIR}.margin", ["'margin' is missing"]),
    "missing claim": ("- id: calibration.pair\n  label: C1\n  claim: CLIP models are worse calibrated.\n",
                      "- id: calibration.pair # here\n  label: C1\n", f"{PAIR}.claim", ["'claim' is missing"]),
    "missing quote": ('  source:\n    paper: a2024\n    section: "3"\n    quote: as it is written\n',
                      '  source: # here\n    paper: a2024\n    section: "3"\n', f"{PAIR}.source.quote",
                      ["'quote' is missing"]),
    "blank claim": ("  claim: CLIP models are worse calibrated.\n", '  claim: " " # here\n', f"{PAIR}.claim",
                    ["at least 1 character"]),
    "unknown relation": ("left > right\n", "left >> right # here\n", f"{PAIR}.relation",
                         ["'left >> right'", "did you mean 'left > right'?"]),
    "dead selector": ("      paradigm: clip\n", "      paradigm: clp # here\n", f"{PAIR}.compare.left.paradigm",
                      ["dead selector", "'clp'", "did you mean 'clip'?"]),
    "dead word among living ones": ("      paradigm: clip\n", "      paradigm: [clip, clp] # here\n",
                                    f"{PAIR}.compare.left.paradigm", ["dead selector", "'clp'"]),
    "dead model": ("    architecture: vit\n", "    model: ViT-supp # here\n", f"{EACH}.models.model",
                   ["dead selector", "'ViT-supp'", "did you mean 'ViT-sup'?"]),
    "selector of what no card says": ("    architecture: vit\n", "    pretraining: None # here\n",
                                      f"{EACH}.models.pretraining", ["dead selector", "'None'"]),
    "selector that only people match": ("    architecture: vit\n", "    paradigm: person # here\n",
                                        f"{EACH}.models.paradigm", ["dead selector", "'person'"]),
    "unknown data set": ("  data: imagenet-val\n", "  data: imagenet-vel # here\n", f"{PAIR}.data",
                         ["'imagenet-vel'", "did you mean 'imagenet-val'?"]),
    "number for a data set": ("  data: imagenet-val\n", "  data: 5 # here\n", f"{PAIR}.data",
                              ["expected text", "5"]),
    "no data set": ("  data: imagenet-val\n", "  data: [] # here\n", f"{PAIR}.data", ["at least 1 item"]),
    "unknown measure": ("  measure: calibration_error\n", "  measure: calibration_eror # here\n", f"{PAIR}.measure",
                        ["'calibration_eror'", "did you mean 'calibration_error'?"]),
    "measure that never decides": ("  measure: calibration_error\n", "  measure: ece # here\n", f"{PAIR}.measure",
                                   ["'ece'", "never decides", "decide by calibration_error"]),
    "unknown group": ("  bound: 0\n", "  bound: 0\n  groups: [bin-1] # here\n", f"{EACH}.groups",
                      ["signed_gap has no group 'bin-1'"]),
    "bound that nothing reads": ("  margin: 0\n", "  margin: 0\n  bound: 1 # here\n", f"{PAIR}.bound",
                                 ["'left > right' does not read 'bound'", "remove it"]),
    "offset that nothing reads": ("  margin: 0\n", "  margin: 0\n  offset: 1 # here\n", f"{PAIR}.offset",
                                  ["does not read 'offset'"]),
    "top that nothing reads": ("  margin: 0\n", "  margin: 0\n  top: 1 # here\n", f"{PAIR}.top",
                               ["does not read 'top'"]),
    "at_least of one comparison": ("  margin: 0\n", "  margin: 0\n  at_least: 2 # here\n", f"{PAIR}.at_least",
                                   ["one comparison only"]),
    "bound missing": ("- id: calibration.each\n", "- id: calibration.each # here\n", EACH, ["needs the key 'bound'"]),
    "equality within nothing": ("  relation: left > right\n  margin: 0\n",
                                "  relation: left ~ right\n  margin: 0 # here\n", f"{PAIR}.margin",
                                ["no difference is smaller than 0"]),
    "two ways of comparing": ("  compare:\n", "  compare: # here\n    against: every\n", f"{PAIR}.compare",
                              ["only one of 'pair_on', 'against' and 'gap'"]),
    "unknown attribute to pair on": ("    pair_on: architecture\n", "    pair_on: architectur # here\n",
                                     f"{PAIR}.compare.pair_on", ["did you mean 'architecture'?"]),
    "gap of one": ("    pair_on: architecture\n", "    gap: [{architecture: vit}] # here\n", f"{PAIR}.compare.gap",
                   ["at least 2 items"]),
    "duplicate key": ("  margin: 0\n", "  margin: 0\n  margin: 1 # here\n", "0.margin",
                      ["stands twice", "keep one"]),
    "duplicate id": ("- id: calibration.each\n", "- id: calibration.pair # here\n", "[1](calibration.pair).id",
                     ["'calibration.pair' stands twice", "calibration.yaml:1"]),
    "finding of another file": ("- id: calibration.each\n", "- id: mistakes.each # here\n", "[1](mistakes.each).id",
                                ["stands in calibration.yaml", "move it to mistakes.yaml"]),
    "id that is none": ("- id: calibration.each\n", "- id: Calibration # here\n", "[1](Calibration).id",
                        ["'Calibration'"]),
    "number for an id": ("- id: calibration.each\n", "- id: 5 # here\n", "[1].id", ["expected text", "5"]),
    "unknown work": ("    paper: a2024\n", "    paper: a2042 # here\n", f"{PAIR}.source.paper",
                     ["no work 'a2042' in papers.yaml", "did you mean 'a2024'?"]),
    "strength that is none": ("  strength: A\n", "  strength: E # here\n", f"{PAIR}.strength", ["'E'"]),
    "list for a mapping": ("- id: calibration.pair\n", "- [a, b] # here\n- id: calibration.pair\n", "[0]",
                           ["expected keys and values", "['a', 'b']"]),
    "text for a mapping": ("  models:\n    architecture: vit\n", "  models: vit # here\n", f"{EACH}.models",
                           ["expected keys and values", "'vit'"]),
    "entry that is text": ("- id: calibration.pair\n", "- hello # here\n- id: calibration.pair\n", "[0]",
                           ["expected keys and values", "'hello'"]),
    "entry that is empty": ("- id: calibration.pair\n", "- # here\n- id: calibration.pair\n", "[0]",
                            ["expected keys and values", "None"]),
    "tab": ("  margin: 0\n", "\tmargin: 0 # here\n", "", ["is no valid YAML: found"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FINDINGS)
def test_a_defect_of_a_finding_is_told_with_file_line_key_and_hint(tmp_path: Path, case: str) -> None:
    old, new, key, words = BAD_FINDINGS[case]
    text = replaced(CALIBRATION, old, new)
    if case in LEFT_OUT:
        text = replaced(text, LEFT_OUT[case], "")
    root = write(tmp_path, calibration=text)
    assert_told(problems_of(root), root / "findings" / "calibration.yaml", text, key, *words)
    with pytest.raises(ThresholdsError):
        load_thresholds("mine", None, root)


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("[shape, texture]", "[shape, textur] # here", "groups", ["no group 'textur'", "did you mean 'texture'?"]),
        ("[shape, texture]", "every\n  except_groups: [stile] # here", "except_groups", ["no group 'stile'"]),
        ("[shape, texture]", "[shape]\n  except_groups: [style] # here", "except_groups", ["'groups: every' only"]),
        ("[shape, texture]", "[shape, texture]\n  at_least: 3 # here", "at_least", ["at least 3 of 2", "never hold"]),
        ("[shape, texture]", "[shape, texture]\n  group: shape # here", "group", ["does not read 'group'"]),
        ("[shape, texture]", "[shape, texture]\n  min_n: 0 # here", "min_n", ["greater than or equal to 1"]),
        ("[shape, texture]", "[shape, texture]\n  min_n: 150.5 # here", "min_n", ["150.5"]),
    ],
    ids=["unknown", "unknown exception", "exception from some", "too many", "not read", "no images", "fraction"],
)
def test_a_defect_of_groups_is_told(tmp_path: Path, old: str, new: str, key: str, words: list[str]) -> None:
    text = replaced(MISTAKES, old, new)
    root = write(tmp_path, mistakes=text, cast=CAST[: CAST.index("published:")])
    assert_told(
        problems_of(root), root / "findings" / "mistakes.yaml", text, f"[0](mistakes.factors).{key}", *words
    )


def test_a_measure_without_a_value_over_all_images_needs_groups(tmp_path: Path) -> None:
    text = replaced(CALIBRATION, "measure: signed_gap", "measure: bin_gap")
    text = replaced(text, "- id: calibration.each", "- id: calibration.each # here")
    root = write(tmp_path, calibration=text)
    told = problems_of(root)
    assert_told(told, root / "findings" / "calibration.yaml", text, EACH, "no value over all images", "'every'")


def test_a_truth_value_for_a_margin_is_not_explained_by_exponents(tmp_path: Path) -> None:
    text = replaced(CALIBRATION, "  margin: 0\n", "  margin: true # here\n")
    root = write(tmp_path, calibration=text)
    told = problems_of(root)
    assert_told(told, root / "findings" / "calibration.yaml", text, f"{PAIR}.margin", "expected a number", "True")
    assert "1e-3" not in str(told[0])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["is empty", "remove the file"]),
        ("# nothing but a comment\n", ["is empty"]),
        ("---\n", ["expected a list of findings"]),
        ("id: calibration.pair\n", ["expected a list of findings", "'- id:'"]),
        ("hello\n", ["expected a list of findings"]),
        ("- id: [\n", ["no valid YAML"]),
        ("- *nobody\n", ["no valid YAML", "undefined alias"]),
        (CALIBRATION + "---\n" + CALIBRATION, ["no valid YAML", "another document"]),
        ("- {? [a, b] : c}\n", ["no valid YAML", "unhashable"]),
        ("- \x01\n", ["no valid YAML"]),
        ("- id: !!int x\n", ["no valid YAML"]),
        ("- id: !!float x\n", ["no valid YAML"]),
        ("- id: 2027-02-30\n", ["no valid YAML"]),
    ],
    ids=[
        "empty", "comment", "nothing", "mapping", "text", "unfinished", "unknown alias", "two documents", "list as key",
        "control character", "no integer", "no float", "no such day",
    ],
)  # fmt: skip
def test_a_file_that_holds_no_list_of_findings_is_told(tmp_path: Path, text: str, words: list[str]) -> None:
    root = write(tmp_path, calibration=text)
    assert_told(problems_of(root), root / "findings" / "calibration.yaml", text, "", *words)


def test_a_file_that_is_no_utf8_is_told(tmp_path: Path) -> None:
    root = write(tmp_path)
    (root / "findings" / "calibration.yaml").write_bytes(b"- id: \xe9\n")
    (problem,) = problems_of(root)
    assert "calibration.yaml: cannot be read" in str(problem)


@pytest.mark.parametrize("name", ["calibration", "papers", "cast"])
@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!!python/object/new:os.system"])
def test_code_in_yaml_is_refused_and_never_run(tmp_path: Path, name: str, tag: str) -> None:
    harmful = f'- {tag} ["touch {tmp_path / "executed"}"]\n'
    root = write(tmp_path / "thresholds", **{name: harmful})
    told = problems_of(root)
    assert any("could not determine a constructor" in problem.message and "os.system" in problem.message
               for problem in told)  # fmt: skip
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "text",
    ["&a [*a]\n", "- &a [*a]\n", "- &a {id: *a}\n", "- &a\n  id: calibration.pair\n  source: *a\n"],
    ids=["list", "entry", "value", "source"],
)
def test_an_alias_that_holds_itself_is_refused_and_ends(tmp_path: Path, text: str) -> None:
    told = problems_of(write(tmp_path, calibration=text))
    assert told
    assert {problem.file.name for problem in told} == {"calibration.yaml"}


# --- defects of works and folders -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (replaced(PAPERS, "  year: 2024", "  year: next # here"), "a2024.year", ["expected a whole number", "'next'"]),
        (replaced(PAPERS, "https://example.org/a", "http://example.org/a # here"), "a2024.url", ["https://"]),
        (replaced(PAPERS, "  title", "  tittle: x # here\n  title"), "a2024.tittle", ["did you mean 'title'?"]),
        ("- a2024\n", "", ["expected the works by their keys"]),
        ("", "", ["is empty"]),
    ],
    ids=["year", "address", "unknown key", "list", "empty"],
)
def test_a_defect_of_the_works_is_told(tmp_path: Path, text: str, key: str, words: list[str]) -> None:
    root = write(tmp_path, papers=text)
    told = [problem for problem in problems_of(root) if problem.file.name == "papers.yaml"]
    assert_told(told, root / "findings" / "papers.yaml", text, key, *words)


def test_findings_of_another_folder_may_cite_the_shipped_works(tmp_path: Path) -> None:
    root = write(tmp_path / "project")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "calibration.yaml").write_text(CALIBRATION)
    (root / "casts" / "mine.yaml").write_text(CAST[: CAST.index("published:")])
    found, cast, problems = examine("mine", mine, root)
    assert problems == []
    assert cast is not None
    assert set(found.findings) == {"calibration.pair", "calibration.each"}


@pytest.mark.parametrize(("make", "words"), [(True, "holds no findings"), (False, "is no folder of findings")])
def test_a_folder_without_findings_is_told(tmp_path: Path, make: bool, words: str) -> None:
    root = write(tmp_path / "project", cast=CAST[: CAST.index("published:")])
    folder = tmp_path / "mine"
    if make:
        folder.mkdir()
    (problem,) = examine("mine", folder, root)[2]
    assert problem.file == folder
    assert words in str(problem)


# --- defects of casts -----------------------------------------------------------------------------------------------

BAD_CASTS: dict[str, tuple[str, str, str, list[str]]] = {
    "unknown key": ("protocol: none\n", "protocol: none\nprotocl: x # here\n", "protocl",
                    ["unknown key", "did you mean 'protocol'?"]),
    "unknown key of a card": ("    ids: row-order\n", "    ids: row-order\n    contxt: true # here\n",
                              "models.Rows.contxt", ["unknown key", "did you mean 'context'?"]),
    "missing role": ("  Rows:\n    source: \"predictions:c.csv\"\n    architecture: resnet\n",
                     "  Rows: # here\n    source: \"predictions:c.csv\"\n", "models.Rows.architecture",
                     ["'architecture' is missing"]),
    "text for a truth value": ("    context: true\n", "    context: perhaps # here\n", "models.somebody.context",
                               ["expected true or false", "'perhaps'"]),
    "parameters in words": ("    ids: row-order\n", "    ids: row-order\n    parameters: 86M # here\n",
                            "models.Rows.parameters", ["expected a whole number", "'86M'"]),
    "unknown source": ('    source: "predictions:c.csv"\n', '    source: "prediction:c.csv" # here\n',
                       "models.Rows.source", ["no scheme 'prediction'", "did you mean 'predictions'?"]),
    "source without a name": ('    source: "predictions:c.csv"\n', '    source: "open_clip:ViT-B-16" # here\n',
                              "models.Rows.source", ["open_clip:NAME@TAG"]),
    "table with a key of networks": ("    ids: row-order\n", "    ids: row-order\n    weights: ema # here\n",
                                     "models.Rows.weights", ["is read with networks only"]),
    "table without data sets": (
        ('  Rows:\n    source: "predictions:c.csv"\n    architecture: resnet\n    paradigm: supervised\n'
         "    data: imagenet-val\n"),
        '  Rows: # here\n    source: "predictions:c.csv"\n    architecture: resnet\n    paradigm: supervised\n',
        "models.Rows", ["needs 'data'"]),
    "data set of a card that the cast lacks": (
        "    data: imagenet-val\n    ids", "    data: imagenet-vall # here\n    ids", "models.Rows.data",
        ["no data set 'imagenet-vall'", "did you mean 'imagenet-val'?"]),
    "row-order without order": ("  Rows:\n", "  Rows: # here\n", "models.Rows", ["needs 'order'"]),
    "order without row-order": ("    ids: row-order\n    order: mine\n", "    order: mine # here\n",
                                "models.Rows.order", ["`ids: row-order` only"]),
    "unknown set without sizes": ("  imagenet-val:\n    reader: tables\n",
                                  "  imagenet-val:\n    reader: tables\n  mine: # here\n    reader: tables\n",
                                  "data.mine", ["no published data set", "`images` and `classes`"]),
    "unknown set with half of its size": (
        "  imagenet-val:\n    reader: tables\n",
        "  imagenet-val:\n    reader: tables\n  mine: # here\n    reader: tables\n    images: 5\n", "data.mine",
        ["`images` and `classes`"]),
    "no images": ("    reader: tables\n", "    reader: tables\n    images: 0 # here\n", "data.imagenet-val.images",
                  ["greater than 0"]),
    "unknown reader": ("    reader: tables\n", "    reader: tabels # here\n", "data.imagenet-val.reader",
                       ["'tabels'", "did you mean 'tables'?"]),
    "reader without its root": ("  imagenet-val:\n    reader: tables\n",
                                "  imagenet-val: # here\n    reader: labels\n", "data.imagenet-val",
                                ["'labels' needs a 'root'"]),
    "root that nothing reads": ("    reader: tables\n", "    reader: tables\n    root: x # here\n",
                                "data.imagenet-val.root", ["reads no 'root'"]),
    "expectation of an unknown verdict": ("  mistakes.factors[vit]:\n", "  mistakes.factors[vti]: # here\n",
                                          "expect.mistakes.factors[vti]",
                                          ["no verdict", "did you mean 'mistakes.factors[vit]'?"]),
    "expectation without a reason": ("  mistakes.factors[vit]:\n    expect: violated\n    reason: because\n",
                                     "  mistakes.factors[vit]: # here\n    expect: violated\n",
                                     "expect.mistakes.factors[vit].reason", ["'reason' is missing"]),
    "expectation with a blank reason": ("    reason: because\n", '    reason: " " # here\n',
                                        "expect.mistakes.factors[vit].reason", ["at least 1 character"]),
    "expectation of an unknown word": ("    expect: violated\n", "    expect: violeted # here\n",
                                       "expect.mistakes.factors[vit].expect", ["did you mean 'violated'?"]),
    "end of an expectation in words": ("    reason: because\n", "    reason: because\n    until: soon # here\n",
                                       "expect.mistakes.factors[vit].until", ["a date such as", "'soon'"]),
    "published value of an unknown measure": ("  - measure: error_ratio\n", "  - measure: error_ration # here\n",
                                              "published[0].measure",
                                              ["no measure", "did you mean 'error_ratio'?"]),
    "published value of an unknown data set": (
        "    data: imagenet-x\n    place", "    data: imagenet-y # here\n    place", "published[0].data",
        ["no data set", "did you mean 'imagenet-x'?"]),
    "published value of an unknown group": ("      texture:\n", "      textur: # here\n",
                                            "published[0].values.textur",
                                            ["no group 'textur'", "did you mean 'texture'?"]),
    "published value of an unknown model": ("        ViT-sup: 1.5\n", "        ViT-supp: 1.5 # here\n",
                                            "published[0].values.texture.ViT-supp",
                                            ["no model", "did you mean 'ViT-sup'?"]),
    "published value in percent": ("        ViT-sup: 1.5\n", "        ViT-sup: 150% # here\n",
                                   "published[0].values.texture.ViT-sup", ["expected a number", "'150%'"]),
    "published NaN": ("        ViT-sup: 1.5\n", "        ViT-sup: .nan # here\n",
                      "published[0].values.texture.ViT-sup", ["finite number"]),
    "published without a place": ("  - measure: error_ratio\n    data: imagenet-x\n    place: Figure 1\n",
                                  "  - measure: error_ratio # here\n    data: imagenet-x\n", "published[0].place",
                                  ["'place' is missing"]),
    "published with an error below 0": ("    error: 0.005\n", "    error: -0.005 # here\n", "published[0].error",
                                        ["greater than or equal to 0"]),
    "duplicate model": ("  somebody:\n", "  Rows: # here\n", "models.Rows", ["stands twice"]),
    "list for a mapping": ("about: a test\n", "about: [a, test] # here\n", "about", ["expected text"]),
    "tab": ("protocol: none\n", "\tprotocol: none # here\n", "", ["no valid YAML"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_CASTS)
def test_a_defect_of_a_cast_is_told_with_file_line_key_and_hint(tmp_path: Path, case: str) -> None:
    old, new, key, words = BAD_CASTS[case]
    text = replaced(CAST, old, new)
    if case in LEFT_OUT:
        text = replaced(text, LEFT_OUT[case], "")
    root = write(tmp_path, cast=text)
    told = problems_of(root)
    if case == "duplicate model":   # its keys stand twice with it
        told = [problem for problem in told if problem.key == key]
    assert_told(told, root / "casts" / "mine.yaml", text, key, *words)
    with pytest.raises(ThresholdsError):
        load_thresholds("mine", None, root)


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "is empty"), ("- a\n", "expected keys and values"), ("hello\n", "expected keys and values")],
    ids=["empty", "list", "text"],
)
def test_a_file_that_holds_no_cast_is_told(tmp_path: Path, text: str, words: str) -> None:
    root = write(tmp_path, cast=text)
    assert_told(problems_of(root), root / "casts" / "mine.yaml", text, "", words)


def test_an_expectation_until_a_day_that_does_not_exist_is_told(tmp_path: Path) -> None:
    text = replaced(CAST, "    reason: because\n", "    reason: because\n    until: 2027-02-30\n")
    root = write(tmp_path, cast=text)
    (problem,) = problems_of(root)
    assert problem.file == root / "casts" / "mine.yaml"


def test_an_expectation_of_a_verdict_out_of_scope_is_told(tmp_path: Path) -> None:
    finding = replaced(CALIBRATION, "  data: imagenet-val\n  models", "  data: [imagenet-val, imagenet-r]\n  models")
    text = replaced(CAST, "  mistakes.factors[vit]:\n", "  calibration.each[imagenet-r]: # here\n")
    root = write(tmp_path, calibration=finding, cast=text)
    told = problems_of(root)
    assert_told(told, root / "casts" / "mine.yaml", text, "expect.calibration.each[imagenet-r]", "in scope")


def test_an_unknown_cast_is_told_with_the_nearest_known_one(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(ThresholdsError, match=r"no cast 'quiet_another'; did you mean 'quite_another'\?"):
        find_cast("quiet_another", tmp_path / "casts")
    with pytest.raises(ThresholdsError, match=r"no cast 'quartett'; did you mean 'quartet'\?"):
        load_thresholds("quartett", None, SHIPPED)


def test_a_missing_cast_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ThresholdsError, match=r"absent\.yaml: there is no such cast"):
        find_cast(str(tmp_path / "absent.yaml"), SHIPPED / "casts")


def test_a_cast_may_be_given_as_a_file(tmp_path: Path) -> None:
    root = write(tmp_path)
    loaded = load_thresholds(str(root / "casts" / "mine.yaml"), None, root)
    assert loaded.cast.name == "mine"
    assert loaded.cast.path == (root / "casts" / "mine.yaml").resolve()


# --- all at once, and nothing beside it -----------------------------------------------------------------------------


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    calibration = replaced(CALIBRATION, "  margin: 0\n", "  margin: -1\n  extra: 1\n")
    calibration = replaced(calibration, "  measure: signed_gap", "  measure: signed_gab")
    cast = replaced(CAST, "    order: mine\n", "")
    cast = replaced(cast, "        ViT-sup: 1.5", "        ViT-nap: 1.5")
    cast = replaced(cast, "predictions:c.csv", "other:c.csv")
    root = write(
        tmp_path,
        calibration=calibration,
        mistakes=replaced(MISTAKES, "[shape, texture]", "[shap, textur]"),
        broken="\t- id: x\n",
        cast=cast,
    )
    with pytest.raises(ThresholdsError) as caught:
        load_thresholds("mine", None, root)
    told = Counter(problem.file.name for problem in caught.value.problems)
    assert told == {"calibration.yaml": 3, "mistakes.yaml": 2, "broken.yaml": 1, "mine.yaml": 3}
    lines = str(caught.value).splitlines()
    assert len(lines) == len(set(lines)) == 9
    assert all(str(root) in line for line in lines)


@pytest.mark.parametrize("text", [replaced(PAPERS, "  year: 2024\n", ""), "\ta: b\n"], ids=["key", "tab"])
def test_findings_are_not_blamed_for_works_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    told = problems_of(write(tmp_path, papers=text))
    assert [problem.file.name for problem in told] == ["papers.yaml"]


@pytest.mark.parametrize("text", [replaced(MISTAKES, "  margin: 0", "  margin: 0%"), "\t- id: x\n"], ids=["key", "tab"])
def test_a_cast_is_not_blamed_for_what_it_says_of_a_finding_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    told = problems_of(write(tmp_path, mistakes=text))
    assert [problem.file.name for problem in told] == ["mistakes.yaml"]


def test_findings_are_not_blamed_for_a_cast_that_cannot_be_read(tmp_path: Path) -> None:
    root = write(tmp_path, cast=replaced(CAST, "protocol: none\n", ""))
    (root / "casts" / "quite_another.yaml").unlink()
    assert [str(problem) for problem in problems_of(root)] == [
        f"{root / 'casts' / 'mine.yaml'}: protocol: the key 'protocol' is missing"
    ]


# --- who is compared with whom --------------------------------------------------------------------------------------

VAL, R = "imagenet-val", "imagenet-r"


def cast_of(**models: dict[str, Any]) -> Cast:
    """A cast of models with evidence on ImageNet, and two data sets."""
    cards = {
        name.replace("_", "-"): {"source": "predictions:x.csv", "data": [VAL], **keys} for name, keys in models.items()
    }
    return Cast.model_validate(
        {
            "about": "a test",
            "protocol": "none",
            "models": cards,
            "data": {VAL: {"reader": "tables"}, R: {"reader": "tables"}},
            "name": "test",
            "path": Path("test.yaml"),
        }
    )


def finding_of(**keys: Any) -> Finding:
    source = {"paper": "a2024", "section": "3", "quote": "as it is written"}
    return Finding.model_validate(
        {
            "id": "a.b",
            "label": "A1",
            "claim": "A claim.",
            "source": source,
            "strength": "A",
            "measure": "top1",
            "data": [VAL],
            "relation": "left > right",
            "margin": 0,
            **keys,
        }
    )


def role(architecture: str, paradigm: str, **keys: Any) -> dict[str, Any]:
    return {"architecture": architecture, "paradigm": paradigm, **keys}


QUARTET = cast_of(
    ViT_sup=role("vit", "supervised"),
    CNN_sup=role("convnext", "supervised"),
    ViT_clip=role("vit", "clip"),
    CNN_clip=role("convnext", "clip"),
)
CLIP, SUPERVISED = {"paradigm": "clip"}, {"paradigm": "supervised"}
VIT, CNN = {"architecture": "vit"}, {"architecture": "convnext"}
PEOPLE = {"somebody": role("vit", "clip", context=True)}


def in_scope(finding: Finding, cast: Cast = QUARTET) -> dict[str, tuple[Comparison, ...]]:
    cases = list(cases_of(finding, cast))
    assert all(isinstance(case, Case) for case in cases)
    found = {case.id: case.comparisons for case in cases if isinstance(case, Case)}
    assert len(found) == len(cases)
    return found


def out_of_scope(finding: Finding, cast: Cast = QUARTET) -> dict[str, str]:
    return {case.id: case.reason for case in cases_of(finding, cast) if isinstance(case, OutOfScope)}


def minus(left: str, right: str, name: str = "") -> Comparison:
    return Comparison(name, ((1, (left,)), (-1, (right,))))


def test_pairs_are_named_by_the_role_that_both_share() -> None:
    finding = finding_of(compare={"left": CLIP, "right": SUPERVISED, "pair_on": "architecture"})
    assert in_scope(finding) == {
        "a.b[vit]": (minus("ViT-clip", "ViT-sup"),),
        "a.b[convnext]": (minus("CNN-clip", "CNN-sup"),),
    }


def test_a_single_pair_is_named_by_its_role_as_well() -> None:
    finding = finding_of(compare={"left": {**CLIP, **VIT}, "right": {**CLIP, **CNN}, "pair_on": "paradigm"})
    assert in_scope(finding) == {"a.b[clip]": (minus("ViT-clip", "CNN-clip"),)}


def test_several_models_of_one_role_are_told_apart_by_their_names() -> None:
    cast = cast_of(
        ViT_sup=role("vit", "supervised"),
        Deit_sup=role("vit", "supervised"),
        ViT_clip=role("vit", "clip"),
        CNN_sup=role("convnext", "supervised"),
        CNN_clip=role("convnext", "clip"),
    )
    finding = finding_of(compare={"left": CLIP, "right": SUPERVISED, "pair_on": "architecture"})
    assert in_scope(finding, cast) == {
        "a.b[ViT-clip-ViT-sup]": (minus("ViT-clip", "ViT-sup"),),
        "a.b[ViT-clip-Deit-sup]": (minus("ViT-clip", "Deit-sup"),),
        "a.b[convnext]": (minus("CNN-clip", "CNN-sup"),),
    }


def test_models_without_the_role_that_pairs_are_never_paired() -> None:
    finding = finding_of(compare={"left": CLIP, "right": SUPERVISED, "pair_on": "pretraining"})
    assert out_of_scope(finding) == {"a.b": f"the cast's models on {VAL} form no pair that the finding compares"}


def test_without_a_shared_role_every_left_meets_every_right() -> None:
    finding = finding_of(compare={"left": {"model": "ViT-clip"}, "right": SUPERVISED})
    assert in_scope(finding) == {
        "a.b[ViT-clip-ViT-sup]": (minus("ViT-clip", "ViT-sup"),),
        "a.b[ViT-clip-CNN-sup]": (minus("ViT-clip", "CNN-sup"),),
    }


def test_against_every_other_is_one_verdict_with_many_comparisons() -> None:
    finding = finding_of(compare={"left": CLIP, "right": {"architecture": ["vit", "convnext"]}, "against": "every"})
    others = {"ViT-clip": ["ViT-sup", "CNN-sup", "CNN-clip"], "CNN-clip": ["ViT-sup", "CNN-sup", "ViT-clip"]}
    assert in_scope(finding) == {
        f"a.b[{left}]": tuple(minus(left, right, f"over {right}") for right in rights)
        for left, rights in others.items()
    }


def test_a_gap_of_gaps_is_one_verdict_with_four_terms() -> None:
    finding = finding_of(compare={"left": SUPERVISED, "right": CLIP, "gap": [VIT, CNN]})
    terms = ((1, ("ViT-sup",)), (-1, ("CNN-sup",)), (-1, ("ViT-clip",)), (1, ("CNN-clip",)))
    assert in_scope(finding) == {"a.b": (Comparison("", terms),)}
    (case,) = cases_of(finding, QUARTET)
    assert isinstance(case, Case)
    assert case.models == ("ViT-sup", "CNN-sup", "ViT-clip", "CNN-clip")


def test_a_gap_that_two_models_could_fill_is_out_of_scope() -> None:
    cast = cast_of(
        ViT_sup=role("vit", "supervised"),
        Deit_sup=role("vit", "supervised"),
        CNN_sup=role("convnext", "supervised"),
        ViT_clip=role("vit", "clip"),
        CNN_clip=role("convnext", "clip"),
    )
    finding = finding_of(compare={"left": SUPERVISED, "right": CLIP, "gap": [VIT, CNN]})
    assert "form no pair" in out_of_scope(finding, cast)["a.b"]


@pytest.mark.parametrize(
    "relation",
    [{"relation": "value > bound", "bound": 0}, {"relation": "group in top", "group": "all", "top": 1}],
    ids=["value", "group in top"],
)
def test_a_claim_about_single_models_is_one_verdict_for_each(relation: dict[str, Any]) -> None:
    finding = finding_of(models=CLIP, **relation)
    assert in_scope(finding) == {
        "a.b[ViT-clip]": (Comparison("", ((1, ("ViT-clip",)),)),),
        "a.b[CNN-clip]": (Comparison("", ((1, ("CNN-clip",)),)),),
    }


def test_verdicts_of_several_data_sets_carry_the_data_set_in_their_id() -> None:
    cast = cast_of(
        ViT_sup=role("vit", "supervised", data=[VAL, R]),
        ViT_clip=role("vit", "clip", data=[VAL, R]),
        CNN_sup=role("convnext", "supervised"),
        CNN_clip=role("convnext", "clip"),
    )
    finding = finding_of(data=[VAL, R], compare={"left": CLIP, "right": SUPERVISED, "pair_on": "architecture"})
    assert list(in_scope(finding, cast)) == [f"a.b[vit-{VAL}]", f"a.b[convnext-{VAL}]", f"a.b[vit-{R}]"]
    assert [case.data for case in cases_of(finding, cast)] == [VAL, VAL, R]


def test_a_data_set_that_the_cast_lacks_is_out_of_scope_and_said_so() -> None:
    finding = finding_of(data=["cue-conflict"], compare={"left": CLIP, "right": SUPERVISED})
    assert out_of_scope(finding) == {"a.b": "the cast has no data set cue-conflict"}


def test_a_role_that_nobody_plays_on_a_data_set_is_named() -> None:
    finding = finding_of(data=[VAL, R], compare={"left": CLIP, "right": SUPERVISED, "pair_on": "architecture"})
    assert out_of_scope(finding) == {f"a.b[{R}]": f"no model of the cast with paradigm clip has evidence on {R}"}
    alone = cast_of(ViT_clip=role("vit", "clip"))
    assert out_of_scope(finding, alone)[f"a.b[{VAL}]"] == (
        f"no model of the cast with paradigm supervised has evidence on {VAL}"
    )


def test_roles_that_form_no_pair_are_out_of_scope_and_said_so() -> None:
    cast = cast_of(ViT_clip=role("vit", "clip"), CNN_sup=role("convnext", "supervised"))
    finding = finding_of(compare={"left": CLIP, "right": SUPERVISED, "pair_on": "architecture"})
    assert out_of_scope(finding, cast) == {"a.b": f"the cast's models on {VAL} form no pair that the finding compares"}


def test_a_model_is_never_compared_with_itself() -> None:
    everybody = {"paradigm": ["clip", "supervised"]}
    finding = finding_of(compare={"left": everybody, "right": everybody, "pair_on": "architecture"})
    for comparisons in in_scope(finding).values():
        (one,) = comparisons
        assert len({model for _, model in one.terms}) == 2


def test_a_measure_of_pairs_is_one_verdict_for_each_pair() -> None:
    keys = {"measure": "error_consistency", "relation": "value > bound", "bound": 0.2}
    finding = finding_of(**keys, compare={"left": CLIP, "right": SUPERVISED, "pair_on": "architecture"})
    assert in_scope(finding) == {
        "a.b[vit]": (Comparison("", ((1, ("ViT-clip", "ViT-sup")),)),),
        "a.b[convnext]": (Comparison("", ((1, ("CNN-clip", "CNN-sup")),)),),
    }
    (case, _) = cases_of(finding, QUARTET)
    assert isinstance(case, Case)
    assert case.models == ("ViT-clip", "ViT-sup")


def test_an_average_is_one_verdict_about_all_data_sets() -> None:
    cast = cast_of(
        ViT_sup=role("vit", "supervised", data=[VAL, R]),
        ViT_clip=role("vit", "clip", data=[VAL, R]),
        CNN_sup=role("convnext", "supervised", data=[VAL, R]),
        CNN_clip=role("convnext", "clip"),
    )
    finding = finding_of(
        data=[VAL, R], average=True, compare={"left": CLIP, "right": SUPERVISED, "pair_on": "architecture"}
    )
    (case,) = cases_of(finding, cast)
    assert isinstance(case, Case)
    assert (case.id, case.sets, case.data) == ("a.b[vit]", (VAL, R), f"{VAL} + {R}")
    elsewhere = finding_of(data=[VAL, "imagenet-a", "imagenet-c"], average=True, models=CLIP, relation="value > bound")
    assert out_of_scope(elsewhere) == {"a.b": "the cast has no data set imagenet-a and no imagenet-c"}
    alone = cast_of(ViT_sup=role("vit", "supervised", data=[VAL, R]), CNN_clip=role("convnext", "clip"))
    why = f"no model of the cast with paradigm clip has evidence on {VAL} and {R}"
    assert out_of_scope(finding, alone) == {"a.b": why}


@pytest.mark.parametrize(
    "keys",
    [
        {"models": {}, "relation": "value > bound", "bound": 0},
        {"models": {"model": ["somebody", "ViT-clip"]}, "relation": "value > bound", "bound": 0},
        {"compare": {"left": CLIP, "right": SUPERVISED, "pair_on": "architecture"}},
        {"compare": {"left": SUPERVISED, "right": CLIP, "against": "every"}},
        {"compare": {"left": SUPERVISED, "right": CLIP, "gap": [VIT, CNN]}},
    ],
    ids=["any model", "by name", "pair", "against every", "gap"],
)
def test_models_that_are_context_are_never_selected(keys: dict[str, Any]) -> None:
    cards = {name: card.model_dump() for name, card in QUARTET.models.items()}
    with_people = cast_of(**cards, **PEOPLE)
    finding = finding_of(**keys)
    assert "somebody" in with_people.models
    cases = list(cases_of(finding, with_people))
    assert cases == list(cases_of(finding, QUARTET))
    assert all(isinstance(case, Case) for case in cases)


def test_imagenet_x_is_in_scope_where_a_model_has_predictions_on_imagenet() -> None:
    cast = cast_of(ViT_clip=role("vit", "clip")).model_copy()
    with_x = Cast.model_validate({**cast.model_dump(), "data": {VAL: {"reader": "tables"},
                                  "imagenet-x": {"reader": "imagenet-x", "root": "x"}}})  # fmt: skip
    finding = finding_of(data=["imagenet-x"], models=CLIP, relation="value > bound", bound=0)
    assert list(in_scope(finding, with_x)) == ["a.b[ViT-clip]"]
    assert out_of_scope(finding, cast) == {"a.b": "the cast has no data set imagenet-x"}


def test_names_that_would_give_two_verdicts_one_id_are_refused(tmp_path: Path) -> None:
    names = {"a-b": "clip", "a": "clip", "c": "supervised", "b-c": "supervised"}
    models = "".join(
        f"  {name}: {{source: 'predictions:x.csv', architecture: vit, paradigm: {paradigm}, data: imagenet-val}}\n"
        for name, paradigm in names.items()
    )
    cast = f"about: a test\nprotocol: none\nmodels:\n{models}data:\n  imagenet-val: {{reader: tables}}\n"
    told = problems_of(write(tmp_path, cast=cast))
    assert [problem.message for problem in told] == ["two verdicts would be called 'calibration.pair[a-b-c]'"]
