"""A world in miniature: rendered pictures in the formats of real data sets, and small networks trained on them.

It needs no network, no GPU and no ImageNet, and takes the same path through the library as the real thing.
"""
