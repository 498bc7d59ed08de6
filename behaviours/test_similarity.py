"""§3.8 Representation similarity.

How alike do two layers of a network see pictures? A layer's Gram matrix holds the inner products of its answers to all
pairs of pictures; CKA compares two of them:

    CKA = Σ HSIC₁(X, Y) / √(Σ HSIC₁(X, X) · Σ HSIC₁(Y, Y))

with the unbiased estimator HSIC₁ and sums over minibatches of 64 pictures, drawn evenly from all classes. Maps of all
pairs of layers of a kind (attention, convolution, linear, normalisation) are what the paper shows and describes. What
it sees in them is measured: how alike the layers of a kind are, the contrast of a checkerboard and whether layers in
random order would give as much, how far the least similar stand apart. Intervals are a jackknife over minibatches.

The claims are in ``thresholds/findings/similarity.yaml``.
"""


def test_similarity(case, judge):
    verdict = judge(case)
    assert verdict.as_expected, verdict.explanation
