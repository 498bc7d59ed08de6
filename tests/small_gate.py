"""The small cast with a release policy: gates of tables that end within seconds, one for each outcome.

``python -m tests.small_gate FOLDER`` writes it, for scripts.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from tests.small_cast import write_small

WORSE, SAME = "clip.csv", "sup.csv"   # right on 260 of 400 pictures, and the baseline's own answers on 320


def requirement(name: str, **changes: Any) -> dict[str, Any]:
    base = {"id": f"gate.{name}", "claim": f"Claim {name}.", "measure": "top1", "data": ["tiny"]}
    return {**base, **changes}


ACCURACY = requirement("accuracy", margin=0.05)   # of `WORSE`: the loss of .15 ± .04 is proved
TOLERANT = requirement("tolerant", margin=0.15)   # cannot be decided
FLOOR = requirement("floor", bound={"at_least": 0.5})   # holds
LIKELIHOOD = requirement("likelihood", measure="nll", margin=0.5)   # the tables have no such column: not measured


def write_gate(folder: Path, *requirements: dict[str, Any]) -> list[str]:
    """Write the small cast and a policy; returns the options of a gate but for the candidate, relative to it."""
    write_small(folder)
    policy = {"about": "what a small model must not lose", "requirements": list(requirements or (ACCURACY, FLOOR))}
    (folder / "policy.yaml").write_text(yaml.safe_dump(policy))
    return ["--cast", "small.yaml", "--findings", "findings", "--gate", "policy.yaml", "--as", "sup"]


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    print(*write_gate(target))
