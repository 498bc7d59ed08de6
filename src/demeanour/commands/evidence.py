"""``demeanour evidence``: what is kept of what models said; whether it is whole; and removing it."""

from __future__ import annotations

import argparse
import datetime
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from demeanour.commands.common import to_stderr
from demeanour.errors import ThresholdsError, did_you_mean
from demeanour.evidence.housekeeping import Entry, about, cache_limit, damage, entries, has_checksum, remove
from demeanour.files import cache_root
from demeanour.reporting.diagnosis_text import in_bytes
from demeanour.verdicts.outcome import AS_EXPECTED, BAD_THRESHOLDS, NOT_MEASURED

_TOLD = ("model", "data", "view", "protocol", "numerics", "device", "when")   # of what evidence says of itself
_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


class Listed(NamedTuple):
    """A piece of evidence, and what it says of itself."""

    entry: Entry
    told: dict[str, str]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ls | verify | rm")
    listing = actions.add_parser("ls", help="list what is kept, with its size and last use")
    listing.add_argument("model", nargs="*", metavar="MODEL", help="of these models only")
    listing.add_argument("--json", action="store_true", help="for machines")
    actions.add_parser("verify", help="read everything and name what is not as it was written (exit 11)")
    removing = actions.add_parser("rm", help="remove what all of the options apply to")
    add = removing.add_argument
    add("--model", metavar="NAME", help="of this model")
    add("--data", metavar="SET", help="on this data set")
    add("--older-than", metavar="AGE", help="not used for so long, such as 30d, 12h or 2w")
    add("--damaged", action="store_true", help="not as it was written")
    add("--all", action="store_true", help="everything; the miniature world is no evidence and stays")
    add("--dry-run", action="store_true", help="remove nothing, say what would be removed")


def run(options: argparse.Namespace) -> int:
    """List, verify or remove what is kept of what models said."""
    root = cache_root()
    if options.action == "ls":
        return _list(options, root)
    return _verify(root) if options.action == "verify" else _remove(options, root)


def _list(options: argparse.Namespace, root: Path) -> int:
    limit, everything = cache_limit(), _listed(root)
    for model in options.model:
        _check_known("model", model, everything, root)
    found = [one for one in everything if not options.model or one.told.get("model") in options.model]
    if options.json:
        records = [_record(one) for one in found]
        content = {"root": str(root), "limit": limit, "size": _size(found), "evidence": records}
        print(json.dumps(content, indent=1, ensure_ascii=False))
        return AS_EXPECTED
    if not found:
        print(f"{root} holds no evidence")
        return AS_EXPECTED
    for line in _table(found):
        print(line)
    most = f" of at most {in_bytes(limit)}" if limit is not None and not options.model else ""
    print(f"{_count(found)}, {in_bytes(_size(found))}{most}, in {root}")
    return AS_EXPECTED


def _verify(root: Path) -> int:
    found = entries(root)
    checked = [entry for entry in found if has_checksum(entry)]
    wrong = [text for entry in checked if (text := damage(entry)) is not None]
    for text in wrong:
        print(text)
    others = f"; {len(found) - len(checked)} have no checksum" if len(found) > len(checked) else ""
    print(f"{len(checked)} verified in {root}: {len(wrong) or 'none'} damaged{others}")
    if wrong:
        to_stderr("`demeanour evidence rm --damaged` removes them; a run makes what it needs anew")
    return NOT_MEASURED if wrong else AS_EXPECTED


def _remove(options: argparse.Namespace, root: Path) -> int:
    chosen = _chosen(options, root)
    if not chosen:
        print(f"nothing to remove in {root}")
        return AS_EXPECTED
    for line in _table(chosen):
        print(line)
    if options.dry_run:
        print(f"would remove {_count(chosen)}, {in_bytes(_size(chosen))}")
        return AS_EXPECTED
    removed, failed = [], 0
    for one in chosen:
        try:
            if remove(one.entry, root):
                removed.append(one)
            else:
                to_stderr(f"{one.entry.files[0]} stays: another process uses it")
        except OSError as error:
            failed += 1
            to_stderr(f"{one.entry.files[0]} cannot be removed: {error.strerror}")
    print(f"removed {_count(removed)}, {in_bytes(_size(removed))}")
    return BAD_THRESHOLDS if failed else AS_EXPECTED


