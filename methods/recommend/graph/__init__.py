"""Factors and graphs learned from pairs, crossed with how their tables are initialised."""
