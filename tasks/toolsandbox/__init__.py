"""ToolSandbox: stateful tools and a user, graded by milestones with its own evaluation."""
