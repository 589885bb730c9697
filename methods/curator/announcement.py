"""What `fit` of a curriculum is about to do, in one screen: where its policy comes from, what that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.engine import forecast, vllm
from harness.methods.curator.plan import Plan

if TYPE_CHECKING:
    from harness.job import Job
    from harness.methods.curator.method import Curated
    from harness.methods.curator.training_tasks import ProblemSet

#: characters of a prompt that are one token of a language model, about
CHARACTERS = 4


def announcement(method: Curated, job: Job) -> list[str]:
    """The lines of `Method.announce`."""
    from harness.methods.curator.method import bank_of

    args = method.args
    if args["policy"]:
        return [f"answers with the policy in {args['policy']}; nothing is trained"]
    plan = Plan.of(args)
    home = method.home(job)
    bank = bank_of(home, plan.levels)
    lacks = f"; {job.task_name} has none, -M bank=TASK names another" if method.elsewhere else ""
    learns = f"learns on: {len(bank)} problems of the train split of {home.task_name}{lacks}"
    weights = job.training.policy_here
    if weights is not None:
        key = method.key(job, plan, bank)
        found = (
            "the one shipped with the harness"
            if method.ships(key)
            else "the one trained before with the same inputs"
            if job.files.has(key)
            else ""
        )
        if found:
            return [
                learns.replace("learns", "learned"),
                f"policy: {found}; nothing is trained now, and what its training took is counted as this "
                "run's (--fit train trains where one is shipped)",
            ]
    return [
        learns,
        *forecast.forecast(
            plan.update(args["loss"]),
            tokens=_prompt_tokens(job, bank) + plan.max_tokens,
            weights=weights,
            engine=args["engine"],
            generation=vllm.chosen(args["generation"], args["engine"]),
            drawn=f"{plan.prompts} problems x {plan.rollouts} rollouts",
        ),
        f"measures: {len(home.data.dev)} dev problems every {plan.measure_every} steps; then the trained "
        "policy answers the test questions, one call each",
    ]


def _prompt_tokens(job: Job, bank: ProblemSet) -> float:
    """Of a mean prompt: a pocket policy reads characters."""
    mean = sum(map(len, bank.prompts)) / len(bank.prompts)
    return mean if job.model.name.startswith("pocket/") else mean / CHARACTERS
