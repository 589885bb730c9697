"""The training of a topology: where its conversations come from, the loop, and what is kept."""
