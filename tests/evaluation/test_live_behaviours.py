"""Behaviours that ask the network itself: opt-in, once for each network, and a failure of theirs is a violation."""

from __future__ import annotations

from pathlib import Path

import pytest

from demeanour.verdicts.outcome import AS_EXPECTED, BROKEN, NOT_MEASURED, VIOLATION, exit_code
from tests.evaluation.live_cast import write_live_cast
from tests.suite_run import Suite

HOLDS = {"verdict": "holds", "expected": "holds"}
SOCIABLE = """
import torch

class Sociable(torch.nn.Module):   # what it says of a picture depends on the others
    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(3, 16)

    def forward(self, pixels):
        return self.head(pixels.mean((2, 3)) - pixels.mean((0, 2, 3)))

def network():
    torch.manual_seed(0)
    return Sociable(), {"resize": 64, "interpolation": "bicubic", "crop": 64, "mean": [0.5] * 3, "std": [0.5] * 3}
"""


def test_what_networks_do_themselves_is_asked_once_for_each_of_them(tmp_path: Path, suite: Suite) -> None:
    (tmp_path / "sociable.py").write_text(SOCIABLE)
    card = {"source": "python:sociable.py:network", "architecture": "mlp", "paradigm": "supervised"}
    vit = {
        "source": "timm:miniature_vit", "imports": "demeanour.miniature.learning.networks", "architecture": "vit",
        "paradigm": "supervised",
    }  # fmt: skip
    from demeanour.miniature.learning.cast import WEIGHTS

    vit["source"] += f"@{WEIGHTS / 'ViT-sup.safetensors'}"
    options = ["--cast", str(write_live_cast(tmp_path, models={"vit": vit, "sociable": card})), "--device", "cpu"]
    run = suite("--live", "-k", "company", *options)
    assert run.code == VIOLATION, run.output
    assert "1 failed, 1 passed" in run.output
    assert "[sociable] FAILED" in run.output
    alone = suite("--live", "-k", "company and vit", *options, name="alone")
    assert alone.code == AS_EXPECTED, alone.output
    without = suite("-k", "company", *options, name="without")
    assert without.code == NOT_MEASURED, without.output
    assert "2 passed" not in without.output


def test_a_device_that_is_not_there_is_a_wrong_option(tmp_path: Path, suite: Suite) -> None:
    run = suite("--cast", str(write_live_cast(tmp_path)), "--device", "cudo")
    assert run.code == 12
    assert "'cudo' is none of auto, cpu" in run.output


@pytest.mark.parametrize(
    ("own", "records", "broken", "code"),
    [
        ([True], [], False, AS_EXPECTED), ([True, False], [HOLDS], False, VIOLATION), ([False], [], True, BROKEN),
        ([], [], False, NOT_MEASURED), ([True], [{**HOLDS, "verdict": "not measured"}], False, NOT_MEASURED),
    ],
)  # fmt: skip
def test_exit_codes_with_behaviours_of_ones_own(
    own: list[bool], records: list[dict[str, str]], broken: bool, code: int
) -> None:
    assert exit_code(records, broken=broken, own=own) == code
