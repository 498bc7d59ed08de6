"""A real network gated against itself, prepared wrongly, in eight bits and with noise: each answer as by hand.

The pictures are 650 of ImageNet's validation set, 250 photographs and 240 cue conflicts: too few for most margins.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from filelock import FileLock
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from demeanour.evaluation.drain import drain
from demeanour.evidence.gather import Evidence
from demeanour.evidence.plan import units_of
from demeanour.evidence.store import Store
from demeanour.findings.candidates import Trial, with_candidates
from demeanour.findings.load import load_cast
from demeanour.findings.pairing import Case, OutOfScope
from demeanour.findings.policy import load_policy
from demeanour.findings.trial import requirements
from demeanour.models.remembered import RUN
from demeanour.verdicts.gate import judge_case
from demeanour.verdicts.verdict import Verdict
from demeanour.vocabulary import CATEGORIES
from tests.int8_network import in_int8, perturbed
from tests.paired_by_hand import PValues, exact_p, exact_upper, mean_p, shape_bias_difference, t_p, tango_p, words
from tests.suite_run import ROOT, Suite

pytestmark = pytest.mark.slow

IMAGENETS = {"resize": 256, "crop": 224, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
STAGE = "blocks.5."   # the last but one of seven
ROLE = "Lite0"
CANDIDATES: dict[str, dict[str, Any]] = {   # cards, as far as they differ; each on as few sets as will do
    "colours": {"preprocessing": IMAGENETS, "data": ["imagenet-val", "nips17"]},
    "int8": {"source": f"python:{ROOT}/tests/int8_network.py:lite0@int8.safetensors", "data": ["imagenet-val"]},
    "noisy": {"source": "noisy.safetensors", "data": ["nips17", "cue-conflict"]},
    "shaken": {"source": "shaken.safetensors", "data": ["nips17"]},
}  # fmt: skip
COUNTS = {"imagenet-val": 650, "nips17": 250}
MARGINS = {"strict": 0.01, "fair": 0.03, "lax": 0.06}   # of accuracy
BRIER, SHAPE = 0.03, 0.1


@dataclass(frozen=True)
class World:
    """What was evaluated.

    Attributes:
        folder: With ``cast.yaml``, ``policy.yaml``, a card for each candidate and ``store``.
        evidence: Of the cast with its candidates.
        required: What is required, by candidate and id.
        outside: What candidates have no evidence for.
    """

    folder: Path
    evidence: Evidence
    required: dict[str, list[Case]]
    outside: list[OutOfScope]

    def verdicts(self, candidate: str) -> dict[str, Verdict]:
        """By requirement and data set."""
        return {f"{case.finding.id} {case.data}": judge_case(case, self.evidence) for case in self.required[candidate]}

    def column(self, model: str, data: str, name: str) -> NDArray[Any]:
        return self.evidence.observations(model, data).column(name)

    def counts(self, candidate: str, data: str) -> tuple[int, int, int]:
        """Pictures that only the candidate gets right, that only the baseline does, and all."""
        new, old = (self.column(model, data, "correct").astype(bool) for model in (candidate, ROLE))
        return int((new & ~old).sum()), int((old & ~new).sum()), len(new)

    def data(self, candidate: str) -> list[str]:
        """The sets that something is required on."""
        return list(dict.fromkeys(case.data for case in self.required[candidate]))

    def score_p(self, candidate: str) -> PValues:
        """Of the Brier score by Student's t."""
        scores = {}
        for model in (candidate, ROLE):
            own, sums = (self.column(model, "imagenet-val", name) for name in ("probability_of_label", "sum_p2"))
            scores[model] = 1 - 2 * own + sums
        rows = np.asarray(scores[ROLE] - scores[candidate], dtype=np.float64)   # more is better
        print(f"{candidate}: Brier score {-rows.mean():+.4f} ± {1.65 * rows.std() / np.sqrt(len(rows)):.4f}")
        return mean_p(rows, {"gate.brier imagenet-val": BRIER})

    def shape_p(self, candidate: str) -> PValues:
        """Of the shape bias, linearised, by sources of shapes."""
        ids = self.evidence.observations(ROLE, "cue-conflict").ids.tolist()
        names = [name.removesuffix(".png").split("-") for name in ids]
        kinds = np.asarray([[one.rstrip("0123456789") for one in name] for name in names])
        answers = {model: np.asarray(CATEGORIES)[self.column(model, "cue-conflict", "prediction").astype(int)]
                   for model in (candidate, ROLE)}   # fmt: skip
        sources = np.asarray([name[0] for name in names])
        value, se, df = shape_bias_difference(answers[candidate], answers[ROLE], kinds[:, 0], kinds[:, 1], sources)
        print(f"{candidate}: shape bias {value:+.4f} ± {1.65 * se:.4f} ({df + 1} sources)")
        return t_p(value, se, df, {"gate.shape cue-conflict": SHAPE})


