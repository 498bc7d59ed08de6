"""§3.2: accuracy on PUG's factors, its intervals, what looks like a fault of the data, and scores that mean nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import yaml
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import accuracy_score

from demeanour.errors import NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.live import Live
from demeanour.evidence.store import Store
from demeanour.evidence.table import PredictionTable
from demeanour.findings.load import load_cast
from demeanour.findings.pairing import Case, Comparison
from demeanour.findings.thresholds import load_thresholds, thresholds_folder
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.measures.synthetic import factor_accuracy, relabelled_accuracy
from demeanour.statistics.proportions import clopper_pearson
from demeanour.verdicts.contrast import Term, contrast, sampled
from demeanour.verdicts.judge import judge
from demeanour.verdicts.replicates import columns_of
from demeanour.vocabulary import PUG_FACTORS
from tests.datasets.small_trees import encoded, plant
from tests.paper_tables import said_by
from tests.test_contrast import rendered

MEASURE = MEASURES["factor_accuracy"]
CLASSES = ("Airliner", "Bear", "Cello", "Shirt", "Sweatshirt", "Tank")


@pytest.fixture(autouse=True)
def _nothing_is_remembered_from_other_tests() -> None:
    sampled.cache_clear()


def sample(seed: int, n: int = 700) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    factor = np.r_[np.arange(10), rng.integers(0, 10, n - 10)]
    return rng.random(n) < 0.8 - 0.06 * factor, factor


# the measure


@pytest.mark.parametrize("seed", range(3))
def test_each_factor_is_scikit_learn_s_accuracy_and_all_is_their_mean(seed: int) -> None:
    correct, factor = sample(seed)
    found = factor_accuracy(correct, factor)
    of_each = [accuracy_score(np.ones((factor == k).sum(), bool), correct[factor == k]) for k in range(10)]
    assert list(found) == ["all", *PUG_FACTORS]
    assert [float(found[name]) for name in PUG_FACTORS] == pytest.approx(of_each)
    assert float(found["all"]) == pytest.approx(np.mean(of_each)) != pytest.approx(correct.mean())


def test_whole_weights_are_repeated_images_and_one_row_for_each_resample() -> None:
    correct, factor = sample(3)
    weights = np.random.default_rng(3).integers(1, 4, (2, 5, 700))
    together = factor_accuracy(correct, factor, weights=weights)
    for draw in np.ndindex(2, 5):
        repeated = factor_accuracy(np.repeat(correct, weights[draw]), np.repeat(factor, weights[draw]))
        for name, value in repeated.items():
            assert together[name][draw] == pytest.approx(value)


def test_a_factor_without_images_leaves_the_mean_undefined() -> None:
    correct, factor = sample(4)
    found = factor_accuracy(correct[factor != 9], factor[factor != 9])
    assert {name for name, value in found.items() if np.isnan(value)} == {"all", "Scene_Light"}


@pytest.mark.parametrize("wrong", [-1, 10])
def test_a_factor_out_of_range_is_refused(wrong: int) -> None:
    correct, factor = sample(5)
    factor[17] = wrong
    with pytest.raises(ValueError, match="factors must lie in 0 … 9"):
        factor_accuracy(correct, factor)


def test_the_figure_s_averages_are_the_means_of_its_bars() -> None:
    for model, average in zip(MODELS, (29.4, 32.1, 25.1, 27.0), strict=True):
        assert round(100 * of_figure()[model, "pug-imagenet", ALL], 1) == pytest.approx(average, abs=0.15)


# intervals


def test_a_factor_is_decided_as_a_share_of_its_images_by_their_objects() -> None:
    one, other = rendered("one", 0), rendered("other", 1)
    found = contrast(MEASURE, (Term(1, one, "Worlds"), Term(-1, other, "Worlds")))
    member = one.column("factor") == 0
    rows = one.column("correct")[member].astype(float) - other.column("correct")[member].astype(float)
    by_object = rows.reshape(60, 7).mean(axis=1)
    expected = scipy.stats.t.interval(0.9, 59, by_object.mean(), scipy.stats.sem(by_object))
    assert found.limits.interval(0.9) == pytest.approx(expected)
    assert found.n == 420
    alone = contrast(MEASURE, (Term(1, one, "Worlds"),)).limits
    by_object = one.column("correct")[member].reshape(60, 7).mean(axis=1)
    assert alone.interval(0.9) == pytest.approx(
        scipy.stats.t.interval(0.9, 59, by_object.mean(), scipy.stats.sem(by_object))
    )


def test_a_factor_of_unclustered_images_is_exact() -> None:
    one = rendered("one", 0, clusters=())
    right = one.column("correct")[one.column("factor") == 3]
    found = contrast(MEASURE, (Term(1, one, "Camera_Roll"),)).limits
    assert found.interval(0.9) == clopper_pearson(int(right.sum()), len(right)).interval(0.9)


def test_a_factor_that_nobody_answers_has_a_limit_and_not_none() -> None:
    one = rendered("one", 0)
    answers = one.columns["prediction"].copy()
    answers[one.columns["factor"] == 9] = 12
    one.columns["prediction"] = answers
    found = contrast(MEASURE, (Term(1, one, "Scene_Light"),)).limits
    assert found.value == 0
    assert found.upper(0.05) == pytest.approx(1 - 0.05 ** (1 / 60))   # of 60 objects none


def test_the_mean_of_factors_is_jackknifed_over_whole_objects() -> None:
    one, other = rendered("one", 0), rendered("other", 1)
    found = contrast(MEASURE, (Term(1, one, ALL), Term(-1, other, ALL))).limits
    each = [
        float(one.column("correct")[one.column("factor") == k].mean())
        - float(other.column("correct")[other.column("factor") == k].mean())
        for k in range(10)
    ]
    assert found.value == pytest.approx(np.mean(each))
    assert found.method == "grouped jackknife, 30 groups"
    rows = one.column("correct").astype(float) - other.column("correct").astype(float)
    se = scipy.stats.sem(rows.reshape(60, 70).mean(axis=1))   # objects are equally large
    assert found.upper(0.05) - found.value == pytest.approx(1.67 * se, rel=0.2)


# other labels


@pytest.mark.parametrize("seed", range(5))
def test_a_permutation_of_labels_is_found_and_is_the_best_assignment(seed: int) -> None:
    rng = np.random.default_rng(seed)
    label, order = rng.integers(0, 20, 2000), rng.permutation(20)
    prediction = np.where(rng.random(2000) < 0.7, order[label], rng.integers(0, 21, 2000))   # 20: none of them
    half = rng.random(2000) < 0.5
    pairs = np.zeros((20, 21))
    np.add.at(pairs, (label[half], prediction[half]), 1)
    rows, columns = linear_sum_assignment(-pairs[:, :20])
    expected = (columns[label] == prediction)[~half].mean()
    assert (rows == np.arange(20)).all()
    assert relabelled_accuracy(prediction, label, half) == pytest.approx(expected)
    assert expected > 0.65


def test_other_labels_gain_nothing_where_answers_have_nothing_to_do_with_labels() -> None:
    rng = np.random.default_rng(0)
    label, half = rng.integers(0, 20, 4000), rng.random(4000) < 0.5
    assert relabelled_accuracy(rng.integers(0, 20, 4000), label, half) < 0.08
    assert relabelled_accuracy(np.full(4000, 3), label, half) < 0.08   # one-to-one: one answer is one label's
    assert relabelled_accuracy(np.full(4000, 99), label, half) == 0


@pytest.mark.parametrize("all_of_them", [True, False])
def test_nothing_to_fit_on_or_to_try_is_nan(all_of_them: bool) -> None:
    assert np.isnan(relabelled_accuracy(np.arange(4), np.arange(4), np.full(4, all_of_them)))


# what looks like a fault of the data


def written(folder: Path, moved: int = 0, right: float = 0.7, black: bool = False, models: int = 2) -> Evidence:
    """Pictures of six classes in ten factors, and models that answer by what is shown.

    ``moved``: by how many folders the classes of Scene_Light are shifted; ``right``: of its pictures.
    """
    many = {part: 26 if part == "Scene_Light" else 4 for part in PUG_FACTORS}
    names = [f"{part}/{name}/{n}.png" for part in PUG_FACTORS for name in CLASSES for n in range(many[part])]
    root = plant(folder / "pug", names)
    if black:
        for path in (root / "Scene_Light").glob("*/*.png"):
            path.write_bytes(encoded(np.zeros((4, 4, 3), np.uint8)))
    cards = {}
    for model in range(models):
        rng = np.random.default_rng(model)
        rows = []
        for name in names:
            part, label = name.split("/")[0], CLASSES.index(name.split("/")[1])
            light = part == "Scene_Light"
            shown = (label + moved) % 6 if light else label
            wrong = (shown + rng.integers(1, 6)) % 6
            rows.append(f"{name},{shown if rng.random() < (right if light else 0.8) else wrong}")
        (folder / f"model-{model}.csv").write_text("id,prediction\n" + "\n".join(rows) + "\n")
        cards[f"model-{model}"] = {
            "source": f"predictions:model-{model}.csv", "architecture": "vit", "paradigm": "supervised",
            "data": ["pug-imagenet"],
        }  # fmt: skip
    data = {"pug-imagenet": {"reader": "pug", "root": "pug", "images": len(names), "classes": 6}}
    cast = {"about": "a test", "protocol": "none", "models": cards, "data": data}
    (folder / "cast.yaml").write_text(yaml.safe_dump(cast))
    found, _, problems = load_cast(folder / "cast.yaml")
    assert found is not None, problems
    return Evidence(found, Store(folder / "store"))


def reason(evidence: Evidence, name: str = "poor-under-changed-light") -> str:
    findings = load_thresholds("miniature", None, thresholds_folder()).findings.findings
    case = Case("x.y", findings[f"synthetic.{name}"], ("pug-imagenet",), "", (Comparison("", ((1, ("model-0",)),)),))
    return judge(case, evidence).reason


def test_data_without_a_fault_are_not_doubted(tmp_path: Path) -> None:
    told = reason(written(tmp_path))
    assert told.startswith("Scene_Light: model-0 − 0.03 = ")
    assert "fault" not in told
    assert "nearly black" not in told


def test_a_factor_that_no_model_answers_is_doubted(tmp_path: Path) -> None:
    evidence = written(tmp_path, right=1 / 6)
    told = reason(evidence)
    assert "Scene_Light: none of 2 models is right on more than" in told
    assert "(chance: 16.7%), which looks like a fault of the data" in told
    assert "each other's names" not in told
    assert "none of 2 models" in reason(evidence, "convnext-better")   # whatever is said of PUG
    assert list((tmp_path / "store" / "decisions").glob("*.txt"))


def test_a_factor_that_one_model_answers_is_not_doubted(tmp_path: Path) -> None:
    evidence = written(tmp_path, right=1 / 6)
    table = (tmp_path / "model-1.csv").read_text().splitlines()
    rows = [f"{row.split(',')[0]},{CLASSES.index(row.split('/')[1])}" for row in table[1:]]
    (tmp_path / "model-1.csv").write_text("\n".join([table[0], *rows]) + "\n")
    assert "none of" not in reason(evidence)


def test_folders_that_are_shifted_are_told(tmp_path: Path) -> None:
    told = reason(written(tmp_path, moved=1))
    assert "Scene_Light: none of 2 models is right on more than" in told
    assert "if its folders had each other's names, as fitted on half of the images" in told
    assert "labels do not fit the pictures" in told


def test_black_pictures_are_told_beside_the_verdict(tmp_path: Path) -> None:
    told = reason(written(tmp_path, black=True))
    assert "Scene_Light: 8 of 8 pictures that were looked at are nearly black" in told
    assert "nearly black" not in reason(written(tmp_path / "light"))


def test_what_is_said_of_another_factor_is_not_told_of_light(tmp_path: Path) -> None:
    evidence = written(tmp_path)
    for path in (tmp_path / "pug" / "Worlds").glob("*/*.png"):
        path.write_bytes(encoded(np.zeros((4, 4, 3), np.uint8)))
    assert "nearly black" not in reason(evidence)
    assert "Worlds: 8 of 8 pictures" in reason(evidence, "convnext-better")


def test_a_model_that_is_missing_leaves_what_the_pictures_tell(tmp_path: Path) -> None:
    evidence = written(tmp_path, right=1 / 6, black=True)
    (tmp_path / "model-1.csv").unlink()
    told = reason(evidence)
    assert "none of" not in told
    assert "nearly black" in told


# scores of mapped answers


def mapped(folder: Path, card: dict[str, object]) -> Evidence:
    names = [f"{part}/{name}/{n}.png" for part in PUG_FACTORS for name in CLASSES for n in range(2)]
    root = plant(folder / "pug", names)
    indices = {name: [number] for number, name in enumerate(CLASSES)} | {"Sweatshirt": [3], "Tank": [5, 6]}
    (root / "class_to_imagenet_idx.json").write_text(json.dumps(indices))
    models = {"one": {"architecture": "vit", "paradigm": "supervised", "data": ["pug-imagenet"], **card}}
    data = {"pug-imagenet": {
        "reader": "pug", "root": "pug", "images": 120, "classes": 6, "label_space": "pug-imagenet"}}  # fmt: skip
    (folder / "cast.yaml").write_text(yaml.safe_dump(
        {"about": "a test", "protocol": "native", "models": models, "data": data}))  # fmt: skip
    found, _, problems = load_cast(folder / "cast.yaml")
    assert found is not None, problems
    return Evidence(found, Store(folder / "store"))


SCORED = ("calibration_error", "ece", "signed_gap", "confidence_histogram", "low_confidence", "nll", "brier", "top5",
          "temperature", "classwise_ece", "ece_temperature_scaled")  # fmt: skip


def check_only_answers(evidence: Evidence) -> None:
    found = evidence.observations("one", "pug-imagenet")
    assert np.isfinite(float(MEASURE.values(columns_of(MEASURE, (found,)))[ALL]))
    for measure in SCORED:
        with pytest.raises(NotMeasuredError, match=r"no column|tells no more"):
            columns_of(MEASURES[measure], (found,))


def test_of_a_network_s_mapped_answers_nothing_that_needs_scores_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = mapped(tmp_path, {"source": "timm:resnet18"})
    frame = evidence.live.pictures("pug-imagenet").frame
    ones = np.full(120, 0.5)
    columns = {"prediction": frame.columns["label"], "confidence": ones, "probability_of_label": ones, "sum_p2": ones,
               "rank_of_label": np.ones(120, int), "top5": np.zeros((120, 5), int), "log_sum_exp": ones}  # fmt: skip
    monkeypatch.setattr(Live, "table", lambda *_: PredictionTable(frame.ids, columns))
    check_only_answers(evidence)


def test_of_mapped_logits_in_files_nothing_that_needs_scores_is_measured(tmp_path: Path) -> None:
    evidence = mapped(tmp_path, {"source": "predictions:one.npz"})
    ids = evidence.live.pictures("pug-imagenet").frame.ids
    logits = np.random.default_rng(0).normal(size=(120, 8))
    np.savez(tmp_path / "one.npz", ids=ids, logits=logits)
    check_only_answers(evidence)
    label = evidence.observations("one", "pug-imagenet").column("label")
    assert evidence.observations("one", "pug-imagenet").column("prediction").tolist() == [
        {0: 0, 1: 1, 2: 2, 3: 4, 5: 5, 6: 5}.get(answer, 6) for answer in logits.argmax(axis=1).tolist()
    ]
    assert not evidence.observations("one", "pug-imagenet").column("correct")[label == 3].any()   # Shirt


# the findings


MODELS = ("ViT-sup", "ConvNeXt-sup", "ViT-clip", "ConvNeXt-clip")
FIGURE = """
Worlds          32.2  31.4  20.6  22.5
Camera_Pitch    34.1  35.7  29.1  29.4
Camera_Yaw      41.6  47.4  38.0  41.4
Camera_Roll     27.7  30.5  23.4  23.2
Object_Pitch    23.7  27.7  20.4  21.3
Object_Yaw      41.8  47.4  37.3  41.4
Object_Roll     23.0  26.5  19.2  18.0
Object_Scale    37.8  42.7  35.4  39.5
Object_Texture  29.4  31.7  28.1  31.4
Scene_Light      2.5   0.6   0.6   1.6
"""


def of_figure() -> dict[tuple[str, str, str], float]:
    lines = [line.split() for line in FIGURE.strip().splitlines()]
    rows = {name: [float(value) / 100 for value in values] for name, *values in lines}
    rows[ALL] = np.mean(list(rows.values()), axis=0).tolist()
    return {(model, "pug-imagenet", name): values[k] for name, values in rows.items() for k, model in enumerate(MODELS)}


def test_the_findings_say_what_the_figure_says_but_for_the_one_it_contradicts() -> None:
    said = said_by("synthetic", of_figure())
    assert {case.finding.label for case, _ in said} == {"P1", "P2", "P3", "P4", "P5"}
    contradicted = {case.finding.id for case, holds in said if not holds}
    assert contradicted == {"synthetic.convnext-better-on-all-but-light"}
    assert {case.finding.strength_on(case.data) for case, holds in said if not holds} == {"D"}
    assert len(said) == 2 + 2 + 2 + 1 + 2 + 4


def test_shirt_is_told_of(tmp_path: Path) -> None:
    finding = load_thresholds("miniature", None, thresholds_folder()).findings.findings["synthetic.convnext-better"]
    assert finding.note is not None
    assert "Shirt is wrong for every model" in finding.note
    notes = mapped(tmp_path, {"source": "timm:resnet18"}).live.pictures("pug-imagenet").notes
    assert any("Shirt and Sweatshirt share index 3" in note for note in notes)
