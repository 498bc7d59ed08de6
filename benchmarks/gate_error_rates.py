"""How often the whole gate errs: the table of ``docs/gate.md``.

    python benchmarks/gate_error_rates.py [--replicates 2400] [--only NAME …] [-o gate_error_rates.json] [--page]

Images are drawn from a population in which everything is known: each has a probability that a network is right about
it, and two networks that were trained apart are right or wrong by chances of their own. So a retrained network equals
its baseline, and they differ on a seventh of the images. A candidate can be made worse by exactly so much in accuracy,
by being wrong about a share of what it was right about, and in calibration, by being sure of a share of its errors.

Every replicate draws all data sets anew, and the library's own `judge_case` decides all requirements of a policy, with
nothing but the evidence put in its place. Counted are runs, not tests: *released* where all hold, *blocked* where one
is violated. What `demeanour plan` would promise is computed from some of the same draws.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import Observations
from demeanour.evidence.store import Store
from demeanour.findings.cast import Cast
from demeanour.findings.pairing import Case
from demeanour.findings.policy import Policy
from demeanour.findings.trial import requirements
from demeanour.statistics.seeds import generator
from demeanour.verdicts import gate, replicates
from demeanour.verdicts.contrast import sampled
from demeanour.verdicts.gate_power import all_together, prospect
from demeanour.verdicts.judge import judge
from demeanour.verdicts.verdict import Verdict
from demeanour.vocabulary import CORRUPTIONS

HERE = Path(__file__).resolve().parent
PAGE, FIRST, LAST = HERE.parent / "docs" / "gate.md", "<!-- error rates -->", "<!-- end of error rates -->"
ROLE, CANDIDATE = "production", "candidate"
ACCURACY, CONCENTRATION = 0.8, 0.8   # of the chances to be right: 14 % of the images are right with one of two only
SHAPE = 0.6                          # of the decisions are by shape
PLANS = 40                           # replicates from which the promise of `plan` is averaged
RESAMPLED = 1 / 6                    # of the replicates, for what takes ten times as long
NEVER, ERRORS = 0.05, 2.0            # the bound on all errors, and Monte-Carlo standard errors it may be missed by
Rng = np.random.Generator
_ASKED: dict[tuple[str, str, int], dict[str, int]] = {}


@dataclass(frozen=True)
class Loss:
    """By how much a candidate is worse, exactly.

    Attributes:
        accuracy: For each data set, by how much it is right less often.
        brier: For each data set, by how much its Brier score is worse, all in all.
        shape: By how much it decides by shape less often.
    """

    accuracy: dict[str, float]
    brier: dict[str, float]
    shape: float = 0.0


@dataclass(frozen=True)
class World:
    """Data sets by name and size, and what is required on them.

    Attributes:
        images: How many images each data set has; of ``imagenet-c`` how many source images.
        requirements: As a policy has them.
    """

    images: dict[str, int]
    requirements: list[dict[str, Any]]


@dataclass(frozen=True)
class Scenario:
    """A world, who stands before the gate, and which error is counted.

    Attributes:
        name: As the table prints it.
        world: Where it is asked.
        loss: What the candidate has lost.
        counts: ``released`` or ``blocked``.
        promised: Whether `plan` promises so many; else at most .05.
        share: Of the replicates that are asked for.
    """

    name: str
    world: World
    loss: Loss
    counts: str
    promised: bool = False
    share: float = 1.0


# policies, with about the margins that can be shown with a power of .99, or of .9


def _large(factor: float) -> World:
    def required(name: str, measure: str, margins: dict[str, float]) -> dict[str, Any]:
        scaled = {data: factor * margin for data, margin in margins.items()}
        return {"id": f"gate.{name}", "claim": name, "measure": measure, "data": list(margins), "margin": scaled}

    images = {"imagenet-val": 5000, "imagenetv2": 2000, "imagenet-a": 600}
    return World(images, [
        required("accuracy", "top1", {"imagenet-val": 0.022, "imagenetv2": 0.037, "imagenet-a": 0.085}),
        required("calibration", "brier", {"imagenet-val": 0.036, "imagenetv2": 0.06}),
    ])


def _small() -> World:
    images = {"imagenet-val": 2000, "imagenet-c": 120, "cue-conflict": 800}

    def required(name: str, measure: str, data: str, margin: float, **more: Any) -> dict[str, Any]:
        return {"id": f"gate.{name}", "claim": name, "measure": measure, "data": data, "margin": margin, **more}

    return World(images, [
        required("accuracy", "top1", "imagenet-val", 0.037),
        required("corrupted", "top1", "imagenet-c", 0.06),
        required("corruptions", "corruption_accuracy", "imagenet-c", 0.06),
        required("shape", "shape_bias", "cue-conflict", 0.12, better="higher"),
    ])


LARGE, MODEST, SMALL = _large(1.0), _large(0.75), _small()
EQUAL = Loss({}, {})


def scenarios() -> Iterator[Scenario]:
    """All that is asked."""
    yield from _worse_by_one_margin(LARGE, "")
    yield Scenario("equal, margins for about 99 %", LARGE, EQUAL, "released", promised=True)
    yield Scenario("equal, margins for less", MODEST, EQUAL, "released", promised=True)
    yield Scenario("equal", LARGE, EQUAL, "blocked")
    yield Scenario("on all margins at once", LARGE, _on_all(LARGE), "blocked")
    yield from _worse_by_one_margin(SMALL, "resampled, ", share=RESAMPLED)
    yield Scenario("resampled, equal", SMALL, EQUAL, "released", promised=True, share=RESAMPLED)
    yield Scenario("resampled, on all margins at once", SMALL, _on_all(SMALL), "blocked", share=RESAMPLED)


def _worse_by_one_margin(world: World, lead: str, share: float = 1.0) -> Iterator[Scenario]:
    on_all = _on_all(world)
    for data, margin in on_all.accuracy.items():
        yield Scenario(f"{lead}accuracy on {data}", world, Loss({data: margin}, {}), "released", share=share)
    for data, margin in on_all.brier.items():
        yield Scenario(f"{lead}calibration on {data}", world, Loss({}, {data: margin}), "released", share=share)
    if on_all.shape:
        yield Scenario(f"{lead}shape bias", world, Loss({}, {}, on_all.shape), "released", share=share)


def _on_all(world: World) -> Loss:
    policy = policy_of(world)
    of = {measure: {data: (one.margin or {}).get(data, (one.margin or {}).get("default", 0.0))
                    for one in policy.requirements if one.measure == measure for data in one.data}
          for measure in ("top1", "brier", "shape_bias")}   # fmt: skip
    return Loss(of["top1"], of["brier"], of["shape_bias"].get("cue-conflict", 0.0))


# draws


def draw(world: World, loss: Loss, rng: Rng) -> dict[tuple[str, str], Observations]:
    """What both said of all data sets of one replicate."""
    found = {}
    for data, n in world.images.items():
        if data == "cue-conflict":
            sides = _cue_conflict(n, loss.shape, rng)
        elif data == "imagenet-c":
            sides = _corrupted(n, loss.accuracy.get(data, 0.0), rng)
        else:
            sides = _images(n, loss.accuracy.get(data, 0.0), loss.brier.get(data, 0.0), rng)
        ids = np.arange(len(next(iter(sides[0].values())))).astype(np.str_)
        clusters = {"imagenet-c": ("source",), "cue-conflict": ("source",)}.get(data, ())
        for model, columns in zip((ROLE, CANDIDATE), sides, strict=True):
            found[model, data] = Observations(model, data, ids, columns, clusters, {})
    return found


def _images(n: int, less: float, worse: float, rng: Rng) -> list[dict[str, Any]]:
    chance = _chances(n, rng)
    return [_answers(chance, 0.0, 0.0, rng), _answers(chance, less, overconfident(less, worse), rng)]


def _chances(n: int, rng: Rng) -> Any:
    a = ACCURACY * CONCENTRATION
    return rng.beta(a, CONCENTRATION - a, size=n)


def _answers(chance: Any, less: float, share: float, rng: Rng) -> dict[str, Any]:
    """Right by chance, less often by so much; sure of a share of the wrong answers."""
    n = len(chance)
    correct = (rng.random(n) < chance) & (rng.random(n) >= less / ACCURACY)
    confidence = np.clip(0.25 + 0.6 * chance + 0.12 * rng.normal(size=n), 0.1, 0.97)
    sure = ~correct & (rng.random(n) < share)
    confidence = np.where(sure, 0.995, confidence)
    of_label = np.where(correct, confidence, (1 - confidence) * 0.5)
    rest = 1 - np.where(correct, confidence, confidence + of_label)
    sum_p2 = confidence**2 + np.where(correct, 0, of_label**2) + rest**2 / 20
    return {"correct": correct, "confidence": confidence, "probability_of_label": of_label, "sum_p2": sum_p2}


@lru_cache(maxsize=64)
def overconfident(less: float, worse: float) -> float:
    """Of which share of its wrong answers a candidate is sure that is so much less accurate and worse calibrated.

    The Brier score is linear in that share: it is measured at none and at all of them, on four million images.
    """
    if not worse:
        return 0.0
    chance = _chances(4_000_000, generator("gate error rates", "population"))

    def brier(less: float, share: float) -> float:
        columns = _answers(chance, less, share, generator("gate error rates", "answers"))
        return float((columns["sum_p2"] - 2 * columns["probability_of_label"] + 1).mean())

    own, none, everything = brier(0.0, 0.0), brier(less, 0.0), brier(less, 1.0)
    share = (own + worse - none) / (everything - none)
    if not 0 <= share <= 1:
        raise ValueError(f"no share makes {less} less accurate candidates worse by {worse}: {share}")
    return share


def _corrupted(sources: int, less: float, rng: Rng) -> list[dict[str, Any]]:
    """All corruptions of each source image, which is hard for itself in all of them."""
    kinds = len(CORRUPTIONS)
    source, corruption = np.repeat(np.arange(sources), kinds), np.tile(np.arange(kinds), sources)
    chance = np.clip(np.repeat(_chances(sources, rng), kinds) * 0.8 + 0.2 * rng.random(len(source)), 0, 1)
    severity = 1 + (source + corruption) % 5
    of_images = {"source": source, "corruption": corruption, "severity": severity}
    right = [rng.random(len(source)) < chance for _ in range(2)]
    mean = 0.8 * ACCURACY + 0.1
    right[1] &= np.repeat(rng.random(sources), kinds) >= less / mean   # of whole sources: the least information
    return [{"correct": one, **of_images} for one in right]


def _cue_conflict(n: int, less: float, rng: Rng) -> list[dict[str, Any]]:
    """Decisions by shape, by texture or by neither, five pictures of each source, whose pull both feel."""
    source = np.arange(n) // 5
    shape = source % 16
    texture = (shape + 1 + rng.integers(15, size=n)) % 16
    pull = np.repeat(rng.beta(SHAPE * 8, (1 - SHAPE) * 8, size=n // 5 + 1), 5)[:n]
    sides = []
    for lost in (0.0, less):
        by_shape = (rng.random(n) < pull) & (rng.random(n) >= lost / SHAPE)
        neither = rng.random(n) < 0.3
        other = (shape + 7) % 16
        other = np.where(other == texture, (shape + 8) % 16, other)
        prediction = np.where(neither, other, np.where(by_shape, shape, texture))
        sides.append({"prediction": prediction, "shape": shape, "texture": texture, "source": source})
    return sides


# the gate


class Forgetting(Store):
    """A store that keeps nothing."""

    def text(self, kind: str, key: str, make: Callable[[], str]) -> str:   # noqa: ARG002
        """What is made."""
        return make()


@dataclass
class Drawn(Evidence):
    """Evidence that was drawn, not read."""

    drawn: dict[tuple[str, str], Observations] | None = None

    def observations(self, model: str, data: str) -> Observations:
        """Of this replicate."""
        assert self.drawn is not None
        return self.drawn[model, data]

    def identity(self, model: str, data: str) -> str:
        """Alike in all replicates, for nothing is kept."""
        return f"{model} on {data}"

    def same(self, one: str, other: str, data: str) -> bool:   # noqa: ARG002
        """Whether two models are one: never."""
        return False

    def check_unchanged(self) -> None:
        """Nothing is on disk."""


def policy_of(world: World) -> Policy:
    """What is required."""
    return Policy(about="simulated", requirements=world.requirements, path=Path("simulated.yaml"))


def cases_of(world: World) -> tuple[Cast, list[Case]]:
    """Who plays, and the cases of the gate."""
    card = {"source": "predictions:nowhere", "architecture": "vit", "paradigm": "supervised"}
    sets = list(world.images)
    models = {name: {**card, "data": sets} for name in (ROLE, CANDIDATE)}
    data = {name: {"reader": "tables", "images": n, "classes": 1000} for name, n in world.images.items()}
    content = {"about": "simulated", "protocol": "none", "models": models, "data": data}
    cast = Cast(**content, name="simulated", path=Path("simulated.yaml"), role=ROLE, candidates=(CANDIDATE,))
    return cast, [case for case in requirements(policy_of(world), cast) if isinstance(case, Case)]


def asked(scenario: Scenario, number: int) -> dict[str, int]:
    """How many of so many runs were released and blocked, and of how many each requirement was shown."""
    key = (repr(scenario.world), repr(scenario.loss), number)
    if key not in _ASKED:   # of one that equals its baseline two things are counted
        _ASKED[key] = _count(scenario, number)
    return _ASKED[key]


def _count(scenario: Scenario, number: int) -> dict[str, int]:
    cast, cases = cases_of(scenario.world)
    counts = dict.fromkeys(("released", "blocked", *(case.id for case in cases)), 0)
    for index in range(number):
        words = decided(cases, _evidence(scenario, index, cast))
        counts["released"] += all(word == "holds" for word in words.values())
        counts["blocked"] += "violated" in words.values()
        for name, word in words.items():
            counts[name] += word == "holds"
    return counts


def decided(cases: Sequence[Case], evidence: Evidence) -> dict[str, str]:
    """What the gate says of each requirement. Each case is judged once, not again for each of its family."""
    alone: dict[str, Verdict] = {}

    def once(case: Case, *more: Any) -> Verdict:
        if case.id not in alone:
            alone[case.id] = judge(case, *more)
        return alone[case.id]

    with patch.object(gate, "judge", once):
        words: dict[str, str] = {case.id: gate.judge_case(case, evidence).verdict for case in cases}
    if "not measured" in words.values():
        raise ValueError(f"a replicate was not measured: {words}")
    return words


def promise(scenario: Scenario, number: int, power: float = 0.9) -> tuple[float, dict[str, float]]:
    """The power that `plan` tells from one replicate, on average: of all requirements together, and of each."""
    cast, cases = cases_of(scenario.world)
    told: dict[str, list[float]] = {case.id: [] for case in cases}
    for index in range(number):
        evidence = _evidence(scenario, index, cast)
        for case in cases:
            told[case.id].append(prospect(case, evidence, power).power or 0.0)
    together = [all_together(of_one) for of_one in zip(*told.values(), strict=True)]
    return float(np.mean(together)), {name: float(np.mean(values)) for name, values in told.items()}


def _evidence(scenario: Scenario, index: int, cast: Cast) -> Drawn:
    sampled.cache_clear()   # which would keep every replicate in memory
    replicates.forget()
    rng = generator("gate error rates", repr(scenario.world.images), repr(scenario.loss), str(index))
    return Drawn(cast, Forgetting(Path("nowhere")), drawn=draw(scenario.world, scenario.loss, rng))


# the table


def row(scenario: Scenario, number: int) -> dict[str, Any]:
    """What came out of one scenario."""
    asked_for = max(1, round(number * scenario.share))
    start = time.perf_counter()
    counts = asked(scenario, asked_for)
    rate = counts[scenario.counts] / asked_for
    found: dict[str, Any] = {
        "scenario": scenario.name, "counts": scenario.counts, "replicates": asked_for, "rate": rate,
        "error": sqrt(max(rate, 1 / asked_for) * (1 - rate) / asked_for),
        "requirements": {name: count / asked_for for name, count in counts.items() if name.startswith("gate.")},
    }  # fmt: skip
    if scenario.promised:
        found["promised"], found["promised of each"] = promise(scenario, min(PLANS, asked_for))
    found["seconds"] = round(time.perf_counter() - start, 1)
    return found


def kept(found: dict[str, Any], errors: float = ERRORS) -> bool:
    """Whether a row is as it should be, within so many Monte-Carlo standard errors of the bound itself."""
    bound = found.get("promised", NEVER)
    error = sqrt(bound * (1 - bound) / found["replicates"])
    if "promised" in found:
        return bool(found["rate"] >= bound - errors * error)
    return bool(found["rate"] <= bound + errors * error)


def table(content: dict[str, Any]) -> str:
    """The rows as Markdown."""
    lines = [
        "| the candidate is | counted | runs | of 100 | bound |",
        "|---|---|--:|--:|---|",
    ]
    for one in content["rows"]:
        name = one["scenario"]
        is_worse = one["counts"] == "released" and "promised" not in one
        name = f"worse by exactly one margin: {name}" if is_worse else name
        rate, error = (f"{100 * one[key]:.1f}" for key in ("rate", "error"))
        bound = f"≥ {100 * one['promised']:.1f}, as `plan` promised" if "promised" in one else f"≤ {100 * NEVER:g}"
        lines.append(f"| {name} | {one['counts']} | {one['replicates']:,} | {rate} ± {error} | {bound} |")
    return "\n".join(lines)


def write_page(content: dict[str, Any], page: Path = PAGE) -> None:
    """Put the table between its markers, where the page has them."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(FIRST)
    _, _, after = rest.partition(LAST)
    page.write_text(f"{before}{FIRST}\n{table(content)}\n{LAST}{after}", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=2400)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="scenarios whose names hold one of these")
    parser.add_argument("-o", dest="output", type=Path, default=HERE / "gate_error_rates.json")
    parser.add_argument("--page", action="store_true", help="write the table of docs/gate.md from what is there")
    options = parser.parse_args(arguments)
    if not options.page:
        rows = {one["scenario"]: one for one in _before(options.output)}
        for one in scenarios():
            if not options.only or any(part in one.name for part in options.only):
                rows[one.name] = found = row(one, options.replicates)
                print(one.name, one.counts, found["rate"], "±", round(found["error"], 4), found.get("promised", ""),
                      "" if kept(found) else "NOT KEPT", f"{found['seconds']} s", flush=True)   # fmt: skip
                content = {"rows": [rows[each.name] for each in scenarios() if each.name in rows]}
                options.output.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    content = json.loads(options.output.read_text(encoding="utf-8"))
    if options.page:
        write_page(content)
    return 0 if all(kept(one) for one in content["rows"]) else 1


def _before(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text(encoding="utf-8"))["rows"]) if path.is_file() else []


if __name__ == "__main__":
    sys.exit(main())
