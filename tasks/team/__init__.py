"""Tasks for an agent and a person: what only the person knows, what it would refuse, and changes of mind."""
