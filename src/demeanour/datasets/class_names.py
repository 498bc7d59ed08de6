"""What the classes of a data set are called, for people who look at its pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from demeanour.datasets.label_spaces import imagenet_synsets
from demeanour.datasets.pictures.class_index import ClassIndex
from demeanour.errors import NotMeasuredError

_SYNSET = re.compile(r"n\d{8}")


def spoken_names(index: ClassIndex) -> dict[int, str]:
    """A word for each class of an index: of several names the first that is no synset such as ``n01440764``."""
    names = dict(enumerate(index.names))
    spoken: dict[int, str] = {}
    for name, place in index.positions.items():
        if not _SYNSET.fullmatch(name):
            spoken.setdefault(place, name)
    return {**names, **spoken}


def imagenet_names() -> dict[int, str]:
    """The 1000 classes of ImageNet (ILSVRC 2012) by the first of their words; nothing without timm, which has them."""
    try:
        return in_words(dict(enumerate(imagenet_synsets())))
    except NotMeasuredError:
        return {}


def in_words(names: dict[int, str]) -> dict[int, str]:
    """The same with the first word of WordNet's for each synset, where timm knows it; other names stay."""
    if not any(_SYNSET.fullmatch(name) for name in names.values()):
        return names
    words = _words()
    return {code: words.get(name, name) for code, name in names.items()}


def _words() -> dict[str, str]:
    spec = find_spec("timm")
    places: Sequence[str] = (spec.submodule_search_locations if spec else None) or ()
    path = Path(places[0], "data", "_info", "imagenet_synset_to_lemma.txt") if places else Path()
    if not path.is_file():
        return {}
    lines = (line.split("\t", 1) for line in path.read_text(encoding="utf-8").splitlines() if "\t" in line)
    return {synset: words.split(",")[0].strip() for synset, words in lines}
