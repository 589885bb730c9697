"""Where tasks and methods come from: installed packages, one file, one cell."""
