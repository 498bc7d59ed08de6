"""How fast networks are evaluated, ``docs/performance.md``: beside timm's own loop, both sides in one run.

python benchmarks/evaluation.py measure [--device cuda] [--photographs FOLDER]   # evaluation.json
python benchmarks/evaluation.py page                                              # the page, from it
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import yaml

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]   # as a script it finds only its own folder

from benchmarks.evaluation_page import write_page  # noqa: E402
from benchmarks.evaluation_pictures import described, fill  # noqa: E402
from benchmarks.evaluation_sides import DATA, Case, serve  # noqa: E402
from demeanour.evaluation.devices import cores  # noqa: E402
from demeanour.views.protocols import RESOLUTIONS, SCALES, SHIFTS  # noqa: E402

RESULTS = ROOT / "benchmarks" / "evaluation.json"
PAGE = ROOT / "docs" / "performance.md"
MINIATURE = "demeanour.miniature.learning.networks"
SWEEPS = tuple(
    f"{kind}/{value:g}" for kind, grid in (("scale", SCALES), ("shift", SHIFTS), ("resolution", RESOLUTIONS))
    for value in grid
)  # fmt: skip

# network, pictures, rounds: ten minutes in all on two cores, each of which has a pass of 32 at least
SINGLE = {
    "cpu": (
        ("vit_base_patch16_224", 64, 3), ("convnext_base", 64, 3), ("vit_tiny_patch16_224", 256, 5),
        ("convnext_atto", 256, 5), ("miniature_vit", 512, 5), ("miniature_convnext", 512, 5),
    ),
    "cuda": (("vit_base_patch16_224", 8192, 5), ("convnext_base", 8192, 5)),
}  # fmt: skip
SWEPT = {
    "cpu": (("test_vit", "test_convnext", "test_resnet", "test_efficientnet"), 32, 3),
    "cuda": (("vit_base_patch16_224", "convnext_base", "vit_base_patch16_clip_224", "convnextv2_base"), 1024, 3),
}
BATCH = {"cpu": 32, "cuda": 256}   # of timm's loop
PRECISION = {"cpu": "fp32", "cuda": "bf16"}
PACKAGES = ("torch", "timm", "pillow")

Ask = Callable[[str, Any], dict[str, Any]]
Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or write the page."""
    options = _parser().parse_args(arguments)
    kept = json.loads(options.json.read_text(encoding="utf-8")) if options.json.exists() else {}
    if options.what == "measure":
        options.numerics = options.numerics or PRECISION[options.device]
        for content in measured(options):   # what is measured is kept, should the rest fail
            kept[options.device] = content
            text = json.dumps(kept, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
            options.json.write_text(text, encoding="utf-8")
    write_page(kept, options.page)
    return 0


def measured(options: argparse.Namespace) -> Iterator[Row]:
    """All that is measured on a device, again and again, each time with a row more."""
    begun = time.monotonic()
    todo = [partial(_single, one) for one in SINGLE[options.device] if not options.only or one[0] in options.only]
    if not options.only or "sweeps" in options.only:
        todo.append(partial(_swept, SWEPT[options.device]))
    with tempfile.TemporaryDirectory(prefix="evaluation-", dir=options.folder) as folder, _sides() as ask:
        content: Row = {
            "machine": _machine(options.device), "cores": cores(), "numerics": options.numerics,
            "packages": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
            "photographs": options.photographs is not None, "single": [], "sweeps": [],
        }  # fmt: skip
        for one in todo:
            content["sweeps" if one.func is _swept else "single"].append(one(Path(folder), options, ask))
            look = [described(path) for path in sorted(Path(folder).glob("pictures-*"))]
            content["pictures"] = max(look, key=lambda found: found["count"])
            content["minutes"] = round((time.monotonic() - begun) / 60, 1)
            yield content


def _single(what: tuple[str, int, int], work: Path, options: argparse.Namespace, ask: Ask) -> Row:
    """One network in its own view: timm's loop, ours, and passes alone, in turn."""
    name, count, rounds = what[0], min(what[1], options.most or what[1]), what[2]
    batch = max(1, min(BATCH[options.device], count // 2))   # two at least, so that it reads while it computes
    case = Case(_cast(work, (name,), count, "native", options), ((name, "plain"),), _device(options), batch)
    told, apart, counted = _ready(case, ask)
    done: list[dict[str, float]] = []
    for number in range(options.rounds or rounds):
        seconds = {}
        for side in (("timm", "ours") if number % 2 == 0 else ("ours", "timm")):
            found = ask(side, "run")
            seconds[side] = found["seconds"]
            seconds |= {"inside": found["inside"]} if side == "ours" else {}
        alone = ask("ours", "ceiling")
        done.append({**seconds, "ceiling": alone["seconds"] * count / alone["pictures"]})
        rates = [f"{side} {count / done[-1][side]:.1f}/s" for side in ("timm", "ours", "ceiling")]
        _tell(f"{name}: {', '.join(rates)}")
    return {
        "network": name, **told[name], "pictures": count, "batch": batch, **counted, "apart": apart, "rounds": done,
    }  # fmt: skip


def _swept(what: tuple[tuple[str, ...], int, int], work: Path, options: argparse.Namespace, ask: Ask) -> Row:
    """Several networks in all views of the paper's §3.7: ours, and a loop that decodes anew for each of them."""
    names, count, rounds = what[0], min(what[1], options.most or what[1]), what[2]
    batch = next(size for size in range(min(BATCH[options.device], count), 0, -1) if count % size == 0)
    units = tuple((name, view) for name in names for view in SWEEPS)
    case = Case(_cast(work, names, count, "paper", options), units, _device(options), batch)
    told, apart, counted = _ready(case, ask)
    done: list[dict[str, float]] = []
    for number in range(options.rounds or rounds):
        order = ("timm", "ours") if number % 2 == 0 else ("ours", "timm")
        done.append({side: ask(side, "run")["seconds"] for side in order})
        _tell(f"sweeps: {', '.join(f'{side} {seconds:.1f} s' for side, seconds in done[-1].items())}")
    return {
        "networks": [{"network": name, **told[name]} for name in names], "views": list(SWEEPS), "pictures": count,
        "batch": batch, **counted, "apart": apart, "rounds": done,
    }  # fmt: skip


def _ready(case: Case, ask: Ask) -> tuple[Row, float, Row]:
    """Load networks on both sides and let each run once, uncounted; what they say must be the same."""
    told, _ = ask("ours", case), ask("timm", case)
    ours, other = ask("ours", "whole"), ask("timm", "whole")
    assert ours["confidences"].keys() == other["confidences"].keys()
    apart = max(
        float(np.abs(np.log(said) - np.log(other["confidences"][unit])).max())
        for unit, said in ours["confidences"].items()
    )
    counted = {"decoded": ours["decoded"], "passed": ours["passed"], "decoded_by_loop": other["decoded"]}
    return told, apart, counted


@contextmanager
def _sides() -> Iterator[Ask]:
    """Two processes, of which one waits while the other works."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for side in ("ours", "timm"):
        pipes[side], end = context.Pipe()
        processes.append(context.Process(target=serve, args=(side, end)))
        processes[-1].start()
        end.close()

    def ask(side: str, what: Any) -> dict[str, Any]:
        pipes[side].send(what)
        found: dict[str, Any] = pipes[side].recv()
        if "error" in found:
            raise RuntimeError(found["error"])
        return found

    try:
        yield ask
    finally:
        for pipe in pipes.values():
            pipe.close()
        for process in processes:
            process.join()


def _cast(work: Path, names: tuple[str, ...], count: int, protocol: str, options: argparse.Namespace) -> Path:
    """A cast of networks with random weights, and its pictures."""
    pictures = work / f"pictures-{count}"
    fill(pictures, count, options.photographs)
    models = {}
    classes = 0
    for name in names:
        weights = work / f"{name}.safetensors"
        classes = _write_weights(name, weights)
        models[name] = {"source": f"timm:{name}@{weights}", "architecture": name, "paradigm": "supervised"}
        models[name] |= {"imports": MINIATURE} if name.startswith("miniature_") else {}
    data = {DATA: {"reader": "folder", "root": str(pictures), "classes": classes, "images": count}}
    cast = {"about": "speed", "protocol": protocol, "numerics": options.numerics, "models": models, "data": data}
    folder = work / f"{'-'.join(names)}-{count}"
    folder.mkdir()
    (folder / "cast.yaml").write_text(yaml.safe_dump(cast), encoding="utf-8")
    return folder / "cast.yaml"


def _write_weights(name: str, path: Path) -> int:
    """Random weights of a network; returns how many classes it has."""
    import timm
    import torch
    from safetensors.torch import save_file

    if name.startswith("miniature_"):
        importlib.import_module(MINIATURE)
    torch.manual_seed(0)
    module: Any = timm.create_model(name)
    if not path.exists():
        save_file(module.state_dict(), path)
    return int(module.num_classes)


def _machine(device: str) -> str:
    """The machine in words that name nobody's."""
    import torch

    count = cores()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kind = platform.machine().replace("_", "-")
    able = torch.backends.cpu.get_cpu_capability()
    gpu = f"one {torch.cuda.get_device_name()} and " if device == "cuda" else ""
    return f"{gpu}{count} cores of an {kind} processor ({able}), {memory:.0f} GB of memory"


def _device(options: argparse.Namespace) -> str:
    return "cuda:0" if options.device == "cuda" else "cpu"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("what", choices=("measure", "page"))
    add("--device", default="cpu", choices=("cpu", "cuda"), help="each keeps its own numbers")
    add("--numerics", choices=("fp32", "bf16", "fp16"), help="fp32 on a CPU, bf16 on a GPU unless given")
    add("--photographs", type=Path, help="a folder of pictures, in place of drawn ones")
    add("--rounds", type=int, help="of each, in place of three to five")
    add("--most", type=int, help="pictures at most: to try it out")
    add("--only", nargs="+", help="some of the networks alone, or `sweeps`: to try it out")
    add("--folder", type=Path, help="where pictures and weights are put meanwhile (1 GB)")
    add("--json", type=Path, default=RESULTS, help="where numbers are kept")
    add("--page", type=Path, default=PAGE)
    return parser


if __name__ == "__main__":
    sys.exit(main())
