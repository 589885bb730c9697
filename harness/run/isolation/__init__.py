"""`--isolate`: method code in a process of its own, which gets questions over a pipe and reaches nothing else."""
