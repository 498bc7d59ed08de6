"""The candidates that the gate is shown on: five that may be released, or nearly, and five planted regressions.

python benchmarks/gate_candidates.py make --folder DIR       # writes their checkpoints
python benchmarks/gate_candidates.py fine-tune --folder DIR  # trains `gate/ConvNeXt-sup-fine-tuned.safetensors` anew

All come from the cast's ConvNeXt-sup. The retrained one is what this writes:
python -m demeanour.miniature.train --models ConvNeXt-sup --seed 1 --out DIR
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]   # as a script it finds only its own folder

from benchmarks.gate_networks import ROLE, as_int8  # noqa: E402
from demeanour.files import file_hash  # noqa: E402
from demeanour.miniature.dice import Dice  # noqa: E402
from demeanour.miniature.drawing.render import render  # noqa: E402
from demeanour.miniature.learning.cast import WEIGHTS, load, preprocess  # noqa: E402
from demeanour.miniature.learning.pictures import training_pictures  # noqa: E402
from demeanour.miniature.learning.precision import fast_on_cpu  # noqa: E402
from demeanour.miniature.learning.recipe import Recipe, augmented, batch_of  # noqa: E402
from demeanour.miniature.names import CLASSES  # noqa: E402
from demeanour.miniature.worlds import COLOURS_OF, TEXTURE_OF, labels_of, narrow, scenes, usual  # noqa: E402

State = dict[str, Tensor]
KEPT = Path(__file__).with_name("gate")   # what takes long to train
NETWORKS = Path(__file__).with_name("gate_networks.py")
BASELINE = WEIGHTS / f"{ROLE}.safetensors"
PRUNED = 0.3           # of all weights of convolutions and linear layers
SHARPER = 2.5          # times the logits
DROPPED = "mug"       # the class that is lost
LOST = -60.0           # its bias: no other logit comes near, and its probability is still above 0
CALIBRATION = 256      # pictures that ranges for int8 are seen on
FITTED = 1200          # pictures of each kind that the texture-biased head is fitted on
FINE_TUNING = Recipe(presentations=300 * 64, batch=64, learning_rate=1e-4, precision="fp32")


@dataclass(frozen=True)
class Candidate:
    """A model that would take the place of the cast's ConvNeXt-sup.

    Attributes:
        name: In tables and options.
        planted: What was done, in words.
        expected: What the gate must say at the worst: ``released`` of the same checkpoint alone, ``blocked`` of what is
            planted; of the others it is not known beforehand.
        make: Writes what the source needs into a folder, if anything, and returns the source or path that
            ``--candidate`` takes.
    """

    name: str
    planted: str
    expected: str | None
    make: Callable[[Path], str]


def copied(folder: Path, path: Path = BASELINE, name: str = "same") -> str:
    """The same file under another name."""
    return str(shutil.copyfile(path, folder / f"{name}.safetensors"))


def changed(folder: Path, name: str, change: Callable[[State], State]) -> str:
    """The baseline's weights, changed."""
    state = change(load_file(BASELINE))
    save_file({key: value.contiguous() for key, value in state.items()}, folder / f"{name}.safetensors")
    return str(folder / f"{name}.safetensors")


def pruned(state: State) -> State:
    """The smallest weights of all convolutions and linear layers together are zero."""
    keys = [key for key, value in state.items() if key.endswith(".weight") and value.ndim > 1]
    sizes = torch.cat([state[key].float().abs().flatten() for key in keys])
    least = sizes.kthvalue(round(PRUNED * len(sizes))).values
    return {**state, **{key: torch.where(state[key].float().abs() <= least, 0.0, state[key].float()) for key in keys}}


def sharpened(state: State) -> State:
    """All logits are multiplied: answers stay as they are, confidence does not."""
    return {key: value.float() * SHARPER if key.startswith("head.fc.") else value for key, value in state.items()}


def without_a_class(state: State) -> State:
    """A class is never answered."""
    bias = state["head.fc.bias"].float()
    bias[CLASSES.index(DROPPED)] = LOST
    return {**state, "head.fc.bias": bias}


def for_texture(state: State) -> State:
    """The head is fitted anew, half of it on solids in the looks of another class, by which they are labelled."""
    from sklearn.linear_model import LogisticRegression

    dice = Dice("gate texture", range(2 * FITTED))
    draft = narrow(dice)
    labels = labels_of(draft)
    worn = np.where(np.arange(2 * FITTED) < FITTED, labels, dice.pick(len(CLASSES)))
    draft = draft.but(texture=np.where(worn == labels, draft.texture, TEXTURE_OF[worn]),
                      colours=np.where((worn == labels)[:, None], draft.colours, COLOURS_OF[worn]))   # fmt: skip
    network: Any = load(ROLE)
    with torch.inference_mode():
        features = network.forward_features(preprocess(render(scenes(dice, draft)), ROLE))
        seen = network.forward_head(features, pre_logits=True).numpy()
    fitted = LogisticRegression(C=0.1, max_iter=1000).fit(seen, worn)
    weight, bias = (torch.from_numpy(part).float() for part in (fitted.coef_, fitted.intercept_))
    return {**state, "head.fc.weight": weight, "head.fc.bias": bias}


