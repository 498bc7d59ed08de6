"""May a new checkpoint replace the one in production?

``pytest behaviours/ --candidate SPEC --as MODEL`` puts a candidate in the place of a model of the cast, its baseline.
Both see the same images, and each requirement of the release policy, ``thresholds/gate.yaml``, compares them: the
candidate may lose up to a margin, which says how much a loss matters.

- released: of every requirement it is shown, with 95 % confidence each, that the loss is below the margin;
- blocked: of some requirement it is shown that the loss is larger, with 95 % confidence in all of them together;
- undecided: neither; the report says how many images would decide;
- not measured: evidence is missing.

Without ``--candidate`` there is nothing to decide here. The other files tell then which findings of the literature hold
with the candidate as they do with its baseline; those that changed are told and block only with ``--strict``. Before
anything is believed, the gate is asked about three candidates that it must know: the baseline again, the baseline with
a defect, and answers that were mixed up.
"""


def test_gate(case, judge):
    verdict = judge(case)
    assert verdict.as_expected, verdict.explanation
