"""tau2's domains as tasks; rewards come from the official evaluator, in workers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.digest import digest
from harness.base.errors import DataError, GraderFailed
from harness.data.hub import Data
from harness.external.services import Opening
from harness.external.workers import Pool, WorkerError, pool
from harness.human import Brief
from harness.model.request_fields import NONE, Fields
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.spec import TaskSpec
from harness.tasks.official import Official, ungraded
from harness.tasks.tau2 import people
from harness.tasks.tau2.dialogue import Tau2Dialogue, as_message
from harness.team.person import check_person
from harness.team.scoring import person_metrics, team_episode
from harness.world import World

if TYPE_CHECKING:
    from harness.model.gateway import Model
    from harness.stats import Estimate

SCRIPT = Path(__file__).with_name("grader.py")
#: a replay builds the domain's database several times
SECONDS = 300.0
MEMORY = 4 << 30
JUDGE_TRIES = 3
#: of the official command, from which it draws those of its trials
OFFICIAL_SEED = 300

#: a customer's id (`mei_kovacs_8020`), or first and last name where a script introduces its user
_CUSTOMER = re.compile(
    r"\b([a-z]+)_([a-z]+)_\d{4}\b"
    r"|(?:named|called|[Yy]ou are|[Yy]ou're|[Yy]ou name is|name is|You,|character is|character:\*\*) "
    r"(?:You are )?([A-Z][a-z]+(?:-[A-Z][a-z]+)?) ([A-Z][a-z]+(?:-[A-Z][a-z]+)?)"
)
_VECTORS = ("openai/text-embedding-3-large",)
#: what finds a bank's documents from outside, by the official names
OUTSIDE = {
    "alltools": Opening(embedders=_VECTORS, shell=True),
    "openai_embeddings": Opening(embedders=_VECTORS),
    "openai_embeddings_grep": Opening(embedders=_VECTORS),
    "terminal_use": Opening(shell=True),
}


def workers(packages: Path) -> Pool:
    """The workers of this process for an installed checkout."""
    return pool(SCRIPT, packages, MEMORY)


class Tau2(Official):
    """One domain; solo, the agent has the user's tools too and works on a ticket, without a user."""

    instruction = "Serve the customer by the policy, with the tools."

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        self._domain, self._solo = spec.settings["domain"], bool(spec.settings.get("solo"))
        self._retrieval = str(args.get("retrieval", ""))
        self._place = {"domain": self._domain, "solo": self._solo}
        self.roles = () if self._solo else ("user",)
        check_person(spec.name, args)

    def workers(self, packages: Path) -> Pool:
        return workers(packages)

    def load(self, data: Data) -> Splits:
        split = self.args["split"]
        try:
            rows = self.pool.one().ask({"do": "load", "split": split, **self._place}, SECONDS)
        except WorkerError as error:
            raise DataError(f"{self.spec.name}: can't load the split {split!r}: {error}") from error
        self.note_source(data, "tau2-bench", self._domain, split)
        known = {"irreversible": list(people.writing(self._domain))}
        return Splits(
            [
                Sample(
                    Question(row["id"], row["words"], metadata=known),
                    row["task"],
                    group=group_of(self._domain, row["task"]),
                )
                for row in rows
            ]
        )

    @property
    def opening(self) -> Opening:
        return OUTSIDE.get(self._retrieval, Opening())

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        user = None if self._solo else role("user")
        place = {**self._place, "retrieval": self._retrieval}
        outside = self.outside(sample)
        return Tau2Dialogue(
            place, sample, self.pool.one(), user, SECONDS, outside, keeps_reasoning=self.keeps_reasoning
        )

    def brief(self, sample: Sample) -> Brief:
        return people.brief(sample.target, self._domain, self.args)

    def measure_set(
        self, splits: Splits, samples: Sequence[Sample], outcomes: Sequence[Outcome]
    ) -> Mapping[str, float | Estimate]:
        """What the person took who worked with the agent."""
        pairs = zip(samples, outcomes, strict=True)
        return person_metrics([team_episode(s.id, 0.0, o.answer, self.brief(s)) for s, o in pairs])

    def request_fields(self, question: Question, seed: int, role: str = "") -> Fields:
        """As the official command has agent and user asked; its judge is given no seed."""
        if role not in ("", "user"):
            return NONE
        choice = "any" if self._solo else None
        return Fields(seed=trial_seed(seed, question.epoch), tool_choice=choice)

    def is_result(self, found: dict[str, Any]) -> bool:
        """A recorded simulation: `{"simulation": ..., "task": ...}`."""
        return isinstance(found.get("simulation"), dict)

    def needs_judge(self, sample: Sample) -> bool:
        criteria = sample.target.get("evaluation_criteria") or {}
        return "NL_ASSERTION" in (criteria.get("reward_basis") or ()) and bool(criteria.get("nl_assertions"))

    async def judge(self, sample: Sample, outcome: Outcome, judge: Model) -> Any | None:
        """The official evaluator's own question about the assertions, put to our judge. A reply without one
        verdict an assertion is asked for again, `JUDGE_TRIES` times in all."""
        answer = outcome.answer
        if not answer or not answer["simulation"]:
            return None
        request = {
            "do": "judge",
            "task": answer.get("task") or sample.target,
            "simulation": answer["simulation"],
        }
        worker = self.pool.one()
        asked = await worker.answer(request, SECONDS)
        if asked is None:
            return None
        reply = ""
        for draw in range(JUDGE_TRIES):
            output = await judge.generate(
                sample.question,
                [as_message(plain) for plain in asked],
                purpose="judge",
                draw=draw,
                temperature=0.0,
            )
            reply = output.completion
            try:
                await worker.answer({**request, "judged": reply}, SECONDS)
            except WorkerError:  # the score shows it, if no reply is of use
                continue
            break
        return {**answer, "judged": reply}

    def score_all(
        self, samples: Sequence[Sample], outcomes: Iterable[Outcome]
    ) -> Iterable[Score | GraderFailed]:
        """The official rewards, from all workers at once; unscored where the evaluator fails: of a recorded
        result, or for want of a judge or of its verdicts. Searching changes no state, so that what is
        searched with doesn't matter here."""
        answers = [outcome.answer or {} for outcome in outcomes]
        retrieval = "no_knowledge" if self._retrieval else ""
        requests = [
            {
                "do": "score",
                **self._place,
                "retrieval": retrieval,
                "task": answer.get("task") or sample.target,
                "simulation": answer["simulation"],
                "judged": answer.get("judged"),
                "strict": "task" not in answer,
            }
            for sample, answer in zip(samples, answers, strict=True)
            if answer.get("simulation")
        ]
        found = self.pool.each(requests, SECONDS)
        return [
            _score(next(found), "task" not in answer and not self.needs_judge(sample))
            if answer.get("simulation")
            else Score({"reward": 0.0}, reason=answer.get("ended"))
            for sample, answer in zip(samples, answers, strict=True)
        ]


