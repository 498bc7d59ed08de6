"""What is wrong with a cast's cards: keys that do not go together, sources and readers that lack something."""

from __future__ import annotations

from collections.abc import Iterator

from demeanour.datasets.catalogue import PUBLISHED, images_of
from demeanour.errors import ThresholdsError, did_you_mean
from demeanour.findings.cards import HUB, NETWORK, PICTURE_READERS, PREDICTIONS, PROBE, ROW_ORDER, DataCard, ModelCard
from demeanour.findings.cast import Cast
from demeanour.findings.document import KeyPath
from demeanour.findings.tasks import PLACE, TEST, TRAIN
from demeanour.models.source import parse_source
from demeanour.views.geometry import View
from demeanour.views.protocols import PROTOCOLS
from demeanour.vocabulary import LEVELS

Defect = tuple[KeyPath, str, str]

_OF_NETWORKS = ("imports", "weights", "head", "preprocessing", "numerics", "batch", "device")
_OF_TABLES = ("format", "ids", "order", "repeats")
_OF_OTHERS = ("views", "similarity")   # whose pictures are another set's
_OWN_KEYS = {   # of data cards, by the readers that read them
    "labels": ("imagenet",),
    "class_index": ("imagenet", "folder", "cue-conflict"),
    "split": ("webdataset", "parquet"),
    "of": ("views", "similarity"),
    "views": ("views",),
    "base": ("views",),
    "clean": ("corruptions", "imagenet-c"),
    "subset": PICTURE_READERS,
    "tasks": (PROBE,),
    "features": (PROBE,),
    "recipe": (PROBE,),
    "validation": (PROBE,),
}


def check_cards(cast: Cast) -> Iterator[Defect]:
    """Model and data cards fit together."""
    networks = [card for card in cast.models.values() if card.live and _wrong(card.source) is None]
    if networks and cast.protocol not in PROTOCOLS:
        hint = did_you_mean(cast.protocol, PROTOCOLS)
        yield ("protocol",), f"networks are evaluated by one of {', '.join(PROTOCOLS)}, not by '{cast.protocol}'", hint
    for name, model in cast.models.items():
        yield from check_model(cast, name, model)
    for name, card in cast.data.items():
        yield from _check_data(cast, name, card)


def check_model(cast: Cast, name: str, model: ModelCard) -> Iterator[Defect]:
    """The card of a model, one of the cast's or of another that is to join it, has what goes together."""
    at: KeyPath = ("models", name)
    sources: dict[KeyPath, str] = {(*at, "source"): model.source}
    sources |= {(*at, "repeats", index): source for index, source in enumerate(model.repeats)}
    wrong = {keys: problem for keys, source in sources.items() if (problem := _wrong(source))}
    for keys, problem in wrong.items():
        yield keys, problem, ""
    if len(set(sources.values())) < len(sources):
        yield (*at, "repeats"), "the same source stands twice", "a repeat is another run of the same weights"
    if not wrong:   # else whether it is a network or a table is not known
        yield from _check_kind(cast, at, model)
    for data in model.data or ():
        if data not in cast.data:
            yield (*at, "data"), f"the cast has no data set '{data}'", did_you_mean(data, cast.data)
    if model.ids == ROW_ORDER and model.order is None:
        yield at, "`ids: row-order` needs 'order': the name of the order that its tables share", ""
    if model.order is not None and model.ids != ROW_ORDER:
        yield (*at, "order"), "is read with `ids: row-order` only", ""


def _check_kind(cast: Cast, at: KeyPath, model: ModelCard) -> Iterator[Defect]:
    """Networks and tables of predictions have keys of their own."""
    for index, source in enumerate(model.repeats):
        if not source.startswith(PREDICTIONS):
            yield (*at, "repeats", index), "a repeat is a table of predictions", "write predictions:PATH"
    kind, other = ("networks", "tables of predictions") if model.live else ("tables of predictions", "networks")
    for key in _OF_TABLES if model.live else _OF_NETWORKS:
        if getattr(model, key):
            yield (*at, key), f"is read with {other} only, not with {kind}", "remove it"
    if not model.live and model.data is None:
        yield at, "a table of predictions needs 'data': the data sets that it is of", ""
    for data in model.data or ():
        reader = cast.data[data].reader if data in cast.data else None
        if not model.live and reader == "views":
            yield (*at, "data"), f"'{data}' is seen by networks only", "a table has one answer to each picture"
        if not model.live and reader == PROBE:
            yield (*at, "data"), f"'{data}' is probed on a network's features", "a table of predictions has none"
        if model.live and reader not in (None, PROBE) and not cast.data[data].has_pictures:
            hint = f"its reader must be one of {', '.join(PICTURE_READERS)}, with a 'root'"
            yield (*at, "data"), f"'{data}' has no pictures for a network to see", hint


