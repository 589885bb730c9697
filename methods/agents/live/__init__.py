"""Conversations of real models: agents, what they are told, what they said, and what is kept of it."""
