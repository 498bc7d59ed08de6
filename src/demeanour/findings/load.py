"""Findings and casts from their files: everything wrong with them is said at once, and nothing is dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from demeanour.errors import Problem, ThresholdsError, did_you_mean
from demeanour.findings.cast import Cast, CastFile
from demeanour.findings.document import Document, KeyPath, read_document
from demeanour.findings.schema import Assertion, Finding, Paper

PAPERS = "papers.yaml"


@dataclass(frozen=True)
class Findings:
    """All findings of a folder, with the works that they come from.

    Attributes:
        root: The folder.
        findings: By id, in the order of the files.
        papers: By key.
        places: Where each finding stands: its document and its index in it.
        complete: Whether every finding could be read.
        papers_complete: Whether every work could be read.
    """

    root: Path
    findings: dict[str, Finding]
    papers: dict[str, Paper]
    places: dict[str, tuple[Document, int]]
    complete: bool = True
    papers_complete: bool = True

    def paper_of(self, asserted: Assertion) -> Paper | None:
        """The work that a claim comes from; None of a requirement, which is a policy's own."""
        return self.papers[asserted.source.paper] if isinstance(asserted, Finding) else None


def load_findings(root: Path, shipped: Path | None = None) -> tuple[Findings, list[Problem]]:
    """Read every finding of a folder.

    Args:
        root: A folder of ``*.yaml`` files, each a list of findings; ``papers.yaml`` holds the works.
        shipped: A folder whose works may be cited as well.

    Returns:
        What could be read, and all problems.
    """
    problems: list[Problem] = []
    if not root.is_dir():
        missing = Problem(root, "", "is no folder of findings", "see --findings")
        return Findings(root, {}, {}, {}, complete=False, papers_complete=False), [missing]
    files = sorted(path for path in root.glob("*.yaml") if path.name != PAPERS)
    if not files:
        problems.append(Problem(root, "", "holds no findings", "a findings file is a YAML list of findings"))
    for path in sorted(root.glob("*.yml")):
        problems.append(Problem(path, "", "would not be read", f"name it {path.stem}.yaml"))
    findings: dict[str, Finding] = {}
    places: dict[str, tuple[Document, int]] = {}
    for path in files:
        try:
            document = read_document(path)
        except ThresholdsError as error:
            problems += error.problems
            continue
        if not isinstance(document.content, list):
            problems.append(document.problem((), "expected a list of findings", "start each one with '- id:'"))
            continue
        for index, entry in enumerate(document.content):
            finding = validate(Finding, entry, document, (index,), problems)
            if finding is None:
                continue
            if finding.id in findings:
                other, at = places[finding.id]
                where = f"{other.path}:{other.line((at,))}"
                problems.append(document.problem((index, "id"), f"'{finding.id}' stands twice", f"also at {where}"))
                continue
            if finding.section != path.stem:
                hint = f"move it to {finding.section}.yaml, or rename it to {path.stem}.…"
                problems.append(document.problem((index, "id"), f"'{finding.id}' stands in {path.name}", hint))
            findings[finding.id] = finding
            places[finding.id] = (document, index)
    of_papers: list[Problem] = []
    papers = _load_papers(root, of_papers)
    if shipped is not None and shipped != root:
        papers = {**_load_papers(shipped, of_papers), **papers}
    return Findings(root, findings, papers, places, not problems, not of_papers), problems + of_papers


def _load_papers(root: Path, problems: list[Problem]) -> dict[str, Paper]:
    path = root / PAPERS
    if not path.is_file():
        return {}
    try:
        document = read_document(path)
    except ThresholdsError as error:
        problems += error.problems
        return {}
    if not isinstance(document.content, dict):
        problems.append(document.problem((), "expected the works by their keys"))
        return {}
    read = {str(key): validate(Paper, entry, document, (key,), problems) for key, entry in document.content.items()}
    return {key: paper for key, paper in read.items() if paper is not None}


def load_cast(path: Path) -> tuple[Cast | None, Document | None, list[Problem]]:
    """Read one cast; the cast is None where it cannot be used."""
    try:
        document = read_document(path)
        entries = _extended(document)
    except ThresholdsError as error:
        return None, None, list(error.problems)
    problems: list[Problem] = []
    content = validate(CastFile, entries, document, (), problems)
    if content is None:
        return None, document, problems
    return Cast(**dict(content), name=path.stem, path=path.resolve()), document, problems


def load_casts(folder: Path) -> list[Cast]:
    """All casts of a folder that can be used."""
    return [cast for path in sorted(folder.glob("*.yaml")) if (cast := load_cast(path)[0]) is not None]


