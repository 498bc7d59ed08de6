"""The miniature world on disk: each part written once among all processes, whole or not at all, and verified.

A part exists when its manifest does. It is written aside, its folder renamed into place, then its manifest; to make
one anew, the manifest goes first. So whoever is killed, at whatever point, leaves parts that are whole and parts
that are not there, and rubbish that the next one removes. Only the holder of the world's lock renames and removes;
a process that writes for a holder who was killed can finish nothing, and writes where nobody else does.

Nothing waits for the disk: a machine that loses its power may forget what was written last, and the sizes of the
files tell.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from demeanour.files import cache_root
from demeanour.miniature.cache.manifest import Files, Manifest, damage, files_of, read, write
from demeanour.miniature.cache.processes import Done, results
from demeanour.progress import Progress

MANIFESTS, UNFINISHED = "manifest", ".unfinished"
PATIENCE = 1.0   # seconds that a lock is waited for in silence


@dataclass(frozen=True)
class Part:
    """A part of the world: a folder, and what writes it.

    Attributes:
        name: Its folder within the world, such as ``imagenet/val``; no part lies within another.
        write: Called with an empty folder to write into, the world's folder, where the parts that this one needs
            are, and a function that is told of every few pictures written. Importing what it needs is its own
            business when it is called, so that a world that is there costs no import of torch; for several
            processes it must be a function of a module, or a ``partial`` of one.
        pictures: How many it writes; for those who wait.
        needs: Names of the parts that it is made from.
    """

    name: str
    write: Callable[[Path, Path, Done], None]
    pictures: int
    needs: tuple[str, ...] = ()


def world_folder(size: str, version: str) -> Path:
    """Where the world of a size and version lies in the user's cache, whether it exists or not."""
    return cache_root() / "miniature" / f"{size}-{version}"


def complete(root: Path, parts: Sequence[Part], version: str, tell: Callable[[str], None], workers: int = 1) -> None:
    """Make every part that is not there, is of another version, or has files that are missing, extra or of wrong size.

    Args:
        root: The world's folder; a lock lies beside it.
        parts: All of them.
        version: Of whatever the parts follow from.
        tell: Called with a sentence on what is made, how far it is, and what is waited for.
        workers: How many parts are written at once; more than 1 are processes of their own that share the cores.

    Raises:
        ValueError: If parts contain each other, need each other in a circle or need others, or a part writes nothing.
        OSError: If the disk is full, the folder cannot be written, or a process dies; says where.
        Exception: What the writer of a part raised; the part is not there then, others that were finished are.
    """
    _check(parts)
    if not _wanting(root, parts, version):   # nearly always so, and even where nothing can be written
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    with _alone(root, tell):
        shutil.rmtree(root / UNFINISHED, ignore_errors=True)
        wanting = _wanting(root, parts, version)
        for name, reason in wanting.items():
            if reason:
                tell(f"{root / name} {reason}; it is made anew")
            _remove(root, name)
        try:
            _make(root, [part for part in parts if part.name in wanting], version, tell, workers)
        finally:
            shutil.rmtree(root / UNFINISHED, ignore_errors=True)


def is_complete(root: Path, parts: Sequence[Part], version: str) -> bool:
    """Whether every part is there, as far as the names and sizes of its files tell."""
    recorded = all(_record(root, part.name).exists() for part in parts)   # cheaper than to look at every file
    return recorded and not _wanting(root, parts, version)


def verify(root: Path, parts: Sequence[Part], thorough: bool) -> list[str]:
    """What is wrong with a world: a line for each missing, extra or altered file, and each part that is not there.

    Args:
        root: The world's folder.
        parts: All of them; of whichever version.
        thorough: Read every file and compare its SHA-256; else only its size.
    """
    lines = []
    for part in parts:
        place, manifest = root / part.name, read(_record(root, part.name))
        if manifest is None:
            lines.append(f"{place} is not complete")
        else:
            lines += [f"{place / file} {what}" for file, what in damage(place, manifest, thorough)]
    return lines


def remove(root: Path, tell: Callable[[str], None]) -> None:
    """Remove a world, once nobody else makes it."""
    if not root.exists():
        return
    with _alone(root, tell):
        for folder in (root / MANIFESTS, root):
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)


def _check(parts: Sequence[Part]) -> None:
    names = [part.name for part in parts]
    for part in parts:
        path = PurePosixPath(part.name)
        above = {MANIFESTS, UNFINISHED, *(name for name in names if name != part.name)}
        if names.count(part.name) > 1 or above & {part.name, *map(str, path.parents)}:
            raise ValueError(f"the part '{part.name}' lies within another, or has its name")
        if path.is_absolute() or not path.parts or ".." in path.parts or str(path) != part.name:
            raise ValueError(f"'{part.name}' is no folder of the world")
        if unknown := set(part.needs) - set(names):
            raise ValueError(f"the part '{part.name}' needs {', '.join(sorted(unknown))}, which is no part")


@contextmanager
def _alone(root: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the world's lock, which the system releases when its holder dies."""
    lock = FileLock(root.with_name(f"{root.name}.lock"))
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        tell(f"waiting for another process that makes {root}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _wanting(root: Path, parts: Sequence[Part], version: str) -> dict[str, str]:
    """The parts that must be made, and what is wrong with them: nothing where they are just not there."""
    found = {}
    for part in parts:
        manifest = read(_record(root, part.name))
        if manifest is None:
            found[part.name] = ""
        elif manifest.version != version:
            found[part.name] = "is of another version"
        elif wrong := damage(root / part.name, manifest, thorough=False):
            more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            found[part.name] = f"is damaged ({' '.join(wrong[0])}{more})"
    return found


def _make(root: Path, parts: Sequence[Part], version: str, tell: Callable[[str], None], workers: int) -> None:
    if not parts:
        return
    pictures = sum(part.pictures for part in parts)
    tell(f"making {root}: {len(parts)} data set{'s' if len(parts) > 1 else ''}, {pictures:,} pictures")
    places = {part.name: root / UNFINISHED / uuid.uuid4().hex for part in parts}
    tasks = {part.name: partial(_written, part, root, places[part.name]) for part in parts}
    needs = {part.name: [name for name in part.needs if name in tasks] for part in parts}
    with (
        Progress(pictures, len(parts), tell) as progress,
        closing(results(tasks, needs, workers, progress.add)) as made,
    ):
        for name, files in made:
            _put(root, name, places[name], Manifest(version, files))
            progress.finished(name)


def _written(part: Part, root: Path, folder: Path, done: Done) -> Files:
    """Write a part into a folder of its own; returns its files with their sizes and checksums."""
    with _naming(root / part.name):
        folder.mkdir(parents=True)
        part.write(folder, root, done)
        files = files_of(folder)
    if not files:
        raise ValueError(f"the part '{part.name}' wrote nothing")
    return files


def _put(root: Path, name: str, folder: Path, manifest: Manifest) -> None:
    """Rename a folder into its place, then its manifest, from when on it counts."""
    place, record, aside = root / name, _record(root, name), folder.with_suffix(".json")
    with _naming(place):
        write(aside, manifest)
        for path in (place, record):
            path.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(place)
        aside.rename(record)


@contextmanager
def _naming(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:   # a full disk does not say where it is
        raise OSError(f"{place} cannot be made: {error}") from error


def _remove(root: Path, name: str) -> None:
    _record(root, name).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        shutil.rmtree(root / name)


def _record(root: Path, name: str) -> Path:
    return root / MANIFESTS / f"{name}.json"
