"""The fifteen corruptions of ImageNet-C, for small pictures."""