def _extended(document: Document, above: tuple[str, ...] = ()) -> Any:
    """What a cast holds, over what the cast that it extends holds."""
    own = document.content
    base = own.get("extends") if isinstance(own, Mapping) else None
    if not isinstance(base, str):
        return own
    above = (*above, document.path.stem)
    path = document.path.with_name(f"{base}.yaml")
    if base in above:
        raise ThresholdsError([document.problem(("extends",), f"'{base}' extends itself", "remove it")])
    if not path.is_file():
        beside = [file.stem for file in document.path.parent.glob("*.yaml")]
        hint = did_you_mean(base, beside)
        raise ThresholdsError([document.problem(("extends",), f"there is no cast '{base}' beside this one", hint)])
    content = _extended(read_document(path), above)
    if not isinstance(content, Mapping):
        return own
    both = {key: (content.get(key), own.get(key)) for key in ("models", "data", "expect")}
    joined = {key: {**one, **other} for key, (one, other) in both.items()
              if isinstance(one, Mapping) and isinstance(other, Mapping)}   # fmt: skip
    return {**content, **own, **joined}


def find_cast(name: str, casts: Path) -> Path:
    """The file of a cast that is given by name, or as a path.

    Raises:
        ThresholdsError: There is none.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name).expanduser()
        if not path.is_file():
            raise ThresholdsError([Problem(path, "", "there is no such cast", "--cast takes a name or a YAML file")])
        return path
    path = casts / f"{name}.yaml"
    if not path.is_file():
        known = [file.stem for file in casts.glob("*.yaml")]
        raise ThresholdsError([Problem(path, "", f"there is no cast '{name}'", did_you_mean(name, known))])
    return path


def validate(
    model: type[BaseModel], entry: Any, document: Document, keys: KeyPath, problems: list[Problem]
) -> Any:
    """An instance of a schema, or None with every defect added to the problems."""
    if not isinstance(entry, Mapping):
        problems.append(document.problem(keys, f"expected keys and values, found {_shown(entry)}"))
        return None
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        for defect in error.errors(include_url=False):
            problems.append(_problem(model, defect, document, keys))
        return None


_EXPECTED = {
    "float_type": "expected a number", "int_type": "expected a whole number", "string_type": "expected text",
    "bool_type": "expected true or false", "list_type": "expected a list", "dict_type": "expected keys and values",
    "model_type": "expected keys and values", "model_attributes_type": "expected keys and values",
    "date_type": "expected a date such as 2027-01-31", "finite_number": "expected a finite number",
}  # fmt: skip


def _problem(model: type[BaseModel], defect: Any, document: Document, keys: KeyPath) -> Problem:
    loc: KeyPath = tuple(part for part in defect["loc"] if part != "[key]")
    path = (*keys, *loc)
    kind, found = defect["type"], defect.get("input")
    if kind not in ("missing", "extra_forbidden") and path not in document.lines and path[:-1] in document.lines:
        path = path[:-1]   # what is written in short stands where its long form would have a key
    if kind == "extra_forbidden":
        known = _fields_at(model, loc[:-1])
        return document.problem(path, f"unknown key '{loc[-1]}'", did_you_mean(str(loc[-1]), known))
    if kind == "missing":
        return document.problem(path, f"the key '{loc[-1]}' is missing")
    if kind == "literal_error":
        words = [word.strip("'") for word in defect["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        return document.problem(path, f"found {_shown(found)}", did_you_mean(str(found), words))
    if kind in _EXPECTED:
        number = kind == "float_type" and isinstance(found, str) and _is_number(found)
        hint = "YAML reads 1e-3 as text: write 0.001" if number else ""
        return document.problem(path, f"{_EXPECTED[kind]}, found {_shown(found)}", hint)
    return document.problem(path, f"{defect['msg'][0].lower()}{defect['msg'][1:]}, found {_shown(found)}")


def _fields_at(model: type[BaseModel], loc: KeyPath) -> list[str]:
    """The keys that the schema knows at a place: the annotations are followed down the path."""
    here: Any = model
    for key in loc:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(key)].annotation
        else:
            here = _inner(here)
        while not (isinstance(here, type) and issubclass(here, BaseModel)) and _is_wrapper(here):
            here = _inner(here)
    return list(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else []


def _inner(annotation: Any) -> Any:
    arguments = [a for a in getattr(annotation, "__args__", ()) if a is not type(None)]
    return arguments[-1] if arguments else None


def _is_wrapper(annotation: Any) -> bool:
    """Whether an annotation is Optional or Annotated around one type, which adds no key to a path."""
    origin = getattr(annotation, "__origin__", None)
    return annotation is not None and origin not in (list, dict) and bool(getattr(annotation, "__args__", ()))


def _is_number(found: str) -> bool:
    try:
        float(found)
    except ValueError:
        return False
    return True


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
