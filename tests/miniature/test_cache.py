"""The miniature world on disk: made once, whole or not at all, whoever is killed and whatever is broken."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from demeanour.evidence.store import Store
from demeanour.files import cache_root
from demeanour.miniature.cache import parts as cache
from demeanour.miniature.cache.parts import Part, complete, remove, verify, world_folder
from tests.miniature import toy_world
from tests.miniature.toy_world import VERSION, toy_parts, tree
from tests.suite_run import ROOT

PARTS = toy_parts()
VAL = "imagenet/val"


def never(folder: Path, root: Path, done: Callable[[int], None]) -> None:
    raise AssertionError("made again although it was there")


def untouchable(*names: str) -> list[Part]:
    """The parts, of which some must not be written."""
    return [replace(part, write=never) if part.name in names else part for part in PARTS]


def quiet(text: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a complete world."""
    root = tmp_path_factory.mktemp("reference") / "world"
    complete(root, PARTS, VERSION, quiet)
    return tree(root)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A complete world."""
    complete(tmp_path / "world", PARTS, VERSION, quiet)
    return tmp_path / "world"


# --- a world --------------------------------------------------------------------------------------------------------


def test_a_world_is_its_parts_and_their_manifests_and_nothing_else(world: Path, reference: dict[str, bytes]) -> None:
    names = {name.split(".json")[0].removeprefix("manifest/") for name in reference if name.startswith("manifest")}
    assert names == {part.name for part in PARTS}
    assert sorted(path.name for path in world.iterdir()) == ["imagenet", "imagenet-c", "manifest", "vtab"]
    assert verify(world, PARTS, thorough=True) == []
    assert tree(world) == reference
    assert len(reference) == 3 + 4 + 4 + 1


def test_a_manifest_has_the_size_and_checksum_that_other_tools_find(world: Path) -> None:
    record = json.loads((world / "manifest" / "imagenet" / "val.json").read_text())
    assert record["version"] == VERSION
    assert list(record["files"]) == sorted(record["files"])
    for file, (size, digest) in record["files"].items():
        told = subprocess.run(["sha256sum", str(world / VAL / file)], capture_output=True, text=True, check=True)
        assert told.stdout.split()[0] == digest
        assert (world / VAL / file).stat().st_size == size == 600


def test_a_complete_world_is_left_alone_even_where_nothing_can_be_written(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a complete world needs no lock")

    monkeypatch.setattr(cache, "FileLock", refuse)
    complete(world, untouchable(*(part.name for part in PARTS)), VERSION, pytest.fail)


def test_what_a_part_needs_is_there_before_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    complete(tmp_path / "world", toy_parts(log), VERSION, quiet)
    words = log.read_text().split()
    assert sorted(words) == ["dark", "dots", "val"]
    assert words.index("val") < words.index("dark")


def test_progress_names_each_part_and_counts_pictures(tmp_path: Path) -> None:
    said: list[str] = []
    complete(tmp_path / "world", PARTS, VERSION, said.append)
    assert said[0] == f"making {tmp_path / 'world'}: 3 data sets, 11 pictures"
    assert [line.split(" is made ")[0] for line in said[1:]] == [VAL, "vtab/dots-count", "imagenet-c"]
    assert "(3 of 3); 11 of 11 pictures" in said[-1]


def test_the_world_lies_in_the_cache_that_evidence_is_kept_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert world_folder("quick", "v").parent.parent == Store.default().root
    for value in (str(tmp_path / "elsewhere"), "~/here", ""):
        monkeypatch.setenv("DEMEANOUR_CACHE", value)
        assert cache_root() == Store.default().root
    assert world_folder("full", "1f") == cache_root() / "miniature" / "full-1f"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([("a",), ("a",)], "has its name"), ([("a",), ("a-b",), ("a/b",)], "'a/b' lies within"),
        ([("manifest/a",)], "lies within"), ([("/a",)], "no folder"), ([("../a",)], "no folder"),
        ([("a//b",)], "no folder"), ([(".",)], "no folder"), ([("",)], "no folder"),
        ([("a", "b")], "needs b, which is no part"), ([("a", "b"), ("b", "a")], "cycle"), ([("a", "a")], "cycle"),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("workers", [1, 2])
def test_parts_that_make_no_world_are_refused(
    tmp_path: Path, parts: list[tuple[str, ...]], message: str, workers: int
) -> None:
    with pytest.raises(ValueError, match=message):
        complete(tmp_path / "w", [Part(name, never, 1, tuple(needs)) for name, *needs in parts], "", quiet, workers)
    assert not (tmp_path / "w").exists()


# --- damage ---------------------------------------------------------------------------------------------------------

ONE = "class0/0002.JPEG"


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


DAMAGE = {
    "is missing": Path.unlink,
    "has 599 bytes instead of 600": shorten,
    "has 0 bytes instead of 600": lambda path: path.write_bytes(b""),
    "does not belong there": lambda path: path.with_name("0002.png").write_bytes(b""),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_named_and_its_part_alone_is_made_anew(
    world: Path, reference: dict[str, bytes], what: str
) -> None:
    DAMAGE[what](world / VAL / ONE)
    damaged = ONE.replace("JPEG", "png") if "belong" in what else ONE
    for thorough in (False, True):
        assert verify(world, PARTS, thorough) == [f"{world / VAL / damaged} {what}"]
    said: list[str] = []
    complete(world, untouchable("imagenet-c", "vtab/dots-count"), VERSION, said.append)
    assert said[0] == f"{world / VAL} is damaged ({damaged} {what}); it is made anew"
    assert tree(world) == reference


def test_an_altered_byte_is_found_by_reading_and_mended_by_deleting_the_file(
    world: Path, reference: dict[str, bytes]
) -> None:
    path = world / VAL / ONE
    content = bytearray(path.read_bytes())
    content[77] ^= 1
    path.write_bytes(content)
    assert verify(world, PARTS, thorough=False) == []
    assert verify(world, PARTS, thorough=True) == [f"{path} was altered"]
    path.unlink()
    complete(world, PARTS, VERSION, quiet)
    assert tree(world) == reference


def test_several_damages_are_all_named_and_counted(world: Path) -> None:
    shutil.rmtree(world / VAL / "class1")
    (world / "vtab" / "dots-count" / "more").mkdir()
    (world / "vtab" / "dots-count" / "more" / "x").write_bytes(b"x")
    assert verify(world, PARTS, thorough=True) == [
        f"{world}/vtab/dots-count/more/x does not belong there",
        *(f"{world}/{VAL}/class1/000{number}.JPEG is missing" for number in (1, 3)),
    ]
    said: list[str] = []
    complete(world, PARTS, VERSION, said.append)
    assert f"{world / VAL} is damaged (class1/0001.JPEG is missing and 1 more); it is made anew" in said
    assert verify(world, PARTS, thorough=True) == []


def test_a_part_that_was_deleted_is_made_anew(world: Path, reference: dict[str, bytes]) -> None:
    shutil.rmtree(world / "imagenet")
    assert len(verify(world, PARTS, thorough=True)) == 4
    complete(world, untouchable("imagenet-c", "vtab/dots-count"), VERSION, quiet)
    assert tree(world) == reference


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"version": "abc"}', '{"version": "abc", "files": {"a": 1}}', None], ids=str
)
def test_a_part_without_a_legible_manifest_is_not_there(
    world: Path, reference: dict[str, bytes], text: str | None
) -> None:
    manifest = world / "manifest" / f"{VAL}.json"
    manifest.unlink() if text is None else manifest.write_text(text)
    assert verify(world, PARTS, thorough=True) == [f"{world / VAL} is not complete"]
    complete(world, untouchable("imagenet-c", "vtab/dots-count"), VERSION, quiet)
    assert tree(world) == reference


def test_parts_of_another_version_are_made_anew_and_said_so(world: Path) -> None:
    said: list[str] = []
    complete(world, PARTS, "abd", said.append)
    assert [line for line in said if "anew" in line] == [
        f"{world / part.name} is of another version; it is made anew" for part in PARTS
    ]
    complete(world, untouchable(*(part.name for part in PARTS)), "abd", pytest.fail)


def test_a_world_that_is_removed_is_gone_and_can_be_made_again(world: Path, reference: dict[str, bytes]) -> None:
    remove(world, pytest.fail)
    assert not world.exists()
    remove(world, pytest.fail)
    complete(world, PARTS, VERSION, quiet)
    assert tree(world) == reference


# --- failures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_a_writer_that_raises_leaves_nothing_half_made_and_is_asked_again(
    tmp_path: Path, reference: dict[str, bytes], workers: int
) -> None:
    root = tmp_path / "world"
    failing = partial(toy_world.write_half_and_raise, LookupError("no such luck"))
    parts = [replace(part, write=failing) if part.name == VAL else part for part in PARTS]
    parts[1] = replace(parts[1], pictures=9)
    with pytest.raises(LookupError, match="no such luck"):
        complete(root, parts, VERSION, quiet, workers)
    assert multiprocessing.active_children() == []
    assert set(tree(root)) <= {"vtab/dots-count/train.bin", "manifest/vtab/dots-count.json"}
    assert not (root / cache.UNFINISHED).exists()
    complete(root, PARTS, VERSION, quiet, workers)
    assert tree(root) == reference


def test_a_failure_keeps_the_parts_that_were_finished_and_damage_does_not_come_back(world: Path) -> None:
    (world / VAL / ONE).unlink()
    failing = partial(toy_world.write_half_and_raise, LookupError("no such luck"))
    parts = [replace(part, write=failing if part.name == VAL else never) for part in PARTS]
    with pytest.raises(LookupError):
        complete(world, parts, VERSION, quiet)
    assert verify(world, PARTS, thorough=True) == [f"{world / VAL} is not complete"]
    assert not (world / VAL).exists()


def test_an_error_of_another_process_says_where_it_was_raised(tmp_path: Path) -> None:
    failing = partial(toy_world.write_half_and_raise, LookupError("no such luck"))
    with pytest.raises(LookupError) as told:
        complete(tmp_path / "world", [Part("a", failing, 1)], VERSION, quiet, workers=2)
    assert "in write_half_and_raise" in told.value.__notes__[0]


def test_an_error_that_cannot_travel_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"in raise_unportable(?s:.)*Unportable: this and that"):
        complete(tmp_path / "world", [Part("a", toy_world.raise_unportable, 1)], VERSION, quiet, workers=2)


def test_a_process_that_dies_is_an_error_and_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(ChildProcessError, match=f"made {VAL} died with exit code 7"):
        complete(tmp_path / "world", [Part(VAL, toy_world.die, 1)], VERSION, quiet, workers=2)
    assert tree(tmp_path / "world") == {}


def test_a_part_that_wrote_nothing_is_not_taken_for_made(tmp_path: Path) -> None:
    root, part = tmp_path / "world", Part("a", toy_world.write_nothing, 4)
    with pytest.raises(ValueError, match="'a' wrote nothing"):
        complete(root, [part], VERSION, quiet)
    assert verify(root, [part], thorough=False) == [f"{root / 'a'} is not complete"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_an_error_that_says_what_it_struck(tmp_path: Path, workers: int) -> None:
    root = tmp_path / "world"
    with pytest.raises(OSError, match=rf"^{root}/a cannot be made: .*No space left"):
        complete(root, [Part("a", toy_world.write_to_a_full_disk, 1)], VERSION, quiet, workers)
    assert tree(root) == {}


def test_a_full_disk_under_the_manifest_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, manifest: object) -> None:
        path.write_text("{")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "write", full)
    with pytest.raises(OSError, match=rf"^{tmp_path}/world/{VAL} cannot be made: .*No space left"):
        complete(tmp_path / "world", PARTS, VERSION, quiet)
    assert tree(tmp_path / "world") == {}


def test_a_cache_that_cannot_be_written_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match=str(tmp_path / "file")):
        complete(tmp_path / "file" / "world", PARTS, VERSION, quiet)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_stops_everything_and_leaves_nothing_half_made(
    tmp_path: Path, reference: dict[str, bytes], workers: int
) -> None:
    root = tmp_path / "world"

    def interrupt(text: str) -> None:
        if f"{VAL} is made" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        complete(root, PARTS, VERSION, interrupt, workers)
    assert multiprocessing.active_children() == []
    assert not (root / cache.UNFINISHED).exists()
    assert "imagenet-c/0000.JPEG" not in tree(root)
    complete(root, untouchable(VAL), VERSION, quiet)
    assert tree(root) == reference


# --- several processes ----------------------------------------------------------------------------------------------


def test_two_processes_write_what_one_writes(tmp_path: Path, reference: dict[str, bytes]) -> None:
    log, said = tmp_path / "log", []
    complete(tmp_path / "world", toy_parts(log), VERSION, said.append, workers=2)
    assert tree(tmp_path / "world") == reference
    assert sorted(log.read_text().split()) == ["dark", "dots", "val"]
    assert "11 of 11 pictures" in said[-1]
    assert multiprocessing.active_children() == []


MAKER = """
import sys
from pathlib import Path
from demeanour.miniature.cache.parts import complete
from tests.miniature.toy_world import VERSION, toy_parts

