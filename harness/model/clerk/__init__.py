"""`sim/clerk`: a simulated agent of known skill for the generated team tasks."""
