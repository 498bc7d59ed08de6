"""What the selected verdicts need: the union of evidence, each piece evaluated once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.sources import expand, source_file
from demeanour.findings.cards import NETWORK, PROBE, ROW_ORDER
from demeanour.findings.cast import Cast
from demeanour.findings.pairing import Case
from demeanour.measures.registry import BESIDE, MEASURES

TABLE, LOGITS, FEATURES, GRAMS, PROBES = "table", "logits", "features", "grams", "probes"
SIZE, TIMES = "size", "times"
OF_NETWORK = (SIZE, TIMES)   # what is asked of networks themselves, without pictures
PLAIN = "plain"


@dataclass(frozen=True, order=True)
class Unit:
    """One piece of evidence: what one model says of the images of one data set.

    Attributes:
        model: Its name in the cast.
        data: The data set's.
        view: How the pictures are seen, as ``str`` of a `View` has it.
        kind: ``table`` of predictions, ``logits`` in half precision, ``features``, ``grams``: how alike its layers
            see pictures, or ``probes``: what a linear probe, fitted on its features, says of a task's test pictures.
            Of the data set ``network``: ``size``, which is known once it was loaded, and ``times``.
    """

    model: str
    data: str
    view: str = PLAIN
    kind: str = TABLE

    def __str__(self) -> str:
        seen = f" ({self.view})" if self.view != PLAIN else ""
        return f"{self.model} on {self.data}{seen}" + (f", {self.kind}" if self.kind != TABLE else "")


def plan(cast: Cast, needs: Iterable[tuple[str, str]], kinds: Iterable[str] = ()) -> list[Unit]:
    """The distinct units behind (model, data set) needs: ImageNet-X is served by ImageNet's own predictions.

    Args:
        cast: Who plays.
        needs: Which model on which data set.
        kinds: What is needed of networks besides tables, or of the network itself; a table of predictions holds what
            there is.
    """
    units = set()
    for model, data in needs:
        of = cast.evidence_data(model, data)
        if of is None:
            continue
        if cast.data[of].reader == NETWORK:
            units |= {Unit(model, of, kind=kind) for kind in kinds}
            continue
        if cast.data[of].reader == PROBE:
            units |= {Unit(model, task.test, kind=PROBES) for task in cast.tasks(of)}
            continue
        if cast.layers_on(data) == of:
            units.add(Unit(model, of, kind=GRAMS))
            continue
        views = cast.data[data].views or [PLAIN] if cast.seen(data) == of else [PLAIN]
        more = kinds if cast.models[model].live else ()
        units |= {Unit(model, of, view, kind) for view in views for kind in (TABLE, *more)}
    return sorted(units)


def units_of(cast: Cast, cases: Iterable[Case]) -> list[Unit]:
    """All that some cases need to be decided and shown."""
    units = set()
    for case in (measured for asked in cases for measured in asked.measured):
        models = {again for model in case.models for again in (model, *cast.repeats_of(model))}
        needs = {(model, data) for model in models for data in case.sets}
        units |= set(plan(cast, needs, tuple(_kinds(case))))
        clean = {(model, cast.data[data].clean) for model, data in needs}
        units |= set(plan(cast, [(model, data) for model, data in clean if data is not None]))
    return sorted(units)


def _kinds(case: Case) -> Iterator[str]:
    measure = MEASURES[case.finding.measure]
    if measure.of_network:
        yield TIMES if "milliseconds" in measure.needs else SIZE
    names = (case.finding.measure, *BESIDE.get(case.finding.measure, ()))
    if any("logits" in MEASURES[name].needs for name in names):
        yield LOGITS


def features_behind(cast: Cast, probe: Unit) -> list[Unit]:
    """The features that a probe is fitted on, and asked about; nobody else needs them."""
    return [Unit(probe.model, split, kind=FEATURES) for split in cast.task(probe.data).splits]


def locate(cast: Cast, unit: Unit, store: Path) -> str:
    """Where the evidence of a unit of predictions comes from, or what is missing, in one line."""
    card, base, kept = cast.models[unit.model], cast.path.parent, cast.pinned(unit.model)
    if kept is not None:
        return f"pinned in {kept.folder}"
    try:
        if card.ids is not None and card.ids != ROW_ORDER:
            _existing(expand(card.ids, base, store))
        repeats = [card.model_copy(update={"source": source}) for source in card.repeats]
        found = [str(source_file(one, unit.data, base, store)) for one in (card, *repeats)]
        return " and ".join(found)
    except EvidenceError as error:
        return f"WRONG: {error}"
    except NotMeasuredError as error:
        return f"MISSING: {error}"


def locate_root(cast: Cast, data: str, store: Path) -> str:
    """Where a data set's labels or annotations come from, or what is missing, in one line."""
    try:
        return str(_existing(expand(cast.data[data].root or "", cast.path.parent, store)))
    except NotMeasuredError as error:
        return f"MISSING: {error}"


def _existing(path: Path) -> Path:
    if not path.exists():
        raise NotMeasuredError(f"{path} is missing")
    return path
