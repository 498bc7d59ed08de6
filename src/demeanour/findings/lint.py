"""What the types alone cannot say about findings and casts: plain checks, all told at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from demeanour.datasets.catalogue import PUBLISHED
from demeanour.errors import Problem, did_you_mean
from demeanour.findings.cards import NETWORK
from demeanour.findings.cast import Cast
from demeanour.findings.document import Document, KeyPath
from demeanour.findings.lint_cards import Defect, check_cards
from demeanour.findings.load import Findings, load_casts
from demeanour.findings.pairing import Case, cases_of
from demeanour.findings.schema import CURVES, DEFAULT, EVERY, FOLLOWS, MEASURED, ONE_NUMBER, Assertion, Finding
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES


def lint(findings: Findings, cast: Cast | None, document: Document | None, casts: Path) -> list[Problem]:
    """All problems of well-formed findings, and of one cast with them.

    Where a file could not be read, nothing is said that might be its fault: a finding that seems to be missing, say.

    Args:
        findings: The findings.
        cast: The cast in use, if it could be read.
        document: Its file.
        casts: The folder of all casts: a selector is alive if it matches a model of any of them.
    """
    known = load_casts(casts)
    if cast is not None:
        known.append(cast)
    problems = []
    for finding in findings.findings.values():
        place, index = findings.places[finding.id]
        defects = [*check_keys(finding)]
        if not defects and finding.follows:
            defects += check_following(finding, findings)
        elif not defects:
            defects += [*check_relation(finding), *check_measure(finding)]
            defects += check_data(finding, known) if cast is not None else []
        defects += check_source(finding, findings) if findings.papers_complete else []
        defects += check_selectors(finding, known) if cast is not None else []
        defects += check_ids(finding, cast) if cast is not None else []
        problems += [place.problem((index, *keys), message, hint) for keys, message, hint in defects]
    if cast is not None and document is not None:
        cast_defects = [*check_cards(cast), *check_roles(cast, findings), *check_published(cast)]
        cast_defects += check_expectations(cast, findings) if findings.complete else []
        problems += [document.problem(keys, message, hint) for keys, message, hint in cast_defects]
    return problems


def check_keys(finding: Finding) -> Iterator[Defect]:
    """A finding that follows from others names them and measures nothing; every other one says what it measures."""
    given = {key for key in finding.model_fields_set if getattr(finding, key) is not None}
    needed = ("findings",) if finding.follows else MEASURED
    for key in needed:
        if key not in given:
            yield (key,), f"the key '{key}' is missing", ""
    for key in sorted(given - _KEYS_OF_ALL - {"findings"} if finding.follows else given & {"findings"}):
        yield (key,), f"the relation '{finding.relation}' does not read '{key}'", "remove it"


_KEYS_OF_ALL = {"id", "label", "claim", "source", "strength", "relation", "note"}


def check_following(finding: Finding, findings: Findings) -> Iterator[Defect]:
    """The findings that it follows from exist, each once, and are decided by data."""
    named = finding.findings or []
    if len(named) < 2:
        yield ("findings",), "there is one finding only, which says it all", "name the others, or remove this one"
    if DEFAULT not in finding.strength:
        yield ("strength",), "what follows from findings has one strength", "give one letter"
    for index, name in enumerate(named):
        if name in named[:index]:
            yield ("findings", index), f"'{name}' stands twice", "keep one"
        other = findings.findings.get(name)
        if other is None and findings.complete:
            yield ("findings", index), f"there is no finding '{name}'", did_you_mean(name, findings.findings)
        if other is not None and other.follows:
            hint = f"name what it follows from: {', '.join(other.findings or [])}"
            yield ("findings", index), f"'{name}' follows from others itself ('{FOLLOWS}')", hint


def check_relation(finding: Finding) -> Iterator[Defect]:
    """A relation has just the keys that it uses: one that nothing reads would promise what is not checked."""
    of_pairs = finding.measure in MEASURES and MEASURES[finding.measure].models == 2
    pair = finding.relation.startswith("left") or (of_pairs and finding.relation.startswith("value"))
    wants = {
        "compare": pair,
        "models": not pair,
        "bound": finding.relation.startswith("value"),
        "group": finding.relation == "group in top",
        "top": finding.relation == "group in top",
    }
    for key, wanted in wants.items():
        given = getattr(finding, key) is not None
        if wanted and not given:
            yield (), f"the relation '{finding.relation}' needs the key '{key}'", ""
        elif given and not wanted:
            yield (key,), f"the relation '{finding.relation}' does not read '{key}'", "remove it"
    if of_pairs and (not finding.relation.startswith("value") or (finding.compare and finding.compare.gap)):
        hint = "write 'value > bound' or 'value < bound', and in 'compare' which pairs"
        yield ("relation",), f"{finding.measure} is a number of two models", hint
    if finding.average and len(finding.data) < 2:
        yield ("average",), "there is one data set only", "name the others, or remove it"
    yield from check_curve(finding)
    if finding.groups and len(set(finding.groups)) < len(finding.groups):
        yield ("groups",), "a group stands twice", "keep one"
    if finding.groups and EVERY in finding.groups and finding.groups != [EVERY]:
        yield ("groups",), f"'{EVERY}' stands for all groups", "leave the others out"
    if finding.at_least and finding.groups and finding.compare is not None and finding.compare.against is not None:
        yield ("at_least",), "of groups, or of the models compared with?", "name one group, or one model"
    if finding.offset is not None and finding.relation != "left ~ right":
        yield ("offset",), f"the relation '{finding.relation}' does not read 'offset'", "remove it"
    if finding.relation == "left ~ right" and finding.margin == 0:
        yield ("margin",), "no difference is smaller than 0", "give the margin within which both count as equal"
    if finding.relation in ("left >= right", "left <= right") and finding.margin == 0:
        strict = finding.relation.replace("=", "")
        yield ("margin",), f"with a margin of 0 this is '{strict}'", "give the tolerance, or write the strict relation"
    if finding.groups and finding.relation == "group in top":
        yield ("groups",), "the relation 'group in top' compares with every other group", "remove it"
    if finding.except_groups and finding.groups != [EVERY] and finding.relation != "group in top":
        yield ("except_groups",), "is read with 'groups: every' only, or with 'group in top'", ""
    known = MEASURES[finding.measure].groups if finding.measure in MEASURES else ()
    every = len(set(known) - {ALL, *(finding.except_groups or [])})
    if finding.at_least and finding.groups == [EVERY] and finding.at_least > every > 0:
        yield ("at_least",), f"at least {finding.at_least} of {every} groups", "it can never hold"
    of_groups = finding.groups is not None and finding.relation not in ONE_NUMBER
    several = of_groups or (finding.compare is not None and finding.compare.against is not None)
    if finding.at_least is not None and not several:
        yield ("at_least",), "there is one comparison only", "name the groups, or remove it"
    if finding.at_least and finding.groups and finding.groups != [EVERY] and finding.at_least > len(finding.groups):
        yield ("at_least",), f"at least {finding.at_least} of {len(finding.groups)} groups", "it can never hold"
    compare = finding.compare
    if compare is not None and sum(key is not None for key in (compare.pair_on, compare.against, compare.gap)) > 1:
        yield ("compare",), "only one of 'pair_on', 'against' and 'gap' can say what is compared", ""


def check_curve(finding: Finding) -> Iterator[Defect]:
    """A relation of curves names its points, in their order."""
    points = finding.groups or []
    if finding.relation in CURVES:
        if len(points) < 2 or EVERY in points:
            yield ("groups",), f"the relation '{finding.relation}' needs the points of the curve", "name two or more"
        if finding.at_least and len(points) > 1 and finding.at_least > len(points) - 1:
            yield ("at_least",), f"at least {finding.at_least} of {len(points) - 1} steps", "it can never hold"
        if finding.compare is not None and finding.compare.gap is not None:
            yield ("compare", "gap"), f"the relation '{finding.relation}' does not read it", "remove it"
    if finding.at is not None and finding.relation != "left area > right":
        yield ("at",), f"the relation '{finding.relation}' does not read 'at'", "remove it"
    elif finding.at is not None:
        if len(finding.at) != len(points):
            yield ("at",), f"{len(finding.at)} places for {len(points)} points", "give each point one"
        if any(later <= earlier for earlier, later in pairwise(finding.at)):
            yield ("at",), "the places do not increase", "order the points"


def check_measure(finding: Assertion) -> Iterator[Defect]:
    """The measure exists, may decide, and has the groups that the finding names."""
    measure = MEASURES.get(finding.measure)
    if measure is None:
        yield ("measure",), f"there is no measure '{finding.measure}'", did_you_mean(finding.measure, MEASURES)
        return
    if not measure.decides:
        hint = f"decide by {measure.instead}" if measure.instead else ""
        yield ("measure",), f"'{measure.name}' is {measure.why_shown}: it is shown, never decides", hint
    if measure.of_network and finding.data != [NETWORK]:
        hint = f"a release policy asks it of `data: [{NETWORK}]`"
        yield ("data",), f"the measure {measure.name} is about the network itself, not about its answers", hint
    if not measure.of_network and NETWORK in finding.data:
        hint = f"of it are measured: {', '.join(name for name, one in MEASURES.items() if one.of_network)}"
        yield ("data",), f"'{NETWORK}' is the network itself, of which there is no {measure.name}", hint
    named = {"groups": finding.groups, "except_groups": finding.except_groups, "group": [finding.group or ALL]}
    for key, groups in named.items():
        for group in groups or []:
            unknown = measure.groups and group not in (*measure.groups, EVERY)   # some are named by data sets
            if unknown and (key != "group" or finding.group):
                hint = did_you_mean(group, measure.groups)
                yield (key,), f"the measure {measure.name} has no group '{group}'", hint
    if finding.groups is None and finding.group is None and ALL not in measure.groups:
        yield (), f"the measure {measure.name} has no value over all images", "name its groups, or 'every'"


def check_source(finding: Finding, findings: Findings) -> Iterator[Defect]:
    """The work that is cited is known, so that a report can link to it."""
    if finding.source.paper not in findings.papers:
        hint = did_you_mean(finding.source.paper, findings.papers) or "add it to papers.yaml"
        yield ("source", "paper"), f"there is no work '{finding.source.paper}' in papers.yaml", hint


def check_data(finding: Finding, known: Iterable[Cast]) -> Iterator[Defect]:
    """Each data set is a published one, or one of some cast; each has a strength."""
    names = {*PUBLISHED, *(data for cast in known for data in cast.data)}
    if len(set(finding.data)) < len(finding.data):
        yield ("data",), "a data set stands twice", "keep one"
    if finding.average and DEFAULT not in finding.strength:
        yield ("strength",), "an average has one strength", "give one letter"
    for data in finding.data:
        if data not in names:
            yield ("data",), f"no cast has a data set '{data}'", did_you_mean(data, names)
        if data not in finding.strength and DEFAULT not in finding.strength:
            yield ("strength",), f"says nothing of {data}", ""
    for data in finding.strength:
        if data not in (*finding.data, DEFAULT):
            yield ("strength", data), f"the finding does not speak of '{data}'", did_you_mean(data, finding.data)


def check_selectors(finding: Finding, known: Sequence[Cast]) -> Iterator[Defect]:
    """Each word of a selector matches a model of some cast: a dead one would put its finding out of every scope."""
    for keys, selector in finding.selectors():
        for key, words in selector.given().items():
            if key == "model":
                played = {name for cast in known for name in cast.models}
            else:
                played = {getattr(card, key) for cast in known for card in cast.models.values() if not card.context}
            for word in words:
                if word not in played:
                    message = f"dead selector: no model of any cast has the {key} '{word}'"
                    yield (*keys, key), message, did_you_mean(word, filter(None, played))


def check_ids(finding: Finding, cast: Cast) -> Iterator[Defect]:
    """No two verdicts of a finding have one id; ids of different findings differ by the finding's."""
    ids = [case.id for case in cases_of(finding, cast)]
    for name in sorted({name for name in ids if ids.count(name) > 1}):
        yield ("id",), f"two verdicts would be called '{name}'", "tell its models apart by their names"


