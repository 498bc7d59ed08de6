"""A cast's networks and pictures as far as keys need them: no network is loaded, no picture decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.catalogue import PUBLISHED
from demeanour.datasets.label_space import LabelSpace
from demeanour.datasets.label_spaces import BUILT_IN, find_label_space
from demeanour.datasets.pictures.hub import at_hand
from demeanour.datasets.pictures.open import TASK, open_pictures
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.errors import NotMeasuredError
from demeanour.evidence.adapter import adapter
from demeanour.evidence.arrays import MANIFEST, Arrays
from demeanour.evidence.failures import last_failure
from demeanour.evidence.margins import padding_of
from demeanour.evidence.observations import Array
from demeanour.evidence.pinned import pinned, space_record
from demeanour.evidence.plan import GRAMS, PROBES, SIZE, TABLE, TIMES, Unit, features_behind
from demeanour.evidence.sources import drawn_first, expand
from demeanour.evidence.store import Store, code_hash, evidence_key
from demeanour.evidence.table import PredictionTable
from demeanour.findings.cards import HUB, LBFGS, NETWORK, POOLED, DataCard, HeadCard
from demeanour.findings.cast import Cast
from demeanour.models.description import Description, Head, Request
from demeanour.models.hub import may_download
from demeanour.models.remembered import recall
from demeanour.models.source import Source, parse_source
from demeanour.views.geometry import Preprocessing, View
from demeanour.views.protocols import Steps, steps


@dataclass
class Live:
    """What a cast's cards ask for, resolved once in a process.

    Attributes:
        cast: The cast.
        store: Where networks are remembered, and hashes of pictures.
    """

    cast: Cast
    store: Store
    _descriptions: dict[str, Description] = field(default_factory=dict)
    _pictures: dict[str, Pictures] = field(default_factory=dict)
    _spaces: dict[str, LabelSpace | None] = field(default_factory=dict)
    _keys: dict[Unit, str] = field(default_factory=dict)

    def request(self, model: str) -> Request:
        """What a model's card asks for, with all paths absolute.

        Raises:
            NotMeasuredError: A variable is not set.
            EvidenceError: The source is none.
        """
        card = self.cast.models[model]
        source = parse_source(card.source)
        name, checkpoint = source.name, source.checkpoint
        if source.scheme == "onnx" or (source.scheme == "python" and name.partition(":")[0].endswith(".py")):
            path, colon, factory = name.partition(":")
            name = f"{self._path(path)}{colon}{factory}"
        if checkpoint is not None and (source.scheme in ("timm", "python") or _is_path(checkpoint)):
            checkpoint = self._path(checkpoint)
        head = self._head(card.head) if card.head else None
        own = Preprocessing.of(card.preprocessing.model_dump()) if card.preprocessing else None
        text = str(Source(source.scheme, name, checkpoint))
        return Request(text, card.imports, card.weights, head, preprocessing=own)

    def description(self, model: str) -> Description | None:
        """What a network is, if it was pinned, or loaded before and is as it was; else None."""
        if model not in self._descriptions:
            kept = pinned(self.cast, model)
            found = kept.description if kept is not None else recall(self.request(model), self.store.root)
            if found is None:
                return None
            self._descriptions[model] = found
        return self._descriptions[model]

    def learn(self, model: str, description: Description) -> None:
        """Take over what a network that was just loaded is."""
        self._descriptions[model] = description

    def has(self, unit: Unit) -> bool:
        """Whether a unit's evidence is there and whole; the network must be described."""
        kept = pinned(self.cast, unit.model)
        if kept is not None:
            return kept.has(unit)
        if unit.kind == SIZE:
            return self.description(unit.model) is not None
        if unit.kind == TABLE:
            return self.store.found(self.key(unit)) is not None
        return Arrays(self.store.root, self.store.notice).read(self.key(unit), mapped=True) is not None

    def there(self, unit: Unit) -> bool:
        """Whether a unit's evidence is there; whether it is whole is not looked at."""
        kept = pinned(self.cast, unit.model)
        if kept is not None:
            return kept.has(unit)
        if unit.kind == SIZE:
            return self.description(unit.model) is not None
        if unit.kind == TABLE:
            return self.store.path(self.key(unit)).exists()
        return (Arrays(self.store.root).folder(self.key(unit)) / MANIFEST).exists()

    def remove(self, unit: Unit) -> None:
        """Remove a unit's evidence, so that it is made anew."""
        if unit.kind == TABLE:
            self.store.path(self.key(unit)).unlink(missing_ok=True)
        else:
            (Arrays(self.store.root).folder(self.key(unit)) / MANIFEST).unlink(missing_ok=True)

    def manifest(self, unit: Unit) -> dict[str, str]:
        """What the evidence of a unit says of itself."""
        return {
            "model": unit.model, "data": unit.data, "view": unit.view, "protocol": self.cast.protocol,
            "preprocessing": str(self.steps(unit)), "source": self.cast.models[unit.model].source,
            **{key: str(value) for key, value in self.cast.computes(unit.model).items() if key != "device"},
        }  # fmt: skip

    def pictures(self, data: str) -> Pictures:
        """The pictures of a data set, opened and checked once.

        Raises:
            NotMeasuredError: They are missing.
            EvidenceError: They are not what the card or the published set says.
        """
        if data not in self._pictures:
            card = self.cast.card(data)
            with drawn_first(card.root):
                self._pictures[data] = self._open(data, card)
        return self._pictures[data]

    def _open(self, data: str, card: DataCard) -> Pictures:
        known = PUBLISHED.get(data)
        assert card.root is not None
        if card.root.startswith(HUB):
            split = card.split or ""
            pattern = f"**/*{split}*.parquet" if card.reader == "parquet" else f"{split}/*" if split else "*"
            at_hand(card.root.removeprefix(HUB), pattern, Path(self._path(card.root)), may_download())
        reader = card.reader if data in self.cast.data else TASK
        return open_pictures(
            reader, Path(self._path(card.root)), data,
            classes=card.classes or (known.classes if known else None),
            images=card.images or (None if card.subset or known is None else known.images),
            label_space=self.space(data), labels=Path(self._path(card.labels)) if card.labels else None,
            class_index=Path(self._path(card.class_index)) if card.class_index else None, split=card.split,
            clean=self.pictures(card.clean).frame if card.clean else None, memo_root=self.store.root,
        )  # fmt: skip

    def space(self, data: str) -> LabelSpace | None:
        """The label space of a data set's card, or None."""
        if data not in self._spaces:
            named, root = self.cast.card(data).label_space, self.cast.card(data).root
            place = named if named is None or named in BUILT_IN else self._path(named)
            self._spaces[data] = find_label_space(place, Path(self._path(root)) if root else None) if place else None
        return self._spaces[data]

    def steps(self, unit: Unit) -> Steps:
        """What is done to the pictures of a unit; the network must be described."""
        found, kept = self._described(unit.model), pinned(self.cast, unit.model)
        own = (kept.preprocessing if kept is not None else self.request(unit.model).preprocessing) or found.native
        reader = self.cast.card(unit.data).reader
        return steps(self.cast.protocol, found.family, own, reader, View.parse(unit.view))

    def padding(self, unit: Unit) -> NDArray[np.float64]:
        """How much of what a network is shown of each picture lies beyond it and is black: shares of area, (images,).

        Raises:
            NotMeasuredError: The network was never loaded, or a picture cannot be read.
        """
        return padding_of(self.steps(unit).geometry, self.pictures(unit.data), self.store)

    def key(self, unit: Unit) -> str:
        """The identity of a unit's evidence.

        Raises:
            NotMeasuredError: The network was never loaded, or pictures are missing or wrong.
        """
        if unit not in self._keys:
            kept = pinned(self.cast, unit.model)
            if kept is not None:
                return kept.key(unit, self.steps(unit))
            try:
                found = self._key(unit)
            except NotMeasuredError as error:
                raise NotMeasuredError(last_failure(self.store.root, self.cast, unit) or str(error)) from error
            if unit.kind == TIMES:   # others have a part in it, which may become known
                return found
            self._keys[unit] = found
        return self._keys[unit]

    def _key(self, unit: Unit) -> str:
        if unit.kind == PROBES:
            return self._probe_key(unit)
        if unit.kind == TIMES:
            return self._times_key(unit)
        return evidence_key(
            evidence=unit.kind,
            network=self._described(unit.model).identity,
            protocol=self.cast.protocol,
            steps=self.steps(unit).record(),
            pictures=self.pictures(unit.data).manifest,
            space=space_record(self.space(unit.data)),
            compiled=self.cast.compiled,
            **self.cast.computes(unit.model),
            adapter=adapter(),
            **({"code": code_hash("evaluation/grams.py", "measures/similarity.py")} if unit.kind == GRAMS else {}),
        )

    def _probe_key(self, unit: Unit) -> str:
        """Of the features of all splits, which depend on their labels too, and of all that fits a probe on them."""
        card = self.cast.data[self.cast.task(unit.data).data]
        return evidence_key(
            evidence=unit.kind,
            features=[self.key(one) for one in features_behind(self.cast, unit)],
            layer=card.features or POOLED,
            recipe=card.recipe or LBFGS,
            code=code_hash("evaluation/probes"),
        )

    def _times_key(self, unit: Unit) -> str:
        """Of all that are timed together: rounds of one are compared with those that others took beside it."""
        together = {name: self.computing(name) if self.description(name) else None for name in self.cast.timed}
        code = [adapter(), code_hash("evaluation/timing.py")]
        return evidence_key(evidence=TIMES, of=[unit.model, self.computing(unit.model)], together=together, code=code)

    def computing(self, model: str) -> list[object]:
        """What a network takes for a picture depends on, beside the machine; the network must be described."""
        side = self.steps(Unit(model, NETWORK)).record()
        return [self._described(model).identity, side, self.cast.computes(model), self.cast.compiled]

    def times(self, unit: Unit) -> Array:
        """How many milliseconds a network took for a picture in each round, (rounds,) of float64.

        Raises:
            NotMeasuredError: It was not timed, or could not be; with the reason.
        """
        return self._arrays(unit, mapped=False)["milliseconds"]

    def table(self, unit: Unit) -> PredictionTable:
        """What a network said, as the evaluation has left it.

        Raises:
            NotMeasuredError: It was not evaluated, or could not be; with the reason.
        """
        kept = pinned(self.cast, unit.model)
        if kept is not None:
            return kept.table(unit)
        found = self.store.found(self.key(unit))
        if found is None:
            raise NotMeasuredError(last_failure(self.store.root, self.cast, unit) or _unevaluated(unit.model))
        return found

    def logits(self, unit: Unit, ids: NDArray[np.str_]) -> Array:
        """The logits that the evaluation has kept, (images, classes) of float16, for some images."""
        rows = np.searchsorted(self.pictures(unit.data).frame.ids, ids)
        return self._arrays(unit, mapped=False)["logits"][rows]

    def features(self, unit: Unit) -> dict[str, Array]:
        """The features that the evaluation has kept, left in their files until they are used.

        Args:
            unit: Of the kind ``features``.

        Returns:
            ``pooled``, what the classifier is fed with, and of CLIP models ``projected``, of unit length: (images,
            width) of float32, in the order of the data set's ids.

        Raises:
            NotMeasuredError: They were not evaluated, or could not be; with the reason.
        """
        return self._arrays(unit, mapped=True)

    def probe(self, unit: Unit) -> dict[str, Array]:
        """What a task's probe says, as the evaluation has left it.

        Args:
            unit: Of the kind ``probes``, on a task's test pictures.

        Returns:
            ``prediction``, (images,) of int64, in the order of the data set's ids; ``penalty``, the regularisation that
            was chosen; ``penalties`` and ``accuracies``, those that it was chosen from and what they came to on the
            validation pictures, (values,).

        Raises:
            NotMeasuredError: It was not fitted, or could not be; with the reason.
        """
        return self._arrays(unit, mapped=False)

    def similarities(self, unit: Unit) -> dict[str, Array]:
        """The statistics from which the similarity of a network's layers follows, left in their files likewise.

        Args:
            unit: Of the kind ``grams``.

        Returns:
            ``hsic``, (batches, k (k + 1) / 2) of float64, for `demeanour.measures.similarity.cka_map`; ``layers`` and
            their ``kinds`` in the order in which they answer, (k,) each; ``left_out``, the names of layers that do not
            answer each picture; ``rows``, the data set's pictures in minibatches that follow each other.

        Raises:
            NotMeasuredError: They were not evaluated, or could not be; with the reason.
        """
        return self._arrays(unit, mapped=True)

    def _arrays(self, unit: Unit, mapped: bool) -> dict[str, Array]:
        kept = pinned(self.cast, unit.model)
        if kept is not None:
            return kept.arrays(unit, mapped)
        found = Arrays(self.store.root, self.store.notice).read(self.key(unit), mapped=mapped)
        if found is None:
            raise NotMeasuredError(last_failure(self.store.root, self.cast, unit) or _unevaluated(unit.model))
        return found[0]

    def _described(self, model: str) -> Description:
        found = self.description(model)
        if found is None:
            raise NotMeasuredError(_unevaluated(model))
        return found

    def _head(self, card: HeadCard) -> Head:
        names, templates = (
            text if text in ("imagenet", "simple") else self._path(text) for text in (card.names, card.templates)
        )
        return Head(names, templates, None if card.logit_scale == "own" else float(card.logit_scale))

    def _path(self, text: str) -> str:
        return str(expand(text, self.cast.path.parent, self.store.root))


def _unevaluated(model: str) -> str:
    return f"{model} was not evaluated yet; a run of `pytest behaviours/` does it"


def _is_path(text: str) -> bool:
    """Whether what stands behind ``@`` is a file, not the tag of published weights."""
    return "/" in text or "$" in text or text.endswith((".safetensors", ".pt", ".pth", ".bin"))
