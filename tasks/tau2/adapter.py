"""tau2's domains as tasks; rewards come from the official evaluator, in workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data import Data
from harness.errors import UsageError
from harness.sample import Outcome, Question, Sample, Score
from harness.task import Splits
from harness.workers import Pool, WorkerError, pool
from harness.world import World
from tasks.official import Official
from tasks.tau2.dialogue import Tau2Dialogue

if TYPE_CHECKING:
    from harness.model.gateway import Model

SCRIPT = Path(__file__).with_name("grader.py")
#: a replay builds the domain's database several times
SECONDS = 300.0
MEMORY = 4 << 30


def workers(packages: Path) -> Pool:
    """The workers of this process for an installed checkout."""
    return pool(SCRIPT, packages, MEMORY)


class Tau2(Official):
    """One domain, base split."""

    instruction = "Serve the customer by the policy, with the tools."
    roles = ("user",)

    def workers(self, packages: Path) -> Pool:
        return workers(packages)

    def load(self, data: Data) -> Splits:
        domain = self.spec.settings["domain"]
        rows = self.pool.one().ask({"do": "load", "domain": domain}, SECONDS)
        data.read.append({"id": "tau2-bench", "config": domain, "split": "base",
                          "revision": self.spec.setup["checkout"]["revision"], "pinned": True})  # fmt: skip
        return Splits([Sample(Question(row["id"], row["words"]), row["task"]) for row in rows])

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        if self.spec.settings.get("solo"):
            raise UsageError(f"{self.spec.name} can only be scored from recorded results so far")
        domain = self.spec.settings["domain"]
        return Tau2Dialogue(domain, sample, self.pool.one(), role("user"), SECONDS)

    def is_result(self, found: dict[str, Any]) -> bool:
        """A recorded simulation: `{"simulation": ..., "task": ..., "solo": ...}`."""
        return isinstance(found.get("simulation"), dict)

    def score_all(self, samples: Sequence[Sample], outcomes: Iterable[Outcome]) -> Iterable[Score]:
        """The official rewards, from all workers at once; unscored where the evaluator fails."""
        requests = []
        for sample, outcome in zip(samples, outcomes, strict=True):
            answer = outcome.answer
            requests.append(answer and {
                "do": "score", "domain": self.spec.settings["domain"],
                "task": answer.get("task") or sample.target, "simulation": answer["simulation"],
                "solo": bool(self.spec.settings.get("solo")),
            })  # fmt: skip
        found = self.pool.each([request for request in requests if request], SECONDS)
        return [_score(next(found)) if request else Score({"reward": 0.0}) for request in requests]


def _score(found: Any) -> Score:
    if isinstance(found, WorkerError):
        return Score({}, "unscored", str(found)[:500])
    parts = ", ".join(f"{name} {value:g}" for name, value in found["parts"].items())
    return Score({"reward": found["reward"]}, reason=parts or None)


def verify(packages: Path) -> None:
    """The fixture: a dialogue that was cut off has reward 0, one without criteria reward 1.

    Raises:
        ValueError: a count or a reward differs.
    """
    made = Pool(SCRIPT, packages, 1, MEMORY)
    try:
        rows = made.one().ask({"do": "load", "domain": "airline"}, SECONDS)
        if len(rows) != 50:
            raise ValueError(f"airline has {len(rows)} tasks instead of 50")
        task = rows[0]["task"]
        free = {**task, "evaluation_criteria": None}
        for reason, graded, wanted in (("max_steps", task, 0.0), ("user_stop", free, 1.0)):
            simulation = {
                "id": "fixture", "task_id": "0", "messages": [], "duration": 1.0,
                "start_time": "2025-01-01T00:00:00", "end_time": "2025-01-01T00:00:01",
                "termination_reason": reason,
            }  # fmt: skip
            request = {"do": "score", "domain": "airline", "task": graded, "simulation": simulation}
            found = made.one().ask(request, SECONDS)
            if found["reward"] != wanted:
                raise ValueError(f"an end by {reason} has reward {found['reward']}, not {wanted}")
    finally:
        made.close()
