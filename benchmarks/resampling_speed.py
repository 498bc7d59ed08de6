"""What deciding costs on 50,000 images, beside scipy's bootstrap of the same: both sides in one run, one core.

OMP_NUM_THREADS=1 python benchmarks/resampling_speed.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.stats

from demeanour.evidence.observations import Observations
from demeanour.measures.registry import MEASURES
from demeanour.statistics.resampling import bootstrap_draws, distinct_rows
from demeanour.verdicts import replicates
from demeanour.verdicts.contrast import Term, contrast, sampled
from demeanour.vocabulary import FACTORS

N = 50_000
REPEATS = 5


def models() -> tuple[Observations, Observations]:
    """Two models on 50,000 annotated images."""
    rng = np.random.default_rng(0)
    luck, ids = rng.random(N), np.arange(N).astype(str)
    factors = np.equal.outer(rng.choice(len(FACTORS), N, p=[0.3, 0.3, 0.1, 0.1] + [0.2 / 12] * 12), np.arange(16))
    found = []
    for name, accuracy in (("one", 0.80), ("other", 0.78)):
        correct = np.where(rng.random(N) < 0.9, luck, rng.random(N)) < accuracy
        confidence = np.clip(np.where(correct, rng.beta(5, 1, N), rng.beta(2, 2, N)), 0.01, 1)
        columns = {"correct": correct, "confidence": confidence, "factors": factors}
        found.append(Observations(name, "speed", ids, columns, (), {}))
    return found[0], found[1]


def best(what: Callable[[], Any], repeats: int = REPEATS) -> float:
    """The shortest of several runs, in seconds."""
    seconds = []
    for _ in range(repeats):
        sampled.cache_clear()
        replicates.forget()
        began = time.perf_counter()
        what()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def main() -> None:
    """Print a line for each."""
    one, other = models()
    left, right = one.columns["correct"], other.columns["correct"]
    factors = one.columns["factors"]

    def decide(measure: str) -> Callable[[], Any]:
        terms = (Term(1, one, "all"), Term(-1, other, "all"))
        return lambda: contrast(MEASURES[measure], terms).limits.interval(0.9)

    def accuracy_draws() -> Any:
        first, kind = distinct_rows([left, right])
        difference = left[first].astype(float) - right[first]
        rng = np.random.default_rng(0)
        return bootstrap_draws(lambda w: w @ difference / w.sum(axis=1), np.bincount(kind), rng, 10_000)

    def scipy_accuracy(draws: int) -> Any:
        return scipy.stats.bootstrap(
            (left.astype(float), right.astype(float)), lambda a, b, axis: (a - b).mean(axis=axis), paired=True,
            vectorized=True, n_resamples=draws, batch=50, method="percentile", rng=np.random.default_rng(0),
        )  # fmt: skip

    def scipy_ratio(draws: int) -> Any:
        def statistic(rows: np.ndarray) -> float:
            return float(MEASURES["error_ratio"].values((left[rows], factors[rows]))["all"]
                         - MEASURES["error_ratio"].values((right[rows], factors[rows]))["all"])  # fmt: skip

        return scipy.stats.bootstrap((np.arange(N),), statistic, vectorized=False, n_resamples=draws,
                                     method="percentile", rng=np.random.default_rng(0))  # fmt: skip

    print(f"{N:,} images, one core, best of {REPEATS}")
    ours, theirs = best(accuracy_draws), best(lambda: scipy_accuracy(200), 2) * 50
    print(f"paired accuracy difference, 10,000 resamples: {ours:.3f} s; scipy {theirs:.1f} s (from 200); "
          f"{theirs / ours:,.0f} times")  # fmt: skip
    print(f"the verdict on it, without resampling: {best(decide('top1')):.4f} s")
    ratio = best(decide("error_ratio"))
    scipy_seconds = best(lambda: scipy_ratio(10), 2) * 1_000
    print(f"error ratio difference, 10,000 resamples, 17 groups: {ratio:.3f} s; scipy {scipy_seconds:.0f} s "
          f"(from 10); {scipy_seconds / ratio:,.0f} times")  # fmt: skip
    print(f"calibration error difference, jackknife: {best(decide('calibration_error')):.3f} s")


if __name__ == "__main__":
    main()
