"""A pinned baseline: what an incumbent said, kept in a folder, so that the incumbent need not be there any more.

``DIR/baseline.json`` says what is pinned and is sealed with a checksum; beside it lies the evidence as the store has
it, in ``predictions/KEY.parquet`` and ``arrays/KEY/``.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError

from demeanour.errors import ThresholdsError
from demeanour.files import file_hash
from demeanour.findings.schema import Number, Strict, Text

FILE, FORM = "baseline.json", 1
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_PLACE = r"^(predictions/[0-9a-f]{64}\.parquet|arrays/[0-9a-f]{64}/\w[\w.-]*)$"
_Place = Annotated[str, StringConstraints(pattern=_PLACE)]
_AGAIN = "take it from where it was recorded, or record it again"


class Piece(Strict):
    """One piece of evidence.

    Attributes:
        data: The data set, or a task's test pictures.
        view: How the pictures were seen.
        kind: ``table``, ``logits``, ``grams`` or ``probes``.
        number: Of a repeat, from 1; else 0.
        key: What the store has it under.
        steps: What was done to the pictures; None of predictions, where nobody knows.
    """

    data: Text
    view: Text
    kind: Literal["table", "logits", "grams", "probes"]
    number: Annotated[int, Field(ge=0)] = 0
    key: Hash
    steps: dict[str, Any] | None = None


class Value(Strict):
    """The baseline's own value of what a requirement measures.

    Attributes:
        requirement: The requirement's id.
        label: Its short name.
        measure: The measure.
        version: Of the measure's definition; values of different versions must not be compared.
        unit: Of the measure.
        data: The data sets that it is measured on; of an average all of them.
        group: Of the measure.
        value: The value.
        interval: At 90 %; None where nothing can be said of its error.
        n: How many images speak of it.
        relation: What is required of a candidate (left) and this baseline (right), or of the candidate alone.
        margin: How much a candidate may lose.
    """

    requirement: Text
    label: Text
    measure: Text
    version: int
    unit: str
    data: list[Text]
    group: Text
    value: Number
    interval: tuple[Number, Number] | None
    n: int
    relation: Text
    margin: Number

    @property
    def place(self) -> tuple[str, str, int, tuple[str, ...], str]:
        """What another value must have in common with it to be compared."""
        return self.requirement, self.measure, self.version, tuple(self.data), self.group


class Pin(Strict):
    """What is known of a model that was pinned once.

    Attributes:
        date: When, as an ISO 8601 text.
        source: Where the model came from, as its card had it.
        weights: What it is: of a network the identity of weights, architecture and head; of predictions that of all
            files.
        reason: Why it was pinned.
        protocol: How it was evaluated.
        numerics: In which precision.
        sets: The identity of each data set: of its pictures, labels and label space.
        values: What the requirements measured of it.
    """

    date: Text
    source: Text
    weights: Hash
    reason: Text | None = None
    protocol: Text
    numerics: Text
    sets: dict[Text, Hash]
    values: list[Value]

    def alike(self, other: Pin, data: list[str]) -> bool:
        """Whether both were measured in one way on the same images."""
        mine, its = ((one.protocol, one.numerics, [one.sets.get(name) for name in data]) for one in (self, other))
        return mine == its and None not in mine[2]


class Pinned(Pin):
    """All that ``baseline.json`` holds.

    Attributes:
        role: The model of the cast.
        cast: The cast, as the command was given it.
        gate: The policy likewise, or None for the cast's own.
        findings: The folder of findings likewise.
        compiled: Whether networks were compiled.
        repeats: Sources of the same weights' answers that were pinned with it.
        noise: Of a network, in which other ways it answered again; the number of a piece counts from the first.
        description: What a network is; None of predictions.
        preprocessing: What the card said of pixels; None where it said nothing.
        hashes: Of predictions, each file by its name: SHA-256.
        packages: The versions that answers and numbers depend on.
        pieces: What evidence there is.
        missing: What there was none of, with the reasons.
        files: SHA-256 of each file of evidence.
        verdicts: What was decided of each finding that the model plays in.
        lineage: The baselines before it, the first one first.
    """

    role: Text
    cast: Text
    gate: Text | None = None
    findings: Text | None = None
    compiled: bool = False
    repeats: list[Text] = Field(default_factory=list)
    noise: list[Text] = Field(default_factory=list)
    description: dict[str, Any] | None = None
    preprocessing: dict[str, Any] | None = None
    hashes: dict[Text, Hash] = Field(default_factory=dict)
    packages: dict[Text, Text | None]
    pieces: list[Piece]
    missing: dict[Text, Text] = Field(default_factory=dict)
    files: dict[_Place, Hash]
    verdicts: dict[Text, Text]
    lineage: list[Pin] = Field(default_factory=list)

    @property
    def pin(self) -> Pin:
        """What its successors keep of it."""
        return Pin(**{name: getattr(self, name) for name in Pin.model_fields})

    @property
    def live(self) -> bool:
        """Whether it is what a network said, not a table of predictions."""
        return self.description is not None


class Baseline(Pinned):
    """A pinned baseline with the folder that it lies in."""

    folder: Path

    def damaged(self) -> list[str]:
        """What is wrong with its files, each in a sentence; every byte is read."""
        found = []
        for name, known in self.files.items():
            path = self.folder / name
            try:
                if file_hash(path) != known:
                    found.append(f"{path} was altered")
            except OSError as error:
                found.append(f"{path} cannot be read ({error.strerror})")
        return found


def sealed(pinned: Pinned) -> str:
    """What ``baseline.json`` holds."""
    content = pinned.model_dump(mode="json")
    return json.dumps({"form": FORM, "content": _digest(content), "baseline": content}, indent=1, ensure_ascii=False)


def read_baseline(folder: Path) -> Baseline:
    """A pinned baseline; whether its evidence is as it was recorded is for whoever reads that to say.

    Args:
        folder: As ``demeanour baseline record`` wrote it.

    Raises:
        ThresholdsError: There is none, it was damaged, or a file of it is not there.
    """
    path = folder / FILE
    if not path.is_file():
        why = "is no folder" if not folder.is_dir() else f"holds no {FILE}"
        raise ThresholdsError(f"{folder} {why}; `demeanour baseline record --as MODEL --out DIR` pins a baseline")
    try:
        whole = json.loads(path.read_bytes())
        form, content, digest = whole["form"], whole["baseline"], whole["content"]
    except OSError as error:
        raise ThresholdsError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ThresholdsError(f"{path} was damaged, or is no pinned baseline; {_AGAIN}") from error
    if form != FORM:
        raise ThresholdsError(f"{path} has the form {form!r}, this version of the suite reads {FORM}; record it again")
    if digest != _digest(content):
        raise ThresholdsError(f"{path} was altered after it was recorded; {_AGAIN}")
    try:
        pinned = Pinned.model_validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ThresholdsError(f"{path}: {place}: {first['msg']}; {_AGAIN}") from error
    lost = [name for name in pinned.files if not (folder / name).is_file()]
    if lost:
        more = f" and {len(lost) - 1} more files" if len(lost) > 1 else ""
        raise ThresholdsError(f"{folder / lost[0]}{more} of the pinned baseline are missing; {_AGAIN}")
    return Baseline(**dict(pinned), folder=folder.resolve())


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
