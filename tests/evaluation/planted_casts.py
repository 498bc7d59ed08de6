"""Casts in which a defective network plays the part of the clean one, and what is said of both.

From checkpoints and cards to verdicts all is the project's own: loading, evaluation, tables, probes, intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from safetensors.torch import load_file, save_file

from demeanour.evaluation.drain import Drained, drain
from demeanour.evidence.gather import Evidence
from demeanour.evidence.live import Live
from demeanour.evidence.plan import plan
from demeanour.evidence.store import Store
from demeanour.findings.load import load_cast
from demeanour.findings.thresholds import Thresholds, load_thresholds
from demeanour.miniature.learning.cast import WEIGHTS
from demeanour.verdicts.judge import judge
from demeanour.verdicts.verdict import Verdict
from tests.evaluation.planted import DEFECTS, Defect

ROOT = Path(__file__).parents[2]
TASKS = {"structured": ["x-position"]}
DATA = ("imagenet-val", "cue-conflict", "vtab")
PARTS = ("imagenet/val", "cue-conflict", "annotations", "names", *(f"vtab/{task}" for task in TASKS["structured"]))
RELEASE: dict[str, Any] = {   # a finding of a user's
    "id": "release.no-less-accurate", "label": "G1", "claim": "The candidate is as accurate as production.",
    "source": {"paper": "team", "section": "1", "quote": "No release is less accurate by two points or more."},
    "strength": "A", "measure": "top1", "data": "imagenet-val", "relation": "left >= right", "margin": 0.02,
    "compare": {"left": {"model": "candidate"}, "right": {"model": "production"}, "pair_on": "architecture"},
}  # fmt: skip
TEAM = {"team": {"title": "How we release", "url": "https://example.org/releases", "year": 2026}}


@dataclass(frozen=True)
class Planted:
    """A folder with what was planted, and what was said.

    Attributes:
        folder: With checkpoints, casts, findings and ``store``.
        world: The pictures of the miniature, of `PARTS` at least.
    """

    folder: Path
    world: Path

    def evaluate(self) -> Drained:
        """Plant all defects and evaluate what their verdicts need, each picture decoded once."""
        (self.folder / "findings").mkdir(parents=True)
        (self.folder / "findings" / "release.yaml").write_text(yaml.safe_dump([RELEASE]))
        (self.folder / "findings" / "papers.yaml").write_text(yaml.safe_dump(TEAM))
        shipped, everyone = self._shipped()["models"], dict[str, Any]()
        needs = set[tuple[str, str]]()
        for defect in DEFECTS:
            if defect.change is not None:
                state = defect.change(load_file(WEIGHTS / f"{defect.cast[defect.role]}.safetensors"))
                save_file({key: value.contiguous() for key, value in state.items()}, self._weights(defect))
            everyone |= {network: shipped[network] for network in defect.cast.values()}
            everyone[defect.name] = self._card(defect)
            for verdict in filter(None, (defect.verdict, defect.unmoved)):
                case = self._thresholds(defect, verdict, planted=False).cases[verdict]
                played = [defect.cast[name] for name in case.models]
                if defect.role in case.models:
                    played.append(defect.name)
                needs |= {(model, data) for model in played for data in case.sets}
        live = self._live("everyone", everyone)
        return drain(live, plan(live.cast, needs), lambda _: None, "cpu")

    def verdict(self, defect: Defect, verdict: str, planted: bool) -> Verdict:
        """What is said of the clean network, or with the defective one in its part."""
        thresholds = self._thresholds(defect, verdict, planted)
        return judge(thresholds.cases[verdict], Evidence(thresholds.cast, self._store))

    def _thresholds(self, defect: Defect, verdict: str, planted: bool) -> Thresholds:
        shipped = self._shipped()["models"]
        models = {name: shipped[network] for name, network in defect.cast.items()}
        path = self._write(f"{defect.name}-{'planted' if planted else 'clean'}",
                           {**models, **({defect.role: self._card(defect)} if planted else {})})   # fmt: skip
        return _loaded(path, self.folder / "findings" if verdict.startswith(RELEASE["id"]) else None)

    def _card(self, defect: Defect) -> dict[str, Any]:
        """The card of the clean network, but for what is wrong."""
        card: dict[str, Any] = self._shipped()["models"][defect.cast[defect.role]]
        if defect.change is not None:
            card = {**card, "source": f"{card['source'].partition('@')[0]}@{self._weights(defect)}"}
        return {**card, **(defect.card or {})}

    def _weights(self, defect: Defect) -> Path:
        return self.folder / f"{defect.name}.safetensors"

    def _live(self, name: str, models: dict[str, Any]) -> Live:
        cast, _, problems = load_cast(self._write(name, models))
        assert cast is not None, problems
        return Live(cast, self._store)

    def _write(self, name: str, models: dict[str, Any]) -> Path:
        cards = self._shipped()["data"]
        data = {key: cards[key] for key in DATA}
        data["vtab"] = {**data["vtab"], "tasks": TASKS}
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"about": name, "protocol": "native", "models": models, "data": data}))
        return path

    def _shipped(self) -> dict[str, Any]:
        return _shipped(self.world)

    @property
    def _store(self) -> Store:
        return Store(self.folder / "store", print)


@cache
def _loaded(cast: Path, findings: Path | None) -> Thresholds:
    return load_thresholds(str(cast), findings, ROOT / "thresholds")


@cache
def _shipped(world: Path) -> dict[str, Any]:
    """The miniature's cast, with absolute paths."""

    def placed(value: Any) -> Any:
        match value:
            case dict():
                return {key: placed(one) for key, one in value.items()}
            case str():
                return value.replace("miniature:", f"{world}/").replace("../../src/", f"{ROOT}/src/")
        return value

    cast = yaml.safe_load((ROOT / "thresholds" / "casts" / "miniature.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = placed(cast)
    return found
