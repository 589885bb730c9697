"""Agents that talk over rounds: who hears whom, whose answer counts, and what happens when some turn
against the others (TodyComm and its rivals)."""
