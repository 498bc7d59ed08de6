"""Arrays of evidence: kept bit by bit, whole or not at all, verified on every read; shards of a run that was killed."""

from __future__ import annotations

import errno
import json
import mmap
import os
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

import demeanour
from demeanour.errors import EvidenceError
from demeanour.evidence import arrays as arrays_module
from demeanour.evidence import shards as shards_module
from demeanour.evidence import used as used_module
from demeanour.evidence.arrays import Arrays
from demeanour.evidence.shards import Shards
from demeanour.evidence.store import Store
from demeanour.evidence.table import PredictionTable
from demeanour.statistics.seeds import generator

KEY = "0123abcd"
TOLD = {"model": "net", "data": "imagenet-val", "when": "2026-11-22", "more": [1, 0.1, None, {"œ": True}]}
RNG = generator("arrays of evidence")
CONTENT: dict[str, np.ndarray] = {
    "logits": RNG.normal(size=(7, 5)).astype(np.float16),
    "features": RNG.normal(size=(7, 3)).astype(np.float32),
    "blocks.3-gram": RNG.normal(size=(2, 2, 2)),
    "odd": np.asarray([np.nan, np.inf, -np.inf, -0.0, 6e-8], np.float16),
    "transposed": np.arange(6, dtype=np.int64).reshape(2, 3).T,
    "every_other": np.arange(10, dtype=np.uint8)[::2],
    "swapped": np.arange(3, dtype=">f4"),
    "ids": np.asarray(["a b.JPEG", "œ×", ""]),
    "flags": np.asarray([True, False]),
    "count": np.asarray(7),
    "none": np.empty((0, 5), np.float32),
}


def arrays_at(root: Path) -> tuple[Arrays, list[str]]:
    said: list[str] = []
    return Arrays(root, said.append), said


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].dtype == values.dtype, name
        assert found[name].shape == values.shape, name
        assert found[name].tobytes() == values.tobytes(), name


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(demeanour.__file__).parents[1])}
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], env=environment,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip


# --- the same, bit by bit -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mapped", [False, True], ids=["read", "mapped"])
def test_arrays_come_back_bit_by_bit_and_cannot_be_written_to(tmp_path: Path, mapped: bool) -> None:
    arrays, said = arrays_at(tmp_path)
    arrays.write(KEY, CONTENT, TOLD)
    found = arrays.read(KEY, mapped=mapped)
    assert found is not None
    assert_same(found[0], CONTENT)
    assert found[1] == TOLD
    with pytest.raises(ValueError, match="read-only"):
        found[0]["logits"][0, 0] = 1
    assert said == []


def test_the_files_are_plain_npy_that_anyone_can_open(tmp_path: Path) -> None:
    arrays, _ = arrays_at(tmp_path)
    arrays.write(KEY, CONTENT, TOLD)
    record = json.loads((arrays.folder(KEY) / "manifest.json").read_text(encoding="utf-8"))
    opened = {name: np.load(arrays.folder(KEY) / told["file"]) for name, told in record["arrays"].items()}
    assert_same(opened, CONTENT)
    assert len(list(arrays.folder(KEY).iterdir())) == len(CONTENT) + 1


def test_a_mapped_array_lies_in_the_file_and_is_aligned(tmp_path: Path) -> None:
    arrays, _ = arrays_at(tmp_path)
    features = RNG.normal(size=(5_000, 768)).astype(np.float16)   # 7.7 MB
    arrays.write(KEY, {"features": features}, {})
    tracemalloc.start()
    try:
        found = arrays.read(KEY, mapped=True)
        assert tracemalloc.get_traced_memory()[1] < features.nbytes / 10
        copied = arrays.read(KEY)
        assert tracemalloc.get_traced_memory()[1] < features.nbytes * 1.1
    finally:
        tracemalloc.stop()
    assert found is not None
    assert copied is not None
    assert isinstance(found[0]["features"].base, mmap.mmap)
    assert found[0]["features"].flags.aligned
    shutil.rmtree(arrays.folder(KEY))   # as when it is evicted: whoever has it mapped keeps it
    np.testing.assert_array_equal(found[0]["features"], copied[0]["features"])


