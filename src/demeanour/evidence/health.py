"""Whether what a cast names is there and as it should be. No network is loaded, nothing is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from demeanour.datasets.catalogue import PUBLISHED, images_of
from demeanour.datasets.labels import read_labels
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.plan import Unit
from demeanour.evidence.sources import MINIATURE, expand, miniature_is_drawn, source_file
from demeanour.findings.cards import NETWORK, PROBE, DataCard
from demeanour.models.description import Description, Request
from demeanour.models.hub import hub_file, may_download
from demeanour.models.hub_cache import WEIGHTS, cached_weights
from demeanour.models.source import Source, parse_source

State = Literal["there", "later", "MISSING", "WRONG"]
SAMPLE = 16   # pictures of a set that are read, to know how large they are
UNLOADED = "was not loaded yet as it is now, so little is known of it"
TOLD_BY_TABLES = "what is known of its images comes with the predictions"
UNDRAWN = "a run draws the miniature world first, and so does `demeanour miniature`"


@dataclass(frozen=True)
class Checked:
    """Something that a cast names, as it was found.

    Attributes:
        name: What the cast calls it.
        kind: The scheme of a model's source, or the reader of a data set.
        state: ``there``; ``later``: it is for a run to find, download or draw it; ``MISSING`` or ``WRONG``.
        remark: What to know of its state: what is wrong and what to do, or what a run does.
        place: The file or folder, as far as one is known.
        facts: What is known of it, by name; plain values.
        notes: What a reader of its numbers should know.
    """

    name: str
    kind: str
    state: State = "there"
    remark: str = ""
    place: Path | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def trouble(self) -> str | None:
        """``MISSING: …`` or ``WRONG: …``; None where nothing is known to be."""
        return f"{self.state}: {self.remark}" if self.state in ("MISSING", "WRONG") else None

    def record(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {**asdict(self), "place": str(self.place) if self.place else None}


@dataclass
class Health:
    """What a cast names, each thing looked at once.

    Attributes:
        evidence: Of the cast.
    """

    evidence: Evidence
    _models: dict[str, Checked] = field(default_factory=dict)
    _data: dict[str, Checked] = field(default_factory=dict)

    def model(self, name: str) -> Checked:
        """A network of the cast: its files, and what it was when it was last loaded."""
        if name not in self._models:
            self._models[name] = self._check_model(name)
        return self._models[name]

    def data(self, name: str) -> Checked:
        """A data set of the cast, opened and checked as a run does it: files that look as they did are not read."""
        if name not in self._data:
            self._data[name] = self._check_data(name)
        return self._data[name]

    def table(self, unit: Unit) -> Checked:
        """A model's predictions and their repeats, read, checked and joined with the data set as a run does it."""
        card, place = self.evidence.cast.models[unit.model], None
        try:
            place = source_file(card, unit.data, self.evidence.cast.path.parent, self.evidence.store.root)
            if self.data(unit.data).trouble is not None:
                remark = f"not read, for {unit.data} is not as it should be"
                return Checked(str(unit), "predictions", remark=remark, place=place)
            rows = len(self.evidence.observations(unit.model, unit.data))
        except NotMeasuredError as error:
            return Checked(str(unit), "predictions", state_by(error), str(error), place)
        return Checked(str(unit), "predictions", place=place, facts={"images": rows})

    def _check_model(self, name: str) -> Checked:
        card, live = self.evidence.cast.models[name], self.evidence.live
        kind, notes = parse_source(card.source).scheme, (card.note,) if card.note else ()
        try:
            request = live.request(name)
            source = parse_source(request.source)
            _check_files(request, source)
            _check_packages(request, source)
            found = live.description(name)
            weights = _weights(source, found)
        except NotMeasuredError as error:
            return Checked(name, kind, state_by(error), str(error), notes=notes)
        place = weights or _code(source)
        if found is not None:
            facts = {
                "family": found.family, "parameters": found.parameters, "classes": found.classes,
                "preprocessing": str(found.native), "identity": found.identity,
            }  # fmt: skip
            return Checked(name, kind, place=place, facts=facts, notes=(*notes, *found.notes))
        facts = {"parameters": card.parameters, "bytes": weights.stat().st_size if weights else None}
        if place is None and source.scheme != "python":
            remark = f"its weights are looked for when it is loaded{', and downloaded' if may_download() else ''}"
            return Checked(name, kind, "later", remark, None, facts, notes)
        every = "is loaded in every run, for its code may do anything"
        return Checked(name, kind, "there", every if source.scheme == "python" else UNLOADED, place, facts, notes)

    def _check_data(self, name: str) -> Checked:
        evidence, card, place = self.evidence, self.evidence.cast.card(name), None
        if card.reader == "views":
            return Checked(name, card.reader, facts={"of": card.of, "views": len(card.views or ())})
        if card.reader == "similarity":
            return Checked(name, card.reader, facts={"layers_on": card.of})
        if card.reader == NETWORK:
            return Checked(name, card.reader, remark="each network itself")
        if card.reader == PROBE:
            return self._check_tasks(name)
        try:
            if card.root is not None:
                place = expand(card.root, evidence.cast.path.parent, evidence.store.root)
            other = self._other(name)
            if other is not None and self.data(other).trouble is not None:
                if place is not None and not place.exists():
                    raise NotMeasuredError(f"{place} is missing")
                return Checked(name, card.reader, "MISSING", f"needs {other}, which is not as it should be", place)
            facts, notes = self._opened(name, place)
        except NotMeasuredError as error:
            if (card.root or "").startswith(MINIATURE) and not miniature_is_drawn():
                facts = {"images": card.images, "classes": card.classes, "columns": card.classes}
                return Checked(name, card.reader, "later", UNDRAWN, place, facts)
            state, remark = state_by(error), _with_remedy(str(error), name, card.root or "")
            return Checked(name, card.reader, state, remark, place, _meant(name, card) if state == "MISSING" else {})
        return Checked(name, card.reader, "there", "" if facts else TOLD_BY_TABLES, place, facts, notes)

    def _check_tasks(self, name: str) -> Checked:
        """A probed set is what the splits of its tasks are; what is wrong with the first that is not there is told."""
        tasks = self.evidence.cast.tasks(name)
        splits = [self.data(split) for task in tasks for split in task.splits]
        facts = {"tasks": len(tasks), "images": sum(one.facts.get("images") or 0 for one in splits)}
        worst = next((one for state in ("WRONG", "MISSING", "later") for one in splits if one.state == state), None)
        if worst is None:
            return Checked(name, PROBE, facts=facts, notes=tuple(note for one in splits for note in one.notes))
        remark = f"{worst.name}: {worst.remark}" if worst.trouble else worst.remark
        return Checked(name, PROBE, worst.state, remark, worst.place, {"tasks": len(tasks)})

    def _other(self, name: str) -> str | None:
        """The data set without which one cannot be opened: its clean pictures, or those that it annotates."""
        cast = self.evidence.cast
        if cast.card(name).has_pictures:
            return cast.card(name).clean
        whole = images_of(name)
        return whole if whole in cast.data and cast.data[whole].subset else None

    def _opened(self, name: str, place: Path | None) -> tuple[dict[str, Any], tuple[str, ...]]:
        """What a data set tells once it is open."""
        evidence, card = self.evidence, self.evidence.cast.card(name)
        if card.has_pictures:
            pictures, space = evidence.live.pictures(name), evidence.live.space(name)
            classes = pictures.frame.classes
            facts = {
                "images": len(pictures), "classes": classes, "columns": space.columns if space else classes,
                "bytes": _bytes_of_one(pictures),
            }  # fmt: skip
            return facts, pictures.notes
        if card.reader == "corruptions" and place is not None:
            clean = read_labels(place, name, evidence.files.size(name)[1])
            return {"images": len(clean.ids), "classes": clean.classes}, ()
        frame = evidence.frame(name)
        return ({"images": len(frame.ids), "classes": frame.classes} if frame else {}), ()


