"""What a finding is: one claim of the literature, where it is written, and the relation that decides it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]


def _one_or_many(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _letter_or_map(value: Any) -> Any:
    return {DEFAULT: value} if isinstance(value, str) else value


DEFAULT = "default"
Letter = Annotated[str, StringConstraints(pattern=r"^[A-D](/[A-D])?$")]
Words = Annotated[
    list[Text],
    BeforeValidator(_one_or_many, json_schema_input_type=Text | Annotated[list[Text], Field(min_length=1)]),
    Field(min_length=1),
]

EVERY = "every"   # stands for every group of a measure

FOLLOWS = "all hold"   # the relation of a finding whose verdict follows from those of others
MEASURED = ("measure", "data", "margin")   # what every other finding has

ONE_NUMBER = ("left flatter than right", "left area > right")   # one comparison of whole curves
CURVES = ("groups rise", "groups fall", *ONE_NUMBER)

Relation = Literal[
    "left > right",     # left exceeds right by more than the margin
    "left < right",     # left stays below right by more than the margin
    "left >= right",    # left is not below right by the margin or more
    "left <= right",    # left is not above right by the margin or more
    "left ~ right",     # left and right differ by less than the margin (around `offset`)
    "value > bound",    # each model's value exceeds the bound by more than the margin
    "value < bound",    # each model's value stays below the bound by more than the margin
    "group in top",     # the named group is among the `top` largest of its measure
    "groups rise",      # from each of the groups to the next, the value never falls by the margin or more
    "groups fall",      # from each of the groups to the next, the value never rises by the margin or more
    "left flatter than right",   # from the first group to the last, left falls less than right, by more than the margin
    "left area > right",         # left's mean height over the groups exceeds right's by more than the margin
    "all hold",         # every verdict of the findings that are named in `findings` holds
]


class Strict(BaseModel):
    """A part of a YAML file in which an unknown key or a value of another type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Paper(Strict):
    """A work that findings come from.

    Attributes:
        title: As it stands on the work.
        url: Where it can be read.
        year: Of its publication.
        note: What a reader of its quotes should know.
    """

    title: Text
    url: Annotated[str, StringConstraints(pattern=r"^https://")]
    year: int
    note: Text | None = None


class Source(Strict):
    """Where a claim is written: never without a place to look it up and the words that say it.

    Attributes:
        paper: A key of papers.yaml.
        section: The section's number.
        figure: The figure's number.
        table: The table's number.
        quote: The words that say it, as they stand there.
        conflicts: Where sources disagree, each in a sentence.
    """

    paper: Text
    section: Text
    figure: int | None = None
    table: int | None = None
    quote: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=300)]
    conflicts: list[Text] = []

    @property
    def place(self) -> str:
        """Where in the work it stands: ``§3.1, Figure 2, Table 3``."""
        parts = (("Figure", self.figure), ("Table", self.table))
        return ", ".join([f"§{self.section}", *(f"{kind} {number}" for kind, number in parts if number)])


class Selector(Strict):
    """Which models may play a role: every key that is given must match, by any of its words.

    Attributes:
        architecture: The family of the network.
        paradigm: How it was trained.
        pretraining: What it was trained on.
        model: The name of the card.
    """

    architecture: Words | None = None
    paradigm: Words | None = None
    pretraining: Words | None = None
    model: Words | None = None

    def given(self) -> dict[str, list[str]]:
        """The keys that select, with the words that each accepts."""
        return {key: words for key, words in self if words is not None}

    def __str__(self) -> str:
        return ", ".join(f"{key} {' or '.join(words)}" for key, words in self.given().items()) or "any model"


class Compare(Strict):
    """Who is compared with whom.

    Attributes:
        left: The role whose value stands first in the relation.
        right: The role that it is compared with.
        pair_on: The role attribute that both sides must share: one verdict for each of its values.
        against: ``every``: one verdict for each left model, with each right model as one of its parts.
        gap: Two selectors; each side's value becomes the difference between the models that they pick.
    """

    left: Selector
    right: Selector
    pair_on: Literal["architecture", "paradigm", "pretraining"] | None = None
    against: Literal["every"] | None = None
    gap: Annotated[list[Selector], Field(min_length=2, max_length=2)] | None = None


