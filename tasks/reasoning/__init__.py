"""Reasoning with one short answer: BIG-Bench Hard, LiveBench, GPQA."""
