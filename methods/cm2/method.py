"""CM2 and its rivals as methods: `fit` trains a policy on episodes of the task's train worlds, `answer` plays
the question's world by it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from harness.base.digest import digest
from harness.base.errors import UsageError
from harness.engine.course import Diverged
from harness.engine.forecast import forecast
from harness.episode import play
from harness.job import Job, policies
from harness.method import Method
from harness.methods.cm2 import training
from harness.methods.cm2.curve import points
from harness.methods.cm2.judged_by import judge_of
from harness.methods.cm2.plan import Plan
from harness.model.gateway import Model
from harness.registry import registry
from harness.sample import Outcome, Question, Sample, SplitSizes

#: arguments that the trained weights depend on, beside the plan, where a method has them
SETTINGS = (
    "level",
    "gate",
    "broken_turn",
    "infra",
    "std",
    "minimum_holders",
    "judge",
    "votes",
    "judge_mode",
    "flip",
    "flip_kind",
    "blind",
    "grade_sd",
)
#: arguments of tasks on which nothing that is learned depends
TEST_ALONE = ("items",)
#: policies that the project ships, by method; each says what it was trained from
SHIPPED = Path(__file__).parent / "policies"


class Trained(Method):
    """A policy trained on episodes; `settings.reward` says by what they are judged."""

    model: Model
    facts: dict[str, Any]

    def calls(self, n_questions: int, splits: SplitSizes) -> int | None:
        """At least: one for every episode, those of training counted in."""
        if self.args["policy"] or self.spec.settings["reward"] == "demonstrations":
            return n_questions
        plan = Plan.of(self.args)
        return n_questions + plan.steps * plan.prompts * plan.rollouts

    def drawing(self) -> str:
        """A policy trained before is what it is, whatever the seed of the run that asks it."""
        return "none" if self.args["policy"] else "run"

    def announce(self, job: Job) -> list[str]:
        if self.args["policy"]:
            return [f"answers with the policy in {self.args['policy']}; nothing is trained"]
        plan, home = Plan.of(self.args), self._home(job)
        samples = home.data.train
        learns = f"{len(samples)} worlds of the train split of {home.task_name}"
        weights = job.training.policy_here
        if weights is not None:
            key = self._key(job, home, plan, samples, weights)
            found = "shipped with the harness" if self._ships(key) else ""
            found = found or ("trained before with the same inputs" if job.files.has(key) else "")
            if found:
                return [
                    f"learned in: {learns}",
                    f"policy: the one {found}; nothing is trained now, and what its training took is counted "
                    "as this run's (--fit train trains where one is shipped)",
                ]
        judge = judge_of(self.args, self.spec.settings["reward"], home)
        told = {
            "outcome": f"success, by {judge.name if judge else 'the check of the world itself'}",
            "checklist": f"a checklist of every turn, by {judge.name if judge else 'rules of the task'}",
            "holistic": f"one grade an episode, by {judge.name if judge else 'a scripted judge that errs'}",
            "demonstrations": "nothing: the task's demonstrations are imitated",
        }[self.spec.settings["reward"]]
        drawn = f"{plan.prompts} worlds x {plan.rollouts} episodes"
        return [
            f"learns in: {learns}",
            f"judged by: {told}",
            *forecast(
                plan.update(),
                tokens=plan.context,
                weights=weights,
                engine=self.args["engine"],
                drawn=drawn,
            ),
        ]

    def _home(self, job: Job) -> Job:
        """The job of the task in whose train split's worlds the policy learns."""
        home = job.training.task(self.args["bank"]) if self.args["bank"] else job
        if not len(home.data.train):
            raise UsageError(
                f"{self.spec.name} learns in a train split's worlds, and this task has none; -M bank=TASK "
                "names one that has, such as toolworld/chain"
            )
        return home

    def _ships(self, key: list[Any]) -> bool:
        """Whether the project ships the policy of these inputs, and it may be taken."""
        told = policies.facts(SHIPPED / self.spec.name)
        return self.args["fit"] != "train" and told.get("key") == digest(key)

    async def fit(self, job: Job) -> None:
        if self.args["policy"]:
            self.model, self.facts = policies.answer_with(job, Path(self.args["policy"]), points)
            return
        plan, home = Plan.of(self.args), self._home(job)
        samples = list(home.data.train)
        key = self._key(job, home, plan, samples, job.training.policy)
        job.drew([sample.id for sample in training.order(samples, job.seed)])
        if self._ships(key):
            self._take(job, SHIPPED / self.spec.name)
            return
        if self.args["fit"] == "shipped":
            raise UsageError(
                f"no shipped policy was trained by {self.spec.name} from {job.model.name} with these "
                "arguments, task and seed; --fit train trains one"
            )
        with job.files.artifact(key) as made:
            if not made.exists:
                with job.files.workspace(key) as workspace:
                    await self._train(job, home, plan, workspace, made.path, digest(key))
        if made.exists:
            self._take(job, made.path)
        else:
            self.model, self.facts = policies.answer_with(job, made.path, points)

    async def _train(self, job: Job, home: Job, plan: Plan, workspace: Path, out: Path, key: str) -> None:
        run = training.Run(
            method=self.spec.name,
            reward=self.spec.settings["reward"],
            args=dict(self.args),
            plan=plan,
            job=job,
            home=home,
            main=asyncio.get_running_loop(),
        )
        try:
            await asyncio.to_thread(run.train, workspace, out, key)
        except asyncio.CancelledError:
            run.cancel()
            raise
        except Diverged as error:
            raise UsageError(
                f"training stopped: {error}; the last good checkpoint is kept in {workspace}; lower -M "
                f"{error.setting} and run again"
            ) from error

    def _take(self, job: Job, folder: Path) -> None:
        """A policy trained earlier; its cost is the run's as if it were trained now."""
        self.model, self.facts = policies.answer_with(job, folder, points)
        policies.charge(job, self.facts)

    def _key(self, job: Job, home: Job, plan: Plan, samples: Sequence[Sample], source: Path) -> list[Any]:
        """All that the trained weights depend on."""
        settings = {name: self.args[name] for name in SETTINGS if name in self.args}
        if self.args["engine"] != "auto":
            settings["engine"] = self.args["engine"]
        judge = judge_of(self.args, self.spec.settings["reward"], home)
        # without arguments that the task has since and that are as they were before
        told = registry().task(home.task_name).hashed(home.task_args)
        game = {name: value for name, value in told.items() if name not in TEST_ALONE}
        return [
            self.spec.settings["reward"],
            asdict(plan),
            settings,
            judge.identity if judge else None,
            job.seed,
            job.model.name,
            job.model.provider.named_revision or policies.weights_digest(source),
            *policies.arguments_of(job.model),
            [home.task_name, game],
            [sample.digest() for sample in samples],
        ]

    def launch(self, backend: str, job: Job) -> dict[str, str]:
        reward = self.spec.settings["reward"]
        if backend != "verl" or reward != "checklist":
            return super().launch(backend, job)
        from harness.methods.cm2 import verl

        home = job.training.task(self.args["bank"]) if self.args["bank"] else job
        return verl.launch_of(self.args, job, judge_of(self.args, reward, home) is not None)

    async def answer(self, question: Question, job: Job) -> Outcome:
        ask = self.model.generate
        outcome = await play(
            question, job.world(question), lambda seen, tools: ask(question, seen, tools=tools)
        )
        said = {"policy": self.model.provider.revision[:12], "trained_steps": self.facts.get("steps")}
        return replace(outcome, trace={**(outcome.trace or {}), **said})
