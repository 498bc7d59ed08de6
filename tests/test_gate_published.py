"""Published predictions of real models gated against each other: each answer is that of an interval by hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from scipy.stats import binomtest

from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import Store
from demeanour.findings.candidates import Trial, with_candidates
from demeanour.findings.pairing import Case
from demeanour.findings.policy import load_policy
from demeanour.findings.thresholds import Thresholds, load_thresholds
from demeanour.findings.trial import requirements
from demeanour.verdicts.gate import judge_case
from demeanour.verdicts.verdict import Verdict
from tests.paired_by_hand import (
    ALPHA,
    exact_p,
    exact_upper,
    mean_p,
    shape_bias_difference,
    t_p,
    tango_interval,
    tango_p,
    tango_z,
    words,
)
from tests.suite_run import ROOT, Suite

QUARTET = {"ConvNeXt-sup": "conv_sup", "ViT-sup": "ViT_sup", "ConvNeXt-clip": "convnext_clip", "ViT-clip": "ViT_CLIP"}
CUES = {"ViT-sup": "deit3-21k", "ConvNeXt-sup": "convnext-base-21k", "ViT-clip": "vit-clip",
        "ConvNeXt-clip": "convnext-clip"}   # fmt: skip
MARGINS = {"m1": 0.002, "m2": 0.005, "m3": 0.01, "m4": 0.02, "m5": 0.05, "m6": 0.12}
WIDE = {"m1": 0.02, "m2": 0.05, "m3": 0.1, "m4": 0.15}
SMALL = {"m1": 0.005, "m2": 0.02, "m3": 0.05, "m4": 0.1}
NEAR = 0.1   # standard errors: a margin so near to a limit is left to the toss of resampling


@pytest.fixture(autouse=True)
def _published(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMEANOUR_PUBLISHED", str(published))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What has been read once."""
    return tmp_path_factory.mktemp("gated")


def write_policy(folder: Path, margins: Mapping[str, float], data: str, measure: str = "top1", **more: Any) -> Path:
    """One requirement for each margin, all of one data set."""
    entries = [
        {"id": f"gate.{name}", "claim": f"Loses less than {margin}.", "measure": measure, "data": [data],
         "margin": float(margin), **more} for name, margin in margins.items()
    ]  # fmt: skip
    path = folder / f"{measure}.yaml"
    path.write_text(yaml.safe_dump({"about": "margins", "requirements": entries}))
    return path


def gated(thresholds: Thresholds, role: str, candidate: str, policy: Path, store: Path) -> dict[str, Verdict]:
    """What the gate says of each margin, with another of the cast's models as candidate."""
    required = load_policy(policy, [thresholds.cast])
    trial = Trial(role, (thresholds.cast.models[candidate].source,))
    cast = with_candidates(thresholds.cast, trial, required.expect, policy.parent)
    evidence = Evidence(cast, Store(store, print))
    cases = [case for case in requirements(required, cast) if isinstance(case, Case)]
    return {case.finding.id.removeprefix("gate."): judge_case(case, evidence) for case in cases}


def said(verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    return {name: verdict.verdict for name, verdict in verdicts.items()}


def counts(candidate: NDArray[np.bool_], baseline: NDArray[np.bool_]) -> tuple[int, int]:
    """On how many pictures only the candidate is right, and on how many only the baseline."""
    return int((candidate & ~baseline).sum()), int((baseline & ~candidate).sum())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if any(row.values())]


def test_the_quartet_on_50000_pictures_both_ways(published: Path, tmp_path: Path, store: Path) -> None:
    thresholds, policy = load_thresholds("quartet", None, ROOT / "thresholds"), tmp_path / "top1.yaml"
    write_policy(tmp_path, MARGINS, "imagenet-val")
    right = {}
    for name, file in QUARTET.items():
        rows = rows_of(published / "imagenet-val-quartet" / f"{file}.csv")
        right[name] = np.asarray([int(row["predictions"]) == int(row["true_label"]) for row in rows], dtype=float)
    found: dict[str, int] = {"holds": 0, "violated": 0, "undecided": 0}
    for role, candidate in permutations(QUARTET, 2):
        verdicts = gated(thresholds, role, candidate, policy, store)
        by_hand = words(mean_p(right[candidate] - right[role], MARGINS))
        assert said(verdicts) == by_hand, (role, candidate)
        for verdict in verdicts.values():
            assert verdict.difference is not None
            assert verdict.difference.value == pytest.approx(float((right[candidate] - right[role]).mean()), abs=1e-12)
            found[verdict.verdict] += 1
        print(f"{candidate} for {role}: {(right[candidate] - right[role]).mean():+.4f} {list(by_hand.values())}")
    assert sum(found.values()) == 12 * len(MARGINS)
    assert min(found.values()) >= 2
    print(found)


