"""Pictures to learn from, and the choice of A by a network that is none of the cast."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from demeanour.errors import EvidenceError
from demeanour.miniature import adversarial
from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.render import render
from demeanour.miniature.learning import pictures
from demeanour.miniature.learning.captions import captions
from demeanour.miniature.learning.pictures import Pictures, training_pictures
from demeanour.miniature.names import CLASSES, CLASSES_A
from demeanour.miniature.sizes import SIZES
from demeanour.miniature.variants import adversarial_pool
from demeanour.miniature.worlds import labels_of, scenes, wide


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "SHARD", 8)


def write_shards(folder: Path, world: str, numbers: list[int]) -> list[Path]:
    """As ``training_pictures`` does, in this process, with shards of eight."""
    paths = [folder / f"{number:04d}.npy" for number in numbers]
    for number, path in zip(numbers, paths, strict=True):
        pictures._write(world, number * 8, 8, path)
    return paths


def test_pictures_are_those_of_their_numbers(tmp_path: Path, small_shards: None) -> None:
    found = Pictures(write_shards(tmp_path, "wide", [0, 1, 2]))
    assert len(found) == 24
    numbers = np.asarray([17, 3, 20])
    dice = Dice("wide", numbers)
    draft = wide(dice)
    expected = render(scenes(dice, draft))
    assert np.abs(found.images(numbers).astype(int) - expected).max() <= 1
    assert found.labels[numbers].tolist() == labels_of(draft).tolist()
    assert [found.captions[k] for k in numbers] == captions(dice, draft)


def test_what_is_there_is_not_rendered_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_shards: None
) -> None:
    (tmp_path / "narrow").mkdir()
    write_shards(tmp_path / "narrow", "narrow", [0, 1])
    (tmp_path / "narrow/0002.part").write_bytes(b"half")   # of somebody who was killed

    def never(*_: object, **__: object) -> None:
        raise AssertionError("rendered again")

    monkeypatch.setattr(pictures, "ProcessPoolExecutor", never)
    assert len(training_pictures("narrow", 16, tmp_path)) == 16
    with pytest.raises(AssertionError, match="again"):
        training_pictures("narrow", 17, tmp_path)


def test_missing_shards_are_rendered_by_processes(tmp_path: Path, small_shards: None) -> None:
    told: list[str] = []
    found = training_pictures("selection", 10, tmp_path, told.append)
    assert len(found) == 16
    assert found.labels.min() >= 0
    assert "selection" in told[-1]


def test_an_unknown_world_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="narrow, wide, selection"):
        training_pictures("broad", 1, tmp_path)


class AlwaysBall(nn.Module):
    """Names the first class, whatever it sees."""

    def forward(self, pixels: Tensor) -> Tensor:
        return torch.tensor([4.0] + [0.0] * 15).expand(len(pixels), -1)


def test_a_is_what_the_network_gets_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adversarial, "STEP", 128)
    chosen = adversarial.choose(AlwaysBall(), 100)
    numbers = np.asarray(chosen["numbers"], dtype=np.int64)
    assert numbers.tolist() == sorted(set(numbers.tolist()))
    assert len(numbers) == 100
    labels = labels_of(adversarial_pool(numbers)[0])
    assert not (labels == 0).any()   # a ball is what it gets right, and A has none
    assert set(chosen["guesses"]) == {0}
    p = np.exp([4.0] + [0.0] * 15)
    assert chosen["of_guess"] == pytest.approx([p[0] / p.sum()] * 100, abs=1e-6)
    assert chosen["of_label"] == pytest.approx([p[1] / p.sum()] * 100, abs=1e-6)


def test_a_pool_without_mistakes_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adversarial, "STEP", 64)
    monkeypatch.setattr(adversarial, "LIMIT", 64)
    with pytest.raises(ValueError, match="of 1000 pictures found"):
        adversarial.choose(AlwaysBall(), 1000)


def test_the_list_in_the_repository_is_of_the_pool() -> None:
    chosen = json.loads(adversarial.CHOSEN.read_text())
    for size, counts in SIZES.items():
        numbers = np.asarray(chosen[size]["numbers"])
        labels = labels_of(adversarial_pool(numbers)[0])
        assert len(numbers) == counts.a
        assert {CLASSES[label] for label in labels} == set(CLASSES_A)
        assert (labels != np.asarray(chosen[size]["guesses"])).all()
        assert max(chosen[size]["of_label"]) < adversarial.UNLIKELY
    assert chosen["full"]["numbers"][: SIZES["quick"].a] == chosen["quick"]["numbers"]
