"""What is decided about candidates: what the policy requires, and which findings are as they are with the baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from demeanour.findings.cast import Cast
from demeanour.findings.pairing import SEVERAL, Case, Comparison, OutOfScope
from demeanour.findings.policy import Policy, Requirement


def requirements(policy: Policy, cast: Cast) -> Iterator[Case | OutOfScope]:
    """One case for each requirement, data set and candidate; each knows all of its candidate's.

    Args:
        policy: What is required.
        cast: Who plays, with candidates.
    """
    for candidate in cast.candidates:
        found = [one for entry in policy.requirements for one in _cases(entry, policy, cast, candidate)]
        family = tuple(one for one in found if isinstance(one, Case))
        yield from (replace(one, beside=family) if isinstance(one, Case) else one for one in found)


def characteristics(findings: Iterable[Case], cast: Cast, strict: bool) -> Iterator[Case]:
    """Every finding that the role plays in, with each candidate in its place.

    Args:
        findings: The cast's cases without candidates.
        cast: Who plays, with candidates.
        strict: Whether one that changes has a say in the outcome.
    """
    for candidate in cast.candidates:
        behind = f"@{candidate}" if len(cast.candidates) > 1 else ""
        for case in findings:
            if cast.role in case.models:
                yield replace(
                    _instead(case, str(cast.role), candidate), id=f"{case.id}{behind}", kind="characteristic",
                    candidate=candidate, beside=(case,), told=not strict,
                )  # fmt: skip


def _instead(case: Case, role: str, candidate: str) -> Case:
    comparisons = tuple(
        replace(one, terms=tuple((sign, tuple(candidate if model == role else model for model in models))
                                 for sign, models in one.terms))
        for one in case.comparisons
    )  # fmt: skip
    return replace(case, comparisons=comparisons, basis=tuple(_instead(one, role, candidate) for one in case.basis))


def _cases(entry: Requirement, policy: Policy, cast: Cast, candidate: str) -> Iterator[Case | OutOfScope]:
    label = policy.label(entry)
    choices = [tuple(entry.data)] if entry.average else [(data,) for data in entry.data]
    named = [candidate] if len(cast.candidates) > 1 else []
    for sets in choices:
        data = SEVERAL.join(sets)
        parts = [*named, *([data] if len(choices) > 1 else [])]
        name = f"{entry.id}[{'-'.join(parts)}]" if parts else entry.id
        assertion = entry.assertion(data, label)
        lacking = [one for one in sets if one not in cast.data]
        playing = (candidate, *((str(cast.role),) if entry.bound is None else ()))
        uncovered = [(model, one) for one in sets for model in playing if not lacking and not cast.covers(model, one)]
        if lacking or uncovered:
            why = f"the cast has no data set {' and no '.join(lacking)}" if lacking else \
                  f"{uncovered[0][0]} has no evidence on {uncovered[0][1]}"
            yield OutOfScope(name, assertion, data, why)
            continue
        terms = tuple(zip((1, -1), ((model,) for model in playing), strict=False))
        yield Case(name, assertion, sets, "-".join(parts), (Comparison("", terms),), kind="requirement",
                   candidate=candidate, burden=entry.burden)  # fmt: skip
