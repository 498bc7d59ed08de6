"""The picture of a verdict, remembered as long as its numbers, the models' answers and the drawing code stay."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict

from demeanour.errors import NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import Observations
from demeanour.evidence.store import code_hash, evidence_key
from demeanour.findings.pairing import Case
from demeanour.reporting.figures.looks import looks
from demeanour.reporting.plots import plot
from demeanour.verdicts.verdict import Verdict


def picture(verdict: Verdict, case: Case, evidence: Evidence) -> str | None:
    """The SVG of a verdict; None where it has no numbers.

    Models are drawn with the cast's references on the same data beside them, such as people; a missing one leaves
    the picture without it. An average over data sets is drawn as its difference alone.
    """
    if not verdict.estimates:
        return None
    models = case.models if len(case.sets) == 1 else ()
    context = _context(case, evidence) if models else {}
    known = looks(evidence.cast)
    key = evidence_key(
        code=_code(),
        measure=verdict.measure,
        level=verdict.level,
        difference=verdict.difference and asdict(verdict.difference),
        parts=[asdict(part) for part in verdict.parts],
        models=[evidence.identity(model, case.data) for model in models],
        context=context,
        looks=[[name, asdict(known[name])] for name in (*models, *context)],
    )

    def draw() -> str:
        observed = [evidence.observations(model, case.data) for model in models]
        return plot(verdict, observed, known, _readable(context, case, evidence))

    return evidence.store.text("pictures", key, draw)


def _context(case: Case, evidence: Evidence) -> dict[str, str]:
    """The references on a case's data whose files are there, with what their answers depend on."""
    found = {}
    for name in evidence.cast.references:
        if evidence.cast.covers(name, case.data):
            with suppress(NotMeasuredError):
                found[name] = evidence.identity(name, case.data)
    return found


def _readable(names: Iterable[str], case: Case, evidence: Evidence) -> list[Observations]:
    found = []
    for name in names:
        with suppress(NotMeasuredError):
            found.append(evidence.observations(name, case.data))
    return found


def _code() -> str:
    return code_hash("reporting/plots.py", "reporting/style.py", "reporting/figures", "measures")