def write_world(folder: Path, published: Path) -> None:
    cast = yaml.safe_load((ROOT / "thresholds/casts/lite.yaml").read_text())
    with (published / "nips17/images.csv").open(newline="") as file:
        nips = {f"{row['ImageId']}.jpg": int(row["TrueLabel"]) - 1 for row in csv.DictReader(file)}   # counted from 1
    lines = [f"{path.name},{nips[path.name]}\n" for path in sorted(published.glob("nips17/*.jpg"))]
    (folder / "nips.csv").write_text("file_name,label\n" + "".join(lines))
    data = {name: cast["data"][name] for name in ("imagenet-val", "cue-conflict")} | {
        "nips17": {"reader": "imagenet", "root": "${DEMEANOUR_PUBLISHED}/nips17", "labels": str(folder / "nips.csv"),
                   "images": 250, "classes": 1000},
    }  # fmt: skip
    content = {"about": "a real network", "protocol": "native", "models": {ROLE: cast["models"][ROLE]}, "data": data}
    (folder / "cast.yaml").write_text(yaml.safe_dump(content))
    accuracy = {"measure": "top1", "data": list(COUNTS)}
    entries = [
        {"id": f"gate.{name}", "claim": f"Loses less than {margin}.", "margin": margin, **accuracy}
        for name, margin in MARGINS.items()
    ]
    entries += [
        {"id": "gate.brier", "claim": "As good scores.", "measure": "brier", "data": ["imagenet-val"], "margin": BRIER},
        {"id": "gate.shape", "claim": "As much shape.", "measure": "shape_bias", "better": "higher",
         "data": ["cue-conflict"], "margin": SHAPE},
    ]  # fmt: skip
    (folder / "policy.yaml").write_text(yaml.safe_dump({"about": "margins", "requirements": entries}))
    state = load_file(published / "weights/tf_efficientnet_lite0.safetensors")
    made = {"int8": in_int8(state), "noisy": perturbed(state, STAGE, 0.3), "shaken": perturbed(state, STAGE, 0.05)}
    for name, changed in made.items():
        save_file({key: value.contiguous() for key, value in changed.items()}, folder / f"{name}.safetensors")
    for name, card in CANDIDATES.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(card))


def opened(folder: Path) -> World:
    cast, _, problems = load_cast(folder / "cast.yaml")
    assert cast is not None, problems
    policy = load_policy(folder / "policy.yaml", [cast])
    cast = with_candidates(cast, Trial(ROLE, tuple(f"{name}.yaml" for name in CANDIDATES)), {}, folder)
    found = list(requirements(policy, cast))
    cases = [one for one in found if isinstance(one, Case)]
    required = {name: [case for case in cases if case.candidate == name] for name in CANDIDATES}
    evidence = Evidence(cast, Store(folder / "store", print))
    return World(folder, evidence, required, [one for one in found if isinstance(one, OutOfScope)])


