"""What a run leaves of the paper: figures as SVG and PNG, and one page."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from demeanour.evidence.gather import Evidence
from demeanour.files import write_whole
from demeanour.findings.pairing import Case
from demeanour.findings.schema import Finding
from demeanour.reporting.figures.drawn import FOLDER, Asked, clear_figures, draw_figures, write_figures
from demeanour.reporting.figures.published import published_for
from demeanour.reporting.paper_html import PAGE, PAPER, paper_html
from demeanour.reporting.run import Run


def write_paper(folder: Path, run: Run, evidence: Evidence, asked: Collection[Case], casts: Path) -> list[str]:
    """Write ``paper.html`` and ``figures/``; nothing is raised, for verdicts stand without pictures.

    Args:
        folder: Of the reports.
        run: The run whose verdicts stand beside.
        evidence: What the cast's models said.
        asked: The cases whose verdicts were asked for: what they rest on is drawn, of their sections.
        casts: The folder of the project's casts.

    Returns:
        What went wrong, in a sentence each.
    """
    try:
        drawn = draw_figures(evidence, _asked(asked))
        write_figures(folder / FOLDER, drawn)
        write_whole(folder / PAGE, paper_html(run, evidence.cast, drawn, published_for(evidence.cast, casts)))
    except Exception as error:   # of any kind
        return [f"the page of the paper cannot be written: {error!r}"]
    return [one.failure for one in drawn if one.failure]


def _asked(cases: Collection[Case]) -> Asked:
    measured = [one for case in cases for one in (case, *case.measured)]
    pairs = {(model, data) for case in measured for model in case.models for data in case.sets}
    sources = [case.finding.source for case in measured if isinstance(case.finding, Finding)]
    sections = {source.section for source in sources if source.paper == PAPER}
    return Asked(pairs, sections)


def clear_paper(folder: Path) -> None:
    """Remove what an earlier run has left, so that it cannot be taken for this one's."""
    (folder / PAGE).unlink(missing_ok=True)
    clear_figures(folder / FOLDER)
