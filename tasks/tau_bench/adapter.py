"""tau-bench's recorded results, with the rewards that they state."""

from __future__ import annotations

import json
from typing import Any

from harness.base.errors import UsageError
from harness.data.hub import Data
from harness.external.services import Services
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.task import Task


class TauBench(Task):
    """One domain. tau-bench calls its own tasks outdated and points to tau2-bench, so that they are neither
    carried nor played here: a sample is the number of a task, and an attempt has the official reward that
    its result file records. Nothing is graded again. `customers` of the settings numbers the customer of each
    task: several tasks vary the wishes of one, and are a group.
    """

    def load(self, data: Data) -> Splits:
        domain = self.spec.name.partition("/")[2]
        return Splits(
            [
                Sample(
                    Question(str(n), f"tau-bench, {domain}, task {n}"),
                    None,
                    group=f"tau-bench {domain} customer {customer}",
                )
                for n, customer in enumerate(self.spec.settings["customers"])
            ]
        )

    def for_run(self, services: Services) -> Task:
        """
        Raises:
            UsageError: always; only recorded results are scored.
        """
        raise UsageError(
            f"{self.spec.name} takes recorded results alone (harness score); its domains are "
            f"played live as {self.spec.name.replace('tau-bench', 'tau2')}"
        )

    def parse(self, text: str, question: Question) -> Any | None:
        """The recorded reward, and the error that it was given for."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        reward = found.get("reward") if isinstance(found, dict) else None
        if not isinstance(reward, int | float) or not 0 <= reward <= 1:
            return None
        info = found.get("info")
        error = info.get("error") if isinstance(info, dict) else None
        return {"reward": float(reward), **({"error": str(error)} if error else {})}

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        answer = outcome.answer or {}
        return Score({"reward": answer.get("reward", 0.0)}, reason=answer.get("error"))
