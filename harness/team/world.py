"""A world with a person beside it: the same tools, and those by which the person is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.human import agent
from harness.human.brief import Brief, Fact, values_in
from harness.human.events import IRREVERSIBLE, Event
from harness.human.wording import DONE, Reply, Request, call_text, yes_or_no
from harness.team.person import Person, Said
from harness.team.tools import TOOLS, Asking, misfit, no_tool, toolbox
from harness.world import Observation, ToolError, World, WorldWrapper, carried_out

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageTool
    from inspect_ai.tool import ToolCall, ToolInfo

    from harness.human.brief import Move

SPENT = "the person answers no more than {most} requests, and has"
GONE = "the person has left and answers nothing more"


class TeamWorld(WorldWrapper):
    """`world` with `TOOLS` beside its own, answered by `person`.

    A request beyond `budget` (None: no limit), or after the person has left, is refused by an error of the
    type `limit`; nobody is asked, it costs nothing, is in the log, and the episode goes on. An approved
    action is carried out once, by this wrapper. `irreversible` names the tools whose calls can't be undone:
    each that is carried out is in the log, with whether the person had confirmed it. `shown` says what an
    action is about, for whoever is to approve it.

    The answer is the inner world's, a mapping, with `human`, the log as `Event.plain` has it, and `steps`,
    the agent's actions.
    """

    def __init__(
        self,
        world: World,
        person: Person,
        *,
        budget: int | None = None,
        irreversible: Collection[str] = (),
        shown: Callable[[str, Mapping[str, Any]], str] = lambda name, arguments: "",
    ) -> None:
        super().__init__(world)
        self.waits_for_people = True
        self._person = person
        self._budget, self._irreversible, self._shown = budget, frozenset(irreversible), shown
        self._tools: tuple[ToolInfo, ...] = ()
        self._events: list[Event] = []
        self._done: list[Move] = []
        self._inner: list[int] = []  # the agent's action behind each step of the inner world
        self._open: dict[str, set[str]] = {}  # values that a fact may still have, for what was told of it
        self._asked = self._steps = 0
        self._waited = 0.0  # for the person, in this step
        self._left = False

    @property
    def user_retries(self) -> int:  # type: ignore[override]
        return self._world.user_retries + self._person.retries

    @property
    def brief(self) -> Brief:
        """What the person knows."""
        return self._person.brief

    async def start(self) -> Observation:
        return self._with_tools(await self._world.start())

    async def step(self, action: ChatMessageAssistant) -> Observation:
        step, self._steps, self._waited = self._steps, self._steps + 1, 0.0
        calls = action.tool_calls or []
        if not any(call.function in TOOLS for call in calls):
            return self._with_tools(await self._pass(action, step))
        came: list[ChatMessage] = []
        failed = 0
        for number, call in enumerate(calls):  # in their order: what a person says may end the episode
            alone = action.model_copy(
                update={"tool_calls": [call], **({} if number == 0 else {"content": ""})}
            )
            if call.function in TOOLS:
                seen = await self._asks(call, step)
            else:
                seen = await self._pass(alone, step)
            came += seen.messages
            failed += seen.failed
            if seen.done:
                return Observation(came, (), done=True, failed=failed, waited=self._waited)
        return self._with_tools(Observation(came, self._tools, failed=failed))

    def answer(self) -> Any:
        inner = self._world.answer()
        if inner is None:
            return None
        came = [Event.of(each) for each in inner.get("interruptions", ())]
        moved = [replace(each, step=self._inner[each.step - 1] + 1 if each.step else 0) for each in came]
        more = {"interruptions": [event.plain() for event in moved]} if came else {}
        return {**inner, **more, "human": [event.plain() for event in self._events], "steps": self._steps}

    def _with_tools(self, seen: Observation) -> Observation:
        """What the agent sees, with the tools by which the person is asked."""
        if seen.done:
            return seen
        names = {tool.name for tool in toolbox().infos}
        self._tools = tuple(tool for tool in seen.tools if tool.name not in names)
        return Observation(
            seen.messages,
            (*self._tools, *toolbox().infos),
            new_conversation=seen.new_conversation,
            failed=seen.failed,
            own=seen.own,
            waited=self._waited,
        )

    # -- what is carried out -------------------------------------------------------------------------

    async def _pass(self, action: ChatMessageAssistant, step: int) -> Observation:
        """The agent's own action, carried out unasked."""
        self._inner.append(step)
        seen = await self._world.step(action)
        for call in carried_out(action.tool_calls or (), seen.messages):
            self._note(call.function, call.arguments, step, confirmed=False)
        return seen

    async def _carry_out(self, move: Move, call: ToolCall, number: int, step: int) -> Observation:
        """A call on the person's word, as an action of its own."""
        from inspect_ai.model import ChatMessageAssistant
        from inspect_ai.tool import ToolCall

        own = ToolCall(f"{call.id}_{number}", move[0], dict(move[1]))
        action = ChatMessageAssistant(id=messages.new_id(), content="", tool_calls=[own])
        self._inner.append(step)
        seen = await self._world.step(action)
        if carried_out([own], seen.messages):
            self._note(*move, step, confirmed=True)
        return seen

    def _note(self, name: str, arguments: Any, step: int, confirmed: bool) -> None:
        self._done.append((name, arguments))
        if name in self._irreversible:
            request = call_text((name, arguments))
            self._events.append(Event(IRREVERSIBLE, step, request, requested=False, confirmed=confirmed))

    # -- what is asked -------------------------------------------------------------------------------

    async def _asks(self, call: ToolCall, step: int) -> Observation:
        """The answer to one of the agent's requests."""
        try:
            if call.parse_error:
                raise ToolError(f"the call can't be read: {call.parse_error[:300]}")
            request = self._completed(toolbox().run(Asking(), call.function, call.arguments))
        except ToolError as fault:
            return Observation([_answer(call, f"Error: {fault}", "parsing", str(fault))])
        if refusal := self._refusal():
            self._events.append(Event(request.kind, step, request.write(), refused=True))
            return Observation([_answer(call, f"Error: {refusal}", "limit", refusal)])
        self._asked += 1
        began = time.monotonic()
        said = await self._person.ask(request, lambda reply: misfit(reply.calls, self._tools))
        self._waited += time.monotonic() - began
        self._left = said.reply.left
        if said.reply.left:
            self._log(request, said, step)
            return Observation([_answer(call, f"Error: {GONE}", "limit", GONE)])
        moves = self._moves(request, said.reply)
        self._log(request, said, step, executed=len(moves))
        came, failed = [_heard(request, said.reply)], 0
        others: list[ChatMessage] = []
        for number, move in enumerate(moves):
            seen = await self._carry_out(move, call, number, step)
            if said.reply.verdict == "approve":  # else it was the person's own call
                failed += sum(m.role == "tool" and m.error is not None for m in seen.messages) + seen.failed
            came += [m.text for m in seen.messages if m.role == "tool"]
            others += [m for m in seen.messages if m.role != "tool"]
            if seen.done:
                return Observation([_answer(call, "\n".join(came)), *others], done=True, failed=failed)
            self._tools = tuple(seen.tools)
        return Observation([_answer(call, "\n".join(came)), *others], self._tools, failed=failed)

    def _refusal(self) -> str:
        """Why nobody is asked now; empty where somebody is."""
        if self._left:
            return GONE
        if self._budget is not None and self._asked >= self._budget:
            return SPENT.format(most=self._budget)
        return ""

    def _completed(self, request: Request) -> Request:
        """The request with what the person needs to decide.

        Raises:
            ToolError: an action of no tool that can be called, a question or plan without words.
        """
        if request.kind in ("question", "plan") and not request.text.strip():
            raise ToolError(f"the {request.kind} is empty")
        if request.kind == "approval" and request.action is not None:
            if fault := no_tool(request.action[0], self._tools):
                raise ToolError(fault)
            return Request(request.kind, self._shown(*request.action), request.action)
        if request.kind == "move":
            done = "\n".join(map(call_text, self._done)) or "nothing"
            tools = tuple(tool.name for tool in self._tools)
            return Request(request.kind, f"{request.text}\n{DONE}\n{done}", choices=tools)
        if request.kind == "question":
            asked = self.brief.about(request.text)
            return Request(request.kind, request.text, choices=asked[0].options if asked else ())
        return request

    def _moves(self, request: Request, reply: Reply) -> Sequence[Move]:
        """The calls that a reply has carried out."""
        if request.kind == "approval" and reply.verdict == "approve" and request.action is not None:
            return (request.action,)
        return reply.calls

    def _log(self, request: Request, said: Said, step: int, executed: int = 0) -> None:
        asked = self.brief.about(request.text) if request.kind == "question" else ()
        told = [f.name for f in self.brief.facts if self._settled(f, request, said.reply.text, asked[:1])]
        self._events.append(
            Event(
                request.kind,
                step,
                request.write(),
                said.text,
                words_read=said.words_read,
                words_written=said.words_written,
                seconds=said.seconds,
                asked=tuple(fact.name for fact in asked),
                facts=tuple(told),
                verdict="left" if said.reply.left else said.reply.verdict,
                executed=executed,
            )
        )

    def _settled(self, fact: Fact, request: Request, reply: str, meant: Sequence[Fact]) -> bool:
        """Whether a reply tells what a fact is, rightly or wrongly: it states a value, or what it says to a
        question of yes or no leaves one. Of a question about several facts yes and no are of the first."""
        if values_in(fact, reply):
            return True
        yes, named = yes_or_no(reply), set(values_in(fact, request.text))
        if fact not in meant or not named or yes is None:
            return False
        left = self._open.setdefault(fact.name, set(fact.options or named))
        left &= named if yes else left - named
        return len(left) == 1 if fact.options else yes


def _heard(request: Request, reply: Reply) -> str:
    """What the agent is told of a reply."""
    if request.kind == "question":
        return reply.text
    if request.kind == "move":
        calls = "\n".join(map(call_text, reply.calls))
        return f"{agent.DID}\n{calls}" if calls else agent.NO_MOVE
    because = f": {reply.text}" if reply.text else "."
    if reply.verdict == "edit":
        other = call_text(reply.calls[0]) if request.kind == "approval" else reply.text
        return f"{agent.CHANGED}{other}"
    return f"{agent.APPROVED}{because}" if reply.verdict == "approve" else f"{agent.REJECTED}{because}"


def _answer(call: ToolCall, text: str, fault: Any = None, why: str = "") -> ChatMessageTool:
    from inspect_ai.model import ChatMessageTool
    from inspect_ai.tool import ToolCallError

    error = ToolCallError(fault, why) if fault else None
    return ChatMessageTool(content=text, tool_call_id=call.id, function=call.function, error=error)
