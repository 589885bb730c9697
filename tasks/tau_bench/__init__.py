"""tau-bench, the predecessor of tau2-bench: recorded results."""
