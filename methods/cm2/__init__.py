"""Policies that learn from multi-turn episodes: by checklist rewards (CM2) and by their rivals."""
