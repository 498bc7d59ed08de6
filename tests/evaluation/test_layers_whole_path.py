"""From pictures to measures of layers: evaluator, store and measures against kept activations in float64."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evaluation import evaluator as evaluating
from demeanour.evaluation import grams
from demeanour.evaluation.evaluator import Evaluator
from demeanour.evaluation.networks import Networks
from demeanour.evaluation.passes import memory_given_back, quiet_threads
from demeanour.evaluation.pictures import chunks
from demeanour.evidence.gather import Evidence
from demeanour.evidence.health import Health
from demeanour.evidence.plan import GRAMS, Unit, plan
from demeanour.evidence.workload import OF_LAYERS, ROW, standing, workload
from demeanour.findings.lint_cards import check_cards
from demeanour.measures.registry import MEASURES
from demeanour.measures.similarity import cka_map
from demeanour.measures.structure import KINDS
from demeanour.models.torch_network import TorchNetwork
from demeanour.verdicts.contrast import Term, contrast
from demeanour.verdicts.replicates import columns_of
from demeanour.views.prepare import normalise
from tests.evaluation.live_cast import CLASSES, open_live

BATCH = 6   # so that 64 pictures make ten minibatches, and four are left out
DATA = {
    "pictures": {"reader": "folder", "root": "pictures", "classes": CLASSES},
    "layers": {"reader": "similarity", "of": "pictures"},
}


@pytest.fixture(autouse=True)
def small_minibatches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(grams, "MINIBATCH", BATCH)
    monkeypatch.setattr(evaluating, "AT_ONCE", 4 * BATCH)
    monkeypatch.setitem(evaluating.SHARD, "cpu", 8 * BATCH)
    threads = torch.get_num_threads()
    quiet_threads("cpu")
    yield
    torch.set_num_threads(threads)


def evidence_of(folder: Path) -> Evidence:
    live = open_live(folder, data=DATA)
    return Evidence(live.cast, live.store)


def evaluated(folder: Path) -> tuple[Evidence, list[dict[str, Any]]]:
    evidence, events = evidence_of(folder), []
    units = plan(evidence.cast, [(model, "layers") for model in evidence.cast.models])
    assert units == [Unit("resnet", "pictures", kind=GRAMS), Unit("vit", "pictures", kind=GRAMS)]   # and no tables
    Evaluator(evidence.live, "cpu", lambda event: events.append(dict(event))).run(units)
    return evidence, events


def direct(evidence: Evidence, model: str, names: tuple[str, ...]) -> np.ndarray:
    """CKA of layers by the formula, from activations that are kept, in float64: (k, k)."""
    unit = Unit(model, "pictures", kind=GRAMS)
    rows = np.asarray(evidence.live.similarities(unit)["rows"])
    networks = Networks(evidence.live, "cpu")
    networks.describe(model)
    network = networks.of(model, unit.view)
    assert isinstance(network, TorchNetwork)
    steps = evidence.live.steps(unit)
    kept: dict[str, np.ndarray] = {}

    def keep(name: str) -> Any:
        def hook(_: Any, __: Any, output: Any) -> None:
            first: Tensor = output[0] if isinstance(output, tuple) else output
            calls = sum(key == name or key.startswith(f"{name}:") for key in kept)
            kept[name if not calls else f"{name}:{calls + 1}"] = first.double().flatten(1).numpy().copy()

        return hook

    parts = {name.partition(":")[0] for name in names}
    hooks = [network.module.get_submodule(name).register_forward_hook(keep(name)) for name in parts]
    total: dict[tuple[str, str], float] = {}
    with ThreadPoolExecutor(1) as pool:
        for chunk in chunks(evidence.live.pictures("pictures"), rows, [steps.geometry], BATCH, pool):
            kept.clear()
            pixels = torch.from_numpy(chunk.pixels[steps.geometry])
            with torch.inference_mode():
                network.module(normalise(pixels, steps.mean, steps.std))
            grams_of = {name: kept[name] @ kept[name].T for name in names}
            for pair in [*combinations(names, 2), *((name, name) for name in names)]:
                total[pair] = total.get(pair, 0.0) + song(grams_of[pair[0]], grams_of[pair[1]])
    for hook in hooks:
        hook.remove()
    own = np.sqrt([total[name, name] for name in names])
    found = np.eye(len(names))
    for (i, one), (j, other) in combinations(enumerate(names), 2):
        found[i, j] = found[j, i] = total[one, other] / own[i] / own[j]
    return found


def song(k: np.ndarray, l: np.ndarray) -> float:   # noqa: E741
    """HSIC₁ as Song et al. (2012, eq. 5) write it."""
    m, one = len(k), np.ones(len(k))
    k, l = k * (1 - np.eye(m)), l * (1 - np.eye(m))   # noqa: E741
    whole = (one @ k @ one) * (one @ l @ one) / ((m - 1) * (m - 2))
    return float((np.trace(k @ l) + whole - 2 / (m - 2) * (one @ k @ l @ one)) / (m * (m - 3)))


@pytest.mark.parametrize("model", ["vit", "resnet"])
def test_measures_of_a_network_are_those_of_its_activations_kept_in_float64(tmp_path: Path, model: str) -> None:
    evidence, events = evaluated(tmp_path)
    assert [event["reason"] for event in events if event["event"] == "failed"] == []
    observed = evidence.observations(model, "layers")
    assert len(observed) == 10
    assert observed.columns["size"].tolist() == [BATCH] * 10
    names, kinds = observed.names["layers"], observed.names["kinds"]
    expected = direct(evidence, model, names)
    sums = np.asarray(observed.columns["hsic"], dtype=np.float64).sum(axis=0)
    np.testing.assert_allclose(cka_map(sums, names), expected, atol=1e-5)
    values = MEASURES["layer_similarity"].values(columns_of(MEASURES["layer_similarity"], (observed,)))
    lowest = MEASURES["lowest_similarity"].values(columns_of(MEASURES["lowest_similarity"], (observed,)))
    for kind in (*dict.fromkeys(kinds), "all"):
        members = [n for n, own in enumerate(kinds) if kind in (own, "all")]
        pairs = [expected[i, j] for i, j in combinations(members, 2)]
        if kind == KINDS[-1] or not pairs:
            assert kind not in values
            continue
        assert float(values[kind]) == pytest.approx(np.mean(pairs), abs=1e-5)
        assert float(lowest[kind]) == pytest.approx(min(pairs), abs=1e-5)
    found = contrast(MEASURES["layer_similarity"], (Term(1, observed, "all"),))
    assert found.n == 60
    assert found.limits.method == "jackknife, 10 minibatches of 6 pictures"


def test_what_layers_depend_on_and_what_they_do_not_need(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path)
    with pytest.raises(NotMeasuredError, match="vit was not evaluated yet"):
        evidence.observations("vit", "layers")
    evidence, _ = evaluated(tmp_path)
    assert evidence.identity("vit", "layers") not in (evidence.identity("resnet", "layers"),
                                                      evidence.identity("vit", "pictures"))   # fmt: skip
    again = evidence_of(tmp_path)
    assert again.identity("vit", "layers") == evidence.identity("vit", "layers")
    with pytest.raises(NotMeasuredError, match="was not evaluated yet"):   # answers to pictures are other evidence
        again.observations("vit", "pictures")


def test_a_table_of_predictions_has_no_layers(tmp_path: Path) -> None:
    live = open_live(tmp_path, data=DATA)
    changes = {"source": "predictions:table.csv", "imports": None, "data": ["pictures"]}
    table = live.cast.models["vit"].model_copy(update=changes)
    cast = live.cast.model_copy(update={"models": {"table": table}})
    assert cast.covers("table", "pictures")
    assert not cast.covers("table", "layers")
    assert plan(cast, [("table", "layers")]) == []


@pytest.mark.parametrize(
    ("card", "told"),
    [
        ({"reader": "similarity"}, "the reader 'similarity' needs 'of'"),
        ({"reader": "similarity", "of": "nothing"}, "the cast has no pictures 'nothing'"),
        ({"reader": "similarity", "of": "layers"}, "the cast has no pictures 'layers'"),
        ({"reader": "similarity", "of": "pictures", "root": "pictures"}, "the reader 'similarity' reads no 'root'"),
        ({"reader": "similarity", "of": "pictures", "views": ["plain"]}, "the reader 'similarity' does not read it"),
        ({"reader": "similarity", "of": "pictures"}, None),
    ],
)
def test_cards_of_layers_that_do_not_fit(tmp_path: Path, card: dict[str, Any], told: str | None) -> None:
    live = open_live(tmp_path, data=DATA | {"other": card})
    problems = [message for _, message, _ in check_cards(live.cast)]
    assert [told in problem for problem in problems if told] == [True] * (told is not None)
    assert bool(problems) == (told is not None)


def test_what_minibatches_take_is_foretold_beside_other_evidence(tmp_path: Path) -> None:
    health = Health(evidence_of(tmp_path))
    units = [Unit("vit", "pictures"), Unit("vit", "pictures", kind=GRAMS)]
    standings = [standing(health, unit) for unit in units]
    assert [int(one.left.sum()) for one in standings] == [64, 64]
    found = workload(health, standings)
    assert found.decoded == {"pictures": 128}   # minibatches are drawn, and so decoded for themselves
    assert found.prepared == {("pictures", "plain"): 128}
    assert found.passes == {("vit", "pictures", "plain"): 128}
    assert found.disk == 64 * (ROW + OF_LAYERS)


@pytest.mark.parametrize("fails", [False, True])
def test_memory_is_kept_again_after_minibatches(monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    asked: list[tuple[int, int]] = []

    class Libc:
        def mallopt(self, option: int, value: int) -> int:
            asked.append((option, value))
            return 1

    monkeypatch.setattr("demeanour.evaluation.passes.ctypes.CDLL", lambda _: Libc())
    monkeypatch.setattr("demeanour.evaluation.passes.platform.libc_ver", lambda: ("glibc", "2.36"))
    with suppress(EvidenceError), memory_given_back():
        assert asked == [(-3, 2**20), (-4, 2**16)]   # large blocks come from the system
        if fails:
            raise EvidenceError("a layer answers NaN")
    assert (-4, 0) in asked[2:]   # and no more
