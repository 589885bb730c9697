"""BFCL as tasks: its data and verdicts come from the official package, the actions from our agents."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any, Self

from harness.base import messages
from harness.base.errors import GraderFailed, WorldFailed
from harness.data.hub import Data
from harness.external.services import Opening, Service, Services
from harness.external.workers import Outside, Pool, WorkerError
from harness.model.openai_compatible.reply import REASONING
from harness.model.raw_calls import raw_calls, raw_fields, raw_text
from harness.model.request_fields import UNSAID, Fields
from harness.model.verbatim import official_tool, sent_as
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.tasks.bfcl.official import workers
from harness.tasks.official import Official, ungraded, unplayed
from harness.world import Limits, Observation, World

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant
    from inspect_ai.tool import ToolInfo

    from harness.model.gateway import Model

#: actions of one turn after which the official loop stops by force (MAXIMUM_STEP_LIMIT, then one more)
STEPS_A_TURN = 21
#: what environments reach outside: the official encoder of vector memories, the official search service
VECTORS = Opening(embedders=("minilm",))
SEARCH = Service("serpapi.com", "SERPAPI_API_KEY", ("https://serpapi.com/search",), parameter="api_key")
WEB = Opening((SEARCH,), web=True)


class Memory:
    """What is remembered of a scenario, once one of its questions has lived through what comes before."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.snapshot: dict[str, Any] | None = None


class Bfcl(Official):
    """One category. The target holds the entry's turns and tools beside its ground truth."""

    instruction = "Call the functions that the user's request needs, and no other."

    _memories: defaultdict[tuple[str, int], Memory]  # of a run, by scenario and epoch

    @property
    def category(self) -> str:
        return str(self.spec.settings["category"])

    @property
    def opening(self) -> Opening:
        if self.category.startswith("web_search"):
            return WEB
        return VECTORS if self.category == "memory_vector" else Opening()

    def workers(self, packages: Path) -> Pool:
        return workers(packages, waiting=self.opening.web)

    def load(self, data: Data) -> Splits:
        rows = self.pool.one().ask({"do": "load", "category": self.category, "mode": self.args["mode"]})
        self.note_source(data, "bfcl-eval", self.category)
        return Splits([self._sample(row) for row in rows])

    def _sample(self, row: dict[str, Any]) -> Sample:
        functions = row.pop("functions")  # no part of the item's content
        question = Question(row["id"], _first_words(row["turns"]))
        categories = (row["format"],) if row["format"] else ()
        group = group_of(self.category, row["id"], row["scenario"], functions)
        return Sample(question, row, group=group, categories=categories)

    def for_run(self, services: Services) -> Self:
        """With memories of its own: what is remembered is what this run's agent chose to store."""
        mine = super().for_run(services)
        mine._memories = defaultdict(Memory)
        return mine

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        mode = str(self.args["mode"])
        if not self.category.startswith(("memory", "multi_turn", "web_search")):
            return SingleTurn(sample, mode)
        outside = self.outside(sample)
        if self.category.startswith("memory"):
            memory = self._memories[sample.target["scenario"], sample.question.epoch]
            return Remembering(self.category, mode, sample, self.pool, outside, self.keeps_reasoning, memory)
        return MultiTurn(self.category, mode, sample, self.pool, outside, self.keeps_reasoning)

    def request_fields(self, question: Question, seed: int, role: str = "") -> Fields:
        """As the official handler of chat completions asks."""
        return Fields(tool_choice=UNSAID, body={"store": False})

    def is_result(self, found: dict[str, Any]) -> bool:
        """A recorded result: `{"mode": "fc" or "prompt", "result": ...}`."""
        return "result" in found

    def score_all(
        self, samples: Sequence[Sample], outcomes: Iterable[Outcome]
    ) -> Iterable[Score | GraderFailed]:
        """The official verdicts, from all workers at once."""
        requests = [
            self._request(sample, outcome.answer) for sample, outcome in zip(samples, outcomes, strict=True)
        ]
        found = self.pool.each([request for request in requests if request])
        return [
            _score(next(found), "entry" not in request) if request else Score({"accuracy": 0.0})
            for request in requests
        ]

    def measure_set(
        self, splits: Splits, samples: Sequence[Sample], outcomes: Sequence[Outcome]
    ) -> Mapping[str, float]:
        """Of format_sensitivity how far the formats' accuracies lie apart, largest less smallest, and their
        standard deviation (n - 1), as officially; these are no part of the overall figure."""
        if self.category != "format_sensitivity":
            return {}
        right: defaultdict[str, list[float]] = defaultdict(list)
        for sample, score in zip(samples, self.score_all(samples, outcomes), strict=True):
            metrics = score.metrics if isinstance(score, Score) else {}
            right[sample.categories[0]].append(metrics.get("accuracy", 0.0))
        means = [mean(values) for values in right.values()]
        return {"max_delta": max(means) - min(means), "std": stdev(means) if len(means) > 1 else 0.0}

    def _request(self, sample: Sample, answer: Any) -> dict[str, Any] | None:
        if not isinstance(answer, dict):
            return None
        fields = {key: answer[key] for key in ("entry", "truth") if key in answer}
        prompted = answer.get("mode") == "prompt" or self.category == "format_sensitivity"
        mode = "prompt" if prompted else "fc"
        return {
            "do": "score",
            "category": self.category,
            "id": sample.id,
            "mode": mode,
            "result": answer["result"],
            **fields,
        }


