"""Methods that answer as one user would: PersonaAgent, its ablations and the rows that it is compared
with."""