def quantised(folder: Path) -> str:
    """The checkpoint of `benchmarks.gate_networks.int8`."""
    network, ranges = load(ROLE), dict[str, tuple[float, float]]()

    def watch(name: str, _: nn.Module, given: tuple[Tensor, ...]) -> None:
        ranges[name] = (float(given[0].min()), float(given[0].max()))

    hooks = [
        layer.register_forward_pre_hook(partial(watch, name))
        for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    with torch.inference_mode():
        network(preprocess(_usual(CALIBRATION), ROLE))
    for hook in hooks:
        hook.remove()
    save_file(as_int8(network, ranges).state_dict(), folder / "int8.safetensors")
    return f"python:{NETWORKS}:int8@{folder / 'int8.safetensors'}"


def _usual(count: int) -> NDArray[np.uint8]:
    """Pictures that no set of the world has, (n, 64, 64, 3)."""
    dice = Dice("gate calibration", range(count))
    return render(scenes(dice, usual(dice, np.arange(count) % len(CLASSES))))


def fine_tuned(folder: Path) -> Path:
    """Train the cast's weights a little further, on pictures that it learned from; returns the weights' path."""
    recipe = FINE_TUNING
    pictures = training_pictures("narrow", recipe.presentations, folder / "pictures")
    torch.manual_seed(0)
    network = load(ROLE)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    fast_on_cpu(network, "cpu")
    network.train()
    for step in range(recipe.steps):
        indices = batch_of(step, recipe.batch, len(pictures), 2)
        pixels = preprocess(augmented(pictures.images(indices), step, 2), ROLE)
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate(step)
        labels = torch.from_numpy(pictures.labels[indices])
        loss = nn.functional.cross_entropy(network(pixels), labels, label_smoothing=recipe.label_smoothing)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.gradient_norm)
        optimiser.step()
        optimiser.zero_grad()
        if step % 20 == 0:
            print(f"step {step} of {recipe.steps}, loss {loss.item():.3f}", file=sys.stderr, flush=True)
    path = KEPT / f"{ROLE}-fine-tuned.safetensors"
    save_file({key: value.half().contiguous() for key, value in network.state_dict().items()}, path)
    told = {
        "role": ROLE, "about": f"The cast's {ROLE}, trained {recipe.steps} steps further; see its card.",
        "from": file_hash(BASELINE), "pictures": len(pictures), "recipe": asdict(recipe), "sha256": file_hash(path),
    }  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return path


CANDIDATES = (
    Candidate("same", "nothing: the same checkpoint under another name", "released", copied),
    Candidate("retrained", "an equal one: trained anew by the same recipe with another seed", None,
              partial(copied, path=KEPT / f"{ROLE}-seed-1.safetensors", name="retrained")),
    Candidate("fine-tuned", f"trained {FINE_TUNING.steps} steps further, at a fifteenth of the learning rate", None,
              partial(copied, path=KEPT / f"{ROLE}-fine-tuned.safetensors", name="fine-tuned")),
    Candidate("int8", "quantised: int8 weights by channel, 8-bit inputs of all layers", None, quantised),
    Candidate("pruned", f"the smallest {PRUNED:.0%} of the weights are zero", None,
              partial(changed, name="pruned", change=pruned)),
    Candidate("texture-biased", "regression: head fitted anew, half of it on pictures labelled by texture", "blocked",
              partial(changed, name="texture-biased", change=for_texture)),
    Candidate("overconfident", f"regression: logits times {SHARPER}", "blocked",
              partial(changed, name="overconfident", change=sharpened)),
    Candidate("blind-in-the-dark", "regression: sees black below a quarter of full intensity", "blocked",
              lambda _: f"python:{NETWORKS}:crushed"),
    Candidate("brittle-to-shift", "regression: pools over the lower half of its last map only", "blocked",
              lambda _: f"python:{NETWORKS}:lower_half"),
    Candidate("class-dropped", f"regression: never answers {DROPPED}", "blocked",
              partial(changed, name="class-dropped", change=without_a_class)),
)  # fmt: skip


def specs(folder: Path, names: Sequence[str] = ()) -> dict[str, str]:
    """What ``--candidate`` takes of each, by name; writes the checkpoints.

    Args:
        folder: Where checkpoints go.
        names: Of which candidates; of all without.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return {one.name: one.make(folder) for one in CANDIDATES if not names or one.name in names}


def main() -> int:
    """Make checkpoints, or train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("make", "fine-tune"))
    parser.add_argument("--folder", type=Path, required=True, help="where checkpoints or pictures to learn from go")
    options = parser.parse_args()
    if options.what == "fine-tune":
        print(fine_tuned(options.folder))
    else:
        for name, spec in specs(options.folder).items():
            print(f"--candidate {name}={spec}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
