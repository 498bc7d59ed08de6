"""All figures and tables, in the order of the paper."""

from __future__ import annotations

from demeanour.reporting.figures.calibration import CALIBRATION
from demeanour.reporting.figures.invariance import INVARIANCE
from demeanour.reporting.figures.mistakes import MISTAKES
from demeanour.reporting.figures.robustness import MODELS, ROBUSTNESS
from demeanour.reporting.figures.shape_texture import SHAPE_TEXTURE
from demeanour.reporting.figures.similarity import SIMILARITY
from demeanour.reporting.figures.synthetic import SYNTHETIC
from demeanour.reporting.figures.transfer import GROUPS, TRANSFER

FIGURES = (
    MODELS, MISTAKES, SYNTHETIC, CALIBRATION, SHAPE_TEXTURE, ROBUSTNESS, TRANSFER, GROUPS, INVARIANCE, SIMILARITY,
)  # fmt: skip
