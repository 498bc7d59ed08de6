"""Every verdict of the casts `published` and `quartet` once more, by hand: from the raw files and without the suite.

    DEMEANOUR_PUBLISHED=FOLDER python benchmarks/by_hand.py published|quartet reports/verdicts.json

Findings are written out one by one as the claims read, estimates follow the textbook, and every interval comes from
another method than the suite's: the bootstrap where the suite has a formula, a formula where it has the bootstrap,
the jackknife or exact tails. Exit code 1 if an estimate or a verdict differs or stands on one side only.
"""

# %% Imports: nothing of the suite
from __future__ import annotations

import csv
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

Array = np.ndarray[Any, Any]
TOLERANCE = 1e-6  # of a point estimate, in the measure's unit
ALPHA = 0.05  # one-sided


# %% Estimates: a value, what each image moves it by (in one order for all models), and the models' own values
class Estimate(NamedTuple):
    """A value that is about the truth plus the mean of the images' influences."""

    value: float
    influence: Array
    models: dict[str, float]

    def __sub__(self, other: Estimate | float) -> Estimate:
        """The difference from a number, or from another estimate on the same images."""
        if isinstance(other, float):
            return self._replace(value=self.value - other)
        return Estimate(self.value - other.value, self.influence - other.influence, {**other.models, **self.models})


def ratio(model: str, above: Array, below: Array) -> Estimate:
    """A ratio of two sums over images."""
    value = float(above.sum() / below.sum())
    return Estimate(value, (above - value * below) / below.mean(), {model: value})


def mean(model: str, rows: Array) -> Estimate:
    """A mean over images."""
    return ratio(model, rows, np.ones(rows.size))


def error_ratio(model: str, wrong: Array, factor: Array) -> Estimate:
    """Error on the images of a factor over the error on all images."""
    part, whole = ratio(model, wrong * factor, factor), mean(model, wrong)
    value = part.value / whole.value
    return Estimate(value, (part.influence - value * whole.influence) / whole.value, {model: value})


def bin_of(confidence: Array) -> Array:
    """The bin of each image among 15 of equal width, 0 to 14; the upper edge belongs to it."""
    return np.searchsorted(np.linspace(0, 1, 16)[1:], confidence, side="left")


def calibration_error(model: str, confidence: Array, correct: Array) -> Estimate:
    """Mean over bins, weighted by images, of the products of the gaps of all pairs of different images in the bin.

    It estimates the sum of share × μ² over the bins, where μ is a bin's mean gap; an image with gap g in it has the
    influence 2 μ g − μ² − that sum.
    """
    gap, bins = confidence - correct, bin_of(confidence)
    value, influence = 0.0, np.zeros(gap.size)
    for index in np.unique(bins):
        inside = gap[bins == index]
        pairs = inside.size * (inside.size - 1)
        assert pairs > 0, "a bin with one image has no pair"
        value += inside.size / gap.size * (inside.sum() ** 2 - (inside**2).sum()) / pairs
        influence[bins == index] = 2 * inside.mean() * inside - inside.mean() ** 2
    return Estimate(float(value), influence - influence.mean(), {model: float(value)})


# %% Intervals, by the level of one tail
def resampled(estimate: Estimate, tail: float) -> tuple[float, float]:
    """Percentile bootstrap of a mean, image by image: for means, where the suite takes t or the normal."""
    rng, n = np.random.default_rng(20_260), estimate.influence.size
    draws = [estimate.value + estimate.influence[rng.integers(0, n, n, np.int32)].mean() for _ in range(2_000)]
    low, high = np.quantile(draws, [tail, 1 - tail])
    return float(low), float(high)


def linearised(estimate: Estimate, tail: float, source: Array | None = None) -> tuple[float, float]:
    """Delta method; images of one source are taken together, which is the sandwich for clustered data."""
    sums = estimate.influence if source is None else np.bincount(source, weights=estimate.influence)
    error = sums.std(ddof=1) * np.sqrt(sums.size) / estimate.influence.size
    half = float(stats.t.ppf(1 - tail, sums.size - 1) * error)
    return estimate.value - half, estimate.value + half


