"""``paper.html`` and ``figures/``: drawn once, told what is missing, whole without a network, and never in the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from demeanour.errors import NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import Store
from demeanour.findings.load import load_cast
from demeanour.findings.published import PublishedTable
from demeanour.reporting import paper as paper_module
from demeanour.reporting.figures import drawn as drawn_module
from demeanour.reporting.figures.catalogue import FIGURES
from demeanour.reporting.figures.drawn import Asked, Drawn, draw_figures, write_figures
from demeanour.reporting.figures.figure import Cell, Figure
from demeanour.reporting.figures.published import Published, published_for
from demeanour.reporting.paper import clear_paper, write_paper
from demeanour.reporting.paper_html import paper_html
from demeanour.reporting.run import Run, Table
from demeanour.reporting.style import GROUND, INK
from tests.figure_cast import MODELS, VIEWS, cast_of_figures
from tests.small_cast import finding, write_small
from tests.suite_run import ROOT, Finished, Suite

SETS = ("imagenet-val", "imagenet-r")
PAIRS = [(model, data) for model in ("sup", "clip") for data in SETS]
CALIBRATION = next(figure for figure in FIGURES if figure.section == "3.3")
ASKED = Asked(PAIRS, ("3.3",))
FINDING = finding("better", data="imagenet-val")


def write_cast(folder: Path, **changes: object) -> list[str]:
    """The small cast with its data under the names of the paper's; returns the options that make a run use it."""
    options = write_small(folder, findings=[FINDING], expect={})
    content = yaml.safe_load((folder / "small.yaml").read_text())
    content["data"] = dict.fromkeys(SETS, content["data"]["tiny"])
    for card in content["models"].values():
        card["data"] = list(SETS)
    (folder / "small.yaml").write_text(yaml.safe_dump({**content, **changes}, sort_keys=False))
    return options


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    """Of two models on two data sets."""
    write_cast(tmp_path)
    return reread(tmp_path)


def reread(folder: Path) -> Evidence:
    """The evidence as a new process would find it."""
    cast, _, problems = load_cast(folder / "small.yaml")
    assert cast is not None, problems
    return Evidence(cast, Store(folder / "store", lambda _: None))


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[Callable[..., None]]:
    """What was drawn, and not read from the store."""
    found: list[Callable[..., None]] = []
    honest = drawn_module.svg_and_png

    def told(draw: Callable[..., None], *what: object) -> tuple[str, bytes]:
        found.append(draw)
        return honest(draw, *what)

    monkeypatch.setattr(drawn_module, "svg_and_png", told)
    return found


def test_what_is_the_same_is_drawn_once(evidence: Evidence, tmp_path: Path, rendered: list[object]) -> None:
    first = draw_figures(evidence, ASKED)
    assert [one.figure.name for one in first] == ["table-1-models", "figure-4-calibration"]
    assert len(rendered) == 1
    assert draw_figures(reread(tmp_path), ASKED) == first
    assert len(rendered) == 1


