"""Candidates: models that would take the place of one of a cast."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demeanour.errors import Problem, ThresholdsError, did_you_mean
from demeanour.findings.baseline import Baseline, read_baseline
from demeanour.findings.cards import NETWORK, PREDICTIONS, DataCard, ModelCard, way_to_answer
from demeanour.findings.cast import Cast, Expectation
from demeanour.findings.document import read_document
from demeanour.findings.lint_cards import check_model
from demeanour.findings.load import validate
from demeanour.models.source import SCHEMES, Source, parse_source

CANDIDATE = "candidate"   # the name of one that is alone, so that its tests are the same for every checkpoint
_CARDS = (".yaml", ".yml")
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)=(?P<spec>.+)")


@dataclass(frozen=True)
class Trial:
    """Who is to replace whom.

    Attributes:
        role: The model of the cast that may be replaced: the baseline.
        specs: For each candidate ``SPEC`` or ``NAME=SPEC``: a source as cards have it; a path, which takes the place of
            the checkpoint, or of the predictions, of the role's own source; or a YAML file with those keys of a
            model's card in which it differs from the role's, such as its preprocessing.
        baseline: The folder of what the role said when it was pinned, in place of what it says.
        noise: Whether networks answer again in the ways that the policy names.
    """

    role: str
    specs: tuple[str, ...]
    baseline: Path | None = None
    noise: bool = True


def trial_of(role: str | None, specs: Sequence[str], gate: object, baseline: Path | None) -> Trial | None:
    """Who is on trial by the options of a command line, if anybody is.

    Args:
        role: Of ``--as``.
        specs: Of each ``--candidate``.
        gate: Of ``--gate``.
        baseline: Of ``--baseline``.

    Raises:
        ThresholdsError: One of the options lacks another.
    """
    if bool(specs) != bool(role):
        given, lacking = ("--candidate", "--as MODEL") if specs else ("--as", "--candidate SPEC")
        raise ThresholdsError(f"{given} needs {lacking}")
    for option, value in (("--gate", gate), ("--baseline", baseline)):
        if value and not specs:
            raise ThresholdsError(f"{option} needs --candidate SPEC and --as MODEL")
    return Trial(role, tuple(specs), baseline) if role else None


def with_candidates(
    cast: Cast, trial: Trial, waivers: dict[str, Expectation], folder: Path, noise: Sequence[str] = ()
) -> Cast:
    """The cast with the candidates beside its models: each has the role's card, but for what its specification says.

    Args:
        cast: The cast.
        trial: Who is to replace whom.
        waivers: What is expected of verdicts about the candidates, in place of what the cast expects of findings.
        folder: What relative paths of specifications start from.
        noise: In which ways the role and the candidates answer again, as far as they are networks.

    Raises:
        ThresholdsError: There is no such role, a specification cannot be understood, or the pinned baseline is damaged,
            another model's, or was pinned without its answers in one of these ways.
    """
    card = cast.models.get(trial.role)
    playing = [name for name, one in cast.models.items() if not one.context]
    if card is None or card.context:
        hint = did_you_mean(trial.role, playing)
        raise ThresholdsError(f"--as {trial.role}: the cast '{cast.name}' has no such model to replace; {hint}")
    named = [_named(spec, len(trial.specs) > 1) for spec in trial.specs]
    names = [name for name, _ in named]
    for name in names:
        if name in cast.models or names.count(name) > 1:
            raise ThresholdsError(f"--candidate {name}: the name is taken; write NAME=SPEC with another")
    cards = {name: card_of(name, spec, card, cast, folder) for name, spec in named}
    baseline = _pinned(trial)
    if baseline is not None:
        told = card.model_copy(update={"source": baseline.source, "repeats": baseline.repeats})
        cast = cast.model_copy(update={"models": {**cast.models, trial.role: told}})
    joined = asked_again(_joined(cast, trial.role, cards), noise)
    lacking = [way for way in joined.repeats.get(trial.role, ()) if baseline is not None and way not in baseline.noise]
    if lacking:
        why = f"pins no answers of {trial.role} in {', '.join(lacking)}, and the policy's `noise` asks for them"
        raise ThresholdsError(f"--baseline {trial.baseline}: {why}; record it again by this policy (--gate)")
    return joined.model_copy(update={"baseline": baseline, "expect": waivers})


def _pinned(trial: Trial) -> Baseline | None:
    found = read_baseline(trial.baseline) if trial.baseline is not None else None
    if found is not None and found.role != trial.role:
        raise ThresholdsError(f"--baseline {trial.baseline}: pins {found.role}, not {trial.role}")
    return found


def asked_again(cast: Cast, noise: Sequence[str]) -> Cast:
    """The cast with models that answer once more for its role and candidates, which are networks, in other ways.

    Args:
        cast: The cast with its role.
        noise: The ways, as `way_to_answer` knows them.
    """
    models, repeats = dict(cast.models), dict(cast.repeats)
    for name in filter(None, (cast.role, *cast.candidates)):
        card = cast.models[name]
        for way in noise:
            change = way_to_answer(way) or {}
            if card.live and not change.items() <= cast.computes(name).items():
                again = f"{name}, {way}"
                models[again] = card.model_copy(update={**change, "context": True})
                repeats[name] = {**repeats.get(name, {}), way: again}
    return cast.model_copy(update={"models": models, "repeats": repeats})


def joined_by(
    cast: Cast, role: str | None, cards: Mapping[str, Mapping[str, Any]], noise: Sequence[str] = ()
) -> Cast:
    """The cast with candidates whose cards are known, as another process sends them."""
    given = {name: ModelCard.model_validate(card) for name, card in cards.items()}
    return asked_again(_joined(cast, role, given), noise)


def _joined(cast: Cast, role: str | None, cards: Mapping[str, ModelCard]) -> Cast:
    models = {**cast.models, **cards}
    return with_network(cast.model_copy(update={"role": role, "candidates": tuple(cards), "models": models}))


def with_network(cast: Cast) -> Cast:
    """The cast with the data set that release policies may name besides its own: the network itself."""
    return cast.model_copy(update={"data": {**cast.data, NETWORK: DataCard(reader=NETWORK)}})


def card_of(name: str, spec: str, card: ModelCard, cast: Cast, folder: Path) -> ModelCard:
    """The card of a candidate; a source in a file of its own may be relative to that file.

    Raises:
        ThresholdsError: The specification cannot be understood, or its file holds what no card of this cast may.
    """
    own: dict[str, Any] = {"repeats": [], "note": None}
    if not spec.endswith(_CARDS):
        return card.model_copy(update={**own, "source": source_of(spec, card, folder)})
    document, problems = read_document(folder / Path(spec).expanduser()), list[Problem]()
    if isinstance(document.content, Mapping):
        own |= document.content
    if isinstance(own.get("source"), str):
        own["source"] = source_of(own["source"], card, document.path.parent)
    given = {**card.model_dump(), **own} if isinstance(document.content, Mapping) else document.content
    found: ModelCard | None = validate(ModelCard, given, document, (), problems)
    if found is not None:
        problems += [document.problem(keys[2:], *told) for keys, *told in check_model(cast, name, found)]
    if found is None or problems:
        raise ThresholdsError(problems)
    return found


def source_of(spec: str, card: ModelCard, folder: Path) -> str:
    """The source of a candidate, its paths absolute.

    Raises:
        ThresholdsError: It is neither a source nor a file that the role's source could take.
    """
    scheme = spec.partition(":")[0]
    if scheme in SCHEMES:
        return str(_absolute(parse_source(spec), folder))
    path = folder / Path(spec).expanduser()
    if not path.exists():
        near = did_you_mean(scheme, SCHEMES)
        raise ThresholdsError(f"--candidate {spec}: is no file, and no source as cards have it, by its scheme; {near}")
    own = parse_source(card.source) if card.live else Source(PREDICTIONS.removesuffix(":"), "")
    if own.scheme in ("onnx", "predictions"):
        return f"{own.scheme}:{path.resolve()}"
    if own.scheme == "hf-hub":
        raise ThresholdsError(f"--candidate {spec}: the role is a repository of the hub; write timm:NAME@{spec}")
    return str(Source(own.scheme, own.name, str(path.resolve())))


def _named(spec: str, several: bool) -> tuple[str, str]:
    match = _NAMED.fullmatch(spec)
    if match is not None and match["name"] not in SCHEMES:
        return match["name"], match["spec"]
    return (_stem(spec) if several else CANDIDATE), spec


def _stem(spec: str) -> str:
    """The name of a candidate that was given none: that of its file, or of its source."""
    last = re.split(r"[@/:]", spec.rstrip("/"))[-1]
    return re.sub(r"\.(safetensors|pth|pt|bin|onnx|parquet|csv|npz|ya?ml)$", "", last)


def _absolute(source: Source, folder: Path) -> Source:
    """Paths that exist below the folder the command runs in are meant; cards' own start from the cast's."""
    def found(text: str | None) -> str | None:
        path = folder / Path(text).expanduser() if text and "$" not in text else None
        return str(path.resolve()) if path is not None and path.exists() else text

    name = source.name
    if source.scheme in ("onnx", "predictions"):
        name = found(name) or name
    if source.scheme == "python" and name.partition(":")[0].endswith(".py"):
        file, _, factory = name.partition(":")
        name = f"{found(file)}:{factory}"
    return Source(source.scheme, name, found(source.checkpoint))

