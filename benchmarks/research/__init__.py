"""The published experiment on methods of research, with the simulated reader."""
