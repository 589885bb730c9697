"""ToolSandbox's scenarios as a task; similarities come from its own evaluation, in workers."""

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

if TYPE_CHECKING:
    from harness.model.gateway import Model

SCRIPT = Path(__file__).with_name("grader.py")
#: the first request of a worker builds 1,032 scenarios
SECONDS = 300.0
MEMORY = 4 << 30


def workers(packages: Path) -> Pool:
    """The workers of this process for an installed checkout. Each serves one dialogue at a time, as the
    package keeps its world in the process."""
    return pool(SCRIPT, packages, MEMORY)


class ToolSandbox(Official):
    """All scenarios; the mean similarity is the official figure."""

    instruction = "Help the user with the tools."
    roles = ("user",)

    def workers(self, packages: Path) -> Pool:
        return workers(packages)

    def load(self, data: Data) -> Splits:
        data.read.append({"id": "ToolSandbox", "config": "all", "split": "test",
                          "revision": self.spec.setup["checkout"]["revision"], "pinned": True})  # fmt: skip
        return Splits([
            Sample(Question(row["id"], row["words"], metadata={"categories": row["categories"]}), row["id"])
            for row in self.pool.one().ask({"do": "load"}, SECONDS)
        ])  # fmt: skip

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        raise UsageError(f"{self.spec.name} can only be scored from recorded results so far")

    def is_result(self, found: dict[str, Any]) -> bool:
        """A recorded dialogue: `{"context": ..., "messages": [...]}`."""
        return {"context", "messages"} <= found.keys()

    def score_all(self, samples: Sequence[Sample], outcomes: Iterable[Outcome]) -> Iterable[Score]:
        """The official similarities, from all workers at once; unscored where the evaluation fails."""
        answers = [outcome.answer for outcome in outcomes]
        requests = [{"do": "score", "scenario": sample.target, **answer}
                    for sample, answer in zip(samples, answers, strict=True) if answer]  # fmt: skip
        found = self.pool.each(requests, SECONDS)
        nothing = Score({"similarity": 0.0, "milestone": 0.0, "minefield": 0.0})
        return [_score(next(found)) if answer else nothing for answer in answers]


def _score(found: Any) -> Score:
    if isinstance(found, WorkerError):
        return Score({}, "unscored", str(found)[:500])
    metrics = {name: min(1.0, found[name]) for name in ("similarity", "milestone", "minefield")}
    return Score(metrics, reason=f"{found['turns']} turns")


def verify(packages: Path) -> None:
    """The fixture: every scenario is there, and silence scores 0 where there are milestones.

    Raises:
        ValueError: the count or a similarity differs.
    """
    made = Pool(SCRIPT, packages, 1, MEMORY)
    try:
        rows = made.one().ask({"do": "load"}, SECONDS)
        if len(rows) != 1032:
            raise ValueError(f"there are {len(rows)} scenarios instead of 1032")
        words = {
            "sandbox_message_index": 0, "sender": "USER", "recipient": "AGENT", "content": "Turn it off",
            "openai_tool_call_id": None, "openai_function_name": None, "conversation_active": True,
            "tool_call_exception": None, "tool_trace": None, "visible_to": ["USER", "AGENT"],
        }  # fmt: skip
        request = {"do": "score", "scenario": "cellular_off", "messages": [words]}
        found = made.one().ask(request, SECONDS)
        if found["similarity"] != 0:
            raise ValueError(f"silence has similarity {found['similarity']}, not 0")
    finally:
        made.close()
