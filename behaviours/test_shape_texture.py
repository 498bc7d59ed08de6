"""§3.4 Shape / texture bias.

A cat in the skin of an elephant: what does the model see? Of the decisions for the shape's class or the texture's,

    shape bias = shape decisions / (shape decisions + texture decisions)

over the 1,200 cue-conflict images whose shape and texture are of different classes; other decisions do not count
(the coverage says how many there are). The images were made from 160 pictures of shapes and 48 of textures, so they
are resampled by the shape's picture, and two-way beside it. People, where the cast has them, are shown for
reference: they decide by shape about 95 % of the time.

The claims are in ``thresholds/findings/shape_texture.yaml``.
"""


def test_shape_texture(case, judge):
    verdict = judge(case)
    assert verdict.as_expected, verdict.explanation
