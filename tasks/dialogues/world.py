"""One reference dialogue as a world: its user's lines, its tools, and the stop by strictness."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.base.errors import JudgeFailed
from harness.checklist import Checklist, Trajectory
from harness.checklist.judging import Judged
from harness.checklist.reward import stop_after
from harness.episode import plain
from harness.replay import ReplayTools
from harness.world import Limits, Observation, World

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessageAssistant
    from inspect_ai.tool import ToolInfo

#: verdicts on the turns of a trajectory that a checklist has items for
Decide = Callable[[Checklist, Trajectory], Awaitable[Judged]]


class ReferenceDialogue(World):
    """The user says the reference's lines one after another, whatever the agent says. With `strict`, the next
    line comes only if every required item of the turn's checklist was met at one of its steps.

    The answer is `{"messages": [...], "stop": "", "tools": {...}, "verdicts": [...]}`: what was said and
    done, in the form of a trace; `strict` where strictness stopped it; what the tools did, by kind; the
    verdicts on the first turns, [turn][step][item], as far as strictness asked for them.
    """

    def __init__(
        self,
        opening: Sequence[Mapping[str, Any]],
        lines: Sequence[str],
        tools: ReplayTools,
        infos: Sequence[ToolInfo],
        limits: Limits,
        *,
        parallel: int,
        checklist: Checklist,
        strict: Decide | None = None,
    ) -> None:
        self.limits, self._opening, self._lines = limits, opening, lines
        self._tools, self._infos, self._parallel = tools, infos, parallel
        self._checklist, self._strict = checklist, strict
        self._turn = 0
        self._seen: list[dict[str, Any]] = []
        self._verdicts: list[Any] = []
        self._stop = ""

    async def start(self) -> Observation:
        shown = [messages.system(each["content"]) for each in self._opening]
        shown.append(messages.user(self._lines[0]))
        self._seen += map(plain, shown)
        return Observation(shown, self._infos)

    async def step(self, action: ChatMessageAssistant) -> Observation:
        self._seen.append(plain(action))
        if not action.tool_calls:
            return await self._next_turn()
        results = []
        for number, call in enumerate(action.tool_calls):
            if number < self._parallel:
                results.append(await self._tools.answer(call, self._turn))
            else:
                results.append(self._tools.refuse(call, "TOO_MANY_CALLS", most=self._parallel))
            self._seen.append(plain(results[-1]))
        return Observation(results, self._infos)

    async def _next_turn(self) -> Observation:
        over = self._turn + 1 == len(self._lines)
        if not over and self._strict is not None and await self._stops(self._strict):
            self._stop, over = "strict", True
        if over:
            return Observation((), (), done=True)
        self._turn += 1
        line = messages.user(self._lines[self._turn])
        self._seen.append(plain(line))
        return Observation((line,), self._infos)

    async def _stops(self, decide: Decide) -> bool:
        """Whether a required item of the turn that just ended is unmet.

        Raises:
            JudgeFailed: the judge gave no verdict on which that depends.
        """
        items = self._checklist.turns[self._turn]
        judged = await decide(only(self._checklist, {self._turn}), Trajectory.of(self._seen))
        self._verdicts.append(judged.verdicts[self._turn])
        stops = stop_after(items, judged.verdicts[self._turn])
        if stops is None:
            raise JudgeFailed(f"judge: no verdict on a required item of turn {self._turn}: {why(judged)}")
        return stops

    def answer(self) -> dict[str, Any]:
        return {
            "messages": self._seen,
            "stop": self._stop,
            "tools": dict(self._tools.counts),
            "verdicts": self._verdicts,
        }


def only(checklist: Checklist, turns: set[int]) -> Checklist:
    """The checklist with the items of some turns alone, so that nobody is asked about the others."""
    return Checklist(
        tuple(items if number in turns else () for number, items in enumerate(checklist.turns)),
        checklist.source,
    )


def why(judged: Judged) -> str:
    """Why a judge left decisions open, in a few words."""
    found = f"{judged.failed} open, {judged.malformed} replies in another form, {judged.errors} failed calls"
    return f"{found} ({judged.reason})"[:300] if judged.reason else found
