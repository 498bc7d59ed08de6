"""What the documentation shows is true of the code."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from demeanour.findings.schema import Finding
from demeanour.findings.thresholds import examine
from demeanour.measures.registry import MEASURES
from demeanour.verdicts.outcome import WORDS
from tests.suite_run import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
FINDINGS = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", text, flags=re.S)


def test_the_cast_of_the_readme_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "my_cast.yaml"
    file.write_text(blocks(README)[0])
    assert examine(str(file), None, ROOT / "thresholds")[2] == []


def test_the_finding_of_the_documentation_is_valid() -> None:
    entry = yaml.safe_load(blocks(FINDINGS)[0].replace("…", "..."))[0]
    assert Finding.model_validate(entry).section == "calibration"


def test_every_measure_and_exit_code_is_documented() -> None:
    for name in MEASURES:
        assert f"`{name}`" in FINDINGS
    for code in WORDS:
        assert re.search(rf"^\| {code} \|", README, flags=re.M), code


def test_the_readme_s_commands_are_those_that_continuous_integration_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in ("uv run pytest behaviours/ -n 4", "uv run pytest tests/ -n 4"):
        assert command in README
        assert command in script


def test_no_address_of_a_package_registry_and_no_lock_file_is_committed() -> None:
    assert not list(ROOT.glob("requirements*.txt"))
    assert "uv.lock" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "exclude-newer" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
