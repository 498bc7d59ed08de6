"""What lies in the folder of evidence: listed, verified, removed, and kept below a limit."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from demeanour.cli import main
from demeanour.datasets.pictures.manifest import content_hashes
from demeanour.errors import ThresholdsError
from demeanour.evidence import housekeeping
from demeanour.evidence.arrays import Arrays
from demeanour.evidence.housekeeping import Entry, cache_limit, damage, entries, evict, remove
from demeanour.evidence.shards import Shards
from demeanour.evidence.store import Store
from demeanour.evidence.table import PredictionTable
from demeanour.models.description import Description, Request
from demeanour.models.remembered import remember
from demeanour.views.geometry import Preprocessing

HOUR, DAY = 3600, 86400
WORLD = "miniature/quick-0123/imagenet/val/n00000001/1.JPEG"


def told(model: str, data: str = "imagenet-val") -> dict[str, object]:
    return {"model": model, "data": data, "view": "plain", "numerics": "fp32"}


def a_table(rows: int = 3) -> PredictionTable:
    return PredictionTable(np.asarray([f"{row:04d}" for row in range(rows)]), {"prediction": np.arange(rows)})


def aged(root: Path, age: float, *paths: str) -> None:
    """As if what is below some paths had last been used a number of seconds ago."""
    then = time.time() - age
    for path in (root / name for name in paths):
        for file in [*path.rglob("*"), path]:
            os.utime(file, (then, then))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with something of every kind, and the miniature world beside it."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("DEMEANOUR_CACHE", str(folder))
    monkeypatch.delenv("DEMEANOUR_CACHE_LIMIT", raising=False)
    store, arrays = Store(folder, pytest.fail), Arrays(folder, pytest.fail)
    store.table("aa01", told("ViT-sup", "imagenet-r"), a_table)
    store.table("aa02", told("ConvNeXt-sup"), a_table)
    arrays.write("bb01", {"logits": np.zeros((50, 10), np.float16)}, told("ViT-sup"))
    Shards(folder, "cc01", told("ViT-clip"), pytest.fail).put(0, {"logits": np.zeros((5, 10), np.float16)})
    store.text("decisions", "dd01", lambda: "holds")
    store.text("pictures", "ee01", lambda: "<svg/>")
    store.text("sizes", "ef01", lambda: "[[64, 64]]")
    (folder / "failures").mkdir()
    (folder / "failures" / "ff01.json").write_text('{"reason": "no memory"}')
    head(folder, "ab01")
    remember(Request("timm:resnet18"), NETWORK, folder)
    (folder / "pictures-of-a-set").mkdir()
    (folder / "pictures-of-a-set" / "1.JPEG").write_bytes(b"a picture")
    content_hashes(folder / "pictures-of-a-set", ["1.JPEG"], folder)
    (folder / WORLD).parent.mkdir(parents=True)
    (folder / WORLD).write_bytes(b"a picture")
    (folder / "drawn").mkdir()
    (folder / "drawn" / "table.csv").write_text("id,prediction\n")
    return folder


def head(folder: Path, key: str) -> None:
    """A zero-shot head, its checksum beside it."""
    (folder / "heads").mkdir()
    np.save(folder / "heads" / f"{key}.npy", np.ones((4, 3), np.float32))
    digest = hashlib.sha256((folder / "heads" / f"{key}.npy").read_bytes()).hexdigest()
    (folder / "heads" / f"{key}.json").write_text(json.dumps({"sha256": digest, "parts": {}}))
    (folder / "heads" / f"{key}.lock").touch()


NETWORK = Description("0f", "supervised", Preprocessing(256, "bilinear", 224, (0, 0, 0), (1, 1, 1)), 1000, 7, ())


def keys(found: list[Entry]) -> list[str]:
    """The keys of evidence; the kind of what is remembered of networks and pictures, whose keys are not ours."""
    return [entry.kind if entry.kind in ("models", "manifests") else entry.key for entry in found]


ALL = ["bb01", "dd01", "ff01", "ab01", "manifests", "models", "cc01", "ee01", "aa01", "aa02", "ef01"]   # by kind, key


def nothing_else_is_gone(root: Path) -> bool:
    return (root / WORLD).read_bytes() == b"a picture" and (root / "drawn" / "table.csv").exists()


# --- what is there --------------------------------------------------------------------------------------------------


def test_evidence_of_every_kind_is_found_with_all_its_bytes_and_nothing_else(root: Path) -> None:
    found = dict(zip(ALL, entries(root), strict=True))
    assert keys(list(found.values())) == ALL
    folders = [entry.files[0].parent.name for entry in found.values()]
    assert folders == [entry.kind for entry in found.values()]
    assert found["ab01"].files == (root / "heads" / "ab01.json", root / "heads" / "ab01.npy")
    for entry in found.values():
        files = [file for path in entry.files for file in (path, *path.rglob("*")) if file.is_file()]
        assert entry.size == sum(len(file.read_bytes()) for file in files) > 0
        assert time.time() - entry.used < 60


def test_what_was_being_written_when_its_writer_was_killed_is_partial(root: Path) -> None:
    (root / "predictions" / ".aa07.parquet.0f.part").write_bytes(b"PAR1")
    (root / "arrays" / "bb07").mkdir()
    (root / "arrays" / "bb07" / "logits-00.npy").write_bytes(b"half")
    found = {entry.key: entry for entry in entries(root) if entry.kind == "partial"}
    assert list(found) == ["aa07", "bb07", "cc01"]
    assert [entry.size for entry in found.values()][:2] == [4, 4]
    assert [damage(entry) for entry in found.values()] == [None] * 3
    assert all(remove(entry, root) for entry in found.values())
    assert keys(entries(root)) == [key for key in ALL if key != "cc01"]


def test_a_missing_cache_has_no_evidence(tmp_path: Path) -> None:
    assert entries(tmp_path / "missing") == []
    assert evict(tmp_path / "missing", 0) == []
    assert list(tmp_path.iterdir()) == []


# --- eviction -------------------------------------------------------------------------------------------------------


@pytest.fixture
def old(root: Path) -> Path:
    """The cache, its evidence last used some days ago: pictures first, then decisions, predictions, arrays."""
    for days, path in enumerate(["arrays", "failures", "partial", "predictions", "decisions", "pictures", "heads"], 1):
        aged(root, days * DAY - HOUR, path)   # the shards 3 days, the head 7: less than a week
    aged(root, 2 * DAY, "models", "manifests", "sizes")
    return root


def size(root: Path) -> int:
    return sum(entry.size for entry in entries(root))


def size_of(root: Path, key: str) -> int:
    return next(entry.size for entry in entries(root) if keys([entry]) == [key])


def test_within_the_limit_nothing_is_removed(old: Path) -> None:
    assert evict(old, size(old)) == []
    assert keys(entries(old)) == ALL


def test_what_was_used_longest_ago_goes_first_and_what_is_small_and_dear_last(old: Path) -> None:
    evicted = evict(old, 0, pytest.fail)
    assert keys(evicted)[:2] == ["ee01", "dd01"]
    assert set(keys(evicted)[2:4]) == {"aa01", "aa02"}
    assert keys(evicted)[4:8] == ["cc01", "ff01", "bb01", "ab01"]
    assert set(keys(evicted)[8:]) == {"models", "manifests", "ef01"}
    assert entries(old) == []
    assert nothing_else_is_gone(old)


def test_no_more_is_removed_than_the_limit_asks_for(old: Path) -> None:
    limit = size(old) - size_of(old, "ee01") - size_of(old, "dd01")
    assert keys(evict(old, limit + 1)) == ["ee01", "dd01"]
    assert size(old) == limit
    assert evict(old, limit) == []
    assert keys(evict(old, limit - 1)) in (["aa01"], ["aa02"])


def test_use_counts_not_age(old: Path) -> None:
    store = Store(old, pytest.fail)
    for key in ("aa01", "aa02"):
        store.table(key, {}, pytest.fail)
    store.text("pictures", "ee01", pytest.fail)
    Arrays(old, pytest.fail).read("bb01")
    evicted = evict(old, 0)
    assert keys(evicted)[:4] == ["dd01", "cc01", "ff01", "ab01"]   # the others were used within the hour
    assert keys(entries(old)) == ["bb01", "ee01", "aa01", "aa02"]


def test_what_was_never_finished_goes_first_when_it_is_older_than_a_week(old: Path) -> None:
    (old / "predictions" / ".aa07.parquet.0f.part").write_bytes(b"PAR1")
    aged(old, 8 * DAY, "predictions/.aa07.parquet.0f.part")
    aged(old, 9 * DAY, "pictures")
    Shards(old, "cc02").put(0, {"logits": np.zeros(9)})
    aged(old, 8 * DAY - HOUR, "partial/cc02")
    assert keys(evict(old, 0))[:4] == ["aa07", "cc02", "ee01", "dd01"]


def test_what_was_used_within_the_hour_stays_whatever_the_limit(root: Path) -> None:
    aged(root, HOUR - 60, *housekeeping.KINDS)
    assert evict(root, 0) == []
    aged(root, HOUR + 60, "pictures")
    assert keys(evict(root, 0)) == ["ee01"]


def test_a_shard_that_is_added_keeps_the_others(old: Path) -> None:
    Shards(old, "cc01").put(1, {"logits": np.zeros((5, 10), np.float16)})
    assert "cc01" not in keys(evict(old, 0))
    assert Shards(old, "cc01", notice=pytest.fail).done() == {0, 1}


HOLDER = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def hold() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Another process that holds a lock."""
    holders = []

    def held(lock: Path) -> subprocess.Popen[str]:
        holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE, text=True)
        holders.append(holder)
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        return holder

    yield held
    for holder in holders:
        holder.kill()
        holder.communicate(timeout=30)


