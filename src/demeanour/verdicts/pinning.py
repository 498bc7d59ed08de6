"""Pin a baseline: its evidence, its own value of every requirement, and what was decided of findings it plays in."""

from __future__ import annotations

import datetime
import math
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demeanour.errors import NotMeasuredError, ThresholdsError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.pin import copy_evidence, files_of, sets_asked
from demeanour.evidence.plan import OF_NETWORK, TABLE, units_of
from demeanour.evidence.store import evidence_key
from demeanour.files import write_whole
from demeanour.findings.baseline import FILE, Baseline, Pinned, Value, read_baseline, sealed
from demeanour.findings.pairing import Case, Comparison
from demeanour.findings.schema import EVERY
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.statistics.zones import LEVEL
from demeanour.verdicts.comparing import Compared, Observed, compare, observe_all
from demeanour.verdicts.judge import judge
from demeanour.verdicts.replicates import columns_of
from demeanour.verdicts.verdict import Interval, plain_json

_NEWER, _OLDER = "newer", "older"


@dataclass(frozen=True)
class Asked:
    """What is to be pinned, and how it was asked for.

    Attributes:
        evidence: Of the cast, without candidates.
        role: The model that is pinned.
        findings: The cast's cases in which it plays.
        requirements: Those of the policy, whoever the candidate is.
        options: ``cast``, ``gate`` and ``findings`` as the command was given them.
        packages: The versions that answers and numbers depend on.
        reason: Why it is pinned.
        over: The baseline that it follows, if any.
    """

    evidence: Evidence
    role: str
    findings: Sequence[Case]
    requirements: Sequence[Case]
    options: Mapping[str, str | None]
    packages: Mapping[str, str | None]
    reason: str | None = None
    over: Baseline | None = None


def record(asked: Asked, out: Path, partial: bool = False) -> Baseline:
    """Write a pinned baseline: a folder beside its place, which then is put there as a whole.

    Args:
        asked: What is to be pinned.
        out: The folder; it must not be there, unless it is the one of ``asked.over``, which is replaced.
        partial: Whether what is not there is left out; else nothing is written where something is missing.

    Returns:
        The baseline, as it is read.

    Raises:
        NotMeasuredError: Evidence is missing; names all of it and says how to get it.
        ThresholdsError: The place is taken, or the baseline that it follows is another model's.
        OSError: It cannot be written; what was there stays.
    """
    over = asked.over
    if over is not None and over.role != asked.role:
        raise ThresholdsError(f"--over {over.folder}: pins {over.role}, not {asked.role}")
    replaced = over is not None and out.resolve() == over.folder
    if out.exists() and not replaced:
        raise ThresholdsError(f"--out {out}: is there already; name another folder, or continue its line: --over {out}")
    with _beside(out) as stage:
        pinned = _pinned(asked, stage)
        if pinned.missing and (not partial or not pinned.pieces):
            raise NotMeasuredError(_lacking(asked, pinned.missing))
        write_whole(stage / FILE, sealed(pinned), durable=True)
        damaged = read_baseline(stage).damaged()   # what the disk has, before anything takes its place
        if damaged:
            raise OSError(f"the disk did not keep what was written: {damaged[0]}")
        former = out.with_name(f".{out.name}.{uuid.uuid4().hex}.former")
        if replaced:
            out.rename(former)
        try:
            stage.rename(out)
        except OSError:
            if replaced:
                former.rename(out)
            raise
        shutil.rmtree(former, ignore_errors=True)
    return read_baseline(out)


def own_values(case: Case, role: str, evidence: Evidence) -> list[Value]:
    """A model's own value of what a requirement measures, of each group that the requirement asks about.

    Where nothing can be said of its error, the value stands without an interval: a candidate may be compared with it
    all the same.

    Raises:
        NotMeasuredError: Evidence is missing, or says nothing of it.
    """
    alone = _alone(case, role)
    observed = observe_all(alone, evidence)
    measure, finding = MEASURES[case.finding.measure], case.finding
    content: dict[str, Any] = {
        "requirement": finding.id, "label": finding.label, "measure": measure.name, "version": measure.version,
        "unit": measure.unit, "data": list(case.sets), "relation": finding.relation, "margin": float(finding.margin),
    }  # fmt: skip
    try:
        found = _compared(alone, observed)
    except NotMeasuredError:
        known = _without_intervals(alone, observed)
        return [Value(**content, group=group, value=value, interval=None, n=n) for group, (value, n) in known.items()]
    values = []
    for one in found:
        low, high = plain_json(one.found.limits.interval(LEVEL))
        interval = None if low is None or high is None else (low, high)
        value = float(one.found.limits.value)
        values.append(Value(**content, group=one.group, value=value, interval=interval, n=one.found.n))
    return values


def can_be_pinned(case: Case) -> bool:
    """Whether what a requirement measures is still so elsewhere: times are of the machine that they are taken on."""
    return "milliseconds" not in MEASURES[case.finding.measure].needs