@pytest.fixture(scope="module")
def world(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Evaluated once, by whichever of pytest's workers comes first."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "gate-real-weights"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEMEANOUR_PUBLISHED", str(published))
        patch.setenv(RUN, "gate-real-weights")   # else a function of Python is called anew to learn what it is
        with FileLock(folder / "lock"):
            if not (folder / "evaluated").exists():
                write_world(folder, published)
                if (folder.parent / "real-network" / "timm.npz").exists():   # which answers half of it has
                    shutil.copytree(folder.parent / "real-network" / "store", folder / "store", dirs_exist_ok=True)
                new = opened(folder)
                units = units_of(new.evidence.cast, [case for cases in new.required.values() for case in cases])
                assert drain(new.evidence.live, units, lambda _: None, "cpu").failed == {}
                (folder / "evaluated").touch()
        yield opened(folder)


def test_a_candidate_s_own_file_says_in_what_it_differs(world: World, published: Path) -> None:
    models = world.evidence.cast.models
    weights = f"{published}/weights/tf_efficientnet_lite0.safetensors"
    assert models["colours"].source.replace("${DEMEANOUR_PUBLISHED}", str(published)).endswith(weights)
    assert models["noisy"].source == f"timm:tf_efficientnet_lite0@{world.folder}/noisy.safetensors"
    assert models["int8"].source.endswith(f":lite0@{world.folder}/int8.safetensors")
    assert {card.architecture for card in models.values()} == {"efficientnet"}
    assert len(world.outside) == 1 + 4 + 4 + 5   # of eight requirements on a set each, where cards name fewer sets
    live = world.evidence.live
    found = {name: live.description(name) for name in (ROLE, "colours")}
    assert found[ROLE] is not None
    assert found["colours"] is not None
    assert not any(world.evidence.same("colours", ROLE, data) for data in COUNTS)


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_each_verdict_is_that_of_limits_by_hand(world: World, candidate: str) -> None:
    """Exact limits say the same of accuracies; Tango's score interval, which is narrower, never contradicts."""
    verdicts = world.verdicts(candidate)
    exact, score = [list[PValues]() for _ in range(2)]
    for data in world.data(candidate):
        if data in COUNTS:
            gained, lost, n = world.counts(candidate, data)
            assert n == COUNTS[data]
            margins = {f"gate.{name} {data}": margin for name, margin in MARGINS.items()}
            exact.append(exact_p(gained, lost, n, margins))
            score.append(tango_p(gained, lost, n, margins))
            low, high = -exact_upper(lost, gained, n), exact_upper(gained, lost, n)
            print(f"{candidate} on {data}: +{gained} −{lost} of {n}, exact [{low:+.4f}, {high:+.4f}]")
            for name in margins:
                found = verdicts[name].difference
                assert found is not None
                assert found.value == pytest.approx((gained - lost) / n)
                assert found.interval == pytest.approx((low, high), abs=1e-9)
    others = [world.score_p(candidate)] if "imagenet-val" in world.data(candidate) else []
    others += [world.shape_p(candidate)] if "cue-conflict" in world.data(candidate) else []
    by_hand, by_score = words(*exact, *others), words(*score, *others)
    print(f"    by hand {by_hand}\n    score   {by_score}")
    assert {name: verdict.verdict for name, verdict in verdicts.items()} == by_hand
    assert all(word in (by_score[name], "undecided") for name, word in by_hand.items())


def test_what_each_candidate_is_told(world: World) -> None:
    said = {name: {key: one.verdict for key, one in world.verdicts(name).items()} for name in CANDIDATES}
    for name, told in said.items():
        print(name, told)
    assert said["colours"]["gate.strict nips17"] == "violated"
    assert said["noisy"]["gate.strict nips17"] == said["noisy"]["gate.lax nips17"] == "violated"
    assert said["int8"]["gate.lax imagenet-val"] == "holds"
    assert said["shaken"]["gate.strict nips17"] == "undecided"


def test_what_650_pictures_cannot_tell_says_how_many_would(world: World) -> None:
    for name in ("int8", "shaken"):
        for key, verdict in world.verdicts(name).items():
            if verdict.verdict == "undecided" and verdict.measure == "top1":
                assert verdict.shortfall is not None
                data = key.split()[1]
                assert verdict.shortfall.images == COUNTS[data]
                gained, lost, n = world.counts(name, data)
                assert verdict.shortfall.needed is None or verdict.shortfall.needed > n
                print(name, key, f"+{gained} −{lost}", verdict.shortfall)


def test_the_whole_path_blocks_wrong_colours(world: World, published: Path, suite: Suite) -> None:
    place = {"DEMEANOUR_PUBLISHED": str(published), "DEMEANOUR_CACHE": str(world.folder / "store")}
    options = ("--cast", str(world.folder / "cast.yaml"), "--gate", str(world.folder / "policy.yaml"), "--as", ROLE)
    run = suite(*options, "--candidate", str(world.folder / "colours.yaml"), "-k", "test_gate", **place)
    assert run.code == 1, run.output
    assert "evaluated:" not in run.output
    assert run.words["gate.strict[nips17]"] == "violated"