def test_other_arrays_of_a_key_replace_those_it_had(tmp_path: Path) -> None:
    arrays, said = arrays_at(tmp_path)
    arrays.write(KEY, CONTENT, TOLD)
    arrays.write("other", CONTENT, TOLD)
    arrays.write(KEY, {"logits": CONTENT["features"]}, {"model": "new"})
    found = arrays.read(KEY)
    assert found is not None
    assert_same(found[0], {"logits": CONTENT["features"]})
    assert found[1] == {"model": "new"}
    assert len(list(arrays.folder(KEY).iterdir())) == 2
    kept = arrays.read("other")
    assert kept is not None
    assert_same(kept[0], CONTENT)
    assert said == []


def test_what_was_never_written_is_none_without_a_word(tmp_path: Path) -> None:
    arrays, said = arrays_at(tmp_path / "missing")
    assert arrays.read(KEY) is None
    assert said == []
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize(
    ("content", "told", "message"),
    [
        ({"x": np.asarray([object()])}, {}, "'x' holds object"),
        ({"x": np.asarray([1j])}, {}, "'x' holds complex128"),
        ({"x": np.zeros(1, [("a", "f4")])}, {}, "'x' holds"),
        ({"../x": np.zeros(1)}, {}, r"'\.\./x' is no name"),
        ({"": np.zeros(1)}, {}, "'' is no name"),
        ({"x": np.zeros(1)}, {"lr": float("nan")}, "not JSON compliant"),
    ],
    ids=["objects", "complex", "records", "a way out", "no name", "a manifest with a NaN"],
)
def test_what_cannot_be_kept_as_it_is_is_refused_and_nothing_written(
    tmp_path: Path, content: dict[str, np.ndarray], told: dict[str, object], message: str
) -> None:
    arrays, _ = arrays_at(tmp_path)
    with pytest.raises(ValueError, match=message):
        arrays.write(KEY, {"fine": np.zeros(2), **content}, told)
    assert list(tmp_path.iterdir()) == []


# --- damage ---------------------------------------------------------------------------------------------------------

TWO = {"a": np.arange(6, dtype=np.float32), "b": np.arange(4, dtype=np.int16)}


def written(root: Path) -> tuple[Arrays, list[str], list[Path]]:
    """Two arrays; their files and the manifest."""
    arrays, said = arrays_at(root)
    arrays.write(KEY, TWO, TOLD)
    return arrays, said, sorted(arrays.folder(KEY).iterdir())


def assert_made_anew(arrays: Arrays, said: list[str], told: str) -> None:
    """What is damaged is nothing, is told of, and can be made anew; nothing of it is left."""
    for mapped in (False, True):
        said.clear()
        assert arrays.read(KEY, mapped=mapped) is None
        assert len(said) == 1
        assert told in said[0]
        assert "made anew" in said[0]
    said.clear()
    arrays.write(KEY, {"c": np.ones(3)}, {})
    found = arrays.read(KEY)
    assert found is not None
    assert_same(found[0], {"c": np.ones(3)})
    assert len(list(arrays.folder(KEY).iterdir())) == 2
    assert said == []


@pytest.mark.parametrize("which", [0, 1, 2], ids=["the first array", "the last array", "the manifest"])
@pytest.mark.parametrize("keep", [0, 1, 100, -1], ids=["nothing", "1 byte", "100 bytes", "all but 1"])
def test_a_truncated_file_is_noticed(tmp_path: Path, which: int, keep: int) -> None:
    arrays, said, files = written(tmp_path)
    files[which].write_bytes(files[which].read_bytes()[:keep])
    assert_made_anew(arrays, said, str(files[which]))


@pytest.mark.parametrize("which", [0, 1], ids=["the first array", "the last array"])
def test_any_flipped_bit_of_an_array_s_file_is_noticed(tmp_path: Path, which: int) -> None:
    arrays, said, files = written(tmp_path)
    content = files[which].read_bytes()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        files[which].write_bytes(flipped)
        assert arrays.read(KEY) is None, place
    assert said == [f"{files[which]} was altered; it is made anew"] * len(content)
    assert_made_anew(arrays, said, str(files[which]))


def test_no_flipped_bit_of_the_manifest_gives_something_else(tmp_path: Path) -> None:
    arrays, said, files = written(tmp_path)
    content = files[2].read_bytes()
    places = range(0, len(content), 3)
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        files[2].write_bytes(flipped)
        told = len(said)
        found = arrays.read(KEY)
        assert (found is None) == (len(said) > told), place
        if found is not None:   # white space that became other white space
            assert_same(found[0], TWO)
            assert found[1] == TOLD
    assert len(said) > len(places) * 0.8


