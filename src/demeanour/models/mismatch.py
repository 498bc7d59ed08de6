"""Weights that do not fit a network: which ones, and what is probably wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_SHOWN = 3
_HEADS = ("head.weight", "head.fc.weight", "fc.weight", "classifier.weight", "classif.weight", "last_linear.weight")
_POSITIONS = ("pos_embed", "positional_embedding", "relative_position_bias_table")
# names that tell whose network the checkpoint was made for
_FOREIGN = {
    "input_resolution": "OpenAI's CLIP, whose networks use QuickGELU: open_clip:NAME-quickgelu@FILE",
    "token_embedding.weight": "a CLIP model with its text tower: open_clip:NAME@FILE",
    "visual.": "a CLIP model: open_clip:NAME@FILE",
    "vision_model.": "Hugging Face transformers' CLIP, which has other names: open_clip:NAME@FILE of its original",
    "embeddings.patch_embeddings.": "Hugging Face transformers, which has other names: convert it to timm's",
    "encoder.stages.": "Hugging Face transformers, which has other names: convert it to timm's",
    "encoder.layers.encoder_layer_0.": "torchvision: python:MODULE:FACTORY with torchvision's own network",
    "decoder_blocks.0.": "a masked autoencoder before fine-tuning, which has no classifier",
    "features.0.": "torchvision: python:MODULE:FACTORY with torchvision's own network",
}


@dataclass(frozen=True)
class Mismatch:
    """How weights and a network differ; true where they do, and told by ``str``.

    Attributes:
        missing: Names that the network has and the weights have not.
        unexpected: Names that the weights have and the network has not.
        shapes: Shapes that differ, of the weights and of the network, by name.
    """

    missing: list[str]
    unexpected: list[str]
    shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.shapes)

    def __str__(self) -> str:
        shapes = [f"{key} is {found}, the network's {wanted}" for key, (found, wanted) in self.shapes.items()]
        lists = {"missing": self.missing, "unexpected": self.unexpected, "of another shape": shapes}
        told = [f"{len(names)} {kind} ({_few(names)})" for kind, names in lists.items() if names]
        return "; ".join([", ".join(told), *self.guesses()])

    def guesses(self) -> Iterator[str]:
        """What is probably wrong, the likeliest first."""
        for key, (found, wanted) in self.shapes.items():
            if key.endswith(_HEADS) and found[1:] == wanted[1:]:
                yield f"{key} is {found} but the model has {wanted[0]} classes: a checkpoint for other classes"
            if key.endswith(_POSITIONS):
                yield f"{key} was made for another input side: name the architecture of that side"
        if not self.unexpected and not self.shapes and self.missing and _only_a_head(self.missing):
            yield "it has no classifier: a backbone before fine-tuning"
        prefix = self._prefix()
        if prefix:
            yield f"its names have the prefix '{prefix}' before those of the network"
        for mark, whose in _FOREIGN.items():
            if any(key.startswith(mark) or f".{mark}" in key for key in self.unexpected):
                yield f"its names look like those of {whose}"
                return

    def _prefix(self) -> str:
        """What stands before the network's own names in the weights, where that explains most that is missing."""
        ends = [key.removesuffix(name) for name in self.missing[:1] for key in self.unexpected if key.endswith(name)]
        found, most = set(self.unexpected), len(self.missing) / 2
        return next((end for end in ends if end and sum(end + name in found for name in self.missing) > most), "")


def _only_a_head(names: list[str]) -> bool:
    layers = {name.rpartition(".")[0] for name in names}
    return len(layers) == 1 and any(name.endswith(_HEADS) for name in names)


def _few(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
