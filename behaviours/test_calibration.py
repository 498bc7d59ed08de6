"""§3.3 Model calibration.

Does a model that is 80 % sure hit 80 % of the time? Confidence is the largest probability. Predictions are put into
15 bins by confidence, (0, 1/15], …, (14/15, 1], and

    ECE = Σ over bins of (share of images) · |accuracy − mean confidence|

is what is published. It is biased upwards on few images, more than the effects of interest, so it is shown and never
decides: the debiased squared calibration error does, with a paired grouped jackknife. ECE also has no sign: the
signed gap, mean confidence − accuracy, tells over- from underconfidence.

The claims are in ``thresholds/findings/calibration.yaml``.
"""


def test_calibration(case, judge):
    verdict = judge(case)
    assert verdict.as_expected, verdict.explanation
