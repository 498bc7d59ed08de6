"""``demeanour miniature`` as a user calls it, with a world of a few small files in place of the true one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

import demeanour.miniature
from demeanour.cli import main
from demeanour.miniature.cache.parts import Part, complete, world_folder
from tests.miniature.toy_world import VERSION, toy_parts, tree, write_to_a_full_disk
from tests.suite_run import ROOT


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the small world of size quick will be."""
    toy = ModuleType("world")
    toy.VERSION = VERSION
    toy.parts = lambda size: {"quick": toy_parts()[1:], "full": toy_parts()}[size]
    monkeypatch.setattr(demeanour.miniature, "world", toy, raising=False)
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path))
    return tmp_path / "miniature" / f"quick-{VERSION}"


def test_it_makes_the_world_once_and_prints_its_folder_and_nothing_else(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["miniature"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{world}\n"
    assert f"making {world}: 2 data sets, 7 pictures" in err
    assert (world / "imagenet" / "val" / "class0" / "0000.JPEG").stat().st_size == 600
    assert main(["miniature"]) == 0
    assert capsys.readouterr() == (f"{world}\n", "")


def test_where_makes_nothing(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["miniature", "--where", "--size", "full"]) == 0
    assert capsys.readouterr() == (f"{tmp_path / 'miniature' / 'full-abc'}\n", "")
    assert list(tmp_path.iterdir()) == []


def test_sizes_have_folders_of_their_own(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["miniature", "--size", "full"]) == 0
    assert (tmp_path / "miniature" / "full-abc" / "imagenet-c").is_dir()
    assert not world.exists()
    with pytest.raises(SystemExit):
        main(["miniature", "--size", "huge"])
    with pytest.raises(SystemExit):
        main(["miniature", "--where", "--remove"])


def test_verify_names_damage_that_only_reading_finds_and_its_remedy_works(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["miniature", "--verify"]) == 11
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{world / 'imagenet' / 'val'} is not complete" in err
    assert not world.exists()

    assert main(["miniature"]) == 0
    assert main(["miniature", "--verify"]) == 0
    before = tree(world)
    path = world / "vtab" / "dots-count" / "train.bin"
    path.write_bytes(path.read_bytes()[::-1])
    capsys.readouterr()
    assert main(["miniature", "--verify"]) == 11
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"{path} was altered",
        "delete the files named, and run `demeanour miniature --size quick`: it makes them anew",
    ]
    path.unlink()
    assert main(["miniature", "--size", "quick"]) == 0
    assert tree(world) == before


def test_remove_removes_this_size_and_what_earlier_versions_left(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    complete(world.with_name("quick-old"), toy_parts(), "old", lambda text: None)
    for size in ("quick", "full"):
        assert main(["miniature", "--size", size]) == 0
    capsys.readouterr()
    assert main(["miniature", "--remove"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [f"{world} is removed", f"{world.with_name('quick-old')} is removed"]
    assert [path.name for path in world.parent.iterdir() if path.is_dir()] == ["full-abc"]
    assert main(["miniature", "--remove"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full")
def test_a_full_disk_is_told_in_a_sentence(
    world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = (*toy_parts()[1:], Part("imagenet-a", write_to_a_full_disk, 9))
    monkeypatch.setattr(demeanour.miniature.world, "parts", lambda size: parts)
    assert main(["miniature"]) == 12
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == f"{world / 'imagenet-a'} cannot be made: [Errno 28] No space left on device"
    assert not (world / "imagenet-a").exists()
    assert not (world / ".unfinished").exists()


def test_a_cache_in_a_place_that_cannot_be_is_told_in_a_sentence(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "file"))
    assert main(["miniature"]) == 12
    out, err = capsys.readouterr()
    assert out == ""
    assert str(tmp_path / "file") in err


IMPORTS = """
import sys
from demeanour.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print(code, sorted({"torch", "timm", "open_clip", "PIL"} & set(sys.modules)))
"""


def imports_of(*arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


def test_help_imports_no_torch() -> None:
    assert imports_of("--help") == "0 []"
    assert imports_of("miniature", "--help") == "0 []"


def test_a_true_world_that_is_complete_imports_no_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true = pytest.importorskip("demeanour.miniature.world")
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path))
    hollow = [replace(part, write=toy_parts()[1].write) for part in true.parts("quick")]
    folder = world_folder("quick", true.VERSION)
    complete(folder, hollow, true.VERSION, lambda text: None)
    assert imports_of("miniature") == "0 []"
    assert imports_of("miniature", "--verify") == "0 []"