@pytest.mark.parametrize("change", ["answers", "code", "order"])
def test_what_has_changed_is_drawn_anew(
    evidence: Evidence, tmp_path: Path, rendered: list[object], monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    first = draw_figures(evidence, ASKED)
    if change == "answers":
        table = (tmp_path / "clip.csv").read_text().splitlines()
        name, predicted, _ = table[1].split(",")
        (tmp_path / "clip.csv").write_text("\n".join([table[0], f"{name},{predicted},0.123", *table[2:]]) + "\n")
    elif change == "code":
        monkeypatch.setattr(drawn_module, "_code", lambda: "newer")
    else:
        models = yaml.safe_load((tmp_path / "small.yaml").read_text())["models"]
        write_cast(tmp_path, models=dict(reversed(models.items())))
    again = draw_figures(reread(tmp_path), ASKED)
    assert len(rendered) == 2
    assert (again[1].svg == first[1].svg) == (change == "code")


def test_a_damaged_figure_is_drawn_anew(evidence: Evidence, tmp_path: Path, rendered: list[object]) -> None:
    first = draw_figures(evidence, ASKED)
    for kept in (tmp_path / "store" / "pictures").iterdir():
        kept.write_text(kept.read_text()[:-9])
    assert draw_figures(reread(tmp_path), ASKED) == first
    assert len(rendered) == 2


def test_a_missing_table_is_told_and_drawn_when_it_is_there(evidence: Evidence, tmp_path: Path) -> None:
    whole = (tmp_path / "clip.csv").read_bytes()
    (tmp_path / "clip.csv").unlink()
    without = draw_figures(reread(tmp_path), ASKED)[1]
    assert {cell.model for cell in without.cells} == {"sup"}
    assert any(note.startswith("clip on imagenet-r: ") and "clip.csv" in note for note in without.notes)
    assert not without.failure
    (tmp_path / "clip.csv").write_bytes(whole)
    assert {cell.model for cell in draw_figures(reread(tmp_path), ASKED)[1].cells} == {"sup", "clip"}


def test_what_could_not_be_read_is_tried_again(evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Evidence.observations

    def lost(self: Evidence, model: str, data: str) -> object:
        if model == "clip":
            raise NotMeasuredError("a disk was away")
        return honest(self, model, data)

    monkeypatch.setattr(Evidence, "observations", lost)
    assert any("a disk was away" in note for note in draw_figures(evidence, ASKED)[1].notes)
    monkeypatch.setattr(Evidence, "observations", honest)
    whole = draw_figures(evidence, ASKED)[1]
    assert {cell.model for cell in whole.cells} == {"sup", "clip"}
    assert not whole.notes


def test_what_the_cast_does_not_have_is_told_in_one_note(evidence: Evidence) -> None:
    robustness = draw_figures(evidence, Asked(PAIRS, ("3.5",)))[1]
    assert robustness.notes[0] == (
        "The cast has no imagenetv2, imagenet-a, imagenet-c, imagenet-hard, imagenet-sketch, imagenet-real."
    )
    assert {cell.row for cell in robustness.cells} == {"INet-Val", "R"}


def test_only_what_was_asked_for_is_drawn(evidence: Evidence) -> None:
    assert not draw_figures(evidence, Asked((), ()))
    assert [one.figure.name for one in draw_figures(evidence, Asked(PAIRS, ()))] == ["table-1-models"]
    half = draw_figures(evidence, Asked([("sup", "imagenet-r")], ("3.3",)))
    assert [one.figure.name for one in half] == ["figure-4-calibration"]
    assert {(cell.model, cell.data) for cell in half[0].cells} == {("sup", "imagenet-r")}


def broken(figure: Figure) -> Figure:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("the pen broke")

    return replace(figure, draw=fail)


def test_a_figure_that_cannot_be_drawn_is_a_note_and_the_others_are_there(
    evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = [broken(figure) if figure is CALIBRATION else figure for figure in FIGURES]
    found = draw_figures(evidence, Asked(PAIRS, ("3.3", "3.5")), figures)
    assert [bool(one.failure) for one in found] == [False, True, False]
    assert "the pen broke" in found[1].failure
    monkeypatch.setattr(paper_module, "draw_figures", lambda *_: found)
    run = Run("small", "about", 0, [], "pytest", "2026-11-22T10:00:00+00:00", 1.0)
    assert write_paper(tmp_path / "reports", run, evidence, [], ROOT / "thresholds" / "casts") == [found[1].failure]
    page = (tmp_path / "reports" / "paper.html").read_text()
    assert "the pen broke" in page
    assert 'id="figure-6-robustness"' in page


def test_a_page_that_cannot_be_written_is_a_note(evidence: Evidence, tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file where a folder should be")
    run = Run("small", "about", 0, [], "pytest", "2026-11-22T10:00:00+00:00", 1.0)
    told = write_paper(tmp_path / "reports", run, evidence, [], ROOT / "thresholds" / "casts")
    assert len(told) == 1
    assert told[0].startswith("the page of the paper cannot be written")


def test_what_an_earlier_run_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "figures"
    write_figures(folder, [Drawn(CALIBRATION, svg="<svg/>", png=b"png")])
    (folder / "mine.svg").write_text("<svg/>")
    (tmp_path / "paper.html").write_text("old")
    assert sorted(path.name for path in folder.iterdir()) == [
        "figure-4-calibration.png", "figure-4-calibration.svg", "mine.svg",
    ]  # fmt: skip
    clear_paper(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["mine.svg"]
    assert not (tmp_path / "paper.html").exists()


def table_of(measure: str, data: str, values: dict[str, dict[str, float]]) -> dict[str, object]:
    return {"measure": measure, "data": data, "place": "Table 9", "read": "printed", "error": 0.001, "values": values}


def test_published_values_of_the_same_models_come_with_the_difference(tmp_path: Path) -> None:
    published = [PublishedTable(**table_of("top1", "imagenet-val", {"all": {"ViT-sup": 0.855}}))]   # type: ignore[arg-type]
    cast = cast_of_figures(tmp_path)
    cells = (Cell("INet-Val", "ViT-sup", 0.84, "top1", "imagenet-val"),
             Cell("INet-Val", "ViT-clip", 0.67, "top1", "imagenet-val"))  # fmt: skip
    run = Run("figures", "about", 0, [], "pytest", "2026-11-22T10:00:00+00:00", 1.0)
    drawn = [Drawn(next(figure for figure in FIGURES if figure.name == "table-1-models"), cells)]
    own = paper_html(run, cast, drawn, Published(published, {"ViT-sup": "ViT-sup"}, own=True))
    assert 'title="Table 9, printed">85.5 (−1.5)</span>' in own
    assert own.count("Table 9, printed") == 2   # of one cell, and below
    other = paper_html(run, cast, drawn, Published(published, {"ViT-sup": "ViT-sup"}, own=False))
    assert 'title="Table 9, printed">85.5</span>' in other
    assert "which is another model" in other


def test_which_model_for_which_use_stands_in_the_summary(tmp_path: Path) -> None:
    tables = [Table("Which model", "how it is read", ("use", "model"), (("sketches <b>", "ViT-clip"),)),
              Table("Hidden", "", ("a",), (("b",),), folded=True)]   # fmt: skip
    run = Run("figures", "", 0, [], "pytest", "2026-11-22T10:00:00+00:00", 1.0, tables=tables)
    page = paper_html(run, cast_of_figures(tmp_path), [], Published((), {}, own=True))
    assert page.index('id="section-5"') < page.index("sketches &lt;b&gt;")
    assert "Hidden" not in page


def test_the_average_of_published_values_needs_all_of_them(tmp_path: Path) -> None:
    one, other = (PublishedTable(**table_of("top1", data, {"all": {"A": value}}))   # type: ignore[arg-type]
                  for data, value in (("x", 0.2), ("y", 0.6)))  # fmt: skip
    cell = Cell("average", "A", 0.5, "top1", "x + y")
    assert Published([one, other], {"A": "A"}, own=True).of(cell) == (pytest.approx(0.4), one)
    assert Published([one], {"A": "A"}, own=True).of(cell) is None


def test_models_of_the_papers_roles_stand_beside_the_papers_where_the_views_are_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "casts"
    folder.mkdir()
    tables = [table_of("view_accuracy", data, {"level-2": {"ViT-sup": 0.8}}) for data in VIEWS]
    paper = cast_of_figures(folder, published=tables)
    paper.path.rename(folder / "paper.yaml")
    mine = cast_of_figures(tmp_path)
    beside = published_for(mine, folder)
    assert not beside.own
    assert beside.stands_for == {model: model for model in MODELS}
    cell = Cell("scale 1.25", "ViT-sup", 0.5, "view_accuracy", "imagenet-val-scale", "level-2")
    assert beside.of(cell) is not None
    data = {**yaml.safe_load(mine.path.read_text())["data"],
            "imagenet-val-scale": {"reader": "views", "of": "imagenet-val", "views": ["scale/1", "scale/9"]}}
    assert published_for(cast_of_figures(tmp_path, data=data), folder).of(cell) is None
    assert published_for(mine, tmp_path).of(cell) is None   # there is no such cast


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, Finished]:
    """A run with two workers, and the same again."""
    folder = tmp_path_factory.mktemp("paper")
    told = folder / "told.py"
    told.write_text(
        "import sys\n"
        "def pytest_unconfigure(config):\n"
        "    if not hasattr(config, 'workerinput'):\n"
        "        print('DRAWING' if 'matplotlib' in sys.modules else 'READING')\n"
    )
    options, suite = write_cast(folder), Suite(folder)
    cold, warm = (suite(*options, "-p", "told", "-s", workers=2, name=name, PYTHONPATH=str(folder))
                  for name in ("cold", "warm"))  # fmt: skip
    return cold, warm


def test_a_warm_run_draws_nothing_and_leaves_the_same(finished: tuple[Finished, Finished]) -> None:
    cold, warm = finished
    assert cold.code == warm.code == 0, cold.output
    assert "DRAWING" in cold.output
    assert "READING" in warm.output
    for name in ("figure-4-calibration.svg", "figure-4-calibration.png"):
        assert (cold.reports / "figures" / name).read_bytes() == (warm.reports / "figures" / name).read_bytes()


def test_the_page_asks_nothing_of_any_network(finished: tuple[Finished, Finished]) -> None:
    source = (finished[0].reports / "paper.html").read_text(encoding="utf-8")
    root = ElementTree.fromstring(source.removeprefix("<!DOCTYPE html>\n"))
    assert not {element.tag for element in root.iter()} & {"script", "link", "img", "iframe", "object"}
    for element in root.iter():
        for key, value in element.attrib.items():
            if key.endswith(("href", "src")):
                local = value.startswith(("#", "data:", "summary.html"))
                assert local or (element.tag == "a" and value.startswith("https://arxiv.org/")), value
    assert not re.search(r"url\(\s*['\"]?(?!#)", source)
    assert "@import" not in source
    assert "default-src 'none'" in source
    for name in ("paper.html", "summary.html"):   # maps of layers are pictures of points within the SVG
        assert "img-src data:" in (finished[0].reports / name).read_text(encoding="utf-8").partition("<title>")[0]


def test_the_page_has_its_sections_claims_and_figures(finished: tuple[Finished, Finished]) -> None:
    source = (finished[0].reports / "paper.html").read_text(encoding="utf-8")
    root = ElementTree.fromstring(source.removeprefix("<!DOCTYPE html>\n"))
    links = [a.attrib["href"] for a in root.iter("a")]
    ids = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    assert {"section-2", "section-3-3"} <= ids
    assert {link.removeprefix("#") for link in links if link.startswith("#")} <= ids
    assert any(link.startswith("summary.html#small.better") for link in links)
    drawings = [e for e in root.iter() if e.tag.endswith("svg") and e.attrib.get("class") == "drawing"]
    assert [drawing.attrib["aria-label"] for drawing in drawings] == [CALIBRATION.title]
    summary = ElementTree.fromstring(
        (finished[0].reports / "summary.html").read_text(encoding="utf-8").removeprefix("<!DOCTYPE html>\n"))
    theirs = {element.attrib["id"] for element in summary.iter() if "id" in element.attrib}
    assert {link.partition("#")[2].replace("%5B", "[").replace("%5D", "]") for link in links
            if link.startswith("summary.html#")} <= theirs  # fmt: skip


def test_drawings_take_their_ground_from_the_page_and_have_one_of_their_own_in_files(
    finished: tuple[Finished, Finished],
) -> None:
    source = (finished[0].reports / "paper.html").read_text(encoding="utf-8")
    body = source.partition("</style>")[2]
    assert INK not in body
    assert GROUND not in body
    assert "var(--surface)" in body
    assert GROUND in (finished[0].reports / "figures" / "figure-4-calibration.svg").read_text()


def test_hatching_on_one_page_is_each_pictures_own(finished: tuple[Finished, Finished]) -> None:
    source = (finished[0].reports / "paper.html").read_text(encoding="utf-8")
    used = set(re.findall(r"url\(#([^)]+)\)", source))
    assert used
    assert used <= set(re.findall(r'id="([^"]+)"', source))


def test_a_figure_that_breaks_does_not_fail_the_run(tmp_path: Path) -> None:
    (tmp_path / "breaking.py").write_text(
        "import demeanour.reporting.figures.drawn as drawn\n"
        "def fail(*_): raise ZeroDivisionError('the pen broke')\n"
        "drawn.svg_and_png = fail\n"
    )
    done = Suite(tmp_path)(*write_cast(tmp_path), "-p", "breaking", PYTHONPATH=str(tmp_path))
    assert done.code == 0, done.output
    assert "note: figure-4-calibration cannot be drawn: ZeroDivisionError('the pen broke')" in done.output
    assert "as expected" in done.output
    assert "not drawn" in (done.reports / "paper.html").read_text()


def test_the_command_draws_from_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                              monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    from demeanour.cli import main

    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "store"))
    reports = tmp_path / "reports"
    assert main(["figures", *write_cast(tmp_path), "--reports", str(reports)]) == 0
    assert capsys.readouterr().out.strip() == str(reports / "paper.html")
    assert (reports / "figures" / "figure-4-calibration.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "reports" / "verdicts.json").exists()
