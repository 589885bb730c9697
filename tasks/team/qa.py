"""Questions whose sub-questions a person can answer: HotpotQA and StrategyQA, after ReHAC.

ReHAC is known from a survey alone: a policy decides at which steps a person acts, on these two sets. Our
world is a reconstruction: the agent answers from what it knows; the person knows the supporting facts, one of
which a sub-question gets.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.base.errors import DataError
from harness.human import Brief, Fact
from harness.sample import Outcome, Question, Sample, Splits
from harness.spec import DataPin
from harness.tasks.custom.words import squad_form
from harness.tasks.research.final import read_final
from harness.tasks.team.base import TeamTask, is_answer
from harness.world import Limits, Observation, Toolbox, World

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant

    from harness.data.hub import Data
    from harness.model.gateway import Model

POLICY = (
    "You answer a question. Your final answer is a message without a tool call that ends with a line\n"
    "Exact answer: the answer alone, as short as it can be{choices}"
)
#: words that say nothing of what a sub-question is about
_COMMON = frozenset(
    "about after again answer before being between could first found large least other question smaller "
    "their there these thing those under until where which while whose would years".split()
)


class QuestionWorld(World):
    """The first message without a call is the final answer. `answer()` is `{"said": [text], "calls": []}`."""

    def __init__(self, opening: Sequence[ChatMessage], limits: Limits) -> None:
        self._opening, self.limits = opening, limits
        self._said: list[str] = []

    async def start(self) -> Observation:
        return Observation(self._opening)

    async def step(self, action: ChatMessageAssistant) -> Observation:
        if action.tool_calls:
            none = Toolbox(object, ())
            return Observation([none.answer(None, call) for call in action.tool_calls])
        self._said.append(action.text)
        return Observation((), done=True)

    def answer(self) -> dict[str, Any]:
        return {"said": self._said, "calls": []}


class SubQuestions(TeamTask):
    """Right if the final answer is the reference but for case, punctuation and articles."""

    instruction = "Answer the question."
    #: what is added to the form of the answer
    choices = ""

    def facts(self, row: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What the person knows of a row: names and values, in the order in which they are of use."""
        raise NotImplementedError

    def load(self, data: Data) -> Splits:
        columns = self.spec.settings["columns"]
        rows = data.rows(self._pin(data), columns)
        return Splits(test=list(self._samples(rows)))

    def _pin(self, data: Data) -> DataPin:
        """The split that the copy at hand has: the declared one, else its first."""
        pin = self.spec.data["test"]
        held = data.splits(pin)
        return pin if pin.split in held else DataPin(pin.id, pin.config, held[0], pin.revision)

    def _samples(self, rows: Any) -> Iterator[Sample]:
        names = self.spec.settings
        for index, row in enumerate(rows):
            try:
                known = [list(pair) for pair in self.facts(row)]
                target = {"answer": self.reference(row), "facts": known}
                question = Question(str(row[names["id"]]), row["question"].strip())
            except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
                raise DataError(
                    f"{self.spec.name}: row {index} (from 0) has another form than declared "
                    f"({type(error).__name__}: {error})"
                ) from None
            parts = tuple(f"{name}={row[name]}" for name in names.get("parts", ()) if row.get(name))
            yield Sample(question, target, categories=parts)

    def reference(self, row: Mapping[str, Any]) -> str:
        """The right answer of a row."""
        return str(row["answer"])

    def ask(self, question: Question, shots: Sequence[Sample] = ()) -> list[ChatMessage]:
        return [messages.system(POLICY.format(choices=self.choices)), *super().ask(question, shots)]

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        return QuestionWorld(self.ask(sample.question), self.limits)

    def parse(self, text: str, question: Question) -> Any | None:
        """A recorded episode in JSON, or a final message."""
        found = super().parse(text, question)
        return found or ({"said": [text], "calls": []} if text.strip() else None)

    def gold(self, sample: Sample) -> str:
        return f"Exact answer: {sample.target['answer']}"

    def success(self, sample: Sample, outcome: Outcome) -> float:
        if not is_answer(outcome.answer) or outcome.stop_reason != "stop" or not outcome.answer.get("said"):
            return 0.0
        final = read_final(outcome.answer["said"][-1]).answer
        return float(final is not None and self.same(final, sample.target["answer"]))

    def same(self, said: str, wanted: str) -> bool:
        return squad_form(said) == squad_form(wanted)

    def brief(self, sample: Sample) -> Brief:
        pairs = sample.target["facts"]
        spread = Counter(word for name, value in pairs for word in _words(f"{name} {value}"))
        facts = tuple(
            Fact(name, value, tuple(word for word in _words(f"{name} {value}") if spread[word] == 1))
            for name, value in pairs
        )
        return self.person(goal="A right answer to a question that the assistant has.", facts=facts)


class Hotpot(SubQuestions):
    """The person knows the supporting sentences, by the titles of their pages."""

    def facts(self, row: Mapping[str, Any]) -> list[tuple[str, str]]:
        pages = dict(zip(row["context"]["title"], row["context"]["sentences"], strict=True))
        named = row["supporting_facts"]
        found: dict[str, list[str]] = {}
        for title, place in zip(named["title"], named["sent_id"], strict=True):
            lines = pages.get(title, [])
            if place < len(lines):  # a few rows name sentences that are not there
                found.setdefault(title, []).append(lines[place].strip())
        return [(_name(title), _flat(" ".join(lines))) for title, lines in found.items()]


class Strategy(SubQuestions):
    """The person knows the facts behind a question of yes or no; where there is one for each step of its
    decomposition, by the step's own question."""

    choices = ": yes or no"

    def facts(self, row: Mapping[str, Any]) -> list[tuple[str, str]]:
        known = [_flat(each) for each in row["facts"]]
        steps = [_name(each) for each in row["decomposition"]]
        named = len(steps) >= len(known) and len(set(steps)) == len(steps)
        pairs = zip(steps, known, strict=False) if named else enumerate(known, 1)
        return [(str(name) if named else f"fact {name}", value) for name, value in pairs if value]

    def reference(self, row: Mapping[str, Any]) -> str:
        return "yes" if row["answer"] is True or str(row["answer"]).casefold() in ("true", "yes") else "no"

    def same(self, said: str, wanted: str) -> bool:
        form = squad_form(said)
        return {"true": "yes", "false": "no"}.get(form, form) == wanted


def _words(text: str) -> list[str]:
    """The words by which one can tell what a text is about, each once."""
    found = re.findall(r"\w[\w'-]{4,}", text.casefold())
    return [word for word in dict.fromkeys(found) if word not in _COMMON]


def _name(text: str) -> str:
    """A text as the name of a fact."""
    return _flat(text).replace(": ", " - ")


def _flat(text: str) -> str:
    return " ".join(str(text).split())
