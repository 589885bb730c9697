"""Real people where a model is wanted: at a terminal, in a browser page, or as they once answered."""
