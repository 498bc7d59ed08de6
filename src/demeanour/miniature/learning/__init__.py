"""Networks and how they learn: pictures with captions, recipe, training, weights."""
