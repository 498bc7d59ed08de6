"""The tables of ``docs/miniature.md``: Markdown from what was measured and from the cards of the weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from demeanour.measures.groups import ALL
from demeanour.miniature.formats.pug import VARIED
from demeanour.miniature.sizes import SIZES, Counts, Size
from demeanour.miniature.world import TASKS
from demeanour.statistics.power import POWER, decidable_margin, se_from_discordance
from demeanour.vocabulary import CORRUPTIONS, FACTORS

WEIGHTS = "../src/demeanour/miniature/learning/weights"   # as the page finds them
DISCORDANCE = 0.2   # of two models, for the smallest difference that a set decides
FEW = 150   # images of a factor: with fewer, a finding decides nothing
ACCURACIES = (   # a row of the table, the set, the measure
    ("validation", "imagenet-val", "top1"),
    ("validation, ReaL's labels", "imagenet-real", "multilabel_top1"),
    ("V2", "imagenetv2", "top1"),
    ("A", "imagenet-a", "top1"),
    ("R", "imagenet-r", "top1"),
    ("Sketch", "imagenet-sketch", "top1"),
    ("Hard", "imagenet-hard", "multilabel_top1"),
    ("C, mean of 75", "imagenet-c", "corruption_accuracy"),
    ("PUG, mean of ten parts", "pug-imagenet", "multilabel_top1"),
)

Content = Mapping[str, Any]
Row = Mapping[str, Any]
Values = Mapping[tuple[str, str, str, str], Row]   # by model, data set, measure, group


def largest(kept: Content) -> Size:
    """The size whose numbers are shown: of those measured the one with the most pictures."""
    return max((size for size in SIZES if size in kept["measured"]), key=lambda size: SIZES[size].validation)


def shown(kept: Content) -> Row:
    """All that was measured of that size."""
    found: Row = kept["measured"][largest(kept)]
    return found


def _of(kept: Content) -> tuple[list[str], Values]:
    """The models and their values."""
    content = shown(kept)
    values = {(row["model"], row["data"], row["measure"], row["group"]): row for row in content["values"]}
    return list(content["weights"]), values


# --- tables -----------------------------------------------------------------------------------------------------------


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _percent(row: Row) -> str:
    """A share with its interval, in per cent."""
    if row["value"] is None:
        return "–"
    bounds = row["interval"]
    limits = f" [{100 * max(0, bounds[0]):.1f}, {100 * min(1, bounds[1]):.1f}]" if bounds else ""
    return f"{100 * row['value']:.1f}{limits}"


def _signed(row: Row, digits: int = 3, factor: float = 1) -> str:
    def number(value: float) -> str:
        return f"{factor * value:+.{digits}f}".replace("-", "−")

    bounds = row["interval"]
    return number(row["value"]) + (f" [{number(bounds[0])}, {number(bounds[1])}]" if bounds else "")


def _n(row: Row) -> str:
    return f"{row['n']:,}" + (f" of {row['sources']:,} sources" if row["sources"] else "")


def _shares(kept: Content, rows: Iterable[tuple[str, str, str]], what: str) -> str:
    models, values = _of(kept)
    lines = []
    for title, data, measure in rows:
        found = [values[model, data, measure, ALL] for model in models]
        lines.append([title, *map(_percent, found), _n(found[0])])
    return _table([what, *models, "n"], lines)


# --- parts of the page ------------------------------------------------------------------------------------------------


def _cast(_kept: Content, told: Mapping[str, Row]) -> str:
    def learned_from(card: Row) -> str:
        told_of = "captions" if card["paradigm"] == "clip" else "labels"
        return f"{card['data']['pictures']:,} pictures of the {card['data']['world']} world, with {told_of}"

    def presented(card: Row) -> str:
        return f"{card['presentations']:,}, each {card['presentations'] / card['data']['pictures']:.1f} times"

    def text_tower(card: Row) -> str:
        return f"{card['parameters']['text_tower']:,}" if card["parameters"]["text_tower"] else "–"

    lines: dict[str, Callable[[Row], str]] = {
        "card": lambda card: f"[`{card['role']}.json`]({WEIGHTS}/{card['role']}.json)",
        "network": lambda card: f"`{card['network']}`, {'open_clip' if card['paradigm'] == 'clip' else 'timm'}",
        "parameters, image tower": lambda card: f"{card['parameters']['image_tower']:,}",
        "parameters, text tower": text_tower,
        "FLOPs for a picture": lambda card: f"{card['flops'] / 1e6:.1f} M",
        "learned from": learned_from,
        "pictures shown": presented,
        "batch": lambda card: f"{card['recipe']['batch']:,}",
        "training took": lambda card: duration(card["seconds"]),
        "selection accuracy": lambda card: f"{100 * card['selection_accuracy']:.1f} %",
    }
    rows = [[title, *map(cell, told.values())] for title, cell in lines.items()]
    what_it_is_not = dict.fromkeys(f"> {card['about']}" for card in told.values())
    return "\n\n".join([_table(["", *told], rows), *what_it_is_not])


def _matched(kept: Content, told: Mapping[str, Row]) -> str:
    models, values = _of(kept)
    header = ["model", "architecture", "paradigm", "learned from", "parameters", "FLOPs", "validation top-1, %"]
    names = {"vit": "ViT", "convnext": "ConvNeXt", "supervised": "supervised", "clip": "CLIP"}
    rows = [
        [name, names[card["architecture"]], names[card["paradigm"]], f"{card['data']['world']} world",
         f"{card['parameters']['image_tower'] / 1e6:.2f} M", f"{card['flops'] / 1e6:.0f} M",
         _percent(values[name, "imagenet-val", "top1", ALL])]
        for name, card in ((name, told[name]) for name in models)
    ]  # fmt: skip
    differences = [
        [f"{row['left']} − {row['right']}", names[row["paradigm"]], f"{_signed(row, 1, 100)} points", f"{row['n']:,}"]
        for row in shown(kept)["differences"]
    ]
    return "\n\n".join([
        _table(header, rows), _table(["difference", "within", "validation top-1", "n"], differences)
    ])  # fmt: skip


def _accuracy(kept: Content, _told: Mapping[str, Row]) -> str:
    size = largest(kept)
    return f"World `{size}`.\n\n" + _shares(kept, ACCURACIES, "accuracy, %")


def _calibration(kept: Content, _told: Mapping[str, Row]) -> str:
    models, values = _of(kept)
    rows = []
    for model in models:
        cells = []
        for data in ("imagenet-val", "imagenet-r"):
            gap, ece = (values[model, data, measure, ALL] for measure in ("signed_gap", "ece"))
            cells += [_signed(gap), f"{ece['value']:.3f}"]
        rows.append([model, *cells])
    n = [f"{values[models[0], data, 'signed_gap', ALL]['n']:,}" for data in ("imagenet-val", "imagenet-r")]
    header = ["", f"signed gap, validation (n = {n[0]})", "ECE", f"signed gap, R (n = {n[1]})", "ECE"]
    return _table(header, rows)


def _shape(kept: Content, _told: Mapping[str, Row]) -> str:
    models, values = _of(kept)
    asked = (("cue-conflict", "shape_bias"), ("cue-conflict", "cue_coverage"), ("imagenet-sketch", "top1"))
    found = [[values[model, data, measure, ALL] for data, measure in asked] for model in models]
    rows = [[model, *map(_percent, row)] for model, row in zip(models, found, strict=True)]
    n = [_n(row) for row in found[0]]
    header = ["", f"shape bias, % (n = {n[0]})", "decided by either cue, %", f"accuracy on Sketch, % (n = {n[2]})"]
    return _table(header, rows)


def _pug(kept: Content, _told: Mapping[str, Row]) -> str:
    rows = [(part.replace("_", " "), f"pug-imagenet/{part}", "multilabel_top1") for part in VARIED]
    return _shares(kept, rows, "accuracy, %")


def _factors(kept: Content, _told: Mapping[str, Row]) -> str:
    models, values = _of(kept)
    lines = []
    for factor in (*FACTORS, ALL):
        found = [values[model, "imagenet-x", "error_ratio", factor] for model in models]
        cells = ["–" if row["value"] is None else f"{row['value']:.2f}{_brackets(row)}" for row in found]
        lines.append(["mean of 16" if factor == ALL else factor.replace("_", " "), *cells, _n(found[0])])
    return _table(["error ratio", *models, "n"], lines)


def _brackets(row: Row) -> str:
    return f" [{row['interval'][0]:.2f}, {row['interval'][1]:.2f}]" if row["interval"] and row["n"] >= FEW else ""


def _tasks(kept: Content, _told: Mapping[str, Row]) -> str:
    classes = shown(kept)["classes"]
    rows = [(f"{name} (chance {100 / classes[name]:.0f})", f"vtab/{name}", "top1") for name in TASKS]
    return _shares(kept, rows, "accuracy of the probe, %")


def sizes() -> list[tuple[str, Callable[[Counts], int], int]]:
    """Sets, their independent sources in a world, and how many pictures each source has."""
    per_character = 65
    return [
        ("validation, V2 (each)", lambda n: n.validation, 1),
        ("A", lambda n: n.a, 1),
        ("R", lambda n: n.r, 1),
        ("Sketch", lambda n: n.sketch, 1),
        ("Hard", lambda n: n.hard, 1),
        ("C", lambda n: n.corrupted, 5 * len(CORRUPTIONS)),
        ("PUG", lambda n: 12 * n.characters, per_character),
        ("cue conflicts", lambda n: 12 * n.sources, 11),
        ("a task like VTAB's, test", lambda n: n.test, 1),
    ]


def _sizes(_kept: Content, _told: Mapping[str, Row]) -> str:
    rows = []
    for name, sources_of, each in sizes():
        cells = []
        for counts in SIZES.values():
            sources = sources_of(counts)
            margin = decidable_margin(se_from_discordance(sources, DISCORDANCE))
            cells += [f"{sources:,}" if each == 1 else f"{sources:,} × {each} = {sources * each:,}",
                      f"{'' if each == 1 else '≤ '}{100 * margin:.1f}"]   # fmt: skip
        rows.append([name, *cells])
    header = ["set", *(cell for size in SIZES for cell in (f"{size}: n", "decides, points"))]
    below = (
        f"One-sided α = .05, power {100 * POWER:.0f} %, two models of which exactly one is right on "
        f"{100 * DISCORDANCE:.0f} % of the pictures."
    )
    return f"{_table(header, rows)}\n\n{below}"


def _times(kept: Content, told: Mapping[str, Row]) -> str:
    def drawing(size: str) -> str:
        found = kept["drawn"].get(size)
        return f"{duration(found['seconds'])}, {found['processes']} processes" if found else "not measured"

    measured = {size: kept["measured"][size] for size in SIZES if size in kept["measured"]}
    lines: dict[str, Callable[[Row], str]] = {
        "pictures that each model sees": lambda content: f"{content['pictures']:,}",
        "all numbers of this page": lambda content: f"{duration(content['seconds']['all'])}, {content['on']}",
    }
    rows = [["drawing the world", *map(drawing, measured)]]
    rows += [[title, *map(cell, measured.values())] for title, cell in lines.items()]
    for name in _of(kept)[0]:
        rows.append([f"of it {name}", *(duration(content["seconds"][name]) for content in measured.values())])
    training = sum(card["seconds"] for card in told.values())
    sizes_of = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in shown(kept)["bytes"].items())
    below = f"Training all {len(told)} networks took {duration(training)}. Weights: {sizes_of}."
    return f"{_table(['', *measured], rows)}\n\n{below}"


def duration(seconds: float) -> str:
    """For people: 34 s, 12 min, 3.1 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


TABLES: dict[str, Callable[[Content, Mapping[str, Row]], str]] = {
    "cast": _cast, "matched": _matched, "accuracy": _accuracy, "calibration": _calibration, "shape": _shape,
    "pug": _pug, "factors": _factors, "tasks": _tasks, "sizes": _sizes, "times": _times,
}  # fmt: skip
