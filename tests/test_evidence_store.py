"""Evidence on disk: made once, verified on every read, never stale, never half written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import yaml

import demeanour
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence import store as store_module
from demeanour.evidence.gather import Evidence
from demeanour.evidence.plan import Unit, locate, plan
from demeanour.evidence.sources import size_of
from demeanour.evidence.store import Store, evidence_key
from demeanour.evidence.table import PredictionTable
from demeanour.files import file_hash
from demeanour.findings.cards import DataCard
from demeanour.findings.load import load_cast
from demeanour.vocabulary import CATEGORIES, FACTORS

KEY = "0123abcd"
MANIFEST = {"model": "net", "data": "mine"}


def a_table(shift: int = 0) -> PredictionTable:
    """A table with every kind of column."""
    columns: dict[str, np.ndarray] = {
        "prediction": np.asarray([3, -1, 2]) + shift,
        "label": np.asarray([3, 1, 0]),
        "confidence": np.asarray([0.1, 1 / 3, np.nextafter(1.0, 0.0)]),
        "log_sum_exp": np.asarray([-1e300, 5e-324, 12.5]),
        "rank_of_label": np.asarray([1, 2, 1000]),
        "top5": np.arange(15).reshape(3, 5),
    }
    return PredictionTable(np.asarray(["0001", "a b.JPEG", "œ×"]), columns)


def assert_equal(found: PredictionTable, expected: PredictionTable) -> None:
    assert found.ids.tolist() == expected.ids.tolist()
    assert set(found.columns) == set(expected.columns)
    for name, values in expected.columns.items():
        assert found.columns[name].dtype == values.dtype, name
        np.testing.assert_array_equal(found.columns[name], values, err_msg=name)


class Maker:
    """Makes a table and counts how often."""

    def __init__(self, table: PredictionTable | None = None) -> None:
        self.table = table or a_table()
        self.calls = 0

    def __call__(self) -> PredictionTable:
        self.calls += 1
        return self.table


def never() -> PredictionTable:
    raise AssertionError("made again although it was there")


def a_store(root: Path) -> tuple[Store, list[str]]:
    said: list[str] = []
    return Store(root, said.append), said


# --- once, and the same ---------------------------------------------------------------------------------------------


def test_a_table_is_made_once_and_read_back_equal_in_every_column(tmp_path: Path) -> None:
    store, said = a_store(tmp_path)
    maker = Maker()
    assert_equal(store.table(KEY, MANIFEST, maker), a_table())
    assert_equal(store.table(KEY, MANIFEST, never), a_table())
    assert_equal(Store(tmp_path, said.append).table(KEY, MANIFEST, never), a_table())
    assert maker.calls == 1
    assert said == []


def test_a_stored_table_is_plain_parquet_with_its_manifest(tmp_path: Path) -> None:
    store, _ = a_store(tmp_path)
    store.table(KEY, MANIFEST, a_table)
    arrow = pyarrow.parquet.read_table(store.path(KEY))
    assert arrow["id"].to_pylist() == a_table().ids.tolist()
    assert arrow["top5"].to_pylist() == a_table().columns["top5"].tolist()
    record = json.loads(arrow.schema.metadata[b"demeanour"])
    assert record["model"] == "net"
    assert record["key"] == KEY


def test_tables_of_different_keys_do_not_meet(tmp_path: Path) -> None:
    store, _ = a_store(tmp_path)
    store.table("one", MANIFEST, lambda: a_table(0))
    store.table("two", MANIFEST, lambda: a_table(1))
    assert_equal(store.table("one", MANIFEST, never), a_table(0))
    assert_equal(store.table("two", MANIFEST, never), a_table(1))


def test_the_store_of_a_user_is_where_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "elsewhere"))
    assert Store.default().path(KEY).is_relative_to(tmp_path / "elsewhere")


PARTS = {"source": "s", "beside": ["b"], "format": ["table", 1], "order": None, "data": "mine", "classes": 10}


def test_a_key_depends_on_its_parts_and_on_nothing_else() -> None:
    assert evidence_key(**PARTS) == evidence_key(**dict(reversed(PARTS.items())))


@pytest.mark.parametrize(
    "changed",
    [
        {"source": "t"}, {"beside": []}, {"beside": ["b", "b"]}, {"format": ["table", 2]}, {"format": ["logits", 1]},
        {"order": "None"}, {"order": ""}, {"data": "mine2"}, {"classes": 11}, {"classes": "10"}, {"more": None},
    ],
    ids=str,
)  # fmt: skip
def test_a_key_changes_with_any_of_its_parts(changed: dict[str, object]) -> None:
    assert evidence_key(**{**PARTS, **changed}) != evidence_key(**PARTS)


def test_a_key_changes_with_the_version_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    before = evidence_key(**PARTS)
    monkeypatch.setattr(store_module, "SCHEMA", store_module.SCHEMA + 1)
    assert evidence_key(**PARTS) != before


# --- damage ---------------------------------------------------------------------------------------------------------


def assert_made_anew(store: Store, said: list[str]) -> None:
    """The file under the key is not trusted: the table is made, the user is told, and the next read needs no maker."""
    maker = Maker(a_table(7))
    assert_equal(store.table(KEY, MANIFEST, maker), a_table(7))
    assert maker.calls == 1
    assert len(said) == 1
    assert str(store.path(KEY)) in said[0]
    assert "made anew" in said[0]
    assert_equal(store.table(KEY, MANIFEST, never), a_table(7))


@pytest.mark.parametrize("keep", [0, 3, 100, 0.5, -1], ids=["nothing", "3 bytes", "100 bytes", "half", "all but 1"])
def test_a_truncated_file_is_made_anew_and_said_so(tmp_path: Path, keep: float) -> None:
    store, said = a_store(tmp_path)
    store.table(KEY, MANIFEST, a_table)
    content = store.path(KEY).read_bytes()
    store.path(KEY).write_bytes(content[: int(keep * len(content)) if keep == 0.5 else int(keep)])
    assert_made_anew(store, said)


def test_no_flipped_byte_ever_gives_another_table(tmp_path: Path) -> None:
    store, said = a_store(tmp_path)
    store.table(KEY, MANIFEST, a_table)
    path = store.path(KEY)
    content = path.read_bytes()
    damaged = 0
    for place in range(0, len(content), 11):
        flipped = bytearray(content)
        flipped[place] ^= 0xFF
        path.write_bytes(flipped)
        maker = Maker()
        told = len(said)
        assert_equal(store.table(KEY, MANIFEST, maker), a_table())
        assert len(said) - told == maker.calls, f"byte {place}"
        damaged += maker.calls
    assert damaged > len(content) / 11 / 2


def test_a_value_changed_by_another_program_is_noticed(tmp_path: Path) -> None:
    store, said = a_store(tmp_path)
    store.table(KEY, MANIFEST, a_table)
    arrow = pyarrow.parquet.read_table(store.path(KEY))
    place = arrow.column_names.index("prediction")
    changed = arrow.set_column(place, "prediction", pa.array([9, 9, 9]))
    pyarrow.parquet.write_table(changed.replace_schema_metadata(arrow.schema.metadata), store.path(KEY))
    assert_made_anew(store, said)


def test_a_valid_table_under_the_name_of_another_key_is_not_taken(tmp_path: Path) -> None:
    store, said = a_store(tmp_path)
    store.table("other", MANIFEST, a_table)
    store.path("other").rename(store.path(KEY))
    assert_made_anew(store, said)


FOREIGN = {
    "numbers": pa.table({"x": [1, 2]}),
    "a table without a manifest": pa.table({"id": ["a"], "prediction": [1]}),
    "lists of different lengths": pa.table({"id": ["a", "b"], "prediction": [[1, 2], [3]]}),
    "lists with a gap": pa.table({"id": ["a", "b"], "prediction": [[1, 2], [3, None]]}),
    "lists of words": pa.table({"id": ["a"], "prediction": [["x"]]}),
    "records": pa.table({"id": ["a"], "prediction": [{"x": 1}]}),
    "no rows": pa.table({"id": pa.array([], pa.string())}),
    "a manifest that is no JSON": pa.table({"id": ["a"]}).replace_schema_metadata({"demeanour": "{"}),
    "a manifest that is a list": pa.table({"id": ["a"]}).replace_schema_metadata({"demeanour": "[]"}),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_parquet_file_under_the_name_is_made_anew(tmp_path: Path, kind: str) -> None:
    store, said = a_store(tmp_path)
    store.path(KEY).parent.mkdir(parents=True)
    pyarrow.parquet.write_table(FOREIGN[kind], store.path(KEY))
    assert_made_anew(store, said)


def test_a_file_that_is_no_parquet_is_made_anew(tmp_path: Path) -> None:
    store, said = a_store(tmp_path)
    store.path(KEY).parent.mkdir(parents=True)
    store.path(KEY).write_text("id,prediction\na,1\n")
    assert_made_anew(store, said)


# --- failures -------------------------------------------------------------------------------------------------------


def left_behind(store: Store) -> list[str]:
    return sorted(path.name for path in store.path(KEY).parent.iterdir() if path.suffix != ".lock")


def test_a_maker_that_fails_leaves_nothing_and_is_asked_again(tmp_path: Path) -> None:
    store, said = a_store(tmp_path)

    def failing() -> PredictionTable:
        raise EvidenceError("no such luck")

    with pytest.raises(EvidenceError, match="no such luck"):
        store.table(KEY, MANIFEST, failing)
    assert left_behind(store) == []
    assert_equal(store.table(KEY, MANIFEST, a_table), a_table())
    assert said == []


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=["disk full", "interrupted"])
def test_a_writer_that_fails_leaves_no_part_and_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    store, _ = a_store(tmp_path)
    store.table(KEY, MANIFEST, a_table)
    before = store.path(KEY).read_bytes()

    def half_written(_table: pa.Table, file: object, **_options: object) -> None:
        file.write(b"PAR1 half of it")
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(pyarrow.parquet, "write_table", half_written)
        with pytest.raises(type(error)):
            store_module.write_table(store.path(KEY), a_table(1), {"key": KEY})
        with pytest.raises(type(error)):
            store.table("new", MANIFEST, a_table)
    assert left_behind(store) == [f"{KEY}.parquet"]
    assert store.path(KEY).read_bytes() == before
    assert_equal(store.table("new", MANIFEST, a_table), a_table())


def test_a_table_appears_under_its_name_only_when_it_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = a_store(tmp_path)
    genuine = pyarrow.parquet.write_table
    seen: list[bool] = []

    def watched(table: pa.Table, file: object, **options: object) -> None:
        genuine(table, file, **options)
        seen.append(store.path(KEY).exists())

    monkeypatch.setattr(pyarrow.parquet, "write_table", watched)
    store.table(KEY, MANIFEST, a_table)
    assert seen == [False]
    assert left_behind(store) == [f"{KEY}.parquet"]


# --- several processes ----------------------------------------------------------------------------------------------

WORKER = """
import os, sys, time
from pathlib import Path
import numpy as np
from demeanour.evidence.store import Store
from demeanour.evidence.table import PredictionTable

