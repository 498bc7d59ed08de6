"""Similarities of layers: what a pass leaves of activations is what plain loops make of activations that are kept."""

from __future__ import annotations

import errno
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
from numpy.typing import NDArray
from open_clip.model import _build_vision_tower
from torch import Tensor, nn

from demeanour.datasets.frame import Frame
from demeanour.datasets.pictures.pictures import Pictures
from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evaluation import evaluator as evaluating
from demeanour.evaluation import grams
from demeanour.evaluation.evaluator import Evaluator
from demeanour.evaluation.grams import minibatches, similarities
from demeanour.evaluation.passes import Passes, quiet_threads
from demeanour.evidence.live import Live
from demeanour.evidence.plan import GRAMS, Unit
from demeanour.evidence.shards import Shards
from demeanour.measures.similarity import cka, cka_map
from demeanour.models.description import Description
from demeanour.models.layers import ATTENTION, CONVOLUTION, LINEAR, NORM, OTHER, layers, listening
from demeanour.models.open_clip_network import ImageTower
from demeanour.models.torch_network import TorchNetwork
from demeanour.statistics.seeds import generator
from demeanour.views.geometry import Preprocessing
from demeanour.views.protocols import steps
from tests.evaluation.live_cast import open_live
from tests.models import tiny_networks  # noqa: F401

SIDE, BATCH = 32, 8
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.2, 0.3)
NATIVE = Preprocessing(SIDE, "bilinear", SIDE, MEAN, STD)