# %% Verdicts: three zones, and several comparisons of which some may be spared
class Found(NamedTuple):
    """The number compared with the margin, its interval, and the word."""

    value: float
    low: float
    high: float
    word: str

    def beside(self, margin: float) -> bool:
        """Whether a limit lies within a tenth of the half-width from the margin, on either side of 0."""
        away = [abs(limit - edge) for limit in (self.low, self.high) for edge in (margin, -margin)]
        return min(away) <= 0.1 * (self.high - self.low) / 2


class Line(NamedTuple):
    """What one side says of one verdict."""

    id: str
    numbers: dict[str, float]  # margin, level, and the models' own values
    found: dict[str, Found]  # the verdict, and where there are several comparisons each of them


def zone(relation: str, margin: float, low: float, high: float) -> str:
    """Whole interval on the claimed side, on the other side, or neither."""
    above, below = low > margin, high < margin
    within = (low > -margin and below, above or high < -margin)
    claimed, other = {">": (above, below), "<": (below, above), "~": within}[relation]
    return "holds" if claimed else "violated" if other else "undecided"


def judge(
    name: str, estimates: Estimate | dict[str, Estimate], relation: str, interval: Callable[..., tuple[float, float]],
    *, margin: float = 0.0, spare: int = 0, small: frozenset[str] = frozenset(),
) -> Line:  # fmt: skip
    """All comparisons must satisfy the relation, less ``spare``; those that are ``small`` do not count."""
    several = estimates if isinstance(estimates, dict) else {"all": estimates}
    counting = [group for group in several if group not in small]
    k = len(counting) - spare
    usual = ALPHA / (spare + 1)
    for word, needed, tail in (("holds", k, usual), ("violated", spare + 1, ALPHA / k), ("undecided", 0, usual)):
        parts = {}
        for group, estimate in several.items():
            low, high = interval(estimate, tail)
            parts[group] = Found(estimate.value, low, high, zone(relation, margin, low, high))
        if sum(parts[group].word == word for group in counting) >= needed:
            break
    sign = -1 if relation == "<" else 1  # the verdict hangs on the weakest, in widths of its interval, that is needed
    support = {group: sign * (part.value - margin) / (part.high - part.low) for group, part in parts.items()}
    last = sorted(counting, key=support.__getitem__)[spare]
    found = {"verdict": parts[last]._replace(word=word), **(parts if len(parts) > 1 else {})}
    return Line(name, {"margin": margin, "level": 1 - 2 * tail, **several[last].models}, found)


# %% Raw files
FACTORS = [
    "pose", "background", "color", "pattern", "smaller", "shape", "partial_view", "subcategory", "texture", "larger",
    "darker", "object_blocking", "person_blocking", "brighter", "style", "multiple_objects",
]  # fmt: skip


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def imagenet_x(folder: Path, model: str) -> tuple[Array, Array, Array, dict[str, Array]]:
    """Confidence, whether right (50,000); which are annotated and no prototypes; which of those have each factor."""
    labels = {row["file_name"]: row["label"] for row in rows_of(folder / "filename_label.csv")}
    said = {row["file_name"]: row for row in rows_of(folder / f"{model}.csv")}
    names = sorted(labels)
    assert names == sorted(said)
    confidence = np.array([float(said[name]["predicted_probability"]) for name in names])
    correct = np.array([float(said[name]["predicted_class"] == labels[name]) for name in names])
    lines = (folder / "imagenet_x_val_top_factor.jsonl").read_text(encoding="utf-8").splitlines()
    prototypes = {row["file_name"] for row in rows_of(folder / "prototypical_paths.csv")}
    top = {row["file_name"]: row for row in map(json.loads, lines) if row["file_name"] not in prototypes}
    assert (len(names), len(top)) == (50_000, 46_110)
    factors = {factor: np.array([float(top[name][factor]) for name in names if name in top]) for factor in FACTORS}
    return confidence, correct, np.array([name in top for name in names]), factors


