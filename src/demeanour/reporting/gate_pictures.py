"""What the gate's gallery shows: pictures as small data URIs, and the words for their classes."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable

import numpy as np

from demeanour.datasets.catalogue import PUBLISHED, images_of
from demeanour.datasets.class_names import imagenet_names, in_words, spoken_names
from demeanour.datasets.pictures.class_index import read_class_index
from demeanour.datasets.pictures.decode import decode
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.sources import expand
from demeanour.findings.cast import Cast
from demeanour.vocabulary import CATEGORIES

SIDE = 160      # pixels at most: small enough that a dozen of them weigh less than the page
_QUALITY = 85   # of JPEG


def class_names(evidence: Evidence, data: str) -> dict[int, str]:
    """A word for each class of a data set, as far as its card or its label space tells; empty where nobody does."""
    try:
        return in_words(_names(evidence, data))
    except (NotMeasuredError, EvidenceError):   # a page without words is still a page
        return {}


def thumbnails(evidence: Evidence, data: str, ids: Iterable[str]) -> tuple[dict[str, str], str]:
    """Pictures of a data set, as data URIs by id.

    Args:
        evidence: Of the cast.
        data: The data set; predictions alone have no pictures.
        ids: Of the wanted pictures.

    Returns:
        JPEG of ``SIDE`` pixels at most, and why some are missing, in words; empty where none is.
    """
    if not evidence.cast.data[data].has_pictures:
        return {}, ""
    found: dict[str, str] = {}
    try:
        pictures = evidence.live.pictures(data)
        known = pictures.frame.ids
        for name in ids:
            row = int(np.searchsorted(known, name))
            if row < len(known) and known[row] == name:
                found[name] = _small(pictures.read(row), f"{data}/{name}")
    except (NotMeasuredError, EvidenceError) as error:
        return found, f"pictures of {data} are missing: {error}"
    return found, ""


def _small(encoded: bytes, where: str) -> str:
    picture = decode(encoded, where)
    picture.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _names(evidence: Evidence, data: str) -> dict[int, str]:
    card = evidence.cast.data[data]
    behind = card.of or card.clean or images_of(data)
    if behind in evidence.cast.data and card.label_space is None and card.class_index is None:
        return _names(evidence, str(behind))
    space = evidence.live.space(data)
    if space is not None and space.names:
        none = {len(space.groups): "none of them"} if space.kind == "mapped" else {}
        return {**dict(enumerate(space.names)), **none}
    if space is None and card.reader == "cue-conflict":
        return dict(enumerate(CATEGORIES))
    names = _of_the_models(evidence, data)
    if space is None:
        return names if len(names) == _classes(evidence.cast, data) else {}
    return {code: names[group[0]] for code, group in enumerate(space.groups) if len(group) == 1 and group[0] in names}


def _of_the_models(evidence: Evidence, data: str) -> dict[int, str]:
    """The classes of the models, in which labels count where there is no label space: as any card names them."""
    cards = [evidence.cast.data[data], *evidence.cast.data.values()]
    file = next((card.class_index for card in cards if card.class_index is not None), None)
    if file is None:
        return imagenet_names()
    return spoken_names(read_class_index(expand(file, evidence.cast.path.parent, evidence.store.root)))


def _classes(cast: Cast, data: str) -> int | None:
    return cast.data[data].classes or (PUBLISHED[data].classes if data in PUBLISHED else None)
