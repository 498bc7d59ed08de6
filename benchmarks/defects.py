"""Defects planted in the miniature's networks, and what the verdicts say of them: the table in ``docs/defects.md``.

python benchmarks/defects.py
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]   # as a script it finds only its own folder

from demeanour.miniature.cache.parts import complete  # noqa: E402
from demeanour.miniature.world import VERSION, parts  # noqa: E402
from demeanour.models.remembered import RUN  # noqa: E402
from demeanour.verdicts.verdict import Verdict  # noqa: E402
from demeanour.verdicts.words import interval, number  # noqa: E402
from tests.evaluation.planted import DEFECTS, Defect  # noqa: E402
from tests.evaluation.planted_casts import PARTS, Planted  # noqa: E402

PAGE = ROOT / "docs" / "defects.md"
BEGIN, END = "<!-- defects: begin -->", "<!-- defects: end -->"
HEAD = ("planted", "in the part of", "verdict", "clean", "defective")


def main() -> int:
    """Plant, evaluate, judge, and put the table into the page."""
    with tempfile.TemporaryDirectory() as name:
        found = planted(Path(name))
        rows = [row(one, *(found.verdict(one, one.verdict, which) for which in (False, True))) for one in DEFECTS]
    PAGE.write_text(page(rows, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def planted(folder: Path) -> Planted:
    """The parts of the world that are needed, drawn, and everything evaluated in this run.

    Args:
        folder: Empty.

    Raises:
        RuntimeError: A network could not be evaluated.
    """
    os.environ.setdefault(RUN, "planted")   # what a network of Python said counts within a run
    found = Planted(folder / "garden", folder / "world")
    complete(found.world, [one for one in parts("quick") if one.name in PARTS], VERSION, print, 2)
    failed = found.evaluate().failed
    if failed:
        raise RuntimeError("\n".join(f"{unit}: {reason}" for unit, reason in failed.items()))
    return found


def row(defect: Defect, clean: Verdict, defective: Verdict) -> str:
    """A row of the table: which verdict tells of a defect, and what it says of both networks."""
    told = [f"{one.verdict}, {_numbers(one)}" for one in (clean, defective)]
    network = defect.cast[defect.role]
    part = network if network == defect.role else f"{defect.role} ({network})"
    return f"| {' | '.join([defect.planted, part, f'`{defect.verdict}`', *told])} |"


def _numbers(verdict: Verdict) -> str:
    found = verdict.difference
    return f"{number(found.value, signed=True)} {interval(found.interval, signed=True)}" if found else verdict.reason


def page(rows: list[str], text: str) -> str:
    """The page with the rows put between its marks.

    Raises:
        ValueError: It has none.
    """
    head, begun, rest = text.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not begun or not ended:
        raise ValueError(f"the page has no '{BEGIN}' … '{END}'")
    table = "\n".join([f"| {' | '.join(HEAD)} |", f"|{' --- |' * len(HEAD)}", *rows])
    return f"{head}{BEGIN}\n\n{table}\n\n{END}{tail}"


if __name__ == "__main__":
    sys.exit(main())
