"""``summary.html``: a whole run in one file that asks nothing of the network and reads without a script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from demeanour.reporting.gate_html import gate_banner, gate_section_html
from demeanour.reporting.history import day_and_time
from demeanour.reporting.run import Run, carried, versions
from demeanour.reporting.style import kind
from demeanour.reporting.summary_body import KINDS, verdicts_html
from demeanour.reporting.summary_verdict import section
from demeanour.verdicts.outcome import AS_EXPECTED, BAD_THRESHOLDS, BROKEN, NOT_MEASURED, UNDECIDED, VIOLATION

_HERE = Path(__file__).parent
_TONES = {AS_EXPECTED: "good", VIOLATION: "bad", UNDECIDED: "open", NOT_MEASURED: "open", BROKEN: "bad"}
_SPOKEN = (AS_EXPECTED, VIOLATION, UNDECIDED, NOT_MEASURED)   # a gate has said something of its candidates
_SIGNS = {"good": "✔", "bad": "✘", "open": "?"}


def summary_html(run: Run) -> str:
    """The page: what holds, what does not, by how much and why."""
    style, script = ((_HERE / f"summary.{name}").read_text(encoding="utf-8") for name in ("css", "js"))
    body, shapes = verdicts_html(run, run.thresholds) if run.thresholds is not None and run.judged else ("", "")
    gate = gate_section_html(run.gate) if run.gate else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'; '
        "script-src 'unsafe-inline'; img-src data:\"/>"
        f"<title>{escape(f'{run.word.capitalize()}: cast {run.cast}')}</title><style>{style}</style></head><body>"
        f'<a class="skip" href="#main">Skip to the verdicts</a>{shapes}{_banner(run)}<main id="main">'
        f"{gate}{about_html(run)}{_message(run)}{body}{_end(run)}</main><script>{script}</script></body></html>\n"
    )


def _banner(run: Run) -> str:
    tone = _TONES.get(run.code, "bad")
    kinds = [kind(record) for record in run.judged]
    meaning = escape(_meaning(run, kinds))
    numbers = [(name, kinds.count(name)) for name in KINDS if name in kinds or name == "against"]
    counted = "".join(f'<li class="{name}"><b>{n}</b> {KINDS[name]}</li>' for name, n in numbers)
    counted = f"<ul>{counted}</ul>" if run.judged else ""
    if run.gate and (run.code in _SPOKEN or not run.gate.trusted):
        meaning, counted = gate_banner(run.gate)
    facts = f"cast <b>{escape(run.cast)}</b> · {day_and_time(run.started)} · {run.seconds:.0f} s"
    return (
        f'<header class="banner {tone}"><p class="facts">demeanour · {facts}</p>'
        f'<h1><span aria-hidden="true">{_SIGNS[tone]}</span> {escape(run.word.capitalize())} '
        f"<small>exit {run.code}</small></h1>"
        f'<p class="meaning">{meaning}</p>{counted}</header>'
    )


def _meaning(run: Run, kinds: Sequence[str]) -> str:
    """The outcome in a sentence."""
    n = {name: kinds.count(name) for name in KINDS}
    meanings = {
        AS_EXPECTED: "All that these data can decide is as the cast expects.",
        VIOLATION: f"{n['against']} of {len(kinds)} verdicts contradict what the cast expects.",
        UNDECIDED: f"Nothing contradicts, but {n['asked']} verdicts that should be decided are not: "
                   "the data cannot tell.",
        NOT_MEASURED: f"{n['missing']} of {len(kinds)} verdicts could not be measured." if n["missing"] else
                      "Nothing was decided at all.",
        BAD_THRESHOLDS: "Findings, cast or options cannot be used: nothing was judged.",
        BROKEN: "The suite itself broke: what stands below may be incomplete.",
    }  # fmt: skip
    return meanings.get(run.code, "The run was interrupted: what stands below is incomplete.")


def about_html(run: Run) -> str:
    """What the cast says of itself, where nobody can miss it if it holds no real model; and what carries over to it."""
    models = run.thresholds.cast.models.values() if run.thresholds else ()
    drawn = any(model.source.startswith("predictions:drawn:") for model in models)
    about = f'<p class="about{" drawn" if drawn else ""}">{escape(run.about)}</p>' if run.about else ""
    return about + (f"<p>{carried(run.records).capitalize()}.</p>" if run.judged and run.gate is None else "")


def _message(run: Run) -> str:
    return f'<section><h2>Why</h2><pre class="card">{escape(run.message)}</pre></section>' if run.message else ""


def _end(run: Run) -> str:
    outside = "".join(f"<li><code>{escape(r['id'])}</code>: {escape(r['reason'])}</li>" for r in run.out_of_scope)
    count = len(run.out_of_scope)
    title = f"{count} that this cast has no data or no model for"
    scope = f"<details><summary>{title}</summary><ul>{outside}</ul></details>"
    decides = (
        "<p>A claim holds when the whole interval lies on its side of the margin, is violated when the whole interval "
        "lies on the other side, and is undecided when the margin is inside. One-sided α is .05 for every verdict, so "
        "the 90 % interval decides; where several comparisons share α, the wider ones that decide are shown.</p>"
    )
    notes = "".join(f"<p>Note: {escape(note)}</p>" for note in run.notes)
    made = ", ".join(f"{name} {number}" for name, number in versions().items())
    facts = f"<p><code>{escape(run.command)}</code></p><p>{run.started}, {run.seconds:.1f} s; {escape(made)}</p>"
    return (
        section("Out of scope", f'<div class="card">{scope}</div>' if outside else "")
        + section("How it decides", f'<div class="card">{decides}</div>' if run.judged else "")
        + section("This run", f'<div class="card">{notes}{facts}</div>')
    )
