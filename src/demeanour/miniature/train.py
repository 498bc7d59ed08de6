"""Training of the miniature cast: ``python -m demeanour.miniature.train``; can be stopped at any time and run again."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import torch

from demeanour.errors import NotMeasuredError, ThresholdsError, did_you_mean
from demeanour.files import cache_root
from demeanour.miniature.learning import cast, networks
from demeanour.miniature.learning.pictures import training_pictures
from demeanour.miniature.learning.recipe import Recipe
from demeanour.miniature.learning.training import Trained, Trainer

PICTURES = {"supervised": ("narrow", 40_960), "clip": ("wide", 81_920)}
SELECTION = 2048
RECIPES = {
    "ViT-sup": Recipe(200_000),
    "ConvNeXt-sup": Recipe(105_000),
    "ViT-clip": Recipe(170_000, batch=256),
    "ConvNeXt-clip": Recipe(400_000, batch=256),
    "reference": Recipe(60_000),
}
IT_IS_NOT = (
    "Trained on rendered 64×64 pictures of sixteen solids by the recipe in this repository. It is no ImageNet model, "
    "has not the weights of any published model, and says nothing about one: it stands in for the models of the paper "
    "so that every analysis can run without network, GPU or ImageNet."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train models one after the other; returns the exit code: 0, 11 pictures or weights are wrong, 12 options are."""
    options = _parser().parse_args(arguments)
    try:
        _check(options)
        for name in options.models:
            _train(name, options)
    except NotMeasuredError as error:
        print(error, file=sys.stderr)
        return 11
    except (ThresholdsError, OSError) as error:
        print(error, file=sys.stderr)
        return 12
    return 0


def _check(options: argparse.Namespace) -> None:
    for name in options.models:
        if name not in RECIPES:
            raise ThresholdsError(f"the miniature cast has no '{name}'; {did_you_mean(name, RECIPES)}")
    for option in ("presentations", "pictures"):
        number = getattr(options, option)
        if number is not None and number < 1:
            raise ThresholdsError(f"--{option} is a number of pictures, at least 1, not {number}")


def _train(name: str, options: argparse.Namespace) -> None:
    recipe = RECIPES[name]
    if options.presentations is not None:
        recipe = replace(recipe, presentations=options.presentations)
    recipe = replace(recipe, precision=options.precision)
    world, count = PICTURES[networks.role_of(name).paradigm]
    pictures = training_pictures(world, options.pictures or count, options.folder / "pictures", _tell)
    selection = training_pictures("selection", SELECTION, options.folder / "pictures", _tell)
    folder = options.folder / "checkpoints"
    trainer = Trainer(name, recipe, options.seed, pictures, selection, folder, options.device, _tell)
    trained = trainer.run()
    told = card(name, trained, recipe, options.seed, {"world": world, "pictures": len(pictures)})
    path = cast.put(trained.model, name, options.out, told, trained.curve)
    _tell(f"{name}: {path}, selection accuracy {trained.curve[-1]['accuracy']:.1%}")


def card(name: str, trained: Trained, recipe: Recipe, seed: int, data: dict[str, object]) -> dict[str, object]:
    """What is to be known of a trained model."""
    role = networks.role_of(name)
    image, text = networks.parameters(trained.model)
    mean, std = cast.normalisation(name)
    return {
        "role": name, "architecture": role.architecture, "paradigm": role.paradigm, "network": role.network,
        "about": IT_IS_NOT,
        "parameters": {"image_tower": image, "text_tower": text}, "flops": networks.flops(trained.model),
        "mean": mean, "std": std, "data": data, "seed": seed, "recipe": asdict(recipe),
        "presentations": recipe.steps * recipe.batch, "seconds": round(trained.seconds),
        "selection_accuracy": trained.curve[-1]["accuracy"],
        "versions": {
            "python": platform.python_version(), "torch": torch.__version__, "timm": version("timm"),
            "open_clip": version("open_clip_torch"),
        },
    }  # fmt: skip


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demeanour.miniature.train", description=__doc__)
    add = parser.add_argument
    add("--models", nargs="+", default=list(RECIPES), metavar="ROLE", help=f"of {', '.join(RECIPES)}; default all")
    add("--presentations", type=int, metavar="N", help="pictures shown to each model; default by the recipe")
    add("--pictures", type=int, metavar="N", help="different pictures to learn from; default by the recipe")
    add("--seed", type=int, default=0)
    add("--device", default="cpu", choices=("cpu", "cuda"))
    add("--precision", default="bf16", choices=("bf16", "fp32"))
    add("--folder", type=Path, default=cache_root() / "miniature-training", help="for pictures and checkpoints")
    add("--out", type=Path, default=cast.WEIGHTS, help="for finished weights, cards and curves")
    return parser


if __name__ == "__main__":
    sys.exit(main())
