"""§3.2 Synthetic data.

How good is a model on rendered pictures? PUG-ImageNet shows objects in virtual worlds and varies one factor at a time:
the world, the camera's pitch, yaw and roll, the object's, its scale and texture, the light of the scene. A model's one
answer among all of ImageNet's classes is looked up among PUG's, and for each factor

    accuracy = right answers / pictures in which the factor varies

with the unweighted mean of the ten. Pictures of one object go together and are resampled together. Where no model of
the cast answers a factor better than chance, pictures are black, or labels fit only under other names, verdicts say so:
then it is the data that is at fault. Confidence is not measured here, for answers are looked up and scores are not.

The claims are in ``thresholds/findings/synthetic.yaml``.
"""


def test_synthetic(case, judge):
    verdict = judge(case)
    assert verdict.as_expected, verdict.explanation
