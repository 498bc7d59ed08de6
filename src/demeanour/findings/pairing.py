"""Finding × models × data set: the cases that a cast can decide, each with an id that stays while the roles do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from demeanour.findings.cast import Cast
from demeanour.findings.schema import Assertion, Compare, Finding, Selector

SEVERAL = " + "   # between the names of data sets that are averaged


@dataclass(frozen=True)
class Comparison:
    """A signed sum of values that a relation speaks of: one model, left − right, a gap of gaps, or one pair of models.

    Attributes:
        name: What tells it from the others of its case; empty where there is one only.
        terms: Sign (+1 or −1) and model, or the two models of a measure of pairs.
    """

    name: str
    terms: tuple[tuple[int, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Case:
    """What one verdict is about.

    Attributes:
        id: ``finding[label]``: the test's parameter and the report's key. The label is as short as the roles allow,
            so that a second ViT in a cast turns ``[vit]`` into ``[LEFT-RIGHT]``.
        finding: The claim, or what a release policy requires.
        sets: The data set; where the finding speaks of an average, all of them.
        label: What tells the case from the finding's others.
        comparisons: What the relation speaks of.
        basis: The cases from whose verdicts this one follows, which has no comparisons of its own.
        kind: Whether it is about a ``finding`` of the cast's models, about a ``requirement`` on a candidate, or about a
            ``characteristic`` of it: a finding with the candidate in the place of its baseline.
        candidate: Who is on trial.
        burden: Of a requirement: who has to prove, the ``candidate`` or those who see ``harm``.
        beside: Of a requirement, all of the candidate's; of a characteristic, the finding with the baseline.
        told: Whether it is reported without a say in the outcome.
    """

    id: str
    finding: Assertion
    sets: tuple[str, ...]
    label: str
    comparisons: tuple[Comparison, ...]
    basis: tuple[Case, ...] = ()
    kind: Literal["finding", "requirement", "characteristic"] = "finding"
    candidate: str | None = None
    burden: Literal["candidate", "harm"] = "candidate"
    beside: tuple[Case, ...] = ()
    told: bool = False

    @property
    def data(self) -> str:
        """The data set by name, or all sets of an average."""
        return SEVERAL.join(self.sets)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that it needs, in the order of the comparison."""
        own = [model for c in self.comparisons for _, subject in c.terms for model in subject]
        return tuple(dict.fromkeys([*own, *(model for case in self.basis for model in case.models)]))

    @property
    def measured(self) -> tuple[Case, ...]:
        """What has to be measured for it: itself, or the cases that it follows from; of a finding's baseline too."""
        before = self.beside if self.kind == "characteristic" else ()
        return (*(self.basis or (self,)), *(one for case in before for one in case.measured))

    @property
    def is_paired(self) -> bool:
        """Whether it compares models, not one with a bound."""
        return any(len(comparison.terms) > 1 for comparison in self.comparisons)


@dataclass(frozen=True)
class OutOfScope:
    """A finding, on one data set, that the cast cannot speak about, and why."""

    id: str
    finding: Assertion
    data: str
    reason: str


def cases_of(
    finding: Finding, cast: Cast, among: Mapping[str, Finding] = MappingProxyType({})
) -> Iterator[Case | OutOfScope]:
    """All cases of a finding in a cast; for each data set, or for their average, at least one, in or out of scope.

    Args:
        finding: The finding.
        cast: Who plays.
        among: Findings by id, where one that follows from others finds them; it has one case.
    """
    if finding.follows:
        yield _following(finding, cast, among)
        return
    choices = [tuple(finding.data)] if finding.average else [(data,) for data in finding.data]
    for sets in choices:
        name = [SEVERAL.join(sets)] if len(choices) > 1 else []
        absent = [data for data in sets if data not in cast.data]
        found = [] if absent else list(_pairings(finding, cast, sets))
        if not found:
            why = f"the cast has no data set {' and no '.join(absent)}"
            why = why if absent else _missing_role(finding, cast, sets)
            yield OutOfScope(_id(finding, name), finding, SEVERAL.join(sets), why)
        for label, comparisons in found:
            parts = [part for part in (label, *name) if part]
            yield Case(_id(finding, parts), finding, sets, "-".join(parts), comparisons)


