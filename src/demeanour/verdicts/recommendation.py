"""Which model for which use: those that no other model of the cast is shown to be better than."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

from demeanour.errors import NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import Observations
from demeanour.evidence.store import evidence_key
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.statistics.limits import Limits
from demeanour.statistics.zones import ALPHA, LEVEL
from demeanour.verdicts.contrast import Term, contrast
from demeanour.verdicts.decision import code_of_decisions
from demeanour.verdicts.verdict import Estimate, Interval


@dataclass(frozen=True)
class Use:
    """What a model may be wanted for, and what tells how good it is at that.

    Attributes:
        name: For people.
        measure: Whose better direction is wanted; where it has none, more of it.
        data: The data set.
    """

    name: str
    measure: str
    data: str

    @property
    def sign(self) -> int:
        """+1 where more is better, −1 where less is."""
        return -1 if MEASURES[self.measure].better == "lower" else 1


USES = (
    Use("Pictures like ImageNet's", "top1", "imagenet-val"),
    Use("New pictures of the same kind", "top1", "imagenetv2"),
    Use("Natural pictures that mislead", "top1", "imagenet-a"),
    Use("Renditions: paintings, cartoons, toys", "top1", "imagenet-r"),
    Use("Sketches", "top1", "imagenet-sketch"),
    Use("Noise, blur, weather, compression", "top1", "imagenet-c"),
    Use("Synthetic pictures", "factor_accuracy", "pug-imagenet"),
    Use("Confidence that means what it says", "calibration_error", "imagenet-val"),
    Use("The same on renditions", "calibration_error", "imagenet-r"),
    Use("Few mistakes more where a picture is unusual", "error_ratio", "imagenet-x"),
    Use("Objects that come close", "view_drop", "imagenet-val-scale"),
    Use("Objects away from the centre", "view_drop", "imagenet-val-shift"),
    Use("Other resolutions", "view_drop", "imagenet-val-resolution"),
    Use("Features for other tasks, by a linear probe", "probe_accuracy", "vtab"),
    Use("Decisions by shape rather than texture", "shape_bias", "cue-conflict"),
)


@dataclass(frozen=True)
class Lead:
    """By how much the best model is ahead of the one that comes nearest to it.

    Attributes:
        over: That model.
        value: The difference, in the better direction.
        interval: At the deciding level.
    """

    over: str
    value: float
    interval: Interval


@dataclass(frozen=True)
class Recommendation:
    """What the data say of one use.

    Attributes:
        use: The use.
        best: The models that no other one is shown to be better than, the best estimate first: one where it is told
            apart from each other model, else several. With 1 − α the best model is among them.
        values: Each model's value, the best estimate first.
        level: Of the intervals of differences that decide.
        lead: Of the best one, where there is one.
        lacking: Models that could not be measured, with the reason.
    """

    use: Use
    best: tuple[str, ...]
    values: Mapping[str, Estimate]
    level: float
    lead: Lead | None = None
    lacking: Mapping[str, str] = field(default_factory=dict)


def recommendations(evidence: Evidence, sets: Sequence[str]) -> list[Recommendation]:
    """What can be said of each use on some of the cast's data sets; remembered as verdicts are.

    Args:
        evidence: Of the cast.
        sets: The data sets; a use of another one is left out, and so is one for which the cast has a single model.
    """
    return [found for use in USES if use.data in sets and (found := recommend(evidence, use)) is not None]


def recommend(evidence: Evidence, use: Use) -> Recommendation | None:
    """Who is best at one use, by the paired differences of all pairs of models.

    A model is left out of the best when another one is better than it at α / (m − 1), of m models: the best one has
    m − 1 others that might pass it by bad luck, so it is among those that are left with 1 − α.

    Returns:
        None where the cast has fewer than two models for it; references such as people do not play.
    """
    cast = evidence.cast
    models = [name for name, card in cast.models.items() if not card.context and cast.covers(name, use.data)]
    if len(models) < 2:
        return None
    known, lacking = dict[str, str](), dict[str, str]()
    for model in models:
        try:
            known[model] = evidence.identity(model, use.data)
        except NotMeasuredError as error:
            lacking[model] = str(error)
    key = evidence_key(code=code_of_decisions(), recommendation=asdict(use), models=known, of=len(models))

    def decide() -> str:
        found = asdict(_recommend(evidence, use, list(known), len(models)))
        evidence.check_unchanged()
        return json.dumps(found)

    found = _from_json(use, json.loads(evidence.store.text("decisions", key, decide)))
    return Recommendation(use, found.best, found.values, found.level, found.lead, {**lacking, **found.lacking})


def _recommend(evidence: Evidence, use: Use, models: Sequence[str], of: int) -> Recommendation:
    measure, alpha = MEASURES[use.measure], ALPHA / (of - 1)
    observed, values, lacking = dict[str, Observations](), dict[str, Estimate](), dict[str, str]()
    for model in models:
        try:
            one = evidence.observations(model, use.data)
            found = contrast(measure, (Term(1, one, ALL),))
        except NotMeasuredError as error:
            lacking[model] = str(error)
            continue
        observed[model] = one
        values[model] = Estimate(found.limits.value, found.limits.interval(LEVEL), found.n)
    order = sorted(values, key=lambda model: -use.sign * values[model].value)
    ahead: dict[tuple[str, str], Limits] = {}
    for left, right in combinations(order, 2):
        with suppress(NotMeasuredError):   # a pair that cannot be compared is not told apart
            limits = contrast(measure, (Term(1, observed[left], ALL), Term(-1, observed[right], ALL))).limits
            ahead[left, right], ahead[right, left] = limits.scaled(use.sign), limits.scaled(-use.sign)
    beaten = {right for (_, right), limits in ahead.items() if limits.lower(alpha) > 0}
    best = tuple(model for model in order if model not in beaten) if len(order) > 1 else ()
    lead = None
    if len(best) == 1:
        after = [other for other in order if (best[0], other) in ahead and other != best[0]]
        over = min(after, key=lambda other: ahead[best[0], other].lower(alpha))
        limits = ahead[best[0], over]
        lead = Lead(over, limits.value, limits.interval(1 - 2 * alpha))
    return Recommendation(use, best, {name: values[name] for name in order}, 1 - 2 * alpha, lead, lacking)


def _from_json(use: Use, found: dict[str, Any]) -> Recommendation:
    values = {name: Estimate(one["value"], _pair(one["interval"]), one["n"]) for name, one in found["values"].items()}
    lead = found["lead"] and Lead(found["lead"]["over"], found["lead"]["value"], _pair(found["lead"]["interval"]))
    return Recommendation(use, tuple(found["best"]), values, found["level"], lead, found["lacking"])


def _pair(found: Sequence[float]) -> Interval:
    return found[0], found[1]
