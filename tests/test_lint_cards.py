"""What is wrong with the cards of networks and pictures is told with its key before anything is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from demeanour.findings.cards import DataCard, ModelCard
from demeanour.findings.cast import Cast
from demeanour.findings.lint_cards import check_cards

NETWORK = {"source": "timm:resnet50", "architecture": "resnet", "paradigm": "supervised"}
TABLE = {**NETWORK, "source": "predictions:a.csv", "data": ["pictures"]}
PICTURES = {"reader": "folder", "root": "pictures"}


def problems(
    models: Mapping[str, Any] | None = None, data: Mapping[str, Any] | None = None, protocol: str = "native"
) -> dict[str, str]:
    cards = {name: ModelCard(**card) for name, card in (models or {"net": NETWORK}).items()}
    sets = {name: DataCard(**card) for name, card in {"pictures": PICTURES, **(data or {})}.items()}
    cast = Cast(about="a", protocol=protocol, models=cards, data=sets, name="c", path=Path("c.yaml"))
    return {".".join(map(str, keys)): f"{message}; {hint}" for keys, message, hint in check_cards(cast)}


def test_a_cast_of_networks_and_tables_is_in_order() -> None:
    views = {"reader": "views", "of": "pictures", "views": ["scale/1", "shift/30", "resolution/96", "corruption/fog/3"]}
    assert not problems({"net": NETWORK, "table": TABLE}, {"seen": views})


@pytest.mark.parametrize(
    ("changes", "key", "told"),
    [
        ({"source": "tim:resnet50"}, "source", "did you mean 'timm'?"),
        ({"source": "resnet50"}, "source", "names no scheme"),
        ({"ids": "row-order"}, "ids", "with tables of predictions only"),
        ({"format": "logits"}, "format", "with tables of predictions only"),
        ({"data": ["picture"]}, "data", "did you mean 'pictures'?"),
        ({"data": ["labels"]}, "data", "has no pictures"),
        ({"repeats": ["timm:resnet50d"]}, "repeats.0", "is a table of predictions"),
    ],
)
def test_cards_of_networks(changes: dict[str, Any], key: str, told: str) -> None:
    labels = {"reader": "labels", "root": "labels.csv", "images": 4, "classes": 2}
    assert told in problems({"net": {**NETWORK, **changes}}, {"labels": labels})[f"models.net.{key}"]


@pytest.mark.parametrize("key", ["imports", "weights", "head", "preprocessing"])
def test_keys_of_networks_are_nothing_for_tables(key: str) -> None:
    value: dict[str, Any] = {
        "imports": "a", "weights": "ema", "head": {"names": "imagenet"},
        "preprocessing": {"crop": 64, "mean": [0.5] * 3, "std": [0.5] * 3},
    }  # fmt: skip
    assert "networks only" in problems({"table": {**TABLE, key: value[key]}})[f"models.table.{key}"]


def test_networks_need_a_protocol_that_is_known() -> None:
    assert "did you mean 'native'?" in problems(protocol="nativ")["protocol"]
    assert not problems({"table": TABLE}, protocol="as published")


@pytest.mark.parametrize(
    ("card", "key", "told"),
    [
        ({"reader": "folder"}, "", "needs a 'root'"),
        ({"reader": "imagenet-c", "root": "c"}, "", "needs 'clean'"),
        ({"reader": "imagenet-c", "root": "c", "clean": "picture"}, ".clean", "did you mean 'pictures'?"),
        ({"reader": "imagenet-c", "root": "c", "clean": "cues"}, ".clean", "holds no clean images"),
        ({"reader": "folder", "root": "f", "split": "test"}, ".split", "does not read it"),
        ({"reader": "folder", "root": "f", "labels": "l.csv"}, ".labels", "does not read it"),
        ({"reader": "parquet", "root": "f", "class_index": "l.json"}, ".class_index", "does not read it"),
        ({"reader": "folder", "root": "f", "views": ["plain"]}, ".views", "does not read it"),
        ({"reader": "labels", "root": "l.csv", "images": 1, "classes": 2, "subset": True}, ".subset", "does not read"),
        ({"reader": "views"}, "", "needs 'of'"),
        ({"reader": "views", "root": "x", "of": "pictures", "views": ["plain"]}, ".root", "reads no 'root'"),
        ({"reader": "views", "of": "picture", "views": ["plain"]}, ".of", "did you mean 'pictures'?"),
        ({"reader": "views", "of": "pictures", "views": ["scale"]}, ".views.0", "is no view"),
        ({"reader": "views", "of": "pictures", "views": ["plain", "plain"]}, ".views.0", "stands twice"),
        ({"reader": "labels", "root": "l.csv"}, "", "is no published data set"),
    ],
)
def test_cards_of_data_sets(card: dict[str, Any], key: str, told: str) -> None:
    assert told in problems(data={"cues": {"reader": "cue-conflict", "root": "c"}, "mine": card})[f"data.mine{key}"]
