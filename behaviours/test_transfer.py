"""§3.6 Transferability.

How well do a model's frozen features serve a task that it was not trained for? For each of VTAB's nineteen tasks, or of
the miniature's thirteen, a linear probe (multinomial logistic regression) is fitted on the features of the training
pictures and asked about the test pictures:

    transfer accuracy = unweighted mean over tasks of (share of test pictures that the task's probe gets right)

over all tasks, and over natural, specialised and structured ones. How strongly a probe is regularised is chosen on a
validation split; labels of test pictures are seen by nothing that is fitted. The recipe of CLIP_benchmark, which the
paper names and which was published without a validation split, can be asked for instead.

Intervals tell how far test pictures of the same tasks might have fallen otherwise: those of each task are drawn for
themselves, the same for both models. Other training pictures would have made other probes; of that they know nothing.

The claims are in ``thresholds/findings/transfer.yaml``.
"""


def test_transfer(case, judge):
    verdict = judge(case)
    assert verdict.as_expected, verdict.explanation