def group_of(domain: str, task: Mapping[str, Any]) -> str:
    """What a task shares with others: its customer, whose orders, trips or accounts several tasks vary; of
    telecom, with one customer in all, its faults, which are those of the solo and workflow forms too."""
    if domain.startswith("telecom"):
        return f"tau2 telecom {task['id']}"
    told = task["user_scenario"]["instructions"]
    known = told if isinstance(told, str) else told.get("known_info") or str(task["id"])
    found = _CUSTOMER.search(known)
    name = " ".join(filter(None, found.groups())).lower() if found else digest(known)[:16]
    return f"tau2 {domain} customer {name}"


def trial_seed(seed: int, trial: int) -> int:
    """The seed that the official command gives its agent and user in a trial (from 0), by default and with
    `--seed` raised by the run's seed: 0 .. 1,000,000."""
    draw = random.Random(OFFICIAL_SEED + seed)
    return [draw.randint(0, 1_000_000) for _ in range(trial + 1)][-1]


def _score(found: Any, own: bool) -> Score | GraderFailed:
    if isinstance(found, WorkerError):
        return ungraded(found, own)
    parts = [f"{name} {value:g}" for name, value in found["parts"].items()]
    return Score({"reward": found["reward"]}, reason=", ".join([f"ended by {found['end']}", *parts]))
