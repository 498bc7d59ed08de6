"""The gate's section of the summary: what blocks stands first, in words and pictures that say what the record says."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from PIL import Image

from demeanour.datasets.class_names import imagenet_names, in_words, spoken_names
from demeanour.datasets.pictures.class_index import ClassIndex
from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import Store
from demeanour.findings.load import load_cast
from demeanour.reporting.gate_glyph import LEFT, RIGHT, glyph, in_margins
from demeanour.reporting.gate_html import gate_banner, gate_section_html
from demeanour.reporting.gate_markdown import gate_section_markdown
from demeanour.reporting.gate_pictures import SIDE, class_names, thumbnails
from demeanour.reporting.gate_report import GateReport, Required
from demeanour.reporting.gate_words import allowed, between, found, headline, would_decide
from demeanour.reporting.run import Run
from demeanour.reporting.summary_html import summary_html
from demeanour.reporting.summary_markdown import summary_markdown
from demeanour.verdicts.flips import Flip, Flips
from demeanour.verdicts.outcome import AS_EXPECTED, BROKEN, NOT_MEASURED, UNDECIDED, VIOLATION, exit_code
from demeanour.verdicts.self_check import SelfCheck
from demeanour.verdicts.slices import Slice, Slices
from tests.gate_example import (
    BLOCKED,
    HELD,
    MISSING,
    SPARED,
    WAIVED,
    WORSE_CALIBRATED,
    characteristic,
    example,
    lack,
    of_candidate,
    record,
)  # fmt: skip
from tests.gate_example import (
    UNDECIDED as OPEN,
)
from tests.small_cast import write_small
from tests.suite_run import Finished, Suite

EVERY = [HELD[0], BLOCKED, HELD[1], WORSE_CALIBRATED, OPEN, WAIVED, SPARED, *HELD[2:]]
FLIPS = Flips("candidate", "imagenet-val", 1000, 700, 690, 40, 30, (0.04, (0.03, 0.052)), 0.9, 0.88, None, (
    Flip("a.jpg", (3,), 3, 5, 0.61, 0.98), Flip("b<i>.jpg", (4, 6), 4, -1, None, None),
))  # fmt: skip
LOST = Slice("partial_view", 97, -0.32, (-0.47, -0.16), 1e-9, 1e-8, 32, 1)
KEPT = Slice("pose", 500, 0.01, None, 0.4, 0.5, 5, 10)
SLICES = Slices("candidate", "imagenet-x", "factor", -0.013, (LOST, KEPT), ("style",))
NAMES = {"imagenet-val": {3: "cross", 5: "dumb<b>bell", 4: "cube"}}


def run_of(report: GateReport, code: int) -> Run:
    return Run("small", "Two models.", code, [], "pytest behaviours/", "2026-06-12T09:30:00+00:00", 4.0, gate=report)


def text(html: str) -> str:
    root = ElementTree.fromstring(f"<div>{html}</div>")
    return " ".join(" ".join(root.itertext()).split())


def test_every_requirement_stands_as_its_record_says() -> None:
    standing = {one.record["id"]: one.standing for one in [*EVERY, MISSING]}
    assert standing["gate.accuracy[imagenet-c]"] == "blocks"
    assert standing["gate.accuracy[imagenet-a]"] == "undecided"
    assert standing["gate.shape-bias"] == "waived"
    assert standing["gate.factors"] == "spared"
    assert standing["gate.probes"] == "missing"
    assert standing["gate.floor"] == "holds"
    possible = replace(OPEN, record={**OPEN.record, "expected": "undecided", "expected_because": "few images"})
    assert possible.standing == "waived"


@pytest.mark.parametrize(("requirements", "word", "code"), [
    (EVERY, "blocked", VIOLATION), ([HELD[0], MISSING, OPEN], "not measured", NOT_MEASURED),
    ([HELD[0], OPEN], "undecided", UNDECIDED), ([*HELD, SPARED, WAIVED], "released", AS_EXPECTED),
    ([], "not measured", NOT_MEASURED), ([SPARED], "not measured", NOT_MEASURED),
])  # fmt: skip
def test_the_outcome_of_a_candidate_is_that_of_its_exit_code(
    requirements: list[Required], word: str, code: int
) -> None:
    report = example(requirements)
    assert report.outcome("candidate") == word
    assert exit_code([one.record for one in requirements]) == code
    said = headline(report, "candidate")
    assert ("may replace" in said) == (word == "released")
    assert ("must not replace ConvNeXt-sup" in said) == (word != "released")


def test_a_characteristic_blocks_only_where_it_is_asked_to() -> None:
    told = characteristic("mistakes.texture", "holds", "violated", expected="holds")
    assert example(HELD, characteristics=[told]).outcome("candidate") == "released"
    strict = example(HELD, characteristics=[{**told, "told": False}])
    assert strict.outcome("candidate") == "blocked"
    assert "1 finding of the literature" in headline(strict, "candidate")


def test_the_headline_says_what_blocks_by_how_much_and_what_is_allowed() -> None:
    said = headline(example(EVERY), "candidate")
    for words in ("2 of 9 requirements", "corruption accuracy on imagenet-c −5.2\xa0points (2 allowed)",
                  "calibration error on imagenet-val +0.0213 (0.005 allowed)"):   # fmt: skip
        assert words in said
    said = headline(example([HELD[0], OPEN]), "candidate")
    assert "1 of 2 requirements is not proved" in said
    assert "About 4,210 images would decide" in said
    assert "all 4 requirements are proved" in headline(example(HELD), "candidate")
    nobody_knows = replace(OPEN, record={**OPEN.record, "shortfall": lack(300, None)})
    assert "would decide" not in headline(example([OPEN, nobody_knows]), "candidate")


def test_what_is_found_is_said_in_points_percent_or_the_measures_unit() -> None:
    assert (found(BLOCKED), between(BLOCKED)) == ("−5.2\xa0points", "[−6.1, −4.3]")
    assert allowed(BLOCKED) == "a loss of 2\xa0points is allowed"
    assert (found(WORSE_CALIBRATED), allowed(WORSE_CALIBRATED)) == ("+0.0213", "a rise of 0.005 is allowed")
    floor = HELD[-1]
    assert (found(floor), between(floor)) == ("78.1\xa0%", "[76.2, 79.9]")
    assert allowed(floor) == "at least 75.0\xa0% required"
    assert allowed(replace(HELD[0], relation="left ~ right")) == "a change of 1\xa0point is allowed"
    assert would_decide(OPEN) == "4,210 (×\xa014); 300 now"
    assert (found(MISSING), between(MISSING), allowed(MISSING)) == ("", "", "")


def test_a_number_is_never_rounded_onto_its_limit() -> None:
    close = Required(record("accuracy", "violated", (-0.0104, -0.01049, -0.01004)), "left >= right")
    assert (found(close), between(close)) == ("−1.040\xa0points", "[−1.049, −1.004]")


def test_a_loss_that_counts_only_by_itself_says_so() -> None:
    alone = Required(record("accuracy", "undecided", (-0.02, -0.03, -0.011), p_harm_adjusted=0.12), "left >= right")
    assert "by itself" in would_decide(alone)
    assert "0.1200" in would_decide(alone)


def test_pictures_stand_in_units_of_the_margin_with_less_to_the_left() -> None:
    assert in_margins(BLOCKED) == pytest.approx((-3.05, -2.6, -2.15))
    assert in_margins(WORSE_CALIBRATED) == pytest.approx((-5.3, -4.26, -3.22))   # a rise is worse
    for change in ((0.1, 0.08, 0.12), (-0.1, -0.12, -0.08)):   # any change is a loss
        either = Required(record("gap", "violated", change, margin=0.05), "left ~ right")
        assert in_margins(either) == pytest.approx((-2.4, -2.0, -1.6))
    low, middle, high = in_margins(HELD[-1])   # of a bound: above it is right of the limit
    assert -1 < low < middle < high <= RIGHT
    below = Required(record("ceiling", "violated", (0.2, 0.1, 0.3), margin=0), "value < bound", 0.1)
    assert LEFT <= in_margins(below)[0] < in_margins(below)[2] < -1


def test_glyphs_cross_what_blocks_and_point_beyond_their_axis() -> None:
    assert "cross" in glyph(BLOCKED)
    assert 'class="point"' in glyph(HELD[0])
    assert 'class="ring"' in glyph(OPEN)
    numbers = [float(x) for one in (*EVERY, WORSE_CALIBRATED) for x in re.findall(r'[cM]x?="?(-?[\d.]+)', glyph(one))]
    assert min(numbers) >= 0
    assert max(numbers) <= 340
    same = replace(HELD[0], record={**HELD[0].record, "same": True})
    assert 'class="bar"' not in glyph(same)   # what is the same has no error
    assert "the same weights" in gate_section_html(example([same]))


def test_the_section_begins_with_what_blocks_and_ends_with_the_gates_own_test() -> None:
    said = text(gate_section_html(example(EVERY, flips=[FLIPS], slices=[SLICES], names=NAMES)))
    order = ["What blocks", "−5.2 points", "+0.0213", "What is not proved yet", "4,210", "All 9 requirements",
             "What flipped", "Pictures that it gets wrong", "Warnings: slices", "The gate's own test"]   # fmt: skip
    places = [said.index(words) for words in order]
    assert places == sorted(places)
    assert "the new augmentation is known to cost shape bias" in said
    table = said[said.index("All 9 requirements"):]
    rows = [table.index(words) for words in ("✘ blocked", "? undecided", "≠ waived", "· no harm", "✔ within")]
    assert rows == sorted(rows)


def test_what_was_not_measured_says_why() -> None:
    said = text(gate_section_html(example([HELD[0], MISSING])))
    assert "What was not measured" in said
    assert "/data/vtab/wds_dtd is missing" in said


def test_the_gallery_shows_pictures_where_there_are_some_and_ids_alone_where_not() -> None:
    picture = "data:image/jpeg;base64,AAAA"
    report = example(EVERY, flips=[FLIPS], names=NAMES, pictures={("imagenet-val", "a.jpg"): picture})
    html = gate_section_html(report)
    root = ElementTree.fromstring(f"<div>{html}</div>")
    figures = root.findall(".//figure")
    assert [figure.attrib["title"] for figure in figures] == ["a.jpg", "b<i>.jpg"]
    images = [figure.find("img") for figure in figures]
    assert images[0] is not None
    assert images[0].attrib == {"src": picture, "alt": "cross"}
    assert images[1] is None
    words = [" ".join("".join(figure.itertext()).split()) for figure in figures]
    assert words[0].startswith("cross")
    assert "before: cross 61 %" in words[0]
    assert "now: dumb<b>bell 98 %" in words[0]
    assert "cube or class 6" in words[1]
    assert "now: no answer" in words[1]
    assert "2 of 40 that were right" in text(html)


def test_slices_warn_worst_first_with_what_was_looked_at_and_left_out() -> None:
    said = text(gate_section_html(example(HELD, slices=[SLICES])))
    for words in ("partial view", "−32.0 points", "[−47.0, −16.0]", "< 0.0001", "−32 +1", "1 of 2 by factor",
                  "Left out, with fewer than 20 images or 5 sources: 1 by factor"):   # fmt: skip
        assert words in said
    assert "pose" not in said
    quiet = replace(SLICES, slices=(KEPT,))
    assert "No slice is shown to have lost" in text(gate_section_html(example(HELD, slices=[quiet])))


def test_characteristics_are_told_where_they_are_decided_otherwise() -> None:
    found_ = [characteristic("a.broken", "holds", "violated"), characteristic("a.new", "violated", "holds"),
              characteristic("a.same", "holds", "holds"), characteristic("a.open", "holds", "undecided")]   # fmt: skip
    report = example(HELD, characteristics=found_)
    assert [one["id"] for one in report.changed("candidate")] == ["a.broken", "a.new"]
    said = text(gate_section_html(report))
    assert "✔ holds ≠ broken" in said
    assert "≠ violated ✔ newly fulfilled" in said
    assert "2 of 4 findings" in said
    assert "Claim of a.same" not in said


def sweep() -> GateReport:
    return example({
        "step-1": of_candidate("step-1", [HELD[0], BLOCKED]), "step-2": of_candidate("step-2", [HELD[0], OPEN]),
        "step-3": of_candidate("step-3", HELD),
    })  # fmt: skip


def test_several_candidates_stand_beside_each_other() -> None:
    html = gate_section_html(sweep())
    rows = ElementTree.fromstring(html).findall(".//table[@class='plain comparison']//tr")
    cells = [[" ".join("".join(cell.itertext()).split()) for cell in row] for row in rows]
    assert cells[1][1:] == ["✘ blocked", "? undecided", "✔ released"]
    assert ["✘ −5.2 points", "", ""] in [row[1:] for row in cells]
    said, counts = gate_banner(sweep())
    assert said == "3 candidates for ConvNeXt-sup: step-1 blocked, step-2 undecided, step-3 released."
    assert counts == ""


def test_a_gate_that_fails_its_own_test_is_not_believed() -> None:
    failed = SelfCheck("the baseline again", "a difference in gate.accuracy", False)
    report = example(HELD, self_checks=[failed])
    assert not report.trusted
    page = summary_html(run_of(report, BROKEN))
    assert "failed its own test" in page[: page.index("<main")]
    assert "may replace" not in page
    assert "✘ the baseline again: a difference in gate.accuracy" in text(gate_section_html(report))
    assert "0 of 1 as it must be" in gate_section_markdown(report)


def test_the_page_is_well_formed_escapes_what_others_wrote_and_loads_nothing() -> None:
    evil = '<script>alert("1")</script>'
    worst = replace(BLOCKED, record={**BLOCKED.record, "claim": evil, "data": [evil]})
    changed = characteristic("a.b", "holds", "violated", label=evil)
    report = example([worst, MISSING, OPEN], flips=[FLIPS], slices=[replace(SLICES, data=evil)], names=NAMES,
                     notes=[evil], characteristics=[changed])   # fmt: skip
    page = summary_html(run_of(report, VIOLATION))
    root = ElementTree.fromstring(page.partition("\n")[2])
    assert len(list(root.iter("script"))) == 1
    assert evil not in page
    assert "http" not in gate_section_html(report)


def test_the_head_of_the_page_says_it_all() -> None:
    page = summary_html(run_of(example(EVERY), VIOLATION))
    head = page[page.index("<header") : page.index("</header>")]
    assert "must not replace ConvNeXt-sup" in head
    assert "<b>2</b> blocked" in head
    assert page.index("What blocks") < page.index("Two models.")
    assert 'class="gate"' not in summary_html(replace(run_of(example(EVERY), VIOLATION), gate=None))


def test_markdown_says_the_same_without_pictures() -> None:
    report = example(EVERY, flips=[FLIPS], slices=[SLICES], names=NAMES,
                     characteristics=[characteristic("a.broken", "holds", "violated")])   # fmt: skip
    said = gate_section_markdown(report)
    assert said.endswith("\n")
    for words in (f"**{headline(report, 'candidate')}**", "| ✘ blocked | G2 corruption accuracy on imagenet-c |",
                  "images: 4,210", "the new augmentation", "5 requirements that let it pass", "40 (4.0\xa0%)",
                  "before cross 61\xa0%, now dumb&lt;b>bell 98\xa0%", "1 of 2 slices lost", "partial view",
                  "✔ holds before, ≠ violated now", "3 of 3 as it must be"):   # fmt: skip
        assert words in said
    assert "data:" not in said
    assert summary_markdown(run_of(report, VIOLATION)).index(said[:60]) < 80
    several = gate_section_markdown(sweep())
    assert "| **the gate says** | **✘ blocked** | **? undecided** | **✔ released** |" in several
    for table in re.findall(r"(?:^\|.*\n)+", several, flags=re.M):
        assert len({line.replace("\\|", "").count("|") for line in table.splitlines()}) == 1


def folder_of_pictures(folder: Path, **card: Any) -> Evidence:
    """Two classes with three pictures each, one of them large."""
    for place, name in enumerate(("can", "owl")):
        (folder / "set" / name).mkdir(parents=True)
        for number in range(3):
            side = 400 if number else 40
            colour = (200 * place, 90, 30 * number)
            Image.new("RGB", (side, side // 2), colour).save(folder / "set" / name / f"{number}.png")
    (folder / "classes.json").write_text(json.dumps({"0": ["n00000001", "can"], "1": ["n00000002", "owl"]}))
    (folder / "table.csv").write_text("id,prediction\n")
    cast = {
        "about": "a", "protocol": "native",
        "models": {"old": {"source": "predictions:table.csv", "architecture": "a", "paradigm": "p", "data": ["seen"]}},
        "data": {"seen": {"reader": "folder", "root": "set", "class_index": "classes.json", "images": 6, "classes": 2,
                          **card},
                 "other": {"reader": "tables", "images": 6, "classes": 2},
                 "more": {"reader": "tables", "images": 6, "classes": 3}},
    }  # fmt: skip
    (folder / "cast.yaml").write_text(yaml.safe_dump(cast))
    loaded, _, problems = load_cast(folder / "cast.yaml")
    assert loaded is not None, problems
    return Evidence(loaded, Store(folder / "store"))


def test_thumbnails_are_small_and_of_the_pictures_that_are_asked_for(tmp_path: Path) -> None:
    evidence = folder_of_pictures(tmp_path)
    found_, why = thumbnails(evidence, "seen", ["owl/1.png", "can/0.png", "gone.png"])
    assert (set(found_), why) == ({"owl/1.png", "can/0.png"}, "")
    sizes = {}
    for name, uri in found_.items():
        picture = Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))))
        sizes[name] = picture.size
        place = 200 if name.startswith("owl") else 0
        assert np.abs(np.asarray(picture)[5, 5] - np.array([place, 90, 30 * int(name[4])])).max() < 8
    assert sizes == {"owl/1.png": (SIDE, SIDE // 2), "can/0.png": (40, 20)}   # never enlarged


def test_a_picture_that_cannot_be_read_is_told_and_the_page_goes_on(tmp_path: Path) -> None:
    evidence = folder_of_pictures(tmp_path)
    (tmp_path / "set" / "can" / "1.png").write_bytes(b"no picture")
    found_, why = thumbnails(evidence, "seen", ["can/0.png", "can/1.png"])
    assert set(found_) == {"can/0.png"}
    assert "can/1.png" in why
    assert thumbnails(evidence, "other", ["can/0.png"]) == ({}, "")   # predictions alone


def test_classes_are_called_by_the_words_that_the_cast_knows(tmp_path: Path) -> None:
    evidence = folder_of_pictures(tmp_path)
    assert class_names(evidence, "seen") == {0: "can", 1: "owl"}
    assert class_names(evidence, "other") == {0: "can", 1: "owl"}   # labels count the model's classes
    assert class_names(evidence, "more") == {}                      # of which it must have as many
    (tmp_path / "classes.json").unlink()
    assert class_names(evidence, "seen") == {}


def test_synsets_become_words() -> None:
    index = ClassIndex("x", ("n01440764", "n01443537"), {"n01440764": 0, "tench": 0, "n01443537": 1})
    assert spoken_names(index) == {0: "tench", 1: "n01443537"}
    assert in_words({0: "n01440764", 1: "mug", 2: "n99999999"}) == {0: "tench", 1: "mug", 2: "n99999999"}
    names = imagenet_names()
    assert (len(names), names[0], names[207], names[999]) == (1000, "tench", "golden retriever", "toilet tissue")


POLICY = {
    "about": "small", "requirements": [
        {"id": "gate.accuracy", "claim": "It is as accurate.", "measure": "top1", "data": ["tiny"], "margin": 0.05},
        {"id": "gate.floor", "claim": "It is right often.", "measure": "top1", "data": ["tiny"],
         "bound": {"at_least": 0.5}},
    ],
}  # fmt: skip


def gate_run(folder: Path, spoilt: Sequence[int]) -> Finished:
    """A run of the suite with a candidate that is wrong on some of the pictures."""
    options = write_small(folder)
    head, *rows = (folder / "sup.csv").read_text().splitlines()
    for place in spoilt:
        name, answer, _ = rows[place].split(",")
        rows[place] = f"{name},{(int(answer) + 3) % 10},0.99"
    (folder / "june.csv").write_text("\n".join([head, *rows]) + "\n")
    (folder / "gate.yaml").write_text(yaml.safe_dump(POLICY))
    trial = ["--candidate", str(folder / "june.csv"), "--as", "sup", "--gate", str(folder / "gate.yaml")]
    return Suite(folder)(*options, *trial)


def test_a_run_of_the_suite_shows_why_it_blocks(tmp_path: Path) -> None:
    done = gate_run(tmp_path, range(0, 400, 5))
    assert done.code == VIOLATION, done.output
    page = (done.reports / "summary.html").read_text(encoding="utf-8")
    root = ElementTree.fromstring(page.partition("\n")[2])
    said = " ".join("".join(root.itertext()).split())
    assert "The candidate must not replace sup: 1 of 2 requirements is violated" in said
    losses = [one.text for one in root.iter("p") if one.attrib.get("class") == "loss"]
    difference = next(v for v in done.verdicts["verdicts"] if v["id"] == "gate.accuracy")["difference"]["value"]
    assert losses == [f"−{-100 * difference:.1f}\xa0points "]
    assert len(root.findall(".//figure[figcaption]")) == 12
    ids = {one.attrib["id"] for one in root.iter() if "id" in one.attrib}
    links = {unquote(one.attrib["href"]) for one in root.iter("a") if one.attrib["href"].startswith("#")}
    assert {link.removeprefix("#") for link in links} <= ids
    assert "must not replace sup" in (done.reports / "summary.md").read_text(encoding="utf-8")


def test_a_run_of_the_suite_releases_the_same_table(tmp_path: Path) -> None:
    done = gate_run(tmp_path, [])
    assert done.code == AS_EXPECTED, done.output
    page = (done.reports / "summary.html").read_text(encoding="utf-8")
    assert "The candidate may replace sup: all 2 requirements are proved." in page
