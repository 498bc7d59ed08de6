"""§5 Discussion: what follows from all of it.

No measure of its own stands behind a conclusion: it holds when every verdict that it follows from holds, on every data
set, and it is violated when one of them is. That all must hold needs no correction for their number. Three are drawn:

- whatever the training, ViT decides more by shape, and ConvNeXt is better on synthetic data (X1);
- CLIP models are worse calibrated and less accurate on ImageNet's variants than supervised models, and their features
  transfer better (X2);
- supervised ConvNeXt is better than supervised ViT in calibration, invariance, transfer and robustness (X3).

Which model to choose for which use is a table of every report: the models that no other one of the cast is shown to be
better than.

The claims are in ``thresholds/findings/summary.yaml``.
"""


def test_summary(case, judge):
    verdict = judge(case)
    assert verdict.as_expected, verdict.explanation
