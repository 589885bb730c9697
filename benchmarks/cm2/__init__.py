"""The published experiment on checklist rewards: which reward teaches a small tool policy most, and when."""