@pytest.mark.parametrize("which", [0, 1])
def test_a_missing_array_is_noticed(tmp_path: Path, which: int) -> None:
    arrays, said, files = written(tmp_path)
    files[which].unlink()
    assert_made_anew(arrays, said, f"{files[which]} is missing")


def test_arrays_without_their_manifest_were_never_written(tmp_path: Path) -> None:
    arrays, said, files = written(tmp_path)
    files[2].unlink()
    assert arrays.read(KEY) is None
    assert said == []


def test_arrays_that_changed_places_are_noticed(tmp_path: Path) -> None:
    arrays, said = arrays_at(tmp_path)
    arrays.write(KEY, {"a": np.zeros(4), "b": np.ones(4)}, {})
    first, second, _ = sorted(arrays.folder(KEY).iterdir())
    first.write_bytes(second.read_bytes())
    assert_made_anew(arrays, said, f"{first} was altered")


def test_the_arrays_of_another_key_are_no_answer(tmp_path: Path) -> None:
    arrays, said = arrays_at(tmp_path)
    arrays.write("other", TWO, TOLD)
    arrays.folder("other").rename(arrays.folder(KEY))
    assert_made_anew(arrays, said, "was damaged or not ours")


@pytest.mark.parametrize("text", ["", "{}", "[]", "7", "null", "PK\x03\x04", '{"content": 1}', '{"arrays": {}}'])
def test_a_foreign_manifest_is_no_answer(tmp_path: Path, text: str) -> None:
    arrays, said, files = written(tmp_path)
    files[2].write_text(text)
    assert_made_anew(arrays, said, "was damaged or not ours")


def test_the_layout_of_another_version_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays, said, _ = written(tmp_path)
    monkeypatch.setattr(arrays_module, "VERSION", arrays_module.VERSION + 1)
    assert_made_anew(arrays, said, "was damaged or not ours")


def test_a_file_in_the_place_of_the_folder_is_told_of(tmp_path: Path) -> None:
    arrays, said = arrays_at(tmp_path)
    (tmp_path / "arrays").mkdir()
    arrays.folder(KEY).write_text("in the way")
    assert arrays.read(KEY) is None
    assert "cannot be read (Not a directory)" in said[0]
    with pytest.raises(OSError, match=f"{KEY} cannot be written"):
        arrays.write(KEY, TWO, TOLD)


# --- failures while writing -----------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    arrays, _ = arrays_at(tmp_path / "file" / "cache")
    with pytest.raises(OSError, match=r"file/cache/arrays/0123abcd cannot be written: .*Not a directory"):
        arrays.write(KEY, TWO, TOLD)


class FullDisk:
    """A disk that is full when a number of files were written, in the middle of the next one."""

    def __init__(self, files: int) -> None:
        self.left = files

    @contextmanager
    def whole_file(self, path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
        with GENUINE(path, durable=durable) as file:
            if self.left == 0:
                file.write(b"half")
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.left -= 1
            yield file


GENUINE = arrays_module.whole_file


@pytest.mark.parametrize("before", [False, True], ids=["nothing was there", "something was there"])
@pytest.mark.parametrize("files", [0, 1, 2], ids=["first array", "second array", "manifest"])
def test_a_full_disk_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, before: bool
) -> None:
    arrays, said = arrays_at(tmp_path)
    if before:
        arrays.write(KEY, TWO, TOLD)
    state = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"}
    with monkeypatch.context() as patch:
        disk = FullDisk(files)
        patch.setattr(arrays_module, "whole_file", disk.whole_file)
        patch.setattr("demeanour.files.whole_file", disk.whole_file)   # by which the manifest is written
        with pytest.raises(OSError, match=rf"arrays/{KEY} cannot be written: .*No space left on device"):
            arrays.write(KEY, {"a": np.ones(5), "b": np.zeros(5)}, {})
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"}
    assert after == state
    assert (arrays.read(KEY) is not None) == before
    assert said == []
    assert arrays.folder(KEY).exists() == before


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from demeanour.evidence.arrays import Arrays
from demeanour.evidence.shards import Shards

root = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))   # the system refuses what is beyond
for write in (Arrays(root).write, lambda key, arrays, _: Shards(root, key).put(1, arrays)):
    try:
        write("0123abcd", {"a": np.ones(10), "b": np.ones((1000, 100))}, {})
    except OSError as error:
        print(error)
"""


def test_a_file_that_the_system_refuses_to_let_grow_leaves_nothing_of_it(tmp_path: Path) -> None:
    arrays, said, files = written(tmp_path)
    Shards(tmp_path, KEY).put(0, TWO)
    process = start(LIMITED, tmp_path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    first, second = out.splitlines()
    assert f"arrays/{KEY} cannot be written: " in first
    assert "File too large" in first
    assert f"partial/{KEY}/000001.shard cannot be written: " in second
    assert sorted(arrays.folder(KEY).iterdir()) == files
    assert [path.name for path in Shards(tmp_path, KEY).folder.iterdir()] == ["000000.shard"]
    found = arrays.read(KEY)
    assert found is not None
    assert_same(found[0], TWO)
    assert Shards(tmp_path, KEY).done() == {0}
    assert said == []


# --- several processes, and killed ones -----------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from demeanour.evidence.arrays import Arrays

root, what, calls = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
genuine = getattr(Path, what)

def fatal(self, *arguments, **options):
    global calls
    if "0123abcd" in str(self.parent) + "/" + self.name and not self.name.endswith(".lock"):
        if calls == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        calls -= 1
    return genuine(self, *arguments, **options)

setattr(Path, what, fatal)
Arrays(root).write("0123abcd", {"a": np.ones(6), "b": np.zeros(4)}, {"model": "new"})
"""


@pytest.mark.parametrize(
    ("what", "calls", "state"),
    [
        ("open", 0, "old"), ("replace", 0, "old"), ("replace", 1, "old"), ("replace", 2, "old"), ("iterdir", 0, "new"),
        ("unlink", 0, "old"), ("unlink", 2, "new"),
    ],
    ids=["first array open", "first array whole", "second array whole", "manifest whole", "manifest in place",
         "first array in place", "manifest in place, not tidied"],
)  # fmt: skip
def test_a_writer_that_is_killed_leaves_the_old_state_or_the_new_one(
    tmp_path: Path, what: str, calls: int, state: str
) -> None:
    arrays, said, _ = written(tmp_path)
    process = start(KILLED, tmp_path, what, calls)
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, err
    found = arrays.read(KEY)
    assert found is not None
    assert_same(found[0], TWO if state == "old" else {"a": np.ones(6), "b": np.zeros(4)})
    assert found[1] == (TOLD if state == "old" else {"model": "new"})
    arrays.write(KEY, TWO, TOLD)   # the lock is free, and what was left behind goes
    assert len(list(arrays.folder(KEY).iterdir())) == 3
    assert said == []


WRITER = """
import sys
from pathlib import Path
import numpy as np
from demeanour.evidence.arrays import Arrays

arrays, first = Arrays(Path(sys.argv[1])), int(sys.argv[2])
for number in range(first, first + int(sys.argv[3])):
    arrays.write("0123abcd", {"a": np.full((100, 500), number), "b": np.full(7, number)}, {"number": number})
    print(number, flush=True)
"""


def state_of(arrays: Arrays) -> int | None:
    """The number that a state consists of; None where a writer was between the manifest and the arrays."""
    found = arrays.read(KEY)
    if found is None:
        return None
    number = found[1]["number"]
    assert_same(found[0], {"a": np.full((100, 500), number), "b": np.full(7, number)})
    return int(number)


def test_writers_that_are_killed_at_any_time_leave_something_whole(tmp_path: Path) -> None:
    arrays, said = arrays_at(tmp_path)
    arrays.write(KEY, {"a": np.full((100, 500), 0), "b": np.full(7, 0)}, {"number": 0})
    delays = generator("killed writers").uniform(0, 0.03, size=3)
    for turn, delay in enumerate(delays, 1):
        process = start(WRITER, tmp_path, turn * 100_000, 100_000)
        assert process.stdout is not None
        last = int(process.stdout.readline())
        time.sleep(float(delay))
        process.kill()
        last = int((process.communicate(timeout=60)[0].split() or [last])[-1])
        assert state_of(arrays) in (last, last + 1)
    assert said == []


