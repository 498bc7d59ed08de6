"""What the drawn cast may expect: each verdict over several draws of the same process.

    python benchmarks/drawn_expectations.py [DRAWS]

Prints the ``expect`` part of ``thresholds/casts/drawn.yaml``. What every draw decides alike is expected so (and
needs no entry if it holds); the rest is left open, with the count.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

from demeanour.evidence.drawn import draw_cast
from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import Store
from demeanour.findings.thresholds import load_thresholds, thresholds_folder
from demeanour.verdicts.judge import judge


def main(draws: int) -> None:
    """Judge every case in every draw."""
    folder = thresholds_folder()
    said: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(draws):
            casts = Path(scratch) / str(seed)
            draw_cast(casts / "drawn", seed)
            text = (folder / "casts" / "drawn.yaml").read_text(encoding="utf-8").split("\nexpect:")[0]
            text = text.replace(":drawn:", ":drawn/").replace("\"drawn:", "\"drawn/")
            (casts / "drawn.yaml").write_text(text, encoding="utf-8")
            loaded = load_thresholds(str(casts / "drawn.yaml"), None, folder)
            evidence = Evidence(loaded.cast, Store(Path(scratch) / "store"))
            for case in loaded.cases.values():
                said.setdefault(case.id, Counter())[judge(case, evidence).verdict] += 1
    print("expect:")
    for name, counts in said.items():
        if counts["holds"] == draws:
            continue
        if counts["violated"] == draws:
            print(f"  {name}: {{expect: violated, reason: in all of {draws} draws}}")
        else:
            found = ", ".join(f"{word} in {count}" for word, count in counts.most_common())
            print(f"  {name}: {{expect: undecided, reason: 'over {draws} draws: {found}'}}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 6)
