"""Parts of a data set on which a candidate lost accuracy: warnings, after Benjamini and Hochberg, never verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from demeanour.errors import NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import Observations, check_paired
from demeanour.findings.cards import NETWORK
from demeanour.findings.cast import Cast
from demeanour.measures.flips import negative_flips, positive_flips
from demeanour.statistics.means import cluster_mean_limits
from demeanour.statistics.multiplicity import benjamini_hochberg, p_violated
from demeanour.statistics.proportions import paired_difference
from demeanour.statistics.sign_flips import sign_flip_p
from demeanour.statistics.zones import ALPHA, LEVEL, Above
from demeanour.verdicts.against_baseline import against_baseline
from demeanour.verdicts.verdict import Interval

FEWEST = 20     # images: what is said of fewer says more about them than about the slice
SOURCES = 5     # where images share sources: fewer could not tell a loss at .05, even if all of them lost
FEW_SOURCES = 150   # fewer have skewed means; whether they lost anything is told exactly

Codes = NDArray[np.int64]
Part = tuple[str, NDArray[np.intp]]   # a slice's name and its rows
_NAMED = {"factor": "factor", "corruption": "corruption", "view": "view", "shape": "shape"}   # columns of codes


@dataclass(frozen=True)
class Slice:
    """A part of a data set.

    Attributes:
        name: Of the part.
        n: How many images it has.
        value: The candidate's accuracy there − the baseline's.
        interval: Of that, 90 %; None where too few sources are behind its images.
        p: The smallest one-sided α at which the candidate is shown to have lost anything there.
        p_adjusted: The same after Benjamini and Hochberg, among the slices of its kind.
        negative: How many images were right and are wrong.
        positive: How many were wrong and are right.
    """

    name: str
    n: int
    value: float
    interval: Interval | None
    p: float
    p_adjusted: float
    negative: int
    positive: int

    @property
    def lost(self) -> bool:
        """Whether the loss is shown; of all that are, 5 % at most are expected to be none."""
        return self.p_adjusted <= ALPHA


@dataclass(frozen=True)
class Slices:
    """The slices of one kind of one data set.

    Attributes:
        candidate: The candidate.
        data: The data set.
        kind: ``class``, ``factor``, ``shape``, ``corruption``, ``severity``, ``view`` or ``task``.
        overall: The difference of accuracy on the whole set.
        slices: Worst first: by p-value, then by what was lost.
        left_out: Names of those with too few images, or sources, to tell.
    """

    candidate: str
    data: str
    kind: str
    overall: float
    slices: tuple[Slice, ...]
    left_out: tuple[str, ...]

    @property
    def lost(self) -> tuple[Slice, ...]:
        """Those whose loss is shown."""
        return tuple(one for one in self.slices if one.lost)


def all_slices(
    evidence: Evidence, sets: Iterable[str], classes: Mapping[str, Mapping[int, str]]
) -> tuple[list[Slices], list[str]]:
    """The slices of all candidates of a cast, against its role.

    Args:
        evidence: Of the cast with its candidates.
        sets: The data sets that are of interest, and ImageNet-X where its pictures are among them.
        classes: For each data set the names of its classes, where they are known.

    Returns:
        The slices, in the order of candidates and sets, and what could not be measured, in words.
    """
    return against_baseline(
        evidence, sliced_sets(evidence.cast, sets),
        lambda before, after: slices_of(before, after, classes.get(before.data, {})),
    )  # fmt: skip


def sliced_sets(cast: Cast, sets: Iterable[str]) -> list[str]:
    """The sets that are looked at in parts: those of interest that are about answers, and the factors of theirs."""
    named = [data for data in sets if data in cast.data and cast.data[data].reader not in ("similarity", NETWORK)]
    factors = ["imagenet-x"] if "imagenet-val" in named and "imagenet-x" in cast.data else []
    return list(dict.fromkeys([*named, *factors]))


def slices_of(before: Observations, after: Observations, classes: Mapping[int, str]) -> list[Slices]:
    """Paired differences of accuracy in all slices of a data set, by kind.

    Args:
        before: What the baseline said.
        after: What the candidate said of the same images.
        classes: Names of classes; others are called by their numbers.

    Raises:
        EvidenceError: The images or their labels are not the same.
        NotMeasuredError: Nobody knows which answers are right.
    """
    check_paired((before, after))
    was, now = (np.asarray(one.column("correct"), dtype=bool) for one in (before, after))
    sources = np.asarray(before.columns[before.clusters[0]], dtype=np.int64) if before.clusters else None
    overall = float(now.mean() - was.mean())
    found = []
    for kind, parts in _kinds(before, classes):
        slices, left_out = [], []
        for name, rows in parts:
            of_rows = sources[rows] if sources is not None else None
            if _few(len(rows), of_rows):
                left_out.append(name)
            else:
                slices.append(_slice(name, was[rows], now[rows], of_rows))
        found.append(Slices(after.model, after.data, kind, overall, _adjusted(slices), tuple(left_out)))
    return found


def _few(n: int, sources: Codes | None) -> bool:
    return n < FEWEST or (sources is not None and len(np.unique(sources)) < SOURCES)


def _slice(name: str, was: NDArray[np.bool_], now: NDArray[np.bool_], sources: Codes | None) -> Slice:
    difference = now.astype(np.int64) - was
    interval: Interval | None
    if sources is None or len(np.unique(sources)) == len(sources):   # each image for itself
        limits = paired_difference(now, was)
        interval, p = limits.interval(LEVEL), p_violated(Above(0), limits)
    else:
        interval, p = _of_sources(difference, np.unique(sources, return_inverse=True)[1])
    flips = (int(which(was, now).sum()) for which in (negative_flips, positive_flips))
    return Slice(name, len(was), float(difference.mean()), interval, p, p, *flips)


def _of_sources(difference: Codes, sources: NDArray[np.intp]) -> tuple[Interval | None, float]:
    """The interval of a mean over images that share sources, and the p-value of a loss."""
    try:
        limits = cluster_mean_limits(difference.astype(np.float64), sources, -1)
    except NotMeasuredError:   # too few for an interval, or all alike
        limits = None
    sums = np.bincount(sources, weights=difference).astype(np.int64)
    p = sign_flip_p(sums) if limits is None or len(sums) < FEW_SOURCES else p_violated(Above(0), limits)
    return limits.interval(LEVEL) if limits else None, p


def _adjusted(slices: list[Slice]) -> tuple[Slice, ...]:
    if not slices:
        return ()
    adjusted = benjamini_hochberg([one.p for one in slices]).tolist()
    known = [replace(one, p_adjusted=q) for one, q in zip(slices, adjusted, strict=True)]
    return tuple(sorted(known, key=lambda one: (one.p_adjusted, one.p, one.value)))


def _kinds(observed: Observations, classes: Mapping[int, str]) -> Iterator[tuple[str, list[Part]]]:
    columns = observed.columns
    if "factors" in columns:
        yield "factor", [
            (name, np.flatnonzero(member))
            for name, member in zip(observed.names["factors"], columns["factors"].T, strict=True)
        ]
    for column, kind in _NAMED.items():
        if column in columns and column in observed.names:
            yield kind, _by_code(columns[column], dict(enumerate(observed.names[column])))
    if "severity" in columns:
        yield "severity", _by_code(columns["severity"], {level: f"severity {level}" for level in range(1, 6)})
    if "task" in columns:   # whose classes are each task's own
        tasks, codes = np.unique(columns["task"], return_inverse=True)
        yield "task", _by_code(codes, dict(enumerate(tasks.tolist())))
    elif "label" in columns and not {"shape", "view", "factors"} & columns.keys():   # said already, or elsewhere
        yield "class", _by_code(columns["label"], classes)


def _by_code(column: NDArray[np.generic], names: Mapping[int, str]) -> list[Part]:
    """The rows of each code that occurs."""
    codes = np.asarray(column, dtype=np.int64)
    order = np.argsort(codes, kind="stable")
    found, starts = np.unique(codes[order], return_index=True)
    parts = zip(found.tolist(), np.split(order, starts[1:]), strict=True)
    return [(names.get(code, f"class {code}"), rows) for code, rows in parts]
