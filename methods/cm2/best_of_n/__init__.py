"""Best of N by the reward of CM2: its signal without its training."""
