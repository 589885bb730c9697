"""How many small wrong changes of the code the tests notice: see README.md."""
