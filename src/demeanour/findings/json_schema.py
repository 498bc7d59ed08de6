"""JSON Schema of the YAML files, from the code that reads them: editors complete keys and mark mistakes by it."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

from pydantic import BaseModel, TypeAdapter

from demeanour.findings.cast import CastFile
from demeanour.findings.policy import PolicyFile, Requirement
from demeanour.findings.schema import Finding, Paper, Strict
from demeanour.measures.registry import MEASURES

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_ATTRIBUTE = re.compile(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", re.MULTILINE | re.DOTALL)


def json_schemas() -> dict[str, str]:
    """The schemas by the name of their file in ``thresholds/schema/``."""
    kinds: dict[str, tuple[str, Any]] = {
        "findings.json": ("Findings of one section: claims with their source and what decides them.", list[Finding]),
        "papers.json": ("The works that findings come from, by their keys.", dict[str, Paper]),
        "gate.json": ("A release policy: what candidates must not lose, and what is let pass.", PolicyFile),
        "cast.json": ("A cast: who plays, on what data, and what is expected.", CastFile),
    }
    return {name: _schema(title, kind) for name, (title, kind) in kinds.items()}


def _schema(title: str, kind: Any) -> str:
    found = TypeAdapter(kind).json_schema(mode="validation")
    for model in _models():
        part = found.get("$defs", {}).get(model.__name__, found if model is kind else None)
        if part is not None:
            _describe(part, model)
        if part is not None and model in (Finding, Requirement):
            part["properties"]["measure"]["enum"] = [
                name for name, one in MEASURES.items() if one.decides and (model is Requirement or not one.of_network)
            ]
    content = {"$schema": DRAFT, "title": title, **{key: value for key, value in found.items() if key != "title"}}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _models() -> list[type[BaseModel]]:
    """Every model that a YAML file is read into."""
    found: list[type[BaseModel]] = []
    waiting: list[type[BaseModel]] = [Finding, Paper, CastFile, PolicyFile]
    while waiting:
        model = waiting.pop()
        found.append(model)
        for field in model.model_fields.values():
            waiting += [part for part in _inside(field.annotation) if part not in found + waiting]
    return found


def _inside(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _inside(part)]


def _describe(part: dict[str, Any], model: type[BaseModel]) -> None:
    """What the docstring says of each attribute becomes what an editor shows of the key."""
    texts = [inspect.getdoc(one) or "" for one in reversed(model.__mro__) if issubclass(one, Strict)]
    part["description"] = " ".join(texts[-1].split("\n\n")[0].split())
    told = dict(pair for text in texts for pair in _ATTRIBUTE.findall(text.partition("Attributes:\n")[2]))
    for key, entry in part.get("properties", {}).items():
        entry.pop("title", None)
        if key in told:
            entry["description"] = " ".join(told[key].replace("``", "`").split())
