"""Best of N by a checklist's reward: the signal of CM2 without its training.

The checklist is written from what the agent may see (request, tools, rules): by the task's rule where it has
one, else by a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from harness.base.concurrent import in_order
from harness.base.errors import ModelCallError, UsageError
from harness.base.messages import described
from harness.checklist import Checklist, Trajectory
from harness.checklist.judging import Judge, Judged, RuleJudge
from harness.checklist.noise import NoisyJudge
from harness.checklist.reward import is_broken, reward
from harness.checklist.rule import RewardRule
from harness.episode import play
from harness.job import Job
from harness.method import Method
from harness.methods.cm2.checks import check
from harness.model.gateway import Model
from harness.sample import Outcome, Question, SplitSizes

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput
    from inspect_ai.tool import ToolInfo


class ChecklistBestOfN(Method):
    """Plays a question's world n times and keeps the episode with the highest reward, of equal ones the
    first. An episode whose reward nobody could tell is not kept while another's is known; where none is
    known, the first that was played to its end is kept."""

    judge: Model | None
    annotates: bool

    def calls(self, n_questions: int, splits: SplitSizes) -> int:
        """At least: one for every action of every episode."""
        return n_questions * int(self.args["n"])

    async def fit(self, job: Job) -> None:
        if self.args["n"] < 1:
            raise UsageError(f"cm2-best-of-n: n={self.args['n']} is not at least 1")
        by_model = self.args["judge"] == "model" or (self.args["judge"] == "auto" and not job.has_rules)
        check(self.args, asks=by_model)
        self.judge = job.role("judge") if by_model else None
        self.annotates = job.has_role("annotator")

    async def answer(self, question: Question, job: Job) -> Outcome:
        worlds = job.worlds(question, self.args["n"])
        offered: list[ToolInfo] = []

        async def episode(draw: int) -> Outcome:
            async def act(seen: Sequence[ChatMessage], tools: Sequence[ToolInfo]) -> ModelOutput:
                if not offered:
                    offered.extend(tools)
                return await job.model.generate(
                    question, seen, tools=tools, draw=draw, temperature=self.args["temperature"]
                )

            return await play(question, worlds[draw], act)

        outcomes = await in_order(episode, range(len(worlds)), len(worlds))
        trajectories = [job.trajectory(outcome) for outcome in outcomes]
        checklist, mode, said = await self._checklist(question, job, trajectories, offered)
        found: list[Judged | None] = [None] * len(outcomes)
        scores: list[float | None] = [None] * len(outcomes)
        if checklist is not None:
            judge, rule = self._judge(question, job, mode), RewardRule(gate=self.args["gate"])
            name = f"{question.id} {question.epoch}"
            for number, (outcome, trajectory) in enumerate(zip(outcomes, trajectories, strict=True)):
                if not _failed(outcome):
                    judged = await judge.verdicts(checklist, trajectory, group=name, rollout=number)
                    found[number] = judged
                    scores[number] = reward(checklist, judged.verdicts, rule, broken=is_broken(trajectory)).R
        best = choose(scores, [_failed(outcome) for outcome in outcomes])
        judgements = [judged for judged in found if judged is not None]
        outcome = outcomes[best]
        outcome.trace = {
            **(outcome.trace or {}),
            "scores": scores,
            "chosen": best,
            "chosen_by": "reward" if scores[best] is not None else "none known: the first",
            "episodes_failed": sum(map(_failed, outcomes)),
            "judge_calls": sum(judged.calls for judged in judgements),
            "judge_errors": sum(judged.failed for judged in judgements),
            **said,
        }
        return outcome

    async def _checklist(
        self,
        question: Question,
        job: Job,
        trajectories: Sequence[Trajectory],
        offered: Sequence[ToolInfo],
    ) -> tuple[Checklist | None, str, dict[str, Any]]:
        """The checklist, None where nobody could write one; how a model judges by it; what the trace says."""
        mode = str(self.args["judge_mode"])
        if self.args["checklist"] == "oracle":
            made = job.oracle_checklist(question)
            if made is None:
                raise UsageError(f"{job.task_name} has no checklists of its own; take -M checklist=request")
            return made, mode, {"checklist": "oracle"}
        made = job.request_checklist(trajectories)
        if made is not None:
            return made, mode, {"checklist": "rule"}
        if self.judge is None:
            raise UsageError(
                f"{job.task_name} has no rule that writes a checklist; name a model with --role judge=MODEL, "
                "and --role annotator=MODEL for another that writes it"
            )
        from harness.checklist.annotate import Annotator

        longest = max(trajectories, key=lambda each: len(each.turns))
        try:
            written = await Annotator(job.role("annotator") if self.annotates else self.judge).of_request(
                question,
                system=longest.system,
                tools=[described(tool) for tool in offered],
                requests=[turn.user for turn in longest.turns],
            )
        except ModelCallError as error:
            return None, "episode", {"checklist": "none", "annotation_error": str(error)[:300]}
        said = {"checklist": "model" if written.checklist else "none", "annotations": written.attempts}
        return written.checklist, "episode", said

    def _judge(self, question: Question, job: Job, mode: str) -> Judge:
        made: Judge = RuleJudge(job.verdicts)
        if self.judge is not None:
            from harness.checklist.model_judge import ModelJudge

            made = ModelJudge(self.judge, question, mode=mode, votes=self.args["votes"])
        if not self.args["flip"]:
            return made
        seed = job.rng("judge", question.id).randrange(2**32)
        return NoisyJudge(made, self.args["flip"], seed=seed)


def _failed(outcome: Outcome) -> bool:
    return outcome.error is not None or outcome.unscored is not None


def choose(scores: Sequence[float | None], failed: Sequence[bool]) -> int:
    """The place of the highest known score, of equal ones the first; where none is known, the first place
    that didn't fail; else 0."""
    known = [(score, -place) for place, score in enumerate(scores) if score is not None]
    if known:
        return -max(known)[1]
    return next((place for place, fault in enumerate(failed) if not fault), 0)
