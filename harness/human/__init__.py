"""People who work with an agent, below the models: what one knows, how one is asked, and what it took.

Facts, taxonomy, metrics and tests follow notes on LLM-based human-agent systems (survey arXiv 2505.00753,
position paper arXiv 2506.09420). Neither proposes an algorithm; where a docstring says "reconstruction" the
choice is ours.
"""

from __future__ import annotations

from harness.human.brief import Brief, Fact, Refusal
from harness.human.wording import Reply, Request

__all__ = ["Brief", "Fact", "Refusal", "Reply", "Request"]