def cue_conflict(path: Path) -> tuple[list[str], Array, Array]:
    """The 1,200 images whose two cues differ, in order: names, decided by shape, decided by texture."""
    said = {row["imagename"]: row["object_response"] for row in rows_of(path)}
    cues = {name: [re.sub(r"\d+$", "", cue) for cue in name.removesuffix(".png").split("-")] for name in said}
    names = [name for name in sorted(said) if cues[name][0] != cues[name][1]]
    shape, texture = (np.array([float(said[name] == cues[name][i]) for name in names]) for i in (0, 1))
    return names, shape, texture


def quartet_file(path: Path) -> tuple[list[int], Array, Array]:
    """Labels, confidence, whether right: 50,000 rows without names, in one order for all four files."""
    rows = rows_of(path)
    labels = [int(row["true_label"]) for row in rows]
    right = [float(int(row["predictions"]) == label) for row, label in zip(rows, labels, strict=True)]
    return labels, np.array([float(row["probabilities"]) for row in rows]), np.array(right)


# %% The cast `published`: ResNet50 and ViT on ImageNet, the paper's four on cue-conflict images
def published(root: Path) -> Iterator[Line]:
    """Its verdicts."""
    for model in ("ResNet50", "ViT"):
        confidence, correct, kept, factors = imagenet_x(root / "imagenet-x", model)
        of = {factor: error_ratio(model, 1 - correct[kept], images) for factor, images in factors.items()}
        few = frozenset(factor for factor, images in factors.items() if images.sum() < 150)
        # C3: supervised models are underconfident on ImageNet
        gap = mean(model, confidence - correct)
        yield judge(f"calibration.supervised-underconfident[{model}]", gap, "<", resampled)
        # M5: each of six factors has a ratio above 1.25
        hard = ("smaller", "object_blocking", "person_blocking", "shape", "subcategory", "texture")
        above = {name: of[name] - 1.25 for name in hard}
        yield judge(f"mistakes.hard-factors[{model}]", above, ">", linearised, small=few)
        # M6: texture has the largest ratio; is among the two largest, which spares one factor
        over = {f"texture over {name}": of["texture"] - of[name] for name in FACTORS if name != "texture"}
        small = frozenset(f"texture over {name}" for name in few)
        yield judge(f"mistakes.texture-hardest[{model}]", over, ">", linearised, small=small)
        yield judge(f"mistakes.texture-among-two-hardest[{model}]", over, ">", linearised, small=small, spare=1)

    files = {"ViT-sup": "deit3-21k", "ConvNeXt-sup": "convnext-base-21k", "ViT-clip": "vit-clip",
             "ConvNeXt-clip": "convnext-clip"}  # fmt: skip
    read = {m: cue_conflict(root / "cue-conflict" / f"cue-conflict_{f}_session-1.csv") for m, f in files.items()}
    names = read["ViT-sup"][0]
    assert all(others == names and len(names) == 1_200 for others, _, _ in read.values())
    bias = {model: ratio(model, shape, shape + texture) for model, (_, shape, texture) in read.items()}
    vit, convnext, vit_clip, convnext_clip = bias.values()
    source = np.unique([name.split("-")[0] for name in names], return_inverse=True)[1]  # airplane1, …: 160 of the shape
    sources = partial(linearised, source=source)

    for name, difference in {
        "supervised-vit-over-convnext[supervised]": vit - convnext,  # S1: ViT above ConvNeXt, supervised
        "clip-vit-over-convnext[clip]": vit_clip - convnext_clip,  # S2: and CLIP
        "clip-over-supervised[vit]": vit_clip - vit,  # S3: CLIP above supervised
        "clip-over-supervised[convnext]": convnext_clip - convnext,
        "smaller-gap-under-clip": (vit - convnext) - (vit_clip - convnext_clip),  # S4
    }.items():
        yield judge(f"shape_texture.{name}", difference, ">", sources)
    # S5: every model decides by shape less than half of the time; CLIP's ViT above each of the others
    for model, estimate in bias.items():
        yield judge(f"shape_texture.below-half[{model}]", estimate - 0.5, "<", sources)
    over = {f"over {model}": vit_clip - other for model, other in bias.items() if model != "ViT-clip"}
    yield judge("shape_texture.clip-vit-highest[ViT-clip]", over, ">", sources)