def test_what_another_process_holds_a_lock_of_stays_until_that_dies(
    old: Path, hold: Callable[[Path], subprocess.Popen[str]]
) -> None:
    holder = hold(old / "predictions" / "aa01.lock")
    assert set(keys(evict(old, 0))) == set(ALL) - {"aa01"}
    holder.kill()
    holder.wait(timeout=30)
    assert keys(evict(old, 0)) == ["aa01"]


def test_shards_stay_as_long_as_some_evaluator_is_at_work(
    old: Path, hold: Callable[[Path], subprocess.Popen[str]]
) -> None:
    (old / "locks").mkdir()
    (old / "locks" / "host-cuda.lock").touch()   # nobody holds it any more
    holder = hold(old / "locks" / "host-cpu.lock")
    assert set(keys(evict(old, 0))) == set(ALL) - {"cc01"}
    assert main(["evidence", "rm", "--all"]) == 0
    assert keys(entries(old)) == ["cc01"]
    holder.kill()
    holder.wait(timeout=30)
    assert keys(evict(old, 0)) == ["cc01"]


def test_a_lock_protects_whatever_has_its_key(old: Path) -> None:
    Store(old).text("pictures", "aa02", lambda: "<svg/>")
    aged(old, 2 * DAY, "pictures/aa02.txt")
    for folder in ("predictions", "locks"):
        (old / folder).mkdir(exist_ok=True)
        with FileLock(old / folder / "aa02.lock"):   # in this very process
            evict(old, 0)
        assert [entry.kind for entry in entries(old)] == ["pictures", "predictions"]
    assert keys(evict(old, 0)) == ["aa02", "aa02"]


