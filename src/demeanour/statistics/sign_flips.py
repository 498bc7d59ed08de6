"""An exact test for whole numbers of few clusters: under no difference, each could have had the other sign."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sign_flip_p(sums: NDArray[np.integer]) -> float:
    """How often a sum as small as the observed one would come about if each of its terms had either sign by chance.

    The randomisation test for paired samples (Fisher, 1935), one-sided and exact: all 2ⁿ signs are counted, by the
    distribution of their sum.

    Args:
        sums: One whole number for each cluster, such as what a model gained less what it lost there; (n,), n at least
            1. Clusters of 0 tell nothing.

    Returns:
        In (0, 1]; at least 2⁻ⁿ.

    Raises:
        ValueError: There is no cluster.
    """
    if not len(sums):
        raise ValueError("a test needs at least one cluster")
    sizes = np.abs(sums[sums != 0]).astype(np.int64)
    chances = np.ones(1)   # of each sum from −reach to reach, in steps of 1
    for size in sizes.tolist():
        wider = np.zeros(len(chances) + 2 * size)
        wider[: len(chances)] += chances / 2
        wider[2 * size :] += chances / 2
        chances = wider
    reach = int(sizes.sum())
    return min(float(chances[: int(sums.sum()) + reach + 1].sum()), 1.0)
