"""A till with an irreversible payment, a person beside it, and an agent that says what a test wants."""

import asyncio

import pytest
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.tool import ToolCall

from harness.base import messages
from harness.human import Brief, Fact, Refusal
from harness.human.events import Event
from harness.methods.team.episode import Sampling, TeamEpisode
from harness.model.budget import Budget
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.provider import Provider, counted
from harness.model.simulated_human import SimulatedHuman
from harness.sample import Question
from harness.team import Person, TeamWorld
from harness.world import Dialogue, Limits, Observation, ScriptedUser, Toolbox, World

QUESTION = Question("q", "pay", metadata={"irreversible": ["pay"]})
BRIEF = Brief(
    "Pay the right one.",
    (
        Fact("city", "Porto", ("town",), ("Porto", "Lyon")),
        Fact("size", "large", (), ("small", "large")),
    ),
    (Refusal("pay", {"amount": 1}, reason="one is too little"),),
    (("add", {"amount": 1}), ("pay", {"amount": 2})),
)


class Till:
    """Adds, and pays."""

    def __init__(self):
        self.paid, self.value = [], 0

    def add(self, amount: int) -> int:
        """Adds."""
        self.value += amount
        return self.value

    def pay(self, amount: int) -> str:
        """Pays."""
        self.paid.append(amount)
        return "paid"


class Words(World):
    """A question without tools: the first words are the answer."""

    async def start(self):
        return Observation([messages.user("Which?")])

    async def step(self, action):
        self.said = action.text
        return Observation((), done=True)

    def answer(self):
        return {"said": [self.said], "calls": []}


class Agent(Provider):
    """Says what `say(call)` gives: a text, or a list of calls (name, arguments)."""

    name, cacheable = "test/agent", False
    abilities = frozenset({"tools", "logprobs"})

    def __init__(self, say):
        self.say, self.calls = say, []

    async def generate(self, call):
        self.calls.append(call)
        output = self.said(call)
        output.usage = counted(10 * len(call.messages), 5)
        return output

    def said(self, call):
        said = self.say(call)
        if isinstance(said, str | ModelOutput):
            return said if isinstance(said, ModelOutput) else ModelOutput.from_content(self.name, said)
        made = [ToolCall(f"c{len(call.messages)}_{n}", name, dict(a)) for n, (name, a) in enumerate(said)]
        return ModelOutput.from_message(ChatMessageAssistant(content="", tool_calls=made))


class Played:
    """What became of an episode."""

    def __init__(self, outcome, episode, till, agent):
        self.outcome, self.episode, self.till, self.agent = outcome, episode, till, agent
        self.moves = [str(each.move) for each in episode.decisions]
        self.results = [m["content"] for m in outcome.trace["messages"] if m["role"] == "tool"]
        self.log = [Event.of(event) for event in (outcome.answer or {}).get("human", ())]


@pytest.fixture
def team():
    """Plays an episode: `team(policy, say, ...)`."""

    def play(policy, say, human=None, later=(), sampling=None, alone=False, limits=None, **how):
        till, agent = Till(), Agent(say)
        world = Dialogue(
            [messages.user("pay")],
            Toolbox(Till, ("add", "pay")),
            till,
            ScriptedUser(later),
            limits or Limits(steps=12),
        )
        budget = how.pop("budget", None)
        if how.pop("words", False):
            world = Words()
        if not alone:
            person = Model(SimulatedHuman(human or {}), ledger=Ledger(), budget=Budget())
            world = TeamWorld(world, Person(person, QUESTION, BRIEF), budget=budget, irreversible=["pay"])
        model = Model(agent, ledger=Ledger(), budget=Budget())
        episode = TeamEpisode(QUESTION, model, world, policy, sampling or Sampling(), **how)
        return Played(asyncio.run(episode.play()), episode, till, agent)

    return play
