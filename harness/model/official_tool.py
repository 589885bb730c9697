"""The class of tools that carry their own JSON: apart, so that naming it doesn't import inspect-ai."""

from __future__ import annotations

from typing import Any

from inspect_ai.tool import ToolInfo


class OfficialTool(ToolInfo):
    """A tool with its entry in an official request, which is what servers of the protocol are sent."""

    official: dict[str, Any]
