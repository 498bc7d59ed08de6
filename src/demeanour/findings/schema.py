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
Words = Annotated[list[Text], BeforeValidator(_one_or_many), Field(min_length=1)]

EVERY = "every"   # stands for every group of a measure

Relation = Literal[
    "left > right",     # left exceeds right by more than the margin
    "left < right",     # left stays below right by more than the margin
    "left >= right",    # left is not below right by the margin or more
    "left <= right",    # left is not above right by the margin or more
    "left ~ right",     # left and right differ by less than the margin (around `offset`)
    "value > bound",    # each model's value exceeds the bound by more than the margin
    "value < bound",    # each model's value stays below the bound by more than the margin
    "group in top",     # the named group is among the `top` largest of its measure
]


class Strict(BaseModel):
    """A part of a YAML file in which an unknown key or a value of another type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Paper(Strict):
    """A work that findings come from."""

    title: Text
    url: Annotated[str, StringConstraints(pattern=r"^https://")]
    year: int
    note: Text | None = None   # what a reader of its quotes should know


class Source(Strict):
    """Where a claim is written: never without a place to look it up and the words that say it."""

    paper: Text
    section: Text
    figure: int | None = None
    table: int | None = None
    quote: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=300)]
    conflicts: list[Text] = []


class Selector(Strict):
    """Which models may play a role: every key that is given must match, by any of its words."""

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


class Finding(Strict):
    """One claim, as an assertion that evidence can decide.

    Attributes:
        id: ``section.name``, permanent: test parameter, report history and key of expectations.
        label: The short name used in tables, such as ``C1``.
        strength: How strong the source's own evidence is: A large and corroborated, B clear, C within noise
            or dependent on protocol, D contradicted by the source's own numbers; or a map of data sets to letters.
        measure: The name of the measure that decides.
        data: The data sets that the claim speaks of, one verdict for each.
        compare: The paired roles of a ``left … right`` relation.
        models: The models of a ``value … bound`` or ``group in top`` relation, one verdict for each.
        margin: How far beyond equality the relation must hold, in the measure's unit.
        bound: What ``value … bound`` compares with.
        offset: What ``left - right`` is compared with in ``left ~ right``.
        groups: Groups of the measure that must each satisfy the relation, or ``every``; without it, ``all``.
        except_groups: Groups left out of ``every``.
        at_least: How many of the groups suffice; without it, all of them.
        group: The group that ``group in top`` speaks of.
        top: How many places count as the top.
        min_n: A group with fewer images is shown but never decides.
        note: What a reader of the verdict should know.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z0-9][a-z0-9.-]*$")]
    label: Text
    claim: Text
    source: Source
    strength: Annotated[dict[Text, Letter], BeforeValidator(_letter_or_map), Field(min_length=1)]
    measure: Text
    data: Words
    compare: Compare | None = None
    models: Selector | None = None
    relation: Relation
    margin: Annotated[float, Field(allow_inf_nan=False, ge=0)]
    bound: Number | None = None
    offset: Number | None = None
    groups: Words | None = None
    except_groups: Words | None = None
    at_least: Annotated[int, Field(ge=1)] | None = None
    group: Text | None = None
    top: Annotated[int, Field(ge=1)] | None = None
    min_n: Annotated[int, Field(ge=1)] = 1
    note: Text | None = None

    def strength_on(self, data: str) -> str:
        """How strong the source's evidence is on a data set."""
        return self.strength.get(data) or self.strength.get(DEFAULT) or "unknown"

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
    def section(self) -> str:
        """The part of the id before the first dot: its behaviours file and its findings file."""
        return self.id.split(".", 1)[0]
