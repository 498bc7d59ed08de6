"""What a gate said of its candidates, with all that a page about it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from demeanour.evidence.gather import Evidence
from demeanour.findings.thresholds import Thresholds
from demeanour.reporting.gate_pictures import class_names, thumbnails
from demeanour.verdicts.flips import Flips, all_flips
from demeanour.verdicts.outcome import NOT_VIOLATED, RELEASES, WORDS, changed, contradicts, exit_code, is_open
from demeanour.verdicts.self_check import SelfCheck
from demeanour.verdicts.slices import Slices, all_slices, sliced_sets

Record = Mapping[str, Any]
Standing = Literal["blocks", "missing", "undecided", "waived", "spared", "holds"]
STANDINGS: dict[Standing, str] = {
    "blocks": "blocked",
    "missing": "not measured",
    "undecided": "undecided",
    "waived": "waived",
    "spared": "no harm shown",
    "holds": "within the margin",
}


@dataclass(frozen=True)
class Required:
    """A requirement that was judged.

    Attributes:
        record: Its verdict.
        relation: What is claimed of candidate (left) and baseline (right), or of the candidate's own value.
        bound: What its own value must reach, where that is required.
    """

    record: Record
    relation: str
    bound: float | None = None

    @property
    def standing(self) -> Standing:
        """What it means for the release."""
        verdict = self.record["verdict"]
        if verdict == "violated":
            return "blocks" if contradicts(self.record) else "waived"
        if verdict == "undecided" and not is_open(self.record):
            return "spared" if self.record["expected"] == NOT_VIOLATED else "waived"
        if verdict == "undecided":
            return "undecided"
        return "missing" if verdict == "not measured" else "holds"

    @property
    def key(self) -> tuple[str, tuple[str, ...]]:
        """What it has in common with the same requirement of another candidate."""
        return self.record["finding"], tuple(self.record["data"])


@dataclass(frozen=True)
class GateReport:
    """What a gate said.

    Attributes:
        role: The model that is to be replaced: the baseline.
        baseline: Where its answers come from.
        candidates: The candidates by name, with where theirs come from.
        requirements: By candidate, in the order of the policy; those out of scope are not among them.
        flips: Of each candidate on each data set.
        slices: Of each candidate on each data set, by kind.
        characteristics: Verdicts on the findings of the literature with the candidate in its role.
        self_checks: What the gate said of what was planted.
        pictures: Of the most confident negative flips, as data URIs, by data set and id.
        names: By data set the words for its classes.
        notes: What could not be shown, and why.
    """

    role: str
    baseline: str
    candidates: Mapping[str, str]
    requirements: Mapping[str, Sequence[Required]]
    flips: Sequence[Flips] = ()
    slices: Sequence[Slices] = ()
    characteristics: Sequence[Record] = ()
    self_checks: Sequence[SelfCheck] = ()
    pictures: Mapping[tuple[str, str], str] = field(default_factory=dict)
    names: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @cached_property
    def trusted(self) -> bool:
        """Whether the gate said of all that was planted what it had to say."""
        return all(check.passed for check in self.self_checks)

    def of(self, candidate: str, standing: Standing) -> list[Required]:
        """A candidate's requirements that stand so."""
        return [one for one in self.requirements[candidate] if one.standing == standing]

    def counts(self, candidate: str) -> Counter[Standing]:
        """How many of a candidate's requirements stand how."""
        return Counter(one.standing for one in self.requirements[candidate])

    def outcome(self, candidate: str) -> str:
        """Of one candidate: ``blocked``, ``not measured``, ``undecided`` or ``released``, as the exit code has it."""
        mine = [one.record for one in self.requirements[candidate]]
        code = exit_code([*mine, *self.characteristics_of(candidate)])
        return {**WORDS, **RELEASES}[code]

    def characteristics_of(self, candidate: str) -> list[Record]:
        """The findings that the role plays in, with one candidate in its place."""
        return [record for record in self.characteristics if record["candidate"] == candidate]

    def changed(self, candidate: str) -> list[Record]:
        """Findings that are decided otherwise of the candidate than of its baseline."""
        return [one for one in self.characteristics_of(candidate) if changed(one)]


def gate_report(
    evidence: Evidence, thresholds: Thresholds, records: Sequence[Record], self_checks: Sequence[SelfCheck] = ()
) -> GateReport:
    """All that a page about a gate shows; the requirements are judged already.

    Args:
        evidence: Of the cast with its candidates.
        thresholds: What was to be decided.
        records: All verdicts of the run.
        self_checks: What the gate said of what was planted.
    """
    cast = thresholds.cast
    role = cast.role or ""
    requirements: dict[str, list[Required]] = {name: [] for name in cast.candidates}
    for record in records:
        if record["kind"] == "requirement" and record["verdict"] != "out of scope":
            claim = thresholds.cases[record["id"]].finding
            requirements[record["candidate"]].append(Required(record, claim.relation, claim.bound))
    sets = list(dict.fromkeys(data for of in requirements.values() for one in of for data in one.record["data"]))
    flips, missing = all_flips(evidence, sets)
    names = {data: class_names(evidence, data) for data in dict.fromkeys([*sliced_sets(cast, sets),
                                                                          *(one.data for one in flips)])}  # fmt: skip
    slices, unsliced = all_slices(evidence, sets, names)
    pictures: dict[tuple[str, str], str] = {}
    notes = list(dict.fromkeys([*missing, *unsliced]))
    for data in dict.fromkeys(one.data for one in flips):
        wanted = dict.fromkeys(flip.id for one in flips if one.data == data for flip in one.most_confident)
        found, why = thumbnails(evidence, data, wanted)
        pictures |= {(data, name): picture for name, picture in found.items()}
        notes += [why] if why else []
    return GateReport(
        role, cast.models[role].source, {name: cast.models[name].source for name in cast.candidates}, requirements,
        flips, slices, [r for r in records if r["kind"] == "characteristic" and r["verdict"] != "out of scope"],
        self_checks, pictures, names, notes,
    )  # fmt: skip
