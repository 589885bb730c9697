"""The published experiment on agents that talk over rounds, some of which turn: simulated agents, whose
assumptions are swept."""
