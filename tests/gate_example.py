"""A gate's report as runs give it, with records made by hand: seven requirements and one candidate or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from demeanour.reporting.gate_report import GateReport, Required
from demeanour.verdicts.outcome import NOT_VIOLATED
from demeanour.verdicts.self_check import SelfCheck

ROLE = "ConvNeXt-sup"
CHECKS = (
    SelfCheck("the baseline against itself", "released, as it must be", True),
    SelfCheck("a defect of twice the margin in accuracy on imagenet-val", "blocked, as it must be", True),
    SelfCheck("the candidate's answers under shuffled ids", "an error, as it must be", True),
)


def record(name: str, verdict: str, found: tuple[float, float, float] | None = None, **changes: Any) -> dict[str, Any]:
    """A requirement's record; ``found`` is the difference and its interval."""
    base: dict[str, Any] = {
        "id": f"gate.{name}", "finding": f"gate.{name.partition('[')[0]}", "kind": "requirement", "label": "G1",
        "candidate": "candidate", "burden": "candidate", "told": False, "verdict": verdict, "expected": "holds",
        "expected_because": None, "data": ["imagenet-val"], "measure": "top1", "unit": "fraction", "level": 0.9,
        "claim": f"Claim of {name}.", "reason": "candidate − ConvNeXt-sup = …", "estimates": {}, "parts": [],
        "shortfall": None, "strength": "", "difference": None, "p_harm": 1.0, "p_harm_adjusted": 1.0, "same": False,
    }  # fmt: skip
    if found is not None:
        value, low, high = found
        base["difference"] = {"value": value, "interval": [low, high], "margin": 0.01, "group": "all",
                              "method": "paired, normal", "interval_two_way": None}   # fmt: skip
    margin = changes.pop("margin", 0.01)
    if base["difference"]:
        base["difference"]["margin"] = margin
    return {**base, **changes}


def lack(images: int, needed: int | None, distance: float = 0.012) -> dict[str, Any]:
    return {"images": images, "needed": needed, "distance": distance}


BLOCKED = Required(
    record("accuracy[imagenet-c]", "violated", (-0.052, -0.061, -0.043), label="G2", data=["imagenet-c"], margin=0.02,
           measure="corruption_accuracy", claim="Under corruptions it is no less accurate by 2 points."),
    "left >= right")  # fmt: skip
WORSE_CALIBRATED = Required(
    record("calibration", "violated", (0.0213, 0.0161, 0.0265), label="G5", margin=0.005, unit="squared error",
           measure="calibration_error", claim="Its confidence means as much as before."), "left <= right")  # fmt: skip
UNDECIDED = Required(
    record("accuracy[imagenet-a]", "undecided", (-0.008, -0.046, 0.030), label="G2", data=["imagenet-a"], margin=0.02,
           claim="On natural pictures that mislead it is no less accurate.", shortfall=lack(300, 4210)),
    "left >= right")  # fmt: skip
WAIVED = Required(
    record("shape-bias", "violated", (-0.081, -0.104, -0.058), label="G6", data=["cue-conflict"], margin=0.05,
           measure="shape_bias", expected="violated", claim="It looks at shape as much as before.",
           expected_because="the new augmentation is known to cost shape bias; owner: vision team, until 2027-01-31"),
    "left >= right")  # fmt: skip
MISSING = Required(
    record("probes", "not measured", label="G8", data=["vtab"], measure="probe_accuracy",
           claim="Its features serve other tasks as well as before.",
           reason="/data/vtab/wds_dtd is missing; it holds the pictures of vtab/dtd"), "left >= right")  # fmt: skip
SPARED = Required(
    record("factors", "undecided", (-0.02, -0.05, 0.01), label="G9", data=["imagenet-x"], measure="error_ratio",
           burden="harm", expected=NOT_VIOLATED, unit="ratio", margin=0.03, shortfall=lack(952, 9000),
           claim="No factor of ImageNet-X is harder than before."), "left <= right")  # fmt: skip
HELD = (
    Required(record("accuracy[imagenet-val]", "holds", (0.004, -0.004, 0.012),
                    claim="It is no less accurate by 1 point."), "left >= right"),
    Required(record("accuracy[imagenetv2]", "holds", (0.011, 0.001, 0.021), data=["imagenetv2"], margin=0.015,
                    label="G2", claim="On new pictures of the same kind it is no less accurate."), "left >= right"),
    Required(record("shift", "holds", (-0.002, -0.011, 0.007), data=["imagenet-val-shift"], margin=0.02, label="G7",
                    measure="view_drop", claim="It loses no more when pictures are shifted."), "left <= right"),
    Required(record("floor", "holds", (0.031, 0.012, 0.049), label="G10", margin=0,
                    claim="It is right on three pictures of four at least."), "value > bound", 0.75),
)  # fmt: skip


def of_candidate(name: str, requirements: Sequence[Required]) -> list[Required]:
    """The same requirements of another candidate."""
    return [
        replace(one, record={**one.record, "candidate": name, "id": one.record["id"].replace("[", f"[{name}-")})
        for one in requirements
    ]


def example(requirements: Sequence[Required] | Mapping[str, Sequence[Required]], **changes: Any) -> GateReport:
    """A report of one candidate, or of several."""
    of = dict(requirements) if isinstance(requirements, Mapping) else {"candidate": list(requirements)}
    sources = {name: f"timm:convnext_tiny@/runs/{name}.safetensors" for name in of}
    report = GateReport(ROLE, "timm:convnext_tiny@/runs/production.safetensors", sources, of, self_checks=CHECKS)
    return replace(report, **changes)


def characteristic(name: str, before: str, verdict: str, **changes: Any) -> dict[str, Any]:
    """A finding of the literature with the candidate in its role."""
    return record(name, verdict, (0.021, 0.011, 0.031), id=name, finding=name, kind="characteristic", before=before,
                  told=True, claim=f"Claim of {name}.", **changes)   # fmt: skip
