"""`sim/clerk`: a simulated agent of known skill for the generated team tasks. It is no language model, and
says so.

It is the "table-driven agent" of the notes' tests (a reconstruction): it reads the same messages and tools as
a model, knows nothing but what stands there, and what every policy reaches with it can be computed.

- It does the next step that fits all that it was told, and guesses what it wasn't: `offers`, `files`,
  `orders` say how. It slips with probability 1 - `skill` whenever it chooses, and doesn't know of it.
- Asked for a question it asks for what it needs most, so that a value, yes and no are all of use.
- Asked how sure it is of an action it gives the probability p that it knows, lifted to p + `overconfident`
  * (1 - p). Log-probabilities are those of its own choice.
- Asked for a plan it names all that it decided on; before it could look it says that it has to.
- A request that is refused as beyond the budget makes it go on alone; where what it proposes can't be put to
  anybody twice in a row it gives up.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.base.errors import ModelCallError, UsageError, nearest
from harness.base.messages import completion
from harness.base.values import number
from harness.human import agent
from harness.model.clerk.desk import Deed, Desk
from harness.model.clerk.files import Files
from harness.model.clerk.offers import Offers
from harness.model.clerk.orders import Orders
from harness.model.provider import Call, Provider, counted, last_user_text

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

#: settings with their defaults; all lie between 0 and 1
SETTINGS = {"skill": 1.0, "overconfident": 0.0, "suspects": 0.3, "heeds": 1.0}
DESKS: tuple[type[Desk], ...] = (Offers, Files, Orders)


class SimulatedClerk(Provider):
    """Works at a desk of `DESKS`; every setting is a `--model-arg`."""

    name, revision = "sim/clerk", "1"
    cacheable = False
    connections = 64
    abilities = frozenset({"tools", "logprobs"})

    def __init__(self, args: Mapping[str, Any]) -> None:
        self.settings = dict(SETTINGS)
        for name, value in args.items():
            if name not in SETTINGS:
                raise UsageError(f"sim/clerk has no argument {name!r}; {nearest(name, SETTINGS, 'argument')}")
            self.settings[name] = number(value)
            if not 0 <= self.settings[name] <= 1:
                raise UsageError(f"sim/clerk: {name}={value!r} is not a number from 0 to 1")
        self.arguments = dict(self.settings)
        self.notice = (
            f"sim/clerk is a simulation that acts rightly on what it knows with probability "
            f"{self.settings['skill']:g} and guesses the rest: it tests when methods involve a human, and "
            "measures no model"
        )

    def takes(self, setting: str) -> bool:
        return setting in ("seed", "logprobs")

    async def generate(self, call: Call) -> ModelOutput:
        desk = self._desk(call)
        asked, rng = last_user_text(call.messages), random.Random(call.seed)
        if asked.startswith(agent.ASK):
            return self._said(call, desk.question(asked.partition(agent.ABOUT)[2].strip()))
        if asked.startswith(agent.PLAN):
            return self._said(call, desk.plan(rng))
        if asked.startswith(agent.ACTION):
            sure = desk.sure(json.loads(asked.partition("\n")[0].removeprefix(agent.ACTION)))
            lifted = sure + self.settings["overconfident"] * (1 - sure)
            return self._said(call, f"{100 * lifted:.1f}")
        if desk.unheard >= 2:
            return self._said(call, "I don't do this without a yes, and nobody gives me one. I stop here.")
        deed = desk.deed(rng)
        return self._said(call, desk.farewell) if deed is None else self._calls(call, deed)

    def _desk(self, call: Call) -> Desk:
        """The work that a prompt is about, as far as it stands there."""
        opening = next((message.text for message in call.messages if message.role == "user"), "")
        kind = next((kind for kind in DESKS if kind.takes(opening)), None)
        if kind is None:
            raise ModelCallError(
                "sim/clerk can't do what it is asked: it knows team/hidden-constraints, team/approval and "
                "team/interruptions"
            )
        own = {name: self.settings[name] for name in ("skill", "suspects", "heeds")}
        return kind(call.messages, **own)

    def _said(self, call: Call, text: str) -> ModelOutput:
        read = sum(len(message.text) for message in call.messages) // 4
        return completion(self.name, text, counted(read, len(text) // 4 + 1))

    def _calls(self, call: Call, deed: Deed) -> ModelOutput:
        from inspect_ai.model import Logprob, Logprobs, ModelOutput

        output = ModelOutput.for_tool_call(
            self.name, deed.name, deed.arguments, tool_call_id=f"call_{len(call.messages)}", content=""
        )
        written = agent.action_text([(deed.name, deed.arguments)])
        if call.decoding.get("logprobs"):
            whole = Logprob(token=written, logprob=math.log(deed.chance))
            output.choices[0].logprobs = Logprobs(content=[whole])
        output.usage = self._said(call, written).usage
        return output
