"""``demeanour baseline suggest``: margins of a release policy that the data can decide."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from decimal import ROUND_CEILING, Context
from pathlib import Path

import yaml

from demeanour.commands import prospects
from demeanour.commands.common import cast_option, to_stderr
from demeanour.errors import ThresholdsError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import Store
from demeanour.files import write_whole
from demeanour.findings.candidates import Trial, source_of
from demeanour.findings.cast import Cast
from demeanour.findings.pairing import SEVERAL
from demeanour.findings.policy import Policy
from demeanour.findings.schema import DEFAULT
from demeanour.findings.thresholds import DEFAULT_CAST, Thresholds, load_thresholds, thresholds_folder, with_trial
from demeanour.verdicts.gate_power import UNFORETOLD, Prospect, prospect
from demeanour.verdicts.outcome import AS_EXPECTED, NOT_MEASURED
from demeanour.verdicts.words import percent

_TWO_DIGITS = Context(prec=2, rounding=ROUND_CEILING)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.add_argument("--as", dest="role", required=True, metavar="MODEL", help="the model of the cast that "
                        "candidates would replace")
    parser.add_argument("--candidate", metavar="SPEC", help="a model that is as good, such as a retrained one: margins "
                        "are then told from both sides' answers")
    parser.add_argument("--baseline", type=Path, metavar="DIR", help="what the model said when it was pinned")
    cast_option(parser)
    parser.add_argument("--findings", type=Path, metavar="DIR", help="a folder of findings")
    parser.add_argument("--gate", type=Path, metavar="FILE", help="the release policy whose requirements are asked "
                        "(default: the cast's, or thresholds/gate.yaml)")
    parser.add_argument("--power", type=float, metavar="P", help="with what probability each requirement should be "
                        "shown for a candidate that equals its baseline (default: the policy's)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write a policy with these margins")


def run(options: argparse.Namespace) -> int:
    """Say which margin the data can decide for each requirement of a policy, with a wished power."""
    if options.power is not None and not 0.5 <= options.power < 1:
        raise ThresholdsError(f"--power {options.power:g}: a probability from 0.5 to below 1")
    if options.write is not None and options.write.exists():
        raise ThresholdsError(f"{options.write} exists; name another file, or remove it")
    thresholds = _on_trial(options)
    policy, cast = thresholds.policy, thresholds.cast
    assert policy is not None
    wished = options.power or policy.power
    evidence = Evidence(cast, Store.default(to_stderr))
    found = [prospect(case, evidence, wished) for case in thresholds.requirements]
    print(f"margins that an equal of {cast.role} is shown to keep with a probability of {percent(wished)} each:")
    head = ("requirement", policy.path.name, "suggested", "images", "from")
    for line in (*prospects.table(head, [_row(one) for one in found]), *prospects.bases(found)):
        print(line)
    for one in thresholds.out_of_scope:
        print(f"  {one.finding.label} {one.id}: out of scope, {one.reason}")
    if options.write is not None:
        _write(options.write, policy, cast, found, wished)
        print(f"written to {options.write}; margins without a suggestion are those of {policy.path.name}")
    unknown = (one.must and one.power is None and one.basis != UNFORETOLD for one in found)
    return NOT_MEASURED if any(unknown) else AS_EXPECTED


def suggested(one: Prospect) -> float | None:
    """The margin, rounded up to two digits; None where there is none to suggest."""
    return None if one.margin is None else float(_TWO_DIGITS.create_decimal_from_float(one.margin))


def _on_trial(options: argparse.Namespace) -> Thresholds:
    """The policy's requirements on a candidate; without one, on the role's own model, which stands for any."""
    root = thresholds_folder()
    thresholds = load_thresholds(options.cast or DEFAULT_CAST, options.findings, root)
    card, folder = thresholds.cast.models.get(options.role), thresholds.cast.path.parent
    stand_in = source_of(card.source, card, folder) if card is not None else ""
    trial = Trial(options.role, (options.candidate or stand_in,), options.baseline)
    return with_trial(thresholds, trial, options.gate, root)


def _row(one: Prospect) -> tuple[str, ...]:
    finding, margin = one.case.finding, suggested(one)
    asked = prospects.margin(finding.margin) if finding.bound is None else f"bound {finding.bound:g}"
    images = f"{one.weakest.n:,}" if one.weakest else ""
    return f"{finding.label} {one.case.id}", asked, "" if margin is None else f"{margin:g}", images, one.basis


def _write(path: Path, policy: Policy, cast: Cast, found: Sequence[Prospect], wished: float) -> None:
    """The policy with the margins that are suggested, and the others as they are."""
    margins = {(one.case.finding.id, one.case.data): suggested(one) for one in found}
    content = policy.model_dump(exclude_unset=True, exclude={"path"})
    content["power"] = wished
    for entry, written in zip(policy.requirements, content["requirements"], strict=True):
        if entry.margin is None:
            continue
        places = [SEVERAL.join(entry.data)] if entry.average else entry.data
        of = {data: margins.get((entry.id, data)) or entry.margin.get(data) or entry.margin[DEFAULT] for data in places}
        written["margin"] = of if len(of) > 1 else next(iter(of.values()))
    head = f"# {policy.path.name} with margins that the data of the cast '{cast.name}' can decide for {cast.role}.\n"
    write_whole(path, head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110))
