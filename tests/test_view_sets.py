"""Sets of views: what their cards must say, what their frames carry, and how much of what networks see is black."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from demeanour.datasets.frame import Frame
from demeanour.datasets.pictures.decode import decode, size_of_picture
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence import margins
from demeanour.evidence.margins import padding_of
from demeanour.evidence.observations import observe
from demeanour.evidence.plan import Unit
from demeanour.evidence.store import Store
from demeanour.evidence.sweeps import sweep
from demeanour.evidence.table import PredictionTable
from demeanour.findings.cards import DataCard, ModelCard
from demeanour.findings.cast import Cast
from demeanour.findings.lint_cards import check_cards
from demeanour.measures.registry import MEASURES
from demeanour.verdicts.replicates import columns_of
from demeanour.views.geometry import Geometry
from demeanour.views.prepare import prepare
from tests.pretended_cast import answer, describe, opened, write_pretended

NET = {"source": "timm:resnet50", "architecture": "resnet", "paradigm": "supervised"}
TABLE = {**NET, "source": "predictions:a.csv", "data": ["pictures"]}
VIEWS = ["scale/1", "scale/1.5", "scale/3"]


# cards


def cast_of(models: dict[str, Any], **seen: Any) -> Cast:
    data = {
        "pictures": DataCard(reader="folder", root="pictures"),
        "seen": DataCard(reader="views", of="pictures", **seen),
    }
    cards = {name: ModelCard(**card) for name, card in models.items()}
    return Cast(about="a", protocol="native", models=cards, data=data, name="c", path=Path("c.yaml"))


def problems(cast: Cast) -> dict[str, str]:
    return {".".join(map(str, keys)): f"{message}; {hint}" for keys, message, hint in check_cards(cast)}


@pytest.mark.parametrize(
    ("card", "base"),
    [
        ({"views": VIEWS}, "scale/1"), ({"views": ["shift/5", "shift/0"]}, "shift/0"),
        ({"views": ["scale/2", "plain", "shift/5"]}, "plain"), ({"views": ["plain", "scale/1"]}, "scale/1"),
        ({"views": ["resolution/32", "resolution/64"], "base": "resolution/64"}, "resolution/64"),
        ({"views": ["resolution/32", "resolution/64"]}, None),
    ],
)  # fmt: skip
def test_the_base_is_named_or_the_view_that_shows_pictures_as_they_are(card: dict[str, Any], base: str | None) -> None:
    cast = cast_of({"net": NET}, **card)
    assert not problems(cast)
    assert cast.data["seen"].base_view == base


@pytest.mark.parametrize(
    ("card", "key", "told"),
    [
        ({"views": VIEWS, "base": "scale/2"}, "base", "'scale/2' is none of the views; did you mean 'scale/3'?"),
        ({"views": [f"shift/{k}" for k in range(17)]}, "views", "17 views are more than the 16 that have names"),
    ],
)
def test_what_is_wrong_with_a_set_of_views_is_told(card: dict[str, Any], key: str, told: str) -> None:
    assert told.partition(";")[0] in problems(cast_of({"net": NET}, **card))[f"data.seen.{key}"]
    assert "did you mean" in problems(cast_of({"net": NET}, views=VIEWS, base="scale/1.55"))["data.seen.base"]


def test_other_readers_have_no_base() -> None:
    cast = cast_of({"net": NET}, views=VIEWS)
    other = cast.model_copy(update={"data": {"pictures": DataCard(reader="folder", root="pictures", base="plain")}})
    assert "does not read it" in problems(other)["data.pictures.base"]


def test_a_set_of_many_corruptions_needs_no_names_for_its_views() -> None:
    views = [f"corruption/{name}/{level}" for name in ("fog", "snow", "frost", "pixelate") for level in range(1, 6)]
    assert not problems(cast_of({"net": NET}, views=views))


def test_a_table_of_predictions_has_seen_pictures_once() -> None:
    """Its one answer to each picture must not be taken for the answers to all views."""
    cast = cast_of({"net": NET, "table": TABLE}, views=VIEWS)
    assert cast.covers("net", "seen")
    assert cast.covers("table", "pictures")
    assert not cast.covers("table", "seen")
    named = cast_of({"table": {**TABLE, "data": ["seen"]}}, views=VIEWS)
    assert "seen by networks only" in problems(named)["models.table.data"]


# frames


def tables_of(views: list[str], ids: list[str]) -> dict[str, PredictionTable]:
    names = np.array(ids)
    return {view: PredictionTable(names, {"prediction": np.full(len(ids), place)}) for place, view in enumerate(views)}


SEEN = Frame("pictures", np.array(["a.png", "b.png", "c.png"]), {"label": np.array([0, 1, 2])}, 4)


def test_a_frame_of_views_says_where_each_row_belongs() -> None:
    views = ["scale/10", "scale/1", "scale/2.5"]   # whose order is not that of their names
    table, frame = sweep(tables_of(views, SEEN.ids.tolist()), SEEN, "seen", "scale/1")
    assert frame.ids.tolist() == sorted(f"{view}/{name}" for view in views for name in SEEN.ids.tolist())
    for row, name in enumerate(frame.ids.tolist()):
        view, _, picture = name.rpartition("/")
        assert views[int(frame.columns["view"][row])] == view
        assert SEEN.ids[int(frame.columns["source"][row])] == picture
        assert frame.columns["label"][row] == frame.columns["source"][row]
        assert frame.columns["base"][row] == (view == "scale/1")
        assert frame.columns["at"][row] == float(view.removeprefix("scale/"))
        assert table.columns["prediction"][row] == views.index(view)
    assert (frame.clusters, frame.names) == (("source",), {"view": tuple(views)})


def test_views_of_several_kinds_lie_on_no_axis() -> None:
    _, frame = sweep(tables_of(["plain", "shift/3"], SEEN.ids.tolist()), SEEN, "seen", "plain")
    assert "at" not in frame.columns
    _, frame = sweep(tables_of(["resolution/32", "resolution/64"], SEEN.ids.tolist()), SEEN, "seen", None)
    assert "base" not in frame.columns
    observed = observe("net", sweep(tables_of(VIEWS, SEEN.ids.tolist()), SEEN, "seen", None)[0], frame=_frame(None))
    with pytest.raises(NotMeasuredError, match="no column 'base'"):
        columns_of(MEASURES["view_drop"], (observed,))


def _frame(base: str | None) -> Frame:
    return sweep(tables_of(VIEWS, SEEN.ids.tolist()), SEEN, "seen", base)[1]


@pytest.mark.parametrize("ids", [["a.png", "b.png"], ["a.png", "b.png", "d.png"]])
def test_views_of_other_pictures_are_an_error(ids: list[str]) -> None:
    tables = tables_of(VIEWS, SEEN.ids.tolist()) | tables_of(["scale/3"], ids)
    with pytest.raises(EvidenceError, match=rf"seen: scale/3 was answered for {len(ids)} pictures that are not the 3"):
        sweep(tables, SEEN, "seen")


# black borders


def encoded(size: tuple[int, int], kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (255, 255, 255)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("size", [(500, 375), (1, 7), (64, 64)])
def test_sizes_are_those_of_decoded_pictures(size: tuple[int, int], kind: str) -> None:
    data = encoded(size, kind)
    assert size_of_picture(data, "x") == decode(data, "x").size == size


def test_sizes_are_read_from_the_head_alone() -> None:
    data = encoded((500, 375), "JPEG")
    head = data[: len(data) // 2]
    assert size_of_picture(head, "x") == (500, 375)
    with pytest.raises(EvidenceError, match="cannot be decoded"):
        decode(head, "x")
    for nothing in (b"", b"no picture"):
        with pytest.raises(EvidenceError, match=r"x\.png: cannot be decoded"):
            size_of_picture(nothing, "x.png")


@pytest.fixture
def shifted(tmp_path: Path) -> Path:
    """The pretended cast with pictures of other shapes, and a shift in place of the scale."""
    views = ["shift/0", "shift/20", "shift/40"]
    data = {
        "pictures": {"reader": "folder", "root": "pictures", "classes": 10},
        "zoomed": {"reader": "views", "of": "pictures", "views": views},
    }
    write_pretended(tmp_path, data=data)
    for number, file in enumerate(sorted((tmp_path / "pictures").rglob("*.png"))):
        Image.new("RGB", (70 + 3 * (number % 11), 70 + 5 * (number % 7)), (255, 255, 255)).save(file)
    return tmp_path


def test_what_is_black_is_told_for_each_level_and_looked_up_once(
    shifted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted in what a network is shown of white pictures."""
    evidence = opened(shifted)
    describe(evidence.live, "vit")
    for view in ("shift/0", "shift/20", "shift/40"):
        answer(evidence.live, Unit("vit", "pictures", view))
    observed = evidence.observations("vit", "zoomed")
    measure = MEASURES["view_padding"]
    found = measure.values(columns_of(measure, (observed,)))
    pictures = evidence.live.pictures("pictures")
    for place, view in enumerate(("shift/0", "shift/20", "shift/40"), start=1):
        geometry = evidence.live.steps(Unit("vit", "pictures", view)).geometry
        black = []
        for row in range(len(pictures)):
            picture = decode(pictures.read(row), "x")
            prepared = prepare(picture, geometry, "x")
            edge = prepare(ImageOps.invert(picture), geometry, "x")   # where white pictures are black, and black ones
            black.append(((prepared < 128) & (edge < 128)).all(axis=2).mean())
        assert float(found[f"level-{place}"]) == pytest.approx(np.mean(black), abs=0.01)   # of whole pixels
    assert float(found["level-1"]) == 0
    assert float(found["level-3"]) > float(found["level-2"]) > 0.01
    monkeypatch.setattr(margins, "size_of_picture", lambda *_: pytest.fail("a size was looked up again"))
    again = opened(shifted)
    describe(again.live, "vit")
    np.testing.assert_array_equal(again.observations("vit", "zoomed").column("padded"), observed.column("padded"))


