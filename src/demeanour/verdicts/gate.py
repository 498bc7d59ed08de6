"""Verdicts about candidates: each requirement against its margin, and all together where harm is to be proved."""

from __future__ import annotations

import datetime
from dataclasses import replace

from demeanour.errors import NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.findings.pairing import Case
from demeanour.statistics.multiplicity import holm
from demeanour.statistics.zones import ALPHA
from demeanour.verdicts.judge import judge
from demeanour.verdicts.outcome import NOT_VIOLATED
from demeanour.verdicts.verdict import Verdict
from demeanour.verdicts.words import number


def judge_case(case: Case, evidence: Evidence, today: datetime.date | None = None) -> Verdict:
    """Decide one case, of a cast or of a candidate.

    A requirement *holds* where the candidate is shown to be within the margin with one-sided α = .05: all must, so that
    none needs a correction (intersection-union test; Berger, 1982). It is *violated* where a loss beyond the margin is
    shown with α = .05 over all requirements of the candidate (Holm, 1979), so that a candidate as good as its baseline
    is blocked with a probability of .05 at most. What is neither is *undecided*.

    A characteristic is expected to be what it is with the baseline.

    Args:
        case: The case.
        evidence: What the cast's models and candidates said.
        today: The day by which expectations and waivers expire; today's.

    Returns:
        The verdict; *not measured*, with the reason, where evidence is missing or wrong.
    """
    if case.kind == "finding":
        return judge(case, evidence, today)
    if case.kind == "requirement":
        return _required(case, evidence, today)
    before, found = judge(case.beside[0], evidence, today), judge(case, evidence, today)
    return replace(
        found, before=before.verdict,
        expected=before.verdict if before.decided else "undecided",
        expected_because=f"it is {before.verdict} with {evidence.cast.role}, {before.reason}",
    )  # fmt: skip


def _required(case: Case, evidence: Evidence, today: datetime.date | None) -> Verdict:
    alone = _alone(case, evidence, today)
    if alone.verdict == "not measured":
        return alone
    family = [alone if one.id == case.id else _alone(one, evidence, today) for one in case.beside]
    p = holm([1.0 if one.p_harm is None else one.p_harm for one in family])
    adjusted = float(p[[one.id for one in family].index(case.id)])
    found = replace(alone, p_harm_adjusted=adjusted)
    if alone.verdict == "holds":
        return found
    if adjusted <= ALPHA:
        more = f"; adjusted for {len(family)} requirements, p = {number(adjusted)}" if len(family) > 1 else ""
        return replace(found, verdict="violated", reason=f"{alone.reason}{more}")
    if alone.verdict == "violated":
        why = f"alone it would be a loss, but of {len(family)} requirements one may look like this by chance"
        found = replace(found, verdict="undecided", reason=f"{alone.reason}; {why} (p = {number(adjusted)})")
    return found


def _alone(case: Case, evidence: Evidence, today: datetime.date | None) -> Verdict:
    """A requirement as if it were the only one."""
    found = judge(case, evidence, today)
    expected = NOT_VIOLATED if case.burden == "harm" and found.expected == "holds" else found.expected
    found = replace(found, burden=case.burden, expected=expected)
    if found.verdict == "not measured" or not case.is_paired or not _is_same(case, evidence):
        return found
    why = (f"{case.candidate} is {evidence.cast.role}: the same weights, prepared alike, gave the same answers "
           "about the same pictures")  # fmt: skip
    return replace(found, verdict="holds", reason=why, shortfall=None, p_harm=1.0, same=True)


def _is_same(case: Case, evidence: Evidence) -> bool:
    """Whether the candidate is its baseline: nothing is left to chance then, however few the pictures are.

    Of tables, whose weights nobody knows, confidences must be alike to the last digit; answers alone may be by chance.
    """
    cast = evidence.cast
    candidate, baseline = case.models
    try:
        if not all(evidence.same(candidate, baseline, data) for data in case.sets):
            return False
        if cast.models[candidate].live and cast.models[baseline].live:
            return True
        return all("confidence" in evidence.observations(candidate, data).columns for data in case.sets)
    except NotMeasuredError:
        return False
