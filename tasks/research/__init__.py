"""Questions that are answered by searching a fixed corpus over several steps."""
