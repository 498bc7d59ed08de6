"""The tables of ``docs/statistics.md`` from what ``coverage.py`` measured, and whether all is within its bounds.

python benchmarks/coverage_table.py [coverage.json]     # writes the part between the marks, exits 1 if out of bounds
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "coverage.json"
PAGE = ROOT / "docs" / "statistics.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

LARGE = 2_000       # from here on the bounds are promised
COVERED = 0.93      # at nominal 95 %
WRONG = 0.05        # released though worse by exactly the margin
ERRORS = 2          # Monte-Carlo standard errors above it: one of 44 exact shares is further off by chance alone,
BY_CHANCE = 0.05    # so that no more than this share of them may be,
FAR = 3.7           # and none further than this, which chance does to one of 9,000
NOT_SAID = 0.1      # of the samples, from n = 2,000 on, may be without an answer, but for those of very few errors
WARNING = "ece"     # shown to warn: it decides nothing

Row = Mapping[str, Any]


def bound(replicates: int, share: float = WRONG, errors: float = ERRORS) -> float:
    """The largest share that is within so many Monte-Carlo standard errors of 5 %."""
    return share + errors * sqrt(share * (1 - share) / replicates)


def out_of_bounds(content: Mapping[str, Any]) -> Iterator[str]:
    """Every promise that a measured share breaks, in words."""
    beyond, shares = [], 0
    for row in content["rows"]:
        if row["measure"] == WARNING or row["n"] < LARGE:
            continue
        name = f"{row['measure']}, {row['scenario']}, n = {row['n']:,}"
        if row["not_measured"] > NOT_SAID and "error" not in row["scenario"]:
            yield f"{name}: not measured in {row['not_measured']:.1%}"
        if row["not_measured"] <= NOT_SAID and row["coverage"] < COVERED:
            yield f"{name}: coverage {row['coverage']:.3f} < {COVERED}"
        for what in ("released", "blocked"):
            shares += 1
            near, far = bound(row["replicates"]), bound(row["replicates"], errors=FAR)
            if row[what] > far:
                yield f"{name}: {what} {row[what]:.4f} > {far:.4f}"
            elif row[what] > near:
                beyond.append(f"{name}: {what} {row[what]:.4f} > {near:.4f}")
    if len(beyond) > BY_CHANCE * shares:
        yield from beyond
    for family in content["families"]:
        if "promised" in family and family["share"] > bound(content["replicates"], family["promised"]):
            yield f"{family['what']}: {family['share']:.4f}"


def tables(content: Mapping[str, Any]) -> str:
    """The measured part of the page."""
    rows: list[Row] = content["rows"]
    many = content["replicates"]
    lines = [
        "How many samples stand behind each number, the standard error of a share of .050 of them, and the share up to",
        "which it is within two:",
        "",
        *_samples(rows, many),
        "",
    ]
    for title, what in (("Coverage of the nominal 95 % interval", "coverage"),
                        ("Released: the lower limit lies above the truth (nominal .050)", "released"),
                        ("Blocked: the upper limit lies below the truth (nominal .050)", "blocked")):  # fmt: skip
        lines += [f"### {title}", "", *_table(rows, what), ""]
    lines += ["### Families", "", "| | share |", "|---|---|"]
    lines += [f"| {family['what']} | {family['share']:.3f} |" for family in content["families"]] + [""]
    lines += ["### Rank correlation over models (Spearman's, true value .786)", "", "| models | coverage | released |"]
    lines += ["|---|---|---|"]
    lines += [f"| {row['models']} | {row['coverage']:.3f} | {row['released']:.3f} |" for row in content["ranks"]]
    return "\n".join(lines) + "\n"


def _samples(rows: Sequence[Row], usual: int) -> list[str]:
    """How many samples were drawn for which rows: most for most, fewer for those that take long to decide."""
    drawn: dict[tuple[bool, int], dict[str, None]] = {}
    for row in rows:
        alike = {other["replicates"] for other in rows
                 if other["measure"] == row["measure"] and (other["n"] < LARGE) == (row["n"] < LARGE)}  # fmt: skip
        name = f"`{row['measure']}`" + (f" ({row['scenario']})" if len(alike) > 1 else "")
        drawn.setdefault((row["n"] < LARGE, row["replicates"]), {})[name] = None
    lines = ["| samples | n | of | standard error | within two |", "|---|---|---|---|---|"]
    for small, many in sorted(drawn, key=lambda one: (one[0], -one[1])):
        most = many == (usual // 4 if small else usual)
        which = "all others" if most else ", ".join(sorted(drawn[small, many]))
        n = f"below {LARGE:,}" if small else f"from {LARGE:,} on"
        error = sqrt(WRONG * (1 - WRONG) / many)
        lines.append(f"| {many:,} | {n} | {which} | {error:.4f} | {bound(many):.4f} |")
    return lines


def _table(rows: Sequence[Row], what: str) -> list[str]:
    sizes = sorted({row["n"] for row in rows})
    lines = [f"| measure | of | {' | '.join(f'{n:,}' for n in sizes)} |", "|---|---|" + "---|" * len(sizes)]
    for measure, scenario in sorted(dict.fromkeys((row["measure"], row["scenario"]) for row in rows)):
        cells = []
        for n in sizes:
            found = [row for row in rows if (row["measure"], row["scenario"], row["n"]) == (measure, scenario, n)]
            cells.append(_cell(found[0], what) if found else "")
        lines.append(f"| `{measure}` | {scenario} | {' | '.join(cells)} |")
    return lines


def _cell(row: Row, what: str) -> str:
    if row[what] is None or (what == "coverage" and row["not_measured"] > 0.9):
        return "–"
    seldom = f" ({row['not_measured']:.0%} not measured)" if row["not_measured"] >= 0.005 and what == "coverage" else ""
    return f"{row[what]:.3f}{seldom}"


def page(content: Mapping[str, Any], text: str) -> str:
    """The page with the measured part put in."""
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    return f"{head}{BEGIN}\n\n{tables(content)}\n{END}{tail}"


def main(path: Path) -> int:
    """Write the page; 1 where something is out of bounds."""
    content = json.loads(path.read_text(encoding="utf-8"))
    PAGE.write_text(page(content, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    broken = list(out_of_bounds(content))
    for line in broken:
        print(line)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS))
