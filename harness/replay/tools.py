"""The tools of one episode: replay, then the schema, then the simulator."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.replay.records import Record, Records
from harness.replay.schema import faults
from harness.replay.simulator import Simulator

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessageTool
    from inspect_ai.tool import ToolCall

#: the key under which a result says that the call failed
TOOL_ERROR = "tool_error"


class ReplayTools:
    """What the tools of a recorded dialogue answer.

    Args:
        tools: those that the agent may call, by name, each with `name`, `description` and `parameters`, a
            JSON schema.
        records: the dialogue's recorded calls.
        simulator: answers unseen calls; without one they fail with the code UNSEEN_CALL.
    """

    def __init__(
        self,
        tools: Mapping[str, Mapping[str, Any]],
        records: Sequence[Record],
        simulator: Simulator | None = None,
    ) -> None:
        self._tools, self._records, self._simulator = tools, Records(records), simulator
        #: how many calls were `replayed`, `simulated`, `cached`, or failed, by code
        self.counts: Counter[str] = Counter()

    async def answer(self, call: ToolCall, turn: int) -> ChatMessageTool:
        """The message that answers a call, whatever the call is.

        Raises:
            WorldFailed: the simulator failed.
        """
        name, arguments = call.function, call.arguments
        if call.parse_error:
            return self.refuse(call, "CALL_FORMAT", message=call.parse_error[:300])
        if name not in self._tools:
            return self.refuse(call, "UNKNOWN_TOOL", tools=list(self._tools))
        try:
            recorded = self._records.take(name, arguments)
        except RecursionError:
            return self.refuse(call, "CALL_FORMAT", message="the arguments are nested too deeply")
        if recorded is not None:
            return self._result(call, recorded.response, "replayed", recorded.failed)
        if wrong := faults(self._tools[name]["parameters"], arguments):
            return self.refuse(call, "SCHEMA_VALIDATION_FAILED", **wrong)
        if self._simulator is None:
            return self.refuse(call, "UNSEEN_CALL", message="no recorded call has these arguments")
        cached = self._simulator.cached
        text = await self._simulator.answer(self._tools[name], name, arguments, turn)
        return self._result(call, text, "cached" if self._simulator.cached > cached else "simulated")

    def refuse(self, call: ToolCall, code: str, **details: Any) -> ChatMessageTool:
        """A failed call's message: `{"tool_error": {"code": ..., ...}}`."""
        from inspect_ai.model import ChatMessageTool
        from inspect_ai.tool import ToolCallError

        self.counts[code] += 1
        text = json.dumps({TOOL_ERROR: {"code": code, **details}}, ensure_ascii=False)
        kind: Any = "parsing" if code == "CALL_FORMAT" else "unknown"
        return ChatMessageTool(
            content=text, tool_call_id=call.id, function=call.function, error=ToolCallError(kind, text)
        )

    def _result(self, call: ToolCall, text: str, kind: str, failed: bool = False) -> ChatMessageTool:
        from inspect_ai.model import ChatMessageTool
        from inspect_ai.tool import ToolCallError

        self.counts[kind] += 1
        error = ToolCallError("unknown", text) if failed else None
        return ChatMessageTool(content=text, tool_call_id=call.id, function=call.function, error=error)