def test_what_cannot_be_removed_is_told_and_the_others_go(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine, said = Path.unlink, []

    def unlink(self: Path, missing_ok: bool = False) -> None:
        if self.name == "aa01.parquet":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        genuine(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    assert set(keys(evict(old, 0, said.append))) == set(ALL) - {"aa01"}
    assert said == [f"{old / 'predictions' / 'aa01.parquet'} cannot be removed: Read-only file system"]


def test_two_that_evict_at_once_do_not_mind_each_other(old: Path) -> None:
    found = entries(old)
    evict(old, 0)
    assert all(remove(entry, old) for entry in found)


def test_evicted_evidence_is_made_anew_without_a_word(old: Path) -> None:
    evict(old, 0)
    made = Store(old, pytest.fail).table("aa01", told("ViT-sup"), a_table)
    assert len(made) == 3
    assert Arrays(old, pytest.fail).read("bb01") is None
    assert Shards(old, "cc01", notice=pytest.fail).done() == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50GB", 50_000_000_000), ("50 gb", 50_000_000_000), ("1.5TB", 1_500_000_000_000), ("2GiB", 2 * 1024**3),
        ("800mib", 800 * 1024**2), ("7kB", 7000), ("12B", 12), ("4096", 4096), ("0", 0), ("", None), ("  ", None),
    ],
)  # fmt: skip
def test_the_limit_is_a_size_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: int | None
) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE_LIMIT", text)
    assert cache_limit() == expected


