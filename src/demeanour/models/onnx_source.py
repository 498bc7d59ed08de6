"""Networks as ONNX files, computed by onnxruntime."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.files import file_hash
from demeanour.models.description import Description, Request, identity, looks
from demeanour.models.numerics import check_precision
from demeanour.models.preprocessing import EXAMPLE, stated_preprocessing
from demeanour.models.probe import are_probabilities, classes_of, pictures
from demeanour.models.source import Source
from demeanour.models.user_code import told
from demeanour.views.geometry import Preprocessing

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


@dataclass(frozen=True)
class Pictures:
    """The one input of a network.

    Attributes:
        name: Of the input.
        type: What it takes, such as ``tensor(float)``.
        channels_last: Whether it takes (n, side, side, 3).
        batch: How many pictures at once, where that is fixed.
        side: Of the pictures, where that is fixed.
    """

    name: str
    type: str
    channels_last: bool
    batch: int | None
    side: int | None


class OnnxNetwork:
    """A network in a file; see `demeanour.models.network.Network`.

    Attributes:
        description: What it is.
        module: None: there is nothing of torch in it.
        path: The file.
        takes: Its input.
    """

    def __init__(self, description: Description, path: Path, takes: Pictures, session: Any) -> None:
        self.description = description
        self.module = None
        self.path = path
        self.takes = takes
        self._session = session
        self._output: str | None = None
        self._softmax = False

    def logits(self, pixels: Tensor) -> Tensor:
        """The scores of all classes, (n, classes), float32, from normalised pixels (n, 3, side, side).

        Raises:
            EvidenceError: onnxruntime fails.
        """
        answers = self._answers([self._output] if self._output else [], pixels)[0]
        scores = torch.from_numpy(answers.astype(np.float32)).to(pixels.device)
        return scores.clamp_min(torch.finfo(torch.float32).tiny).log() if self._softmax else scores

    def features(self, pixels: Tensor) -> dict[str, Tensor]:  # noqa: ARG002
        """Raises a `NotMeasuredError`: a file says nothing of where its features are."""
        raise NotMeasuredError(f"{self.path}: the features of an ONNX file are not known, only its logits are")

    def answers(self, pixels: Tensor, features: bool = False) -> dict[str, Tensor]:  # noqa: ARG002
        """``logits``, and no features."""
        return {"logits": self.logits(pixels)}

    def at(self, side: int) -> Self:
        """Itself, where its input has no fixed side.

        Raises:
            NotMeasuredError: It does not take pictures of that side.
        """
        if self.takes.side not in (None, side):
            raise NotMeasuredError(f"{self.path} was written for pictures of {self.takes.side}×{self.takes.side} only")
        try:
            self.logits(torch.zeros(1, 3, side, side))
        except EvidenceError as error:
            raise NotMeasuredError(f"it does not take pictures of {side}×{side}: {error}") from error
        return self

    def to(self, device: str, precision: str, channels_last: bool = False, compiled: bool = False) -> Self:  # noqa: ARG002
        """Itself, on a device, with as many threads as torch has. It computes in the types that the file has.

        Raises:
            NotMeasuredError: The precision is another than ``fp32``, or onnxruntime was built without the device.
        """
        check_precision(precision)
        if precision != "fp32":
            raise NotMeasuredError(f"{self.path} computes in the types that it was written in; say `fp32` for it")
        self._session = _session(self.path, device)
        return self

    def choose_output(self, classes: int | None) -> tuple[int, tuple[str, ...]]:
        """Find the output that scores classes; returns how many, and notes.

        Raises:
            EvidenceError: There is none, or there are several.
        """
        where = f"onnx:{self.path}"
        names = [output.name for output in self._session.get_outputs()]
        found = self._answers(names, pictures(self.takes.side or self.description.native.crop or 224))
        answers = {name: torch.from_numpy(answer) for name, answer in zip(names, found, strict=True)}
        tables = [name for name, answer in answers.items() if answer.ndim == 2 and len(answer) == 2]
        self._output = "logits" if "logits" in tables else tables[0] if tables else names[0]
        if len(tables) > 1 and self._output != "logits":
            raise EvidenceError(f"{where}: {' and '.join(tables)} may all be logits; call that which is meant 'logits'")
        scores = answers[self._output].float()
        count = classes_of(scores, classes, where)
        self._softmax = are_probabilities(scores)
        note = f"{self.path.name} answers probabilities; their logarithms are taken for logits, which is the same"
        return count, (note,) if self._softmax else ()

    def _answers(self, names: Sequence[str | None], pixels: Tensor) -> list[NDArray[Any]]:
        values = pixels.permute(0, 2, 3, 1) if self.takes.channels_last else pixels
        array = np.ascontiguousarray(values.cpu().numpy(), dtype=_TYPES[self.takes.type])
        step = self.takes.batch or max(len(array), 1)
        parts = []
        for start in range(0, len(array), step):
            part = array[start : start + step]
            filled = np.zeros((step, *array.shape[1:]), array.dtype)
            filled[: len(part)] = part
            with told(f"onnx:{self.path}"):
                answers = self._session.run(list(names) or None, {self.takes.name: filled})
            parts.append([answer[: len(part)] if np.ndim(answer) else answer for answer in answers])
        return [np.concatenate(answers) if np.ndim(answers[0]) else answers[0] for answers in zip(*parts, strict=True)]


def load_onnx(source: Source, request: Request) -> OnnxNetwork:
    """A network as an ONNX file, with its preprocessing as JSON in the file's metadata, or in the card.

    Raises:
        NotMeasuredError: The file, a file of its weights, or onnxruntime is missing.
        EvidenceError: The file is damaged, or is no classifier of pictures.
    """
    path = Path(source.name)
    if not path.is_file():
        raise NotMeasuredError(f"{path} is missing")
    where = f"onnx:{path}"
    parameters, beside = _weights(path)
    session = _session(path, "cpu")
    takes = _input(session.get_inputs(), where)
    native = request.preprocessing or _native(session.get_modelmeta().custom_metadata_map, where)
    if takes.side not in (None, native.crop):
        raise EvidenceError(f"{where}: it takes pictures of side {takes.side}, but they are cut to {native.crop}")
    files = [path, *beside]
    description = Description(
        identity=identity(adapter="onnx", files=[file_hash(file) for file in files]),
        family="supervised", native=native, classes=None, parameters=parameters,
        files=tuple(looks(file) for file in files),
    )  # fmt: skip
    network = OnnxNetwork(description, path, takes, session)
    classes, notes = network.choose_output(request.classes)
    network.description = replace(description, classes=classes, notes=notes)
    return network


def _session(path: Path, device: str) -> Any:
    try:
        import onnxruntime  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise _lacking() from error
    kind, _, number = device.partition(":")
    known = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
    if known.get(kind) not in onnxruntime.get_available_providers():
        raise NotMeasuredError(f"onnxruntime as installed computes on no {device}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    provider = (known[kind], {"device_id": number or "0", "use_tf32": "0"}) if kind == "cuda" else known[kind]
    with told(f"onnx:{path}"):
        return onnxruntime.InferenceSession(str(path), options, providers=[provider])


def _weights(path: Path) -> tuple[int, list[Path]]:
    """The number of weights, and the files that hold those that are not in the file itself."""
    try:
        import onnx
        from onnx.external_data_helper import ExternalDataInfo, uses_external_data
    except ImportError as error:
        raise _lacking() from error
    with told(f"onnx:{path}"):
        tensors = onnx.load(path, load_external_data=False).graph.initializer
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE)
    count = sum(int(np.prod(tensor.dims, dtype=np.int64)) for tensor in tensors if tensor.data_type in floats)
    outside = [ExternalDataInfo(tensor).location for tensor in tensors if uses_external_data(tensor)]
    beside = sorted({path.parent / location for location in outside})
    for file in beside:
        if not file.is_file():
            raise NotMeasuredError(f"{file} with weights of {path} is missing")
    return count, beside


def _lacking() -> NotMeasuredError:
    return NotMeasuredError("`onnx:` needs two more packages: uv pip install onnxruntime onnx")


def _input(inputs: Sequence[Any], where: str) -> Pictures:
    told_of = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in _TYPES:
        raise EvidenceError(f"{where}: its inputs are {told_of}; expected one of float pixels, (n, 3, side, side)")
    batch, *rest = (size if isinstance(size, int) else None for size in inputs[0].shape)
    channels_last = rest[0] != 3 and rest[2] == 3
    height, width = rest[:2] if channels_last else rest[1:]
    if 3 not in (rest[0], rest[2]) or height != width:
        raise EvidenceError(f"{where}: its input is {told_of}; expected three channels of squares")
    return Pictures(inputs[0].name, inputs[0].type, channels_last, batch, height)


def _native(metadata: dict[str, str], where: str) -> Preprocessing:
    if "preprocessing" not in metadata:
        raise EvidenceError(
            f"{where}: how pictures are prepared for it is not known: say `preprocessing` in the card, or write it as "
            f"JSON into the file's metadata: {EXAMPLE}"
        )
    try:
        stated = json.loads(metadata["preprocessing"])
    except ValueError as error:
        raise EvidenceError(f"{where}: `preprocessing` in its metadata is no JSON: {error}") from error
    return stated_preprocessing(stated, where)
