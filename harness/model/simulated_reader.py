"""`sim/reader`: a simulated reader with known skill. It is no language model, and says so.

It plays the part of a model in research over generated worlds, through the prompts, tools and budgets that a
real one gets, so that methods run offline and what is fitted to their runs can be compared with the truth. It
proves a method's loop and a fit, and nothing about how well a real model would do. A reconstruction: no
source has such a reader.

Of a question it knows the facts in order (`Sample.target`, under `facts`); of what it is shown it sees which
of them stand there. Among several documents it finds the next fact with probability `find`, in one that is
shown alone always, and writes down what it found; what it wrote is all that it remembers. With search at hand
it looks for the first fact that is missing. Its answer is right, if it has all h facts, with probability

    compose ** (h - 1) * (1 - exp(-r / (scale * (1 + a))))

for a steps of arithmetic and r tokens of reasoning, else it guesses. r is what its prompt lets it ("think in
at most N tokens"), less what it wrote, and at most `thinks`.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.base.errors import ModelCallError, UsageError, nearest
from harness.base.messages import completion
from harness.model.provider import Call, Provider, last_user_text

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput

    from harness.sample import Splits

SETTINGS: dict[str, float] = {
    "find": 0.9,
    "compose": 0.95,
    "scale": 300.0,
    "thinks": 4096.0,
    "verify": 0.8,
}
#: a guess is one of so many numbers
GUESSES = 100
#: what prompts say where something else than an answer, or nothing else, is wanted
PLAN = re.compile(r"at most (\d+) quer(?:y|ies), one a line", re.IGNORECASE)
CHOOSE = re.compile(r"^Candidate (\d+):(.*?)(?=^Candidate \d+:|\Z)", re.MULTILINE | re.DOTALL)
ONE_SENTENCE = re.compile(r"one sentence at a time", re.IGNORECASE)
FINISH = re.compile(r"final answer now", re.IGNORECASE)
THINK = re.compile(r"think in at most (\d+) tokens", re.IGNORECASE)
FOUND = "Found:"


class SimulatedReader(Provider):
    """Reads documents of generated worlds; every setting is a `--model-arg`."""

    name, revision = "sim/reader", "1"
    cacheable = False
    connections = 64
    abilities = frozenset({"tools"})

    def __init__(self, args: Mapping[str, Any]) -> None:
        self._set = dict(SETTINGS)
        for key, value in args.items():
            if key not in SETTINGS:
                raise UsageError(f"sim/reader has no argument {key!r}; {nearest(key, SETTINGS)}")
            try:
                self._set[key] = float(value)
            except (TypeError, ValueError):
                raise UsageError(f"sim/reader: {key}={value!r} is not a number") from None
        for key in ("find", "compose", "verify"):
            if not 0 <= self._set[key] <= 1:
                raise UsageError(f"sim/reader: {key}={self._set[key]:g} is not from 0 to 1")
        if not (self._set["scale"] > 0 and self._set["thinks"] >= 0):
            raise UsageError("sim/reader: scale is above 0 and thinks not below 0")
        self.notice = (
            f"sim/reader is a simulation that finds a fact with probability {self._set['find']:g} and knows "
            "the answer that follows: it tests methods of research, and measures no model"
        )
        self._known: dict[tuple[str, str], Mapping[str, Any]] = {}

    def prepare(self, splits: Splits) -> None:
        """Learns the facts behind the questions.

        Raises:
            UsageError: there are questions whose facts nobody knows.
        """
        self._known = {
            (sample.question.id, sample.question.input): sample.target
            for part in (splits.train, splits.dev, splits.test)
            for sample in part
            if isinstance(sample.target, dict) and sample.target.get("facts")
        }
        if len(self._known) < len(splits.train) + len(splits.dev) + len(splits.test):
            raise UsageError(
                "sim/reader simulates from the facts behind a question, which this task doesn't have; take "
                "research/synthetic"
            )

    def takes(self, setting: str) -> bool:
        return setting in ("seed", "max_tokens")

    # -- the law --------------------------------------------------------------------------------------

    def works_out(self, hops: int, steps: int, reasoning: float) -> float:
        """The probability of the right number from all facts, after so many tokens of reasoning."""
        s = self._set
        gain = -math.expm1(-max(0.0, min(reasoning, s["thinks"])) / (s["scale"] * (1 + steps)))
        return float(s["compose"] ** (hops - 1) * gain)

    def finds(self, hops: int, searches: int) -> float:
        """The probability that so many searches, each for the next missing fact and each showing it among
        others, find all of them."""
        p = self._set["find"]
        return sum(
            math.comb(searches, n) * p**n * (1 - p) ** (searches - n) for n in range(hops, searches + 1)
        )

    def accuracy(self, hops: int, steps: int, searches: int, reasoning: float) -> float:
        """The true accuracy of an agent that searches until it has all facts, under both budgets."""
        right = self.finds(hops, searches) * self.works_out(hops, steps, reasoning)
        return right + (1 - right) / GUESSES

    # -- one call -------------------------------------------------------------------------------------

    async def generate(self, call: Call) -> ModelOutput:
        target = self._known.get((call.question.id, call.question.input))
        if target is None:
            raise ModelCallError("sim/reader answers only questions whose facts the task has")
        facts, rng = target["facts"], random.Random(call.seed)
        asked = last_user_text(call.messages)
        if plan := PLAN.search(asked):
            return self._said(call, _planned(facts, int(plan[1])))
        if candidates := CHOOSE.findall(asked):
            return self._said(call, self._chosen(candidates, target, rng))
        known = _noted(facts, call.messages)
        new = self._read(facts[known:], call.messages, rng)
        notes = " ".join(
            f"{FOUND} {fact['text']} [{fact['document']}]" for fact in facts[known : known + new]
        )
        known += new
        if known < len(facts) and not FINISH.search(asked):
            query = facts[known]["query"]
            if call.tool_choice != "none" and any(tool.name == "search" for tool in call.tools):
                return self._searches(call, notes, query)
            if any(m.role == "system" and ONE_SENTENCE.search(m.text) for m in call.messages):
                return self._said(call, f"{notes} I look for the {query}.".strip())
        return self._answers(call, target, known, rng)

    def _read(
        self, missing: Sequence[Mapping[str, Any]], seen: Sequence[ChatMessage], rng: random.Random
    ) -> int:
        """How many of the missing facts, in their order, it finds in what came since its last words."""
        new = 0
        for message in _newest(seen):
            alone = sum(part.startswith("[") for part in message.text.split("\n\n")) < 2
            while new < len(missing) and missing[new]["text"] in message.text:
                if not alone and rng.random() >= self._set["find"]:
                    break
                new += 1
        return new

    def _answers(self, call: Call, target: Mapping[str, Any], known: int, rng: random.Random) -> ModelOutput:
        facts = target["facts"]
        budget = self._budget(call)
        sure = self.works_out(len(facts), target["arithmetic"], budget) if known == len(facts) else 0.0
        said = target["answers"][0] if rng.random() < sure else str(rng.randrange(GUESSES))
        because = " ".join(f"{fact['text']} [{fact['document']}]" for fact in facts[:known])
        confidence = round(100 * (sure + (1 - sure) / GUESSES))
        text = f"Explanation: {because}\nExact answer: {said}\nConfidence: {confidence}%"
        return self._said(call, text, budget)

    def _budget(self, call: Call) -> int:
        """Tokens of reasoning that are left, as the prompt and the call's own limit say."""
        left = self._set["thinks"]
        written = sum(_tokens(message.text) for message in call.messages if message.role == "assistant")
        for message in call.messages:
            if message.role in ("system", "user") and (told := THINK.search(message.text)):
                left = min(left, int(told[1]) - written)
        if (most := call.decoding.get("max_tokens")) is not None:
            left = min(left, most)
        return max(0, int(left))

    def _chosen(
        self, candidates: Sequence[tuple[str, str]], target: Mapping[str, Any], rng: random.Random
    ) -> str:
        """The number of a candidate: a right one, where there is one, with probability `verify`."""
        right = [
            number for number, text in candidates if f"Exact answer: {target['answers'][0]}\n" in text + "\n"
        ]
        if right and rng.random() < self._set["verify"]:
            return f"Best: {right[0]}"
        return f"Best: {rng.choice([number for number, _ in candidates])}"

    def _searches(self, call: Call, notes: str, query: str) -> ModelOutput:
        from inspect_ai.model import ModelOutput

        output = ModelOutput.for_tool_call(
            self.name, "search", {"query": query}, tool_call_id=f"call_{len(call.messages)}", content=notes
        )
        output.usage = _usage(call, notes + json.dumps({"query": query}), 0)
        return output

    def _said(self, call: Call, text: str, reasoning: int = 0) -> ModelOutput:
        return completion(self.name, text, _usage(call, text, reasoning))


