"""All findings whose file has no behaviours file of its own, such as a team's own under ``--findings``."""


def test_findings(case, judge):
    verdict = judge(case)
    assert verdict.as_expected, verdict.explanation
