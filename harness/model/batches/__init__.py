"""Calls that go to a provider in batches: cheaper and within a day, through inspect-ai's own support."""