root, name, workers = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def make():
    with (root / "made").open("a") as file:
        file.write(name + "\\n")
    time.sleep(0.3)
    return PredictionTable(np.asarray(["a", "b"]), {"prediction": np.asarray([4, 2])})

(root / f"ready-{name}").touch()
while len(list(root.glob("ready-*"))) < workers:
    time.sleep(0.005)
table = Store(root).table("shared", {}, make)
print(table.columns["prediction"].tolist())
"""

HOLDER = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    source = str(Path(demeanour.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )


def test_processes_that_want_the_same_table_at_once_make_it_once(tmp_path: Path) -> None:
    workers = [start(WORKER, str(tmp_path), str(number), "4") for number in range(4)]
    answers = [worker.communicate(timeout=60)[0].strip() for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4
    assert answers == ["[4, 2]"] * 4
    assert len((tmp_path / "made").read_text().split()) == 1


def test_a_killed_holder_of_the_lock_blocks_nobody(tmp_path: Path) -> None:
    store, _ = a_store(tmp_path)
    lock = store.path(KEY).with_suffix(".lock")
    lock.parent.mkdir(parents=True)
    holder = start(HOLDER, str(lock))
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait(timeout=30)
    assert lock.exists()
    begun = time.monotonic()
    assert_equal(store.table(KEY, MANIFEST, a_table), a_table())
    assert time.monotonic() - begun < 10


def test_a_living_holder_of_the_lock_is_waited_for(tmp_path: Path) -> None:
    lock = Store(tmp_path).path("shared").with_suffix(".lock")
    lock.parent.mkdir(parents=True)
    holder = start(HOLDER, str(lock))
    worker = None
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        worker = start(WORKER, str(tmp_path), "0", "1")
        until = time.monotonic() + 30
        while not (tmp_path / "ready-0").exists() and time.monotonic() < until:
            time.sleep(0.01)
        assert (tmp_path / "ready-0").exists()
        time.sleep(0.5)
        assert worker.poll() is None
        assert not (tmp_path / "made").exists()
    finally:
        holder.kill()
        holder.wait(timeout=30)
        answer = worker.communicate(timeout=30)[0] if worker else None
    assert answer is not None
    assert answer.strip() == "[4, 2]"


# --- from a cast ----------------------------------------------------------------------------------------------------

IMAGES = [f"ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, 9)]
LABELS = [0, 1, 2, 3, 4, 0, 1, 2]
PREDICTIONS = [0, 1, 2, 3, 0, 0, 0, 0]
ROLE = {"architecture": "vit", "paradigm": "supervised"}


def write_predictions(path: Path, predictions: list[int], images: list[str] = IMAGES) -> None:
    rows = [f"{image},{guess},0.5\n" for image, guess in zip(images, predictions, strict=True)]
    path.write_text("file_name,predicted_class,predicted_probability\n" + "".join(reversed(rows)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight images with labels, ImageNet-X annotations of five of them, and the predictions of one model."""
    rows = "".join(f"{image},{label}\n" for image, label in zip(IMAGES, LABELS, strict=True))
    (tmp_path / "labels.csv").write_text("file_name,label\n" + rows)
    write_predictions(tmp_path / "net.csv", PREDICTIONS)
    annotations = tmp_path / "imagenet-x"
    annotations.mkdir()
    lines = [
        json.dumps({"file_name": image, "class": label, **dict.fromkeys(FACTORS, 0), FACTORS[number]: 1})
        for number, (image, label) in enumerate(zip(IMAGES[:6], LABELS[:6], strict=True))
    ]
    (annotations / "imagenet_x_val_top_factor.jsonl").write_text("\n".join(lines) + "\n")
    (annotations / "prototypical_paths.csv").write_text(f"file_name\n{IMAGES[5]}\n")
    return tmp_path


