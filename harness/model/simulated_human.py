"""`sim/human`: a simulated person who works with an agent, of known reliability. It is no language model, and
says so.

With its defaults it is the deterministic oracle of the notes (a reconstruction: neither the survey nor the
position paper has one): it answers only from the facts of its brief, one a reply, and says that it does not
know otherwise. It reads the same messages as a model (`harness.human.wording`).

- A question about several facts gets the first of these that it did not tell yet. Lazy, it says yes where
  the question names the value (among others or not), no where it names others, and else that it says only
  yes or no.
- An action is approved unless its brief refuses it, or what the request shows of it (`name: value`, a line
  each) is another value than the fact has that it knows; informative, it says that fact as its reason.
- A plan is approved unless it has such a line.
- Asked for a move it makes the first of its own calls that isn't done; without one it declines.

Settings: with probability `error` an answer is another of the possible values, yes for no and approve for
reject; of every fact it knows it with probability `known` (drawn once for every item and epoch); with
probability `proactive` it adds a fact that nobody asked for, with `leaks` all that it knows, with `invents`
it makes up what it doesn't know, and with `leaves` it answers nothing more. `read`, `write` and `think` are
the seconds that it says it takes for a word read, a word written, and a reply. `style` overrules that of the
brief.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.base.errors import ModelCallError, UsageError, nearest
from harness.base.messages import completion
from harness.base.values import number
from harness.human import wording
from harness.human.brief import STYLES, Brief, Fact, Move, about, values_in
from harness.human.wording import Reply, Request
from harness.model.provider import Call, Provider, counted, last_user_text

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

#: settings with their defaults and largest values; the least is 0
SETTINGS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("error", "proactive", "invents", "leaks", "leaves"), (0.0, 1.0)),
    "known": (1.0, 1.0),
    "read": (0.25, 3600.0),
    "write": (1.5, 3600.0),
    "think": (2.0, 3600.0),
}
#: what it makes up where a fact may be anything
INVENTED = "something blue"


class SimulatedHuman(Provider):
    """Answers as its brief says; every setting is a `--role-arg`."""

    name, revision = "sim/human", "1"
    cacheable = False
    connections = 64

    def __init__(self, args: Mapping[str, Any]) -> None:
        self.settings = {name: default for name, (default, _) in SETTINGS.items()}
        self.style = ""
        for name, value in args.items():
            if name == "style":
                if value not in STYLES:
                    raise UsageError(f"sim/human: style={value!r} is not one of: {', '.join(STYLES)}")
                self.style = str(value)
            elif name in SETTINGS:
                self.settings[name], most = number(value), SETTINGS[name][1]
                if not 0 <= self.settings[name] <= most:
                    raise UsageError(f"sim/human: {name}={value!r} is not a number from 0 to {most:g}")
            else:
                known = ("style", *SETTINGS)
                raise UsageError(f"sim/human has no argument {name!r}; {nearest(name, known, 'argument')}")
        self.arguments = {**self.settings, "style": self.style}
        self.notice = (
            "sim/human is a simulation that answers from a table of facts: it tests how methods involve a "
            "person, and measures no person and no model"
        )

    def takes(self, setting: str) -> bool:
        return setting == "seed"

    async def generate(self, call: Call) -> ModelOutput:
        brief = wording.read_brief(call.messages[0].text) if call.messages else None
        asked = last_user_text(call.messages)
        request = Request.read(asked)
        if brief is None or request is None:
            raise ModelCallError("sim/human answers only requests of a team: it plays the role `human`")
        earlier = "\n".join(m.text for m in call.messages if m.role == "assistant")
        said = self._reply(request, self._known(brief, call), earlier, random.Random(call.seed)).write()
        output = completion(
            self.name, said, counted(sum(len(m.text) for m in call.messages) // 4, len(said) // 4 + 1)
        )
        output.metadata = {wording.SECONDS: self.seconds(asked, said)}
        return output

    def seconds(self, read: str, written: str) -> float:
        """The seconds that it says it takes for one reply."""
        s = self.settings
        return s["think"] + s["read"] * wording.words(read) + s["write"] * wording.words(written)

    def _known(self, brief: Brief, call: Call) -> _Mind:
        """What it knows of its brief in this item and epoch."""
        rng = random.Random(f"{call.question.id}-{call.question.epoch}")
        known = [fact for fact in brief.facts if rng.random() < self.settings["known"]]
        return _Mind(brief, known, self.style or brief.style)

    def _reply(self, request: Request, mind: _Mind, earlier: str, rng: random.Random) -> Reply:
        chance = {
            name: rng.random() < self.settings[name] for name in ("leaves", "error", "leaks", "proactive")
        }
        if chance["leaves"]:
            return Reply(request.kind, left=True)
        if request.kind == "move":
            return Reply("move", calls=tuple(mind.next_move(request.text)))
        if request.kind == "question":
            said = self._answer(request, mind, earlier, chance["error"], rng)
            return Reply("question", mind.with_more(said, earlier, chance, rng))
        wrong = mind.objection(request)
        if (wrong is None) != chance["error"]:
            return Reply(request.kind, verdict="approve")
        reason = "" if mind.style == "lazy" or wrong is None else wrong
        return Reply(request.kind, reason, "reject")

    def _answer(self, request: Request, mind: _Mind, earlier: str, error: bool, rng: random.Random) -> str:
        asked = about(mind.known, request.text)
        if not asked:
            if rng.random() >= self.settings["invents"]:
                return wording.UNKNOWN
            return rng.choice(mind.made_up(request))
        fact = next((each for each in asked if not values_in(each, earlier)), asked[0])
        named = values_in(fact, request.text)
        if mind.style == "lazy":
            if not named:
                return wording.ONLY_YES_NO
            return wording.YES if (fact.value in named) != error else wording.NO
        others = [value for value in fact.options if value != fact.value]
        return wording.told(fact, rng.choice(others) if error and others else None)


class _Mind:
    """A brief as far as the person knows it."""

    def __init__(self, brief: Brief, known: Sequence[Fact], style: str) -> None:
        self.brief, self.known, self.style = brief, known, style

    def next_move(self, text: str) -> list[Move]:
        """The first of its own calls that the request doesn't say is done."""
        done = text.rpartition(wording.DONE)[2].splitlines()
        for move in self.brief.moves:
            if wording.call_text(move) not in done:
                return [move]
            done.remove(wording.call_text(move))
        return []

    def objection(self, request: Request) -> str | None:
        """Why an action or a plan isn't wanted; None where nothing speaks against it."""
        for refusal in self.brief.refuses:
            if request.action is not None and refusal.holds(*request.action):
                return refusal.reason
        lines = request.text.splitlines()
        for fact in self.known:
            others = [wording.told(fact, value) for value in fact.options if value != fact.value]
            if any(line.strip() in others for line in lines):
                return wording.told(fact)
        return None

    def made_up(self, request: Request) -> Sequence[str]:
        """What it may answer to a question whose answer it doesn't know."""
        fact = next(iter(about(self.brief.facts, request.text)), None)
        return [wording.told(fact, value) for value in fact.options] if fact and fact.options else [INVENTED]

    def with_more(self, said: str, earlier: str, chance: Mapping[str, bool], rng: random.Random) -> str:
        """The reply with facts that nobody asked for."""
        left = [fact for fact in self.known if not values_in(fact, f"{earlier}\n{said}")]
        more = left if chance["leaks"] else [rng.choice(left)] if left and chance["proactive"] else []
        return "\n".join([said, *map(wording.told, more)])