def test_other_pictures_have_other_sizes(shifted: Path) -> None:
    live = opened(shifted).live
    describe(live, "vit")
    before = live.padding(Unit("vit", "pictures", "shift/40"))
    Image.new("RGB", (400, 70)).save(shifted / "pictures" / "0" / "0-0.png")
    live = opened(shifted).live
    describe(live, "vit")
    after = live.padding(Unit("vit", "pictures", "shift/40"))
    assert before[0] > 0
    assert after[0] == 0   # so wide that the window stays within
    np.testing.assert_array_equal(before[1:], after[1:])


@pytest.mark.parametrize("geometry", [
    Geometry(256, "bilinear", 224), Geometry(224, "bicubic", 224), Geometry(768, "bilinear", 224), Geometry(expected=64)
])  # fmt: skip
def test_nothing_is_looked_up_where_nothing_can_be_black(shifted: Path, geometry: Geometry) -> None:
    live = opened(shifted).live
    store = Store(shifted / "nowhere")
    assert not padding_of(geometry, live.pictures("pictures"), store).any()
    assert not store.root.exists()


def test_what_is_resized_to_less_than_the_crop_is_black_around(shifted: Path) -> None:
    live = opened(shifted).live
    shares = padding_of(Geometry(32, "bilinear", 64), live.pictures("pictures"), Store(shifted / "sizes"))
    assert (shares > 0.4).all()


def test_a_set_without_a_base_says_so(shifted: Path) -> None:
    data = {
        "pictures": {"reader": "folder", "root": "pictures", "classes": 10},
        "zoomed": {"reader": "views", "of": "pictures", "views": ["shift/20", "shift/40"]},
    }
    write_pretended(shifted, data=data)
    evidence = opened(shifted)
    describe(evidence.live, "vit")
    for view in ("shift/20", "shift/40"):
        answer(evidence.live, Unit("vit", "pictures", view))
    observed = evidence.observations("vit", "zoomed")
    with pytest.raises(NotMeasuredError, match="zoomed has no view that the others are compared with; name it as"):
        columns_of(MEASURES["view_drop"], (observed,))
    before = evidence.identity("vit", "zoomed")
    data["zoomed"]["base"] = "shift/20"
    write_pretended(shifted, data=data)
    evidence = opened(shifted)
    describe(evidence.live, "vit")
    assert evidence.identity("vit", "zoomed") != before   # what was decided without it is decided anew
    drop = MEASURES["view_drop"].values(columns_of(MEASURES["view_drop"], (evidence.observations("vit", "zoomed"),)))
    assert float(drop["level-1"]) == 0