VAL = {"reader": "labels", "root": "labels.csv", "images": 8, "classes": 5}
X = {"reader": "imagenet-x", "root": "imagenet-x", "images": 5, "classes": 5}
NET = {**ROLE, "source": "predictions:net.csv", "data": ["imagenet-val"]}

Cards = dict[str, dict[str, object]]


def gather(
    folder: Path, models: Cards | None = None, data: Cards | None = None, said: Callable[[str], None] = pytest.fail
) -> Evidence:
    """The evidence of a cast in a folder, from a fresh process's point of view."""
    content = {
        "about": "a test",
        "protocol": "none",
        "models": models or {"net": NET},
        "data": data or {"imagenet-val": VAL, "imagenet-x": X},
    }
    path = folder / "cast.yaml"
    path.write_text(yaml.safe_dump(content))
    cast, _, problems = load_cast(path)
    assert not problems
    assert cast is not None
    return Evidence(cast, Store(folder / "store", said))


def tables_in(folder: Path) -> int:
    return len(list((folder / "store").rglob("*.parquet")))


def test_predictions_are_joined_with_labels_by_image(folder: Path) -> None:
    seen = gather(folder).observations("net", "imagenet-val")
    assert (seen.model, seen.data) == ("net", "imagenet-val")
    assert seen.ids.tolist() == IMAGES
    assert seen.column("prediction").tolist() == PREDICTIONS
    assert seen.column("label").tolist() == LABELS
    assert seen.column("correct").tolist() == [p == y for p, y in zip(PREDICTIONS, LABELS, strict=True)]


