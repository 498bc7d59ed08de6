"""With what power each requirement of a policy can be proved for a candidate that equals its baseline."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, sqrt

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.sources import size_of
from demeanour.findings.pairing import Case
from demeanour.measures.registry import MEASURES, Measure
from demeanour.statistics.paired_power import paired_images, paired_margin, paired_power
from demeanour.statistics.power import decidable_margin, images_needed, power_of_difference, se_from_half_width
from demeanour.statistics.zones import ALPHA, Above
from demeanour.verdicts.comparing import Compared, compare, observe_all
from demeanour.verdicts.replicates import columns_of

MOST = 10            # requirements that must be proved: more cost power, for all must hold at once
DISCORDANCE = 0.1    # assumed of two models nobody has asked yet: the share of images that only one of them gets right
MEASURED, BASELINE, OF_BOUND, ASSUMED = "both measured", "baseline measured", "baseline's distance", "assumed"
HARM, WAIVED, UNKNOWN, UNFORETOLD = "harm only", "waived", "not known yet", "not foretold"
BASES = {   # what the power of a requirement may rest on, best known first
    MEASURED: "from the standard error of the difference over the same images",
    BASELINE: "from the half-width of the baseline's own interval: right where errors correlate by a half",
    OF_BOUND: "from where the baseline's own value lies, and its interval",
    ASSUMED: f"nobody was asked yet: exactly one of the two is right about {100 * DISCORDANCE:g} % of the images",
    HARM: "blocks on proof of harm, and need not be proved",
    WAIVED: "the policy accepts that it cannot be decided",
    UNFORETOLD: "of the network itself: a count is no sample, and times are of the machine that takes them",
}
_ACCURACIES = ("top1", "top5", "multilabel_top1")
_SHARING = ("imagenet-c", "corruptions", "cue-conflict", "pug", "views", "probe")   # readers of images that go together


@dataclass(frozen=True)
class Spread:
    """How far what is compared with a margin strays where a candidate equals its baseline.

    Attributes:
        group: What it is about, in words.
        n: How many images speak of it.
        se: The standard error.
        discordance: Of a difference of accuracies over images that are drawn one by one: the share on which exactly one
            is right, from which power follows exactly; else None.
        noise: By how much limits are widened for what rounding does.
        two_sided: Whether it must be shown on both sides.
        ahead: Of an absolute bound, how far the baseline lies on the right side of it; else None.
    """

    group: str
    n: int
    se: float
    discordance: float | None = None
    noise: float = 0.0
    two_sided: bool = False
    ahead: float | None = None

    def power(self, margin: float) -> float:
        """The probability that the candidate is shown to be within the margin, or beyond the bound; in [0, 1]."""
        room = (margin if self.ahead is None else self.ahead) - self.noise
        if room <= 0:
            return 0.0
        if self.discordance is not None:
            one_side = paired_power(self.n, self.discordance, room)
        else:
            one_side = power_of_difference(self.se, room)
        return max(0.0, 2 * one_side - 1) if self.two_sided else one_side

    def margin(self, power: float) -> float:
        """The smallest margin within which the candidate is shown to be, with this power."""
        wished = (1 + power) / 2 if self.two_sided else power
        if self.discordance is not None:
            return self.noise + paired_margin(self.n, self.discordance, wished)
        return self.noise + decidable_margin(self.se, wished)

    def images(self, margin: float, power: float) -> int | None:
        """How many like images would show it, with this power; None where no number would."""
        room = (margin if self.ahead is None else self.ahead) - self.noise
        if room <= 0:
            return None
        wished = (1 + power) / 2 if self.two_sided else power
        if self.discordance is not None:
            return paired_images(self.discordance, room, wished)
        return images_needed(self.se, self.n, room, wished)


@dataclass(frozen=True)
class Prospect:
    """What can be proved of one requirement.

    Attributes:
        case: The requirement, on its data.
        wished: The power that is to be reached, in [.5, 1).
        basis: What is known, one of `BASES`, or ``not known yet``.
        spreads: Of each group that must hold; none where nothing is known, or nothing has to be proved.
        why: Why nothing is known.
    """

    case: Case
    wished: float
    basis: str = UNKNOWN
    spreads: tuple[Spread, ...] = ()
    why: str = ""

    @property
    def must(self) -> bool:
        """Whether the candidate has to prove it."""
        return self.basis not in (HARM, WAIVED)

    @cached_property
    def power(self) -> float | None:
        """With what probability it is shown for a candidate that equals its baseline: of several groups, at least."""
        return all_together(self._of_groups) if self.spreads else None

    @property
    def weakest(self) -> Spread | None:
        """Of the groups, the one that is hardest to prove."""
        return self.spreads[self._of_groups.index(min(self._of_groups))] if self.spreads else None

    @cached_property
    def needed(self) -> int | None:
        """How many images would show it with the wished power; None where no number would, or none is known."""
        return self.weakest.images(self.case.finding.margin, self._of_each) if self.weakest else None

    @cached_property
    def margin(self) -> float | None:
        """The smallest margin that is shown with the wished power; None of a bound, and where none is known."""
        if not self.spreads or self.case.finding.bound is not None:
            return None
        return max(one.margin(self._of_each) for one in self.spreads)

    @cached_property
    def _of_groups(self) -> list[float]:
        return [one.power(self.case.finding.margin) for one in self.spreads]

    @property
    def _of_each(self) -> float:
        """The power that each group must have for all to have the wished one."""
        return 1 - (1 - self.wished) / len(self.spreads)


def prospect(case: Case, evidence: Evidence, wished: float) -> Prospect:
    """With what power a requirement can be proved, from the best that is known.

    That is: both sides' answers, where both are there; else the baseline's own, the half-width of whose interval is
    taken for the standard error of the difference, which is right where errors correlate by a half; else of accuracies
    the number of images, and a tenth of them on which exactly one of the two is right. A requirement of several groups
    has at least the power that is left when what each lacks is summed up (Bonferroni).

    Args:
        case: A requirement's case, with a candidate.
        evidence: What is known of the cast's models.
        wished: The power that is to be reached, in [.5, 1).
    """
    if case.burden == "harm":
        return Prospect(case, wished, HARM)
    waiver, today = evidence.cast.expectation(case.finding.id, case.id), datetime.datetime.now(datetime.UTC).date()
    if waiver is not None and waiver.expect == "undecided" and not waiver.expired(today):
        return Prospect(case, wished, WAIVED)
    if MEASURES[case.finding.measure].of_network:
        return Prospect(case, wished, UNFORETOLD)
    try:
        return Prospect(case, wished, *_known(case, evidence))
    except NotMeasuredError as error:
        return Prospect(case, wished, why=str(error))


def all_together(power: Iterable[float]) -> float:
    """At least how probable it is that all are shown, whatever their dependence: 1 − Σ (1 − power), at least 0."""
    return max(0.0, 1 - sum(1 - one for one in power))


def _known(case: Case, evidence: Evidence) -> tuple[str, tuple[Spread, ...]]:
    """What is known, and the spread of each group that must hold.

    Raises:
        NotMeasuredError: Nothing is known.
    """
    measure, role = MEASURES[case.finding.measure], str(evidence.cast.role)
    try:
        if case.is_paired and not _is_same(case, evidence):
            return MEASURED, _spreads(case, measure, evidence)
    except NotMeasuredError:
        pass   # the baseline alone may be known
    alone = tuple(replace(one, terms=((1, (role,)),)) for one in case.comparisons)
    try:
        found = _spreads(replace(case, comparisons=alone), measure, evidence)
        return BASELINE if case.is_paired else OF_BOUND, found
    except NotMeasuredError:
        assumed = _assumed(case, evidence)
        if assumed is None:
            raise
        return ASSUMED, (assumed,)


def _is_same(case: Case, evidence: Evidence) -> bool:
    """Whether both sides are one model, which tells nothing of two that are as good."""
    candidate, baseline = case.models
    return all(evidence.same(candidate, baseline, data) for data in case.sets)


def _spreads(case: Case, measure: Measure, evidence: Evidence) -> tuple[Spread, ...]:
    observed = observe_all(case, evidence)
    measure = measure.named(next(iter(observed.values())).names)
    compared, _ = compare(case, measure, observed)
    counted = [one for one in compared if one.counts]
    if not counted:
        raise NotMeasuredError(f"no group has {case.finding.min_n} images or more")
    return tuple(_spread(one, measure, bounded=case.finding.bound is not None) for one in counted)


def _spread(one: Compared, measure: Measure, bounded: bool) -> Spread:
    """From limits at the deciding level: from the side that the margin lies on, where that is known."""
    claimed, noise = one.claimed, one.found.noise
    low, high = claimed.value - claimed.lower(ALPHA) - noise, claimed.upper(ALPHA) - claimed.value - noise
    two_sided = not isinstance(one.claim, Above)
    half = max(low, high) if two_sided else low
    if len(one.terms[0]) == 1 and not bounded:   # of a difference whose other side is not known
        half = (low + high) / 2
    if not 0 < half < inf:
        raise NotMeasuredError(f"{measure.name}: its interval does not tell its standard error")
    se, ahead = se_from_half_width(half), one.claim.distance(claimed) if bounded else None
    return Spread(one.group, one.found.n, se, None if bounded else _discordance(one, measure), noise, two_sided, ahead)


def _discordance(one: Compared, measure: Measure) -> float | None:
    """Of accuracies whose limits are those of counts of pairs; of one alone, what a correlation of a half leaves."""
    terms = one.terms[0]
    counts = measure.method == "proportion" and measure.rows is not None and not measure.of_sources
    if not counts or measure.rows is None or len(one.terms) > 1 or terms[0].observed.clusters:
        return None
    rows = [measure.rows(term.group, columns_of(measure, term.subject)) for term in terms]
    if len(rows) > 1:
        return float((rows[0] != rows[1]).mean())
    share = (float(rows[0].sum()) + 1) / (len(rows[0]) + 2)   # as if one more were right, and one wrong: never 0
    return share * (1 - share)


def _assumed(case: Case, evidence: Evidence) -> Spread | None:
    """Of accuracies over images that are drawn one by one, in a number that the card tells or that was published."""
    cards = [evidence.cast.data[data] for data in case.sets]
    unknown = case.finding.measure not in _ACCURACIES or case.finding.groups or not case.is_paired or len(cards) > 1
    if unknown or cards[0].reader in _SHARING:
        return None
    try:
        n, _ = size_of(case.sets[0], cards[0])
    except EvidenceError:
        return None
    two_sided = case.finding.relation == "left ~ right"
    return Spread("", n, sqrt(DISCORDANCE / n), DISCORDANCE, two_sided=two_sided)


def too_weak(found: Sequence[Prospect], wished: float) -> list[Prospect]:
    """Those that a candidate as good as its baseline would not be shown to meet with the wished power."""
    return [one for one in found if one.power is not None and one.power < wished]