def _meant(data: str, card: DataCard) -> dict[str, Any]:
    """What a set with pictures has where it is there, as far as its card or the published set tells."""
    known = PUBLISHED.get(data)
    images = card.images or (known.images if known and not card.subset else None)
    if images is None or not card.has_pictures:
        return {}
    classes = card.classes or (known.classes if known else None)
    return {"images": images, "classes": classes, "columns": classes}


def state_by(error: NotMeasuredError) -> Literal["MISSING", "WRONG"]:
    """What an error says of what it is about."""
    return "WRONG" if isinstance(error, EvidenceError) else "MISSING"


def _with_remedy(text: str, data: str, root: str) -> str:
    """Where a data set is to be had, if the text does not tell itself."""
    if root.startswith(MINIATURE):
        return f"{text}; `demeanour miniature --verify` says which files are not as they were drawn"
    known = PUBLISHED.get(data)
    return text if known is None or known.obtain in text else f"{text}; to be had from: {known.obtain}"


def _bytes_of_one(pictures: Pictures) -> int:
    """The mean of some, all over the data set."""
    rows = sorted({place * len(pictures) // SAMPLE for place in range(SAMPLE)})
    return sum(len(pictures.read(row)) for row in rows) // len(rows)


def _check_files(request: Request, source: Source) -> None:
    """All files that a card names are there.

    Raises:
        NotMeasuredError: One is missing.
        EvidenceError: One is a folder.
    """
    words = (request.head.names, request.head.templates) if request.head else ()
    for file in (_named(source.checkpoint), _code(source), *map(_named, words)):
        if file is not None and file.is_dir():
            raise EvidenceError(f"{file} is a folder; name a file in it")
        if file is not None and not file.is_file():
            raise NotMeasuredError(f"{file} is missing")


def _check_packages(request: Request, source: Source) -> None:
    """The modules and packages that a network needs are there, as far as can be told without importing them.

    Raises:
        NotMeasuredError: One is missing.
    """
    if source.scheme == "onnx" and not (find_spec("onnxruntime") and find_spec("onnx")):
        raise NotMeasuredError("`onnx:` needs two more packages: uv pip install onnxruntime onnx")
    own = source.name.rpartition(":")[0] if source.scheme == "python" and _code(source) is None else None
    for name in filter(None, (request.imports, own)):
        top = name.partition(".")[0]
        beside = any((Path.cwd() / place).exists() for place in (top, f"{top}.py"))   # where evaluators look, too
        if not beside and find_spec(top) is None:
            raise NotMeasuredError(f"there is no module '{name}' in the working folder, on PYTHONPATH or installed")


def _weights(source: Source, found: Description | None) -> Path | None:
    """The file of weights; None where only the library that loads them knows.

    Raises:
        NotMeasuredError: It is neither there nor may it be downloaded.
    """
    named = _code(source) if source.scheme == "onnx" else _named(source.checkpoint)
    if named is not None or source.scheme == "python":
        return named
    if found is not None and found.files:
        return Path(found.files[0][0])
    cached = cached_weights(source)
    if cached is None and source.scheme == "hf-hub" and not may_download():
        return hub_file(source.name, WEIGHTS, source.checkpoint)   # says how to get it
    return cached


def _code(source: Source) -> Path | None:
    """The file that the name of a source holds: a user's module, or an ONNX network."""
    return _named(source.name if source.scheme == "onnx" else source.name.rpartition(":")[0])


def _named(text: str | None) -> Path | None:
    """A file, if a text of a request names one: its paths are absolute, tags, revisions and modules are not."""
    return Path(text) if text and Path(text).is_absolute() else None