# %% The cast `quartet`: four models on ImageNet
def quartet(root: Path) -> Iterator[Line]:
    """Its verdicts."""
    files = {"ConvNeXt-sup": "conv_sup", "ViT-sup": "ViT_sup", "ConvNeXt-clip": "convnext_clip", "ViT-clip": "ViT_CLIP"}
    read = {model: quartet_file(root / "imagenet-val-quartet" / f"{file}.csv") for model, file in files.items()}
    assert all(labels == read["ViT-sup"][0] and len(labels) == 50_000 for labels, _, _ in read.values())
    error = {model: calibration_error(model, *columns) for model, (_, *columns) in read.items()}
    right = {model: mean(model, correct) for model, (_, _, correct) in read.items()}
    gaps = {model: mean(model, confidence - correct) for model, (_, confidence, correct) in read.items()}

    for name, key in (("ConvNeXt", "convnext"), ("ViT", "vit")):
        # C1: CLIP is worse calibrated than supervised
        worse = error[f"{name}-clip"] - error[f"{name}-sup"]
        yield judge(f"calibration.clip-worse-calibrated[{key}-imagenet-val]", worse, ">", linearised)
        # R1: supervised is more accurate than CLIP; M7: by 16 points, give or take half a point
        more = right[f"{name}-sup"] - right[f"{name}-clip"]
        yield judge(f"robustness.supervised-better-on-most-sets[{key}-imagenet-val]", more, ">", resampled)
        yield judge(f"mistakes.sixteen-point-gap[{key}]", more - 0.16, "~", resampled, margin=0.005)
        # C3: supervised is underconfident; C2: CLIP is overconfident
        yield judge(f"calibration.supervised-underconfident[{name}-sup]", gaps[f"{name}-sup"], "<", resampled)
        model = f"{name}-clip"
        yield judge(f"calibration.clip-overconfident[{model}-imagenet-val]", gaps[model], ">", resampled)
        # C2: in every bin with at least 1 % of the images, CLIP's confidence exceeds its accuracy
        _, confidence, correct = read[model]
        gap = confidence - correct
        inside = {f"bin-{index + 1:02d}": (bin_of(confidence) == index).astype(float) for index in range(15)}
        bars = {b: ratio(model, gap * rows, rows) for b, rows in inside.items() if rows.mean() >= 0.01}
        yield judge(f"calibration.clip-bars-below-diagonal[{model}-imagenet-val]", bars, ">", linearised)
        # C2: CLIP's last bin has more images than each of the others
        share = {b: mean(model, rows) for b, rows in inside.items()}
        over = {f"bin-15 over {b}": share["bin-15"] - share[b] for b in inside if b != "bin-15"}
        yield judge(f"calibration.clip-last-bar-highest[{model}-imagenet-val]", over, ">", linearised)

    supervised, clip = (error[f"ConvNeXt-{kind}"] - error[f"ViT-{kind}"] for kind in ("sup", "clip"))
    for name, difference, margin in (
        ("supervised-convnext-better-than-vit[supervised-imagenet-val]", supervised, 0.0),  # C4
        ("clip-vit-better-than-convnext[clip-imagenet-val]", error["ViT-clip"] - error["ConvNeXt-clip"], 0.0),  # C5
        ("convnext-no-worse-than-vit[supervised-imagenet-val]", supervised, 0.001),  # C6: worse by less than .001
        ("convnext-no-worse-than-vit[clip-imagenet-val]", clip, 0.001),
    ):
        yield judge(f"calibration.{name}", difference, "<", linearised, margin=margin)


ELSEWHERE = r"|(synthetic|robustness|transfer|invariance|similarity|summary)\..+"   # needs other data sets
OUT_OF_SCOPE = {  # published: neither a CLIP nor a ConvNeXt on ImageNet, no ImageNet-R; quartet: ImageNet only
    "published": r"calibration\.(?!supervised-underconfident).+|mistakes\.(?!hard-factors|texture-).+" + ELSEWHERE,
    "quartet": r"shape_texture\..+|mistakes\.(?!sixteen-point-gap).+|calibration\..+(\[imagenet-r\]|-on-r)" + ELSEWHERE,
}


