"""How the columns of sealed attempts are called, which no metric may be."""

from __future__ import annotations

TOKENS = (
    *("calls", "input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens"),
    "reasoning_tokens",
)
#: the columns of attempts beside the metrics, which are numbers, before and after them
BEFORE = ("sample_id", "epoch", "status", "answer", "vote", "target")
AFTER = (
    *("group", "item_digest", "stop_reason", "confidence", *TOKENS, "cost_usd", "seconds"),
    *("input", "completion", "trace", "reason", "given_answer", "tools", "request"),
)