@pytest.mark.parametrize("text", ["fifty", "50 G B", "-1GB", "50XB", "GB", "1e9", "nan", "50G", "1,5GB", "ib"])
def test_another_limit_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE_LIMIT", text)
    with pytest.raises(ThresholdsError, match=f"DEMEANOUR_CACHE_LIMIT is '{text}'; expected a size such as 50GB"):
        cache_limit()
    assert main(["evidence", "ls"]) == 12


# --- ls -------------------------------------------------------------------------------------------------------------


def test_evidence_is_listed_by_model_and_data_with_its_sizes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aged(root, 3 * DAY, "predictions/aa01.parquet")
    assert main(["evidence", "ls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.split("  +", lines[0]) == ["model", "data", "view", "numerics", "kind", "key", "size", "last used"]
    rows = [re.split("  +", line) for line in lines[1:5]]
    assert [(row[0], row[1], row[4]) for row in rows] == [
        ("ConvNeXt-sup", "imagenet-val", "predictions"), ("ViT-clip", "imagenet-val", "partial"),
        ("ViT-sup", "imagenet-r", "predictions"), ("ViT-sup", "imagenet-val", "arrays"),
    ]  # fmt: skip
    assert [row[-1] for row in rows] == ["just now", "just now", "3 days ago", "just now"]
    assert [line.partition(":")[0] for line in lines[5:9]] == ["decisions", "failures", "heads", "manifests"]
    assert "decisions: 1, 70 B" in lines   # 64 of a checksum, the end of a line, 5 of text
    assert lines[-1] == f"11 pieces of evidence, {size(root) / 1000:.1f} kB, in {root}"


def test_evidence_is_listed_for_machines(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE_LIMIT", "1MB")
    assert main(["evidence", "ls", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["root"], content["limit"], content["size"]) == (str(root), 1_000_000, size(root))
    assert content["size"] == sum(one["size"] for one in content["evidence"])
    assert len(content["evidence"]) == len(ALL)
    one = next(one for one in content["evidence"] if one["key"] == "bb01")
    assert {name: one[name] for name in ("kind", "model", "data", "view", "numerics")} == {
        "kind": "arrays", **told("ViT-sup"),
    }  # fmt: skip
    assert one["files"] == [str(root / "arrays" / "bb01")]


def test_evidence_of_some_models_is_listed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evidence", "ls", "ViT-sup", "ViT-clip"]) == 0
    out = capsys.readouterr().out
    assert "3 pieces of evidence" in out
    assert "ConvNeXt-sup" not in out
    assert main(["evidence", "ls", "ViT-supp"]) == 12
    assert "holds no evidence of the model 'ViT-supp'; did you mean 'ViT-sup'?" in capsys.readouterr().err


def test_the_limit_stands_beside_the_total(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMEANOUR_CACHE_LIMIT", "50GB")
    main(["evidence", "ls"])
    assert " of at most 50.0 GB, in " in capsys.readouterr().out


@pytest.mark.parametrize("there", [False, True], ids=["missing", "empty"])
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ls"], "holds no evidence"), (["ls", "--json"], '"evidence": []'), (["verify"], "0 verified"),
        (["rm", "--all"], "nothing to remove"), (["rm", "--damaged"], "nothing to remove"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_cache_without_evidence_is_no_reason_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], says: str, there: bool,
) -> None:  # fmt: skip
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "cache"))
    if there:
        (tmp_path / "cache" / "predictions").mkdir(parents=True)
    assert main(["evidence", *arguments]) == 0
    assert says in capsys.readouterr().out
    assert (tmp_path / "cache").exists() == there


def test_a_file_in_the_place_of_the_cache_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "file"))
    assert main(["evidence", "ls"]) == 12
    assert "Not a directory" in capsys.readouterr().err


