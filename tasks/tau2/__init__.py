"""tau2-bench: customer service with a policy, tools and a user, graded by its own evaluator."""