if __name__ == "__main__":
    root, log, pause, workers = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    print("ready", flush=True)
    sys.stdin.readline()
    complete(root, toy_parts(log, pause), VERSION, lambda text: print(text, flush=True), workers)
"""

HOLDER = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


def start(code: str, *arguments: object, word: str) -> subprocess.Popen[str]:
    """A process of its own group that has come as far as to say a word."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], text=True, cwd=ROOT, start_new_session=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        # whoever started the tests in the background has them ignore interrupts, and what they start
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().strip() == word
    return process


def go(maker: subprocess.Popen[str]) -> None:
    assert maker.stdin is not None
    maker.stdin.write("\n")
    maker.stdin.flush()


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.002)


def test_processes_that_want_the_same_world_at_once_make_it_once(
    tmp_path: Path, reference: dict[str, bytes]
) -> None:
    root, log = tmp_path / "world", tmp_path / "log"
    makers = [start(MAKER, root, log, 0.02, workers, word="ready") for workers in (1, 1, 2)]
    for maker in makers:
        go(maker)
    output = [maker.communicate(timeout=120)[0] for maker in makers]
    assert [maker.returncode for maker in makers] == [0, 0, 0], output
    assert sorted(log.read_text().split()) == ["dark", "dots", "val"]
    assert tree(root) == reference