# %% By hand against the suite
def suite_line(verdict: dict[str, Any]) -> Line:
    """What the suite says, from its verdicts.json."""
    shown = verdict["difference"] or {"value": np.nan, "interval": (np.nan, np.nan), "margin": np.nan}
    found = {"verdict": Found(shown["value"], *shown["interval"], verdict["verdict"])}
    found |= {part["group"]: Found(part["value"], *part["interval"], part["verdict"]) for part in verdict["parts"]}
    models = {model: estimate["value"] for model, estimate in verdict["estimates"].items()}
    return Line(verdict["id"], {"margin": shown["margin"], "level": verdict["level"], **models}, found)


def outcome_of(mine: Line, suite: Line) -> str:
    """Agrees; differs; or borderline: words that differ by undecided only, with a limit by hand beside the margin."""
    if mine.numbers.keys() != suite.numbers.keys() or mine.found.keys() != suite.found.keys():
        return "differs: other models or groups"
    pairs = [(what, number, suite.numbers[what]) for what, number in mine.numbers.items()]
    pairs += [(what, found.value, suite.found[what].value) for what, found in mine.found.items()]
    differ = [f"{what} {a:.8g} ≠ {b:.8g}" for what, a, b in pairs if not abs(a - b) <= TOLERANCE]  # NaN differs
    borderline = []
    for what, found in mine.found.items():
        words = (found.word, suite.found[what].word)
        toss = "undecided" in words and found.beside(mine.numbers["margin"])
        if words[0] != words[1]:
            (borderline if toss else differ).append(f"{what} {words[0]} ≠ {words[1]}")
    head = "differs: " if differ else "borderline: " if borderline else "agrees"
    return head + "; ".join(differ or borderline)


def compare(lines: list[Line], verdicts: list[dict[str, Any]], out_of_scope: str) -> dict[str, str]:
    """Print a row for each verdict of either side; return the outcomes by id."""
    mine = {line.id: line for line in lines}
    suite = {verdict["id"]: suite_line(verdict) for verdict in verdicts}
    assert (len(mine), len(suite)) == (len(lines), len(verdicts)), "an id stands twice"
    outcomes = {}
    print(f"{'verdict':79} | {'by hand':35} | {'the suite':35} | width | outcome")
    for name in [*mine, *(name for name in suite if name not in mine)]:
        hand, theirs = (side[name].found["verdict"] if name in side else None for side in (mine, suite))
        unasked = theirs and theirs.word == "out of scope" and re.fullmatch(out_of_scope, name)
        alone = "agrees" if unasked else "differs: on one side only"
        outcomes[name] = outcome_of(mine[name], suite[name]) if hand and theirs else alone
        said = ["{3:9} {0:+.4f} [{1:+.4f}, {2:+.4f}]".format(*side) if side else "—" for side in (hand, theirs)]
        known = hand and theirs and theirs.high > theirs.low
        width = f"{(hand.high - hand.low) / (theirs.high - theirs.low):.2f}" if known else ""
        print(f"{name:79} | {said[0]:35} | {said[1]:35} | {width:5} | {outcomes[name]}")
    counts = {word: sum(o.startswith(word) for o in outcomes.values()) for word in ("agrees", "borderline", "differs")}
    print(f"{len(outcomes)} verdicts:", ", ".join(f"{word} {count}" for word, count in counts.items()))
    return outcomes


# %% The table
if __name__ == "__main__":
    cast, file = sys.argv[1], Path(sys.argv[2])
    record = json.loads(file.read_text(encoding="utf-8"))
    assert record["cast"] == cast, f"{file} is of the cast {record['cast']}"
    by_hand = list({"published": published, "quartet": quartet}[cast](Path(os.environ["DEMEANOUR_PUBLISHED"])))
    found = compare(by_hand, record["verdicts"], OUT_OF_SCOPE[cast])
    sys.exit(any(outcome.startswith("differs") for outcome in found.values()))
