"""MMLU: 57 subjects, four options each."""
