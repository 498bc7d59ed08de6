"""Candidates that are given as a file with what differs from the card of the model that they would replace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from demeanour.errors import ThresholdsError
from demeanour.findings.candidates import CANDIDATE, Trial, with_candidates
from demeanour.findings.cards import ModelCard
from demeanour.findings.cast import Cast
from demeanour.findings.load import load_cast
from tests.small_cast import write_small

COLOURS = {"crop": 64, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


def cast_of(folder: Path) -> Cast:
    """The small cast of tables, with a network among them."""
    write_small(folder)
    content = yaml.safe_load((folder / "small.yaml").read_text())
    content["protocol"] = "native"
    content["models"]["net"] = {
        "source": f"timm:convnext_atto@{folder}/old.safetensors", "architecture": "convnext", "paradigm": "supervised",
        "weights": "ema", "note": "in production since May", "parameters": 3_700_000,
    }  # fmt: skip
    (folder / "small.yaml").write_text(yaml.safe_dump(content))
    cast, _, problems = load_cast(folder / "small.yaml")
    assert cast is not None, problems
    return cast


def given(folder: Path, role: str, content: Any, name: str = "new.yaml") -> ModelCard:
    """The card of a candidate whose file lies in a folder of its own."""
    (folder / "cards").mkdir(exist_ok=True)
    (folder / "cards" / name).write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return with_candidates(cast_of(folder), Trial(role, (f"cards/{name}",)), {}, folder).models[CANDIDATE]


def test_what_the_file_does_not_say_is_as_on_the_role_s_card(tmp_path: Path) -> None:
    card = given(tmp_path, "net", {"preprocessing": COLOURS})
    role = cast_of(tmp_path).models["net"]
    assert card.preprocessing is not None
    assert card.preprocessing.model_dump(exclude_defaults=True) == COLOURS
    assert card.note is None
    assert card.model_dump(exclude={"preprocessing", "note"}) == role.model_dump(exclude={"preprocessing", "note"})


@pytest.mark.parametrize("source", ["new.safetensors", "timm:convnext_atto@new.safetensors"])
def test_its_weights_may_lie_beside_the_file(tmp_path: Path, source: str) -> None:
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "new.safetensors").touch()
    card = given(tmp_path, "net", {"source": source, "weights": None})
    assert card.source == f"timm:convnext_atto@{tmp_path}/cards/new.safetensors"
    assert card.weights is None


def test_several_are_called_as_their_files(tmp_path: Path) -> None:
    for name in ("june.yaml", "july.yml"):
        (tmp_path / name).write_text(yaml.safe_dump({"preprocessing": COLOURS}))
    cast = with_candidates(cast_of(tmp_path), Trial("net", ("june.yaml", "july.yml", "x=june.yaml")), {}, tmp_path)
    assert cast.candidates == ("june", "july", "x")


@pytest.mark.parametrize(
    ("role", "content", "said"),
    [
        ("net", {"preprocesing": COLOURS}, "unknown key 'preprocesing'.*preprocessing"),
        ("net", {"preprocessing": {**COLOURS, "means": 1}}, "unknown key 'means'.*mean"),
        ("net", {"preprocessing": {"crop": 64, "mean": [0.5] * 3}}, "the key 'std' is missing"),
        ("net", {"source": "gone.safetensors"}, "is no file, and no source"),
        ("net", {"source": "tim:convnext_atto"}, "is no file, and no source.*timm"),
        ("net", {"source": 5}, "source: expected text"),
        ("net", {"data": ["tin"]}, "no data set 'tin'.*tiny"),
        ("net", {"repeats": ["predictions:again.csv"]}, "tables of predictions only"),
        ("sup", {"preprocessing": COLOURS}, "read with networks only"),
        ("net", ["preprocessing"], "expected keys and values"),
        ("net", "", "is empty"),
        ("net", "a: [", "is no valid YAML"),
        ("net", "note: one\nnote: two\n", "stands twice"),
    ],
)
def test_what_no_card_may_say_is_an_error_that_names_the_key(
    tmp_path: Path, role: str, content: Any, said: str
) -> None:
    with pytest.raises(ThresholdsError, match=said):
        given(tmp_path, role, content)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ThresholdsError, match="nowhere"):
        with_candidates(cast_of(tmp_path), Trial("net", ("nowhere.yaml",)), {}, tmp_path)
