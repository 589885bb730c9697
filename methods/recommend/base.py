"""What recommenders share: learn from the interactions, then rank all items for every user."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.data.interactions import Interactions, encode, rank
from harness.method import Method
from harness.sample import Outcome, Question, SplitSizes

if TYPE_CHECKING:
    from harness.job import Job

Array = NDArray[Any]
#: from rows of users to scores of all items, shape (len(rows), items)
Scorer = Callable[[Array], Array]


class Recommender(Method):
    """Subclasses write `learn`. Rankings travel as arrays until each user's becomes one text."""

    _score: Scorer

    def learn(self, data: Interactions, job: Job) -> Scorer:
        """Learns what is needed to score every item for a user; larger is better. Learns from all that is
        known before the test, as every method of a comparison does, or notes what else it learnt from as
        `job.access["interactions_trained_on"]`."""
        raise NotImplementedError

    def calls(self, n_questions: int, splits: SplitSizes) -> int:
        return 0

    async def fit(self, job: Job) -> None:
        data = job.data.interactions
        job.access["interactions_trained_on"] = len(data)
        self._score = self.learn(data, job)

    async def answer_all(self, questions: Iterable[Question], job: Job) -> AsyncIterator[Outcome]:
        data, asked = job.data.interactions, list(questions)
        rows = data.rows([question.id for question in asked])
        hidden = data.known if data.masked else None
        done = 0
        for block in rank(self._score, rows, hidden):
            for text in encode(block, data.items):
                question = asked[done]
                yield Outcome(question.id, question.epoch, answer=text)
                done += 1


def dense(matrix: Any) -> Array:
    """A sparse or dense matrix as a float32 array."""
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, np.float32)
