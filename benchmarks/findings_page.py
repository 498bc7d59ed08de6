"""Every finding of the paper, ``docs/paper.md``: its test, its strength, the miniature's verdict, the published margin.

python benchmarks/findings_page.py keep reports/verdicts.json   # verdicts of the miniature: findings.json, and the page
python benchmarks/findings_page.py page                         # the page, from it
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]   # as a script it finds only its own folder

from demeanour.findings.cast import Cast  # noqa: E402
from demeanour.findings.pairing import Case, cases_of  # noqa: E402
from demeanour.findings.schema import Finding  # noqa: E402
from demeanour.findings.thresholds import Thresholds, load_thresholds  # noqa: E402
from demeanour.measures.groups import ALL  # noqa: E402
from demeanour.reporting.style import FEATURES, MARKS, feature  # noqa: E402
from demeanour.verdicts.published_margin import holds_as_published, published_margin  # noqa: E402
from demeanour.verdicts.words import number  # noqa: E402

RESULTS = ROOT / "benchmarks" / "findings.json"
PAGE = ROOT / "docs" / "paper.md"
CAST, JUDGED = "paper", "miniature"
BEGIN, END = "<!-- findings: begin -->", "<!-- findings: end -->"
_HEADER = ("", "claim", "test", "strength", f"on the {JUDGED}", "as published")

Words = Mapping[str, str]   # the miniature's verdicts by the id of their case


def main(arguments: Sequence[str] | None = None) -> int:
    """Keep the verdicts of a run, or write the page from those that are kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("keep", "page"))
    parser.add_argument("verdicts", nargs="?", type=Path, help="the verdicts.json of a run of the miniature")
    options = parser.parse_args(arguments)
    if options.what == "keep":
        words = words_of(json.loads(options.verdicts.read_text(encoding="utf-8")))
        RESULTS.write_text(json.dumps(words, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    loaded = load_thresholds(CAST, None, ROOT / "thresholds")
    PAGE.write_text(page(loaded, kept(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def kept() -> Words:
    """The miniature's verdicts as they were kept."""
    words: Words = json.loads(RESULTS.read_text(encoding="utf-8"))
    return words


def words_of(run: Mapping[str, object]) -> dict[str, str]:
    """What a run says of each case.

    Raises:
        ValueError: It is a run of another cast.
    """
    if run["cast"] != JUDGED:
        raise ValueError(f"expected verdicts of the cast '{JUDGED}', found those of '{run['cast']}'")
    records = run["verdicts"]
    assert isinstance(records, list)
    return {record["id"]: record["verdict"] for record in records}


def page(loaded: Thresholds, words: Words, text: str) -> str:
    """The page with the table put between its marks.

    Raises:
        ValueError: The page lacks the marks.
    """
    head, found, rest = text.partition(BEGIN)
    _, closed, tail = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"the page has no '{BEGIN}' … '{END}'")
    return f"{head}{BEGIN}\n\n{tables(loaded, words)}\n\n{END}{tail}"


def tables(loaded: Thresholds, words: Words) -> str:
    """A line about all findings, and a table for each section of the paper, in its order."""
    findings, cast = loaded.findings.findings, loaded.cast
    cases = {name: [case for case in cases_of(one, cast, findings) if isinstance(case, Case)]
             for name, one in findings.items()}   # fmt: skip
    parts = [_counts(cases, words)]
    sections = sorted(loaded.sections, key=lambda name: list(FEATURES).index(name))
    for section in sections:
        own = [one for one in findings.values() if one.section == section]
        rows = [_row(one, cases[one.id], cast, words) for one in own]
        link = f"[`test_{section}.py`](../behaviours/test_{section}.py)"
        parts.append(f"### {feature(own[0])}\n\n{link}\n\n{_table(rows)}")
    return "\n\n".join(parts)


def _counts(cases: Mapping[str, Sequence[Case]], words: Words) -> str:
    """How many findings there are, and how many carry over."""
    whole = [{words.get(case.id, "not judged") for case in some} for some in cases.values()]
    count = {word: sum(found == {word} for found in whole) for word in ("holds", "violated", "undecided")}
    others = len(whole) - sum(count.values())
    verdicts = sum(len(some) for some in cases.values())
    return (
        f"{len(cases)} findings, {verdicts} verdicts. On the {JUDGED}, {count['holds']} findings hold in all of their "
        f"verdicts, {count['violated']} are violated in all, {count['undecided']} are undecided, and of {others} the "
        f"verdicts differ or are not there."
    )


def _row(finding: Finding, cases: Sequence[Case], cast: Cast, words: Words) -> list[str]:
    letters = list(dict.fromkeys(finding.strength.values()))
    told = {case.label: words.get(case.id, "not judged") for case in cases}
    return [
        finding.label, finding.claim, f"`{finding.id}`", ", ".join(letters), _grouped(told),
        "<br>".join(_published(case, cast) for case in cases),
    ]  # fmt: skip


def _grouped(told: Mapping[str, str]) -> str:
    """Verdicts, each word once, with those that it is said of where they differ."""
    found = dict.fromkeys(told.values())
    if len(found) == 1:
        return "".join(f"{MARKS.get(word, '')} {word}".strip() for word in found)
    said = {word: [label for label, other in told.items() if other == word] for word in found}
    return "<br>".join(f"{MARKS.get(word, '')} {word}: {', '.join(labels)}".strip() for word, labels in said.items())


def _published(case: Case, cast: Cast) -> str:
    """What the published values say of a case: the comparison that tips the scale, marked where it contradicts."""
    name = f"{case.label}: " if case.label else ""
    holds = holds_as_published(case, cast)
    if case.basis:
        some = sum(holds_as_published(one, cast) is True for one in case.basis)
        return f"{some} of {len(case.basis)} hold" + ("" if holds is not False else " ≠")
    found = published_margin(case, cast)
    if found is None:
        return f"{name}–"
    group = f", {found.group}" if found.group != ALL else ""
    margin = f", margin {case.finding.margin:g}" if case.finding.margin else ""
    return f"{name}{number(found.value, True)} ({found.measure}{group}{margin}){'' if found.ahead > 0 else ' ≠'}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (_HEADER, ["---"] * len(_HEADER), *rows))


if __name__ == "__main__":
    sys.exit(main())
