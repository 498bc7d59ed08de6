"""What the data say of a case, whatever is expected; remembered as long as data, claim and code are the same."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import code_hash, evidence_key
from demeanour.findings.pairing import Case
from demeanour.measures.groups import ALL
from demeanour.statistics.zones import LEVEL
from demeanour.verdicts.verdict import Difference, Estimate, Part, Shortfall, Word

_CODE = ("errors.py", "vocabulary.py", "statistics", "measures", "datasets", "findings", "evidence", "verdicts")


@dataclass(frozen=True)
class Decision:
    """The part of a verdict that follows from the claim and the evidence; see ``Verdict`` for its attributes."""

    verdict: Word
    reason: str
    level: float = LEVEL
    estimates: dict[str, Estimate] = field(default_factory=dict)
    difference: Difference | None = None
    parts: tuple[Part, ...] = ()
    group: str = ALL
    shown: dict[str, dict[str, float]] = field(default_factory=dict)
    shortfall: Shortfall | None = None
    p_harm: float | None = None


def decision_key(case: Case, evidence: Evidence) -> str:
    """What a decision follows from: the claim, who is compared, what they said, and the code.

    Raises:
        NotMeasuredError: A file is missing.
    """
    return evidence_key(
        code=code_of_decisions(),
        finding=case.finding.model_dump(mode="json"),
        comparisons=[asdict(comparison) for comparison in case.comparisons],
        required=case.kind == "requirement",
        evidence=[evidence.identity(model, data) for model in case.models for data in case.sets],
    )


def to_text(decision: Decision) -> str:
    """As JSON, every digit kept, and the order of the models."""
    return json.dumps(asdict(decision))


def from_text(text: str) -> Decision:
    """The decision that ``to_text`` wrote."""
    found: dict[str, Any] = json.loads(text)
    found["estimates"] = {name: _estimate(one) for name, one in found["estimates"].items()}
    found["difference"] = found["difference"] and Difference(**_with_intervals(found["difference"]))
    found["shortfall"] = found["shortfall"] and Shortfall(**found["shortfall"])
    found["parts"] = tuple(Part(**_with_intervals(part)) for part in found["parts"])
    return Decision(**found)


@lru_cache(maxsize=1)
def code_of_decisions() -> str:
    """The identity of all code that what the data say rests on."""
    return code_hash(*_CODE)


def _estimate(found: dict[str, Any]) -> Estimate:
    return Estimate(**_with_intervals(found))


def _with_intervals(found: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists where intervals are pairs."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()}
