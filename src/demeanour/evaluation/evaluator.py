"""The evaluation itself: networks loaded once, pictures decoded once, answers kept shard by shard."""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from filelock import FileLock, Timeout

from demeanour.errors import DemeanourError, EvidenceError, NotMeasuredError
from demeanour.evaluation.answers import features_of, half, table_columns
from demeanour.evaluation.budget import Budget
from demeanour.evaluation.devices import cores, slot
from demeanour.evaluation.grams import AT_ONCE, minibatches, put_together, similarities
from demeanour.evaluation.jobs import Job, of_one_pass
from demeanour.evaluation.networks import Networks
from demeanour.evaluation.passes import Passes, describe_device, memory, quiet_threads
from demeanour.evaluation.pictures import Chunk, chunks
from demeanour.evaluation.probes.probe import probed
from demeanour.evaluation.rates import Pace, keep_rates, rate_key
from demeanour.evaluation.timing import take_times
from demeanour.evidence.arrays import Arrays
from demeanour.evidence.failures import forget_failure, note_failure
from demeanour.evidence.live import Live
from demeanour.evidence.plan import FEATURES, GRAMS, LOGITS, OF_NETWORK, PROBES, TABLE, TIMES, Unit, features_behind
from demeanour.evidence.shards import Shards
from demeanour.evidence.table import PredictionTable, prediction_table

SHARD = {"cpu": 256, "cuda": 2048}   # pictures between two savings
CHUNK = {"cpu": 128, "cuda": 256}     # pictures that are prepared at a time
BEGUN = 2   # passes that are under way while the answers of the one before become rows
DOUBLES = 6   # of memory for each feature of a task, while its probe is fitted; 5.5 for each of training were measured