def test_a_lock_is_waited_for_and_said_so_until_its_holder_dies(
    tmp_path: Path, reference: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "PATIENCE", 0.05)
    root = tmp_path / "world"
    holder = start(HOLDER, tmp_path / "world.lock", word="held")
    said: list[str] = []
    waiter = threading.Thread(target=complete, args=(root, PARTS, VERSION, said.append))
    try:
        waiter.start()
        wait_for(lambda: bool(said))
        assert said == [f"waiting for another process that makes {root}"]
        assert not root.exists()
    finally:
        holder.kill()
        holder.communicate(timeout=120)
        waiter.join(timeout=120)
    assert tree(root) == reference


def test_a_world_that_another_process_has_made_meanwhile_is_not_made_again(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = itertools.count()
    genuine = cache._wanting
    monkeypatch.setattr(cache, "_wanting", lambda *given: {VAL: ""} if next(looks) == 0 else genuine(*given))
    complete(world, untouchable(*(part.name for part in PARTS)), VERSION, pytest.fail)
    assert next(looks) == 2


# --- kill -9 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("workers", "moment"), [(1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 2)])
def test_a_process_killed_at_any_moment_costs_only_the_parts_that_it_was_at(
    tmp_path: Path, reference: dict[str, bytes], workers: int, moment: int
) -> None:
    root, log = tmp_path / "world", tmp_path / "log"
    maker = start(MAKER, root, log, 0.05, workers, word="ready")
    go(maker)
    wait_for(log.exists)
    time.sleep(random.uniform(0, 0.1) + 0.1 * moment)
    maker.send_signal(signal.SIGKILL)
    maker.communicate(timeout=120)   # ends when the last process that has its output ends
    assert maker.returncode in (0, -signal.SIGKILL)
    left = verify(root, PARTS, thorough=True)
    finished = [part.name for part in PARTS if not any(line.startswith(f"{root / part.name} ") for line in left)]
    assert left == [f"{root / part.name} is not complete" for part in PARTS if part.name not in finished]
    complete(root, untouchable(*finished), VERSION, quiet)
    assert tree(root) == reference


def test_an_interrupt_from_the_terminal_ends_all_processes(tmp_path: Path, reference: dict[str, bytes]) -> None:
    root, log = tmp_path / "world", tmp_path / "log"
    maker = start(MAKER, root, log, 0.4, 2, word="ready")
    go(maker)
    wait_for(lambda: log.exists() and len(log.read_text().split()) == 2)
    os.killpg(maker.pid, signal.SIGINT)
    output, _ = maker.communicate(timeout=120)
    assert maker.returncode != 0
    assert output.count("KeyboardInterrupt") == 1
    assert not (root / cache.UNFINISHED).exists()
    complete(root, PARTS, VERSION, quiet)
    assert tree(root) == reference


EVERYWHERE = """
import itertools, json, os, shutil, signal, sys
from pathlib import Path
from demeanour.miniature.cache import parts as cache
from tests.miniature.toy_world import VERSION, toy_parts, tree

start, root, log = map(Path, sys.argv[1:])
names = [part.name for part in toy_parts()]
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "toy.half")

def make(last):
    seen = 0
    def hook(event, arguments):
        nonlocal seen
        writes = event == "open" and arguments[2] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR)
        if writes or event in CHANGES:
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    cache.complete(root, toy_parts(), VERSION, lambda text: None)

for last in itertools.count(1):
    shutil.rmtree(root, ignore_errors=True)
    if start.exists():
        shutil.copytree(start, root)
    child = os.fork()
    if child == 0:
        make(last)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    left = cache.verify(root, toy_parts(), thorough=True)
    sound = [name for name in names if not cache._wanting(root, [p for p in toy_parts() if p.name == name], VERSION)]
    log.write_text("")
    cache.complete(root, toy_parts(log), VERSION, lambda text: None)
    print(json.dumps({"status": status, "left": left, "sound": sound, "made": log.read_text().split(),
                      "after": cache.verify(root, toy_parts(), thorough=True),
                      "files": {name: len(content) for name, content in tree(root).items()}}))
    if status == 0:
        break
"""

WORDS = {"dark": "imagenet-c", "dots": "vtab/dots-count", "val": VAL}


@pytest.mark.parametrize("state", ["nothing", "damaged and of another version"])
def test_a_process_killed_before_any_change_of_the_disk_does_no_harm(
    tmp_path: Path, reference: dict[str, bytes], state: str
) -> None:
    """Once for each file or folder that is made, renamed or removed: the process is killed just before."""
    origin, root = tmp_path / "origin", tmp_path / "world"
    damage = []
    if state != "nothing":
        complete(origin, PARTS, VERSION, quiet)
        manifest = origin / "manifest" / "imagenet-c.json"
        manifest.write_text(manifest.read_text().replace(VERSION, "another"))
        (origin / VAL / ONE).unlink()
        (origin / VAL / "x").touch()
        damage = [line.replace("origin", "world", 1) for line in verify(origin, PARTS, thorough=True)]
        assert len(damage) == 2
    process = start(EVERYWHERE.replace("for last", "print('ready', flush=True)\nfor last"), origin, root,
                    tmp_path / "log", word="ready")  # fmt: skip
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    *killed, finished = map(json.loads, output.splitlines())
    assert finished["status"] == 0
    assert finished["made"] == []
    assert len(killed) > 25   # folders, files and renames of three parts
    for one in killed:
        assert one["status"] == signal.SIGKILL
        assert set(one["left"]) <= {*damage, *(f"{root / part.name} is not complete" for part in PARTS)}
        assert sorted([*one["sound"], *(WORDS[word] for word in one["made"])]) == sorted(WORDS.values())
        assert one["after"] == []
        assert one["files"] == {name: len(content) for name, content in reference.items()}
    assert {len(one["sound"]) for one in killed} >= ({0, 1, 2} if state == "nothing" else {1, 2})