# --- verify ---------------------------------------------------------------------------------------------------------


def test_intact_evidence_is_verified(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aged(root, DAY, *housekeeping.KINDS)
    before = {entry.key: entry.used for entry in entries(root)}
    assert main(["evidence", "verify"]) == 0
    assert capsys.readouterr().out == f"10 verified in {root}: none damaged; 1 have no checksum\n"
    assert {entry.key: entry.used for entry in entries(root)} == before   # to verify is not to use


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda content: content[:-1],
    "emptied": lambda _: b"",
    "flipped": lambda content: content[: len(content) // 2] + bytes([content[len(content) // 2] ^ 1])
    + content[len(content) // 2 + 1 :],
    "foreign": lambda _: b"something else",
}  # fmt: skip
DAMAGED = {
    "predictions/aa01.parquet": "aa01", "arrays/bb01/logits-*.npy": "bb01", "arrays/bb01/manifest.json": "bb01",
    "partial/cc01/000000.shard": "cc01", "decisions/dd01.txt": "dd01", "pictures/ee01.txt": "ee01",
    "heads/ab01.npy": "ab01", "models/*.json": "models", "manifests/*.parquet": "manifests",
    "sizes/ef01.txt": "ef01",
}  # fmt: skip


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("file", DAMAGED)
def test_damaged_evidence_is_named_and_nothing_else(
    root: Path, capsys: pytest.CaptureFixture[str], file: str, how: str
) -> None:
    path = next(root.glob(file))
    content = DAMAGES[how](path.read_bytes())
    for key, value in (("aa01", b"0001"), ("manifests", b"1.JPEG"), ("models", b"bilinear")):
        if (how, DAMAGED[file]) == ("flipped", key):   # a value, not what lies beside it
            assert value in path.read_bytes()
            content = path.read_bytes().replace(value, value[:-1] + b"9")
    path.write_bytes(content)
    assert main(["evidence", "verify"]) == 11
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(str(path))
    assert "1 damaged" in lines[1]
    assert "demeanour evidence rm --damaged" in err
    assert main(["evidence", "rm", "--damaged"]) == 0
    assert keys(entries(root)) == [key for key in ALL if key != DAMAGED[file]]
    assert main(["evidence", "verify"]) == 0


@pytest.mark.parametrize("name", ["predictions/notes.txt", "pictures/ee02.svg", "decisions/dd02.txt"])
def test_foreign_files_among_evidence_are_named(root: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (root / name).write_text("not ours")
    assert main(["evidence", "verify"]) == 11
    assert f"{root / name} was damaged or not ours" in capsys.readouterr().out


def test_a_missing_array_and_evidence_under_another_key_are_named(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    next(root.glob("arrays/bb01/logits-*")).unlink()
    (root / "predictions" / "aa02.parquet").rename(root / "predictions" / "aa03.parquet")
    (root / "pictures" / "ee01.txt").rename(root / "pictures" / "ee02.txt")
    assert main(["evidence", "verify"]) == 11
    out = capsys.readouterr().out
    assert "is missing" in out
    for key in ("bb01", "aa03", "ee02"):
        assert key in out
    assert "3 damaged" in out


# --- rm -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("criteria", "gone"),
    [
        (["--model", "ViT-sup"], {"aa01", "bb01"}),
        (["--data", "imagenet-val"], {"aa02", "bb01", "cc01"}),
        (["--model", "ViT-sup", "--data", "imagenet-val"], {"bb01"}),
        (["--model", "ViT-clip", "--data", "imagenet-r"], set()),
        (["--older-than", "4d"], {"dd01", "ee01", "ab01"}),
        (["--older-than", "1w"], set()),
        (["--older-than", "3.5d", "--model", "ViT-sup"], {"aa01"}),
        (["--damaged"], set()),
        (["--all"], set(ALL)),
    ],
    ids=lambda value: " ".join(sorted(value)),   # the same in every worker
)
@pytest.mark.parametrize("dry", [True, False], ids=["dry run", "for good"])
def test_what_all_criteria_apply_to_is_removed_and_nothing_else(
    old: Path, capsys: pytest.CaptureFixture[str], criteria: list[str], gone: set[str], dry: bool
) -> None:
    freed = sum(size_of(old, key) for key in gone)
    assert main(["evidence", "rm", *criteria, *(["--dry-run"] if dry else [])]) == 0
    assert set(keys(entries(old))) == (set(ALL) if dry else set(ALL) - gone)
    last = capsys.readouterr().out.splitlines()[-1]
    if not gone:
        assert last == f"nothing to remove in {old}"
    else:
        amount = f"{freed} B" if freed < 999.5 else f"{freed / 1000:.1f} kB"
        word = "piece" if len(gone) == 1 else "pieces"
        assert last == f"{'would remove' if dry else 'removed'} {len(gone)} {word} of evidence, {amount}"
    assert nothing_else_is_gone(old)


@pytest.mark.parametrize(
    ("criteria", "message"),
    [
        ([], "say what to remove: --all, or some of --model, --data, --older-than, --damaged"),
        (["--dry-run"], "say what to remove"),
        (["--all", "--model", "ViT-sup"], "--all with other criteria; say what to remove"),
        (["--all", "--damaged"], "--all with other criteria"),
        (["--model", "ViT-supp"], "holds no evidence of the model 'ViT-supp'; did you mean 'ViT-sup'?"),
        (["--data", "imagenet"], "holds no evidence of the data 'imagenet'; did you mean 'imagenet-r'?"),
        (["--older-than", "month"], "--older-than month: expected an age such as 30d"),
        (["--older-than", "30"], "--older-than 30: expected an age"),
        (["--older-than", ""], "expected an age"),
        (["--model", ""], "holds no evidence of the model ''"),
    ],
)
def test_without_a_clear_criterion_nothing_is_removed(
    old: Path, capsys: pytest.CaptureFixture[str], criteria: list[str], message: str
) -> None:
    assert main(["evidence", "rm", *criteria]) == 12
    assert message in capsys.readouterr().err
    assert keys(entries(old)) == ALL


def test_what_is_in_use_stays_and_is_named(
    old: Path, capsys: pytest.CaptureFixture[str], hold: Callable[[Path], subprocess.Popen[str]]
) -> None:
    hold(old / "predictions" / "aa01.lock")
    assert main(["evidence", "rm", "--model", "ViT-sup"]) == 0
    out, err = capsys.readouterr()
    assert f"{old / 'predictions' / 'aa01.parquet'} stays: another process uses it" in err
    assert "removed 1 piece of evidence" in out
    assert "aa01" in keys(entries(old))


def test_what_cannot_be_removed_is_an_error(
    old: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "unlink", read_only)
    assert main(["evidence", "rm", "--data", "imagenet-r"]) == 12
    out, err = capsys.readouterr()
    assert f"{old / 'predictions' / 'aa01.parquet'} cannot be removed: Read-only file system" in err
    assert out.splitlines()[-1] == "removed 0 pieces of evidence, 0 B"
    assert keys(entries(old)) == ALL


def test_a_remover_that_stops_half_way_leaves_nothing_that_is_damaged(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    entry = next(entry for entry in entries(old) if entry.key == "bb01")
    with monkeypatch.context() as patch:
        patch.setattr(housekeeping.shutil, "rmtree", stopped)
        with pytest.raises(KeyboardInterrupt):
            remove(entry, old)
    assert main(["evidence", "verify"]) == 0
    assert Arrays(old, pytest.fail).read("bb01") is None
    with FileLock(old / "arrays" / "bb01.lock", timeout=0):
        pass


def test_a_link_is_removed_and_not_what_it_leads_to(old: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "manifest.json").write_text("{}")
    (old / "arrays" / "bb09").symlink_to(tmp_path / "elsewhere")
    entry = next(entry for entry in entries(old) if entry.key == "bb09")
    assert remove(entry, old)
    assert "bb09" not in keys(entries(old))
    assert (tmp_path / "elsewhere" / "manifest.json").exists()
