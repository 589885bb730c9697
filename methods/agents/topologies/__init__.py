"""Who hears whom: fixed graphs, graphs learned by REINFORCE, and what they share."""