def group_of(category: str, entry: str, scenario: str | None, functions: Sequence[str]) -> str | None:
    """What an entry shares with others, of its category or of another; None where it stands alone."""
    entry, *form = entry.split(":")
    if category.startswith("multi_turn"):  # the four categories alter the same 200 dialogues
        return f"bfcl dialogue {entry.rpartition('_')[2]}"
    if category.startswith("memory"):  # one memory of earlier conversations answers all of a scenario
        return f"bfcl memory of {scenario}"
    if category.startswith("web_search"):  # both categories ask the same 100 questions
        return f"bfcl search {entry.rpartition('_')[2]}"
    if entry.startswith("live_"):  # users sent many requests to the same functions
        return f"bfcl functions {', '.join(functions)}"
    return f"bfcl {entry}" if form else None  # an entry in 26 formats


def _score(found: Any, own: bool) -> Score | GraderFailed:
    if isinstance(found, WorkerError):
        return ungraded(found, own)
    return Score({"accuracy": float(found["valid"])}, reason=(found.get("reason") or "")[:500] or None)


def _first_words(turns: list[list[dict[str, Any]]]) -> str:
    """The first turn's text."""
    return "\n\n".join(message["content"] for message in turns[0])


def _messages(turn: list[dict[str, Any]]) -> list[ChatMessage]:
    return [messages.of(message["role"], message["content"]) for message in turn]


def _tools(plain: list[dict[str, Any]]) -> list[ToolInfo]:
    return [official_tool({"type": "function", "function": tool}) for tool in plain]


def _result(action: ChatMessageAssistant, mode: str) -> Any:
    """An action as the official results hold it: `[{name: text of the arguments}, ...]`, or its words, which
    are all that counts in mode `prompt`; the official decoder reads both. (An empty list of calls beside
    words, as some servers send it with every answer, is none here, and officially hides the words.)"""
    if not action.tool_calls or mode == "prompt":
        return raw_text(action)
    return [{call.name: call.arguments} for call in raw_calls(action)]


def as_it_came(action: ChatMessageAssistant) -> ChatMessageAssistant:
    """The action, sent back as the official runner does it: the server's own message, with its thoughts where
    these came in a field, and with every other field that the server gave it."""
    entry: dict[str, Any] = {"role": "assistant", "content": raw_text(action), **raw_fields(action)}
    for part in action.content if not isinstance(action.content, str) else ():
        if part.type == "reasoning" and part.internal in REASONING:
            entry[str(part.internal)] = part.reasoning
    if action.tool_calls:
        entry["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments, **call.of_function},
                **call.fields,
            }
            for call in raw_calls(action)
        ]
    return sent_as(action, entry)


class SingleTurn(World):
    """One request, one action."""

    limits = Limits(steps=1)

    def __init__(self, sample: Sample, mode: str) -> None:
        self._entry, self._mode = sample.target, mode
        self._found: list[Any] = []  # empty, or what was answered

    async def start(self) -> Observation:
        return Observation(_messages(self._entry["turns"][0]), _tools(self._entry["tools"]))

    async def step(self, action: ChatMessageAssistant) -> Observation:
        self._found = [_result(action, self._mode)]
        return Observation((), (), done=True)

    def answer(self) -> Any:
        return {"mode": self._mode, "result": self._found[0]} if self._found else None


