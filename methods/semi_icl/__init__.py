"""Semi-supervised in-context learning: the model labels a pool, and what it is sure of is shown to it."""
