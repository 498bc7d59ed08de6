"""What a gate must say of candidates whose truth is known: asked in every run, before anybody believes the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import Array, Observations, held_out
from demeanour.findings.cast import Cast
from demeanour.findings.pairing import Case
from demeanour.measures.registry import MEASURES
from demeanour.statistics.multiplicity import holm
from demeanour.statistics.zones import ALPHA
from demeanour.verdicts.decision import Decision
from demeanour.verdicts.judge import decide

AGAIN = "the baseline again"
BLIND = "the baseline, wrong on half of the images"
SHUFFLED = "the baseline, its rows in another order"


@dataclass(frozen=True)
class SelfCheck:
    """One of the questions whose answer is known.

    Attributes:
        planted: What was put before the gate.
        said: What it said.
        passed: Whether that is what it had to say.
    """

    planted: str
    said: str
    passed: bool


@dataclass
class Planted:
    """What a cast's models said, with one more that is made from the baseline's answers.

    Attributes:
        evidence: Of the cast.
        name: What the planted model is called.
    """

    evidence: Evidence
    name: str
    _made: dict[str, Observations] = field(default_factory=dict)

    @property
    def cast(self) -> Cast:
        """Who plays."""
        return self.evidence.cast

    def observations(self, model: str, data: str) -> Observations:
        """As `Evidence.observations`; of the planted model the baseline's, altered.

        Raises:
            NotMeasuredError: The baseline's are not measured.
        """
        if model != self.name:
            return self.evidence.observations(model, data)
        if data not in self._made:
            self._made[data] = _ALTERED[model](self.evidence.observations(str(self.cast.role), data))
        return self._made[data]


def self_checks(requirements: Sequence[Case], evidence: Evidence) -> list[SelfCheck]:
    """What the gate says of its baseline, of the baseline with a defect, and of answers that were mixed up.

    Args:
        requirements: The cases of one candidate; those that compare its answers with the baseline's are asked, as far
            as they can be measured.
        evidence: What the cast's models said.

    Returns:
        One for each; none where nothing can be measured.
    """
    paired = [case for case in requirements if case.is_paired and not MEASURES[case.finding.measure].of_network]
    again = _decided(paired, Planted(evidence, AGAIN))
    return [_again(again), _blind(paired, evidence), _shuffled(paired, evidence)] if again else []


def _again(found: Sequence[tuple[Case, Decision]]) -> SelfCheck:
    moved = [case.id for case, one in found if one.difference is None or one.difference.value != 0]
    wrong = sorted({*moved, *_blocking(found)})
    said = f"a difference in {', '.join(wrong)}" if wrong else f"no difference in {len(found)} requirements"
    return SelfCheck(AGAIN, said, not wrong)


def _blind(cases: Sequence[Case], evidence: Evidence) -> SelfCheck:
    found = _decided(cases, Planted(evidence, BLIND))
    blocking = len(_blocking(found))
    released = sum(one.verdict == "holds" for _, one in found)
    said = f"blocked by {blocking} of {len(found)} requirements" + (f", {released} hold" if released else "")
    return SelfCheck(BLIND, said, blocking > 0)


def _shuffled(cases: Sequence[Case], evidence: Evidence) -> SelfCheck:
    planted, refused, paired = Planted(evidence, SHUFFLED), 0, 0
    for case in cases:
        try:
            decide(_instead(case, SHUFFLED), MEASURES[case.finding.measure], planted)
            paired += 1
        except EvidenceError:
            refused += 1
        except NotMeasuredError:
            continue
    said = f"paired with other images in {paired} requirements" if paired else f"refused in {refused} requirements"
    return SelfCheck(SHUFFLED, said, refused > 0 and not paired)


def _decided(cases: Sequence[Case], planted: Planted) -> list[tuple[Case, Decision]]:
    found = []
    for case in cases:
        try:
            found.append((case, decide(_instead(case, planted.name), MEASURES[case.finding.measure], planted)))
        except NotMeasuredError:
            continue   # the requirement says so itself
    return found


def _blocking(found: Sequence[tuple[Case, Decision]]) -> list[str]:
    """Those that would block, of all."""
    p = holm([1.0 if one.p_harm is None else one.p_harm for _, one in found]) if found else np.ones(0)
    return [case.id for (case, _), adjusted in zip(found, p, strict=True) if adjusted <= ALPHA]


def _instead(case: Case, planted: str) -> Case:
    """The case with the planted model in the candidate's place."""
    comparisons = [replace(one, terms=((1, (planted,)), *one.terms[1:])) for one in case.comparisons]
    return replace(case, comparisons=tuple(comparisons), candidate=planted)


def _copy(one: Observations) -> Observations:
    return replace(one, model=AGAIN, columns=dict(one.columns), repeats=())


def _half_wrong(one: Observations) -> Observations:
    """On half of the images, chosen by their names, a wrong answer with confidence: of cue conflicts the texture."""
    wrong = held_out(one.ids)
    columns: dict[str, Array] = dict(one.columns)
    if "prediction" in columns and "texture" in columns:
        columns["prediction"] = np.where(wrong, columns["texture"], columns["prediction"])
    elif "prediction" in columns:
        columns["prediction"] = np.where(wrong, columns["prediction"] + 1, columns["prediction"])
    if "correct" in columns:
        columns["correct"] = columns["correct"].astype(bool) & ~wrong
    for name, value in (("confidence", 1 - 1e-6), ("sum_p2", 1 - 2e-6), ("probability_of_label", 1e-6)):
        if name in columns:
            columns[name] = np.where(wrong, value, columns[name])
    if "rank_of_label" in columns:
        columns["rank_of_label"] = np.where(wrong, columns["rank_of_label"] + 1, columns["rank_of_label"])
    if "top5" in columns:
        columns["top5"] = np.where(wrong[:, None], columns["top5"] + 1, columns["top5"])
    return replace(one, model=BLIND, columns=columns, repeats=())


def _reversed(one: Observations) -> Observations:
    columns = {name: values[::-1] for name, values in one.columns.items()}
    return replace(one, model=SHUFFLED, ids=one.ids[::-1], columns=columns, later={}, repeats=())


_ALTERED = {AGAIN: _copy, BLIND: _half_wrong, SHUFFLED: _reversed}
