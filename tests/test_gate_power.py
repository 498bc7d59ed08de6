"""With what power a policy can be proved: against enumeration, closed forms and simulation; what the commands say."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import yaml

from demeanour.cli import main
from demeanour.commands.prospects import warnings
from demeanour.evidence.gather import Evidence
from demeanour.evidence.store import Store
from demeanour.findings.candidates import Trial
from demeanour.findings.policy import load_policy
from demeanour.findings.thresholds import load_thresholds, with_trial
from demeanour.statistics.paired_power import paired_images, paired_margin, paired_power
from demeanour.statistics.power import power_of_difference, se_from_discordance
from demeanour.statistics.proportions import difference_of_counts, paired_difference
from demeanour.verdicts.gate_power import (
    ASSUMED,
    BASELINE,
    HARM,
    MEASURED,
    OF_BOUND,
    UNKNOWN,
    WAIVED,
    Prospect,
    Spread,
    all_together,
    prospect,
)
from tests.small_cast import write_small
from tests.suite_run import ROOT

Z = scipy.stats.norm.ppf(0.95)


# --- power of paired accuracies -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "discordance", "margin"), [(40, 0.3, 0.25), (60, 0.05, 0.1), (35, 1.0, 0.4)])
def test_power_is_the_sum_over_all_counts_that_show_it(n: int, discordance: float, margin: float) -> None:
    shares = [discordance / 2, discordance / 2, 1 - discordance]
    shown = 0.0
    for gained in range(n + 1):
        for lost in range(n - gained + 1):
            place = np.arange(n)
            limits = paired_difference(place < gained, (place >= gained) & (place < gained + lost))
            if limits.lower(0.05) > -margin:
                shown += scipy.stats.multinomial.pmf([gained, lost, n - gained - lost], n, shares)
    assert paired_power(n, discordance, margin) == pytest.approx(shown, abs=1e-6)


def test_power_is_how_often_equal_ones_are_shown_to_be_so() -> None:
    """3,000 draws, within three of their standard errors; a normal approximation promises .97 in place of .84."""
    n, discordance, margin, draws = 400, 0.12, 0.06, 3000
    rng = np.random.default_rng(7)
    counts = rng.multinomial(n, [discordance / 2, discordance / 2, 1 - discordance], size=draws)
    shown = np.mean([difference_of_counts(int(a), int(b), n).lower(0.05) > -margin for a, b, _ in counts])
    power = paired_power(n, discordance, margin)
    assert abs(shown - power) < 3 * sqrt(power * (1 - power) / draws)
    assert power_of_difference(se_from_discordance(n, discordance), margin) > power + 0.05


def test_power_of_many_images_is_that_of_a_normal_difference() -> None:
    se = sqrt(0.1 / 50_000)
    assert paired_power(50_000, 0.1, 0.005) == pytest.approx(scipy.stats.norm.cdf(0.005 / se - Z), abs=1e-12)


def test_without_discordant_pairs_the_rule_of_three_decides() -> None:
    least = 1 - 0.05 ** (1 / 1000)   # which is about 3 / n
    assert paired_power(1000, 0.0, least * 1.001) == 1
    assert paired_power(1000, 0.0, least * 0.999) == 0
    assert paired_margin(1000, 0.0, 0.99) == pytest.approx(least, rel=0.01)
    assert paired_images(0.0, 0.003, 0.99) == pytest.approx(np.log(0.05) / np.log(1 - 0.003), rel=0.011)


@pytest.mark.parametrize(("n", "discordance"), [(300, 0.1), (1000, 0.02), (5000, 0.1)])
def test_the_margin_is_the_smallest_and_the_images_the_fewest(n: int, discordance: float) -> None:
    margin = paired_margin(n, discordance, 0.95)
    assert paired_power(n, discordance, margin) >= 0.95 > paired_power(n, discordance, margin * 0.98)
    images = paired_images(discordance, margin, 0.95)
    assert paired_power(images, discordance, margin) >= 0.95
    assert images == pytest.approx(n, rel=0.05)


def test_more_images_a_wider_margin_and_fewer_differences_give_more_power() -> None:
    for powers in (
        [paired_power(n, 0.1, 0.05) for n in (100, 300, 900, 1900)],
        [paired_power(500, 0.1, margin) for margin in (0.02, 0.04, 0.06, 0.1)],
        [paired_power(500, discordance, 0.05) for discordance in (0.3, 0.15, 0.08, 0.03)],
    ):
        assert all(less < more for less, more in pairwise(powers)), powers


@pytest.mark.parametrize(
    "wrong", [(0, 0.1, 0.05), (100, -0.1, 0.05), (100, 1.1, 0.05), (100, 0.1, 0.0), (100, float("nan"), 0.05)]
)
def test_what_is_no_share_has_no_power(wrong: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match="no power"):
        paired_power(*wrong)


# --- spreads --------------------------------------------------------------------------------------------------------


def test_power_of_a_spread_in_closed_form() -> None:
    one = Spread("", 1000, 0.01)
    assert one.power(0.03) == pytest.approx(scipy.stats.norm.cdf(3 - Z))
    assert one.margin(0.9) == pytest.approx(0.01 * (Z + scipy.stats.norm.ppf(0.9)))
    assert one.images(one.margin(0.9), 0.9) == 1000


def test_two_sides_cost_power() -> None:
    both = Spread("", 1000, 0.01, two_sided=True)
    assert both.power(0.03) == pytest.approx(2 * scipy.stats.norm.cdf(3 - Z) - 1)
    assert both.power(0.01) == 0
    assert both.power(both.margin(0.9)) == pytest.approx(0.9)


def test_numeric_noise_takes_room_and_no_number_of_images_gives_it_back() -> None:
    quiet, noisy = Spread("", 1000, 0.01), Spread("", 1000, 0.01, noise=0.005)
    assert noisy.power(0.035) == quiet.power(0.03)
    assert noisy.margin(0.9) == quiet.margin(0.9) + 0.005
    assert noisy.power(0.004) == 0
    assert noisy.images(0.004, 0.9) is None


def test_a_bound_is_as_far_as_the_baseline_is_from_it() -> None:
    assert Spread("", 1000, 0.01, ahead=0.03).power(0) == pytest.approx(scipy.stats.norm.cdf(3 - Z))
    assert Spread("", 1000, 0.01, ahead=-0.01).power(0) == 0


def test_what_all_together_have_is_what_none_lacks() -> None:
    assert all_together([0.99, 0.98, 1.0]) == pytest.approx(0.97)
    assert all_together([0.4, 0.5]) == 0
    assert all_together([]) == 1


# --- requirements ---------------------------------------------------------------------------------------------------

ACCURACY = {"id": "gate.accuracy", "claim": "As accurate.", "measure": "top1", "data": "tiny", "margin": 0.08}
EQUAL = 40   # images on which the candidate's answer is another: half of them gained, half lost


@pytest.fixture(autouse=True)
def _where_no_other_cast_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder of thresholds with the works that findings name, but without casts, which take their time to be read."""
    (tmp_path / "thresholds" / "casts").mkdir(parents=True)
    (tmp_path / "thresholds" / "findings").symlink_to(ROOT / "thresholds" / "findings")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEMEANOUR_CACHE", str(tmp_path / "store"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The small cast, and an equal of its model ``sup``: right on 320 of 400 images, 20 gained and 20 lost."""
    write_small(tmp_path)
    labels = [line.split(",") for line in (tmp_path / "labels.csv").read_text().splitlines()[1:]]
    rows = [line.split(",") for line in (tmp_path / "sup.csv").read_text().splitlines()]
    label = {name: int(value) for name, value in labels}
    turned = {True: 0, False: 0}
    for row in rows[1:]:
        right = int(row[1]) == label[row[0]]
        if turned[right] < EQUAL // 2:
            row[1] = str((label[row[0]] + 1) % 10 if right else label[row[0]])
            turned[right] += 1
    (tmp_path / "retrained.csv").write_text("\n".join(",".join(row) for row in rows) + "\n")
    return tmp_path