def _newest(seen: Sequence[ChatMessage]) -> list[ChatMessage]:
    """The messages after its own last."""
    last = max((place for place, message in enumerate(seen) if message.role == "assistant"), default=-1)
    return [message for message in seen[last + 1 :] if message.role != "system"]


def _noted(facts: Sequence[Mapping[str, Any]], seen: Sequence[ChatMessage]) -> int:
    """How many of the facts, from the first on, its own earlier words hold."""
    own = "\n".join(message.text for message in seen if message.role == "assistant")
    missing = (place for place, fact in enumerate(facts) if f"{FOUND} {fact['text']}" not in own)
    return next(missing, len(facts))


def _planned(facts: Sequence[Mapping[str, Any]], most: int) -> str:
    """Queries from the question alone: of later facts only the relation is known before they are found."""
    queries = [facts[0]["query"], *(fact["relation"] for fact in facts[1:])]
    return "\n".join(queries[:most])


def _tokens(text: str) -> int:
    return (len(text) + 3) // 4


def _usage(call: Call, written: str, reasoning: int) -> Any:
    from inspect_ai.model import ModelUsage

    read = sum(_tokens(message.text) for message in call.messages) + 1
    out = _tokens(written) + reasoning
    return ModelUsage(
        input_tokens=read,
        output_tokens=out,
        total_tokens=read + out,
        input_tokens_cache_read=0,
        input_tokens_cache_write=0,
        reasoning_tokens=reasoning,
    )