@dataclass
class Evaluator:
    """Evaluates units on one device; others may do so at the same time, on other devices or machines.

    Attributes:
        live: The cast.
        device: As torch names it.
        tell: Called with events: ``work`` (answers to give), ``passed`` (some are given), ``decoded``, ``done`` and
            ``failed`` (a unit).
    """

    live: Live
    device: str
    tell: Callable[[Mapping[str, object]], None]
    _pace: Pace = field(default_factory=Pace)
    _asked: set[Unit] = field(default_factory=set)
    _failed: set[Unit] = field(default_factory=set)
    _twins: dict[Unit, list[Unit]] = field(default_factory=dict)   # units with the key of another, which is made once
    _others: dict[tuple[str, int], Passes] = field(default_factory=dict)   # of networks that say how they compute

    def run(self, units: Iterable[Unit]) -> None:
        """Make what is missing of some units; what cannot be made is told, and remembered with its reason."""
        quiet_threads(self.device)
        self._networks = Networks(self.live, self.device)
        (self.live.store.root / "locks").mkdir(parents=True, exist_ok=True)
        with FileLock(self._lock(slot(self.device))), ThreadPoolExecutor(cores()) as pool:
            self._passes = Passes(self.device, pool)
            self._asked = set(units)
            probes, features = self._probes_and_features(sorted(self._asked))
            pictured = {unit for unit in self._asked if unit.kind not in (PROBES, *OF_NETWORK)}
            jobs = list(self._jobs(sorted(pictured | features)))
            self.tell({"event": "work", "answers": sum(map(self._left, jobs))})
            for wave in self._waves(jobs):
                by_set: dict[tuple[str, bool], list[Job]] = {}
                for job in wave:   # minibatches of Gram matrices have pictures and passes of their own
                    by_set.setdefault((job.unit.data, job.unit.kind == GRAMS), []).append(job)
                for (data, _), of_set in by_set.items():
                    self._evaluate(data, of_set)
                self._networks.release()
            for patience in (0, -1):   # those that others have in hand last
                probes = [unit for unit, busy in zip(probes, self._fits(probes, patience), strict=True) if busy]
            self._ask_networks(sorted(unit for unit in self._asked if unit.kind in OF_NETWORK))

    def _ask_networks(self, units: Sequence[Unit]) -> None:
        """What is asked of networks themselves: to be loaded once and, when all else is done, to be timed."""
        for unit in units:
            with self._failing([unit]):
                self._networks.describe(unit.model)
        timed = [unit for unit in units if unit.kind == TIMES and unit not in self._failed]
        if timed:
            with self._failing(timed), FileLock(self._lock(TIMES)):
                take_times(self._networks, timed, self._failing, _now())
        for unit in units:
            if unit not in self._failed:
                forget_failure(self.live.store.root, self.live.cast, unit)
                self._tell_of(unit, {"event": "done", "pictures": 0})

    def _lock(self, name: str) -> str:
        return str(self.live.store.root / "locks" / f"{name}.lock")

    def _jobs(self, units: Sequence[Unit]) -> Iterator[Job]:
        """What is not there yet; a network that was never loaded is, to learn its key."""
        first: dict[str, Unit] = {}
        for unit in units:
            with self._failing([unit]):
                self._networks.describe(unit.model)
                key = self.live.key(unit)
                if self.live.has(unit):
                    forget_failure(self.live.store.root, self.live.cast, unit)
                    continue
                if key in first:   # two names of a view
                    self._twins.setdefault(first[key], []).append(unit)
                    continue
                first[key] = unit
                device = self._networks.device_of(unit.model)
                about = {**self.live.manifest(unit), "device": describe_device(device)}
                self.live.remove(unit)   # what is there is damaged, and no shard of it counts as done
                shards = Shards(self.live.store.root, f"{key}-{SHARD[self._kind]}", about, self._notice)
                yield Job(unit, key, self.live.steps(unit), shards, self._pictures_of(unit))

    def _probes_and_features(self, units: Sequence[Unit]) -> tuple[list[Unit], set[Unit]]:
        """Of some units the probes that are not there yet, and the features that they need."""
        probes, features = [], set[Unit]()
        for unit in units:
            if unit.kind == PROBES:
                with self._failing([unit]):
                    self._networks.describe(unit.model)
                    if self.live.has(unit):
                        forget_failure(self.live.store.root, self.live.cast, unit)
                        continue
                    probes.append(unit)
                    features.update(features_behind(self.live.cast, unit))
        return probes, features

    def _fits(self, probes: Sequence[Unit], patience: float) -> list[bool]:
        """Fit probes, on a CPU each by a core, as many as find room; returns which of them others have in hand."""
        fit = partial(self._fit, patience, Budget(memory(self.device)))
        return list(self._passes.pool.map(fit, probes) if self.device == "cpu" else map(fit, probes))

    def _fit(self, patience: float, budget: Budget, unit: Unit) -> bool:
        with self._failing([unit]):
            root, key = self.live.store.root, self.live.key(unit)
            size = 0 if self.live.has(unit) else self._bytes_to_fit(unit)
            try:   # who holds a lock has room already: nobody waits in a circle
                with budget.taking(size), FileLock(self._lock(key), timeout=patience):
                    if not self.live.has(unit):
                        about = {**self.live.manifest(unit), "device": describe_device(self.device), "when": _now()}
                        Arrays(root, self._notice).write(key, probed(self.live, unit, self.device, self._notice), about)
            except Timeout:
                return True
            forget_failure(root, self.live.cast, unit)
            self._tell_of(unit, {"event": "done", "pictures": len(self.live.pictures(unit.data))})
        return False

    def _bytes_to_fit(self, unit: Unit) -> int:
        """About how much memory it takes to fit a probe and to ask it."""
        splits = (self.live.features(split) for split in features_behind(self.live.cast, unit))
        return DOUBLES * 8 * sum(max(layer.size for layer in split.values()) for split in splits)

    def _left(self, job: Job) -> int:
        """How many pictures a job is still to answer."""
        return len(job.rows) - sum(len(self._rows(job, shard)) for shard in job.shards.done())

    def _waves(self, jobs: Sequence[Job]) -> Iterator[list[Job]]:
        """Jobs whose networks fit into the memory together: nearly always all of them."""
        budget, taken = memory(self.device), dict[str, int]()
        wave: list[Job] = []
        for job in sorted(jobs, key=lambda one: one.unit.model):
            found = self.live.description(job.unit.model)
            size = 4 * (found.parameters if found else 0)
            if wave and job.unit.model not in taken and sum(taken.values()) + size > budget:
                yield wave
                wave, taken = [], {}
            wave.append(job)
            taken[job.unit.model] = size
        if wave:
            yield wave

    def _evaluate(self, data: str, jobs: Sequence[Job]) -> None:
        """All shards of a data set, those that others have in hand last; then what is complete is kept."""
        pictures = self.live.pictures(data)
        count = -(-len(jobs[0].rows) // SHARD[self._kind])
        left = list(range(count))
        for patience in (0, -1):
            busy = []
            for shard in left:
                try:
                    with FileLock(self._lock(f"{pictures.manifest[:16]}-{self._kind}-{shard}"), timeout=patience):
                        self._shard(data, shard, [job for job in jobs if job.unit not in self._failed])
                except Timeout:
                    busy.append(shard)
            left = busy
        keep_rates(self.live.store.root, self.device, self._pace.rates())
        for job in jobs:
            if job.unit not in self._failed:
                with self._failing([job.unit]):
                    self._keep(job, count)

    def _shard(self, data: str, shard: int, jobs: Sequence[Job]) -> None:
        todo = [job for job in jobs if job.shards.get(shard) is None and not self.live.there(job.unit)]
        if not todo:
            return
        with self._failing([job.unit for job in todo]):
            answers: dict[Unit, list[dict[str, np.ndarray]]] = {job.unit: [] for job in todo}
            geometries = list(dict.fromkeys(job.steps.geometry for job in todo))
            rows, size = self._rows(todo[0], shard), AT_ONCE if todo[0].unit.kind == GRAMS else CHUNK[self._kind]
            together, begun = of_one_pass(todo), deque[Callable[[], None]]()
            self._pace.start()
            for chunk in chunks(self.live.pictures(data), rows, geometries, size, self._passes.pool):
                self.tell({"event": "decoded", "pictures": len(chunk.rows)})
                for same in together:
                    wanted = [job for job in same if job.unit not in self._failed]
                    if wanted:
                        with self._failing([job.unit for job in wanted]):
                            begun.append(self._begin(chunk, wanted, answers))
                    while len(begun) > BEGUN:
                        begun.popleft()()
            for end in begun:
                end()
            for job in todo:
                if job.unit not in self._failed:
                    with self._failing([job.unit]):
                        parts = answers[job.unit]
                        job.shards.put(shard, {name: np.concatenate([one[name] for one in parts]) for name in parts[0]})

    def _begin(
        self, chunk: Chunk, jobs: Sequence[Job], answers: dict[Unit, list[dict[str, np.ndarray]]]
    ) -> Callable[[], None]:
        """Begin a network's answers to a chunk in one view, for all that is wanted of them; to be called at its end."""
        unit, steps = jobs[0].unit, jobs[0].steps
        pixels = chunk.pixels[steps.geometry]
        if isinstance(pixels, EvidenceError):
            raise pixels
        network = self._networks.of(unit.model, unit.view)
        passes = self._of(unit.model)
        rate = rate_key(network.description.identity, steps.side, self.live.cast, unit.model)
        end: Callable[[], Mapping[str, np.ndarray]]
        if unit.kind == GRAMS:
            end = partial(similarities, passes, network, steps, pixels)
        else:
            end = passes.begin(network, steps, pixels, any(job.unit.kind == FEATURES for job in jobs))

        def ended() -> None:
            with self._failing([job.unit for job in jobs]):
                said = end()
                if unit.kind == GRAMS:   # of another speed than an answer
                    self._pace.start()
                else:
                    self._pace.lap(rate, len(chunk.rows))
                self.tell({"event": "passed", "answers": len(chunk.rows) * len(jobs), "passes": len(chunk.rows)})
                for job in jobs:
                    with self._failing([job.unit]):
                        answers[job.unit].append(self._kept(job.unit, chunk, said))

        return ended

    def _of(self, model: str) -> Passes:
        """The passes of a model: everybody's, unless its card says otherwise."""
        size, device = self.live.cast.models[model].batch or 0, self._networks.device_of(model)
        if not size and device == self.device:
            return self._passes
        return self._others.setdefault((device, size), Passes(device, self._passes.pool, size))

    def _kept(self, unit: Unit, chunk: Chunk, said: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if unit.kind == GRAMS:
            return dict(said)
        if unit.kind == FEATURES:
            return features_of(said, str(unit))
        if "logits" not in said:
            raise NotMeasuredError(f"{unit}: it has no classifier")
        space = self.live.space(unit.data)
        if unit.kind == LOGITS:
            return {"logits": half(said["logits"], space, str(unit))}
        return dict(table_columns(said["logits"], self.live.pictures(unit.data).frame, chunk.rows, space, str(unit)))

    def _keep(self, job: Job, count: int) -> None:
        """Put a unit's shards together, unless another evaluator has."""
        root, unit = self.live.store.root, job.unit
        if not self.live.has(unit):
            with FileLock(self._lock(job.key)):
                if not self.live.has(unit):
                    about = {**job.shards.manifest, "when": _now()}
                    joined = job.shards.joined(count)
                    if unit.kind == TABLE:
                        self.live.store.table(job.key, about, lambda: self._table(unit, joined))
                    else:
                        arrays = self._similarities(job, joined) if unit.kind == GRAMS else joined
                        Arrays(root, self._notice).write(job.key, arrays, about)
        job.shards.drop()
        for made in (unit, *self._twins.get(unit, ())):
            forget_failure(root, self.live.cast, made)
            self._tell_of(made, {"event": "done", "pictures": len(job.rows)})

    def _similarities(self, job: Job, joined: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        found, pictures = put_together(joined, job.rows), len(self.live.pictures(job.unit.data))
        if len(job.rows) < pictures:
            self._notice(f"{job.unit}: minibatches of {len(job.rows):,} of {pictures:,} pictures")
        if found["left_out"].size:
            self._notice(f"{job.unit}: left out, as they do not answer each picture: {', '.join(found['left_out'])}")
        return found

    def _table(self, unit: Unit, columns: dict[str, np.ndarray]) -> PredictionTable:
        frame, space = self.live.pictures(unit.data).frame, self.live.space(unit.data)
        classes = frame.classes if space is None else space.columns
        return prediction_table(frame.ids, columns, classes, str(unit))

    @contextmanager
    def _failing(self, units: Sequence[Unit]) -> Iterator[None]:
        """What goes wrong within is a failure of these units, and of no others."""
        try:
            yield
        except (DemeanourError, OSError, RuntimeError, ValueError, MemoryError) as error:
            expected = isinstance(error, DemeanourError)
            reason = str(error) if expected else f"{type(error).__name__}: {error}"
            for unit in [one for first in units for one in (first, *self._twins.get(first, ()))]:
                if unit not in self._failed:
                    self._failed.add(unit)
                    note_failure(self.live.store.root, self.live.cast, unit, reason)
                    self._tell_of(unit, {"event": "failed", "reason": reason})

    def _tell_of(self, unit: Unit, event: Mapping[str, object]) -> None:
        """Tell how a unit ended that was asked for; of features that probes need, these tell."""
        if unit in self._asked:
            self.tell({**event, "unit": str(unit)})

    def _pictures_of(self, unit: Unit) -> np.ndarray:
        pictures = self.live.pictures(unit.data)
        return minibatches(pictures) if unit.kind == GRAMS else np.arange(len(pictures))

    def _rows(self, job: Job, shard: int) -> np.ndarray:
        return job.rows[shard * SHARD[self._kind] : (shard + 1) * SHARD[self._kind]]

    @property
    def _kind(self) -> str:
        return "cpu" if self.device == "cpu" else "cuda"

    def _notice(self, text: str) -> None:
        self.tell({"event": "notice", "text": text})


def _now() -> str:
    return f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
