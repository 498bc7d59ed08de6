"""Corrupted images (ImageNet-C; Hendrycks and Dietterich, 2019): corruption, severity and source are in the names."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from demeanour.datasets.frame import Frame
from demeanour.errors import EvidenceError, did_you_mean
from demeanour.vocabulary import CORRUPTIONS

SEVERITIES = range(1, 6)


def corruptions_frame(ids: NDArray[np.str_], clean: Frame, data: str) -> Frame:
    """What the images' names tell: ``fog/3/n01440764/ILSVRC2012_val_00000293.JPEG``.

    Args:
        ids: The images' names, sorted; (n,): CORRUPTION/SEVERITY/…/NAME, where NAME is that of the clean image.
        clean: The frame of the clean images, with their labels.
        data: The name of the data set in the cast.

    Returns:
        A frame with ``label``, ``corruption`` (position in ``CORRUPTIONS``), ``severity``, and the cluster ``source``:
        the row of the clean image.

    Raises:
        EvidenceError: A name is not of this form, or its clean image is unknown.
    """
    code = {name: index for index, name in enumerate(CORRUPTIONS)}
    corruption = np.empty(len(ids), dtype=np.int64)
    severity = np.empty(len(ids), dtype=np.int64)
    names = []
    for row, name in enumerate(ids.tolist()):
        parts = PurePosixPath(name).parts
        if len(parts) < 3 or parts[0] not in code or parts[1] not in map(str, SEVERITIES):
            hint = did_you_mean(parts[0], code) if parts else ""
            raise EvidenceError(f"{data}: '{name}' is no CORRUPTION/SEVERITY/…/NAME with a severity of 1 … 5; {hint}")
        corruption[row], severity[row] = code[parts[0]], int(parts[1])
        names.append(parts[-1])
    sources = np.asarray(names, dtype=np.str_)
    source = np.minimum(np.searchsorted(clean.ids, sources), len(clean.ids) - 1)
    unknown = clean.ids[source] != sources
    if unknown.any():
        raise EvidenceError(
            f"{data}: {int(unknown.sum()):,} images have no clean image of their name, such as '{sources[unknown][0]}'"
        )
    columns: dict[str, NDArray[np.generic]] = {
        "label": clean.columns["label"][source],
        "corruption": corruption,
        "severity": severity,
        "source": source,
    }
    return Frame(data, ids, columns, clean.classes, ("source",), {"corruption": CORRUPTIONS})