def policy(folder: Path, *entries: dict[str, Any], **content: Any) -> Path:
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump({"about": "A test.", "requirements": list(entries), **content}))
    return path


def asked(folder: Path, entry: dict[str, Any], spec: str = "retrained.csv", **content: Any) -> Prospect:
    root = folder / "thresholds"
    loaded = load_thresholds(str(folder / "small.yaml"), folder / "findings", root)
    trial = Trial("sup", (f"predictions:{folder / spec}",))
    thresholds = with_trial(loaded, trial, policy(folder, entry, **content), root)
    return prospect(thresholds.requirements[0], Evidence(thresholds.cast, Store(folder / "store")), 0.99)


def test_both_sides_tell_on_how_many_images_they_differ(folder: Path) -> None:
    found = asked(folder, ACCURACY)
    assert (found.basis, found.must) == (MEASURED, True)
    assert found.power == pytest.approx(paired_power(400, EQUAL / 400, 0.08))
    assert found.margin == pytest.approx(paired_margin(400, EQUAL / 400, 0.99))
    assert found.needed == paired_images(EQUAL / 400, 0.08, 0.99)


def test_without_the_candidate_the_baseline_tells_and_errors_correlate_by_a_half(folder: Path) -> None:
    found = asked(folder, ACCURACY, "nowhere.csv")
    share = 321 / 402
    assert found.basis == BASELINE
    assert found.power == pytest.approx(paired_power(400, share * (1 - share), 0.08))


