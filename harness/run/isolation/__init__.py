"""`--isolate`: method code in a process of its own, asked over a pipe, that reaches nothing else."""
