"""Training loops of the miniature cast, which can be stopped at any time and go on as if they had not been.

The batch of a step and what is done to it follow from the seed and the step alone, so that training in one go and in
pieces gives the same weights.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import math
import pickle
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from open_clip.loss import ClipLoss
from timm.optim import param_groups_weight_decay  # type: ignore[attr-defined]
from torch import Tensor, nn
from torch.nn import functional

from demeanour.errors import EvidenceError
from demeanour.files import write_whole
from demeanour.miniature.learning import networks
from demeanour.miniature.learning.cast import logits, preprocess, zero_shot_head
from demeanour.miniature.learning.precision import fast_on_cpu, numerics
from demeanour.miniature.learning.recipe import Recipe, augmented, batch_of
from demeanour.miniature.names import CLASSES, TEMPLATES

POINTS = 20   # of the learning curve
KEEP_EVERY = 45.0   # seconds between checkpoints
TELL_EVERY = 15.0
LARGEST_SCALE = math.log(100)   # of CLIP's logits, as in the original
PROMPTS = [template.format(name) for name in CLASSES for template in TEMPLATES]


class Pictures(Protocol):
    """Pictures to learn from, wherever they lie.

    Attributes:
        labels: (n,), −1 where a picture is of no class.
        captions: One of each picture.
    """

    labels: NDArray[np.int64]
    captions: list[str]

    def __len__(self) -> int: ...

    def images(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Some of the pictures, (n, 64, 64, 3)."""
        ...


@dataclass(frozen=True)
class Trained:
    """A finished network.

    Attributes:
        model: With averaged weights, in evaluation mode.
        curve: Step, presentations, seconds, loss since the point before, learning rate, accuracy on the selection set.
        seconds: That training took, interruptions left out.
    """

    model: nn.Module
    curve: list[dict[str, float]]
    seconds: float


@dataclass(frozen=True)
class Trainer:
    """What a training run is made of.

    Attributes:
        name: The role.
        recipe: How it is trained.
        seed: Of weights, order and augmentation.
        pictures: To learn from.
        selection: Labelled pictures for the learning curve.
        folder: Where checkpoints are kept.
        device: ``cpu`` or ``cuda``.
        tell: Is told of progress.
    """

    name: str
    recipe: Recipe
    seed: int
    pictures: Pictures
    selection: Pictures
    folder: Path
    device: str
    tell: Callable[[str], None]

    @property
    def checkpoint(self) -> Path:
        """Of this run only: another recipe, seed or number of pictures has another."""
        parts = json.dumps([asdict(self.recipe), self.seed, len(self.pictures)])
        return self.folder / f"{self.name}-{hashlib.sha256(parts.encode()).hexdigest()[:12]}.pt"

    def run(self, until: int | None = None) -> Trained:
        """Train from where the last checkpoint was, or from the start.

        Args:
            until: Stop after this many steps, leaving a checkpoint; for tests.

        Raises:
            EvidenceError: If pictures or checkpoint cannot be used, or the loss is no number.
        """
        self._check()
        clip = networks.role_of(self.name).paradigm == "clip"
        texts = self.pictures.captions if clip else []
        average = networks.untrained(self.name, self.seed, [*texts, *PROMPTS]).to(self.device)
        model = copy.deepcopy(average)
        average.eval()
        groups = param_groups_weight_decay(model, self.recipe.weight_decay, no_weight_decay_list=_undecayed(model))
        optimiser = torch.optim.AdamW(groups, lr=self.recipe.learning_rate, fused=True)
        state = _State(model, average, optimiser)
        if self.checkpoint.exists():
            state.load(self.checkpoint, self.device)
            self.tell(f"{self.name}: going on after step {state.step} of {self.recipe.steps}")
        fast_on_cpu(model, self.device)
        targets = _tokens(self.name, texts) if clip else torch.from_numpy(self.pictures.labels)
        loss_of = _contrastive if clip else _supervised
        points = {round(self.recipe.steps * (i + 1) / POINTS) for i in range(POINTS)}
        kept = told = time.monotonic()
        told_step, end = state.step, self.recipe.steps if until is None else min(until, self.recipe.steps)
        while state.step < end:
            begun = time.monotonic()
            indices = batch_of(state.step, self.recipe.batch, len(self.pictures), self.seed)
            images = augmented(self.pictures.images(indices), state.step, self.seed)
            pixels, aim = preprocess(images, self.name).to(self.device), targets[indices].to(self.device)
            rate = self.recipe.rate(state.step)
            for group in optimiser.param_groups:
                group["lr"] = rate
            model.train()
            with numerics(self.device, self.recipe.precision):
                loss = loss_of(model, pixels, aim, self.recipe)
            value = loss.item()
            if not math.isfinite(value):
                raise EvidenceError(f"{self.name}: the loss of step {state.step} is {value}; try a lower learning rate")
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), self.recipe.gradient_norm)
            optimiser.step()
            optimiser.zero_grad()
            state.advance(value, self.recipe.averaging)
            now = time.monotonic()
            state.seconds += now - begun
            if state.step in points:
                state.record(rate, self.recipe.batch, self._accuracy(average))
                self.tell(f"{self.name}: selection accuracy {state.curve[-1]['accuracy']:.1%} after step {state.step}")
            if now - kept > KEEP_EVERY:
                state.save(self.checkpoint)
                kept = now
            if now - told > TELL_EVERY:
                speed = (state.step - told_step) * self.recipe.batch / (now - told)
                left = (self.recipe.steps - state.step) * self.recipe.batch / speed / 60
                progress = f"step {state.step} of {self.recipe.steps}, loss {value:.3f}"
                self.tell(f"{self.name}: {progress}, {speed:.0f} img/s, {left:.0f} min left")
                told, told_step = now, state.step
        state.save(self.checkpoint)
        return Trained(average, state.curve, state.seconds)

    def _check(self) -> None:
        if not len(self.pictures):
            raise EvidenceError(f"{self.name}: there are no training pictures")
        if not (self.selection.labels >= 0).any():
            raise EvidenceError(f"{self.name}: there are no labelled selection pictures")
        if networks.role_of(self.name).paradigm == "supervised" and self.pictures.labels.min() < 0:
            raise EvidenceError(f"{self.name}: some training pictures have no label")
        if self.device != "cpu" and not torch.cuda.is_available():
            raise EvidenceError(f"there is no '{self.device}' here; use --device cpu")

    def _accuracy(self, model: nn.Module) -> float:
        return accuracy(model, self.name, self.selection, self.device)


