"""The class of tools that carry their own JSON: apart, so that naming it doesn't import inspect-ai."""

from __future__ import annotations

from typing import Any

from inspect_ai.tool import ToolInfo


class OfficialTool(ToolInfo):
    """A tool with its entry in an official request, which is what servers of the protocol are sent."""

    official: dict[str, Any]

    @property
    def sent(self) -> dict[str, Any] | None:
        """That entry; None once a method gave the tool another name, purpose or other parameters."""
        function = self.official["function"]
        properties = (function.get("parameters") or {}).get("properties") or {}
        told = function["name"], function.get("description") or "", list(properties)
        same = told == (self.name, self.description, list(self.parameters.properties))
        return self.official if same else None