def difference(case: Case, newer: Evidence, older: Evidence) -> dict[str, tuple[float, Interval]]:
    """What a requirement measures of the role in one place − in another, paired over the same images, by group.

    Args:
        case: The requirement.
        newer: In which its cast's role has the first say, such as a pinned one.
        older: Likewise.

    Returns:
        Differences with their 90 % intervals.

    Raises:
        NotMeasuredError: Evidence is missing on either side, or the two were asked about other images.
    """
    sides = ((_NEWER, newer), (_OLDER, older))
    terms = ((1, (_NEWER,)), (-1, (_OLDER,)))
    observed = {
        (name, data): replace(evidence.observations(str(evidence.cast.role), data), model=name)
        for name, evidence in sides for data in case.sets
    }  # fmt: skip
    compared = _compared(replace(case, comparisons=(Comparison("", terms),)), observed)
    return {one.group: (one.found.limits.value, one.found.limits.interval(LEVEL)) for one in compared}


def _alone(case: Case, role: str) -> Case:
    """A requirement, with one model in it only."""
    return replace(case, comparisons=(Comparison("", ((1, (role,)),)),))


def _compared(case: Case, observed: Observed) -> list[Compared]:
    measure = MEASURES[case.finding.measure].named(next(iter(observed.values())).names)
    return compare(case, measure, observed)[0]


def _without_intervals(case: Case, observed: Observed) -> dict[str, tuple[float, int]]:
    """By group the value, over several data sets their mean, and how many images speak of it."""
    finding, found, sizes = case.finding, list[dict[str, float]](), list[dict[str, int]]()
    for one in observed.values():
        measure = MEASURES[finding.measure].named(one.names)
        columns = columns_of(measure, (one,))
        found.append({group: float(value) for group, value in measure.values(columns).items()})
        sizes.append(measure.n(columns))
    groups = [ALL] if finding.groups is None else finding.groups
    if groups == [EVERY]:
        groups = [group for group in found[0] if group not in (ALL, *(finding.except_groups or []))]
    means = {group: sum(one.get(group, math.nan) for one in found) / len(found) for group in groups}
    return {group: (value, sum(n[group] for n in sizes)) for group, value in means.items() if math.isfinite(value)}


def _pinned(asked: Asked, stage: Path) -> Pinned:
    """All that is known of a model, its evidence copied on the way."""
    evidence, role, cast = asked.evidence, asked.role, asked.evidence.cast
    cases = [*asked.findings, *(_alone(case, role) for case in asked.requirements)]
    asked_of = (role, *cast.repeats_of(role))
    units = [unit for unit in units_of(cast, cases) if unit.model in asked_of and unit.kind not in OF_NETWORK]
    pieces, missing = copy_evidence(evidence, units, stage)
    sets, values = {}, []
    needs = [data for case in cases for one in case.measured for data in one.sets]
    for data in sets_asked(cast, role, dict.fromkeys(needs)):
        try:
            sets[data] = evidence.set_identity(data)
        except NotMeasuredError as error:
            missing[data] = str(error)
    for case in filter(can_be_pinned, asked.requirements):
        try:
            values += own_values(case, role, evidence)
        except NotMeasuredError as error:
            missing[case.id] = str(error)
    card, live = cast.models[role], cast.models[role].live
    described = evidence.live.description(role) if live else None
    hashes = {} if live else {
        piece.data: evidence.files.hash(evidence.files.find(role, piece.data).path)
        for piece in pieces if piece.kind == TABLE and not piece.number
    }  # fmt: skip
    own = evidence.live.request(role).preprocessing if described else None
    return Pinned(
        date=f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}", source=card.source,
        weights=described.identity if described else evidence_key(files=hashes), reason=asked.reason,
        protocol=cast.protocol, numerics=str(cast.computes(role)["numerics"]), compiled=cast.compiled, sets=sets,
        values=values, role=role, cast=str(asked.options["cast"]), gate=asked.options["gate"],
        findings=asked.options["findings"],
        repeats=card.repeats, noise=list(cast.repeats.get(role, ())), hashes=hashes, packages=dict(asked.packages),
        pieces=pieces, missing=missing,
        description={**described.record(), "files": []} if described else None,
        preprocessing=own.record() if own else None, files=files_of(stage),
        verdicts={case.id: judge(case, evidence).verdict for case in asked.findings},
        lineage=[*asked.over.lineage, asked.over.pin] if asked.over else [],
    )  # fmt: skip


def _lacking(asked: Asked, missing: Mapping[str, str]) -> str:
    first = f"{len(missing)} pieces of what {asked.role} said, or was asked, are missing, and nothing was written:"
    gate = f"pytest behaviours/ --cast {asked.options['cast']} --candidate … --as {asked.role}"
    last = f"a gate evaluates what it needs: `{gate}`; --partial pins what there is"
    by_reason: dict[str, list[str]] = {}
    for what, why in missing.items():
        by_reason.setdefault(why, []).append(what)
    return "\n".join([first, *(f"  {', '.join(names)}: {why}" for why, names in by_reason.items()), last])


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A folder that is gone afterwards, unless it was put in its place."""
    stage = out.with_name(f".{out.name}.{uuid.uuid4().hex}.part")
    try:
        stage.mkdir(parents=True)
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