def _wrong(source: str) -> str | None:
    """What is wrong with a source, if anything."""
    try:
        parse_source(source)
    except ThresholdsError as error:
        return str(error)
    return None


def _check_data(cast: Cast, name: str, card: DataCard) -> Iterator[Defect]:
    at: KeyPath = ("data", name)
    if NETWORK in (name, card.reader):
        what = f"the data set '{NETWORK}'" if name == NETWORK else f"the reader '{NETWORK}'"
        hint = "give it another name" if name == NETWORK else "release policies name it without"
        yield at if name == NETWORK else (*at, "reader"), f"{what} is built in: it is the network itself", hint
        return
    whole = cast.data.get(images_of(name) or "")
    part = whole is not None and whole.subset
    counts = card.has_pictures or card.reader in (*_OF_OTHERS, PROBE) or part
    if name not in PUBLISHED and not counts and (card.images is None or card.classes is None):
        yield at, f"'{name}' is no published data set", "say how many `images` and `classes` it has"
    if card.reader not in ("tables", "cue-conflict", *_OF_OTHERS) and card.root is None:
        yield at, f"the reader '{card.reader}' needs a 'root'", ""
    if card.reader in ("tables", *_OF_OTHERS) and card.root is not None:
        yield (*at, "root"), f"the reader '{card.reader}' reads no 'root'", "remove it"
    if card.label_space is not None and images_of(name) is not None:
        hint = f"give it to '{images_of(name)}', whose predictions it has"
        yield (*at, "label_space"), "is read with predictions of its own only", hint
    for key, readers in _OWN_KEYS.items():
        if getattr(card, key) not in (None, False) and card.reader not in readers:
            yield (*at, key), f"the reader '{card.reader}' does not read it", "remove it"
    yield from _check_other(cast, at, card)
    yield from _check_tasks(at, card)


def _check_tasks(at: KeyPath, card: DataCard) -> Iterator[Defect]:
    """A probed set has tasks, each with a place and a name of its own."""
    if card.reader != PROBE:
        return
    if not card.tasks:
        yield at, "the reader 'probe' needs 'tasks': their names, by their groups", ""
    names = [name for group in (card.tasks or {}).values() for name in group]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield (*at, "tasks"), f"the task '{name}' stands twice", "keep one"
    if (card.root or "").startswith(HUB) and PLACE not in (card.root or ""):
        yield (*at, "root"), f"says not where a task's name belongs in it, as {PLACE}", f"such as {HUB}ORG/wds_{PLACE}"
    if card.validation in (TRAIN, TEST):
        yield (*at, "validation"), f"'{card.validation}' is what probes are fitted on, or asked about", "name another"
    for key in ("label_space", "images", "classes"):
        if getattr(card, key) is not None:
            yield (*at, key), "the reader 'probe' does not read it", "remove it"


def _check_other(cast: Cast, at: KeyPath, card: DataCard) -> Iterator[Defect]:
    """What a card says of another: the clean pictures, the pictures that views show."""
    if card.clean is not None and card.clean not in cast.data:
        yield (*at, "clean"), f"the cast has no data set '{card.clean}'", did_you_mean(card.clean, cast.data)
    elif card.clean is not None and cast.data[card.clean].reader in ("corruptions", "imagenet-c", "cue-conflict"):
        yield (*at, "clean"), f"'{card.clean}' holds no clean images", ""
    if card.reader == "imagenet-c" and card.clean is None:
        yield at, "the reader 'imagenet-c' needs 'clean': the data set of the clean images", ""
    if card.reader not in _OF_OTHERS:
        return
    if card.reader == "views" and (card.of is None or not card.views):
        yield at, "the reader 'views' needs 'of', whose pictures are seen, and 'views'", ""
    elif card.of is None:
        yield at, "the reader 'similarity' needs 'of': the data set whose pictures are seen", ""
    elif card.of not in cast.data or not cast.data[card.of].has_pictures:
        seen = [name for name, other in cast.data.items() if other.has_pictures]
        yield (*at, "of"), f"the cast has no pictures '{card.of}'", did_you_mean(card.of, seen)
    for index, view in enumerate(card.views or ()):
        try:
            View.parse(view)
        except ThresholdsError as error:
            yield (*at, "views", index), str(error), ""
        if (card.views or []).count(view) > 1:
            yield (*at, "views", index), f"'{view}' stands twice", "keep one"
    of_corruptions = all(view.startswith("corruption/") for view in card.views or ())
    if len(card.views or ()) > len(LEVELS) and not of_corruptions:
        hint = "make two sets of them"
        yield (*at, "views"), f"{len(card.views or ())} views are more than the {len(LEVELS)} that have names", hint
    if card.base is not None and card.base not in (card.views or ()):
        yield (*at, "base"), f"'{card.base}' is none of the views", did_you_mean(card.base, card.views or ())
