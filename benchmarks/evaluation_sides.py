"""The two sides that are compared, each in a process of its own: our evaluation, and timm's own evaluation loop."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from demeanour.evaluation.devices import cores
from demeanour.evidence.live import Live
from demeanour.evidence.plan import PLAIN, Unit
from demeanour.evidence.store import Store
from demeanour.findings.load import load_cast
from demeanour.views.geometry import Geometry
from demeanour.views.prepare import prepare

DATA = "pictures"
Report = dict[str, Any]
Side = Callable[[str], Report]   # "networks": what they are; "run"; "whole": with what was said; "ceiling"


@dataclass(frozen=True)
class Case:
    """What is evaluated.

    Attributes:
        cast: The cast's file: networks, and the set ``pictures``; the store is made beside it.
        units: Model and view of each unit.
        device: ``cpu`` or ``cuda:0``.
        batch: Pictures in a batch of the loop.
    """

    cast: Path
    units: tuple[tuple[str, str], ...]
    device: str
    batch: int


def serve(side: str, pipe: Connection) -> None:
    """Be a side until the pipe closes: get a case ready, then do and report what is asked."""
    multiprocessing.set_start_method(None, force=True)   # workers start as they do on this system by default
    made: Side | None = None
    while True:
        try:
            asked = pipe.recv()
        except EOFError:
            return
        try:
            if isinstance(asked, Case):
                made = None   # its memory is free before more is taken
                made = {"ours": ours, "timm": timm_loop}[side](asked)
                pipe.send(made("networks"))
            else:
                assert made is not None
                pipe.send(made(asked))
        except Exception as error:
            pipe.send({"error": f"{side}: {type(error).__name__}: {error}"})


def _live(case: Case) -> tuple[Live, list[Unit]]:
    cast, _, problems = load_cast(case.cast)
    if cast is None:
        raise ValueError("; ".join(map(str, problems)))
    return Live(cast, Store(case.cast.parent / "store", print)), [Unit(model, DATA, view) for model, view in case.units]


# --- ours -------------------------------------------------------------------------------------------------------------


def ours(case: Case) -> Side:
    """Our evaluation. ``run``: from the first picture's file to the last answer kept; ``ceiling``: passes alone.

    Networks are loaded and pictures' hashes known before the clock runs, and all evidence is removed.
    """
    import torch

    from demeanour.evaluation import evaluator as evaluating
    from demeanour.evaluation.answers import FORWARD
    from demeanour.evaluation.networks import Networks
    from demeanour.evaluation.passes import quiet_threads

    inside: list[float] = []   # seconds of each pass, on a CPU those of a core

    class Kept(Networks):
        """Networks that stay loaded from run to run, their passes timed."""

        def of(self, model: str, view: str = PLAIN) -> Any:
            return _Timed(super().of(model, view), inside)

        def release(self) -> None:
            pass

    quiet_threads(case.device)
    live, units = _live(case)
    networks = Kept(live, case.device)
    evaluating.Networks = lambda *_: networks  # type: ignore[assignment,misc]
    for model, view in case.units:
        networks.of(model, view)
    pixels: dict[str, Any] = {}

    def run(whole: bool) -> Report:
        for unit in units:
            live.remove(unit)
        inside.clear()
        told: dict[str, int] = {"decoded": 0, "passed": 0}
        failed: list[str] = []
        begun = 0.0

        def hear(event: Mapping[str, Any]) -> None:
            nonlocal begun
            if event["event"] == "work":
                begun = time.perf_counter()
            elif event["event"] == "failed":
                failed.append(event["reason"])
            elif event["event"] in told:
                told[event["event"]] += event["pictures" if event["event"] == "decoded" else "passes"]

        evaluating.Evaluator(live, case.device, hear).run(units)
        found: Report = {"seconds": time.perf_counter() - begun, "inside": sum(inside), **told}
        if failed:
            raise RuntimeError(failed[0])
        if whole:
            found["confidences"] = {
                f"{unit.model} {unit.view}": live.table(unit).columns["confidence"] for unit in units
            }
        return found

    def ceiling() -> Report:
        """Passes of normalised pixels that are where they are needed, as many as the evaluation makes."""
        (model, view), *others = case.units
        assert not others
        network, size = networks.of(model, view), FORWARD["cpu" if case.device == "cpu" else "cuda"]
        if not pixels:
            side = live.steps(units[0]).side
            pixels["batch"] = torch.rand(size, 3, side, side).to(case.device, memory_format=_format(network.module))
        passes = -(-len(live.pictures(DATA)) // size)
        with ThreadPoolExecutor(cores() if case.device == "cpu" else 1) as pool:
            begun = time.perf_counter()
            answers = list(pool.map(lambda _: network.answers(pixels["batch"]), range(passes)))
            answers[-1]["logits"].cpu()
            return {"seconds": time.perf_counter() - begun, "pictures": passes * size}

    def about() -> Report:
        found = {model: live.description(model) for model, _ in case.units}
        return {
            name: {"parameters": one.parameters, "side": one.native.crop} for name, one in found.items() if one
        }  # fmt: skip

    def side(what: str) -> Report:
        return {"ceiling": ceiling, "networks": about}.get(what, lambda: run(what == "whole"))()

    return side


def _format(module: Any) -> Any:
    """How a network's pixels lie in memory."""
    import torch

    weights = [one for one in module.parameters() if one.ndim == 4 and not one.is_contiguous()]
    return torch.channels_last if weights else torch.contiguous_format