class MultiTurn(World):
    """The official loop of function-calling mode, or of mode `prompt`: calls are carried out until an action
    has none that can be read, then the next turn begins. A turn of more than 20 actions stops the episode."""

    limits = Limits(steps=1000)

    def __init__(
        self,
        category: str,
        mode: str,
        sample: Sample,
        pool: Pool,
        outside: Outside,
        keeps_reasoning: bool = False,
    ) -> None:
        self._keeps_reasoning = keeps_reasoning
        self._entry, self._worker, self._outside = sample.target, pool.one(), outside
        self._mode = mode
        self._ask = {"category": category, "id": sample.id, "session": f"s{uuid.uuid4().hex}"}
        self._tools = _tools(self._entry["tools"])
        self._turns: list[list[Any]] = []

    async def _request(self, do: str, **fields: Any) -> Any:
        try:
            return await self._worker.answer({"do": do, **fields}, outside=self._outside)
        except WorkerError as error:
            raise unplayed(error) from error

    async def start(self) -> Observation:
        await self._request("execute", **self._ask, calls=[])
        return self._begin(0)

    def _begin(
        self,
        turn: int,
        before: Sequence[ChatMessage] = (),
        own: ChatMessageAssistant | None = None,
    ) -> Observation:
        self._turns.append([])
        self._tools = [*self._tools, *_tools(self._entry["later"].get(str(turn), []))]
        return Observation([*before, *_messages(self._entry["turns"][turn])], self._tools, own=own)

    async def step(self, action: ChatMessageAssistant) -> Observation:
        from inspect_ai.model import ChatMessageTool

        own = None if self._keeps_reasoning else as_it_came(action)
        found = _result(action, self._mode)
        self._turns[-1].append(found)
        results = None
        if action.tool_calls or self._mode == "prompt":
            results = await self._request("execute", **self._ask, calls=found, mode=self._mode)
        shown: list[ChatMessage] = [
            ChatMessageTool(content=text, tool_call_id=call.id, function=call.function)
            for call, text in zip(action.tool_calls or (), results or (), strict=False)
        ]
        if self._mode == "prompt":
            shown = [messages.user(text) for text in results or ()]
        if results is not None and len(self._turns[-1]) < STEPS_A_TURN:
            return Observation(shown, self._tools, own=own)
        if results is not None or len(self._turns) == len(self._entry["turns"]):
            return Observation(shown, (), done=True)
        unread = [  # officially nothing is said of it, but other protocols want an answer to every call
            sent_as(ChatMessageTool(content="Error: the call can't be read", tool_call_id=call.id), {})
            for call in action.tool_calls or ()
        ]
        return self._begin(len(self._turns), unread, own)

    def answer(self) -> Any:
        return {"mode": self._mode, "result": self._turns}

    async def close(self) -> None:
        if not self._worker.started:
            return
        try:
            await self._request("forget", session=self._ask["session"])
        except WorldFailed:  # the environment went with its worker
            pass


class Remembering(MultiTurn):
    """A question about earlier conversations, of which the agent knows what it stored in its memory.

    The first question of a scenario that comes to it plays the earlier conversations first, one after
    another, with the same agent, and is charged with them; the others wait for what it remembers. (A run
    that is killed after that question was answered plays them again, from the cache.)
    """

    def __init__(
        self,
        category: str,
        mode: str,
        sample: Sample,
        pool: Pool,
        outside: Outside,
        keeps_reasoning: bool,
        memory: Memory,
    ) -> None:
        super().__init__(category, mode, sample, pool, outside, keeps_reasoning)
        self._memory, self._mine = memory, False
        self._queue = [sample.id]

    async def start(self) -> Observation:
        await self._memory.lock.acquire()
        self._mine = True
        if self._memory.snapshot is None:
            scenario = self._entry["scenario"]
            place = {"category": self._ask["category"], "scenario": scenario}
            self._queue = [*await self._request("prerequisites", **place), *self._queue]
        return await self._open(None)

    async def _open(self, snapshot: dict[str, Any] | None) -> Observation:
        """Begins the next conversation of the queue."""
        key = self._queue.pop(0)
        if not self._queue:  # the question itself
            self._memory.snapshot = snapshot = snapshot or self._memory.snapshot
            self._release()
        self._ask = {**self._ask, "id": key, "session": f"s{uuid.uuid4().hex}"}
        turns = await self._request("open", **self._ask, snapshot=snapshot, mode=self._mode)
        self._entry, self._turns = {**self._entry, "turns": turns}, []
        return self._begin(0)

    async def step(self, action: ChatMessageAssistant) -> Observation:
        seen = await super().step(action)
        if not seen.done or not self._queue:
            return seen
        snapshot = await self._request("flush", **self._ask)
        await self._request("forget", session=self._ask["session"])
        return replace(await self._open(snapshot), new_conversation=True)

    def answer(self) -> Any:
        return None if self._queue else super().answer()

    def _release(self) -> None:
        if self._mine:
            self._mine = False
            self._memory.lock.release()

    async def close(self) -> None:
        self._release()
        await super().close()