def test_the_same_model_tells_nothing_of_an_equal_one(folder: Path) -> None:
    (folder / "again.csv").write_bytes((folder / "sup.csv").read_bytes())
    assert asked(folder, ACCURACY, "again.csv").basis == BASELINE


def test_without_evidence_accuracies_have_an_assumed_discordance_and_others_nothing(folder: Path) -> None:
    (folder / "sup.csv").unlink()
    found = asked(folder, ACCURACY, "nowhere.csv")
    assert (found.basis, found.power) == (ASSUMED, pytest.approx(paired_power(400, 0.1, 0.08)))
    gap = {**ACCURACY, "measure": "signed_gap", "better": "same"}
    other = asked(folder, gap, "nowhere.csv")
    assert (other.basis, other.power, other.needed, other.margin) == (UNKNOWN, None, None, None)
    assert "sup.csv" in other.why


def test_a_mean_has_the_power_of_its_paired_rows(folder: Path) -> None:
    """Two-sided: 2 Φ(margin / se − z) − 1, with the standard error of the paired differences by hand."""
    found = asked(folder, {**ACCURACY, "measure": "signed_gap", "better": "same", "margin": 0.05})
    rows = np.zeros(400)
    rows[: EQUAL // 2], rows[EQUAL // 2 : EQUAL] = 1, -1
    se = rows.std(ddof=1) / 20
    assert found.basis == MEASURED
    assert found.power == pytest.approx(2 * scipy.stats.norm.cdf(0.05 / se - Z) - 1, abs=0.01)   # t of 399, not normal


def test_what_blocks_on_proof_of_harm_and_what_is_waived_need_not_be_proved(folder: Path) -> None:
    harm = asked(folder, {**ACCURACY, "burden": "harm"})
    assert (harm.basis, harm.must, harm.power) == (HARM, False, None)
    waiver = {"expect": "undecided", "reason": "few images", "until": date(2999, 1, 1)}
    assert asked(folder, ACCURACY, expect={"gate.accuracy": waiver}).basis == WAIVED
    expired = {**waiver, "until": date(2020, 1, 1)}
    assert asked(folder, ACCURACY, expect={"gate.accuracy": expired}).basis == MEASURED


def test_a_bound_is_proved_as_the_baseline_is_far_from_it(folder: Path) -> None:
    entry = {key: value for key, value in ACCURACY.items() if key != "margin"}
    found = asked(folder, {**entry, "bound": {"at_least": 0.7}})
    assert (found.basis, found.margin) == (OF_BOUND, None)
    assert found.power == pytest.approx(scipy.stats.norm.cdf(0.1 / 0.02 - Z), abs=0.01)   # √(.8 · .2 / 400) = .02
    out_of_reach = asked(folder, {**entry, "bound": {"at_least": 0.9}})
    assert (out_of_reach.power, out_of_reach.needed) == (0, None)


def test_groups_must_all_be_shown(folder: Path) -> None:
    names = ["bin-09", "bin-12"]
    entry = {**ACCURACY, "measure": "confidence_histogram", "better": "higher", "groups": names, "margin": 0.06}
    alone = [asked(folder, {**entry, "groups": [name]}, "nowhere.csv") for name in names]
    both = asked(folder, entry, "nowhere.csv")
    assert both.power == pytest.approx(1 - sum(1 - (one.power or 0) for one in alone))
    assert both.weakest is not None
    assert both.weakest.group == names[int(np.argmin([one.power or 0 for one in alone]))]
    assert both.margin is not None
    assert both.margin > max(one.margin or 0 for one in alone)


# --- the commands ---------------------------------------------------------------------------------------------------


def cast_of(folder: Path) -> list[str]:
    return ["--cast", str(folder / "small.yaml"), "--findings", str(folder / "findings")]


def plan(folder: Path, *entries: dict[str, Any], spec: str = "retrained.csv", **content: Any) -> int:
    gate = ["--gate", str(policy(folder, *entries, **content))]
    return main(["plan", *cast_of(folder), "--candidate", f"predictions:{folder / spec}", "--as", "sup", *gate])


def test_plan_tells_the_power_of_each_requirement(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    harm = {**ACCURACY, "id": "gate.harm", "burden": "harm", "margin": 0.01}
    assert plan(folder, {**ACCURACY, "margin": 0.12}, harm) == 0
    out = capsys.readouterr().out
    assert "2 requirements of policy.yaml on candidate, to replace sup:" in out
    assert "G1 gate.accuracy    0.12     400  > 99.9 %" in out
    assert "both measured: from the standard error" in out
    assert "harm only: blocks on proof of harm" in out
    assert "WARNING" not in out
    assert "released with a probability of at least > 99.9 %\n" in out
    assert "3 findings with sup in it, told again with each candidate of the cast 'small' (none):" in out
    assert "small.worse[vit]  top1 of candidate, clip; expected: as with sup" in out
    assert f"candidate on tiny: {folder / 'retrained.csv'}" in out


def test_plan_warns_where_the_images_cannot_decide(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan(folder, {**ACCURACY, "margin": 0.03}) == 10
    out = capsys.readouterr().out
    power = paired_power(400, EQUAL / 400, 0.03)
    assert f"WARNING gate.accuracy: shown with {100 * power:.1f} % only, for a candidate that equals" in out
    assert f"; {paired_images(EQUAL / 400, 0.03, 0.99):,} images give 99 %, and so does a margin of " in out
    assert plan(folder, {**ACCURACY, "margin": 0.08}, power=0.5) == 0


def test_plan_of_a_bound_out_of_reach_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = {key: value for key, value in ACCURACY.items() if key != "margin"}
    assert plan(folder, {**entry, "bound": {"at_least": 0.95}}) == 10
    assert "the baseline itself does not reach the bound" in capsys.readouterr().out


def test_plan_without_evidence_tells_what_is_assumed_and_what_is_missing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "sup.csv").unlink()
    gap = {**ACCURACY, "id": "gate.gap", "measure": "signed_gap", "better": "same"}
    assert plan(folder, {**ACCURACY, "margin": 0.03}, gap, spec="nowhere.csv") == 11
    out = capsys.readouterr().out
    assert "WARNING gate.accuracy: " in out
    assert "exactly one of the two is right about 10 % of the images" in out
    assert "not known yet (G2): " in out
    assert "; nothing is known of 1 others" in out


def test_many_requirements_that_must_be_proved_are_warned_of(folder: Path) -> None:
    one, harm = asked(folder, ACCURACY), asked(folder, {**ACCURACY, "burden": "harm"})
    told = "WARNING 11 requirements must all be proved, more than 10"
    assert any(line.startswith(told) for line in warnings([one] * 11, 0.5))
    assert not any("more than" in line for line in warnings([*[one] * 10, harm], 0.5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--candidate", "retrained.csv"], "--candidate needs --as MODEL"),
        (["--as", "sup"], "--as needs --candidate SPEC"),
        (["--gate", "policy.yaml"], "--gate needs --candidate SPEC and --as MODEL"),
        (["--baseline", "pinned"], "--baseline needs --candidate SPEC and --as MODEL"),
        (["--candidate", "predictions:x.csv", "--as", "supp", "--gate", "policy.yaml"], "did you mean 'sup'?"),
        (["--candidate", "predictions:x.csv", "--as", "sup", "--gate", "nowhere.yaml"], "there is no such policy"),
    ],
)
def test_plan_refuses_half_a_trial(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    policy(folder, ACCURACY)
    assert main(["plan", *cast_of(folder), *options]) == 12
    assert message in capsys.readouterr().err


def suggest(folder: Path, *options: str) -> int:
    return main(["baseline", "suggest", *cast_of(folder), "--as", "sup", *options])


def test_suggest_tells_margins_that_can_be_decided(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gate = policy(folder, {**ACCURACY, "margin": 0.03})
    assert suggest(folder, "--gate", str(gate), "--candidate", f"predictions:{folder / 'retrained.csv'}") == 0
    out = capsys.readouterr().out
    assert "a probability of 99 % each:" in out
    margin = ceil(1000 * paired_margin(400, EQUAL / 400, 0.99)) / 1000
    assert f"G1 gate.accuracy         0.03      {margin:5g}     400  both measured" in out
    assert suggest(folder, "--gate", str(gate), "--power", "0.8") == 0
    assert "baseline measured: " in capsys.readouterr().out


def test_what_suggest_writes_is_a_policy_that_can_be_decided(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bound = {"id": "gate.floor", "claim": "Right.", "measure": "top1", "data": "tiny", "bound": {"at_least": 0.5}}
    waiver = {"gate.accuracy": {"expect": "violated", "reason": "known", "until": date(2999, 1, 1)}}
    gate = policy(folder, {**ACCURACY, "margin": 0.03}, bound, power=0.8, expect=waiver)
    written = folder / "suggested.yaml"
    assert suggest(folder, "--gate", str(gate), "--power", "0.97", "--write", str(written)) == 0
    cast = load_thresholds(str(folder / "small.yaml"), folder / "findings", folder / "thresholds").cast
    before, after = load_policy(gate, [cast]), load_policy(written, [cast])
    assert after.power == 0.97
    assert after.expect == before.expect
    assert after.requirements[1] == before.requirements[1]
    share = 321 / 402
    least = paired_margin(400, share * (1 - share), 0.97)
    assert after.requirements[0].margin == {"default": pytest.approx(ceil(1000 * least) / 1000)}
    capsys.readouterr()
    options = ["--candidate", f"predictions:{folder / 'nowhere.csv'}", "--as", "sup", "--gate", str(written)]
    assert main(["plan", *cast_of(folder), *options]) == 11   # for the candidate is missing
    assert "WARNING" not in capsys.readouterr().out


def test_suggest_keeps_what_it_cannot_tell(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "sup.csv").unlink()
    gap = {**ACCURACY, "measure": "signed_gap", "better": "same"}
    written = folder / "suggested.yaml"
    assert suggest(folder, "--gate", str(policy(folder, gap)), "--write", str(written)) == 11
    assert "not known yet (G1): " in capsys.readouterr().out
    assert yaml.safe_load(written.read_text())["requirements"][0]["margin"] == 0.08


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--power", "0.3"], "--power 0.3: a probability from 0.5 to below 1"),
        (["--power", "1"], "--power 1: a probability"),
        (["--write", "policy.yaml"], "policy.yaml exists; name another file"),
        (["--as", "supp"], "did you mean 'sup'?"),
    ],
)
def test_suggest_refuses_what_it_cannot_use(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    gate = policy(folder, ACCURACY)
    before = gate.read_bytes()
    monkeypatch.chdir(folder)
    assert suggest(folder, "--gate", str(gate), *options) == 12
    assert message in capsys.readouterr().err
    assert gate.read_bytes() == before