def test_processes_that_write_the_same_key_at_once_leave_one_state_and_no_more(tmp_path: Path) -> None:
    arrays, said = arrays_at(tmp_path)
    writers = [start(WRITER, tmp_path, turn * 100, 8) for turn in range(1, 4)]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        seen.add(state_of(arrays))
        time.sleep(0.01)
    assert [writer.communicate(timeout=60)[1] for writer in writers] == [""] * 3
    said.clear()   # of arrays that were replaced between the reading of the manifest and of them
    assert state_of(arrays) in (107, 207, 307)
    assert len(list(arrays.folder(KEY).iterdir())) == 3
    assert said == []


# --- use ------------------------------------------------------------------------------------------------------------


def a_table() -> PredictionTable:
    return PredictionTable(np.asarray(["a", "b"]), {"prediction": np.asarray([4, 2])})


def aged(path: Path, seconds: float) -> float:
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path.stat().st_mtime


def test_reading_is_noted_by_the_time_of_change_unless_that_is_recent(tmp_path: Path) -> None:
    arrays, _, files = written(tmp_path)
    store = Store(tmp_path)
    store.table(KEY, {}, a_table)
    store.text("pictures", KEY, lambda: "<svg/>")
    reads: dict[Path, Callable[[], Any]] = {
        files[2]: lambda: arrays.read(KEY),
        store.path(KEY): lambda: store.table(KEY, {}, a_table),
        tmp_path / "pictures" / f"{KEY}.txt": lambda: store.text("pictures", KEY, lambda: "<svg/>"),
    }
    for path, read in reads.items():
        recent = aged(path, used_module.FRESH - 60)
        read()
        assert path.stat().st_mtime == recent, path
        aged(path, used_module.FRESH + 60)
        read()
        assert time.time() - path.stat().st_mtime < 60, path


def test_a_use_that_cannot_be_noted_is_no_reason_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays, said, files = written(tmp_path)
    old = aged(files[2], 10_000)

    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(used_module.os, "utime", read_only)
    assert arrays.read(KEY) is not None
    assert files[2].stat().st_mtime == old
    assert said == []


# --- shards ---------------------------------------------------------------------------------------------------------


def shards_at(root: Path, key: str = KEY) -> tuple[Shards, list[str]]:
    said: list[str] = []
    return Shards(root, key, {"model": "net"}, said.append), said


def rows(shard: int, images: int = 4) -> dict[str, np.ndarray]:
    ids = np.asarray([f"{shard}-{image}" for image in range(images)])
    return {"logits": np.full((images, 3), shard, np.float16), "ids": ids}


def test_shards_are_resumed_joined_in_order_and_dropped(tmp_path: Path) -> None:
    shards, said = shards_at(tmp_path)
    assert shards.done() == set()
    for shard in (2, 0, 10):
        shards.put(shard, rows(shard))
    resumed, _ = shards_at(tmp_path)
    assert resumed.done() == {0, 2, 10}
    found = resumed.get(2)
    assert found is not None
    assert_same(found, rows(2))
    assert resumed.get(1) is None
    with pytest.raises(EvidenceError, match=r"000001\.shard is missing; 3 shards were to be joined"):
        resumed.joined(3)
    resumed.put(1, rows(1, images=2))
    joined = resumed.joined(3)
    assert joined["logits"].dtype == np.float16
    assert joined["logits"][:, 0].tolist() == [0] * 4 + [1] * 2 + [2] * 4
    assert joined["ids"].tolist() == [*rows(0)["ids"], *rows(1)["ids"][:2], *rows(2)["ids"]]
    resumed.drop()
    assert resumed.done() == set()
    assert not resumed.folder.exists()
    resumed.drop()
    assert said == []


def test_a_shard_keeps_every_kind_of_array_bit_by_bit(tmp_path: Path) -> None:
    shards, _ = shards_at(tmp_path)
    shards.put(0, CONTENT)
    found = shards.get(0)
    assert found is not None
    assert_same(found, CONTENT)


def test_shards_of_different_keys_do_not_meet(tmp_path: Path) -> None:
    (one, _), (two, said) = shards_at(tmp_path), shards_at(tmp_path, "other")
    one.put(0, rows(0))
    assert two.done() == set()
    shutil.copytree(one.folder, two.folder)
    assert two.done() == set()
    assert "was damaged or not ours" in said[0]
    one.drop()
    assert two.folder.exists()


