"""Everything that a run is asked to decide, checked as a whole: findings, one cast, and their cases."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from demeanour.errors import Problem, ThresholdsError, did_you_mean
from demeanour.findings.candidates import Trial, with_candidates
from demeanour.findings.cast import Cast
from demeanour.findings.lint import lint
from demeanour.findings.load import Findings, find_cast, load_cast, load_casts, load_findings
from demeanour.findings.pairing import Case, OutOfScope, cases_of
from demeanour.findings.policy import POLICY, Policy, load_policy
from demeanour.findings.trial import characteristics, requirements

DEFAULT_CAST = "miniature"


@dataclass(frozen=True)
class Thresholds:
    """Findings and a cast that fit each other.

    Attributes:
        findings: All findings, with the works that they come from.
        cast: Who plays.
        cases: What can be decided, by id.
        out_of_scope: What the cast cannot speak about.
        policy: What is required of candidates, where there are any.
    """

    findings: Findings
    cast: Cast
    cases: dict[str, Case]
    out_of_scope: tuple[OutOfScope, ...]
    policy: Policy | None = None

    def section(self, name: str) -> list[Case]:
        """The cases of one section of the literature."""
        return [case for case in self.cases.values() if case.finding.section == name]

    @property
    def requirements(self) -> list[Case]:
        """The cases of the release policy."""
        return [case for case in self.cases.values() if case.kind == "requirement"]

    @property
    def sections(self) -> list[str]:
        """All sections that have findings."""
        return list(dict.fromkeys(finding.section for finding in self.findings.findings.values()))


def thresholds_folder() -> Path:
    """The folder of the clone that the command runs in, or of the one that the package comes from.

    Raises:
        ThresholdsError: There is none.
    """
    for base in (Path.cwd(), *Path.cwd().parents, Path(__file__).resolve().parents[3]):
        if (base / "thresholds" / "findings").is_dir():
            return base / "thresholds"
    raise ThresholdsError("there is no folder 'thresholds' here; run from a clone of the project")


def load_thresholds(cast: str, findings: Path | None, root: Path) -> Thresholds:
    """Load and check everything.

    Args:
        cast: The name of a cast of the project, or a YAML file.
        findings: A folder of findings, or None for the project's own.
        root: The project's folder of thresholds.

    Raises:
        ThresholdsError: With all problems of all files.
    """
    loaded, found, problems = examine(cast, findings, root)
    if problems:
        raise ThresholdsError(problems)
    assert found is not None
    everything = [case for finding in loaded.findings.values() for case in cases_of(finding, found, loaded.findings)]
    cases = {case.id: case for case in everything if isinstance(case, Case)}
    outside = tuple(case for case in everything if isinstance(case, OutOfScope))
    return Thresholds(loaded, found, cases, outside)


def with_trial(thresholds: Thresholds, trial: Trial, gate: Path | None, root: Path, strict: bool = False) -> Thresholds:
    """What is decided about candidates, in place of what is decided about the cast.

    Args:
        thresholds: Of the cast.
        trial: Who is to replace whom.
        gate: The file of the policy, or None for the cast's own.
        root: The project's folder of thresholds.
        strict: Whether a characteristic that changed blocks.

    Raises:
        ThresholdsError: The policy, the role or a candidate cannot be used.
    """
    known = [*load_casts(root / "casts"), thresholds.cast]
    policy = load_policy(gate or root / (thresholds.cast.gate or POLICY), known)
    noise = policy.noise if trial.noise else ()
    cast = with_candidates(thresholds.cast, trial, policy.expect, Path.cwd(), noise)
    required = list(requirements(policy, cast))
    cases = [one for one in required if isinstance(one, Case)]
    outside = [one for one in required if isinstance(one, OutOfScope)]
    unknown = [name for name in policy.expect if name not in {*(one.id for one in required),
                                                              *(one.finding.id for one in required)}]   # fmt: skip
    if unknown:
        hint = did_you_mean(unknown[0], [one.id for one in required])
        raise ThresholdsError([Problem(policy.path, f"expect.{unknown[0]}", "there is no such verdict", hint)])
    cases += characteristics(thresholds.cases.values(), cast, strict)
    return replace(
        thresholds, cast=cast, cases={case.id: case for case in cases}, out_of_scope=tuple(outside), policy=policy
    )


def examine(cast: str, findings: Path | None, root: Path) -> tuple[Findings, Cast | None, list[Problem]]:
    """Findings and cast as far as they can be read, and every problem that they have."""
    loaded, problems = load_findings(findings or root / "findings", root / "findings")
    found, document = None, None
    try:
        found, document, cast_problems = load_cast(find_cast(cast, root / "casts"))
        problems += cast_problems
    except ThresholdsError as error:
        problems += error.problems
    problems += lint(loaded, found, document, root / "casts")
    if found is not None and found.gate is not None and not (root / found.gate).is_file() and document is not None:
        near = did_you_mean(found.gate, [path.name for path in root.glob("*.yaml")])
        problems.append(document.problem(("gate",), f"there is no policy '{found.gate}' in {root}", near))
    return loaded, found, sorted(set(problems), key=lambda p: (str(p.file), p.line or 0, p.key))
