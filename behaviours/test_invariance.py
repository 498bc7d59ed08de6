"""§3.7 Transformation invariance.

Does a network still know a picture that is zoomed in, shifted, or shown at another resolution? The same pictures are
seen in five views each: scaled by 1, 1.25, 1.5, 2 and 3 and cropped; with the window moved by 0, 5, 30, 75 and 100 of
the original's pixels along its longer side; at resolutions of 112, 224, 336, 512 and 640 pixels. The views of a set are
its levels, in their order.

What counts is the drop, accuracy in the base view − accuracy in a level, so that a more accurate network is not called
more invariant for its accuracy. Accuracy itself is there to compare with published curves. A picture stands in all
views of a set, so intervals are by picture: two networks, or two levels, are compared over the same ones.

A window that leaves the picture shows black there, the more the further it is shifted and the squarer the picture is:
the padded share of the area stands beside each verdict.

The claims are in ``thresholds/findings/invariance.yaml``.
"""


def test_invariance(case, judge):
    verdict = judge(case)
    assert verdict.as_expected, verdict.explanation
