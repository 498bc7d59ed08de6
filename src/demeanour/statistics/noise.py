"""The numeric noise floor: two runs of the same weights must never be told apart.

Another batch size, precision or device changes logits in their last digits and with them a few predictions. No
interval over images knows of it, and with many images intervals get narrower than it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite


def noise_floor(value: float, repeats: Sequence[float]) -> float:
    """The largest difference between any two values of one model's same weights over the same images.

    Args:
        value: Of the run that is judged.
        repeats: Of runs with another batch size, precision or device; at least one.

    Returns:
        At least 0, in the unit of the values.

    Raises:
        ValueError: No repeat, or a value that is not finite.
    """
    values = [value, *repeats]
    if len(values) < 2 or not all(map(isfinite, values)):
        raise ValueError(f"a noise floor needs a value and one repeat at least, all finite: {values}")
    return max(values) - min(values)