def accuracy(model: nn.Module, name: str, pictures: Pictures, device: str) -> float:
    """Share of pictures whose class a model names: zero-shot for CLIP models; pictures of no class are left out."""
    right, known = 0, np.flatnonzero(pictures.labels >= 0)
    clip = networks.role_of(name).paradigm == "clip"
    model.eval()
    with torch.inference_mode():
        head = zero_shot_head(model, name) if clip else None
        for part in np.array_split(known, max(1, len(known) // 256)):
            scores = logits(model, preprocess(pictures.images(part), name).to(device), head)
            right += int((scores.argmax(dim=1).cpu().numpy() == pictures.labels[part]).sum())
    return right / len(known)


@dataclass
class _State:
    """All that a run needs to go on."""

    model: Any   # timm's and open_clip's modules have attributes that `nn.Module` has not
    average: nn.Module
    optimiser: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    loss: float = 0.0
    losses: int = 0

    def __post_init__(self) -> None:
        self.curve: list[dict[str, float]] = []

    def advance(self, loss: float, decay: float) -> None:
        """A step is done: let the average follow, faster at the start."""
        self.step, self.loss, self.losses = self.step + 1, self.loss + loss, self.losses + 1
        decay = min(decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, value in zip(self.average.state_dict().values(), self.model.state_dict().values(), strict=True):
                if mean.is_floating_point():
                    mean.lerp_(value, 1 - decay)
                else:
                    mean.copy_(value)
            if hasattr(self.model, "logit_scale"):
                self.model.logit_scale.clamp_(max=LARGEST_SCALE)

    def record(self, rate: float, batch: int, accuracy: float) -> None:
        """Add a point to the learning curve."""
        self.curve.append({
            "step": self.step, "presentations": self.step * batch, "seconds": round(self.seconds, 1),
            "loss": self.loss / self.losses, "learning_rate": rate, "accuracy": accuracy,
        })  # fmt: skip
        self.loss, self.losses = 0.0, 0

    def save(self, path: Path) -> None:
        """Write a checkpoint whole or not at all."""
        buffer = io.BytesIO()
        torch.save(
            {
                "model": self.model.state_dict(), "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(), "step": self.step, "seconds": self.seconds,
                "loss": self.loss, "losses": self.losses, "curve": self.curve,
            },
            buffer,
        )  # fmt: skip
        write_whole(path, buffer.getvalue(), durable=True)

    def load(self, path: Path, device: str) -> None:
        """Go back to where a checkpoint was written."""
        try:
            found: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
            self.model.load_state_dict(found["model"])
            self.average.load_state_dict(found["average"])
            self.optimiser.load_state_dict(found["optimiser"])
            self.step, self.seconds = found["step"], found["seconds"]
            self.loss, self.losses, self.curve = found["loss"], found["losses"], found["curve"]
        except (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError) as error:
            raise EvidenceError(f"{path} cannot be read ({error}); remove it to start this model anew") from error


def _undecayed(model: Any) -> set[str]:
    named: set[str] = model.no_weight_decay() if hasattr(model, "no_weight_decay") else set()
    return named


def _tokens(name: str, texts: list[str]) -> Tensor:
    tokenizer = open_clip.get_tokenizer(networks.role_of(name).network)
    return torch.cat([tokenizer(texts[i : i + 4096]) for i in range(0, len(texts), 4096)])


def _supervised(model: nn.Module, pixels: Tensor, labels: Tensor, recipe: Recipe) -> Tensor:
    return functional.cross_entropy(model(pixels).float(), labels, label_smoothing=recipe.label_smoothing)


def _contrastive(model: Any, pixels: Tensor, tokens: Tensor, _: Recipe) -> Tensor:
    seen, read = model.encode_image(pixels).float(), model.encode_text(tokens).float()
    with torch.autocast(pixels.device.type, enabled=False):   # cosines times a hundred are too fine for bf16
        loss: Tensor = ClipLoss()(
            functional.normalize(seen, dim=-1), functional.normalize(read, dim=-1), model.logit_scale.exp()
        )
    return loss
