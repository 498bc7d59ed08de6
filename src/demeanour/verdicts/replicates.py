"""Replicates of a measure's values over resamples of a data set's images, cached: models come back in many verdicts.

Groups of images and clusters are drawn from the data set's name alone: replicate k of one model and replicate k of
another leave out, or repeat, the same images.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from demeanour.evidence.observations import Observations
from demeanour.measures.groups import Columns
from demeanour.measures.registry import Measure
from demeanour.measures.weighting import Floats
from demeanour.statistics.resampling import (
    Statistic,
    bootstrap_draws,
    cluster_draws,
    counts_within,
    distinct_rows,
    jackknife_parts,
    left_out_values,
    minibatch_parts,
)
from demeanour.statistics.seeds import generator

Subject = tuple[Observations, ...]   # whose answers a value is computed from: one model's, or those of a pair
Replicates = dict[str, Floats]       # group → (draws,)

def columns_of(measure: Measure, subject: Subject) -> Columns:
    """The columns that a measure needs, of the first model and then of the second."""
    return tuple(one.column(name) for one in subject for name in measure.needs)


@lru_cache(maxsize=128)
def left_out(measure: Measure, subject: Subject) -> Replicates:
    """Values without one group of images, or of whole clusters, at a time."""
    first, columns = subject[0], columns_of(measure, subject)
    clusters = cluster_codes(first, 0) if first.clusters else None
    if measure.of_minibatches:
        part = minibatch_parts(len(first))
    else:
        part = jackknife_parts(len(first), generator("jackknife", first.data), clusters)
    if measure.sums is not None:
        within = measure.sums(*columns, part, int(part.max()) + 1)
        values = _of_sums(measure, columns)(within.sum(axis=0) - within)
    elif measure.discrete:
        kinds, kind = distinct_rows(columns)
        statistic = _statistic(measure, [tuple(column[kinds] for column in columns)])
        inside = counts_within(part, kind, len(kinds))
        values = statistic(inside.sum(axis=0) - inside)
    else:
        values = left_out_values(_statistic(measure, [columns]), part)
    return _by_group(measure, subject, values)


@lru_cache(maxsize=128)
def over_clusters(measure: Measure, subject: Subject, ways: int) -> Replicates:
    """Values over bootstrap samples of whole clusters, by one or two clusterings."""
    first = subject[0]
    clusters = [cluster_codes(first, way) for way in range(ways)]
    columns, seed = columns_of(measure, subject), generator("clusters", first.data, str(ways))
    if measure.sums is not None and ways == 1:
        names, code = np.unique(clusters[0], return_inverse=True)
        within = measure.sums(*columns, code, len(names))
        of_sums = _of_sums(measure, columns)
        values = cluster_draws(lambda weights: of_sums(weights @ within), [np.arange(len(names))], seed)
    else:
        values = cluster_draws(_statistic(measure, [columns]), clusters, seed)
    return _by_group(measure, subject, values)


@lru_cache(maxsize=128)
def over_images(measure: Measure, together: tuple[Subject, ...]) -> dict[Subject, Replicates]:
    """Values over bootstrap samples of images: those that are alike for all models are drawn as one kind."""
    columns = [columns_of(measure, subject) for subject in together]
    kinds, kind = distinct_rows([column for cols in columns for column in cols])
    statistic = _statistic(measure, [tuple(column[kinds] for column in cols) for cols in columns])
    names = [one.model for subject in together for one in subject]
    seed = generator("images", measure.name, together[0][0].data, *names)
    values = bootstrap_draws(statistic, np.bincount(kind), seed)
    parts = np.split(values, len(together), axis=1)
    return {one: _by_group(measure, one, part) for one, part in zip(together, parts, strict=True)}


def forget() -> None:
    """Empty the caches, for whoever judges many data sets in one process."""
    for cache in (left_out, over_clusters, over_images):
        cache.cache_clear()


def cluster_codes(observed: Observations, way: int) -> NDArray[np.int64]:
    """The cluster of every image, by the first (0) or the second (1) clustering of the data set; (n,)."""
    return observed.columns[observed.clusters[way]].astype(np.int64)


def _statistic(measure: Measure, columns: Sequence[Columns]) -> Statistic:
    """All groups of all subjects side by side: (draws, subjects × groups)."""

    def statistic(weights: Floats) -> Floats:
        return np.stack([value for cols in columns for value in measure.values(cols, weights).values()], axis=1)

    return statistic


def _of_sums(measure: Measure, columns: Columns) -> Statistic:
    """All groups that have images, side by side, from sums: (draws, groups)."""
    assert measure.of_sums is not None
    names, of_sums = list(measure.values(columns)), measure.of_sums

    def statistic(sums: Floats) -> Floats:
        values = of_sums(sums)
        return np.stack([values[name] for name in names], axis=1)

    return statistic


def _by_group(measure: Measure, subject: Subject, values: Floats) -> Replicates:
    names = measure.values(columns_of(measure, subject))
    return {name: values[:, index] for index, name in enumerate(names)}
