"""Finding × models × data set: the cases that a cast can decide, each with an id that stays while the roles do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from demeanour.findings.cast import Cast
from demeanour.findings.schema import Compare, Finding, Selector


@dataclass(frozen=True)
class Comparison:
    """A signed sum of models' values that a relation speaks of: one model, left − right, or a gap of gaps.

    Attributes:
        name: What tells it from the others of its case; empty where there is one only.
        terms: Sign (+1 or −1) and model.
    """

    name: str
    terms: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Case:
    """What one verdict is about.

    Attributes:
        id: ``finding[label]``: the test's parameter and the report's key. The label is as short as the roles allow,
            so that a second ViT in a cast turns ``[vit]`` into ``[LEFT-RIGHT]``.
        finding: The claim.
        data: The data set.
        label: What tells the case from the finding's others.
        comparisons: What the relation speaks of.
    """

    id: str
    finding: Finding
    data: str
    label: str
    comparisons: tuple[Comparison, ...]

    @property
    def models(self) -> tuple[str, ...]:
        """The models that it needs, in the order of the comparison."""
        return tuple(dict.fromkeys(model for c in self.comparisons for _, model in c.terms))


@dataclass(frozen=True)
class OutOfScope:
    """A finding, on one data set, that the cast cannot speak about, and why."""

    id: str
    finding: Finding
    data: str
    reason: str


def cases_of(finding: Finding, cast: Cast) -> Iterator[Case | OutOfScope]:
    """All cases of a finding in a cast; for each data set at least one, in or out of scope."""
    for data in finding.data:
        several = len(finding.data) > 1
        found = list(_pairings(finding, cast, data)) if data in cast.data else []
        if not found:
            why = _missing_role(finding, cast, data) if data in cast.data else f"the cast has no data set {data}"
            yield OutOfScope(_id(finding, [data] if several else []), finding, data, why)
        for label, comparisons in found:
            parts = [part for part in (label, data if several else "") if part]
            yield Case(_id(finding, parts), finding, data, "-".join(parts), comparisons)


def _id(finding: Finding, parts: list[str]) -> str:
    return f"{finding.id}[{'-'.join(parts)}]" if parts else finding.id


def _pairings(finding: Finding, cast: Cast, data: str) -> Iterator[tuple[str, tuple[Comparison, ...]]]:
    if finding.compare is None:
        for model in cast.select(finding.models or Selector(), data):
            yield model, (Comparison("", ((1, model),)),)
        return
    compare = finding.compare
    lefts, rights = cast.select(compare.left, data), cast.select(compare.right, data)
    if compare.gap is not None:
        yield from _gaps(compare, cast, data)
    elif compare.against == "every":
        for left in lefts:
            others = [right for right in rights if right != left]
            if others:
                yield left, tuple(Comparison(f"over {right}", ((1, left), (-1, right))) for right in others)
    else:
        pairs = [(one, other) for one in lefts for other in rights if _alike(compare, cast, one, other)]
        labels = [_pair_label(compare, cast, left) for left, _ in pairs]
        for (left, right), label in zip(pairs, labels, strict=True):
            unique = label if label and labels.count(label) == 1 else f"{left}-{right}"
            yield unique, (Comparison("", ((1, left), (-1, right))),)


def _gaps(compare: Compare, cast: Cast, data: str) -> Iterator[tuple[str, tuple[Comparison, ...]]]:
    """One gap of gaps: (minuend − subtrahend) of the left role, minus the same of the right role."""
    assert compare.gap is not None
    quad = []
    for side in (compare.left, compare.right):
        within = set(cast.select(side, data))
        for part in compare.gap:
            found = [model for model in cast.select(part, data) if model in within]
            if len(found) != 1:
                return
            quad.append(found[0])
    yield "", (Comparison("", tuple(zip((1, -1, -1, 1), quad, strict=True))),)


def _alike(compare: Compare, cast: Cast, left: str, right: str) -> bool:
    if left == right or compare.pair_on is None:
        return left != right
    one, other = (getattr(cast.models[model], compare.pair_on) for model in (left, right))
    return one is not None and one == other


def _pair_label(compare: Compare, cast: Cast, left: str) -> str:
    return str(getattr(cast.models[left], compare.pair_on)) if compare.pair_on else ""


def _missing_role(finding: Finding, cast: Cast, data: str) -> str:
    for _, role in finding.selectors():
        if not cast.select(role, data):
            return f"no model of the cast with {role} has evidence on {data}"
    return f"the cast's models on {data} form no pair that the finding compares"
