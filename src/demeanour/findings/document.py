"""A YAML file with the line of every key, read safely: no tags, no duplicate keys, no cycles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from demeanour.errors import Problem, ThresholdsError

KeyPath = tuple[str | int, ...]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)   # libyaml's, which is ten times as fast, where there is one


@dataclass(frozen=True)
class Document:
    """What a YAML file holds, and the line (from 1) where each of its keys or items stands."""

    path: Path
    content: Any
    lines: dict[KeyPath, int]

    def line(self, keys: KeyPath) -> int | None:
        """The line of a key, or of the nearest key above it that is in the file."""
        while keys not in self.lines and keys:
            keys = keys[:-1]
        return self.lines.get(keys)

    def problem(self, keys: KeyPath, message: str, hint: str = "") -> Problem:
        """A defect of this file at a key path."""
        return Problem(self.path, self.render(keys), message, hint, self.line(keys))

    def render(self, keys: KeyPath) -> str:
        """A key path for people: ``[2](calibration.x).margin``; a list item is told by its id as well."""
        text, here = "", self.content
        for key in keys:
            here = _step(here, key)
            if isinstance(key, int):
                name = here.get("id") if isinstance(here, dict) else None
                text += f"[{key}]" + (f"({name})" if isinstance(name, str) else "")
            else:
                text += f".{key}" if text else str(key)
        return text


def read_document(path: Path) -> Document:
    """Read one YAML file.

    Raises:
        ThresholdsError: The file is missing, is not YAML, is empty, repeats a key or refers to itself.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ThresholdsError([Problem(path, "", f"cannot be read: {error}")]) from error
    try:
        loader = _LOADER(text)
        node = loader.get_single_node()
        places = list(_walk(node, (), ())) if node is not None else []   # before merged keys (<<) are written into it
        content = loader.construct_document(node) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error)
        line = mark.line + 1 if mark else None
        raise ThresholdsError([Problem(path, "", f"is no valid YAML: {what}", line=line)]) from error
    except ValueError as error:   # a value that its own tag or form belies, such as the 30th of February
        raise ThresholdsError([Problem(path, "", f"is no valid YAML: a value cannot be read: {error}")]) from error
    if node is None:
        raise ThresholdsError([Problem(path, "", "is empty", "write at least one entry, or remove the file")])
    lines: dict[KeyPath, int] = {}
    repeated = []
    for keys, found_at in places:
        if keys in lines:
            repeated.append(Problem(path, ".".join(map(str, keys)), "this key stands twice", "keep one", found_at))
        lines[keys] = found_at
    if repeated:
        raise ThresholdsError(repeated)
    return Document(path, content, lines)


def _walk(node: yaml.Node, keys: KeyPath, above: tuple[int, ...]) -> Iterator[tuple[KeyPath, int]]:
    if id(node) in above:   # an alias inside its own anchor: YAML allows it, no finding needs it
        return
    above = (*above, id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*keys, str(key.value))
            yield here, key.start_mark.line + 1
            yield from _walk(value, here, above)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            here = (*keys, index)
            yield here, item.start_mark.line + 1
            yield from _walk(item, here, above)


def _step(here: Any, key: str | int) -> Any:
    try:
        return here[key]
    except (KeyError, IndexError, TypeError):
        return None
