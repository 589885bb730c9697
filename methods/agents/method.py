"""Agents that answer a question in several rounds, as a method: who hears whom, and whose answer counts, is a
topology's (`settings.topology` of the spec); everything else is the same for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.base import messages
from harness.base.errors import ModelCallError, UsageError
from harness.job import Job
from harness.method import Method
from harness.methods.agents.arguments import attack_of, budget_of, check
from harness.methods.agents.catalogue import topology
from harness.methods.agents.engine import play
from harness.methods.agents.live import wording
from harness.methods.agents.live.answers import check_judge, space_of
from harness.methods.agents.live.cast import Agent, Cast, roles
from harness.methods.agents.live.panel import LivePanel
from harness.methods.agents.live.talk import Talk, Turn
from harness.methods.agents.live.trace import conversation, last_turns
from harness.methods.agents.live.vectors import Encoder
from harness.methods.agents.live.wording import Heard
from harness.methods.agents.measures import measures
from harness.methods.agents.topology import Learner, Played, Setting, Topology
from harness.methods.agents.training.fit import Training
from harness.sample import Outcome, Question, SplitSizes

if TYPE_CHECKING:
    import numpy as np

    from harness.methods.agents.topology import Vectors
    from harness.model.gateway import Model


class Conversation(Method):
    """Agents that talk over rounds. `fit` makes the topology, and has it learn where it can."""

    topology: Topology
    cast: Cast
    encoder: Encoder | None

    def calls(self, n_questions: int, splits: SplitSizes) -> int | None:
        if self.args["tokens"] or self._trains():
            return None
        return n_questions * int(self.args["agents"]) * int(self.args["rounds"])

    def calls_of(self, job: Job, n_questions: int) -> int | None:
        """With those of the training."""
        if self.args["tokens"]:
            return None
        self._begin(job)
        training = self._training(job)
        learned = training.conversations() if training else 0
        return (n_questions + learned) * int(self.args["agents"]) * int(self.args["rounds"])

    def drawing(self) -> str:
        """Credits or edges learned in this run hang on its seed; those of a folder are what they are."""
        return "none" if self.spec.fits and not self._trains() else self.spec.draws

    def _trains(self) -> bool:
        return self.spec.fits and not self.args["credits"] and not self.args.get("labels")

    def announce(self, job: Job) -> list[str]:
        self._begin(job)
        said = self.own_temperature(job)
        said += [self.encoder.notice] if self.encoder is not None and self.encoder.notice else []
        remote = [
            agent.model.provider.connections for agent in self.cast.agents if agent.model.provider.remote
        ]
        if remote and min(remote) < len(self.cast.agents):
            said.append(
                f"at most {min(remote)} of the {len(self.cast.agents)} agents are asked at once; "
                f"--max-connections {len(self.cast.agents)} asks all that need not wait"
            )
        training = self._training(job)
        return said + (training.announce() if training else [])

    async def fit(self, job: Job) -> None:
        self._begin(job)
        if training := self._training(job):
            await training.fit()

    def _training(self, job: Job) -> Training | None:
        learner = self.topology
        return Training(self, job, learner) if isinstance(learner, Learner) and learner.learns else None

    def _begin(self, job: Job) -> None:
        """Checks the arguments and makes agents and topology.

        Raises:
            HarnessError: something can't be carried out as given.
        """
        args = self.args
        check(args, job.roles)
        self.attack = attack_of(args)
        check_judge(job)
        own = roles(args["roles"], args["agents"])
        models = [job.role(name) if job.has_role(name) else job.model for name in _names(len(own))]
        self.cast = Cast(
            [
                Agent(f"Agent {i}", role, model)
                for i, (role, model) in enumerate(zip(own, models, strict=True), 1)
            ],
            args["tokens"],
            args["patience"],
            args["closing"],
            args["temperature"],
        )
        reads = "embedder" in self.spec.may_use
        width = _width(models) if reads else 0
        self.encoder = Encoder(job, width) if reads else None
        self._roles: Vectors | None = None
        tossed = self.spec.draws == "run" and not self.spec.fits
        made = {**args, "draw": job.rng("graph").getrandbits(31)} if tossed else args
        self.topology = topology(self.spec.settings["topology"], made)

    def setting(
        self,
        job: Job,
        questions: Sequence[Question],
        rng: np.random.Generator,
        flips: Any,
        learning: bool = False,
    ) -> Setting:
        """What a topology is told of a batch; `flips` (B, N) as `Attack.flips` gives them."""
        outs, ins = budget_of(self.args["budget"])
        sees = self.topology.sees_adversaries
        if sees:
            job.access["adversaries_seen"] = job.access.get("adversaries_seen", 0) + len(questions)
        encode, reads = self.encoder, self.topology.reads_texts
        return Setting(
            batch=len(questions),
            agents=self.args["agents"],
            rounds=self.args["rounds"],
            space=space_of(job, questions[0], self.args["agents"]),
            width=encode.width if encode else 0,
            rng=rng,
            queries=encode([question.input for question in questions]) if encode and reads else None,
            roles=self._role_vectors() if reads else None,
            flips=flips if sees else None,
            outs=outs,
            ins=ins,
            learning=learning,
        )

    def _role_vectors(self) -> Vectors | None:
        """(N, D) unit vectors of the agents' role texts, the same for all questions."""
        if self._roles is None and self.encoder is not None:
            self._roles = self.encoder([agent.role.text for agent in self.cast.agents])
        return self._roles

    def talk(self, job: Job, question: Question, flips: Any, wrong: Any, purpose: str = "") -> Talk:
        """A question's conversation with this run's agents; `flips` (N,)."""
        space = space_of(job, question, self.args["agents"])
        return Talk(job, question, self.cast, space, flips, wrong, purpose)

    def attacked(self, job: Job, question: Question) -> tuple[Any, Any]:
        """(1, N) the rounds in which agents turn, and the wrong answer, None without adversaries."""
        own = generator(job, "attack", question.id, question.epoch)
        flips = self.attack.flips(1, self.args["agents"], self.args["rounds"], own)
        turns = bool((flips < self.args["rounds"]).any())
        return flips, job.wrong_answer(question) if turns else None

    async def answer(self, question: Question, job: Job) -> Outcome:
        flips, wrong = self.attacked(job, question)
        rng = generator(job, "conversation", question.id, question.epoch)
        setting = self.setting(job, [question], rng, flips)
        talk = self.talk(job, question, flips[0], wrong)
        played = await play(self.topology, LivePanel([talk], self.encoder), setting)
        last = last_turns(talk.rounds)
        if all(turn.silent for turn in last):
            reason = next(turn.failed for turn in last)
            raise ModelCallError(f"all {len(last)} agents failed in all rounds; the first: {reason}")
        if setting.space.kind == "open":
            text, answer, confidence = await self._judged(job, question, last, played), None, None
        else:
            answer = talk.places.answer(int(played.answers[0]))
            text, confidence = _chosen(talk, last, played)
        return Outcome(
            question.id,
            question.epoch,
            text,
            answer,
            confidence,
            trace={"conversation": conversation(talk, played, self.args["attack"], answer)},
            measures=measures(talk, played),
        )

    async def _judged(self, job: Job, question: Question, last: Sequence[Turn], played: Played) -> str:
        """The final answer that the judge writes to an open question."""
        decided = played.decision.credits
        credits = [None] * len(last) if decided is None else decided[0].tolist()
        said = [
            (Heard(agent.shown, turn.quoted), credit)
            for agent, turn, credit in zip(self.cast.agents, last, credits, strict=True)
            if not turn.silent
        ]
        asked = wording.verdict(job.ask(question)[-1].text, said)
        output = await job.role("judge").generate(question, [messages.user(asked)], purpose="judge")
        return output.completion