def check_roles(cast: Cast, findings: Findings) -> Iterator[Defect]:
    """No role is written otherwise than findings write it: ``Supervised`` would put a model out of every scope."""
    for key in ("architecture", "paradigm", "pretraining"):
        selectors = [selector for finding in findings.findings.values() for _, selector in finding.selectors()]
        known = {word for selector in selectors for word in selector.given().get(key, [])}
        for name, card in cast.models.items():
            word = getattr(card, key)
            near = did_you_mean(word, known) if word and word not in known and not card.context else ""
            alike = [other for other in known if word and other.casefold() == word.strip().casefold()]
            if word not in known and (alike or (key == "paradigm" and near.startswith("did"))):
                yield ("models", name, key), f"no finding selects the {key} '{word}'", near


def check_expectations(cast: Cast, findings: Findings) -> Iterator[Defect]:
    """Each expectation speaks of a finding, or of a verdict, that the cast has in scope."""
    in_scope = set()
    for finding in findings.findings.values():
        cases = [case.id for case in cases_of(finding, cast, findings.findings) if isinstance(case, Case)]
        in_scope |= {finding.id, *cases} if cases else set()
    for key in cast.expect:
        if key not in in_scope:
            yield ("expect", key), f"the cast has no verdict '{key}' in scope", did_you_mean(key, in_scope)


def check_published(cast: Cast) -> Iterator[Defect]:
    """Each table of published values speaks of a measure, its groups, a data set and models that exist."""
    for index, table in enumerate(cast.published):
        at: KeyPath = ("published", index)
        measure = MEASURES.get(table.measure)
        if measure is None:
            hint = did_you_mean(table.measure, MEASURES)
            yield (*at, "measure"), f"there is no measure '{table.measure}'", hint
        if table.data not in cast.data:
            hint = did_you_mean(table.data, cast.data)
            yield (*at, "data"), f"the cast has no data set '{table.data}'", hint
        tasks = [task.name for task in cast.tasks(table.data)] if table.data in cast.data else []
        groups = (measure.groups or tasks) if measure is not None else ()
        for group, values in table.values.items():
            if measure is not None and group not in groups:
                hint = did_you_mean(group, groups)
                yield (*at, "values", group), f"the measure {measure.name} has no group '{group}'", hint
            for model in values:
                if model not in cast.models:
                    hint = did_you_mean(model, cast.models)
                    yield (*at, "values", group, model), f"the cast has no model '{model}'", hint
