"""Policies of when an agent involves its human."""