def select(cast: Cast, selector: Selector, sets: Sequence[str]) -> list[str]:
    """The models that may play a role and have evidence on all of the data sets."""
    return [model for model in cast.select(selector, sets[0]) if all(cast.covers(model, data) for data in sets)]


def _following(finding: Finding, cast: Cast, among: Mapping[str, Finding]) -> Case | OutOfScope:
    """One verdict about all cases of the findings that are named; each of them must have one."""
    basis: list[Case] = []
    for name in finding.findings or []:
        found = list(cases_of(among[name], cast)) if name in among else []
        inside = [case for case in found if isinstance(case, Case)]
        if not inside:
            why = [case.reason for case in found if isinstance(case, OutOfScope)] or ["there is no such finding"]
            return OutOfScope(finding.id, finding, "", f"it follows from {name}, which is out of scope: {why[0]}")
        basis += inside
    sets = tuple(dict.fromkeys(data for case in basis for data in case.sets))
    return Case(finding.id, finding, sets, "", (), tuple(basis))


def _id(finding: Finding, parts: list[str]) -> str:
    return f"{finding.id}[{'-'.join(parts)}]" if parts else finding.id


def _pairings(finding: Finding, cast: Cast, sets: Sequence[str]) -> Iterator[tuple[str, tuple[Comparison, ...]]]:
    if finding.compare is None:
        for model in select(cast, finding.models or Selector(), sets):
            yield model, (Comparison("", ((1, (model,)),)),)
        return
    compare = finding.compare
    lefts, rights = select(cast, compare.left, sets), select(cast, compare.right, sets)
    if compare.gap is not None:
        yield from _gaps(compare, cast, sets)
    elif compare.against == "every":
        for left in lefts:
            others = [right for right in rights if right != left]
            if others:
                yield left, tuple(_comparison(finding, left, right, f"over {right}") for right in others)
    else:
        pairs = [(one, other) for one in lefts for other in rights if _alike(compare, cast, one, other)]
        labels = [_pair_label(compare, cast, left) for left, _ in pairs]
        for (left, right), label in zip(pairs, labels, strict=True):
            unique = label if label and labels.count(label) == 1 else f"{left}-{right}"
            yield unique, (_comparison(finding, left, right),)


def _comparison(finding: Finding, left: str, right: str, name: str = "") -> Comparison:
    """The difference of two models, or the value of the pair."""
    if finding.relation.startswith("value"):
        return Comparison(name.replace("over", "with"), ((1, (left, right)),))
    return Comparison(name, ((1, (left,)), (-1, (right,))))


def _gaps(compare: Compare, cast: Cast, sets: Sequence[str]) -> Iterator[tuple[str, tuple[Comparison, ...]]]:
    """One gap of gaps: (minuend − subtrahend) of the left role, minus the same of the right role."""
    assert compare.gap is not None
    quad = []
    for side in (compare.left, compare.right):
        within = set(select(cast, side, sets))
        for part in compare.gap:
            found = [model for model in select(cast, part, sets) if model in within]
            if len(found) != 1:
                return
            quad.append((found[0],))
    yield "", (Comparison("", tuple(zip((1, -1, -1, 1), quad, strict=True))),)


def _alike(compare: Compare, cast: Cast, left: str, right: str) -> bool:
    if left == right or compare.pair_on is None:
        return left != right
    one, other = (getattr(cast.models[model], compare.pair_on) for model in (left, right))
    return one is not None and one == other


def _pair_label(compare: Compare, cast: Cast, left: str) -> str:
    return str(getattr(cast.models[left], compare.pair_on)) if compare.pair_on else ""


def _missing_role(finding: Finding, cast: Cast, sets: Sequence[str]) -> str:
    data = " and ".join(sets)
    for _, role in finding.selectors():
        if not select(cast, role, sets):
            return f"no model of the cast with {role} has evidence on {data}"
    return f"the cast's models on {data} form no pair that the finding compares"