def test_the_manifest_of_shards_may_hold_what_json_writes_otherwise(tmp_path: Path) -> None:
    shards = Shards(tmp_path, KEY, {"sizes": (1, 2), "numbers": {1: "one"}}, pytest.fail)
    shards.put(0, TWO)
    assert shards.done() == {0}
    assert shards_module.manifest_of(shards.folder) == {"sizes": [1, 2], "numbers": {"1": "one"}}


@pytest.mark.parametrize("keep", [0, 10, 200, -1], ids=["nothing", "10 bytes", "200 bytes", "all but 1"])
def test_a_truncated_shard_is_not_done(tmp_path: Path, keep: int) -> None:
    shards, said = shards_at(tmp_path)
    for shard in range(3):
        shards.put(shard, rows(shard))
    path = shards.folder / "000001.shard"
    path.write_bytes(path.read_bytes()[:keep])
    assert shards.done() == {0, 2}
    assert said == [f"{path} was damaged or not ours; it is made anew"]
    assert shards.get(1) is None
    with pytest.raises(EvidenceError, match="000001"):
        shards.joined(3)
    shards.put(1, rows(1))
    assert shards.done() == {0, 1, 2}


def test_no_flipped_bit_of_a_shard_gives_something_else(tmp_path: Path) -> None:
    shards, said = shards_at(tmp_path)
    shards.put(0, TWO)
    path = shards.folder / "000000.shard"
    content = path.read_bytes()
    places = range(0, len(content), 3)
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        assert shards.get(0) is None, place
    assert len(said) == len(places)


def test_a_shard_under_another_s_number_or_a_foreign_file_is_not_done(tmp_path: Path) -> None:
    shards, said = shards_at(tmp_path)
    shards.put(0, rows(0))
    shutil.copy(shards.folder / "000000.shard", shards.folder / "000001.shard")
    (shards.folder / "000002.shard").write_text("[]\n")
    (shards.folder / "notes.shard").write_text("mine")
    assert shards.done() == {0}
    assert len(said) == 2


def test_shards_that_do_not_belong_together_are_not_joined(tmp_path: Path) -> None:
    shards, _ = shards_at(tmp_path)
    shards.put(0, {"logits": np.zeros((2, 3), np.float16)})
    for other in ({"logits": np.zeros((2, 3), np.float32)}, {"logits": np.zeros((2, 4), np.float16)},
                  {"features": np.zeros((2, 3), np.float16)}, {}):  # fmt: skip
        shards.put(1, other)
        with pytest.raises(EvidenceError, match=r"000001\.shard holds other arrays than the first"):
            shards.joined(2)


def test_wrong_shards_are_refused(tmp_path: Path) -> None:
    shards, _ = shards_at(tmp_path)
    with pytest.raises(ValueError, match="-1 is no number of a shard"):
        shards.put(-1, TWO)
    with pytest.raises(ValueError, match="'x' holds object"):
        shards.put(0, {"x": np.asarray([object()])})
    assert not shards.folder.exists()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"file/partial/0123abcd/000000\.shard cannot be written"):
        Shards(tmp_path / "file", KEY).put(0, TWO)


EVALUATOR = """
import os, signal, sys
from pathlib import Path
import numpy as np
from demeanour.evidence.shards import Shards

root, fatal = Path(sys.argv[1]), int(sys.argv[2])
shards = Shards(root, "0123abcd")
genuine = Path.replace

def replace(self, target):
    if target.name == f"{fatal:06d}.shard":
        os.kill(os.getpid(), signal.SIGKILL)   # the whole of it is written, but not in its place
    return genuine(self, target)

Path.replace = replace
for shard in sorted(set(range(4)) - shards.done()):
    print(shard, flush=True)
    shards.put(shard, {"logits": np.full((2, 3), shard, np.float16)})
"""


def test_a_killed_evaluation_repeats_the_shard_in_flight_and_no_other(tmp_path: Path) -> None:
    computed = []
    for fatal in (0, 2, 3, 9):
        process = start(EVALUATOR, tmp_path, fatal)
        out, err = process.communicate(timeout=60)
        assert process.returncode == (0 if fatal == 9 else -signal.SIGKILL), err
        computed.append([int(line) for line in out.split()])
    assert computed == [[0], [0, 1, 2], [2, 3], [3]]
    shards, said = shards_at(tmp_path)
    assert shards.joined(4)["logits"][:, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert said == []
