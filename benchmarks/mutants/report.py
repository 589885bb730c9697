"""README.md of the mutants."""


def report(mutants, known):
    return ""