@pytest.mark.parametrize("of_limit", [0.97, 1.03])
def test_a_margin_just_beside_a_limit_is_decided_as_by_hand(
    published: Path, tmp_path: Path, store: Path, of_limit: float
) -> None:
    """Of two models whose difference 50,000 pictures tell from 0 and bound: each zone ends where it should."""
    thresholds = load_thresholds("published", None, ROOT / "thresholds")
    labels = {row["file_name"]: row["label"] for row in rows_of(published / "imagenet-x" / "filename_label.csv")}
    right = {
        name: {row["file_name"]: row["predicted_class"] == labels[row["file_name"]]
               for row in rows_of(published / "imagenet-x" / f"{name}.csv")} for name in ("ResNet50", "ViT")
    }  # fmt: skip
    rows = np.asarray([float(right["ResNet50"][name]) - right["ViT"][name] for name in labels])
    half = 1.6449 * rows.std() / np.sqrt(len(rows))
    loss = -rows.mean()
    margins = {"least": (loss + half) * of_limit, "most": (loss - half) / of_limit}
    found = {}
    for name, margin in margins.items():   # each alone: of two, Holm's method would ask more of both
        policy = write_policy(tmp_path, {name: margin}, "imagenet-val")
        verdicts = gated(thresholds, "ViT", "ResNet50", policy, store)
        assert said(verdicts) == words(mean_p(rows, {name: margin}))
        found |= said(verdicts)
    decided = {"least": "holds", "most": "violated"}
    assert found == (decided if of_limit > 1 else dict.fromkeys(decided, "undecided"))


@pytest.mark.parametrize("measure", ["top1", "signed_gap"])
def test_resnet50_and_vit_of_imagenet_x_both_ways(published: Path, tmp_path: Path, store: Path, measure: str) -> None:
    thresholds = load_thresholds("published", None, ROOT / "thresholds")
    better: dict[str, Any] = {"better": "higher"} if measure == "signed_gap" else {}   # here: more confidence is a gain
    policy = write_policy(tmp_path, MARGINS, "imagenet-val", measure, **better)
    labels = {row["file_name"]: row["label"] for row in rows_of(published / "imagenet-x" / "filename_label.csv")}
    values = {}
    for name in ("ResNet50", "ViT"):
        rows = {row["file_name"]: row for row in rows_of(published / "imagenet-x" / f"{name}.csv")}
        right = np.asarray([rows[one]["predicted_class"] == label for one, label in labels.items()], dtype=float)
        confidence = np.asarray([float(rows[one]["predicted_probability"]) for one in labels])
        values[name] = confidence - right if measure == "signed_gap" else right
    for role, candidate in permutations(values):
        verdicts = gated(thresholds, role, candidate, policy, store)
        assert said(verdicts) == words(mean_p(values[candidate] - values[role], MARGINS))


