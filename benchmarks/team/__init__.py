"""The published experiment on agents with a human: a simulated agent of known skill and simulated humans."""
