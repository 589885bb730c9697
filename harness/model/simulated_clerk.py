"""`sim/clerk`: a simulated agent of known skill for the generated team tasks. It is no language model, and
says so.

It is the "table-driven agent" of the notes' tests (a reconstruction): it reads the same messages and tools as
a model, knows nothing but what stands there, and by the laws below what every policy reaches can be computed.

- It lists the offers, holds one that fits all that it was told, pays it, and says that it is done. Of several
  that fit it takes one at random; where it chose before, and something of it was turned down, the one that
  changes least. It slips with probability 1 - `skill` whenever it chooses: any offer, whatever it was told.
- Asked for a question it asks about the first feature that matters and isn't settled, naming half of its
  open values, so that yes, no and a value are all of use.
- Asked how sure it is of an action it gives the probability p that it knows, lifted to p + `overconfident`
  * (1 - p). Log-probabilities are those of its own choice.
- Asked for a plan it names the features of the offer that it would choose, one a line; before it saw the
  offers it says that it has to look.
- A request that is refused as beyond the budget makes it go on alone; where what it proposes can't be put to
  anybody twice in a row it gives up.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.base.errors import ModelCallError, UsageError, nearest
from harness.base.messages import completion
from harness.human import agent
from harness.model.provider import Call, Provider, counted, last_user_text

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageTool, ModelOutput
    from inspect_ai.tool import ToolCall

#: settings with their defaults; all lie between 0 and 1
SETTINGS = {"skill": 1.0, "overconfident": 0.0}
MATTERS = re.compile(r"What matters to me: (.+)")
#: how the answers to its requests begin, after `harness.team`
APPROVED, CHANGED, DID = "Approved", "Changed by the person to: ", "The person did:"
CHOOSING = ("hold_offer", "change_hold")


class SimulatedClerk(Provider):
    """Books offers; every setting is a `--model-arg`."""

    name, revision = "sim/clerk", "1"
    cacheable = False
    connections = 64
    abilities = frozenset({"tools", "logprobs"})

    def __init__(self, args: Mapping[str, Any]) -> None:
        self.settings = dict(SETTINGS)
        for name, value in args.items():
            if name not in SETTINGS:
                raise UsageError(f"sim/clerk has no argument {name!r}; {nearest(name, SETTINGS, 'argument')}")
            try:
                number = math.nan if isinstance(value, bool) else float(value)
            except (TypeError, ValueError):
                number = math.nan
            if not 0 <= number <= 1:
                raise UsageError(f"sim/clerk: {name}={value!r} is not a number from 0 to 1")
            self.settings[name] = number
        self.notice = (
            f"sim/clerk is a simulation that acts rightly on what it knows with probability "
            f"{self.settings['skill']:g} and guesses the rest: it tests when methods involve a human, and "
            "measures no model"
        )

    def takes(self, setting: str) -> bool:
        return setting in ("seed", "logprobs")

    async def generate(self, call: Call) -> ModelOutput:
        known = _Notes(call.messages)
        if not known.matters:
            raise ModelCallError("sim/clerk books offers: it plays the generated tasks of team/ alone")
        asked, rng = last_user_text(call.messages), random.Random(call.seed)
        if asked.startswith(agent.ASK):
            return self._said(call, known.question(asked.partition(agent.ABOUT)[2].strip()))
        if asked.startswith(agent.ACTION):
            return self._said(call, f"{100 * self._sure(known, asked):.1f}")
        if asked.startswith(agent.PLAN):
            return self._said(call, self._plan(known, rng))
        return self._acts(call, known, rng)

    # -- the laws -------------------------------------------------------------------------------------

    def _chosen(self, known: _Notes, rng: random.Random) -> tuple[str, float]:
        """An offer, and the probability with which it is chosen."""
        every, near = list(known.offers), known.nearest()
        slips = rng.random() >= self.settings["skill"]
        offer = rng.choice(every if slips else near)
        right = self.settings["skill"] / len(near) if offer in near else 0.0
        return offer, right + (1 - self.settings["skill"]) / len(every)

    def _sure(self, known: _Notes, asked: str) -> float:
        """How sure it says it is of the action that it is asked about: of an offer one over how many fit. It
        knows nothing of its slips."""
        action = json.loads(asked.partition("\n")[0].removeprefix(agent.ACTION))
        p = 1 / len(known.fitting()) if any("offer" in call["arguments"] for call in action) else 1.0
        return p + self.settings["overconfident"] * (1 - p)

    def _plan(self, known: _Notes, rng: random.Random) -> str:
        if not known.offers:
            return agent.LOOK
        if known.paid:
            return "Nothing is left to do."
        features = known.offers[self._chosen(known, rng)[0]]
        listed = "\n".join(f"{name}: {value}" for name, value in features.items())
        return f"I hold the offer with\n{listed}\nand pay it."

    def _acts(self, call: Call, known: _Notes, rng: random.Random) -> ModelOutput:
        if known.paid:
            return self._said(call, "It is paid.")
        if known.unheard >= 2:
            return self._said(call, "I don't do this without a yes, and nobody gives me one. I stop here.")
        if not known.offers:
            return self._calls(call, "list_offers", {}, 1.0)
        if known.held and not known.doubted:
            return self._calls(call, "pay_offer", {"offer": known.held}, 1.0)
        offer, chance = self._chosen(known, rng)
        return self._calls(call, "change_hold" if known.held else "hold_offer", {"offer": offer}, chance)

    # -- what it says ---------------------------------------------------------------------------------

    def _said(self, call: Call, text: str) -> ModelOutput:
        read = sum(len(message.text) for message in call.messages) // 4
        return completion(self.name, text, counted(read, len(text) // 4 + 1))

    def _calls(self, call: Call, name: str, arguments: Mapping[str, str], chance: float) -> ModelOutput:
        from inspect_ai.model import Logprob, Logprobs, ModelOutput

        output = ModelOutput.for_tool_call(
            self.name, name, dict(arguments), tool_call_id=f"call_{len(call.messages)}", content=""
        )
        written = agent.action_text([(name, arguments)])
        if call.decoding.get("logprobs"):
            output.choices[0].logprobs = Logprobs(content=[Logprob(token=written, logprob=math.log(chance))])
        output.usage = self._said(call, written).usage
        return output


@dataclass
class _Notes:
    """What it was told so far, read anew from every prompt.

    `open` are the values that a feature may have, where something was said of it; `out` the offers that were
    turned down; `chosen` is the offer that it chose last; `doubted` that something speaks against the one
    that it holds; `unheard` how many proposals in a row nobody would look at.
    """

    messages: Sequence[ChatMessage]
    matters: list[str] = field(default_factory=list)
    offers: dict[str, dict[str, str]] = field(default_factory=dict)
    open: dict[str, set[str]] = field(default_factory=dict)
    out: set[str] = field(default_factory=set)
    held: str = ""
    paid: str = ""
    chosen: str = ""
    doubted: bool = False
    unheard: int = 0

    def __post_init__(self) -> None:
        calls: dict[str, ToolCall] = {}
        for message in self.messages:
            if message.role == "user":
                if found := MATTERS.search(message.text):
                    self.matters += [name.strip() for name in found[1].split(",")]
                elif not message.text.startswith((agent.ASK, agent.ACTION, agent.PLAN)):
                    self._told(message.text)
            elif message.role == "assistant":
                calls |= {call.id: call for call in message.tool_calls or ()}
            elif message.role == "tool" and message.tool_call_id in calls:
                self._came(calls[message.tool_call_id], message)

    # -- reading --------------------------------------------------------------------------------------

    def _came(self, call: ToolCall, answer: ChatMessageTool) -> None:
        text = answer.text
        if call.function == "propose_action":
            self.unheard = self.unheard + 1 if answer.error is not None else 0
        if answer.error is not None:
            return
        if call.function == "ask_human":
            self._answered(call.arguments["question"], text)
        elif call.function == "propose_action":
            self._judged(call.arguments["name"], call.arguments["arguments"], text)
        elif call.function == "propose_plan":
            self._planned(call.arguments["plan"], text)
        elif call.function == "hand_over":
            for name, arguments in _calls_in(text.removeprefix(DID)):
                self._done(name, arguments)
        else:
            self._done(call.function, call.arguments, text)

    def _done(self, name: str, arguments: Mapping[str, Any], text: str = "") -> None:
        """A call that was carried out, with its result where that says more."""
        if name == "list_offers" and text.startswith("["):
            self.offers = {row.pop("offer"): row for row in json.loads(text)}
        elif name in CHOOSING:
            self.held = self.chosen = str(arguments["offer"])
            self.doubted = False
        elif name == "cancel_hold":
            self.held = ""
        elif name == "pay_offer":
            self.paid = str(arguments["offer"])

    def _answered(self, question: str, text: str) -> None:
        """A reply to a question: a value, or yes or no to those that it named."""
        verdict = text.split()[0].strip(".,!").casefold() if text.split() else ""
        if self._told(text) or verdict not in ("yes", "no"):
            return
        for name in self.matters:
            if f"the {name} " in question:
                values = self.values(name)
                named = {value for value in values if re.search(rf"\b{re.escape(value)}\b", question)}
                self._leave(name, named if verdict == "yes" else set(values) - named)

    def _judged(self, name: str, arguments: Mapping[str, Any], text: str) -> None:
        """What a person said of an action, and what was carried out on its word."""
        first, _, rest = text.partition("\n")
        if first.startswith(CHANGED):
            for other in _calls_in(first.removeprefix(CHANGED)):
                self._done(*other)
        elif first.startswith(APPROVED):
            if not rest.startswith("Error"):
                self._done(name, arguments, rest)
        elif not self._told(text):
            self._rule_out(str(arguments.get("offer", "")))

    def _planned(self, plan: str, text: str) -> None:
        """What a person said of a plan: an approved one is kept to."""
        planned = dict(re.findall(r"^(\w+): (\S+)$", plan, re.MULTILINE))
        self.chosen = next((key for key, row in self.offers.items() if row == planned), self.chosen)
        if text.startswith(APPROVED):
            self._told(plan)
        elif not self._told(text) and not text.startswith(CHANGED):
            self._rule_out(self.chosen)

    def _told(self, text: str) -> bool:
        """Takes every `name: value` of a text; whether there was one."""
        found = False
        for name in self.matters:
            for value in re.findall(rf"(?<!\w){re.escape(name)}: (\w+)", text):
                self._leave(name, {value})
                found = True
        return found

    def _leave(self, name: str, values: set[str]) -> None:
        self.open[name] = values
        self.doubted = self.doubted or bool(self.held) and self.held not in self.fitting()

    def _rule_out(self, offer: str) -> None:
        self.out.add(offer)
        self.doubted = True

    # -- what follows ---------------------------------------------------------------------------------

    def values(self, name: str) -> list[str]:
        """The values of a feature that are left, in the order of the offers."""
        every = dict.fromkeys(row[name] for row in self.offers.values() if name in row)
        return [value for value in every if name not in self.open or value in self.open[name]]

    def fitting(self) -> list[str]:
        """The offers that fit all that was told; all of those that nobody turned down where none does."""
        left = [key for key in self.offers if key not in self.out]
        fit = [
            key for key in left if all(self.offers[key].get(n) in values for n, values in self.open.items())
        ]
        return fit or left or list(self.offers)

    def nearest(self) -> list[str]:
        """Those of them that differ least from the offer that was chosen last."""
        fit, last = self.fitting(), self.offers.get(self.chosen)
        if last is None:
            return fit
        differs = {key: sum(self.offers[key][name] != value for name, value in last.items()) for key in fit}
        least = min(differs.values())
        return [key for key, number in differs.items() if number == least]

    def question(self, about: str) -> str:
        """What it asks: about a feature, or the first that isn't settled."""
        unsettled = (name for name in self.matters if len(self.values(name)) != 1)
        name = about or next(unsettled, "")
        values = self.values(name)
        if not name:
            return "Is there anything else that matters to you?"
        if not values:
            return f"What is the {name} to be?"
        return f"Is the {name} to be {' or '.join(values[: max(1, len(values) // 2)])}?"


def _calls_in(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The calls that stand in a text, one a line as JSON."""
    for line in text.splitlines():
        if line.startswith("{"):
            found = json.loads(line)
            yield found["name"], found["arguments"]
