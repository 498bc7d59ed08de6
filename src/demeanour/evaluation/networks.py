"""A cast's networks on a device: each loaded once, and once more for each other side of its input."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from demeanour.evidence.live import Live
from demeanour.evidence.plan import PLAIN
from demeanour.models.heads import Workshop
from demeanour.models.load import load
from demeanour.models.network import Network
from demeanour.models.remembered import remember
from demeanour.views.geometry import View

LONG_HEAD = 5000   # prompts that are waited for


@dataclass
class Networks:
    """Networks as the evaluation uses them.

    Attributes:
        live: The cast.
        device: As torch names it.
    """

    live: Live
    device: str
    _loaded: dict[tuple[str, int | None], Network] = field(default_factory=dict)

    def of(self, model: str, view: str = PLAIN) -> Network:
        """The network of a model, in evaluation mode, on its device, in its precision, for a view.

        Raises:
            NotMeasuredError: Something is missing.
            EvidenceError: Something is there but wrong.
        """
        seen = View.parse(view)
        side = int(seen.value) if seen.kind == "resolution" else None
        if (model, side) not in self._loaded:
            network = self._load(model) if side is None else self.of(model).at(side)
            self._loaded[model, side] = self._placed(network, model)
        return self._loaded[model, side]

    def describe(self, model: str) -> None:
        """Make a network known by its key: loaded unless it was before and is as it was."""
        if self.live.description(model) is None:
            self.of(model)

    def release(self) -> None:
        """Forget the networks, and give their memory back."""
        self._loaded.clear()

    def _load(self, model: str) -> Network:
        request = self.live.request(model)
        network = load(request, Workshop(self.live.store.root, self.device, self._prompts, self.live.store.notice))
        if self.live.description(model) is None:
            remember(request, network.description, self.live.store.root)
            self.live.learn(model, network.description)
        return network

    def _prompts(self, done: int, of: int) -> None:
        """A head of a thousand names in eighty templates takes half an hour on two cores: once, and not in silence."""
        if of > LONG_HEAD and (done == of or done * 20 // of != (done - 1) * 20 // of):
            self.live.store.notice(f"zero-shot head: {done:,} of {of:,} prompts are read")

    def device_of(self, model: str) -> str:
        """Where a model computes."""
        return self.live.cast.models[model].device or self.device

    def _placed(self, network: Network, model: str) -> Network:
        cast, module = self.live.cast, network.module
        convolutions = sum(isinstance(part, nn.Conv2d) for part in module.modules()) if module is not None else 0
        # a ViT's only convolution embeds its patches, and gains nothing from another order of memory
        numerics = str(cast.computes(model)["numerics"])
        device = self.device_of(model)
        return network.to(device, numerics, channels_last=convolutions > 1, compiled=cast.compiled)