def test_a_column_that_nothing_gives_is_not_measured_and_the_present_ones_are_told(folder: Path) -> None:
    with pytest.raises(NotMeasuredError, match=r"net on imagenet-val have no column 'sum_p2'; .*confidence, .*predic"):
        gather(folder).observations("net", "imagenet-val").column("sum_p2")


def test_imagenet_x_is_served_by_the_predictions_on_imagenet(folder: Path) -> None:
    evidence = gather(folder)
    seen = evidence.observations("net", "imagenet-x")
    assert seen.data == "imagenet-x"
    assert seen.ids.tolist() == IMAGES[:5]
    assert seen.column("prediction").tolist() == PREDICTIONS[:5]
    assert seen.column("correct").tolist() == [True, True, True, True, False]
    np.testing.assert_array_equal(seen.column("factors"), np.eye(5, len(FACTORS), dtype=bool))
    assert seen.names["factors"] == FACTORS
    evidence.observations("net", "imagenet-val")
    assert tables_in(folder) == 1


def test_imagenet_x_may_have_predictions_of_its_own(folder: Path) -> None:
    write_predictions(folder / "own.csv", [4, 3, 2, 1, 0], IMAGES[:5])
    models = {"net": {**ROLE, "source": "predictions:own.csv", "data": ["imagenet-x"]}}
    seen = gather(folder, models, {"imagenet-x": X}).observations("net", "imagenet-x")
    assert seen.column("prediction").tolist() == [4, 3, 2, 1, 0]


