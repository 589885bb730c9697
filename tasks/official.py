"""Benchmarks whose data and verdicts come from their own package, in workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.sample import Outcome, Question, Sample, Score
from harness.setup import installed
from harness.task import Task
from harness.workers import Pool


class Official(Task):
    """A completion is a recorded result in JSON, or a world's answer of the same form."""

    def workers(self, packages: Path) -> Pool:
        """The workers of this process for an installed package."""
        raise NotImplementedError

    def is_result(self, found: dict[str, Any]) -> bool:
        """Whether an object has the form of a recorded result."""
        raise NotImplementedError

    @property
    def pool(self) -> Pool:
        """Workers with the official package.

        Raises:
            UsageError: it is not set up; names the command.
        """
        return self.workers(installed(self.spec.setup))

    def parse(self, text: str, question: Question) -> Any | None:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) and self.is_result(found) else None

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        return next(iter(self.score_all([sample], [outcome]) or ()))