def few(published: Path, folder: Path, count: int) -> dict[str, NDArray[np.bool_]]:
    """A cast of the two models on some validation images only, spread over the classes; returns who is right."""
    source = published / "imagenet-x"
    labels = {row["file_name"]: row["label"] for row in rows_of(source / "filename_label.csv")}
    names = sorted(labels)[:: len(labels) // count][:count]
    (folder / "labels.csv").write_text("file_name,label\n" + "".join(f"{one},{labels[one]}\n" for one in names))
    right = {}
    for model in ("ResNet50", "ViT"):
        rows = {row["file_name"]: row for row in rows_of(source / f"{model}.csv")}
        lines = [f"{one},{rows[one]['predicted_class']},{rows[one]['predicted_probability']}\n" for one in names]
        (folder / f"{model}.csv").write_text("id,prediction,confidence\n" + "".join(lines))
        right[model] = np.asarray([rows[one]["predicted_class"] == labels[one] for one in names])
    card = {"architecture": "vit", "paradigm": "supervised", "data": ["few"]}
    models = {model: {**card, "source": f"predictions:{folder / model}.csv"} for model in right}
    data = {"few": {"reader": "labels", "root": "labels.csv", "images": count, "classes": 1000}}
    cast = {"about": "few pictures", "protocol": "as published", "models": models, "data": data}
    (folder / "few.yaml").write_text(yaml.safe_dump(cast))
    return right


@pytest.mark.parametrize("count", [60, 250, 650, 1500])
def test_few_pictures_are_decided_as_by_exact_limits(
    published: Path, tmp_path: Path, store: Path, count: int
) -> None:
    """Tango's score interval, which is no exact one, is narrower, and where both decide they decide alike."""
    right = few(published, tmp_path, count)
    thresholds = load_thresholds(str(tmp_path / "few.yaml"), None, ROOT / "thresholds")
    policy = write_policy(tmp_path, SMALL, "few")
    for role, candidate in permutations(right):
        gained, lost = counts(right[candidate], right[role])
        verdicts = gated(thresholds, role, candidate, policy, store)
        low, high = -exact_upper(lost, gained, count), exact_upper(gained, lost, count)
        exact, score = words(exact_p(gained, lost, count, SMALL)), words(tango_p(gained, lost, count, SMALL))
        assert said(verdicts) == exact
        assert all(word in (score[name], "undecided") for name, word in exact.items())
        for verdict in verdicts.values():
            assert verdict.difference is not None
            assert verdict.difference.interval == pytest.approx((low, high), abs=1e-9)
        of_score = tango_interval(gained, lost, count)
        assert low < of_score[0] < (gained - lost) / count < of_score[1] < high
        told = f"[{low:+.4f}, {high:+.4f}] {list(exact.values())}, score [{of_score[0]:+.4f}, {of_score[1]:+.4f}]"
        print(f"{candidate} for {role}, {count}: +{gained} −{lost} {told} {list(score.values())}")


@pytest.mark.parametrize("count", [250, 1500])
def test_any_loss_at_all_is_mcnemars_exact_test(published: Path, tmp_path: Path, store: Path, count: int) -> None:
    """Against a margin of nothing, harm is proved by the sign test, at nine tenths of α: the rest is for the rate."""
    right = few(published, tmp_path, count)
    thresholds = load_thresholds(str(tmp_path / "few.yaml"), None, ROOT / "thresholds")
    policy = write_policy(tmp_path, {"any": 1e-9}, "few")
    for role, candidate in permutations(right):
        gained, lost = counts(right[candidate], right[role])
        exact = binomtest(gained, gained + lost, alternative="less").pvalue
        verdict = gated(thresholds, role, candidate, policy, store)["any"]
        assert (verdict.verdict == "violated") == (exact <= 0.9 * ALPHA)
        assert verdict.p_harm is not None
        if exact < 0.4:
            assert verdict.p_harm == pytest.approx(exact / 0.9, rel=1e-3)


def test_an_undecided_one_says_how_many_pictures_would_decide(published: Path, tmp_path: Path, store: Path) -> None:
    """So many more of the same kind do, by the score interval too; half as many do not."""
    count = 1500
    right = few(published, tmp_path, count)
    thresholds = load_thresholds(str(tmp_path / "few.yaml"), None, ROOT / "thresholds")
    policy = write_policy(tmp_path, {"m": 0.01}, "few")
    verdict = gated(thresholds, "ViT", "ResNet50", policy, store)["m"]
    assert verdict.verdict == "undecided"
    assert verdict.shortfall is not None
    assert verdict.shortfall.images == count
    needed = verdict.shortfall.needed
    assert needed is not None
    gained, lost = counts(right["ResNet50"], right["ViT"])
    for factor, enough in ((1.15, True), (0.5, False)):
        times = needed * factor / count
        z = tango_z(round(gained * times), round(lost * times), round(count * times), -0.01)
        assert (abs(z) > 1.6449) == enough, (needed, z)
    print(f"{count:,} pictures: +{gained} −{lost}; {needed:,} would decide")


def test_shape_biases_on_cue_conflicts_both_ways(published: Path, tmp_path: Path, store: Path) -> None:
    """By resampling whole sources: as the linearised interval says, unless the margin stands at a limit."""
    thresholds = load_thresholds("published", None, ROOT / "thresholds")
    policy = write_policy(tmp_path, WIDE, "cue-conflict", "shape_bias", better="higher")
    answers, columns = {}, []
    for name, file in CUES.items():
        rows = rows_of(published / "cue-conflict" / f"cue-conflict_{file}_session-1.csv")
        rows = sorted((row for row in rows if row["imagename"]), key=lambda row: row["imagename"])
        parts = [row["imagename"].removesuffix(".png").split("-") for row in rows]
        kinds = [[one.rstrip("0123456789") for one in part] for part in parts]
        conflict = np.asarray([shape != texture for shape, texture in kinds])
        answers[name] = np.asarray([row["object_response"] for row in rows])[conflict]
        columns = [np.asarray(column)[conflict] for column in
                   ([one[0] for one in kinds], [one[1] for one in kinds], [one[0] for one in parts])]   # fmt: skip
    found, near = {"holds": 0, "violated": 0, "undecided": 0}, 0
    for role, candidate in permutations(CUES, 2):
        value, se, df = shape_bias_difference(answers[candidate], answers[role], *columns)
        verdicts, by_hand = gated(thresholds, role, candidate, policy, store), words(t_p(value, se, df, WIDE))
        for name, verdict in verdicts.items():
            assert verdict.difference is not None
            assert verdict.difference.value == pytest.approx(value, abs=1e-9)
            t = (value + WIDE[name]) / se
            if min(abs(abs(t) - limit) for limit in (1.65, 1.97, 2.16, 2.27)) > NEAR:
                assert verdict.verdict == by_hand[name], (role, candidate, name, t)
                found[verdict.verdict] += 1
            else:
                near += 1
        print(f"{candidate} for {role}: {value:+.4f} ± {1.65 * se:.4f} {list(by_hand.values())}")
    print(found, f"{near} near a limit")
    assert near < 12
    assert min(found.values()) > 3


def test_imagenetv2_in_three_editions(published: Path, tmp_path: Path, store: Path) -> None:
    """Two models that are 20 points apart; rows are in the order of the editions' own lists."""
    folder, editions = published / "imagenetv2", ("imagenetv2-a-44", "imagenetv2-b-33", "imagenetv2-c-12")
    card = {"architecture": "cnn", "paradigm": "supervised", "data": ["v2"]}
    for edition in editions:
        listed = json.loads((folder / f"{edition}.json").read_text())["image_filenames"]
        synsets = sorted({synset for _, synset in listed})
        labels = np.asarray([synsets.index(synset) for _, synset in listed])
        (tmp_path / f"{edition}.csv").write_text(
            "file_name,label\n" + "".join(f"{name},{label}\n" for (name, _), label in zip(listed, labels, strict=True))
        )
        models = {
            name: {**card, "ids": str(folder / f"{edition}.json"),
                   "source": f"predictions:{folder}/predictions/{edition}/{name}.npy"}
            for name in ("alexnet", "resnet50")
        }  # fmt: skip
        data = {"v2": {"reader": "labels", "root": f"{edition}.csv", "images": len(labels), "classes": 1000}}
        cast = {"about": edition, "protocol": "as published", "models": models, "data": data}
        (tmp_path / "v2.yaml").write_text(yaml.safe_dump(cast))
        thresholds = load_thresholds(str(tmp_path / "v2.yaml"), None, ROOT / "thresholds")
        right = {name: np.load(folder / "predictions" / edition / f"{name}.npy")[:, 0] == labels for name in models}
        difference = right["resnet50"].mean() - right["alexnet"].mean()
        margins = {"less": difference - 0.02, "about": difference, "more": difference + 0.02}
        policy = write_policy(tmp_path, margins, "v2")
        verdicts = gated(thresholds, "resnet50", "alexnet", policy, store)
        rows = right["alexnet"].astype(float) - right["resnet50"]
        assert said(verdicts) == words(mean_p(rows, margins))
        assert list(said(verdicts).values()) == ["violated", "undecided", "holds"]
        assert set(said(gated(thresholds, "alexnet", "resnet50", policy, store)).values()) == {"holds"}


def test_the_whole_path_releases_one_way_and_blocks_the_other(suite: Suite, published: Path, tmp_path: Path) -> None:
    policy = write_policy(tmp_path, {"accuracy": 0.005}, "imagenet-val")
    options = ("--cast", "published", "--gate", str(policy), "-k", "test_gate")
    runs = {
        role: suite(*options, "--as", role, "--candidate", f"{published}/imagenet-x/{other}.csv", name=role,
                    DEMEANOUR_PUBLISHED=str(published))
        for role, other in (("ResNet50", "ViT"), ("ViT", "ResNet50"))
    }  # fmt: skip
    assert {role: run.code for role, run in runs.items()} == {"ResNet50": 0, "ViT": 1}, runs["ViT"].output
    assert {role: run.words["gate.accuracy"] for role, run in runs.items()} == {"ResNet50": "holds", "ViT": "violated"}
