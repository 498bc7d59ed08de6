"""What the gate says of candidates whose truth is known, on the miniature: the table in ``docs/gate.md``.

python benchmarks/gate.py measure [NAME …]   # draws the world, evaluates, judges; keeps it in gate.json
python benchmarks/gate.py page               # puts what is kept into the page

What candidates are is told in `benchmarks.gate_candidates`. Verdicts are those of
``pytest behaviours/test_gate.py --cast miniature --candidate SPEC --as ConvNeXt-sup``, by the same functions.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]   # as a script it finds only its own folder

RESULTS = ROOT / "benchmarks" / "gate.json"
PAGE = ROOT / "docs" / "gate.md"
THRESHOLDS = ROOT / "thresholds"
BEGIN, END = "<!-- gate: begin -->", "<!-- gate: end -->"
HEAD = ("candidate", "what was done", "the gate says", "by which requirement", "lost, won of 1,000", "images it takes")
ROLE, MOST = "ConvNeXt-sup", 2   # requirements that are told of each candidate
SHOWN = "imagenet-val"           # on which flips are told
FEW = 30                         # images: of fewer no interval is what it is of many
Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or write the page."""
    options = _parser().parse_args(arguments)
    if options.what == "page":
        kept = json.loads(options.json.read_text(encoding="utf-8"))
        PAGE.write_text(page(kept, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    kept = json.loads(options.json.read_text(encoding="utf-8")) if options.json.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        kept |= measured(Path(name), options.names, options.gate)
    order = _order()
    kept = dict(sorted(kept.items(), key=lambda one: order.index(one[0])))
    options.json.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def measured(folder: Path, names: Sequence[str] = (), gate: Path | None = None) -> dict[str, Row]:
    """What the gate says of each candidate: outcome, verdicts of all requirements, flips.

    Args:
        folder: For checkpoints.
        names: Of which candidates; of all without.
        gate: The file of the policy; the cast's own without.

    Raises:
        RuntimeError: Something could not be evaluated.
    """
    from benchmarks.gate_candidates import CANDIDATES, specs
    from demeanour.evaluation.display import evaluate
    from demeanour.evidence.gather import Evidence
    from demeanour.evidence.plan import units_of
    from demeanour.evidence.store import Store
    from demeanour.findings.candidates import Trial
    from demeanour.findings.thresholds import load_thresholds, with_trial
    from demeanour.models.remembered import RUN
    from demeanour.verdicts.flips import all_flips
    from demeanour.verdicts.gate import judge_case
    from demeanour.verdicts.outcome import RELEASES, WORDS, exit_code

    os.environ.setdefault(RUN, "gate")   # what a network of Python said counts within a run
    given = tuple(f"{name}={spec}" for name, spec in specs(folder, names).items())
    trial = Trial(ROLE, (*given, *([f"again={given[0]}"] if len(given) == 1 else [])))   # one alone loses its name
    thresholds = with_trial(load_thresholds("miniature", None, THRESHOLDS), trial, gate, THRESHOLDS)
    evidence = Evidence(thresholds.cast, Store.default(_tell))
    failed = evaluate(evidence.live, units_of(thresholds.cast, thresholds.requirements), _tell).failed
    if failed:
        raise RuntimeError("\n".join(f"{unit}: {reason}" for unit, reason in failed.items()))
    sets = dict.fromkeys(data for case in thresholds.requirements for data in case.sets)
    flips, _ = all_flips(evidence, sets)
    found = {}
    for one in CANDIDATES:
        cases = [case for case in thresholds.requirements if case.candidate == one.name]
        records = [judge_case(case, evidence).record() for case in cases]
        relations = [case.finding.relation for case in cases]
        if records:
            code = exit_code(records)
            found[one.name] = {
                "planted": one.planted, "expected": one.expected, "outcome": RELEASES.get(code, WORDS[code]),
                "code": code, "requirements": [
                    {**_told(record, one.name), "relation": relation}
                    for record, relation in zip(records, relations, strict=True)
                ],
                "flips": {each.data: {"n": each.n, "lost": each.negative, "won": each.positive}
                          for each in flips if each.candidate == one.name},
            }  # fmt: skip
    return found


def _told(record: Mapping[str, Any], name: str) -> Row:
    """What the page needs of a verdict."""
    told, need = record["difference"] or {}, record["shortfall"] or {}
    return {
        "id": record["id"].replace(f"[{name}-", "[").replace(f"[{name}]", ""), "verdict": record["verdict"],
        "value": told.get("value"), "interval": told.get("interval"), "margin": told.get("margin"),
        "group": told.get("group"), "burden": record["burden"], "p_harm_adjusted": record["p_harm_adjusted"],
        "reason": record["reason"],
        "n": min((one["n"] for one in record["estimates"].values()), default=None), "needed": need.get("needed"),
    }  # fmt: skip


def images(row: Row) -> int | None:
    """About how many images decide a requirement, if the estimate stayed where it is; None where nobody can tell.

    Widths shrink with the root of the number of images: so many that the limit towards the margin would just reach it.
    """
    if row["verdict"] == "undecided":
        needed: int | None = row["needed"]
        return needed
    if row["value"] is None or not row["n"] or row["interval"][0] == row["interval"][1]:
        return None
    low, high = row["interval"]
    above, below = row["margin"] - row["value"], row["value"] + row["margin"]
    gap = {"left >= right": below, "left <= right": above}.get(row["relation"], min(above, below, key=abs))
    width = max(row["value"] - low, high - row["value"])
    return max(1, round(row["n"] * (width / gap) ** 2)) if gap else None


def line(name: str, row: Row) -> str:
    """A candidate's row of the table."""
    which, takes = _why(row)
    flips = row["flips"].get(SHOWN)
    lost = f"{flips['lost']}, {flips['won']}" if flips else "–"
    said = f"**{row['outcome']}**"
    return f"| {' | '.join([name, row['planted'], said, which, lost, takes])} |"


def _why(row: Row) -> tuple[str, str]:
    """Which requirements make the outcome, and how many images each takes."""
    word = {"blocked": "violated", "released": "holds"}.get(row["outcome"], row["outcome"])
    every = row["requirements"]
    told = [one for one in every if one["verdict"] == word and (word == "violated" or one["burden"] == "candidate")]
    if word == "holds" and all(one["value"] == 0 for one in told):
        return f"all {len(every)} hold: nothing differs", "–"
    told.sort(key=lambda one: _rank(one, row["outcome"]))
    shown = told[: 1 if word == "holds" else MOST]
    which = "<br>".join(_requirement(one) for one in shown)
    if word == "holds":
        which = f"all {len(told)} that it must prove hold; the nearest: {which}"
    elif len(told) > len(shown):
        which += f"<br>and {len(told) - len(shown)} more"
    return which, "<br>".join(_of(images(one), one["n"]) for one in shown)


def _rank(row: Row, outcome: str) -> float:
    """Those that blocked most clearly come first, and those that were released most narrowly."""
    takes = images(row)
    found = float("inf") if takes is None else takes / max(row["n"] or 1, 1)
    return found if outcome == "blocked" else -found


def _requirement(row: Row) -> str:
    from demeanour.verdicts.words import interval, number

    if row["value"] is None:
        return f"`{row['id']}`: {row['reason']}"
    group = f", {row['group']}" if row["group"] not in (None, "all") else ""
    found = f"{number(row['value'], signed=True)} {interval(tuple(row['interval']), signed=True)}"
    return f"`{row['id']}`{group}: {found}, margin {row['margin']:g}"


def _of(takes: int | None, n: int | None) -> str:
    if takes is not None and takes < FEW:
        return f"under {FEW} of {n:,}"
    return f"– of {n:,}" if takes is None else f"{takes:,} of {n:,}"


def page(kept: Mapping[str, Row], text: str) -> str:
    """The page with the table put between its marks.

    Raises:
        ValueError: It has none.
    """
    head, begun, rest = text.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not begun or not ended:
        raise ValueError(f"the page has no '{BEGIN}' … '{END}'")
    return f"{head}{BEGIN}\n\n{table(kept)}\n\n{END}{tail}"


def table(kept: Mapping[str, Row]) -> str:
    """All candidates, a row each."""
    rows: Iterable[str] = (line(name, row) for name, row in kept.items())
    return "\n".join([f"| {' | '.join(HEAD)} |", f"|{' --- |' * len(HEAD)}", *rows])


def _order() -> list[str]:
    from benchmarks.gate_candidates import CANDIDATES

    return [one.name for one in CANDIDATES]


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("what", choices=("measure", "page"))
    add("names", nargs="*", help="of the candidates that are measured; all without")
    add("--gate", type=Path, help="another policy")
    add("--json", type=Path, default=RESULTS, help="where it is kept")
    return parser


if __name__ == "__main__":
    sys.exit(main())
