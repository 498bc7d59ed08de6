"""Where evidence comes from: paths of a cast, the file of a model's predictions, the size of a data set."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demeanour.datasets.catalogue import PUBLISHED
from demeanour.datasets.imagenet_x import ANNOTATIONS, PROTOTYPES
from demeanour.errors import EvidenceError, NotMeasuredError, did_you_mean
from demeanour.evidence.drawn import drawn_folder
from demeanour.findings.cards import HUB, DataCard, ModelCard

MINIATURE = "miniature:"
_ENDINGS = (".parquet", ".csv", ".npz", ".npy")


def expand(text: str, base: Path, store: Path) -> Path:
    """A path of a cast: ``${VARIABLES}`` replaced, relative to the cast's folder.

    Args:
        text: The path; ``drawn:PATH`` lies in the drawn cast's folder, which is made if need be, ``miniature:PATH`` in
            the miniature world and ``hf-datasets:ORG/NAME`` among what was downloaded, whether that is there or not.
        base: The cast's folder.
        store: The folder of evidence.

    Raises:
        NotMeasuredError: A variable is not set, or the drawn cast cannot be written.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if not os.environ.get(name):
            alike = did_you_mean(name, os.environ)
            hint = alike if alike.startswith("did you mean") else "set it to the folder that holds the files"
            raise NotMeasuredError(f"the environment variable {name} is not set; {hint}")
        return os.environ[name]

    if text.startswith("drawn:"):
        try:
            return drawn_folder(store) / text.removeprefix("drawn:")
        except OSError as error:
            raise NotMeasuredError(f"the drawn predictions cannot be written: {error}; see DEMEANOUR_CACHE") from error
    if text.startswith(HUB):
        return store / "datasets" / text.removeprefix(HUB).replace("/", "--")
    if text.startswith(MINIATURE):
        return miniature_folder() / text.removeprefix(MINIATURE)
    path = Path(re.sub(r"\$\{(\w+)\}", value, text)).expanduser()
    if path.is_absolute():
        return path
    # what a variable holds is meant from where the command runs, what the cast says from where the cast lies
    return (Path.cwd() if text.startswith("${") else base).joinpath(path).resolve()


def miniature_folder() -> Path:
    """Where the miniature world lies."""
    from demeanour.miniature.cache.parts import world_folder  # which knows all solids: other casts pay nothing
    from demeanour.miniature.world import VERSION

    return world_folder("quick", VERSION)


def miniature_is_drawn() -> bool:
    """Whether all of the miniature world is there, as far as the names and sizes of its files tell."""
    from demeanour.miniature import world
    from demeanour.miniature.cache.parts import is_complete

    return is_complete(miniature_folder(), world.parts("quick"), world.VERSION)


@contextmanager
def drawn_first(root: str | None) -> Iterator[None]:
    """Within, what is missing of the miniature world is told as not drawn, not by where the original is to be had.

    Args:
        root: As a data set's card has it.

    Raises:
        NotMeasuredError: What is raised within; in other words where the root lies in the world, which is not drawn.
    """
    try:
        yield
    except NotMeasuredError as error:
        if isinstance(error, EvidenceError) or not (root or "").startswith(MINIATURE) or miniature_is_drawn():
            raise
        raise NotMeasuredError(
            f"'{root}' is not there: a run draws the miniature world first, and it was not drawn to its end; "
            "`demeanour miniature` tries it again and says what hinders it"
        ) from error


def source_file(card: ModelCard, data: str, base: Path, store: Path) -> Path:
    """The file with a model's predictions on a data set.

    Raises:
        NotMeasuredError: A variable is not set, or the file or folder is missing.
        EvidenceError: The source is no ``predictions:``, or a folder holds several tables of the set.
    """
    scheme, _, rest = card.source.partition(":")
    if scheme != "predictions":
        raise EvidenceError(f"'{card.source}' holds no predictions")
    path = expand(rest, base, store)
    if not path.exists():
        raise NotMeasuredError(f"{path} is missing")
    if path.is_file():
        return path
    found = [path / f"{data}{ending}" for ending in _ENDINGS if (path / f"{data}{ending}").is_file()]
    if not found:
        wanted = ", ".join(f"{data}{ending}" for ending in _ENDINGS)
        raise NotMeasuredError(f"{path} holds no table of {data}; expected one of {wanted}")
    if len(found) > 1:
        raise EvidenceError(f"{path} holds several tables of {data}: {', '.join(f.name for f in found)}; keep one")
    return found[0]


def size_of(data: str, card: DataCard) -> tuple[int, int]:
    """How many images and classes a data set has, from its card or as published.

    Raises:
        EvidenceError: Neither tells.
    """
    known = PUBLISHED.get(data)
    images = card.images or (known.images if known else None)
    classes = card.classes or (known.classes if known else None)
    if images is None or classes is None:
        raise EvidenceError(f"{data} is no published set: its card must say how many `images` and `classes` it has")
    return images, classes


def root_files(root: Path, card: DataCard) -> list[Path]:
    """The files that a data set's reader opens.

    Raises:
        NotMeasuredError: One is missing.
    """
    files = [root / ANNOTATIONS, root / PROTOTYPES] if card.reader == "imagenet-x" else [root]
    for file in files:
        if not file.is_file():
            raise NotMeasuredError(f"{file} is missing")
    return files
