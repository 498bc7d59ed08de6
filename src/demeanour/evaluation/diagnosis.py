"""What a cast needs: what of it is there, what is missing, and what it takes to evaluate the rest. Needs no torch."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from demeanour.evaluation.devices import cores, devices, visible_gpus
from demeanour.evaluation.forecast import Forecast, forecast
from demeanour.evidence.gather import Evidence
from demeanour.evidence.health import Checked, Health
from demeanour.evidence.housekeeping import entries
from demeanour.evidence.plan import plan, units_of
from demeanour.evidence.store import Store
from demeanour.evidence.workload import Standing, Workload, standings, workload
from demeanour.findings.cast import Cast
from demeanour.findings.pairing import Case
from demeanour.models.hub import may_download

PACKAGES = ("torch", "torchvision", "timm", "open_clip_torch", "pillow", "onnxruntime")


@dataclass(frozen=True)
class Machine:
    """Where networks would run, and where what they say is kept.

    Attributes:
        cores: How many an evaluation may use.
        gpus: Those that may be used, by index or UUID.
        devices: On which networks would run, as torch names them.
        packages: The version of each, None where it is not installed.
        hub: Whether the Hugging Face hub may be asked for weights.
        cache: The folder of all that is kept.
        writable: Whether anything can be kept there.
        free: Bytes that are free there.
        holds: Of each kind of evidence, how many pieces are there, and their bytes.
    """

    cores: int
    gpus: list[str]
    devices: list[str]
    packages: dict[str, str | None]
    hub: bool
    cache: str
    writable: bool
    free: int
    holds: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Trouble:
    """Something that is missing or wrong.

    Attributes:
        what: Its name.
        text: ``MISSING: …``, ``WRONG: …`` or ``FAILED the last time: …``, and what to do.
    """

    what: str
    text: str


@dataclass(frozen=True)
class Diagnosis:
    """All that was found.

    Attributes:
        machine: The machine.
        models: The networks.
        tables: The predictions of models that are no networks.
        data: The data sets.
        units: What a full run needs of networks.
        work: What of it is to be evaluated.
        time: How long that will take.
        whole: What it would take if the pictures that are missing were there, as far as is known how many they are.
        whole_time: How long that would take.
    """

    machine: Machine
    models: list[Checked]
    tables: list[Checked]
    data: list[Checked]
    units: list[Standing]
    work: Workload
    time: Forecast
    whole: Workload
    whole_time: Forecast

    @property
    def uncounted(self) -> list[str]:
        """Data sets that are missing and of which nobody knows how many pictures they have."""
        units = [one.unit.data.partition("/")[0] for one in self.units if one.trouble and not one.absent]
        missing = {one.name for one in self.data if one.state == "MISSING"}
        return sorted(missing & set(units))

    @property
    def troubles(self) -> list[Trouble]:
        """All that is missing or wrong, each thing once."""
        things = [Trouble(one.name, one.trouble) for one in (*self.models, *self.data, *self.tables) if one.trouble]
        return [*self.of_machine, *things, *self.of_units]

    @property
    def of_machine(self) -> list[Trouble]:
        """What the machine lacks."""
        here = self.machine
        if not here.writable:
            return [Trouble(here.cache, "WRONG: it cannot be written; name another folder in DEMEANOUR_CACHE")]
        if self.work.disk > here.free:
            short = f"{here.free:,} bytes are free, and about {self.work.disk:,} are needed"
            return [Trouble(here.cache, f"WRONG: {short}; name another folder in DEMEANOUR_CACHE")]
        return []

    @property
    def of_units(self) -> list[Trouble]:
        """Why units cannot be evaluated, or could not the last time, though model and data are there; as few as go."""
        known = {one.trouble for one in (*self.models, *self.data)}
        sets = {one.name for one in self.data if one.trouble}
        found: dict[tuple[str, str], list[str]] = {}
        for one in self.units:
            failed = f"FAILED the last time: {one.failure}; a run tries it again" if one.failure else None
            text = one.trouble or failed
            of_set = one.unit.data.partition("/")[0] in sets   # of a task, what its set lacks is told there
            if text is not None and text not in known and not of_set:
                found.setdefault((one.unit.model, text), []).append(str(one.unit))
        more = {key: f" and {len(units) - 1} more" if len(units) > 1 else "" for key, units in found.items()}
        return [Trouble(units[0] + more[key], key[1]) for key, units in found.items()]

    def record(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        units = [
            {"unit": str(one.unit), "there": one.there, "pictures": int(one.left.sum()), "trouble": one.trouble,
             "failure": one.failure}
            for one in self.units
        ]  # fmt: skip
        holds = {kind: {"pieces": pieces, "bytes": size} for kind, (pieces, size) in self.machine.holds.items()}
        checked = {"models": self.models, "tables": self.tables, "data": self.data}
        return {
            "machine": {**asdict(self.machine), "holds": holds},
            **{name: [one.record() for one in some] for name, some in checked.items()},
            "units": units,
            "evaluation": _of_evaluation(self.work, self.time),
            "with_missing": {**_of_evaluation(self.whole, self.whole_time), "uncounted": self.uncounted},
            "troubles": [asdict(one) for one in self.troubles],
        }  # fmt: skip


def _of_evaluation(work: Workload, time: Forecast) -> dict[str, Any]:
    decoded, passes = sum(work.decoded.values()), sum(work.passes.values())
    return {"decoded": decoded, "passes": passes, "disk": work.disk, **asdict(time)}


def examine(cast: Cast, cases: Iterable[Case], store: Store, looking: Callable[[str], None]) -> Diagnosis:
    """Look at everything; no network is loaded, nothing is evaluated or downloaded.

    Args:
        cast: Who plays.
        cases: What is to be decided.
        store: Where evidence is kept.
        looking: Called with the name of each data set before it is opened: the first time, all of its files are read.
    """
    health = Health(Evidence(cast, store))
    networks = [name for name, card in cast.models.items() if card.live]
    data = []
    for name in cast.data:
        looking(name)
        data.append(health.data(name))
    needs = [(name, of) for name in cast.models if name not in networks for of in cast.sets_of(name)]
    units = standings(health, [unit for unit in units_of(cast, cases) if unit.model in networks])
    work, machine = workload(health, units), examine_machine(store)
    whole = workload(health, [one.with_pictures for one in units])
    return Diagnosis(
        machine,
        [health.model(name) for name in networks],
        [health.table(unit) for unit in plan(cast, needs)],
        data,
        units,
        work,
        forecast(health, work, machine.devices),
        whole,
        forecast(health, whole, machine.devices),
    )


def examine_machine(store: Store) -> Machine:
    """Look at what networks would run on, and at the folder of evidence, whether it exists or not."""
    there = next(folder for folder in (store.root, *store.root.absolute().parents) if folder.exists())
    kept = entries(store.root) if store.root.is_dir() else []
    pieces, sizes = Counter(one.kind for one in kept), Counter[str]()
    for one in kept:
        sizes[one.kind] += one.size
    return Machine(
        cores=cores(),
        gpus=visible_gpus(),
        devices=devices(),
        packages={name: _version(name) for name in PACKAGES},
        hub=may_download(),
        cache=str(store.root),
        writable=there.is_dir() and os.access(there, os.W_OK),
        free=shutil.disk_usage(there).free,
        holds={kind: (number, sizes[kind]) for kind, number in pieces.items()},
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
