"""Simulated agents that answer questions and hear each other: their law, its closed forms, and the model
`sim/agents`."""