def test_imagenet_x_annotations_that_speak_of_an_image_without_predictions_are_refused(folder: Path) -> None:
    images = [*IMAGES[1:], "ILSVRC2012_val_00000099.JPEG"]
    write_predictions(folder / "net.csv", PREDICTIONS, images)
    rows = "".join(f"{image},0\n" for image in images)
    (folder / "labels.csv").write_text("file_name,label\n" + rows)
    with pytest.raises(EvidenceError, match="net on imagenet-x: no prediction for 1 of 5 images") as caught:
        gather(folder).observations("net", "imagenet-x")
    assert IMAGES[0] in str(caught.value)


def test_a_data_set_that_a_model_has_no_predictions_on_is_not_measured(folder: Path) -> None:
    with pytest.raises(NotMeasuredError, match="net has no predictions on imagenet-r") as caught:
        gather(folder).observations("net", "imagenet-r")
    assert not isinstance(caught.value, EvidenceError)


@pytest.mark.parametrize(
    ("card", "size"),
    [
        ({}, (50_000, 1000)), ({"images": 8}, (8, 1000)), ({"classes": 5}, (50_000, 5)),
        ({"images": 8, "classes": 5}, (8, 5)),
    ],
)  # fmt: skip
def test_a_card_overrides_the_published_size(card: dict[str, int], size: tuple[int, int]) -> None:
    assert size_of("imagenet-val", DataCard(reader="tables", **card)) == size


@pytest.mark.parametrize("card", [{}, {"images": 8}, {"classes": 5}])
def test_an_unpublished_set_without_its_size_is_refused(card: dict[str, int]) -> None:
    with pytest.raises(EvidenceError, match=r"mine is no published set.*`images` and `classes`"):
        size_of("mine", DataCard(reader="tables", **card))


def test_the_published_size_holds_where_the_card_says_none(folder: Path) -> None:
    val = {"reader": "labels", "root": "labels.csv"}
    with pytest.raises(EvidenceError, match=r"8 images, but imagenet-val has 50,000"):
        gather(folder, data={"imagenet-val": val}).observations("net", "imagenet-val")


def test_labels_of_another_number_of_images_are_refused_by_their_own_name(folder: Path) -> None:
    (folder / "labels.csv").write_text(f"file_name,label\n{IMAGES[0]},0\n")
    with pytest.raises(EvidenceError, match=r"labels\.csv: 1 images, but imagenet-val has 8"):
        gather(folder).observations("net", "imagenet-val")


