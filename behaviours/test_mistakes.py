"""§3.1 Model mistakes.

Which images does a model get wrong? ImageNet-X has people's annotations of 16 factors (pose, texture, occlusion, …)
of ImageNet's validation images. For each factor,

    error ratio = (1 − accuracy on the factor's images) / (1 − accuracy on all annotated images)

so that 1 is as hard as the average image, and lower is better. A ratio cannot exceed 1 / overall error, which favours
weak models: the odds ratio stands beside it. Six of the factors have fewer than 150 images; they are shown and never
decide anything.

The claims are in ``thresholds/findings/mistakes.yaml``.
"""


def test_mistakes(case, judge):
    verdict = judge(case)
    assert verdict.as_expected, verdict.explanation
