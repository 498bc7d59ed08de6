"""How accurate a cast's models are under shift, beyond what their accuracy without it lets one expect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict

from demeanour.errors import NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import evidence_key
from demeanour.measures.effective_robustness import AccuracyLine, effective_robustness
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.verdicts.decision import code_of_decisions
from demeanour.verdicts.replicates import columns_of

CLEAN = "imagenet-val"
SHIFTED = ("imagenetv2", "imagenet-a", "imagenet-c", "imagenet-hard", "imagenet-r", "imagenet-sketch")
_TOP1 = MEASURES["top1"]


def accuracy_lines(evidence: Evidence, sets: Sequence[str]) -> dict[str, AccuracyLine]:
    """The line of accuracy under each shift on accuracy without, and each model's distance from it.

    Fitted to the supervised models of the cast where they are three or more, and otherwise to all. It decides nothing,
    and is remembered as verdicts are.

    Args:
        evidence: Of the cast.
        sets: The data sets to look at; the shifts among them count, and without `CLEAN` none.
    """
    asked = [data for data in (CLEAN, *SHIFTED) if data in sets]
    if CLEAN not in asked:
        return {}
    known: dict[str, dict[str, str]] = {data: {} for data in asked}
    for data in asked:
        for name, card in evidence.cast.models.items():
            with suppress(NotMeasuredError):
                if not card.context and evidence.cast.covers(name, data):
                    known[data][name] = evidence.identity(name, data)
    key = evidence_key(code=code_of_decisions(), lines=known)

    def fitted() -> str:
        accuracy = {data: _accuracies(evidence, data, list(models)) for data, models in known.items()}
        standard = [name for name, card in evidence.cast.models.items() if card.paradigm == "supervised"]
        lines = effective_robustness(accuracy.pop(CLEAN), accuracy, standard)
        evidence.check_unchanged()
        return json.dumps({data: asdict(line) for data, line in lines.items()})

    kept = json.loads(evidence.store.text("decisions", key, fitted))
    return {data: AccuracyLine(**{**line, "fitted_to": tuple(line["fitted_to"])}) for data, line in kept.items()}


def _accuracies(evidence: Evidence, data: str, models: Sequence[str]) -> dict[str, float]:
    found = {}
    for model in models:
        with suppress(NotMeasuredError):
            observed = evidence.observations(model, data)
            found[model] = float(_TOP1.values(columns_of(_TOP1, (observed,)))[ALL])
    return found
