"""What everything stands on: hashes, errors, paths, secrets, concurrency, messages.

Imports nothing else of harness.
"""
