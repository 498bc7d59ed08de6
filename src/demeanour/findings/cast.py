"""Who plays: models with their roles, data sets, published values and what is expected of each finding."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from demeanour.datasets.catalogue import images_of
from demeanour.findings.schema import Number, Selector, Strict, Text, Words

ROW_ORDER = "row-order"   # what a card says of tables whose rows have no ids

Expected = Literal["holds", "violated", "undecided"]


class ModelCard(Strict):
    """One model: where what it says comes from, and which roles it may play.

    Attributes:
        source: ``predictions:PATH``; the path may hold ``${VARIABLES}`` of the environment and is a file, or a
            folder with one table for each data set (``DATA.parquet``, ``.csv``, ``.npz`` or ``.npy``).
        architecture: The family of the network, such as ``vit`` or ``convnext``.
        paradigm: How it was trained, such as ``supervised`` or ``clip``.
        pretraining: What it was trained on.
        parameters: How many parameters it has.
        data: The data sets that it has predictions on.
        format: The format of the file, where its header does not tell.
        ids: ``row-order`` where the rows have no ids, or the JSON file with the order of the rows.
        order: With ``row-order``: the name of the order; only tables that give the same name are paired.
        repeats: Sources of the same weights' answers under another batch size, precision or device: by as much as
            they differ, intervals are widened.
        context: True for a reference such as people: shown beside the models, selected by no finding.
        note: What a reader of its numbers should know.
    """

    source: Text
    architecture: Text
    paradigm: Text
    pretraining: Text | None = None
    parameters: Annotated[int, Field(gt=0)] | None = None
    data: Words
    format: Text | None = None
    ids: Text | None = None
    order: Text | None = None
    repeats: list[Text] = Field(default_factory=list)
    context: bool = False
    note: Text | None = None

    def __str__(self) -> str:
        size = f"{self.parameters / 1e6:.0f} M parameters" if self.parameters else None
        roles = [self.architecture, self.paradigm, self.pretraining, size, "context" if self.context else None]
        return ", ".join(role for role in roles if role)

    def plays(self, selector: Selector) -> bool:
        """Whether the card's roles match (the selector's ``model`` key is matched by the cast)."""
        mine = {"architecture": self.architecture, "paradigm": self.paradigm, "pretraining": self.pretraining}
        return all(mine[key] in words for key, words in selector.given().items() if key != "model")


class DataCard(Strict):
    """One data set: how its labels and annotations are read, and how large it is.

    Attributes:
        reader: ``labels`` (CSV of id and label), ``label-sets`` (JSON of several labels for each image), ``imagenet-x``
            (folder of annotations), ``cue-conflict`` (everything is in the images' names), ``corruptions`` (the
            root is the CSV of the clean images' labels, the rest is in the names) or ``tables`` (labels come with the
            predictions).
        root: The file or folder that the reader opens; may hold ``${VARIABLES}`` of the environment.
        images: How many images the set has; known for the published sets.
        classes: How many classes its labels count; known for the published sets.
        version: Which edition of the set it is.
        label_space: JSON that says which of the model's classes are the data set's (a list of indices: logits are
            sliced before the softmax), or which belong to each category (a list or object of lists: the mean of
            their probabilities). It applies to logits only.
        clean: For ``corruptions``: the data set of the clean images, for relative errors.
    """

    reader: Literal["labels", "label-sets", "imagenet-x", "cue-conflict", "corruptions", "tables"]
    root: Text | None = None
    images: Annotated[int, Field(gt=0)] | None = None
    classes: Annotated[int, Field(gt=1)] | None = None
    version: Text | None = None
    label_space: Text | None = None
    clean: Text | None = None


class Expectation(Strict):
    """What a cast expects of a finding, or of one of its verdicts, and why.

    Attributes:
        expect: The verdict; ``undecided`` accepts any.
        reason: Why.
        owner: Who answers for it.
        until: The last day on which it explains anything.
    """

    expect: Expected
    reason: Text
    owner: Text | None = None
    until: datetime.date | None = None

    def expired(self, today: datetime.date) -> bool:
        """Whether the expectation no longer explains anything."""
        return self.until is not None and today > self.until


# finding or verdict id → measure → data set → model → value
Published = dict[str, dict[str, dict[str, dict[str, Number]]]]


class CastFile(Strict):
    """A cast as it stands in its file.

    Attributes:
        about: What the cast is, for whoever reads its reports.
        protocol: How the models were evaluated.
        models: The models by name.
        data: The data sets by name.
        published: Published values: finding or verdict id → measure → data set → model → value.
        expect: What is expected of a finding or verdict, by its id; what has no entry is to hold.
    """

    about: Text
    protocol: Text
    models: Annotated[dict[Text, ModelCard], Field(min_length=1)]
    data: Annotated[dict[Text, DataCard], Field(min_length=1)]
    published: Published = Field(default_factory=dict)
    expect: dict[Text, Expectation] = Field(default_factory=dict)


class Cast(CastFile):
    """A cast with its name and the file that it came from."""

    name: str
    path: Path

    def select(self, selector: Selector, data: str) -> list[str]:
        """The models that may play a role on a data set, in the order of the file; context never plays."""
        named = selector.given().get("model")
        return [
            name
            for name, card in self.models.items()
            if not card.context
            and (named is None or name in named)
            and card.plays(selector)
            and self.covers(name, data)
        ]

    def covers(self, model: str, data: str) -> bool:
        """Whether the model has evidence for the data set, its own or that of the images it annotates."""
        return data in self.data and self.evidence_data(model, data) is not None

    def evidence_data(self, model: str, data: str) -> str | None:
        """The data set whose predictions serve: ImageNet-X annotates images of ImageNet's validation set."""
        for name in (images_of(data), data):
            if name is not None and name in self.models[model].data:
                return name
        return None

    def expectation(self, finding: str, verdict: str) -> Expectation | None:
        """The expectation of a verdict: its own entry, else its finding's, else none (it is to hold)."""
        return self.expect.get(verdict) or self.expect.get(finding)

    def published_values(self, finding: str, verdict: str) -> dict[str, dict[str, dict[str, float]]] | None:
        """The published values of a verdict: its own entry, else its finding's."""
        return self.published.get(verdict) or self.published.get(finding)
