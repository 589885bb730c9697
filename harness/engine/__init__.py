"""Training: what moves a policy's weights, whatever chose and judged its rollouts."""