class Assertion(Strict):
    """What evidence can decide: a relation between values, whoever asserts it.

    Which keys a relation reads is checked beyond the types: one that it needs and lacks is an error, and one that it
    does not read.

    Attributes:
        id: ``section.name``, permanent: test parameter, report history and key of expectations.
        label: The short name used in tables, such as ``C1``.
        claim: What is claimed, in a sentence.
        measure: The name of the measure that decides; ``all hold`` has none, no data and no margin of its own.
        data: The data sets that the claim speaks of, one verdict for each.
        average: Whether it speaks of the mean over the data sets instead: then there is one verdict about all.
        compare: The paired roles of a ``left … right`` relation.
        models: The models of a ``value … bound`` or ``group in top`` relation, one verdict for each.
        relation: What must hold between the values.
        findings: For ``all hold``: the ids of the findings that it follows from.
        margin: How far beyond equality the relation must hold, in the measure's unit.
        bound: What ``value … bound`` compares with.
        offset: What ``left - right`` is compared with in ``left ~ right``.
        groups: Groups of the measure that must each satisfy the relation, or ``every``; without it, ``all``. For a
            relation of curves, its points in their order.
        at: For an area, where on its axis each of the groups lies, increasing; without it, equally far apart.
        except_groups: Groups left out of ``every``, or of those that ``group in top`` compares with.
        at_least: How many of the groups suffice; without it, all of them.
        group: The group that ``group in top`` speaks of.
        top: How many places count as the top.
        min_n: A group with fewer images is shown but never decides.
        note: What a reader of the verdict should know.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z0-9][a-z0-9.-]*$")]
    label: Text
    claim: Text
    measure: Text = ""
    data: Words = []
    average: bool = False
    compare: Compare | None = None
    models: Selector | None = None
    relation: Relation
    findings: Annotated[list[Text], Field(min_length=1)] | None = None
    margin: Annotated[float, Field(allow_inf_nan=False, ge=0)] = 0.0
    bound: Number | None = None
    offset: Number | None = None
    groups: Words | None = None
    at: Annotated[list[Number], Field(min_length=2)] | None = None
    except_groups: Words | None = None
    at_least: Annotated[int, Field(ge=1)] | None = None
    group: Text | None = None
    top: Annotated[int, Field(ge=1)] | None = None
    min_n: Annotated[int, Field(ge=1)] = 1
    note: Text | None = None

    def strength_on(self, data: str) -> str:   # noqa: ARG002
        """How strong the source's evidence is on a data set; nothing where no literature stands behind it."""
        return ""

    def selectors(self) -> list[tuple[tuple[str | int, ...], Selector]]:
        """Every selector of the claim, with its place in the entry."""
        found: list[tuple[tuple[str | int, ...], Selector]] = []
        if self.models is not None:
            found.append((("models",), self.models))
        if self.compare is not None:
            found += [(("compare", "left"), self.compare.left), (("compare", "right"), self.compare.right)]
            found += [(("compare", "gap", index), side) for index, side in enumerate(self.compare.gap or [])]
        return found

    @property
    def follows(self) -> bool:
        """Whether its verdict follows from those of other findings."""
        return self.relation == FOLLOWS

    @property
    def section(self) -> str:
        """The part of the id before the first dot: its behaviours file and its findings file."""
        return self.id.split(".", 1)[0]


class Finding(Assertion):
    """One claim of the literature, as an assertion that evidence can decide.

    Attributes:
        source: Where it is written.
        strength: How strong the source's own evidence is: A large and corroborated, B clear, C within noise
            or dependent on protocol, D contradicted by the source's own numbers; or a map of data sets to letters.
    """

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["findings"]}, {"required": list(MEASURED)}]})

    source: Source
    strength: Annotated[
        dict[Text, Letter],
        BeforeValidator(_letter_or_map, json_schema_input_type=Letter | dict[Text, Letter]),
        Field(min_length=1),
    ]

    def strength_on(self, data: str) -> str:
        """How strong the source's evidence is on a data set."""
        return self.strength.get(data) or self.strength.get(DEFAULT) or "unknown"
