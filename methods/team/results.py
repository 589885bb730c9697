"""Requests to the human as calls of tools, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.base import messages

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput
    from inspect_ai.tool import ToolCall

#: the tools by which a human is involved
ASK, PROPOSE, PLAN, HAND_OVER = "ask_human", "propose_action", "propose_plan", "hand_over"
TOOLS = (ASK, PROPOSE, PLAN, HAND_OVER)