def _width(models: Sequence[Model]) -> int:
    """How many numbers the vectors have that models give of their own texts; 0 where they give none.

    Raises:
        UsageError: those of two models differ.
    """
    widths = sorted({model.provider.vector_width for model in models} - {0})
    if len(widths) > 1:
        raise UsageError(
            f"simulated agents write text vectors of {' and '.join(map(str, widths))} numbers, which "
            "can't be compared; give all of them the same width"
        )
    return widths[0] if widths else 0


def _names(agents: int) -> list[str]:
    return [f"agent{i}" for i in range(1, agents + 1)]


def _chosen(talk: Talk, last: Sequence[Turn], played: Played) -> tuple[str, float]:
    """The text that gave the answer taken with the largest weight, and the answer's share of all weights;
    where nobody gave one, the first text."""
    import numpy as np

    place, weights = int(played.answers[0]), played.decision.weights[0]
    if place < 0:
        return next(turn.text for turn in last if not turn.silent), 0.0
    gave = np.array([talk.places.of(turn.answer) == place for turn in last])
    if not weights[gave].sum() > 0:  # no weight fell on an answer, or the topology decided otherwise
        weights = np.ones_like(weights)
    best = int(np.where(gave, weights, -1.0).argmax()) if gave.any() else 0
    return last[best].text, float(weights[gave].sum() / weights.sum())


def generator(job: Job, *name: Any) -> np.random.Generator:
    """A generator of arrays by the run's seed and a name, see `Job.rng`."""
    import numpy as np

    return np.random.default_rng(job.rng(*name).getrandbits(63))
