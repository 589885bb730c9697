"""Translation of sentences, scored by characters."""