def test_evidence_is_read_from_the_store_and_the_same_the_second_time(folder: Path) -> None:
    first = gather(folder).observations("net", "imagenet-val")
    stored = next((folder / "store").rglob("*.parquet"))
    made_at = stored.stat().st_mtime_ns
    second = gather(folder).observations("net", "imagenet-val")
    assert stored.stat().st_mtime_ns == made_at
    assert tables_in(folder) == 1
    for name, values in first.columns.items():
        np.testing.assert_array_equal(second.columns[name], values, err_msg=name)


def test_a_damaged_table_of_the_store_is_made_anew_from_the_source(folder: Path) -> None:
    gather(folder).observations("net", "imagenet-val")
    stored = next((folder / "store").rglob("*.parquet"))
    stored.write_bytes(stored.read_bytes()[:-5])
    said: list[str] = []
    seen = gather(folder, said=said.append).observations("net", "imagenet-val")
    assert seen.column("prediction").tolist() == PREDICTIONS
    assert len(said) == 1


def test_other_bytes_in_the_source_are_other_evidence(folder: Path) -> None:
    before = gather(folder).observations("net", "imagenet-val").column("prediction").tolist()
    state = (folder / "net.csv").stat()
    write_predictions(folder / "net.csv", [4, *PREDICTIONS[1:]])
    os.utime(folder / "net.csv", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (folder / "net.csv").stat().st_size == state.st_size
    after = gather(folder).observations("net", "imagenet-val").column("prediction").tolist()
    assert before == PREDICTIONS
    assert after == [4, *PREDICTIONS[1:]]


def test_the_source_may_move_without_being_read_again(folder: Path) -> None:
    gather(folder).observations("net", "imagenet-val")
    (folder / "net.csv").rename(folder / "moved.csv")
    models = {"other": {**NET, "source": "predictions:moved.csv"}}
    assert gather(folder, models).observations("other", "imagenet-val").column("prediction").tolist() == PREDICTIONS
    assert tables_in(folder) == 1


def test_other_labels_of_the_data_set_are_never_answered_from_the_store(folder: Path) -> None:
    gather(folder).observations("net", "imagenet-val")
    rows = "".join(f"{image},0\n" for image in IMAGES)
    (folder / "labels.csv").write_text("file_name,label\n" + rows)
    assert gather(folder).observations("net", "imagenet-val").column("label").tolist() == [0] * 8


def logits_model(folder: Path) -> dict[str, object]:
    np.save(folder / "net.npy", np.random.default_rng(3).normal(size=(2, 5)))
    np.save(folder / "net.labels.npy", np.asarray([0, 1]))
    (folder / "order.json").write_text('["a", "b"]')
    return {"net": {**ROLE, "source": "predictions:net.npy", "data": ["mine"], "ids": "order.json"}}


MINE = {"mine": {"reader": "tables", "images": 2, "classes": 5}}


def test_other_labels_beside_the_logits_are_other_evidence(folder: Path) -> None:
    models = logits_model(folder)
    assert gather(folder, models, MINE).observations("net", "mine").column("label").tolist() == [0, 1]
    np.save(folder / "net.labels.npy", np.asarray([2, 3]))
    assert gather(folder, models, MINE).observations("net", "mine").column("label").tolist() == [2, 3]


def test_another_order_of_the_rows_is_other_evidence(folder: Path) -> None:
    models = logits_model(folder)
    before = gather(folder, models, MINE).observations("net", "mine")
    (folder / "order.json").write_text('["b", "a"]')
    after = gather(folder, models, MINE).observations("net", "mine")
    assert before.ids.tolist() == after.ids.tolist() == ["a", "b"]
    assert after.column("label").tolist() == [1, 0]
    np.testing.assert_array_equal(after.column("confidence"), before.column("confidence")[::-1])


def test_fewer_classes_are_never_answered_with_predictions_of_more(folder: Path) -> None:
    (folder / "net.csv").write_text("id,prediction,label\na,4,0\nb,1,1\n")
    models = {"net": {**ROLE, "source": "predictions:net.csv", "data": ["mine"]}}
    gather(folder, models, MINE).observations("net", "mine")
    fewer = {"mine": {**MINE["mine"], "classes": 4}}
    with pytest.raises(EvidenceError, match=r"'prediction' out of range 0 … 3"):
        gather(folder, models, fewer).observations("net", "mine")


@pytest.mark.parametrize("stored", [False, True], ids=["at first", "after people's answers were stored"])
def test_no_answer_is_refused_outside_cue_conflict(folder: Path, stored: bool) -> None:
    (folder / "net.csv").write_text("id,prediction,label\ncat1-dog1.png,-1,0\ndog1-cat1.png,1,1\n")
    models = {"net": {**ROLE, "source": "predictions:net.csv", "data": ["mine"]}}
    people = {"mine": {"reader": "cue-conflict", "images": 2, "classes": 16}}
    if stored:
        table = gather(folder, models, people).table("net", "mine")
        assert table.columns["prediction"].tolist() == [-1, 1]
    others = {"mine": {**people["mine"], "reader": "tables"}}
    with pytest.raises(EvidenceError, match=r"net\.csv: 'prediction' out of range 0 … 15"):
        gather(folder, models, others).observations("net", "mine")


def test_cue_conflicts_are_read_from_the_names_and_congruent_images_left_out(folder: Path) -> None:
    rows = [("cat1-dog2.png", "cat"), ("dog1-dog3.png", "dog"), ("dog1-cat1.png", "na")]
    lines = "".join(f"net,1,{answer},x,{name}\n" for name, answer in rows)
    (folder / "net.csv").write_text("subj,session,object_response,category,imagename\n" + lines)
    models = {"net": {**ROLE, "source": "predictions:net.csv", "data": ["cue-conflict"]}}
    data = {"cue-conflict": {"reader": "cue-conflict", "images": 3}}
    seen = gather(folder, models, data).observations("net", "cue-conflict")
    cat, dog = CATEGORIES.index("cat"), CATEGORIES.index("dog")
    assert seen.ids.tolist() == ["cat1-dog2.png", "dog1-cat1.png"]
    assert seen.column("prediction").tolist() == [cat, -1]
    assert seen.column("shape").tolist() == [cat, dog]
    assert seen.column("texture").tolist() == [dog, cat]
    assert seen.clusters == ("shape_source", "texture_source")


def test_tables_without_labels_are_not_measured_where_only_they_could_tell(folder: Path) -> None:
    (folder / "net.csv").write_text("id,prediction\na,4\nb,1\n")
    models = {"net": {**ROLE, "source": "predictions:net.csv", "data": ["mine"]}}
    with pytest.raises(NotMeasuredError, match="mine: the reader 'tables' takes labels from the tables"):
        gather(folder, models, MINE).observations("net", "mine")


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_hash(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


# --- the plan -------------------------------------------------------------------------------------------------------


def test_the_plan_is_the_union_of_needs_with_imagenet_x_served_by_imagenet(folder: Path) -> None:
    models = {"net": {**NET, "data": ["imagenet-val", "imagenet-x"]}, "bare": {**NET, "data": ["imagenet-x"]}}
    cast = gather(folder, models).cast
    needs = [("net", "imagenet-x"), ("net", "imagenet-val"), ("net", "imagenet-x"), ("bare", "imagenet-x")]
    assert plan(cast, needs) == [Unit("bare", "imagenet-x"), Unit("net", "imagenet-val")]
    assert plan(cast, reversed(needs)) == plan(cast, needs)
    assert plan(cast, []) == []


def test_the_plan_leaves_out_what_a_model_has_no_predictions_on(folder: Path) -> None:
    assert plan(gather(folder).cast, [("net", "cue-conflict")]) == []


def test_a_unit_is_located_or_said_to_be_missing_or_wrong(folder: Path) -> None:
    models = {
        "there": NET,
        "absent": {**NET, "source": "predictions:absent.csv"},
        "odd": {**NET, "source": "timm:resnet50"},
    }
    cast = gather(folder, models).cast
    assert Path(locate(cast, Unit("there", "imagenet-val"), folder / "store")).samefile(folder / "net.csv")
    assert locate(cast, Unit("absent", "imagenet-val"), folder / "store").startswith("MISSING: ")
    assert "absent.csv" in locate(cast, Unit("absent", "imagenet-val"), folder / "store")
    assert locate(cast, Unit("odd", "imagenet-val"), folder / "store").startswith("WRONG: ")