def _chosen(options: argparse.Namespace, root: Path) -> list[Listed]:
    """What all criteria apply to."""
    criteria = [options.model, options.data, options.older_than, options.damaged or None]
    narrowed = any(one is not None for one in criteria)
    if options.all == narrowed:
        both = "--all with other criteria; " if options.all else ""
        raise ThresholdsError(f"{both}say what to remove: --all, or some of --model, --data, --older-than, --damaged")
    age = _age(options.older_than) if options.older_than is not None else None
    chosen = _listed(root)
    for name, asked in (("model", options.model), ("data", options.data)):
        if asked is not None:
            _check_known(name, asked, chosen, root)
    for name, asked in (("model", options.model), ("data", options.data)):
        chosen = [one for one in chosen if asked in (None, one.told.get(name))]
    if age is not None:
        chosen = [one for one in chosen if time.time() - one.entry.used > age]
    return [one for one in chosen if damage(one.entry)] if options.damaged else chosen


def _listed(root: Path) -> list[Listed]:
    """All evidence by model and data; what says nothing of itself comes last."""
    found = []
    for entry in entries(root):
        told = about(entry)
        found.append(Listed(entry, {name: str(told[name]) for name in _TOLD if told.get(name) is not None}))
    return sorted(found, key=lambda one: (not one.told, [one.told.get(name, "") for name in _TOLD[:3]], one.entry.kind))


def _check_known(name: str, asked: str, found: Sequence[Listed], root: Path) -> None:
    known = {one.told[name] for one in found if name in one.told}
    if asked not in known:
        hint = f"; {did_you_mean(asked, known)}" if known else ""
        raise ThresholdsError(f"{root} holds no evidence of the {name} '{asked}'{hint}")


def _age(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([mhdw])", text.strip())
    if match is None:
        raise ThresholdsError(f"--older-than {text}: expected an age such as 30d, 12h, 90m or 2w")
    return float(match[1]) * _SECONDS[match[2]]


def _record(one: Listed) -> dict[str, Any]:
    used = datetime.datetime.fromtimestamp(one.entry.used, datetime.UTC).isoformat(timespec="seconds")
    files = [str(file) for file in one.entry.files]
    return {"kind": one.entry.kind, "key": one.entry.key, **one.told, "size": one.entry.size, "used": used,
            "files": files}  # fmt: skip


def _table(found: Sequence[Listed]) -> Iterator[str]:
    """A line for each piece of evidence that says what it is, and one for each kind of the others."""
    columns = [name for name in _TOLD if any(name in one.told for one in found)]
    rows = [
        [*(one.told.get(name, "") for name in columns), one.entry.kind, one.entry.key[:12], in_bytes(one.entry.size),
         _since(one.entry.used)]
        for one in found if one.told
    ]  # fmt: skip
    if rows:
        rows.insert(0, [*columns, "kind", "key", "size", "last used"])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
            cells[-2] = f"{row[-2]:>{widths[-2]}}"
            yield "  ".join(cells).rstrip()
    kinds = Counter(one.entry.kind for one in found if not one.told)
    for kind, number in kinds.items():
        size = sum(one.entry.size for one in found if not one.told and one.entry.kind == kind)
        yield f"{kind}: {number}, {in_bytes(size)}"


def _size(found: Sequence[Listed]) -> int:
    return sum(one.entry.size for one in found)


def _count(found: Sequence[Listed]) -> str:
    return f"{len(found)} piece{'' if len(found) == 1 else 's'} of evidence"


def _since(used: float) -> str:
    seconds = time.time() - used
    for unit, length in (("weeks", 604800), ("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return "just now"
