"""``summary.html``: whole, well-formed, self-contained, and readable by everybody."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from demeanour.findings.schema import Finding
from demeanour.reporting import summary_html as module
from demeanour.reporting.glyph import axis, glyph, scale
from demeanour.reporting.pictures import inline
from demeanour.reporting.run import Run
from demeanour.reporting.summary_html import summary_html
from demeanour.reporting.undecided import what_would_decide
from tests.small_cast import FINDINGS, finding, write_small
from tests.suite_run import Finished, Suite, WholeRuns

CLOSE = finding("close", relation="left ~ right", margin=0.15)
CLAIM = 'Claims <script>alert("1")</script> & "more".'
CSS = (Path(module.__file__).parent / "summary.css").read_text(encoding="utf-8")


def page(run: Finished) -> ElementTree.Element:
    """The page, which is well-formed XML as well as HTML."""
    return ElementTree.parse(run.reports / "summary.html").getroot()


def text(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def verdicts(root: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {unquote(e.attrib["id"]): e for e in root.iter("tbody") if "verdict" in e.attrib.get("class", "").split()}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Finished:
    """One verdict against the expectation, one undecided though asked, one not measured, one out of scope."""
    folder = tmp_path_factory.mktemp("mixed")
    gone = finding("gone", measure="shape_bias", claim="Nobody can tell.", data="tiny")
    outside = finding("outside", data="imagenet-r")
    options = write_small(folder, findings=[*FINDINGS, CLOSE, gone, outside, finding("evil", claim=CLAIM)], expect={})
    return Suite(folder, pictures)(*options, workers=2)


def test_every_verdict_of_the_run_is_there(mixed: Finished) -> None:
    root = page(mixed)
    shown = verdicts(root)
    assert shown.keys() == mixed.words.keys()
    for verdict in mixed.verdicts["verdicts"]:
        if verdict["verdict"] == "out of scope":
            assert verdict["id"] in text(root)
            continue
        said = text(shown[verdict["id"]])
        for words in (verdict["verdict"], verdict["claim"], verdict["reason"][1:], verdict["expected"]):
            assert " ".join(words.split()) in said
        assert f"Reproduce: pytest behaviours/test_findings.py::test_findings[{verdict['id']}]" in said.replace("'", "")
        assert "supervised models are better calibrated" in said
        for model, estimate in verdict["estimates"].items():
            assert model in said
            assert f"{estimate['value']:.4f}" in said


def test_what_needs_action_comes_first(mixed: Finished) -> None:
    headings = [text(element) for element in page(mixed).iter() if element.tag in ("h1", "h2")]
    assert headings[:5] == [
        "✘ Violation exit 1", "What contradicts the expectation", "All verdicts at a glance",
        "What could not be measured", "What the data could not decide, though an answer is expected",
    ]  # fmt: skip
    banner = next(element for element in page(mixed).iter("header"))
    for words in ("1 of 6 verdicts contradict", "1 against the expectation", "1 not measured",
                  "1 undecided, an answer was expected"):  # fmt: skip
        assert words in text(banner)


def test_what_others_wrote_is_shown_and_not_run(mixed: Finished) -> None:
    raw = (mixed.reports / "summary.html").read_text()
    assert raw.count("<script") == 1
    assert "&lt;script&gt;alert(" in raw
    assert CLAIM in text(page(mixed))


def test_the_page_asks_nothing_of_the_network(mixed: Finished) -> None:
    for element in page(mixed).iter():
        assert element.tag not in ("link", "iframe", "object", "embed", "base", "img")
        for key, value in element.attrib.items():
            assert not key.startswith("on")
            if key in ("src", "srcset", "data", "action", "poster"):
                raise AssertionError(f"{element.tag} {key}={value}")
            if key == "href" and not value.startswith("#"):
                assert element.tag == "a"
    raw = (mixed.reports / "summary.html").read_text()
    assert "@import" not in raw
    assert not re.search(r"url\((?!#)", raw)
    assert "default-src 'none'" in raw


def test_every_link_within_the_page_leads_somewhere(mixed: Finished) -> None:
    root = page(mixed)
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    links = [element.attrib["href"][1:] for element in root.iter() if element.attrib.get("href", "").startswith("#")]
    assert len(links) > 20
    assert {unquote(link) for link in links} <= set(ids)
    clips = re.findall(r"url\(#([^)]+)\)", ElementTree.tostring(root, encoding="unicode"))
    assert set(clips) <= set(ids)


def test_the_page_can_be_read_by_ear(mixed: Finished) -> None:
    root = page(mixed)
    assert root.attrib["lang"] == "en"
    assert len(list(root.iter("main"))) == len(list(root.iter("h1"))) == 1
    for table in root.iter("table"):
        assert next(table.iter("thead")).find("tr/th[@scope='col']") is not None
        for row in table.findall("tbody/tr"):
            assert row.find("th[@scope='row']") is not None or row.attrib.get("class") == "more"
    levels = [int(element.tag[1]) for element in root.iter() if re.fullmatch(r"h\d", element.tag)]
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    for picture in root.iter("svg"):
        assert picture.attrib.get("aria-hidden") == "true" or picture.attrib["aria-label"]
    for summary in root.iter("summary"):
        assert text(summary)


def test_a_picture_that_several_verdicts_share_is_there_once(mixed: Finished) -> None:
    shown = verdicts(page(mixed))
    plots = [name for name, one in shown.items() if one.find(".//svg[@role='img']") is not None]
    linked = [name for name, one in shown.items() if "The picture is that of" in text(one)]
    assert "small.better[vit]" in plots
    assert "small.evil[vit]" in linked
    assert {*plots, *linked} == {name for name, word in mixed.words.items() if word != "not measured"}


def test_bad_thresholds_leave_a_page_with_the_message_and_no_older_one(suite: Suite, tmp_path: Path) -> None:
    options = write_small(tmp_path)
    assert "Claim better." in text(page(suite(*options)))
    findings = tmp_path / "findings" / "small.yaml"
    findings.write_text(findings.read_text().replace("margin: 0", "'<margin>': 0"))
    run = suite(*options)
    assert run.code == 12
    said = text(page(run))
    assert "✘ Bad thresholds exit 12" in said
    assert "unknown key '<margin>'" in said
    assert "Claim better." not in said


def test_a_cast_of_the_project_makes_pages_of_bearable_size(
    suite: Suite, tmp_path: Path, whole_run: WholeRuns
) -> None:
    run = whole_run("drawn", workers=2)
    notice = page(run).find(".//p[@class='about drawn']")
    assert notice is not None
    assert "no real model" in text(notice)
    assert verdicts(page(run)).keys() == run.words.keys()
    assert (run.reports / "summary.html").stat().st_size < 3_000_000
    markdown = (run.reports / "summary.md").read_text()
    unfolded = re.sub(r"<details>.*?</details>", "", markdown, flags=re.S)
    assert len(unfolded.splitlines()) < 150
    assert len(unfolded) < 8000
    own = page(suite(*write_small(tmp_path)))
    assert own.find(".//p[@class='about drawn']") is None
    assert "two small models Protocol: none." in text(own)


def test_a_run_without_any_verdict_has_a_page() -> None:
    root = ElementTree.fromstring(summary_html(Run("x", "", 11, [], "pytest", "2026-01-31T12:00:00+00:00", 1.0)))
    assert "Nothing was decided at all." in text(root)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast of two colours."""
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("block", [0, 1], ids=["light", "dark"])
def test_all_text_has_the_contrast_that_wcag_asks_for(block: int) -> None:
    found = [dict(re.findall(r"--([\w-]+): (#\w{6})", part)) for part in re.findall(r":root \{(.*?)\}", CSS, re.S)[:2]]
    colours = {**found[0], **found[block]}
    for ground in ("ground", "surface"):
        for ink in ("ink", "muted", "link", "good", "bad", "open", "violated", "missing"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    for tone in ("good", "bad", "open", "violated", "missing"):
        assert contrast(colours[tone], colours[f"{tone}-pale"]) >= 4.5, tone
    for ground in ("bad-pale", "open-pale"):
        assert contrast(colours["ink"], colours[ground]) >= 4.5
        assert contrast(colours["muted"], colours[ground]) >= 4.5
    assert contrast(colours["on"], colours["bad"]) >= 4.5
    for tone in ("good", "bad", "open"):
        assert contrast("#ffffff", colours[f"{tone}-band"]) >= 4.5
        assert contrast(colours[tone], colours["claimed"]) >= 3   # a mark in a picture, beside its number


def claim(relation: str, **changes: object) -> Finding:
    given = {key: value for key, value in finding("x", relation=relation, margin=0.1, **changes).items() if value}
    return Finding.model_validate(given)


@pytest.mark.parametrize(
    ("relation", "holds", "fails"),
    [
        ("left > right", 0.2, 0.05), ("left < right", -0.2, -0.05), ("left >= right", -0.05, -0.2),
        ("left <= right", 0.05, 0.2), ("left ~ right", -0.05, 0.2), ("groups rise", -0.05, -0.2),
        ("groups fall", 0.05, 0.2), ("left flatter than right", -0.2, -0.05), ("left area > right", 0.2, 0.05),
    ],
)  # fmt: skip
def test_the_shaded_side_is_the_claimed_one(relation: str, holds: float, fails: float) -> None:
    found = {"value": 0.0, "interval": [-0.4, 0.4]}
    on = scale(claim(relation), [found])
    root = ElementTree.fromstring(glyph(found, on, "holds"))
    shade = root.find("rect[@class='claimed']")
    assert shade is not None
    left = float(shade.attrib["x"])
    right = left + float(shade.attrib["width"])
    assert left < on.x(holds) < right
    assert not left <= on.x(fails) <= right


def test_a_scale_shows_zero_the_margin_and_every_interval() -> None:
    on = scale(claim("left > right"), [{"value": 0.3, "interval": [0.25, 0.35]}])
    assert on.low < 0 < 0.1 < 0.35 < on.high
    ticks = ["".join(element.itertext()) for element in ElementTree.fromstring(axis(on)).iter("text")]
    assert ticks == ["0", "+0.1", "+0.2", "+0.3"]


def test_pictures_share_their_letters_and_touch_nothing_else() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9pt">'
        "<metadata>m</metadata><defs><style>*{{stroke-linejoin: round}}</style></defs><!-- c -->"
        '<g id="axes_1"><defs><path id="A-1" d="M 1.23456 2 \nL 3 4 \nz"/></defs>'
        '<use xlink:href="#A-1" x="{0}"/><path d="M 0 0" clip-path="url(#p1)"/></g>'
        '<defs><clipPath id="p1"><rect x="{0}" y="0" width="2" height="3"/></clipPath></defs></svg>'
    )
    drawn, shapes = inline([svg.format("1.98765"), svg.format("5")])
    assert shapes.count("<path") == 1
    assert 'd="M1.23 2L3 4z"' in shapes
    ids = re.findall(r'id="([^"]+)"', "".join(drawn))
    assert ids == ["picture-0-p1", "picture-1-p1"]
    for index, one in enumerate(drawn):
        assert f'clip-path="url(#picture-{index}-p1)"' in one
        assert 'href="#shape-0"' in one
        assert 'style="stroke-linejoin: round"' in one
        assert not re.search("metadata|<style|<!--|axes_1|xlink", one)
    assert 'x="1.98"' in drawn[0]


@pytest.mark.parametrize(
    ("images", "needed", "distance", "told"),
    [
        (400, 1200, 0.05, ("400 (texture)", "0.0500", "1,200 (×\N{NO-BREAK SPACE}3)")),
        (400, 500, 0.05, ("400 (texture)", "0.0500", "500")),
        (400, 300, 0.05, ("400 (texture)", "0.0500", "a few more")),
        (400, None, 0.05, ("400 (texture)", "0.0500", "no number would, if the estimate stayed")),
        (122, 150, None, ("122", "", "150 in a group")),
    ],
)
def test_what_would_decide(images: int, needed: int | None, distance: float | None, told: tuple[str, ...]) -> None:
    lack = {"images": images, "needed": needed, "distance": distance}
    found = what_would_decide({"shortfall": lack, "difference": {"group": "texture"}})
    assert (found.images, found.told, found.needed) == told
