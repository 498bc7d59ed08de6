"""Which verdicts on the miniature would be the same on other pictures, and in bf16: ``miniature_seeds.json``.

python benchmarks/miniature_seeds.py draw 1 2 3 4 --folder DIR     # worlds of other pictures, one for each seed
python benchmarks/miniature_seeds.py judge 0 1 2 3 4 --folder DIR  # what is said there, in fp32
python benchmarks/miniature_seeds.py judge 0 --numerics bf16 --folder DIR
python benchmarks/miniature_seeds.py expect                        # what miniature.yaml may expect, as YAML

Seed 0 is the world itself. Of another seed, each picture is drawn anew by the same process; of A, which holds pictures
of that world that fool the reference network, other ones are taken that do.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
THRESHOLDS = ROOT / "thresholds"
CAST = THRESHOLDS / "casts" / "miniature.yaml"
RESULTS = ROOT / "benchmarks" / "miniature_seeds.json"
OPEN = "undecided"   # as an expectation it accepts any verdict


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, judge, or say what may be expected."""
    options = _parser().parse_args(arguments)
    if options.what == "expect":
        print(expectations(json.loads(options.json.read_text(encoding="utf-8"))))
        return 0
    for seed in options.seeds:
        if options.what == "draw":
            draw(_world(options.folder, seed), seed)
        else:
            kept = json.loads(options.json.read_text(encoding="utf-8")) if options.json.exists() else {}
            kept[f"{seed}, {options.numerics}"] = judged(options.folder, seed, options.numerics)
            options.json.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


def draw(folder: Path, seed: int) -> None:
    """The world of a seed, in this process alone: what throws its dice is replaced here and nowhere else."""
    from demeanour.miniature import dice, world, writers
    from demeanour.miniature.cache.parts import complete

    own, adversarial, numbers = dice.generator, writers.imagenet_a, writers.ADVERSARIAL
    chosen = json.loads(numbers.read_text(encoding="utf-8"))

    def imagenet_a(part: Path, root: Path, done: Callable[[int], None], size: str) -> None:
        count = len(chosen[size]["numbers"])
        others = {key: values[seed * count : (seed + 1) * count] for key, values in chosen["full"].items()}
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump({size: others}, file)
            file.flush()
            writers.ADVERSARIAL, dice.generator = Path(file.name), own
            try:
                adversarial(part, root, done, size)
            finally:
                writers.ADVERSARIAL, dice.generator = numbers, thrown

    def thrown(*parts: str) -> Any:
        return own(*parts, f"seed {seed}")

    dice.generator, writers.imagenet_a = thrown, imagenet_a
    try:
        complete(folder, world.parts("quick"), world.VERSION, _tell, 1)
    finally:
        dice.generator, writers.imagenet_a = own, adversarial


def judged(folder: Path, seed: int, numerics: str) -> dict[str, Any]:
    """Each verdict's word, value and interval on the pictures of a seed."""
    from demeanour.evaluation.display import evaluate
    from demeanour.evidence.gather import Evidence
    from demeanour.evidence.plan import units_of
    from demeanour.evidence.store import Store
    from demeanour.findings.thresholds import load_thresholds
    from demeanour.verdicts.judge import judge

    path = folder / f"seed-{seed}-{numerics}.yaml"
    path.write_text(yaml.safe_dump(_cast(folder, seed, numerics), sort_keys=False), encoding="utf-8")
    thresholds = load_thresholds(str(path), None, THRESHOLDS)
    evidence = Evidence(thresholds.cast, Store(folder / "store", _tell))
    found = evaluate(evidence.live, units_of(thresholds.cast, thresholds.cases.values()), _tell)
    for unit, reason in found.failed.items():
        _tell(f"{unit}: {reason}")
    said = {}
    for name, case in thresholds.cases.items():
        verdict = judge(case, evidence)
        told = verdict.difference
        said[name] = {"verdict": verdict.verdict, "value": told.value if told else None,
                      "interval": told.interval if told else None}  # fmt: skip
    return said


def expectations(kept: dict[str, dict[str, Any]]) -> str:
    """What may be expected, for the cast: what was the same in all runs; anything of what was not."""
    names = list(kept["0, fp32"])
    words = {name: {run[name]["verdict"] for run in kept.values()} for name in names}
    found = {name: next(iter(said)) if len(said) == 1 else OPEN for name, said in words.items()}
    lines, told = [], set()
    for name in names:
        finding = name.partition("[")[0]
        alike = {found[other] for other in names if other.partition("[")[0] == finding}
        if found[name] == OPEN and alike == {OPEN}:
            if finding not in told:
                lines.append(f"  {finding}: *open")
            told.add(finding)
        elif found[name] == OPEN:
            lines.append(f'  "{name}": *open')
        elif found[name] == "violated":
            lines.append(f'  "{name}": {{expect: violated, reason: "{_reason(kept["0, fp32"][name], len(kept))}"}}')
    first = f'&open {{expect: {OPEN}, reason: "not the same verdict on other pictures of this world, or in bf16"}}'
    return "\n".join(lines).replace("*open", first, 1) + "\n"


def _reason(run: dict[str, Any], runs: int) -> str:
    """The measured value, and why it is expected."""
    if run["value"] is None:
        return f"what it follows from is violated, in each of {runs} drawings and precisions"
    low, high = run["interval"]
    return f"{run['value']:+.3f} [{low:+.3f}, {high:+.3f}] of these small networks, and so in each of {runs} runs"


def _cast(folder: Path, seed: int, numerics: str) -> dict[str, Any]:
    """The miniature's cast on the pictures of a seed."""
    world = _world(folder, seed)
    cast: dict[str, Any] = yaml.safe_load(CAST.read_text(encoding="utf-8"))

    def placed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: placed(one) for key, one in value.items()}
        if isinstance(value, str):
            value = value.replace("../../src/", f"{ROOT}/src/")
            return f"{world}/{value.removeprefix('miniature:')}" if value.startswith("miniature:") else value
        return value

    return {**cast, "models": placed(cast["models"]), "data": placed(cast["data"]), "numerics": numerics}


def _world(folder: Path, seed: int) -> Path:
    from demeanour.evidence.sources import miniature_folder

    return miniature_folder() if seed == 0 else folder / f"world-{seed}"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("what", choices=("draw", "judge", "expect"))
    add("seeds", type=int, nargs="*", help="five at most: there are as many pictures for A")
    add("--numerics", default="fp32", choices=("fp32", "bf16"))
    add("--folder", type=Path, help="where worlds, casts and evidence lie meanwhile")
    add("--json", type=Path, default=RESULTS, help="where verdicts are kept")
    return parser


if __name__ == "__main__":
    sys.exit(main())
