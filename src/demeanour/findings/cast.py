"""Who plays: models with their roles, data sets, published values and what is expected of each finding."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from demeanour.datasets.catalogue import images_of
from demeanour.findings.baseline import Baseline
from demeanour.findings.cards import NETWORK, PROBE, DataCard, ModelCard, Precision
from demeanour.findings.published import PublishedTable
from demeanour.findings.schema import Selector, Strict, Text
from demeanour.findings.tasks import Task, split_card, tasks_of

Expected = Literal["holds", "violated", "undecided"]


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


def _unless_it_extends(schema: dict[str, Any]) -> None:
    """What is required of a cast that extends no other."""
    schema["anyOf"] = [{"required": ["extends"]}, {"required": schema.pop("required")}]


class CastFile(Strict):
    """A cast as it stands in its file.

    Attributes:
        extends: A cast whose keys it takes over, by its name or as a file beside it: an entry of `models`, `data` or
            `expect` replaces the one of its name, any other key the whole.
        about: What the cast is, for whoever reads its reports.
        protocol: How the models were evaluated; networks are evaluated by ``paper`` or ``native``.
        numerics: In which precision networks compute.
        compiled: Whether networks are compiled first (`torch.compile`): faster in long runs, other rounding.
        models: The models by name.
        data: The data sets by name.
        gate: The release policy for candidates of this cast, a file of the folder of thresholds; else ``gate.yaml``.
        published: Published values, in tables; where several have a value, the first counts, and the others are told.
        expect: What is expected of a finding or verdict, by its id; what has no entry is to hold.
    """

    model_config = ConfigDict(json_schema_extra=_unless_it_extends)

    extends: Text | None = None
    about: Text
    protocol: Text
    numerics: Precision = "fp32"
    compiled: bool = False
    models: Annotated[dict[Text, ModelCard], Field(min_length=1)]
    data: Annotated[dict[Text, DataCard], Field(min_length=1)]
    gate: Text | None = None
    published: list[PublishedTable] = Field(default_factory=list)
    expect: dict[Text, Expectation] = Field(default_factory=dict)


class Cast(CastFile):
    """A cast with its name and the file that it came from.

    Attributes:
        role: The model that candidates would replace: their baseline.
        candidates: The models that would; no finding selects them.
        baseline: What the role said when it was pinned, in place of what it says; None where it is there itself.
        repeats: Of a network that answers again in other ways, who answers in each: a model of the same weights.
    """

    name: str
    path: Path
    role: str | None = None
    candidates: tuple[str, ...] = ()
    baseline: Baseline | None = None
    repeats: dict[str, dict[str, str]] = Field(default_factory=dict)

    def pinned(self, model: str) -> Baseline | None:
        """What a model said when it was pinned, where that counts in place of what it says."""
        return self.baseline if model == self.role or model in self.repeats_of(str(self.role)) else None

    @property
    def references(self) -> list[str]:
        """What is shown beside the models and is none that answers again."""
        again = {name for model in self.repeats for name in self.repeats_of(model)}
        return [name for name, card in self.models.items() if card.context and name not in again]

    def repeats_of(self, model: str) -> tuple[str, ...]:
        """The models that answer for it again."""
        return tuple(self.repeats.get(model, {}).values())

    @property
    def timed(self) -> list[str]:
        """Who is timed together: the role and the candidates, as far as they are networks that are there."""
        roles = filter(None, (self.role, *self.candidates))
        return [name for name in roles if self.models[name].live and self.pinned(name) is None]

    def computes(self, model: str) -> dict[str, object]:
        """What rounding depends on: the precision, and batches and device where its card says other ones."""
        card = self.models[model]
        other = {"batch": card.batch, "device": card.device}
        return {"numerics": card.numerics or self.numerics,
                **{key: value for key, value in other.items() if value is not None}}

    def select(self, selector: Selector, data: str) -> list[str]:
        """The models that may play a role on a data set, in the order of the file; context never plays."""
        named = selector.given().get("model")
        return [
            name
            for name, card in self.models.items()
            if not card.context
            and name not in self.candidates
            and (named is None or name in named)
            and card.plays(selector)
            and self.covers(name, data)
        ]

    def covers(self, model: str, data: str) -> bool:
        """Whether the model has evidence for the data set, its own or that of the images it annotates."""
        return data in self.data and self.evidence_data(model, data) is not None

    def evidence_data(self, model: str, data: str) -> str | None:
        """The data set whose predictions serve: ImageNet-X annotates images of ImageNet's validation set."""
        if data == NETWORK:   # who answers again is as large, and rounding has no say in how fast it is
            again = any(model in self.repeats_of(name) for name in self.repeats)
            return data if self.models[model].live and not again else None
        known = self.sets_of(model)
        layers = self.layers_on(data)
        if layers is not None:   # a table of predictions tells nothing of layers
            return layers if self.models[model].live and layers in known else None
        seen = self.seen(data) if self.models[model].live else None   # a table has one answer to each picture
        return next((name for name in (images_of(data), seen, data) if name in known), None)

    def seen(self, data: str) -> str | None:
        """The data set whose pictures a set of views shows, or None."""
        card = self.data.get(data)
        return card.of if card is not None and card.reader == "views" else None

    def layers_on(self, data: str) -> str | None:
        """The data set on whose pictures layers are compared, where that is what a set is about; else None."""
        card = self.data.get(data)
        return card.of if card is not None and card.reader == "similarity" else None

    def sets_of(self, model: str) -> list[str]:
        """The data sets that a model has evidence on: those that its card names, or all that have pictures."""
        card = self.models[model]
        if card.data is not None:
            return card.data
        return [name for name, data in self.data.items() if data.has_pictures or data.reader == PROBE]

    def card(self, data: str) -> DataCard:
        """The card of a data set, or of a split of a probed task, such as ``vtab/dtd:train``."""
        return self.data[data] if data in self.data else split_card(data, self.data)

    def tasks(self, data: str) -> tuple[Task, ...]:
        """The tasks of a probed set."""
        return tasks_of(data, self.data[data])

    def task(self, test: str) -> Task:
        """The task whose test pictures have this name."""
        return next(task for data in self.data for task in self.tasks(data) if task.test == test)

    def expectation(self, finding: str, verdict: str) -> Expectation | None:
        """The expectation of a verdict: its own entry, else its finding's, else none (it is to hold)."""
        return self.expect.get(verdict) or self.expect.get(finding)