class _Timed:
    """A network whose passes are timed."""

    def __init__(self, network: Any, seconds: list[float]) -> None:
        self._network, self._seconds = network, seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def answers(self, pixels: Any, features: bool = False) -> Any:
        begun = time.perf_counter()
        said = self._network.answers(pixels, features)
        self._seconds.append(time.perf_counter() - begun)
        return said


# --- timm's -----------------------------------------------------------------------------------------------------------


def timm_loop(case: Case) -> Side:
    """What timm's ``validate.py --use-train-size`` does, model by model and view by view, all pictures decoded anew.

    It has as many worker processes as cores, which stay from run to run, and torch's own threads. In the plain view of
    a model the loader's transform is timm's own; other views get ours, for timm has none, and follow each other in one
    loader, so that no view waits for workers to start.
    """
    import torch
    from timm.data import create_dataset, create_loader, resolve_data_config
    from timm.utils import AverageMeter, accuracy
    from torch import nn
    from torch.utils.data import ConcatDataset

    from demeanour.evaluation.networks import Networks
    from demeanour.models.numerics import PRECISIONS

    device = torch.device(case.device)
    torch.set_num_threads(cores())
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("highest")   # the same precision as ours
    torch.backends.cudnn.allow_tf32 = False
    live, units = _live(case)
    networks = Networks(live, case.device)
    root, dtype = live.cast.data[DATA].root, PRECISIONS[live.cast.numerics]
    criterion = nn.CrossEntropyLoss().to(device)

    def seen(unit: Unit) -> Any:
        dataset = create_dataset("", root=root)
        dataset.transform = partial(_seen, geometry=live.steps(unit).geometry)
        return dataset

    def loader_of(model: str, of_model: Sequence[Unit]) -> Any:
        module = networks.of(model).module
        config = resolve_data_config({}, model=module)
        plain = [unit.view for unit in of_model] == [PLAIN]
        dataset = create_dataset("", root=root) if plain else ConcatDataset(list(map(seen, of_model)))
        return create_loader(
            dataset, input_size=config["input_size"], batch_size=case.batch, use_prefetcher=True,
            interpolation=config["interpolation"], mean=config["mean"], std=config["std"], num_workers=cores(),
            crop_pct=config["crop_pct"], crop_mode=config["crop_mode"], pin_memory=device.type == "cuda",
            device=device,
        )  # fmt: skip

    models = list(dict.fromkeys(model for model, _ in case.units))
    work = {model: [unit for unit in units if unit.model == model] for model in models}
    for model in models:
        networks.of(model)
    loaders = {model: loader_of(model, of_model) for model, of_model in work.items()}
    count = len(live.pictures(DATA))

    def evaluated(model: str, told: list[Any] | None) -> None:
        losses, top1, top5 = AverageMeter(), AverageMeter(), AverageMeter()
        done = 0
        for batch, target in loaders[model]:
            module: Any = networks.of(model, work[model][done // count].view).module
            pixels = batch.contiguous(memory_format=_format(module))
            with torch.autocast(device.type, dtype) if dtype else nullcontext():
                output = module(pixels)
                loss = criterion(output, target)
            right, among = accuracy(output.detach(), target, topk=(1, 5))
            losses.update(loss.item(), len(pixels))
            top1.update(right.item(), len(pixels))
            top5.update(among.item(), len(pixels))
            done += len(pixels)
            if told is not None:
                told.append(output.float().softmax(dim=1).amax(dim=1).cpu().numpy())

    def side(what: str) -> Report:
        if what == "networks":
            return {}
        told: dict[str, list[Any]] = {model: [] for model in models}
        begun = time.perf_counter()
        with torch.inference_mode():
            for model in models:
                evaluated(model, told[model] if what == "whole" else None)
        seconds = time.perf_counter() - begun
        found: Report = {"seconds": seconds, "decoded": count * len(units)}
        if what == "whole":
            order = np.argsort([str(Path(name)) for name in create_dataset("", root=root).filenames()])
            found["confidences"] = {
                f"{unit.model} {unit.view}": part[order]
                for model in models
                for unit, part in zip(work[model], np.split(np.concatenate(told[model]), len(work[model])), strict=True)
            }
        return found

    return side


def _seen(picture: Any, geometry: Geometry) -> np.ndarray:
    """A picture in a view, as timm's loader collates it: (3, side, side)."""
    return prepare(picture, geometry, "").transpose(2, 0, 1)
