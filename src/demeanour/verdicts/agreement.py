"""Do models err on the same images? Cohen's κ of being right, for all pairs of a cast, people among them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import combinations

from demeanour.errors import NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import evidence_key
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.statistics.zones import LEVEL
from demeanour.verdicts.contrast import Term, contrast
from demeanour.verdicts.decision import code_of_decisions
from demeanour.verdicts.verdict import Estimate

_KAPPA = MEASURES["error_consistency"]


@dataclass(frozen=True)
class Agreement:
    """How far two models err on the same images, beyond what their accuracies alone make them.

    Attributes:
        pair: The two, in the order of the cast.
        data: The data set.
        kappa: Cohen's κ of being right: 1 for the same errors, 0 for independent ones; None where it is not measured.
        why: Why it is not.
    """

    pair: tuple[str, str]
    data: str
    kappa: Estimate | None
    why: str = ""


def agreements(evidence: Evidence, data: str) -> list[Agreement]:
    """κ of all pairs of models, and of references such as people, that have evidence on a data set.

    Remembered as verdicts are; it decides nothing.
    """
    cast, known = evidence.cast, dict[str, str]()
    for model in cast.models:
        with suppress(NotMeasuredError):
            if cast.covers(model, data):
                known[model] = evidence.identity(model, data)
    if len(known) < 2:
        return []
    key = evidence_key(code=code_of_decisions(), agreement=data, models=known)

    def measure() -> str:
        found = [asdict(one) for one in _measure(evidence, data, list(known))]
        evidence.check_unchanged()
        return json.dumps(found)

    kept = json.loads(evidence.store.text("decisions", key, measure))
    return [Agreement(tuple(one["pair"]), data, one["kappa"] and _estimate(**one["kappa"]), one["why"]) for one in kept]


def _measure(evidence: Evidence, data: str, models: Sequence[str]) -> list[Agreement]:
    found = []
    for pair in combinations(models, 2):
        try:
            one, other = (evidence.observations(model, data) for model in pair)
            kappa = contrast(_KAPPA, (Term(1, one, ALL, other),))
        except NotMeasuredError as error:
            found.append(Agreement(pair, data, None, str(error)))
            continue
        estimate = Estimate(kappa.limits.value, kappa.limits.interval(LEVEL), kappa.n)
        found.append(Agreement(pair, data, estimate))
    return found


def _estimate(value: float, interval: Sequence[float], n: int) -> Estimate:
    return Estimate(value, (interval[0], interval[1]), n)
