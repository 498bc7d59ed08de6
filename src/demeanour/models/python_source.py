"""Networks of the user's own: what a function in a module or file returns."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import torch
from torch import Tensor, nn

from demeanour.errors import EvidenceError, NotMeasuredError, did_you_mean
from demeanour.files import file_hash
from demeanour.models.checkpoints import content_hash, fit, read_state_dict
from demeanour.models.description import Description, Request, identity, looks
from demeanour.models.preprocessing import EXAMPLE, stated_preprocessing
from demeanour.models.probe import are_probabilities, classes_of, pictures
from demeanour.models.source import Source
from demeanour.models.torch_network import TorchNetwork, resized
from demeanour.models.user_code import imported, imported_file, told
from demeanour.views.geometry import Preprocessing

_TORCH = Path(torch.__file__).parent


class PythonNetwork(TorchNetwork):
    """A network of the user's own; see `demeanour.models.network.Network`.

    Attributes:
        head: The name of the layer whose output are the logits, if there is one.
    """

    def __init__(self, description: Description, module: nn.Module, side: int, head: str | None) -> None:
        super().__init__(description, module, side)
        self.head = head
        self._fed = threading.local()   # passes may run in several threads at once
        self._listening = threading.Lock()
        self._listens = False

    def features(self, pixels: Tensor) -> dict[str, Tensor]:
        """``pooled``: what the last linear layer is fed with, (n, width), float32.

        Raises:
            NotMeasuredError: Logits do not come out of a linear layer.
        """
        if self.head is None:
            kind = type(self.module).__name__
            raise NotMeasuredError(f"the logits of {kind} come out of no linear layer: its features are not known")
        return {"pooled": self.answers(pixels, features=True)["pooled"]}

    def answers(self, pixels: Tensor, features: bool = False) -> dict[str, Tensor]:
        """``logits``, and with ``features`` these as well where they are known, in one pass."""
        if not features or self.head is None:
            return super().answers(pixels)
        self._listen()
        return self.computed_all(lambda x: {"logits": self.module(x), "pooled": self._fed.last}, pixels)

    def _listen(self) -> None:
        assert self.head is not None
        with self._listening:
            if not self._listens:
                fed = self._fed   # not `self`: a copy of the module copies what its hooks belong to

                def keep(_: nn.Module, given: tuple[Tensor, ...]) -> None:
                    fed.last = given[0]

                self.module.get_submodule(self.head).register_forward_pre_hook(keep)
                self._listens = True

    def at(self, side: int) -> Self:
        """The same weights for another input side: by ``set_input_size``, as timm's have it, or as it is.

        Raises:
            NotMeasuredError: It does not take pictures of that side.
        """
        if side == self.side:
            return self
        if hasattr(self.module, "set_input_size"):
            return self.another(resized(self.module, side), side)
        try:
            with told(type(self.module).__name__):
                self.logits(torch.zeros(1, 3, side, side, device=self._mode["device"]))
        except EvidenceError as error:
            raise NotMeasuredError(f"it does not take pictures of {side}×{side}: {error}") from error
        return self


def load_python(source: Source, request: Request) -> PythonNetwork:
    """What the user's function returns: a module, or a pair of it and a dictionary of its preprocessing.

    Without a checkpoint its weights are as the function makes them, from one and the same seed.

    Raises:
        NotMeasuredError: A file is missing.
        EvidenceError: The user's code fails or returns something else, no preprocessing is known, or weights do not
            fit.
    """
    where = f"python:{source.name}"
    with _module(source) as (code, factory):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module, stated = _made(code, factory, where)
        native = request.preprocessing or _native(module, stated, where)
        files: list[Path] = []
        notes: tuple[str, ...] = ()
        if source.checkpoint is not None:
            state, notes = read_state_dict(Path(source.checkpoint), request.weights)
            notes = (*notes, *fit(state, module, source.checkpoint))
            files = [Path(source.checkpoint)]
        side = native.crop or native.resize or 224
        classes, head = _probed(module.float().eval(), side, request.classes, where)
    sources = _sources(code, module)
    description = Description(
        identity=identity(
            adapter="python",
            code=sorted({file_hash(path) for path in sources}),
            factory=factory,
            weights=content_hash(module.state_dict()),
        ),
        family="supervised",
        native=native,
        classes=classes,
        parameters=sum(one.numel() for one in module.parameters()),
        files=tuple(looks(path) for path in [*files, *sources]),
        notes=notes,
    )
    return PythonNetwork(description, module, side, head)


@contextmanager
def _module(source: Source) -> Iterator[tuple[ModuleType, str]]:
    place, _, factory = source.name.rpartition(":")
    if place.endswith(".py"):
        with imported_file(Path(place)) as module:
            yield module, factory
    else:
        yield imported(place), factory


def _made(code: ModuleType, factory: str, where: str) -> tuple[nn.Module, Any]:
    function = getattr(code, factory, None)
    if not callable(function):
        known = [name for name, value in vars(code).items() if callable(value) and not name.startswith("_")]
        raise EvidenceError(f"{where}: there is no function '{factory}'; {did_you_mean(factory, known)}")
    with told(where):
        made = function()
    module, stated = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(module, nn.Module):
        kind = type(made).__name__
        raise EvidenceError(f"{where}: it returns a {kind}; expected a torch module, or a pair of it and a dictionary")
    return module, stated


def _native(module: nn.Module, stated: Any, where: str) -> Preprocessing:
    stated = getattr(module, "preprocessing", None) if stated is None else stated
    if stated is None:
        raise EvidenceError(
            f"{where}: how pictures are prepared for it is not known: say `preprocessing` in the card, or return it "
            f"beside the module, as in {EXAMPLE}"
        )
    return stated_preprocessing(stated, where)


def _probed(module: nn.Module, side: int, classes: int | None, where: str) -> tuple[int, str | None]:
    """How many classes it has, and the linear layer whose output are its logits, if there is one."""
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        return lambda _, given, output: seen.update({name: output} if given[0].ndim == 2 else {})

    linear = [(name, part) for name, part in module.named_modules() if isinstance(part, nn.Linear)]
    hooks = [part.register_forward_hook(keep(name)) for name, part in linear]
    try:
        with told(where), torch.inference_mode():
            answer = module(pictures(side))
    finally:
        for hook in hooks:
            hook.remove()
    found = classes_of(answer, classes, where)
    if are_probabilities(answer):
        raise EvidenceError(f"{where}: it answers probabilities; let it return logits, as they are before the softmax")
    return found, next((name for name, output in seen.items() if torch.equal(output, answer)), None)


def _sources(code: ModuleType, module: nn.Module) -> list[Path]:
    """The files in which the factory and the classes of all layers are written, but torch's."""
    names = {code.__name__, *(type(part).__module__ for part in module.modules())}
    files = {Path(sys.modules[name].__file__ or "") for name in names if name in sys.modules}
    return sorted(path for path in files if path.is_file() and not path.is_relative_to(_TORCH))
