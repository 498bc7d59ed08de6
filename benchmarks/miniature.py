"""The page on the miniature world, ``docs/miniature.md``: what is measured for it, and how it is made.

python benchmarks/miniature.py measure [--size full] [--device cuda]   # asks the models: miniature.json
python benchmarks/miniature.py sheets                                  # pictures of every data set
python benchmarks/miniature.py page                                    # the page and its curves, from JSON and cards
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]   # as a script it finds only its own folder

from benchmarks.miniature_page import CAST, WEIGHTS, write_page  # noqa: E402

RESULTS = ROOT / "benchmarks" / "miniature.json"
PAGE = ROOT / "docs" / "miniature.md"
PICTURES = ROOT / "docs" / "miniature"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one of the three things."""
    options = _parser().parse_args(arguments)
    if options.what == "page":
        write_page(_kept(options.json), options.weights, options.page, options.pictures)
        return 0
    world, version = _world(options)
    if options.what == "sheets":
        from benchmarks.miniature_sheets import write_sheets

        write_sheets(world, options.pictures, _tell)
    else:
        _keep(options, "measured", {"world": version, **_measured(world, options)})
    return 0


def _world(options: argparse.Namespace) -> tuple[Path, str]:
    """The world's folder and its version; how long it takes to draw one that is not there is kept."""
    from demeanour.miniature.cache.parts import complete, world_folder
    from demeanour.miniature.world import VERSION, parts

    if options.world:
        return options.world, options.world.name
    folder = world_folder(options.size, VERSION)
    is_new = not folder.exists()
    begun = time.monotonic()
    complete(folder, parts(options.size), VERSION, _tell, options.workers)
    if is_new:
        _keep(options, "drawn", {"seconds": round(time.monotonic() - begun, 1), "processes": options.workers})
    return folder, VERSION


def _measured(world: Path, options: argparse.Namespace) -> dict[str, Any]:
    import torch

    from benchmarks.miniature_measure import measured, of_cast

    models = [of_cast(name, options.weights, options.device) for name in CAST]
    cards = {name: json.loads((options.weights / f"{name}.json").read_text(encoding="utf-8")) for name in CAST}
    on = torch.cuda.get_device_name() if options.device == "cuda" else f"{torch.get_num_threads()} threads of a CPU"
    return {
        "weights": {name: card["sha256"] for name, card in cards.items()},
        "bytes": {name: (options.weights / f"{name}.safetensors").stat().st_size for name in CAST},
        "on": on,
        **measured(world, models, _tell),
    }


def _kept(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {"drawn": {}, "measured": {}}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _keep(options: argparse.Namespace, what: str, content: dict[str, Any]) -> None:
    """Put something about a size beside what is known of the others; the file is replaced whole."""
    kept = _kept(options.json)
    kept[what][options.size] = content
    part = options.json.with_suffix(".part")
    part.write_text(json.dumps(kept, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    part.replace(options.json)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("what", choices=("measure", "sheets", "page"))
    add("--size", default="quick", choices=("quick", "full"), help="of the world; each keeps its own numbers")
    add("--device", default="cpu", choices=("cpu", "cuda"))
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes that draw a world that is not there yet")
    add("--world", type=Path, help="a world that is somewhere else than in the user's cache")
    add("--weights", type=Path, default=WEIGHTS, help="a folder of weights, cards and curves")
    add("--json", type=Path, default=RESULTS, help="where numbers are kept")
    add("--page", type=Path, default=PAGE)
    add("--pictures", type=Path, default=PICTURES, help="where pictures go")
    return parser


if __name__ == "__main__":
    sys.exit(main())
