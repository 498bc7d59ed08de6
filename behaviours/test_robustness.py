"""§3.5 Robustness.

How much of a model's accuracy is left where pictures are others than it was trained on? ImageNet-V2 was collected anew,
ImageNet-A is what an earlier network got wrong, -C is corrupted (15 corruptions of five severities), -R are renditions,
Sketch drawings, ReaL has better labels, and -Hard is what is left of several of them when zooming does not help.

    average = unweighted mean of the seven accuracies; the validation set stands beside it

On ReaL and Hard an answer is right with any of a picture's labels. Seventy-five pictures of ImageNet-C show the same
original and go together; ReaL and C are of the validation set's pictures and Hard of several sets', so that the average
takes them to err together. mCE and relative mCE stand beside verdicts on ImageNet-C. How far a model lies from what its
accuracy on the validation set lets one expect (effective robustness) is told, and decides nothing: a line through a few
models is no law.

The claims are in ``thresholds/findings/robustness.yaml``.
"""


def test_robustness(case, judge):
    verdict = judge(case)
    assert verdict.as_expected, verdict.explanation
