"""An ONNX file answers as the network that it was written from, whatever its batch, layout and last layer."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from demeanour.errors import EvidenceError, NotMeasuredError, ThresholdsError
from demeanour.models.description import Request
from demeanour.models.load import load
from demeanour.models.onnx_source import OnnxNetwork
from demeanour.views.geometry import Preprocessing

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

PIXELS = {"resize": 20, "crop": 16, "interpolation": "bilinear", "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]}
KERNEL = np.random.default_rng(0).normal(size=(6, 3, 3, 3)).astype(np.float32)
WEIGHT = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)


def written(
    path: Path,
    shape: Sequence[int | str] = ("n", 3, 16, 16),
    *,
    last: str = "linear",
    half: bool = False,
    metadata: dict[str, str] | None = None,
    outputs: Sequence[str] = ("scores",),
    external: bool = False,
) -> Path:
    """A convolution, a mean over positions and a linear layer; a softmax where asked for."""
    h = onnx.helper
    kind = onnx.TensorProto.FLOAT16 if half else onnx.TensorProto.FLOAT
    number = np.float16 if half else np.float32
    swap = shape[-1] == 3
    nodes = [h.make_node("Transpose", ["pixels"], ["x"], perm=[0, 3, 1, 2])] if swap else []
    nodes += [
        h.make_node("Conv", ["x" if swap else "pixels", "kernel"], ["body"]),
        h.make_node("GlobalAveragePool", ["body"], ["mean"]),
        h.make_node("Flatten", ["mean"], ["flat"]),
    ]
    if last == "flat":
        nodes[-2:] = [h.make_node("Flatten", ["pixels"], ["flat"])]
    weight = np.resize(WEIGHT, (768, 4)) if last == "flat" else WEIGHT
    for name in outputs:
        nodes.append(h.make_node("MatMul", ["flat", "weight"], ["product" if last == "softmax" else name]))
        if last == "softmax":
            nodes.append(h.make_node("Softmax", ["product"], [name], axis=1))
    tensors = [
        onnx.numpy_helper.from_array(KERNEL.astype(number), "kernel"),
        onnx.numpy_helper.from_array(weight.astype(number), "weight"),
    ]
    graph = h.make_graph(
        nodes, "net", [h.make_tensor_value_info("pixels", kind, shape)],
        [h.make_tensor_value_info(name, kind, None) for name in outputs], tensors,
    )  # fmt: skip
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
    h.set_model_props(model, {"preprocessing": json.dumps(PIXELS)} if metadata is None else metadata)
    onnx.save(model, path, save_as_external_data=external, location=f"{path.name}.data", size_threshold=0)
    return path


def expected(pixels: Tensor) -> Tensor:
    return functional.conv2d(pixels, torch.from_numpy(KERNEL)).mean(dim=(2, 3)) @ torch.from_numpy(WEIGHT)


def pixels(n: int = 6, side: int = 16) -> Tensor:
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(1))


def loaded(path: Path, **asked: Any) -> OnnxNetwork:
    network = load(Request(f"onnx:{path}", **asked))
    assert isinstance(network, OnnxNetwork)
    return network


def refused(path: Path, kind: type[Exception] = EvidenceError, **asked: Any) -> str:
    with pytest.raises(kind) as error:
        loaded(path, **asked)
    return str(error.value)


@pytest.mark.parametrize(
    "shape", [("n", 3, 16, 16), (4, 3, 16, 16), (1, 3, 16, 16), ("n", 3, "h", "w"), ("n", 16, 16, 3)]
)
@pytest.mark.parametrize("external", [False, True])
def test_answers_are_those_of_the_same_layers_in_torch(shape: Any, external: bool, tmp_path: Path) -> None:
    network = loaded(written(tmp_path / "net.onnx", shape, external=external))
    for n in (1, 3, 6):
        answer = network.logits(pixels(n))
        assert answer.dtype == torch.float32
        torch.testing.assert_close(answer, expected(pixels(n)), rtol=1e-5, atol=1e-6)
    found = network.description
    assert (found.family, found.classes, found.parameters) == ("supervised", 4, 6 * 27 + 24)
    assert found.native == Preprocessing(20, "bilinear", 16, (0.5,) * 3, (0.2,) * 3)
    assert [Path(path).name for path, *_ in found.files] == ["net.onnx", *(["net.onnx.data"] if external else [])]
    assert network.module is None
    assert network.answers(pixels(2)).keys() == {"logits"}


def test_logarithms_of_probabilities_are_taken_for_logits(tmp_path: Path) -> None:
    network = loaded(written(tmp_path / "net.onnx", last="softmax"))
    torch.testing.assert_close(
        network.logits(pixels()).softmax(dim=1), expected(pixels()).softmax(dim=1), rtol=1e-5, atol=1e-6
    )
    assert network.description.notes == (
        "net.onnx answers probabilities; their logarithms are taken for logits, which is the same",
    )
    assert loaded(written(tmp_path / "plain.onnx")).description.notes == ()


def test_a_file_in_half_precision_computes_in_it(tmp_path: Path) -> None:
    answer = loaded(written(tmp_path / "net.onnx", half=True)).logits(pixels())
    assert answer.dtype == torch.float32
    torch.testing.assert_close(answer, expected(pixels()), rtol=0.02, atol=0.02)


def test_features_precisions_and_devices_that_there_are_not(tmp_path: Path) -> None:
    network = loaded(written(tmp_path / "net.onnx"))
    with pytest.raises(NotMeasuredError, match="features of an ONNX file are not known"):
        network.features(pixels())
    assert network.answers(pixels(), features=True).keys() == {"logits"}
    assert network.to("cpu", "fp32") is network
    torch.testing.assert_close(network.logits(pixels()), expected(pixels()), rtol=1e-5, atol=1e-6)
    with pytest.raises(NotMeasuredError, match="say `fp32` for it"):
        network.to("cpu", "bf16")
    with pytest.raises(ThresholdsError, match="no precision 'int8'"):
        network.to("cpu", "int8")
    with pytest.raises(NotMeasuredError, match="onnxruntime as installed computes on no mps"):
        network.to("mps", "fp32")


def test_other_sides_only_where_the_file_leaves_them_open(tmp_path: Path) -> None:
    network = loaded(written(tmp_path / "open.onnx", ("n", 3, "h", "w")))
    assert network.at(24) is network
    torch.testing.assert_close(network.logits(pixels(2, 24)), expected(pixels(2, 24)), rtol=1e-5, atol=1e-6)
    with pytest.raises(NotMeasuredError, match="was written for pictures of 16×16 only"):
        loaded(written(tmp_path / "fixed.onnx")).at(24)
    flat = loaded(written(tmp_path / "flat.onnx", ("n", 3, "h", "w"), last="flat"))
    assert flat.at(16) is flat
    with pytest.raises(NotMeasuredError, match="does not take pictures of 24×24"):
        flat.at(24)


def test_identity_follows_the_bytes_of_all_files(tmp_path: Path) -> None:
    path = written(tmp_path / "net.onnx", external=True)
    first = loaded(path).description.identity
    copy = written(tmp_path / "copy.onnx", metadata={"preprocessing": json.dumps(PIXELS), "about": "a copy"})
    assert loaded(path).description.identity == first
    assert loaded(copy).description.identity != first
    data = bytearray((tmp_path / "net.onnx.data").read_bytes())
    data[2] ^= 1
    (tmp_path / "net.onnx.data").write_bytes(data)
    assert loaded(path).description.identity != first
    (tmp_path / "net.onnx.data").unlink()
    assert "net.onnx.data with weights of" in refused(path, NotMeasuredError)


def test_the_preprocessing_is_the_cards_or_the_files(tmp_path: Path) -> None:
    path = written(tmp_path / "net.onnx", metadata={})
    assert "say `preprocessing` in the card, or write it as JSON into the file's metadata" in refused(path)
    own = Preprocessing(None, "bicubic", 16, (0.1,) * 3, (0.3,) * 3)
    assert loaded(path, preprocessing=own).description.native == own
    assert "`preprocessing` in its metadata is no JSON" in refused(
        written(tmp_path / "b.onnx", metadata={"preprocessing": "crop 16"})
    )
    assert "std is None in the preprocessing" in refused(
        written(tmp_path / "c.onnx", metadata={"preprocessing": '{"crop": 16, "mean": [0, 0, 0]}'})
    )
    other = Preprocessing(None, "bicubic", 20, (0.1,) * 3, (0.3,) * 3)
    assert "it takes pictures of side 16, but they are cut to 20" in refused(path, preprocessing=other)


@pytest.mark.parametrize("shape", [("n", 1, 16, 16), ("n", 3, 16, 24), ("n", "c", 16, 16)])
def test_inputs_that_are_no_pictures(shape: Any, tmp_path: Path) -> None:
    message = refused(written(tmp_path / "net.onnx", shape))
    assert f"pixels tensor(float) {list(shape)}" in message
    assert "expected" in message


@pytest.mark.parametrize(("kind", "shape"), [("UINT8", ["n", 3, 16, 16]), ("FLOAT", ["n", 3, 16])])
def test_inputs_of_another_type_or_rank(kind: str, shape: list[Any], tmp_path: Path) -> None:
    h, number = onnx.helper, onnx.TensorProto
    nodes = [h.make_node("Flatten", ["x"], ["flat"]), h.make_node("Cast", ["flat"], ["scores"], to=number.FLOAT)]
    taken = h.make_tensor_value_info("x", getattr(number, kind), shape)
    graph = h.make_graph(nodes, "net", [taken], [h.make_tensor_value_info("scores", number.FLOAT, None)])
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8), tmp_path / "net.onnx")
    message = refused(tmp_path / "net.onnx")
    assert f"its inputs are x tensor({kind.lower()}) {shape}; expected one of float pixels" in message


def test_outputs_that_are_not_to_be_told_apart(tmp_path: Path) -> None:
    message = refused(written(tmp_path / "net.onnx", outputs=("one", "two")))
    assert "one and two may all be logits; call that which is meant 'logits'" in message
    network = loaded(written(tmp_path / "named.onnx", outputs=("one", "logits")))
    torch.testing.assert_close(network.logits(pixels()), expected(pixels()), rtol=1e-5, atol=1e-6)


def test_a_wrong_number_of_classes(tmp_path: Path) -> None:
    assert "it has 4 classes, not 1000" in refused(written(tmp_path / "net.onnx"), classes=1000)


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    assert "net.onnx is missing" in refused(tmp_path / "net.onnx", NotMeasuredError)
    path = written(tmp_path / "net.onnx")
    path.write_bytes(path.read_bytes()[:300])
    assert f"onnx:{path}: " in refused(path)


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_the_packages_that_it_needs_are_named(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "net.onnx")
    monkeypatch.setitem(sys.modules, package, None)
    assert "uv pip install onnxruntime onnx" in refused(path, NotMeasuredError)
