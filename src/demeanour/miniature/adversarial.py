"""Which pictures A holds: ``python -m demeanour.miniature.adversarial``, after the reference network was trained.

As with ImageNet-A (Hendrycks et al., 2021), a picture is taken when a network that is none of the cast names another
class and gives the right one a probability below .15. The numbers of the pictures are kept in the repository, so that
everybody has the same set without the network.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from demeanour.files import write_whole
from demeanour.miniature.drawing.render import render
from demeanour.miniature.learning.cast import load, logits, preprocess
from demeanour.miniature.names import CLASSES, CLASSES_A
from demeanour.miniature.sizes import SIZES
from demeanour.miniature.variants import UNSEEN, adversarial_pool
from demeanour.miniature.worlds import labels_of

NETWORK = "reference"
UNLIKELY = 0.15   # the right class's probability is below this, as in the original
STEP, LIMIT = 1024, 100_000   # of the pool: how many are looked at between two looks at how many are found, and in all
CHOSEN = Path(__file__).with_name("adversarial.json")


def choose(model: nn.Module, count: int) -> dict[str, list[float]]:
    """The first pictures of the pool that a network gets wrong.

    Args:
        model: The network, in evaluation mode, on the CPU.
        count: How many are wanted.

    Returns:
        ``numbers`` of the pictures, ``guesses`` (class indices), and the probabilities ``of_label`` and ``of_guess``.

    Raises:
        ValueError: The pool does not hold so many, or those found leave out a class of the set.
    """
    found: dict[str, list[float]] = {"numbers": [], "guesses": [], "of_label": [], "of_guess": []}
    for start in range(0, LIMIT, STEP):
        numbers = np.arange(start, start + STEP)
        draft, shown = adversarial_pool(numbers)
        labels = labels_of(draft)
        with torch.inference_mode():
            p = logits(model, preprocess(render(shown), NETWORK)).softmax(dim=1).double().numpy()
        guesses, of_label = p.argmax(axis=1), p[np.arange(STEP), labels]
        taken = (guesses != labels) & (of_label < UNLIKELY) & (draft.exposure >= UNSEEN)
        found["numbers"] += numbers[taken].tolist()
        found["guesses"] += guesses[taken].tolist()
        found["of_label"] += of_label[taken].round(6).tolist()
        found["of_guess"] += p.max(axis=1)[taken].round(6).tolist()
        if len(found["numbers"]) >= count:
            break
    chosen = {name: column[:count] for name, column in found.items()}
    shown_classes = labels_of(adversarial_pool(np.asarray(chosen["numbers"], dtype=np.int64))[0])
    missing = {CLASSES.index(name) for name in CLASSES_A} - set(shown_classes.tolist())
    if len(chosen["numbers"]) < count or missing:
        raise ValueError(f"{len(chosen['numbers'])} of {count} pictures found, without classes {sorted(missing)}")
    return chosen


def main() -> int:
    """Choose for every size and write the list."""
    model = load(NETWORK)
    chosen = {size: choose(model, counts.a) for size, counts in SIZES.items()}
    write_whole(CHOSEN, json.dumps(chosen) + "\n")
    for size, columns in chosen.items():
        print(f"{size}: {len(columns['numbers'])} of the first {int(max(columns['numbers'])) + 1} pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