@pytest.fixture(autouse=True)
def small_minibatches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Of eight pictures, so that plain loops end."""
    monkeypatch.setattr(grams, "MINIBATCH", BATCH)
    threads = torch.get_num_threads()
    quiet_threads("cpu")
    yield
    torch.set_num_threads(threads)


def made(name: str, **options: Any) -> nn.Module:
    torch.manual_seed(3)
    module: nn.Module = timm.create_model(name, **options)
    with torch.no_grad():   # weights as they begin would make most layers nearly the same
        for weight in module.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return module.eval()


def pixels(count: int = 3 * BATCH) -> NDArray[np.uint8]:
    return generator("pixels of grams").integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def network(module: nn.Module) -> TorchNetwork:
    return TorchNetwork(Description("tests", "supervised", NATIVE, 10, 1, ()), module, SIDE)


def found_in(module: nn.Module, count: int = 3 * BATCH, threads: int = 1, **mode: Any) -> dict[str, Any]:
    with ThreadPoolExecutor(threads) as pool:
        asked = network(module).to("cpu", **{"precision": "fp32", **mode})
        return similarities(Passes("cpu", pool), asked, steps("native", "supervised", NATIVE, "folder"), pixels(count))


def activations(module: nn.Module, names: list[str], batch: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Of one pass, kept whole."""
    kept: dict[str, NDArray[np.float64]] = {}

    def keep(name: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            first = output if isinstance(output, Tensor) else output[0]
            kept[name] = first.double().flatten(1).numpy().copy()

        return hook

    handles = [module.get_submodule(name).register_forward_hook(keep(name)) for name in names]
    x = torch.from_numpy(batch).permute(0, 3, 1, 2).float().div(255)
    with torch.inference_mode():
        module((x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None])
    for handle in handles:
        handle.remove()
    return kept


def hsic(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Song et al. (2012, eq. 5), of centred activations, which it does not depend on and float64 is thankful for."""
    m, one = len(x), np.ones(len(x))
    k, l = ((z - z.mean(axis=0)) @ (z - z.mean(axis=0)).T for z in (x, y))   # noqa: E741
    np.fill_diagonal(k, 0)
    np.fill_diagonal(l, 0)
    whole = (one @ k @ one) * (one @ l @ one) / ((m - 1) * (m - 2))
    return float((np.trace(k @ l) + whole - 2 / (m - 2) * (one @ k @ l @ one)) / (m * (m - 3)))


def square(triangles: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """(batches, k, k)."""
    whole = np.empty((len(triangles), k, k))
    rows, columns = np.triu_indices(k)
    whole[:, rows, columns] = whole[:, columns, rows] = triangles
    return whole


# --- statistics


@pytest.mark.parametrize("name", ["tiny_vit_of_tests", "tiny_convnext_of_tests"])
def test_statistics_are_those_of_a_plain_loop_over_kept_activations(name: str) -> None:
    module = made(name)
    found = found_in(module)
    names = found["layers"][0].tolist()
    assert found["hsic"].shape == (3, len(names) * (len(names) + 1) // 2)
    assert found["hsic"].dtype == np.float64
    assert found["left_out"].shape == (1, 0)
    for batch, statistics in enumerate(square(found["hsic"], len(names))):
        kept = activations(module, names, pixels()[BATCH * batch : BATCH * (batch + 1)])
        assert list(kept) == names   # in the order in which they answer
        expected = np.array([[hsic(kept[one], kept[other]) for other in names] for one in names])
        scale = np.sqrt(np.outer(expected.diagonal(), expected.diagonal()))
        np.testing.assert_allclose(statistics / scale, expected / scale, atol=2e-5)
        assert (np.abs(expected / scale) < 0.9).any()


def test_a_map_of_one_minibatch_is_that_of_its_activations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grams, "MINIBATCH", 24)
    module = made("tiny_vit_of_tests")
    found = found_in(module)
    names = found["layers"][0].tolist()
    kept = activations(module, names, pixels())
    expected = [[cka(kept[one], kept[other]) for other in names] for one in names]
    np.testing.assert_allclose(cka_map(found["hsic"][0], names), expected, atol=2e-5)


def test_blocks_of_activations_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    module = made("tiny_vit_of_tests")
    whole = found_in(module)["hsic"]
    monkeypatch.setitem(grams._BLOCK, "cpu", 7)
    np.testing.assert_allclose(found_in(module)["hsic"], whole, rtol=1e-4, atol=1e-7 * np.abs(whole).max())


def test_how_activations_lie_in_memory_is_nothing_to_them() -> None:
    module = made("tiny_convnext_of_tests")
    one, other = (found_in(module, channels_last=order) for order in (False, True))
    assert (one["layers"] == other["layers"]).all()
    maps = [cka_map(found["hsic"].sum(axis=0), one["layers"][0].tolist()) for found in (one, other)]
    np.testing.assert_allclose(*maps, atol=1e-4)


def test_threads_do_not_mix_their_pictures() -> None:
    module = made("tiny_convnext_of_tests")
    alone, together = (found_in(module, 12 * BATCH, threads) for threads in (1, 4))
    for name in alone:
        assert (alone[name] == together[name]).all(), name
    part = found_in(module, 5 * BATCH)   # and a minibatch does not know of others
    assert (alone["hsic"][:5] == part["hsic"]).all()


def test_half_precision_is_that_of_the_network_not_of_the_products() -> None:
    module = made("tiny_vit_of_tests")
    exact, rough = (found_in(module, precision=precision) for precision in ("fp32", "bf16"))
    names = exact["layers"][0].tolist()
    assert names == rough["layers"][0].tolist()
    maps = [cka_map(found["hsic"].sum(axis=0), names) for found in (exact, rough)]
    assert 0 < np.abs(maps[0] - maps[1]).max() < 0.05


def test_no_activation_outlives_its_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[weakref.ref[Tensor]] = []
    most = 0
    own = grams._gram

    def counted(answer: Tensor) -> Tensor:
        nonlocal most
        answers.append(weakref.ref(answer))
        most = max(most, sum(one() is not None for one in answers))
        return own(answer)

    monkeypatch.setattr(grams, "_gram", counted)
    module = made("tiny_vit_of_tests", depth=6)
    names = found_in(module)["layers"][0].tolist()
    assert len(answers) == 3 * len(names)
    assert len(names) > 40
    assert most <= 4   # what the network itself still needs
    assert not any(one() is not None for one in answers)
    assert not any(part._forward_hooks for part in module.modules())


# --- what cannot be compared


class Own(nn.Module):
    """Calls one activation twice, has layers that are constant, and one that knows of no pictures."""

    def __init__(self, broken: bool = False) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 6, 5, stride=4)
        self.act = nn.ReLU(inplace=True)
        self.gone = nn.ReLU()
        self.places = nn.Embedding(49, 6)
        self.hidden = nn.Linear(6, 12)
        self.drop = nn.Dropout(0.5)
        self.scaled = nn.Hardtanh(-1e30, 1e30)
        self.head = nn.Linear(12, 10)
        self.broken = broken

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.body(x)).flatten(2).mT
        gone = self.gone(-1 - x)
        x = x + self.places(torch.arange(x.shape[1])) + gone
        x = self.drop(self.act(self.hidden(x)))
        x = self.scaled(x / 0 if self.broken else x)
        answer: Tensor = self.head(x.mean(dim=1))
        return answer


def test_layers_of_a_network_of_ones_own() -> None:
    torch.manual_seed(0)
    module = Own().eval()
    found = found_in(module)
    names = found["layers"][0].tolist()
    assert names == ["body", "act", "gone", "hidden", "act:2", "scaled", "head"]
    assert found["kinds"][0].tolist() == [CONVOLUTION, OTHER, OTHER, LINEAR, OTHER, OTHER, LINEAR]
    assert found["left_out"].tolist() == [["places"]]
    sums = found["hsic"].sum(axis=0)
    statistics = square(found["hsic"], 7)
    assert (statistics[:, 2] == 0).all()
    assert (statistics[:, 0, 0] != statistics[:, 1, 1]).all()   # though one is written over the other
    with pytest.raises(ValueError, match=r"similar to nothing: gone$"):
        cka_map(sums, names)
    alive = [0, 1, 3, 4, 5, 6]
    rows, columns = np.triu_indices(7)
    rest = cka_map(sums[np.isin(rows, alive) & np.isin(columns, alive)], [names[one] for one in alive])
    assert rest[3, 4] == pytest.approx(1)   # which changes nothing
    assert np.isfinite(rest).all()


def test_layers_that_answer_nan_are_named() -> None:
    with pytest.raises(EvidenceError, match="these layers answer NaN or infinite: scaled, head"):
        found_in(Own(broken=True).eval())


def test_networks_whose_layers_cannot_be_compared() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Linear(3, 5)

        def forward(self, x: Tensor) -> Tensor:
            tokens: Tensor = self.body(x.flatten(2).permute(2, 0, 1))
            return tokens.mean(dim=0)

    with pytest.raises(EvidenceError, match="no layer answers each picture by itself"):
        found_in(Tokens().eval())
    given = steps("native", "supervised", NATIVE, "folder")
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(NotMeasuredError, match="an ONNX file says nothing of its layers"):
            similarities(Passes("cpu", pool), object(), given, pixels())  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="20 pictures are no whole number of minibatches of 8"):
            similarities(Passes("cpu", pool), network(Own().eval()), given, pixels(20))


def test_layers_that_differ_from_minibatch_to_minibatch() -> None:
    class Moody(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(3, 4), nn.Linear(3, 4)
            self.calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            answer: Tensor = (self.one if self.calls % 2 else self.two)(x.mean(dim=(2, 3)))
            return answer

    with pytest.raises(EvidenceError, match="the layers differ from minibatch to minibatch"):
        found_in(Moody().eval())


# --- layers of architectures


def heard(module: nn.Module) -> Counter[str]:
    """How many layers of each kind answer; on torch's meta device, which computes nothing."""
    names: list[str] = []

    def hear(name: str, answer: Tensor) -> None:
        assert len(answer) == 2
        names.append(name)

    with torch.inference_mode(), listening(module, hear):
        module(torch.zeros(2, 3, 224, 224, device="meta"))
    assert len(set(names)) == len(names)
    kinds = layers(module)
    return Counter(kinds[name] for name in names)


def of_timm(name: str) -> nn.Module:
    with torch.device("meta"):
        module: nn.Module = timm.create_model(name)
    return module.eval()


def of_open_clip(name: str) -> nn.Module:
    config = open_clip.get_model_config(name)
    with torch.device("meta"):
        tower = _build_vision_tower(config["embed_dim"], config["vision_cfg"], quick_gelu=False)
    return ImageTower(tower, None).eval()


@pytest.mark.parametrize(
    ("name", "expected"),
    [   # the paper's figure 8 counts layers like this (12 | 24 and a head | 25; 12 | 24 | 26; twice 40 | 73 | 41)
        ("deit3_base_patch16_224", {ATTENTION: 12, LINEAR: 25, NORM: 25}),
        ("ViT-B-16", {ATTENTION: 12, LINEAR: 24, NORM: 26}),
        ("convnext_base", {CONVOLUTION: 40, LINEAR: 73, NORM: 41}),
        ("CLIP convnext_base", {CONVOLUTION: 40, LINEAR: 73, NORM: 41}),
    ],
)  # fmt: skip
def test_the_papers_architectures_have_as_many_layers_as_in_the_paper(name: str, expected: dict[str, int]) -> None:
    clip = name == "ViT-B-16" or name.startswith("CLIP")
    found = heard((of_open_clip if clip else of_timm)(name.removeprefix("CLIP ")))
    assert {kind: found[kind] for kind in expected} == expected
    patches = {CONVOLUTION: 1} if "vit" in name.lower() or "deit" in name else {}
    assert found.keys() - expected.keys() - patches.keys() == {OTHER}


def test_attention_is_heard_with_its_projection_and_once() -> None:
    module = made("tiny_vit_of_tests")
    kinds = layers(module)
    assert kinds["blocks.0.attn"] == ATTENTION
    assert kinds["blocks.0.attn.qkv"] == OTHER
    assert "blocks.0.attn.proj" not in kinds
    seen: dict[str, Tensor] = {}
    own: list[Tensor] = []
    module.get_submodule("blocks.0.attn.proj").register_forward_hook(lambda _, __, output: own.append(output))
    with torch.inference_mode(), listening(module, seen.__setitem__):
        module(torch.zeros(2, 3, SIDE, SIDE))
    assert (seen["blocks.0.attn"] == own[0]).all()


@pytest.mark.parametrize(
    ("name", "kinds"),
    [   # whatever it is, layers have kinds by their types; batch norm comes with its activation
        ("resnet18", {CONVOLUTION: 20, NORM: 20, LINEAR: 1}),
        ("efficientnet_lite0", {CONVOLUTION: 49, NORM: 49, LINEAR: 1}),
    ],
)
def test_layers_of_others_go_by_type(name: str, kinds: dict[str, int]) -> None:
    module = of_timm(name)
    found = heard(module)
    assert found[CONVOLUTION] == sum(isinstance(part, nn.Conv2d) for part in module.modules())
    assert {kind: found[kind] for kind in kinds} == kinds
    assert not found[ATTENTION]


# --- evidence


def events_of(live: Live, units: list[Unit]) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    Evaluator(live, "cpu", lambda event: events.append(dict(event))).run(units)
    return events


def passes(events: list[dict[str, Any]]) -> int:
    return sum(event["passes"] for event in events if event["event"] == "passed")


def failures(events: list[dict[str, Any]]) -> list[str]:
    return [event["reason"] for event in events if event["event"] == "failed"]


def test_statistics_depend_on_neither_threads_nor_shards_nor_what_is_prepared_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit, found = Unit("vit", "pictures", kind=GRAMS), []
    for number, (threads, at_once, shard) in enumerate([(1, 64, 64), (3, 16, 32), (2, 8, 16), (2, 32, 8)]):
        monkeypatch.setenv("DEMEANOUR_CORES", str(threads))
        monkeypatch.setattr(evaluating, "AT_ONCE", at_once)
        monkeypatch.setitem(evaluating.SHARD, "cpu", shard)
        live = open_live(tmp_path, f"cache-{number}")
        assert not failures(events_of(live, [unit, Unit("vit", "pictures")]))
        found.append(live.similarities(unit))
    k = len(found[0]["layers"])
    assert k == len(found[0]["kinds"]) > 40
    assert found[0]["hsic"].shape == (8, k * (k + 1) // 2)
    assert sorted(found[0]["rows"].tolist()) == list(range(64))
    for other in found[1:]:
        assert other.keys() == found[0].keys()
        for name in other:
            assert (other[name] == found[0][name]).all(), name


def test_all_kinds_of_evidence_of_a_network_side_by_side(tmp_path: Path) -> None:
    live = open_live(tmp_path)
    near, far = Unit("vit", "pictures", kind=GRAMS), Unit("vit", "pictures", "scale/1.5", GRAMS)
    units = [Unit("vit", "pictures"), near, far, Unit("resnet", "pictures"), Unit("resnet", "pictures", kind=GRAMS)]
    events = events_of(live, units)
    assert not failures(events)
    assert passes(events) == 64 * 5   # each its own: minibatches are drawn, and hooks listen
    work = [event["answers"] for event in events if event["event"] == "work"]
    assert work == [64 * 5]
    assert all(live.has(unit) for unit in units)
    assert passes(events_of(open_live(tmp_path), units)) == 0
    one, other = live.similarities(near), live.similarities(far)
    assert one["layers"].tolist() == other["layers"].tolist()
    assert (one["rows"] == other["rows"]).all()   # all see the same pictures
    assert (one["rows"] == live.similarities(units[-1])["rows"]).all()
    assert (one["hsic"] != other["hsic"]).any()
    with pytest.raises(NotMeasuredError, match="was not evaluated yet"):
        live.similarities(Unit("resnet", "pictures", "scale/1.5", GRAMS))


def test_an_interrupted_evaluation_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(evaluating.SHARD, "cpu", 16)
    unit, put = Unit("vit", "pictures", kind=GRAMS), Shards.put
    whole = open_live(tmp_path, "whole")
    events_of(whole, [unit])
    live = open_live(tmp_path)

    def put_two(self: Shards, shard: int, arrays: Mapping[str, Any]) -> None:
        if shard == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        put(self, shard, arrays)

    monkeypatch.setattr(Shards, "put", put_two)
    assert "No space left" in failures(events_of(live, [unit]))[0]
    monkeypatch.setattr(Shards, "put", put)
    assert passes(events_of(live, [unit])) == 64 - 2 * 16
    for name, values in whole.similarities(unit).items():
        assert (live.similarities(unit)[name] == values).all()


def test_pictures_that_fill_no_minibatch_are_left_out_and_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grams, "MINIBATCH", 24)
    live, unit = open_live(tmp_path), Unit("vit", "pictures", kind=GRAMS)
    events = events_of(live, [unit])
    assert "vit on pictures, grams: minibatches of 48 of 64 pictures" in [event.get("text") for event in events]
    found = live.similarities(unit)
    assert len(found["hsic"]) == 2
    assert len(found["rows"]) == len(set(found["rows"].tolist())) == 48
    monkeypatch.setattr(grams, "MINIBATCH", 65)
    other = open_live(tmp_path, "another")
    assert failures(events_of(other, [unit])) == ["pictures: 64 pictures, but a minibatch for CKA takes 65"]


def test_other_code_makes_other_similarities_but_no_other_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = open_live(tmp_path)
    units = [Unit("vit", "pictures", kind=kind) for kind in ("table", GRAMS)]
    events_of(live, units)
    monkeypatch.setattr("demeanour.evidence.live.code_hash", lambda *_: "other")
    assert [open_live(tmp_path).key(unit) == live.key(unit) for unit in units] == [True, False]


# --- which pictures


class Nowhere:
    """Pictures that are not read."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def read(self, row: int) -> bytes:
        raise AssertionError(f"picture {row} was read")

    def files(self) -> list[Path]:
        return []


def known(labels: NDArray[np.int_] | None, count: int, data: str = "set", manifest: str = "m") -> Pictures:
    ids = np.array([f"{row:06d}" for row in range(count)])
    columns = {} if labels is None else {"label": labels}
    return Pictures(data, Frame(data, ids, columns, 1000), Nowhere(count), manifest)  # type: ignore[arg-type]


def test_pictures_are_drawn_evenly_from_all_classes_in_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grams, "MINIBATCH", 50)
    labels = np.repeat(np.arange(1000), 20)   # as in folders of classes
    rows = minibatches(known(labels, 20_000))
    assert len(rows) == 5_000
    assert (np.bincount(labels[rows]) == 5).all()
    assert abs(np.corrcoef(np.arange(5_000), labels[rows])[0, 1]) < 0.05
    assert len({int(label) for label in labels[rows][:50]}) > 40
    assert (minibatches(known(labels, 20_000, "renamed")) == rows).all()
    assert (minibatches(known(labels, 20_000, manifest="other")) != rows).any()
    uneven = minibatches(known(np.sort(generator("uneven").integers(0, 40, 130) ** 2 // 40), 130))
    assert len(set(uneven.tolist())) == 100
    unlabelled = minibatches(known(None, 120))
    assert len(set(unlabelled.tolist())) == 100
