"""Recommendation: rank all items for every user."""
