"""What looks like a fault of the data, not of the models, and is told beside a verdict."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demeanour.errors import NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import Observations
from demeanour.evidence.store import code_hash, evidence_key
from demeanour.findings.pairing import Case
from demeanour.findings.schema import EVERY
from demeanour.measures.registry import Measure
from demeanour.measures.synthetic import members, relabelled_accuracy
from demeanour.vocabulary import PUG_FACTORS

LOW = 0.025      # of a factor's images are right, of whatever many classes: as few as the source has on Scene_Light,
CHANCES = 1.5    # or hardly more than chance
GAINED = 0.1     # accuracy under other labels that no chance gives
_CODE = ("verdicts/doubts.py", "vocabulary.py", "measures", "datasets", "evidence")


def doubts(case: Case, measure: Measure, evidence: Evidence) -> str:
    """Why the data of a verdict about PUG's factors may be at fault: a sentence, empty where nothing looks so.

    A factor on which every model of the cast hardly answers better than chance; what the reader of the pictures found:
    black pictures, folders that lack classes or contradict the table. Of such a factor it is tried whether its labels
    are those of other classes.
    """
    if measure.name != "factor_accuracy":
        return ""
    found = []
    for data in case.sets:
        named = [group for group in case.finding.groups or [EVERY] if group in PUG_FACTORS]
        found += [told for told in _of_data(data, evidence) if not named or told.startswith(tuple(named))]
    return "; ".join(found)


def _of_data(data: str, evidence: Evidence) -> list[str]:
    """By factor: what all models' answers tell, and what the reader of the pictures found."""
    noted = evidence.live.pictures(data).notes if evidence.cast.data[data].has_pictures else ()
    told = [note for note in noted if note.startswith(PUG_FACTORS)]
    models = [model for model in evidence.cast.models if evidence.cast.covers(model, data)]
    try:
        answers = [evidence.identity(model, data) for model in models]
        key = evidence_key(doubts=data, models=models, evidence=answers, code=code_hash(*_CODE))
        text = evidence.store.text("decisions", key, lambda: "\n".join(_of_answers(data, models, evidence)))
    except NotMeasuredError:   # nothing can be said of every model
        return told
    return [*text.splitlines(), *told]


def _of_answers(data: str, models: list[str], evidence: Evidence) -> list[str]:
    """Which factors no model of the cast answers."""
    observed = [evidence.observations(model, data) for model in models]
    told, member = [], members(observed[0].column("factor").astype(np.int64))
    for code, factor in enumerate(PUG_FACTORS):
        rows = member[:, code]
        if not rows.any():
            continue
        chance = 1 / len(np.unique(observed[0].column("label")[rows]))
        limit = max(LOW, CHANCES * chance)
        right = [float(one.column("correct")[rows].mean()) for one in observed]
        if max(right) > limit:
            continue
        told.append(
            f"{factor}: none of {len(observed)} models is right on more than {max(right):.1%} of the images "
            f"(chance: {chance:.1%}), which looks like a fault of the data; look at its pictures and its class folders"
            + _other_labels(observed, rows, max(right))
        )
    return told


def _other_labels(observed: list[Observations], rows: NDArray[np.bool_], right: float) -> str:
    """Whether a model would be right if labels were other ones."""
    gained: dict[str, float] = {}
    for one in observed:
        prediction, label = (one.column(name)[rows].astype(np.int64) for name in ("prediction", "label"))
        gained[one.model] = relabelled_accuracy(prediction, label, one.column("held_out")[rows].astype(np.bool_))
    model, best = max(gained.items(), key=lambda found: found[1])
    if not best > right + GAINED:
        return ""
    return (
        f"; if its folders had each other's names, as fitted on half of the images, {model} would be right on "
        f"{best:.0%} of the other half: labels do not fit the pictures"
    )
