"""What findings say of published values: their relations worked out from a table, without any interval."""

from __future__ import annotations

from collections.abc import Mapping

from demeanour.findings.pairing import Case
from demeanour.findings.thresholds import load_thresholds, thresholds_folder

Table = Mapping[tuple[str, str, str], float]   # model, data set, group → value


def said_by(section: str, table: Table) -> list[tuple[Case, bool]]:
    """For each case of a section, in the miniature's roles, whether the table's values bear it out."""
    cases = load_thresholds("miniature", None, thresholds_folder()).cases.values()
    return [(case, _holds(case, table)) for case in cases if case.finding.section == section]


def _holds(case: Case, table: Table) -> bool:
    finding = case.finding
    groups = finding.groups or ["all"]
    if groups == ["every"]:
        groups = sorted({group for _, _, group in table} - {"all", *(finding.except_groups or ())})
    met = [_relation(case, group, table) for group in groups]
    return sum(met) >= (finding.at_least or len(met))


def _relation(case: Case, group: str, table: Table) -> bool:
    finding, (comparison,) = case.finding, case.comparisons
    value = sum(
        sign * table[model, data, group] / len(case.sets) for sign, (model,) in comparison.terms for data in case.sets
    )
    return {
        "left > right": value > finding.margin,
        "left < right": value < -finding.margin,
        "left ~ right": abs(value) < finding.margin,
        "value < bound": value < (finding.bound or 0) - finding.margin,
    }[finding.relation]
