"""Which images a candidate gets wrong that its baseline gets right, and the other way round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.catalogue import images_of
from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import Observations, check_paired
from demeanour.findings.cards import NETWORK, PROBE
from demeanour.findings.cast import Cast
from demeanour.measures.agreement import error_consistency
from demeanour.measures.flips import answer_agreement, answer_kappa, flip_rates, negative_flips, positive_flips
from demeanour.statistics.proportions import clopper_pearson
from demeanour.statistics.zones import LEVEL
from demeanour.verdicts.against_baseline import against_baseline
from demeanour.verdicts.verdict import Interval

SHOWN = 12   # pictures for each candidate and data set
_NOT_PLAIN = ("views", "similarity", PROBE, NETWORK)


@dataclass(frozen=True)
class Flip:
    """One image that the baseline gets right and the candidate wrong.

    Attributes:
        id: The image.
        labels: Its label, or all that are right.
        before: What the baseline says.
        after: What the candidate says; −1 where it gave no answer.
        sure_before: The baseline's confidence in [0, 1]; None where it is not known.
        sure_after: The candidate's.
    """

    id: str
    labels: tuple[int, ...]
    before: int
    after: int
    sure_before: float | None
    sure_after: float | None


@dataclass(frozen=True)
class Flips:
    """What changes from a baseline's answers to a candidate's, on one data set.

    Attributes:
        candidate: The candidate.
        data: The data set.
        n: How many images.
        right_before: How many the baseline gets right.
        right_after: How many the candidate does.
        negative: How many were right and are wrong.
        positive: How many were wrong and are right.
        rate: The share of negative flips, with its 90 % interval where images are drawn one by one.
        agreement: The share of images with the same answer.
        kappa: Cohen's κ of the answers; None where it is not defined.
        kappa_of_errors: Cohen's κ of being right; None where it is not defined.
        most_confident: The negative flips in whose wrong answer the candidate trusts most, first; where confidences are
            not known, the first by id.
    """

    candidate: str
    data: str
    n: int
    right_before: int
    right_after: int
    negative: int
    positive: int
    rate: tuple[float, Interval | None]
    agreement: float
    kappa: float | None
    kappa_of_errors: float | None
    most_confident: tuple[Flip, ...]


def all_flips(evidence: Evidence, sets: Iterable[str]) -> tuple[list[Flips], list[str]]:
    """The flips of all candidates of a cast against its role.

    Args:
        evidence: Of the cast with its candidates.
        sets: The data sets that are of interest; of annotated ones the images themselves are looked at.

    Returns:
        The flips, in the order of candidates and sets, and what could not be measured, in words.
    """
    return against_baseline(evidence, plain_sets(evidence.cast, sets), lambda *both: [flips_of(*both)])


def plain_sets(cast: Cast, sets: Iterable[str]) -> Iterator[str]:
    """The sets whose rows are answers to pictures as they are; the set of the pictures stands for its annotations."""
    seen = dict.fromkeys(images if (images := images_of(data)) in cast.data else data for data in sets)
    return (data for data in seen if data in cast.data and cast.data[data].reader not in _NOT_PLAIN)


def flips_of(before: Observations, after: Observations, most: int = SHOWN) -> Flips:
    """What changes from one model's answers to another's.

    Args:
        before: What the baseline said.
        after: What the candidate said of the same images.
        most: How many negative flips are kept one by one.

    Raises:
        EvidenceError: The images or their labels are not the same.
        NotMeasuredError: Nobody knows which answers are right.
    """
    check_paired((before, after))
    was, now = (np.asarray(one.column("correct"), dtype=bool) for one in (before, after))
    said, says = (np.asarray(one.column("prediction"), dtype=np.int64) for one in (before, after))
    lost = np.flatnonzero(negative_flips(was, now))
    rate = float(flip_rates(was, now)["negative"])
    interval = None if before.clusters else clopper_pearson(len(lost), len(was)).interval(LEVEL)
    sure_before, sure_after = _confidence(before), _confidence(after)
    order = np.arange(len(lost)) if sure_after is None else np.argsort(-sure_after[lost], kind="stable")
    rows = lost[order[:most]].tolist()
    kappa, of_errors = float(answer_kappa(said, says)["all"]), float(error_consistency(was, now)["all"])
    return Flips(
        candidate=after.model, data=after.data, n=len(was), right_before=int(was.sum()), right_after=int(now.sum()),
        negative=len(lost), positive=int(positive_flips(was, now).sum()), rate=(rate, interval),
        agreement=float(answer_agreement(said, says)["all"]), kappa=None if np.isnan(kappa) else kappa,
        kappa_of_errors=None if np.isnan(of_errors) else of_errors,
        most_confident=tuple(
            Flip(str(before.ids[row]), _labels(before, row), int(said[row]), int(says[row]),
                 _at(sure_before, row), _at(sure_after, row))
            for row in rows
        ),
    )  # fmt: skip


def _confidence(observed: Observations) -> NDArray[np.float64] | None:
    found = observed.columns.get("confidence")
    return None if found is None else np.asarray(found, dtype=np.float64)


def _at(values: NDArray[np.float64] | None, row: int) -> float | None:
    return None if values is None else float(values[row])


def _labels(observed: Observations, row: int) -> tuple[int, ...]:
    if "label_set" in observed.columns:
        return tuple(label for label in observed.columns["label_set"][row].tolist() if label >= 0)
    return (int(np.asarray(observed.columns["label"], dtype=np.int64)[row]),)
