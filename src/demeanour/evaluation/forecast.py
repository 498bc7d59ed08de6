"""How long an evaluation will take: by how long it took before on this device, or else by a rough rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from demeanour.evaluation.devices import cores
from demeanour.evaluation.rates import known_rates, rate_key
from demeanour.evidence.health import Health
from demeanour.evidence.plan import Unit
from demeanour.evidence.workload import Workload
from demeanour.views.geometry import View

SIDE = 224   # of an input, where nobody knows it yet
# Operations for a picture: one multiplication and one addition for each parameter and patch of 16 × 16 pixels. Rough:
# 33.9 G for a ViT-B/16 of 224 pixels (it has 35.1 G), 34.7 G for a ConvNeXt-B (30.7 G), 10.0 G for a ResNet-50 (8.2 G).
PATCH = 16
# Operations in a second. A Zen 4 core makes 86 to 88 G of them in fp32 (ViT-B and ConvNeXt-B, measured), 160 to 170 G
# in bf16. A GPU for workstations makes 124 to 179 T in bf16 (timm's table); a tenth without tensor cores is a guess.
CORE = {"fp32": 85e9, "bf16": 165e9, "fp16": 85e9}
GPU = {"fp32": 12e12, "bf16": 120e12, "fp16": 120e12}
PREPARED = 32e6   # bytes of JPEG that a core decodes and resizes in a second: 274 pictures of 118 kB, measured


@dataclass(frozen=True)
class Forecast:
    """How long an evaluation will take.

    Attributes:
        seconds: About; None where the size of some network is not known.
        rough: Whether any of it follows from a rule, not from earlier evaluations.
        unknown: Models whose size is not known before they are loaded.
    """

    seconds: float | None
    rough: bool
    unknown: tuple[str, ...] = ()


def forecast(health: Health, work: Workload, devices: Sequence[str]) -> Forecast:
    """Foretell an evaluation's time.

    Args:
        health: Of the cast.
        work: What is to be evaluated.
        devices: Which evaluate at the same time, all alike, as torch names them.
    """
    live, numerics = health.evidence.live, health.evidence.cast.numerics
    rates = known_rates(live.store.root, devices[0])
    known, operations, unknown = 0.0, 0.0, set()
    unprepared = dict(work.prepared)   # of what has a known rate, preparation is a part
    for (model, data, view), pictures in work.passes.items():
        found, side = live.description(model), _side(health, model, data, view)
        rate = rates.get(rate_key(found.identity, side, live.cast, model)) if found else None
        facts = health.model(model).facts
        parameters = facts.get("parameters") or (facts.get("bytes") or 0) / 4   # in single precision
        if rate is not None:
            known += pictures * rate
            unprepared.pop((data, view), None)
        elif parameters:
            operations += pictures * 2 * parameters * ((side or SIDE) / PATCH) ** 2
        else:
            unknown.add(model)
    if unknown:
        return Forecast(None, True, tuple(sorted(unknown)))
    sizes = {data: health.data(data).facts.get("bytes") or 0 for data in work.decoded}
    preparation = sum(pictures * sizes[data] for (data, _), pictures in unprepared.items()) / (PREPARED * cores())
    if devices[0] == "cpu":   # the same cores do both
        rough = operations / (CORE[numerics] * cores()) + preparation
    else:
        rough = max(operations / (GPU[numerics] * len(devices)), preparation)
    return Forecast(known / len(devices) + rough, operations > 0)


def _side(health: Health, model: str, data: str, view: str) -> int | None:
    """The side of a network's input; None where it is not known yet, or as the pictures are."""
    live, seen = health.evidence.live, View.parse(view)
    if live.description(model) is not None:
        return live.steps(Unit(model, data, view)).side
    card = live.cast.models[model].preprocessing
    return int(seen.value) if seen.kind == "resolution" else card.crop if card else None
