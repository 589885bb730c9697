"""The methods: one episode a question, under a policy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.base.errors import UsageError
from harness.job import Job
from harness.method import Method
from harness.methods.team import gate, policy, training
from harness.methods.team.controls import OracleGate, RandomGate
from harness.methods.team.episode import PLANS, Questions, Sampling, TeamEpisode
from harness.methods.team.gate import Gate
from harness.methods.team.policy import Move, Policy
from harness.sample import Outcome, Question, SplitSizes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


class Team(Method):
    """What the methods share."""

    def calls(self, n_questions: int, splits: SplitSizes) -> int:
        """At least: one for every action of an episode."""
        return n_questions

    def policy(self) -> Policy:
        """A new policy, for one episode."""
        return policy_named(self.spec.settings["policy"], self.args)

    def sampling(self) -> Sampling:
        """How its actions are made.

        Raises:
            UsageError: fewer than one sample, or fewer than two where their disagreement is the uncertainty.
        """
        return sampling_of(self.spec.name, self.args)

    async def fit(self, job: Job) -> None:
        self.sampling()

    async def answer(self, question: Question, job: Job) -> Outcome:
        return await self.episode(question, job, self.policy()).play()

    def episode(
        self,
        question: Question,
        job: Job,
        chosen: Policy,
        sampling: Sampling | None = None,
        questions: Questions | None = None,
    ) -> TeamEpisode:
        """One episode, in a fresh world of the question."""
        how = sampling or self.sampling()
        return TeamEpisode(
            question,
            job.model,
            job.world(question),
            chosen,
            how,
            questions=questions,
            plans=self.args.get("plans", PLANS),
        )


def policy_named(name: str, args: Mapping[str, Any]) -> Policy:
    """The policy that a method of that name has, with the arguments of the method."""
    plain: dict[str, Callable[[], Policy]] = {
        "autonomous": policy.Autonomous,
        "confirm-irreversible": policy.ConfirmIrreversible,
        "ask-when-uncertain": lambda: policy.AskWhenUncertain(args["threshold"]),
        "plan-approval": policy.PlanApproval,
        "suggest-then-execute": policy.SuggestThenExecute,
        "human-driven": policy.HumanDriven,
    }
    return plain[name]()


def sampling_of(name: str, args: Mapping[str, Any]) -> Sampling:
    """See `Team.sampling`; of a policy without such arguments, one sample."""
    found = Sampling(
        args.get("measure", "disagreement"), args.get("samples", 1), args.get("temperature", 0.7)
    )
    if found.measure != "disagreement":
        return replace(found, samples=1)
    if found.samples < 1:
        raise UsageError(f"{name}: samples={found.samples} is not at least 1")
    if "measure" in args and found.samples < 2:
        raise UsageError(f"{name}: measure=disagreement takes at least 2 samples, not {found.samples}")
    return found


class Learned(Team):
    """A gate that was trained on the train split decides; see `gate`."""

    def calls(self, n_questions: int, splits: SplitSizes) -> int:
        """At least: one for every action, those of the training's episodes among them."""
        plan = training.plan_of(self.spec.name, self.args)
        return n_questions + len(gate.STARTS) * plan.updates * plan.batch

    async def fit(self, job: Job) -> None:
        await super().fit(job)
        self.weights = await training.trained(self, job)

    def announce(self, job: Job) -> list[str]:
        return training.announced(self, job)

    def policy(self) -> Policy:
        return Gate(self.weights, self.args["involve"])


class Tested(Team):
    """A control that plays the tested policy first, in a copy of the world, and then itself."""

    def calls(self, n_questions: int, splits: SplitSizes) -> int:
        """At least: one for every action of two episodes."""
        return 2 * n_questions

    def sampling(self) -> Sampling:
        """That of the tested policy."""
        own = {} if self.args["of"] != "ask-when-uncertain" else self.args
        return sampling_of(self.spec.name, own)

    async def rehearsed(self, question: Question, job: Job) -> TeamEpisode:
        """The tested policy's episode, which counts in the costs of the control and in no score."""
        found = self.episode(question, job, policy_named(self.args["of"], self.args))
        await found.play()
        return found


class RandomGated(Tested):
    """The tested policy's number of requests in each episode, at random points."""

    async def answer(self, question: Question, job: Job) -> Outcome:
        tested = await self.rehearsed(question, job)
        kinds = [each.move for each in tested.decisions for _ in range(each.answered)]
        rng = job.rng(question.id, question.epoch, "random gate")
        chosen = RandomGate(kinds, len(tested.decisions), rng)
        episode = self.episode(question, job, chosen, questions=Questions(repeats=True))
        outcome = await episode.play()
        outcome.measures = {**outcome.measures, "interventions_tested": float(tested.spent.interventions)}
        return outcome


class MoreTokens(Tested):
    """The agent alone, with at least the tokens that the tested policy took: more samples of each action."""

    async def answer(self, question: Question, job: Job) -> Outcome:
        tested = await self.rehearsed(question, job)
        actions = sum(each.move is Move.ACT for each in tested.decisions)
        sampling = replace(self.sampling(), samples=1, tokens=tested.tokens / max(1, actions))
        episode = self.episode(question, job, policy.Autonomous(), sampling)
        outcome = await episode.play()
        outcome.measures = {**outcome.measures, "tokens_tested": float(tested.tokens)}
        return outcome


class OracleGated(Team):
    """Asks for exactly the facts that are needed: a ceiling; sees targets."""

    async def answer(self, question: Question, job: Job) -> Outcome:
        needed = job.oracle_facts(question)
        return await self.episode(
            question, job, OracleGate(len(needed)), questions=Questions(list(needed), repeats=True)
        ).play()
