"""Acting in a world with models that have no native tool calls."""
